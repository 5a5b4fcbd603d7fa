// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAuditor} from "../interfaces/IAuditor.sol";
import {IClaimRegistry} from "../interfaces/IClaimRegistry.sol";
import {Terms} from "../types/Types.sol";

/// @title Mock auditor
/// @notice Remembers what a registry tells it, refuses as set, and voids when asked. For tests.
contract MockAuditor is IAuditor {
    error AuditRunning(bytes32 claimId);
    error CommitmentRefused(bytes32 claimId);

    event Heard(bytes32 indexed claimId, address claimant, bytes32 termsHash, uint256 bondWei);
    event HeardReveal(bytes32 indexed claimId, bytes32 traceRoot);

    bool public refusesCommit;
    bool public refusesReveal;

    function set(bool refusesCommit_, bool refusesReveal_) external {
        refusesCommit = refusesCommit_;
        refusesReveal = refusesReveal_;
    }

    /// @inheritdoc IAuditor
    function onCommit(bytes32 claimId, address claimant, Terms calldata terms, uint256 bondWei) external {
        if (refusesCommit) revert CommitmentRefused(claimId);
        emit Heard(claimId, claimant, keccak256(abi.encode(terms)), bondWei);
    }

    /// @inheritdoc IAuditor
    function onReveal(bytes32 claimId, bytes32 traceRoot) external {
        if (refusesReveal) revert AuditRunning(claimId);
        emit HeardReveal(claimId, traceRoot);
    }

    /// @notice Voids a commitment of the registry, and takes the fee.
    function void(
        IClaimRegistry claims,
        address claimant,
        Terms calldata terms,
        uint256 bondWei,
        bytes32 seal,
        uint64 revealBy,
        uint256 feeWei
    ) external {
        claims.void(claimant, terms, bondWei, seal, revealBy, feeWei);
    }
}
