/**
 * The next token of every row of logits (numerics, "Random numbers"): the largest, or a draw by Gumbel-max over Philox4x32-10.
 *
 *   y[i] = l[i] / T + g(Philox(counter = (i, step, row, 0), key = seed))  where l[i] >= threshold, else -inf
 *   token = the first i with the largest y[i]
 *
 * The threshold is the largest of those of min-p, top-k and top-p, each of the distribution of all logits, and never above the
 * largest logit. A NaN among the logits counts as -inf. Refuses options outside their ranges.
 */

import { LockstepError } from "../float/errors.ts";
import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import * as math from "./math.ts";
import type { Scope } from "./node.ts";
import { general } from "./primitives.ts";
import { gumbel, philoxWords } from "./random.ts";
import { QUICK_MAX, reduceRows } from "./reduction.ts";
import type { RowFold } from "./reduction.ts";
import { sizeOf, WORD_TYPE } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

/** A number that is part of the program, or a tensor of one element that is given with each run. */
export type Parameter = number | Value;

export type SamplingOptions =
  | { readonly mode: "greedy" }
  | {
      readonly mode: "gumbel";
      /** The key of the random numbers: two words, i32. The step of the program and the row are in the counter. */
      readonly seed: Value;
      /** Above 0; 1 unless given. */
      readonly temperature?: Parameter;
      /** Least probability relative to the largest, 0 .. 1. */
      readonly minP?: Parameter;
      /** How many of the largest logits can be drawn, and those equal to the last of them; at least 1. */
      readonly topK?: Parameter;
      /** The probability that the largest logits which can be drawn have together, 0 .. 1. */
      readonly topP?: Parameter;
    };

/** Rows of logits: float32 [rows, count]. */
interface Logits {
  readonly value: Value;
  readonly rows: number;
  readonly count: number;
}

/** The token of each row of `logits`, float32 [rows, vocabulary]: int64 [rows]. Throws SamplingOptionError. */
export function sampleToken(scope: Scope, logits: Value, options: SamplingOptions): Value {
  const [rows, count] = logits.shape;
  if (logits.shape.length !== 2 || logits.elementType !== "float32" || count < 1)
    throw new SamplingOptionError("logits are float32 [rows, vocabulary]", { shape: [...logits.shape] });
  const given = { value: logits, rows, count };
  return firstLargest(scope, options.mode === "greedy" ? given : { ...given, value: perturbed(scope, given, options) });
}

type GumbelOptions = Extract<SamplingOptions, { mode: "gumbel" }>;

function perturbed(scope: Scope, logits: Logits, options: GumbelOptions): Value {
  const { seed, temperature = 1, minP, topK, topP } = options;
  checkWords("seed", seed, 2, "i32");
  checkParameter("temperature", temperature, "f32", (value) => value > 0 && value < Infinity);
  checkParameter("minP", minP, "f32", (value) => value >= 0 && value <= 1);
  checkParameter("topP", topP, "f32", (value) => value >= 0 && value <= 1);
  checkParameter("topK", topK, "i32", (value) => Number.isInteger(value) && value >= 1 && value < 2 ** 31);
  const { rows, count, value } = logits;
  const threshold = thresholdOf(scope, logits, temperature, { minP, topK, topP });
  const bounds = threshold === undefined ? [] : [threshold];
  return withParameters(scope, [temperature], {
    elementType: "float32",
    shape: [rows, count],
    operands: [value, seed, ...bounds],
    define: (b, [from, key, bound], [heat]) => {
      const [row, place] = b.digits;
      const logit = b.load(from, b.index);
      const [word] = philoxWords(b, [place, b.step, row, b.i32(0)], [b.load(key, 0), b.load(key, 1)]);
      const score = b.fma(logit, b.div(1, heat), gumbel(b, word));
      const least = b.f32(-Infinity);
      // Not a NaN, which a temperature given with the run could make.
      const isNumber = b.eq(score, score);
      const isKept = bound === undefined ? isNumber : b.and(isNumber, b.le(b.load(bound, row), logit));
      return b.select(isKept, score, least);
    },
  });
}

interface Filters {
  readonly minP: Parameter | undefined;
  readonly topK: Parameter | undefined;
  readonly topP: Parameter | undefined;
}

