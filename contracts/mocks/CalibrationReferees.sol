// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReferee} from "../interfaces/IReferee.sol";
import {ClaimView, Fault} from "../types/Types.sol";

/// @title Referee with one thing wrong
/// @notice Answers as another referee does, but for the bits to flip in the word it computes and the gas it burns besides.
contract TwistedReferee is IReferee {
    IReferee private immutable _REFEREE;
    uint32 private immutable _FLIPPED;
    uint256 private immutable _BURNT_GAS;

    constructor(IReferee referee, uint32 flipped, uint256 burntGas) {
        _REFEREE = referee;
        _FLIPPED = flipped;
        _BURNT_GAS = burntGas;
    }

    /// @inheritdoc IReferee
    function prove(uint8 kind, ClaimView calldata claim, bytes calldata proof) external view returns (Fault memory) {
        uint256 gasBefore = gasleft();
        while (gasBefore - gasleft() < _BURNT_GAS) continue;
        Fault memory fault = _REFEREE.prove(kind, claim, proof);
        fault.computed ^= _FLIPPED;
        return fault;
    }
}
