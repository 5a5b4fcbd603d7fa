// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChallengeStatus} from "../interfaces/IDisputeGame.sol";
import {Place} from "./Place.sol";

/// @title The word of a challenge
/// @notice All that the game keeps of a challenge beside the node, in one word: a move writes two. Above the place, from the low
/// end: paid demands 8, demands 8, seconds used by the challenger 24 and by the claimant 24, opened block 32, start of the
/// turn 32, status 8. Times last until 2106.
library ChallengeWord {
    /// @notice Widest budget of a side: what it used never passes its budget, and so fits 24 bits.
    uint32 internal constant MAX_CLOCK_SECONDS = 1 << 23;

    // Lowest bits of the fields, written out: the compiler would add up expressions at run time.
    uint256 private constant PAID_AT = 120;
    uint256 private constant DEMANDS_AT = 128;
    uint256 private constant CHALLENGER_AT = 136;
    uint256 private constant CLAIMANT_AT = 160;
    uint256 private constant OPENED_AT = 184;
    uint256 private constant TURN_AT = 216;
    uint256 private constant STATUS_AT = 248;

    uint256 private constant U8 = 0xff;
    uint256 private constant U24 = 0xffffff;
    uint256 private constant U32 = 0xffffffff;

    /// @notice A challenge opened in this block whose challenger has the turn.
    function opened() internal view returns (uint256) {
        return ((block.number & U32) << OPENED_AT) | _turn(ChallengeStatus.ChallengerTurn);
    }

    /// @notice The challenge after a demand at `place`: the claimant's turn.
    /// @param paid 1 if a fee is reserved for the demand, else 0.
    function demanded(uint256 word, uint256 place, uint256 usedSeconds, uint256 paid) internal view returns (uint256) {
        uint256 kept = word & ((U32 << OPENED_AT) | (U24 << CLAIMANT_AT) | (U8 << DEMANDS_AT) | (U8 << PAID_AT));
        unchecked {
            kept += (1 << DEMANDS_AT) + (paid << PAID_AT);
        }
        return kept | (usedSeconds << CHALLENGER_AT) | _turn(ChallengeStatus.ClaimantTurn) | place;
    }

    /// @notice The challenge after an opening that leaves it at `place`: the challenger's turn.
    function answered(uint256 word, uint256 place, uint256 usedSeconds) internal view returns (uint256) {
        uint256 kept = word & ((U32 << OPENED_AT) | (U24 << CHALLENGER_AT) | (U8 << DEMANDS_AT) | (U8 << PAID_AT));
        return kept | (usedSeconds << CLAIMANT_AT) | _turn(ChallengeStatus.ChallengerTurn) | place;
    }

    /// @notice The challenge with another status.
    function ended(uint256 word, ChallengeStatus status) internal pure returns (uint256) {
        return ((word << 8) >> 8) | (uint256(status) << STATUS_AT);
    }

    function statusOf(uint256 word) internal pure returns (ChallengeStatus) {
        return ChallengeStatus(word >> STATUS_AT);
    }

    /// @notice Whether the challenge has that status.
    function isIn(uint256 word, ChallengeStatus status) internal pure returns (bool) {
        return word >> STATUS_AT == uint256(status);
    }

    /// @notice Whether somebody has the turn.
    function isOpen(uint256 word) internal pure returns (bool) {
        return isIn(word, ChallengeStatus.ChallengerTurn) || isIn(word, ChallengeStatus.ClaimantTurn);
    }

    function placeOf(uint256 word) internal pure returns (uint256) {
        return word & Place.MASK;
    }

    function turnStartedOf(uint256 word) internal pure returns (uint256) {
        return (word >> TURN_AT) & U32;
    }

    function openedBlockOf(uint256 word) internal pure returns (uint256) {
        return (word >> OPENED_AT) & U32;
    }

    function claimantUsedOf(uint256 word) internal pure returns (uint256) {
        return (word >> CLAIMANT_AT) & U24;
    }

    function challengerUsedOf(uint256 word) internal pure returns (uint256) {
        return (word >> CHALLENGER_AT) & U24;
    }

    function demandsOf(uint256 word) internal pure returns (uint256) {
        return (word >> DEMANDS_AT) & U8;
    }

    function paidDemandsOf(uint256 word) internal pure returns (uint256) {
        return (word >> PAID_AT) & U8;
    }

    function _turn(ChallengeStatus status) private view returns (uint256) {
        return (uint256(status) << STATUS_AT) | ((block.timestamp & U32) << TURN_AT);
    }
}
