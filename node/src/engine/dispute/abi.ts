/**
 * The ABI encoding of fraud proofs, as `prove(kind, proof)` takes them (spec, "Solidity types"). Decoding refuses kinds
 * that do not exist and bytes that are no encoding of the kind's struct.
 */
import { decodeAbiParameters, encodeAbiParameters } from "viem/utils";
import { LockstepError } from "../../float/errors.ts";
import { FRAUD } from "./types.ts";
import type { ElementProof, FraudProof, Hex, PaddingProof, RecordProof, SlotProof } from "./types.ts";

const RANGE = [
  { name: "first", type: "uint32" },
  { name: "chunks", type: "bytes" },
  { name: "siblings", type: "bytes32[]" },
] as const;

const OPERAND = [
  { name: "root", type: "bytes32" },
  { name: "siblings", type: "bytes32[]" },
  { name: "ranges", type: "tuple[]", components: RANGE },
] as const;

const STEP = [
  { name: "step", type: "uint32" },
  { name: "scratchRoot", type: "bytes32" },
  { name: "stateRoot", type: "bytes32" },
  { name: "siblings", type: "bytes32[]" },
] as const;

const RECORD = [
  { name: "summary", type: "bytes" },
  { name: "primitive", type: "uint32" },
  { name: "record", type: "bytes" },
  { name: "siblings", type: "bytes32[]" },
] as const;

const ELEMENT_PROOF = [
  {
    type: "tuple",
    components: [
      { name: "step", type: "tuple", components: STEP },
      { name: "previous", type: "tuple", components: STEP },
      { name: "record", type: "tuple", components: RECORD },
      { name: "interfaceTable", type: "bytes" },
      { name: "scalar", type: "bytes" },
      { name: "outputRoot", type: "bytes32" },
      { name: "outputSiblings", type: "bytes32[]" },
      { name: "output", type: "tuple", components: RANGE },
      { name: "element", type: "uint32" },
      { name: "operands", type: "tuple[]", components: OPERAND },
    ],
  },
] as const;

const SLOT_PROOF = [
  {
    type: "tuple",
    components: [
      { name: "step", type: "tuple", components: STEP },
      { name: "previous", type: "tuple", components: STEP },
      { name: "summary", type: "bytes" },
      { name: "interfaceTable", type: "bytes" },
      { name: "bindings", type: "bytes" },
      { name: "item", type: "uint32" },
      { name: "itemRoot", type: "bytes32" },
      { name: "itemSiblings", type: "bytes32[]" },
      { name: "sourceRoot", type: "bytes32" },
      { name: "sourceSiblings", type: "bytes32[]" },
    ],
  },
] as const;

const PADDING_PROOF = [
  {
    type: "tuple",
    components: [
      { name: "step", type: "tuple", components: STEP },
      { name: "section", type: "uint8" },
      { name: "item", type: "uint32" },
      { name: "record", type: "tuple", components: RECORD },
      { name: "summary", type: "bytes" },
      { name: "interfaceTable", type: "bytes" },
      { name: "root", type: "bytes32" },
      { name: "siblings", type: "bytes32[]" },
      { name: "chunk", type: "tuple", components: RANGE },
    ],
  },
] as const;

const RECORD_PROOF = [
  {
    type: "tuple",
    components: [
      { name: "flaw", type: "uint8" },
      { name: "record", type: "tuple", components: RECORD },
      { name: "scalar", type: "bytes" },
      { name: "interfaceTable", type: "bytes" },
      { name: "other", type: "tuple", components: RECORD },
      { name: "operand", type: "uint32" },
      { name: "segment", type: "uint8" },
      { name: "bindings", type: "bytes" },
      { name: "item", type: "uint32" },
    ],
  },
] as const;

export function encodeElementProof(proof: ElementProof): Hex {
  return encodeAbiParameters(ELEMENT_PROOF, [proof]);
}

function encodeSlotProof(proof: SlotProof): Hex {
  return encodeAbiParameters(SLOT_PROOF, [proof]);
}

function encodePaddingProof(proof: PaddingProof): Hex {
  return encodeAbiParameters(PADDING_PROOF, [proof]);
}

function encodeRecordProof(proof: RecordProof): Hex {
  return encodeAbiParameters(RECORD_PROOF, [proof]);
}

/** The bytes that `prove` takes beside the kind. */
export function encodeProof(fraud: FraudProof): Hex {
  switch (fraud.kind) {
    case FRAUD.badElement:
      return encodeElementProof(fraud.proof);
    case FRAUD.badSlot:
      return encodeSlotProof(fraud.proof);
    case FRAUD.badPadding:
      return encodePaddingProof(fraud.proof);
    case FRAUD.badRecord:
      return encodeRecordProof(fraud.proof);
  }
}

/** The proof that these bytes encode. Throws ProofEncodingError. */
export function decodeProof(kind: number, bytes: Hex): FraudProof {
  try {
    switch (kind) {
      case FRAUD.badElement:
        return { kind, proof: decodeAbiParameters(ELEMENT_PROOF, bytes)[0] };
      case FRAUD.badSlot:
        return { kind, proof: decodeAbiParameters(SLOT_PROOF, bytes)[0] };
      case FRAUD.badPadding:
        return { kind, proof: paddingProof(decodeAbiParameters(PADDING_PROOF, bytes)[0]) };
      case FRAUD.badRecord:
        return { kind, proof: decodeAbiParameters(RECORD_PROOF, bytes)[0] };
    }
  } catch (cause) {
    throw new ProofEncodingError(kind, "the bytes encode no such proof", cause);
  }
  throw new ProofEncodingError(kind, "there is no such kind");
}

function paddingProof(proof: Omit<PaddingProof, "section"> & { section: number }): PaddingProof {
  const { section } = proof;
  if (section !== 3 && section !== 4) throw new RangeError(`section ${section} has no tensors`);
  return { ...proof, section };
}

/** Bytes that are no fraud proof of the kind. */
export class ProofEncodingError extends LockstepError {
  constructor(kind: number, rule: string, cause?: unknown) {
    super("ProofEncodingError", `fraud proof of kind ${kind}: ${rule}`, { kind, rule }, { cause });
  }
}
