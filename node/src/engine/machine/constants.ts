/**
 * The constants of a program by their roots. Constants of different lengths can share a root, since the last chunk is filled
 * up with zeros: one place holds the longest, and words past the end of the shorter ones are zero either way. Refuses words
 * of lengths that the program does not state, and a root that stands for two numbers of chunks: no words have both.
 */
import type { Program } from "../../ir/program.ts";
import type { Hash } from "../../merkle/hash.ts";
import { chunkCount } from "../../merkle/tensor.ts";
import { ConstantLengthError } from "./types.ts";
import type { ProgramData } from "./types.ts";

export interface ConstantSource {
  /** Longest length of every constant that a primitive reads, by root. */
  readonly read: ReadonlyMap<Hash, number>;
  /** The words of a constant of the program, as many as the longest of its root has. */
  wordsOf(root: Hash): Uint32Array;
}

/** Where a program's constants come from. */
export function constantSource(program: Program, { constants }: Pick<ProgramData, "constants">): ConstantSource {
  const read = new Map<Hash, number>();
  const stated = new Map<Hash, Set<number>>();
  const state = (root: Hash, length: number): void => {
    stated.set(root, (stated.get(root) ?? new Set()).add(length));
  };
  for (const { records } of program.segments) {
    for (const { operands } of records) {
      for (const operand of operands) {
        if (operand.kind !== "constant") continue;
        state(operand.root, operand.length);
        read.set(operand.root, Math.max(read.get(operand.root) ?? 0, operand.length));
      }
    }
  }
  for (const { initial, length } of program.slots) if (initial.kind === "constant") state(initial.root, length);
  return {
    read,
    wordsOf(root) {
      const words = constants(root);
      const lengths = stated.get(root);
      if (lengths === undefined) return words;
      const longest = Math.max(...lengths);
      // No node of the tree over the one is a leaf of the other: what was computed from either could not be proven.
      for (const length of lengths) {
        if (chunkCount(length) !== chunkCount(longest)) throw new ConstantLengthError(root, longest, length);
      }
      // What the program states nothing of may be longer by zeros.
      if (words.length > longest && words.subarray(longest).every((word) => word === 0))
        return words.subarray(0, longest);
      if (!lengths.has(words.length)) throw new ConstantLengthError(root, words.length, longest);
      if (words.length === longest) return words;
      const extended = new Uint32Array(longest);
      extended.set(words);
      return extended;
    },
  };
}
