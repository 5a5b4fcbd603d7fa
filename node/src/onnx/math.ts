/**
 * Transcendental functions as scalar programs (numerics, "Words and arithmetic"): instructions only, never the host's. Each
 * states its greatest error in ulp of the result, measured over all arguments (docs/accuracy.md). They are total: NaN gives
 * NaN, and infinities and subnormal numbers are handled as IEEE-754 asks. Coefficients are minimax fits made for these forms.
 */

import type { ScalarBuilder, Value } from "../ir/build.ts";

/** 1.5 * 2^23: adding it rounds a float below 2^22 in magnitude to an integer, in the low bits of the sum. */
const ROUNDER = 12582912;
const ROUNDER_BITS = 0x4b400000;
/** The exponent field of 1, and twice that: added to a rounder, they leave exponent fields in the low bits of the sum. */
const ONE_FIELD = 127;
const TWO_FIELDS = 254;

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

/** x = n*ln2 + r with |r| <= ln2/2: r, and the sum with n + `field` in its low bits. For |x| < 2^15. */
function reduceByLn2(b: ScalarBuilder, x: Value, field: number): { shifted: Value; r: Value } {
  const shifted = b.fma(x, LOG2_E, ROUNDER + field);
  const n = b.sub(shifted, ROUNDER + field);
  // n * LN2_HIGH is exact and so is its difference from x: r is rounded once.
  return { shifted, r: b.fma(n, -LN2_LOW, b.fma(n, -LN2_HIGH, x)) };
}

/** (e^r - 1 - r) / r^2 for |r| <= ln2/2, relative to e^r within 2^-28. */
const EXP_TAIL = [
  0.4999999403953552, 0.1666652113199234, 0.04166826605796814, 0.008368677459657192, 0.001382073387503624,
];
/** The same, relative to e^r within 2^-29 and closer near 0. */
const EXP_LONG_TAIL = [
  0.5, 0.1666666716337204, 0.041666269302368164, 0.008333263918757439, 0.0013946177205070853, 0.000199185247765854,
];

/** `value * 2^n` for n in -252..254, with one rounding: the first factor keeps the value normal. */
export function scale(b: ScalarBuilder, value: Value, n: Value): Value {
  const half = b.shrS(n, 1);
  return b.mul(b.mul(value, powerOfTwo(b, half)), powerOfTwo(b, b.subI(n, half)));
}

/** The same, n given by the low bits of `shifted`, which hold n + 254. Higher bits do not matter. */
function scaleByFields(b: ScalarBuilder, value: Value, shifted: Value): Value {
  const bits = b.bitsOf(shifted);
  // Half of n + 254 is the exponent field of one factor, what remains that of the other.
  const half = b.and(b.shl(bits, 22), 0xff800000);
  return b.mul(b.mul(value, b.fromBits(half)), b.fromBits(b.subI(b.shl(bits, 23), half)));
}

/** 1 + r + r^2 * EXP_TAIL. */
function expNearZero(b: ScalarBuilder, r: Value): Value {
  return polynomial(b, r, [1, 1, ...EXP_TAIL]);
}

/** e^(r + rest), with what rounding 1 + r lost. `rest` is a correction below one ulp of r, or null. */
function carefulExpNearZero(b: ScalarBuilder, r: Value, rest: Value | null): Value {
  const sum = rest === null ? r : b.add(r, rest);
  const one = b.add(sum, 1);
  const lost = b.sub(sum, b.sub(one, 1));
  const more = rest === null ? lost : b.add(lost, b.sub(rest, b.sub(sum, r)));
  return b.add(one, b.fma(b.mul(sum, sum), polynomial(b, sum, EXP_TAIL), more));
}

/** From here down e^x rounds to 0. */
const LEAST_EXPONENT = -104;
/** From here up e^x is infinite. */
const GREATEST_EXPONENT = 89;

/** An argument in the range of exp that gives the same result. A NaN passes: it is the first argument of both. */
function limitExp(b: ScalarBuilder, x: Value): Value {
  return b.min(b.max(x, LEAST_EXPONENT), GREATEST_EXPONENT);
}

/** e^(x + rest) for x in the range of exp, where rest is a correction below one ulp of x, or null. Error below 0.8 ulp. */
function carefulExp(b: ScalarBuilder, x: Value, rest: Value | null): Value {
  const { shifted, r } = reduceByLn2(b, x, TWO_FIELDS);
  return scaleByFields(b, carefulExpNearZero(b, r, rest), shifted);
}

/** e^x. Error below 0.8 ulp. */
export function exp(b: ScalarBuilder, x: Value): Value {
  return carefulExp(b, limitExp(b, x), null);
}

/** e^x in four instructions less, for operators that combine it with others. Error below 0.9 ulp. */
export function quickExp(b: ScalarBuilder, x: Value): Value {
  const { shifted, r } = reduceByLn2(b, limitExp(b, x), TWO_FIELDS);
  return scaleByFields(b, expNearZero(b, r), shifted);
}

/** e^-|x|. Error below 0.8 ulp. */
function decayOf(b: ScalarBuilder, x: Value): Value {
  return carefulExp(b, b.max(b.neg(b.abs(x)), LEAST_EXPONENT), null);
}

