// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bonds} from "../../contracts/libraries/Bonds.sol";

/// @title What is proved of the division of a bond
/// @notice For every bond that the registry takes (section 6: whole gwei in 48 bits) and every move fee it allows.
contract BondsProof {
    uint256 private constant MAX_BOND_WEI = uint256(type(uint48).max) * 1 gwei;

    /// @notice Bounty, highest compensation and the rest make up the bond; the rest, which burns, is at least half.
    function divides(uint256 bondWei) external pure {
        uint256 restWei = bondWei - Bonds.bounty(bondWei) - Bonds.maxCompensation(bondWei);

        assert(Bonds.bounty(bondWei) + Bonds.maxCompensation(bondWei) + restWei == bondWei);
        assert(restWei >= bondWei / 2);
        assert(restWei >= bondWei - restWei);
        assert(Bonds.maxCompensation(bondWei) <= bondWei / 4);
    }

    /// @notice A fee is allowed exactly by the bonds from `minBond` on, and that bond has no overflow for any allowed fee.
    function allows(uint256 bondWei, uint256 moveFeeWei) external pure {
        require(bondWei <= MAX_BOND_WEI);
        require(moveFeeWei <= MAX_BOND_WEI);

        assert((moveFeeWei <= Bonds.maxMoveFee(bondWei)) == (bondWei >= Bonds.minBond(moveFeeWei)));
    }

    /// @notice Every allowed fee has the bond pay for at least eight whole walks.
    function paysForWalks(uint256 bondWei, uint256 moveFeeWei) external pure {
        require(moveFeeWei > 0 && moveFeeWei <= Bonds.maxMoveFee(bondWei));

        assert(Bonds.paidDemandLimit(bondWei, moveFeeWei) >= 8 * Bonds.MAX_DEMANDS);
    }

    /// @notice Paid demands within their limit cost at most a quarter of the bond.
    function compensates(uint256 bondWei, uint256 moveFeeWei, uint256 paidDemands) external pure {
        require(bondWei <= MAX_BOND_WEI);
        require(moveFeeWei > 0 && moveFeeWei <= Bonds.maxMoveFee(bondWei));
        require(paidDemands <= Bonds.paidDemandLimit(bondWei, moveFeeWei));

        assert(paidDemands * moveFeeWei <= Bonds.maxCompensation(bondWei));
    }

    /// @notice Whatever is paid within that, a slash pays out the bond exactly and burns half of it: whoever slashes
    /// itself loses half.
    function slashes(uint256 bondWei, uint256 compensationWei) external pure {
        require(compensationWei <= Bonds.maxCompensation(bondWei));
        uint256 burntWei = bondWei - Bonds.bounty(bondWei) - compensationWei;

        assert(Bonds.bounty(bondWei) + compensationWei + burntWei == bondWei);
        assert(burntWei >= bondWei - burntWei);
    }

    /// @notice A deposit is the fees of a whole walk and the floor, and beside the floor at most a 32nd of the bond.
    function deposits(uint256 bondWei, uint256 moveFeeWei, uint256 floorWei) external pure {
        require(moveFeeWei <= Bonds.maxMoveFee(bondWei));
        require(floorWei < 1 << 128);
        uint256 depositWei = Bonds.deposit(moveFeeWei, floorWei);

        assert(depositWei >= floorWei);
        assert(depositWei - floorWei == Bonds.MAX_DEMANDS * moveFeeWei);
        assert(depositWei - floorWei <= bondWei / 32);
    }
}
