/**
 * The program as plain data (spec, "Program"): a lowered graph of primitives, its slots, and its schedule of steps. The
 * notes beside it are for people and for tools; they are no part of the bytes that programRoot commits to.
 */

import type { WordType } from "./opcodes.ts";
import type { ScalarProgram } from "./scalar.ts";

/** A keccak256 hash: 0x and 64 lower-case hexadecimal digits. */
export type Hash = `0x${string}`;

/** The hash of nothing: the root of an operand that is no constant. */
export const ZERO_HASH: Hash = `0x${"00".repeat(32)}`;

export const NUMERICS_VERSION = 1;

/** Marks a slot that a segment leaves unchanged. */
export const UNCHANGED = 0xffffffff;

/** The caps of a program, each inclusive. */
export const PROGRAM_LIMITS = {
  segments: 4,
  records: 65536,
  inputs: 256,
  /** slots + outputs; a proof shows the interface table whole, 48 bytes a slot (spec, "Static bounds"). */
  stateTensors: 512,
  tensorLength: 2 ** 31 - 1,
  stepsField: 2 ** 32 - 1,
} as const;

/** Length in words and type of every word of a tensor. Shapes live in the notes. */
export interface TensorType {
  readonly type: WordType;
  /** 1..2^31-1. */
  readonly length: number;
}

/** A tensor that an earlier primitive of the same step, a slot or an input holds. */
export interface IndexedOperand extends TensorType {
  readonly kind: "primitive" | "slot" | "input";
  readonly index: number;
}

/** A tensor fixed by the program: its Merkle root. */
export interface ConstantOperand extends TensorType {
  readonly kind: "constant";
  readonly root: Hash;
}

export type OperandRef = IndexedOperand | ConstantOperand;

/** Operand kinds in the order of their codes. */
export const OPERAND_KINDS: readonly OperandRef["kind"][] = ["primitive", "slot", "input", "constant"];

/** A primitive: one scalar program applied to every element of its output. `length` and `type` are the output's. */
export interface PrimitiveRecord extends TensorType {
  readonly scalar: Hash;
  readonly operands: readonly OperandRef[];
}

/** The tensor a slot holds before step 0: an input or a constant. */
export type SlotInitial =
  { readonly kind: "input"; readonly index: number } | { readonly kind: "constant"; readonly root: Hash };

/** A value carried from step to step. */
export interface Slot extends TensorType {
  readonly initial: SlotInitial;
}

/** A graph that runs for a number of consecutive steps. */
export interface Segment {
  /** In topological order. */
  readonly records: readonly PrimitiveRecord[];
  /** Steps it runs; 0 for the last segment, which takes the rest. */
  readonly steps: number;
  /** Per slot the primitive that gives its next value, or {@link UNCHANGED}. */
  readonly slotBindings: readonly number[];
  /** Per output the primitive that gives it. */
  readonly outputBindings: readonly number[];
}

/** The name and shape of a tensor of the interface, slowest dimension first. */
export interface TensorNote {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Where a primitive comes from: the operator, its opset and its node's name, and the shape of the output. */
export interface PrimitiveNote {
  readonly operator: string;
  readonly opset: number;
  readonly name: string;
  readonly shape: readonly number[];
}

/** Never committed, and absent from a decoded program. Lists run beside those of the program. */
export interface ProgramNotes {
  readonly inputs: readonly TensorNote[];
  readonly slots: readonly TensorNote[];
  readonly outputs: readonly TensorNote[];
  /** Per segment, per primitive. */
  readonly primitives: readonly (readonly PrimitiveNote[])[];
}

export interface Program {
  readonly inputs: readonly TensorType[];
  readonly slots: readonly Slot[];
  /** At least one. */
  readonly outputs: readonly TensorType[];
  /** One to four. */
  readonly segments: readonly Segment[];
  /** Every scalar program that a record names, by its hash. */
  readonly scalars: ReadonlyMap<Hash, ScalarProgram>;
  readonly notes?: ProgramNotes;
}

/** The index of the segment that runs in `step`: the first whose cumulated steps exceed it, else the last. */
export function segmentOfStep(program: Program, step: number): number {
  let end = 0;
  for (let index = 0; index < program.segments.length - 1; index++) {
    end += program.segments[index].steps;
    if (step < end) return index;
  }
  return program.segments.length - 1;
}
