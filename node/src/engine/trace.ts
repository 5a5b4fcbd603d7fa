/**
 * The tree over a finished run (spec, "Trees" and "Positions and moves"): any node, any opening, the trace root and the
 * output roots. Nodes above the tensors are kept; those inside a tensor are hashed again from its re-executed words.
 * Refuses positions that are not in the trace.
 */
import { UNCHANGED } from "../ir/program.ts";
import { HASH_BYTES, ZERO_HASH, toHash } from "../merkle/hash.ts";
import type { Hash } from "../merkle/hash.ts";
import { chunkBytes, chunkCount, tensorTree } from "../merkle/tensor.ts";
import { buildTree, descendants, rangeProofOf, treeDepth, treeNode, treeRoot } from "../merkle/tree.ts";
import type { Tree } from "../merkle/tree.ts";
import { UncommittedRunError } from "./execute.ts";
import type { CommittedRoots, Run } from "./execute.ts";
import {
  OPENING_LEVELS,
  SECTION,
  childrenOf,
  isEmpty,
  normalised,
  opensToChunk,
  requirePosition,
  segmentAt,
  siblingsInTree,
  stepPosition,
  tensorOf,
  treeRootPosition,
} from "./position.ts";
import type { Position } from "./position.ts";
import { withPadding } from "./tamper.ts";

/** What the claimant answers a demand with. */
export type Opened =
  { readonly kind: "nodes"; readonly nodes: readonly Hash[] } | { readonly kind: "chunk"; readonly chunk: Uint8Array };

/** The root over all steps: what the run claims. */
export function traceRootOf(run: Run): Hash {
  return treeRoot(run.stepTree);
}

/** The roots of the outputs of the last step. */
export function outputRootsOf(run: Run): Hash[] {
  const first = run.program.slots.length;
  return run.program.outputs.map((_, output) => itemRoot(run, SECTION.state, run.steps - 1, first + output));
}

/** What ties the output roots to the trace root: the last step node, and the outputs as a range of its state tree. */
export interface OutputPaths {
  readonly scratchRoot: Hash;
  readonly stateRoot: Hash;
  readonly stepSiblings: readonly Hash[];
  readonly outputSiblings: readonly Hash[];
}

/** The paths of the outputs of the last step. */
export function outputPathsOf(run: Run): OutputPaths {
  const step = run.steps - 1;
  const { slots, outputs } = run.program;
  return {
    scratchRoot: committedScratchRoot(run, step),
    stateRoot: nodeAt(run, treeRootPosition(run, SECTION.state, step)),
    stepSiblings: siblingsInTree(run, stepPosition(step)).map((sibling) => nodeAt(run, sibling)),
    outputSiblings: rangeProofOf(itemTree(run, SECTION.state, step), slots.length, outputs.length),
  };
}

/** A node of the run's tree; zero where it covers no leaf. */
export function nodeAt(run: Run, position: Position): Hash {
  const node = normalised(run, position);
  if (isEmpty(run, node)) return ZERO_HASH;
  requirePosition(run, node);
  const { section, height, step, item, index } = node;
  switch (section) {
    case SECTION.steps:
      return treeNode(run.stepTree, height, index);
    case SECTION.scratch:
    case SECTION.state:
      return treeNode(itemTree(run, section, step), height, index);
    case SECTION.scratchTensor:
    case SECTION.stateTensor: {
      const leaves = chunkCount(tensorOf(run, section, step, item).length);
      // Roots are kept, so that only nodes inside a tensor cost a re-execution.
      if (height === treeDepth(leaves)) return itemRoot(run, section === SECTION.scratchTensor ? 1 : 2, step, item);
      return treeNode(committedTensor(run, section, step, item).tree(), height, index);
    }
  }
}

/** What a node opens to: its descendants five levels down, the two roots of a step, or a chunk. */
export function openingOf(run: Run, position: Position): Opened {
  const node = normalised(run, position);
  requirePosition(run, node);
  if (opensToChunk(node)) return { kind: "chunk", chunk: chunkAt(run, node) };
  if (node.section === SECTION.steps && node.height === 0 && run.trace === "deferred") {
    const stateRoot = nodeAt(run, treeRootPosition(run, SECTION.state, node.index));
    return { kind: "nodes", nodes: [committedScratchRoot(run, node.index), stateRoot] };
  }
  return { kind: "nodes", nodes: childrenOf(run, node).map((child) => nodeAt(run, child)) };
}

