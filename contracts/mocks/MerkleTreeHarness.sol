// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "../libraries/MerkleTree.sol";

/// @title Entry to MerkleTree for tests
contract MerkleTreeHarness {
    function depthOf(uint256 count) external pure returns (uint256) {
        return MerkleTree.depthOf(count);
    }

    function chunkCountOf(uint256 length) external pure returns (uint256) {
        return MerkleTree.chunkCountOf(length);
    }

    function hashPair(bytes32 left, bytes32 right) external pure returns (bytes32) {
        return MerkleTree.hashPair(left, right);
    }

    function hashBytes(bytes calldata data) external pure returns (bytes32) {
        return MerkleTree.hashBytes(data);
    }

    function rootOfPath(
        bytes32 leaf,
        uint256 index,
        uint256 count,
        bytes32[] calldata siblings
    ) external pure returns (bytes32) {
        return MerkleTree.rootOfPath(leaf, index, count, siblings);
    }

    function rootOfLeaves(
        bytes32[] calldata leaves,
        uint256 first,
        uint256 count,
        bytes32[] calldata siblings
    ) external pure returns (bytes32) {
        return MerkleTree.rootOfLeaves(leaves, first, count, siblings);
    }

    function rootOfChunks(
        bytes calldata chunks,
        uint256 first,
        uint256 length,
        bytes32[] calldata siblings
    ) external pure returns (bytes32) {
        return MerkleTree.rootOfChunks(chunks, first, length, siblings);
    }
}
