/**
 * Runs a program step by step on an engine and commits to everything it computes (spec, "Program" and "Trees"). Keeps the
 * tensor roots of every step and a snapshot of the state every few steps, from which a step is re-executed when its tensors
 * are needed. Refuses inputs and constants that do not fit the program, and step counts out of range.
 */
import { LockstepError } from "../float/errors.ts";
import { segmentOfStep } from "../ir/program.ts";
import type { Program } from "../ir/program.ts";
import { HASH_BYTES } from "../merkle/hash.ts";
import type { Hash, Hasher } from "../merkle/hash.ts";
import { buildTree } from "../merkle/tree.ts";
import type { Tree } from "../merkle/tree.ts";
import { sharedHasher } from "../merkle/wasm-hasher.ts";
import { createCache } from "./cache.ts";
import type { Cache } from "./cache.ts";
import { checkCommittedInputs, checkInputs, inputsTree } from "./inputs.ts";
import { MAX_SNAPSHOT_BYTES, SNAPSHOT_STEPS, createSnapshots } from "./kept-snapshots.ts";
import type { KeptSnapshots } from "./kept-snapshots.ts";
import { committedTree, primitiveLie, setRoot } from "./machine/commitment.ts";
import { constantSource } from "./machine/constants.ts";
import type { Engine, Machine, TraceMode } from "./machine/types.ts";
import { MAX_STEPS } from "./position.ts";
import { checkTamper } from "./tamper.ts";
import type { Tamper } from "./tamper.ts";

export interface ExecuteOptions {
  /** One tensor per input of the program, never written. */
  readonly inputs: readonly Uint32Array[];
  /**
   * The inputs as whole chunks, where the claim's inputsRoot commits to other words than zeros past their ends: no run reads
   * those, proofs show them. Never written.
   */
  readonly committedInputs?: readonly Uint32Array[];
  /** The words of a constant by its root, never written. The caller vouches that they hash to the root. */
  readonly constants: (root: Hash) => Uint32Array;
  /** 1 .. 2^20. */
  readonly steps: number;
  readonly engine: Engine;
  /** What the run commits to; "full" unless given. */
  readonly trace?: TraceMode;
  /** Steps between two snapshots of the state at first, 32 unless given. */
  readonly snapshotSteps?: number;
  /** Bytes of all snapshots from which on every second one is dropped; 1 GiB unless given. */
  readonly snapshotBytes?: number;
  readonly hasher?: Hasher;
  /** Makes the run a wrong one. */
  readonly tamper?: Tamper;
}

/** All tensors of a step. */
export interface StepTensors {
  readonly step: number;
  /** The slots before the step. */
  readonly before: readonly Uint32Array[];
  /** The outputs of the step's primitives. */
  readonly scratch: readonly Uint32Array[];
  /** The slots after the step, then the outputs. */
  readonly state: readonly Uint32Array[];
}

/** The tensor roots of a step, flat: 32 bytes each. */
export interface CommittedRoots {
  /** Of a deferred trace they are made when they are asked for. */
  readonly scratch: Uint8Array;
  readonly state: Uint8Array;
}

/** A finished run. Everything in it is read only. */
export interface Run {
  readonly program: Program;
  readonly steps: number;
  readonly trace: TraceMode;
  readonly inputs: readonly Uint32Array[];
  /** What the inputs' roots commit to: the inputs, or whole chunks of them. */
  readonly committedInputs: readonly Uint32Array[];
  readonly inputsTree: Tree | null;
  /** The outputs of the last step. */
  readonly outputs: readonly Uint32Array[];
  /** Empty for a run that commits to nothing. */
  readonly roots: readonly CommittedRoots[];
  /** Over the nodes of the steps. Throws UncommittedRunError for a run that commits to nothing. */
  readonly stepTree: Tree;
  readonly hasher: Hasher;
  readonly tamper: Tamper | null;
  readonly trees: Cache<Tree>;
  constant(root: Hash): Uint32Array;
  /** Re-executes the step unless it was asked for lately. */
  tensorsAt(step: number): StepTensors;
}

/** A run under way. */
export interface Execution {
  readonly stepsDone: number;
  /** Runs one step. The outputs are valid until the next call. */
  advance(): readonly Uint32Array[];
  /** Runs one step with pauses, for callers that have other things to do meanwhile. */
  advanceInSlices(): Generator<void, readonly Uint32Array[]>;
  /** The finished run; throws UnfinishedRunError before the last step. */
  finish(): Run;
  /** The run of the steps done, as if no more had been meant; throws UnfinishedRunError before the first. */
  end(): Run;
}

/** Runs every step. */
export function execute(program: Program, options: ExecuteOptions): Run {
  const execution = createExecution(program, options);
  while (execution.stepsDone < options.steps) execution.advance();
  return execution.finish();
}

