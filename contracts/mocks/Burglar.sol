// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {Claim, Demand} from "../types/Types.sol";

/// @title Burglar
/// @notice Steals proofs it sees before they are included: does in one transaction what should take two blocks. For tests.
contract Burglar {
    IDisputeGame private immutable _game;

    constructor(IDisputeGame game) {
        _game = game;
    }

    /// @notice Challenges a claim and proves the fraud at once.
    function challengeAndProve(
        Claim calldata claim,
        Demand calldata first,
        uint8 kind,
        bytes calldata proof
    ) external payable {
        _game.challenge{value: msg.value}(claim, 0, first);
        _game.prove(claim, 0, kind, proof, 0);
    }

    /// @notice Commits to a proof and reveals it at once.
    function commitAndReveal(Claim calldata claim, bytes32 claimId, uint8 kind, bytes calldata proof) external payable {
        bytes32 commitment = keccak256(
            abi.encode(block.chainid, address(_game), claimId, address(this), bytes32(0), kind, keccak256(proof))
        );
        _game.commitProof{value: msg.value}(claimId, 0, commitment);
        _game.revealProof(claim, kind, proof, 0, bytes32(0));
    }
}
