/** What a kind of model of `lockstep dispute fuzz` gives, and how inputs are drawn. */
import { below, type Random } from "../../float/directed.ts";
import { toBits } from "../../float/words.ts";
import type { Program } from "../../ir/index.ts";
import { randomWords } from "../../ir/random.ts";
import type { Hash } from "../../merkle/index.ts";

/** What a run is about: a program with all that running it takes. */
export interface FuzzModel {
  readonly program: Program;
  readonly inputs: readonly Uint32Array[];
  readonly steps: number;
  constant(root: Hash): Uint32Array;
}

/** Draws a tensor. */
export type Draw = (random: Random) => Uint32Array;

/** Makes a model anew for every run. */
export type Kind = (random: Random) => FuzzModel;

/** Makes it when it is asked for first: lowering does not depend on the run. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Words of f32, some of them hard, in one draw of eight all. */
export function anyFloats(length: number): Draw {
  // A whole tensor of hard words drowns in NaN: one word in sixteen is enough to meet every special case.
  return (random) => {
    const hard = randomWords(random, "f32", length);
    const everywhere = below(random, 8) === 0;
    return hard.map((word) => (everywhere || below(random, 16) === 0 ? word : toBits(random() / 2 ** 30 - 2)));
  };
}

/** least .. bound - 1. */
export function integers(length: number, bound: number, least = 0): Draw {
  return (random) => Uint32Array.from({ length }, () => least + below(random, bound - least));
}

/** Words of bool. */
export function masks(length: number): Draw {
  return (random) => Uint32Array.from({ length }, () => (below(random, 2) === 0 ? 0 : 0xffffffff));
}
