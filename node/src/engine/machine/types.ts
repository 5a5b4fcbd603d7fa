/**
 * What executes a program (numerics, "Readers"): an engine loads a program once, and the machine it gives holds the tensors
 * from step to step. Machines of different engines give the same words and the same roots for every valid program.
 */
import type { Program } from "../../ir/program.ts";
import { LockstepError } from "../../float/errors.ts";
import type { Hash, Hasher } from "../../merkle/hash.ts";
import type { Tamper } from "../tamper.ts";

/**
 * What a run commits to: every tensor of every step, the state after every step alone (roots of the primitives are made when
 * they are asked for, by running the step again), or nothing.
 */
export type TraceMode = "full" | "deferred" | "none";

/** What a program runs on. */
export interface ProgramData {
  /** One tensor per input of the program, never written. */
  readonly inputs: readonly Uint32Array[];
  /** The words of a constant by its root, never written. Asked for when a machine is loaded and when it is restored. */
  readonly constants: (root: Hash) => Uint32Array;
}

export interface LoadOptions extends ProgramData {
  readonly trace: TraceMode;
  /** Hashes what the engine does not hash by itself. */
  readonly hasher: Hasher;
}

export interface Engine {
  /** Lays out the program and takes in its inputs and constants; the slots hold their initial values. */
  load(program: Program, options: LoadOptions): Machine;
}

/** The tensor roots of a step, flat: 32 bytes each. */
export interface StepRoots {
  /** Of the primitives' outputs; null where they are made on demand. */
  readonly scratch: Uint8Array | null;
  /** Of the slots after the step, then of the outputs. */
  readonly state: Uint8Array;
}

/** What a step gave. */
export interface StepResult {
  /** Valid until the machine is used again. */
  readonly outputs: readonly Uint32Array[];
  /** Null in a run that commits to nothing. */
  readonly roots: StepRoots | null;
}

/** The slots at some time: of each the pieces that make it up, in order. Pieces are shared between snapshots, never written. */
export interface Snapshot {
  readonly slots: readonly (readonly Uint32Array[])[];
}

export interface StepOptions {
  /** A lie to tell in its step; others are told as they are. */
  readonly tamper: Tamper | null;
  /** Called with every primitive's output, in order; the words are valid during the call. */
  readonly computed?: (primitive: number, words: Uint32Array) => void;
  /** Makes no roots, whatever the trace. */
  readonly replay?: boolean;
}

/** A loaded program. Calls must not overlap, and slices of a step are run to their end before anything else. */
export interface Machine {
  /** Fills the slots: with what they held at a time, or with their initial values. */
  restore(snapshot: Snapshot | null): void;
  /** What the slots hold. Shares pieces with the last snapshot, where one is given, that have not been written since. */
  snapshot(last: Snapshot | null): Snapshot;
  /** Copies of the slots. */
  slots(): Uint32Array[];
  /** Runs one step of the program on the slots, which then hold their next values. */
  advance(step: number, options: StepOptions): StepResult;
  /** The same with pauses, for callers that have other things to do meanwhile. */
  advanceInSlices(step: number, options: StepOptions): Generator<void, StepResult>;
}

/** A constant whose words do not have the length that the program states. */
export class ConstantLengthError extends LockstepError {
  constructor(root: Hash, length: number, expected: number) {
    const message = `constant ${root} has ${length} words where ${expected} belong`;
    super("ConstantLengthError", message, { root, length, expected });
  }
}
