/**
 * Division with a remainder, of floats and of integers, as scalar programs (numerics, "Words and arithmetic"): instructions only, never the host's. Exact
 * for all arguments; a zero divisor of integers gives 0.
 */

import type { ScalarBuilder, Value } from "../ir/build.ts";
import { below, scale, withSign } from "./math.ts";

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
