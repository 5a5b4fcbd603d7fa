import assert from "node:assert/strict";
import { test } from "node:test";
import { keccak } from "./hash.ts";
import { NodeIndexError, buildTree, treeRoot } from "./tree.ts";
import {
  ChunkLengthError,
  TensorLengthError,
  chunkBytes,
  chunkCount,
  chunkHash,
  tensorRoot,
  tensorTree,
  updatedTensorTree,
  wordsFromChunk,
} from "./tensor.ts";

const ramp = (length: number): Uint32Array =>
  Uint32Array.from({ length }, (_, index) => Math.imul(index + 1, 0x85ebca6b) >>> 0);

test("chunkCount_lengths_roundUp", () => {
  assert.deepEqual([1, 255, 256, 257, 512, 2 ** 31 - 1].map(chunkCount), [1, 1, 1, 2, 2, 2 ** 23]);
  for (const length of [0, -1, 2 ** 31, 1.5]) assert.throws(() => chunkCount(length), TensorLengthError);
});

test("chunkBytes_words_areBigEndianAndZeroPadded", () => {
  const chunk = chunkBytes(Uint32Array.of(0x01020304, 0xfffefdfc), 0);
  assert.equal(chunk.length, 1024);
  assert.deepEqual([...chunk.subarray(0, 9)], [1, 2, 3, 4, 255, 254, 253, 252, 0]);
  assert.ok(chunk.subarray(8).every((byte) => byte === 0));
  assert.throws(() => chunkBytes(ramp(256), 1), NodeIndexError);
});

test("wordsFromChunk_roundTrip_andOtherLengthsAreRefused", () => {
  const words = ramp(300);
  assert.deepEqual(wordsFromChunk(chunkBytes(words, 0)), words.subarray(0, 256));
  assert.deepEqual(wordsFromChunk(chunkBytes(words, 1)).subarray(0, 44), words.subarray(256));
  for (const length of [0, 1023, 1025]) {
    assert.throws(() => wordsFromChunk(new Uint8Array(length)), ChunkLengthError);
    assert.throws(() => chunkHash(new Uint8Array(length)), ChunkLengthError);
  }
});

test("tensorTree_anyLength_isTheTreeOverItsChunkHashes", () => {
  for (const length of [1, 256, 257, 1000, 2049]) {
    const words = ramp(length);
    const leaves = Array.from({ length: chunkCount(length) }, (_, index) => keccak(chunkBytes(words, index)));
    assert.equal(tensorRoot(words), treeRoot(buildTree(leaves)));
  }
});

test("tensorRoot_oneWordPastTheLength_changesTheRootOnlyWhenNonZero", () => {
  const words = ramp(100);
  const padded = new Uint32Array(101);
  padded.set(words);
  assert.equal(tensorRoot(padded), tensorRoot(words));
  padded[100] = 1;
  assert.notEqual(tensorRoot(padded), tensorRoot(words));
});

test("updatedTensorTree_anyChange_equalsTheTreeBuiltAfresh", () => {
  const previous = ramp(256 * 21 + 7);
  const tree = tensorTree(previous);
  for (const changed of [
    [],
    [0],
    [256 * 21 + 6],
    [255, 256, 2000],
    Array.from({ length: 21 }, (_, chunk) => chunk * 256),
  ]) {
    const words = previous.slice();
    for (const index of changed) words[index] ^= 0x80000000;
    assert.deepEqual(updatedTensorTree(tree, previous, words).levels, tensorTree(words).levels);
  }
  assert.deepEqual(tensorTree(previous).levels, tree.levels);
  assert.throws(() => updatedTensorTree(tree, previous, ramp(5)), TensorLengthError);
});
