// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";

/**
 * @title DotProduct
 * @notice A chain of fused multiply-adds over two runs of binary32 words in calldata, acc = fma(a[i], b[i], acc) in
 * ascending order, bit for bit, at about a third of the price of the single steps.
 * @dev Eight words are read at once, big-endian, and split lane by lane. The accumulator between two 32-byte words of
 * calldata is (significand, exponent) and means significand * 2^(exponent - 301), exactly the value of a binary32:
 *   - significand is signed, even, and below 2^26 in magnitude; exponent is at least 151;
 *   - (0, 151) is +0 and (0, 152) is -0, so the sign of a zero cannot outlive the zero;
 *   - (1, 1024) and (-1, 1024) are the infinities.
 * Ordinary data takes {_fixedPointWords}. A word with a product outside its window takes {_generalWord}, a word with an
 * infinity or a NaN the single steps, and from an infinite accumulator on only {_afterInfinity} is left to do.
 *
 * The caller answers for the range: bytes past the end of calldata read as zero, as the EVM defines.
 */
library DotProduct {
    // Eight 32-bit lanes in a word.
    uint256 private constant ONE_LANES = 0x0000000100000001000000010000000100000001000000010000000100000001;
    uint256 private constant SIGN_LANES = 0x8000000080000000800000008000000080000000800000008000000080000000;
    uint256 private constant MAGNITUDE_LANES = 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff;
    uint256 private constant EXPONENT_LANES = 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff;
    uint256 private constant FRACTION_LANES = 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff;
    uint256 private constant IMPLICIT_LANES = 0x0080000000800000008000000080000000800000008000000080000000800000;

    // Biases that make bit 7 of an exponent say "out of the window"; see _fixedPointWords.
    uint256 private constant FACTOR_BIAS_LANES = 0x000000df000000df000000df000000df000000df000000df000000df000000df;
    uint256 private constant PRODUCT_BIAS_LANES = 0x000000a7000000a7000000a7000000a7000000a7000000a7000000a7000000a7;
    uint256 private constant OUTSIDE_LANES = 0x0000008000000080000000800000008000000080000000800000008000000080;
    uint256 private constant SHIFT_LANES = 0x0000001800000018000000180000001800000018000000180000001800000018;
    // One in the ninth bit of a lane: the carry of an exponent plus 255, set unless the exponent is 0.
    uint256 private constant CARRY_LANES = 0x0000010000000100000001000000010000000100000001000000010000000100;

    uint256 private constant BIT_231 = 0x8000000000000000000000000000000000000000000000000000000000;
    uint256 private constant LEAST_EXPONENT = 151;
    uint256 private constant INFINITE = 1024;

    /**
     * @notice The accumulator after `count` steps.
     * @param a Calldata offset of the first word of the first operand; any alignment.
     * @param b Calldata offset of the first word of the second operand; any alignment.
     * @param count Steps. Words beyond it are never part of the result.
     * @param accumulator The word to start from: +0 for a plain dot product.
     * @return result The last accumulator. Every NaN, in or out, is the one NaN.
     */
    function dot(uint256 a, uint256 b, uint256 count, uint256 accumulator) internal pure returns (uint256 result) {
        unchecked {
            uint256 end = a + 4 * count;
            uint256 wordsEnd = a + 32 * (count / 8);
            b -= a;
            if (accumulator & 0x7fffffff >= Float32.INFINITY) return _afterInfinity(a, b, end, accumulator);
            (int256 significand, uint256 exponent) = _unpack(accumulator);
            while (true) {
                (a, significand, exponent) = _fixedPointWords(a, b, wordsEnd, significand, exponent);
                // What is left below a word, and a word whose result cannot be finite, goes step by step.
                if (a == wordsEnd || _hasSpecial(a, b)) return _steps(a, b, end, _pack(significand, exponent));
                (a, significand, exponent) = _generalWord(a, b, significand, exponent);
                if (exponent == INFINITE) {
                    return _afterInfinity(a, b, end, significand < 0 ? 0xff800000 : Float32.INFINITY);
                }
            }
        }
    }

    /**
     * @dev Whole words from `a` to `end`, for as long as the accumulator and every product lie in the window in which a
     * signed integer of unit 2^-169 holds their sum: factors between 2^-94 and 2^34, products between 2^-99 and 2^29,
     * or zero. There products are multiples of 2^-145, so no sum is rounded as a subnormal, none overflows, and none is
     * -0.
     */
    function _fixedPointWords(
        uint256 a,
        uint256 toB,
        uint256 end,
        int256 significand,
        uint256 exponent
    ) private pure returns (uint256, int256, uint256) {
        assembly ("memory-safe") {
            // -0 has no integer, and below exponent 155 the accumulator may be no multiple of 2^-145.
            if or(lt(sub(exponent, 155), 180), iszero(or(significand, xor(exponent, LEAST_EXPONENT)))) {
                let sum := shl(sub(exponent, 132), significand)
                for {} lt(a, end) {
                    a := add(a, 32)
                } {
                    let wordA := calldataload(a)
                    let wordB := calldataload(add(a, toB))
                    {
                        // Significands of a with the sign of the product, and of b, where mload can cut out a lane. The
                        // implicit bit is set even for a zero (cleared below), so that no lane's negation carries into
                        // the next.
                        let negative := and(shr(31, xor(wordA, wordB)), ONE_LANES)
                        mstore(
                            0x00,
                            add(
                                xor(or(and(wordA, FRACTION_LANES), IMPLICIT_LANES), mul(negative, 0xffffffff)),
                                negative
                            )
                        )
                        mstore(0x20, or(and(wordB, FRACTION_LANES), IMPLICIT_LANES))
                    }
                    // Bit 7 is clear for a factor's exponent field plus 223 if it is in 33..160, and for the sum of
                    // both plus 613 if it is in 155..282. The low byte of that, plus 24, is the product's place above
                    // the unit.
                    let outside := add(and(shr(23, wordA), EXPONENT_LANES), FACTOR_BIAS_LANES)
                    let places := add(and(shr(23, wordB), EXPONENT_LANES), FACTOR_BIAS_LANES)
                    {
                        let product := add(add(outside, places), PRODUCT_BIAS_LANES)
                        outside := and(or(or(outside, places), product), OUTSIDE_LANES)
                        places := add(product, SHIFT_LANES)
                    }
                    if outside {
                        let magnitudeA := and(wordA, MAGNITUDE_LANES)
                        let magnitudeB := and(wordB, MAGNITUDE_LANES)
                        let nonzero := and(
                            and(add(magnitudeA, MAGNITUDE_LANES), add(magnitudeB, MAGNITUDE_LANES)),
                            SIGN_LANES
                        )
                        nonzero := sub(shl(1, nonzero), shr(31, nonzero))
                        // A zero is outside the window and harmless, unless it meets an infinity.
                        let special := and(
                            or(add(magnitudeA, IMPLICIT_LANES), add(magnitudeB, IMPLICIT_LANES)),
                            SIGN_LANES
                        )
                        if or(and(outside, nonzero), special) {
                            break
                        }
                        mstore(0x00, and(mload(0x00), nonzero))
                    }

                    // Eight steps, written out: a loop would pay for a counter and jumps at each. A step adds a product
                    // and rounds to 24 bits, ties to even, in two's complement; half is half an ulp of the sum.
                    {
                        let s := add(sum, shl(byte(3, places), mul(sar(224, mload(0)), shr(224, mload(32)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                    {
                        let s := add(sum, shl(byte(7, places), mul(sar(224, mload(4)), shr(224, mload(36)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                    {
                        let s := add(sum, shl(byte(11, places), mul(sar(224, mload(8)), shr(224, mload(40)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                    {
                        let s := add(sum, shl(byte(15, places), mul(sar(224, mload(12)), shr(224, mload(44)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                    {
                        let s := add(sum, shl(byte(19, places), mul(sar(224, mload(16)), shr(224, mload(48)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                    {
                        let s := add(sum, shl(byte(23, places), mul(sar(224, mload(20)), shr(224, mload(52)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                    {
                        let s := add(sum, shl(byte(27, places), mul(sar(224, mload(24)), shr(224, mload(56)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                    {
                        let s := add(sum, shl(byte(31, places), mul(sar(224, mload(28)), shr(224, mload(60)))))
                        let half := shr(clz(xor(s, sar(255, s))), BIT_231)
                        sum := and(sub(add(s, half), iszero(and(s, add(half, half)))), sub(0, add(half, half)))
                    }
                }

                significand := 0
                exponent := LEAST_EXPONENT
                if sum {
                    // 25 bits, the last of them zero; fewer where that would pass below the least exponent.
                    let excess := sub(231, clz(xor(sum, sar(255, sum))))
                    if slt(excess, 19) {
                        excess := 19
                    }
                    significand := sar(excess, sum)
                    exponent := add(132, excess)
                }
            }
        }
        return (a, significand, exponent);
    }

    /**
     * @dev One word of eight finite lanes, from any finite accumulator, with rounding to subnormals and overflow.
     * @return The offset of the next lane: that of the next word, or behind the lane that overflowed.
     */
    function _generalWord(
        uint256 a,
        uint256 toB,
        int256 significand,
        uint256 exponent
    ) private pure returns (uint256, int256, uint256) {
        assembly ("memory-safe") {
            // Lanes of exponent sums (a subnormal's exponent is 1), of doubled significands of a with the sign of the
            // product, and of significands of b. A zero of a stays without sign: its negation would carry.
            let exponents
            {
                let word := calldataload(a)
                let wordB := calldataload(add(a, toB))
                let negative := and(
                    shr(31, and(xor(word, wordB), add(and(word, MAGNITUDE_LANES), MAGNITUDE_LANES))),
                    ONE_LANES
                )
                exponents := and(shr(23, word), EXPONENT_LANES)
                let normal := and(add(exponents, EXPONENT_LANES), CARRY_LANES)
                exponents := add(exponents, xor(shr(8, normal), ONE_LANES))
                word := shl(1, or(and(word, FRACTION_LANES), shl(15, normal)))
                mstore(0x00, add(xor(word, mul(negative, 0xffffffff)), negative))

                let exponentsB := and(shr(23, wordB), EXPONENT_LANES)
                normal := and(add(exponentsB, EXPONENT_LANES), CARRY_LANES)
                exponents := add(exponents, add(exponentsB, xor(shr(8, normal), ONE_LANES)))
                mstore(0x20, or(and(wordB, FRACTION_LANES), shl(15, normal)))
            }
            for {
                let lane := 0
            } lt(lane, 32) {
                lane := add(lane, 4)
            } {
                let sum := mul(sar(224, mload(lane)), shr(224, mload(add(lane, 32))))
                let unit := shr(224, exponents)
                exponents := shl(32, exponents)
                // The sum of accumulator and product at the lesser exponent. Beyond 160 places the lesser term only
                // decides that the sum is not a tie; a zero is never that far below, as exponents of zeros are small.
                let distance := sub(exponent, unit)
                switch slt(distance, 0)
                case 0 {
                    if gt(distance, 160) {
                        unit := add(unit, sub(distance, 160))
                        distance := 160
                    }
                    sum := add(sum, shl(distance, significand))
                }
                default {
                    distance := sub(0, distance)
                    if gt(distance, 160) {
                        distance := 160
                    }
                    sum := add(significand, shl(distance, sum))
                    unit := sub(unit, distance)
                }
                // Round to 24 bits, or to a multiple of 2^-149 if that is coarser. All terms are even: at least one bit
                // goes.
                let zeros := clz(or(or(xor(sum, sar(255, sum)), 0x1000000), shl(sub(175, unit), 1)))
                let half := shr(zeros, BIT_231)
                let rounded := sar(sub(232, zeros), sub(add(sum, half), iszero(and(sum, add(half, half)))))
                rounded := add(rounded, rounded)
                unit := sub(add(unit, 231), zeros)
                if or(iszero(rounded), gt(unit, 403)) {
                    switch rounded
                    case 0 {
                        unit := LEAST_EXPONENT
                        switch sum
                        case 0 {
                            // Cancellation gives +0; -0 is left only if the accumulator and the product both are.
                            if iszero(or(significand, xor(exponent, add(LEAST_EXPONENT, 1)))) {
                                let at := add(a, lane)
                                unit := add(unit, shr(255, xor(calldataload(at), calldataload(add(at, toB)))))
                            }
                        }
                        default {
                            unit := add(unit, slt(sum, 0))
                        }
                    }
                    default {
                        let negative := sar(255, rounded)
                        if gt(shl(sub(unit, 404), sub(xor(rounded, negative), negative)), 0x1ffffff) {
                            // 2^128 or more. The next word is 32 bytes further; undo that for the lanes not yet seen.
                            significand := or(negative, 1)
                            exponent := INFINITE
                            a := sub(add(a, lane), 28)
                            break
                        }
                    }
                }
                significand := rounded
                exponent := unit
            }
            a := add(a, 32)
        }
        return (a, significand, exponent);
    }

    /// @dev Single steps, until the accumulator is no longer finite.
    function _steps(uint256 a, uint256 toB, uint256 end, uint256 accumulator) private pure returns (uint256) {
        unchecked {
            for (; a < end; a += 4) {
                uint256 wordA;
                uint256 wordB;
                assembly ("memory-safe") {
                    wordA := shr(224, calldataload(a))
                    wordB := shr(224, calldataload(add(a, toB)))
                }
                accumulator = Float32.fma(wordA, wordB, accumulator);
                if (accumulator & 0x7fffffff >= Float32.INFINITY) {
                    return _afterInfinity(a + 4, toB, end, accumulator);
                }
            }
            return accumulator;
        }
    }

    /**
     * @dev The rest of the steps for an accumulator that is an infinity or a NaN. A NaN stays. An infinity stays unless
     * it meets a NaN, an infinity times zero, or an infinite product of the other sign.
     */
    function _afterInfinity(
        uint256 a,
        uint256 toB,
        uint256 end,
        uint256 accumulator
    ) private pure returns (uint256 result) {
        if (Float32.isNaN(accumulator)) return Float32.NAN;
        result = accumulator;
        assembly ("memory-safe") {
            let signs := mul(shr(31, accumulator), SIGN_LANES)
            for {} lt(a, end) {
                a := add(a, 32)
            } {
                let wordA := calldataload(a)
                let wordB := calldataload(add(a, toB))
                let rest := sub(end, a)
                if lt(rest, 32) {
                    // Lanes past the end become zeros, which change nothing.
                    let past := sub(256, shl(3, rest))
                    wordA := shl(past, shr(past, wordA))
                    wordB := shl(past, shr(past, wordB))
                }
                let magnitudeA := and(wordA, MAGNITUDE_LANES)
                let magnitudeB := and(wordB, MAGNITUDE_LANES)
                let nan := or(add(magnitudeA, FRACTION_LANES), add(magnitudeB, FRACTION_LANES))
                let infinite := or(add(magnitudeA, IMPLICIT_LANES), add(magnitudeB, IMPLICIT_LANES))
                let nonzero := and(add(magnitudeA, MAGNITUDE_LANES), add(magnitudeB, MAGNITUDE_LANES))
                let opposite := xor(xor(wordA, wordB), signs)
                if and(or(nan, and(infinite, or(not(nonzero), opposite))), SIGN_LANES) {
                    result := 0x7fc00000
                    break
                }
            }
        }
    }

    /// @dev Whether one of the sixteen lanes of two words is an infinity or a NaN.
    function _hasSpecial(uint256 a, uint256 toB) private pure returns (bool result) {
        assembly ("memory-safe") {
            let magnitudeA := and(calldataload(a), MAGNITUDE_LANES)
            let magnitudeB := and(calldataload(add(a, toB)), MAGNITUDE_LANES)
            result := iszero(
                iszero(and(or(add(magnitudeA, IMPLICIT_LANES), add(magnitudeB, IMPLICIT_LANES)), SIGN_LANES))
            )
        }
    }

    /// @dev A finite word as the accumulator of this library.
    function _unpack(uint256 word) private pure returns (int256 significand, uint256 exponent) {
        assembly ("memory-safe") {
            exponent := and(shr(23, word), 0xff)
            significand := shl(1, or(and(word, 0x7fffff), shl(23, iszero(iszero(exponent)))))
            exponent := add(add(exponent, iszero(exponent)), 150)
            if shr(31, word) {
                exponent := add(exponent, iszero(significand))
                significand := sub(0, significand)
            }
        }
    }

    /// @dev The word of a finite accumulator; exact.
    function _pack(int256 significand, uint256 exponent) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            switch significand
            case 0 {
                word := shl(31, sub(exponent, LEAST_EXPONENT))
            }
            default {
                let negative := sar(255, significand)
                word := sub(xor(significand, negative), negative)
                let zeros := clz(word)
                let field := sub(add(exponent, 81), zeros)
                switch sgt(field, 0)
                case 1 {
                    word := add(shl(23, sub(field, 1)), shr(232, shl(zeros, word)))
                }
                default {
                    word := shr(1, shl(sub(exponent, LEAST_EXPONENT), word))
                }
                word := or(and(negative, 0x80000000), word)
            }
        }
    }
}
