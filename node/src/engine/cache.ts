/** A small cache that forgets what was used least recently. */
export interface Cache<Value> {
  /** The value under the key, made on a miss. */
  get(key: string, make: () => Value): Value;
}

/** A cache of at most `capacity` values. */
export function createCache<Value extends object>(capacity: number): Cache<Value> {
  const values = new Map<string, Value>();
  return {
    get(key, make) {
      const value = values.get(key) ?? make();
      // A Map keeps insertion order, so the first key is the oldest.
      values.delete(key);
      values.set(key, value);
      if (values.size > capacity) values.delete(values.keys().next().value as string);
      return value;
    },
  };
}
