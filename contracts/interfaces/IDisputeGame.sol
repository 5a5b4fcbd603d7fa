// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Position, TensorShown} from "../types/Types.sol";
import {IPullPayments} from "./IPullPayments.sol";
import {ClaimStatus} from "./IClaimRegistry.sol";

/// @notice Where a challenge stands. Won: the claim was slashed by it. Lost: the challenger's clock ran out. Refunded: the
/// claim was slashed by another.
enum ChallengeStatus {
    None,
    ChallengerTurn,
    ClaimantTurn,
    Won,
    Lost,
    Refunded
}

/// @notice A challenge as the game keeps it.
/// @param openedBlock Block in which it was opened; a proof needs a later one.
/// @param turnStarted Second in which the side to move got its turn.
/// @param claimantUsedSeconds Time the claimant used in ended turns; never reset. `challengerUsedSeconds` likewise.
/// @param demands Demands made, at most 16.
/// @param paidDemands Demands for which a fee is reserved from the claim's bond.
/// @param position Last demand; all zero before the first, and so is `node`.
struct Challenge {
    bytes32 claimId;
    address challenger;
    uint64 openedBlock;
    ChallengeStatus status;
    uint64 turnStarted;
    uint32 claimantUsedSeconds;
    uint32 challengerUsedSeconds;
    uint8 demands;
    uint8 paidDemands;
    Position position;
    bytes32 node;
}

/// @notice A bonded commitment to a proof.
/// @param committedBlock Block of the commitment, zero if none; a reveal needs a later one.
/// @param sequence Its place among the claim's commitments, from 1.
struct ProofCommitment {
    uint64 committedBlock;
    uint64 sequence;
}

/// @notice The bounty of a slashed claim while an earlier commitment may still take it.
/// @param sequence Of the winner's commitment; the next free one if it has none.
/// @param settleAfter Last second to take it; zero once paid.
struct Bounty {
    address winner;
    uint64 sequence;
    uint64 settleAfter;
    uint256 amountWei;
}

/// @title Dispute game
/// @notice Challenges of claims: a walk of demands and openings down the trace tree under cumulative clocks, and the fraud
/// proofs that end it, with or without a walk. Any number of challenges at once; they share nothing but the claim. A move
/// that is malformed reverts and changes nothing; a proof of what is right reverts too.
///
/// Money, in wei, for a claim with bond B and move fee f. A challenge deposits 16 f + challengeFloorWei. The claim stands:
/// all of it goes to the claimant. The claim is slashed: the winner gets B / 4, every open challenge its deposit and f for
/// each demand it made, as far as B / 4 reaches in the order of the demands; the rest is burnt. The winner is whoever
/// committed to its proof first among those that reveal a valid one until R after the slash; without any, the challenger
/// that proved or whose demand was not answered. Proofs are seen before they are included, and whoever can commit to one
/// knows it, so copying one must not pay; opening a challenge takes no knowledge, so it gives no rank.
interface IDisputeGame is IPullPayments {
    /// @notice A deployment parameter is below its floor.
    error ParameterBelowFloor(bytes32 name, uint256 value, uint256 floor);
    /// @notice The claim is in another status than the call needs.
    error ClaimStatusUnfit(bytes32 claimId, ClaimStatus status);
    /// @notice Challenges close with the claim's window, and so do proof commitments of others than open challengers.
    error WindowClosed(bytes32 claimId, uint64 challengeUntil);
    /// @notice The coin sent is not exactly what the call takes.
    error WrongValue(uint256 requiredWei, uint256 sentWei);
    /// @notice Coin comes from the claim registry alone.
    error CoinNotExpected(address sender);
    /// @notice It is not the turn of the side that the call belongs to, or the challenge has ended or never was.
    error WrongTurn(bytes32 challengeId, ChallengeStatus status);
    /// @notice Only the challenger may move here.
    error NotChallenger(bytes32 challengeId, address challenger, address caller);
    /// @notice The side to move has no time left.
    error ClockExpired(bytes32 challengeId, uint64 deadline);
    /// @notice The side to move still has time.
    error ClockRunning(bytes32 challengeId, uint64 deadline);
    /// @notice A challenge has at most this many demands.
    error DemandsExhausted(bytes32 challengeId, uint256 max);
    /// @notice The move answers another node than the one demanded.
    error DemandChanged(bytes32 demanded, bytes32 named);
    /// @notice A demand for a chunk is answered by openChunk, any other by open.
    error OpeningKindMismatch(uint8 section, uint8 height);
    /// @notice A proof needs a later block than the commitment or the challenge it stands on.
    error ProofTooEarly(uint64 blockNumber);
    /// @notice The caller committed to this before.
    error ProofAlreadyCommitted(bytes32 claimId, address committer, bytes32 commitment);
    /// @notice The caller has no such commitment (left).
    error ProofNotCommitted(bytes32 claimId, address committer, bytes32 commitment);
    /// @notice Proofs are revealed until then.
    error ProofRevealClosed(bytes32 claimId, uint64 revealUntil);
    /// @notice The commitment can still be revealed: until then, and by an open challenger of a revealed claim after.
    error ProofRevealPending(bytes32 claimId, uint64 revealUntil);
    /// @notice No bounty is held for this claim.
    error BountyNotHeld(bytes32 claimId);
    /// @notice An earlier commitment may still take the bounty.
    error BountyHeld(bytes32 claimId, uint64 settleAfter);

