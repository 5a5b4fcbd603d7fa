/**
 * One block of a loop with 32 lanes whose iterations read neighbouring words: 32 lanes of one element are eight vectors per
 * carried register. Element after element leaves its vectors in scratch memory, where they are turned so that four elements
 * stand side by side in each lane; then the lanes are folded as those of any loop.
 */

import { blockLength } from "../../ir/scalar.ts";
import type { Loop } from "../../ir/scalar.ts";
import {
  addLocal,
  branchIf,
  get,
  I32,
  i32Const,
  ifElse,
  increment,
  loop as loopCode,
  OP,
  set,
  shuffleWords,
  simd,
  tee,
  V128,
  v128Const,
  v128Load,
  v128Store,
} from "./emit.ts";
import type { Code } from "./emit.ts";
import { COPY_BYTES, emitCombine, emitFold, LANES } from "./fold.ts";
import type { Block, LoopPlace } from "./fold.ts";
import { createScopes } from "./section.ts";
import type { Compilation, Scope, ScopeDraft } from "./section.ts";
import { asVector, currentLevel, emit, movedAhead, nested, scalarOf } from "./values.ts";
import type { Emitter, Value } from "./values.ts";

const VECTORS = LANES / 4;
/** Where the vectors of the four elements wait to be turned: after the lanes of all registers. */
const UNTURNED = 8 * COPY_BYTES;

/** Emits the block: its results are the folded lanes. */
export function emitWideBlock(compilation: Compilation, place: LoopPlace, loop: Loop, block: Block): void {
  const { emitter } = compilation;
  const { draft } = emitter;
  const { k, blockEnd } = block;
  const level = currentLevel(emitter);
  const [first, element, at] = [addLocal(draft, I32), addLocal(draft, I32), addLocal(draft, I32)];
  const copies = Array.from({ length: VECTORS }, () => loop.carried.map(() => addLocal(draft, V128)));
  const values = loop.carried.map(({ init }) => asVector(emitter, place.prologues[0].value(init)));
  const rest = loop.count % LANES;
  emit(emitter, level, get(k), set(first), i32Const(0), set(element), get(place.scratch), set(at));

  const elements = nested(emitter, (elementLevel) => {
    const scope = place.elementScope(scalarOf(elementLevel, [place.first, get(element), OP.i32Add], 0));
    copies.forEach((copy) => copy.forEach((local, index) => emit(emitter, elementLevel, values[index], set(local))));
    emit(emitter, elementLevel, get(first), set(k));
    if (loop.count >= LANES) {
      const turn = nested(emitter, (inner) => {
        emitIterations(compilation, scope, loop, k, copies, LANES);
        emit(emitter, inner, increment(k, LANES), isWhole(block), branchIf(0));
      });
      emit(emitter, elementLevel, isWhole(block), ifElse(loopCode(turn)));
    }
    if (rest > 0) {
      const turn = nested(emitter, () => emitIterations(compilation, scope, loop, k, copies, rest));
      emit(emitter, elementLevel, get(k), get(blockEnd), OP.i32LtU, ifElse(turn));
    }
    const stores = copies.map((copy, vector) =>
      copy.map((local, register): Code => {
        return [get(at), get(local), v128Store(UNTURNED + register * COPY_BYTES + vector * 16)];
      }),
    );
    emit(emitter, elementLevel, stores, increment(at, VECTORS * 16));
    const isNext: Code = [[get(element), i32Const(1), OP.i32Add, tee(element)], i32Const(place.lanes), OP.i32LtU];
    emit(emitter, elementLevel, isNext, branchIf(0));
  });
  emit(emitter, level, loopCode(elements), get(blockEnd), set(k), get(place.scratch), set(at));
  if (hasAllLanes(loop) && loop.combine.length <= LONGEST_WRITTEN_OUT)
    emitTurnedFold(compilation, place, loop, block, at);
  else {
    loop.carried.forEach((_, register) => emit(emitter, level, storeTurned(emitter, at, register)));
    emitFold(compilation, place, loop, block, first);
  }
}

/** Combine sections this long, seven times over, would make a large function for little gain. */
const LONGEST_WRITTEN_OUT = 12;

/** Whether every lane runs in every block. */
function hasAllLanes(loop: Loop): boolean {
  const last = loop.count % blockLength(loop);
  return loop.count >= LANES && (last === 0 || last >= LANES);
}

