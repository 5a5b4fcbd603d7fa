import assert from "node:assert/strict";
import { test } from "node:test";
import { HASH_BYTES, plainHasher } from "./hash.ts";
import { HASH_ROOM_BYTES, HashRoomError, bindHashJobs, hashModule } from "./hash-jobs.ts";

const noise = (length: number): Uint32Array =>
  Uint32Array.from(
    { length },
    (_, index) => Math.imul(Math.imul(index + 1, 0x9e3779b1) ^ (index >>> 3), 0x85ebca6b) >>> 0,
  );

/** A memory with a hasher in it; data from `at` on. */
function hasherIn(isShared: boolean) {
  const memory = new WebAssembly.Memory({ initial: 8, maximum: 16, shared: isShared });
  const jobs = bindHashJobs(new WebAssembly.Module(hashModule({ isShared }) as BufferSource), memory, 64);
  return { memory, jobs, words: new Uint32Array(memory.buffer), at: 64 + HASH_ROOM_BYTES };
}

function expectedChunk(words: Uint32Array): Uint8Array {
  const hash = new Uint8Array(HASH_BYTES);
  plainHasher.hashChunks(words, hash);
  return hash;
}

for (const isShared of [false, true]) {
  test(`hashJobs_chunksOfEveryCountAndLength_equalThePlainHasher isShared=${isShared}`, () => {
    const { memory, jobs, words, at } = hasherIn(isShared);
    const source = at / 4;
    const data = noise(4096);
    words.set(data, source);
    const table = source + data.length;
    const results = 4 * table + 4 * 3 * 16;
    const sizes = [1, 2, 255, 256, 33, 34, 35, 68, 238, 239, 240, 254];
    for (let count = 0; count <= sizes.length; count++) {
      new Uint8Array(memory.buffer).fill(0xa5, results, results + 32 * (count + 1));
      sizes.slice(0, count).forEach((size, index) => {
        words.set([4 * (source + 311 * index + 1), size, results + 32 * index], table + 3 * index);
      });
      jobs.chunks(4 * table, count);
      for (let index = 0; index < count; index++) {
        const got = new Uint8Array(memory.buffer.slice(results + 32 * index, results + 32 * (index + 1)));
        const first = 311 * index + 1;
        assert.deepEqual(got, expectedChunk(data.subarray(first, first + sizes[index])), `${count} jobs, job ${index}`);
      }
      // Nothing past the last result is written.
      assert.equal(new Uint8Array(memory.buffer)[results + 32 * count], 0xa5);
    }
    assert.deepEqual(words.slice(source, source + data.length), data);
  });

  test(`hashJobs_pairsOfEveryCount_equalThePlainHasher isShared=${isShared}`, () => {
    const { memory, jobs, words, at } = hasherIn(isShared);
    const nodes = new Uint8Array(noise(16 * 8).buffer);
    new Uint8Array(memory.buffer).set(nodes, at);
    const table = at + nodes.length;
    const results = table + 64;
    for (let count = 0; count <= 8; count++) {
      for (let index = 0; index < count; index++) {
        words.set([at + 64 * index, results + 32 * index], table / 4 + 2 * index);
      }
      jobs.pairs(table, count);
      const expected = new Uint8Array(32 * count);
      plainHasher.hashPairs(nodes.subarray(0, 64 * count), expected);
      assert.deepEqual(new Uint8Array(memory.buffer.slice(results, results + 32 * count)), expected, `${count} pairs`);
    }
  });
}

test("bindHashJobs_roomOutsideTheMemoryOrUnaligned_isRefused", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(hashModule({ isShared: false }) as BufferSource);
  for (const room of [16, 65536 - 1024, -64]) assert.throws(() => bindHashJobs(module, memory, room), HashRoomError);
});