/** The least logit that can be drawn in each row, float32 [rows], or undefined where all can. */
function thresholdOf(scope: Scope, logits: Logits, temperature: Parameter, filters: Filters): Value | undefined {
  const { minP, topK, topP } = filters;
  if (minP === undefined && topK === undefined && topP === undefined) return undefined;
  const { rows } = logits;
  const largest = largestOf(scope, logits);
  const keys = topK === undefined && topP === undefined ? undefined : orderedKeys(scope, logits);
  const cuts: Value[] = [];
  if (keys !== undefined && topK !== undefined) {
    cuts.push(largestKey(scope, keys, rows, { elementType: "int32", target: topK }));
  }
  if (keys !== undefined && topP !== undefined) {
    const weights = weightsOf(scope, logits, largest, temperature);
    cuts.push(largestKey(scope, keys, rows, { elementType: "float32", target: topP, weights }));
  }
  const parameters = minP === undefined ? [] : [minP, temperature];
  return withParameters(scope, parameters, {
    elementType: "float32",
    shape: [rows],
    operands: [largest, ...cuts],
    define: (b, [top, ...keyed], [least, heat]) => {
      const most = b.load(top, b.digits[0]);
      const bounds = keyed.map((operand) => floatOfKey(b, b.load(operand, b.digits[0])));
      if (minP !== undefined) bounds.push(b.add(most, b.mul(heat, math.log(b, least))));
      const bound = bounds.reduce((highest, next) => b.max(highest, next));
      return b.select(b.le(bound, most), bound, most);
    },
  });
}

/** Elements of a region whose columns are reduced side by side, so that neighbours in a vector are neighbours in memory. */
const COLUMNS = 16;
/** Rows of a region: a column of 48 * 16 words touches at most 4 chunks, so a proof about it is short. */
const MOST_ROWS = 48;

/** Folds columns of regions: one element for each of `regions * columns`. */
interface ColumnFold {
  readonly elementType: ElementType;
  readonly init: number;
  readonly operands?: readonly Value[];
  /** The value of element `place` of row `row` whose logit is `logit`. */
  readonly item: (b: ScalarBuilder, logit: Register, place: Register, words: readonly Register[]) => Register;
  readonly join: (b: ScalarBuilder, total: Register, item: Register) => Register;
}

/** [rows, regions, columns]. */
function foldColumns(scope: Scope, { value, rows, count }: Logits, fold: ColumnFold): Value {
  const columns = Math.min(COLUMNS, count);
  const regions = Math.ceil(count / (columns * MOST_ROWS));
  const height = Math.ceil(count / (columns * regions));
  const isExact = regions * height * columns === count;
  const { elementType, operands = [] } = fold;
  return general(scope, {
    elementType,
    shape: [rows, regions, columns],
    operands: [value, ...operands],
    define: (b, [from, ...others]) => {
      const [row, region, column] = b.digits;
      const first = b.addI(b.mulI(region, height * columns), column);
      const base = b.addI(b.mulI(row, count), first);
      const words = others.map((operand) => b.load(operand, row));
      const init = WORD_TYPE[elementType] === "f32" ? b.f32(fold.init) : b.i32(fold.init);
      const [total] = b.loop({
        count: height,
        carried: [{ type: WORD_TYPE[elementType], init: fold.init }],
        body: ({ k, carried }) => {
          const place = b.addI(first, b.mulI(k, columns));
          const item = fold.item(b, b.load(from, base, [[height, columns]]), place, words);
          return [fold.join(b, carried[0], isExact ? item : b.select(b.ltI(place, count), item, init))];
        },
        combine: ([sum], [block]) => [fold.join(b, sum, block)],
      });
      return total;
    },
  });
}

/** Folds what foldColumns made, by region and then over the regions: one element a row. */
function foldRegions(scope: Scope, value: Value, fold: RowFold, finish?: RowFold["finish"]): Value {
  const [rows, regions, columns] = value.shape;
  const ofRegion = reduceRows(scope, { value, shape: [rows, regions], count: columns }, fold);
  const last = finish === undefined ? fold : { ...fold, finish };
  return reduceRows(scope, { value: ofRegion, shape: [rows], count: regions }, last);
}

/** The largest number of each row, float32 [rows]; -inf where there is none. */
function largestOf(scope: Scope, logits: Logits): Value {
  const columns = foldColumns(scope, logits, {
    elementType: "float32",
    init: -Infinity,
    item: (_, logit) => logit,
    // A NaN is never larger.
    join: (b, total, item) => b.max(total, item),
  });
  return foldRegions(scope, columns, QUICK_MAX);
}

const NOWHERE = 2 ** 31 - 1;

/** The first place of the largest number of each row, int64 [rows]; 0 where there is none. */
function firstLargest(scope: Scope, logits: Logits): Value {
  const largest = largestOf(scope, logits);
  const columns = foldColumns(scope, logits, {
    elementType: "int64",
    init: NOWHERE,
    operands: [largest],
    item: (b, logit, place, [most]) => b.select(b.eq(logit, most), place, b.i32(NOWHERE)),
    join: (b, total, item) => b.minI(total, item),
  });
  const least: RowFold = {
    elementType: "int64",
    init: NOWHERE,
    body: (b, total, item) => b.minI(total, item),
    combine: (b, total, block) => b.minI(total, block),
  };
  return foldRegions(scope, columns, least, (b, total) => b.select(b.eqI(total, NOWHERE), b.i32(0), total));
}

