/**
 * What one knows of a claimant's tree, in the form that proofs are built from: either the claimant's whole run, or one's
 * own run and the openings made so far (spec, "Positions and moves"). Refuses openings that do not hash to the node
 * they open or that break the zero-node rule, and never guesses a node that was not shown.
 */
import { LockstepError } from "../../float/errors.ts";
import { ZERO_HASH, hashPair } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { chunkHash } from "../../merkle/tensor.ts";
import { treeRoot } from "../../merkle/tree.ts";
import type { Run } from "../execute.ts";
import {
  SECTION,
  childrenOf,
  isEmpty,
  normalised,
  opensToChunk,
  parentOf,
  positionKey,
  requirePosition,
  siblingsToRoot,
  traceRootPosition,
} from "../position.ts";
import type { Position } from "../position.ts";
import { chunkAt, nodeAt, traceRootOf } from "../trace.ts";
import { evidenceOf } from "./evidence.ts";
import type { ClaimView, Opening } from "./types.ts";

/** A claimant's tree as far as it is known. */
export interface TraceView {
  /** The run whose words stand behind every agreed node. */
  readonly run: Run;
  /** A node of the claimant's tree. Throws UnknownNodeError. */
  node(position: Position): Hash;
  /** A chunk of the claimant's, 1,024 bytes. Throws UnknownNodeError. */
  chunk(position: Position): Uint8Array;
}

/** A claimant's tree learned from openings. */
export interface ClaimantView extends TraceView {
  /** Whether an opening of the node is among those given. */
  isOpened(position: Position): boolean;
}

/** What a referee knows of the claim of a run; of a deferred one also a step whose scratch root was posted, if any was. */
export function claimViewOf(run: Run, posted?: { step: number; root: Hash }): ClaimView {
  return {
    programRoot: evidenceOf(run.program).programRoot,
    inputsRoot: run.inputsTree === null ? ZERO_HASH : treeRoot(run.inputsTree),
    traceRoot: traceRootOf(run),
    steps: run.steps,
    deferred: run.trace === "deferred",
    postedStep: posted?.step ?? 0,
    postedRoot: posted?.root ?? ZERO_HASH,
  };
}

/** The view of someone who has the claimant's whole run. */
export function viewOfRun(run: Run): TraceView {
  return { run, node: (position) => nodeAt(run, position), chunk: (position) => chunkAt(run, position) };
}

/**
 * The view of a challenger: what the openings show, and its own run wherever a shown node equals its own. Openings may
 * come in any order; one below a node that is not known yet is left aside.
 */
export function createClaimantView(own: Run, traceRoot: Hash, openings: readonly Opening[]): ClaimantView {
  const nodes = new Map<string, Hash>([[positionKey(own, traceRootPosition(own)), traceRoot]]);
  const chunks = new Map<string, Uint8Array>();
  const opened = new Set<string>();

  const find = (position: Position): Hash | null => {
    if (isEmpty(own, position)) return ZERO_HASH;
    for (let above: Position | null = position; above !== null; above = parentOf(own, above)) {
      const shown = nodes.get(positionKey(own, above));
      if (shown === undefined) continue;
      if (above === position) return shown;
      // Below an agreed node everything is agreed.
      return shown === nodeAt(own, above) ? nodeAt(own, position) : null;
    }
    return null;
  };
  const node = (position: Position): Hash => {
    const found = find(normalised(own, position));
    if (found === null) throw new UnknownNodeError(position);
    return found;
  };

  const learn = (opening: Opening): void => {
    const position = normalised(own, opening.position);
    const expected = find(position);
    if (expected === null) return;
    const key = positionKey(own, position);
    opened.add(key);
    if (opening.kind === "chunk") {
      if (!opensToChunk(position)) throw new OpeningMismatchError(position, "a chunk where nodes belong");
      if (chunkHash(opening.chunk) !== expected) throw new OpeningMismatchError(position, "not the chunk of the node");
      chunks.set(key, opening.chunk);
      return;
    }
    if (opensToChunk(position)) throw new OpeningMismatchError(position, "nodes where a chunk belongs");
    learnNodes(own, position, opening.nodes, expected, nodes);
  };

  const inTrace = openings.map((opening) => {
    requirePosition(own, normalised(own, opening.position));
    return { opening, depth: siblingsToRoot(own, normalised(own, opening.position)).length };
  });
  for (const { opening } of inTrace.toSorted((one, other) => one.depth - other.depth)) learn(opening);

  return {
    run: own,
    node,
    chunk(position) {
      const shown = chunks.get(positionKey(own, position));
      if (shown !== undefined) return shown;
      if (node(position) !== nodeAt(own, position)) throw new UnknownNodeError(position);
      return chunkAt(own, position);
    },
    isOpened: (position) => opened.has(positionKey(own, position)),
  };
}

