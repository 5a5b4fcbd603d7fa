// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Demand, Position, TensorShown} from "../types/Types.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {ProgramCodec} from "./ProgramCodec.sol";

/// @title Walk
/// @notice The rules of demands and openings (section 5): which nodes exist, that a node lies under the claim's roots or below
/// the node opened last, and what an opening hashes to. Everything an honest claimant can be asked for, it can open; a
/// position that covers no leaf, a path of another length and an opening that breaks the zero-node rule are refused.
library Walk {
    uint8 internal constant STEPS = 0;
    uint8 internal constant SCRATCH = 1;
    uint8 internal constant STATE = 2;
    uint8 internal constant SCRATCH_TENSOR = 3;
    uint8 internal constant STATE_TENSOR = 4;
    uint8 internal constant TABLE_TENSOR = 5;
    uint8 internal constant CONSTANT = 6;
    uint8 internal constant INPUTS = 7;

    /// @notice Levels that an opening shows.
    uint256 internal constant LEVELS = 5;

    uint8 private constant TRACE_DEFERRED = 1;
    /// @dev Of an item of section 6, the low bits name the primitive and the rest its segment.
    uint256 private constant PRIMITIVE_BITS = 16;

    error SectionUnknown(uint8 section);
    /// @notice No node that covers a leaf stands there, or it is demanded in another section.
    error PositionOutsideTree(Position position);
    /// @notice The path has another length than the position implies; below an opened node, than one that the opening allows.
    error PathLengthMismatch(uint256 expected, uint256 actual);
    /// @notice The path does not lead to the root that the claim gives the section.
    error TraceRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The path does not lead to the node opened last.
    error OpenedNodeMismatch(bytes32 expected, bytes32 computed);
    /// @notice No scratch root was posted for this step of the deferred trace.
    error ScratchRootUnknown(uint32 step);
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

    /// @dev What the bytes shown say of a position.
    /// @param leafCount Leaves of its tree; at a step node those of the step's scratch tree.
    /// @param itemCount Leaves of the tree that holds the tensor's root; 0 where that root itself is given.
    /// @param root Of a constant, where its path ends; else zero.
    struct Sizes {
        uint256 leafCount;
        uint256 itemCount;
        bytes32 root;
    }

    /// @notice Whether only the states of the claim's trace are committed.
    function isDeferred(Claim calldata claim) internal pure returns (bool) {
        return claim.terms.traceMode == TRACE_DEFERRED;
    }

    // ---------------------------------------------------------------- demands

    /// @notice Refuses a node that does not stand at its position under the claim's roots.
    /// @param postedRoot The scratch root posted for the position's step; zero if none.
    /// @return leafCount Leaves of the position's tree; at a step node those of the step's scratch tree.
    function checkDemand(
        Claim calldata claim,
        bytes32 postedRoot,
        Demand calldata demand
    ) internal pure returns (uint256 leafCount) {
        unchecked {
            Position memory position = demand.position;
            uint8 section = position.section;
            Sizes memory sizes = _sizesOf(claim.terms.programRoot, claim.terms.steps, position, demand.shown);
            leafCount = sizes.leafCount;
            uint256 treeLeaves = section == STEPS ? claim.terms.steps : leafCount;
            uint256 depth = MerkleTree.depthOf(treeLeaves);
            if (position.height > depth || position.index >= _nodesAt(position.height, treeLeaves)) {
                _refuse(position);
            }
            bool inScratch = section == SCRATCH || section == SCRATCH_TENSOR;
            bool isPosted = inScratch && isDeferred(claim);
            bool isStepNext = _isInStep(section) && !isPosted;

            bytes32[] calldata path = demand.path;
            uint256 own = depth - position.height;
            uint256 items = sizes.itemCount == 0 ? own : own + MerkleTree.depthOf(sizes.itemCount);
            uint256 expected = isStepNext ? items + 1 + MerkleTree.depthOf(claim.terms.steps) : items;
            if (path.length != expected) revert PathLengthMismatch(expected, path.length);
            bytes32 node = MerkleTree.climb(demand.node, position.index, path[:own]);
            node = MerkleTree.climb(node, position.item, path[own:items]);
            if (isStepNext) {
                node = inScratch ? MerkleTree.hashPair(node, path[items]) : MerkleTree.hashPair(path[items], node);
                node = MerkleTree.climb(node, position.step, path[items + 1:]);
            }
            bytes32 root = claim.traceRoot;
            if (isPosted) {
                if (postedRoot == 0) revert ScratchRootUnknown(position.step);
                root = postedRoot;
            } else if (section >= TABLE_TENSOR) {
                root = sizes.root == 0 ? claim.terms.inputsRoot : sizes.root;
            }
            if (node != root) revert TraceRootMismatch(root, node);
        }
    }

    /// @notice Moves a position down to the node that stands 1 to 5 levels below it in the same section; refuses a node that
    /// does not, and leaves that hold something: those of sections 0, 1, 2 and 7.
    function checkDescent(
        Position memory position,
        uint256 leafCount,
        bytes32 opened,
        bytes32 node,
        uint32 index,
        bytes32[] calldata path
    ) internal pure {
        if (path.length == 0) revert PathLengthMismatch(1, 0);
        _moveBelow(position, leafCount, opened, node, index, path);
        if (position.height == 0 && !_isTensor(position.section)) _refuse(position);
    }

    /// @notice Moves a position down to a leaf of sections 0, 1, 2 and 7, at most 5 levels, and to the top of what it holds; refuses a
    /// node that does not stand there.
    /// @return leafCount As checkDemand returns it.
    function checkEntry(
        Claim calldata claim,
        Position memory position,
        uint256 openedLeafCount,
        bytes32 opened,
        bytes32 node,
        uint32 index,
        bytes32[] calldata path,
        TensorShown calldata shown
    ) internal pure returns (uint256 leafCount) {
        uint8 section = position.section;
        if (_isTensor(section)) revert SectionUnknown(section);
        _moveBelow(position, openedLeafCount, opened, node, index, path);
        if (position.height != 0) revert PathLengthMismatch(position.height + path.length, path.length);
        if (section != STEPS) {
            position.section = section == INPUTS ? TABLE_TENSOR : section + SCRATCH_TENSOR - SCRATCH;
            position.item = index;
            position.index = 0;
        }
        leafCount = _sizesOf(claim.terms.programRoot, claim.terms.steps, position, shown).leafCount;
        if (section != STEPS) position.height = uint8(MerkleTree.depthOf(leafCount));
    }

    function _moveBelow(
        Position memory position,
        uint256 leafCount,
        bytes32 opened,
        bytes32 node,
        uint32 index,
        bytes32[] calldata path
    ) private pure {
        unchecked {
            uint256 levels = path.length;
            uint256 most = _levelsBelow(position.height);
            if (levels > most) revert PathLengthMismatch(most, levels);
            uint256 openedIndex = position.index;
            position.height -= uint8(levels);
            position.index = index;
            if (index >> levels != openedIndex || index >= _nodesAt(position.height, leafCount)) {
                _refuse(position);
            }
            bytes32 root = MerkleTree.climb(node, index, path);
            if (root != opened) revert OpenedNodeMismatch(opened, root);
        }
    }

    // ---------------------------------------------------------------- openings

    /// @notice Whether a demand there is answered by the bytes of a chunk.
    function isChunk(Position memory position) internal pure returns (bool) {
        return _isTensor(position.section) && position.height == 0;
    }

    /// @notice Whether a demand there is answered by the roots of a step.
    function isStep(Position memory position) internal pure returns (bool) {
        return position.section == STEPS && position.height == 0;
    }

    /// @notice The node at `height` and `index` of a tree of `leafCount` leaves whose descendants min(height, 5) levels down
    /// are `nodes`; refuses another number of them and one that is zero where it covers a leaf, or not where it does not.
    function rootOfOpening(
        uint256 height,
        uint256 index,
        uint256 leafCount,
        bytes32[] calldata nodes
    ) internal pure returns (bytes32 root) {
        unchecked {
            uint256 levels = _levelsBelow(height);
            uint256 count = 1 << levels;
            if (nodes.length != count) revert OpeningLengthMismatch(count, nodes.length);
            uint256 width = _nodesAt(height - levels, leafCount) - (index << levels);
            if (width > count) width = count;
            uint256 breach = 0;
            assembly ("memory-safe") {
                for {
                    let i := 0
                } lt(i, count) {
                    i := add(i, 1)
                } {
                    if eq(iszero(calldataload(add(nodes.offset, shl(5, i)))), lt(i, width)) {
                        breach := add(i, 1)
                        break
                    }
                }
            }
            if (breach != 0) revert ZeroNodeRule(breach - 1);
            assembly ("memory-safe") {
                let buffer := mload(0x40)
                calldatacopy(buffer, nodes.offset, shl(5, count))
                // Of each level the first `width` nodes cover a leaf; the one after them is zero, the rest is not looked at.
                for {} levels {
                    levels := sub(levels, 1)
                } {
                    mstore(add(buffer, shl(5, width)), 0)
                    width := shr(1, add(width, 1))
                    for {
                        let to := buffer
                        let from := buffer
                        let end := add(buffer, shl(5, width))
                    } lt(to, end) {
                        to := add(to, 0x20)
                        from := add(from, 0x40)
                    } {
                        mstore(to, keccak256(from, 0x40))
                    }
                }
                root := mload(buffer)
            }
        }
    }

    /// @notice Refuses a chunk that does not hash to `node`.
    function checkChunk(bytes32 node, bytes calldata chunk) internal pure {
        if (chunk.length != MerkleTree.CHUNK_BYTES) revert OpeningLengthMismatch(MerkleTree.CHUNK_BYTES, chunk.length);
        checkNode(node, MerkleTree.hashBytes(chunk));
    }

    /// @notice Refuses an opening that hashes to another node than the one demanded.
    function checkNode(bytes32 node, bytes32 computed) internal pure {
        if (computed != node) revert OpeningMismatch(node, computed);
    }

    // ---------------------------------------------------------------- sizes

    /// @dev Checks that step and item exist and that exactly what the section needs is shown.
    function _sizesOf(
        bytes32 programRoot,
        uint256 steps,
        Position memory position,
        TensorShown calldata shown
    ) private pure returns (Sizes memory sizes) {
        uint8 section = position.section;
        if (section > INPUTS) revert SectionUnknown(section);
        bool isNode = section == STEPS && position.height != 0;
        bool usesRecord = section == SCRATCH_TENSOR || section == CONSTANT;
        bool usesTable = section == STATE_TENSOR || section == TABLE_TENSOR;
        if (
            (!usesRecord && shown.record.length + shown.recordSiblings.length != 0) ||
            (!usesTable && shown.interfaceTable.length != 0) ||
            (isNode && shown.summary.length != 0)
        ) revert TooMuchShown(section);
        // A tensor root is demanded as the top of its own tree, where its length is known.
        bool isOutside = !_isTensor(section) && (position.item != 0 || (section != STEPS && position.height == 0));
        // The operand that stands for a step in section 6 is looked up in the record.
        if (section != CONSTANT && position.step >= (_isInStep(section) ? steps : 1)) isOutside = true;
        if (isOutside) _refuse(position);
        if (isNode) {
            sizes.leafCount = steps;
            return sizes;
        }

        bytes32 computed = MerkleTree.hashBytes(shown.summary);
        if (computed != programRoot) revert ProgramRootMismatch(programRoot, computed);
        ProgramCodec.Summary memory head = ProgramCodec.decodeSummary(shown.summary);
        if (section == CONSTANT) {
            _setConstant(sizes, position, shown);
        } else if (section >= TABLE_TENSOR) {
            _setInputs(sizes, position, head, shown.interfaceTable);
        } else if (section == STATE || section == STATE_TENSOR) {
            _setState(sizes, position, head, shown.interfaceTable);
        } else {
            _setScratch(sizes, position, shown);
        }
    }

    /// @dev Sections 0 (a step node), 1 and 3.
    function _setScratch(Sizes memory sizes, Position memory position, TensorShown calldata shown) private pure {
        uint8 section = position.section;
        uint256 step = section == STEPS ? position.index : position.step;
        ProgramCodec.Segment memory segment = ProgramCodec.segmentOfStep(shown.summary, step);
        sizes.leafCount = segment.recordCount;
        if (section != SCRATCH_TENSOR) return;
        if (position.item >= segment.recordCount) _refuse(position);
        _checkRecord(segment, position.item, shown);
        sizes.itemCount = segment.recordCount;
        sizes.leafCount = MerkleTree.chunkCountOf(ProgramCodec.decodeRecord(shown.record).length);
    }

    /// @dev Sections 2 and 4.
    function _setState(
        Sizes memory sizes,
        Position memory position,
        ProgramCodec.Summary memory head,
        bytes calldata table
    ) private pure {
        unchecked {
            uint256 itemCount = head.slotCount + head.outputCount;
            sizes.leafCount = itemCount;
            if (position.section == STATE) return;
            if (position.item >= itemCount) _refuse(position);
            _checkRow(head, head.inputCount + position.item, table);
            (uint256 length, ) = ProgramCodec.itemAt(table, head, position.item);
            sizes.itemCount = itemCount;
            sizes.leafCount = MerkleTree.chunkCountOf(length);
        }
    }

    /// @dev Sections 7 and 5: inputs, and initial values of slots that are constants.
    function _setInputs(
        Sizes memory sizes,
        Position memory position,
        ProgramCodec.Summary memory head,
        bytes calldata table
    ) private pure {
        unchecked {
            uint256 length = head.inputCount;
            sizes.leafCount = length;
            if (position.section == INPUTS) return;
            uint256 item = position.item;
            if (item >= length + head.slotCount) _refuse(position);
            _checkRow(head, item, table);
            if (item < length) {
                sizes.itemCount = length;
                (length, ) = ProgramCodec.inputAt(table, item);
            } else {
                ProgramCodec.SlotRow memory row = ProgramCodec.slotAt(table, head, item - length);
                if (row.initialKind != ProgramCodec.KIND_CONSTANT) _refuse(position);
                length = row.length;
                sizes.root = row.root;
            }
            sizes.leafCount = MerkleTree.chunkCountOf(length);
        }
    }

    function _setConstant(Sizes memory sizes, Position memory position, TensorShown calldata shown) private pure {
        ProgramCodec.Segment memory segment = ProgramCodec.segmentAt(shown.summary, position.item >> PRIMITIVE_BITS);
        _checkRecord(segment, position.item & ((1 << PRIMITIVE_BITS) - 1), shown);
        uint256 operands = ProgramCodec.decodeRecord(shown.record).operandCount;
        if (position.step >= operands) _refuse(position);
        ProgramCodec.Operand memory operand = ProgramCodec.operandAt(shown.record, position.step);
        if (operand.kind != ProgramCodec.KIND_CONSTANT) _refuse(position);
        sizes.root = operand.root;
        sizes.leafCount = MerkleTree.chunkCountOf(operand.length);
    }

    function _checkRecord(
        ProgramCodec.Segment memory segment,
        uint256 primitive,
        TensorShown calldata shown
    ) private pure {
        bytes32 root = MerkleTree.rootOfPath(
            MerkleTree.hashBytes(shown.record),
            primitive,
            segment.recordCount,
            shown.recordSiblings
        );
        if (root != segment.recordsRoot) revert RecordsRootMismatch(segment.recordsRoot, root);
    }

    function _checkRow(ProgramCodec.Summary memory head, uint256 row, bytes calldata table) private pure {
        bytes32 computed = MerkleTree.hashBytes(table);
        if (computed != head.interfaceHash) revert InterfaceHashMismatch(head.interfaceHash, computed);
        ProgramCodec.checkInterfaceLength(table, head);
        uint256 reason = ProgramCodec.interfaceRowFlaw(table, head, row);
        if (reason != 0) revert InterfaceRowInvalid(row, reason);
    }

    function _refuse(Position memory position) private pure {
        revert PositionOutsideTree(position);
    }

    function _isTensor(uint8 section) private pure returns (bool) {
        return section >= SCRATCH_TENSOR && section <= CONSTANT;
    }

    function _isInStep(uint8 section) private pure returns (bool) {
        return section >= SCRATCH && section <= STATE_TENSOR;
    }

    function _levelsBelow(uint256 height) private pure returns (uint256) {
        return height < LEVELS ? height : LEVELS;
    }

    /// @dev Nodes at `height` that cover one of `leafCount` leaves.
    function _nodesAt(uint256 height, uint256 leafCount) private pure returns (uint256) {
        unchecked {
            return (leafCount + (1 << height) - 1) >> height;
        }
    }
}
