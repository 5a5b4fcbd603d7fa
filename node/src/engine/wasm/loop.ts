/**
 * The counted loop of a scalar program (spec, "Scalar program"): blocks, lanes and the order in which they are combined.
 * With one lane, or where iterations do not read neighbouring words, the four lanes of a vector are four output elements;
 * else a vector holds four iterations of one element, and the elements meet where the lanes of the loop are folded.
 */

import { blockLength } from "../../ir/scalar.ts";
import type { Loop, ScalarProgram } from "../../ir/scalar.ts";
import {
  addLocal,
  block as blockCode,
  branch,
  branchIf,
  get,
  I32,
  i32Const,
  ifElse,
  increment,
  loop as loopCode,
  OP,
  set,
  simd,
  store32Lane,
  tee,
  V128,
  v128Const,
  v128Load,
  v128Store,
} from "./emit.ts";
import type { Code } from "./emit.ts";
import { createScope, hasAlignedPatterns } from "./section.ts";
import type { Compilation, Scope } from "./section.ts";
import { addScalars, asVector, constantValue, currentLevel, emit, nested, scalarOf } from "./values.ts";
import type { Value } from "./values.ts";

const LANES = 32;
/** Bytes between the copies of two carried registers in scratch memory: one vector for each lane. */
const COPY_BYTES = LANES * 16;
/** Scratch memory that a kernel needs: up to eight carried registers. */
export const SCRATCH_BYTES = 8 * COPY_BYTES;

export interface LoopPlace {
  /** The prologue over four elements. */
  readonly prologue: Scope;
  /** The prologue over one element, from its lane digit. */
  readonly elementScope: (laneDigit: Value) => Scope;
  /** Elements of the group that are stored. */
  readonly lanes: number;
  /** Leaves the lane digit of the first element. */
  readonly first: Code;
  /** Local of the byte address of scratch memory. */
  readonly scratch: number;
}

/** Emits the loop at the current level; gives the values of the final totals. */
export function emitLoop(compilation: Compilation, place: LoopPlace): Map<number, Value> {
  const { emitter, program, analysis } = compilation;
  const { draft } = emitter;
  const { layout } = analysis;
  const loop = program.loop!;
  const { start, count, carried } = loop;
  const level = currentLevel(emitter);
  const length = blockLength(loop);
  const end = start + count;
  const locals = (): number[] => carried.map(() => addLocal(draft, V128));
  const [totals, results] = [locals(), locals()];
  const [k, blockEnd] = [addLocal(draft, I32), addLocal(draft, I32)];

  if (loop.continued) {
    const values = carried.map(({ totalInit }) => asVector(emitter, place.prologue.value(totalInit)));
    values.forEach((code, index) => emit(emitter, level, code, set(totals[index])));
  }
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

    const take = (): void =>
      results.forEach((local, index) => emit(emitter, currentLevel(emitter), get(local), set(totals[index])));
    const fold = (): void => emitCombine(compilation, place, loop, totals, results);
    if (loop.continued) fold();
    else if (count <= length) take();
    else {
      const isFirst: Code = [get(blockEnd), i32Const(start + length), OP.i32Eq];
      emit(emitter, blockLevel, isFirst, ifElse(nested(emitter, take), nested(emitter, fold)));
    }
    if (count > length) emit(emitter, blockLevel, get(k), i32Const(end), OP.i32LtU, branchIf(0));
  });
  emit(emitter, level, count > length ? loopCode(oneBlock) : oneBlock);
  return new Map(totals.map((local, index) => [layout.finals + index, { kind: "vector", level, local }]));
}

interface Block {
  /** Local of the counter: the block's first iteration before, `blockEnd` after. */
  readonly k: number;
  readonly blockEnd: number;
  /** Locals of the carried registers' values at the end of the block, folded over the lanes. */
  readonly results: readonly number[];
}

