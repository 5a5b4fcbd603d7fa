// What the trees of the contracts are made of, on its own: the hashes, the counts and the errors of ranges, which whole roots
// reach only by way of a referee.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { concatHex, keccak256, toHex } from "viem";
import type { Hex } from "viem";

const leafOf = (index: number): Hex => keccak256(toHex(index));

describe("parts of MerkleTree", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("MerkleTreeHarness");
  const { revertWithCustomErrorWithArgs: fails } = viem.assertions;

  it("test_hashPair_twoNodes_isTheHashOfBothInOrder", async () => {
    const [left, right] = [leafOf(1), leafOf(2)];
    assert.equal(await harness.read.hashPair([left, right]), keccak256(concatHex([left, right])));
    assert.equal(await harness.read.hashPair([right, left]), keccak256(concatHex([right, left])));
  });

  it("test_hashBytes_anyLength_isTheHash", async () => {
    for (const length of [0, 1, 31, 32, 33, 1024]) {
      const data: Hex = `0x${"a7".repeat(length)}`;
      assert.equal(await harness.read.hashBytes([data]), keccak256(data));
    }
  });

  it("test_chunkCountOf_lengths_roundsUpToWholeChunks", async () => {
    for (const [length, count] of [
      [0n, 0n],
      [1n, 1n],
      [255n, 1n],
      [256n, 1n],
      [257n, 2n],
      [512n, 2n],
      [513n, 3n],
    ]) {
      assert.equal(await harness.read.chunkCountOf([length]), count);
    }
  });

  it("test_rootOfLeaves_aRangePastTheEnd_isRefusedWithItsEnd", async () => {
    const leaves = [leafOf(1), leafOf(2)];
    await fails(harness.read.rootOfLeaves([leaves, 2n, 3n, []]), harness, "LeafOutsideTree", [4n, 3n]);
    await fails(harness.read.rootOfLeaves([[], 2n, 3n, []]), harness, "LeafOutsideTree", [2n, 3n]);
  });

  it("test_rootOfLeaves_aZeroLeaf_isRefusedByItsIndex", async () => {
    const zero = toHex(0, { size: 32 });
    await fails(harness.read.rootOfLeaves([[leafOf(1), zero], 1n, 3n, [leafOf(0)]]), harness, "ZeroLeaf", [2n]);
    await fails(harness.read.rootOfLeaves([[zero, leafOf(1)], 1n, 3n, [leafOf(0)]]), harness, "ZeroLeaf", [1n]);
  });

  it("test_rootOfChunks_aRangePastTheEnd_isRefusedWithItsEnd", async () => {
    const chunk: Hex = `0x${"5c".repeat(1024)}`;
    await fails(harness.read.rootOfChunks([chunk, 2n, 512n, []]), harness, "LeafOutsideTree", [3n, 2n]);
  });
});
