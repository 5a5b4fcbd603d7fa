// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPullPayments} from "../interfaces/IPullPayments.sol";

/// @title Pull payments
/// @notice Credits in native coin of one contract. Refuses a withdrawal that the caller does not take.
abstract contract PullPayments is IPullPayments {
    mapping(address account => uint256 wei_) private _credits;

    /// @inheritdoc IPullPayments
    function withdraw() external {
        uint256 amountWei = _credits[msg.sender];
        if (amountWei == 0) revert NothingToWithdraw(msg.sender);
        _credits[msg.sender] = 0;
        emit Withdrawn(msg.sender, amountWei);
        (bool taken, ) = msg.sender.call{value: amountWei}("");
        if (!taken) revert WithdrawalRefused(msg.sender, amountWei);
    }

    /// @inheritdoc IPullPayments
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }

    function _credit(address account, uint256 amountWei) internal {
        _credits[account] += amountWei;
        emit Credited(account, amountWei);
    }
}
