// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Pull payments
/// @notice What a contract owes in native coin is credited to an account, which withdraws it by itself: nobody's refusal to
/// be paid can stop another's move.
interface IPullPayments {
    /// @notice The caller has no credit.
    error NothingToWithdraw(address account);
    /// @notice The caller did not take the coin.
    error WithdrawalRefused(address account, uint256 amountWei);

    event Credited(address indexed account, uint256 amountWei);
    event Withdrawn(address indexed account, uint256 amountWei);

    /// @notice Sends the caller all it is owed.
    function withdraw() external;

    /// @notice What `account` may withdraw, in wei.
    function creditOf(address account) external view returns (uint256);
}
