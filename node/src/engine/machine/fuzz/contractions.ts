/**
 * Contractions at hostile addresses: bases that wrap around, negative strides, digits on both sides, rows without digits,
 * steps, patterns that jump by 2^31, operands that are too short, constants that several products share, blocks that start
 * late, single blocks and continued totals.
 */
import { below, createRandom, pick, pickMade } from "../../../float/directed.ts";
import type { Random } from "../../../float/directed.ts";
import type { PatternDigits, ScalarBuilder, Value } from "../../../ir/build.ts";
import type { IndexedOperand, OperandRef } from "../../../ir/program.ts";
import { InvalidScalarProgramError } from "../../../ir/validate.ts";
import type { Fixture } from "../../fixtures.ts";
import { addPrimitive, addTensor, createDraft, endSegment, fixtureOf } from "./draft.ts";
import type { Draft } from "./draft.ts";

const EXTENTS = [
  [6, 40],
  [1, 70],
  [3, 36],
  [2, 3, 33],
  [40, 6],
  [5, 5, 5],
  [64],
  [1, 32],
  [3, 1, 36],
  [13, 65],
  [2, 64],
  [4, 8, 8],
  [33, 1],
  [7, 4],
];
const COUNTS = [1, 2, 3, 4, 7, 8, 16, 31, 40, 64, 256, 257, 300];
const STARTS = [0, 0, 0, 0, 256, 256, 512, 65536];
const SHORT = [1, 3, 20, 300];
const LONG = [700, 3000, 20_000];
const HALF = -(2 ** 31);

/** One or two contractions; all is a function of the seed. */
export function hostileContractions(seed: number): Fixture {
  const draft = createDraft(createRandom(seed));
  const known: OperandRef[] = [];
  const products = Array.from({ length: 1 + below(draft.random, 2) }, () =>
    withinBounds(() => addContraction(draft, known)),
  );
  const outputBindings = products.map(({ index }) => index);
  return fixtureOf(draft, [endSegment(draft, { steps: 0, slotBindings: [], outputBindings })]);
}

/** Addresses that are too far apart for one element of an output are drawn again. */
function withinBounds(make: () => IndexedOperand): IndexedOperand {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof InvalidScalarProgramError) || error.rule !== "chunk-bound") throw error;
    return withinBounds(make);
  }
}

interface Shape {
  readonly extents: readonly number[];
  readonly count: number;
  readonly start: number;
  /** One choice in so many is an odd one: where all are odd, little is read and few forms are met. */
  readonly rarity: number;
}

function addContraction(draft: Draft, known: OperandRef[]): IndexedOperand {
  const { random } = draft;
  const shape: Shape = {
    extents: pick(random, EXTENTS),
    count: pick(random, COUNTS),
    start: pick(random, STARTS),
    rarity: pick(random, [2, 8, 8]),
  };
  const { extents, count, start } = shape;
  const digits = [...extents.keys()];
  const cut = below(random, 2) * below(random, digits.length + 1);
  const sides = [digits.slice(0, cut), digits.slice(cut)];
  if (isOdd(random, shape) && digits.length > 2) sides[1].push(0);
  const patterns = sides.map(() => randomPattern(random, shape));
  const single = count > 256 && below(random, 3) === 0;
  const isContinued = below(random, 2) === 0;
  const define = (b: ScalarBuilder): Value => {
    const [left, right] = sides.map((own, side) => {
      const address = randomAddress(random, b, own, shape);
      return patterns[side] === HALVES && !isOdd(random, shape) ? b.addI(address, HALF) : address;
    });
    const [total] = b.loop({
      start,
      count,
      single,
      carried: [{ type: "f32", init: 0, ...(isContinued ? { from: b.load(2, b.index) } : {}) }],
      body: ({ carried }) => [b.fma(b.load(0, left, patterns[0]), b.load(1, right, patterns[1]), carried[0])],
      combine: ([sum], [block]) => [below(random, 2) === 0 ? b.add(block, sum) : b.add(sum, block)],
    });
    return pickMade(random, [
      () => total,
      () => b.max(total, b.load(2, b.digits[0])),
      () => b.add(total, b.fromI32(b.step)),
      () => b.select(b.lt(total, 0), b.load(2, b.index), total),
    ]);
  };
  const operands = [0, 1, 2].map(() => randomOperand(draft, known, shape));
  return addPrimitive(draft, { output: "f32", extents, operands, define });
}

const isOdd = (random: Random, { rarity }: Shape): boolean => below(random, rarity) === 0;

/** Every other run of 256 words lies 2^31 further: with a base of 2^31 the addresses wrap around to where they were. */
const HALVES: PatternDigits = [
  [2, HALF],
  [256, 1],
];

function randomPattern(random: Random, shape: Shape): PatternDigits {
  const { count, start } = shape;
  if (start === 256 && below(random, 3) > 0) return HALVES;
  if (!isOdd(random, shape)) return [[start === 0 ? count : 100_000, 1]];
  const fast = pick(random, [count, 1, 4, 8, 16, 64, 256, 2048]);
  return pickMade<PatternDigits>(random, [
    () => HALVES,
    () => [
      [4, 16],
      [fast, 1],
    ],
    () => [
      [3, pick(random, [-7, 1000, HALF, 2 ** 30])],
      [5, 100],
      [fast, 1],
    ],
    () => [[100_000, pick(random, [-1, 0, 2])]],
    () => [
      [16, 16],
      [16, 1],
    ],
  ]);
}

/** The sum of some digits, mostly each times what the faster ones reach or a little more, from somewhere on. */
function randomAddress(random: Random, b: ScalarBuilder, own: readonly number[], shape: Shape): Value {
  const { extents, count, start } = shape;
  let address = b.i32(isOdd(random, shape) ? pick(random, [3, -5, -start, HALF, 100]) : 0);
  let stride = isOdd(random, shape) ? pick(random, [2, -1]) : pick(random, [1, count]);
  for (const digit of own.toReversed()) {
    address = b.addI(b.mulI(b.digits[digit], stride), address);
    stride = Math.imul(stride, extents[digit]) + pick(random, [0, 0, 0, 1, 4, count]);
  }
  return isOdd(random, shape) ? b.addI(address, b.mulI(b.step, pick(random, [1, -3, 2 ** 30]))) : address;
}

/** A tensor, or one that a product before it had; mostly it is long enough for most of the addresses. */
function randomOperand(draft: Draft, known: OperandRef[], shape: Shape): OperandRef {
  const { random } = draft;
  if (known.length > 0 && below(random, 3) === 0) return pick(random, known);
  const mask = below(random, 2) === 0 ? 0xffff0000 : 0xffffffff;
  const length = pick(random, isOdd(random, shape) ? SHORT : LONG);
  const made = addTensor(draft, { type: "f32", length }, mask);
  known.push(made);
  return made;
}
