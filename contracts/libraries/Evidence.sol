// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ClaimView, RecordShown, StepShown} from "../types/Types.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {ProgramCodec} from "./ProgramCodec.sol";

/// @title What is shown under a claim's roots
/// @notice Checks that summaries, steps, records, tensors and tables are those the claimant committed to (sections 3 and 4).
/// Everything reverts with the part that does not fit.
library Evidence {
    /// @notice A part of a proof that is bound to a hash.
    enum Part {
        Program,
        Trace,
        Records,
        Scratch,
        State,
        Inputs,
        Tensor,
        Interface,
        Bindings,
        Scalar
    }

    /// @notice The part shown is another than the one committed to.
    error HashMismatch(Part part, bytes32 expected, bytes32 computed);
    error StepOutsideClaim(uint256 step, uint256 steps);
    error StepMismatch(uint256 expected, uint256 actual);
    /// @notice A scratch root of a deferred trace counts only where it was posted, and where that one step is named.
    error ScratchRootNotPosted(uint256 step, bytes32 scratchRoot);

    function check(Part part, bytes32 expected, bytes32 computed) internal pure {
        if (expected != computed) revert HashMismatch(part, expected, computed);
    }

    /// @notice The head of the claimed program's summary.
    function checkSummary(
        ClaimView calldata claim,
        bytes calldata summary
    ) internal pure returns (ProgramCodec.Summary memory) {
        check(Part.Program, claim.programRoot, MerkleTree.hashBytes(summary));
        return ProgramCodec.decodeSummary(summary);
    }

    /// @notice Checks that the step's two roots stand at `shown.step` under the trace root. In a deferred trace only the state
    /// root does; a scratch root, unless it is zero and so of no use, must be the posted one.
    function checkStep(ClaimView calldata claim, StepShown calldata shown) internal pure {
        if (shown.step >= claim.steps) revert StepOutsideClaim(shown.step, claim.steps);
        bytes32 scratchRoot = shown.scratchRoot;
        if (claim.deferred) {
            if (scratchRoot != 0 && (shown.step != claim.postedStep || scratchRoot != claim.postedRoot)) {
                revert ScratchRootNotPosted(shown.step, scratchRoot);
            }
            scratchRoot = 0;
        }
        bytes32 node = MerkleTree.hashPair(scratchRoot, shown.stateRoot);
        check(Part.Trace, claim.traceRoot, MerkleTree.rootOfPath(node, shown.step, claim.steps, shown.siblings));
    }

    /// @notice The same for the step before `step`, step >= 1.
    function checkPreviousStep(ClaimView calldata claim, StepShown calldata shown, uint256 step) internal pure {
        if (shown.step != step - 1) revert StepMismatch(step - 1, shown.step);
        checkStep(claim, shown);
    }

    /// @notice Checks that the record's bytes stand at `shown.primitive` in the segment. They may not decode.
    function checkRecord(ProgramCodec.Segment memory segment, RecordShown calldata shown) internal pure {
        bytes32 leaf = MerkleTree.hashBytes(shown.record);
        bytes32 root = MerkleTree.rootOfPath(leaf, shown.primitive, segment.recordCount, shown.siblings);
        check(Part.Records, segment.recordsRoot, root);
    }

    /// @notice Checks the interface table and its length.
    function checkInterface(ProgramCodec.Summary memory head, bytes calldata table) internal pure {
        check(Part.Interface, head.interfaceHash, MerkleTree.hashBytes(table));
        ProgramCodec.checkInterfaceLength(table, head);
    }

    /// @notice Checks that `root` is leaf `index` of `count` under `parent`.
    function checkLeaf(
        Part part,
        bytes32 parent,
        bytes32 root,
        uint256 index,
        uint256 count,
        bytes32[] calldata siblings
    ) internal pure {
        check(part, parent, MerkleTree.rootOfPath(root, index, count, siblings));
    }
}
