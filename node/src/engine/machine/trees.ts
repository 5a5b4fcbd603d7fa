/**
 * Where the nodes of trees lie in a machine's memory, and the tables of jobs that make them (spec, "Trees"): chunks tensor by
 * tensor, pairs level by level over all tensors at once. A level has room for an even number of nodes; a node that covers no
 * leaf is never written and stays zero.
 */
import { CHUNK_JOB_WORDS, PAIR_JOB_WORDS } from "../../merkle/hash-jobs.ts";
import { CHUNK_WORDS, HASH_BYTES } from "../../merkle/hash.ts";
import { chunkCount } from "../../merkle/tensor.ts";
import { treeDepth } from "../../merkle/tree.ts";
import type { Room } from "./layout.ts";

/** A tensor in memory with its tree. */
export interface PlacedTree {
  /** Byte address and length in words. */
  readonly address: number;
  readonly length: number;
  /** Byte addresses of the levels' nodes, leaves first. */
  readonly levels: readonly number[];
}

/** Places a tree; its root lies at `root` where one is given. */
export function placeTree(room: Room, address: number, length: number, root: number | null): PlacedTree {
  const count = chunkCount(length);
  const depth = treeDepth(count);
  const levels = Array.from({ length: depth + 1 }, (_, level) => {
    const nodes = Math.ceil(count / 2 ** level);
    return level === depth && root !== null ? root : room.take(HASH_BYTES * 2 * Math.ceil(nodes / 2));
  });
  return { address, length, levels };
}

/** The byte address of a tree's root. */
export function rootAddress({ levels }: PlacedTree): number {
  return levels[levels.length - 1];
}

/** The jobs of all chunks of a tensor. */
export function chunkJobs({ address, length, levels }: PlacedTree): Uint32Array {
  const count = chunkCount(length);
  const jobs = new Uint32Array(count * CHUNK_JOB_WORDS);
  for (let chunk = 0; chunk < count; chunk++) {
    jobs[CHUNK_JOB_WORDS * chunk] = address + 4 * CHUNK_WORDS * chunk;
    jobs[CHUNK_JOB_WORDS * chunk + 1] = Math.min(CHUNK_WORDS, length - CHUNK_WORDS * chunk);
    jobs[CHUNK_JOB_WORDS * chunk + 2] = levels[0] + HASH_BYTES * chunk;
  }
  return jobs;
}

/** The jobs of a level, 1 or above, of several trees; of those that do not reach it none. */
export function pairJobs(trees: readonly PlacedTree[], level: number): Uint32Array {
  const counts = trees.map(({ length, levels }) =>
    level < levels.length ? Math.ceil(chunkCount(length) / 2 ** level) : 0,
  );
  const jobs = new Uint32Array(counts.reduce((sum, count) => sum + count, 0) * PAIR_JOB_WORDS);
  let at = 0;
  trees.forEach(({ levels }, index) => {
    for (let node = 0; node < counts[index]; node++) {
      jobs[at++] = levels[level - 1] + 2 * HASH_BYTES * node;
      jobs[at++] = levels[level] + HASH_BYTES * node;
    }
  });
  return jobs;
}
