/**
 * Exact arithmetic on data known at import (numerics, "Words and arithmetic": shape arithmetic is folded at compile time):
 * integers of 64 or 32 bits that wrap as in C, and bools. Also the rearrangements of known data of any type. Floats are never
 * computed here: they go through the same scalar programs as at run time.
 */

import { sizeOf, stridesOf } from "./values.ts";
import type { ElementType, FloatType, KnownIntegers, KnownValue } from "./values.ts";
import { INTEGERS, knownIntegers, knownWords, LAZY_WORDS, lazyWords } from "./values.ts";
import { viewOf } from "./view.ts";

type IntegerType = Exclude<ElementType, FloatType>;

/** One result element from one element of each input, before wrapping. */
export type IntegerFunction = (...items: bigint[]) => bigint;

const truth = (flag: boolean): bigint => (flag ? 1n : 0n);

/** Quotient towards zero; 0 for a zero divisor, as at run time. */
export function divide(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : a / b;
}

/** Remainder with the sign of the divisor (numpy), or of the dividend (C); 0 for a zero divisor. */
export function remainder(a: bigint, b: bigint, likeC: boolean): bigint {
  if (b === 0n) return 0n;
  const rest = a % b;
  return !likeC && rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
}

/** Integer power; a negative exponent gives the truncated reciprocal, as a C cast would. */
export function power(a: bigint, b: bigint): bigint {
  if (b < 0n) return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  let square = BigInt.asIntN(64, a);
  for (let rest = b; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = BigInt.asIntN(64, result * square);
    square = BigInt.asIntN(64, square * square);
  }
  return result;
}

/** Elementwise functions of integers and bools that have an exact value, by operator. */
export const INTEGER_FUNCTIONS: Readonly<Record<string, IntegerFunction>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: divide,
  Neg: (a) => -a,
  Abs: (a) => (a < 0n ? -a : a),
  Sign: (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n),
  Pow: power,
  Max: (...items) => items.reduce((best, item) => (item > best ? item : best)),
  Min: (...items) => items.reduce((best, item) => (item < best ? item : best)),
  Sum: (...items) => items.reduce((sum, item) => sum + item),
  Equal: (a, b) => truth(a === b),
  Less: (a, b) => truth(a < b),
  LessOrEqual: (a, b) => truth(a <= b),
  Greater: (a, b) => truth(a > b),
  GreaterOrEqual: (a, b) => truth(a >= b),
  And: (a, b) => a & b,
  Or: (a, b) => a | b,
  Xor: (a, b) => a ^ b,
  Not: (a) => 1n - a,
  BitwiseAnd: (a, b) => a & b,
  BitwiseOr: (a, b) => a | b,
  BitwiseXor: (a, b) => a ^ b,
  BitwiseNot: (a) => ~a,
  Relu: (a) => (a < 0n ? 0n : a),
};

/** An integer as its type stores it. */
export function wrap(elementType: IntegerType, value: bigint): bigint {
  if (elementType === "bool") return truth(value !== 0n);
  const { bits, signed } = INTEGERS[elementType];
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

/** Calls `visit` with the place of every element of a view, in row-major order: digits times strides, from `offset`. */
function walkView(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  visit: (place: number, index: number) => void,
): void {
  const count = sizeOf(shape);
  const digits = new Array<number>(shape.length).fill(0);
  let place = offset;
  for (let index = 0; index < count; index++) {
    visit(place, index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      digits[axis] += 1;
      place += strides[axis];
      if (digits[axis] < shape[axis]) break;
      place -= shape[axis] * strides[axis];
      digits[axis] = 0;
    }
  }
}

/** The places of the elements of a view, in row-major order. */
function viewPlaces(shape: readonly number[], strides: readonly number[]): Float64Array {
  const places = new Float64Array(sizeOf(shape));
  walkView(shape, strides, 0, (place, index) => {
    places[index] = place;
  });
  return places;
}

/** The elements of known data at affine places, as new data; many words are taken when they are asked for. */
export function takeView(
  value: KnownValue,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): KnownValue {
  const count = sizeOf(shape);
  const { at, elementType } = value;
  if (at.kind === "words") {
    const take = (): Uint32Array => viewOf(at.words, new Uint32Array(count), shape, strides, offset);
    const taken = count >= LAZY_WORDS ? lazyWords(shape, take) : knownWords(shape, take());
    return { ...taken, elementType };
  }
  const integers = viewOf(at.integers, new BigInt64Array(count), shape, strides, offset);
  return { ...value, shape, at: { kind: "integers", integers } };
}

/** The elements of known data at the given places, which must be inside, as new data. */
export function takeAt(value: KnownValue, shape: readonly number[], places: Float64Array): KnownValue {
  if (value.at.kind === "words") {
    const from = value.at.words;
    return { ...value, shape, at: { kind: "words", words: Uint32Array.from(places, (place) => from[place]) } };
  }
  const from = value.at.integers;
  return { ...value, shape, at: { kind: "integers", integers: BigInt64Array.from(places, (place) => from[place]) } };
}

/** The elementwise function of integers of broadcast shapes. `shape` is the common shape, `elementType` the result's. */
export function foldElementwise(
  elementType: IntegerType,
  shape: readonly number[],
  values: readonly KnownIntegers[],
  evaluate: IntegerFunction,
): KnownIntegers {
  const offsets = values.map((value) => viewPlaces(shape, broadcastStrides(value.shape, shape)));
  const result = new BigInt64Array(sizeOf(shape));
  for (let i = 0; i < result.length; i++) {
    const items = values.map((value, index) => value.at.integers[offsets[index][i]]);
    result[i] = wrap(elementType, evaluate(...items));
  }
  return knownIntegers(elementType, shape, result);
}

/** Strides of a tensor of `from` read in the shape `to` it broadcasts to: 0 along repeated axes. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(from);
  const missing = to.length - from.length;
  return to.map((_, axis) => (axis < missing || from[axis - missing] === 1 ? 0 : own[axis - missing]));
}

/** Folds rows of `count` neighbouring integers each into one. */
export function foldRows(
  value: KnownIntegers,
  shape: readonly number[],
  count: number,
  join: IntegerFunction,
): KnownIntegers {
  const result = new BigInt64Array(sizeOf(shape));
  for (let i = 0; i < result.length; i++) {
    let total = value.at.integers[i * count];
    for (let k = 1; k < count; k++)
      total = wrap(value.elementType as IntegerType, join(total, value.at.integers[i * count + k]));
    result[i] = total;
  }
  return knownIntegers(value.elementType as IntegerType, shape, result);
}
