// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScalarCode} from "./ScalarCode.sol";
import {ScalarCodec} from "./ScalarCodec.sol";
import {ScalarDot} from "./ScalarDot.sol";
import {ScalarLoops} from "./ScalarLoops.sol";
import {ScalarOperands} from "./ScalarOperands.sol";

/// @title The reader of scalar programs on chain
/// @notice Computes one word of a primitive's output (section 2) from the program's bytes and the chunks shown of its operands,
/// all in calldata. Gives every bit of the definition for a valid program. An invalid one gives an unspecified word
/// or InvalidScalarProgram, in bounded time and without touching foreign memory; a word that is needed but not shown
/// gives ChunkNotShown.
/// @dev Registers are 32-byte memory words. Which loops take a faster way follows from the program's bytes alone.
library ScalarMachine {
    using ScalarCodec for ScalarCodec.Layout;

    /// @notice The word of `element` in `step`. Both are below 2^32; `element` is below the product of the extents.
    function run(
        bytes calldata program,
        uint256 element,
        uint256 step,
        ScalarOperands.ShownOperand[] memory operands
    ) internal pure returns (uint256 word) {
        (ScalarCodec.Layout memory plan, uint256 reason) = ScalarCodec.layoutOf(program);
        if (reason != 0) revert ScalarCode.InvalidScalarProgram(reason, 0);
        if (operands.length != plan.operandCount) {
            revert ScalarCode.InvalidScalarProgram(ScalarCode.OPERAND_COUNT, operands.length);
        }
        if (plan.result >= plan.endRegister) {
            revert ScalarCode.InvalidScalarProgram(ScalarCode.RESULT, plan.result);
        }

        ScalarCode.Machine memory machine = _allocate(plan);
        _setInitialRegisters(plan, machine, element, step);
        ScalarCode.translate(plan, machine, operands);
        uint256 registers = machine.registers;
        uint256 results = registers + 32 * plan.prologueRegister;
        ScalarCode.execute(machine.prologue, machine.body, results, plan.start, machine.once);
        if (plan.count != 0) {
            _setCarried(plan, machine);
            if (plan.isDotProduct()) ScalarDot.run(plan, machine);
            else ScalarLoops.run(plan, machine);
            uint256 finals = plan.finalsRegister;
            uint256 total = machine.total;
            uint256 count = plan.carriedCount;
            assembly ("memory-safe") {
                mcopy(add(registers, shl(5, finals)), total, shl(5, count))
            }
        }
        results = registers + 32 * plan.epilogueRegister;
        ScalarCode.execute(machine.epilogue, machine.end, results, plan.start, machine.once);
        uint256 result = plan.result;
        assembly ("memory-safe") {
            word := mload(add(registers, shl(5, result)))
        }
    }

    function _allocate(ScalarCodec.Layout memory plan) private pure returns (ScalarCode.Machine memory machine) {
        unchecked {
            uint256 next;
            assembly ("memory-safe") {
                next := mload(0x40)
            }
            machine.registers = next;
            next += 32 * plan.endRegister;
            machine.prologue = next;
            next += 32 * plan.prologueCount;
            machine.body = next;
            next += 32 * plan.bodyCount;
            machine.combine = next;
            next += 32 * plan.combineCount;
            machine.epilogue = next;
            next += 32 * plan.epilogueCount;
            machine.end = next;
            machine.carried = next;
            next += 96 * plan.carriedCount;
            machine.scratch = next;
            next += 32 * plan.carriedCount;
            machine.total = next;
            next += 32 * plan.carriedCount;
            machine.lanes = next;
            next += 32 * plan.carriedCount * plan.lanes;
            assembly ("memory-safe") {
                mstore(0x40, next)
            }
        }
    }

    function _setInitialRegisters(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine,
        uint256 element,
        uint256 step
    ) private pure {
        uint256 to = machine.registers;
        uint256 from = plan.constantsOffset;
        uint256 constantCount = plan.constantCount;
        uint256 extents = plan.extentsOffset;
        uint256 digitCount = plan.digitCount;
        assembly ("memory-safe") {
            for {
                let end := add(to, shl(5, constantCount))
            } lt(to, end) {
                to := add(to, 0x20)
            } {
                mstore(to, shr(224, calldataload(from)))
                from := add(from, 8)
            }
            mstore(to, step)
            for {
                let digit := digitCount
            } digit {
                digit := sub(digit, 1)
            } {
                let extent := shr(224, calldataload(add(extents, shl(2, sub(digit, 1)))))
                mstore(add(to, shl(5, digit)), mod(element, extent))
                element := div(element, extent)
            }
        }
    }

    /// @dev After the prologue: where the loop continues, the totals it starts from are copied here.
    function _setCarried(ScalarCodec.Layout memory plan, ScalarCode.Machine memory machine) private pure {
        unchecked {
            uint256 count = plan.carriedCount;
            for (uint256 i = 0; i < count; ++i) {
                uint256 row = ScalarCodec.u64At(plan.carriedOffset + ScalarCodec.CARRIED_BYTES * i);
                uint256 initial = row >> 48;
                uint256 bodyOut = (row >> 32) & 0xffff;
                uint256 combineOut = (row >> 16) & 0xffff;
                uint256 totalInitial = row & 0xffff;
                if (
                    initial >= plan.constantCount ||
                    bodyOut >= plan.totalsRegister ||
                    combineOut >= plan.finalsRegister ||
                    totalInitial >= plan.counterRegister
                ) revert ScalarCode.InvalidScalarProgram(ScalarCode.CARRIED, i);
                uint256 registers = machine.registers;
                uint256 to = machine.carried + 32 * i;
                uint256 total = machine.total + 32 * i;
                assembly ("memory-safe") {
                    mstore(to, mload(add(registers, shl(5, initial))))
                    mstore(add(to, shl(5, count)), add(registers, shl(5, bodyOut)))
                    mstore(add(to, shl(6, count)), add(registers, shl(5, combineOut)))
                    mstore(total, mload(add(registers, shl(5, totalInitial))))
                }
            }
        }
    }
}