/** e^x - 1 for x >= 0. Infinity beyond the range. */
export function expMinusOne(b: ScalarBuilder, x: Value): Value {
  const { shifted, r } = reduceByLn2(b, b.min(x, 89), 0);
  const integer = b.subI(b.bitsOf(shifted), ROUNDER_BITS);
  const tail = polynomial(b, r, EXP_LONG_TAIL);
  const q = b.fma(b.mul(r, r), tail, r);
  // 2^n q + (2^n - 1), halved so that n = 128 does not overflow before its time.
  const power = powerOfTwo(b, b.addI(integer, -1));
  return b.mul(b.fma(power, q, b.sub(power, 0.5)), 2);
}

/** Words of sqrt(1/2), and of 0.69140625, from where a logarithm's sums are rounded best. */
const [ROOT_HALF, LEAST_MANTISSA] = [0x3f3504f3, 0x3f310000];

/** x = 2^n * m with m from `least` up to its double, for x > 0 and finite; other x give some n and m. */
function splitExponent(b: ScalarBuilder, x: Value, least: number): { n: Value; m: Value } {
  const tiny = b.lt(x, 1.1754943508222875e-38);
  const normal = b.select(tiny, b.mul(x, 8388608), x);
  const bits = b.bitsOf(normal);
  const exponent = b.shrS(b.subI(bits, least), 23);
  const m = b.fromBits(b.subI(bits, b.shl(exponent, 23)));
  return { n: b.fromI32(b.addI(exponent, b.select(tiny, b.i32(-23), b.i32(0)))), m };
}

/** (ln(1+f) - f + f^2/2) / f^3 for 1+f in [0.6914, 1.3829), within 2^-30 of ln(1+f) where multiplied by f^3. */
const LOG_TAIL = [
  0.33333316445350647, -0.2499990165233612, 0.20001693069934845, -0.16674581170082092, 0.14236360788345337,
  -0.12285763025283813, 0.11610514670610428, -0.1235220655798912, 0.08329425752162933,
];

/** Gives `finite` its values at 0 (minus infinity), infinity, NaN and below zero (NaN). */
function logEnds(b: ScalarBuilder, x: Value, finite: Value): Value {
  const positive = b.select(b.lt(x, Infinity), finite, x);
  return b.select(b.le(x, 0), b.select(b.eq(x, 0), b.f32(-Infinity), b.f32(NaN)), positive);
}

/** ln(x) + rest, where rest is a correction below one ulp of x, or null. */
function logOf(b: ScalarBuilder, x: Value, rest: Value | null): Value {
  const { n, m } = splitExponent(b, x, LEAST_MANTISSA);
  const f = b.sub(m, 1);
  const square = b.mul(f, f);
  const tail = b.fma(f, polynomial(b, f, LOG_TAIL), -0.5);
  const low = rest === null ? b.mul(n, LN2_LOW) : b.fma(n, LN2_LOW, rest);
  return logEnds(b, x, b.fma(n, LN2_HIGH, b.add(f, b.fma(square, tail, low))));
}

/** Natural logarithm. Error below 0.81 ulp. */
export function log(b: ScalarBuilder, x: Value): Value {
  return logOf(b, x, null);
}

/** ln(1 + x). Error below 1.4 ulp. */
export function logOnePlus(b: ScalarBuilder, x: Value): Value {
  const sum = b.add(x, 1);
  // What rounding 1 + x lost, relative to it. TwoSum: exact whichever is larger.
  const back = b.sub(sum, x);
  const lost = b.add(b.sub(x, b.sub(sum, back)), b.sub(1, back));
  const isPlain = b.and(b.lt(x, Infinity), b.gt(x, -1));
  const result = logOf(b, sum, b.select(isPlain, b.div(lost, sum), b.f32(0)));
  // 1 + x is 1: ln(1 + x) is x there, with its sign of zero.
  return b.select(b.lt(b.abs(x), 5.9e-8), x, result);
}

/** tanh(x)/x - 1 by x^2, for |x| < 0.625. The first is +0, so that the tangent of -0 is -0. */
const TANH_SMALL = [
  0, -0.3333328068256378, 0.13331405818462372, -0.05373651534318924, 0.02062816731631756, -0.005692296661436558,
];

/** Hyperbolic tangent. Error below 1.4 ulp. */
export function tanh(b: ScalarBuilder, x: Value): Value {
  const magnitude = b.abs(x);
  const near = b.fma(x, polynomial(b, b.mul(x, x), TANH_SMALL), x);
  // 1 - 2 / (e^(2t) + 1); from 9.02 on it rounds to 1.
  const t = b.min(magnitude, 9.1);
  const { shifted, r } = reduceByLn2(b, b.add(t, t), ONE_FIELD);
  const grown = b.mul(expNearZero(b, r), b.fromBits(b.shl(b.bitsOf(shifted), 23)));
  const far = b.sub(1, b.div(2, b.add(grown, 1)));
  return b.select(b.lt(magnitude, 0.625), near, b.select(b.lt(x, 0), b.neg(far), far));
}

