// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Data that crosses contract boundaries
/// @notice Plain structs of the claim, the walk and the fraud proofs (sections 4 to 6 of the specification). Words are
/// 32-bit values; chunks are 1,024 bytes of 256 big-endian words; every `siblings` array runs from the leaf upwards.

/// @notice A node of a claim's trace tree, or of a tensor that the claim's run reads.
/// @param section 0 steps, 1 scratch, 2 state, 3 tensor of a primitive, 4 tensor of a slot or an output, 5 tensor of an input
/// or initial constant of a slot, 6 constant of a record, 7 inputs.
/// @param height Levels above the leaves of that section's tree.
/// @param step Step of the node; 0 in sections 0, 5 and 7; the operand's index in section 6.
/// @param item Primitive (section 3), slot or slotCount + output (4), input or inputCount + slot (5), segment << 16 | primitive
/// (6); 0 elsewhere.
/// @param index Index of the node among the nodes of its height.
struct Position {
    uint8 section;
    uint8 height;
    uint32 step;
    uint32 item;
    uint32 index;
}

/// @notice Consecutive chunks of one tensor with the nodes that join them to its root.
/// @param first Index of the first chunk.
/// @param chunks The chunks, 1,024 bytes each.
/// @param siblings Per level, bottom up: the left sibling if one is consumed, then the right one.
struct Range {
    uint32 first;
    bytes chunks;
    bytes32[] siblings;
}

/// @notice What is shown of one operand of an element.
/// @param root Tensor root; zero for a constant (its record holds the root) and when no range is read.
/// @param siblings Path of the root in the scratch, state or inputs tree; empty under the same conditions.
/// @param ranges Ranges read, ascending and disjoint.
struct OperandShown {
    bytes32 root;
    bytes32[] siblings;
    Range[] ranges;
}

/// @notice A step node under the trace root.
struct StepShown {
    uint32 step;
    bytes32 scratchRoot;
    bytes32 stateRoot;
    bytes32[] siblings;
}

/// @notice A record under the records root of its segment.
/// @param summary Preimage of the program root.
/// @param primitive Index of the record in its segment.
/// @param record Preimage of the record hash.
/// @param siblings Path of the record hash.
struct RecordShown {
    bytes summary;
    uint32 primitive;
    bytes record;
    bytes32[] siblings;
}

/// @notice Fraud proof 0: one word of a primitive's output is not what its scalar program computes.
/// @param previous The step before, only when a slot operand is read in a step above 0; else all zero.
/// @param interfaceTable Only when a slot's initial value is read; else empty.
/// @param output Exactly the one chunk that holds the element.
/// @param operands One per operand of the record.
struct ElementProof {
    StepShown step;
    StepShown previous;
    RecordShown record;
    bytes interfaceTable;
    bytes scalar;
    bytes32 outputRoot;
    bytes32[] outputSiblings;
    Range output;
    uint32 element;
    OperandShown[] operands;
}

/// @notice Fraud proof 1: a slot or an output in the state tree is not the tensor its segment binds it to.
/// @param previous The step before, only when the slot is unchanged and the step is above 0; else all zero.
/// @param item Slot, or slotCount + output.
/// @param itemRoot Root of the item in the state tree of `step`.
/// @param sourceRoot Root of the bound primitive in the scratch tree; for an unchanged slot its root in the previous
/// state tree, or in step 0 its initial root (an input's, or a constant's with no siblings).
struct SlotProof {
    StepShown step;
    StepShown previous;
    bytes summary;
    bytes interfaceTable;
    bytes bindings;
    uint32 item;
    bytes32 itemRoot;
    bytes32[] itemSiblings;
    bytes32 sourceRoot;
    bytes32[] sourceSiblings;
}

/// @notice Fraud proof 2: the last chunk of a tensor has a non-zero word past the tensor's length.
/// @param section 3 (a primitive's output; `record` shows its length) or 4 (`summary` and `interfaceTable` show it).
/// @param item Primitive, slot or slotCount + output.
/// @param chunk Exactly the last chunk.
struct PaddingProof {
    StepShown step;
    uint8 section;
    uint32 item;
    RecordShown record;
    bytes summary;
    bytes interfaceTable;
    bytes32 root;
    bytes32[] siblings;
    Range chunk;
}

