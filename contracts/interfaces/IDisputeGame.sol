// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Demand, Position, TensorShown} from "../types/Types.sol";
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

/// @notice A challenge as the game keeps it. Its claim and challenger are in its id.
/// @param openedBlock Block in which it was opened; a proof needs a later one.
/// @param turnStarted Second in which the side to move got its turn.
/// @param claimantUsedSeconds Time the claimant used in ended turns; never reset. `challengerUsedSeconds` likewise.
/// @param demands Demands made, 1 to 16.
/// @param paidDemands Demands for which a fee is reserved from the claim's bond.
/// @param position Of the node demanded last; after a step was opened, of its scratch root.
/// @param leafCount Leaves of the position's tree; at a step node those of the step's scratch tree.
struct Challenge {
    ChallengeStatus status;
    uint32 openedBlock;
    uint32 turnStarted;
    uint32 claimantUsedSeconds;
    uint32 challengerUsedSeconds;
    uint8 demands;
    uint8 paidDemands;
    Position position;
    uint32 leafCount;
    bytes32 node;
}

/// @notice A bonded commitment to a proof.
/// @param committedBlock Block of the commitment, zero if none; a reveal needs a later one.
/// @param sequence Its place among the claim's commitments, from 1.
/// @param nonce Names the committer's challenge of the claim that the proof belongs to, if there is one.
struct ProofCommitment {
    uint64 committedBlock;
    uint64 sequence;
    uint64 nonce;
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
/// A challenge's id is keccak256(abi.encode(chainId, game, claimId, challenger, nonce)); the challenger chooses the nonce.
/// The game stores neither claim nor challenger: a call that carries a wrong one names a challenge that does not exist.
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
    /// @notice A turn's seconds must fit their field.
    error ClockTooLong(uint32 clockSeconds, uint32 max);
    /// @notice The coin sent is not exactly what the call takes.
    error WrongValue(uint256 requiredWei, uint256 sentWei);
    /// @notice Coin comes from the claim registry alone.
    error CoinNotExpected(address sender);
    /// @notice It is not the turn of the side that the call belongs to, or the challenge has ended or never was.
    error WrongTurn(bytes32 challengeId, ChallengeStatus status);
    /// @notice The challenger used this nonce for this claim before.
    error ChallengeExists(bytes32 challengeId);
    /// @notice The side to move has no time left.
    error ClockExpired(bytes32 challengeId, uint64 deadline);
    /// @notice The side to move still has time.
    error ClockRunning(bytes32 challengeId, uint64 deadline);
    /// @notice A challenge has at most this many demands.
    error DemandsExhausted(bytes32 challengeId, uint256 max);
    /// @notice A demand for a chunk is answered by openChunk, one for a step node by openStep, any other by open.
    error OpeningKindMismatch(uint8 section, uint8 height);
    /// @notice Until someone else may, the scratch root of a deferred step is posted by the claimant or its operator.
    error PostingNotAllowed(address caller, address claimant, address operator);
    /// @notice The step's scratch root was posted, and is another.
    error PostedRootMismatch(bytes32 posted, bytes32 scratchRoot);
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
        uint64 nonce,
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
    /// @notice A step node was opened; the challenge goes on from the scratch root.
    /// @param scratchRoot Fold of `nodes`; in a deferred trace posted by this or an earlier opening.
    /// @param nodes What opens the scratch root: min(depth, 5) levels below it.
    event StepOpened(
        bytes32 indexed challengeId,
        bytes32 indexed claimId,
        uint32 step,
        bytes32 stateRoot,
        bytes32 scratchRoot,
        bytes32[] nodes,
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

    /// @notice Challenges a revealed claim within its window with the coin of `depositOf`, and demands a first node: usually the
    /// trace root, which needs no path. The claimant's clock runs at once.
    /// @param nonce Any that the sender did not use for this claim.
    function challenge(
        Claim calldata claim,
        uint64 nonce,
        Demand calldata first
    ) external payable returns (bytes32 challengeId);

    /// @notice Asks the claimant for what lies below a node shown under the claim's roots. Challenger's turn becomes claimant's,
    /// as in descend and enter.
    function demand(Claim calldata claim, uint64 nonce, Demand calldata asked) external;

    /// @notice Asks for what lies below a node that the last opening showed or implies, in the same section: the node 1 to 5
    /// levels below the one opened. Leaves of sections 0, 1, 2 and 7 are entered instead.
    /// @param index Of the node among those of its height.
    /// @param path Siblings from the node up to the one opened.
    function descend(bytes32 claimId, uint64 nonce, bytes32 node, uint32 index, bytes32[] calldata path) external;

    /// @notice Asks for what a leaf of sections 0, 1, 2 and 7 holds, 0 to 5 levels below the node opened last: a step node, or a tensor
    /// root as the top of its own tree.
    /// @param body The claim's (IClaimRegistry.bodyOf): with the program shown it gives the claim's id.
    /// @param index Of the leaf: step, primitive, slot or slotCount + output, or input.
    /// @param path Siblings from the leaf up to the node opened.
    /// @param shown As for a demand of the same node.
    function enter(
        bytes32 body,
        uint64 nonce,
        bytes32 node,
        uint32 index,
        bytes32[] calldata path,
        TensorShown calldata shown
    ) external;

    /// @notice Answers a demand with the node's descendants, left to right, min(height, 5) levels below. Anyone may call. A
    /// descendant is zero exactly when it covers no leaf.
    function open(bytes32 claimId, address challenger, uint64 nonce, bytes32[] calldata nodes) external;

    /// @notice Answers a demand for a leaf of a tensor with its 1,024 bytes. Anyone may call.
    function openChunk(bytes32 claimId, address challenger, uint64 nonce, bytes calldata chunk) external;

    /// @notice Answers a demand for a step node with its state root and what opens its scratch root; the challenge then stands
    /// at the scratch root, opened. Anyone may call, but the scratch root of a deferred trace's step is posted with this
    /// call, the first time by the claimant or its operator, and is the same for every challenge ever after.
    /// @param nodes Descendants of the scratch root, min(depth, 5) levels below it.
    function openStep(
        Claim calldata claim,
        address challenger,
        uint64 nonce,
        bytes32 stateRoot,
        bytes32[] calldata nodes
    ) external;

    /// @notice Ends a challenge, and the claim, with a fraud proof; the challenger alone, while its clock has not run out,
    /// in a later block than the challenge, before another slashed the claim. It ranks behind every commitment: who does
    /// not want to lose the bounty to a copy calls commitProof and revealProof instead.
    /// @param proof abi.encode of the kind's struct.
    /// @param postedStep Step whose posted scratch root the proof shows; without meaning for full traces.
    function prove(Claim calldata claim, uint64 nonce, uint8 kind, bytes calldata proof, uint32 postedStep) external;

    /// @notice Ends a challenge whose side to move has run out of time. Anyone may call.
    function timeout(Claim calldata claim, address challenger, uint64 nonce) external;

    /// @notice Pays a challenge that was open when another ended its claim. Anyone may call.
    function close(Claim calldata claim, address challenger, uint64 nonce) external;

    /// @notice Bonds a commitment to a proof, until the claim's window closes (T); after that, while the claim is revealed,
    /// for a sender whose challenge named by `nonce` is open. Does not delay the claim's end.
    /// @param nonce Of the sender's challenge that the reveal is to win, now open or opened later; any without one.
    /// @param commitment keccak256(abi.encode(chainId, game, claimId, sender, salt, kind, keccak256(proof))).
    function commitProof(bytes32 claimId, uint64 nonce, bytes32 commitment) external payable;

    /// @notice Reveals a committed proof in a later block than the commitment, and returns its bond: until T + R, or R after
    /// the slash if that was later; while the claim is revealed also as long as the challenge that the commitment names is
    /// open. The first slashes the claim, and wins that challenge. After a slash a valid reveal takes the bounty while it
    /// is held, if its commitment is earlier than what the winner stands on.
    /// @param postedStep As for prove.
    function revealProof(
        Claim calldata claim,
        uint8 kind,
        bytes calldata proof,
        uint32 postedStep,
        bytes32 salt
    ) external;

    /// @notice Burns the bond of a commitment that can't be revealed any more. Anyone may call.
    function forfeitProof(bytes32 claimId, address committer, bytes32 commitment) external;

    /// @notice Pays a held bounty R after the slash, or once all earlier commitments are known to have ended: the game knows up to which
    /// sequence all have, and where none is pending. Anyone may call.
    function settleBounty(bytes32 claimId) external;

    /// @notice The id of the challenger's challenge of the claim.
    function challengeIdOf(bytes32 claimId, address challenger, uint64 nonce) external view returns (bytes32);

    /// @notice The challenge, all zero if unknown.
    function challengeOf(bytes32 challengeId) external view returns (Challenge memory);

    /// @notice Second after which the side to move has lost; zero if the challenge has ended.
    function deadlineOf(bytes32 challengeId) external view returns (uint64);

    /// @notice What challenge takes for a claim with this move fee, in wei.
    function depositOf(uint256 moveFeeWei) external view returns (uint256);

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

    /// @notice The scratch root posted for a step of a deferred trace; zero before.
    function scratchRootOf(bytes32 claimId, uint32 step) external view returns (bytes32);

    function challengeFloorWei() external view returns (uint256);
    function proofBondWei() external view returns (uint256);
    /// @notice Seconds of each side in one challenge, over all its turns.
    function clockSeconds() external view returns (uint32);
}
