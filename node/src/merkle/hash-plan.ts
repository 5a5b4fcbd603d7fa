/**
 * Which jobs hash the trees of many tensors at once, level by level, over trees whose levels lie flat in the memory that the jobs
 * are run in (spec, "Trees"). A tree is hashed whole, or only above chunks that changed. Refuses dirty chunks that are not
 * ascending indices of the tree.
 */
import { CHUNK_BYTES, CHUNK_WORDS, HASH_BYTES } from "./hash.ts";
import { LeafRangeError, treeDepth } from "./tree.ts";
import { chunkCount } from "./tensor.ts";

/**
 * Where the levels of a tree over `count` leaves lie, one after another from the leaves up, the root last. Every level below the
 * root has an even number of places; the place past the last node, where there is one, is zero and stays zero.
 */
export interface TreeLayout {
  readonly count: number;
  readonly depth: number;
  /** Byte offset of each height, 0 .. depth. */
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** The layout of a tree over `count` leaves. */
export function treeLayout(count: number): TreeLayout {
  const depth = treeDepth(count);
  const offsets: number[] = [];
  let bytes = 0;
  for (let height = 0; height <= depth; height++) {
    offsets.push(bytes);
    const nodes = nodesAt(count, height);
    bytes += HASH_BYTES * (height < depth ? nodes + (nodes % 2) : 1);
  }
  return { count, depth, offsets, bytes };
}

/** A tensor and its tree, to be hashed. Addresses are in bytes. */
export interface PlacedTree {
  readonly words: number;
  /** In words. */
  readonly length: number;
  /** Where the tree's layout lies; its places past the last nodes are zero before it is first hashed. */
  readonly nodes: number;
  /** Where the root goes instead of its place in the layout, as into the leaves of another tree. */
  readonly root?: number;
  /** The chunks that changed since the tree was last hashed, ascending; all of them unless given. */
  readonly dirty?: readonly number[];
}

/** Tables of hash jobs. Those of a table need all tables before it, and may be run in any order. */
export interface TreeJobs {
  readonly chunks: Uint32Array;
  /** Of heights 1 and up. */
  readonly levels: readonly Uint32Array[];
}

/** The jobs that hash the trees: all their chunks, then height by height all their pairs. */
export function treeJobs(trees: readonly PlacedTree[]): TreeJobs {
  const chunks: number[] = [];
  const levels: number[][] = [];
  for (const { words, length, nodes, root, dirty } of trees) {
    const { count, depth, offsets } = treeLayout(chunkCount(length));
    const at = (height: number, index: number): number =>
      height === depth && root !== undefined ? root : nodes + offsets[height] + HASH_BYTES * index;
    let changed = dirty === undefined ? range(count) : requireLeaves(dirty, count);
    for (const index of changed) {
      const held = Math.min(CHUNK_WORDS, length - CHUNK_WORDS * index);
      chunks.push(words + CHUNK_BYTES * index, held, at(0, index));
    }
    for (let height = 1; height <= depth; height++) {
      changed = dirtyParents(changed);
      const level = (levels[height - 1] ??= []);
      for (const index of changed) level.push(at(height - 1, 2 * index), at(height, index));
    }
  }
  return { chunks: Uint32Array.from(chunks), levels: levels.map((level) => Uint32Array.from(level)) };
}

/** The jobs of the heights 1 and up of a tree whose leaves are already hashes, above those that changed. */
export function nodeJobs(count: number, nodes: number, dirty: readonly number[] = range(count)): Uint32Array[] {
  const { depth, offsets } = treeLayout(count);
  let changed = requireLeaves(dirty, count);
  return Array.from({ length: depth }, (_, below) => {
    changed = dirtyParents(changed);
    return Uint32Array.from(
      changed.flatMap((index) => [
        nodes + offsets[below] + 2 * HASH_BYTES * index,
        nodes + offsets[below + 1] + HASH_BYTES * index,
      ]),
    );
  });
}

/** The parents of nodes of one level, both ascending and without repetitions. */
export function dirtyParents(indices: readonly number[]): number[] {
  const parents: number[] = [];
  for (const index of indices) if (parents.at(-1) !== index >>> 1) parents.push(index >>> 1);
  return parents;
}

const nodesAt = (count: number, height: number): number => Math.ceil(count / 2 ** height);
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function requireLeaves(indices: readonly number[], count: number): readonly number[] {
  indices.forEach((index, position) => {
    const isAfter = position === 0 || index > indices[position - 1];
    if (!Number.isInteger(index) || index < 0 || index >= count || !isAfter) throw new LeafRangeError(index, 1, count);
  });
  return indices;
}
