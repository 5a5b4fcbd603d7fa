import assert from "node:assert/strict";
import { test } from "node:test";
import { chunkBytes } from "./tensor.ts";
import {
  BufferLengthError,
  HashFormatError,
  ZERO_HASH,
  fromHash,
  hashPair,
  keccak,
  plainHasher,
  toHash,
} from "./hash.ts";
import type { Hash } from "./hash.ts";

test("keccak_emptyAndAbc_areThePublishedDigests", () => {
  assert.equal(keccak(new Uint8Array(0)), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  const abc = new TextEncoder().encode("abc");
  assert.equal(keccak(abc), "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
});

test("hashPair_twoZeros_isTheKnownEmptyNodeOfHeightOne", () => {
  assert.equal(hashPair(ZERO_HASH, ZERO_HASH), "0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5");
});

test("plainHasher_bulk_equalsOneByOne", () => {
  const words = Uint32Array.from({ length: 600 }, (_, index) => Math.imul(index + 1, 0x9e3779b1) >>> 0);
  const output = new Uint8Array(3 * 32);
  plainHasher.hashChunks(words, output);
  for (let index = 0; index < 3; index++) assert.equal(toHash(output, index * 32), keccak(chunkBytes(words, index)));
  const pairs = new Uint8Array(2 * 32);
  const nodes = Uint8Array.from({ length: 128 }, (_, index) => index);
  plainHasher.hashPairs(nodes, pairs);
  assert.equal(toHash(pairs, 32), hashPair(toHash(nodes, 64), toHash(nodes, 96)));
});

test("plainHasher_buffersOfAnotherSize_areRefused", () => {
  assert.throws(() => plainHasher.hashChunks(new Uint32Array(257), new Uint8Array(32)), BufferLengthError);
  assert.throws(() => plainHasher.hashPairs(new Uint8Array(64), new Uint8Array(64)), BufferLengthError);
});

test("fromHash_malformed_isRefused", () => {
  const good = keccak(new Uint8Array(1));
  for (const bad of [good.slice(0, 65), `${good}0`, good.toUpperCase(), `0x${"g".repeat(64)}`, ""]) {
    assert.throws(() => fromHash(bad as Hash), HashFormatError);
  }
  assert.equal(toHash(fromHash(good)), good);
  assert.throws(() => toHash(new Uint8Array(31)), BufferLengthError);
});
