/**
 * Integers other than int32 in i32 words (spec, "Words and arithmetic"): types of fewer bits are wrapped after each
 * operation, uint32 is compared and divided by its bits. Refuses nothing.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { divideI32 } from "./division.ts";
import { INTEGERS, isIntegerType } from "./values.ts";
import type { ElementType } from "./values.ts";

const TOP_BIT = -(2 ** 31);

/** A word as its element type stores it: the low bits, sign-extended where the type is signed. */
export function wrapped(b: ScalarBuilder, elementType: ElementType, word: Register): Register {
  if (!isIntegerType(elementType)) return word;
  const { bits, signed } = INTEGERS[elementType];
  if (bits >= 32) return word;
  if (!signed) return b.and(word, 2 ** bits - 1);
  return b.shrS(b.shl(word, 32 - bits), 32 - bits);
}

/** A word whose signed order is the order of the values. */
export function orderKey(b: ScalarBuilder, elementType: ElementType, word: Register): Register {
  return elementType === "uint32" ? b.xor(word, TOP_BIT) : word;
}

/** The nearest float of a uint32: both halves are exact, so the sum is rounded once. */
export function floatOfUint32(b: ScalarBuilder, word: Register): Register {
  return b.fma(b.fromI32(b.shrU(word, 16)), 65536, b.fromI32(b.and(word, 65535)));
}

/** The uint32 of a float: towards zero, saturating; NaN gives 0. */
export function uint32OfFloat(b: ScalarBuilder, x: Register): Register {
  const high = b.xor(b.toI32(b.sub(x, 2 ** 31)), TOP_BIT);
  return b.select(b.lt(x, 2 ** 31), b.maxI(b.toI32(x), 0), b.select(b.eq(x, x), high, b.i32(0)));
}

/** uint32 quotient; 0 for a zero divisor. */
export function divideU32(b: ScalarBuilder, n: Register, d: Register): Register {
  const atLeast = (x: Register, y: Register): Register => b.leI(b.xor(y, TOP_BIT), b.xor(x, TOP_BIT));
  // Half of n fits 31 bits; twice its quotient leaves a remainder below twice the divisor.
  const most = b.shl(divideI32(b, b.shrU(n, 1), d), 1);
  const rest = b.subI(n, b.mulI(most, d));
  const small = b.addI(most, b.i32FromBool(atLeast(rest, d)));
  const large = b.i32FromBool(atLeast(n, d));
  return b.select(b.eqI(d, 0), b.i32(0), b.select(b.ltI(d, 0), large, small));
}

/** base^exponent of integers, modulo 2^32; a negative exponent gives the truncated reciprocal, and 0 for the base 0. */
export function powerI32(b: ScalarBuilder, base: Register, exponent: Register): Register {
  let result: Register = b.i32(1);
  let square = base;
  for (let bit = 0; bit < 31; bit++) {
    const isSet = b.neI(b.and(exponent, 2 ** bit), 0);
    result = b.select(isSet, b.mulI(result, square), result);
    square = b.mulI(square, square);
  }
  const isOdd = b.neI(b.and(exponent, 1), 0);
  const minusOne = b.select(isOdd, b.i32(-1), b.i32(1));
  const reciprocal = b.select(b.eqI(base, 1), b.i32(1), b.select(b.eqI(base, -1), minusOne, b.i32(0)));
  return b.select(b.ltI(exponent, 0), reciprocal, result);
}