/** Elements of a row that one element of a round counts; rows of keys are padded to a multiple. */
const PART = 512;
/** Candidates of a round: four bits of a key. */
const CANDIDATES = 16;
const BITS = 4;
const LEAST_KEY = -(2 ** 31);
/** The key of -inf. */
const INFINITY_KEY = 0x807fffff | 0;

/** Integers in the order of the floats, least for NaN. */
function orderedKeys(scope: Scope, { value, rows, count }: Logits): Value {
  return general(scope, {
    elementType: "int32",
    shape: [rows, paddedCount(count)],
    operands: [value],
    define: (b, [from]) => {
      const [row, place] = b.digits;
      const logit = b.load(from, b.addI(b.mulI(row, count), place));
      const bits = b.bitsOf(logit);
      const key = b.xor(bits, b.and(b.shrS(bits, 31), 0x7fffffff));
      return b.select(b.and(b.eq(logit, logit), b.ltI(place, count)), key, b.i32(LEAST_KEY));
    },
  });
}

/** The float of a key; -inf for keys below that of -inf. */
function floatOfKey(b: ScalarBuilder, key: Register): Register {
  const bits = b.xor(key, b.and(b.shrS(key, 31), 0x7fffffff));
  return b.select(b.ltI(key, INFINITY_KEY), b.f32(-Infinity), b.fromBits(bits));
}

/** exp((l - largest) / T): probabilities up to their sum. Padded as the keys are. */
function weightsOf(scope: Scope, { value, rows, count }: Logits, largest: Value, temperature: Parameter): Value {
  return withParameters(scope, [temperature], {
    elementType: "float32",
    shape: [rows, paddedCount(count)],
    operands: [value, largest],
    define: (b, [from, top], [heat]) => {
      const [row, place] = b.digits;
      const logit = b.load(from, b.addI(b.mulI(row, count), place));
      const weight = math.exp(b, b.mul(b.sub(logit, b.load(top, row)), b.div(1, heat)));
      return b.select(b.and(b.eq(weight, weight), b.ltI(place, count)), weight, b.f32(0));
    },
  });
}

/**
 * What is summed over the keys from a candidate on, and how much of it there must be: ones against a count, or weights against
 * a share of all of them.
 */
type KeySum =
  | { readonly elementType: "int32"; readonly target: Parameter }
  | { readonly elementType: "float32"; readonly target: Parameter; readonly weights: Value };

/**
 * The largest key from which on the sum reaches its target, int32 [rows]: eight rounds that each settle four bits. The sum never
 * grows with the candidate, floats included: every rounding is monotonic.
 */
function largestKey(scope: Scope, keys: Value, rows: number, sum: KeySum): Value {
  const padded = keys.shape[1];
  const parts = padded / PART;
  let prefix: Value | undefined;
  let everything: Value | undefined;
  for (let shift = 32 - BITS; shift >= 0; shift -= BITS) {
    const partial = partialSums(scope, keys, [rows, parts], sum, prefix, shift);
    const totals = general(scope, {
      elementType: sum.elementType,
      shape: [rows, CANDIDATES],
      operands: [partial],
      define: (b, [from]) => {
        const [row, candidate] = b.digits;
        const add = sum.elementType === "int32" ? b.addI : b.add;
        const base = b.addI(b.mulI(row, parts * CANDIDATES), candidate);
        const [total] = b.loop({
          count: parts,
          carried: [{ type: WORD_TYPE[sum.elementType], init: 0 }],
          body: ({ carried }) => [add(carried[0], b.load(from, base, [[parts, CANDIDATES]]))],
          combine: ([all], [block]) => [add(all, block)],
        });
        return total;
      },
    });
    everything ??= totals;
    prefix = longerPrefix(scope, rows, sum, { totals, everything, prefix, shift });
  }
  // Candidates were compared with the sign bit turned, as unsigned numbers.
  return prefix!;
}

