// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bonds} from "../../contracts/libraries/Bonds.sol";

/// @dev Coin of the claim registry, in wei: what it holds, the bond while it is locked, and what it credited.
struct Registry {
    uint256 balance;
    uint256 bond;
    uint256 credits;
}

/// @dev Coin of the dispute game, in wei: what it holds; deposits of open challenges; bonds of pending proofs; a bounty not
/// yet settled; what it credited. `paidDemands` are those of open challenges.
struct Game {
    uint256 balance;
    uint256 deposits;
    uint256 proofBonds;
    uint256 heldBounty;
    uint256 credits;
    uint256 paidDemands;
    bool slashed;
}

/// @dev What a claim fixes: its bond and move fee.
struct Fees {
    uint256 bond;
    uint256 moveFee;
}

/// @title What each transaction keeps
library Ledger {
    uint256 internal constant MAX_WEI = uint256(type(uint48).max) * 1 gwei;

    /// @dev No limit in fact: the registry takes no other bond and fee, and there is less coin than that.
    function small(Registry memory registry) internal pure returns (bool) {
        return registry.bond <= MAX_WEI && registry.credits < 1 << 128;
    }

    /// @dev As for the registry.
    function small(Game memory game, Fees memory fees) internal pure returns (bool) {
        return
            fees.bond <= MAX_WEI &&
            fees.moveFee > 0 &&
            fees.moveFee <= Bonds.maxMoveFee(fees.bond) &&
            game.deposits < 1 << 128 &&
            game.proofBonds < 1 << 128 &&
            game.heldBounty < 1 << 128 &&
            game.credits < 1 << 128;
    }

    /// @dev The registry holds exactly what it owes.
    function balanced(Registry memory registry) internal pure returns (bool) {
        return registry.balance == registry.bond + registry.credits;
    }

    /// @dev The game holds exactly what it owes, and holds no bounty before a slash.
    function balanced(Game memory game, Fees memory fees) internal pure returns (bool) {
        uint256 owed = game.deposits + game.proofBonds + game.heldBounty + game.credits;
        if (!game.slashed) return game.balance == owed && game.heldBounty == 0;
        return game.balance == owed + game.paidDemands * fees.moveFee;
    }

    /// @dev No more demands are paid for than the bond pays.
    function paid(Game memory game, Fees memory fees) internal pure returns (bool) {
        return game.paidDemands <= Bonds.paidDemandLimit(fees.bond, fees.moveFee);
    }
}

