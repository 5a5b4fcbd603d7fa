/**
 * Views between a binary32 word (an unsigned 32-bit integer) and the number it encodes, and the one NaN of Lockstep
 * (numerics, "Words and arithmetic"). Nothing here is refused: every 32-bit word is a float.
 */

/** The only NaN a register or a committed word may hold: positive, quiet, no payload. */
export const CANONICAL_NAN = 0x7fc00000;

export const POSITIVE_INFINITY = 0x7f800000;
export const NEGATIVE_INFINITY = 0xff800000;
export const SIGN_BIT = 0x80000000;

// One 4-byte buffer seen twice. JavaScript runs one thread per agent and neither function yields, so sharing is safe.
const floatView = new Float32Array(1);
const wordView = new Uint32Array(floatView.buffer);

/** The word of `x` rounded to binary32 (nearest, ties to even), unsigned. A NaN gives {@link CANONICAL_NAN}. */
export function toBits(x: number): number {
  // The engine is free to store any NaN payload, so the payload is fixed here and not in the view.
  if (x !== x) return CANONICAL_NAN;
  floatView[0] = x;
  return wordView[0];
}

/** The number that the low 32 bits of `bits` encode, exactly. Every NaN pattern gives NaN. */
export function fromBits(bits: number): number {
  wordView[0] = bits;
  return floatView[0];
}

/** Whether the word encodes a NaN, of any sign and payload. */
export function isNaNBits(bits: number): boolean {
  return (bits & 0x7fffffff) > POSITIVE_INFINITY;
}

/** The word as an unsigned integer, with every NaN pattern replaced by {@link CANONICAL_NAN}. */
export function canonical(bits: number): number {
  return isNaNBits(bits) ? CANONICAL_NAN : bits >>> 0;
}
