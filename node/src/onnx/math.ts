/**
 * Transcendental functions as scalar programs (numerics, "Words and arithmetic"): instructions only, never the host's. Each
 * states its greatest error in ulp of the result, measured by math.test.ts. They are total: NaN gives NaN, and infinities
 * and subnormal numbers are handled as IEEE-754 asks. Coefficients are minimax fits made for these forms.
 */

import type { ScalarBuilder, Value } from "../ir/build.ts";

/** 1.5 * 2^23: adding it rounds a float below 2^22 in magnitude to an integer, in the low bits of the sum. */
const ROUNDER = 12582912;
const ROUNDER_BITS = 0x4b400000;

const LOG2_E = 1.4426950216293335;
/** ln 2 in two parts: the first has 15 bits, so that products with exponents are exact. */
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = 1.42860677e-6;

/** c0 + c1*x + c2*x^2 + ..., by Horner's rule. */
export function polynomial(b: ScalarBuilder, x: Value, coefficients: readonly number[]): Value {
  const [first, ...rest] = coefficients.toReversed();
  return rest.reduce<Value>((sum, coefficient) => b.fma(sum, x, coefficient), b.f32(first));
}

/** `magnitude` with the sign of `sign`. The magnitude must be non-negative or NaN. */
export function withSign(b: ScalarBuilder, magnitude: Value, sign: Value): Value {
  const bit = b.and(b.bitsOf(sign), 0x80000000);
  // or: the sign bit of a magnitude is clear; that of NaN does not matter.
  return b.fromBits(b.or(b.bitsOf(magnitude), bit));
}

/** 2^n for an integer n in -126..127. */
export function powerOfTwo(b: ScalarBuilder, n: Value): Value {
  return b.fromBits(b.shl(b.addI(n, 127), 23));
}

/** x = n*ln2 + r with |r| <= ln2/2: n as float and as i32, and r. For |x| < 2^15. */
function reduceByLn2(b: ScalarBuilder, x: Value): { n: Value; integer: Value; r: Value } {
  const shifted = b.fma(x, LOG2_E, ROUNDER);
  const n = b.sub(shifted, ROUNDER);
  // n * LN2_HIGH is exact and so is its difference from x: r is rounded once.
  const r = b.fma(n, -LN2_LOW, b.fma(n, -LN2_HIGH, x));
  return { n, integer: b.subI(b.bitsOf(shifted), ROUNDER_BITS), r };
}

/** (e^r - 1 - r) / r^2 for |r| <= ln2/2, relative to e^r within 2^-29. */
const EXP_TAIL = [
  0.5, 0.1666666716337204, 0.041666269302368164, 0.008333263918757439, 0.0013946177205070853, 0.000199185247765854,
];

/** `value * 2^n` for n in -252..254, with one rounding: the first factor keeps the value normal. */
export function scale(b: ScalarBuilder, value: Value, n: Value): Value {
  const half = b.shrS(n, 1);
  return b.mul(b.mul(value, powerOfTwo(b, half)), powerOfTwo(b, b.subI(n, half)));
}

/** e^(x + rest), where rest is a correction below one ulp of x, or null. */
function expOf(b: ScalarBuilder, x: Value, rest: Value | null): Value {
  // Beyond these ends the result is 0 or infinity anyway. A NaN passes: it is the first argument of both.
  const limited = b.min(b.max(x, -104), 89);
  const reduced = reduceByLn2(b, limited);
  const r = rest === null ? reduced.r : b.add(reduced.r, rest);
  const one = b.add(r, 1);
  const lost = b.sub(r, b.sub(one, 1));
  const more = rest === null ? lost : b.add(lost, b.sub(rest, b.sub(r, reduced.r)));
  const small = b.fma(b.mul(r, r), polynomial(b, r, EXP_TAIL), more);
  return scale(b, b.add(one, small), reduced.integer);
}

/** e^x. Error below 0.8 ulp. */
export function exp(b: ScalarBuilder, x: Value): Value {
  return expOf(b, x, null);
}

/** e^x - 1 for x >= 0. Infinity beyond the range. */
export function expMinusOne(b: ScalarBuilder, x: Value): Value {
  const { integer, r } = reduceByLn2(b, b.min(x, 89));
  const tail = polynomial(b, r, EXP_TAIL);
  const q = b.fma(b.mul(r, r), tail, r);
  // 2^n q + (2^n - 1), halved so that n = 128 does not overflow before its time.
  const power = powerOfTwo(b, b.addI(integer, -1));
  return b.mul(b.fma(power, q, b.sub(power, 0.5)), 2);
}

