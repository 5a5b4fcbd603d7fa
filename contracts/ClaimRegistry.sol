// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bond, Claim, ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IProgramRegistry} from "./interfaces/IProgramRegistry.sol";
import {Bonds} from "./libraries/Bonds.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {ProgramCodec} from "./libraries/ProgramCodec.sol";
import {PullPayments} from "./libraries/PullPayments.sol";
import {ClaimView, OutputsShown, Terms} from "./types/Types.sol";

/// @title Claim registry
/// @notice Keeps claims and their bonds (section 6). Nobody owns it: the deployer binds the dispute game once and has no
/// power after. A commitment writes one slot of its own; what the terms say is stored when they are revealed.
contract ClaimRegistry is IClaimRegistry, PullPayments {
    uint32 private constant MAX_STEPS = 1 << 20;

    struct Stored {
        address claimant;
        ClaimStatus status;
        // Last second to reveal while Committed, to challenge from Revealed on.
        uint40 until;
        uint48 bondGwei;
        bytes32 programRoot;
        bytes32 inputsRoot;
        bytes32 traceRoot;
        bytes32 taskId;
        uint96 moveFeeWei;
        uint32 steps;
    }

    address private immutable _deployer;
    IProgramRegistry public immutable programs;
    /// @inheritdoc IClaimRegistry
    uint256 public immutable minBondWei;
    /// @inheritdoc IClaimRegistry
    uint256 public immutable minMoveFeeWei;
    /// @inheritdoc IClaimRegistry
    uint64 public immutable revealSeconds;
    /// @inheritdoc IClaimRegistry
    uint64 public immutable windowSeconds;
    /// @inheritdoc IClaimRegistry
    uint64 public immutable proofRevealSeconds;

    /// @inheritdoc IClaimRegistry
    address public disputeGame;
    mapping(bytes32 claimId => Stored) private _claims;
    // By claimant, program, inputs and steps: the latest commitment, live while its claim is Committed.
    mapping(bytes32 key => bytes32 claimId) private _latest;

    /// @param programs_ Says which programs may be claimed.
    constructor(
        IProgramRegistry programs_,
        uint256 minBondWei_,
        uint256 minMoveFeeWei_,
        uint32 revealSeconds_,
        uint32 windowSeconds_,
        uint32 proofRevealSeconds_
    ) {
        _checkFloor("minMoveFeeWei", minMoveFeeWei_, 1);
        _checkFloor("minBondWei", minBondWei_, Bonds.minBond(minMoveFeeWei_));
        _checkFloor("revealSeconds", revealSeconds_, 1);
        _checkFloor("windowSeconds", windowSeconds_, 1);
        _checkFloor("proofRevealSeconds", proofRevealSeconds_, 1);
        _deployer = msg.sender;
        programs = programs_;
        minBondWei = minBondWei_;
        minMoveFeeWei = minMoveFeeWei_;
        revealSeconds = revealSeconds_;
        windowSeconds = windowSeconds_;
        proofRevealSeconds = proofRevealSeconds_;
    }

    /// @inheritdoc IClaimRegistry
    function bindDisputeGame(address game) external {
        if (msg.sender != _deployer) revert NotDeployer(msg.sender);
        if (disputeGame != address(0)) revert DisputeGameAlreadyBound(disputeGame);
        if (game.code.length == 0) revert DisputeGameWithoutCode(game);
        disputeGame = game;
        emit DisputeGameBound(game);
    }

    /// @inheritdoc IClaimRegistry
    function commit(Terms calldata terms, bytes32 seal) external payable returns (bytes32 claimId) {
        claimId = claimIdOf(msg.sender, terms, seal, msg.value);
        if (disputeGame == address(0)) revert DisputeGameNotBound();
        _checkTerms(terms, msg.value);
        if (!programs.isRegistered(terms.programRoot)) revert ProgramNotRegistered(terms.programRoot);
        Stored storage claim = _claims[claimId];
        if (claim.status != ClaimStatus.None) revert ClaimExists(claimId);
        bytes32 key = keccak256(abi.encode(msg.sender, terms.programRoot, terms.inputsRoot, terms.steps));
        bytes32 latest = _latest[key];
        if (_claims[latest].status == ClaimStatus.Committed) revert CommitmentLive(latest);
        uint64 revealBy = uint64(block.timestamp) + revealSeconds;

        _latest[key] = claimId;
        claim.claimant = msg.sender;
        claim.status = ClaimStatus.Committed;
        claim.until = uint40(revealBy);
        claim.bondGwei = uint48(msg.value / 1 gwei);
        emit ClaimCommitted(
            claimId,
            msg.sender,
            terms.programRoot,
            terms.inputsRoot,
            terms.steps,
            terms.traceMode,
            terms.operator,
            terms.taskId,
            msg.value,
            terms.moveFeeWei,
            seal,
            revealBy
        );
    }

    /// @inheritdoc IClaimRegistry
    function reveal(
        bytes32 claimId,
        Terms calldata terms,
        bytes32 traceRoot,
        bytes32[] calldata outputRoots,
        bytes32 salt,
        OutputsShown calldata shown
    ) external {
        Stored storage claim = _claimIn(claimId, ClaimStatus.Committed);
        if (block.timestamp > claim.until) revert RevealTooLate(claimId, claim.until);
        bytes32 seal = keccak256(abi.encode(traceRoot, outputRoots, salt));
        bytes32 computed = claimIdOf(claim.claimant, terms, seal, _bondOf(claim));
        if (computed != claimId) revert ClaimIdMismatch(claimId, computed);
        _checkOutputs(terms, traceRoot, outputRoots, shown);
        uint64 challengeUntil = uint64(block.timestamp) + windowSeconds;

        claim.status = ClaimStatus.Revealed;
        claim.until = uint40(challengeUntil);
        claim.programRoot = terms.programRoot;
        claim.inputsRoot = terms.inputsRoot;
        claim.traceRoot = traceRoot;
        claim.taskId = terms.taskId;
        claim.moveFeeWei = uint96(terms.moveFeeWei);
        claim.steps = terms.steps;
        emit ClaimRevealed(claimId, traceRoot, outputRoots, challengeUntil);
    }

    /// @inheritdoc IClaimRegistry
    function finalize(bytes32 claimId) external {
        Stored storage claim = _claimIn(claimId, ClaimStatus.Revealed);
        uint64 finalAfter = claim.until + proofRevealSeconds;
        if (block.timestamp <= finalAfter) revert FinalityTooEarly(claimId, finalAfter);
        uint256 open = IDisputeGame(disputeGame).openChallengesOf(claimId);
        if (open != 0) revert ChallengesOpen(claimId, open);

        claim.status = ClaimStatus.Final;
        emit ClaimFinalized(claimId, claim.claimant);
        _credit(claim.claimant, _bondOf(claim));
    }

    /// @inheritdoc IClaimRegistry
    function forfeit(bytes32 claimId) external {
        Stored storage claim = _claimIn(claimId, ClaimStatus.Committed);
        if (block.timestamp <= claim.until) revert RevealPending(claimId, claim.until);
        uint256 burntWei = _bondOf(claim);

        claim.status = ClaimStatus.Forfeited;
        emit ClaimForfeited(claimId, claim.claimant, burntWei);
        Bonds.burn(burntWei);
    }

    /// @inheritdoc IClaimRegistry
    function slash(bytes32 claimId, address prover, uint256 compensationWei) external returns (uint256 bountyWei) {
        if (msg.sender != disputeGame) revert NotDisputeGame(msg.sender);
        Stored storage claim = _claimIn(claimId, ClaimStatus.Revealed);
        uint256 bondWei = _bondOf(claim);
        uint256 maxWei = Bonds.maxCompensation(bondWei);
        if (compensationWei > maxWei) revert CompensationTooHigh(compensationWei, maxWei);
        bountyWei = Bonds.bounty(bondWei);
        uint256 burntWei = bondWei - bountyWei - compensationWei;

        claim.status = ClaimStatus.Slashed;
        emit ClaimSlashed(claimId, claim.claimant, prover, bountyWei, burntWei);
        (bool taken, ) = msg.sender.call{value: bountyWei + compensationWei}("");
        if (!taken) revert PaymentRefused(msg.sender, bountyWei + compensationWei);
        Bonds.burn(burntWei);
    }

    /// @inheritdoc IClaimRegistry
    function claimOf(bytes32 claimId) external view returns (Claim memory) {
        Stored storage claim = _claims[claimId];
        bool committed = claim.status == ClaimStatus.Committed || claim.status == ClaimStatus.Forfeited;
        return
            Claim({
                status: claim.status,
                claimant: claim.claimant,
                revealBy: committed ? claim.until : 0,
                challengeUntil: committed ? 0 : claim.until,
                steps: claim.steps,
                bondWei: _bondOf(claim),
                moveFeeWei: claim.moveFeeWei,
                programRoot: claim.programRoot,
                inputsRoot: claim.inputsRoot,
                traceRoot: claim.traceRoot,
                taskId: claim.taskId
            });
    }

    /// @inheritdoc IClaimRegistry
    function bondOf(bytes32 claimId) external view returns (Bond memory) {
        Stored storage claim = _claims[claimId];
        return Bond(claim.status, claim.claimant, claim.until, _bondOf(claim), claim.moveFeeWei);
    }

    /// @inheritdoc IClaimRegistry
    function viewOf(bytes32 claimId) external view returns (ClaimView memory) {
        Stored storage claim = _claims[claimId];
        return
            ClaimView({
                programRoot: claim.programRoot,
                inputsRoot: claim.inputsRoot,
                traceRoot: claim.traceRoot,
                steps: claim.steps
            });
    }

    /// @inheritdoc IClaimRegistry
    function statusOf(bytes32 claimId) external view returns (ClaimStatus) {
        return _claims[claimId].status;
    }

    /// @inheritdoc IClaimRegistry
    function claimIdOf(
        address claimant,
        Terms calldata terms,
        bytes32 seal,
        uint256 bondWei
    ) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), claimant, terms, seal, bondWei));
    }

    function _checkTerms(Terms calldata terms, uint256 bondWei) private view {
        if (terms.traceMode != 0) revert TraceModeUnsupported(terms.traceMode);
        if (terms.steps == 0 || terms.steps > MAX_STEPS) revert StepsOutOfRange(terms.steps, MAX_STEPS);
        uint256 maxBondWei = uint256(type(uint48).max) * 1 gwei;
        if (bondWei < minBondWei || bondWei > maxBondWei) revert BondOutOfRange(bondWei, minBondWei, maxBondWei);
        if (bondWei % 1 gwei != 0) revert BondNotWholeGwei(bondWei);
        uint256 maxFeeWei = Bonds.maxMoveFee(bondWei);
        if (terms.moveFeeWei < minMoveFeeWei || terms.moveFeeWei > maxFeeWei) {
            revert MoveFeeOutOfRange(terms.moveFeeWei, minMoveFeeWei, maxFeeWei);
        }
    }

    /// @dev The outputs are the state tree's leaves after the slots, in the last step under the trace root.
    function _checkOutputs(
        Terms calldata terms,
        bytes32 traceRoot,
        bytes32[] calldata outputRoots,
        OutputsShown calldata shown
    ) private pure {
        bytes32 programRoot = MerkleTree.hashBytes(shown.summary);
        if (programRoot != terms.programRoot) revert ProgramRootMismatch(terms.programRoot, programRoot);
        ProgramCodec.Summary memory head = ProgramCodec.decodeSummary(shown.summary);
        if (outputRoots.length != head.outputCount) revert OutputCountMismatch(head.outputCount, outputRoots.length);
        bytes32 stateRoot = MerkleTree.rootOfLeaves(
            outputRoots,
            head.slotCount,
            head.slotCount + head.outputCount,
            shown.outputSiblings
        );
        if (stateRoot != shown.stateRoot) revert OutputsMismatch(shown.stateRoot, stateRoot);
        bytes32 root = MerkleTree.rootOfPath(
            MerkleTree.hashPair(shown.scratchRoot, shown.stateRoot),
            terms.steps - 1,
            terms.steps,
            shown.stepSiblings
        );
        if (root != traceRoot) revert OutputsMismatch(traceRoot, root);
    }

    function _claimIn(bytes32 claimId, ClaimStatus expected) private view returns (Stored storage claim) {
        claim = _claims[claimId];
        if (claim.status != expected) revert ClaimStatusMismatch(claimId, expected, claim.status);
    }

    function _bondOf(Stored storage claim) private view returns (uint256) {
        return uint256(claim.bondGwei) * 1 gwei;
    }

    function _checkFloor(bytes32 name, uint256 value, uint256 floor) private pure {
        if (value < floor) revert ParameterBelowFloor(name, value, floor);
    }
}
