/**
 * The counted loop of a scalar program (spec, "Scalar program"): blocks, lanes and the order in which they are combined.
 * With one lane, or where iterations do not read neighbouring words, the four lanes of a vector are four output elements;
 * else a vector holds four iterations of one element, and the elements meet where the lanes of the loop are folded.
 */

import { blockLength } from "../../ir/scalar.ts";
import type { Loop, ScalarProgram } from "../../ir/scalar.ts";
import {
  addLocal,
  branchIf,
  get,
  I32,
  i32Const,
  ifElse,
  loop as loopCode,
  OP,
  set,
  tee,
  V128,
  v128Load,
  v128Store,
} from "./emit.ts";
import type { Code } from "./emit.ts";
import { COPY_BYTES, emitCombine, emitFold, given, LANES, update } from "./fold.ts";
import type { Block, LoopPlace, Registers } from "./fold.ts";
import { createScope, createScopes, hasAlignedPatterns } from "./section.ts";
import type { Compilation, Scope } from "./section.ts";
import { asVector, constantValue, currentLevel, emit, nested, scalarOf } from "./values.ts";
import type { ScalarValue, Value } from "./values.ts";
import { emitWideBlock } from "./wide.ts";

export { SCRATCH_BYTES } from "./fold.ts";

/** Loops of so many instructions in all, over all iterations, are written out. */
const MOST_WRITTEN_OUT = 96;

/** Emits the loop at the current level; gives the values of the final totals, group by group. */
export function emitLoop(compilation: Compilation, place: LoopPlace): Map<number, Value>[] {
  const { emitter, program, analysis } = compilation;
  const { draft } = emitter;
  const { layout } = analysis;
  const loop = program.loop!;
  const { start, count, carried } = loop;
  const level = currentLevel(emitter);
  const length = blockLength(loop);
  const end = start + count;
  const locals = (): Registers => place.prologues.map(() => carried.map(() => addLocal(draft, V128)));
  const [totals, results] = [locals(), locals()];
  const finals = (): Map<number, Value>[] =>
    totals.map(
      (group) => new Map(group.map((local, index) => [layout.finals + index, { kind: "vector", level, local }])),
    );

  if (loop.continued) setAll(compilation, totals, ({ totalInit }, group) => place.prologues[group].value(totalInit));
  if (loop.lanes === 1 && count <= length && count * loop.body.length <= MOST_WRITTEN_OUT) {
    emitWrittenOut(compilation, place, loop, results);
    if (loop.continued) emitCombine(compilation, place.prologues, loop, totals, results);
    else emit(emitter, level, moves(results, totals));
    return finals();
  }
  const [k, blockEnd] = [addLocal(draft, I32), addLocal(draft, I32)];
  emit(emitter, level, i32Const(start), set(k));
  const oneBlock = nested(emitter, (blockLevel) => {
    emit(emitter, blockLevel, get(k), i32Const(length), OP.i32Add, set(blockEnd));
    if (count % length !== 0) {
      emit(emitter, blockLevel, get(blockEnd), i32Const(end), OP.i32GtU, ifElse([i32Const(end), set(blockEnd)]));
    }
    const block: Block = { k, blockEnd, results };
    if (loop.lanes === 1) emitBlock(compilation, place, loop, block);
    else if (walksNeighbours(program)) emitWideBlock(compilation, place, loop, block);
    else emitCopiedBlock(compilation, place, loop, block);

    const take = (): void => emit(emitter, currentLevel(emitter), moves(results, totals));
    const fold = (): void => emitCombine(compilation, place.prologues, loop, totals, results);
    if (loop.continued) fold();
    else if (count <= length) take();
    else {
      const isFirst: Code = [get(blockEnd), i32Const(start + length), OP.i32Eq];
      emit(emitter, blockLevel, isFirst, ifElse(nested(emitter, take), nested(emitter, fold)));
    }
    if (count > length) emit(emitter, blockLevel, get(k), i32Const(end), OP.i32LtU, branchIf(0));
  });
  emit(emitter, level, count > length ? loopCode(oneBlock) : oneBlock);
  return finals();
}

function moves(from: Registers, to: Registers): Code {
  return from.map((group, index) => group.map((local, register): Code => [get(local), set(to[index][register])]));
}

function setAll(
  compilation: Compilation,
  registers: Registers,
  valueOf: (carried: Loop["carried"][number], group: number) => Value,
): void {
  const { emitter, program } = compilation;
  registers.forEach((group, index) => {
    const values = program.loop!.carried.map((carried) => asVector(emitter, valueOf(carried, index)));
    values.forEach((code, register) => emit(emitter, currentLevel(emitter), code, set(group[register])));
  });
}

