// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPullPayments} from "../interfaces/IPullPayments.sol";

/// @title Reentrant
/// @notice Plays with what it is owed by a contract: asks to be paid again while it is being paid. For tests.
contract Reentrant {
    IPullPayments private immutable _bank;

    /// @notice How often it asked again, and how often it was refused.
    uint256 public attempts;
    uint256 public refusals;

    constructor(IPullPayments bank) {
        _bank = bank;
    }

    // solhint-disable-next-line no-complex-fallback
    receive() external payable {
        ++attempts;
        try _bank.withdraw() {} catch {
            ++refusals;
        }
    }

    /// @notice Calls the bank with the coin that comes along.
    function play(bytes calldata data) external payable {
        (bool ok, bytes memory result) = address(_bank).call{value: msg.value}(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }

    /// @notice Asks to be paid.
    function withdraw() external {
        _bank.withdraw();
    }
}