/** totals = combine(totals, blocks) */
function emitCombine(
  compilation: Compilation,
  { prologue }: LoopPlace,
  loop: Loop,
  totals: readonly number[],
  blocks: readonly number[],
): void {
  const { emitter, analysis } = compilation;
  const { layout } = analysis;
  const level = currentLevel(emitter);
  const given = new Map<number, Value>();
  totals.forEach((local, index) => given.set(layout.totals + index, { kind: "vector", level, local }));
  blocks.forEach((local, index) => given.set(layout.blocks + index, { kind: "vector", level, local }));
  const scope = createScope(compilation, { outer: prologue, given, section: loop.combine, first: layout.combine });
  const outs = loop.carried.map(({ combineOut }) => asVector(emitter, scope.value(combineOut)));
  emit(emitter, level, outs, totals.toReversed().map(set));
}

/** One iteration on four elements: carried = body(carried). */
function emitIteration(
  compilation: Compilation,
  { prologue }: LoopPlace,
  loop: Loop,
  k: number,
  carried: readonly number[],
): void {
  const { emitter, analysis } = compilation;
  const { layout } = analysis;
  const level = currentLevel(emitter);
  const counter = scalarOf(level, get(k), 0);
  const given = new Map<number, Value>([[layout.counter, counter]]);
  carried.forEach((local, index) => given.set(layout.carried + index, { kind: "vector", level, local }));
  const scope = createScope(compilation, { outer: prologue, given, section: loop.body, first: layout.body, counter });
  const outs = loop.carried.map(({ bodyOut }) => asVector(emitter, scope.value(bodyOut)));
  emit(emitter, level, outs, carried.toReversed().map(set));
}

function initials(compilation: Compilation, { prologue }: LoopPlace, loop: Loop): Code[] {
  return loop.carried.map(({ init }) => asVector(compilation.emitter, prologue.value(init)));
}

/** k += by; again while k < end */
const advance = (k: number, by: number, end: number): Code => [
  [get(k), i32Const(by), OP.i32Add, tee(k)],
  [get(end), OP.i32LtU, branchIf(0)],
];

// One lane: the carried registers stay in locals.
function emitBlock(compilation: Compilation, place: LoopPlace, loop: Loop, { k, blockEnd, results }: Block): void {
  const { emitter } = compilation;
  const level = currentLevel(emitter);
  initials(compilation, place, loop).forEach((code, index) => emit(emitter, level, code, set(results[index])));
  const body = nested(emitter, (inner) => {
    emitIteration(compilation, place, loop, k, results);
    emit(emitter, inner, advance(k, 1, blockEnd));
  });
  emit(emitter, level, loopCode(body));
}

// 32 lanes of four elements each, in scratch memory.
function emitCopiedBlock(compilation: Compilation, place: LoopPlace, loop: Loop, block: Block): void {
  const { emitter } = compilation;
  const { draft } = emitter;
  const { k, blockEnd, results } = block;
  const level = currentLevel(emitter);
  const [at, first] = [addLocal(draft, I32), addLocal(draft, I32)];
  const values = initials(compilation, place, loop);
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
    results.forEach((local, index) => emit(emitter, inner, get(at), v128Load(index * COPY_BYTES), set(local)));
    emitIteration(compilation, place, loop, k, results);
    results.forEach((local, index) => emit(emitter, inner, get(at), get(local), v128Store(index * COPY_BYTES)));
    emit(emitter, inner, advance(k, 1, blockEnd));
  });
  emit(emitter, level, loopCode(body));
  emitFold(compilation, place, loop, block, first);
}

