// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReferee} from "./interfaces/IReferee.sol";
import {Evidence} from "./libraries/Evidence.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {ProgramCodec} from "./libraries/ProgramCodec.sol";
import {ScalarCodec} from "./libraries/ScalarCodec.sol";
import {ScalarValidator} from "./libraries/ScalarValidator.sol";
import {ClaimView, Fault, PaddingProof, RecordProof, RecordShown, SlotProof} from "./types/Types.sol";

/// @title Referee of structure
/// @notice Judges the fraud proofs that run no scalar program: badSlot (1), badPadding (2) and badRecord (3). Whoever claims
/// asserts that the program is valid, so an invalid one is the claimant's fault whoever registered it.
/// @dev Of badRecord the fault holds the flaw in `claimed`, the reason in `computed`, and the operand, binding or row in `element`.
contract StructureReferee is IReferee {
    using ScalarCodec for ScalarCodec.Layout;

    uint8 private constant BAD_SLOT = 1;
    uint8 private constant BAD_PADDING = 2;
    uint8 private constant BAD_RECORD = 3;

    uint8 private constant FLAW_RECORD = 0;
    uint8 private constant FLAW_SCALAR = 1;
    uint8 private constant FLAW_SIGNATURE = 2;
    uint8 private constant FLAW_OPERAND_INDEX = 3;
    uint8 private constant FLAW_OPERAND_TENSOR = 4;
    uint8 private constant FLAW_BINDING = 5;
    uint8 private constant FLAW_INTERFACE = 6;

    // Reasons beside those of ProgramCodec and ScalarValidator.
    uint256 private constant WRONG_LENGTH = 1;
    uint256 private constant WRONG_TYPE = 2;
    uint256 private constant WRONG_COUNT = 3;
    uint256 private constant WRONG_INDEX = 4;
    uint256 private constant WRONG_BYTES = 7;

    /// @notice The slot or output is the tensor it is bound to.
    error SlotMatches(uint256 item, bytes32 root);
    /// @notice Every word past the tensor's length is zero.
    error PaddingIsZero(uint256 length);
    error PaddingChunkMismatch(uint256 expectedFirst, uint256 first, uint256 byteLength);
    /// @notice The program does not have this flaw here.
    error FlawAbsent(uint8 flaw);
    error FlawUnknown(uint8 flaw);
    error SectionUnknown(uint8 section);
    error ItemOutsideTable(uint256 item, uint256 count);
    error OtherRecordMismatch(uint256 expected, uint256 actual);
    /// @notice The scalar program has no layout: that is flaw 1.
    error ScalarWithoutLayout(uint256 reason);
    /// @notice The proof is not the ABI encoding of one struct.
    error ProofEncodingInvalid(uint256 head);

    /// @inheritdoc IReferee
    function prove(uint8 kind, ClaimView calldata claim, bytes calldata proof) external pure returns (Fault memory) {
        if (kind == BAD_SLOT) return _proveSlot(claim, _slotProof(proof));
        if (kind == BAD_PADDING) return _provePadding(claim, _paddingProof(proof));
        if (kind == BAD_RECORD) return _proveRecord(claim, _recordProof(proof));
        revert FraudKindUnknown(kind);
    }

    // ---------------------------------------------------------------- slots

    function _proveSlot(ClaimView calldata claim, SlotProof calldata shown) private pure returns (Fault memory) {
        ProgramCodec.Summary memory head = Evidence.checkSummary(claim, shown.summary);
        Evidence.checkStep(claim, shown.step);
        uint256 items = head.slotCount + head.outputCount;
        Evidence.checkLeaf(
            Evidence.Part.State,
            shown.step.stateRoot,
            shown.itemRoot,
            shown.item,
            items,
            shown.itemSiblings
        );
        bytes32 source = _sourceRoot(claim, shown, head);
        if (source == shown.itemRoot) revert SlotMatches(shown.item, source);
        return Fault(shown.step.step, shown.item, 0, 0, 0);
    }

    /// @dev The root that the item must have: that of the primitive bound to it, or the slot's own before this step.
    function _sourceRoot(
        ClaimView calldata claim,
        SlotProof calldata shown,
        ProgramCodec.Summary memory head
    ) private pure returns (bytes32 root) {
        ProgramCodec.Segment memory segment = ProgramCodec.segmentOfStep(shown.summary, shown.step.step);
        Evidence.check(Evidence.Part.Bindings, segment.bindingsHash, MerkleTree.hashBytes(shown.bindings));
        ProgramCodec.checkBindingsLength(shown.bindings, head);

        root = shown.sourceRoot;
        Evidence.Part part = Evidence.Part.Scratch;
        bytes32 parent = shown.step.scratchRoot;
        uint256 index = ProgramCodec.bindingAt(shown.bindings, shown.item);
        uint256 count = segment.recordCount;
        if (index == ProgramCodec.UNCHANGED && shown.item < head.slotCount) {
            if (shown.step.step == 0) {
                Evidence.checkInterface(head, shown.interfaceTable);
                ProgramCodec.SlotRow memory row = ProgramCodec.slotAt(shown.interfaceTable, head, shown.item);
                if (row.initialKind == ProgramCodec.KIND_CONSTANT) return row.root;
                part = Evidence.Part.Inputs;
                parent = claim.inputsRoot;
                index = row.index;
                count = head.inputCount;
            } else {
                Evidence.checkPreviousStep(claim, shown.previous, shown.step.step);
                part = Evidence.Part.State;
                parent = shown.previous.stateRoot;
                index = shown.item;
                count = head.slotCount + head.outputCount;
            }
        }
        Evidence.checkLeaf(part, parent, root, index, count, shown.sourceSiblings);
    }

    // ---------------------------------------------------------------- padding

    function _provePadding(ClaimView calldata claim, PaddingProof calldata shown) private pure returns (Fault memory) {
        uint256 length = _tensorLength(claim, shown);
        uint256 last = MerkleTree.chunkCountOf(length) - 1;
        bytes calldata chunk = shown.chunk.chunks;
        if (shown.chunk.first != last || chunk.length != MerkleTree.CHUNK_BYTES) {
            revert PaddingChunkMismatch(last, shown.chunk.first, chunk.length);
        }
        bytes32 root = MerkleTree.rootOfChunks(chunk, last, length, shown.chunk.siblings);
        Evidence.check(Evidence.Part.Tensor, shown.root, root);
        for (uint256 i = length - MerkleTree.CHUNK_WORDS * last; i < MerkleTree.CHUNK_WORDS; ++i) {
            uint32 word;
            assembly ("memory-safe") {
                word := shr(224, calldataload(add(chunk.offset, shl(2, i))))
            }
            if (word != 0) {
                return Fault(shown.step.step, shown.item, uint32(MerkleTree.CHUNK_WORDS * last + i), word, 0);
            }
        }
        revert PaddingIsZero(length);
    }

    /// @dev Checks that `shown.root` is the tensor's and returns its words.
    function _tensorLength(
        ClaimView calldata claim,
        PaddingProof calldata shown
    ) private pure returns (uint256 length) {
        Evidence.checkStep(claim, shown.step);
        if (shown.section == 3) {
            Evidence.checkSummary(claim, shown.record.summary);
            ProgramCodec.Segment memory segment = ProgramCodec.segmentOfStep(shown.record.summary, shown.step.step);
            if (shown.record.primitive != shown.item) revert OtherRecordMismatch(shown.item, shown.record.primitive);
            Evidence.checkRecord(segment, shown.record);
            length = ProgramCodec.decodeRecord(shown.record.record).length;
            bytes32 parent = shown.step.scratchRoot;
            uint256 count = segment.recordCount;
            Evidence.checkLeaf(Evidence.Part.Scratch, parent, shown.root, shown.item, count, shown.siblings);
        } else if (shown.section == 4) {
            ProgramCodec.Summary memory head = Evidence.checkSummary(claim, shown.summary);
            Evidence.checkInterface(head, shown.interfaceTable);
            bytes32 parent = shown.step.stateRoot;
            uint256 count = head.slotCount + head.outputCount;
            Evidence.checkLeaf(Evidence.Part.State, parent, shown.root, shown.item, count, shown.siblings);
            (length, ) = ProgramCodec.itemAt(shown.interfaceTable, head, shown.item);
        } else {
            revert SectionUnknown(shown.section);
        }
    }

    // ---------------------------------------------------------------- records

    function _proveRecord(ClaimView calldata claim, RecordProof calldata shown) private pure returns (Fault memory) {
        ProgramCodec.Summary memory head = Evidence.checkSummary(claim, shown.record.summary);
        uint8 flaw = shown.flaw;
        uint256 reason;
        uint32 primitive = 0;
        uint32 place = 0;
        if (flaw == FLAW_INTERFACE) {
            place = shown.item;
            reason = _interfaceFlaw(shown, head);
        } else if (flaw == FLAW_BINDING) {
            place = shown.item;
            reason = _bindingFlaw(shown, head);
        } else {
            primitive = shown.record.primitive;
            Evidence.checkRecord(ProgramCodec.segmentAt(shown.record.summary, shown.segment), shown.record);
            if (flaw == FLAW_RECORD) {
                reason = ProgramCodec.recordFlaw(shown.record.record);
            } else if (flaw == FLAW_SCALAR || flaw == FLAW_SIGNATURE) {
                reason = _scalarFlaw(shown, flaw);
            } else if (flaw == FLAW_OPERAND_INDEX || flaw == FLAW_OPERAND_TENSOR) {
                place = shown.operand;
                reason = _operandFlaw(shown, head, flaw);
            } else {
                revert FlawUnknown(flaw);
            }
        }
        if (reason == 0) revert FlawAbsent(flaw);
        return Fault(0, primitive, place, flaw, uint32(reason));
    }

    function _scalarFlaw(RecordProof calldata shown, uint8 flaw) private pure returns (uint256) {
        bytes calldata encoded = shown.record.record;
        ProgramCodec.Record memory record = ProgramCodec.decodeRecord(encoded);
        Evidence.check(Evidence.Part.Scalar, record.scalarHash, MerkleTree.hashBytes(shown.scalar));
        if (flaw == FLAW_SCALAR) return ScalarValidator.flawOf(shown.scalar);

        (ScalarCodec.Layout memory plan, uint256 reason) = ScalarCodec.layoutOf(shown.scalar);
        if (reason != 0) revert ScalarWithoutLayout(reason);
        if (plan.operandCount != record.operandCount) return WRONG_COUNT;
        for (uint256 i = 0; i < record.operandCount; ++i) {
            if (plan.operandType(i) != ProgramCodec.operandAt(encoded, i).wordType) return WRONG_TYPE;
        }
        if (plan.outputType != record.outputType) return WRONG_TYPE;
        return ScalarValidator.outputLength(plan) == record.length ? 0 : WRONG_LENGTH;
    }

    function _operandFlaw(
        RecordProof calldata shown,
        ProgramCodec.Summary memory head,
        uint8 flaw
    ) private pure returns (uint256) {
        bytes calldata encoded = shown.record.record;
        uint256 operands = ProgramCodec.decodeRecord(encoded).operandCount;
        if (shown.operand >= operands) revert ItemOutsideTable(shown.operand, operands);
        ProgramCodec.Operand memory operand = ProgramCodec.operandAt(encoded, shown.operand);
        if (operand.kind == ProgramCodec.KIND_CONSTANT) return 0;

        uint256 limit = shown.record.primitive;
        if (operand.kind == ProgramCodec.KIND_SLOT) limit = head.slotCount;
        if (operand.kind == ProgramCodec.KIND_INPUT) limit = head.inputCount;
        if (flaw == FLAW_OPERAND_INDEX) return operand.index < limit ? 0 : WRONG_INDEX;
        if (operand.index >= limit) revert ItemOutsideTable(operand.index, limit);

        if (operand.kind == ProgramCodec.KIND_PRIMITIVE) {
            return _compare(operand.length, operand.wordType, _otherRecord(shown, operand.index));
        }
        Evidence.checkInterface(head, shown.interfaceTable);
        ProgramCodec.Record memory named;
        (named.length, named.outputType) =
            operand.kind == ProgramCodec.KIND_SLOT
                ? ProgramCodec.itemAt(shown.interfaceTable, head, operand.index)
                : ProgramCodec.inputAt(shown.interfaceTable, operand.index);
        return _compare(operand.length, operand.wordType, named);
    }

    function _bindingFlaw(RecordProof calldata shown, ProgramCodec.Summary memory head) private pure returns (uint256) {
        ProgramCodec.Segment memory segment = ProgramCodec.segmentAt(shown.record.summary, shown.segment);
        Evidence.check(Evidence.Part.Bindings, segment.bindingsHash, MerkleTree.hashBytes(shown.bindings));
        uint256 items = head.slotCount + head.outputCount;
        if (shown.bindings.length != 4 * items) return WRONG_BYTES;
        if (shown.item >= items) revert ItemOutsideTable(shown.item, items);
        uint256 binding = ProgramCodec.bindingAt(shown.bindings, shown.item);
        if (binding == ProgramCodec.UNCHANGED && shown.item < head.slotCount) return 0;
        if (binding >= segment.recordCount) return WRONG_INDEX;
        Evidence.checkInterface(head, shown.interfaceTable);
        (uint256 length, uint256 wordType) = ProgramCodec.itemAt(shown.interfaceTable, head, shown.item);
        return _compare(length, wordType, _otherRecord(shown, binding));
    }

    function _interfaceFlaw(
        RecordProof calldata shown,
        ProgramCodec.Summary memory head
    ) private pure returns (uint256) {
        bytes calldata table = shown.interfaceTable;
        Evidence.check(Evidence.Part.Interface, head.interfaceHash, MerkleTree.hashBytes(table));
        uint256 rows = head.inputCount + head.slotCount + head.outputCount;
        uint256 fixedRows = head.inputCount + head.outputCount;
        if (table.length != ProgramCodec.ROW_BYTES * fixedRows + ProgramCodec.SLOT_ROW_BYTES * head.slotCount) {
            return WRONG_BYTES;
        }
        if (shown.item >= rows) revert ItemOutsideTable(shown.item, rows);
        return ProgramCodec.interfaceRowFlaw(table, head, shown.item);
    }

    /// @dev The record that an operand or a binding names, from the same segment.
    function _otherRecord(
        RecordProof calldata shown,
        uint256 primitive
    ) private pure returns (ProgramCodec.Record memory) {
        RecordShown calldata other = shown.other;
        if (other.primitive != primitive) revert OtherRecordMismatch(primitive, other.primitive);
        Evidence.checkRecord(ProgramCodec.segmentAt(shown.record.summary, shown.segment), other);
        return ProgramCodec.decodeRecord(other.record);
    }

    function _compare(
        uint256 length,
        uint256 wordType,
        ProgramCodec.Record memory named
    ) private pure returns (uint256) {
        if (length != named.length) return WRONG_LENGTH;
        return wordType == named.outputType ? 0 : WRONG_TYPE;
    }

    // ---------------------------------------------------------------- decoding

    function _slotProof(bytes calldata proof) private pure returns (SlotProof calldata shown) {
        uint256 start = _structStart(proof);
        assembly ("memory-safe") {
            shown := start
        }
    }

    function _paddingProof(bytes calldata proof) private pure returns (PaddingProof calldata shown) {
        uint256 start = _structStart(proof);
        assembly ("memory-safe") {
            shown := start
        }
    }

    function _recordProof(bytes calldata proof) private pure returns (RecordProof calldata shown) {
        uint256 start = _structStart(proof);
        assembly ("memory-safe") {
            shown := start
        }
    }

    /// @dev Calldata offset of the one dynamic struct that `proof` encodes; it is read where it stands.
    function _structStart(bytes calldata proof) private pure returns (uint256 start) {
        uint256 head;
        assembly ("memory-safe") {
            head := calldataload(proof.offset)
            start := add(proof.offset, 0x20)
        }
        if (proof.length < 0x20 || head != 0x20) revert ProofEncodingInvalid(head);
    }
}
