// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bond, ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {Bounty, Challenge, ChallengeStatus, IDisputeGame, ProofCommitment} from "./interfaces/IDisputeGame.sol";
import {IReferee} from "./interfaces/IReferee.sol";
import {Bonds} from "./libraries/Bonds.sol";
import {Clock} from "./libraries/Clock.sol";
import {PullPayments} from "./libraries/PullPayments.sol";
import {Walk} from "./libraries/Walk.sol";
import {Fault, Position, TensorShown} from "./types/Types.sol";

/// @title Dispute game
/// @notice Stores challenges and pays for them (sections 5 and 6); the rules are in Walk, Clock and Bonds, and the referees
/// judge the proofs. No loop runs over challenges or commitments: whoever is owed something asks for it.
contract DisputeGame is IDisputeGame, PullPayments {
    struct Stored {
        bytes32 claimId;
        address challenger;
        // As wide as it is so that a slot begins after it: with the node's, the only one that a move writes.
        uint96 openedBlock;
        ChallengeStatus status;
        uint40 turnStarted;
        uint32 claimantUsedSeconds;
        uint32 challengerUsedSeconds;
        uint8 demands;
        uint8 paidDemands;
        uint8 section;
        uint8 height;
        uint8 width;
        uint32 step;
        uint32 item;
        uint32 index;
        bytes32 node;
    }

    /// @dev All challenges and commitments of one claim.
    struct Dispute {
        // Zero until the claim is slashed.
        uint40 slashedAt;
        uint32 challenges;
        uint32 openChallenges;
        uint32 commitments;
        uint32 pendingProofs;
        // No commitment up to this sequence is pending; one above it may be.
        uint32 endedThrough;
        // Demands for which a fee is reserved, by challenges that did not lose; and how many the bond pays for.
        uint24 paidDemands;
        uint24 paidDemandLimit;
    }

    IClaimRegistry public immutable claims;
    IReferee public immutable referee;
    IReferee public immutable structureReferee;
    /// @inheritdoc IDisputeGame
    uint256 public immutable challengeFloorWei;
    /// @inheritdoc IDisputeGame
    uint256 public immutable proofBondWei;
    /// @inheritdoc IDisputeGame
    uint32 public immutable clockSeconds;
    uint64 private immutable _proofRevealSeconds;

    mapping(bytes32 challengeId => Stored) private _challenges;
    mapping(bytes32 claimId => Dispute) private _disputes;
    mapping(bytes32 claimId => mapping(address challenger => bytes32 challengeId)) private _latestChallenges;
    mapping(bytes32 claimId => Bounty) private _bounties;
    mapping(bytes32 claimId => mapping(address committer => mapping(bytes32 commitment => ProofCommitment)))
        private _proofs;

    /// @param referee_ Judges proofs of kind 0.
    /// @param structureReferee_ Judges all other kinds.
    constructor(
        IClaimRegistry claims_,
        IReferee referee_,
        IReferee structureReferee_,
        uint256 challengeFloorWei_,
        uint256 proofBondWei_,
        uint32 clockSeconds_
    ) {
        _checkFloor("challengeFloorWei", challengeFloorWei_, claims_.minMoveFeeWei());
        _checkFloor("proofBondWei", proofBondWei_, claims_.minMoveFeeWei());
        _checkFloor("clockSeconds", clockSeconds_, 1);
        claims = claims_;
        referee = referee_;
        structureReferee = structureReferee_;
        challengeFloorWei = challengeFloorWei_;
        proofBondWei = proofBondWei_;
        clockSeconds = clockSeconds_;
        _proofRevealSeconds = claims_.proofRevealSeconds();
    }

    /// @notice Takes the coin of a slashed bond.
    receive() external payable {
        if (msg.sender != address(claims)) revert CoinNotExpected(msg.sender);
    }

    /// @inheritdoc IDisputeGame
    function challenge(bytes32 claimId) external payable returns (bytes32 challengeId) {
        Dispute storage dispute = _disputes[claimId];
        challengeId = keccak256(abi.encode(claimId, msg.sender, dispute.challenges));
        Bond memory claim = _revealedClaim(claimId);
        if (block.timestamp > claim.challengeUntil) revert WindowClosed(claimId, claim.challengeUntil);
        uint256 depositWei = Bonds.deposit(claim.moveFeeWei, challengeFloorWei);
        if (msg.value != depositWei) revert WrongValue(depositWei, msg.value);

        if (dispute.paidDemandLimit == 0) {
            uint256 limit = Bonds.paidDemandLimit(claim.bondWei, claim.moveFeeWei);
            dispute.paidDemandLimit = limit > type(uint24).max ? type(uint24).max : uint24(limit);
        }
        dispute.challenges += 1;
        dispute.openChallenges += 1;
        _latestChallenges[claimId][msg.sender] = challengeId;
        Stored storage stored = _challenges[challengeId];
        stored.claimId = claimId;
        stored.challenger = msg.sender;
        stored.openedBlock = uint96(block.number);
        stored.status = ChallengeStatus.ChallengerTurn;
        stored.turnStarted = uint40(block.timestamp);
        emit ChallengeOpened(challengeId, claimId, msg.sender, depositWei);
    }

    /// @inheritdoc IDisputeGame
    function demand(
        bytes32 challengeId,
        bytes32 node,
        Position calldata position,
        bytes32[] calldata path,
        TensorShown calldata shown
    ) external {
        Stored storage stored = _challenges[challengeId];
        _checkTurn(challengeId, stored, ChallengeStatus.ChallengerTurn);
        _checkChallenger(challengeId, stored);
        bytes32 claimId = stored.claimId;
        Dispute storage dispute = _disputes[claimId];
        if (dispute.slashedAt != 0) revert ClaimStatusUnfit(claimId, ClaimStatus.Slashed);
        if (stored.demands == Bonds.MAX_DEMANDS) revert DemandsExhausted(challengeId, Bonds.MAX_DEMANDS);
        uint8 width = Walk.checkDemand(claims.viewOf(claimId), node, position, path, shown);

        stored.challengerUsedSeconds = Clock.used(stored.turnStarted, stored.challengerUsedSeconds, block.timestamp);
        if (dispute.paidDemands < dispute.paidDemandLimit) {
            dispute.paidDemands += 1;
            stored.paidDemands += 1;
        }
        stored.demands += 1;
        stored.status = ChallengeStatus.ClaimantTurn;
        stored.turnStarted = uint40(block.timestamp);
        stored.section = position.section;
        stored.height = position.height;
        stored.width = width;
        stored.step = position.step;
        stored.item = position.item;
        stored.index = position.index;
        stored.node = node;
        emit NodeDemanded(challengeId, claimId, position, node, _deadline(stored));
    }

    /// @inheritdoc IDisputeGame
    function open(bytes32 challengeId, bytes32 node, bytes32[] calldata nodes) external {
        Stored storage stored = _challenges[challengeId];
        bytes32 claimId = _checkAnswer(challengeId, stored, node);
        if (Walk.isChunk(stored.section, stored.height)) revert OpeningKindMismatch(stored.section, stored.height);
        Walk.checkOpening(stored.section, stored.height, stored.width, node, nodes);

        _endClaimantTurn(stored);
        emit NodeOpened(challengeId, claimId, _position(stored), node, nodes, msg.sender, _deadline(stored));
    }

    /// @inheritdoc IDisputeGame
    function openChunk(bytes32 challengeId, bytes32 node, bytes calldata chunk) external {
        Stored storage stored = _challenges[challengeId];
        bytes32 claimId = _checkAnswer(challengeId, stored, node);
        if (!Walk.isChunk(stored.section, stored.height)) revert OpeningKindMismatch(stored.section, stored.height);
        Walk.checkChunk(node, chunk);

        _endClaimantTurn(stored);
        emit ChunkOpened(challengeId, claimId, _position(stored), node, chunk, msg.sender, _deadline(stored));
    }

    /// @inheritdoc IDisputeGame
    function prove(bytes32 challengeId, uint8 kind, bytes calldata proof) external {
        Stored storage stored = _challenges[challengeId];
        if (stored.status != ChallengeStatus.ClaimantTurn) {
            _checkTurn(challengeId, stored, ChallengeStatus.ChallengerTurn);
        }
        _checkChallenger(challengeId, stored);
        bytes32 claimId = stored.claimId;
        if (_disputes[claimId].slashedAt != 0) revert ClaimStatusUnfit(claimId, ClaimStatus.Slashed);
        if (block.number <= stored.openedBlock) revert ProofTooEarly(uint64(stored.openedBlock));
        Fault memory fault = _judge(claimId, kind, proof);

        _emitFraud(claimId, challengeId, kind, fault);
        _win(challengeId, stored);
    }

    /// @inheritdoc IDisputeGame
    function timeout(bytes32 challengeId) external {
        Stored storage stored = _challenges[challengeId];
        bytes32 claimId = stored.claimId;
        if (!_isOpen(stored)) revert WrongTurn(challengeId, stored.status);
        Dispute storage dispute = _disputes[claimId];
        if (dispute.slashedAt != 0) revert ClaimStatusUnfit(claimId, ClaimStatus.Slashed);
        uint64 deadline = _deadline(stored);
        if (block.timestamp <= deadline) revert ClockRunning(challengeId, deadline);
        Bond memory claim = claims.bondOf(claimId);

        if (stored.status == ChallengeStatus.ClaimantTurn) {
            emit ChallengeTimedOut(challengeId, claimId, claim.claimant);
            _win(challengeId, stored);
            return;
        }
        uint256 depositWei = Bonds.deposit(claim.moveFeeWei, challengeFloorWei);
        stored.status = ChallengeStatus.Lost;
        dispute.openChallenges -= 1;
        dispute.paidDemands -= stored.paidDemands;
        emit ChallengeTimedOut(challengeId, claimId, stored.challenger);
        emit ChallengeClosed(challengeId, claimId, true, depositWei);
        _credit(claim.claimant, depositWei);
    }

    /// @inheritdoc IDisputeGame
    function close(bytes32 challengeId) external {
        Stored storage stored = _challenges[challengeId];
        bytes32 claimId = stored.claimId;
        if (!_isOpen(stored)) revert WrongTurn(challengeId, stored.status);
        if (_disputes[claimId].slashedAt == 0) revert ClaimStatusUnfit(claimId, claims.statusOf(claimId));

        _refund(challengeId, stored, ChallengeStatus.Refunded, claims.bondOf(claimId).moveFeeWei);
    }

    /// @inheritdoc IDisputeGame
    function commitProof(bytes32 claimId, bytes32 commitment) external payable {
        Bond memory claim = _revealedClaim(claimId);
        if (block.timestamp > claim.challengeUntil && _openChallengeOf(claimId, msg.sender) == 0) {
            revert WindowClosed(claimId, claim.challengeUntil);
        }
        if (msg.value != proofBondWei) revert WrongValue(proofBondWei, msg.value);
        ProofCommitment storage committed = _proofs[claimId][msg.sender][commitment];
        if (committed.sequence != 0) revert ProofAlreadyCommitted(claimId, msg.sender, commitment);

        Dispute storage dispute = _disputes[claimId];
        uint32 sequence = dispute.commitments + 1;
        dispute.commitments = sequence;
        dispute.pendingProofs += 1;
        committed.committedBlock = uint64(block.number);
        committed.sequence = sequence;
        emit ProofCommitted(claimId, msg.sender, commitment, sequence);
    }

    /// @inheritdoc IDisputeGame
    function revealProof(bytes32 claimId, uint8 kind, bytes calldata proof, bytes32 salt) external {
        bytes32 commitment = keccak256(
            abi.encode(block.chainid, address(this), claimId, msg.sender, salt, kind, keccak256(proof))
        );
        ProofCommitment memory committed = _committedProof(claimId, msg.sender, commitment);
        if (block.number <= committed.committedBlock) revert ProofTooEarly(committed.committedBlock);
        Bond memory claim = claims.bondOf(claimId);
        (bool revealable, uint64 revealUntil) = _isRevealable(claimId, claim, msg.sender);
        if (!revealable) revert ProofRevealClosed(claimId, revealUntil);
        Fault memory fault = _judge(claimId, kind, proof);

        _endCommitment(claimId, msg.sender, commitment, committed.sequence);
        emit ProofRevealed(claimId, msg.sender, committed.sequence);
        _credit(msg.sender, proofBondWei);
        if (claim.status != ClaimStatus.Revealed) {
            _takeBounty(claimId, committed.sequence);
            return;
        }
        bytes32 challengeId = _openChallengeOf(claimId, msg.sender);
        _emitFraud(claimId, challengeId, kind, fault);
        if (challengeId != 0) {
            _refund(challengeId, _challenges[challengeId], ChallengeStatus.Won, claim.moveFeeWei);
        }
        _slash(claimId, claim, committed.sequence, msg.sender);
    }

    /// @inheritdoc IDisputeGame
    function forfeitProof(bytes32 claimId, address committer, bytes32 commitment) external {
        ProofCommitment memory committed = _committedProof(claimId, committer, commitment);
        (bool revealable, uint64 revealUntil) = _isRevealable(claimId, claims.bondOf(claimId), committer);
        if (revealable) revert ProofRevealPending(claimId, revealUntil);

        _endCommitment(claimId, committer, commitment, committed.sequence);
        emit ProofForfeited(claimId, committer, committed.sequence, proofBondWei);
        Bonds.burn(proofBondWei);
    }

    /// @inheritdoc IDisputeGame
    function settleBounty(bytes32 claimId) external {
        Bounty memory bounty = _bounties[claimId];
        if (bounty.settleAfter == 0) revert BountyNotHeld(claimId);
        if (block.timestamp <= bounty.settleAfter && _hasEarlierThan(claimId, bounty.sequence)) {
            revert BountyHeld(claimId, bounty.settleAfter);
        }

        delete _bounties[claimId];
        emit BountySettled(claimId, bounty.winner, bounty.amountWei);
        _credit(bounty.winner, bounty.amountWei);
    }

    /// @inheritdoc IDisputeGame
    function challengeOf(bytes32 challengeId) external view returns (Challenge memory) {
        Stored storage stored = _challenges[challengeId];
        return
            Challenge({
                claimId: stored.claimId,
                challenger: stored.challenger,
                openedBlock: uint64(stored.openedBlock),
                status: stored.status,
                turnStarted: stored.turnStarted,
                claimantUsedSeconds: stored.claimantUsedSeconds,
                challengerUsedSeconds: stored.challengerUsedSeconds,
                demands: stored.demands,
                paidDemands: stored.paidDemands,
                position: _position(stored),
                node: stored.node
            });
    }

    /// @inheritdoc IDisputeGame
    function deadlineOf(bytes32 challengeId) external view returns (uint64) {
        Stored storage stored = _challenges[challengeId];
        return _isOpen(stored) ? _deadline(stored) : 0;
    }

    /// @inheritdoc IDisputeGame
    function depositOf(bytes32 claimId) external view returns (uint256) {
        return Bonds.deposit(claims.bondOf(claimId).moveFeeWei, challengeFloorWei);
    }

    /// @inheritdoc IDisputeGame
    function openChallengesOf(bytes32 claimId) external view returns (uint256) {
        return _disputes[claimId].openChallenges;
    }

    /// @inheritdoc IDisputeGame
    function proofOf(
        bytes32 claimId,
        address committer,
        bytes32 commitment
    ) external view returns (ProofCommitment memory) {
        return _proofs[claimId][committer][commitment];
    }

    /// @inheritdoc IDisputeGame
    function bountyOf(bytes32 claimId) external view returns (Bounty memory) {
        return _bounties[claimId];
    }

    /// @dev Ends the claim in favour of a challenge. Without a commitment it ranks behind all of them.
    function _win(bytes32 challengeId, Stored storage stored) private {
        bytes32 claimId = stored.claimId;
        Bond memory claim = claims.bondOf(claimId);
        address challenger = stored.challenger;
        _refund(challengeId, stored, ChallengeStatus.Won, claim.moveFeeWei);
        _slash(claimId, claim, uint64(_disputes[claimId].commitments) + 1, challenger);
    }

    /// @dev Slashes the claim and pays its bounty, or holds it while an earlier commitment may be revealed. Brings the compensation of every challenge that is open into this contract.
    function _slash(bytes32 claimId, Bond memory claim, uint64 sequence, address prover) private {
        Dispute storage dispute = _disputes[claimId];
        uint256 bountyWei = Bonds.bounty(claim.bondWei);

        dispute.slashedAt = uint40(block.timestamp);
        if (_hasEarlierThan(claimId, sequence)) {
            uint64 settleAfter = uint64(block.timestamp) + _proofRevealSeconds;
            _bounties[claimId] = Bounty(prover, sequence, settleAfter, bountyWei);
        } else {
            emit BountySettled(claimId, prover, bountyWei);
            _credit(prover, bountyWei);
        }
        claims.slash(claimId, prover, dispute.paidDemands * claim.moveFeeWei);
    }

    /// @dev Closes a challenge of a slashed claim: its deposit and a fee for each paid demand go to the challenger.
    function _refund(bytes32 challengeId, Stored storage stored, ChallengeStatus status, uint256 moveFeeWei) private {
        bytes32 claimId = stored.claimId;
        uint256 payoutWei = Bonds.deposit(moveFeeWei, challengeFloorWei) + stored.paidDemands * moveFeeWei;
        stored.status = status;
        _disputes[claimId].openChallenges -= 1;
        emit ChallengeClosed(challengeId, claimId, false, payoutWei);
        _credit(stored.challenger, payoutWei);
    }

    /// @dev Gives the sender a held bounty if its commitment is earlier than what the winner stands on.
    function _takeBounty(bytes32 claimId, uint64 sequence) private {
        Bounty storage bounty = _bounties[claimId];
        if (block.timestamp > bounty.settleAfter || sequence >= bounty.sequence) return;
        bounty.winner = msg.sender;
        bounty.sequence = sequence;
    }

    function _endCommitment(bytes32 claimId, address committer, bytes32 commitment, uint64 sequence) private {
        Dispute storage dispute = _disputes[claimId];
        delete _proofs[claimId][committer][commitment];
        dispute.pendingProofs -= 1;
        if (dispute.pendingProofs == 0) dispute.endedThrough = dispute.commitments;
        else if (sequence == dispute.endedThrough + 1) dispute.endedThrough += 1;
    }

    /// @dev Whether a commitment before `sequence` may be pending; surely not if none is.
    function _hasEarlierThan(bytes32 claimId, uint64 sequence) private view returns (bool) {
        return sequence > uint64(_disputes[claimId].endedThrough) + 1;
    }

    /// @dev Whether the committer may reveal: until R after the window, or after the slash if that was later, and as long
    /// as its challenge keeps the claim from its end.
    function _isRevealable(
        bytes32 claimId,
        Bond memory claim,
        address committer
    ) private view returns (bool revealable, uint64 revealUntil) {
        uint64 slashedAt = _disputes[claimId].slashedAt;
        revealUntil = (slashedAt > claim.challengeUntil ? slashedAt : claim.challengeUntil) + _proofRevealSeconds;
        revealable =
            block.timestamp <= revealUntil ||
            (claim.status == ClaimStatus.Revealed && _openChallengeOf(claimId, committer) != 0);
    }

    /// @dev The challenger's latest challenge of the claim, zero if it has none or that has ended.
    function _openChallengeOf(bytes32 claimId, address challenger) private view returns (bytes32 challengeId) {
        challengeId = _latestChallenges[claimId][challenger];
        if (!_isOpen(_challenges[challengeId])) challengeId = 0;
    }

    function _endClaimantTurn(Stored storage stored) private {
        stored.claimantUsedSeconds = Clock.used(stored.turnStarted, stored.claimantUsedSeconds, block.timestamp);
        stored.status = ChallengeStatus.ChallengerTurn;
        stored.turnStarted = uint40(block.timestamp);
    }

    function _emitFraud(bytes32 claimId, bytes32 challengeId, uint8 kind, Fault memory fault) private {
        emit FraudProven(
            claimId,
            challengeId,
            msg.sender,
            kind,
            fault.step,
            fault.primitive,
            fault.element,
            fault.claimed,
            fault.computed
        );
    }

    function _judge(bytes32 claimId, uint8 kind, bytes calldata proof) private view returns (Fault memory) {
        return (kind == 0 ? referee : structureReferee).prove(kind, claims.viewOf(claimId), proof);
    }

    function _revealedClaim(bytes32 claimId) private view returns (Bond memory claim) {
        claim = claims.bondOf(claimId);
        if (claim.status != ClaimStatus.Revealed) revert ClaimStatusUnfit(claimId, claim.status);
    }

    function _committedProof(
        bytes32 claimId,
        address committer,
        bytes32 commitment
    ) private view returns (ProofCommitment memory committed) {
        committed = _proofs[claimId][committer][commitment];
        if (committed.sequence == 0) revert ProofNotCommitted(claimId, committer, commitment);
    }

    function _checkAnswer(
        bytes32 challengeId,
        Stored storage stored,
        bytes32 node
    ) private view returns (bytes32 claimId) {
        _checkTurn(challengeId, stored, ChallengeStatus.ClaimantTurn);
        claimId = stored.claimId;
        if (_disputes[claimId].slashedAt != 0) revert ClaimStatusUnfit(claimId, ClaimStatus.Slashed);
        if (stored.node != node) revert DemandChanged(stored.node, node);
    }

    function _checkTurn(bytes32 challengeId, Stored storage stored, ChallengeStatus turn) private view {
        if (stored.status != turn) revert WrongTurn(challengeId, stored.status);
        uint64 deadline = _deadline(stored);
        if (block.timestamp > deadline) revert ClockExpired(challengeId, deadline);
    }

    function _checkChallenger(bytes32 challengeId, Stored storage stored) private view {
        if (msg.sender != stored.challenger) revert NotChallenger(challengeId, stored.challenger, msg.sender);
    }

    function _deadline(Stored storage stored) private view returns (uint64) {
        uint32 usedSeconds =
            stored.status == ChallengeStatus.ClaimantTurn ? stored.claimantUsedSeconds : stored.challengerUsedSeconds;
        return Clock.deadline(stored.turnStarted, usedSeconds, clockSeconds);
    }

    function _isOpen(Stored storage stored) private view returns (bool) {
        return stored.status == ChallengeStatus.ChallengerTurn || stored.status == ChallengeStatus.ClaimantTurn;
    }

    function _position(Stored storage stored) private view returns (Position memory) {
        return Position(stored.section, stored.height, stored.step, stored.item, stored.index);
    }

    function _checkFloor(bytes32 name, uint256 value, uint256 floor) private pure {
        if (value < floor) revert ParameterBelowFloor(name, value, floor);
    }
}