// Checks an opening against its node and keeps it with all levels between.
function learnNodes(
  own: Run,
  position: Position,
  shown: readonly Hash[],
  expected: Hash,
  nodes: Map<string, Hash>,
): void {
  const children = childrenOf(own, position);
  if (shown.length !== children.length) {
    throw new OpeningMismatchError(position, `${shown.length} nodes where ${children.length} belong`);
  }
  children.forEach((child, index) => {
    if (isEmpty(own, child) !== (shown[index] === ZERO_HASH)) {
      throw new OpeningMismatchError(position, `node ${index} breaks the zero-node rule`);
    }
  });
  if (own.trace === "deferred" && position.section === SECTION.steps && position.height === 0) {
    learnDeferredStep(own, position, shown, expected, nodes);
    return;
  }
  // From the children up to the node itself, which the last level holds alone.
  const levels = [shown];
  while (levels[levels.length - 1].length > 1) {
    const below = levels[levels.length - 1];
    const pairs = Array.from({ length: below.length / 2 }, (_, pair) => [below[2 * pair], below[2 * pair + 1]]);
    levels.push(pairs.map(([left, right]) => (left === ZERO_HASH ? ZERO_HASH : hashPair(left, right))));
  }
  if (levels[levels.length - 1][0] !== expected) {
    throw new OpeningMismatchError(position, "not the preimage of the node");
  }
  children.forEach((child, index) => {
    if (!isEmpty(own, child)) nodes.set(positionKey(own, child), shown[index]);
  });
  const descended = levels.length - 1;
  levels.slice(1, -1).forEach((level, above) => {
    const down = descended - above - 1;
    level.forEach((hash, index) => {
      if (hash === ZERO_HASH) return;
      const between = { ...position, height: position.height - down, index: position.index * 2 ** down + index };
      nodes.set(positionKey(own, between), hash);
    });
  });
}

// The scratch root beside the state root was posted: the game took one alone, and it binds every challenge.
function learnDeferredStep(
  own: Run,
  position: Position,
  [scratchRoot, stateRoot]: readonly Hash[],
  expected: Hash,
  nodes: Map<string, Hash>,
): void {
  if (hashPair(ZERO_HASH, stateRoot) !== expected) {
    throw new OpeningMismatchError(position, "not the preimage of the node");
  }
  const [scratch, state] = childrenOf(own, position);
  nodes.set(positionKey(own, scratch), scratchRoot);
  nodes.set(positionKey(own, state), stateRoot);
}

/** A node that no opening has shown and that is not known to be agreed. */
export class UnknownNodeError extends LockstepError {
  constructor(position: Position) {
    super("UnknownNodeError", "the node is neither shown nor agreed", { ...position });
  }
}

/** An opening that is not the preimage of its node. */
export class OpeningMismatchError extends LockstepError {
  constructor(position: Position, rule: string) {
    super("OpeningMismatchError", `opening refused: ${rule}`, { ...position, rule });
  }
}
