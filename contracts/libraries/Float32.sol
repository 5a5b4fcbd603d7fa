// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/**
 * @title Float32
 * @notice IEEE-754 binary32 as the scalar program defines it: nearest even, subnormals kept, one NaN (0x7fc00000). The
 * same bits as node/src/float/ops.ts for every operand.
 * @dev A word is a uint256 below 2^32. Every function is total on such words, NaNs with payloads included; a larger
 * operand is not a word and gives an unspecified result. Comparisons return 0xffffffff or 0. Uses the CLZ opcode; the
 * build for chains without it has a function in its place (scripts/without-clz.ts).
 *
 * add, mul and fma test first whether their exponents lie in a window in which no result can be subnormal or overflow.
 * There the operands become integers of one fixed scale, so the sum is exact and is rounded once; everything else takes
 * a second, complete path. A rounding adds "half an ulp less one, plus the last kept bit" and cuts: nearest even.
 */
library Float32 {
    uint256 internal constant NAN = 0x7fc00000;
    uint256 internal constant INFINITY = 0x7f800000;
    uint256 internal constant SIGN = 0x80000000;
    uint256 internal constant TRUE_MASK = 0xffffffff;

    uint256 private constant MAGNITUDE = 0x7fffffff;
    uint256 private constant FRACTION = 0x7fffff;
    uint256 private constant IMPLICIT = 0x800000;
    uint256 private constant GREATEST_FINITE = 0x7f7fffff;
    // A significand is normalised so that its first bit is bit 254 and its last kept bit is bit 231.
    uint256 private constant BELOW_HALF_ULP = 0x3fffffffffffffffffffffffffffffffffffffffffffffffffffffffff;

    // ---------------------------------------------------------------- arithmetic

    /// @return z a + b, rounded once.
    function add(uint256 a, uint256 b) internal pure returns (uint256 z) {
        uint256 shiftA;
        uint256 shiftB;
        bool inWindow;
        assembly ("memory-safe") {
            shiftA := sub(and(shr(23, a), 0xff), 33)
            shiftB := sub(and(shr(23, b), 0xff), 33)
            inWindow := and(lt(shiftA, 200), lt(shiftB, 200))
        }
        if (!inWindow) return _addAny(a, b);
        assembly ("memory-safe") {
            // Unit 2^-117: a sum is at least that or zero, and below 2^107. It is taken relative to the sign of a.
            z := sar(255, shl(224, xor(a, b)))
            z := add(
                shl(shiftA, or(and(a, FRACTION), IMPLICIT)),
                sub(xor(shl(shiftB, or(and(b, FRACTION), IMPLICIT)), z), z)
            )
            if z {
                let negative := sar(255, z)
                z := sub(xor(z, negative), negative)
                let zeros := clz(z)
                z := shl(sub(zeros, 1), z)
                z := or(
                    add(shl(23, sub(264, zeros)), shr(231, add(add(z, BELOW_HALF_ULP), and(shr(231, z), 1)))),
                    and(xor(a, negative), SIGN)
                )
            }
        }
    }

    /// @return a - b, rounded once.
    function sub(uint256 a, uint256 b) internal pure returns (uint256) {
        return add(a, b ^ SIGN);
    }

    /// @return z a * b, rounded once.
    function mul(uint256 a, uint256 b) internal pure returns (uint256 z) {
        uint256 exponentA;
        uint256 exponentB;
        bool inWindow;
        assembly ("memory-safe") {
            exponentA := and(shr(23, a), 0xff)
            exponentB := and(shr(23, b), 0xff)
            inWindow := and(lt(sub(exponentA, 64), 127), lt(sub(exponentB, 64), 127))
        }
        if (!inWindow) return _mulAny(a, b);
        assembly ("memory-safe") {
            z := mul(or(and(a, FRACTION), IMPLICIT), or(and(b, FRACTION), IMPLICIT))
            // The product of two significands has 47 or 48 bits; one shift makes it 48.
            let long := shr(47, z)
            z := shl(sub(1, long), z)
            z := or(
                add(
                    shl(23, sub(add(add(exponentA, exponentB), long), 128)),
                    shr(24, add(add(z, 0x7fffff), and(shr(24, z), 1)))
                ),
                and(xor(a, b), SIGN)
            )
        }
    }

    /// @return z a * b + c, rounded once.
    function fma(uint256 a, uint256 b, uint256 c) internal pure returns (uint256 z) {
        uint256 shiftProduct;
        uint256 shiftC;
        bool inWindow;
        assembly ("memory-safe") {
            let exponentA := and(shr(23, a), 0xff)
            let exponentB := and(shr(23, b), 0xff)
            shiftProduct := sub(add(exponentA, exponentB), 174)
            shiftC := sub(and(shr(23, c), 0xff), 24)
            inWindow := and(
                and(lt(sub(exponentA, 1), 254), lt(sub(exponentB, 1), 254)),
                and(lt(shiftProduct, 200), lt(shiftC, 220))
            )
        }
        if (!inWindow) return _fmaAny(a, b, c);
        assembly ("memory-safe") {
            // Unit 2^-126: a sum is at least that or zero, and below 2^122. It is taken relative to the sign of c.
            z := sar(255, shl(224, xor(xor(a, b), c)))
            let product := shl(shiftProduct, mul(or(and(a, FRACTION), IMPLICIT), or(and(b, FRACTION), IMPLICIT)))
            z := add(shl(shiftC, or(and(c, FRACTION), IMPLICIT)), sub(xor(product, z), z))
            if z {
                let negative := sar(255, z)
                z := sub(xor(z, negative), negative)
                let zeros := clz(z)
                z := shl(sub(zeros, 1), z)
                z := or(
                    add(shl(23, sub(255, zeros)), shr(231, add(add(z, BELOW_HALF_ULP), and(shr(231, z), 1)))),
                    and(xor(c, negative), SIGN)
                )
            }
        }
    }

    /// @return a / b, rounded once.
    function div(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            uint256 magnitudeA = a & MAGNITUDE;
            uint256 magnitudeB = b & MAGNITUDE;
            uint256 sign = (a ^ b) & SIGN;
            bool finiteNonzero;
            assembly ("memory-safe") {
                finiteNonzero := and(lt(sub(magnitudeA, 1), GREATEST_FINITE), lt(sub(magnitudeB, 1), GREATEST_FINITE))
            }
            if (!finiteNonzero) {
                if (magnitudeA > INFINITY || magnitudeB > INFINITY || magnitudeA == magnitudeB) return NAN;
                return magnitudeA == INFINITY || magnitudeB == 0 ? sign | INFINITY : sign;
            }
            uint256 placeA = _place(magnitudeA);
            uint256 placeB = _place(magnitudeB);
            // A quotient is a tie, or differs from every tie by more than 2^-48 of itself: its first 76 bits decide.
            uint256 quotient = ((magnitudeA - (placeA << 23)) << 100) / (magnitudeB - (placeB << 23));
            return _round(sign, quotient, placeA - placeB + 49);
        }
    }

    /// @return z The square root of a, rounded once. A negative operand other than -0 gives NaN.
    function sqrt(uint256 a) internal pure returns (uint256 z) {
        if (a & MAGNITUDE == 0 || a == INFINITY) return a;
        if (a > INFINITY) return NAN;
        assembly ("memory-safe") {
            let exponent := shr(23, a)
            let significand := and(a, FRACTION)
            switch exponent
            case 0 {
                // Normalised to 24 bits, so that the seed below holds for subnormals too.
                let missing := sub(clz(significand), 232)
                significand := shl(missing, significand)
                exponent := sub(1, missing)
            }
            default {
                significand := or(significand, IMPLICIT)
            }
            // The value is x * 2^(exponent - 150 - shift) with x in [2^123, 2^125) and an even power of two.
            let shift := add(100, and(exponent, 1))
            let x := shl(shift, significand)
            // With x = 2^123 t: 2^61.5 (0.6863 + 0.3431 t), within 3 % of the root. Four Newton steps leave 60 right
            // bits, and a root is never closer than 2^-50 of itself to a tie.
            z := add(0x1f0ed99beda00000, shr(93, mul(x, 0x3e1db338)))
            z := shr(1, add(z, div(x, z)))
            z := shr(1, add(z, div(x, z)))
            z := shr(1, add(z, div(x, z)))
            z := shr(1, add(z, div(x, z)))
            let zeros := clz(z)
            let field := sub(add(sar(1, sub(sub(exponent, 150), shift)), 381), zeros)
            z := add(shl(23, field), shr(231, add(shl(sub(zeros, 1), z), BELOW_HALF_ULP)))
        }
    }

    /// @return -a; a NaN stays the NaN.
    function neg(uint256 a) internal pure returns (uint256) {
        return canonical(a ^ SIGN);
    }

    /// @return |a|; a NaN stays the NaN.
    function abs(uint256 a) internal pure returns (uint256) {
        return canonical(a & MAGNITUDE);
    }

    // ---------------------------------------------------------------- comparison and selection

    /// @return mask TRUE_MASK if a < b, else 0. False with a NaN; zeros are equal.
    function lt(uint256 a, uint256 b) internal pure returns (uint256 mask) {
        assembly ("memory-safe") {
            // Integers in the order of the floats, both zeros 0, NaNs outside the infinities.
            let negative := sub(0, shr(31, a))
            let orderA := sub(xor(and(a, MAGNITUDE), negative), negative)
            negative := sub(0, shr(31, b))
            let orderB := sub(xor(and(b, MAGNITUDE), negative), negative)
            mask := mul(
                TRUE_MASK,
                and(slt(orderA, orderB), and(slt(orderB, add(INFINITY, 1)), sgt(orderA, not(INFINITY))))
            )
        }
    }

    /// @return mask TRUE_MASK if a <= b, else 0. False with a NaN; zeros are equal.
    function le(uint256 a, uint256 b) internal pure returns (uint256 mask) {
        assembly ("memory-safe") {
            let negative := sub(0, shr(31, a))
            let orderA := sub(xor(and(a, MAGNITUDE), negative), negative)
            negative := sub(0, shr(31, b))
            let orderB := sub(xor(and(b, MAGNITUDE), negative), negative)
            mask := mul(
                TRUE_MASK,
                gt(and(slt(orderB, add(INFINITY, 1)), sgt(orderA, not(INFINITY))), sgt(orderA, orderB))
            )
        }
    }

    /// @return mask TRUE_MASK if a == b, else 0. False with a NaN; zeros are equal.
    function eq(uint256 a, uint256 b) internal pure returns (uint256 mask) {
        assembly ("memory-safe") {
            // Equal words are equal unless both are NaN; of different words only the two zeros are.
            mask := mul(TRUE_MASK, or(gt(eq(a, b), gt(and(a, MAGNITUDE), INFINITY)), iszero(and(or(a, b), MAGNITUDE))))
        }
    }

    /// @return z a < b ? b : a. The first operand wins on equality and on NaN in either place.
    function max(uint256 a, uint256 b) internal pure returns (uint256 z) {
        assembly ("memory-safe") {
            let negative := sub(0, shr(31, a))
            let orderA := sub(xor(and(a, MAGNITUDE), negative), negative)
            negative := sub(0, shr(31, b))
            let orderB := sub(xor(and(b, MAGNITUDE), negative), negative)
            z := and(slt(orderA, orderB), and(slt(orderB, add(INFINITY, 1)), sgt(orderA, not(INFINITY))))
            z := xor(a, mul(xor(a, b), z))
            if gt(and(z, MAGNITUDE), INFINITY) {
                z := NAN
            }
        }
    }

    /// @return z b < a ? b : a. The first operand wins on equality and on NaN in either place.
    function min(uint256 a, uint256 b) internal pure returns (uint256 z) {
        assembly ("memory-safe") {
            let negative := sub(0, shr(31, a))
            let orderA := sub(xor(and(a, MAGNITUDE), negative), negative)
            negative := sub(0, shr(31, b))
            let orderB := sub(xor(and(b, MAGNITUDE), negative), negative)
            z := and(slt(orderB, orderA), and(slt(orderA, add(INFINITY, 1)), sgt(orderB, not(INFINITY))))
            z := xor(a, mul(xor(a, b), z))
            if gt(and(z, MAGNITUDE), INFINITY) {
                z := NAN
            }
        }
    }

    /// @return Whether the word is a NaN of any sign and payload.
    function isNaN(uint256 a) internal pure returns (bool) {
        return a & MAGNITUDE > INFINITY;
    }

    /// @return z The word, or the one NaN in place of any NaN.
    function canonical(uint256 a) internal pure returns (uint256 z) {
        assembly ("memory-safe") {
            z := a
            if gt(and(a, MAGNITUDE), INFINITY) {
                z := NAN
            }
        }
    }

    // ---------------------------------------------------------------- integers

    /// @return The greatest integer not above a, as a float. Zeros keep their sign.
    function floor(uint256 a) internal pure returns (uint256) {
        unchecked {
            uint256 exponent = (a >> 23) & 0xff;
            if (exponent >= 150) return canonical(a);
            if (exponent < 127) return a > SIGN ? 0xbf800000 : a & SIGN;
            uint256 belowOne = (1 << (150 - exponent)) - 1;
            // Away from zero for negatives; a carry out of the fraction rightly raises the exponent.
            if (a >= SIGN) a += belowOne;
            return a & ~belowOne;
        }
    }

    /// @return The integer nearest to a, ties to even, as a float. The sign is kept, also of a zero result.
    function nearest(uint256 a) internal pure returns (uint256) {
        unchecked {
            uint256 exponent = (a >> 23) & 0xff;
            if (exponent >= 150) return canonical(a);
            // Below one: only above one half is it one.
            if (exponent < 127) return (a & SIGN) | (a & MAGNITUDE > 0x3f000000 ? 0x3f800000 : 0);
            uint256 shift = 150 - exponent;
            // For exponent 127 bit 23 is the exponent's last bit, which equals the implicit bit of the integer 1.
            a += (1 << (shift - 1)) - 1 + ((a >> shift) & 1);
            return (a >> shift) << shift;
        }
    }

    /// @return z The float nearest to a two's complement 32-bit integer, ties to even.
    function fromI32(uint256 a) internal pure returns (uint256 z) {
        if (a == 0) return 0;
        assembly ("memory-safe") {
            z := signextend(3, a)
            let negative := sar(255, z)
            z := sub(xor(z, negative), negative)
            let zeros := clz(z)
            z := shl(sub(zeros, 1), z)
            z := or(
                and(a, SIGN),
                add(shl(23, sub(381, zeros)), shr(231, add(add(z, BELOW_HALF_ULP), and(shr(231, z), 1))))
            )
        }
    }

    /// @return z The integer part of a as a two's complement word: towards zero, saturating, NaN to 0.
    function toI32(uint256 a) internal pure returns (uint256 z) {
        unchecked {
            uint256 exponent = (a >> 23) & 0xff;
            if (exponent < 127) return 0;
            if (exponent > 157) return isNaN(a) ? 0 : MAGNITUDE + (a >> 31);
            z = (((a & FRACTION) | IMPLICIT) << exponent) >> 150;
            if (a >= SIGN) z = (0 - z) & 0xffffffff;
        }
    }

    // ---------------------------------------------------------------- complete paths

    // A finite magnitude is significand * 2^(place - 149), with place from _place and the significand
    // magnitude - (place << 23): the subtraction leaves the implicit bit of a normal number, and a subnormal as it is.

    function _addAny(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            uint256 magnitudeA = a & MAGNITUDE;
            uint256 magnitudeB = b & MAGNITUDE;
            if ((magnitudeA + IMPLICIT) | (magnitudeB + IMPLICIT) >= SIGN) {
                return _infiniteSum(a & SIGN, magnitudeA, b & SIGN, magnitudeB);
            }
            uint256 placeA = _place(magnitudeA);
            uint256 placeB = _place(magnitudeB);
            return _sum(a & SIGN, magnitudeA - (placeA << 23), placeA, b & SIGN, magnitudeB - (placeB << 23), placeB);
        }
    }

    function _mulAny(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            uint256 magnitudeA = a & MAGNITUDE;
            uint256 magnitudeB = b & MAGNITUDE;
            uint256 sign = (a ^ b) & SIGN;
            if ((magnitudeA + IMPLICIT) | (magnitudeB + IMPLICIT) >= SIGN) {
                return _infiniteProduct(sign, magnitudeA, magnitudeB);
            }
            uint256 placeA = _place(magnitudeA);
            uint256 placeB = _place(magnitudeB);
            uint256 product = (magnitudeA - (placeA << 23)) * (magnitudeB - (placeB << 23));
            return product == 0 ? sign : _round(sign, product, placeA + placeB - 149);
        }
    }

    function _fmaAny(uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        unchecked {
            uint256 magnitudeA = a & MAGNITUDE;
            uint256 magnitudeB = b & MAGNITUDE;
            uint256 magnitudeC = c & MAGNITUDE;
            uint256 sign = (a ^ b) & SIGN;
            if ((magnitudeA + IMPLICIT) | (magnitudeB + IMPLICIT) | (magnitudeC + IMPLICIT) >= SIGN) {
                // A finite product is below any infinity or NaN, so zero may stand for it.
                a =
                    (magnitudeA + IMPLICIT) | (magnitudeB + IMPLICIT) >= SIGN
                        ? _infiniteProduct(sign, magnitudeA, magnitudeB)
                        : 0;
                return _infiniteSum(sign, a & MAGNITUDE, c & SIGN, magnitudeC);
            }
            uint256 placeA = _place(magnitudeA);
            uint256 placeB = _place(magnitudeB);
            uint256 placeC = _place(magnitudeC);
            return
                _sum(
                    sign,
                    (magnitudeA - (placeA << 23)) * (magnitudeB - (placeB << 23)),
                    placeA + placeB - 149,
                    c & SIGN,
                    magnitudeC - (placeC << 23),
                    placeC
                );
        }
    }

    /**
     * @dev The sum of two finite terms of at most 48 bits, rounded once. A zero sum is -0 if both terms are -0, else
     * +0. A zero is never the term that is cut short: its place is at most 149 above the other's.
     */
    function _sum(
        uint256 signA,
        uint256 a,
        uint256 placeA,
        uint256 signB,
        uint256 b,
        uint256 placeB
    ) private pure returns (uint256) {
        unchecked {
            // Beyond 160 places the lesser term only decides that the sum is not a tie.
            int256 distance = int256(placeA - placeB);
            if (distance < 0) {
                if (distance < -160) distance = -160;
                b <<= uint256(-distance);
                placeA = placeB + uint256(distance);
            } else {
                if (distance > 160) distance = 160;
                a <<= uint256(distance);
                placeA -= uint256(distance);
            }
            if (signA == signB) {
                a += b;
                if (a == 0) return signA;
            } else if (a > b) {
                a -= b;
            } else {
                if (a == b) return 0;
                a = b - a;
                signA = signB;
            }
            return _round(signA, a, placeA);
        }
    }

    /// @dev The sum of two magnitudes with signs, of which at least one is an infinity or a NaN.
    function _infiniteSum(
        uint256 signA,
        uint256 magnitudeA,
        uint256 signB,
        uint256 magnitudeB
    ) private pure returns (uint256) {
        if (magnitudeA > INFINITY || magnitudeB > INFINITY) return NAN;
        if (magnitudeA != INFINITY) return signB | INFINITY;
        return magnitudeB == INFINITY && signA != signB ? NAN : signA | INFINITY;
    }

    /// @dev The product of two magnitudes, of which at least one is an infinity or a NaN.
    function _infiniteProduct(uint256 sign, uint256 magnitudeA, uint256 magnitudeB) private pure returns (uint256) {
        if (magnitudeA > INFINITY || magnitudeB > INFINITY || magnitudeA == 0 || magnitudeB == 0) return NAN;
        return sign | INFINITY;
    }

    /// @dev The weight of the last bit of a finite magnitude, as a power of two above 2^-149.
    function _place(uint256 magnitude) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := shr(23, magnitude)
            place := sub(place, iszero(iszero(place)))
        }
    }

    /**
     * @dev The word nearest to significand * 2^(place - 149), ties to even.
     * @param sign SIGN or 0.
     * @param significand In (0, 2^220).
     * @param place Two's complement, from -204 on.
     */
    function _round(uint256 sign, uint256 significand, uint256 place) private pure returns (uint256 z) {
        assembly ("memory-safe") {
            // With 24 more bits there always is something to cut: down to 24 bits, or to place 0 if that is coarser.
            // The marker bit stands for the latter. The kept bits carry into the exponent field when they are normal.
            significand := shl(24, significand)
            let cut := sub(232, clz(or(significand, shl(sub(47, place), 1))))
            z := add(
                shl(23, sub(add(place, cut), 24)),
                shr(cut, add(add(significand, sub(shl(sub(cut, 1), 1), 1)), and(shr(cut, significand), 1)))
            )
            if gt(z, GREATEST_FINITE) {
                z := INFINITY
            }
            z := or(sign, z)
        }
    }
}
