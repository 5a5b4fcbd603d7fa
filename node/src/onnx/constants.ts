/**
 * The words of a lowered program's constants by tensor root (spec, "Program"). They are read or converted when asked for, not
 * held: a model of gigabytes exists once, in whatever memory runs it. A Map of words is one too.
 */

import type { Hash } from "../ir/program.ts";
import { wordsOf } from "./values.ts";
import type { KnownValue } from "./values.ts";

/** Constants by root. `get` may read a file each time: ask once for each, use the words and drop them. */
export interface Constants {
  /** The words of a constant, or undefined where the program has none of that root. The caller must not write them. */
  get(root: Hash): Uint32Array | undefined;
  has(root: Hash): boolean;
  keys(): Iterable<Hash>;
  readonly size: number;
}

/** Constants over known values, whose payloads may be lazy. */
export function constantsOf(values: ReadonlyMap<Hash, KnownValue>): Constants {
  return {
    get(root) {
      const value = values.get(root);
      return value === undefined ? undefined : wordsOf(value, root);
    },
    has: (root) => values.has(root),
    keys: () => values.keys(),
    size: values.size,
  };
}

/** Every constant with its words, read one by one. */
export function* eachConstant(constants: Constants): Generator<[Hash, Uint32Array]> {
  for (const root of constants.keys()) yield [root, constants.get(root)!];
}
