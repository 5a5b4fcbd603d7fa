// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {Bounty, Challenge, ChallengeStatus, IDisputeGame, ProofCommitment} from "./interfaces/IDisputeGame.sol";
import {IReferee} from "./interfaces/IReferee.sol";
import {Bonds} from "./libraries/Bonds.sol";
import {ChallengeWord} from "./libraries/ChallengeWord.sol";
import {ClaimId} from "./libraries/ClaimId.sol";
import {Clock} from "./libraries/Clock.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {Place} from "./libraries/Place.sol";
import {PullPayments} from "./libraries/PullPayments.sol";
import {Walk} from "./libraries/Walk.sol";
import {Claim, ClaimView, Demand, Fault, TensorShown} from "./types/Types.sol";

/// @title Dispute game
/// @notice Stores challenges and pays for them (sections 5 and 6); the rules are in Walk, Clock and Bonds, and the referees
/// judge the proofs. No loop runs over challenges or commitments: whoever is owed something asks for it.
contract DisputeGame is IDisputeGame, PullPayments {
    using ChallengeWord for uint256;

    struct Stored {
        uint256 word;
        bytes32 node;
    }

    /// @dev All challenges and commitments of one claim.
    struct Dispute {
        // Zero until the claim is slashed.
        uint40 slashedAt;
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
    // Posted of deferred traces.
    mapping(bytes32 claimId => mapping(uint256 step => bytes32)) private _scratchRoots;
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
        if (clockSeconds_ > ChallengeWord.MAX_CLOCK_SECONDS) {
            revert ClockTooLong(clockSeconds_, ChallengeWord.MAX_CLOCK_SECONDS);
        }
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
    function challenge(
        Claim calldata claim,
        uint64 nonce,
        Demand calldata first
    ) external payable returns (bytes32 challengeId) {
        bytes32 claimId = _claimId(claim);
        challengeId = challengeIdOf(claimId, msg.sender, nonce);
        uint64 challengeUntil = _revealedUntil(claimId);
        if (block.timestamp > challengeUntil) revert WindowClosed(claimId, challengeUntil);
        uint256 depositWei = depositOf(claim.terms.moveFeeWei);
        if (msg.value != depositWei) revert WrongValue(depositWei, msg.value);
        Stored storage stored = _challenges[challengeId];
        if (stored.word != 0) revert ChallengeExists(challengeId);
        uint256 place = _demandedPlace(claim, claimId, first);

        Dispute storage dispute = _disputes[claimId];
        if (dispute.paidDemandLimit == 0) {
            uint256 limit = Bonds.paidDemandLimit(claim.bondWei, claim.terms.moveFeeWei);
            dispute.paidDemandLimit = limit > type(uint24).max ? type(uint24).max : uint24(limit);
        }
        dispute.openChallenges += 1;
        emit ChallengeOpened(challengeId, claimId, msg.sender, nonce, depositWei);
        _ask(challengeId, claimId, stored, ChallengeWord.opened(), place, first.node);
    }

    /// @inheritdoc IDisputeGame
    function demand(Claim calldata claim, uint64 nonce, Demand calldata asked) external {
        bytes32 claimId = _claimId(claim);
        (bytes32 challengeId, Stored storage stored, uint256 word) = _inTurn(
            claimId,
            msg.sender,
            nonce,
            ChallengeStatus.ChallengerTurn
        );
        _ask(challengeId, claimId, stored, word, _demandedPlace(claim, claimId, asked), asked.node);
    }

    /// @inheritdoc IDisputeGame
    function descend(bytes32 claimId, uint64 nonce, bytes32 node, uint32 index, bytes32[] calldata path) external {
        (bytes32 challengeId, Stored storage stored, uint256 word) = _inTurn(
            claimId,
            msg.sender,
            nonce,
            ChallengeStatus.ChallengerTurn
        );
        uint256 place = Walk.descendedPlace(word.placeOf(), stored.node, node, index, path);
        _ask(challengeId, claimId, stored, word, place, node);
    }

    /// @inheritdoc IDisputeGame
    function enter(
        bytes32 body,
        uint64 nonce,
        bytes32 node,
        uint32 index,
        bytes32[] calldata path,
        TensorShown calldata shown
    ) external {
        bytes calldata summary = shown.summary;
        bytes32 claimId = ClaimId.join(MerkleTree.hashBytes(summary), body);
        (bytes32 challengeId, Stored storage stored, uint256 word) = _inTurn(
            claimId,
            msg.sender,
            nonce,
            ChallengeStatus.ChallengerTurn
        );
        uint256 place = Walk.enteredPlace(word.placeOf(), stored.node, node, index, path, summary, shown);
        _ask(challengeId, claimId, stored, word, place, node);
    }

    /// @inheritdoc IDisputeGame
    function open(bytes32 claimId, address challenger, uint64 nonce, bytes32[] calldata nodes) external {
        (bytes32 challengeId, Stored storage stored, uint256 word) = _inTurn(
            claimId,
            challenger,
            nonce,
            ChallengeStatus.ClaimantTurn
        );
        uint256 place = word.placeOf();
        if (Walk.isChunk(place) || Walk.isStep(place)) _refuseKind(place);
        bytes32 node = stored.node;
        Walk.checkNode(node, Walk.rootOfOpening(place, nodes));

        uint64 deadline = _answer(stored, word, place);
        emit NodeOpened(challengeId, claimId, Place.positionOf(place), node, nodes, msg.sender, deadline);
    }

    /// @inheritdoc IDisputeGame
    function openChunk(bytes32 claimId, address challenger, uint64 nonce, bytes calldata chunk) external {
        (bytes32 challengeId, Stored storage stored, uint256 word) = _inTurn(
            claimId,
            challenger,
            nonce,
            ChallengeStatus.ClaimantTurn
        );
        uint256 place = word.placeOf();
        if (!Walk.isChunk(place)) _refuseKind(place);
        bytes32 node = stored.node;
        Walk.checkChunk(node, chunk);

        uint64 deadline = _answer(stored, word, place);
        emit ChunkOpened(challengeId, claimId, Place.positionOf(place), node, chunk, msg.sender, deadline);
    }

    /// @inheritdoc IDisputeGame
    function openStep(
        Claim calldata claim,
        address challenger,
        uint64 nonce,
        bytes32 stateRoot,
        bytes32[] calldata nodes
    ) external {
        bytes32 claimId = _claimId(claim);
        (bytes32 challengeId, Stored storage stored, uint256 word) = _inTurn(
            claimId,
            challenger,
            nonce,
            ChallengeStatus.ClaimantTurn
        );
        uint256 place = word.placeOf();
        if (!Walk.isStep(place)) _refuseKind(place);
        if (stateRoot == 0) revert Walk.ZeroNodeRule(nodes.length);
        place = Walk.scratchPlace(place);
        uint32 step = uint32(Place.stepOf(place));
        bytes32 scratchRoot = Walk.rootOfOpening(place, nodes);
        bytes32 left = Walk.isDeferred(claim) ? bytes32(0) : scratchRoot;
        Walk.checkNode(stored.node, MerkleTree.hashPair(left, stateRoot));
        if (left == 0) _post(claim, claimId, step, scratchRoot);

        stored.node = scratchRoot;
        uint64 deadline = _answer(stored, word, place);
        emit StepOpened(challengeId, claimId, step, stateRoot, scratchRoot, nodes, msg.sender, deadline);
    }

    /// @inheritdoc IDisputeGame
    function prove(Claim calldata claim, uint64 nonce, uint8 kind, bytes calldata proof, uint32 postedStep) external {
        bytes32 claimId = _claimId(claim);
        (bytes32 challengeId, Stored storage stored, uint256 word) = _openChallenge(claimId, msg.sender, nonce);
        if (word.isIn(ChallengeStatus.ChallengerTurn)) _checkClock(challengeId, word);
        if (block.number <= word.openedBlockOf()) revert ProofTooEarly(uint64(word.openedBlockOf()));
        Fault memory fault = _judge(_viewOf(claim, claimId, postedStep), kind, proof);

        _emitFraud(claimId, challengeId, kind, fault);
        _win(claim, claimId, challengeId, msg.sender, stored, word);
    }

    /// @inheritdoc IDisputeGame
    function timeout(Claim calldata claim, address challenger, uint64 nonce) external {
        bytes32 claimId = _claimId(claim);
        (bytes32 challengeId, Stored storage stored, uint256 word) = _openChallenge(claimId, challenger, nonce);
        uint64 deadline = _deadline(word);
        if (block.timestamp <= deadline) revert ClockRunning(challengeId, deadline);

        if (word.isIn(ChallengeStatus.ClaimantTurn)) {
            emit ChallengeTimedOut(challengeId, claimId, claim.claimant);
            _win(claim, claimId, challengeId, challenger, stored, word);
            return;
        }
        uint256 depositWei = depositOf(claim.terms.moveFeeWei);
        Dispute storage dispute = _disputes[claimId];
        dispute.openChallenges -= 1;
        dispute.paidDemands -= uint24(word.paidDemandsOf());
        stored.word = word.ended(ChallengeStatus.Lost);
        emit ChallengeTimedOut(challengeId, claimId, challenger);
        emit ChallengeClosed(challengeId, claimId, true, depositWei);
        _credit(claim.claimant, depositWei);
    }

    /// @inheritdoc IDisputeGame
    function close(Claim calldata claim, address challenger, uint64 nonce) external {
        bytes32 claimId = _claimId(claim);
        bytes32 challengeId = challengeIdOf(claimId, challenger, nonce);
        Stored storage stored = _challenges[challengeId];
        uint256 word = stored.word;
        if (!word.isOpen()) revert WrongTurn(challengeId, word.statusOf());
        if (_disputes[claimId].slashedAt == 0) revert ClaimStatusUnfit(claimId, ClaimStatus.Revealed);

        _credit(challenger, _close(claim, claimId, challengeId, stored, word.ended(ChallengeStatus.Refunded)));
    }

    /// @inheritdoc IDisputeGame
    function commitProof(bytes32 claimId, uint64 nonce, bytes32 commitment) external payable {
        Dispute storage dispute = _disputes[claimId];
        // A claim with an open challenge is revealed as long as it is not slashed.
        bool keepsClaim = dispute.openChallenges != 0 && dispute.slashedAt == 0 && _isOpen(claimId, msg.sender, nonce);
        if (!keepsClaim) {
            uint64 challengeUntil = _revealedUntil(claimId);
            if (block.timestamp > challengeUntil) revert WindowClosed(claimId, challengeUntil);
        }
        if (msg.value != proofBondWei) revert WrongValue(proofBondWei, msg.value);
        ProofCommitment storage committed = _proofs[claimId][msg.sender][commitment];
        if (committed.sequence != 0) revert ProofAlreadyCommitted(claimId, msg.sender, commitment);

        uint32 sequence = dispute.commitments + 1;
        dispute.commitments = sequence;
        dispute.pendingProofs += 1;
        committed.committedBlock = uint64(block.number);
        committed.sequence = sequence;
        committed.nonce = nonce;
        emit ProofCommitted(claimId, msg.sender, commitment, sequence);
    }

    /// @inheritdoc IDisputeGame
    function revealProof(
        Claim calldata claim,
        uint8 kind,
        bytes calldata proof,
        uint32 postedStep,
        bytes32 salt
    ) external {
        bytes32 claimId = _claimId(claim);
        bytes32 commitment = keccak256(
            abi.encode(block.chainid, address(this), claimId, msg.sender, salt, kind, keccak256(proof))
        );
        ProofCommitment memory committed = _committedProof(claimId, msg.sender, commitment);
        if (block.number <= committed.committedBlock) revert ProofTooEarly(committed.committedBlock);
        (bool revealable, uint64 revealUntil) = _isRevealable(claimId, msg.sender, committed.nonce);
        if (!revealable) revert ProofRevealClosed(claimId, revealUntil);
        Fault memory fault = _judge(_viewOf(claim, claimId, postedStep), kind, proof);

        _endCommitment(claimId, msg.sender, commitment, committed.sequence);
        emit ProofRevealed(claimId, msg.sender, committed.sequence);
        if (_disputes[claimId].slashedAt != 0) {
            _takeBounty(claimId, committed.sequence);
            _credit(msg.sender, proofBondWei);
            return;
        }
        uint256 owedWei = proofBondWei;
        bytes32 challengeId = challengeIdOf(claimId, msg.sender, committed.nonce);
        Stored storage stored = _challenges[challengeId];
        bool winsChallenge = stored.word.isOpen();
        _emitFraud(claimId, winsChallenge ? challengeId : bytes32(0), kind, fault);
        if (winsChallenge) {
            owedWei += _close(claim, claimId, challengeId, stored, stored.word.ended(ChallengeStatus.Won));
        }
        _slash(claim, claimId, committed.sequence, msg.sender, owedWei);
    }

    /// @inheritdoc IDisputeGame
    function forfeitProof(bytes32 claimId, address committer, bytes32 commitment) external {
        ProofCommitment memory committed = _committedProof(claimId, committer, commitment);
        (bool revealable, uint64 revealUntil) = _isRevealable(claimId, committer, committed.nonce);
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
        uint256 word = stored.word;
        uint256 place = word.placeOf();
        return
            Challenge({
                status: word.statusOf(),
                openedBlock: uint32(word.openedBlockOf()),
                turnStarted: uint32(word.turnStartedOf()),
                claimantUsedSeconds: uint32(word.claimantUsedOf()),
                challengerUsedSeconds: uint32(word.challengerUsedOf()),
                demands: uint8(word.demandsOf()),
                paidDemands: uint8(word.paidDemandsOf()),
                position: Place.positionOf(place),
                leafCount: uint32(Place.leafCountOf(place)),
                node: stored.node
            });
    }

    /// @inheritdoc IDisputeGame
    function deadlineOf(bytes32 challengeId) external view returns (uint64) {
        uint256 word = _challenges[challengeId].word;
        return word.isOpen() ? _deadline(word) : 0;
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

    /// @inheritdoc IDisputeGame
    function scratchRootOf(bytes32 claimId, uint32 step) external view returns (bytes32) {
        return _scratchRoots[claimId][step];
    }

    /// @inheritdoc IDisputeGame
    function depositOf(uint256 moveFeeWei) public view returns (uint256) {
        return Bonds.deposit(moveFeeWei, challengeFloorWei);
    }

    /// @inheritdoc IDisputeGame
    function challengeIdOf(
        bytes32 claimId,
        address challenger,
        uint64 nonce
    ) public view returns (bytes32 challengeId) {
        // The same as keccak256(abi.encode(block.chainid, address(this), claimId, challenger, nonce)): every move needs it.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore(buffer, chainid())
            mstore(add(buffer, 0x20), address())
            mstore(add(buffer, 0x40), claimId)
            mstore(add(buffer, 0x60), and(challenger, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(buffer, 0x80), and(nonce, 0xffffffffffffffff))
            challengeId := keccak256(buffer, 0xa0)
        }
    }

    /// @dev Where a node stands that is shown under the claim's roots.
    function _demandedPlace(
        Claim calldata claim,
        bytes32 claimId,
        Demand calldata asked
    ) private view returns (uint256) {
        bytes32 postedRoot = Walk.isDeferred(claim) ? _scratchRoots[claimId][asked.position.step] : bytes32(0);
        return Walk.demandedPlace(claim, postedRoot, asked);
    }

    /// @dev Counts a demand for the node at `place` and gives the turn to the claimant.
    function _ask(
        bytes32 challengeId,
        bytes32 claimId,
        Stored storage stored,
        uint256 word,
        uint256 place,
        bytes32 node
    ) private {
        if (word.demandsOf() == Bonds.MAX_DEMANDS) revert DemandsExhausted(challengeId, Bonds.MAX_DEMANDS);
        Dispute storage dispute = _disputes[claimId];
        uint24 paidDemands = dispute.paidDemands;
        uint256 paid = 0;
        if (paidDemands < dispute.paidDemandLimit) {
            dispute.paidDemands = paidDemands + 1;
            paid = 1;
        }
        uint256 usedSeconds = Clock.used(word.turnStartedOf(), word.challengerUsedOf(), block.timestamp);
        word = word.demanded(place, usedSeconds, paid);
        stored.word = word;
        stored.node = node;
        emit NodeDemanded(challengeId, claimId, Place.positionOf(place), node, _deadline(word));
    }

    /// @dev Posts the scratch root of a deferred trace's step, once.
    function _post(Claim calldata claim, bytes32 claimId, uint256 step, bytes32 scratchRoot) private {
        bytes32 posted = _scratchRoots[claimId][step];
        if (posted == scratchRoot) return;
        if (posted != 0) revert PostedRootMismatch(posted, scratchRoot);
        if (msg.sender != claim.claimant && msg.sender != claim.terms.operator) {
            revert PostingNotAllowed(msg.sender, claim.claimant, claim.terms.operator);
        }
        _scratchRoots[claimId][step] = scratchRoot;
    }

    /// @dev Leaves the challenge at `place` and gives the turn to the challenger.
    function _answer(Stored storage stored, uint256 word, uint256 place) private returns (uint64 deadline) {
        uint256 usedSeconds = Clock.used(word.turnStartedOf(), word.claimantUsedOf(), block.timestamp);
        word = word.answered(place, usedSeconds);
        stored.word = word;
        return _deadline(word);
    }

    /// @dev Ends a challenge that slashes its claim. It stands on no commitment, so any may still outrank it.
    function _win(
        Claim calldata claim,
        bytes32 claimId,
        bytes32 challengeId,
        address challenger,
        Stored storage stored,
        uint256 word
    ) private {
        uint256 owedWei = _close(claim, claimId, challengeId, stored, word.ended(ChallengeStatus.Won));
        _slash(claim, claimId, uint64(_disputes[claimId].commitments) + 1, challenger, owedWei);
    }

    /// @dev Slashes the claim and pays its bounty, with what the prover is owed beside it, or holds it while an earlier
    /// commitment may be revealed. Brings the compensation of every challenge that is open into this contract.
    function _slash(Claim calldata claim, bytes32 claimId, uint64 sequence, address prover, uint256 owedWei) private {
        Dispute storage dispute = _disputes[claimId];
        uint256 bountyWei = Bonds.bounty(claim.bondWei);

        dispute.slashedAt = uint40(block.timestamp);
        if (_hasEarlierThan(claimId, sequence)) {
            uint64 settleAfter = uint64(block.timestamp) + _proofRevealSeconds;
            _bounties[claimId] = Bounty(prover, sequence, settleAfter, bountyWei);
        } else {
            emit BountySettled(claimId, prover, bountyWei);
            owedWei += bountyWei;
        }
        _credit(prover, owedWei);
        claims.slash(claim, prover, dispute.paidDemands * claim.terms.moveFeeWei);
    }

    /// @dev Closes a challenge of a slashed claim, of which `word` is the last.
    /// @return payoutWei What the challenger is owed: its deposit and a fee for each paid demand.
    function _close(
        Claim calldata claim,
        bytes32 claimId,
        bytes32 challengeId,
        Stored storage stored,
        uint256 word
    ) private returns (uint256 payoutWei) {
        uint256 moveFeeWei = claim.terms.moveFeeWei;
        payoutWei = depositOf(moveFeeWei) + word.paidDemandsOf() * moveFeeWei;
        stored.word = word;
        _disputes[claimId].openChallenges -= 1;
        emit ChallengeClosed(challengeId, claimId, false, payoutWei);
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

    /// @dev Whether a commitment before `sequence` may be pending; surely not if none is.
    function _hasEarlierThan(bytes32 claimId, uint64 sequence) private view returns (bool) {
        return sequence > uint64(_disputes[claimId].endedThrough) + 1;
    }

    /// @dev Whether the committer may reveal: until R after the window, or after the slash if that was later, and as long
    /// as the challenge that its commitment names keeps the claim from its end.
    function _isRevealable(
        bytes32 claimId,
        address committer,
        uint64 nonce
    ) private view returns (bool revealable, uint64 revealUntil) {
        uint64 slashedAt = _disputes[claimId].slashedAt;
        (, uint64 challengeUntil) = claims.headOf(claimId);
        revealUntil = (slashedAt > challengeUntil ? slashedAt : challengeUntil) + _proofRevealSeconds;
        revealable = block.timestamp <= revealUntil || (slashedAt == 0 && _isOpen(claimId, committer, nonce));
    }

    function _judge(ClaimView memory seen, uint8 kind, bytes calldata proof) private view returns (Fault memory) {
        return (kind == 0 ? referee : structureReferee).prove(kind, seen, proof);
    }

    function _viewOf(Claim calldata claim, bytes32 claimId, uint32 postedStep) private view returns (ClaimView memory) {
        bool deferred = Walk.isDeferred(claim);
        return
            ClaimView({
                programRoot: claim.terms.programRoot,
                inputsRoot: claim.terms.inputsRoot,
                traceRoot: claim.traceRoot,
                steps: claim.terms.steps,
                deferred: deferred,
                postedStep: postedStep,
                postedRoot: deferred ? _scratchRoots[claimId][postedStep] : bytes32(0)
            });
    }

    function _claimId(Claim calldata claim) private view returns (bytes32) {
        return ClaimId.ofClaim(address(claims), claim);
    }

    /// @dev Last second to challenge a revealed claim.
    function _revealedUntil(bytes32 claimId) private view returns (uint64) {
        (ClaimStatus status, uint64 challengeUntil) = claims.headOf(claimId);
        if (status != ClaimStatus.Revealed) revert ClaimStatusUnfit(claimId, status);
        return challengeUntil;
    }

    function _committedProof(
        bytes32 claimId,
        address committer,
        bytes32 commitment
    ) private view returns (ProofCommitment memory committed) {
        committed = _proofs[claimId][committer][commitment];
        if (committed.sequence == 0) revert ProofNotCommitted(claimId, committer, commitment);
    }

    /// @dev A challenge of a claim that is not slashed, in the turn named and in time.
    function _inTurn(
        bytes32 claimId,
        address challenger,
        uint64 nonce,
        ChallengeStatus turn
    ) private view returns (bytes32 challengeId, Stored storage stored, uint256 word) {
        challengeId = challengeIdOf(claimId, challenger, nonce);
        stored = _challenges[challengeId];
        word = stored.word;
        if (!word.isIn(turn)) revert WrongTurn(challengeId, word.statusOf());
        if (_disputes[claimId].slashedAt != 0) revert ClaimStatusUnfit(claimId, ClaimStatus.Slashed);
        _checkClock(challengeId, word);
    }

    /// @dev A challenge that has not ended, of a claim that is not slashed.
    function _openChallenge(
        bytes32 claimId,
        address challenger,
        uint64 nonce
    ) private view returns (bytes32 challengeId, Stored storage stored, uint256 word) {
        challengeId = challengeIdOf(claimId, challenger, nonce);
        stored = _challenges[challengeId];
        word = stored.word;
        if (!word.isOpen()) revert WrongTurn(challengeId, word.statusOf());
        if (_disputes[claimId].slashedAt != 0) revert ClaimStatusUnfit(claimId, ClaimStatus.Slashed);
    }

    function _isOpen(bytes32 claimId, address challenger, uint64 nonce) private view returns (bool) {
        return _challenges[challengeIdOf(claimId, challenger, nonce)].word.isOpen();
    }

    function _checkClock(bytes32 challengeId, uint256 word) private view {
        uint64 deadline = _deadline(word);
        if (block.timestamp > deadline) revert ClockExpired(challengeId, deadline);
    }

    function _deadline(uint256 word) private view returns (uint64) {
        uint256 usedSeconds = word.isIn(ChallengeStatus.ClaimantTurn) ? word.claimantUsedOf() : word.challengerUsedOf();
        return Clock.deadline(word.turnStartedOf(), usedSeconds, clockSeconds);
    }

    function _refuseKind(uint256 place) private pure {
        revert OpeningKindMismatch(uint8(Place.sectionOf(place)), uint8(Place.heightOf(place)));
    }

    function _checkFloor(bytes32 name, uint256 value, uint256 floor) private pure {
        if (value < floor) revert ParameterBelowFloor(name, value, floor);
    }
}