/** results = the lanes that ran, folded in ascending order; `first` is the local of the block's first iteration. */
function emitFold(
  compilation: Compilation,
  place: LoopPlace,
  loop: Loop,
  { blockEnd, results }: Block,
  first: number,
): void {
  const { emitter } = compilation;
  const { draft } = emitter;
  const level = currentLevel(emitter);
  const [at, end] = [addLocal(draft, I32), addLocal(draft, I32)];
  const lane = results.map(() => addLocal(draft, V128));
  const load = (locals: readonly number[]): Code =>
    locals.map((local, index): Code => [get(at), v128Load(index * COPY_BYTES), set(local)]);
  emit(emitter, level, get(place.scratch), set(at), load(results));
  const ran: Code = [get(blockEnd), get(first), OP.i32Sub];
  emit(emitter, level, ran, set(end), get(end), i32Const(LANES), OP.i32GtU, ifElse([i32Const(LANES), set(end)]));
  emit(emitter, level, get(place.scratch), get(end), i32Const(4), OP.i32Shl, OP.i32Add, set(end));
  const body = nested(emitter, (inner) => {
    emit(emitter, inner, increment(at, 16), get(at), get(end), OP.i32GeU, branchIf(1), load(lane));
    emitCombine(compilation, place, loop, results, lane);
    emit(emitter, inner, branch(0));
  });
  emit(emitter, level, blockCode(loopCode(body)));
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

// 32 lanes of one element in eight vectors per carried register; element after element, then folded together.
function emitWideBlock(compilation: Compilation, place: LoopPlace, loop: Loop, block: Block): void {
  const { emitter, analysis } = compilation;
  const { draft } = emitter;
  const { layout } = analysis;
  const { k, blockEnd } = block;
  const level = currentLevel(emitter);
  const vectors = LANES / 4;
  const [first, element, at] = [addLocal(draft, I32), addLocal(draft, I32), addLocal(draft, I32)];
  const copies = Array.from({ length: vectors }, () => loop.carried.map(() => addLocal(draft, V128)));
  const values = initials(compilation, place, loop);
  const rest = loop.count % LANES;
  emit(emitter, level, get(k), set(first), i32Const(0), set(element));

  const elements = nested(emitter, (elementLevel) => {
    const scope = place.elementScope(scalarOf(elementLevel, [place.first, get(element), OP.i32Add], 0));
    copies.forEach((copy) => copy.forEach((local, index) => emit(emitter, elementLevel, values[index], set(local))));
    emit(emitter, elementLevel, get(first), set(k));

    const vector = (index: number, lanes: number): void => {
      const inner = currentLevel(emitter);
      const counter = addScalars(emitter, { ...scalarOf(inner, get(k), 0), stride: 1 }, constantValue(4 * index));
      const given = new Map<number, Value>([[layout.counter, counter]]);
      copies[index].forEach((local, register) =>
        given.set(layout.carried + register, { kind: "vector", level: inner, local }),
      );
      const body = createScope(compilation, {
        outer: scope,
        given,
        section: loop.body,
        first: layout.body,
        counter,
        isPartial: lanes < 4,
      });
      const outs = loop.carried.map(({ bodyOut }, register): Code => {
        const out = asVector(emitter, body.value(bodyOut));
        if (lanes === 4) return out;
        const mask = v128Const([0, 1, 2, 3].map((lane) => (lane < lanes ? 0xffffffff : 0)));
        return [out, get(copies[index][register]), mask, simd("bitselect")];
      });
      emit(emitter, inner, outs, copies[index].toReversed().map(set));
    };
    if (loop.count >= LANES) {
      const turn = nested(emitter, (inner) => {
        for (let index = 0; index < vectors; index++) vector(index, 4);
        emit(
          emitter,
          inner,
          increment(k, LANES),
          get(k),
          i32Const(LANES),
          OP.i32Add,
          get(blockEnd),
          OP.i32LeU,
          branchIf(0),
        );
      });
      const isWhole: Code = [get(k), i32Const(LANES), OP.i32Add, get(blockEnd), OP.i32LeU];
      emit(emitter, elementLevel, isWhole, ifElse(loopCode(turn)));
    }
    if (rest > 0) {
      const turn = nested(emitter, () => {
        for (let index = 0; 4 * index < rest; index++) vector(index, Math.min(4, rest - 4 * index));
      });
      emit(emitter, elementLevel, get(k), get(blockEnd), OP.i32LtU, ifElse(turn));
    }
    // Lane by lane, the elements stand side by side.
    emit(emitter, elementLevel, get(place.scratch), get(element), i32Const(2), OP.i32Shl, OP.i32Add, set(at));
    copies.forEach((copy, index) =>
      copy.forEach((local, register) => {
        for (let lane = 0; lane < 4; lane++) {
          const offset = register * COPY_BYTES + (4 * index + lane) * 16;
          emit(emitter, elementLevel, get(at), get(local), store32Lane(lane, offset));
        }
      }),
    );
    emit(
      emitter,
      elementLevel,
      get(element),
      i32Const(1),
      OP.i32Add,
      tee(element),
      i32Const(place.lanes),
      OP.i32LtU,
      branchIf(0),
    );
  });
  emit(emitter, level, loopCode(elements), get(blockEnd), set(k));
  emitFold(compilation, place, loop, block, first);
}
