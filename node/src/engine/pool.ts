/**
 * Buffers of words, reused by length. A pinned buffer belongs to someone else and never comes back.
 */

export interface Pool {
  /** A buffer of this length, holding any words. */
  take(length: number): Uint32Array;
  /** Lets the next take have the buffer; nothing may read it any more. */
  give(words: Uint32Array): void;
  pin(this: void, words: Uint32Array): void;
}

/** An empty pool. */
export function createPool(): Pool {
  const free = new Map<number, Set<Uint32Array>>();
  const pinned = new WeakSet<Uint32Array>();
  return {
    take(length) {
      const held = free.get(length);
      for (const words of held ?? []) {
        held?.delete(words);
        return words;
      }
      return new Uint32Array(length);
    },
    give(words) {
      if (pinned.has(words)) return;
      const held = free.get(words.length) ?? new Set();
      free.set(words.length, held.add(words));
    },
    pin(words) {
      pinned.add(words);
    },
  };
}
