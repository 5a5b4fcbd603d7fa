// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DotProduct} from "./DotProduct.sol";
import {Float32} from "./Float32.sol";
import {ScalarCode} from "./ScalarCode.sol";
import {ScalarCodec} from "./ScalarCodec.sol";
import {ScalarOperands} from "./ScalarOperands.sol";

/// @title Loops in the dot product form
/// @notice Runs the loop of a program whose bytes have the dot product form of section 2. Where the words of both operands are
/// consecutive they go straight from calldata to DotProduct; in very short runs single steps give the same bits.
library ScalarDot {
    uint256 private constant WORD = 0xffffffff;

    /// @dev Runs of fewer words than this are cheaper as single steps.
    uint256 private constant SHORTEST_RUN = 8;

    /// @dev One of the two loads.
    /// @param base Word address before the pattern.
    /// @param pattern Absolute calldata offset.
    /// @param operand Memory address of its ShownOperand.
    struct Stream {
        uint256 base;
        uint256 pattern;
        uint256 operand;
    }

    /// @notice Leaves the total in `machine.total`, where it stands at the start if the loop is continued.
    function run(ScalarCodec.Layout memory plan, ScalarCode.Machine memory machine) internal pure {
        unchecked {
            Stream memory left = _streamOf(plan, machine, 0);
            Stream memory right = _streamOf(plan, machine, 1);
            uint256 total;
            uint256 totalAddress = machine.total;
            assembly ("memory-safe") {
                total := mload(totalAddress)
            }
            bool continued = plan.continued != 0;
            uint256 counter = plan.start;
            uint256 end = counter + plan.count;
            while (counter < end) {
                uint256 blockEnd = counter + ScalarCodec.BLOCK;
                if (blockEnd > end) blockEnd = end;
                uint256 sum = _runBlock(left, right, counter, blockEnd);
                total = continued ? Float32.add(total, sum) : sum;
                continued = true;
                counter = blockEnd;
            }
            assembly ("memory-safe") {
                mstore(totalAddress, total)
            }
        }
    }

    function _streamOf(
        ScalarCodec.Layout memory plan,
        ScalarCode.Machine memory machine,
        uint256 index
    ) private pure returns (Stream memory stream) {
        unchecked {
            uint256 code = machine.body + 32 * index;
            uint256 instruction;
            uint256 base;
            assembly ("memory-safe") {
                instruction := mload(code)
                base := mload(and(instruction, WORD))
            }
            stream.base = base;
            stream.operand = (instruction >> ScalarCode.OPERAND) & WORD;
            uint256 place = plan.prologueCount + index;
            uint256 raw = ScalarCodec.u64At(plan.instructionsOffset + ScalarCodec.INSTRUCTION_BYTES * place);
            stream.pattern = plan.patternsOffset + ScalarCodec.PATTERN_BYTES * (((raw >> 16) & 0xffff) - 1);
        }
    }

    function _runBlock(
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
                (uint256 leftOffset, uint256 leftShown) = _wordsFrom(left.operand, leftWord);
                if (leftShown < count) count = leftShown;
                (uint256 rightOffset, uint256 rightShown) = _wordsFrom(right.operand, rightWord);
                if (rightShown < count) count = rightShown;
                counter += count;
                if (count >= SHORTEST_RUN) {
                    sum = DotProduct.dot(leftOffset, rightOffset, count, sum);
                    continue;
                }
                // Straight from calldata too: a look at the operands for each word would search their ranges each time.
                for (; count > 0; --count) {
                    uint256 a;
                    uint256 b;
                    assembly ("memory-safe") {
                        a := shr(224, calldataload(leftOffset))
                        b := shr(224, calldataload(rightOffset))
                    }
                    sum = Float32.fma(a, b, sum);
                    leftOffset += 4;
                    rightOffset += 4;
                }
            }
        }
    }

    /// @return offset Absolute calldata offset of the word. Words past the operand's length are zero, and so is what is read
    /// past the end of calldata.
    /// @return count Consecutive words that may be read there.
    function _wordsFrom(uint256 operand, uint256 wordIndex) private pure returns (uint256 offset, uint256 count) {
        (offset, count) = ScalarOperands.shownFrom(operand, wordIndex);
        if (count == 0) return (msg.data.length, (WORD + 1) - wordIndex);
    }

    /// @return wordIndex The address in iteration `counter`.
    /// @return length Iterations from here on in which it grows by one: until the fastest digit starts again.
    function _addressAndRun(
        Stream memory stream,
        uint256 counter
    ) private pure returns (uint256 wordIndex, uint256 length) {
        uint256 pattern = stream.pattern;
        wordIndex = ScalarOperands.affine(pattern, stream.base, counter);
        assembly ("memory-safe") {
            let extent := and(shr(96, calldataload(pattern)), WORD)
            length := sub(extent, mod(counter, extent))
        }
        // An extent of 0 is invalid, but the loop must still advance.
        if (length == 0) length = 1;
    }
}
