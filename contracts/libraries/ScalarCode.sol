// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "../generated/Opcodes.sol";
import {Float32} from "./Float32.sol";
import {ScalarCodec} from "./ScalarCodec.sol";
import {ScalarOperands} from "./ScalarOperands.sol";

/// @title Instructions of the on-chain reader
/// @notice Translates the instructions of section 2 once into memory words that hold addresses, and runs them. Refuses unknown
/// opcodes, operands and patterns, and arguments that are not earlier registers; so a translated program, valid or
/// not, writes only where it may.
library ScalarCode {
    using ScalarCodec for ScalarCodec.Layout;

    /// @notice The program can't be run. Reasons 1 to 6 as in ScalarCodec.layoutOf; 7 operand count, 8 instruction, 9 carried
    /// row, 10 result, 11 an opcode that was translated but that `execute` does not know; its position is the opcode.
    error InvalidScalarProgram(uint256 reason, uint256 position);

    uint256 internal constant OPERAND_COUNT = 7;
    uint256 internal constant INSTRUCTION = 8;
    uint256 internal constant CARRIED = 9;
    uint256 internal constant RESULT = 10;
    uint256 internal constant DISPATCH = 11;

    uint256 internal constant WORD = 0xffffffff;
    uint256 private constant SIGN = 0x80000000;

    // Fields of a translated instruction from the lowest bit up, 32 bits each: the addresses of the registers a, b and c; how a
    // load finds its word (a stride or the calldata offset of a pattern); the address of its operand; and of the words it may
    // load a mask, and what a masked word may at most be to stay as it is. Byte 1 is the immediate or the load's mode, byte 0
    // the opcode.
    uint256 internal constant B = 32;
    uint256 internal constant C = 64;
    uint256 internal constant DETAIL = 96;
    uint256 internal constant OPERAND = 128;
    uint256 internal constant MASK = 160;
    uint256 internal constant LIMIT = 192;
    uint256 internal constant MODE = 240;
    uint256 internal constant OPCODE = 248;

    /// @notice Modes of a load: at its base; at base + stride * counter; at base + pattern(counter).
    uint256 internal constant MODE_FIXED = 0;
    uint256 internal constant MODE_LINEAR = 1;
    uint256 internal constant MODE_PATTERN = 2;

    /// @notice Memory addresses. The code of the four sections stands in one row; `carried` holds the initial words, then the
    /// addresses of bodyOut, then those of combineOut. `once` is 0, the turn of a single pass: a literal would make the compiler
    /// emit `execute` once more for it.
    struct Machine {
        uint256 registers;
        uint256 prologue;
        uint256 body;
        uint256 combine;
        uint256 epilogue;
        uint256 end;
        uint256 carried;
        uint256 lanes;
        uint256 scratch;
        uint256 total;
        uint256 once;
    }

    /// @notice What `execute` needs at the end of an iteration; all but the counters are memory addresses.
    /// @param code First instruction of the body.
    /// @param lane Carried words of the lane of this iteration.
    /// @param lanes Carried words of the first lane.
    /// @param lanesEnd Past those of the last lane.
    /// @param outputs Addresses of bodyOut.
    /// @param size Bytes of the carried words of a lane.
    /// @param carried Registers of the carried words; the counter's register stands just before them.
    /// @param counterEnd The counter after the last iteration.
    struct Turn {
        uint256 code;
        uint256 lane;
        uint256 lanes;
        uint256 lanesEnd;
        uint256 outputs;
        uint256 size;
        uint256 carried;
        uint256 counterEnd;
    }

    /// @notice Translates all sections.
    function translate(
        ScalarCodec.Layout memory plan,
        Machine memory machine,
        ScalarOperands.ShownOperand[] memory operands
    ) internal pure {
        uint256 from = plan.instructionsOffset;
        uint256 register = plan.prologueRegister;
        from = _translateSection(plan, machine, operands, from, machine.prologue, machine.body, register);
        register = plan.bodyRegister;
        from = _translateSection(plan, machine, operands, from, machine.body, machine.combine, register);
        register = plan.combineRegister;
        from = _translateSection(plan, machine, operands, from, machine.combine, machine.epilogue, register);
        register = plan.epilogueRegister;
        _translateSection(plan, machine, operands, from, machine.epilogue, machine.end, register);
    }

    function _translateSection(
        ScalarCodec.Layout memory plan,
        Machine memory machine,
        ScalarOperands.ShownOperand[] memory operands,
        uint256 from,
        uint256 to,
        uint256 end,
        uint256 register
    ) private pure returns (uint256) {
        unchecked {
            uint256 registers = machine.registers;
            uint256 addresses = registers | (registers << B) | (registers << C);
            uint256 lastOpcode = Opcodes.LAST_OPCODE;
            for (; to < end; to += 32) {
                uint256 raw = ScalarCodec.u64At(from);
                uint256 code = 0;
                bool bad;
                if (raw >> 56 < Opcodes.ADD) (bad, code, raw) = _translateLoad(plan, operands, raw);
                assembly ("memory-safe") {
                    let op := shr(56, raw)
                    let a := and(shr(32, raw), 0xffff)
                    let b := and(shr(16, raw), 0xffff)
                    let c := and(raw, 0xffff)
                    bad := or(bad, gt(op, lastOpcode))
                    bad := or(bad, iszero(and(and(lt(a, register), lt(b, register)), lt(c, register))))
                    // Opcode and immediate take the top two bytes.
                    code := or(code, shl(240, shr(48, raw)))
                    mstore(to, or(code, add(addresses, or(shl(5, a), or(shl(37, b), shl(69, c))))))
                }
                if (bad) revert InvalidScalarProgram(INSTRUCTION, register);
                from += ScalarCodec.INSTRUCTION_BYTES;
                ++register;
            }
            return from;
        }
    }

    /// @return bad Whether there is no such opcode, operand or pattern.
    /// @return code The load's own fields.
    /// @return rest The instruction with the mode for an immediate and without the pattern.
    function _translateLoad(
        ScalarCodec.Layout memory plan,
        ScalarOperands.ShownOperand[] memory operands,
        uint256 raw
    ) private pure returns (bool bad, uint256 code, uint256 rest) {
        unchecked {
            uint256 op = raw >> 56;
            uint256 index = (raw >> 48) & 0xff;
            if (op == 0 || index >= operands.length) return (true, 0, raw);
            ScalarOperands.ShownOperand memory operand = operands[index];
            assembly ("memory-safe") {
                code := shl(OPERAND, operand)
            }
            uint256 wordType = plan.operandType(index);
            // An f32 has one NaN, an i32 is any word, and a bool is 0 or all ones.
            if (wordType == ScalarCodec.F32) code |= (Float32.INFINITY << LIMIT) | (0x7fffffff << MASK);
            if (wordType == ScalarCodec.BOOL) code |= WORD << MASK;

            rest = raw & ~uint256(0xff << 48);
            uint256 pattern = (raw >> 16) & 0xffff;
            if (op != Opcodes.LOAD || pattern == 0) return (false, code, rest);
            if (pattern > plan.patternCount) return (true, 0, raw);
            rest &= ~uint256(0xffff << 16);
            uint256 offset = plan.patternsOffset + ScalarCodec.PATTERN_BYTES * (pattern - 1);
            uint256 fastDigit = ScalarCodec.u64At(offset + 16);
            if (fastDigit >> 32 >= plan.start + plan.count) {
                // The counter never leaves the fastest digit.
                return (false, code | ((fastDigit & WORD) << DETAIL), rest | (MODE_LINEAR << 48));
            }
            return (false, code | (offset << DETAIL), rest | (MODE_PATTERN << 48));
        }
    }

    /// @notice Runs translated instructions from `code` to `end`; the first result goes to `results`. With a Turn at `turn`
    /// it runs them again, iteration after iteration, from `counter` to the turn's end; `turn` 0 is a single pass.
    /// @dev A tree of comparisons with early ends is the cheapest dispatch that the compiler gives; the commonest opcodes are the
    /// shallowest.
    function execute(uint256 code, uint256 end, uint256 results, uint256 counter, uint256 turn) internal pure {
        unchecked {
            results -= code;
            while (true) {
                for (; code < end; code += 32) {
                    uint256 instruction;
                    uint256 x;
                    uint256 y;
                    assembly ("memory-safe") {
                        instruction := mload(code)
                        x := mload(and(instruction, WORD))
                        y := mload(and(shr(B, instruction), WORD))
                    }
                    uint256 op = instruction >> OPCODE;
                    uint256 result = results + code;
                    if (op < Opcodes.DIV) {
                        if (op < Opcodes.ADD) {
                            uint256 mode = (instruction >> MODE) & 0xff;
                            if (mode != MODE_FIXED) {
                                uint256 detail = (instruction >> DETAIL) & WORD;
                                if (mode == MODE_LINEAR) x = (x + counter * detail) & WORD;
                                else x = ScalarOperands.affine(detail, x, counter);
                            }
                            y = (instruction >> OPERAND) & WORD;
                            bool atHand;
                            assembly ("memory-safe") {
                                // ScalarOperands.wordAt, for the range at hand.
                                let distance := sub(x, mload(add(y, 0x20)))
                                atHand := lt(distance, mload(add(y, 0x40)))
                                if atHand {
                                    x := shr(224, calldataload(add(mload(add(y, 0x60)), shl(2, distance))))
                                }
                            }
                            if (!atHand) x = ScalarOperands.wordAt(y, x);
                            y = (instruction >> MASK) & WORD;
                            if (x & y > (instruction >> LIMIT) & WORD) x = y == WORD ? WORD : Float32.NAN;
                            _store(result, x);
                            continue;
                        }
                        if (op < Opcodes.MUL) {
                            if (op == Opcodes.SUB) y = Float32.neg(y);
                            _store(result, Float32.add(x, y));
                            continue;
                        }
                        if (op == Opcodes.MUL) {
                            _store(result, Float32.mul(x, y));
                            continue;
                        }
                        _store(result, Float32.fma(x, y, _third(instruction)));
                        continue;
                    }
                    if (op < Opcodes.ADD_I) {
                        if (op < Opcodes.FLOOR) {
                            if (op > Opcodes.ABS) {
                                if (op < Opcodes.LT) {
                                    if (op == Opcodes.MAX) {
                                        _store(result, Float32.max(x, y));
                                        continue;
                                    }
                                    _store(result, Float32.min(x, y));
                                    continue;
                                }
                                if (op == Opcodes.LT) {
                                    _store(result, Float32.lt(x, y));
                                    continue;
                                }
                                if (op == Opcodes.LE) {
                                    _store(result, Float32.le(x, y));
                                    continue;
                                }
                                _store(result, Float32.eq(x, y));
                                continue;
                            }
                            if (op < Opcodes.NEG) {
                                if (op == Opcodes.DIV) {
                                    _store(result, Float32.div(x, y));
                                    continue;
                                }
                                _store(result, Float32.sqrt(x));
                                continue;
                            }
                            if (op == Opcodes.NEG) {
                                _store(result, Float32.neg(x));
                                continue;
                            }
                            _store(result, Float32.abs(x));
                            continue;
                        }
                        if (op > Opcodes.FROM_I32) {
                            if (op == Opcodes.SELECT) {
                                if (x == 0) y = _third(instruction);
                                _store(result, y);
                                continue;
                            }
                            if (op == Opcodes.FROM_BITS) x = Float32.canonical(x);
                            _store(result, x);
                            continue;
                        }
                        if (op < Opcodes.TO_I32) {
                            if (op == Opcodes.FLOOR) {
                                _store(result, Float32.floor(x));
                                continue;
                            }
                            _store(result, Float32.nearest(x));
                            continue;
                        }
                        if (op == Opcodes.TO_I32) {
                            _store(result, Float32.toI32(x));
                            continue;
                        }
                        _store(result, Float32.fromI32(x));
                        continue;
                    }
                    if (op < Opcodes.SHL) {
                        if (op < Opcodes.MULHI_U) {
                            if (op == Opcodes.ADD_I) {
                                _store(result, (x + y) & WORD);
                                continue;
                            }
                            if (op == Opcodes.SUB_I) {
                                _store(result, (x - y) & WORD);
                                continue;
                            }
                            _store(result, (x * y) & WORD);
                            continue;
                        }
                        if (op < Opcodes.OR) {
                            if (op == Opcodes.AND) {
                                _store(result, x & y);
                                continue;
                            }
                            _store(result, (x * y) >> 32);
                            continue;
                        }
                        if (op == Opcodes.OR) {
                            _store(result, x | y);
                            continue;
                        }
                        _store(result, x ^ y);
                        continue;
                    }
                    if (op < Opcodes.DIV_U) {
                        uint256 shift = (instruction >> MODE) & 0xff;
                        if (op == Opcodes.SHL) {
                            _store(result, (x << shift) & WORD);
                            continue;
                        }
                        if (op == Opcodes.SHR_U) {
                            _store(result, x >> shift);
                            continue;
                        }
                        _store(result, _shiftSigned(x, shift));
                        continue;
                    }
                    if (op < Opcodes.LT_I) {
                        if (op == Opcodes.DIV_U) {
                            _store(result, _divide(x, y));
                            continue;
                        }
                        _store(result, _remainder(x, y));
                        continue;
                    }
                    if (op > Opcodes.LE_I) {
                        if (op == Opcodes.EQ_I)
                            x = x == y ? WORD : 0;
                            // A table that grew without this dispatch must not find its new opcode taken for this one.
                        else if (op != Opcodes.BOOL_TO_I32) revert InvalidScalarProgram(DISPATCH, op);
                        _store(result, x);
                        continue;
                    }
                    x ^= SIGN;
                    y ^= SIGN;
                    // x <= y is x < y + 1, and y + 1 does not wrap.
                    if (op == Opcodes.LE_I) ++y;
                    _store(result, x < y ? WORD : 0);
                }
                if (turn == 0) return;
                if (++counter == _nextTurn(turn, counter)) return;
                assembly ("memory-safe") {
                    code := mload(turn)
                }
            }
        }
    }

    /// @notice The word that a load instruction gives at `wordIndex`, as a register of the operand's type.
    function load(uint256 instruction, uint256 wordIndex) internal pure returns (uint256 word) {
        word = ScalarOperands.wordAt((instruction >> OPERAND) & WORD, wordIndex);
        uint256 mask = (instruction >> MASK) & WORD;
        if (word & mask > (instruction >> LIMIT) & WORD) word = mask == WORD ? WORD : Float32.NAN;
    }

    /// @dev Ends an iteration: the lane keeps its outputs, and the next lane's words become the carried ones.
    /// @param counter Of the next iteration.
    /// @return counterEnd After which there is none.
    function _nextTurn(uint256 turn, uint256 counter) private pure returns (uint256 counterEnd) {
        assembly ("memory-safe") {
            let lane := mload(add(turn, 0x20))
            let output := mload(add(turn, 0x80))
            let size := mload(add(turn, 0xa0))
            mstore(lane, mload(mload(output)))
            for {
                let end := add(lane, size)
                lane := add(lane, 0x20)
            } lt(lane, end) {
                lane := add(lane, 0x20)
            } {
                output := add(output, 0x20)
                mstore(lane, mload(mload(output)))
            }
            if eq(lane, mload(add(turn, 0x60))) {
                lane := mload(add(turn, 0x40))
            }
            mstore(add(turn, 0x20), lane)
            let carried := mload(add(turn, 0xc0))
            mstore(sub(carried, 0x20), counter)
            mcopy(carried, lane, size)
            counterEnd := mload(add(turn, 0xe0))
        }
    }

    function _store(uint256 register, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(register, word)
        }
    }

    function _third(uint256 instruction) private pure returns (uint256 z) {
        assembly ("memory-safe") {
            z := mload(and(shr(C, instruction), WORD))
        }
    }

    function _shiftSigned(uint256 x, uint256 shift) private pure returns (uint256 shifted) {
        assembly ("memory-safe") {
            shifted := and(sar(shift, signextend(3, x)), WORD)
        }
    }

    /// @dev A zero divisor is invalid and gives 0.
    function _divide(uint256 x, uint256 y) private pure returns (uint256 quotient) {
        assembly ("memory-safe") {
            quotient := div(x, y)
        }
    }

    /// @dev A zero divisor is invalid and gives 0.
    function _remainder(uint256 x, uint256 y) private pure returns (uint256 rest) {
        assembly ("memory-safe") {
            rest := mod(x, y)
        }
    }
}
