// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../types/Types.sol";

/// @title Auditor
/// @notice What a claim registry tells the contract that audits commitments before they are revealed. A registry is
/// deployed with one auditor or with none, for ever. A call that reverts stops the commitment or the reveal.
interface IAuditor {
    /// @notice A claim was committed. The auditor may let it be revealed, or void it while it is not.
    function onCommit(bytes32 claimId, address claimant, Terms calldata terms, uint256 bondWei) external;

    /// @notice A claim is being revealed; reverts while its audit runs.
    function onReveal(bytes32 claimId, bytes32 traceRoot) external;
}
