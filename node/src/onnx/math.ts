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
const LN2 = 0.6931471824645996;

/** c0 + c1*x + c2*x^2 + ..., by Horner's rule. */
function polynomial(b: ScalarBuilder, x: Value, coefficients: readonly number[]): Value {
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
function powerOfTwo(b: ScalarBuilder, n: Value): Value {
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
function scale(b: ScalarBuilder, value: Value, n: Value): Value {
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

/** e^x. */
export function exp(b: ScalarBuilder, x: Value): Value {
  return expOf(b, x, null);
}

/** e^x - 1 for x >= 0. Infinity beyond the range. */
function expMinusOne(b: ScalarBuilder, x: Value): Value {
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

/** Natural logarithm. */
export function log(b: ScalarBuilder, x: Value): Value {
  const { n, m } = splitExponent(b, x);
  const f = b.sub(m, 1);
  const square = b.mul(f, f);
  const tail = b.fma(f, polynomial(b, f, LOG_TAIL), -0.5);
  const small = b.fma(n, LN2_LOW, b.mul(square, tail));
  return logEnds(b, x, b.fma(n, LN2_HIGH, b.add(f, small)));
}

/** ln(1 + x). */
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

/** Hyperbolic tangent. */
export function tanh(b: ScalarBuilder, x: Value): Value {
  // From 9.02 on the result rounds to 1.
  const magnitude = b.min(b.abs(x), 9.1);
  const grown = expMinusOne(b, b.add(magnitude, magnitude));
  return withSign(b, b.div(grown, b.add(grown, 2)), x);
}

/** 1 / (1 + e^-x). */
export function sigmoid(b: ScalarBuilder, x: Value): Value {
  const decayed = exp(b, b.neg(b.abs(x)));
  // e / (1 + e) for negative x, so that results below 2^-126 survive.
  const top = b.select(b.lt(x, 0), decayed, b.f32(1));
  return b.div(top, b.add(decayed, 1));
}

/** ln(1 + e^x). */
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

/** The error function. */
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

/** x^y, with the special values of IEEE-754 pow. */
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

// The first 224 bits of 2/pi after 32 zero bits, for windows that start left of the point.
const TWO_OVER_PI = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab];
const HALF_PI = 1.5707963705062866;
const HALF_PI_REST = -4.371138828673793e-8;

/** Unsigned a < b. */
function below(b: ScalarBuilder, left: Value, right: Value): Value {
  return b.ltI(b.xor(left, 0x80000000), b.xor(right, 0x80000000));
}

/**
 * x = quadrant * pi/2 + (r + rest), |r| <= pi/4, for every finite x: x is an integer of 24 bits times a power of two, and
 * 96 bits of 2/pi at the place of that power decide the product's fraction (Payne and Hanek 1983).
 */
function reduceByHalfPi(b: ScalarBuilder, x: Value): { quadrant: Value; r: Value; rest: Value } {
  const bits = b.and(b.bitsOf(x), 0x7fffffff);
  const exponent = b.shrU(bits, 23);
  const mantissa = b.or(b.and(bits, 0x7fffff), 0x800000);
  // Below 2^-7 no reduction is needed, and the window would start left of the table.
  const place = b.maxI(b.addI(exponent, -120), 0);
  const word = b.shrU(place, 5);
  const shift = b.and(place, 31);
  const power = b.select(b.eqI(shift, 31), b.i32(0x80000000), b.toI32(powerOfTwo(b, shift)));
  const table = (offset: number): Value =>
    [1, 2, 3, 4].reduce<Value>(
      (found, start) => b.select(b.eqI(word, start), b.i32(TWO_OVER_PI[start + offset] ?? 0), found),
      b.i32(TWO_OVER_PI[offset]),
    );
  const [t0, t1, t2, t3] = [0, 1, 2, 3].map(table);
  // (high << shift) | (low >> (32 - shift)); a shift of 0 makes the second product's high word 0.
  const window = (high: Value, low: Value): Value => b.or(b.mulI(high, power), b.mulhiU(low, power));
  const [w2, w1, w0] = [window(t0, t1), window(t1, t2), window(t2, t3)];
  const carried = b.mulhiU(mantissa, w0);
  const low = b.addI(b.mulI(mantissa, w1), carried);
  const carry = b.i32FromBool(below(b, low, carried));
  const high = b.addI(b.addI(b.mulI(mantissa, w2), b.mulhiU(mantissa, w1)), carry);
  const quadrant = b.shrU(b.addI(high, 0x20000000), 30);
  // The fraction of a quarter turn in units of 2^-64, in [-1/2, 1/2).
  const top = b.or(b.shl(high, 2), b.shrU(low, 30));
  const bottom = b.shl(low, 2);
  const coarse = b.mul(b.fromI32(b.and(top, 0xffffff00)), 2 ** -32);
  const fineWord = b.or(b.shl(b.and(top, 255), 16), b.shrU(bottom, 16));
  const fine = b.mul(b.fromI32(fineWord), 2 ** -48);
  const r = b.mul(coarse, HALF_PI);
  const rest = b.fma(fine, HALF_PI, b.fma(coarse, HALF_PI_REST, b.fma(coarse, HALF_PI, b.neg(r))));
  const isSmall = b.ltI(exponent, 120);
  const negative = b.ltI(b.bitsOf(x), 0);
  const signed = (value: Value): Value => b.select(negative, b.neg(value), value);
  return {
    quadrant: b.select(isSmall, b.i32(0), b.select(negative, b.subI(0, quadrant), quadrant)),
    r: b.select(isSmall, x, signed(r)),
    rest: b.select(isSmall, b.f32(0), signed(rest)),
  };
}

/** (sin(r) - r) / r^3 by r^2, for |r| <= pi/4. */
const SIN_TAIL = [-0.1666666716337204, 0.008333329111337662, -0.00019839327433146536, 2.71823728326126e-6];
/** (cos(r) - 1 + r^2/2) / r^4 by r^2, for |r| <= pi/4. */
const COS_TAIL = [0.04166664555668831, -0.001388736185617745, 0.000024437729734927416];

function sinAndCos(b: ScalarBuilder, x: Value): { quadrant: Value; sine: Value; cosine: Value } {
  const { quadrant, r, rest } = reduceByHalfPi(b, x);
  const square = b.mul(r, r);
  const sine = b.add(r, b.fma(b.mul(r, square), polynomial(b, square, SIN_TAIL), rest));
  const half = b.mul(square, -0.5);
  const one = b.add(half, 1);
  const lost = b.add(b.sub(1, one), half);
  const fourth = b.fma(b.mul(square, square), polynomial(b, square, COS_TAIL), b.fma(b.neg(r), rest, lost));
  const isFinite = b.lt(b.abs(x), Infinity);
  const keep = (value: Value): Value => b.select(isFinite, value, b.f32(NaN));
  return { quadrant, sine: keep(sine), cosine: keep(b.add(one, fourth)) };
}

/** sin(x + turns * pi/2). */
function sinTurned(b: ScalarBuilder, x: Value, turns: number): Value {
  const { quadrant, sine, cosine } = sinAndCos(b, x);
  const turned = b.addI(quadrant, turns);
  const value = b.select(b.eqI(b.and(turned, 1), 0), sine, cosine);
  return b.select(b.eqI(b.and(turned, 2), 0), value, b.neg(value));
}

/** Sine; infinities give NaN. */
export function sin(b: ScalarBuilder, x: Value): Value {
  return b.select(b.eq(x, 0), x, sinTurned(b, x, 0));
}

/** Cosine; infinities give NaN. */
export function cos(b: ScalarBuilder, x: Value): Value {
  return sinTurned(b, x, 1);
}

/** Tangent; infinities give NaN. */
export function tan(b: ScalarBuilder, x: Value): Value {
  const { quadrant, sine, cosine } = sinAndCos(b, x);
  const isEven = b.eqI(b.and(quadrant, 1), 0);
  const quotient = b.div(b.select(isEven, sine, b.neg(cosine)), b.select(isEven, cosine, sine));
  return b.select(b.eq(x, 0), x, quotient);
}

/** (atan(x) - x) / x^3 by x^2, for |x| <= 1. */
const ATAN_TAIL = [
  -0.33333301544189453, 0.19998638331890106, -0.1426524519920349, 0.10957576334476471, -0.0841945931315422,
  0.05823454633355141, -0.031455691903829575, 0.011064433492720127, -0.00182721100281924,
];

/** Arc tangent. */
export function atan(b: ScalarBuilder, x: Value): Value {
  const magnitude = b.abs(x);
  const isLarge = b.lt(1, magnitude);
  const t = b.select(isLarge, b.div(1, magnitude), magnitude);
  const square = b.mul(t, t);
  const near = b.fma(b.mul(t, square), polynomial(b, square, ATAN_TAIL), t);
  const far = b.add(b.sub(HALF_PI, near), HALF_PI_REST);
  return withSign(b, b.select(isLarge, far, near), x);
}

/** (asin(x) - x) / x^3 by x^2, for |x| <= 1/2. */
const ASIN_TAIL = [
  0.16666659712791443, 0.07500510662794113, 0.04451571777462959, 0.03181761875748634, 0.014402583241462708,
  0.037565235048532486,
];

/** For t = |x|: asin(t) where t <= 1/2, else asin(sqrt((1-t)/2)). */
function asinCore(b: ScalarBuilder, t: Value): { isLarge: Value; value: Value } {
  const isLarge = b.lt(0.5, t);
  const rest = b.mul(b.sub(1, t), 0.5);
  const square = b.select(isLarge, rest, b.mul(t, t));
  const root = b.select(isLarge, b.sqrt(rest), t);
  return { isLarge, value: b.fma(b.mul(root, square), polynomial(b, square, ASIN_TAIL), root) };
}

/** Arc sine; NaN outside [-1, 1]. */
export function asin(b: ScalarBuilder, x: Value): Value {
  const { isLarge, value } = asinCore(b, b.abs(x));
  const far = b.add(b.fma(value, -2, HALF_PI), HALF_PI_REST);
  return withSign(b, b.select(isLarge, far, value), x);
}

/** Arc cosine; NaN outside [-1, 1]. */
export function acos(b: ScalarBuilder, x: Value): Value {
  const { isLarge, value } = asinCore(b, b.abs(x));
  const isNegative = b.lt(x, 0);
  const twice = b.add(value, value);
  const far = b.select(isNegative, b.add(b.sub(2 * HALF_PI, twice), 2 * HALF_PI_REST), twice);
  const signed = b.select(isNegative, b.neg(value), value);
  const near = b.sub(HALF_PI, b.sub(signed, HALF_PI_REST));
  return b.select(isLarge, far, near);
}

/** (e^x - e^-x) / 2. */
export function sinh(b: ScalarBuilder, x: Value): Value {
  const magnitude = b.abs(x);
  const grown = expMinusOne(b, b.min(magnitude, 88));
  const near = b.mul(b.add(grown, b.div(grown, b.add(grown, 1))), 0.5);
  return withSign(b, b.select(b.lt(magnitude, 87), near, halfExp(b, magnitude)), x);
}

/** (e^x + e^-x) / 2. */
export function cosh(b: ScalarBuilder, x: Value): Value {
  const magnitude = b.abs(x);
  const grown = exp(b, b.min(magnitude, 88));
  const near = b.fma(grown, 0.5, b.div(0.5, grown));
  return b.select(b.lt(magnitude, 87), near, halfExp(b, magnitude));
}

/** e^x / 2 for x > 1, where e^x itself may overflow. */
function halfExp(b: ScalarBuilder, x: Value): Value {
  const root = exp(b, b.mul(x, 0.5));
  return b.mul(b.mul(root, 0.5), root);
}

/** Inverse of sinh. */
export function asinh(b: ScalarBuilder, x: Value): Value {
  const t = b.abs(x);
  const square = b.mul(t, t);
  // ln(1 + t + t^2/(1 + sqrt(1 + t^2))); beyond 2^20 that is ln(t) + ln 2, without the overflow.
  const near = logOnePlus(b, b.add(t, b.div(square, b.add(b.sqrt(b.add(square, 1)), 1))));
  const far = b.add(log(b, t), LN2);
  return withSign(b, b.select(b.lt(t, 1048576), near, far), x);
}

/** Inverse of cosh; NaN below 1. */
export function acosh(b: ScalarBuilder, x: Value): Value {
  const t = b.sub(x, 1);
  const near = logOnePlus(b, b.add(t, b.sqrt(b.fma(t, t, b.add(t, t)))));
  const far = b.add(log(b, x), LN2);
  return b.select(b.lt(x, 1), b.f32(NaN), b.select(b.lt(x, 1048576), near, far));
}

/** Inverse of tanh; infinite at -1 and 1, NaN outside. */
export function atanh(b: ScalarBuilder, x: Value): Value {
  const t = b.abs(x);
  const near = b.mul(logOnePlus(b, b.div(b.add(t, t), b.sub(1, t))), 0.5);
  const outside = b.lt(1, t);
  return b.select(outside, b.f32(NaN), withSign(b, near, x));
}

/** The exponent of x > 0, biased by 127; below 1 for subnormal numbers. */
function biasedExponent(b: ScalarBuilder, x: Value): Value {
  const normal = b.subI(b.shrU(b.bitsOf(b.mul(x, 16777216)), 23), 24);
  return b.select(b.lt(x, 1.1754943508222875e-38), normal, b.shrU(b.bitsOf(x), 23));
}

/**
 * x - trunc(x / y) * y with the sign of x, exact: C's fmod. Takes the only loop of its program: each of 15 turns removes 20
 * bits of a quotient of at most 277.
 */
export function remainder(b: ScalarBuilder, x: Value, y: Value): Value {
  const [n, d] = [b.abs(x), b.abs(y)];
  const divisorExponent = biasedExponent(b, d);
  const [rest] = b.loop({
    count: 15,
    carried: [{ type: "f32", init: 0 }],
    body: ({ k, carried: [total] }) => {
      const left = b.select(b.eqI(k, 0), n, total);
      const shift = b.maxI(b.subI(b.subI(biasedExponent(b, left), divisorExponent), 20), 0);
      const multiple = scale(b, d, b.minI(shift, 252));
      const quotient = b.floor(b.div(left, multiple));
      // Exact: a remainder has the last place of the operands. The quotient may have been rounded up past an integer.
      const first = b.fma(b.neg(quotient), multiple, left);
      return [b.select(b.lt(first, 0), b.add(first, multiple), first)];
    },
    combine: (_, [block]) => [block],
  });
  const isSmall = b.and(b.lt(n, d), b.lt(n, Infinity));
  return withSign(b, b.select(isSmall, n, rest), x);
}

/** i32 quotient towards zero; 0 for a zero divisor. */
export function divideI32(b: ScalarBuilder, x: Value, y: Value): Value {
  const magnitude = (value: Value): Value => b.select(b.ltI(value, 0), b.subI(0, value), value);
  const [n, d] = [magnitude(x), magnitude(y)];
  // As unsigned words: only 2^31 has its top bit set, and fromI32 of it is right but for the sign.
  const unsigned = (value: Value): Value => b.abs(b.fromI32(value));
  // A little too small, so that both estimates are at most the quotient; two leave a remainder below twice the divisor.
  const inverse = b.mul(b.div(1, unsigned(d)), 1 - 2 ** -21);
  const first = b.toI32(b.mul(unsigned(n), inverse));
  const rest = b.subI(n, b.mulI(first, d));
  const second = b.addI(first, b.toI32(b.mul(unsigned(rest), inverse)));
  const last = b.subI(n, b.mulI(second, d));
  const quotient = b.addI(second, b.i32FromBool(b.not(below(b, last, d))));
  const isNegative = b.xor(b.ltI(x, 0), b.ltI(y, 0));
  const signed = b.select(isNegative, b.subI(0, quotient), quotient);
  return b.select(b.eqI(y, 0), b.i32(0), signed);
}
