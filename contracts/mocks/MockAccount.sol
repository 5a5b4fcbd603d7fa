// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Mock account
/// @notice A contract account for tests: makes any call, and refuses coin or calls back when it is paid, as set.
contract MockAccount {
    error Refused();

    bool public refuses;
    address public target;
    bytes public data;
    bool public calledBack;

    /// @notice What to do when paid: refuse, else call `target_` with `data_` if it is not zero.
    function onPayment(bool refuses_, address target_, bytes calldata data_) external {
        refuses = refuses_;
        target = target_;
        data = data_;
    }

    /// @notice Makes a call with the coin sent; passes its failure on.
    function execute(address to, bytes calldata callData) external payable {
        (bool done, bytes memory result) = to.call{value: msg.value}(callData);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    receive() external payable {
        _react();
    }

    function _react() private {
        if (refuses) revert Refused();
        if (target != address(0)) (calledBack, ) = target.call(data);
    }
}
