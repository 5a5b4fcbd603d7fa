// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Chess clocks
/// @notice A side's time in one challenge is a budget over all its turns: what a turn used is never given back, so moves
/// can't buy time. A side may move up to and including its deadline and has lost after it.
/// @dev Unchecked: no turn starts in the future, and nobody uses more than the budget, since a side past its deadline can't
/// move.
library Clock {
    /// @notice Last second of the side to move, which used `usedSeconds` of its budget before this turn.
    function deadline(uint256 turnStarted, uint256 usedSeconds, uint256 budgetSeconds) internal pure returns (uint64) {
        unchecked {
            return uint64(turnStarted + budgetSeconds - usedSeconds);
        }
    }

    /// @notice Time used after a turn that ends at `endedAt`, not later than its deadline.
    function used(uint256 turnStarted, uint256 usedSeconds, uint256 endedAt) internal pure returns (uint256) {
        unchecked {
            return usedSeconds + endedAt - turnStarted;
        }
    }
}
