// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReferee} from "./interfaces/IReferee.sol";
import {Evidence} from "./libraries/Evidence.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {ProgramCodec} from "./libraries/ProgramCodec.sol";
import {ScalarMachine} from "./libraries/ScalarMachine.sol";
import {ScalarOperands} from "./libraries/ScalarOperands.sol";
import {ClaimView, ElementProof, Fault, OperandShown, Range} from "./types/Types.sol";

/// @title Referee of elements
/// @notice Judges fraud proof 0, badElement: runs a primitive's scalar program for one element over the chunks that the claimant
/// committed to and compares the word. All evidence is read where it stands in calldata. What a proof need not
/// show (a previous step that no operand reads, say) is not looked at.
contract Referee is IReferee {
    /// @notice The claimant is right about this element.
    error ElementMatches(uint32 element, uint32 word);
    error ElementOutsideTensor(uint256 element, uint256 length);
    /// @notice `output` must be the one chunk that holds the element.
    error OutputChunkMismatch(uint256 expectedFirst, uint256 first, uint256 byteLength);
    error OperandCountMismatch(uint256 expected, uint256 actual);
    /// @notice The proof is not the ABI encoding of one struct.
    error ProofEncodingInvalid(uint256 head);

    /// @dev What the parts of a proof have in common.
    struct Context {
        ProgramCodec.Summary head;
        ProgramCodec.Segment segment;
        bool previousChecked;
        bool interfaceChecked;
    }

    /// @inheritdoc IReferee
    function prove(uint8 kind, ClaimView calldata claim, bytes calldata proof) external pure returns (Fault memory) {
        if (kind != 0) revert FraudKindUnknown(kind);
        ElementProof calldata shown = _decode(proof);
        ScalarOperands.ShownOperand[] memory operands = _checkEvidence(claim, shown);
        uint256 computed = ScalarMachine.run(shown.scalar, shown.element, shown.step.step, operands);
        uint32 claimed = _claimedWord(shown);
        if (claimed == computed) revert ElementMatches(shown.element, claimed);
        return Fault(shown.step.step, shown.record.primitive, shown.element, claimed, uint32(computed));
    }

    /// @dev Binds everything shown to the claim's roots.
    /// @return operands The operands with the ranges shown of them.
    function _checkEvidence(
        ClaimView calldata claim,
        ElementProof calldata shown
    ) private pure returns (ScalarOperands.ShownOperand[] memory operands) {
        Context memory context;
        context.head = Evidence.checkSummary(claim, shown.record.summary);
        Evidence.checkStep(claim, shown.step);
        context.segment = ProgramCodec.segmentOfStep(shown.record.summary, shown.step.step);
        Evidence.checkRecord(context.segment, shown.record);
        ProgramCodec.Record memory record = ProgramCodec.decodeRecord(shown.record.record);
        Evidence.check(Evidence.Part.Scalar, record.scalarHash, MerkleTree.hashBytes(shown.scalar));
        _checkOutput(shown, context.segment.recordCount, record.length);
        return _operands(claim, shown, context, record.operandCount);
    }

    function _decode(bytes calldata proof) private pure returns (ElementProof calldata shown) {
        uint256 head;
        assembly ("memory-safe") {
            head := calldataload(proof.offset)
            shown := add(proof.offset, 0x20)
        }
        if (proof.length < 0x20 || head != 0x20) revert ProofEncodingInvalid(head);
    }

    /// @dev The output chunk that holds the element is the one the claimant committed to.
    function _checkOutput(ElementProof calldata shown, uint256 recordCount, uint256 length) private pure {
        uint256 element = shown.element;
        if (element >= length) revert ElementOutsideTensor(element, length);
        Evidence.checkLeaf(
            Evidence.Part.Scratch,
            shown.step.scratchRoot,
            shown.outputRoot,
            shown.record.primitive,
            recordCount,
            shown.outputSiblings
        );
        Range calldata range = shown.output;
        uint256 first = element / MerkleTree.CHUNK_WORDS;
        if (range.first != first || range.chunks.length != MerkleTree.CHUNK_BYTES) {
            revert OutputChunkMismatch(first, range.first, range.chunks.length);
        }
        _checkRange(range, length, shown.outputRoot);
    }

    /// @dev The element's word in the output chunk.
    function _claimedWord(ElementProof calldata shown) private pure returns (uint32 word) {
        bytes calldata chunk = shown.output.chunks;
        uint256 element = shown.element;
        assembly ("memory-safe") {
            word := shr(224, calldataload(add(chunk.offset, shl(2, and(element, 0xff)))))
        }
    }

    function _operands(
        ClaimView calldata claim,
        ElementProof calldata shown,
        Context memory context,
        uint256 count
    ) private pure returns (ScalarOperands.ShownOperand[] memory operands) {
        if (shown.operands.length != count) revert OperandCountMismatch(count, shown.operands.length);
        operands = new ScalarOperands.ShownOperand[](count);
        for (uint256 i = 0; i < count; ++i) {
            ProgramCodec.Operand memory named = ProgramCodec.operandAt(shown.record.record, i);
            OperandShown calldata operand = shown.operands[i];
            operands[i].length = named.length;
            operands[i].index = i;
            // An operand that is not read has no root to show.
            if (operand.ranges.length == 0) continue;
            bytes32 root = _operandRoot(claim, shown, context, named, operand);
            operands[i].ranges = _checkedRanges(operand, named.length, root);
        }
    }

    /// @return triples Per range: first word, words, calldata offset.
    function _checkedRanges(
        OperandShown calldata operand,
        uint256 length,
        bytes32 root
    ) private pure returns (uint256[] memory triples) {
        uint256 count = operand.ranges.length;
        triples = new uint256[](3 * count);
        for (uint256 i = 0; i < count; ++i) {
            Range calldata range = operand.ranges[i];
            _checkRange(range, length, root);
            bytes calldata chunks = range.chunks;
            uint256 offset;
            assembly ("memory-safe") {
                offset := chunks.offset
            }
            triples[3 * i] = range.first * MerkleTree.CHUNK_WORDS;
            triples[3 * i + 1] = chunks.length / 4;
            triples[3 * i + 2] = offset;
        }
    }

    function _checkRange(Range calldata range, uint256 length, bytes32 root) private pure {
        bytes32 computed = MerkleTree.rootOfChunks(range.chunks, range.first, length, range.siblings);
        Evidence.check(Evidence.Part.Tensor, root, computed);
    }

    /// @dev The tensor root that the claim and its program give the operand in this step.
    function _operandRoot(
        ClaimView calldata claim,
        ElementProof calldata shown,
        Context memory context,
        ProgramCodec.Operand memory named,
        OperandShown calldata operand
    ) private pure returns (bytes32 root) {
        root = operand.root;
        uint256 kind = named.kind;
        uint256 index = named.index;
        if (kind == ProgramCodec.KIND_SLOT && shown.step.step == 0) {
            ProgramCodec.SlotRow memory row = _slotRow(shown.interfaceTable, context, index);
            kind = row.initialKind;
            index = row.index;
            named.root = row.root;
        }
        if (kind == ProgramCodec.KIND_CONSTANT) return named.root;

        Evidence.Part part = Evidence.Part.Scratch;
        bytes32 parent = shown.step.scratchRoot;
        uint256 count = context.segment.recordCount;
        if (kind == ProgramCodec.KIND_INPUT) {
            part = Evidence.Part.Inputs;
            parent = claim.inputsRoot;
            count = context.head.inputCount;
        } else if (kind == ProgramCodec.KIND_SLOT) {
            part = Evidence.Part.State;
            parent = _previousStateRoot(claim, shown, context);
            count = context.head.slotCount + context.head.outputCount;
        }
        Evidence.checkLeaf(part, parent, root, index, count, operand.siblings);
    }

    function _slotRow(
        bytes calldata table,
        Context memory context,
        uint256 slot
    ) private pure returns (ProgramCodec.SlotRow memory) {
        if (!context.interfaceChecked) {
            Evidence.checkInterface(context.head, table);
            context.interfaceChecked = true;
        }
        if (slot >= context.head.slotCount) revert MerkleTree.LeafOutsideTree(slot, context.head.slotCount);
        return ProgramCodec.slotAt(table, context.head, slot);
    }

    function _previousStateRoot(
        ClaimView calldata claim,
        ElementProof calldata shown,
        Context memory context
    ) private pure returns (bytes32) {
        if (!context.previousChecked) {
            Evidence.checkPreviousStep(claim, shown.previous, shown.step.step);
            context.previousChecked = true;
        }
        return shown.previous.stateRoot;
    }
}
