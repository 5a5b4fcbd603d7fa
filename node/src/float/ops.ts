/**
 * The float and integer instructions of a scalar program on 32-bit words (numerics, "Words and arithmetic"). Words go
 * in and out as unsigned numbers; float results are rounded to nearest even, subnormals are kept, and every NaN, in or
 * out, is the canonical one. Every function is total: no word is refused.
 *
 * Only operations that IEEE-754 and ECMAScript define exactly are used, so every engine gives the same bits.
 */

import { fromBits, isNaNBits, toBits, CANONICAL_NAN, SIGN_BIT } from "./words.ts";

/** The mask a comparison returns when it holds; 0 otherwise. */
export const TRUE_MASK = 0xffffffff;

// For one operation on binary32 operands, rounding through binary64 is innocuous: 53 >= 2 * 24 + 2 bits. That holds for
// + - * / and sqrt, subnormal results included (Figueroa 1995).

export function add(a: number, b: number): number {
  return toBits(fromBits(a) + fromBits(b));
}

export function sub(a: number, b: number): number {
  return toBits(fromBits(a) - fromBits(b));
}

export function mul(a: number, b: number): number {
  return toBits(fromBits(a) * fromBits(b));
}

export function div(a: number, b: number): number {
  return toBits(fromBits(a) / fromBits(b));
}

export function sqrt(a: number): number {
  return toBits(Math.sqrt(fromBits(a)));
}

const sumView = new Float64Array(1);
const sumHalves = new Int32Array(sumView.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/**
 * `a * b + c` with one rounding.
 *
 * The product is exact in binary64 but the sum is not, and rounding it twice is wrong in one to six percent of halfway
 * cases. So the sum is rounded to odd: where TwoSum finds an error and the last bit of the sum is even, the neighbour
 * on the error's side is taken. 53 >= 24 + 2 bits then make the rounding to binary32 the only one (Boldo and Melquiond
 * 2008). Subnormal results need fewer bits still, and nothing here can leave the normal range of binary64.
 */
export function fma(a: number, b: number, c: number): number {
  const product = fromBits(a) * fromBits(b);
  const addend = fromBits(c);
  const sum = product + addend;
  const virtualAddend = sum - product;
  const error = product - (sum - virtualAddend) + (addend - virtualAddend);
  // An infinite or NaN operand makes the error NaN, and the sum is then already right.
  if (error === 0 || error !== error) return toBits(sum);
  sumView[0] = sum;
  if ((sumHalves[LOW] & 1) === 0) {
    // An even low half cannot carry upwards, but it can borrow.
    if (error > 0 === sum > 0) sumHalves[LOW] += 1;
    else {
      if (sumHalves[LOW] === 0) sumHalves[HIGH] -= 1;
      sumHalves[LOW] -= 1;
    }
  }
  return toBits(sumView[0]);
}

export function neg(a: number): number {
  return isNaNBits(a) ? CANONICAL_NAN : (a ^ SIGN_BIT) >>> 0;
}

export function abs(a: number): number {
  return isNaNBits(a) ? CANONICAL_NAN : a & 0x7fffffff;
}

/** `a < b ? b : a`: the first operand wins on equality and on NaN in either place. */
export function max(a: number, b: number): number {
  const x = fromBits(a);
  const y = fromBits(b);
  return toBits(x < y ? y : x);
}

/** `b < a ? b : a`: the first operand wins on equality and on NaN in either place. */
export function min(a: number, b: number): number {
  const x = fromBits(a);
  const y = fromBits(b);
  return toBits(y < x ? y : x);
}

/** {@link TRUE_MASK} if `a < b`, else 0. False with a NaN; zeros are equal. */
export function lt(a: number, b: number): number {
  return fromBits(a) < fromBits(b) ? TRUE_MASK : 0;
}

/** {@link TRUE_MASK} if `a <= b`, else 0. False with a NaN; zeros are equal. */
export function le(a: number, b: number): number {
  return fromBits(a) <= fromBits(b) ? TRUE_MASK : 0;
}

/** {@link TRUE_MASK} if `a == b`, else 0. False with a NaN; zeros are equal. */
export function eq(a: number, b: number): number {
  return fromBits(a) === fromBits(b) ? TRUE_MASK : 0;
}

/** The greatest integer not above `a`, as a float. Zeros keep their sign. */
export function floor(a: number): number {
  return toBits(Math.floor(fromBits(a)));
}

/** The integer nearest to `a`, ties to even, as a float. The sign is kept, also of a zero result. */
export function nearest(a: number): number {
  const magnitude = Math.abs(fromBits(a));
  // 2^23: from here on every float is an integer. NaN and infinity go the same way.
  if (!(magnitude < 8388608)) return toBits(fromBits(a));
  // In [2^23, 2^24) the last bit weighs one, so a binary32 addition rounds to an integer, ties to even.
  const rounded = Math.fround(magnitude + 8388608) - 8388608;
  return (toBits(rounded) | (a & SIGN_BIT)) >>> 0;
}

/** The float nearest to a two's complement 32-bit integer. */
export function fromI32(a: number): number {
  return toBits(a | 0);
}

/** The integer part of `a` as a two's complement word: towards zero, saturating at the ends, NaN to 0. */
export function toI32(a: number): number {
  const x = fromBits(a);
  if (x >= 2147483648) return 0x7fffffff;
  if (x < -2147483648) return 0x80000000;
  return Math.trunc(x) >>> 0;
}

/** The high 32 bits of the unsigned 64-bit product. */
export function mulhiU(a: number, b: number): number {
  // Sixteen-bit halves keep every partial sum below 2^53.
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const cross = aLow * bHigh + (middle % 65536);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0;
}

/** The unsigned quotient, rounded down. A zero divisor gives 0, as in the EVM. */
export function divU(a: number, b: number): number {
  const divisor = b >>> 0;
  return divisor === 0 ? 0 : Math.floor((a >>> 0) / divisor);
}

/** The unsigned remainder. A zero divisor gives 0, as in the EVM. */
export function remU(a: number, b: number): number {
  const divisor = b >>> 0;
  return divisor === 0 ? 0 : (a >>> 0) % divisor;
}
