// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "../generated/Opcodes.sol";
import {Float32} from "./Float32.sol";
import {ScalarCode} from "./ScalarCode.sol";
import {ScalarCodec} from "./ScalarCodec.sol";
import {ScalarLanes} from "./ScalarLanes.sol";

/// @title Loops of the on-chain reader
/// @notice Runs the counted loop of section 2: blocks, lanes, the folding of lanes and the chain of totals. Leaves the final
/// totals in `machine.total`, where they stand at the start if the loop is continued.
library ScalarLoops {
    function run(ScalarCodec.Layout memory plan, ScalarCode.Machine memory machine) internal pure {
        unchecked {
            uint256 blockLength = plan.single != 0 ? plan.count : ScalarCodec.BLOCK;
            uint256 counter = plan.start;
            uint256 end = counter + plan.count;
            bool continued = plan.continued != 0;
            ScalarLanes.Body memory body = ScalarLanes.bodyOf(plan, machine);
            while (counter < end) {
                uint256 blockEnd = counter + blockLength;
                if (blockEnd > end) blockEnd = end;
                uint256 lanes = blockEnd - counter;
                if (lanes > plan.lanes) lanes = plan.lanes;
                if (body.steps.length == 0) _runBlock(plan, machine, counter, blockEnd, lanes);
                else ScalarLanes.run(machine, body, counter, blockEnd);
                _foldLanes(plan, machine, lanes);
                _addBlock(plan, machine, continued);
                continued = true;
                counter = blockEnd;
            }
        }
    }

    /// @dev Leaves each lane's carried words in `machine.lanes`.
    function _runBlock(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine,
        uint256 counter,
        uint256 blockEnd,
        uint256 lanes
    ) private pure {
        unchecked {
            ScalarCode.Turn memory turn;
            uint256 size = 32 * plan.carriedCount;
            uint256 lane = machine.lanes;
            uint256 lanesEnd = lane + size * lanes;
            uint256 initials = machine.carried;
            uint256 carried = machine.registers + 32 * plan.carriedRegister;
            turn.code = machine.body;
            turn.lane = lane;
            turn.lanes = lane;
            turn.lanesEnd = lanesEnd;
            turn.outputs = initials + size;
            turn.size = size;
            turn.carried = carried;
            turn.counterEnd = blockEnd;
            uint256 turnAddress;
            assembly ("memory-safe") {
                for {} lt(lane, lanesEnd) {
                    lane := add(lane, size)
                } {
                    mcopy(lane, initials, size)
                }
                mstore(sub(carried, 0x20), counter)
                mcopy(carried, initials, size)
                turnAddress := turn
            }
            ScalarCode.execute(machine.body, machine.combine, carried + size, counter, turnAddress);
        }
    }

    /// @dev Leaves the block's result in the registers of the totals.
    function _foldLanes(ScalarCodec.Layout memory plan, ScalarCode.Machine memory machine, uint256 lanes) private pure {
        unchecked {
            uint256 size = 32 * plan.carriedCount;
            uint256 totals = machine.registers + 32 * plan.totalsRegister;
            uint256 lane = machine.lanes;
            uint256 lanesEnd = lane + size * lanes;
            assembly ("memory-safe") {
                mcopy(totals, lane, size)
            }
            lane += size;
            if (lane == lanesEnd || _foldSimply(plan, machine, totals, lane, lanesEnd)) return;
            for (; lane < lanesEnd; lane += size) {
                assembly ("memory-safe") {
                    mcopy(add(totals, size), lane, size)
                }
                _combine(plan, machine, totals, size);
            }
        }
    }

    /// @dev The same where combine is nothing but add or max of total and block.
    /// @return done Whether it was.
    function _foldSimply(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine,
        uint256 totals,
        uint256 lane,
        uint256 lanesEnd
    ) private pure returns (bool done) {
        unchecked {
            if (plan.carriedCount != 1 || plan.combineCount != 1) return false;
            uint256 instruction;
            uint256 output;
            uint256 total;
            uint256 code = machine.combine;
            uint256 carried = machine.carried;
            assembly ("memory-safe") {
                instruction := mload(code)
                output := mload(add(carried, 0x40))
                total := mload(totals)
            }
            uint256 op = instruction >> ScalarCode.OPCODE;
            // The registers of combine follow those of the one total and the one block.
            if (output != totals + 64 || instruction & type(uint64).max != totals | ((totals + 32) << 32)) return false;
            if (op != Opcodes.ADD && op != Opcodes.MAX) return false;
            for (; lane < lanesEnd; lane += 32) {
                uint256 word;
                assembly ("memory-safe") {
                    word := mload(lane)
                }
                total = op == Opcodes.ADD ? Float32.add(total, word) : Float32.max(total, word);
            }
            assembly ("memory-safe") {
                mstore(totals, total)
            }
            return true;
        }
    }

    /// @dev Takes the block's result from the registers of the totals into `machine.total`.
    function _addBlock(ScalarCodec.Layout memory plan, ScalarCode.Machine memory machine, bool continued) private pure {
        unchecked {
            uint256 size = 32 * plan.carriedCount;
            uint256 totals = machine.registers + 32 * plan.totalsRegister;
            uint256 total = machine.total;
            if (continued) {
                assembly ("memory-safe") {
                    mcopy(add(totals, size), totals, size)
                    mcopy(totals, total, size)
                }
                _combine(plan, machine, totals, size);
            }
            assembly ("memory-safe") {
                mcopy(total, totals, size)
            }
        }
    }

    /// @dev totals = combine(totals, blocks).
    function _combine(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine,
        uint256 totals,
        uint256 size
    ) private pure {
        unchecked {
            ScalarCode.execute(machine.combine, machine.epilogue, totals + 2 * size, plan.start, machine.once);
            uint256 scratch = machine.scratch;
            uint256 outputs = machine.carried + 2 * size;
            assembly ("memory-safe") {
                // Outputs may be totals or blocks themselves, so that none is overwritten before all are read.
                for {
                    let at := 0
                } lt(at, size) {
                    at := add(at, 0x20)
                } {
                    mstore(add(scratch, at), mload(mload(add(outputs, at))))
                }
                mcopy(totals, scratch, size)
            }
        }
    }
}
