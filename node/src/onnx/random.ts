/**
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"), the generator of the numerics: as plain
 * numbers, and as instructions of a scalar program. A counter of four words and a key of two give four words; nothing is
 * carried from one number to the next.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import * as math from "./math.ts";

const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
/** What is added to the key between rounds. */
const BUMPS = [0x9e3779b9, 0xbb67ae85] as const;

/** The block of a counter under a key, written to `out`. All are u32. */
export function philox(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): Uint32Array {
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highProduct(0xd251, 0x1f53, c0);
    const low0 = Math.imul(MULTIPLIERS[0], c0);
    const high1 = highProduct(0xcd9e, 0x8d57, c2);
    const low1 = Math.imul(MULTIPLIERS[1], c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + BUMPS[0]) | 0;
    k1 = (k1 + BUMPS[1]) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  return out;
}

/** The high word of a product; the multiplier comes in halves so that every product is below 2^32. */
function highProduct(high: number, low: number, x: number): number {
  const xLow = x & 0xffff;
  const xHigh = x >>> 16;
  const middle = (Math.imul(high, xLow) + (Math.imul(low, xLow) >>> 16)) | 0;
  const carried = (Math.imul(low, xHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(high, xHigh) + (middle >>> 16) + (carried >>> 16)) | 0;
}

/** The four words of a counter under a key, i32; the key's words may be registers of a prologue. */
export function philoxWords(
  b: ScalarBuilder,
  counter: readonly [Register, Register, Register, Register],
  key: readonly [Register, Register],
): [Register, Register, Register, Register] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = [b.mulhiU(c0, MULTIPLIERS[0]), b.mulI(c0, MULTIPLIERS[0])];
    const [high1, low1] = [b.mulhiU(c2, MULTIPLIERS[1]), b.mulI(c2, MULTIPLIERS[1])];
    [c0, c1, c2, c3] = [b.xor(b.xor(high1, c1), k0), low1, b.xor(b.xor(high0, c3), k1), low0];
    if (round < ROUNDS - 1) [k0, k1] = [b.addI(k0, BUMPS[0]), b.addI(k1, BUMPS[1])];
  }
  return [c0, c1, c2, c3];
}

/** A float strictly between 0 and 1 from the upper 23 bits of a word: (n + 1/2) / 2^23, exact. */
export function unitFloat(b: ScalarBuilder, word: Register): Register {
  return b.mul(b.add(b.fromI32(b.shrU(word, 9)), 0.5), 2 ** -23);
}

/** A number of the standard Gumbel distribution from a word, in [-2.82, 16.7]: -log(-log(u)). */
export function gumbel(b: ScalarBuilder, word: Register): Register {
  return b.neg(math.log(b, b.neg(math.log(b, unitFloat(b, word)))));
}
