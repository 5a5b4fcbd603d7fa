/**
 * The walk of a dispute as pure decisions (spec, "Positions and moves"): what a challenger does next, given its own run and
 * what the claimant has opened so far, and what a claimant answers. The challenger follows the first child that differs
 * from its own tree, so that everything before it is agreed; it never demands what it can conclude.
 */
import { CHUNK_WORDS, ZERO_HASH } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { chunkBytes, wordsFromChunk } from "../../merkle/tensor.ts";
import { treeDepth } from "../../merkle/tree.ts";
import type { Run } from "../execute.ts";
import {
  SECTION,
  childrenOf,
  isEmpty,
  opensToChunk,
  siblingsToRoot,
  tensorOf,
  traceRootPosition,
} from "../position.ts";
import type { Position } from "../position.ts";
import { committedTensor, nodeAt, openingOf, stepOpeningOf } from "../trace.ts";
import type { Opened } from "../trace.ts";
import { NO_BYTES, evidenceOf } from "./evidence.ts";
import { buildElementProof, buildPaddingProof, buildSlotProof, isBound } from "./proofs.ts";
import { FRAUD } from "./types.ts";
import type { FraudProof, Opening, TensorShown } from "./types.ts";
import { createClaimantView } from "./view.ts";
import type { ClaimantView, TraceView } from "./view.ts";

/** A demand, as the game takes it. */
export interface Demand {
  readonly position: Position;
  readonly node: Hash;
  /** Siblings from the node to the trace root, tree by tree. */
  readonly path: readonly Hash[];
  readonly shown: TensorShown;
}

/** What a challenger does next. */
export type Action =
  | { readonly kind: "agree" }
  | { readonly kind: "demand"; readonly demand: Demand }
  | { readonly kind: "prove"; readonly fraud: FraudProof };

/** Where a walk stands: at a node that nobody opened yet, as far as the claimant's tree is known, or at its end. */
export type Stop =
  | { readonly kind: "agree" }
  | { readonly kind: "look"; readonly position: Position; readonly view: ClaimantView }
  | { readonly kind: "prove"; readonly fraud: FraudProof };

/**
 * The challenger's next move against a claim of the same program, inputs, steps and trace mode as its own run. `openings` are
 * all that were made for the claim, by anyone and in any order. Throws OpeningMismatchError for an opening that is no preimage.
 */
export function nextAction(own: Run, traceRoot: Hash, openings: readonly Opening[]): Action {
  const stop = nextStop(own, traceRoot, openings);
  return stop.kind === "look" ? { kind: "demand", demand: demandAt(stop.view, stop.position) } : stop;
}

/** Where the walk down the first differences stops, given the openings. Throws what nextAction throws. */
export function nextStop(own: Run, traceRoot: Hash, openings: readonly Opening[]): Stop {
  const view = createClaimantView(own, traceRoot, openings);
  let position = traceRootPosition(own);
  if (traceRoot === nodeAt(own, position)) return { kind: "agree" };
  for (;;) {
    if (!view.isOpened(position)) return { kind: "look", position, view };
    if (opensToChunk(position)) return { kind: "prove", fraud: chunkFraud(view, position) };
    position = firstDifference(view, position);
    // What stands in the state tree is bound by a root, so a differing root is already a proof, unless the claim's inputs
    // hold words past their ends: then the slot that is one of them does, which is wrong too.
    if (position.section === SECTION.stateTensor && !isBound(view, position.step, position.item)) {
      return {
        kind: "prove",
        fraud: { kind: FRAUD.badSlot, proof: buildSlotProof(view, position.step, position.item) },
      };
    }
  }
}

/** The claimant's answer to a demand: what its run opens there; of a step its two roots, the posted one of a deferred trace. */
export function answerDemand(own: Run, position: Position): Opened {
  if (position.section !== SECTION.steps || position.height !== 0) return openingOf(own, position);
  const { scratchRoot, stateRoot } = stepOpeningOf(own, position.index);
  return { kind: "nodes", nodes: [scratchRoot, stateRoot] };
}

/** A demand for a node that the view knows. */
export function demandAt(view: TraceView, position: Position): Demand {
  return { position, node: view.node(position), path: pathOf(view, position), shown: tensorShown(view.run, position) };
}

// To the trace root; of a deferred trace to the posted scratch root, or past the zero that stands in its place.
function pathOf(view: TraceView, position: Position): Hash[] {
  const { run } = view;
  const siblings = siblingsToRoot(run, position);
  if (run.trace !== "deferred" || position.section === SECTION.steps)
    return siblings.map((sibling) => view.node(sibling));
  const inStep = siblings.length - 1 - treeDepth(run.steps);
  const nodes = siblings.slice(0, inStep).map((sibling) => view.node(sibling));
  if (position.section === SECTION.scratch || position.section === SECTION.scratchTensor) return nodes;
  return [...nodes, ZERO_HASH, ...siblings.slice(inStep + 1).map((sibling) => view.node(sibling))];
}

/** What a demand shows of the sizes of the trees it enters. */
export function tensorShown(run: Run, position: Position): TensorShown {
  const evidence = evidenceOf(run.program);
  const { section, height, step, item } = position;
  const record = section === SECTION.scratchTensor ? evidence.record(step, item) : null;
  return {
    // A step node leads into the tree over its primitives.
    summary: section === SECTION.steps && height > 0 ? NO_BYTES : evidence.summary,
    record: record?.record ?? NO_BYTES,
    recordSiblings: record?.siblings ?? [],
    interfaceTable: section === SECTION.stateTensor ? evidence.interfaceTable : NO_BYTES,
  };
}

/**
 * The first fault of a claimant whose whole run is known, as a direct proof; null when both runs are the same. The walk
 * with every opening at hand.
 */
export function findFraud(own: Run, claimant: Run): FraudProof | null {
  const openings: Opening[] = [];
  const traceRoot = nodeAt(claimant, traceRootPosition(claimant));
  for (;;) {
    const action = nextAction(own, traceRoot, openings);
    if (action.kind === "agree") return null;
    if (action.kind === "prove") return action.fraud;
    const { position } = action.demand;
    openings.push({ position, ...answerDemand(claimant, position) });
  }
}

// An opened node that differs has a child that differs, or two preimages of one hash were found.
function firstDifference(view: ClaimantView, position: Position): Position {
  const own = view.run;
  const children = childrenOf(own, position).filter((child) => !isEmpty(own, child));
  const differing = children.find((child) => view.node(child) !== nodeAt(own, child));
  if (differing === undefined) throw new RangeError("a node differs and none of its children does");
  return differing;
}

// A chunk that differs has a wrong word: within the tensor's length one to recompute, else one that must be zero.
function chunkFraud(view: TraceView, position: Position): FraudProof {
  const { step, item, index } = position;
  const section = position.section === SECTION.scratchTensor ? SECTION.scratchTensor : SECTION.stateTensor;
  const { length } = tensorOf(view.run, section, step, item);
  const claimed = wordsFromChunk(view.chunk(position));
  const computed = wordsFromChunk(chunkBytes(committedTensor(view.run, section, step, item).words(), index));
  const word = claimed.findIndex((value, at) => value !== computed[at]);
  const element = index * CHUNK_WORDS + word;
  if (section === SECTION.scratchTensor && element < length) {
    return { kind: FRAUD.badElement, proof: buildElementProof(view, step, item, element) };
  }
  return { kind: FRAUD.badPadding, proof: buildPaddingProof(view, section, step, item) };
}
