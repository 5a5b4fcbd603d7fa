// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One log as it is to be written; the first topic is the event's signature hash.
struct RawLog {
    bytes32[] topics;
    bytes data;
}

/// @title Event emitter
/// @notice For tests of what reads events: writes any logs, so that histories need no protocol behind them.
contract EventEmitter {
    /// @notice A log has at most four topics.
    error TooManyTopics(uint256 count);

    /// @notice Writes the logs in order.
    function emitLogs(RawLog[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; ++i) _emitLog(logs[i].topics, logs[i].data);
    }

    function _emitLog(bytes32[] memory topics, bytes memory data) private {
        uint256 count = topics.length;
        if (count > 4) revert TooManyTopics(count);
        bytes32[4] memory topic;
        for (uint256 i = 0; i < count; ++i) topic[i] = topics[i];
        assembly ("memory-safe") {
            let start := add(data, 32)
            let size := mload(data)
            switch count
            case 0 {
                log0(start, size)
            }
            case 1 {
                log1(start, size, mload(topic))
            }
            case 2 {
                log2(start, size, mload(topic), mload(add(topic, 32)))
            }
            case 3 {
                log3(start, size, mload(topic), mload(add(topic, 32)), mload(add(topic, 64)))
            }
            default {
                log4(start, size, mload(topic), mload(add(topic, 32)), mload(add(topic, 64)), mload(add(topic, 96)))
            }
        }
    }
}
