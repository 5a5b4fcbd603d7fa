// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Sums of a block in 32 lanes
/// @notice Sums, and sums of squared distances from one word, over the consecutive binary32 words of a block in calldata: word i is
/// added to lane i mod 32, each lane in ascending order, bit for bit as instruction by instruction, at about half the price.
/// Takes ordinary data; says so where it meets other, and its caller then goes instruction by instruction.
/// @dev A lane is an exact signed integer. Its terms are multiples of 2^24 units, so that rounding to 24 bits, ties to even, never
/// falls below the unit; at most 128 of them, each below 2^247 units, are added.
library ScalarSums {
    uint256 private constant BIT_231 = 0x8000000000000000000000000000000000000000000000000000000000;
    uint256 private constant VECTOR_BYTES = 1024;

    /// @notice Sums of the words less `center`, which is +0, or of the squares of the rounded distances from it.
    /// @param offset Calldata offset of the first word; any alignment.
    /// @param count Words, 1 to 4,096.
    /// @param lanes Memory of 32 words that takes the lanes' sums as binary32 words.
    /// @return done False where a word or `center` is 2^74 or more in magnitude, infinite or a NaN, and where a distance that is
    /// squared and not zero is below 2^-49 or not below 2^39; then the lanes hold nothing of use.
    function run(
        uint256 offset,
        uint256 count,
        uint256 lanes,
        uint256 center,
        bool isSquared
    ) internal pure returns (bool done) {
        assembly ("memory-safe") {
            // A finite word in units of 2^-173: its significand times 2^(its exponent field + 23).
            function fixedPoint(word) -> r {
                let exponent := and(shr(23, word), 0xff)
                let isNormal := iszero(iszero(exponent))
                r := shl(sub(add(exponent, 24), isNormal), or(and(word, 0x7fffff), shl(23, isNormal)))
                if and(word, 0x80000000) {
                    r := sub(0, r)
                }
            }
            // To 24 bits, ties to even; zero stays zero.
            function rounded(s) -> r {
                let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                r := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
            }

            calldatacopy(lanes, calldatasize(), VECTOR_BYTES)
            let end := add(offset, shl(2, count))
            let lane := lanes
            // Exponent fields up to 200.
            if lt(and(center, 0x7f800000), 0x64800000) {
                center := fixedPoint(center)
                for {} lt(offset, end) {
                    offset := add(offset, 4)
                } {
                    let term := shr(224, calldataload(offset))
                    if gt(and(term, 0x7f800000), 0x64000000) {
                        break
                    }
                    term := sub(fixedPoint(term), center)
                    if isSquared {
                        term := rounded(term)
                        if term {
                            let sign := sar(255, term)
                            term := sub(xor(term, sign), sign)
                            // 24 bits at 2^excess units of 2^-173; their square in units of 2^-169.
                            let excess := sub(232, clz(term))
                            if gt(sub(excess, 101), 87) {
                                break
                            }
                            term := shr(excess, term)
                            term := shl(sub(add(excess, excess), 177), mul(term, term))
                        }
                    }
                    mstore(lane, rounded(add(mload(lane), term)))
                    lane := add(lane, 0x20)
                    if eq(lane, add(lanes, VECTOR_BYTES)) {
                        lane := lanes
                    }
                }
                done := eq(offset, end)
            }
            if done {
                // The lanes as binary32 words: each has at most 24 bits and is a multiple of 2^-149. The exponent field of one of
                // 24 bits at 2^excess units of 2^-173 is excess - 23, at units of 2^-169 excess - 19.
                let bias := sub(23, shl(2, isSquared))
                for {
                    end := add(lanes, VECTOR_BYTES)
                } lt(lanes, end) {
                    lanes := add(lanes, 0x20)
                } {
                    let total := mload(lanes)
                    let sign := sar(255, total)
                    total := sub(xor(total, sign), sign)
                    let excess := sub(232, clz(total))
                    switch sgt(excess, bias)
                    case 1 {
                        total := add(shl(23, sub(sub(excess, bias), 1)), shr(excess, total))
                    }
                    default {
                        // Zero, or a subnormal, which only a sum is.
                        total := shr(24, total)
                    }
                    mstore(lanes, or(and(sign, 0x80000000), total))
                }
            }
        }
    }
}