/** 1 / (1 + e^-x). Error below 2.1 ulp. */
export function sigmoid(b: ScalarBuilder, x: Value): Value {
  const decayed = decayOf(b, x);
  // e / (1 + e) for negative x, so that results below 2^-126 survive.
  const top = b.select(b.lt(x, 0), decayed, b.f32(1));
  const bottom = b.add(decayed, 1);
  const quotient = b.div(top, bottom);
  // What rounding 1 + e added matters most where that is near 1, and dividing by it would change nothing.
  return b.fma(quotient, b.sub(b.sub(bottom, 1), decayed), quotient);
}

/** ln(1 + e^x). Error below 1.7 ulp. */
export function softplus(b: ScalarBuilder, x: Value): Value {
  const decayed = decayOf(b, x);
  return b.add(b.max(x, 0), logOnePlus(b, decayed));
}

/** erf(x)/x - 1 by x^2, for |x| < 0.93. */
const ERF_SMALL = [
  0.12837916612625122, -0.3761262893676758, 0.11283625662326813, -0.02685573138296604, 0.005192405078560114,
  -0.0008049769676290452, 0.00007996649947017431,
];
/** -log2(erfc(t))/t - 2, for 0.92 <= t < 3.95. */
const ERF_LARGE = [
  -0.37190312147140503, 0.9171658754348755, 0.15183591842651367, -0.033006828278303146, 0.004632940515875816,
  -0.0003080612514168024,
];
/** (2^f - 1) / f for |f| <= 1/2, relative to 2^f within 2^-28. */
const EXP2_TAIL = [
  0.6931471824645996, 0.24022647738456726, 0.05550359562039375, 0.009618503041565418, 0.0013390998356044292,
  0.0001532784226583317,
];

/** 2^x for -126 <= x <= 127. */
function exp2(b: ScalarBuilder, x: Value): Value {
  const shifted = b.add(x, ROUNDER + ONE_FIELD);
  const f = b.sub(x, b.sub(shifted, ROUNDER + ONE_FIELD));
  return b.mul(polynomial(b, f, [1, ...EXP2_TAIL]), b.fromBits(b.shl(b.bitsOf(shifted), 23)));
}

/** The error function. Error below 1.1 ulp. */
export function erf(b: ScalarBuilder, x: Value): Value {
  const magnitude = b.abs(x);
  const near = b.fma(x, polynomial(b, b.mul(x, x), ERF_SMALL), x);
  // From 3.92 on erf rounds to 1. A NaN passes min as its first argument.
  const t = b.min(magnitude, 3.95);
  const far = b.sub(1, exp2(b, b.fma(b.neg(t), polynomial(b, t, ERF_LARGE), b.mul(t, -2))));
  return b.select(b.lt(magnitude, 0.93), near, b.select(b.lt(x, 0), b.neg(far), far));
}

/** Phi(x) - 1/2 for |x| <= 5.53 is x * NORMAL_TOP(x^2) / NORMAL_BOTTOM(x^2), within 2^-25. */
const NORMAL_TOP = [
  0.398942232131958, 0.03360708802938461, 0.004663615021854639, 0.0001665097224758938, 0.000006354608558467589,
  2.3064274046191713e-8,
];
const NORMAL_BOTTOM = [
  1, 0.25090649724006653, 0.028508933261036873, 0.0018713354365900159, 0.00007299872959265485, 0.0000012068409205312491,
];
/** There the quotient is 1/2 exactly, as Phi is to binary32. */
const NORMAL_END = 5.5234375;

/** x * Phi(x), without an exponential. Error below 9e-7 everywhere and below 2.9 ulp for x >= 0. */
export function gelu(b: ScalarBuilder, x: Value): Value {
  const limited = b.max(b.min(x, NORMAL_END), -NORMAL_END);
  const square = b.mul(limited, limited);
  const top = b.mul(limited, polynomial(b, square, NORMAL_TOP));
  return b.fma(x, b.div(top, polynomial(b, square, NORMAL_BOTTOM)), b.mul(x, 0.5));
}

/** x / (1 + e^(-2u)) for u = sqrt(2/pi) * (x + 0.044715 x^3), which is x/2 * (1 + tanh(u)). */
export function geluByTanh(b: ScalarBuilder, x: Value): Value {
  const exponent = b.mul(x, b.fma(b.mul(x, x), -0.07135481387376785, -1.5957691669464111));
  return b.div(x, b.add(quickExp(b, exponent), 1));
}

/** (2 atanh(s) - 2s) / s^3 by s^2, for |s| <= 0.172. */
const ATANH_TAIL = [0.6666666269302368, 0.40000346302986145, 0.285366028547287, 0.23596332967281342];

/** ln|x| for x finite and not 0, as a sum of two floats with about 32 bits. */
function logTwoParts(b: ScalarBuilder, x: Value): { high: Value; low: Value } {
  const { n, m } = splitExponent(b, x, ROOT_HALF);
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
  const magnitude = carefulExp(b, limitExp(b, product), b.select(inRange, rest, b.f32(0)));
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
