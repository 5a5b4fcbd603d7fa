// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Bonds
/// @notice How a claim's bond B and move fee f divide, in wei: a quarter of B is the bounty, another quarter at most pays
/// challengers' moves, so at least half burns and challenging oneself costs.
library Bonds {
    /// @notice Demands of one challenge.
    uint256 internal constant MAX_DEMANDS = 16;
    /// @notice Demands that any bond pays for, over all challenges: those of eight whole walks.
    uint256 internal constant MIN_PAID_DEMANDS = 8 * MAX_DEMANDS;
    /// @notice Where burnt coin goes: an address nobody holds a key of.
    address internal constant SINK = 0x000000000000000000000000000000000000dEaD;

    /// @notice The sink did not take the coin.
    error BurnRefused(uint256 amountWei);

    /// @notice Bounty of a slashed claim.
    function bounty(uint256 bondWei) internal pure returns (uint256) {
        return bondWei / 4;
    }

    /// @notice Most that all challengers' moves together are paid from a slashed claim.
    function maxCompensation(uint256 bondWei) internal pure returns (uint256) {
        return bondWei / 4;
    }

    /// @notice Most that an auditor keeps of a commitment that it voids.
    function maxAuditFee(uint256 bondWei) internal pure returns (uint256) {
        return bondWei / 4;
    }

    /// @notice Highest move fee of a claim, a 512th of the bond: a deposit stays small beside the bond, and a claimant that
    /// challenges itself needs eight whole walks to use up what others would be paid.
    function maxMoveFee(uint256 bondWei) internal pure returns (uint256) {
        return maxCompensation(bondWei) / MIN_PAID_DEMANDS;
    }

    /// @notice Lowest bond that allows a move fee.
    function minBond(uint256 moveFeeWei) internal pure returns (uint256) {
        return 4 * MIN_PAID_DEMANDS * moveFeeWei;
    }

    /// @notice Demands that a claim's bond pays for, over all its challenges.
    function paidDemandLimit(uint256 bondWei, uint256 moveFeeWei) internal pure returns (uint256) {
        return maxCompensation(bondWei) / moveFeeWei;
    }

    /// @notice Deposit of a challenge: the fees of a whole walk, and a floor.
    function deposit(uint256 moveFeeWei, uint256 floorWei) internal pure returns (uint256) {
        return MAX_DEMANDS * moveFeeWei + floorWei;
    }

    /// @notice Takes coin out of circulation.
    function burn(uint256 amountWei) internal {
        (bool taken, ) = SINK.call{value: amountWei}("");
        if (!taken) revert BurnRefused(amountWei);
    }
}
