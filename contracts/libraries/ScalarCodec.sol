// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "../generated/Opcodes.sol";

/// @title Layout of an encoded scalar program
/// @notice Splits the bytes of section 2 into their tables and numbers the registers. Accepts any header whose counts add
/// up to the length of the bytes and whose loop is one that can be run; what a valid program is beyond that,
/// ScalarValidator says.
library ScalarCodec {
    uint256 internal constant HEADER_BYTES = 32;
    uint256 internal constant CONSTANT_BYTES = 8;
    uint256 internal constant PATTERN_BYTES = 24;
    uint256 internal constant CARRIED_BYTES = 8;
    uint256 internal constant INSTRUCTION_BYTES = 8;
    uint256 internal constant BLOCK = Opcodes.BLOCK_SIZE;
    uint256 internal constant LANES = 32;

    uint256 internal constant F32 = 0;
    uint256 internal constant I32 = 1;
    uint256 internal constant BOOL = 2;

    /// @notice Offsets are absolute calldata offsets; registers are numbers in the flat order of section 2.
    struct Layout {
        uint256 outputType;
        uint256 operandCount;
        uint256 digitCount;
        uint256 constantCount;
        uint256 patternCount;
        uint256 carriedCount;
        uint256 prologueCount;
        uint256 bodyCount;
        uint256 combineCount;
        uint256 epilogueCount;
        uint256 start;
        uint256 count;
        uint256 single;
        uint256 lanes;
        uint256 continued;
        uint256 padding;
        uint256 result;
        uint256 operandTypes;
        uint256 extentsOffset;
        uint256 constantsOffset;
        uint256 patternsOffset;
        uint256 carriedOffset;
        uint256 instructionsOffset;
        uint256 prologueRegister;
        uint256 counterRegister;
        uint256 carriedRegister;
        uint256 bodyRegister;
        uint256 totalsRegister;
        uint256 combineRegister;
        uint256 finalsRegister;
        uint256 epilogueRegister;
        uint256 endRegister;
    }

    /// @notice The layout, or a reason why the bytes have none.
    /// @return plan Filled as far as the header goes.
    /// @return reason 0 fine, 1 shorter than a header, 2 unknown format, 3 length differs from what the counts imply, 4 loop
    /// tables without a loop, 5 loop count, counter or number of carried registers out of range, 6 lanes neither 1 nor 32.
    function layoutOf(bytes calldata program) internal pure returns (Layout memory plan, uint256 reason) {
        if (program.length < HEADER_BYTES) return (plan, 1);
        uint256 word;
        uint256 offset;
        assembly ("memory-safe") {
            offset := program.offset
            word := calldataload(offset)
        }
        unchecked {
            if (word >> 248 != Opcodes.SCALAR_FORMAT) return (plan, 2);
            plan.outputType = (word >> 240) & 0xff;
            plan.operandCount = (word >> 232) & 0xff;
            plan.digitCount = (word >> 224) & 0xff;
            plan.constantCount = (word >> 208) & 0xffff;
            plan.patternCount = (word >> 200) & 0xff;
            plan.carriedCount = (word >> 192) & 0xff;
            plan.prologueCount = (word >> 176) & 0xffff;
            plan.bodyCount = (word >> 160) & 0xffff;
            plan.combineCount = (word >> 144) & 0xffff;
            plan.epilogueCount = (word >> 128) & 0xffff;
            plan.start = (word >> 96) & 0xffffffff;
            plan.count = (word >> 80) & 0xffff;
            plan.single = (word >> 72) & 0xff;
            plan.lanes = (word >> 64) & 0xff;
            plan.continued = (word >> 56) & 0xff;
            plan.padding = (word >> 48) & 0xff;
            plan.result = (word >> 32) & 0xffff;
            plan.operandTypes = word & 0xffffffff;

            plan.extentsOffset = offset + HEADER_BYTES;
            plan.constantsOffset = plan.extentsOffset + 4 * plan.digitCount;
            plan.patternsOffset = plan.constantsOffset + CONSTANT_BYTES * plan.constantCount;
            plan.carriedOffset = plan.patternsOffset + PATTERN_BYTES * plan.patternCount;
            plan.instructionsOffset = plan.carriedOffset + CARRIED_BYTES * plan.carriedCount;
            uint256 instructions = plan.prologueCount + plan.bodyCount + plan.combineCount + plan.epilogueCount;
            uint256 end = plan.instructionsOffset + INSTRUCTION_BYTES * instructions;
            if (end - offset != program.length) return (plan, 3);

            plan.prologueRegister = plan.constantCount + 1 + plan.digitCount;
            plan.counterRegister = plan.prologueRegister + plan.prologueCount;
            if (plan.count == 0) {
                // One mask for every field that only a loop has.
                uint256 loop = plan.patternCount | plan.carriedCount | plan.bodyCount | plan.combineCount;
                loop |= plan.start | plan.single | plan.lanes | plan.continued;
                if (loop != 0) return (plan, 4);
                plan.epilogueRegister = plan.counterRegister;
            } else {
                if (plan.count > Opcodes.MAX_ITERATIONS) return (plan, 5);
                if (plan.start + plan.count > Opcodes.MAX_COUNTER_END) return (plan, 5);
                if (plan.carriedCount == 0 || plan.carriedCount > Opcodes.MAX_CARRIED) return (plan, 5);
                if (plan.lanes != 1 && plan.lanes != LANES) return (plan, 6);
                plan.carriedRegister = plan.counterRegister + 1;
                plan.bodyRegister = plan.carriedRegister + plan.carriedCount;
                plan.totalsRegister = plan.bodyRegister + plan.bodyCount;
                plan.combineRegister = plan.totalsRegister + 2 * plan.carriedCount;
                plan.finalsRegister = plan.combineRegister + plan.combineCount;
                plan.epilogueRegister = plan.finalsRegister + plan.carriedCount;
            }
            plan.endRegister = plan.epilogueRegister + plan.epilogueCount;
        }
    }

    /// @notice Type of operand `index`, at most 7.
    function operandType(Layout memory plan, uint256 index) internal pure returns (uint256) {
        unchecked {
            return (plan.operandTypes >> (28 - 4 * index)) & 0xf;
        }
    }

    /// @notice Whether the loop is a dot product (section 2, dot product form).
    /// @dev Reads every byte that the form fixes; `plan` must come from layoutOf with reason 0.
    function isDotProduct(Layout memory plan) internal pure returns (bool dot) {
        unchecked {
            if (plan.count == 0 || plan.lanes != 1 || plan.single != 0) return false;
            if (plan.carriedCount != 1 || plan.bodyCount != 3 || plan.combineCount != 1) return false;
            uint256 body = plan.instructionsOffset + INSTRUCTION_BYTES * plan.prologueCount;
            uint256 carried = u64At(plan.carriedOffset);
            uint256 left = u64At(body);
            uint256 right = u64At(body + 8);
            uint256 sum = u64At(body + 16);
            uint256 total = u64At(body + 24);
            uint256 first = plan.bodyRegister;
            if (!_isPatternedF32Load(plan, left) || !_isPatternedF32Load(plan, right)) return false;
            // fma(load 0, load 1, carried 0) and add(total 0, block 0).
            if (sum != (uint256(Opcodes.FMA) << 56) | (first << 32) | ((first + 1) << 16) | plan.carriedRegister)
                return false;
            if (total != (uint256(Opcodes.ADD) << 56) | (plan.totalsRegister << 32) | ((plan.totalsRegister + 1) << 16))
                return false;
            if ((carried >> 32) & 0xffff != first + 2 || (carried >> 16) & 0xffff != plan.combineRegister) return false;
            uint256 initial = carried >> 48;
            // The initial constant is an f32 +0: word, type and padding are all zero.
            return initial < plan.constantCount && u64At(plan.constantsOffset + CONSTANT_BYTES * initial) == 0;
        }
    }

    /// @notice 8 bytes of calldata at an absolute offset.
    function u64At(uint256 offset) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := shr(192, calldataload(offset))
        }
    }

    function _isPatternedF32Load(Layout memory plan, uint256 instruction) private pure returns (bool) {
        unchecked {
            uint256 operand = (instruction >> 48) & 0xff;
            uint256 pattern = (instruction >> 16) & 0xffff;
            if (instruction >> 56 != Opcodes.LOAD || operand >= plan.operandCount || operand >= Opcodes.MAX_OPERANDS)
                return false;
            if (operandType(plan, operand) != F32) return false;
            if (pattern == 0 || pattern > plan.patternCount) return false;
            uint256 fastDigit = u64At(plan.patternsOffset + PATTERN_BYTES * (pattern - 1) + 16);
            return fastDigit & 0xffffffff == 1;
        }
    }
}
