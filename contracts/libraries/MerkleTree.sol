// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle paths and ranges
/// @notice The trees of section 4: keccak256, chunks of 1,024 bytes, inner nodes of 64, depth ceil(log2 count). Returns the
/// root that a path or a range leads to; refuses a proof of another length than the count implies, an index outside the
/// count, and a zero node where a leaf is expected.
library MerkleTree {
    /// @notice Bytes of a chunk: 256 words of 4 bytes.
    uint256 internal constant CHUNK_BYTES = 1024;
    /// @notice Words of a chunk.
    uint256 internal constant CHUNK_WORDS = 256;

    error LeafOutsideTree(uint256 index, uint256 count);
    error SiblingCountMismatch(uint256 expected, uint256 actual);
    error ZeroLeaf(uint256 index);
    error ChunkBytesInvalid(uint256 length);

    /// @notice Levels of a tree over `count` leaves, count >= 1.
    function depthOf(uint256 count) internal pure returns (uint256 depth) {
        assembly ("memory-safe") {
            depth := sub(256, clz(sub(count, 1)))
        }
    }

    /// @notice Chunks of a tensor of `length` words.
    function chunkCountOf(uint256 length) internal pure returns (uint256) {
        unchecked {
            return (length + CHUNK_WORDS - 1) / CHUNK_WORDS;
        }
    }

    /// @notice H(left || right).
    function hashPair(bytes32 left, bytes32 right) internal pure returns (bytes32 node) {
        assembly ("memory-safe") {
            mstore(0, left)
            mstore(0x20, right)
            node := keccak256(0, 0x40)
        }
    }

    /// @notice H of calldata bytes.
    function hashBytes(bytes calldata data) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, data.offset, data.length)
            digest := keccak256(buffer, data.length)
        }
    }

    /// @notice Root of the tree over `count` leaves in which `leaf` stands at `index`.
    function rootOfPath(
        bytes32 leaf,
        uint256 index,
        uint256 count,
        bytes32[] calldata siblings
    ) internal pure returns (bytes32 root) {
        if (index >= count) revert LeafOutsideTree(index, count);
        if (siblings.length != depthOf(count)) revert SiblingCountMismatch(depthOf(count), siblings.length);
        return climb(leaf, index, siblings);
    }

    /// @notice The node that `node` at `index` of its height leads to, as many levels up as there are siblings.
    function climb(bytes32 node, uint256 index, bytes32[] calldata siblings) internal pure returns (bytes32 root) {
        if (node == 0) revert ZeroLeaf(index);
        assembly ("memory-safe") {
            root := node
            // The place of the node among its 64 bytes is the lowest bit of its index, shifted by 5.
            index := shl(5, index)
            let sibling := siblings.offset
            for {
                let end := add(sibling, shl(5, siblings.length))
            } lt(sibling, end) {
                sibling := add(sibling, 0x20)
            } {
                let side := and(index, 0x20)
                index := shr(1, index)
                mstore(side, root)
                mstore(xor(side, 0x20), calldataload(sibling))
                root := keccak256(0, 0x40)
            }
        }
    }

    /// @notice Root of the tree over `count` leaves in which `leaves` stand from `first` on.
    function rootOfLeaves(
        bytes32[] memory leaves,
        uint256 first,
        uint256 count,
        bytes32[] calldata siblings
    ) internal pure returns (bytes32 root) {
        uint256 shown = leaves.length;
        if (shown == 0 || first + shown > count) revert LeafOutsideTree(first + shown, count);
        uint256 nodes;
        assembly ("memory-safe") {
            // One free word before and one after the nodes, for the siblings of a level.
            nodes := add(mload(0x40), 0x20)
            mcopy(nodes, add(leaves, 0x20), shl(5, shown))
        }
        for (uint256 i = 0; i < shown; ++i) {
            if (leaves[i] == 0) revert ZeroLeaf(first + i);
        }
        return _fold(nodes, shown, first, depthOf(count), siblings);
    }

    /// @notice Root of a tensor of `length` words in which `chunks` stand from chunk `first` on.
    function rootOfChunks(
        bytes calldata chunks,
        uint256 first,
        uint256 length,
        bytes32[] calldata siblings
    ) internal pure returns (bytes32 root) {
        uint256 shown = chunks.length / CHUNK_BYTES;
        if (shown == 0 || shown * CHUNK_BYTES != chunks.length) revert ChunkBytesInvalid(chunks.length);
        uint256 count = chunkCountOf(length);
        if (first + shown > count) revert LeafOutsideTree(first + shown, count);
        uint256 nodes;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            nodes := add(buffer, 0x420)
            let chunk := chunks.offset
            for {
                let node := nodes
                let end := add(node, shl(5, shown))
            } lt(node, end) {
                node := add(node, 0x20)
            } {
                calldatacopy(buffer, chunk, 0x400)
                mstore(node, keccak256(buffer, 0x400))
                chunk := add(chunk, 0x400)
            }
        }
        return _fold(nodes, shown, first, depthOf(count), siblings);
    }

    /// @dev Folds `shown` nodes at memory `nodes` up `depth` levels. The words just before and just after them are free, and
    /// all lies beyond allocated memory. A level's parents are written where its nodes began, always behind what is
    /// still to be read.
    function _fold(
        uint256 nodes,
        uint256 shown,
        uint256 first,
        uint256 depth,
        bytes32[] calldata siblings
    ) private pure returns (bytes32 root) {
        uint256 used;
        assembly ("memory-safe") {
            for {
                let level := 0
            } lt(level, depth) {
                level := add(level, 1)
            } {
                let from := nodes
                // Past the end of `siblings` this reads other calldata; the count is checked below.
                if and(first, 1) {
                    from := sub(from, 0x20)
                    mstore(from, calldataload(add(siblings.offset, shl(5, used))))
                    used := add(used, 1)
                    first := sub(first, 1)
                    shown := add(shown, 1)
                }
                if and(shown, 1) {
                    mstore(add(from, shl(5, shown)), calldataload(add(siblings.offset, shl(5, used))))
                    used := add(used, 1)
                    shown := add(shown, 1)
                }
                shown := shr(1, shown)
                first := shr(1, first)
                for {
                    let to := nodes
                    let end := add(to, shl(5, shown))
                } lt(to, end) {
                    to := add(to, 0x20)
                } {
                    mstore(to, keccak256(from, 0x40))
                    from := add(from, 0x40)
                }
            }
            root := mload(nodes)
        }
        if (used != siblings.length) revert SiblingCountMismatch(used, siblings.length);
    }
}
