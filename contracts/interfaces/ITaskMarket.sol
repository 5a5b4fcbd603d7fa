// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, RequestTerms} from "../types/Types.sol";
import {ClaimStatus} from "./IClaimRegistry.sol";

/// @notice Where a task stands. Paid, Cancelled and Refunded never change again.
enum TaskStatus {
    None,
    Open,
    Accepted,
    Delivered,
    Paid,
    Cancelled,
    Refunded
}

/// @notice A task as the market keeps it.
/// @param onlySolver Who alone may accept; zero for anyone.
/// @param solver Who accepted last; zero before.
/// @param deliverBy Last second of the acceptance; zero unless accepted.
/// @param claimId The claim delivered; zero unless delivered.
struct Task {
    TaskStatus status;
    address requester;
    address onlySolver;
    address solver;
    uint64 deadline;
    uint64 deliverBy;
    uint32 steps;
    uint256 price;
    bytes32 programRoot;
    bytes32 inputsRoot;
    bytes32 claimId;
}

/// @title Task market
/// @notice Outsourced execution: a requester escrows a price in one ERC-20 token, a solver answers with a claim of exactly
/// the program, inputs and steps asked for, and is paid when the claim is final. A slashed claim reopens the task.
interface ITaskMarket {
    /// @notice A deployment parameter is below its floor.
    error ParameterBelowFloor(bytes32 name, uint256 value, uint256 floor);
    /// @notice No claim could answer: steps must be 1 to 2^20.
    error StepsOutOfRange(uint32 steps, uint32 max);
    /// @notice A price must not be zero.
    error PriceZero();
    /// @notice The token moved another amount than asked: fees on transfer are not supported.
    error PriceNotReceived(uint256 expected, uint256 received);
    /// @notice The deadline has passed.
    error DeadlinePassed(uint64 deadline);
    /// @notice The deadline has not passed.
    error DeadlinePending(bytes32 taskId, uint64 deadline);
    /// @notice The task is in another status than the call needs.
    error TaskStatusUnfit(bytes32 taskId, TaskStatus status);
    /// @notice Another solver holds the task until then.
    error TaskReserved(bytes32 taskId, address solver, uint64 deliverBy);
    /// @notice The task is for another solver.
    error SolverNotAllowed(bytes32 taskId, address solver, address caller);
    /// @notice Only the requester may call this.
    error NotRequester(bytes32 taskId, address requester, address caller);
    /// @notice Only the solver that accepted may call this.
    error NotSolver(bytes32 taskId, address solver, address caller);
    /// @notice The time to deliver is over.
    error DeliveryTooLate(bytes32 taskId, uint64 deliverBy);
    /// @notice A claim is delivered after its reveal and before its end.
    error ClaimNotDeliverable(bytes32 claimId, ClaimStatus status);
    /// @notice Whoever sees the task must be able to challenge the claim that answers it.
    error ClaimWindowClosed(bytes32 claimId, uint64 challengeUntil);
    /// @notice The claim is by another account than the solver.
    error ClaimantMismatch(bytes32 claimId, address solver, address claimant);
    /// @notice The claim is of another program, other inputs, another number of steps or another task.
    error ClaimMismatch(bytes32 claimId, bytes32 expected, bytes32 actual);
    /// @notice The claim can still be disputed.
    error ClaimUndecided(bytes32 claimId, ClaimStatus status);

    event TaskRequested(
        bytes32 indexed taskId,
        address indexed requester,
        bytes32 indexed programRoot,
        bytes32 inputsRoot,
        uint32 steps,
        uint256 price,
        uint64 deadline,
        address solver,
        bytes inputData
    );
    event TaskAccepted(bytes32 indexed taskId, address indexed solver, uint64 deliverBy);
    event TaskDelivered(bytes32 indexed taskId, bytes32 indexed claimId, address indexed solver);
    event TaskPaid(bytes32 indexed taskId, address indexed solver, uint256 amount);
    event TaskReopened(bytes32 indexed taskId, bytes32 indexed claimId);
    event TaskCancelled(bytes32 indexed taskId);
    event TaskRefunded(bytes32 indexed taskId, address indexed requester, uint256 amount);

    /// @notice Escrows the price, which the market must be allowed to take, and publishes a task.
    /// @param inputData The input tensors' words, big-endian, unpadded, in input order; empty when they are served
    /// elsewhere. Not checked here: solvers compare it with `inputsRoot`.
    /// @return taskId keccak256(abi.encode(chainId, market, requester, count, terms)), count of the market's tasks before.
    function request(RequestTerms calldata terms, bytes calldata inputData) external returns (bytes32 taskId);

    /// @notice request after an ERC-2612 permit of the price, in one transaction. A permit used already is no failure.
    function requestWithPermit(
        RequestTerms calldata terms,
        bytes calldata inputData,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (bytes32 taskId);

    /// @notice Reserves an open task for the caller, for acceptSeconds or until the deadline. A lapsed reservation binds
    /// nobody.
    function accept(bytes32 taskId) external;

    /// @notice Answers an accepted task with a claim of the solver's that names the task and can still be challenged.
    function deliver(bytes32 taskId, Claim calldata claim) external;

    /// @notice Acts on the delivered claim's end: pays the solver, or opens the task again. Anyone may call.
    function settle(bytes32 taskId) external;

    /// @notice Takes an open task back and returns the price to the requester.
    function cancel(bytes32 taskId) external;

    /// @notice Returns the price of a task not delivered by its deadline to the requester. Anyone may call.
    function refund(bytes32 taskId) external;

    /// @notice The task, all zero if unknown.
    function taskOf(bytes32 taskId) external view returns (Task memory);

    /// @notice The ERC-20 token of all prices.
    function token() external view returns (address);

    /// @notice Seconds an acceptance lasts.
    function acceptSeconds() external view returns (uint64);
}
