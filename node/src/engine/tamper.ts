/**
 * A single lie that makes an honest run a wrong one, for dishonest actors in tests and trials. Refuses lies at places that the
 * run does not have and lies that change nothing.
 */
import { LockstepError } from "../float/errors.ts";
import { segmentOfStep } from "../ir/program.ts";
import type { Program } from "../ir/program.ts";
import { CHUNK_WORDS } from "../merkle/hash.ts";
import { chunkCount } from "../merkle/tensor.ts";

/** A lie in a primitive's output, told right after it was computed; what follows from it is computed as usual. */
export interface PrimitiveTamper {
  readonly step: number;
  readonly primitive: number;
  /** From the tensor's length to the end of its last chunk the lie is in the padding. */
  readonly element: number;
  readonly xor: number;
}

/** A lie in a slot (or slot count + output) after a step, whose primitive was computed and committed honestly. */
export interface StateTamper {
  readonly step: number;
  readonly item: number;
  readonly element: number;
  readonly xor: number;
}

export type Tamper = PrimitiveTamper | StateTamper;

/** The words that a run commits to for a tensor: those computed, and a padding lie where it tells one. */
export function withPadding(words: Uint32Array, lie: { element: number; xor: number }): Uint32Array {
  if (lie.element < words.length) return words;
  const padded = new Uint32Array(chunkCount(words.length) * CHUNK_WORDS);
  padded.set(words);
  padded[lie.element] ^= lie.xor;
  return padded;
}

/** Throws TamperError unless the run has the place of the lie. */
export function checkTamper(program: Program, steps: number, tamper: Tamper): void {
  const { step, element, xor } = tamper;
  if (!Number.isInteger(step) || step < 0 || step >= steps) throw new TamperError("step", step);
  const segment = program.segments[segmentOfStep(program, step)];
  const tensors = "primitive" in tamper ? segment.records : [...program.slots, ...program.outputs];
  const index = "primitive" in tamper ? tamper.primitive : tamper.item;
  const tensor = tensors[index];
  if (tensor === undefined) throw new TamperError("primitive" in tamper ? "primitive" : "item", index);
  const end = chunkCount(tensor.length) * CHUNK_WORDS;
  if (!Number.isInteger(element) || element < 0 || element >= end) throw new TamperError("element", element);
  if (!Number.isInteger(xor) || xor === 0) throw new TamperError("xor", xor);
}

/** A lie at a place that the run does not have, or one that changes nothing. */
export class TamperError extends LockstepError {
  constructor(field: string, value: number) {
    super("TamperError", `cannot tamper with ${field} ${value}`, { field, value });
  }
}
