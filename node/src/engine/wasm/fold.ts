/**
 * What the forms of a loop share (spec, "Scalar program"): where its registers are, how a lane or block is combined into a
 * total, and how the lanes of a block, four elements side by side in each, are folded in ascending order.
 */

import type { Loop } from "../../ir/scalar.ts";
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
  V128,
  v128Load,
} from "./emit.ts";
import type { Code } from "./emit.ts";
import { createScopes } from "./section.ts";
import type { Compilation, Scope } from "./section.ts";
import { asVector, currentLevel, emit, nested } from "./values.ts";
import type { Value } from "./values.ts";

/** Copies of the carried registers in a loop with lanes. */
export const LANES = 32;
/** Bytes between the copies of two carried registers in scratch memory: one vector for each lane. */
export const COPY_BYTES = LANES * 16;
/** Scratch memory that a kernel needs: up to eight carried registers, each in every lane and once more. */
export const SCRATCH_BYTES = 16 * COPY_BYTES;

export interface LoopPlace {
  /** The prologue over four elements, for each group of four. Loops with lanes have one group. */
  readonly prologues: readonly Scope[];
  /** The prologue's registers that are the same along the row. */
  readonly base: Scope;
  /** The registers that are not. */
  readonly moved: ReadonlySet<number>;
  /** The prologue over one element, from its lane digit. */
  readonly elementScope: (laneDigit: Value) => Scope;
  /** Elements of the group that are stored. */
  readonly lanes: number;
  /** Leaves the lane digit of the first element. */
  readonly first: Code;
  /** Local of the byte address of scratch memory. */
  readonly scratch: number;
}

/** One local for each carried register of each group. */
export type Registers = readonly (readonly number[])[];

export interface Block {
  /** Local of the counter: the block's first iteration before, `blockEnd` after. */
  readonly k: number;
  readonly blockEnd: number;
  /** The carried registers' values at the end of the block, folded over the lanes. */
  readonly results: Registers;
}

/** totals = combine(totals, blocks) */
export function emitCombine(
  compilation: Compilation,
  prologues: readonly Scope[],
  loop: Loop,
  totals: Registers,
  blocks: Registers,
): void {
  const { emitter, analysis } = compilation;
  const { layout } = analysis;
  const level = currentLevel(emitter);
  const scopes = createScopes(
    compilation,
    prologues.map((outer, group) => ({
      outer,
      given: new Map<number, Value>([
        ...given(layout.totals, totals[group], level),
        ...given(layout.blocks, blocks[group], level),
      ]),
      section: loop.combine,
      first: layout.combine,
    })),
  );
  update(
    compilation,
    totals,
    loop.carried.map(({ combineOut }) => combineOut),
    scopes,
  );
}

export function given(first: number, locals: readonly number[], level: number): [number, Value][] {
  return locals.map((local, index) => [first + index, { kind: "vector", level, local }]);
}

/** registers = the values of `outs`, all at once: each may be made of the others. */
export function update(
  { emitter }: Compilation,
  registers: Registers,
  outs: readonly number[],
  scopes: readonly Scope[],
): void {
  const values = registers.map((_, group) => outs.map((out) => asVector(emitter, scopes[group].value(out))));
  const level = currentLevel(emitter);
  registers.forEach((group, index) => emit(emitter, level, values[index], group.toReversed().map(set)));
}

/** results = the lanes that ran, folded in ascending order; `first` is the local of the block's first iteration. */
export function emitFold(
  compilation: Compilation,
  place: LoopPlace,
  loop: Loop,
  { blockEnd, results }: Block,
  first: number,
): void {
  const { emitter } = compilation;
  const { draft } = emitter;
  const [registers] = results;
  const level = currentLevel(emitter);
  const [at, end] = [addLocal(draft, I32), addLocal(draft, I32)];
  const lane = registers.map(() => addLocal(draft, V128));
  const load = (locals: readonly number[]): Code =>
    locals.map((local, index): Code => [get(at), v128Load(index * COPY_BYTES), set(local)]);
  emit(emitter, level, get(place.scratch), set(at), load(registers));
  const ran: Code = [get(blockEnd), get(first), OP.i32Sub];
  emit(emitter, level, ran, set(end), get(end), i32Const(LANES), OP.i32GtU, ifElse([i32Const(LANES), set(end)]));
  emit(emitter, level, get(place.scratch), get(end), i32Const(4), OP.i32Shl, OP.i32Add, set(end));
  const body = nested(emitter, (inner) => {
    emit(emitter, inner, increment(at, 16), get(at), get(end), OP.i32GeU, branchIf(1), load(lane));
    emitCombine(compilation, place.prologues, loop, results, [lane]);
    emit(emitter, inner, branch(0));
  });
  emit(emitter, level, blockCode(loopCode(body)));
}
