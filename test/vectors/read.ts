// Reads the vectors of this folder as another team would: JSON, and words and bytes in hexadecimal digits.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The entries of a file, whose head names the version of the numerics. */
export function readVectors<T>(name: string): T[] {
  const file = JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), "utf8")) as {
    numerics: number;
    vectors: T[];
  };
  if (file.numerics !== 1 || file.vectors.length === 0)
    throw new RangeError(`${name}.json holds no vectors of version 1`);
  return file.vectors;
}

/** Words of eight hexadecimal digits, with spaces between. */
export function wordsOf(text: string): Uint32Array {
  return Uint32Array.from(text.split(" "), (digits) => Number.parseInt(digits, 16));
}

export interface ScalarVector {
  readonly scalar: `0x${string}`;
  readonly scalarHash: string;
}

/** The operands and the one result of a line. */
export function caseOf(line: string): { operands: Uint32Array[]; result: number } {
  const words = wordsOf(line);
  return {
    operands: [...words.subarray(0, -1)].map((word) => Uint32Array.of(word)),
    result: words[words.length - 1],
  };
}
