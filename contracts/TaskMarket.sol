// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ClaimStatus, IClaimRegistry} from "./interfaces/IClaimRegistry.sol";
import {ITaskMarket, Task, TaskStatus} from "./interfaces/ITaskMarket.sol";
import {Claim, RequestTerms, Terms} from "./types/Types.sol";

/// @title Task market
/// @notice Escrows prices and pays for final claims (section 6). It believes the claim registry and nothing else: a task is
/// paid when its claim is final, never by anyone's word.
contract TaskMarket is ITaskMarket {
    using SafeERC20 for IERC20;

    uint32 private constant MAX_STEPS = 1 << 20;

    IClaimRegistry public immutable claims;
    /// @inheritdoc ITaskMarket
    address public immutable token;
    /// @inheritdoc ITaskMarket
    uint64 public immutable acceptSeconds;

    /// @notice Tasks requested so far.
    uint256 public taskCount;
    mapping(bytes32 taskId => Task) private _tasks;

    constructor(IClaimRegistry claims_, address token_, uint32 acceptSeconds_) {
        if (acceptSeconds_ == 0) revert ParameterBelowFloor("acceptSeconds", acceptSeconds_, 1);
        claims = claims_;
        token = token_;
        acceptSeconds = acceptSeconds_;
    }

    /// @inheritdoc ITaskMarket
    function request(RequestTerms calldata terms, bytes calldata inputData) public returns (bytes32 taskId) {
        taskId = keccak256(abi.encode(block.chainid, address(this), msg.sender, taskCount, terms));
        if (terms.price == 0) revert PriceZero();
        if (terms.steps == 0 || terms.steps > MAX_STEPS) revert StepsOutOfRange(terms.steps, MAX_STEPS);
        if (block.timestamp > terms.deadline) revert DeadlinePassed(terms.deadline);

        taskCount += 1;
        Task storage task = _tasks[taskId];
        task.status = TaskStatus.Open;
        task.requester = msg.sender;
        task.onlySolver = terms.solver;
        task.deadline = terms.deadline;
        task.steps = terms.steps;
        task.price = terms.price;
        task.programRoot = terms.programRoot;
        task.inputsRoot = terms.inputsRoot;
        emit TaskRequested(
            taskId,
            msg.sender,
            terms.programRoot,
            terms.inputsRoot,
            terms.steps,
            terms.price,
            terms.deadline,
            terms.solver,
            inputData
        );
        _take(terms.price);
    }

    /// @inheritdoc ITaskMarket
    function requestWithPermit(
        RequestTerms calldata terms,
        bytes calldata inputData,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (bytes32 taskId) {
        // Anyone may have used the permit before: what counts is the allowance.
        try IERC20Permit(token).permit(msg.sender, address(this), terms.price, permitDeadline, v, r, s) {} catch {}
        return request(terms, inputData);
    }

    /// @inheritdoc ITaskMarket
    function accept(bytes32 taskId) external {
        Task storage task = _tasks[taskId];
        _checkOpen(taskId, task);
        if (block.timestamp > task.deadline) revert DeadlinePassed(task.deadline);
        if (task.onlySolver != address(0) && task.onlySolver != msg.sender) {
            revert SolverNotAllowed(taskId, task.onlySolver, msg.sender);
        }
        uint64 deliverBy = uint64(block.timestamp) + acceptSeconds;
        if (deliverBy > task.deadline) deliverBy = task.deadline;

        task.status = TaskStatus.Accepted;
        task.solver = msg.sender;
        task.deliverBy = deliverBy;
        emit TaskAccepted(taskId, msg.sender, deliverBy);
    }

    /// @inheritdoc ITaskMarket
    function deliver(bytes32 taskId, Claim calldata claim) external {
        Task storage task = _tasks[taskId];
        if (task.status != TaskStatus.Accepted) revert TaskStatusUnfit(taskId, task.status);
        if (msg.sender != task.solver) revert NotSolver(taskId, task.solver, msg.sender);
        if (block.timestamp > task.deliverBy) revert DeliveryTooLate(taskId, task.deliverBy);
        bytes32 claimId = claims.idOf(claim);
        (ClaimStatus status, uint64 challengeUntil) = claims.headOf(claimId);
        if (status != ClaimStatus.Revealed) revert ClaimNotDeliverable(claimId, status);
        if (block.timestamp > challengeUntil) revert ClaimWindowClosed(claimId, challengeUntil);
        if (claim.claimant != msg.sender) revert ClaimantMismatch(claimId, msg.sender, claim.claimant);
        Terms calldata terms = claim.terms;
        _checkMatch(claimId, task.programRoot, terms.programRoot);
        _checkMatch(claimId, task.inputsRoot, terms.inputsRoot);
        _checkMatch(claimId, bytes32(uint256(task.steps)), bytes32(uint256(terms.steps)));
        _checkMatch(claimId, taskId, terms.taskId);

        task.status = TaskStatus.Delivered;
        task.claimId = claimId;
        emit TaskDelivered(taskId, claimId, msg.sender);
    }

    /// @inheritdoc ITaskMarket
    function settle(bytes32 taskId) external {
        Task storage task = _tasks[taskId];
        if (task.status != TaskStatus.Delivered) revert TaskStatusUnfit(taskId, task.status);
        bytes32 claimId = task.claimId;
        ClaimStatus status = claims.statusOf(claimId);
        if (status == ClaimStatus.Final) {
            task.status = TaskStatus.Paid;
            emit TaskPaid(taskId, task.solver, task.price);
            IERC20(token).safeTransfer(task.solver, task.price);
            return;
        }
        if (status != ClaimStatus.Slashed) revert ClaimUndecided(claimId, status);

        task.status = TaskStatus.Open;
        task.solver = address(0);
        task.deliverBy = 0;
        task.claimId = 0;
        emit TaskReopened(taskId, claimId);
    }

    /// @inheritdoc ITaskMarket
    function cancel(bytes32 taskId) external {
        Task storage task = _tasks[taskId];
        _checkOpen(taskId, task);
        if (msg.sender != task.requester) revert NotRequester(taskId, task.requester, msg.sender);

        task.status = TaskStatus.Cancelled;
        emit TaskCancelled(taskId);
        IERC20(token).safeTransfer(task.requester, task.price);
    }

    /// @inheritdoc ITaskMarket
    function refund(bytes32 taskId) external {
        Task storage task = _tasks[taskId];
        _checkOpen(taskId, task);
        if (block.timestamp <= task.deadline) revert DeadlinePending(taskId, task.deadline);

        task.status = TaskStatus.Refunded;
        emit TaskRefunded(taskId, task.requester, task.price);
        IERC20(token).safeTransfer(task.requester, task.price);
    }

    /// @inheritdoc ITaskMarket
    function taskOf(bytes32 taskId) external view returns (Task memory) {
        return _tasks[taskId];
    }

    function _take(uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert PriceNotReceived(amount, received);
    }

    /// @dev Open, or accepted by a solver that let its time to deliver pass.
    function _checkOpen(bytes32 taskId, Task storage task) private view {
        if (task.status == TaskStatus.Open) return;
        if (task.status != TaskStatus.Accepted) revert TaskStatusUnfit(taskId, task.status);
        if (block.timestamp <= task.deliverBy) revert TaskReserved(taskId, task.solver, task.deliverBy);
    }

    function _checkMatch(bytes32 claimId, bytes32 expected, bytes32 actual) private pure {
        if (expected != actual) revert ClaimMismatch(claimId, expected, actual);
    }
}
