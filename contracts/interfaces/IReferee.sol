// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ClaimView, Fault} from "../types/Types.sol";

/// @title Referee
/// @notice Judges one fraud proof in one call. Stateless: what is true of the proof's bytes under the claim's roots is all
/// there is. Two contracts implement it: Referee (kind 0) and StructureReferee (kinds 1 to 3).
interface IReferee {
    /// @notice The kind is judged by another contract or by none.
    error FraudKindUnknown(uint8 kind);

    /// @notice Returns the fault that `proof` shows in `claim`.
    /// @dev Reverts when any part of the proof is malformed, and when nothing is wrong with what it shows: a caller that
    /// gets a value holds a proven fraud.
    /// @param kind 0 badElement, 1 badSlot, 2 badPadding, 3 badRecord.
    /// @param claim The roots that the claimant committed to.
    /// @param proof abi.encode of ElementProof, SlotProof, PaddingProof or RecordProof.
    function prove(uint8 kind, ClaimView calldata claim, bytes calldata proof) external view returns (Fault memory);
}
