// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScalarMachine} from "../libraries/ScalarMachine.sol";
import {ScalarOperands} from "../libraries/ScalarOperands.sol";

/// @title Entry to ScalarMachine for tests
/// @notice Runs a program over operands whose words all stand in the call. Nothing is proved of them.
contract ScalarMachineHarness {
    /// @notice A range of words of one operand.
    struct WordRange {
        uint32 operand;
        uint32 first;
        bytes words;
    }

    /// @param lengths Words of each operand.
    /// @return word The element's word.
    /// @return gasUsed Gas of the run alone.
    function run(
        bytes calldata program,
        uint32 element,
        uint32 step,
        uint32[] calldata lengths,
        WordRange[] calldata ranges
    ) external view returns (uint256 word, uint256 gasUsed) {
        ScalarOperands.ShownOperand[] memory operands = new ScalarOperands.ShownOperand[](lengths.length);
        for (uint256 i = 0; i < lengths.length; ++i) {
            uint256 count = 0;
            for (uint256 j = 0; j < ranges.length; ++j) if (ranges[j].operand == i) ++count;
            uint256[] memory triples = new uint256[](3 * count);
            count = 0;
            for (uint256 j = 0; j < ranges.length; ++j) {
                if (ranges[j].operand != i) continue;
                bytes calldata words = ranges[j].words;
                uint256 offset;
                assembly ("memory-safe") {
                    offset := words.offset
                }
                triples[count++] = ranges[j].first;
                triples[count++] = words.length / 4;
                triples[count++] = offset;
            }
            operands[i] = ScalarOperands.ShownOperand(lengths[i], 0, 0, 0, i, triples);
        }
        gasUsed = gasleft();
        word = ScalarMachine.run(program, element, step, operands);
        gasUsed -= gasleft();
    }
}
