// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position} from "../types/Types.sol";

/// @title Place
/// @notice Where a challenge stands: a position and the leaves of its tree in 120 bits, as wide as the limits of a program need
/// (2^20 steps, 2^16 primitives in each of 4 segments, 2^23 chunks). From the low end: leaves 24, index 24, item 32, step 24,
/// height 8, section 8. Who makes a place has checked that its fields fit.
library Place {
    uint256 internal constant MASK = 0xffffffffffffffffffffffffffffff;
    /// @notice Largest step and index that fit.
    uint256 internal constant MAX_FIELD = 0xffffff;

    function make(
        uint256 section,
        uint256 height,
        uint256 step,
        uint256 item,
        uint256 index
    ) internal pure returns (uint256) {
        return (section << 112) | (height << 104) | (step << 80) | (item << 48) | (index << 24);
    }

    function withLeafCount(uint256 place, uint256 leafCount) internal pure returns (uint256) {
        return (place & ~MAX_FIELD) | leafCount;
    }

    /// @notice A place of height 0 at another height.
    function raised(uint256 place, uint256 height) internal pure returns (uint256) {
        return place | (height << 104);
    }

    function sectionOf(uint256 place) internal pure returns (uint256) {
        return (place >> 112) & 0xff;
    }

    function heightOf(uint256 place) internal pure returns (uint256) {
        return (place >> 104) & 0xff;
    }

    function stepOf(uint256 place) internal pure returns (uint256) {
        return (place >> 80) & MAX_FIELD;
    }

    function itemOf(uint256 place) internal pure returns (uint256) {
        return (place >> 48) & 0xffffffff;
    }

    function indexOf(uint256 place) internal pure returns (uint256) {
        return (place >> 24) & MAX_FIELD;
    }

    function leafCountOf(uint256 place) internal pure returns (uint256) {
        return place & MAX_FIELD;
    }

    function positionOf(uint256 place) internal pure returns (Position memory position) {
        position.section = uint8(sectionOf(place));
        position.height = uint8(heightOf(place));
        position.step = uint32(stepOf(place));
        position.item = uint32(itemOf(place));
        position.index = uint32(indexOf(place));
    }
}
