// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Opcodes} from "../generated/Opcodes.sol";
import {DotProduct} from "./DotProduct.sol";
import {Float32} from "./Float32.sol";
import {ScalarCodec} from "./ScalarCodec.sol";

/// @title The reader of scalar programs on chain
/// @notice Computes one word of a primitive's output (section 2) from the program's bytes and the chunks shown of its operands,
/// all in calldata. Gives every bit of the definition for a valid program. An invalid one gives an unspecified word
/// or InvalidScalarProgram, in bounded time and without touching foreign memory; a word that is needed but not shown
/// gives ChunkNotShown.
/// @dev Registers are 32-byte memory words. Instructions are translated once into words that hold memory addresses, so that the
/// loop neither decodes nor checks. Which loops run as dot products follows from the program's bytes alone.
library ScalarMachine {
    using ScalarCodec for ScalarCodec.Layout;

    /// @notice A word inside the operand that no shown range holds.
    error ChunkNotShown(uint256 operand, uint256 wordIndex);
    /// @notice The program can't be run; reasons 1 to 6 as in ScalarCodec.layoutOf, then as declared here.
    error InvalidScalarProgram(uint256 reason, uint256 position);

    uint256 private constant REASON_OPERAND_COUNT = 7;
    uint256 private constant REASON_INSTRUCTION = 8;
    uint256 private constant REASON_CARRIED = 9;
    uint256 private constant REASON_RESULT = 10;

    uint256 private constant WORD = 0xffffffff;
    uint256 private constant SIGN = 0x80000000;

    // Fields of a translated instruction: opcode (byte 0), immediate or operand type (byte 1), and five 32-bit addresses:
    // a, b, c (registers in memory), the load pattern (calldata, 0 for none), the operand (memory).
    uint256 private constant ADDRESS = 0xffffffff;
    uint256 private constant B = 32;
    uint256 private constant C = 64;
    uint256 private constant PATTERN = 96;
    uint256 private constant OPERAND = 128;

    /// @dev Runs of fewer words than this are cheaper as single steps.
    uint256 private constant SHORTEST_RUN = 6;
    /// @dev Single steps between two looks for a run.
    uint256 private constant STEPS_BETWEEN_RUNS = 8;

    /// @notice An operand and what is shown of it. The range read last is kept at hand.
    /// @param length Words of the operand.
    /// @param first First word of the range at hand.
    /// @param words Words of the range at hand; 0 before the first look.
    /// @param offset Absolute calldata offset of the range at hand.
    /// @param index The operand's index, for the error.
    /// @param ranges Per range: first word, words, absolute calldata offset.
    struct ShownOperand {
        uint256 length;
        uint256 first;
        uint256 words;
        uint256 offset;
        uint256 index;
        uint256[] ranges;
    }

    /// @dev Memory addresses. Code of the four sections stands in one row; `carried` holds the initial words, then the
    /// addresses of bodyOut, then those of combineOut.
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
    }

    /// @notice The word of `element` in `step`. Both are below 2^32; `element` is below the product of the extents.
    function run(
        bytes calldata program,
        uint256 element,
        uint256 step,
        ShownOperand[] memory operands
    ) internal pure returns (uint256 word) {
        (ScalarCodec.Layout memory plan, uint256 reason) = ScalarCodec.layoutOf(program);
        if (reason != 0) revert InvalidScalarProgram(reason, 0);
        if (operands.length != plan.operandCount) revert InvalidScalarProgram(REASON_OPERAND_COUNT, operands.length);
        if (plan.result >= plan.endRegister) revert InvalidScalarProgram(REASON_RESULT, plan.result);

        Machine memory machine = _allocate(plan);
        _setInitialRegisters(plan, machine, element, step);
        _translate(plan, machine, operands);
        _execute(machine.prologue, machine.body, _register(machine, plan.prologueRegister), plan.start);
        if (plan.count != 0) {
            _setCarried(plan, machine);
            bool continued = plan.continued != 0;
            if (plan.isDotProduct()) _runDotProduct(plan, machine, continued);
            else _runLoop(plan, machine, continued);
            uint256 finals = _register(machine, plan.finalsRegister);
            uint256 total = machine.total;
            uint256 size = 32 * plan.carriedCount;
            assembly ("memory-safe") {
                mcopy(finals, total, size)
            }
        }
        _execute(machine.epilogue, machine.end, _register(machine, plan.epilogueRegister), plan.start);
        uint256 result = _register(machine, plan.result);
        assembly ("memory-safe") {
            word := mload(result)
        }
    }

    // ---------------------------------------------------------------- setting up

    function _allocate(ScalarCodec.Layout memory plan) private pure returns (Machine memory machine) {
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
        Machine memory machine,
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

    /// @dev Refuses unknown opcodes, operands and patterns, and arguments that are not earlier registers.
    function _translate(
        ScalarCodec.Layout memory plan,
        Machine memory machine,
        ShownOperand[] memory operands
    ) private pure {
        unchecked {
            uint256 from = plan.instructionsOffset;
            from = _translateSection(
                plan,
                machine,
                operands,
                from,
                machine.prologue,
                machine.body,
                plan.prologueRegister
            );
            from = _translateSection(plan, machine, operands, from, machine.body, machine.combine, plan.bodyRegister);
            from = _translateSection(
                plan,
                machine,
                operands,
                from,
                machine.combine,
                machine.epilogue,
                plan.combineRegister
            );
            _translateSection(plan, machine, operands, from, machine.epilogue, machine.end, plan.epilogueRegister);
        }
    }

    function _translateSection(
        ScalarCodec.Layout memory plan,
        Machine memory machine,
        ShownOperand[] memory operands,
        uint256 from,
        uint256 to,
        uint256 end,
        uint256 register
    ) private pure returns (uint256) {
        uint256 bad;
        uint256 registers = machine.registers;
        uint256 operandTypes = plan.operandTypes;
        uint256 patterns = plan.patternsOffset;
        uint256 patternCount = plan.patternCount;
        assembly ("memory-safe") {
            let addresses := mul(registers, 0x10000000000000001)
            addresses := or(addresses, shl(B, registers))
            for {} lt(to, end) {
                to := add(to, 0x20)
            } {
                let raw := calldataload(from)
                let op := byte(0, raw)
                let a := and(shr(224, raw), 0xffff)
                let b := and(shr(208, raw), 0xffff)
                let c := and(shr(192, raw), 0xffff)
                let code := and(raw, shl(240, 0xffff))
                if lt(op, 3) {
                    let operand := byte(1, raw)
                    bad := or(iszero(op), iszero(lt(operand, mload(operands))))
                    let wordType := and(shr(sub(28, shl(2, operand)), operandTypes), 0xf)
                    code := or(shl(248, op), shl(240, wordType))
                    // Past the last operand this reads other memory, and the program is refused below.
                    code := or(code, shl(OPERAND, mload(add(operands, shl(5, add(operand, 1))))))
                    if eq(op, 1) {
                        if b {
                            bad := or(bad, gt(b, patternCount))
                            code := or(code, shl(PATTERN, add(patterns, mul(24, sub(b, 1)))))
                            b := 0
                        }
                    }
                }
                bad := or(bad, or(gt(op, 38), iszero(and(and(lt(a, register), lt(b, register)), lt(c, register)))))
                if bad {
                    break
                }
                mstore(to, or(code, add(addresses, or(shl(5, a), or(shl(37, b), shl(69, c))))))
                from := add(from, 8)
                register := add(register, 1)
            }
        }
        if (bad != 0) revert InvalidScalarProgram(REASON_INSTRUCTION, register);
        return from;
    }

    /// @dev After the prologue: where the loop continues, the totals it starts from are copied here.
    function _setCarried(ScalarCodec.Layout memory plan, Machine memory machine) private pure {
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
                ) revert InvalidScalarProgram(REASON_CARRIED, i);
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

    function _register(Machine memory machine, uint256 register) private pure returns (uint256) {
        unchecked {
            return machine.registers + 32 * register;
        }
    }

    // ---------------------------------------------------------------- loops

    function _runLoop(ScalarCodec.Layout memory plan, Machine memory machine, bool continued) private pure {
        unchecked {
            uint256 blockLength = plan.single != 0 ? plan.count : ScalarCodec.BLOCK;
            uint256 counter = plan.start;
            uint256 end = counter + plan.count;
            while (counter < end) {
                uint256 blockEnd = counter + blockLength;
                if (blockEnd > end) blockEnd = end;
                uint256 lanes = blockEnd - counter;
                if (lanes > plan.lanes) lanes = plan.lanes;
                _runBlock(plan, machine, counter, blockEnd, lanes);
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
        Machine memory machine,
        uint256 counter,
        uint256 blockEnd,
        uint256 lanes
    ) private pure {
        unchecked {
            uint256 size = 32 * plan.carriedCount;
            uint256 lanesStart = machine.lanes;
            uint256 lane = lanesStart;
            uint256 lanesEnd = lane + size * lanes;
            uint256 initials = machine.carried;
            uint256 outputs = initials + size;
            assembly ("memory-safe") {
                for {
                    let to := lane
                } lt(to, lanesEnd) {
                    to := add(to, size)
                } {
                    mcopy(to, initials, size)
                }
            }
            uint256 carried = _register(machine, plan.carriedRegister);
            uint256 results = _register(machine, plan.bodyRegister);
            uint256 code = machine.body;
            uint256 codeEnd = machine.combine;
            while (counter < blockEnd) {
                assembly ("memory-safe") {
                    // The counter's register stands just before the carried ones.
                    mstore(sub(carried, 0x20), counter)
                    mcopy(carried, lane, size)
                }
                _execute(code, codeEnd, results, counter);
                assembly ("memory-safe") {
                    let end := add(outputs, size)
                    for {
                        let output := outputs
                    } lt(output, end) {
                        output := add(output, 0x20)
                    } {
                        mstore(lane, mload(mload(output)))
                        lane := add(lane, 0x20)
                    }
                    counter := add(counter, 1)
                    if eq(lane, lanesEnd) {
                        lane := lanesStart
                    }
                }
            }
        }
    }

    /// @dev Leaves the block's result in the registers of the totals.
    function _foldLanes(ScalarCodec.Layout memory plan, Machine memory machine, uint256 lanes) private pure {
        unchecked {
            uint256 size = 32 * plan.carriedCount;
            uint256 totals = _register(machine, plan.totalsRegister);
            uint256 lane = machine.lanes;
            uint256 lanesEnd = lane + size * lanes;
            assembly ("memory-safe") {
                mcopy(totals, lane, size)
            }
            for (lane += size; lane < lanesEnd; lane += size) {
                assembly ("memory-safe") {
                    mcopy(add(totals, size), lane, size)
                }
                _combine(plan, machine, totals, size);
            }
        }
    }

    /// @dev Takes the block's result from the registers of the totals into `machine.total`.
    function _addBlock(ScalarCodec.Layout memory plan, Machine memory machine, bool continued) private pure {
        unchecked {
            uint256 size = 32 * plan.carriedCount;
            uint256 totals = _register(machine, plan.totalsRegister);
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
        Machine memory machine,
        uint256 totals,
        uint256 size
    ) private pure {
        unchecked {
            _execute(machine.combine, machine.epilogue, _register(machine, plan.combineRegister), plan.start);
            // Outputs may be totals or blocks themselves, so that none is overwritten before all are read.
            uint256 scratch = machine.scratch;
            _collect(machine.carried + 2 * size, size, scratch);
            assembly ("memory-safe") {
                mcopy(totals, scratch, size)
            }
        }
    }

    /// @dev Copies the registers whose addresses stand at `addresses` to `to`.
    function _collect(uint256 addresses, uint256 size, uint256 to) private pure {
        assembly ("memory-safe") {
            for {
                let end := add(addresses, size)
            } lt(addresses, end) {
                addresses := add(addresses, 0x20)
            } {
                mstore(to, mload(mload(addresses)))
                to := add(to, 0x20)
            }
        }
    }

    // ---------------------------------------------------------------- dot products

    /// @dev One of the two loads of a dot product.
    /// @param base Word address before the pattern.
    /// @param pattern Absolute calldata offset.
    /// @param operand Memory address of its ShownOperand.
    struct Stream {
        uint256 base;
        uint256 pattern;
        uint256 operand;
    }

    function _runDotProduct(ScalarCodec.Layout memory plan, Machine memory machine, bool continued) private pure {
        unchecked {
            Stream memory left = _streamOf(machine.body);
            Stream memory right = _streamOf(machine.body + 32);
            uint256 total;
            uint256 totalAddress = machine.total;
            assembly ("memory-safe") {
                total := mload(totalAddress)
            }
            uint256 counter = plan.start;
            uint256 end = counter + plan.count;
            while (counter < end) {
                uint256 blockEnd = counter + ScalarCodec.BLOCK;
                if (blockEnd > end) blockEnd = end;
                uint256 sum = _runDotBlock(left, right, counter, blockEnd);
                total = continued ? Float32.add(total, sum) : sum;
                continued = true;
                counter = blockEnd;
            }
            assembly ("memory-safe") {
                mstore(totalAddress, total)
            }
        }
    }

    function _streamOf(uint256 code) private pure returns (Stream memory stream) {
        unchecked {
            uint256 instruction;
            uint256 base;
            assembly ("memory-safe") {
                instruction := mload(code)
                base := mload(and(instruction, ADDRESS))
            }
            stream.base = base;
            stream.pattern = (instruction >> PATTERN) & ADDRESS;
            stream.operand = (instruction >> OPERAND) & ADDRESS;
        }
    }

    /// @dev Where both operands are consecutive and shown, the words go straight from calldata to DotProduct; elsewhere, single
    /// steps give the same bits.
    function _runDotBlock(
        Stream memory left,
        Stream memory right,
        uint256 counter,
        uint256 blockEnd
    ) private pure returns (uint256 sum) {
        unchecked {
            while (counter < blockEnd) {
                uint256 count = blockEnd - counter;
                (uint256 leftWord, uint256 leftRun) = _addressAndRun(left, counter);
                if (leftRun < count) count = leftRun;
                (uint256 rightWord, uint256 rightRun) = _addressAndRun(right, counter);
                if (rightRun < count) count = rightRun;
                (uint256 leftOffset, uint256 leftShown) = _shownFrom(left.operand, leftWord);
                (uint256 rightOffset, uint256 rightShown) = _shownFrom(right.operand, rightWord);
                uint256 shown = leftShown < rightShown ? leftShown : rightShown;
                if (shown < count) {
                    if (shown < SHORTEST_RUN) {
                        if (count > STEPS_BETWEEN_RUNS) count = STEPS_BETWEEN_RUNS;
                    } else {
                        count = shown;
                    }
                } else {
                    shown = count;
                }
                if (shown < SHORTEST_RUN) {
                    for (uint256 i = 0; i < count; ++i) {
                        uint256 a = _load(left.operand, (leftWord + i) & WORD, ScalarCodec.F32);
                        uint256 b = _load(right.operand, (rightWord + i) & WORD, ScalarCodec.F32);
                        sum = Float32.fma(a, b, sum);
                    }
                } else {
                    sum = DotProduct.dot(leftOffset, rightOffset, count, sum);
                }
                counter += count;
            }
        }
    }

    /// @return wordIndex The address in iteration `counter`.
    /// @return length Iterations from here on in which it grows by one: until the fastest digit starts again.
    function _addressAndRun(
        Stream memory stream,
        uint256 counter
    ) private pure returns (uint256 wordIndex, uint256 length) {
        unchecked {
            wordIndex = _affine(stream.pattern, stream.base, counter);
            uint256 pattern = stream.pattern;
            assembly ("memory-safe") {
                let extent := and(shr(96, calldataload(pattern)), WORD)
                length := sub(extent, mod(counter, extent))
            }
            // An extent of 0 is invalid, but the loop must still advance.
            if (length == 0) length = 1;
        }
    }

    /// @return offset Absolute calldata offset of the word.
    /// @return count Words shown from there on; 0 past the operand's length.
    function _shownFrom(uint256 operand, uint256 wordIndex) private pure returns (uint256 offset, uint256 count) {
        uint256 length;
        uint256 first;
        uint256 words;
        assembly ("memory-safe") {
            length := mload(operand)
            first := mload(add(operand, 0x20))
            words := mload(add(operand, 0x40))
        }
        unchecked {
            if (wordIndex >= length) return (0, 0);
            if (wordIndex - first >= words) {
                _seek(operand, wordIndex);
                assembly ("memory-safe") {
                    first := mload(add(operand, 0x20))
                    words := mload(add(operand, 0x40))
                }
            }
            count = first + words;
            if (count > length) count = length;
            count -= wordIndex;
            assembly ("memory-safe") {
                offset := add(mload(add(operand, 0x60)), shl(2, sub(wordIndex, first)))
            }
        }
    }

    // ---------------------------------------------------------------- loads

    /// @dev base + pattern(counter), wrapped at 32 bits. Division by a zero extent gives 0, as the EVM has it.
    function _affine(uint256 pattern, uint256 base, uint256 counter) private pure returns (uint256 wordIndex) {
        assembly ("memory-safe") {
            let digits := calldataload(pattern)
            let extent := and(shr(96, digits), WORD)
            wordIndex := add(base, mul(mod(counter, extent), and(shr(64, digits), WORD)))
            let outer := div(counter, extent)
            if outer {
                extent := and(shr(160, digits), WORD)
                wordIndex := add(wordIndex, mul(mod(outer, extent), and(shr(128, digits), WORD)))
                wordIndex := add(wordIndex, mul(mod(div(outer, extent), shr(224, digits)), and(shr(192, digits), WORD)))
            }
            wordIndex := and(wordIndex, WORD)
        }
    }

    /// @dev The word at `wordIndex` of the operand as a register of `wordType` gets it.
    function _load(uint256 operand, uint256 wordIndex, uint256 wordType) private pure returns (uint256 word) {
        bool inside;
        bool atHand;
        assembly ("memory-safe") {
            inside := lt(wordIndex, mload(operand))
            atHand := lt(sub(wordIndex, mload(add(operand, 0x20))), mload(add(operand, 0x40)))
        }
        if (!inside) return 0;
        if (!atHand) _seek(operand, wordIndex);
        assembly ("memory-safe") {
            let distance := sub(wordIndex, mload(add(operand, 0x20)))
            word := shr(224, calldataload(add(mload(add(operand, 0x60)), shl(2, distance))))
        }
        if (wordType == ScalarCodec.F32) return Float32.canonical(word);
        if (wordType == ScalarCodec.BOOL && word != 0) return WORD;
    }

    /// @dev Takes the shown range that holds `wordIndex` to hand.
    function _seek(uint256 operand, uint256 wordIndex) private pure {
        bool found;
        uint256 index;
        assembly ("memory-safe") {
            let ranges := mload(add(operand, 0xa0))
            let range := add(ranges, 0x20)
            for {
                let end := add(range, shl(5, mload(ranges)))
            } lt(range, end) {
                range := add(range, 0x60)
            } {
                if lt(sub(wordIndex, mload(range)), mload(add(range, 0x20))) {
                    mcopy(add(operand, 0x20), range, 0x60)
                    found := 1
                    break
                }
            }
            index := mload(add(operand, 0x80))
        }
        if (!found) revert ChunkNotShown(index, wordIndex);
    }

    // ---------------------------------------------------------------- instructions

    /// @dev Runs translated instructions from `code` to `end`; the first result goes to `results`. A tree of comparisons with
    /// early ends is the cheapest dispatch that the compiler gives; the commonest opcodes are the shallowest.
    function _execute(uint256 code, uint256 end, uint256 results, uint256 counter) private pure {
        unchecked {
            results -= code;
            for (; code < end; code += 32) {
                uint256 instruction;
                uint256 x;
                uint256 y;
                assembly ("memory-safe") {
                    instruction := mload(code)
                    x := mload(and(instruction, ADDRESS))
                    y := mload(and(shr(B, instruction), ADDRESS))
                }
                uint256 op = instruction >> 248;
                uint256 result = results + code;
                if (op < Opcodes.DIV) {
                    if (op > Opcodes.SUB) {
                        if (op == Opcodes.MUL) {
                            _store(result, Float32.mul(x, y));
                            continue;
                        }
                        _store(result, Float32.fma(x, y, _third(instruction)));
                        continue;
                    }
                    if (op > Opcodes.GATHER) {
                        if (op == Opcodes.SUB) y = Float32.neg(y);
                        _store(result, Float32.add(x, y));
                        continue;
                    }
                    uint256 pattern = (instruction >> PATTERN) & ADDRESS;
                    if (pattern != 0) x = _affine(pattern, x, counter);
                    _store(result, _load((instruction >> OPERAND) & ADDRESS, x, (instruction >> 240) & 0xff));
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
                    uint256 shift = (instruction >> 240) & 0xff;
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
                    if (op == Opcodes.EQ_I) x = x == y ? WORD : 0;
                    _store(result, x);
                    continue;
                }
                x ^= SIGN;
                y ^= SIGN;
                // x <= y is x < y + 1, and y + 1 does not wrap.
                if (op == Opcodes.LE_I) ++y;
                _store(result, x < y ? WORD : 0);
            }
        }
    }

    function _store(uint256 register, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(register, word)
        }
    }

    function _third(uint256 instruction) private pure returns (uint256 z) {
        assembly ("memory-safe") {
            z := mload(and(shr(C, instruction), ADDRESS))
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
