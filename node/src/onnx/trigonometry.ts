/**
 * Circular and hyperbolic functions and their inverses as scalar programs (numerics, "Words and arithmetic"): instructions
 * only, never the host's. Each states its greatest error in ulp of the result (docs/accuracy.md). They are total: NaN gives
 * NaN, and arguments of any size are reduced exactly.
 */

import type { ScalarBuilder, Value } from "../ir/build.ts";
import { below, exp, expMinusOne, log, logOnePlus, polynomial, powerOfTwo, withSign } from "./math.ts";

const LN2 = 0.6931471824645996;

// The first 224 bits of 2/pi after 32 zero bits, for windows that start left of the point.
const TWO_OVER_PI = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab];
const HALF_PI = 1.5707963705062866;
const HALF_PI_REST = -4.371138828673793e-8;

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
  // It may be as small as 2^-31 of a turn, and needs 24 bits from there: 24, 24 and 16 bits of it are exact as floats. The
  // first part is cut towards zero, so that the others do not cancel it.
  const cut = b.and(b.addI(top, b.and(b.shrS(top, 31), 255)), 0xffffff00);
  const coarse = b.mul(b.fromI32(cut), 2 ** -32);
  const fineWord = b.or(b.shl(b.subI(top, cut), 16), b.shrU(bottom, 16));
  const fine = b.mul(b.fromI32(fineWord), 2 ** -48);
  const finest = b.mul(b.fromI32(b.and(bottom, 0xffff)), 2 ** -64);
  const r = b.mul(coarse, HALF_PI);
  const lost = b.fma(coarse, HALF_PI_REST, b.fma(coarse, HALF_PI, b.neg(r)));
  const rest = b.fma(fine, HALF_PI, b.add(lost, b.fma(fine, HALF_PI_REST, b.mul(finest, HALF_PI))));
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

/** Sine; infinities give NaN. Error below 1.103 ulp. */
export function sin(b: ScalarBuilder, x: Value): Value {
  return b.select(b.eq(x, 0), x, sinTurned(b, x, 0));
}

/** Cosine; infinities give NaN. Error below 1.13 ulp. */
export function cos(b: ScalarBuilder, x: Value): Value {
  return sinTurned(b, x, 1);
}

/** Tangent; infinities give NaN. Error below 3 ulp. */
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

/** Arc tangent. Error below 1.4 ulp. */
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

/** Arc sine; NaN outside [-1, 1]. Error below 1.9 ulp. */
export function asin(b: ScalarBuilder, x: Value): Value {
  const { isLarge, value } = asinCore(b, b.abs(x));
  const far = b.add(b.fma(value, -2, HALF_PI), HALF_PI_REST);
  return withSign(b, b.select(isLarge, far, value), x);
}

/** Arc cosine; NaN outside [-1, 1]. Error below 1.4 ulp. */
export function acos(b: ScalarBuilder, x: Value): Value {
  const { isLarge, value } = asinCore(b, b.abs(x));
  const isNegative = b.lt(x, 0);
  const twice = b.add(value, value);
  const far = b.select(isNegative, b.add(b.sub(2 * HALF_PI, twice), 2 * HALF_PI_REST), twice);
  const signed = b.select(isNegative, b.neg(value), value);
  const near = b.sub(HALF_PI, b.sub(signed, HALF_PI_REST));
  return b.select(isLarge, far, near);
}

/** (e^x - e^-x) / 2. Error below 2.3 ulp. */
export function sinh(b: ScalarBuilder, x: Value): Value {
  const magnitude = b.abs(x);
  const grown = expMinusOne(b, b.min(magnitude, 88));
  const near = b.mul(b.add(grown, b.div(grown, b.add(grown, 1))), 0.5);
  return withSign(b, b.select(b.lt(magnitude, 87), near, halfExp(b, magnitude)), x);
}

/** (e^x + e^-x) / 2. Error below 2.3 ulp. */
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

/** Inverse of sinh. Error below 1.8 ulp. */
export function asinh(b: ScalarBuilder, x: Value): Value {
  const t = b.abs(x);
  const square = b.mul(t, t);
  // ln(1 + t + t^2/(1 + sqrt(1 + t^2))); beyond 2^20 that is ln(t) + ln 2, without the overflow.
  const near = logOnePlus(b, b.add(t, b.div(square, b.add(b.sqrt(b.add(square, 1)), 1))));
  const far = b.add(log(b, t), LN2);
  return withSign(b, b.select(b.lt(t, 1048576), near, far), x);
}

/** Inverse of cosh; NaN below 1. Error below 2.1 ulp. */
export function acosh(b: ScalarBuilder, x: Value): Value {
  const t = b.sub(x, 1);
  const near = logOnePlus(b, b.add(t, b.sqrt(b.fma(t, t, b.add(t, t)))));
  const far = b.add(log(b, x), LN2);
  return b.select(b.lt(x, 1), b.f32(NaN), b.select(b.lt(x, 1048576), near, far));
}

/** Inverse of tanh; infinite at -1 and 1, NaN outside. Error below 2.1 ulp. */
export function atanh(b: ScalarBuilder, x: Value): Value {
  const t = b.abs(x);
  const near = b.mul(logOnePlus(b, b.div(b.add(t, t), b.sub(1, t))), 0.5);
  const outside = b.lt(1, t);
  return b.select(outside, b.f32(NaN), withSign(b, near, x));
}