/** For each part of a row and each candidate: the sum over the keys that are not below it, [rows, parts, 16]. */
function partialSums(
  scope: Scope,
  keys: Value,
  [rows, parts]: readonly [number, number],
  sum: KeySum,
  prefix: Value | undefined,
  shift: number,
): Value {
  const weights = sum.elementType === "float32" ? [sum.weights] : [];
  const before = prefix === undefined ? [] : [prefix];
  return general(scope, {
    elementType: sum.elementType,
    shape: [rows, parts, CANDIDATES],
    operands: [keys, ...weights, ...before],
    define: (b, operand) => {
      const [row, part, candidate] = b.digits;
      const base = b.mulI(b.addI(b.mulI(row, parts), part), PART);
      const known = prefix === undefined ? b.i32(LEAST_KEY) : b.load(operand[operand.length - 1], row);
      // The prefix is signed; its open bits are zero.
      const least = shift === 32 - BITS ? b.xor(known, b.shl(candidate, shift)) : b.or(known, b.shl(candidate, shift));
      const [total] = b.loop({
        count: PART,
        carried: [{ type: WORD_TYPE[sum.elementType], init: 0 }],
        body: ({ carried: [before] }) => {
          const isCounted = b.leI(least, b.load(operand[0], base, [[PART, 1]]));
          if (sum.elementType === "int32") return [b.subI(before, b.boolToI32(isCounted))];
          return [b.add(before, b.select(isCounted, b.load(operand[1], base, [[PART, 1]]), b.f32(0)))];
        },
        combine: ([all], [block]) => [sum.elementType === "int32" ? b.addI(all, block) : b.add(all, block)],
      });
      return total;
    },
  });
}

interface Round {
  readonly totals: Value;
  /** Totals of the first round; its first candidate is below every key. */
  readonly everything: Value;
  readonly prefix: Value | undefined;
  readonly shift: number;
}

/** The prefix with four bits more: those of the last candidate whose total reaches the target, [rows]. */
function longerPrefix(scope: Scope, rows: number, sum: KeySum, round: Round): Value {
  const { totals, everything, prefix, shift } = round;
  const before = prefix === undefined ? [] : [prefix];
  const type = sum.elementType === "int32" ? "i32" : "f32";
  return withParameters(
    scope,
    [sum.target],
    {
      elementType: "int32",
      shape: [rows],
      operands: [totals, everything, ...before],
      define: (b, [from, whole, known], [target]) => {
        const row = b.digits[0];
        const base = b.mulI(row, CANDIDATES);
        const needed = type === "i32" ? target : b.mul(target, b.load(whole, base));
        const reaches = (total: Register): Register => (type === "i32" ? b.leI(needed, total) : b.le(needed, total));
        // The first candidate is the prefix itself, which reached it; the others do in order.
        let bits = b.i32(0);
        for (let candidate = 1; candidate < CANDIDATES; candidate++) {
          bits = b.subI(bits, b.boolToI32(reaches(b.load(from, b.addI(base, candidate)))));
        }
        const placed = b.shl(bits, shift);
        return prefix === undefined ? b.xor(placed, LEAST_KEY) : b.or(b.load(known, row), placed);
      },
    },
    type,
  );
}

function paddedCount(count: number): number {
  return Math.ceil(count / PART) * PART;
}

interface ParameterDraft {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly operands: readonly Value[];
  readonly define: (b: ScalarBuilder, operand: readonly number[], parameters: readonly Register[]) => Register;
}

/** A primitive that reads parameters: literals, or the first word of a tensor. */
function withParameters(
  scope: Scope,
  parameters: readonly Parameter[],
  { elementType, shape, operands, define }: ParameterDraft,
  type: "f32" | "i32" = "f32",
): Value {
  const tensors = parameters.filter((parameter) => typeof parameter !== "number");
  return general(scope, {
    elementType,
    shape,
    operands: [...operands, ...tensors],
    define: (b, operand) => {
      let next = operands.length;
      const words = parameters.map((parameter) => {
        if (typeof parameter !== "number") return b.load(operand[next++], 0);
        return type === "f32" ? b.f32(parameter) : b.i32(parameter);
      });
      return define(b, operand.slice(0, operands.length), words);
    },
  });
}

function checkParameter(
  name: string,
  parameter: Parameter | undefined,
  type: "f32" | "i32",
  fits: (value: number) => boolean,
): void {
  if (parameter === undefined) return;
  if (typeof parameter !== "number") checkWords(name, parameter, 1, type);
  else if (!fits(parameter)) throw new SamplingOptionError(`${name} is out of range`, { [name]: parameter });
}

function checkWords(name: string, { shape, elementType }: Value, count: number, type: "f32" | "i32"): void {
  if (sizeOf(shape) !== count || WORD_TYPE[elementType] !== type)
    throw new SamplingOptionError(`${name} is a tensor of ${count} ${type}`, { shape: [...shape], elementType });
}

/** An option of sampling that is no such number or tensor. */
export class SamplingOptionError extends LockstepError {
  constructor(rule: string, values: Record<string, unknown>) {
    super("SamplingOptionError", rule, values);
  }
}
