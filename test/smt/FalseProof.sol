// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bonds} from "../../contracts/libraries/Bonds.sol";
import {Clock} from "../../contracts/libraries/Clock.sol";

/// @title What must not be provable
/// @notice False by one each, beside one that holds, so that the tests see the prover refute.
contract FalseProof {
    /// @notice False: a bond of three wei.
    function burnsMoreThanHalf(uint256 bondWei) external pure {
        require(bondWei > 0 && bondWei < 1 << 80);

        assert(bondWei - Bonds.bounty(bondWei) - Bonds.maxCompensation(bondWei) > bondWei / 2);
    }

    /// @notice False: a side that moves at once.
    function usesTime(uint256 turnStarted, uint256 usedBefore, uint256 endedAt) external pure {
        require(turnStarted < 1 << 32 && usedBefore < 1 << 23);
        require(endedAt >= turnStarted && endedAt < 1 << 32);

        assert(Clock.used(turnStarted, usedBefore, endedAt) > usedBefore);
    }

    /// @notice False: the last bond that does not allow the fee.
    function allowsLess(uint256 moveFeeWei) external pure {
        require(moveFeeWei > 0 && moveFeeWei < 1 << 64);

        assert(Bonds.maxMoveFee(Bonds.minBond(moveFeeWei) - 1) >= moveFeeWei);
    }

    /// @notice Holds.
    function allows(uint256 moveFeeWei) external pure {
        require(moveFeeWei < 1 << 64);

        assert(Bonds.maxMoveFee(Bonds.minBond(moveFeeWei)) >= moveFeeWei);
    }
}
