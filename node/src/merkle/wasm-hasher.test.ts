import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferLengthError, plainHasher } from "./hash.ts";
import { createWasmHasher } from "./wasm-hasher.ts";

const noise = (length: number): Uint32Array =>
  Uint32Array.from(
    { length },
    (_, index) => Math.imul(Math.imul(index + 1, 0x9e3779b1) ^ (index >>> 3), 0x85ebca6b) >>> 0,
  );

test("wasmHasher_chunksOfAnyLength_equalThePlainHasher", () => {
  const hasher = createWasmHasher();
  for (const length of [1, 2, 255, 256, 257, 512, 513, 700, 256 * 64, 256 * 64 + 1, 256 * 131 - 5]) {
    const words = noise(length + 3).subarray(3);
    const expected = new Uint8Array(Math.ceil(length / 256) * 32);
    const got = expected.slice();
    plainHasher.hashChunks(words, expected);
    hasher.hashChunks(words, got);
    assert.deepEqual(got, expected, `length ${length}`);
  }
});

test("wasmHasher_pairsOfAnyCount_equalThePlainHasher", () => {
  const hasher = createWasmHasher();
  for (const count of [0, 1, 2, 3, 64, 1023, 1024, 1025, 2051]) {
    const nodes = new Uint8Array(noise(count * 16).buffer);
    const expected = new Uint8Array(count * 32);
    const got = expected.slice();
    plainHasher.hashPairs(nodes, expected);
    hasher.hashPairs(nodes, got);
    assert.deepEqual(got, expected, `count ${count}`);
  }
});

test("wasmHasher_aShortCallAfterALongOne_seesNoLeftoverBytes", () => {
  const hasher = createWasmHasher();
  hasher.hashChunks(noise(256 * 10), new Uint8Array(320));
  const expected = new Uint8Array(32);
  const got = new Uint8Array(32);
  plainHasher.hashChunks(Uint32Array.of(5), expected);
  hasher.hashChunks(Uint32Array.of(5), got);
  assert.deepEqual(got, expected);
});

test("wasmHasher_buffersOfAnotherSize_areRefused", () => {
  const hasher = createWasmHasher();
  assert.throws(() => hasher.hashChunks(new Uint32Array(257), new Uint8Array(32)), BufferLengthError);
  assert.throws(() => hasher.hashPairs(new Uint8Array(64), new Uint8Array(64)), BufferLengthError);
  assert.throws(() => hasher.hashPairs(new Uint8Array(32), new Uint8Array(16)), BufferLengthError);
});
