// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScalarCode} from "../libraries/ScalarCode.sol";

/// @title Entry to the dispatch of ScalarCode for tests
/// @notice Runs one translated instruction, so that opcodes which no translation lets through reach the dispatch.
contract ScalarCodeHarness {
    /// @param opcode Below 256.
    /// @return word What the instruction gives for the three words; its immediate is 0.
    function execute(uint256 opcode, uint32 a, uint32 b, uint32 c) external pure returns (uint256 word) {
        uint256 code;
        uint256 registers;
        assembly ("memory-safe") {
            registers := mload(0x40)
            mstore(registers, a)
            mstore(add(registers, 0x20), b)
            mstore(add(registers, 0x40), c)
            code := add(registers, 0x80)
            mstore(0x40, add(code, 0x20))
        }
        uint256 fields = registers | ((registers + 32) << ScalarCode.B) | ((registers + 64) << ScalarCode.C);
        uint256 instruction = (opcode << ScalarCode.OPCODE) | fields;
        assembly ("memory-safe") {
            mstore(code, instruction)
        }
        ScalarCode.execute(code, code + 32, registers + 96, 0, 0);
        assembly ("memory-safe") {
            word := mload(add(registers, 0x60))
        }
    }
}
