// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProgramCodec} from "../libraries/ProgramCodec.sol";

/// @title Entry to ProgramCodec for tests
contract ProgramCodecHarness {
    function decodeSummary(bytes calldata summary) external pure returns (ProgramCodec.Summary memory) {
        return ProgramCodec.decodeSummary(summary);
    }

    function segmentAt(bytes calldata summary, uint256 index) external pure returns (ProgramCodec.Segment memory) {
        return ProgramCodec.segmentAt(summary, index);
    }

    function segmentOfStep(bytes calldata summary, uint256 step) external pure returns (ProgramCodec.Segment memory) {
        return ProgramCodec.segmentOfStep(summary, step);
    }

    function recordFlaw(bytes calldata record) external pure returns (uint256) {
        return ProgramCodec.recordFlaw(record);
    }

    function decodeRecord(bytes calldata record) external pure returns (ProgramCodec.Record memory) {
        return ProgramCodec.decodeRecord(record);
    }

    function operandAt(bytes calldata record, uint256 index) external pure returns (ProgramCodec.Operand memory) {
        return ProgramCodec.operandAt(record, index);
    }
}
