import assert from "node:assert/strict";
import { test } from "node:test";
import { toHash } from "./hash.ts";
import { CHUNK_JOB_WORDS, HASH_ROOM_BYTES, PAIR_JOB_WORDS, bindHashJobs, hashModule } from "./hash-jobs.ts";
import { dirtyParents, nodeJobs, treeJobs, treeLayout } from "./hash-plan.ts";
import type { PlacedTree, TreeJobs } from "./hash-plan.ts";
import { TensorLengthError, chunkCount, tensorRoot, tensorTree } from "./tensor.ts";
import { LeafCountError, LeafRangeError, rootOf } from "./tree.ts";

const PAGE = 65536;

/** A memory of 2 MiB, a hasher in it, and a table at 1 MiB. */
function workplace() {
  const memory = new WebAssembly.Memory({ initial: 32 });
  const jobs = bindHashJobs(new WebAssembly.Module(hashModule({ isShared: false }) as BufferSource), memory, 0);
  const words = new Uint32Array(memory.buffer);
  const table = 16 * PAGE;
  const runTable = (entries: Uint32Array, jobWords: number, hash: (table: number, count: number) => void): void => {
    words.set(entries, table / 4);
    hash(table, entries.length / jobWords);
  };
  const run = ({ chunks, levels }: TreeJobs): void => {
    runTable(chunks, CHUNK_JOB_WORDS, jobs.chunks);
    for (const level of levels) runTable(level, PAIR_JOB_WORDS, jobs.pairs);
  };
  return { memory, words, run, bytes: new Uint8Array(memory.buffer) };
}

const noise = (length: number, seed: number): Uint32Array =>
  Uint32Array.from({ length }, (_, index) => Math.imul(index + seed, 0x9e3779b1) >>> 0);

/** Tensors one after the other in the memory, each with its tree and its root elsewhere. */
function place(words: Uint32Array, lengths: readonly number[]): (PlacedTree & { root: number })[] {
  let at = Math.ceil(HASH_ROOM_BYTES / 64) * 64;
  const rootsAt = 12 * PAGE;
  return lengths.map((length, index) => {
    const tree = { words: at, length, nodes: at + 4 * length, root: rootsAt + 32 * index };
    words.set(noise(length, index + 1), at / 4);
    at = tree.nodes + treeLayout(chunkCount(length)).bytes;
    return tree;
  });
}

const LENGTHS = [1, 12, 256, 257, 700, 1024, 256 * 7, 256 * 8 + 3, 256 * 37];

test("treeJobs_manyTensorsAtOnce_giveTheRootsOfTheirTrees", () => {
  const { words, run, bytes } = workplace();
  const trees = place(words, LENGTHS);
  run(treeJobs(trees));
  for (const { words: at, length, root } of trees) {
    assert.equal(toHash(bytes, root), tensorRoot(words.slice(at / 4, at / 4 + length)), `length ${length}`);
  }
});

test("treeJobs_withoutAnotherPlaceForTheRoot_fillTheLayout", () => {
  const { words, run, bytes } = workplace();
  const trees = place(words, LENGTHS).map(({ words: at, length, nodes }) => ({ words: at, length, nodes }));
  run(treeJobs(trees));
  for (const { words: at, length, nodes } of trees) {
    const { levels } = tensorTree(words.slice(at / 4, at / 4 + length));
    const { offsets, depth, bytes: size } = treeLayout(chunkCount(length));
    assert.equal(size, offsets[depth] + 32);
    levels.forEach((level, height) => {
      const from = nodes + offsets[height];
      assert.deepEqual(bytes.slice(from, from + level.length), level, `length ${length}, height ${height}`);
    });
  }
});

test("treeJobs_onlyDirtyChunks_giveTheRootsOfTheChangedTensors", () => {
  const { words, run, bytes } = workplace();
  const trees = place(words, LENGTHS);
  run(treeJobs(trees));
  let state = 7;
  for (let round = 0; round < 20; round++) {
    const changed = trees.map((tree) => {
      const dirty = Array.from({ length: chunkCount(tree.length) }, (_, index) => index).filter(() => {
        state = Math.imul(state, 0x41c64e6d) + 12345;
        return (state >>> 16) % 4 === 0;
      });
      for (const index of dirty) words[tree.words / 4 + 256 * index] ^= round + 1;
      return { ...tree, dirty };
    });
    const jobs = treeJobs(changed);
    assert.equal(jobs.chunks.length / CHUNK_JOB_WORDS, changed.flatMap(({ dirty }) => dirty).length);
    run(jobs);
    for (const { words: at, length, root } of trees) {
      assert.equal(toHash(bytes, root), tensorRoot(words.slice(at / 4, at / 4 + length)), `${round}, length ${length}`);
    }
  }
});

test("nodeJobs_wholeAndDirty_giveTheRootOverTheLeaves", () => {
  const { words, run, bytes } = workplace();
  const nodes = PAGE;
  for (const count of [1, 2, 3, 5, 8, 13, 100]) {
    const { bytes: size, offsets, depth } = treeLayout(count);
    bytes.fill(0, nodes, nodes + size);
    words.set(noise(8 * count, count), nodes / 4);
    const leaves = (): Uint8Array => bytes.slice(nodes, nodes + 32 * count);
    run({ chunks: new Uint32Array(0), levels: nodeJobs(count, nodes) });
    assert.equal(toHash(bytes, nodes + offsets[depth]), rootOf(leaves()), `${count} leaves`);
    words[nodes / 4 + 8 * (count - 1)] ^= 1;
    run({ chunks: new Uint32Array(0), levels: nodeJobs(count, nodes, [count - 1]) });
    assert.equal(toHash(bytes, nodes + offsets[depth]), rootOf(leaves()), `${count} leaves, the last changed`);
  }
});

test("dirtyParents_ofAscendingNodes_areAscendingAndDistinct", () => {
  assert.deepEqual(dirtyParents([0, 1, 4, 6, 7, 9]), [0, 2, 3, 4]);
  assert.deepEqual(dirtyParents([]), []);
});

test("treeJobs_malformed_isRefused", () => {
  const tree = { words: 0, length: 700, nodes: 4096 };
  for (const dirty of [[3], [-1], [0.5], [1, 1], [2, 1]]) {
    assert.throws(() => treeJobs([{ ...tree, dirty }]), LeafRangeError);
    assert.throws(() => nodeJobs(3, 0, dirty), LeafRangeError);
  }
  assert.throws(() => treeJobs([{ ...tree, length: 0 }]), TensorLengthError);
  assert.throws(() => treeLayout(0), LeafCountError);
});
