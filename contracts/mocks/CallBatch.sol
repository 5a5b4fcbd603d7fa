// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../types/Types.sol";

/// @title Actor
/// @notice Calls what it is told to, so that many parties play from one account. As an auditor it believes everything, or holds
/// every reveal back while it is told to. For tests.
contract Actor {
    /// @notice Thrown by onReveal while an audit is said to run.
    error AuditRunning();

    bool private _isHolding;

    receive() external payable {}

    /// @notice Calls `target` and returns what came of it.
    function forward(
        address target,
        uint256 valueWei,
        bytes calldata data
    ) external returns (bool ok, bytes memory result) {
        (ok, result) = target.call{value: valueWei}(data);
    }

    /// @notice Whether reveals are held back.
    function hold(bool isHolding) external {
        _isHolding = isHolding;
    }

    /// @notice Part of IAuditor: takes note of nothing.
    function onCommit(bytes32, address, Terms calldata, uint256) external {}

    /// @notice Part of IAuditor.
    function onReveal(bytes32, bytes32) external view {
        if (_isHolding) revert AuditRunning();
    }
}

/// @title Batches of calls
/// @notice Plays many calls of many actors in one block and reports after each what came of it and what the two watched
/// contracts hold then. For tests that play thousands of moves.
contract CallBatch {
    struct Call {
        uint8 actor;
        address target;
        uint256 valueWei;
        bytes data;
    }

    /// @notice What came of a call.
    /// @param refusal The selector of the error it ended with; zero if it did not, or without a word.
    event Outcome(bool ok, bytes4 refusal, uint256 registryWei, uint256 gameWei);

    Actor[] private _actors;
    address private _registry;
    address private _game;

    constructor(uint256 actorCount) {
        for (uint256 i = 0; i < actorCount; ++i) _actors.push(new Actor());
    }

    /// @notice Names the contracts whose coin is reported.
    function watch(address registry, address game) external {
        (_registry, _game) = (registry, game);
    }

    /// @notice Makes the calls in order.
    function run(Call[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            Call calldata call = calls[i];
            (bool ok, bytes memory result) = _actors[call.actor].forward(call.target, call.valueWei, call.data);
            emit Outcome(ok, ok ? bytes4(0) : bytes4(result), _registry.balance, _game.balance);
        }
    }

    /// @notice Every actor, by its number.
    function actors() external view returns (Actor[] memory) {
        return _actors;
    }

    /// @notice What many views of many contracts return.
    function look(address[] calldata targets, bytes[] calldata data) external view returns (bytes[] memory results) {
        results = new bytes[](targets.length);
        for (uint256 i = 0; i < targets.length; ++i) {
            (bool ok, bytes memory result) = targets[i].staticcall(data[i]);
            if (ok) results[i] = result;
        }
    }
}
