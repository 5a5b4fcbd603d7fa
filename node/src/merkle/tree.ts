/**
 * The one Merkle tree of Lockstep (spec, "Trees"): depth from the leaf count, zero for nodes that cover no leaf, paths
 * and range proofs whose length follows from the count. Malformed proofs throw a typed error; a well-formed proof of
 * another root is simply false.
 */
import { LockstepError } from "../float/errors.ts";
import { HASH_BYTES, ZERO_HASH, concatHashes, hashPair, plainHasher, toHash } from "./hash.ts";
import type { Hash, Hasher } from "./hash.ts";

/** Leaves a tree may have: an index is a u32 on the chain. */
export const MAX_LEAVES = 2 ** 31;

/** A tree over `count` leaves. `levels[h]` holds the ceil(count / 2^h) nodes of height h that cover a leaf, flat. */
export interface Tree {
  readonly count: number;
  readonly depth: number;
  readonly levels: readonly Uint8Array[];
}

/** ceil(log2(count)): 0 for one leaf. */
export function treeDepth(count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > MAX_LEAVES) throw new LeafCountError(count);
  return count === 1 ? 0 : 32 - Math.clz32(count - 1);
}

/** Builds every level over the leaves: an array of hashes, or flat bytes that the tree takes over (never copied). */
export function buildTree(leaves: Uint8Array | readonly Hash[], hasher: Hasher = plainHasher): Tree {
  const flat = leaves instanceof Uint8Array ? leaves : concatHashes(leaves);
  if (flat.length % HASH_BYTES !== 0) throw new LeafBytesError(flat.length);
  const count = flat.length / HASH_BYTES;
  const depth = treeDepth(count);
  const levels = [flat];
  for (let height = 1; height <= depth; height++) levels.push(parents(levels[height - 1], hasher));
  return { count, depth, levels };
}

/** The root over the leaves. */
export function rootOf(leaves: Uint8Array | readonly Hash[], hasher: Hasher = plainHasher): Hash {
  return treeRoot(buildTree(leaves, hasher));
}

/** The root of a built tree. */
export function treeRoot(tree: Tree): Hash {
  return toHash(tree.levels[tree.depth]);
}

/** The node at a height and index; zero where it covers no leaf. Refuses an index outside the full width. */
export function treeNode(tree: Tree, height: number, index: number): Hash {
  requireNode(tree.count, height, index);
  const level = tree.levels[height];
  return index * HASH_BYTES < level.length ? toHash(level, index * HASH_BYTES) : ZERO_HASH;
}

/** The 2^levels descendants of a node, `levels` below it, left to right. */
export function descendants(tree: Tree, height: number, index: number, levels: number): Hash[] {
  requireNode(tree.count, height, index);
  if (!Number.isInteger(levels) || levels < 0 || levels > height)
    throw new NodeHeightError(height - levels, tree.depth);
  const width = 2 ** levels;
  return Array.from({ length: width }, (_, child) => treeNode(tree, height - levels, index * width + child));
}

/** The siblings from the node at `fromHeight` up to the root: depth - fromHeight of them. */
export function proofOf(tree: Tree, index: number, fromHeight = 0): Hash[] {
  requireCovered(tree.count, fromHeight, index);
  const siblings: Hash[] = [];
  for (let height = fromHeight; height < tree.depth; height++) {
    siblings.push(treeNode(tree, height, siblingOf(indexAt(index, height - fromHeight))));
  }
  return siblings;
}

/** The siblings that, with leaves first .. first + length - 1, give the root; bottom up, left before right. */
export function rangeProofOf(tree: Tree, first: number, length: number): Hash[] {
  requireRange(tree.count, first, length);
  const siblings: Hash[] = [];
  let low = first;
  let high = first + length - 1;
  for (let height = 0; height < tree.depth; height++) {
    if (low % 2 === 1) siblings.push(treeNode(tree, height, low - 1));
    if (high % 2 === 0) siblings.push(treeNode(tree, height, high + 1));
    low = low >>> 1;
    high = high >>> 1;
  }
  return siblings;
}

/**
 * The root that a node at (`fromHeight`, `index`) of a tree of `count` leaves has with these siblings.
 * Throws ProofLengthError unless there are exactly depth - fromHeight siblings, NodeIndexError for an index that covers
 * no leaf.
 */
export function rootFromPath(
  node: Hash,
  index: number,
  count: number,
  siblings: readonly Hash[],
  fromHeight = 0,
): Hash {
  requireCovered(count, fromHeight, index);
  requireLength(siblings.length, treeDepth(count) - fromHeight);
  return siblings.reduce((below, sibling, step) => {
    return indexAt(index, step) % 2 === 1 ? hashPair(sibling, below) : hashPair(below, sibling);
  }, node);
}

/** Whether the node stands under the root at that place. Malformed proofs throw as in {@link rootFromPath}. */
export function verifyPath(
  root: Hash,
  node: Hash,
  index: number,
  count: number,
  siblings: readonly Hash[],
  fromHeight = 0,
): boolean {
  return rootFromPath(node, index, count, siblings, fromHeight) === root;
}

/**
 * The root that consecutive leaves starting at `first` of a tree of `count` leaves have with these siblings. Throws
 * LeafRangeError for an empty range or one that leaves the tree, ProofLengthError for another number of siblings.
 */
