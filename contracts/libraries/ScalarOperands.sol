// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Operands of a scalar program in calldata
/// @notice Finds the word at an index among the chunk ranges shown of an operand. An index past the operand's length gives 0;
/// one inside that no range holds reverts, as may one that stands in a range out of order.
/// @dev Operands are passed as memory addresses of ShownOperand, which translated instructions hold. Loads are the reader's
/// hottest path, hence the assembly; the field offsets are those of the struct.
library ScalarOperands {
    /// @notice A word inside the operand that no shown range holds.
    error ChunkNotShown(uint256 operand, uint256 wordIndex);

    uint256 private constant WORD = 0xffffffff;

    /// @notice An operand and what is shown of it. The range read last is kept at hand.
    /// @param length Words of the operand.
    /// @param first First word of the range at hand.
    /// @param words Words of the range at hand that lie inside the operand; 0 before the first look.
    /// @param offset Absolute calldata offset of the range at hand.
    /// @param index The operand's index, for the error.
    /// @param ranges Per range, ascending: first word, words, absolute calldata offset.
    struct ShownOperand {
        uint256 length;
        uint256 first;
        uint256 words;
        uint256 offset;
        uint256 index;
        uint256[] ranges;
    }

    /// @notice base + pattern(counter), wrapped at 32 bits. Division by a zero extent gives 0, as the EVM has it.
    /// @param pattern Absolute calldata offset of an encoded load pattern.
    function affine(uint256 pattern, uint256 base, uint256 counter) internal pure returns (uint256 wordIndex) {
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

    /// @notice The stored word at `wordIndex`, whatever its bits.
    function wordAt(uint256 operand, uint256 wordIndex) internal pure returns (uint256 word) {
        uint256 distance;
        bool atHand;
        assembly ("memory-safe") {
            distance := sub(wordIndex, mload(add(operand, 0x20)))
            atHand := lt(distance, mload(add(operand, 0x40)))
        }
        if (!atHand) {
            if (!_isInside(operand, wordIndex)) return 0;
            _seek(operand, wordIndex);
        }
        assembly ("memory-safe") {
            distance := sub(wordIndex, mload(add(operand, 0x20)))
            word := shr(224, calldataload(add(mload(add(operand, 0x60)), shl(2, distance))))
        }
    }

    /// @return offset Absolute calldata offset of the word at `wordIndex`.
    /// @return count Words shown from there on; 0 past the operand's length.
    function shownFrom(uint256 operand, uint256 wordIndex) internal pure returns (uint256 offset, uint256 count) {
        if (!_isInside(operand, wordIndex)) return (0, 0);
        bool atHand;
        assembly ("memory-safe") {
            atHand := lt(sub(wordIndex, mload(add(operand, 0x20))), mload(add(operand, 0x40)))
        }
        if (!atHand) _seek(operand, wordIndex);
        assembly ("memory-safe") {
            let distance := sub(wordIndex, mload(add(operand, 0x20)))
            count := sub(mload(add(operand, 0x40)), distance)
            offset := add(mload(add(operand, 0x60)), shl(2, distance))
        }
    }

    function _isInside(uint256 operand, uint256 wordIndex) private pure returns (bool inside) {
        assembly ("memory-safe") {
            inside := lt(wordIndex, mload(operand))
        }
    }

    /// @dev Takes the shown range that holds `wordIndex` to hand. By halving: with a range a chunk, a load that leaps from
    /// chunk to chunk would else pay for all of them each time.
    function _seek(uint256 operand, uint256 wordIndex) private pure {
        bool found;
        uint256 index;
        assembly ("memory-safe") {
            let range := mload(add(operand, 0xa0))
            let count := div(mload(range), 3)
            range := add(range, 0x20)
            if count {
                // The last range that starts at the word or before: it holds the word or none does.
                for {} gt(count, 1) {} {
                    let half := shr(1, count)
                    let skipped := mul(half, 0x60)
                    range := add(range, mul(skipped, iszero(gt(mload(add(range, skipped)), wordIndex))))
                    count := sub(count, half)
                }
                found := lt(sub(wordIndex, mload(range)), mload(add(range, 0x20)))
            }
            if found {
                mcopy(add(operand, 0x20), range, 0x60)
                // The last chunk's padding is no word of the operand.
                let inside := sub(mload(operand), mload(range))
                if lt(inside, mload(add(operand, 0x40))) {
                    mstore(add(operand, 0x40), inside)
                }
            }
            index := mload(add(operand, 0x80))
        }
        if (!found) revert ChunkNotShown(index, wordIndex);
    }
}
