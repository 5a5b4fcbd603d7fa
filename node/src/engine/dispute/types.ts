/**
 * What the two sides of a dispute exchange, field for field as the contracts take it (spec, "Solidity types"). Bytes and
 * hashes are 0x-prefixed hex; `siblings` run from the leaf upwards; chunks are 1,024 bytes of big-endian words.
 */
import type { Hash } from "../../merkle/hash.ts";
import type { Position } from "../position.ts";
import type { Opened } from "../trace.ts";

/** Bytes of any length. */
export type Hex = `0x${string}`;

/** Consecutive chunks of one tensor. */
export interface Range {
  /** Index of the first chunk. */
  readonly first: number;
  readonly chunks: Hex;
  /** Per level, bottom up: the left sibling if one is consumed, then the right one. */
  readonly siblings: readonly Hash[];
}

/** What is shown of one operand; without ranges nothing is, and of a constant the ranges alone are. */
export interface OperandShown {
  readonly root: Hash;
  readonly siblings: readonly Hash[];
  /** Ascending and disjoint. */
  readonly ranges: readonly Range[];
}

/** A step node under the trace root. */
export interface StepShown {
  readonly step: number;
  readonly scratchRoot: Hash;
  readonly stateRoot: Hash;
  readonly siblings: readonly Hash[];
}

/** A record under the records root of its segment. */
export interface RecordShown {
  readonly summary: Hex;
  readonly primitive: number;
  readonly record: Hex;
  readonly siblings: readonly Hash[];
}

/** One word of a primitive's output is not what its scalar program computes. */
export interface ElementProof {
  readonly step: StepShown;
  readonly previous: StepShown;
  readonly record: RecordShown;
  readonly interfaceTable: Hex;
  readonly scalar: Hex;
  readonly outputRoot: Hash;
  readonly outputSiblings: readonly Hash[];
  readonly output: Range;
  readonly element: number;
  readonly operands: readonly OperandShown[];
}

/** A slot or an output is not the tensor its segment binds it to. */
export interface SlotProof {
  readonly step: StepShown;
  readonly previous: StepShown;
  readonly summary: Hex;
  readonly interfaceTable: Hex;
  readonly bindings: Hex;
  readonly item: number;
  readonly itemRoot: Hash;
  readonly itemSiblings: readonly Hash[];
  readonly sourceRoot: Hash;
  readonly sourceSiblings: readonly Hash[];
}

/** The last chunk of a tensor has a non-zero word past the tensor's length. */
export interface PaddingProof {
  readonly step: StepShown;
  readonly section: 3 | 4;
  readonly item: number;
  readonly record: RecordShown;
  readonly summary: Hex;
  readonly interfaceTable: Hex;
  readonly root: Hash;
  readonly siblings: readonly Hash[];
  readonly chunk: Range;
}

/** The claimed program is invalid. */
export interface RecordProof {
  readonly flaw: number;
  readonly record: RecordShown;
  readonly scalar: Hex;
  readonly interfaceTable: Hex;
  readonly other: RecordShown;
  readonly operand: number;
  readonly segment: number;
  readonly bindings: Hex;
  readonly item: number;
}

/** Kinds of fraud proofs, by the number the contracts know them by. */
export const FRAUD = { badElement: 0, badSlot: 1, badPadding: 2, badRecord: 3 } as const;

/** A proof with its kind. */
export type FraudProof =
  | { readonly kind: 0; readonly proof: ElementProof }
  | { readonly kind: 1; readonly proof: SlotProof }
  | { readonly kind: 2; readonly proof: PaddingProof }
  | { readonly kind: 3; readonly proof: RecordProof };

/** What a referee knows of a claim. */
export interface ClaimView {
  readonly programRoot: Hash;
  readonly inputsRoot: Hash;
  readonly traceRoot: Hash;
  readonly steps: number;
  /** Whether step nodes hold zero in place of the scratch root, which is posted when a demand reaches the step. */
  readonly deferred: boolean;
  /** The step whose posted scratch root is known, and that root; zero where none is. Only of a deferred trace. */
  readonly postedStep: number;
  readonly postedRoot: Hash;
}

/** The place of a lie. `primitive` is the slot or slot count + output where the lie is in the state tree. */
export interface Fault {
  readonly step: number;
  readonly primitive: number;
  readonly element: number;
  readonly claimed: number;
  readonly computed: number;
}

/** Shows the sizes of the trees that a demand enters; all empty in the steps section. */
export interface TensorShown {
  readonly summary: Hex;
  readonly record: Hex;
  readonly recordSiblings: readonly Hash[];
  readonly interfaceTable: Hex;
}

/** Binds the output roots of a claim to its trace root. */
export interface OutputsShown {
  readonly summary: Hex;
  readonly scratchRoot: Hash;
  readonly stateRoot: Hash;
  readonly stepSiblings: readonly Hash[];
  readonly outputSiblings: readonly Hash[];
}

/** An opening that was made, with the position it opened. */
export type Opening = { readonly position: Position } & Opened;