export function rootFromRange(leaves: readonly Hash[], first: number, count: number, siblings: readonly Hash[]): Hash {
  requireRange(count, first, leaves.length);
  const depth = treeDepth(count);
  requireLength(siblings.length, rangeProofLength(count, first, leaves.length));
  let nodes = [...leaves];
  let low = first;
  let used = 0;
  for (let height = 0; height < depth; height++) {
    if (low % 2 === 1) nodes = [siblings[used++], ...nodes];
    if (nodes.length % 2 === 1) nodes.push(siblings[used++]);
    nodes = Array.from({ length: nodes.length / 2 }, (_, pair) => hashPair(nodes[2 * pair], nodes[2 * pair + 1]));
    low = low >>> 1;
  }
  return nodes[0];
}

/** Whether the leaves stand under the root. Malformed proofs throw as in {@link rootFromRange}. */
export function verifyRange(
  root: Hash,
  leaves: readonly Hash[],
  first: number,
  count: number,
  siblings: readonly Hash[],
): boolean {
  return rootFromRange(leaves, first, count, siblings) === root;
}

/** How many siblings a range proof has. */
export function rangeProofLength(count: number, first: number, length: number): number {
  requireRange(count, first, length);
  let siblings = 0;
  let low = first;
  let high = first + length - 1;
  for (let height = treeDepth(count); height > 0; height--) {
    siblings += (low % 2) + (1 - (high % 2));
    low = low >>> 1;
    high = high >>> 1;
  }
  return siblings;
}

/** Whether a node covers at least one leaf, so that it must not be zero. */
export function coversLeaf(count: number, height: number, index: number): boolean {
  return index * 2 ** height < count;
}

// Indices reach 2^31, where >> turns negative; heights stay below 32, so >>> is exact.
function indexAt(index: number, levelsUp: number): number {
  return index >>> levelsUp;
}

function siblingOf(index: number): number {
  return index % 2 === 1 ? index - 1 : index + 1;
}

function parents(below: Uint8Array, hasher: Hasher): Uint8Array {
  const count = Math.ceil(below.length / (2 * HASH_BYTES));
  const output = new Uint8Array(count * HASH_BYTES);
  const whole = Math.floor(below.length / (2 * HASH_BYTES));
  hasher.hashPairs(below.subarray(0, whole * 2 * HASH_BYTES), output.subarray(0, whole * HASH_BYTES));
  if (whole < count) {
    const last = new Uint8Array(2 * HASH_BYTES);
    last.set(below.subarray(whole * 2 * HASH_BYTES));
    hasher.hashPairs(last, output.subarray(whole * HASH_BYTES));
  }
  return output;
}

function requireNode(count: number, height: number, index: number): void {
  const depth = treeDepth(count);
  if (!Number.isInteger(height) || height < 0 || height > depth) throw new NodeHeightError(height, depth);
  if (!Number.isInteger(index) || index < 0 || index >= 2 ** (depth - height)) {
    throw new NodeIndexError(index, height, count);
  }
}

function requireCovered(count: number, height: number, index: number): void {
  requireNode(count, height, index);
  if (!coversLeaf(count, height, index)) throw new NodeIndexError(index, height, count);
}

function requireRange(count: number, first: number, length: number): void {
  treeDepth(count);
  const whole = Number.isInteger(first) && Number.isInteger(length);
  if (!whole || first < 0 || length < 1 || first + length > count) throw new LeafRangeError(first, length, count);
}

function requireLength(length: number, expected: number): void {
  if (length !== expected) throw new ProofLengthError(length, expected);
}

/** A leaf count outside 1 .. 2^31. */
export class LeafCountError extends LockstepError {
  constructor(count: number) {
    super("LeafCountError", `a tree has 1 to ${MAX_LEAVES} leaves, not ${count}`, { count });
  }
}

/** Flat leaves that are not whole hashes. */
export class LeafBytesError extends LockstepError {
  constructor(length: number) {
    super("LeafBytesError", `flat leaves of ${length} bytes are not whole hashes`, { length });
  }
}

/** A height outside the tree. */
export class NodeHeightError extends LockstepError {
  constructor(height: number, depth: number) {
    super("NodeHeightError", `height ${height} is not in a tree of depth ${depth}`, { height, depth });
  }
}

/** An index with bits above the depth, or one that covers no leaf where a leaf is needed. */
export class NodeIndexError extends LockstepError {
  constructor(index: number, height: number, count: number) {
    const message = `no node ${index} at height ${height} of a tree of ${count} leaves`;
    super("NodeIndexError", message, { index, height, count });
  }
}

/** A range of leaves that is empty or leaves the tree. */
export class LeafRangeError extends LockstepError {
  constructor(first: number, length: number, count: number) {
    const message = `leaves ${first} to ${first + length - 1} are not a range of a tree of ${count}`;
    super("LeafRangeError", message, { first, length, count });
  }
}

/** A proof whose number of siblings is not the one that follows from the counts. */
export class ProofLengthError extends LockstepError {
  constructor(length: number, expected: number) {
    super("ProofLengthError", `proof of ${length} siblings where ${expected} belong`, { length, expected });
  }
}
