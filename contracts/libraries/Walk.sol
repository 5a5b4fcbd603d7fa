// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ClaimView, Position, TensorShown} from "../types/Types.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {ProgramCodec} from "./ProgramCodec.sol";

/// @title Walk
/// @notice The rules of demands and openings (section 5): which nodes exist, that a node lies under the trace root, and that
/// an opening hashes to the node demanded. Everything an honest claimant can be asked for, it can open; a position that
/// covers no leaf, a path of another length and an opening that breaks the zero-node rule are refused.
library Walk {
    uint8 internal constant STEPS = 0;
    uint8 internal constant SCRATCH = 1;
    uint8 internal constant STATE = 2;
    uint8 internal constant SCRATCH_TENSOR = 3;
    uint8 internal constant STATE_TENSOR = 4;

    /// @notice Levels that an opening shows.
    uint256 internal constant LEVELS = 5;

    error SectionUnknown(uint8 section);
    /// @notice No node that covers a leaf stands there, or it is demanded in another section.
    error PositionOutsideTree(Position position);
    /// @notice The path has another length than the position implies.
    error PathLengthMismatch(uint256 expected, uint256 actual);
    /// @notice The path does not lead to the claim's trace root.
    error TraceRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The summary shown is not the claimed program.
    error ProgramRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The record shown is not the program's.
    error RecordsRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The interface table shown is not the program's.
    error InterfaceHashMismatch(bytes32 expected, bytes32 computed);
    /// @notice The item's row is not canonical: badRecord proves it.
    error InterfaceRowInvalid(uint256 row, uint256 reason);
    /// @notice More is shown than the section needs.
    error TooMuchShown(uint8 section);
    error OpeningLengthMismatch(uint256 expected, uint256 actual);
    /// @notice A node that covers a leaf is zero, or one that covers none is not.
    error ZeroNodeRule(uint256 index);
    /// @notice The opening is not the preimage of the node.
    error OpeningMismatch(bytes32 expected, bytes32 computed);

    /// @notice Refuses a node that is not in the claim's trace tree at `position`.
    /// @return width How many of the nodes that open it cover a leaf (1 to 32); 0 for a chunk.
    function checkDemand(
        ClaimView memory claim,
        bytes32 node,
        Position calldata position,
        bytes32[] calldata path,
        TensorShown calldata shown
    ) internal pure returns (uint8 width) {
        uint8 section = position.section;
        if (section > STATE_TENSOR) revert SectionUnknown(section);
        if (section < SCRATCH_TENSOR && position.item != 0) revert PositionOutsideTree(position);
        bytes32 root;
        if (section == STEPS) {
            if (position.step != 0) revert PositionOutsideTree(position);
            if (
                shown.summary.length +
                    shown.record.length +
                    shown.recordSiblings.length +
                    shown.interfaceTable.length !=
                0
            ) revert TooMuchShown(section);
            uint256 rest = _levelsAbove(position, claim.steps);
            if (path.length != rest) revert PathLengthMismatch(rest, path.length);
            root = _rootOfNode(node, position, claim.steps, path);
            width = position.height == 0 ? 2 : _width(position, claim.steps);
        } else {
            (uint256 itemCount, uint256 leafCount) = _countsOf(claim, position, shown);
            (root, width) = _rootInStep(claim.steps, node, position, path, itemCount, leafCount);
        }
        if (root != claim.traceRoot) revert TraceRootMismatch(claim.traceRoot, root);
    }

    /// @notice Whether a demand there is answered by the bytes of a chunk.
    function isChunk(uint8 section, uint8 height) internal pure returns (bool) {
        return section >= SCRATCH_TENSOR && height == 0;
    }

    /// @notice Refuses nodes that do not hash to `node`.
    /// @param width As checkDemand returned.
    function checkOpening(
        uint8 section,
        uint8 height,
        uint256 width,
        bytes32 node,
        bytes32[] calldata nodes
    ) internal pure {
        uint256 levels =
            height == 0 && section == STEPS
                ? 1
                : height < LEVELS
                    ? height
                    : LEVELS;
        if (nodes.length != 1 << levels) revert OpeningLengthMismatch(1 << levels, nodes.length);
        for (uint256 i = 0; i < nodes.length; ++i) {
            if ((nodes[i] != 0) != (i < width)) revert ZeroNodeRule(i);
        }
        bytes32 root;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, nodes.offset, shl(5, nodes.length))
            // Of each level the first `width` nodes cover a leaf; the one after them is zero, the rest is not looked at.
            for {} levels {
                levels := sub(levels, 1)
            } {
                mstore(add(buffer, shl(5, width)), 0)
                width := shr(1, add(width, 1))
                for {
                    let i := 0
                } lt(i, width) {
                    i := add(i, 1)
                } {
                    mstore(add(buffer, shl(5, i)), keccak256(add(buffer, shl(6, i)), 0x40))
                }
            }
            root := mload(buffer)
        }
        if (root != node) revert OpeningMismatch(node, root);
    }

    /// @notice Refuses a chunk that does not hash to `node`.
    function checkChunk(bytes32 node, bytes calldata chunk) internal pure {
        if (chunk.length != MerkleTree.CHUNK_BYTES) revert OpeningLengthMismatch(MerkleTree.CHUNK_BYTES, chunk.length);
        bytes32 computed = MerkleTree.hashBytes(chunk);
        if (computed != node) revert OpeningMismatch(node, computed);
    }

    /// @dev Primitives, or slots and outputs, of the position's step; and the leaves of the position's own tree.
    function _countsOf(
        ClaimView memory claim,
        Position calldata position,
        TensorShown calldata shown
    ) private pure returns (uint256 itemCount, uint256 leafCount) {
        if (position.step >= claim.steps) revert PositionOutsideTree(position);
        bytes32 programRoot = MerkleTree.hashBytes(shown.summary);
        if (programRoot != claim.programRoot) revert ProgramRootMismatch(claim.programRoot, programRoot);
        ProgramCodec.Summary memory head = ProgramCodec.decodeSummary(shown.summary);
        uint8 section = position.section;
        bool inScratch = section == SCRATCH || section == SCRATCH_TENSOR;
        if (section != SCRATCH_TENSOR && shown.record.length + shown.recordSiblings.length != 0) {
            revert TooMuchShown(section);
        }
        if (section != STATE_TENSOR && shown.interfaceTable.length != 0) revert TooMuchShown(section);
        ProgramCodec.Segment memory segment;
        if (inScratch) {
            segment = ProgramCodec.segmentOfStep(shown.summary, position.step);
            itemCount = segment.recordCount;
        } else {
            itemCount = head.slotCount + head.outputCount;
        }
        if (section < SCRATCH_TENSOR) {
            // A tensor root is demanded as the top of its own tree, where its length is known.
            if (position.height == 0) revert PositionOutsideTree(position);
            return (itemCount, itemCount);
        }
        if (position.item >= itemCount) revert PositionOutsideTree(position);
        uint256 length =
            inScratch
                ? _recordLength(segment, position.item, shown)
                : _itemLength(head, position.item, shown.interfaceTable);
        leafCount = MerkleTree.chunkCountOf(length);
    }

    function _recordLength(
        ProgramCodec.Segment memory segment,
        uint256 primitive,
        TensorShown calldata shown
    ) private pure returns (uint256) {
        bytes32 root = MerkleTree.rootOfPath(
            MerkleTree.hashBytes(shown.record),
            primitive,
            segment.recordCount,
            shown.recordSiblings
        );
        if (root != segment.recordsRoot) revert RecordsRootMismatch(segment.recordsRoot, root);
        return ProgramCodec.decodeRecord(shown.record).length;
    }

    function _itemLength(
        ProgramCodec.Summary memory head,
        uint256 item,
        bytes calldata table
    ) private pure returns (uint256 length) {
        bytes32 computed = MerkleTree.hashBytes(table);
        if (computed != head.interfaceHash) revert InterfaceHashMismatch(head.interfaceHash, computed);
        ProgramCodec.checkInterfaceLength(table, head);
        uint256 row = head.inputCount + item;
        uint256 reason = ProgramCodec.interfaceRowFlaw(table, head, row);
        if (reason != 0) revert InterfaceRowInvalid(row, reason);
        (length, ) = ProgramCodec.itemAt(table, head, item);
    }

    /// @dev Trace root that a node of sections 1 to 4 leads to, and the width of its opening.
    function _rootInStep(
        uint256 steps,
        bytes32 node,
        Position calldata position,
        bytes32[] calldata path,
        uint256 itemCount,
        uint256 leafCount
    ) private pure returns (bytes32 root, uint8 width) {
        bool inTensor = position.section >= SCRATCH_TENSOR;
        uint256 own = _levelsAbove(position, leafCount);
        uint256 items = inTensor ? own + MerkleTree.depthOf(itemCount) : own;
        uint256 expected = items + 1 + MerkleTree.depthOf(steps);
        if (path.length != expected) revert PathLengthMismatch(expected, path.length);
        root = _rootOfNode(node, position, leafCount, path[:own]);
        if (inTensor) root = MerkleTree.rootOfPath(root, position.item, itemCount, path[own:items]);
        bool inScratch = position.section == SCRATCH || position.section == SCRATCH_TENSOR;
        root = inScratch ? MerkleTree.hashPair(root, path[items]) : MerkleTree.hashPair(path[items], root);
        root = MerkleTree.rootOfPath(root, position.step, steps, path[items + 1:]);
        if (!isChunk(position.section, position.height)) width = _width(position, leafCount);
    }

    function _levelsAbove(Position calldata position, uint256 leafCount) private pure returns (uint256) {
        uint256 depth = MerkleTree.depthOf(leafCount);
        if (position.height > depth) revert PositionOutsideTree(position);
        return depth - position.height;
    }

    /// @dev The nodes of one height that cover a leaf are the leaves of a tree of their own.
    function _rootOfNode(
        bytes32 node,
        Position calldata position,
        uint256 leafCount,
        bytes32[] calldata siblings
    ) private pure returns (bytes32) {
        uint256 count = _nodesAt(position.height, leafCount);
        if (position.index >= count) revert PositionOutsideTree(position);
        return MerkleTree.rootOfPath(node, position.index, count, siblings);
    }

    function _width(Position calldata position, uint256 leafCount) private pure returns (uint8) {
        uint256 levels = position.height < LEVELS ? position.height : LEVELS;
        uint256 left = _nodesAt(position.height - levels, leafCount) - (uint256(position.index) << levels);
        uint256 all = 1 << levels;
        return uint8(left < all ? left : all);
    }

    /// @dev Nodes at `height` that cover one of `leafCount` leaves.
    function _nodesAt(uint256 height, uint256 leafCount) private pure returns (uint256) {
        return (leafCount + (1 << height) - 1) >> height;
    }
}
