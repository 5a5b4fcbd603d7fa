// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bonds} from "../libraries/Bonds.sol";
import {Clock} from "../libraries/Clock.sol";

/// @title Entry to Clock and Bonds for tests
contract RulesHarness {
    receive() external payable {}

    function deadline(uint256 turnStarted, uint256 usedSeconds, uint256 budgetSeconds) external pure returns (uint256) {
        return Clock.deadline(turnStarted, usedSeconds, budgetSeconds);
    }

    function used(uint256 turnStarted, uint256 usedSeconds, uint256 endedAt) external pure returns (uint256) {
        return Clock.used(turnStarted, usedSeconds, endedAt);
    }

    function bounty(uint256 bondWei) external pure returns (uint256) {
        return Bonds.bounty(bondWei);
    }

    function maxCompensation(uint256 bondWei) external pure returns (uint256) {
        return Bonds.maxCompensation(bondWei);
    }

    function maxAuditFee(uint256 bondWei) external pure returns (uint256) {
        return Bonds.maxAuditFee(bondWei);
    }

    function maxMoveFee(uint256 bondWei) external pure returns (uint256) {
        return Bonds.maxMoveFee(bondWei);
    }

    function minBond(uint256 moveFeeWei) external pure returns (uint256) {
        return Bonds.minBond(moveFeeWei);
    }

    function paidDemandLimit(uint256 bondWei, uint256 moveFeeWei) external pure returns (uint256) {
        return Bonds.paidDemandLimit(bondWei, moveFeeWei);
    }

    function deposit(uint256 moveFeeWei, uint256 floorWei) external pure returns (uint256) {
        return Bonds.deposit(moveFeeWei, floorWei);
    }

    function burn(uint256 amountWei) external {
        Bonds.burn(amountWei);
    }
}
