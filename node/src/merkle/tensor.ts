/**
 * A tensor as chunks of 256 big-endian words, zero padded, under a tree of their own (spec, "Trees"). Refuses chunks of
 * another length than 1,024 bytes and lengths outside 1 .. 2^31 - 1.
 */
import { LockstepError } from "../float/errors.ts";
import { CHUNK_BYTES, CHUNK_WORDS, HASH_BYTES, keccak, plainHasher, writeChunk } from "./hash.ts";
import type { Hash, Hasher } from "./hash.ts";
import { NodeIndexError, buildTree, treeRoot } from "./tree.ts";
import type { Tree } from "./tree.ts";

/** The longest tensor, in words. */
export const MAX_TENSOR_WORDS = 2 ** 31 - 1;

/** Chunks of a tensor of `length` words. */
export function chunkCount(length: number): number {
  if (!Number.isInteger(length) || length < 1 || length > MAX_TENSOR_WORDS) throw new TensorLengthError(length);
  return Math.ceil(length / CHUNK_WORDS);
}

/** Chunk `index` of a tensor: 1,024 bytes, big-endian, zero padded. */
export function chunkBytes(words: Uint32Array, index: number): Uint8Array {
  const count = chunkCount(words.length);
  if (!Number.isInteger(index) || index < 0 || index >= count) throw new NodeIndexError(index, 0, count);
  const chunk = new Uint8Array(CHUNK_BYTES);
  writeChunk(words, index, chunk);
  return chunk;
}

/** The 256 words of a chunk. */
export function wordsFromChunk(chunk: Uint8Array): Uint32Array {
  requireChunk(chunk);
  const view = new DataView(chunk.buffer, chunk.byteOffset, CHUNK_BYTES);
  return Uint32Array.from({ length: CHUNK_WORDS }, (_, word) => view.getUint32(4 * word));
}

/** The hash of a chunk, the leaf of a tensor's tree. */
export function chunkHash(chunk: Uint8Array): Hash {
  requireChunk(chunk);
  return keccak(chunk);
}

/** The tree over a tensor's chunks. */
export function tensorTree(words: Uint32Array, hasher: Hasher = plainHasher): Tree {
  const leaves = new Uint8Array(chunkCount(words.length) * HASH_BYTES);
  hasher.hashChunks(words, leaves);
  return buildTree(leaves, hasher);
}

/** The root of a tensor. */
export function tensorRoot(words: Uint32Array, hasher: Hasher = plainHasher): Hash {
  return treeRoot(tensorTree(words, hasher));
}

/**
 * The tree of `words`, given the tree of `previous` (same length): only chunks whose words changed are hashed, and the
 * nodes above them. A cache that gains one row a step costs a comparison instead of a hash of the whole.
 */
export function updatedTensorTree(
  previousTree: Tree,
  previous: Uint32Array,
  words: Uint32Array,
  hasher: Hasher = plainHasher,
): Tree {
  const count = chunkCount(words.length);
  if (previous.length !== words.length) throw new TensorLengthError(words.length);
  let changed = changedChunks(previous, words, count);
  // Past a quarter, hashing in bulk is cheaper than node by node.
  if (changed.length * 4 > count) return tensorTree(words, hasher);
  const levels = previousTree.levels.map((level) => level.slice());
  for (const index of changed) {
    const first = index * CHUNK_WORDS;
    hasher.hashChunks(words.subarray(first, first + CHUNK_WORDS), hashAt(levels[0], index));
  }
  for (let height = 1; height <= previousTree.depth; height++) {
    changed = [...new Set(changed.map((index) => index >>> 1))];
    for (const index of changed) hasher.hashPairs(pairAt(levels[height - 1], index), hashAt(levels[height], index));
  }
  return { count, depth: previousTree.depth, levels };
}

function changedChunks(previous: Uint32Array, words: Uint32Array, count: number): number[] {
  const changed: number[] = [];
  for (let index = 0; index < count; index++) {
    const end = Math.min((index + 1) * CHUNK_WORDS, words.length);
    for (let word = index * CHUNK_WORDS; word < end; word++) {
      if (previous[word] !== words[word]) {
        changed.push(index);
        break;
      }
    }
  }
  return changed;
}

function hashAt(level: Uint8Array, index: number): Uint8Array {
  return level.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

// The right half stays zero where it covers no leaf.
function pairAt(level: Uint8Array, index: number): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  pair.set(level.subarray(2 * index * HASH_BYTES, 2 * (index + 1) * HASH_BYTES));
  return pair;
}

function requireChunk(chunk: Uint8Array): void {
  if (chunk.length !== CHUNK_BYTES) throw new ChunkLengthError(chunk.length);
}

/** A tensor length outside 1 .. 2^31 - 1, or one that differs from the tensor it replaces. */
export class TensorLengthError extends LockstepError {
  constructor(length: number) {
    super("TensorLengthError", `a tensor has 1 to ${MAX_TENSOR_WORDS} words, all versions alike, not ${length}`, {
      length,
    });
  }
}

/** A chunk that is not 1,024 bytes. */
export class ChunkLengthError extends LockstepError {
  constructor(length: number) {
    super("ChunkLengthError", `a chunk has ${CHUNK_BYTES} bytes, not ${length}`, { length });
  }
}
