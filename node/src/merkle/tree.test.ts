import assert from "node:assert/strict";
import { test } from "node:test";
import { ZERO_HASH, fromHash, hashPair, keccak, toHash } from "./hash.ts";
import type { Hash } from "./hash.ts";
import {
  LeafBytesError,
  LeafCountError,
  LeafRangeError,
  NodeHeightError,
  NodeIndexError,
  ProofLengthError,
  buildTree,
  coversLeaf,
  descendants,
  proofOf,
  rangeProofLength,
  rangeProofOf,
  rootOf,
  treeDepth,
  treeNode,
  treeRoot,
  verifyPath,
  verifyRange,
} from "./tree.ts";

const leavesOf = (count: number): Hash[] =>
  Array.from({ length: count }, (_, index) => keccak(Uint8Array.of(count, index)));

// The definition, node by node: the rule the flat levels are tested against.
function naiveNode(leaves: readonly Hash[], height: number, index: number): Hash {
  if (index * 2 ** height >= leaves.length) return ZERO_HASH;
  if (height === 0) return leaves[index];
  return hashPair(naiveNode(leaves, height - 1, 2 * index), naiveNode(leaves, height - 1, 2 * index + 1));
}

function flipBit(hash: Hash, bit: number): Hash {
  const bytes = fromHash(hash);
  bytes[bit >>> 3] ^= 1 << (bit & 7);
  return toHash(bytes);
}

test("treeDepth_counts_areCeilLog2", () => {
  const cases: [number, number][] = [
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [33, 6],
    [2 ** 20, 20],
    [2 ** 20 + 1, 21],
    [2 ** 31, 31],
  ];
  for (const [count, depth] of cases) assert.equal(treeDepth(count), depth);
  for (const count of [0, -1, 1.5, 2 ** 31 + 1, NaN]) assert.throws(() => treeDepth(count), LeafCountError);
});

test("buildTree_everyCountTo33_followsTheZeroNodeRule", () => {
  for (let count = 1; count <= 33; count++) {
    const leaves = leavesOf(count);
    const tree = buildTree(leaves);
    for (let height = 0; height <= tree.depth; height++) {
      for (let index = 0; index < 2 ** (tree.depth - height); index++) {
        const node = treeNode(tree, height, index);
        assert.equal(node, naiveNode(leaves, height, index));
        assert.equal(node !== ZERO_HASH, coversLeaf(count, height, index));
      }
    }
    assert.equal(rootOf(leaves), treeRoot(tree));
  }
});

test("proofOf_everyNodeOfEveryCountTo33_verifiesAtItsPlaceAlone", () => {
  for (let count = 1; count <= 33; count++) {
    const tree = buildTree(leavesOf(count));
    const root = treeRoot(tree);
    for (let height = 0; height <= tree.depth; height++) {
      const covered = Math.ceil(count / 2 ** height);
      for (let index = 0; index < covered; index++) {
        const node = treeNode(tree, height, index);
        const proof = proofOf(tree, index, height);
        assert.equal(proof.length, tree.depth - height);
        assert.ok(verifyPath(root, node, index, count, proof, height));
        if (index > 0) assert.ok(!verifyPath(root, node, index - 1, count, proof, height));
      }
      if (height < tree.depth)
        assert.throws(() => proofOf(tree, covered + (covered % 2) + 2 ** 30, height), NodeIndexError);
    }
  }
});

test("rangeProofOf_everyRangeOfEveryCountTo33_verifiesAtItsPlaceAlone", () => {
  for (let count = 1; count <= 33; count++) {
    const leaves = leavesOf(count);
    const tree = buildTree(leaves);
    const root = treeRoot(tree);
    for (let first = 0; first < count; first++) {
      for (let length = 1; first + length <= count; length++) {
        const proof = rangeProofOf(tree, first, length);
        const range = leaves.slice(first, first + length);
        assert.equal(proof.length, rangeProofLength(count, first, length));
        assert.ok(verifyRange(root, range, first, count, proof));
        if (length === 1) assert.deepEqual(proof, proofOf(tree, first));
      }
    }
  }
});

test("verifyPath_anyBitFlipped_isFalse", () => {
  for (const count of [1, 2, 5, 8]) {
    const tree = buildTree(leavesOf(count));
    const root = treeRoot(tree);
    for (let index = 0; index < count; index++) {
      const leaf = treeNode(tree, 0, index);
      const proof = proofOf(tree, index);
      for (let bit = 0; bit < 256; bit++) {
        assert.ok(!verifyPath(root, flipBit(leaf, bit), index, count, proof));
        for (let at = 0; at < proof.length; at++) {
          assert.ok(!verifyPath(root, leaf, index, count, proof.with(at, flipBit(proof[at], bit))));
        }
      }
    }
  }
});

