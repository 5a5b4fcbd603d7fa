// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReferee} from "../interfaces/IReferee.sol";
import {ClaimView, Fault} from "../types/Types.sol";

/// @title Mock referee
/// @notice Believes any proof: the bytes of one are abi.encode of the fault to find. Empty bytes are a proof of what is right.
contract MockReferee is IReferee {
    error NothingWrong();

    /// @inheritdoc IReferee
    function prove(uint8, ClaimView calldata, bytes calldata proof) external pure returns (Fault memory) {
        if (proof.length == 0) revert NothingWrong();
        return abi.decode(proof, (Fault));
    }
}