/** x = 2^n * m with m in [sqrt(1/2), sqrt(2)), for x > 0 and finite; other x give some n and m. */
function splitExponent(b: ScalarBuilder, x: Value): { n: Value; m: Value } {
  const tiny = b.lt(x, 1.1754943508222875e-38);
  const normal = b.select(tiny, b.mul(x, 8388608), x);
  const bits = b.bitsOf(normal);
  const exponent = b.shrS(b.subI(bits, 0x3f3504f3), 23);
  const m = b.fromBits(b.subI(bits, b.shl(exponent, 23)));
  return { n: b.fromI32(b.addI(exponent, b.select(tiny, b.i32(-23), b.i32(0)))), m };
}

/** (ln(1+f) - f + f^2/2) / f^3 for 1+f in [sqrt(1/2), sqrt(2)), absolute error below 1e-9 where multiplied by f^2. */
const LOG_TAIL = [
  0.3333331048488617, -0.24999986588954926, 0.20002226531505585, -0.16669249534606934, 0.14218656718730927,
  -0.1238437220454216, 0.11873006075620651, -0.11789684742689133, 0.06915155798196793,
];

/** Gives `finite` its values at 0 (minus infinity), infinity, NaN and below zero (NaN). */
function logEnds(b: ScalarBuilder, x: Value, finite: Value): Value {
  const positive = b.select(b.lt(x, Infinity), finite, x);
  return b.select(b.le(x, 0), b.select(b.eq(x, 0), b.f32(-Infinity), b.f32(NaN)), positive);
}

/** Natural logarithm. Error below 0.8 ulp. */
export function log(b: ScalarBuilder, x: Value): Value {
  const { n, m } = splitExponent(b, x);
  const f = b.sub(m, 1);
  const square = b.mul(f, f);
  const tail = b.fma(f, polynomial(b, f, LOG_TAIL), -0.5);
  const small = b.fma(n, LN2_LOW, b.mul(square, tail));
  return logEnds(b, x, b.fma(n, LN2_HIGH, b.add(f, small)));
}

/** ln(1 + x). Error below 1.4 ulp. */
export function logOnePlus(b: ScalarBuilder, x: Value): Value {
  const sum = b.add(x, 1);
  // What rounding 1 + x lost, relative to it. TwoSum: exact whichever is larger.
  const back = b.sub(sum, x);
  const lost = b.add(b.sub(x, b.sub(sum, back)), b.sub(1, back));
  const corrected = b.add(log(b, sum), b.div(lost, sum));
  const isPlain = b.and(b.lt(x, Infinity), b.gt(x, -1));
  const result = b.select(isPlain, corrected, log(b, sum));
  // 1 + x is 1: ln(1 + x) is x there, with its sign of zero.
  return b.select(b.lt(b.abs(x), 5.9e-8), x, result);
}

/** Hyperbolic tangent. Error below 2.2 ulp. */
export function tanh(b: ScalarBuilder, x: Value): Value {
  // From 9.02 on the result rounds to 1.
  const magnitude = b.min(b.abs(x), 9.1);
  const grown = expMinusOne(b, b.add(magnitude, magnitude));
  return withSign(b, b.div(grown, b.add(grown, 2)), x);
}

/** 1 / (1 + e^-x). Error below 2.1 ulp. */
export function sigmoid(b: ScalarBuilder, x: Value): Value {
  const decayed = exp(b, b.neg(b.abs(x)));
  // e / (1 + e) for negative x, so that results below 2^-126 survive.
  const top = b.select(b.lt(x, 0), decayed, b.f32(1));
  return b.div(top, b.add(decayed, 1));
}

/** ln(1 + e^x). Error below 1.9 ulp. */
export function softplus(b: ScalarBuilder, x: Value): Value {
  const decayed = exp(b, b.neg(b.abs(x)));
  return b.add(b.max(x, 0), logOnePlus(b, decayed));
}

