// A seeded generator of uniform and bell-shaped numbers for the examples. Integer arithmetic, one division by a power of two
// and additions only, so every machine draws the same numbers.

/** A stream of numbers. */
export interface Random {
  /** Uniform in [0, 1), a multiple of 2^-32. */
  uniform: () => number;
  /** Uniform in [low, high). */
  between: (low: number, high: number) => number;
  /** An integer in 0..count-1. */
  below: (count: number) => number;
  /** Mean 0, variance 1, within ±3.5: the sum of four uniform numbers, scaled. */
  bell: () => number;
}

/** The stream of a seed (any 32-bit integer): the mulberry32 generator. */
export function random(seed: number): Random {
  let state = seed | 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 4294967296;
  };
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    below: (count) => Math.floor(uniform() * count),
    // Four uniforms have variance 1/3.
    bell: () => (uniform() + uniform() + uniform() + uniform() - 2) * 1.7320508075688772,
  };
}