/** Folds the lanes as they are turned, four at a time. */
function emitTurnedFold(
  compilation: Compilation,
  { prologues, scratch }: LoopPlace,
  loop: Loop,
  { results }: Block,
  at: number,
): void {
  const { emitter } = compilation;
  const { draft } = emitter;
  const level = currentLevel(emitter);
  const lanes = Array.from({ length: 4 }, () => loop.carried.map(() => addLocal(draft, V128)));
  const turn = (): void =>
    loop.carried.forEach((_, register) => {
      const four = lanes.map((registers) => registers[register]);
      emit(emitter, currentLevel(emitter), turned(emitter, at, UNTURNED + register * COPY_BYTES, four));
    });
  turn();
  emit(
    emitter,
    level,
    lanes[0].map((local, register): Code => [get(local), set(results[0][register])]),
  );
  for (const lane of lanes.slice(1)) emitCombine(compilation, prologues, loop, results, [lane]);
  const rest = nested(emitter, (inner) => {
    emit(emitter, inner, increment(at, 16));
    turn();
    for (const lane of lanes) emitCombine(compilation, prologues, loop, results, [lane]);
    const end: Code = [get(scratch), i32Const(16 * (VECTORS - 1)), OP.i32Add];
    emit(emitter, inner, get(at), end, OP.i32LtU, branchIf(0));
  });
  emit(emitter, level, loopCode(rest));
}

/** Whether 32 more iterations are in the block. */
const isWhole = ({ k, blockEnd }: Block): Code => [get(k), i32Const(LANES), OP.i32Add, get(blockEnd), OP.i32LeU];

/** Up to 32 iterations of one element from `k` on; lanes beyond keep their carried registers. */
function emitIterations(
  compilation: Compilation,
  outer: Scope,
  loop: Loop,
  k: number,
  copies: readonly (readonly number[])[],
  count: number,
): void {
  const { emitter, analysis } = compilation;
  const { layout } = analysis;
  const level = currentLevel(emitter);
  const used = copies.slice(0, Math.ceil(count / 4));
  const lanesOf = (vector: number): number => Math.min(4, count - 4 * vector);
  const start = { ...scalarOf(level, get(k), 0), stride: 1 };
  const drafts = used.map((copy, vector): ScopeDraft => {
    const counter = movedAhead(start, 4 * vector);
    const carried = copy.map((local, register): [number, Value] => [
      layout.carried + register,
      { kind: "vector", level, local },
    ]);
    return {
      outer,
      given: new Map<number, Value>([[layout.counter, counter], ...carried]),
      section: loop.body,
      first: layout.body,
      counter,
      isPartial: lanesOf(vector) < 4,
    };
  });
  const scopes = createScopes(compilation, drafts);
  const outs = used.map((copy, vector) =>
    loop.carried.map(({ bodyOut }, register): Code => {
      const out = asVector(emitter, scopes[vector].value(bodyOut));
      const lanes = lanesOf(vector);
      if (lanes === 4) return out;
      const mask = v128Const([0, 1, 2, 3].map((lane) => (lane < lanes ? 0xffffffff : 0)));
      return [out, get(copy[register]), mask, simd("bitselect")];
    }),
  );
  used.forEach((copy, vector) => emit(emitter, level, outs[vector], copy.toReversed().map(set)));
}

/** Loads vectors of four lanes, one per element, from `offset` bytes after `at`; leaves one vector per lane in `lanes`. */
function turned({ draft }: Emitter, at: number, offset: number, lanes: readonly number[]): Code {
  const row = [0, 1, 2, 3].map(() => addLocal(draft, V128));
  const [low, high] = [addLocal(draft, V128), addLocal(draft, V128)];
  const pairs = (words: readonly number[]): Code => [
    [get(row[0]), get(row[1]), shuffleWords(words), set(low)],
    [get(row[2]), get(row[3]), shuffleWords(words), set(high)],
  ];
  const join = (lane: number, words: readonly number[]): Code => [
    [get(low), get(high), shuffleWords(words)],
    set(lanes[lane]),
  ];
  return [
    row.map((local, element): Code => [get(at), v128Load(offset + element * VECTORS * 16), set(local)]),
    [pairs([0, 4, 1, 5]), join(0, [0, 1, 4, 5]), join(1, [2, 3, 6, 7])],
    [pairs([2, 6, 3, 7]), join(2, [0, 1, 4, 5]), join(3, [2, 3, 6, 7])],
  ];
}

/** Turns all vectors of a register, into the lanes that a fold reads. */
function storeTurned(emitter: Emitter, at: number, register: number): Code {
  const lanes = [0, 1, 2, 3].map(() => addLocal(emitter.draft, V128));
  return Array.from({ length: VECTORS }, (_, index): Code => [
    turned(emitter, at, UNTURNED + register * COPY_BYTES + index * 16, lanes),
    lanes.map((local, lane): Code => [get(at), get(local), v128Store(register * COPY_BYTES + (4 * index + lane) * 16)]),
  ]);
}
