// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CalibrationLeaves} from "./generated/CalibrationLeaves.sol";
import {IReferee} from "./interfaces/IReferee.sol";
import {ClaimView, Fault} from "./types/Types.sol";

/// @notice A fraud proof to judge, and the claim it is about.
struct Leaf {
    ClaimView claim;
    bytes proof;
}

/// @title Calibration
/// @notice Makes a deployed referee of elements judge leaves that are known, on the chain it is deployed to, and cannot be
/// deployed where an answer is wrong or too dear: a compiler, a chain's rules or its prices may differ from what the static gas
/// estimate was made for. Nothing calls it afterwards.
contract Calibration {
    /// @notice What a run may cost beside its scalar program's static estimate (decision 0008).
    uint256 public constant MARGIN = 2;
    /// @notice Allowed for each byte of a proof beside that: it is copied, hashed and decoded.
    uint256 public constant GAS_PER_PROOF_BYTE = 32;
    /// @notice What one transaction may use at most (EIP-7825).
    uint256 public constant TRANSACTION_GAS = 1 << 24;

    /// @notice All known leaves, in their order, are needed.
    error LeafCountMismatch(uint256 expected, uint256 actual);
    /// @notice The leaf is not the one known by this index.
    error LeafUnknown(uint256 leaf, bytes32 expected, bytes32 actual);
    /// @notice The referee does not judge the leaf; `reason` is what it reverted with.
    error LeafNotJudged(uint256 leaf, bytes reason);
    /// @notice The referee found something else than the leaf's one wrong word.
    error FaultMismatch(uint256 leaf, Fault expected, Fault actual);
    /// @notice The referee used more gas than the static estimate allows for, or all it was given.
    error LeafTooDear(uint256 leaf, uint256 gasUsed, uint256 limit);

    event LeafJudged(uint256 indexed leaf, uint256 gasUsed, uint256 limit);

    constructor(IReferee referee, Leaf[] memory leaves) {
        if (leaves.length != CalibrationLeaves.COUNT) {
            revert LeafCountMismatch(CalibrationLeaves.COUNT, leaves.length);
        }
        for (uint256 i = 0; i < leaves.length; ++i) _judge(referee, i, leaves[i]);
    }

    function _judge(IReferee referee, uint256 index, Leaf memory leaf) private {
        CalibrationLeaves.Expected memory known = CalibrationLeaves.expected(index);
        bytes32 hash = keccak256(abi.encode(leaf.claim, keccak256(leaf.proof)));
        if (hash != known.leafHash) revert LeafUnknown(index, known.leafHash, hash);

        uint256 limit = MARGIN * known.gasEstimate + GAS_PER_PROOF_BYTE * leaf.proof.length;
        if (limit > TRANSACTION_GAS) limit = TRANSACTION_GAS;
        bytes memory call = abi.encodeCall(IReferee.prove, (0, leaf.claim, leaf.proof));
        uint256 gasUsed = gasleft();
        // With all the gas there is: what is too dear shall be told from what fails.
        (bool judged, bytes memory answer) = address(referee).staticcall(call);
        gasUsed -= gasleft();
        if (gasUsed > limit) revert LeafTooDear(index, gasUsed, limit);
        if (!judged || answer.length != 160) revert LeafNotJudged(index, answer);
        Fault memory found = abi.decode(answer, (Fault));
        if (keccak256(abi.encode(found)) != keccak256(abi.encode(known.fault))) {
            revert FaultMismatch(index, known.fault, found);
        }
        emit LeafJudged(index, gasUsed, limit);
    }
}