/** One iteration on four elements of each group: carried = body(carried). What is the same along the row is computed once. */
function emitIteration(
  compilation: Compilation,
  { prologues, base, moved }: LoopPlace,
  loop: Loop,
  counter: ScalarValue,
  carried: Registers,
): void {
  const { emitter, analysis } = compilation;
  const { layout } = analysis;
  const level = currentLevel(emitter);
  const body = { section: loop.body, first: layout.body, counter };
  const shared = createScope(compilation, { ...body, outer: base, given: new Map([[layout.counter, counter]]) });
  const around = (prologue: Scope): Scope => ({
    value: (register) => (register >= layout.counter ? shared : prologue).value(register),
  });
  const scopes = createScopes(
    compilation,
    prologues.map((prologue, group) => ({
      ...body,
      outer: around(prologue),
      given: new Map(given(layout.carried, carried[group], level)),
      isOuter: (register) => !moved.has(register),
    })),
  );
  update(
    compilation,
    carried,
    loop.carried.map(({ bodyOut }) => bodyOut),
    scopes,
  );
}

function setInitials(compilation: Compilation, { prologues }: LoopPlace, registers: Registers): void {
  setAll(compilation, registers, ({ init }, group) => prologues[group].value(init));
}

/** k += by; again while k < end */
const advance = (k: number, by: number, end: number): Code => [
  [get(k), i32Const(by), OP.i32Add, tee(k)],
  [get(end), OP.i32LtU, branchIf(0)],
];

// Every iteration in its own code, where the counter and what follows from it are constants.
function emitWrittenOut(compilation: Compilation, place: LoopPlace, loop: Loop, results: Registers): void {
  setInitials(compilation, place, results);
  for (let k = loop.start; k < loop.start + loop.count; k++) {
    emitIteration(compilation, place, loop, constantValue(k), results);
  }
}

// One lane: the carried registers stay in locals.
function emitBlock(compilation: Compilation, place: LoopPlace, loop: Loop, { k, blockEnd, results }: Block): void {
  const { emitter } = compilation;
  setInitials(compilation, place, results);
  const body = nested(emitter, (inner) => {
    emitIteration(compilation, place, loop, scalarOf(inner, get(k), 0), results);
    emit(emitter, inner, advance(k, 1, blockEnd));
  });
  emit(emitter, currentLevel(emitter), loopCode(body));
}

// 32 lanes of four elements each, in scratch memory.
function emitCopiedBlock(compilation: Compilation, place: LoopPlace, loop: Loop, block: Block): void {
  const { emitter } = compilation;
  const { draft } = emitter;
  const { k, blockEnd, results } = block;
  const [registers] = results;
  const level = currentLevel(emitter);
  const [at, first] = [addLocal(draft, I32), addLocal(draft, I32)];
  const values = loop.carried.map(({ init }) => asVector(emitter, place.prologues[0].value(init)));
  emit(emitter, level, get(k), set(first), get(place.scratch), set(at));
  emit(
    emitter,
    level,
    loopCode([
      values.map((code, index): Code => [get(at), code, v128Store(index * COPY_BYTES)]),
      [get(at), i32Const(16), OP.i32Add, tee(at)],
      [get(place.scratch), i32Const(COPY_BYTES), OP.i32Add, OP.i32LtU, branchIf(0)],
    ]),
  );
  const body = nested(emitter, (inner) => {
    // Blocks start at multiples of 32, so the counter's low bits are the lane.
    emit(
      emitter,
      inner,
      get(place.scratch),
      get(k),
      i32Const(LANES - 1),
      OP.i32And,
      i32Const(4),
      OP.i32Shl,
      OP.i32Add,
      set(at),
    );
    registers.forEach((local, index) => emit(emitter, inner, get(at), v128Load(index * COPY_BYTES), set(local)));
    emitIteration(compilation, place, loop, scalarOf(inner, get(k), 0), results);
    registers.forEach((local, index) => emit(emitter, inner, get(at), get(local), v128Store(index * COPY_BYTES)));
    emit(emitter, inner, advance(k, 1, blockEnd));
  });
  emit(emitter, level, loopCode(body));
  emitFold(compilation, place, loop, block, first);
}

/** Bodies this long, eight times over, would make a large function for little gain. */
const LONGEST_WIDE_BODY = 48;

// Vectors of four iterations pay where every patterned load of the body reads neighbouring words.
function walksNeighbours(program: ScalarProgram): boolean {
  const { loop, patterns } = program;
  return (
    loop !== null &&
    patterns.length > 0 &&
    loop.body.length <= LONGEST_WIDE_BODY &&
    hasAlignedPatterns(program) &&
    patterns.every(([, , { stride }]) => stride === 1 || stride === 0)
  );
}
