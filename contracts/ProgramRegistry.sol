// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "./generated/Opcodes.sol";
import {IProgramRegistry} from "./interfaces/IProgramRegistry.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {ProgramCodec} from "./libraries/ProgramCodec.sol";

/// @title Program registry
/// @notice Publishes programs (section 3): recomputes every hash under the program root, so that whoever reads the
/// events has every byte a walk or a fraud proof needs. Refuses bytes that are missing, more or different, and
/// lengths that no proof could show; else does not judge what they say.
contract ProgramRegistry is IProgramRegistry {
    uint256 private constant OPERAND_COUNT_OFFSET = 37;

    /// @inheritdoc IProgramRegistry
    mapping(bytes32 programRoot => bool) public isRegistered;

    /// @inheritdoc IProgramRegistry
    function register(
        bytes calldata summary,
        bytes calldata interfaceTable,
        bytes[] calldata bindings,
        bytes[][] calldata records,
        bytes[] calldata scalars,
        string[] calldata mirrors
    ) external returns (bytes32 programRoot) {
        programRoot = MerkleTree.hashBytes(summary);
        if (isRegistered[programRoot]) revert ProgramAlreadyRegistered(programRoot);
        ProgramCodec.Summary memory head = ProgramCodec.decodeSummary(summary);
        ProgramCodec.checkInterfaceLength(interfaceTable, head);
        bytes32 interfaceHash = MerkleTree.hashBytes(interfaceTable);
        if (interfaceHash != head.interfaceHash) revert InterfaceHashMismatch(head.interfaceHash, interfaceHash);
        if (bindings.length != head.segmentCount) revert SegmentCountMismatch(head.segmentCount, bindings.length);
        if (records.length != head.segmentCount) revert SegmentCountMismatch(head.segmentCount, records.length);
        bytes32[] memory scalarHashes = _hashScalars(scalars);
        for (uint256 i = 0; i < head.segmentCount; ++i) {
            ProgramCodec.Segment memory segment = ProgramCodec.segmentAt(summary, i);
            ProgramCodec.checkBindingsLength(bindings[i], head);
            bytes32 bindingsHash = MerkleTree.hashBytes(bindings[i]);
            if (bindingsHash != segment.bindingsHash)
                revert BindingsHashMismatch(i, segment.bindingsHash, bindingsHash);
            _checkRecords(i, segment, records[i], scalarHashes);
        }

        isRegistered[programRoot] = true;
        bytes32 contentHash = keccak256(abi.encode(records, scalars));
        emit ProgramRegistered(programRoot, msg.sender, summary, interfaceTable, bindings, contentHash, mirrors);
        emit ProgramPublished(programRoot, records, scalars);
    }

    /// @inheritdoc IProgramRegistry
    function mirror(bytes32 programRoot, string[] calldata mirrors) external {
        if (!isRegistered[programRoot]) revert ProgramNotRegistered(programRoot);
        emit ProgramMirrored(programRoot, msg.sender, mirrors);
    }

    function _hashScalars(bytes[] calldata scalars) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](scalars.length);
        bytes32 previous = 0;
        for (uint256 i = 0; i < scalars.length; ++i) {
            if (scalars[i].length > Opcodes.MAX_ENCODED_BYTES) revert ScalarTooLong(i, scalars[i].length);
            bytes32 current = MerkleTree.hashBytes(scalars[i]);
            if (current <= previous) revert ScalarsNotAscending(i, previous, current);
            hashes[i] = current;
            previous = current;
        }
    }

    function _checkRecords(
        uint256 segmentIndex,
        ProgramCodec.Segment memory segment,
        bytes[] calldata records,
        bytes32[] memory scalarHashes
    ) private pure {
        if (records.length != segment.recordCount) {
            revert RecordCountMismatch(segmentIndex, segment.recordCount, records.length);
        }
        bytes32[] memory hashes = new bytes32[](records.length);
        for (uint256 i = 0; i < records.length; ++i) {
            bytes calldata record = records[i];
            _checkRecordLength(segmentIndex, i, record);
            bytes32 scalarHash = bytes32(record[:32]);
            if (!_contains(scalarHashes, scalarHash)) revert ScalarMissing(segmentIndex, i, scalarHash);
            hashes[i] = MerkleTree.hashBytes(record);
        }
        bytes32 root = _rootOf(hashes);
        if (root != segment.recordsRoot) revert RecordsRootMismatch(segmentIndex, segment.recordsRoot, root);
    }

    /// @dev What is shown in demands and proofs has a length that fits them, whatever it says.
    function _checkRecordLength(uint256 segmentIndex, uint256 index, bytes calldata record) private pure {
        uint256 expected = ProgramCodec.RECORD_HEAD_BYTES;
        if (record.length >= expected) {
            uint256 operands = uint8(record[OPERAND_COUNT_OFFSET]);
            if (operands > ProgramCodec.MAX_OPERANDS) revert RecordOperandsTooMany(segmentIndex, index, operands);
            expected += ProgramCodec.OPERAND_BYTES * operands;
        }
        if (record.length != expected) revert RecordLengthInvalid(segmentIndex, index, expected, record.length);
    }

    /// @dev Whether the ascending `hashes` hold `hash`.
    function _contains(bytes32[] memory hashes, bytes32 hash) private pure returns (bool) {
        uint256 low = 0;
        uint256 high = hashes.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (hashes[middle] == hash) return true;
            if (hashes[middle] < hash) low = middle + 1;
            else high = middle;
        }
        return false;
    }

    /// @dev Root of the tree over all of `nodes`, which it overwrites. A missing right sibling is a zero node.
    function _rootOf(bytes32[] memory nodes) private pure returns (bytes32) {
        uint256 count = nodes.length;
        while (count > 1) {
            uint256 parents = (count + 1) / 2;
            for (uint256 i = 0; i < parents; ++i) {
                bytes32 right = 2 * i + 1 < count ? nodes[2 * i + 1] : bytes32(0);
                nodes[i] = MerkleTree.hashPair(nodes[2 * i], right);
            }
            count = parents;
        }
        return nodes[0];
    }
}