    event ChallengeOpened(
        bytes32 indexed challengeId,
        bytes32 indexed claimId,
        address indexed challenger,
        uint256 depositWei
    );
    event NodeDemanded(
        bytes32 indexed challengeId,
        bytes32 indexed claimId,
        Position position,
        bytes32 node,
        uint64 claimantDeadline
    );
    event NodeOpened(
        bytes32 indexed challengeId,
        bytes32 indexed claimId,
        Position position,
        bytes32 node,
        bytes32[] nodes,
        address opener,
        uint64 challengerDeadline
    );
    event ChunkOpened(
        bytes32 indexed challengeId,
        bytes32 indexed claimId,
        Position position,
        bytes32 node,
        bytes chunk,
        address opener,
        uint64 challengerDeadline
    );
    /// @notice The proof that slashed the claim.
    /// @param challengeId The prover's open challenge; zero if it has none.
    event FraudProven(
        bytes32 indexed claimId,
        bytes32 indexed challengeId,
        address indexed prover,
        uint8 kind,
        uint32 step,
        uint32 primitive,
        uint32 element,
        uint32 claimed,
        uint32 computed
    );
    event ChallengeTimedOut(bytes32 indexed challengeId, bytes32 indexed claimId, address loser);
    event ChallengeClosed(bytes32 indexed challengeId, bytes32 indexed claimId, bool claimStands, uint256 payoutWei);
    event ProofCommitted(bytes32 indexed claimId, address indexed committer, bytes32 commitment, uint256 sequence);
    event ProofRevealed(bytes32 indexed claimId, address indexed committer, uint256 sequence);
    event ProofForfeited(bytes32 indexed claimId, address indexed committer, uint256 sequence, uint256 amountWei);
    event BountySettled(bytes32 indexed claimId, address indexed winner, uint256 amountWei);

    /// @notice Challenges a revealed claim within its window. The challenger's clock runs at once.
    /// @return challengeId keccak256(abi.encode(claimId, challenger, count)), count of the claim's challenges before.
    function challenge(bytes32 claimId) external payable returns (bytes32 challengeId);

    /// @notice Asks the claimant for what lies below a node. Challenger's turn becomes claimant's.
    /// @param node Hash of the node.
    /// @param path Siblings from the node to the trace root, section by section (section 5 of the specification).
    /// @param shown The summary for sections 1 to 4; also the record with its path (3) or the interface table (4).
    function demand(
        bytes32 challengeId,
        bytes32 node,
        Position calldata position,
        bytes32[] calldata path,
        TensorShown calldata shown
    ) external;

    /// @notice Answers a demand with the node's descendants, left to right, min(height, 5) levels below; a step leaf with
    /// its scratch root and state root. Anyone may call. A descendant is zero exactly when it covers no leaf.
    function open(bytes32 challengeId, bytes32 node, bytes32[] calldata nodes) external;

    /// @notice Answers a demand for a leaf of a tensor with its 1,024 bytes. Anyone may call.
    function openChunk(bytes32 challengeId, bytes32 node, bytes calldata chunk) external;

    /// @notice Ends a challenge, and the claim, with a fraud proof; the challenger alone, while its clock has not run out,
    /// in a later block than the challenge, before another slashed the claim. It ranks behind every commitment: who does
    /// not want to lose the bounty to a copy calls commitProof and revealProof instead.
    /// @param proof abi.encode of the kind's struct.
    function prove(bytes32 challengeId, uint8 kind, bytes calldata proof) external;

    /// @notice Ends a challenge whose side to move has run out of time. Anyone may call.
    function timeout(bytes32 challengeId) external;

    /// @notice Pays a challenge that was open when another ended its claim. Anyone may call.
    function close(bytes32 challengeId) external;

    /// @notice Bonds a commitment to a proof, until the claim's window closes (T); after that, while the claim is revealed,
    /// for a sender whose latest challenge of it is open. Does not delay the claim's end.
    /// @param commitment keccak256(abi.encode(chainId, game, claimId, sender, salt, kind, keccak256(proof))).
    function commitProof(bytes32 claimId, bytes32 commitment) external payable;

    /// @notice Reveals a committed proof in a later block than the commitment, and returns its bond: until T + R, or R after
    /// the slash if that was later; while the claim is revealed also as long as the sender's latest challenge is open. The
    /// first slashes the claim, and wins that challenge. After a slash a valid reveal takes the bounty while it is held, if
    /// its commitment is earlier than what the winner stands on.
    function revealProof(bytes32 claimId, uint8 kind, bytes calldata proof, bytes32 salt) external;

    /// @notice Burns the bond of a commitment that can't be revealed any more. Anyone may call.
    function forfeitProof(bytes32 claimId, address committer, bytes32 commitment) external;

    /// @notice Pays a held bounty R after the slash, or once no earlier commitment is pending. Anyone may call.
    function settleBounty(bytes32 claimId) external;

    /// @notice The challenge, all zero if unknown.
    function challengeOf(bytes32 challengeId) external view returns (Challenge memory);

    /// @notice Second after which the side to move has lost; zero if the challenge has ended.
    function deadlineOf(bytes32 challengeId) external view returns (uint64);

    /// @notice What challenge takes for a revealed claim, in wei.
    function depositOf(bytes32 claimId) external view returns (uint256);

    /// @notice Challenges of the claim that have not ended.
    function openChallengesOf(bytes32 claimId) external view returns (uint256);

    /// @notice The commitment, all zero if there is none (left).
    function proofOf(
        bytes32 claimId,
        address committer,
        bytes32 commitment
    ) external view returns (ProofCommitment memory);

    /// @notice The held bounty, all zero if none was held.
    function bountyOf(bytes32 claimId) external view returns (Bounty memory);

    function challengeFloorWei() external view returns (uint256);
    function proofBondWei() external view returns (uint256);
    /// @notice Seconds of each side in one challenge, over all its turns.
    function clockSeconds() external view returns (uint32);
}