/** What answers the demand of a step, in either trace mode. */
export interface StepOpening {
  readonly stateRoot: Hash;
  /** The root that `nodes` fold to; of a deferred trace it is posted with them. */
  readonly scratchRoot: Hash;
  /** The tree over the step's primitives five levels below its root, or its leaves where it is not as deep. */
  readonly nodes: readonly Hash[];
}

/** The state root of a step, and the top of the tree over its primitives. */
export function stepOpeningOf(run: Run, step: number): StepOpening {
  requirePosition(run, stepPosition(step));
  const tree = itemTree(run, SECTION.scratch, step);
  return {
    stateRoot: nodeAt(run, treeRootPosition(run, SECTION.state, step)),
    scratchRoot: treeRoot(tree),
    nodes: descendants(tree, tree.depth, 0, Math.min(tree.depth, OPENING_LEVELS)),
  };
}

/** The chunk that a leaf of a tensor commits to: 1,024 bytes. */
export function chunkAt(run: Run, position: Position): Uint8Array {
  requirePosition(run, position);
  const { section, step, item, index } = position;
  return chunkBytes(committedTensor(run, section === SECTION.scratchTensor ? 3 : 4, step, item).words(), index);
}

/** The words that a root of the trace commits to (padding lies included), and their tree. */
export interface CommittedTensor {
  words(): Uint32Array;
  tree(): Tree;
}

/** The tree over a constant of the program. */
export function constantTree(run: Run, root: Hash): Tree {
  return run.trees.get(`constant ${root}`, () => tensorTree(run.constant(root), run.hasher));
}

/** The tree over an input, as the claim's inputsRoot commits to it. */
export function inputTensorTree(run: Run, input: number): Tree {
  return run.trees.get(`input ${input}`, () => tensorTree(run.committedInputs[input], run.hasher));
}

/** The scratch root under the node of a step: zero in a deferred trace, whose roots of primitives are not committed to. */
function committedScratchRoot(run: Run, step: number): Hash {
  return run.trace === "deferred" ? ZERO_HASH : nodeAt(run, treeRootPosition(run, SECTION.scratch, step));
}

function itemRoot(run: Run, section: 1 | 2, step: number, item: number): Hash {
  const roots = rootsAt(run, step);
  return toHash(section === SECTION.scratch ? roots.scratch : roots.state, item * HASH_BYTES);
}

/** Throws UncommittedRunError for a run that commits to nothing. */
function rootsAt(run: Run, step: number): CommittedRoots {
  const roots = run.roots[step];
  if (roots === undefined) throw new UncommittedRunError();
  return roots;
}

function itemTree(run: Run, section: 1 | 2, step: number): Tree {
  const roots = rootsAt(run, step);
  const leaves = section === SECTION.scratch ? roots.scratch : roots.state;
  return run.trees.get(`items ${section}.${step}`, () => buildTree(leaves, run.hasher));
}

/**
 * The tensor behind a root of a step. A state tensor is the one it was bound to, so that its committed words, a padding
 * lie included, and its tree are found in one place.
 */
export function committedTensor(run: Run, section: 3 | 4, step: number, item: number): CommittedTensor {
  const { tamper, program } = run;
  if (section === SECTION.scratchTensor) {
    const lie = tamper !== null && "primitive" in tamper && tamper.step === step && tamper.primitive === item;
    const words = (): Uint32Array => {
      const computed = run.tensorsAt(step).scratch[item];
      return lie ? withPadding(computed, tamper) : computed;
    };
    return committed(run, `scratch ${step}.${item}`, words);
  }
  for (let at = step; at >= 0; at--) {
    if (tamper !== null && "item" in tamper && tamper.step === at && tamper.item === item) {
      return committed(run, `state ${at}.${item}`, () => withPadding(run.tensorsAt(at).state[item], tamper));
    }
    const { slotBindings, outputBindings } = segmentAt(run, at);
    const bound = item < slotBindings.length ? slotBindings[item] : outputBindings[item - slotBindings.length];
    if (bound !== UNCHANGED) return committedTensor(run, SECTION.scratchTensor, at, bound);
  }
  const { initial } = program.slots[item];
  if (initial.kind === "constant") {
    return { words: () => run.constant(initial.root), tree: () => constantTree(run, initial.root) };
  }
  const words = run.inputs[initial.index];
  // A state with other words than zeros past its end is wrong wherever they come from.
  if (words !== run.committedInputs[initial.index]) return committed(run, `words ${initial.index}`, () => words);
  return { words: () => words, tree: () => inputTensorTree(run, initial.index) };
}

function committed(run: Run, key: string, words: () => Uint32Array): CommittedTensor {
  return { words, tree: () => run.trees.get(key, () => tensorTree(words(), run.hasher)) };
}