/// @notice Fraud proof 3: the claimed program is invalid.
/// @param flaw 0 the record does not decode; 1 the scalar program is invalid; 2 record and scalar disagree; 3 an operand
/// index is out of its table or not below its own; 4 an operand differs from what it names; 5 a binding is wrong; 6 a row
/// of the interface table is wrong.
/// @param record Its summary is always shown; the rest for flaws 0 to 4.
/// @param other The record an operand or a binding names (flaws 4 and 5), without summary; else empty.
/// @param operand Index of the operand (flaws 3 and 4).
/// @param segment Index of the segment of `record`, `other` and `bindings`.
/// @param item Index of the binding (flaw 5), or of the row: inputs, then slots, then outputs (flaw 6).
struct RecordProof {
    uint8 flaw;
    RecordShown record;
    bytes scalar;
    bytes interfaceTable;
    RecordShown other;
    uint32 operand;
    uint8 segment;
    bytes bindings;
    uint32 item;
}

/// @notice What a referee needs to know of a claim.
/// @param deferred The step nodes are H(0, stateRoot), and scratch roots are posted.
/// @param postedStep The step whose posted scratch root is given; any without one.
/// @param postedRoot The scratch root posted for it; zero if the trace is full or none was posted.
struct ClaimView {
    bytes32 programRoot;
    bytes32 inputsRoot;
    bytes32 traceRoot;
    uint32 steps;
    bool deferred;
    uint32 postedStep;
    bytes32 postedRoot;
}

/// @notice What a proof found: the place of the lie and, for an element, both words.
/// @param primitive Primitive, or the item of the state tree.
struct Fault {
    uint32 step;
    uint32 primitive;
    uint32 element;
    uint32 claimed;
    uint32 computed;
}

/// @notice What a claimant commits to in public.
/// @param steps 1 to 2^20.
/// @param traceMode 0 full; 1 deferred: the scratch root of a step is posted when a demand first reaches the step.
/// @param operator May post scratch roots beside the claimant; zero for none.
/// @param taskId Task served; zero for none.
/// @param moveFeeWei Flat fee of one forced move, in wei.
struct Terms {
    bytes32 programRoot;
    bytes32 inputsRoot;
    uint32 steps;
    uint8 traceMode;
    address operator;
    bytes32 taskId;
    uint256 moveFeeWei;
}

/// @notice All that a claim's id hashes beside chain, registry and version. Contracts keep the id; callers carry this.
/// @param outputsHash keccak256(abi.encode(outputRoots)).
/// @param salt Kept the claim from being guessed before its reveal.
struct Claim {
    address claimant;
    Terms terms;
    uint256 bondWei;
    bytes32 traceRoot;
    bytes32 outputsHash;
    bytes32 salt;
}

/// @notice Binds a claim's output roots to its trace root.
/// @param scratchRoot Of the last step; zero if the trace is deferred.
/// @param stateRoot Of the last step.
/// @param stepSiblings Path of the last step node.
/// @param outputSiblings Range proof of the leaves slotCount .. slotCount + outputCount - 1 of the state tree.
struct OutputsShown {
    bytes summary;
    bytes32 scratchRoot;
    bytes32 stateRoot;
    bytes32[] stepSiblings;
    bytes32[] outputSiblings;
}

/// @notice Shows the number of leaves below what is demanded. The summary for a step node and in sections 1 to 7; the record
/// with its path in sections 3 and 6; the interface table in sections 4 and 5; else empty.
struct TensorShown {
    bytes summary;
    bytes record;
    bytes32[] recordSiblings;
    bytes interfaceTable;
}

/// @notice A node asked for by its place under the claim's roots.
/// @param path Siblings from the node up to the root, section by section (section 5 of the specification).
struct Demand {
    bytes32 node;
    Position position;
    bytes32[] path;
    TensorShown shown;
}

/// @notice What a requester asks for.
/// @param price In units of the market's token.
/// @param deadline Seconds since the epoch.
/// @param solver Zero for anyone.
struct RequestTerms {
    bytes32 programRoot;
    bytes32 inputsRoot;
    uint32 steps;
    uint256 price;
    uint64 deadline;
    address solver;
}
