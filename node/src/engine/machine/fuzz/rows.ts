/**
 * Rows of slots of many chunks under conditions on any digits, the step and what operands tell, over one or two segments and
 * many steps, so that trees and snapshots are renewed in part.
 */
import { below, createRandom, pick, pickMade } from "../../../float/directed.ts";
import type { Random } from "../../../float/directed.ts";
import type { ScalarBuilder, Value } from "../../../ir/build.ts";
import type { WordType } from "../../../ir/opcodes.ts";
import { UNCHANGED } from "../../../ir/program.ts";
import type { IndexedOperand, OperandRef, Segment } from "../../../ir/program.ts";
import { randomWords } from "../../../ir/random.ts";
import type { Fixture } from "../../fixtures.ts";
import { addInput, addPrimitive, addSlot, addTensor, createDraft, endSegment, fixtureOf } from "./draft.ts";
import { lengthOf } from "./draft.ts";
import type { Draft } from "./draft.ts";

const EXTENTS = [
  [20, 100],
  [7, 3, 60],
  [3, 5, 4, 37],
  [40, 16],
  [2, 1, 9, 130],
  [33, 64],
  [5, 260],
  [300, 4],
  [9, 33, 5],
  [2, 3, 2, 3, 24],
  [64, 32, 1],
  [1, 1, 700],
  [6, 1, 1, 128],
  [4, 300, 3],
  [20, 300],
  [3, 40, 64],
];

interface Rows {
  readonly slot: IndexedOperand;
  readonly extents: readonly number[];
  /** What new words come from. */
  readonly given: IndexedOperand;
}

/** One to three slots; all is a function of the seed. */
export function rowUpdates(seed: number): Fixture & { readonly steps: number } {
  const random = createRandom(seed);
  const draft = createDraft(random);
  const slots = Array.from({ length: 1 + below(random, 3) }, (): Rows => {
    const [extents, type] = [pick(random, EXTENTS), pick<WordType>(random, ["f32", "f32", "i32", "bool"])];
    const slot = addSlot(draft, addTensor(draft, { type, length: lengthOf(extents) }));
    return { slot, extents, given: addInput(draft, type, randomWords(random, type, 50)) };
  });
  const rowNumbers = Uint32Array.from({ length: 40 }, () =>
    pick(random, [0, 1, 2, 3, 5, 17, 2 ** 32 - 1, below(random, 40)]),
  );
  const shared = [addInput(draft, "i32", rowNumbers), addInput(draft, "f32", randomWords(random, "f32", 30))];
  const segmentCount = 1 + below(random, 2);
  const segments = Array.from({ length: segmentCount }, (_, index) =>
    addSegment(draft, slots, shared, index === segmentCount - 1 ? 0 : 1 + below(random, 6)),
  );
  return { ...fixtureOf(draft, segments), steps: 6 + below(random, 30) };
}

function addSegment(draft: Draft, slots: readonly Rows[], shared: readonly OperandRef[], steps: number): Segment {
  const { random } = draft;
  const slotBindings = slots.map(({ slot, extents, given }) => {
    if (below(random, 5) === 0) return UNCHANGED;
    const seen = below(random, 4) > 0 ? extents : pick(random, [[slot.length], [...extents, 1]]);
    const define = (b: ScalarBuilder): Value => nextWord(random, b, slot.type);
    return addPrimitive(draft, { output: slot.type, extents: seen, operands: [slot, ...shared, given], define }).index;
  });
  const output = addPrimitive(draft, {
    output: "i32",
    extents: [1],
    operands: [shared[0]],
    define: (b) => b.addI(b.load(0, 0), b.step),
  });
  return endSegment(draft, { steps, slotBindings, outputBindings: [output.index] });
}

function nextWord(random: Random, b: ScalarBuilder, type: WordType): Value {
  const old = b.load(0, b.index);
  const digit = pick(random, b.digits);
  const sum = b.addI(b.index, b.step);
  const condition =
    below(random, 8) > 0
      ? randomCondition(random, b, digit)
      : b.and(b.leI(digit, b.step), type === "bool" ? old : type === "i32" ? b.ltI(old, 5) : b.lt(old, 1));
  const next = pickMade(random, [
    () => b.load(3, b.remU(b.index, 41)),
    () => b.load(3, b.addI(digit, b.step)),
    () => (type === "f32" ? b.fromI32(sum) : type === "i32" ? sum : b.ltI(digit, b.step)),
    () => (type === "f32" ? b.add(old, 1) : old),
  ]);
  return below(random, 2) === 0 ? b.select(condition, next, old) : b.select(condition, old, next);
}

function randomCondition(random: Random, b: ScalarBuilder, digit: Value): Value {
  const other = pick(random, b.digits);
  const row = b.load(1, pick(random, [b.step, b.addI(b.step, other), b.digits[0], b.mulI(b.digits[0], 3)]));
  return pickMade(random, [
    () => b.eqI(digit, b.step),
    () => b.eqI(digit, row),
    () => b.and(b.leI(b.step, digit), b.ltI(digit, b.addI(b.step, 2))),
    () => b.lt(b.load(2, digit), b.fromI32(b.step)),
    () => b.eqI(b.remU(digit, 3), b.remU(b.step, 3)),
    () => b.ltI(row, digit),
    () => b.or(b.eqI(digit, b.step), b.eqI(other, row)),
    () => b.eqI(b.load(1, b.step), 1),
    () => b.eq(b.load(2, other), b.load(2, other)),
    () => b.and(b.eqI(digit, b.step), b.eqI(other, 1)),
  ]);
}
