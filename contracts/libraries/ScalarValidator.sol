// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "../generated/Opcodes.sol";
import {ScalarCodec} from "./ScalarCodec.sol";

/// @title What a valid scalar program is
/// @notice The rules of section 2 on encoded bytes: canonical encoding, types, visibility, patterns, loops and the static bounds
/// on chunks and gas. The same verdict as decodeScalar and validateScalar in node/src/ir on every string of bytes:
/// where they differed, an honest claimant could be slashed. Gives a reason and never reverts.
library ScalarValidator {
    using ScalarCodec for ScalarCodec.Layout;

    // Reasons 1 to 6 are those of ScalarCodec.layoutOf.
    uint256 internal constant TOO_LONG = 7;
    uint256 internal constant HEADER_FIELD = 8;
    uint256 internal constant OPERAND_TYPES = 9;
    uint256 internal constant EXTENTS = 10;
    uint256 internal constant CONSTANT = 11;
    uint256 internal constant PATTERN_DIGIT = 12;
    uint256 internal constant PATTERN_DUPLICATE = 13;
    uint256 internal constant PATTERN_ORDER = 14;
    uint256 internal constant PATTERN_PLACE = 15;
    uint256 internal constant SECTION_LENGTH = 16;
    uint256 internal constant LOOP_START = 17;
    uint256 internal constant LOOP_SINGLE = 18;
    uint256 internal constant CARRIED_INITIAL = 20;
    uint256 internal constant CARRIED_BODY = 21;
    uint256 internal constant CARRIED_COMBINE = 22;
    uint256 internal constant CARRIED_TOTAL = 23;
    uint256 internal constant OPCODE = 24;
    uint256 internal constant UNUSED_FIELD = 25;
    uint256 internal constant IMMEDIATE = 26;
    uint256 internal constant VISIBILITY = 27;
    uint256 internal constant ARGUMENT_TYPE = 28;
    uint256 internal constant BASE = 29;
    uint256 internal constant DIVISOR = 30;
    uint256 internal constant RESULT = 31;
    uint256 internal constant CHUNK_BOUND = 32;
    uint256 internal constant GAS_BOUND = 33;

    uint256 private constant NO_TYPE = 0xff;
    /// @dev Above the types, so that a class minus one is the type of a register of that class.
    uint256 private constant ANY_TYPE = 3;

    /// @dev A walk over the instructions in their order.
    /// @param types Type of every register defined so far, one byte each.
    /// @param rows Opcodes.ROWS in memory.
    /// @param defined Registers defined so far.
    /// @param next Calldata offset of the next instruction.
    /// @param own First register of the section's own group; those between the prologue and it are invisible.
    /// @param patternsUsed Patterns used so far, in order.
    /// @param chunks Chunks counted so far.
    /// @param reads Chunks of one gather in this section.
    /// @param sectionGas Gas of one run of the section.
    struct Walk {
        bytes types;
        bytes rows;
        uint256 defined;
        uint256 next;
        uint256 own;
        bool inBody;
        uint256 patternsUsed;
        uint256 chunks;
        uint256 reads;
        uint256 sectionGas;
    }

    /// @notice Why the bytes are not a valid scalar program, 0 when they are.
    function flawOf(bytes calldata program) internal pure returns (uint256 reason) {
        (reason, , ) = inspect(program);
    }

    /// @notice The same with the static bounds, which are given when the reason is 0, CHUNK_BOUND or GAS_BOUND.
    /// @return reason As flawOf.
    /// @return chunks Chunks that one element may touch.
    /// @return gasBound Gas of one element by the fixed table.
    function inspect(bytes calldata program) internal pure returns (uint256 reason, uint256 chunks, uint256 gasBound) {
        if (program.length > Opcodes.MAX_ENCODED_BYTES) return (TOO_LONG, 0, 0);
        ScalarCodec.Layout memory plan;
        (plan, reason) = ScalarCodec.layoutOf(program);
        if (reason == 0) reason = _tablesFlaw(plan);
        if (reason == 0 && plan.count != 0) reason = _loopFlaw(plan);
        if (reason != 0) return (reason, 0, 0);
        return _sectionsFlaw(plan);
    }

    /// @notice Elements of the output of a valid program: the product of the extents.
    function outputLength(ScalarCodec.Layout memory plan) internal pure returns (uint256 length) {
        unchecked {
            length = 1;
            for (uint256 i = 0; i < plan.digitCount; ++i) length *= _u32At(plan.extentsOffset + 4 * i);
        }
    }

    // ---------------------------------------------------------------- tables

    function _tablesFlaw(ScalarCodec.Layout memory plan) private pure returns (uint256) {
        unchecked {
            if (plan.outputType > ScalarCodec.BOOL || plan.single > 1 || plan.continued > 1 || plan.padding != 0) {
                return HEADER_FIELD;
            }
            if (plan.operandCount > Opcodes.MAX_OPERANDS) return OPERAND_TYPES;
            for (uint256 i = 0; i < 8; ++i) {
                uint256 operandType = plan.operandType(i);
                if (operandType > (i < plan.operandCount ? ScalarCodec.BOOL : 0)) return OPERAND_TYPES;
            }
            if (plan.digitCount == 0 || plan.digitCount > Opcodes.MAX_DIGITS) return EXTENTS;
            uint256 length = 1;
            for (uint256 i = 0; i < plan.digitCount; ++i) {
                length *= _u32At(plan.extentsOffset + 4 * i);
                if (length == 0 || length > Opcodes.MAX_OUTPUT_LENGTH) return EXTENTS;
            }
            if (plan.constantCount > Opcodes.MAX_CONSTANTS) return CONSTANT;
            for (uint256 i = 0; i < plan.constantCount; ++i) {
                uint256 row = ScalarCodec.u64At(plan.constantsOffset + ScalarCodec.CONSTANT_BYTES * i);
                uint256 word = row >> 32;
                uint256 wordType = (row >> 24) & 0xff;
                if (wordType > ScalarCodec.BOOL || row & 0xffffff != 0) return CONSTANT;
                if (wordType == ScalarCodec.F32 && word & 0x7fffffff > 0x7f800000 && word != 0x7fc00000)
                    return CONSTANT;
                if (wordType == ScalarCodec.BOOL && word != 0 && word != 0xffffffff) return CONSTANT;
            }
            uint256 most = Opcodes.MAX_SECTION_INSTRUCTIONS;
            if (plan.prologueCount > most || plan.epilogueCount > most) return SECTION_LENGTH;
            return 0;
        }
    }

    function _loopFlaw(ScalarCodec.Layout memory plan) private pure returns (uint256) {
        unchecked {
            uint256 most = Opcodes.MAX_SECTION_INSTRUCTIONS;
            if (plan.bodyCount == 0 || plan.bodyCount > most || plan.combineCount > most) return SECTION_LENGTH;
            if (plan.start % Opcodes.BLOCK_SIZE != 0) return LOOP_START;
            if (plan.single != 0 && plan.count <= Opcodes.BLOCK_SIZE) return LOOP_SINGLE;
            if (plan.patternCount > Opcodes.MAX_PATTERNS) return PATTERN_ORDER;
            for (uint256 i = 0; i < plan.patternCount; ++i) {
                uint256 pattern = _patternAt(plan, i);
                for (uint256 shift = 32; shift < 192; shift += 64) {
                    if ((pattern >> shift) & 0xffffffff == 0) return PATTERN_DIGIT;
                }
                for (uint256 j = 0; j < i; ++j) if (_patternAt(plan, j) == pattern) return PATTERN_DUPLICATE;
            }
            return 0;
        }
    }

    // ---------------------------------------------------------------- sections

    function _sectionsFlaw(
        ScalarCodec.Layout memory plan
    ) private pure returns (uint256 reason, uint256 chunks, uint256 gasBound) {
        unchecked {
            Walk memory walk;
            walk.types = new bytes(plan.endRegister);
            walk.rows = Opcodes.ROWS;
            walk.next = plan.instructionsOffset;
            for (uint256 i = 0; i < plan.constantCount; ++i) {
                _define(walk, (ScalarCodec.u64At(plan.constantsOffset + ScalarCodec.CONSTANT_BYTES * i) >> 24) & 0xff);
            }
            for (uint256 i = 0; i <= plan.digitCount; ++i) _define(walk, ScalarCodec.I32);

            walk.reads = 1;
            if ((reason = _sectionFlaw(plan, walk, plan.prologueCount)) != 0) return (reason, 0, 0);
            uint256 instructions = plan.prologueCount + plan.bodyCount + plan.combineCount + plan.epilogueCount;
            gasBound = Opcodes.GAS_ELEMENT + instructions * Opcodes.GAS_INSTRUCTION + walk.sectionGas;
            if (plan.count != 0) {
                uint256 loopGas;
                (reason, loopGas) = _loopSectionsFlaw(plan, walk);
                if (reason != 0) return (reason, 0, 0);
                gasBound += loopGas;
                walk.own = plan.finalsRegister;
            }
            walk.reads = 1;
            if ((reason = _sectionFlaw(plan, walk, plan.epilogueCount)) != 0) return (reason, 0, 0);
            gasBound += walk.sectionGas;
            if (!_sees(plan, walk, plan.result) || _typeOf(walk, plan.result) != plan.outputType) return (RESULT, 0, 0);
            chunks = walk.chunks;
            if (chunks > Opcodes.MAX_CHUNKS) reason = CHUNK_BOUND;
            else if (gasBound > Opcodes.MAX_GAS) reason = GAS_BOUND;
        }
    }

    /// @dev Body and combine, and the gas bound of the loop.
    function _loopSectionsFlaw(
        ScalarCodec.Layout memory plan,
        Walk memory walk
    ) private pure returns (uint256 reason, uint256 loopGas) {
        unchecked {
            // Seen from the end of the prologue.
            if ((reason = _carriedFlaw(plan, walk, 0, CARRIED_TOTAL)) != 0) return (reason, 0);

            uint256 blockLength = plan.single != 0 ? plan.count : Opcodes.BLOCK_SIZE;
            uint256 blocks = (plan.count + blockLength - 1) / blockLength;
            uint256 combineRuns = blocks * (plan.lanes < plan.count ? plan.lanes : plan.count);
            uint256 turn = Opcodes.GAS_ITERATION + plan.carriedCount * Opcodes.GAS_CARRIED;

            walk.own = plan.counterRegister;
            walk.inBody = true;
            walk.reads = plan.count;
            _define(walk, ScalarCodec.I32);
            _defineCarried(plan, walk);
            if ((reason = _sectionFlaw(plan, walk, plan.bodyCount)) != 0) return (reason, 0);
            if (walk.patternsUsed != plan.patternCount) return (PATTERN_ORDER, 0);
            if ((reason = _carriedFlaw(plan, walk, 32, CARRIED_BODY)) != 0) return (reason, 0);
            loopGas = plan.count * (turn + walk.sectionGas);

            walk.own = plan.totalsRegister;
            walk.inBody = false;
            walk.reads = combineRuns;
            _defineCarried(plan, walk);
            _defineCarried(plan, walk);
            if ((reason = _sectionFlaw(plan, walk, plan.combineCount)) != 0) return (reason, 0);
            if ((reason = _carriedFlaw(plan, walk, 16, CARRIED_COMBINE)) != 0) return (reason, 0);
            loopGas += combineRuns * (turn + walk.sectionGas);
            loopGas += blocks * plan.lanes * plan.carriedCount * Opcodes.GAS_RESET;
            _defineCarried(plan, walk);

            if (plan.isDotProduct() && _hasLongRuns(plan)) {
                loopGas = plan.count * Opcodes.GAS_DOT_STEP + blocks * Opcodes.GAS_DOT_BLOCK;
            }
        }
    }

    /// @dev Whether the prices of a dot product hold: short runs cost as much as single steps.
    function _hasLongRuns(ScalarCodec.Layout memory plan) private pure returns (bool) {
        unchecked {
            uint256 body = plan.instructionsOffset + ScalarCodec.INSTRUCTION_BYTES * plan.prologueCount;
            for (uint256 i = 0; i < 2; ++i) {
                uint256 load = ScalarCodec.u64At(body + ScalarCodec.INSTRUCTION_BYTES * i);
                uint256 pattern = _patternAt(plan, ((load >> 16) & 0xffff) - 1);
                if ((pattern >> 32) & 0xffffffff < Opcodes.DOT_RUN) return false;
            }
            return true;
        }
    }

    /// @dev One column of the carried table: each register is seen where the walk stands and of its initial constant's type.
    /// @param shift Place of the column in a row; 0 is totalInit, which is 0 where the loop does not continue.
    function _carriedFlaw(
        ScalarCodec.Layout memory plan,
        Walk memory walk,
        uint256 shift,
        uint256 flaw
    ) private pure returns (uint256) {
        unchecked {
            for (uint256 i = 0; i < plan.carriedCount; ++i) {
                uint256 row = ScalarCodec.u64At(plan.carriedOffset + ScalarCodec.CARRIED_BYTES * i);
                uint256 initial = row >> 48;
                if (initial >= plan.constantCount) return CARRIED_INITIAL;
                uint256 register = (row >> shift) & 0xffff;
                if (shift == 0 && plan.continued == 0) {
                    if (register != 0) return flaw;
                    continue;
                }
                if (!_sees(plan, walk, register) || _typeOf(walk, register) != _typeOf(walk, initial)) return flaw;
            }
            return 0;
        }
    }

    function _sectionFlaw(
        ScalarCodec.Layout memory plan,
        Walk memory walk,
        uint256 count
    ) private pure returns (uint256) {
        unchecked {
            walk.sectionGas = 0;
            for (uint256 i = 0; i < count; ++i) {
                uint256 instruction = ScalarCodec.u64At(walk.next);
                walk.next += ScalarCodec.INSTRUCTION_BYTES;
                uint256 op = instruction >> 56;
                if (op == 0 || op > Opcodes.LAST_OPCODE) return OPCODE;
                uint256 row = _rowOf(walk, op);
                uint256 immediate = (instruction >> 48) & 0xff;
                uint256 immediateKind = (row >> 24) & 0xff;
                if (immediateKind == Opcodes.IMMEDIATE_NONE) {
                    if (immediate != 0) return UNUSED_FIELD;
                } else {
                    if (immediate >= (immediateKind == Opcodes.IMMEDIATE_SHIFT ? 32 : plan.operandCount))
                        return IMMEDIATE;
                }
                (uint256 reason, uint256 shared) = _fieldsFlaw(plan, walk, row, instruction);
                if (reason != 0) return reason;
                uint256 result = row >> 56;
                if (result == Opcodes.CLASS_OPERAND) result = plan.operandType(immediate);
                else result = result > ANY_TYPE ? shared : result - 1;
                walk.sectionGas += row & 0xffff;
                if (op == Opcodes.GATHER) walk.chunks += walk.reads;
                if (op == Opcodes.LOAD) {
                    uint256 pattern = (instruction >> 16) & 0xffff;
                    if (pattern > walk.patternsUsed + 1 || pattern > plan.patternCount) return PATTERN_ORDER;
                    if (pattern == walk.patternsUsed + 1) walk.patternsUsed = pattern;
                    walk.chunks += pattern == 0 ? 1 : _patternChunks(plan, _patternAt(plan, pattern - 1));
                }
                _define(walk, result);
            }
            return 0;
        }
    }

    /// @return reason 0 when the three fields suit the opcode's row.
    /// @return shared Type of the `any` or `bits` fields.
    function _fieldsFlaw(
        ScalarCodec.Layout memory plan,
        Walk memory walk,
        uint256 row,
        uint256 instruction
    ) private pure returns (uint256 reason, uint256 shared) {
        unchecked {
            shared = NO_TYPE;
            for (uint256 position = 0; position < 3; ++position) {
                uint256 class = (row >> (48 - 8 * position)) & 0xff;
                uint256 register = (instruction >> (32 - 16 * position)) & 0xffff;
                if (class == Opcodes.CLASS_UNUSED) {
                    if (register != 0) return (UNUSED_FIELD, 0);
                    continue;
                }
                if (class == Opcodes.CLASS_PATTERN) {
                    if (register != 0 && !walk.inBody) return (PATTERN_PLACE, 0);
                    continue;
                }
                if (!_sees(plan, walk, register)) return (VISIBILITY, 0);
                uint256 actual = _typeOf(walk, register);
                if (class == Opcodes.CLASS_ANY || class == Opcodes.CLASS_BITS) {
                    if (shared == NO_TYPE) shared = actual;
                    if (actual != shared) return (ARGUMENT_TYPE, 0);
                    if (class == Opcodes.CLASS_BITS && actual == ScalarCodec.F32) return (ARGUMENT_TYPE, 0);
                    continue;
                }
                uint256 wanted = class - 1;
                if (class == Opcodes.CLASS_BASE) {
                    if (register >= plan.counterRegister) return (BASE, 0);
                    wanted = ScalarCodec.I32;
                } else if (class == Opcodes.CLASS_DIVISOR) {
                    if (register >= plan.constantCount) return (DIVISOR, 0);
                    if (_u32At(plan.constantsOffset + ScalarCodec.CONSTANT_BYTES * register) == 0) return (DIVISOR, 0);
                    wanted = ScalarCodec.I32;
                }
                if (actual != wanted) return (ARGUMENT_TYPE, 0);
            }
        }
    }

    // ---------------------------------------------------------------- chunk bound

    /// @dev Chunks that one patterned load may touch in the whole loop: the least of one per iteration, of the span between
    /// its least and its greatest address, and of its runs of the fastest digit.
    function _patternChunks(ScalarCodec.Layout memory plan, uint256 pattern) private pure returns (uint256 chunks) {
        unchecked {
            uint256 first = plan.start;
            uint256 last = plan.start + plan.count - 1;
            uint256 fast = _reach(pattern, first, last);
            first /= (pattern >> 32) & 0xffffffff;
            last /= (pattern >> 32) & 0xffffffff;
            uint256 runs = (last - first + 1) * _spanChunks(fast + 1);
            uint256 span = fast + _reach(pattern >> 64, first, last) + 1;
            first /= (pattern >> 96) & 0xffffffff;
            last /= (pattern >> 96) & 0xffffffff;
            span = _spanChunks(span + _reach(pattern >> 128, first, last));
            chunks = plan.count;
            if (span < chunks) chunks = span;
            if (runs < chunks) chunks = runs;
        }
    }

    /// @dev Words between the least and the greatest value of a digit (low 64 bits: extent, stride) whose counter runs from
    /// `first` to `last`.
    function _reach(uint256 digit, uint256 first, uint256 last) private pure returns (uint256) {
        unchecked {
            uint256 extent = (digit >> 32) & 0xffffffff;
            uint256 stride = digit & 0xffffffff;
            if (stride >> 31 != 0) stride = (1 << 32) - stride;
            return stride * (first / extent != last / extent ? extent - 1 : last - first);
        }
    }

    /// @dev Chunks that `words` consecutive words touch at worst.
    function _spanChunks(uint256 words) private pure returns (uint256) {
        unchecked {
            return (words + 254) / 256 + 1;
        }
    }

    // ---------------------------------------------------------------- reading

    function _sees(ScalarCodec.Layout memory plan, Walk memory walk, uint256 register) private pure returns (bool) {
        return register < walk.defined && (register < plan.counterRegister || register >= walk.own);
    }

    function _define(Walk memory walk, uint256 wordType) private pure {
        bytes memory types = walk.types;
        uint256 register = walk.defined++;
        assembly ("memory-safe") {
            mstore8(add(add(types, 0x20), register), wordType)
        }
    }

    function _defineCarried(ScalarCodec.Layout memory plan, Walk memory walk) private pure {
        unchecked {
            for (uint256 i = 0; i < plan.carriedCount; ++i) {
                uint256 row = ScalarCodec.u64At(plan.carriedOffset + ScalarCodec.CARRIED_BYTES * i);
                _define(walk, _typeOf(walk, row >> 48));
            }
        }
    }

    /// @dev Type of a register below `walk.defined`.
    function _typeOf(Walk memory walk, uint256 register) private pure returns (uint256 wordType) {
        bytes memory types = walk.types;
        assembly ("memory-safe") {
            wordType := byte(0, mload(add(add(types, 0x20), register)))
        }
    }

    function _rowOf(Walk memory walk, uint256 op) private pure returns (uint256 row) {
        bytes memory rows = walk.rows;
        assembly ("memory-safe") {
            row := shr(192, mload(add(add(rows, 0x20), shl(3, op))))
        }
    }

    /// @dev Three digits of (extent u32, stride i32), slowest first, in the low 192 bits.
    function _patternAt(ScalarCodec.Layout memory plan, uint256 index) private pure returns (uint256 pattern) {
        uint256 offset = plan.patternsOffset;
        assembly ("memory-safe") {
            pattern := shr(64, calldataload(add(offset, mul(index, 24))))
        }
    }

    function _u32At(uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := shr(224, calldataload(offset))
        }
    }
}
