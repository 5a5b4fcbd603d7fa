// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "../generated/Opcodes.sol";
import {Float32} from "./Float32.sol";
import {ScalarCode} from "./ScalarCode.sol";
import {ScalarCodec} from "./ScalarCodec.sol";
import {ScalarOperands} from "./ScalarOperands.sol";
import {ScalarSums} from "./ScalarSums.sol";

/// @title Row reductions instruction by instruction
/// @notice Runs a loop of 32 lanes that carries one register (a sum, a sum of squares, a maximum) 32 iterations at a time: they
/// are independent, so each instruction is dispatched once for all of them. The same bits as iteration by iteration, at
/// about half the price. Takes short bodies of a few opcodes only; whether it takes one follows from its bytes.
/// @dev A register that changes in the loop becomes a vector of 32 memory words; one that does not stays where it is.
library ScalarLanes {
    uint256 private constant WORD = 0xffffffff;
    uint256 private constant MAX_BODY = 8;
    uint256 private constant VECTOR_BYTES = 1024;
    uint256 private constant NO_FORM = 0;
    uint256 private constant SUM = 1;
    uint256 private constant SQUARES = 2;
    uint256 private constant SAME = 0;
    uint256 private constant EACH = type(uint256).max;

    /// @dev An instruction over lanes. Word i of an argument stands at address + (32 * i & stride).
    struct Step {
        uint256 op;
        uint256 a;
        uint256 aStride;
        uint256 b;
        uint256 bStride;
        uint256 c;
        uint256 cStride;
        uint256 result;
        uint256 instruction;
    }

    /// @notice The body over lanes; without steps where it is not taken.
    /// @param output Vector of the carried register's next words.
    /// @param form What the body is as a whole: NO_FORM, SUM (load, add) or SQUARES (load, perhaps sub, fma).
    /// @param center Memory address of the word that squares are distances from; zero for none.
    struct Body {
        Step[] steps;
        uint256 output;
        uint256 form;
        uint256 center;
    }

    /// @notice The body as steps over lanes.
    function bodyOf(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine
    ) internal pure returns (Body memory body) {
        unchecked {
            if (plan.lanes == 1 || plan.carriedCount != 1 || plan.bodyCount > MAX_BODY) return body;
            uint256 bodyOut;
            uint256 carried = machine.carried;
            assembly ("memory-safe") {
                bodyOut := mload(add(carried, 0x20))
            }
            if (bodyOut < machine.registers + 32 * plan.bodyRegister) return body;

            uint256 vectors;
            uint256 bytesNeeded = VECTOR_BYTES * plan.bodyCount;
            assembly ("memory-safe") {
                vectors := mload(0x40)
                mstore(0x40, add(vectors, bytesNeeded))
            }
            Step[] memory steps = new Step[](plan.bodyCount);
            for (uint256 i = 0; i < steps.length; ++i) {
                if (!_fill(plan, machine, vectors, i, steps[i])) return body;
            }
            body.steps = steps;
            (body.output, ) = _place(plan, machine, vectors, bodyOut);
            (body.form, body.center) = _formOf(steps, body.output, machine.lanes);
        }
    }

    /// @dev Which sum the steps are: load, add; or load, fma; or load, sub, fma. Anything else has no form.
    function _formOf(
        Step[] memory steps,
        uint256 output,
        uint256 carried
    ) private pure returns (uint256 form, uint256 center) {
        unchecked {
            uint256 count = steps.length;
            if (count < 2 || count > 3 || steps[0].op != Opcodes.LOAD) return (NO_FORM, 0);
            Step memory last = steps[count - 1];
            Step memory before = steps[count - 2];
            uint256 term = before.result;
            if (last.result != output || last.b != term) return (NO_FORM, 0);
            if (count == 3) {
                if (before.op != Opcodes.SUB || before.a != steps[0].result || before.bStride != SAME)
                    return (NO_FORM, 0);
                center = before.b;
            } else if (last.op == Opcodes.ADD && last.a == carried) {
                return (SUM, 0);
            }
            if (last.op == Opcodes.FMA && last.a == term && last.c == carried) form = SQUARES;
        }
    }

    /// @notice Runs the iterations from `counter` to `end` from the initial word; each lane's word is left in `machine.lanes`.
    function run(ScalarCode.Machine memory machine, Body memory body, uint256 counter, uint256 end) internal pure {
        unchecked {
            if (body.form != NO_FORM && _sum(machine, body, counter, end)) return;
            uint256 lanes = machine.lanes;
            uint256 initial = machine.carried;
            uint256 output = body.output;
            assembly ("memory-safe") {
                initial := mload(initial)
                for {
                    let lane := lanes
                    let lanesEnd := add(lanes, VECTOR_BYTES)
                } lt(lane, lanesEnd) {
                    lane := add(lane, 0x20)
                } {
                    mstore(lane, initial)
                }
            }
            Step[] memory steps = body.steps;
            while (counter < end) {
                uint256 size = end - counter;
                if (size > ScalarCodec.LANES) size = ScalarCodec.LANES;
                size *= 32;
                for (uint256 i = 0; i < steps.length; ++i) _run(steps[i], counter, size);
                assembly ("memory-safe") {
                    mcopy(lanes, output, size)
                }
                counter += ScalarCodec.LANES;
            }
        }
    }

    /// @dev The same for a body that is a sum over consecutive words that are all shown, from +0.
    /// @return done Whether it was; else nothing is left that counts.
    function _sum(
        ScalarCode.Machine memory machine,
        Body memory body,
        uint256 counter,
        uint256 end
    ) private pure returns (bool done) {
        unchecked {
            Step memory load = body.steps[0];
            uint256 instruction = load.instruction;
            if (_at(machine.carried) != 0 || !_isConsecutive(instruction)) return false;
            uint256 wordIndex = (_at(load.a) + counter) & WORD;
            (uint256 offset, uint256 shown) = ScalarOperands.shownFrom(
                (instruction >> ScalarCode.OPERAND) & WORD,
                wordIndex
            );
            if (shown < end - counter) return false;
            uint256 center = body.center == 0 ? 0 : _at(body.center);
            return ScalarSums.run(offset, end - counter, machine.lanes, center, body.form == SQUARES);
        }
    }

    /// @dev Whether a load moves by one word an iteration and takes float32 words.
    function _isConsecutive(uint256 instruction) private pure returns (bool) {
        return
            (instruction >> ScalarCode.DETAIL) & WORD == 1 &&
            (instruction >> ScalarCode.LIMIT) & WORD == Float32.INFINITY;
    }

    /// @return taken Whether the instruction is one of those taken here.
    function _fill(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine,
        uint256 vectors,
        uint256 index,
        Step memory step
    ) private pure returns (bool taken) {
        unchecked {
            uint256 code = machine.body + 32 * index;
            uint256 instruction;
            assembly ("memory-safe") {
                instruction := mload(code)
            }
            uint256 op = instruction >> ScalarCode.OPCODE;
            step.op = op;
            step.instruction = instruction;
            step.result = vectors + VECTOR_BYTES * index;
            (step.a, step.aStride) = _place(plan, machine, vectors, instruction & WORD);
            (step.b, step.bStride) = _place(plan, machine, vectors, (instruction >> ScalarCode.B) & WORD);
            (step.c, step.cStride) = _place(plan, machine, vectors, (instruction >> ScalarCode.C) & WORD);
            if (op == Opcodes.LOAD) {
                return (instruction >> ScalarCode.MODE) & 0xff == ScalarCode.MODE_LINEAR && step.aStride == SAME;
            }
            // These take f32 registers alone, so none of them is the counter.
            return (op > Opcodes.GATHER && op < Opcodes.DIV) || op == Opcodes.ABS || op == Opcodes.MAX;
        }
    }

    /// @dev Where a register's words stand.
    function _place(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine,
        uint256 vectors,
        uint256 register
    ) private pure returns (uint256 place, uint256 stride) {
        unchecked {
            uint256 body = machine.registers + 32 * plan.bodyRegister;
            if (register >= body) return (vectors + (register - body) * 32, EACH);
            return register == body - 32 ? (machine.lanes, EACH) : (register, SAME);
        }
    }

    function _run(Step memory step, uint256 counter, uint256 size) private pure {
        unchecked {
            uint256 op = step.op;
            if (op == Opcodes.LOAD) {
                _load(step, counter, size);
                return;
            }
            uint256 a = step.a;
            uint256 aStride = step.aStride;
            uint256 b = step.b;
            uint256 bStride = step.bStride;
            uint256 result = step.result;
            if (op < Opcodes.MUL) {
                uint256 sign = op == Opcodes.SUB ? 0x80000000 : 0;
                for (uint256 lane = 0; lane < size; lane += 32) {
                    // The sign of a NaN does not matter to the sum.
                    _store(result + lane, Float32.add(_at(a + (lane & aStride)), _at(b + (lane & bStride)) ^ sign));
                }
            } else if (op == Opcodes.MUL) {
                for (uint256 lane = 0; lane < size; lane += 32) {
                    _store(result + lane, Float32.mul(_at(a + (lane & aStride)), _at(b + (lane & bStride))));
                }
            } else if (op == Opcodes.FMA) {
                uint256 c = step.c;
                uint256 cStride = step.cStride;
                for (uint256 lane = 0; lane < size; lane += 32) {
                    uint256 x = _at(a + (lane & aStride));
                    _store(result + lane, Float32.fma(x, _at(b + (lane & bStride)), _at(c + (lane & cStride))));
                }
            } else if (op == Opcodes.ABS) {
                for (uint256 lane = 0; lane < size; lane += 32) {
                    _store(result + lane, Float32.abs(_at(a + (lane & aStride))));
                }
            } else {
                for (uint256 lane = 0; lane < size; lane += 32) {
                    _store(result + lane, Float32.max(_at(a + (lane & aStride)), _at(b + (lane & bStride))));
                }
            }
        }
    }

    /// @dev A load of consecutive words that are all shown needs no look at each.
    function _load(Step memory step, uint256 counter, uint256 size) private pure {
        unchecked {
            uint256 instruction = step.instruction;
            uint256 result = step.result;
            uint256 stride = (instruction >> ScalarCode.DETAIL) & WORD;
            uint256 wordIndex = (_at(step.a) + counter * stride) & WORD;
            if (_isConsecutive(instruction)) {
                uint256 operand = (instruction >> ScalarCode.OPERAND) & WORD;
                (uint256 offset, uint256 shown) = ScalarOperands.shownFrom(operand, wordIndex);
                if (32 * shown >= size) {
                    assembly ("memory-safe") {
                        for {
                            let end := add(result, size)
                        } lt(result, end) {
                            result := add(result, 0x20)
                        } {
                            let word := shr(224, calldataload(offset))
                            if gt(and(word, 0x7fffffff), 0x7f800000) {
                                word := 0x7fc00000
                            }
                            mstore(result, word)
                            offset := add(offset, 4)
                        }
                    }
                    return;
                }
            }
            for (uint256 lane = 0; lane < size; lane += 32) {
                _store(result + lane, ScalarCode.load(instruction, wordIndex));
                wordIndex = (wordIndex + stride) & WORD;
            }
        }
    }

    function _at(uint256 register) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(register)
        }
    }

    function _store(uint256 register, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(register, word)
        }
    }
}
