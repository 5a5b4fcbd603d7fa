// The contract's Merkle paths and ranges against node/src/merkle: every leaf and every range of small trees, tensors of several
// chunks, and the refusal of every other length, index and zero leaf.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { bytesToHex, concatHex } from "viem";
import type { Hex } from "viem";

import { keccak } from "@lockstep/node/merkle/hash";
import { chunkBytes, tensorRoot, tensorTree } from "@lockstep/node/merkle/tensor";
import { buildTree, proofOf, rangeProofOf, treeDepth, treeRoot } from "@lockstep/node/merkle/tree";

const ZERO: Hex = `0x${"00".repeat(32)}`;
const COUNTS = [1, 2, 3, 5, 8, 13];

const leavesOf = (count: number): Hex[] =>
  Array.from({ length: count }, (_, index) => keccak(Uint8Array.of(count, index)));

describe("MerkleTree", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("MerkleTreeHarness");
  const { revertWithCustomErrorWithArgs: fails } = viem.assertions;

  it("test_depthOf_counts_areCeilLog2", async () => {
    for (const count of [1, 2, 3, 4, 5, 33, 2 ** 20, 2 ** 20 + 1, 2 ** 31]) {
      assert.equal(await harness.read.depthOf([BigInt(count)]), BigInt(treeDepth(count)));
    }
  });

  for (const count of COUNTS) {
    it(`test_rootOfPath_everyLeafOf${count}_isTheRootAtItsPlaceAlone`, async () => {
      const leaves = leavesOf(count);
      const tree = buildTree(leaves);
      for (let index = 0; index < count; index++) {
        const siblings = proofOf(tree, index);
        const root = (leaf: Hex, at: number) => harness.read.rootOfPath([leaf, BigInt(at), BigInt(count), siblings]);
        assert.equal(await root(leaves[index], index), treeRoot(tree));
        if (index > 0) assert.notEqual(await root(leaves[index], index - 1), treeRoot(tree));
        await fails(root(leaves[index], index + 2 ** tree.depth), harness, "LeafOutsideTree", [
          BigInt(index + 2 ** tree.depth),
          BigInt(count),
        ]);
        await fails(root(ZERO, index), harness, "ZeroLeaf", [BigInt(index)]);
        const longer = harness.read.rootOfPath([leaves[index], BigInt(index), BigInt(count), [...siblings, ZERO]]);
        const depth = BigInt(tree.depth);
        await fails(longer, harness, "SiblingCountMismatch", [depth, depth + 1n]);
      }
    });

    it(`test_rootOfLeaves_everyRangeOf${count}_isTheRoot`, async () => {
      const leaves = leavesOf(count);
      const tree = buildTree(leaves);
      for (let first = 0; first < count; first++) {
        for (let length = 1; first + length <= count; length++) {
          const siblings = rangeProofOf(tree, first, length);
          const range = leaves.slice(first, first + length);
          const root = (shown: Hex[], nodes: readonly Hex[]) =>
            harness.read.rootOfLeaves([shown, BigInt(first), BigInt(count), nodes]);
          assert.equal(await root(range, siblings), treeRoot(tree));
          const used = BigInt(siblings.length);
          await fails(root(range, [...siblings, ZERO]), harness, "SiblingCountMismatch", [used, used + 1n]);
          await fails(root(range.with(length - 1, ZERO), siblings), harness, "ZeroLeaf", [BigInt(first + length - 1)]);
        }
      }
      await fails(harness.read.rootOfLeaves([[], 0n, BigInt(count), []]), harness, "LeafOutsideTree", [
        0n,
        BigInt(count),
      ]);
      await fails(harness.read.rootOfLeaves([leaves, 1n, BigInt(count), []]), harness, "LeafOutsideTree", [
        BigInt(count + 1),
        BigInt(count),
      ]);
    });
  }

  it("test_rootOfPath_noLeaves_reverts", async () => {
    await fails(harness.read.rootOfPath([leavesOf(1)[0], 0n, 0n, []]), harness, "LeafOutsideTree", [0n, 0n]);
  });

  it("test_rootOfChunks_everyRange_isTheTensorsRoot", async () => {
    for (const length of [1, 256, 257, 1300]) {
      const words = Uint32Array.from({ length }, (_, index) => Math.imul(index + 1, 0x9e3779b1) >>> 0);
      const tree = tensorTree(words);
      for (let first = 0; first < tree.count; first++) {
        for (let count = 1; first + count <= tree.count; count++) {
          const chunks = concatHex(
            Array.from({ length: count }, (_, index) => bytesToHex(chunkBytes(words, first + index))),
          );
          const siblings = rangeProofOf(tree, first, count);
          const root = await harness.read.rootOfChunks([chunks, BigInt(first), BigInt(length), siblings]);
          assert.equal(root, tensorRoot(words));
        }
      }
    }
  });

  it("test_rootOfChunks_otherBytes_revert", async () => {
    const chunk = bytesToHex(new Uint8Array(1024));
    for (const bytes of ["0x", "0x00", chunk.slice(0, -2), `${chunk}00`] as Hex[]) {
      const call = harness.read.rootOfChunks([bytes, 0n, 256n, []]);
      await fails(call, harness, "ChunkBytesInvalid", [BigInt(bytes.length / 2 - 1)]);
    }
    await fails(harness.read.rootOfChunks([chunk, 1n, 256n, []]), harness, "LeafOutsideTree", [2n, 1n]);
    await fails(harness.read.rootOfChunks([chunk, 0n, 257n, []]), harness, "SiblingCountMismatch", [1n, 0n]);
  });
});
