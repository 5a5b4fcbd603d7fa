// Random choices that are the same for the same seed.
export interface Random {
  /** A whole number from 0 to `end` - 1. */
  below(end: number): number;
  /** True once in `times`. */
  once(times: number): boolean;
  /** One of the items; undefined of none. */
  pick<T>(items: readonly T[]): T | undefined;
}

/** xorshift32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0 || 1;
  const below = (end: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % end;
  };
  return {
    below,
    once: (times) => below(times) === 0,
    pick: (items) => (items.length === 0 ? undefined : items[below(items.length)]),
  };
}