/// @title What is proved of the coin
/// @notice An abstract ledger of one claim (section 6) in the two contracts that hold coin, with the real division of the bond:
/// a function is a transaction, from any state that is balanced, and proves that what the contract holds is again exactly
/// what it owes. A contract holds the sum of the ledgers of all claims.
contract LedgerProof {
    function commits(Registry memory registry, uint256 bond) external pure {
        require(Ledger.small(registry) && Ledger.balanced(registry) && registry.bond == 0 && bond <= Ledger.MAX_WEI);
        registry.balance += bond;
        registry.bond = bond;

        assert(Ledger.balanced(registry));
    }

    function finalizes(Registry memory registry) external pure {
        require(Ledger.small(registry) && Ledger.balanced(registry));
        registry.credits += registry.bond;
        registry.bond = 0;

        assert(Ledger.balanced(registry));
    }

    function forfeits(Registry memory registry) external pure {
        require(Ledger.small(registry) && Ledger.balanced(registry));
        registry.balance -= registry.bond;
        registry.bond = 0;

        assert(Ledger.balanced(registry));
    }

    function voids(Registry memory registry, uint256 fee) external pure {
        require(Ledger.small(registry) && Ledger.balanced(registry) && fee <= Bonds.maxAuditFee(registry.bond));
        registry.credits += registry.bond - fee;
        registry.credits += fee;
        registry.bond = 0;

        assert(Ledger.balanced(registry));
    }

    /// @notice A slash pays bounty and compensation to the game and burns the rest, which is at least half.
    function slashesBond(Registry memory registry, uint256 compensation) external pure {
        require(Ledger.small(registry) && Ledger.balanced(registry));
        require(compensation <= Bonds.maxCompensation(registry.bond));
        uint256 burnt = registry.bond - Bonds.bounty(registry.bond) - compensation;
        assert(burnt >= registry.bond / 2);
        registry.balance -= Bonds.bounty(registry.bond) + compensation;
        registry.balance -= burnt;
        registry.bond = 0;

        assert(Ledger.balanced(registry));
    }

    function withdrawsFromRegistry(Registry memory registry, uint256 amount) external pure {
        require(Ledger.small(registry) && Ledger.balanced(registry) && amount <= registry.credits);
        registry.credits -= amount;
        registry.balance -= amount;

        assert(Ledger.balanced(registry));
        assert(registry.credits <= registry.balance);
    }

    function challenges(Game memory game, Fees memory fees, uint256 floor) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && !game.slashed && floor <= Ledger.MAX_WEI);
        uint256 deposit = Bonds.deposit(fees.moveFee, floor);
        game.balance += deposit;
        game.deposits += deposit;

        assert(Ledger.balanced(game, fees));
    }

    /// @notice A demand is paid for while the bond pays, and not after.
    function demands(Game memory game, Fees memory fees) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && !game.slashed);
        require(Ledger.paid(game, fees));
        if (game.paidDemands < Bonds.paidDemandLimit(fees.bond, fees.moveFee)) game.paidDemands += 1;

        assert(Ledger.balanced(game, fees));
        assert(Ledger.paid(game, fees));
    }

    /// @notice The challenger's clock ran out: its deposit is the claimant's, and its demands make room for others.
    function loses(Game memory game, Fees memory fees, uint256 deposit, uint256 paid) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && !game.slashed);
        require(deposit <= game.deposits && paid <= game.paidDemands && Ledger.paid(game, fees));
        game.deposits -= deposit;
        game.paidDemands -= paid;
        game.credits += deposit;

        assert(Ledger.balanced(game, fees));
        assert(Ledger.paid(game, fees));
    }

    /// @notice The registry refuses no slash: the game never asks for more compensation than the bond has.
    function compensates(Game memory game, Fees memory fees) external pure {
        require(Ledger.small(game, fees) && Ledger.paid(game, fees));

        assert(game.paidDemands * fees.moveFee <= Bonds.maxCompensation(fees.bond));
    }

    /// @notice A slash, by a challenge that gets its deposit and demands back, or by a proof without one (zero both). The
    /// bounty is credited, or held for an earlier commitment.
    function slashes(Game memory game, Fees memory fees, uint256 deposit, uint256 paid, bool held) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && !game.slashed);
        require(deposit <= game.deposits && paid <= game.paidDemands);
        uint256 compensation = game.paidDemands * fees.moveFee;
        require(compensation <= Bonds.maxCompensation(fees.bond));
        game.balance += Bonds.bounty(fees.bond) + compensation;
        game.deposits -= deposit;
        game.paidDemands -= paid;
        game.credits += deposit + paid * fees.moveFee;
        if (held) game.heldBounty = Bonds.bounty(fees.bond);
        else game.credits += Bonds.bounty(fees.bond);
        game.slashed = true;

        assert(Ledger.balanced(game, fees));
    }

    /// @notice An open challenge of a slashed claim gets its deposit back and a fee for each paid demand.
    function closes(Game memory game, Fees memory fees, uint256 deposit, uint256 paid) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && game.slashed);
        require(deposit <= game.deposits && paid <= game.paidDemands);
        game.deposits -= deposit;
        game.paidDemands -= paid;
        game.credits += deposit + paid * fees.moveFee;

        assert(Ledger.balanced(game, fees));
    }

    function commitsProof(Game memory game, Fees memory fees, uint256 proofBond) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && proofBond <= Ledger.MAX_WEI);
        game.balance += proofBond;
        game.proofBonds += proofBond;

        assert(Ledger.balanced(game, fees));
    }

    function returnsProofBond(Game memory game, Fees memory fees, uint256 proofBond) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && proofBond <= game.proofBonds);
        game.proofBonds -= proofBond;
        game.credits += proofBond;

        assert(Ledger.balanced(game, fees));
    }

    function burnsProofBond(Game memory game, Fees memory fees, uint256 proofBond) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && proofBond <= game.proofBonds);
        game.proofBonds -= proofBond;
        game.balance -= proofBond;

        assert(Ledger.balanced(game, fees));
    }

    function settles(Game memory game, Fees memory fees) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees));
        game.credits += game.heldBounty;
        game.heldBounty = 0;

        assert(Ledger.balanced(game, fees));
    }

    function withdraws(Game memory game, Fees memory fees, uint256 amount) external pure {
        require(Ledger.small(game, fees) && Ledger.balanced(game, fees) && amount <= game.credits);
        game.credits -= amount;
        game.balance -= amount;

        assert(Ledger.balanced(game, fees));
        assert(game.credits <= game.balance);
    }
}
