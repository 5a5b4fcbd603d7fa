/**
 * An exact reference for every float instruction, in integers of any length: slow and obvious. It defines what ops.ts
 * and the contracts must equal (numerics, "Words and arithmetic") and serves tests only; like them it refuses no word.
 *
 * Every finite binary32 is an integer multiple of 2^-149, so a finite operand is one bigint and nothing is approximated
 * before {@link round}.
 */

import { canonical, isNaNBits, CANONICAL_NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY, SIGN_BIT } from "./words.ts";

const TRUE_MASK = 0xffffffff;
/** The exponent of the last place of {@link scaled}. */
const LAST_PLACE = -149;

const isInfinite = (a: number): boolean => (a & 0x7fffffff) === POSITIVE_INFINITY;
const isZero = (a: number): boolean => (a & 0x7fffffff) === 0;
const isNegative = (a: number): boolean => (a & SIGN_BIT) !== 0;
const signed = (negative: boolean, magnitude: number): number => ((negative ? SIGN_BIT : 0) | magnitude) >>> 0;
const magnitudeOf = (x: bigint): bigint => (x < 0n ? -x : x);
const bitLength = (x: bigint): number => (x === 0n ? 0 : x.toString(2).length);

/** A finite word as an integer in units of 2^-149. */
function scaled(a: number): bigint {
  const exponent = (a >>> 23) & 0xff;
  const fraction = a & 0x7fffff;
  const magnitude = exponent === 0 ? BigInt(fraction) : BigInt(fraction | 0x800000) << BigInt(exponent - 1);
  return isNegative(a) ? -magnitude : magnitude;
}

/**
 * The word nearest to `value * 2^exponent`, ties to even, for a non-zero value. A result that rounds to zero keeps the
 * sign of the value.
 */
function round(value: bigint, exponent: number): number {
  const negative = value < 0n;
  const magnitude = magnitudeOf(value);
  const lastPlace = Math.max(exponent + bitLength(magnitude) - 24, LAST_PLACE);
  const shift = lastPlace - exponent;
  let kept = shift <= 0 ? magnitude << BigInt(-shift) : magnitude >> BigInt(shift);
  if (shift > 0) {
    const half = 1n << BigInt(shift - 1);
    const rest = magnitude - (kept << BigInt(shift));
    if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  }
  // Adding the significand, implicit bit included, carries into the exponent field exactly when rounding did.
  const field = BigInt(lastPlace - LAST_PLACE) * 0x800000n + kept;
  return signed(negative, field >= BigInt(POSITIVE_INFINITY) ? POSITIVE_INFINITY : Number(field));
}

/** Appends a bit that is one when something was cut off below, so that {@link round} cannot see a false tie. */
const withSticky = (value: bigint, inexact: boolean): bigint => value * 2n + (inexact ? 1n : 0n);

export function exactFma(a: number, b: number, c: number): number {
  if (isNaNBits(a) || isNaNBits(b) || isNaNBits(c)) return CANONICAL_NAN;
  const productNegative = isNegative(a) !== isNegative(b);
  if (isInfinite(a) || isInfinite(b)) {
    if (isZero(a) || isZero(b)) return CANONICAL_NAN;
    if (isInfinite(c) && isNegative(c) !== productNegative) return CANONICAL_NAN;
    return signed(productNegative, POSITIVE_INFINITY);
  }
  if (isInfinite(c)) return c >>> 0;
  const sum = scaled(a) * scaled(b) + (scaled(c) << 149n);
  if (sum !== 0n) return round(sum, 2 * LAST_PLACE);
  // A zero sum is -0 only when both terms are -0; cancellation gives +0.
  return signed(productNegative && isNegative(c) && isZero(c), 0);
}

export function exactAdd(a: number, b: number): number {
  if (isNaNBits(a) || isNaNBits(b)) return CANONICAL_NAN;
  if (isInfinite(a)) return isInfinite(b) && isNegative(a) !== isNegative(b) ? CANONICAL_NAN : a >>> 0;
  if (isInfinite(b)) return b >>> 0;
  const sum = scaled(a) + scaled(b);
  return sum === 0n ? signed(isNegative(a) && isNegative(b) && isZero(a), 0) : round(sum, LAST_PLACE);
}

export function exactSub(a: number, b: number): number {
  return exactAdd(a, exactNeg(b));
}

export function exactMul(a: number, b: number): number {
  if (isNaNBits(a) || isNaNBits(b)) return CANONICAL_NAN;
  const negative = isNegative(a) !== isNegative(b);
  if (isInfinite(a) || isInfinite(b)) {
    return isZero(a) || isZero(b) ? CANONICAL_NAN : signed(negative, POSITIVE_INFINITY);
  }
  const product = scaled(a) * scaled(b);
  return product === 0n ? signed(negative, 0) : round(product, 2 * LAST_PLACE);
}

