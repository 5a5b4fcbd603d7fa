// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Demand, Position, TensorShown} from "../types/Types.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {Place} from "./Place.sol";
import {ProgramCodec} from "./ProgramCodec.sol";

/// @title Walk
/// @notice The rules of demands and openings (section 5): which nodes exist, that a node lies under the claim's roots or below
/// the node opened last, and what an opening hashes to. Everything an honest claimant can be asked for, it can open; a
/// position that covers no leaf, a path of another length and an opening that breaks the zero-node rule are refused.
library Walk {
    using Place for uint256;

    uint256 internal constant STEPS = 0;
    uint256 internal constant SCRATCH = 1;
    uint256 internal constant STATE = 2;
    uint256 internal constant SCRATCH_TENSOR = 3;
    uint256 internal constant STATE_TENSOR = 4;
    uint256 internal constant TABLE_TENSOR = 5;
    uint256 internal constant CONSTANT = 6;
    uint256 internal constant INPUTS = 7;

    /// @notice Levels that an opening shows.
    uint256 internal constant LEVELS = 5;

    uint8 private constant TRACE_DEFERRED = 1;
    /// @dev Of an item of section 6, the low bits name the primitive and the rest its segment.
    uint256 private constant PRIMITIVE_BITS = 16;

    error SectionUnknown(uint256 section);
    /// @notice No node that covers a leaf stands there, or it is demanded in another section.
    error PositionOutsideTree(Position position);
    /// @notice No node that covers a leaf stands there below the node opened last.
    error NodeNotBelow(uint256 height, uint256 index);
    /// @notice The path has another length than the position implies; below an opened node, than one that the opening allows.
    error PathLengthMismatch(uint256 expected, uint256 actual);
    /// @notice The path does not lead to the root that the claim gives the section.
    error TraceRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The path does not lead to the node opened last.
    error OpenedNodeMismatch(bytes32 expected, bytes32 computed);
    /// @notice No scratch root was posted for this step of the deferred trace.
    error ScratchRootUnknown(uint256 step);
    /// @notice The summary shown is not the claimed program.
    error ProgramRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The record shown is not the program's.
    error RecordsRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The interface table shown is not the program's.
    error InterfaceHashMismatch(bytes32 expected, bytes32 computed);
    /// @notice The item's row is not canonical: badRecord proves it.
    error InterfaceRowInvalid(uint256 row, uint256 reason);
    /// @notice More is shown than the section needs.
    error TooMuchShown(uint256 section);
    error OpeningLengthMismatch(uint256 expected, uint256 actual);
    /// @notice A node that covers a leaf is zero, or one that covers none is not.
    error ZeroNodeRule(uint256 index);
    /// @notice The opening is not the preimage of the node.
    error OpeningMismatch(bytes32 expected, bytes32 computed);

    /// @notice Whether only the states of the claim's trace are committed.
    function isDeferred(Claim calldata claim) internal pure returns (bool) {
        return claim.terms.traceMode == TRACE_DEFERRED;
    }

    // ---------------------------------------------------------------- demands

    /// @notice Where a node stands under the claim's roots; refuses one that does not stand at the position named.
    /// @param postedRoot The scratch root posted for the position's step; zero if none.
    function demandedPlace(
        Claim calldata claim,
        bytes32 postedRoot,
        Demand calldata demand
    ) internal pure returns (uint256 place) {
        unchecked {
            uint256 steps = claim.terms.steps;
            place = _checkedPlace(demand.position, steps);
            uint256 section = place.sectionOf();
            uint256 itemCount = 0;
            bytes32 constantRoot = 0;
            uint256 leafCount = steps;
            if (section != STEPS || place.heightOf() == 0) {
                bytes calldata summary = demand.shown.summary;
                bytes32 programRoot = MerkleTree.hashBytes(summary);
                if (programRoot != claim.terms.programRoot) {
                    revert ProgramRootMismatch(claim.terms.programRoot, programRoot);
                }
                (leafCount, itemCount, constantRoot) = _sizesOf(place, summary, demand.shown);
            } else if (_isAnyShown(demand.shown)) {
                revert TooMuchShown(section);
            }
            place = place.withLeafCount(leafCount);
            uint256 treeLeaves = section == STEPS ? steps : leafCount;
            uint256 depth = MerkleTree.depthOf(treeLeaves);
            if (place.heightOf() > depth || place.indexOf() >= _nodesAt(place.heightOf(), treeLeaves)) _refuse(place);

            bool inScratch = section == SCRATCH || section == SCRATCH_TENSOR;
            bool isPosted = inScratch && isDeferred(claim);
            bool isStepNext = _isInStep(section) && !isPosted;
            bytes32[] calldata path = demand.path;
            uint256 own = depth - place.heightOf();
            uint256 items = itemCount == 0 ? own : own + MerkleTree.depthOf(itemCount);
            uint256 expected = isStepNext ? items + 1 + MerkleTree.depthOf(steps) : items;
            if (path.length != expected) revert PathLengthMismatch(expected, path.length);
            bytes32 node = MerkleTree.climb(demand.node, place.indexOf(), path[:own]);
            node = MerkleTree.climb(node, place.itemOf(), path[own:items]);
            if (isStepNext) {
                node = inScratch ? MerkleTree.hashPair(node, path[items]) : MerkleTree.hashPair(path[items], node);
                node = MerkleTree.climb(node, place.stepOf(), path[items + 1:]);
            }
            bytes32 root = claim.traceRoot;
            if (isPosted) {
                if (postedRoot == 0) revert ScratchRootUnknown(place.stepOf());
                root = postedRoot;
            } else if (section >= TABLE_TENSOR) {
                root = constantRoot == 0 ? claim.terms.inputsRoot : constantRoot;
            }
            if (node != root) revert TraceRootMismatch(root, node);
        }
    }

    /// @notice Where a node stands that is 1 to 5 levels below the one opened at `place`, in the same section; refuses one that
    /// does not stand there, and leaves that hold something: those of sections 0, 1, 2 and 7.
    function descendedPlace(
        uint256 place,
        bytes32 opened,
        bytes32 node,
        uint256 index,
        bytes32[] calldata path
    ) internal pure returns (uint256 below) {
        if (path.length == 0) revert PathLengthMismatch(1, 0);
        below = _placeBelow(place, opened, node, index, path);
        if (below.heightOf() == 0 && !_isTensor(below.sectionOf())) _refuse(below);
    }

    /// @notice Where the top of what a leaf of sections 0, 1, 2 and 7 holds stands, the leaf 0 to 5 levels below the node opened
    /// at `place`; refuses a leaf that does not stand there.
    /// @param summary Of the claimed program, as shown.
    function enteredPlace(
        uint256 place,
        bytes32 opened,
        bytes32 node,
        uint256 index,
        bytes32[] calldata path,
        bytes calldata summary,
        TensorShown calldata shown
    ) internal pure returns (uint256 entered) {
        uint256 section = place.sectionOf();
        if (_isTensor(section)) revert SectionUnknown(section);
        entered = _placeBelow(place, opened, node, index, path);
        if (entered.heightOf() != 0) revert PathLengthMismatch(place.heightOf(), path.length);
        if (section != STEPS) {
            section = section == INPUTS ? TABLE_TENSOR : section + SCRATCH_TENSOR - SCRATCH;
            entered = Place.make(section, 0, place.stepOf(), index, 0);
        }
        (uint256 leafCount, , ) = _sizesOf(entered, summary, shown);
        if (section != STEPS) entered = entered.raised(MerkleTree.depthOf(leafCount));
        return entered.withLeafCount(leafCount);
    }

    function _placeBelow(
        uint256 place,
        bytes32 opened,
        bytes32 node,
        uint256 index,
        bytes32[] calldata path
    ) private pure returns (uint256 below) {
        uint256 levels = path.length;
        uint256 height = place.heightOf();
        uint256 most = _levelsBelow(height);
        if (levels > most) revert PathLengthMismatch(most, levels);
        unchecked {
            height -= levels;
        }
        if (index >> levels != place.indexOf() || index >= _nodesAt(height, place.leafCountOf())) {
            revert NodeNotBelow(height, index);
        }
        bytes32 root = MerkleTree.climb(node, index, path);
        if (root != opened) revert OpenedNodeMismatch(opened, root);
        below = Place.make(place.sectionOf(), height, place.stepOf(), place.itemOf(), index) | place.leafCountOf();
    }

    // ---------------------------------------------------------------- openings

    /// @notice Whether a demand there is answered by the bytes of a chunk.
    function isChunk(uint256 place) internal pure returns (bool) {
        return place.heightOf() == 0 && _isTensor(place.sectionOf());
    }

    /// @notice Whether a demand there is answered by the roots of a step.
    function isStep(uint256 place) internal pure returns (bool) {
        return place.heightOf() == 0 && place.sectionOf() == STEPS;
    }

    /// @notice The place of the scratch root of the step whose node stands at `place`.
    function scratchPlace(uint256 place) internal pure returns (uint256) {
        uint256 leafCount = place.leafCountOf();
        return Place.make(SCRATCH, MerkleTree.depthOf(leafCount), place.indexOf(), 0, 0) | leafCount;
    }

    /// @notice The node at `place` whose descendants min(height, 5) levels down are `nodes`; refuses another number of them and
    /// one that is zero where it covers a leaf, or not where it does not.
    function rootOfOpening(uint256 place, bytes32[] calldata nodes) internal pure returns (bytes32 root) {
        uint256 height = place.heightOf();
        uint256 levels = _levelsBelow(height);
        uint256 count = 1 << levels;
        if (nodes.length != count) revert OpeningLengthMismatch(count, nodes.length);
        uint256 width;
        unchecked {
            width = _nodesAt(height - levels, place.leafCountOf()) - (place.indexOf() << levels);
        }
        if (width > count) width = count;
        _checkZeros(nodes, width);
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, nodes.offset, shl(5, count))
            // Of each level the first `width` nodes cover a leaf; the one after them is zero, the rest is not looked at.
            for {} levels {
                levels := sub(levels, 1)
            } {
                mstore(add(buffer, shl(5, width)), 0)
                width := shr(1, add(width, 1))
                let from := buffer
                for {
                    let to := buffer
                    let end := add(buffer, shl(5, width))
                } lt(to, end) {
                    to := add(to, 0x20)
                } {
                    mstore(to, keccak256(from, 0x40))
                    from := add(from, 0x40)
                }
            }
            root := mload(buffer)
        }
    }

    /// @dev Refuses nodes unless the first `width` are not zero and all others are.
    function _checkZeros(bytes32[] calldata nodes, uint256 width) private pure {
        bool isBroken;
        assembly ("memory-safe") {
            let node := nodes.offset
            for {
                let end := add(node, shl(5, width))
            } lt(node, end) {
                node := add(node, 0x20)
            } {
                isBroken := or(isBroken, iszero(calldataload(node)))
            }
            for {
                let end := add(nodes.offset, shl(5, nodes.length))
            } lt(node, end) {
                node := add(node, 0x20)
            } {
                isBroken := or(isBroken, iszero(iszero(calldataload(node))))
            }
        }
        if (!isBroken) return;
        uint256 i = 0;
        while ((nodes[i] != 0) == (i < width)) ++i;
        revert ZeroNodeRule(i);
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

    /// @dev The place of a position in a known section, of a step there is and with zeros where they belong.
    function _checkedPlace(Position calldata position, uint256 steps) private pure returns (uint256 place) {
        uint256 section = position.section;
        uint256 height = position.height;
        uint256 step = position.step;
        uint256 item = position.item;
        uint256 index = position.index;
        if (section > INPUTS) revert SectionUnknown(section);
        // Of the operand that stands for the step in section 6, the record says whether there is one.
        uint256 stepLimit =
            section == CONSTANT
                ? Place.MAX_FIELD
                : _isInStep(section)
                    ? steps
                    : 1;
        bool isOutside = step >= stepLimit || index > Place.MAX_FIELD;
        // A tensor root is demanded as the top of its own tree, where its length is known.
        if (!_isTensor(section)) isOutside = isOutside || item != 0 || (height == 0 && section != STEPS);
        if (isOutside) revert PositionOutsideTree(position);
        return Place.make(section, height, step, item, index);
    }

    function _isAnyShown(TensorShown calldata shown) private pure returns (bool) {
        return
            shown.summary.length + shown.record.length + shown.recordSiblings.length + shown.interfaceTable.length != 0;
    }

    /// @dev What the bytes shown under the claimed program's root, beside its summary, say of a place.
    /// @return leafCount Leaves of its tree; at a step node those of the step's scratch tree.
    /// @return itemCount Leaves of the tree that holds the tensor's root; 0 where that root itself is given.
    /// @return constantRoot The root of a constant; else zero.
    function _sizesOf(
        uint256 place,
        bytes calldata summary,
        TensorShown calldata shown
    ) private pure returns (uint256 leafCount, uint256 itemCount, bytes32 constantRoot) {
        uint256 section = place.sectionOf();
        if (section != STATE_TENSOR && section != TABLE_TENSOR && shown.interfaceTable.length != 0) {
            revert TooMuchShown(section);
        }
        if (
            section != SCRATCH_TENSOR && section != CONSTANT && shown.record.length + shown.recordSiblings.length != 0
        ) {
            revert TooMuchShown(section);
        }
        if (section == CONSTANT) {
            (leafCount, constantRoot) = _constantSizes(place, summary, shown);
        } else if (section >= TABLE_TENSOR) {
            (leafCount, itemCount, constantRoot) = _inputSizes(place, summary, shown);
        } else if (section == STATE || section == STATE_TENSOR) {
            (leafCount, itemCount) = _stateSizes(place, summary, shown);
        } else {
            (leafCount, itemCount) = _scratchSizes(place, summary, shown);
        }
    }

    /// @dev Sections 0 (a step node), 1 and 3.
    function _scratchSizes(
        uint256 place,
        bytes calldata summary,
        TensorShown calldata shown
    ) private pure returns (uint256 leafCount, uint256 itemCount) {
        bool isStepNode = place.sectionOf() == STEPS;
        uint256 segment = ProgramCodec.segmentIndexOf(summary, isStepNode ? place.indexOf() : place.stepOf());
        (bytes32 recordsRoot, uint256 recordCount) = ProgramCodec.recordsOf(summary, segment);
        if (place.sectionOf() != SCRATCH_TENSOR) return (recordCount, 0);
        uint256 item = place.itemOf();
        if (item >= recordCount) _refuse(place);
        bytes calldata record = shown.record;
        _checkRecord(recordsRoot, recordCount, item, record, shown.recordSiblings);
        return (MerkleTree.chunkCountOf(ProgramCodec.lengthOf(record)), recordCount);
    }

    /// @dev Sections 2 and 4.
    function _stateSizes(
        uint256 place,
        bytes calldata summary,
        TensorShown calldata shown
    ) private pure returns (uint256 leafCount, uint256 itemCount) {
        ProgramCodec.Summary memory head = ProgramCodec.headOf(summary);
        unchecked {
            itemCount = head.slotCount + head.outputCount;
            if (place.sectionOf() == STATE) return (itemCount, 0);
            if (place.itemOf() >= itemCount) _refuse(place);
            _checkRow(head, head.inputCount + place.itemOf(), shown.interfaceTable);
        }
        (leafCount, ) = ProgramCodec.itemAt(shown.interfaceTable, head, place.itemOf());
        leafCount = MerkleTree.chunkCountOf(leafCount);
    }

    /// @dev Sections 7 and 5: inputs, and initial values of slots that are constants.
    function _inputSizes(
        uint256 place,
        bytes calldata summary,
        TensorShown calldata shown
    ) private pure returns (uint256 leafCount, uint256 itemCount, bytes32 constantRoot) {
        ProgramCodec.Summary memory head = ProgramCodec.headOf(summary);
        uint256 inputCount = head.inputCount;
        if (place.sectionOf() == INPUTS) return (inputCount, 0, 0);
        uint256 item = place.itemOf();
        unchecked {
            if (item >= inputCount + head.slotCount) _refuse(place);
            _checkRow(head, item, shown.interfaceTable);
            if (item < inputCount) {
                itemCount = inputCount;
                (leafCount, ) = ProgramCodec.inputAt(shown.interfaceTable, item);
            } else {
                ProgramCodec.SlotRow memory row = ProgramCodec.slotAt(shown.interfaceTable, head, item - inputCount);
                if (row.initialKind != ProgramCodec.KIND_CONSTANT) _refuse(place);
                leafCount = row.length;
                constantRoot = row.root;
            }
        }
        leafCount = MerkleTree.chunkCountOf(leafCount);
    }

    /// @dev Section 6.
    function _constantSizes(
        uint256 place,
        bytes calldata summary,
        TensorShown calldata shown
    ) private pure returns (uint256 leafCount, bytes32 constantRoot) {
        uint256 segment = place.itemOf() >> PRIMITIVE_BITS;
        if (segment >= ProgramCodec.segmentCountOf(summary)) _refuse(place);
        (bytes32 recordsRoot, uint256 recordCount) = ProgramCodec.recordsOf(summary, segment);
        uint256 primitive = place.itemOf() & ((1 << PRIMITIVE_BITS) - 1);
        bytes calldata record = shown.record;
        _checkRecord(recordsRoot, recordCount, primitive, record, shown.recordSiblings);
        if (place.stepOf() >= ProgramCodec.decodeRecord(record).operandCount) _refuse(place);
        ProgramCodec.Operand memory operand = ProgramCodec.operandAt(record, place.stepOf());
        if (operand.kind != ProgramCodec.KIND_CONSTANT) _refuse(place);
        return (MerkleTree.chunkCountOf(operand.length), operand.root);
    }

    function _checkRecord(
        bytes32 recordsRoot,
        uint256 recordCount,
        uint256 primitive,
        bytes calldata record,
        bytes32[] calldata siblings
    ) private pure {
        bytes32 root = MerkleTree.rootOfPath(MerkleTree.hashBytes(record), primitive, recordCount, siblings);
        if (root != recordsRoot) revert RecordsRootMismatch(recordsRoot, root);
    }

    function _checkRow(ProgramCodec.Summary memory head, uint256 row, bytes calldata table) private pure {
        bytes32 computed = MerkleTree.hashBytes(table);
        if (computed != head.interfaceHash) revert InterfaceHashMismatch(head.interfaceHash, computed);
        ProgramCodec.checkInterfaceLength(table, head);
        uint256 reason = ProgramCodec.interfaceRowFlaw(table, head, row);
        if (reason != 0) revert InterfaceRowInvalid(row, reason);
    }

    function _refuse(uint256 place) private pure {
        revert PositionOutsideTree(place.positionOf());
    }

    function _isTensor(uint256 section) private pure returns (bool) {
        return section >= SCRATCH_TENSOR && section <= CONSTANT;
    }

    function _isInStep(uint256 section) private pure returns (bool) {
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