test("verifyRange_anyBitFlipped_isFalse", () => {
  const count = 11;
  const leaves = leavesOf(count);
  const tree = buildTree(leaves);
  const root = treeRoot(tree);
  for (const [first, length] of [
    [0, 11],
    [3, 5],
    [10, 1],
  ]) {
    const range = leaves.slice(first, first + length);
    const proof = rangeProofOf(tree, first, length);
    for (let bit = 0; bit < 256; bit++) {
      for (let at = 0; at < length; at++) {
        assert.ok(!verifyRange(root, range.with(at, flipBit(range[at], bit)), first, count, proof));
      }
      for (let at = 0; at < proof.length; at++) {
        assert.ok(!verifyRange(root, range, first, count, proof.with(at, flipBit(proof[at], bit))));
      }
    }
  }
});

test("verifyPath_wrongLengthOrIndex_throws", () => {
  const tree = buildTree(leavesOf(5));
  const root = treeRoot(tree);
  const leaf = treeNode(tree, 0, 1);
  const proof = proofOf(tree, 1);
  assert.throws(() => verifyPath(root, leaf, 1, 5, proof.slice(1)), ProofLengthError);
  assert.throws(() => verifyPath(root, leaf, 1, 5, [...proof, ZERO_HASH]), ProofLengthError);
  // Bits above the depth: 1 + 8 hashes like 1 if the top bits are ignored.
  assert.throws(() => verifyPath(root, leaf, 1 + 8, 5, proof), NodeIndexError);
  for (const index of [5, 7, -1, 0.5]) assert.throws(() => verifyPath(root, leaf, index, 5, proof), NodeIndexError);
  assert.throws(() => verifyPath(root, leaf, 0, 5, [], 4), NodeHeightError);
  // An inner node is not a leaf of a smaller tree: the count fixes the depth.
  assert.throws(() => verifyPath(root, treeNode(tree, 1, 0), 0, 5, proofOf(tree, 0, 1)), ProofLengthError);
});

test("verifyRange_wrongLengthOrRange_throws", () => {
  const leaves = leavesOf(6);
  const tree = buildTree(leaves);
  const root = treeRoot(tree);
  const proof = rangeProofOf(tree, 1, 2);
  assert.throws(() => verifyRange(root, leaves.slice(1, 3), 1, 6, proof.slice(1)), ProofLengthError);
  assert.throws(() => verifyRange(root, leaves.slice(1, 3), 1, 6, [...proof, ZERO_HASH]), ProofLengthError);
  assert.throws(() => verifyRange(root, [], 1, 6, proof), LeafRangeError);
  assert.throws(() => verifyRange(root, leaves.slice(1, 3), 5, 6, proof), LeafRangeError);
  assert.throws(() => verifyRange(root, leaves.slice(1, 3), -1, 6, proof), LeafRangeError);
});

test("descendants_ofEveryNode_hashUpToIt", () => {
  const tree = buildTree(leavesOf(19));
  for (let height = 0; height <= tree.depth; height++) {
    for (let index = 0; index < 2 ** (tree.depth - height); index++) {
      for (let levels = 0; levels <= height; levels++) {
        let nodes = descendants(tree, height, index, levels);
        assert.equal(nodes.length, 2 ** levels);
        if (!coversLeaf(19, height, index)) {
          assert.ok(nodes.every((node) => node === ZERO_HASH));
          continue;
        }
        while (nodes.length > 1) {
          nodes = Array.from({ length: nodes.length / 2 }, (_, pair) =>
            nodes[2 * pair] === ZERO_HASH ? ZERO_HASH : hashPair(nodes[2 * pair], nodes[2 * pair + 1]),
          );
        }
        assert.equal(nodes[0], treeNode(tree, height, index));
      }
    }
  }
  assert.throws(() => descendants(tree, 2, 0, 3), NodeHeightError);
  assert.throws(() => descendants(tree, 2, 8, 1), NodeIndexError);
});

test("buildTree_malformedLeaves_areRefused", () => {
  assert.throws(() => buildTree([]), LeafCountError);
  assert.throws(() => buildTree(new Uint8Array(33)), LeafBytesError);
});
