// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, OutputsShown, Terms} from "../types/Types.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @notice Where a claim stands. Final, Slashed, Forfeited and Voided never change again. Committed is what readers of events
/// call a commitment that is not revealed: the registry knows it by its run alone and gives None for its id.
enum ClaimStatus {
    None,
    Committed,
    Revealed,
    Final,
    Slashed,
    Forfeited,
    Voided
}

/// @title Claim registry
/// @notice Bonded statements of a trace root and outputs for a program and inputs, from commitment to finality or slash.
/// A claim's id hashes all of it: keccak256(abi.encode(programRoot, body)) with
/// body = keccak256(abi.encode(chainId, registry, VERSION, claimant, terms, bondWei, seal)),
/// seal = keccak256(abi.encode(claimant, traceRoot, outputsHash, salt)) and outputsHash = keccak256(abi.encode(outputRoots)).
/// The registry keeps one word per claim and the bonds; callers carry the rest, and the id tells whether they carry it
/// right. The dispute game decides.
interface IClaimRegistry is IPullPayments {
    /// @notice A deployment parameter is below its floor.
    error ParameterBelowFloor(bytes32 name, uint256 value, uint256 floor);
    /// @notice Only the deployer may bind the dispute game.
    error NotDeployer(address caller);
    /// @notice The dispute game is bound once and for ever.
    error DisputeGameAlreadyBound(address game);
    /// @notice An auditor must be a contract; zero is none.
    error AuditorWithoutCode(address auditor);
    /// @notice The dispute game must be a contract.
    error DisputeGameWithoutCode(address game);
    /// @notice No claim before a dispute game is bound.
    error DisputeGameNotBound();
    /// @notice Only the dispute game may call this.
    error NotDisputeGame(address caller);
    /// @notice Only the auditor may call this.
    error NotAuditor(address caller);
    /// @notice Traces are full (0) or deferred (1).
    error TraceModeUnsupported(uint8 mode);
    /// @notice Nobody could check a claim of a program whose bytes are not published.
    error ProgramNotRegistered(bytes32 programRoot);
    /// @notice steps must be 1 to 2^20.
    error StepsOutOfRange(uint32 steps, uint32 max);
    /// @notice The bond is below the deployment's minimum or above what the registry can count.
    error BondOutOfRange(uint256 bondWei, uint256 minWei, uint256 maxWei);
    /// @notice Bonds are whole multiples of 1 gwei.
    error BondNotWholeGwei(uint256 bondWei);
    /// @notice A move fee is at least the deployment's minimum, and at most bond / 512: a quarter of the bond pays 128
    /// demands, and a claim cannot make challenging it unaffordable.
    error MoveFeeOutOfRange(uint256 moveFeeWei, uint256 minWei, uint256 maxWei);
    /// @notice The claimant has a commitment for the same program, inputs and steps that it has not revealed.
    error CommitmentLive(bytes32 commitment);
    /// @notice The run's live commitment is not to this claim until then; zero if there is none.
    error CommitmentMismatch(bytes32 claimId, bytes32 live, bytes32 computed);
    /// @notice The same claim was revealed, forfeited or voided before.
    error ClaimExists(bytes32 claimId);
    /// @notice The claim is in another status than the call needs.
    error ClaimStatusMismatch(bytes32 claimId, ClaimStatus expected, ClaimStatus actual);
    /// @notice The output roots shown are not the claimed ones.
    error OutputsHashMismatch(bytes32 expected, bytes32 computed);
    /// @notice A deferred trace has no scratch root to show.
    error ScratchRootShown(bytes32 scratchRoot);
    /// @notice The time to reveal is over.
    error RevealTooLate(bytes32 claimId, uint64 revealBy);
    /// @notice The claim can still be revealed.
    error RevealPending(bytes32 claimId, uint64 revealBy);
    /// @notice The summary shown is not the claimed program.
    error ProgramRootMismatch(bytes32 expected, bytes32 computed);
    /// @notice The step or the outputs shown do not lead to the trace root or to each other.
    error OutputsMismatch(bytes32 expected, bytes32 computed);
    /// @notice The inputs root is zero exactly if the program has no inputs: nothing could be shown or demanded under a zero.
    error InputsRootUnfit(bytes32 inputsRoot, uint256 inputCount);
    /// @notice The program has another number of outputs.
    error OutputCountMismatch(uint256 expected, uint256 actual);
    /// @notice Direct proofs may be revealed until then.
    error FinalityTooEarly(bytes32 claimId, uint64 finalAfter);
    /// @notice Challenges are open.
    error ChallengesOpen(bytes32 claimId, uint256 count);
    /// @notice Compensation of challengers is at most a quarter of the bond.
    error CompensationTooHigh(uint256 compensationWei, uint256 maxWei);
    /// @notice An auditor's fee is at most a quarter of the bond.
    error VoidFeeTooHigh(uint256 feeWei, uint256 maxWei);
    /// @notice The dispute game did not take the slashed coin.
    error PaymentRefused(address to, uint256 amountWei);

