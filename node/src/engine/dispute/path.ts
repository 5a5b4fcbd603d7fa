/**
 * The path of a demand (spec, "Positions and moves"): the siblings from a node to the trace root, concatenated tree by tree.
 * Here it is read back, as the game does before it makes the claimant answer. Refuses paths of another length than the
 * position implies.
 */
import { hashPair } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { ProofLengthError, rootFromPath, treeDepth } from "../../merkle/tree.ts";
import { SECTION, leafCount, requirePosition, siblingsInTree, siblingsToRoot, stepPosition } from "../position.ts";
import type { Position, TraceShape } from "../position.ts";

/**
 * The trace root that a node has with this path; in sections 1 and 3 of a deferred trace the scratch root that must have been
 * posted. Throws PositionError, ProofLengthError.
 */
export function traceRootFromPath(shape: TraceShape, position: Position, node: Hash, path: readonly Hash[]): Hash {
  requirePosition(shape, position);
  const { section, height, step, item, index } = position;
  const isPosted = shape.trace === "deferred" && (section === SECTION.scratch || section === SECTION.scratchTensor);
  const expected = siblingsToRoot(shape, position).length - (isPosted ? 1 + treeDepth(shape.steps) : 0);
  if (path.length !== expected) throw new ProofLengthError(path.length, expected);
  const own = siblingsInTree(shape, position).length;
  const root = rootFromPath(node, index, leafCount(shape, position), path.slice(0, own), height);
  const rest = path.slice(own);
  switch (section) {
    case SECTION.steps:
      return root;
    case SECTION.scratch:
    case SECTION.state: {
      if (isPosted) return root;
      const [other, ...above] = rest;
      const stepNode = section === SECTION.scratch ? hashPair(root, other) : hashPair(other, root);
      return traceRootFromPath(shape, stepPosition(step), stepNode, above);
    }
    case SECTION.scratchTensor:
      return traceRootFromPath(shape, { section: SECTION.scratch, height: 0, step, item: 0, index: item }, root, rest);
    case SECTION.stateTensor:
      return traceRootFromPath(shape, { section: SECTION.state, height: 0, step, item: 0, index: item }, root, rest);
  }
}