/** Starts a run that the caller advances step by step. */
export function createExecution(program: Program, options: ExecuteOptions): Execution {
  const { steps, inputs, engine, trace = "full", tamper = null } = options;
  const { snapshotSteps = SNAPSHOT_STEPS, snapshotBytes = MAX_SNAPSHOT_BYTES } = options;
  const hasher = options.hasher ?? sharedHasher();
  if (!Number.isInteger(steps) || steps < 1 || steps > MAX_STEPS) throw new StepCountError(steps);
  if (!Number.isInteger(snapshotSteps) || snapshotSteps < 1) throw new StepCountError(snapshotSteps);
  checkInputs(program, inputs);
  const committedInputs = options.committedInputs ?? inputs;
  checkCommittedInputs(inputs, committedInputs);
  if (tamper !== null) checkTamper(program, steps, tamper);
  const load = (): Machine => engine.load(program, { inputs, constants: options.constants, trace, hasher });
  // Let go of at the end: it may hold gigabytes, and most runs are never opened.
  let machine: Machine | null = load();
  const machineNow = (): Machine => {
    if (machine === null) throw new StepCountError(steps + 1);
    return machine;
  };
  const told = { tamper };
  const snapshots = createSnapshots(trace === "none" ? Infinity : snapshotSteps, snapshotBytes);
  const roots: CommittedRoots[] = [];
  const stepNodes = new Uint8Array(trace === "none" ? 0 : steps * HASH_BYTES);
  let stepsDone = 0;
  let outputs: readonly Uint32Array[] = [];
  let idle: WeakRef<Machine> | null = null;
  const idleMachine = (): Machine => {
    const found = idle?.deref() ?? load();
    idle = new WeakRef(found);
    return found;
  };
  const tensors = createCache<StepTensors>(2);
  const tensorsAt = (step: number): StepTensors => {
    if (!Number.isInteger(step) || step < 0 || step >= stepsDone) throw new StepCountError(step);
    return tensors.get(String(step), () => {
      try {
        return reexecute(idleMachine(), program, snapshots, tamper, step);
      } catch (error) {
        // A machine that failed (a helper thread was lost) may fail for ever; the next one asked for is a new one.
        idle = null;
        throw error;
      }
    });
  };

  const requireStep = (): number => {
    if (stepsDone === steps) throw new StepCountError(steps + 1);
    return stepsDone;
  };
  const record = (result: ReturnType<Machine["advance"]>): readonly Uint32Array[] => {
    const step = stepsDone++;
    if (result.roots !== null) {
      const { scratch, state } = result.roots;
      stepNodes.set(stepNodeOf(scratch, state, hasher), step * HASH_BYTES);
      roots.push(scratch === null ? rootsOnDemand(state, () => scratchRootsOf(tensorsAt(step))) : { scratch, state });
    }
    snapshots.take(stepsDone, machineNow());
    outputs = result.outputs;
    return outputs;
  };
  const scratchRootsOf = ({ step, scratch }: StepTensors): Uint8Array => {
    const lie = primitiveLie(tamper, step);
    const made = new Uint8Array(scratch.length * HASH_BYTES);
    scratch.forEach((words, primitive) => {
      setRoot(made, primitive, committedTree(words, lie?.primitive === primitive ? lie : null, hasher));
    });
    return made;
  };

  const end = (): Run => {
    if (stepsDone === 0) throw new UnfinishedRunError(0, steps);
    outputs = outputs.map((words) => words.slice());
    if (machine !== null) idle = new WeakRef(machine);
    machine = null;
    snapshots.close();
    const stepTree = trace === "none" ? null : buildTree(stepNodes.subarray(0, stepsDone * HASH_BYTES), hasher);
    return {
      program,
      steps: stepsDone,
      trace,
      inputs,
      committedInputs,
      inputsTree: inputsTree(committedInputs, hasher),
      outputs,
      roots,
      get stepTree() {
        if (stepTree === null) throw new UncommittedRunError();
        return stepTree;
      },
      hasher,
      tamper,
      trees: createCache<Tree>(256),
      constant: constantSource(program, options).wordsOf,
      tensorsAt,
    };
  };

  return {
    get stepsDone() {
      return stepsDone;
    },
    advance: () => record(machineNow().advance(requireStep(), told)),
    *advanceInSlices() {
      return record(yield* machineNow().advanceInSlices(requireStep(), told));
    },
    finish() {
      if (stepsDone < steps) throw new UnfinishedRunError(stepsDone, steps);
      return end();
    },
    end,
  };
}

// --- Re-execution ---

function reexecute(
  machine: Machine,
  program: Program,
  snapshots: KeptSnapshots,
  tamper: Tamper | null,
  step: number,
): StepTensors {
  const { snapshot, taken } = snapshots.before(step);
  machine.restore(snapshot);
  for (let earlier = taken; earlier < step; earlier++) {
    machine.advance(earlier, { tamper, replay: true });
  }
  const before = machine.slots();
  const records = program.segments[segmentOfStep(program, step)].records;
  const scratch = new Array<Uint32Array>(records.length);
  const computed = (primitive: number, words: Uint32Array): void => {
    scratch[primitive] = words.slice();
  };
  const { outputs } = machine.advance(step, { tamper, replay: true, computed });
  return { step, before, scratch, state: [...machine.slots(), ...outputs.map((words) => words.slice())] };
}

function rootsOnDemand(state: Uint8Array, make: () => Uint8Array): CommittedRoots {
  let scratch: Uint8Array | undefined;
  return {
    get scratch() {
      scratch ??= make();
      return scratch;
    },
    state,
  };
}

// A deferred trace has zero in place of the root over its primitives.
function stepNodeOf(scratchRoots: Uint8Array | null, stateRoots: Uint8Array, hasher: Hasher): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  [scratchRoots, stateRoots].forEach((leaves, side) => {
    if (leaves === null) return;
    const tree = buildTree(leaves, hasher);
    pair.set(tree.levels[tree.depth], side * HASH_BYTES);
  });
  const node = new Uint8Array(HASH_BYTES);
  hasher.hashPairs(pair, node);
  return node;
}

/** A number of steps, or a step, out of range. */
export class StepCountError extends LockstepError {
  constructor(steps: number) {
    super("StepCountError", `${steps} is not a step (or number of steps) of this run`, { steps });
  }
}

/** A run was finished before its last step. */
export class UnfinishedRunError extends LockstepError {
  constructor(done: number, steps: number) {
    super("UnfinishedRunError", `${done} of ${steps} steps were run`, { done, steps });
  }
}

/** The trace of a run that commits to nothing was asked for. */
export class UncommittedRunError extends LockstepError {
  constructor() {
    super("UncommittedRunError", "the run was made without a trace", {});
  }
}
