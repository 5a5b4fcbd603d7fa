/**
 * The roots of a step made tensor by tensor from words on the host (spec, "Trees"): what the machine over a runner does
 * always, and every machine in a step that tells a lie.
 */
import { UNCHANGED } from "../../ir/program.ts";
import type { Program, Segment } from "../../ir/program.ts";
import { HASH_BYTES, fromHash } from "../../merkle/hash.ts";
import type { Hasher } from "../../merkle/hash.ts";
import { tensorTree } from "../../merkle/tensor.ts";
import type { Tree } from "../../merkle/tree.ts";
import { withPadding } from "../tamper.ts";
import type { PrimitiveTamper, StateTamper, Tamper } from "../tamper.ts";

/** The lie of a step about a primitive, or null. */
export function primitiveLie(tamper: Tamper | null, step: number): PrimitiveTamper | null {
  return tamper !== null && "primitive" in tamper && tamper.step === step ? tamper : null;
}

/** The lie of a step about a slot or an output, or null. */
export function stateLie(tamper: Tamper | null, step: number): StateTamper | null {
  return tamper !== null && "item" in tamper && tamper.step === step ? tamper : null;
}

/** Changes the word of a lie; a lie in the padding changes none. */
export function tellLie(words: Uint32Array, lie: { element: number; xor: number } | null): void {
  if (lie !== null && lie.element < words.length) words[lie.element] ^= lie.xor;
}

/** The tree of what a run commits to for words that hold the lie already, or one in the padding. */
export function committedTree(words: Uint32Array, lie: { element: number; xor: number } | null, hasher: Hasher): Tree {
  return tensorTree(lie === null ? words : withPadding(words, lie), hasher);
}

/** Copies a root to its place among flat ones. */
export function setRoot(roots: Uint8Array, index: number, tree: Tree): void {
  roots.set(tree.levels[tree.depth], index * HASH_BYTES);
}

/** The roots of the slots and outputs after a step, from those of its primitives and of the slots before it. */
export function boundRoots(segment: Segment, scratch: Uint8Array, slots: Uint8Array): Uint8Array {
  const bindings = [...segment.slotBindings, ...segment.outputBindings];
  const roots = new Uint8Array(bindings.length * HASH_BYTES);
  bindings.forEach((bound, item) => {
    const [from, index] = bound === UNCHANGED ? [slots, item] : [scratch, bound];
    roots.set(from.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES), item * HASH_BYTES);
  });
  return roots;
}

/** The roots of the slots before the first step. */
export function initialRoots(program: Program, inputs: readonly Uint32Array[], hasher: Hasher): Uint8Array {
  const roots = new Uint8Array(program.slots.length * HASH_BYTES);
  program.slots.forEach(({ initial }, slot) => {
    if (initial.kind === "constant") roots.set(fromHash(initial.root), slot * HASH_BYTES);
    else setRoot(roots, slot, tensorTree(inputs[initial.index], hasher));
  });
  return roots;
}

/** The roots of any words as slots. */
export function slotRootsOf(slots: readonly Uint32Array[], hasher: Hasher): Uint8Array {
  const roots = new Uint8Array(slots.length * HASH_BYTES);
  slots.forEach((words, slot) => setRoot(roots, slot, tensorTree(words, hasher)));
  return roots;
}