    event DisputeGameBound(address indexed game);
    event ClaimCommitted(
        bytes32 indexed claimId,
        address indexed claimant,
        bytes32 indexed programRoot,
        bytes32 inputsRoot,
        uint32 steps,
        uint8 traceMode,
        address operator,
        bytes32 taskId,
        uint256 bondWei,
        uint256 moveFeeWei,
        bytes32 seal,
        uint64 revealBy
    );
    event ClaimRevealed(
        bytes32 indexed claimId,
        bytes32 traceRoot,
        bytes32[] outputRoots,
        bytes32 salt,
        uint64 challengeUntil
    );
    event ClaimFinalized(bytes32 indexed claimId, address indexed claimant);
    event ClaimForfeited(bytes32 indexed claimId, address indexed claimant, uint256 burntWei);
    event ClaimVoided(bytes32 indexed claimId, address indexed claimant, uint256 feeWei);
    event ClaimSlashed(
        bytes32 indexed claimId,
        address indexed claimant,
        address indexed prover,
        uint256 bountyWei,
        uint256 burntWei
    );

    /// @notice Names the only contract that may slash, once, by the deployer.
    function bindDisputeGame(address game) external;

    /// @notice Commits to a claim of a registered program with the sent coin as its bond. One unrevealed commitment per claimant,
    /// program, inputs and steps.
    /// @param seal keccak256(abi.encode(claimant, traceRoot, keccak256(abi.encode(outputRoots)), salt)).
    function commit(Terms calldata terms, bytes32 seal) external payable returns (bytes32 claimId);

    /// @notice Opens a commitment and starts the challenge window. Anyone who knows the salt may call.
    /// @param revealBy As ClaimCommitted said.
    /// @param outputRoots Tensor roots of the program's outputs after the last step, all of them in order.
    /// @param shown Binds the outputs to the trace root.
    function reveal(
        Claim calldata claim,
        uint64 revealBy,
        bytes32[] calldata outputRoots,
        OutputsShown calldata shown
    ) external returns (bytes32 claimId);

    /// @notice Returns the bond of a claim that stood: the window, every challenge and the time for direct proofs are over.
    function finalize(Claim calldata claim) external;

    /// @notice Burns the bond of a commitment that was not revealed in time.
    /// @param revealBy As ClaimCommitted said.
    function forfeit(address claimant, Terms calldata terms, uint256 bondWei, bytes32 seal, uint64 revealBy) external;

    /// @notice Ends a commitment that could not be audited, by the auditor alone: the bond less a fee goes back to the claimant.
    /// @param feeWei To the auditor; at most a quarter of the bond.
    function void(
        address claimant,
        Terms calldata terms,
        uint256 bondWei,
        bytes32 seal,
        uint64 revealBy,
        uint256 feeWei
    ) external;

    /// @notice Slashes a revealed claim: a quarter of the bond (the bounty) and `compensationWei` go to the dispute game
    /// during the call; the rest, at least half, is burnt.
    /// @param prover Who is named in the event; the game may pay the bounty to an earlier committed prover.
    function slash(Claim calldata claim, address prover, uint256 compensationWei) external;

    /// @notice Where the claim stands, and the last second to challenge it (T); zero unless it was revealed.
    function headOf(bytes32 claimId) external view returns (ClaimStatus status, uint64 challengeUntil);

    /// @notice Where the claim stands.
    function statusOf(bytes32 claimId) external view returns (ClaimStatus);

    /// @notice The run's live commitment, keccak256(abi.encode(claimId, revealBy)); zero without one.
    function commitmentOf(
        address claimant,
        bytes32 programRoot,
        bytes32 inputsRoot,
        uint32 steps
    ) external view returns (bytes32);

    /// @notice The id that commit gives.
    function claimIdOf(
        address claimant,
        Terms calldata terms,
        uint256 bondWei,
        bytes32 seal
    ) external view returns (bytes32);

    /// @notice What a claim's id hashes beside the program root.
    function bodyOf(Claim calldata claim) external view returns (bytes32);

    /// @notice The id of a claim.
    function idOf(Claim calldata claim) external view returns (bytes32);

    /// @notice Version of the protocol, part of every id.
    // solhint-disable-next-line func-name-mixedcase
    function VERSION() external view returns (uint256);
    /// @notice Hears of every commitment and reveal, and may void commitments; zero for none.
    function auditor() external view returns (address);
    function disputeGame() external view returns (address);
    function minBondWei() external view returns (uint256);
    function minMoveFeeWei() external view returns (uint256);
    /// @notice Seconds from commitment to the last reveal.
    function revealSeconds() external view returns (uint64);
    /// @notice Seconds from reveal to the last challenge (T).
    function windowSeconds() external view returns (uint64);
    /// @notice Seconds after T in which direct proofs may be revealed (R).
    function proofRevealSeconds() external view returns (uint64);
}
