// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChallengeStatus} from "../interfaces/IDisputeGame.sol";
import {Position} from "../types/Types.sol";

/// @title The word of a challenge
/// @notice All that the game keeps of a challenge beside the node, in one word, so that a move writes two. Fields are as wide as
/// the limits of a program and of the clocks need; times and block numbers end in 2106 and at 2^32.
library ChallengeWord {
    /// @notice Widest budget of a side: a used time never passes it, and so fits 24 bits.
    uint32 internal constant MAX_CLOCK_SECONDS = 1 << 23;

    struct State {
        ChallengeStatus status;
        uint256 turnStarted;
        uint256 claimantUsedSeconds;
        uint256 challengerUsedSeconds;
        uint256 demands;
        uint256 paidDemands;
        uint256 openedBlock;
        uint256 leafCount;
        Position position;
    }

    /// @dev From the low end: leaves 24, index 24, item 32, step 24, height 8, section 8, paid demands 8, demands 8, seconds of
    /// the challenger 24 and of the claimant 24, opened block 32, start of the turn 32, status 8.
    function pack(State memory state) internal pure returns (uint256 word) {
        Position memory position = state.position;
        word = uint256(state.status);
        word = (word << 32) | state.turnStarted;
        word = (word << 32) | state.openedBlock;
        word = (word << 24) | state.claimantUsedSeconds;
        word = (word << 24) | state.challengerUsedSeconds;
        word = (word << 8) | state.demands;
        word = (word << 8) | state.paidDemands;
        word = (word << 8) | position.section;
        word = (word << 8) | position.height;
        word = (word << 24) | position.step;
        word = (word << 32) | position.item;
        word = (word << 24) | position.index;
        word = (word << 24) | state.leafCount;
    }

    function unpack(uint256 word) internal pure returns (State memory state) {
        state.leafCount = word & 0xffffff;
        state.position.index = uint32((word >> 24) & 0xffffff);
        state.position.item = uint32(word >> 48);
        state.position.step = uint32((word >> 80) & 0xffffff);
        state.position.height = uint8(word >> 104);
        state.position.section = uint8(word >> 112);
        state.paidDemands = (word >> 120) & 0xff;
        state.demands = (word >> 128) & 0xff;
        state.challengerUsedSeconds = (word >> 136) & 0xffffff;
        state.claimantUsedSeconds = (word >> 160) & 0xffffff;
        state.openedBlock = (word >> 184) & 0xffffffff;
        state.turnStarted = (word >> 216) & 0xffffffff;
        state.status = ChallengeStatus(word >> 248);
    }
}
