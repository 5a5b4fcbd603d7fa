// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "../generated/Opcodes.sol";

/// @title Summaries, records, interface tables and bindings
/// @notice Reads the encodings of section 3 straight from calldata, big-endian and without padding. `decode` functions revert
/// on anything not canonical; `flaw` functions return a reason instead, 0 meaning canonical, so that a fraud proof can
/// be made of it. `At` functions read a row of bytes already known to be canonical. Arithmetic is unchecked: counts and
/// indices are of 32 bits and rows of at most 96 bytes.
library ProgramCodec {
    uint256 internal constant SUMMARY_HEAD_BYTES = 64;
    uint256 internal constant SEGMENT_BYTES = 96;
    uint256 internal constant RECORD_HEAD_BYTES = 48;
    uint256 internal constant OPERAND_BYTES = 48;
    uint256 internal constant ROW_BYTES = 8;
    uint256 internal constant SLOT_ROW_BYTES = 48;

    uint256 internal constant MAX_OPERANDS = Opcodes.MAX_OPERANDS;
    uint256 internal constant MAX_LENGTH = Opcodes.MAX_PROGRAM_TENSOR_LENGTH;
    uint256 internal constant MAX_TYPE = 2;

    uint256 internal constant KIND_PRIMITIVE = 0;
    uint256 internal constant KIND_SLOT = 1;
    uint256 internal constant KIND_INPUT = 2;
    uint256 internal constant KIND_CONSTANT = 3;

    /// @notice A slot's binding that leaves it as it was.
    uint256 internal constant UNCHANGED = Opcodes.UNCHANGED;

    /// @notice The summary's length is not what its segment count implies.
    error SummaryLengthInvalid(uint256 expected, uint256 actual);
    /// @notice The field of the summary at `offset` bytes breaks a rule of section 3.
    error SummaryFieldInvalid(uint256 offset);
    error SegmentUnknown(uint256 index, uint256 count);
    /// @notice The record is not canonical; `reason` as in recordFlaw.
    error RecordInvalid(uint256 reason);
    error InterfaceLengthInvalid(uint256 expected, uint256 actual);
    error BindingsLengthInvalid(uint256 expected, uint256 actual);

    struct Summary {
        uint256 segmentCount;
        uint256 inputCount;
        uint256 slotCount;
        uint256 outputCount;
        bytes32 interfaceHash;
    }

    struct Segment {
        bytes32 recordsRoot;
        bytes32 bindingsHash;
        uint256 steps;
        uint256 recordCount;
    }

    struct Record {
        bytes32 scalarHash;
        uint256 length;
        uint256 outputType;
        uint256 operandCount;
    }

    struct Operand {
        uint256 kind;
        uint256 wordType;
        uint256 length;
        uint256 index;
        bytes32 root;
    }

    struct SlotRow {
        uint256 length;
        uint256 wordType;
        uint256 initialKind;
        uint256 index;
        bytes32 root;
    }

    /// @notice Head of a canonical summary; every segment row is checked too.
    function decodeSummary(bytes calldata summary) internal pure returns (Summary memory head) {
        unchecked {
            if (summary.length < SUMMARY_HEAD_BYTES) revert SummaryLengthInvalid(SUMMARY_HEAD_BYTES, summary.length);
            uint256 word = _word(summary, 0);
            if (word >> 192 != 0x4c4f434b53544550) revert SummaryFieldInvalid(0);
            if (_u32(word, 8) != Opcodes.NUMERICS_VERSION) revert SummaryFieldInvalid(8);
            uint256 count = _u32(word, 12);
            if (count == 0 || count > Opcodes.MAX_PROGRAM_SEGMENTS) revert SummaryFieldInvalid(12);
            head.segmentCount = count;
            head.inputCount = _u32(word, 16);
            if (head.inputCount > Opcodes.MAX_PROGRAM_INPUTS) revert SummaryFieldInvalid(16);
            head.slotCount = _u32(word, 20);
            head.outputCount = _u32(word, 24);
            uint256 items = head.slotCount + head.outputCount;
            if (head.outputCount == 0 || items > Opcodes.MAX_PROGRAM_STATE_TENSORS) revert SummaryFieldInvalid(24);
            if (_u32(word, 28) != 0) revert SummaryFieldInvalid(28);
            head.interfaceHash = bytes32(_word(summary, 32));
            uint256 expected = SUMMARY_HEAD_BYTES + SEGMENT_BYTES * count;
            if (summary.length != expected) revert SummaryLengthInvalid(expected, summary.length);
            for (uint256 i = 0; i < count; ++i) {
                uint256 offset = SUMMARY_HEAD_BYTES + SEGMENT_BYTES * i + 64;
                word = _word(summary, offset);
                // Only the last segment has no step count of its own.
                if ((_u32(word, 0) == 0) != (i == count - 1)) revert SummaryFieldInvalid(offset);
                uint256 records = _u32(word, 4);
                if (records == 0 || records > Opcodes.MAX_PROGRAM_RECORDS) revert SummaryFieldInvalid(offset + 4);
                if (word << 64 != 0) revert SummaryFieldInvalid(offset + 8);
            }
        }
    }

    /// @notice Head of a canonical summary, which that of a registered program is.
    function headOf(bytes calldata summary) internal pure returns (Summary memory head) {
        uint256 word = _word(summary, 0);
        head.segmentCount = _u32(word, 12);
        head.inputCount = _u32(word, 16);
        head.slotCount = _u32(word, 20);
        head.outputCount = _u32(word, 24);
        head.interfaceHash = bytes32(_word(summary, 32));
    }

    /// @notice Segments of a canonical summary.
    function segmentCountOf(bytes calldata summary) internal pure returns (uint256) {
        unchecked {
            return (summary.length - SUMMARY_HEAD_BYTES) / SEGMENT_BYTES;
        }
    }

    /// @notice Segment row `index` of a canonical summary.
    function segmentAt(bytes calldata summary, uint256 index) internal pure returns (Segment memory segment) {
        unchecked {
            uint256 count = segmentCountOf(summary);
            if (index >= count) revert SegmentUnknown(index, count);
            uint256 offset = SUMMARY_HEAD_BYTES + SEGMENT_BYTES * index;
            segment.recordsRoot = bytes32(_word(summary, offset));
            segment.bindingsHash = bytes32(_word(summary, offset + 32));
            uint256 word = _word(summary, offset + 64);
            segment.steps = _u32(word, 0);
            segment.recordCount = _u32(word, 4);
        }
    }

    /// @notice The segment of a canonical summary that runs `step`.
    function segmentOfStep(bytes calldata summary, uint256 step) internal pure returns (Segment memory segment) {
        return segmentAt(summary, segmentIndexOf(summary, step));
    }

    /// @notice Index of the segment of a canonical summary that runs `step`.
    function segmentIndexOf(bytes calldata summary, uint256 step) internal pure returns (uint256 index) {
        unchecked {
            uint256 last = segmentCountOf(summary) - 1;
            for (uint256 end = 0; index < last; ++index) {
                end += _u32(_word(summary, SUMMARY_HEAD_BYTES + SEGMENT_BYTES * index + 64), 0);
                if (step < end) return index;
            }
        }
    }

    /// @notice Records of segment row `index` of a canonical summary, index below the number of segments.
    function recordsOf(
        bytes calldata summary,
        uint256 index
    ) internal pure returns (bytes32 recordsRoot, uint256 recordCount) {
        unchecked {
            uint256 offset = SUMMARY_HEAD_BYTES + SEGMENT_BYTES * index;
            recordsRoot = bytes32(_word(summary, offset));
            recordCount = _u32(_word(summary, offset + 64), 4);
        }
    }

    /// @notice Why a record is not canonical, 0 when it is.
    /// @return reason 1 length of the bytes, 2 tensor length, 3 type, 4 operand count, 5 padding, 6 operand kind,
    /// 7 operand type, 8 operand padding, 9 operand length, 10 operand index or root.
    function recordFlaw(bytes calldata record) internal pure returns (uint256 reason) {
        unchecked {
            if (record.length < RECORD_HEAD_BYTES) return 1;
            uint256 word = _word(record, 32);
            uint256 operands = (word >> 208) & 0xff;
            if (record.length != RECORD_HEAD_BYTES + OPERAND_BYTES * operands) return 1;
            uint256 length = word >> 224;
            if (length == 0 || length > MAX_LENGTH) return 2;
            if ((word >> 216) & 0xff > MAX_TYPE) return 3;
            if (operands > MAX_OPERANDS) return 4;
            if ((word >> 128) & 0xffffffffffffffffffff != 0) return 5;
            for (uint256 i = 0; i < operands; ++i) {
                uint256 offset = RECORD_HEAD_BYTES + OPERAND_BYTES * i;
                word = _word(record, offset);
                uint256 kind = word >> 248;
                if (kind > KIND_CONSTANT) return 6;
                if ((word >> 240) & 0xff > MAX_TYPE) return 7;
                if ((word >> 224) & 0xffff != 0 || (word >> 128) & 0xffffffff != 0) return 8;
                length = _u32(word, 4);
                if (length == 0 || length > MAX_LENGTH) return 9;
                bool rooted = _word(record, offset + 16) != 0;
                if (rooted != (kind == KIND_CONSTANT)) return 10;
                if (rooted && _u32(word, 8) != 0) return 10;
            }
        }
    }

    /// @notice Head of a canonical record.
    function decodeRecord(bytes calldata record) internal pure returns (Record memory head) {
        uint256 reason = recordFlaw(record);
        if (reason != 0) revert RecordInvalid(reason);
        uint256 word = _word(record, 32);
        head.scalarHash = bytes32(_word(record, 0));
        head.length = word >> 224;
        head.outputType = (word >> 216) & 0xff;
        head.operandCount = (word >> 208) & 0xff;
    }

    /// @notice Length of a record's tensor. Whether the rest of the record is canonical is not looked at.
    function lengthOf(bytes calldata record) internal pure returns (uint256 length) {
        if (record.length < RECORD_HEAD_BYTES) revert RecordInvalid(1);
        length = _word(record, 32) >> 224;
        if (length == 0 || length > MAX_LENGTH) revert RecordInvalid(2);
    }

    /// @notice Operand `index` of a canonical record.
    function operandAt(bytes calldata record, uint256 index) internal pure returns (Operand memory operand) {
        unchecked {
            uint256 offset = RECORD_HEAD_BYTES + OPERAND_BYTES * index;
            uint256 word = _word(record, offset);
            operand.kind = word >> 248;
            operand.wordType = (word >> 240) & 0xff;
            operand.length = _u32(word, 4);
            operand.index = _u32(word, 8);
            operand.root = bytes32(_word(record, offset + 16));
        }
    }

    /// @notice Refuses an interface table whose length does not follow from the summary's counts.
    function checkInterfaceLength(bytes calldata table, Summary memory head) internal pure {
        unchecked {
            uint256 expected = ROW_BYTES * (head.inputCount + head.outputCount) + SLOT_ROW_BYTES * head.slotCount;
            if (table.length != expected) revert InterfaceLengthInvalid(expected, table.length);
        }
    }

    /// @notice Why a row of an interface table is not canonical, 0 when it is.
    /// @param row Inputs first, then slots, then outputs.
    /// @return reason 1 length, 2 type, 3 padding, 4 initial kind, 5 initial index or root, 6 the initial input has another
    /// length or type.
    function interfaceRowFlaw(
        bytes calldata table,
        Summary memory head,
        uint256 row
    ) internal pure returns (uint256 reason) {
        unchecked {
            bool isSlot = row >= head.inputCount && row < head.inputCount + head.slotCount;
            uint256 offset = row < head.inputCount ? ROW_BYTES * row : _itemOffset(head, row - head.inputCount);
            uint256 word = _word(table, offset);
            uint256 length = word >> 224;
            if (length == 0 || length > MAX_LENGTH) return 1;
            uint256 wordType = (word >> 216) & 0xff;
            if (wordType > MAX_TYPE) return 2;
            if (!isSlot) return (word >> 192) & 0xffffff == 0 ? 0 : 3;
            if ((word >> 192) & 0xffff != 0 || (word >> 128) & 0xffffffff != 0) return 3;
            uint256 kind = (word >> 208) & 0xff;
            if (kind != KIND_INPUT && kind != KIND_CONSTANT) return 4;
            uint256 index = _u32(word, 8);
            bool rooted = _word(table, offset + 16) != 0;
            if (rooted != (kind == KIND_CONSTANT)) return 5;
            if (rooted) return index == 0 ? 0 : 5;
            if (index >= head.inputCount) return 5;
            (uint256 inputLength, uint256 inputType) = inputAt(table, index);
            return inputLength == length && inputType == wordType ? 0 : 6;
        }
    }

    /// @notice Length and type of input `index`.
    function inputAt(bytes calldata table, uint256 index) internal pure returns (uint256 length, uint256 wordType) {
        unchecked {
            uint256 word = _word(table, ROW_BYTES * index);
            return (word >> 224, (word >> 216) & 0xff);
        }
    }

    /// @notice Length and type of a slot, or of output `item - slotCount`.
    function itemAt(
        bytes calldata table,
        Summary memory head,
        uint256 item
    ) internal pure returns (uint256 length, uint256 wordType) {
        uint256 word = _word(table, _itemOffset(head, item));
        return (word >> 224, (word >> 216) & 0xff);
    }

    /// @notice Row of slot `slot`.
    function slotAt(
        bytes calldata table,
        Summary memory head,
        uint256 slot
    ) internal pure returns (SlotRow memory row) {
        unchecked {
            uint256 offset = ROW_BYTES * head.inputCount + SLOT_ROW_BYTES * slot;
            uint256 word = _word(table, offset);
            row.length = word >> 224;
            row.wordType = (word >> 216) & 0xff;
            row.initialKind = (word >> 208) & 0xff;
            row.index = _u32(word, 8);
            row.root = bytes32(_word(table, offset + 16));
        }
    }

    /// @notice Refuses bindings whose length does not follow from the summary's counts.
    function checkBindingsLength(bytes calldata bindings, Summary memory head) internal pure {
        unchecked {
            uint256 expected = 4 * (head.slotCount + head.outputCount);
            if (bindings.length != expected) revert BindingsLengthInvalid(expected, bindings.length);
        }
    }

    /// @notice The primitive bound to a slot or an output, or UNCHANGED.
    function bindingAt(bytes calldata bindings, uint256 item) internal pure returns (uint256) {
        unchecked {
            return _word(bindings, 4 * item) >> 224;
        }
    }

    function _itemOffset(Summary memory head, uint256 item) private pure returns (uint256) {
        unchecked {
            uint256 slots = item < head.slotCount ? item : head.slotCount;
            return ROW_BYTES * head.inputCount + SLOT_ROW_BYTES * slots + ROW_BYTES * (item - slots);
        }
    }

    /// @dev 32 bytes of calldata from `offset` on; may reach past the end of `data`.
    function _word(bytes calldata data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }

    /// @dev The big-endian u32 at byte `offset` of a word, offset <= 28.
    function _u32(uint256 word, uint256 offset) private pure returns (uint256) {
        unchecked {
            return (word >> (224 - 8 * offset)) & 0xffffffff;
        }
    }
}
