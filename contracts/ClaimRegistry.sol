// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAuditor} from "./interfaces/IAuditor.sol";
import {ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IProgramRegistry} from "./interfaces/IProgramRegistry.sol";
import {Bonds} from "./libraries/Bonds.sol";
import {ClaimId} from "./libraries/ClaimId.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {ProgramCodec} from "./libraries/ProgramCodec.sol";
import {PullPayments} from "./libraries/PullPayments.sol";
import {Claim, OutputsShown, Terms} from "./types/Types.sol";

/// @title Claim registry
/// @notice Keeps claims and their bonds (section 6). Nobody owns it: the deployer binds the dispute game once and has no
/// power after. A commitment writes one slot, which later ones of the same run use again; a claim keeps one word from its reveal on. What callers
/// carry of a claim is refused unless its id is the one they name.
contract ClaimRegistry is IClaimRegistry, PullPayments {
    uint32 private constant MAX_STEPS = 1 << 20;
    uint8 private constant TRACE_DEFERRED = 1;

    bytes32 private constant ENDED = bytes32(uint256(1));

    struct Head {
        ClaimStatus status;
        // Last second to challenge; zero unless the claim was revealed.
        uint40 challengeUntil;
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
    address public immutable auditor;

    /// @inheritdoc IClaimRegistry
    address public disputeGame;
    mapping(bytes32 claimId => Head) private _heads;
    // By claimant, program, inputs and steps: the hash of claim id and time to reveal while a commitment is live, ENDED once
    // one was: only then can a claim of the run have an id already.
    mapping(bytes32 run => bytes32 commitment) private _commitments;

    /// @param programs_ Says which programs may be claimed.
    /// @param auditor_ Zero for none.
    constructor(
        IProgramRegistry programs_,
        uint256 minBondWei_,
        uint256 minMoveFeeWei_,
        uint32 revealSeconds_,
        uint32 windowSeconds_,
        uint32 proofRevealSeconds_,
        address auditor_
    ) {
        _checkFloor("minMoveFeeWei", minMoveFeeWei_, 1);
        _checkFloor("minBondWei", minBondWei_, Bonds.minBond(minMoveFeeWei_));
        _checkFloor("revealSeconds", revealSeconds_, 1);
        _checkFloor("windowSeconds", windowSeconds_, 1);
        _checkFloor("proofRevealSeconds", proofRevealSeconds_, 1);
        if (auditor_ != address(0) && auditor_.code.length == 0) revert AuditorWithoutCode(auditor_);
        _deployer = msg.sender;
        programs = programs_;
        minBondWei = minBondWei_;
        minMoveFeeWei = minMoveFeeWei_;
        revealSeconds = revealSeconds_;
        windowSeconds = windowSeconds_;
        proofRevealSeconds = proofRevealSeconds_;
        auditor = auditor_;
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
        claimId = ClaimId.ofSealed(address(this), msg.sender, terms, msg.value, seal);
        _checkTerms(terms, msg.value);
        if (!programs.isRegistered(terms.programRoot)) revert ProgramNotRegistered(terms.programRoot);
        bytes32 run = _runOf(msg.sender, terms.programRoot, terms.inputsRoot, terms.steps);
        bytes32 live = _commitments[run];
        if (live != 0) {
            if (live != ENDED) revert CommitmentLive(live);
            if (_heads[claimId].status != ClaimStatus.None) revert ClaimExists(claimId);
        }
        uint64 revealBy = uint64(block.timestamp) + revealSeconds;

        _commitments[run] = _commitment(claimId, revealBy);
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
        if (auditor != address(0)) IAuditor(auditor).onCommit(claimId, msg.sender, terms, msg.value);
    }

    /// @inheritdoc IClaimRegistry
    function reveal(
        Claim calldata claim,
        uint64 revealBy,
        bytes32[] calldata outputRoots,
        OutputsShown calldata shown
    ) external returns (bytes32 claimId) {
        if (disputeGame == address(0)) revert DisputeGameNotBound();
        claimId = ClaimId.ofClaim(address(this), claim);
        bytes32 run = _runCommitted(claim.claimant, claim.terms, claimId, revealBy);
        if (block.timestamp > revealBy) revert RevealTooLate(claimId, revealBy);
        bytes32 outputsHash = keccak256(abi.encode(outputRoots));
        if (outputsHash != claim.outputsHash) revert OutputsHashMismatch(claim.outputsHash, outputsHash);
        _checkOutputs(claim.terms, claim.traceRoot, outputRoots, shown);
        uint64 challengeUntil = uint64(block.timestamp) + windowSeconds;

        _commitments[run] = ENDED;
        _heads[claimId] = Head(ClaimStatus.Revealed, uint40(challengeUntil));
        emit ClaimRevealed(claimId, claim.traceRoot, outputRoots, claim.salt, challengeUntil);
        if (auditor != address(0)) IAuditor(auditor).onReveal(claimId, claim.traceRoot);
    }

    /// @inheritdoc IClaimRegistry
    function finalize(Claim calldata claim) external {
        bytes32 claimId = ClaimId.ofClaim(address(this), claim);
        Head storage head = _revealed(claimId);
        uint64 finalAfter = head.challengeUntil + proofRevealSeconds;
        if (block.timestamp <= finalAfter) revert FinalityTooEarly(claimId, finalAfter);
        uint256 open = IDisputeGame(disputeGame).openChallengesOf(claimId);
        if (open != 0) revert ChallengesOpen(claimId, open);

        head.status = ClaimStatus.Final;
        emit ClaimFinalized(claimId, claim.claimant);
        _credit(claim.claimant, claim.bondWei);
    }

    /// @inheritdoc IClaimRegistry
    function forfeit(address claimant, Terms calldata terms, uint256 bondWei, bytes32 seal, uint64 revealBy) external {
        bytes32 claimId = ClaimId.ofSealed(address(this), claimant, terms, bondWei, seal);
        bytes32 run = _runCommitted(claimant, terms, claimId, revealBy);
        if (block.timestamp <= revealBy) revert RevealPending(claimId, revealBy);

        _commitments[run] = ENDED;
        _heads[claimId].status = ClaimStatus.Forfeited;
        emit ClaimForfeited(claimId, claimant, bondWei);
        Bonds.burn(bondWei);
    }

    /// @inheritdoc IClaimRegistry
    function void(
        address claimant,
        Terms calldata terms,
        uint256 bondWei,
        bytes32 seal,
        uint64 revealBy,
        uint256 feeWei
    ) external {
        if (msg.sender != auditor) revert NotAuditor(msg.sender);
        bytes32 claimId = ClaimId.ofSealed(address(this), claimant, terms, bondWei, seal);
        bytes32 run = _runCommitted(claimant, terms, claimId, revealBy);
        uint256 maxWei = Bonds.maxAuditFee(bondWei);
        if (feeWei > maxWei) revert VoidFeeTooHigh(feeWei, maxWei);

        _commitments[run] = ENDED;
        _heads[claimId].status = ClaimStatus.Voided;
        emit ClaimVoided(claimId, claimant, feeWei);
        _credit(claimant, bondWei - feeWei);
        _credit(msg.sender, feeWei);
    }

    /// @inheritdoc IClaimRegistry
    function slash(Claim calldata claim, address prover, uint256 compensationWei) external {
        if (msg.sender != disputeGame) revert NotDisputeGame(msg.sender);
        bytes32 claimId = ClaimId.ofClaim(address(this), claim);
        Head storage head = _revealed(claimId);
        uint256 bondWei = claim.bondWei;
        uint256 maxWei = Bonds.maxCompensation(bondWei);
        if (compensationWei > maxWei) revert CompensationTooHigh(compensationWei, maxWei);
        uint256 bountyWei = Bonds.bounty(bondWei);
        uint256 burntWei = bondWei - bountyWei - compensationWei;

        head.status = ClaimStatus.Slashed;
        emit ClaimSlashed(claimId, claim.claimant, prover, bountyWei, burntWei);
        (bool taken, ) = msg.sender.call{value: bountyWei + compensationWei}("");
        if (!taken) revert PaymentRefused(msg.sender, bountyWei + compensationWei);
        Bonds.burn(burntWei);
    }

    /// @inheritdoc IClaimRegistry
    function headOf(bytes32 claimId) external view returns (ClaimStatus status, uint64 challengeUntil) {
        Head storage head = _heads[claimId];
        return (head.status, head.challengeUntil);
    }

    /// @inheritdoc IClaimRegistry
    function statusOf(bytes32 claimId) external view returns (ClaimStatus) {
        return _heads[claimId].status;
    }

    /// @inheritdoc IClaimRegistry
    function commitmentOf(
        address claimant,
        bytes32 programRoot,
        bytes32 inputsRoot,
        uint32 steps
    ) external view returns (bytes32) {
        bytes32 live = _commitments[_runOf(claimant, programRoot, inputsRoot, steps)];
        return live == ENDED ? bytes32(0) : live;
    }

    /// @inheritdoc IClaimRegistry
    function claimIdOf(
        address claimant,
        Terms calldata terms,
        uint256 bondWei,
        bytes32 seal
    ) external view returns (bytes32) {
        return ClaimId.ofSealed(address(this), claimant, terms, bondWei, seal);
    }

    /// @inheritdoc IClaimRegistry
    function bodyOf(Claim calldata claim) external view returns (bytes32) {
        return ClaimId.bodyOf(address(this), claim);
    }

    /// @inheritdoc IClaimRegistry
    function idOf(Claim calldata claim) external view returns (bytes32) {
        return ClaimId.ofClaim(address(this), claim);
    }

    /// @inheritdoc IClaimRegistry
    // solhint-disable-next-line func-name-mixedcase
    function VERSION() external pure returns (uint256) {
        return ClaimId.VERSION;
    }

    function _checkTerms(Terms calldata terms, uint256 bondWei) private view {
        if (terms.traceMode > TRACE_DEFERRED) revert TraceModeUnsupported(terms.traceMode);
        uint32 steps = terms.steps;
        if (steps == 0 || steps > MAX_STEPS) revert StepsOutOfRange(steps, MAX_STEPS);
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
        if (terms.traceMode == TRACE_DEFERRED && shown.scratchRoot != 0) revert ScratchRootShown(shown.scratchRoot);
        ProgramCodec.Summary memory head = ProgramCodec.decodeSummary(shown.summary);
        if (outputRoots.length != head.outputCount) revert OutputCountMismatch(head.outputCount, outputRoots.length);
        if ((terms.inputsRoot == 0) != (head.inputCount == 0))
            revert InputsRootUnfit(terms.inputsRoot, head.inputCount);
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

    function _revealed(bytes32 claimId) private view returns (Head storage head) {
        head = _heads[claimId];
        if (head.status != ClaimStatus.Revealed) {
            revert ClaimStatusMismatch(claimId, ClaimStatus.Revealed, head.status);
        }
    }

    /// @dev The run whose live commitment is to this claim until then.
    function _runCommitted(
        address claimant,
        Terms calldata terms,
        bytes32 claimId,
        uint64 revealBy
    ) private view returns (bytes32 run) {
        run = _runOf(claimant, terms.programRoot, terms.inputsRoot, terms.steps);
        bytes32 live = _commitments[run];
        bytes32 computed = _commitment(claimId, revealBy);
        if (live != computed) revert CommitmentMismatch(claimId, live, computed);
    }

    function _runOf(
        address claimant,
        bytes32 programRoot,
        bytes32 inputsRoot,
        uint32 steps
    ) private pure returns (bytes32) {
        return keccak256(abi.encode(claimant, programRoot, inputsRoot, steps));
    }

    function _commitment(bytes32 claimId, uint64 revealBy) private pure returns (bytes32) {
        return keccak256(abi.encode(claimId, revealBy));
    }

    function _checkFloor(bytes32 name, uint256 value, uint256 floor) private pure {
        if (value < floor) revert ParameterBelowFloor(name, value, floor);
    }
}