/** erf(x)/x - 1 by x^2, for |x| < 0.93. */
const ERF_SMALL = [
  0.12837916612625122, -0.37612634897232056, 0.11283694207668304, -0.02685927040874958, 0.005200634244829416,
  -0.0008137438562698662, 0.00008345227979589254,
];
/** ln(erfc(t))/t + 1, for 0.92 <= t < 3.95. */
const ERF_LARGE = [
  -0.12865212559700012, -0.6351359486579895, -0.10626313835382462, 0.023785341531038284, -0.003653761465102434,
  0.00032565207220613956, -0.000011522226486704312,
];

/** The error function. Error below 1.2 ulp. */
export function erf(b: ScalarBuilder, x: Value): Value {
  const magnitude = b.abs(x);
  const near = b.fma(x, polynomial(b, b.mul(x, x), ERF_SMALL), x);
  // From 3.92 on erf rounds to 1. A NaN passes min as its first argument.
  const t = b.min(magnitude, 3.95);
  const far = b.sub(1, exp(b, b.fma(t, polynomial(b, t, ERF_LARGE), b.neg(t))));
  return b.select(b.lt(magnitude, 0.93), near, withSign(b, far, x));
}

/** (2 atanh(s) - 2s) / s^3 by s^2, for |s| <= 0.172. */
const ATANH_TAIL = [0.6666666269302368, 0.40000346302986145, 0.285366028547287, 0.23596332967281342];

/** ln|x| for x finite and not 0, as a sum of two floats with about 32 bits. */
function logTwoParts(b: ScalarBuilder, x: Value): { high: Value; low: Value } {
  const { n, m } = splitExponent(b, x);
  const f = b.sub(m, 1);
  const d = b.add(m, 1);
  // m + 1 and f / (m + 1) with the parts that rounding lost.
  const dRest = b.sub(m, b.sub(d, 1));
  const s = b.div(f, d);
  const sRest = b.div(b.fma(b.neg(s), dRest, b.fma(b.neg(s), d, f)), d);
  const square = b.mul(s, s);
  const tail = b.mul(b.mul(s, square), polynomial(b, square, ATANH_TAIL));
  const exact = b.mul(n, LN2_HIGH);
  const twice = b.add(s, s);
  const sum = b.add(exact, twice);
  // TwoSum of exact and twice.
  const back = b.sub(sum, exact);
  const lost = b.add(b.sub(exact, b.sub(sum, back)), b.sub(twice, back));
  const small = b.add(lost, b.add(b.fma(n, LN2_LOW, b.add(sRest, sRest)), tail));
  const high = b.add(sum, small);
  return { high, low: b.sub(small, b.sub(high, sum)) };
}

/** x^y, with the special values of IEEE-754 pow. Error below 3.5 ulp. */
export function pow(b: ScalarBuilder, x: Value, y: Value): Value {
  const base = b.abs(x);
  const { high, low } = logTwoParts(b, base);
  const isOrdinary = b.and(b.lt(0, base), b.lt(base, Infinity));
  const logHigh = b.select(isOrdinary, high, b.select(b.eq(base, 0), b.f32(-Infinity), base));
  const product = b.mul(y, logHigh);
  const rest = b.fma(y, low, b.fma(y, high, b.neg(product)));
  // Where the product is outside the range of exp its last bits do not matter, and the rest may be NaN.
  const inRange = b.and(isOrdinary, b.lt(b.abs(product), 110));
  const magnitude = expOf(b, product, b.select(inRange, rest, b.f32(0)));
  const isInteger = b.eq(b.floor(y), y);
  const half = b.mul(y, 0.5);
  const isOdd = b.and(isInteger, b.ne(b.floor(half), half));
  const isNegative = b.ltI(b.bitsOf(x), 0);
  const signed = b.select(b.and(isNegative, isOdd), b.neg(magnitude), magnitude);
  // A negative finite base with a fractional exponent has no real power; zeros and infinities have.
  const hasNone = b.and(b.and(isNegative, isOrdinary), b.not(isInteger));
  const result = b.select(hasNone, b.f32(NaN), signed);
  const isUnit = b.or(b.eq(x, 1), b.eq(y, 0));
  const isTurn = b.and(b.eq(x, -1), b.eq(b.abs(y), Infinity));
  return b.select(b.or(isUnit, isTurn), b.f32(1), result);
}

/** Unsigned a < b. */
export function below(b: ScalarBuilder, left: Value, right: Value): Value {
  return b.ltI(b.xor(left, 0x80000000), b.xor(right, 0x80000000));
}
