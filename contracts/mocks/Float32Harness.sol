// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DotProduct} from "../libraries/DotProduct.sol";
import {Float32} from "../libraries/Float32.sol";

/**
 * @title Float32Harness
 * @notice Runs {Float32} and {DotProduct} over batches of packed operands, so that the tests compare thousands of cases
 * with one call. For tests only.
 */
contract Float32Harness {
    /// @notice The instruction number names no function of {Float32}.
    error UnknownOperation(uint256 operation);

    /// @notice The bytes are not a whole number of cases.
    error PartialCase(uint256 length, uint256 caseLength);

    /**
     * @notice Evaluates one instruction over a batch.
     * @param operation An opcode of the scalar program; 0 returns the first operand, to measure the loop itself.
     * @param operands Cases of three big-endian words each; an instruction ignores those beyond its arity.
     * @return results One big-endian word for each case.
     * @return gasUsed By the evaluation of all cases, loop and dispatch included.
     */
    function evaluate(
        uint256 operation,
        bytes calldata operands
    ) external view returns (bytes memory results, uint256 gasUsed) {
        if (operation != 0 && (operation < 3 || operation > 19)) revert UnknownOperation(operation);
        if (operands.length % 12 != 0) revert PartialCase(operands.length, 12);
        uint256 count = operands.length / 12;
        // 28 bytes to spare, so that every result is stored as the top of a whole word.
        results = new bytes(4 * count + 28);
        gasUsed = gasleft();
        for (uint256 i = 0; i < count; i++) {
            (uint256 a, uint256 b, uint256 c) = _operands(operands, i);
            uint256 result = _apply(operation, a, b, c);
            assembly ("memory-safe") {
                mstore(add(add(results, 32), shl(2, i)), shl(224, result))
            }
        }
        gasUsed -= gasleft();
        assembly ("memory-safe") {
            mstore(results, shl(2, count))
        }
    }

    /**
     * @notice Evaluates dot products of equal length.
     * @param count Steps of each dot product.
     * @param gap Bytes before either operand, to test every alignment.
     * @param problems For each: accumulator word, gap, count words of a, gap, count words of b; all big-endian.
     * @return results One word for each dot product.
     * @return gasUsed The gas of each, without the loop over them.
     */
    function dot(
        uint256 count,
        uint256 gap,
        bytes calldata problems
    ) external view returns (uint256[] memory results, uint256[] memory gasUsed) {
        uint256 size = 4 + 2 * gap + 8 * count;
        if (problems.length % size != 0) revert PartialCase(problems.length, size);
        results = new uint256[](problems.length / size);
        gasUsed = new uint256[](results.length);
        for (uint256 i = 0; i < results.length; i++) {
            uint256 offset;
            uint256 accumulator;
            assembly ("memory-safe") {
                offset := add(problems.offset, mul(i, size))
                accumulator := shr(224, calldataload(offset))
            }
            uint256 a = offset + 4 + gap;
            uint256 b = a + 4 * count + gap;
            uint256 gasBefore = gasleft();
            accumulator = DotProduct.dot(a, b, count, accumulator);
            gasUsed[i] = gasBefore - gasleft();
            results[i] = accumulator;
        }
    }

    function _operands(bytes calldata packed, uint256 i) private pure returns (uint256 a, uint256 b, uint256 c) {
        assembly ("memory-safe") {
            let triple := calldataload(add(packed.offset, mul(i, 12)))
            a := shr(224, triple)
            b := and(shr(192, triple), 0xffffffff)
            c := and(shr(160, triple), 0xffffffff)
        }
    }

    function _apply(uint256 operation, uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        if (operation < 11) {
            if (operation == 0) return a;
            if (operation == 3) return Float32.add(a, b);
            if (operation == 4) return Float32.sub(a, b);
            if (operation == 5) return Float32.mul(a, b);
            if (operation == 6) return Float32.fma(a, b, c);
            if (operation == 7) return Float32.div(a, b);
            if (operation == 8) return Float32.sqrt(a);
            if (operation == 9) return Float32.neg(a);
            return Float32.abs(a);
        }
        if (operation == 11) return Float32.max(a, b);
        if (operation == 12) return Float32.min(a, b);
        if (operation == 13) return Float32.lt(a, b);
        if (operation == 14) return Float32.le(a, b);
        if (operation == 15) return Float32.eq(a, b);
        if (operation == 16) return Float32.floor(a);
        if (operation == 17) return Float32.nearest(a);
        if (operation == 18) return Float32.toI32(a);
        return Float32.fromI32(a);
    }
}
