// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clock} from "../../contracts/libraries/Clock.sol";

/// @title What is proved of the clocks
/// @notice By induction over the moves of a challenge (section 6): `opens` is the base and `moves` the step, from any state
/// in which `_holds`. Times are below 2^32 and budgets at most 2^23, as the game keeps and demands them.
contract ClockProof {
    /// @dev One challenge: when it opened, when the turn began, and what both sides used before it.
    struct Game {
        uint256 budget;
        uint256 opened;
        uint256 turnStarted;
        uint256 claimantUsed;
        uint256 challengerUsed;
        bool challengerTurn;
    }

    /// @notice A challenge that just opened holds the invariant, whoever moves first.
    function opens(uint256 budget, uint256 opened, bool challengerTurn) external pure {
        require(budget > 0 && budget <= 1 << 23);
        require(opened < 1 << 32);

        assert(_holds(Game(budget, opened, opened, 0, 0, challengerTurn)));
    }

    /// @notice A move in time charges the mover alone, exactly the seconds its turn took, and leaves it within its budget:
    /// what a side used never falls.
    function moves(Game calldata game, uint256 endedAt) external pure {
        require(_holds(game));
        require(endedAt >= game.turnStarted && endedAt < 1 << 32);
        uint256 usedBefore = _usedOf(game);
        require(endedAt <= Clock.deadline(game.turnStarted, usedBefore, game.budget));
        uint256 usedAfter = Clock.used(game.turnStarted, usedBefore, endedAt);

        assert(usedAfter >= usedBefore);
        assert(usedAfter - usedBefore == endedAt - game.turnStarted);
        assert(usedAfter <= game.budget);
        assert(usedAfter < 1 << 24);
        assert(
            _holds(
                Game(
                    game.budget,
                    game.opened,
                    endedAt,
                    game.challengerTurn ? game.claimantUsed : usedAfter,
                    game.challengerTurn ? usedAfter : game.challengerUsed,
                    !game.challengerTurn
                )
            )
        );
    }

    /// @notice Every deadline lies in its own turn and within two budgets of the opening: so long does any challenge last.
    function ends(Game calldata game) external pure {
        require(_holds(game));
        uint256 deadline = Clock.deadline(game.turnStarted, _usedOf(game), game.budget);

        assert(deadline >= game.turnStarted);
        assert(deadline <= game.opened + 2 * game.budget);
    }

    /// @notice A side's next deadline is its last one plus the time the other side took between: it never moves back, and
    /// no move of its own moves it on.
    function comesBack(Game calldata game, uint256 endedAt, uint256 answeredAt) external pure {
        require(_holds(game));
        require(endedAt >= game.turnStarted && answeredAt >= endedAt && answeredAt < 1 << 32);
        uint256 usedBefore = _usedOf(game);
        uint256 deadline = Clock.deadline(game.turnStarted, usedBefore, game.budget);
        require(endedAt <= deadline);
        uint256 usedAfter = Clock.used(game.turnStarted, usedBefore, endedAt);

        assert(Clock.deadline(answeredAt, usedAfter, game.budget) == deadline + (answeredAt - endedAt));
    }

    /// @notice A side may move in the very second of its deadline, and has used its whole budget then.
    function lastSecond(Game calldata game) external pure {
        require(_holds(game));
        uint256 deadline = Clock.deadline(game.turnStarted, _usedOf(game), game.budget);
        require(deadline < 1 << 32);

        assert(Clock.used(game.turnStarted, _usedOf(game), deadline) == game.budget);
    }

    function _usedOf(Game memory game) private pure returns (uint256) {
        return game.challengerTurn ? game.challengerUsed : game.claimantUsed;
    }

    function _holds(Game memory game) private pure returns (bool) {
        return
            game.budget > 0 &&
            game.budget <= 1 << 23 &&
            game.opened < 1 << 32 &&
            game.turnStarted < 1 << 32 &&
            game.claimantUsed <= game.budget &&
            game.challengerUsed <= game.budget &&
            game.turnStarted == game.opened + game.claimantUsed + game.challengerUsed;
    }
}