export function exactDiv(a: number, b: number): number {
  if (isNaNBits(a) || isNaNBits(b)) return CANONICAL_NAN;
  const negative = isNegative(a) !== isNegative(b);
  if (isInfinite(a)) return isInfinite(b) ? CANONICAL_NAN : signed(negative, POSITIVE_INFINITY);
  if (isInfinite(b)) return signed(negative, 0);
  if (isZero(b)) return isZero(a) ? CANONICAL_NAN : signed(negative, POSITIVE_INFINITY);
  if (isZero(a)) return signed(negative, 0);
  // 2^400 leaves more than 24 bits in the smallest quotient, 2^-149 / 2^128.
  const numerator = magnitudeOf(scaled(a)) << 400n;
  const denominator = magnitudeOf(scaled(b));
  const quotient = withSticky(numerator / denominator, numerator % denominator !== 0n);
  return round(negative ? -quotient : quotient, -401);
}

export function exactSqrt(a: number): number {
  if (isNaNBits(a)) return CANONICAL_NAN;
  if (isZero(a)) return a >>> 0;
  if (isNegative(a)) return CANONICAL_NAN;
  if (isInfinite(a)) return POSITIVE_INFINITY;
  // The scale 2^-149 is odd; one more bit makes its root 2^-75, and 200 more give 100 bits below that.
  const radicand = scaled(a) << 201n;
  const root = integerSqrt(radicand);
  return round(withSticky(root, root * root !== radicand), -176);
}

/** The greatest integer whose square is at most `x`, for positive x. */
function integerSqrt(x: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(bitLength(x) / 2));
  for (;;) {
    const next = (root + x / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

export function exactNeg(a: number): number {
  return isNaNBits(a) ? CANONICAL_NAN : signed(!isNegative(a), a & 0x7fffffff);
}

export function exactAbs(a: number): number {
  return isNaNBits(a) ? CANONICAL_NAN : a & 0x7fffffff;
}

/** -1, 0 or 1 as `a` is below, equal to or above `b`; undefined when either is NaN. */
function order(a: number, b: number): number | undefined {
  if (isNaNBits(a) || isNaNBits(b)) return undefined;
  const place = (x: number): bigint => (isInfinite(x) ? (isNegative(x) ? -1n : 1n) << 300n : scaled(x));
  const difference = place(a) - place(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function exactLt(a: number, b: number): number {
  return order(a, b) === -1 ? TRUE_MASK : 0;
}

export function exactLe(a: number, b: number): number {
  const sign = order(a, b);
  return sign === -1 || sign === 0 ? TRUE_MASK : 0;
}

export function exactEq(a: number, b: number): number {
  return order(a, b) === 0 ? TRUE_MASK : 0;
}

export function exactMax(a: number, b: number): number {
  return canonical(order(a, b) === -1 ? b : a);
}

export function exactMin(a: number, b: number): number {
  return canonical(order(b, a) === -1 ? b : a);
}

/** The integer chosen by `pick` between the two around a finite word; zero results keep the sign of the operand. */
function toIntegral(a: number, pick: (below: bigint, rest: bigint) => bigint): number {
  if (isNaNBits(a) || isInfinite(a) || isZero(a)) return canonical(a);
  // A right shift of a bigint rounds down, so rest is in [0, 2^149).
  const below = scaled(a) >> 149n;
  const integer = pick(below, scaled(a) - (below << 149n));
  return integer === 0n ? signed(isNegative(a), 0) : round(integer, 0);
}

function nearestEven(below: bigint, rest: bigint): bigint {
  const half = 1n << 148n;
  const up = rest > half || (rest === half && (below & 1n) === 1n);
  return up ? below + 1n : below;
}

export function exactFloor(a: number): number {
  return toIntegral(a, (below) => below);
}

export function exactNearest(a: number): number {
  return toIntegral(a, nearestEven);
}

export function exactFromI32(a: number): number {
  const integer = BigInt(a | 0);
  return integer === 0n ? 0 : round(integer, 0);
}

export function exactToI32(a: number): number {
  if (isNaNBits(a)) return 0;
  if (isInfinite(a)) return a === NEGATIVE_INFINITY ? 0x80000000 : 0x7fffffff;
  const truncated = scaled(a) / (1n << 149n);
  if (truncated > 0x7fffffffn) return 0x7fffffff;
  if (truncated < -0x80000000n) return 0x80000000;
  return Number(BigInt.asUintN(32, truncated));
}

export function exactMulhiU(a: number, b: number): number {
  return Number((BigInt(a >>> 0) * BigInt(b >>> 0)) >> 32n);
}
