/**
 * Slots of one size that are updated from each other: in place, from elsewhere, under conditions that meet the digits and the
 * step in many ways, by the same primitive, or not at all; outputs that are slots' next values; one constant for all.
 */
import { below, createRandom, pick, pickMade } from "../../../float/directed.ts";
import type { Random } from "../../../float/directed.ts";
import type { ScalarBuilder, Value } from "../../../ir/build.ts";
import type { WordType } from "../../../ir/opcodes.ts";
import { UNCHANGED } from "../../../ir/program.ts";
import type { IndexedOperand, OperandRef } from "../../../ir/program.ts";
import { randomWords } from "../../../ir/random.ts";
import type { Fixture } from "../../fixtures.ts";
import { addConstant, addInput, addPrimitive, addSlot, createDraft, endSegment, fixtureOf } from "./draft.ts";
import { lengthOf } from "./draft.ts";

const EXTENTS = [
  [1],
  [2],
  [7],
  [4, 5],
  [3, 4, 5],
  [6, 1, 9],
  [9, 4, 3],
  [300],
  [257],
  [5, 64],
  [5, 260],
  [2, 3, 4, 5],
  [40, 3],
  [1, 8],
  [8, 1],
  [3, 2, 1, 6],
  [10, 6, 6],
];

/** One to three slots and up to five primitives over them; all is a function of the seed. */
export function aliasedSlots(seed: number): Fixture {
  const random = createRandom(seed);
  const draft = createDraft(random);
  const type = pick<WordType>(random, ["f32", "f32", "i32", "bool"]);
  const extents = pick(random, EXTENTS);
  const words = (): Uint32Array => randomWords(random, type, lengthOf(extents));
  const shared = addConstant(draft, type, words());
  const slots = Array.from({ length: 1 + below(random, 3) }, () =>
    addSlot(draft, below(random, 2) === 0 ? shared : addInput(draft, type, words())),
  );
  const places = addInput(draft, "i32", randomWords(random, "i32", 9));
  const made: IndexedOperand[] = [];
  const operand = (): OperandRef => pick<OperandRef>(random, [...slots, ...made, shared]);
  for (let count = 1 + below(random, 5); count > 0; count--) {
    const define = (b: ScalarBuilder): Value => nextWord(random, b, type, lengthOf(extents));
    made.push(addPrimitive(draft, { output: type, extents, operands: [operand(), operand(), places], define }));
  }
  const slotBindings = slots.map(() => (below(random, 6) === 0 ? UNCHANGED : below(random, made.length)));
  const outputBindings = Array.from({ length: 1 + below(random, 3) }, () => below(random, made.length));
  return fixtureOf(draft, [endSegment(draft, { steps: 0, slotBindings, outputBindings })]);
}

function nextWord(random: Random, b: ScalarBuilder, type: WordType, length: number): Value {
  const own = (): Value => b.load(0, b.index);
  const elsewhere = (): Value =>
    b.load(
      0,
      pick(random, [
        b.addI(b.index, 1),
        b.subI(b.index, 2),
        b.subI(b.i32(length - 1), b.index),
        b.addI(b.subI(b.index, 7), 7),
      ]),
    );
  const one = below(random, 4) > 0 ? own() : elsewhere();
  const other = b.load(1, below(random, 3) > 0 ? b.index : b.addI(b.index, b.step));
  const rare = below(random, 4) === 0;
  const condition = rare
    ? b.and(randomCondition(random, b), b.ltI(pick(random, b.digits), 2))
    : randomCondition(random, b);
  return pickMade(random, [
    () => b.select(condition, other, one),
    () => b.select(condition, one, other),
    () => b.select(condition, mixed(random, b, type, one, other), one),
    () => mixed(random, b, type, one, other),
    () => one,
    () => b.select(condition, b.load(1, 0), own()),
  ]);
}

function randomCondition(random: Random, b: ScalarBuilder): Value {
  const [digit, other] = [pick(random, b.digits), pick(random, b.digits)];
  return pickMade(random, [
    () => b.eqI(digit, b.remU(b.step, 3)),
    () => b.ltI(digit, b.load(2, b.step)),
    () => b.leI(b.addI(digit, b.shl(other, 30)), b.step),
    () => b.eqI(b.remU(b.addI(digit, other), 3), 1),
    () => b.ltI(b.mulI(b.step, 2 ** 30), digit),
    () => b.ltI(b.load(2, digit), 20),
    () => b.eqI(b.shrU(b.index, 2), 1),
    () => b.lt(b.fromI32(digit), b.fromBits(b.load(2, other))),
  ]);
}

function mixed(random: Random, b: ScalarBuilder, type: WordType, one: Value, other: Value): Value {
  if (type === "bool") return pickMade(random, [() => b.xor(one, other), () => b.and(one, other)]);
  if (type === "i32") return pickMade(random, [() => b.addI(one, other), () => b.mulI(one, 5)]);
  return pickMade(random, [
    () => b.add(one, other),
    () => b.neg(one),
    () => b.max(one, other),
    () => b.mul(one, 0.5),
    () => b.fromBits(b.addI(b.bitsOf(one), 1)),
  ]);
}
