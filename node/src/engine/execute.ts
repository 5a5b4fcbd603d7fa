/**
 * Runs a program step by step over any backend and commits to everything it computes (spec, "Program" and "Trees").
 * Keeps the tensor roots of every step and a snapshot of the state every few steps, from which a step is re-executed
 * when its tensors are needed. Refuses inputs and constants that do not fit the program, and step counts out of range.
 */
import { LockstepError } from "../float/errors.ts";
import { MissingScalarError } from "../ir/decode.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { UNCHANGED, segmentOfStep } from "../ir/program.ts";
import type { OperandRef, Program, Segment } from "../ir/program.ts";
import type { ScalarProgram } from "../ir/scalar.ts";
import { HASH_BYTES, fromHash } from "../merkle/hash.ts";
import type { Hash, Hasher } from "../merkle/hash.ts";
import { tensorTree, updatedTensorTree } from "../merkle/tensor.ts";
import { buildTree } from "../merkle/tree.ts";
import type { Tree } from "../merkle/tree.ts";
import { sharedHasher } from "../merkle/wasm-hasher.ts";
import { createCache } from "./cache.ts";
import type { Cache } from "./cache.ts";
import { checkInputs, inputsTree } from "./inputs.ts";
import { createPool } from "./pool.ts";
import type { Pool } from "./pool.ts";
import { MAX_STEPS } from "./position.ts";
import { checkTamper, withPadding } from "./tamper.ts";
import type { Tamper } from "./tamper.ts";

/** A backend: the interpreter, or anything with its exact bits. */
export interface PrimitiveRunner {
  /** Writes output[e] = scalar(e, step, operands) for every element e. Operands are never written. */
  run(scalar: ScalarProgram, step: number, operands: readonly Uint32Array[], output: Uint32Array): void;
  /** Says that these words will never change, so that the backend may hold a copy of them while they live. */
  keep?(words: Uint32Array): void;
}

/** The living definition as a backend: slow, and equal to every other. */
export const interpreterRunner: PrimitiveRunner = {
  run(scalar, step, operands, output) {
    const typed = operands.map((words, index) => wordsOperand(scalar.operandTypes[index], words));
    output.set(evaluatePrimitive(scalar, step, typed, output.length));
  },
};

export interface ExecuteOptions {
  /** One tensor per input of the program, never written. */
  readonly inputs: readonly Uint32Array[];
  /** The words of a constant by its root, never written. The caller vouches that they hash to the root. */
  readonly constants: (root: Hash) => Uint32Array;
  /** 1 .. 2^20. */
  readonly steps: number;
  readonly runner: PrimitiveRunner;
  /** Steps between two snapshots of the state, 32 unless given. */
  readonly snapshotSteps?: number;
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
export interface StepRoots {
  readonly scratch: Uint8Array;
  readonly state: Uint8Array;
}

/** A finished run. Everything in it is read only. */
export interface Run {
  readonly program: Program;
  readonly steps: number;
  readonly inputs: readonly Uint32Array[];
  readonly inputsTree: Tree | null;
  /** The outputs of the last step. */
  readonly outputs: readonly Uint32Array[];
  readonly roots: readonly StepRoots[];
  /** Over the nodes of the steps. */
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
  /** Runs one step with a pause after every primitive, for callers that have other things to do meanwhile. */
  advanceInSlices(): Generator<void, readonly Uint32Array[]>;
  /** The finished run; throws UnfinishedRunError before the last step. */
  finish(): Run;
}

/** Runs every step. */
export function execute(program: Program, options: ExecuteOptions): Run {
  const execution = createExecution(program, options);
  while (execution.stepsDone < options.steps) execution.advance();
  return execution.finish();
}

/** Starts a run that the caller advances step by step. */
export function createExecution(program: Program, options: ExecuteOptions): Execution {
  const { steps, inputs, tamper = null, hasher = sharedHasher(), snapshotSteps = 32 } = options;
  if (!Number.isInteger(steps) || steps < 1 || steps > MAX_STEPS) throw new StepCountError(steps);
  if (!Number.isInteger(snapshotSteps) || snapshotSteps < 1) throw new StepCountError(snapshotSteps);
  checkInputs(program, inputs);
  const machine = createMachine(program, options, tamper);
  const initial = machine.initialState();
  const snapshots: (readonly Uint32Array[])[] = [initial];
  const pool = createPool();
  initial.forEach(pool.pin);
  const roots: StepRoots[] = [];
  const stepNodes = new Uint8Array(steps * HASH_BYTES);
  let slotTrees: (Tree | null)[] = program.slots.map(() => null);
  let slotRoots = initialRoots(program, inputs, hasher);
  let state: readonly Uint32Array[] = initial;

  const advanceInSlices = function* (): Generator<void, readonly Uint32Array[]> {
    const step = roots.length;
    if (step === steps) throw new StepCountError(steps + 1);
    const segment = program.segments[segmentOfStep(program, step)];
    const slots = state.slice(0, program.slots.length);
    const scratchRoots = new Uint8Array(segment.records.length * HASH_BYTES);
    const bound = boundTrees(segment, slots, slotTrees);
    const made = new Map<number, Tree>();
    const after = yield* machine.runStep(step, slots, pool, (primitive, words) => {
      const tree = committedTree(words, step, primitive, tamper, bound.get(primitive), hasher);
      scratchRoots.set(tree.levels[tree.depth], primitive * HASH_BYTES);
      if (tree.depth > 0 && segment.slotBindings.includes(primitive)) made.set(primitive, tree);
    });
    const stateRoots = boundRoots(segment, scratchRoots, slotRoots);
    slotTrees = slotTrees.map((tree, slot) => {
      return segment.slotBindings[slot] === UNCHANGED ? tree : (made.get(segment.slotBindings[slot]) ?? null);
    });
    const lie = tamper !== null && "item" in tamper && tamper.step === step ? tamper : null;
    if (lie !== null) {
      const tree = tensorTree(withPadding(after.state[lie.item], lie), hasher);
      stateRoots.set(tree.levels[tree.depth], lie.item * HASH_BYTES);
      if (lie.item < slotTrees.length) slotTrees[lie.item] = null;
    }
    // A tree of words that hold a padding lie is not the tree of the words that the next step compares with.
    if (tamper?.step === step) slotTrees = slotTrees.map(() => null);
    roots.push({ scratch: scratchRoots, state: stateRoots });
    stepNodes.set(stepNodeOf(scratchRoots, stateRoots, hasher), step * HASH_BYTES);
    slotRoots = stateRoots.slice(0, program.slots.length * HASH_BYTES);
    state = after.state;
    if ((step + 1) % snapshotSteps === 0) {
      const snapshot = state.slice(0, program.slots.length);
      snapshot.forEach(pool.pin);
      snapshots.push(snapshot);
    }
    return state.slice(program.slots.length);
  };

  return {
    get stepsDone() {
      return roots.length;
    },
    advance: () => drain(advanceInSlices()),
    advanceInSlices,
    finish() {
      if (roots.length < steps) throw new UnfinishedRunError(roots.length, steps);
      const tensors = createCache<StepTensors>(2);
      return {
        program,
        steps,
        inputs,
        inputsTree: inputsTree(inputs, hasher),
        outputs: state.slice(program.slots.length),
        roots,
        stepTree: buildTree(stepNodes, hasher),
        hasher,
        tamper,
        trees: createCache<Tree>(256),
        constant: machine.constant,
        tensorsAt(step) {
          if (!Number.isInteger(step) || step < 0 || step >= steps) throw new StepCountError(step);
          return tensors.get(String(step), () => reexecute(machine, program, snapshots, snapshotSteps, step));
        },
      };
    },
  };
}

// --- One step ---

type Keep = (primitive: number, words: Uint32Array) => void;

interface Machine {
  constant(root: Hash): Uint32Array;
  initialState(): Uint32Array[];
  /**
   * Runs a step and pauses after every primitive. With a pool, tensors return to it once nothing reads them, and `scratch` is
   * not to be used.
   */
  runStep(
    step: number,
    slots: readonly Uint32Array[],
    pool: Pool | null,
    computed: Keep,
  ): Generator<void, Omit<StepTensors, "step">>;
}

// Runs a sliced computation to its end.
function drain<T>(slices: Generator<void, T>): T {
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}

function createMachine(program: Program, options: ExecuteOptions, tamper: Tamper | null): Machine {
  const { inputs, runner } = options;
  const constants = new Map<Hash, Uint32Array>();
  const constant = (root: Hash): Uint32Array => {
    const known = constants.get(root);
    if (known !== undefined) return known;
    const words = options.constants(root);
    runner.keep?.(words);
    constants.set(root, words);
    return words;
  };
  const constantOf = (root: Hash, length: number): Uint32Array => {
    const words = constant(root);
    if (words.length !== length) throw new ConstantLengthError(root, words.length, length);
    return words;
  };
  const lastUses = program.segments.map(lastUsesOf);
  const operandWords = (operand: OperandRef, slots: readonly Uint32Array[], scratch: readonly Uint32Array[]) => {
    switch (operand.kind) {
      case "primitive":
        return scratch[operand.index];
      case "slot":
        return slots[operand.index];
      case "input":
        return inputs[operand.index];
      case "constant":
        return constantOf(operand.root, operand.length);
    }
  };
  const scalarOf = (hash: Hash): ScalarProgram => {
    const scalar = program.scalars.get(hash);
    if (scalar === undefined) throw new MissingScalarError(hash);
    return scalar;
  };
  if (tamper !== null) checkTamper(program, options.steps, tamper);

  return {
    constant,
    initialState: () =>
      program.slots.map(({ initial, length }) =>
        initial.kind === "input" ? inputs[initial.index] : constantOf(initial.root, length),
      ),
    *runStep(step, slots, pool, computed) {
      const segmentIndex = segmentOfStep(program, step);
      const segment = program.segments[segmentIndex];
      const scratch: Uint32Array[] = [];
      for (const [primitive, record] of segment.records.entries()) {
        const operands = record.operands.map((operand) => operandWords(operand, slots, scratch));
        const output = pool?.take(record.length) ?? new Uint32Array(record.length);
        runner.run(scalarOf(record.scalar), step, operands, output);
        if (tamper !== null && "primitive" in tamper && tamper.step === step && tamper.primitive === primitive) {
          if (tamper.element < output.length) output[tamper.element] ^= tamper.xor;
        }
        scratch.push(output);
        computed(primitive, output);
        for (const done of lastUses[segmentIndex][primitive]) pool?.give(scratch[done]);
        yield;
      }
      const state = [
        ...segment.slotBindings.map((bound, slot) => (bound === UNCHANGED ? slots[slot] : scratch[bound])),
        ...segment.outputBindings.map((bound) => scratch[bound]),
      ];
      if (tamper !== null && "item" in tamper && tamper.step === step) {
        const lied = state[tamper.item].slice();
        if (tamper.element < lied.length) lied[tamper.element] ^= tamper.xor;
        state[tamper.item] = lied;
      }
      if (pool !== null) {
        const live = new Set(state);
        for (const words of slots) if (!live.has(words)) pool.give(words);
        for (const bound of new Set([...segment.slotBindings, ...segment.outputBindings])) {
          if (bound !== UNCHANGED && !live.has(scratch[bound])) pool.give(scratch[bound]);
        }
      }
      return { before: slots, scratch, state };
    },
  };
}

// For each primitive, those that nothing reads after it. Bound ones live on in the state.
function lastUsesOf(segment: Segment): number[][] {
  const last = segment.records.map((_, primitive) => primitive);
  segment.records.forEach(({ operands }, primitive) => {
    for (const operand of operands) if (operand.kind === "primitive") last[operand.index] = primitive;
  });
  const bound = new Set([...segment.slotBindings, ...segment.outputBindings]);
  const freed: number[][] = segment.records.map(() => []);
  last.forEach((user, primitive) => {
    if (!bound.has(primitive)) freed[user].push(primitive);
  });
  return freed;
}

function reexecute(
  machine: Machine,
  program: Program,
  snapshots: readonly (readonly Uint32Array[])[],
  snapshotSteps: number,
  step: number,
): StepTensors {
  const from = Math.floor(step / snapshotSteps);
  const pool = createPool();
  snapshots[from].forEach(pool.pin);
  let slots = snapshots[from];
  for (let earlier = from * snapshotSteps; earlier < step; earlier++) {
    const { state } = drain(machine.runStep(earlier, slots, pool, () => undefined));
    slots = state.slice(0, program.slots.length);
  }
  return { step, ...drain(machine.runStep(step, slots, null, () => undefined)) };
}

// --- Roots of a step ---

// Trees of the slots before the step by the primitive that gives their next value: most of a cache does not change.
function boundTrees(
  segment: Segment,
  slots: readonly Uint32Array[],
  trees: readonly (Tree | null)[],
): Map<number, { tree: Tree; words: Uint32Array }> {
  const bound = new Map<number, { tree: Tree; words: Uint32Array }>();
  segment.slotBindings.forEach((primitive, slot) => {
    const tree = trees[slot];
    if (primitive !== UNCHANGED && tree !== null) bound.set(primitive, { tree, words: slots[slot] });
  });
  return bound;
}

function committedTree(
  words: Uint32Array,
  step: number,
  primitive: number,
  tamper: Tamper | null,
  previous: { tree: Tree; words: Uint32Array } | undefined,
  hasher: Hasher,
): Tree {
  if (tamper !== null && "primitive" in tamper && tamper.step === step && tamper.primitive === primitive) {
    return tensorTree(withPadding(words, tamper), hasher);
  }
  if (previous === undefined) return tensorTree(words, hasher);
  return updatedTensorTree(previous.tree, previous.words, words, hasher);
}

function boundRoots(segment: Segment, scratch: Uint8Array, slots: Uint8Array): Uint8Array {
  const bindings = [...segment.slotBindings, ...segment.outputBindings];
  const roots = new Uint8Array(bindings.length * HASH_BYTES);
  bindings.forEach((bound, item) => {
    const [from, index] = bound === UNCHANGED ? [slots, item] : [scratch, bound];
    roots.set(from.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES), item * HASH_BYTES);
  });
  return roots;
}

function initialRoots(program: Program, inputs: readonly Uint32Array[], hasher: Hasher): Uint8Array {
  const roots = new Uint8Array(program.slots.length * HASH_BYTES);
  program.slots.forEach(({ initial }, slot) => {
    if (initial.kind === "constant") {
      roots.set(fromHash(initial.root), slot * HASH_BYTES);
      return;
    }
    const tree = tensorTree(inputs[initial.index], hasher);
    roots.set(tree.levels[tree.depth], slot * HASH_BYTES);
  });
  return roots;
}

function stepNodeOf(scratchRoots: Uint8Array, stateRoots: Uint8Array, hasher: Hasher): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  [scratchRoots, stateRoots].forEach((leaves, side) => {
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

/** A constant whose words do not have the length that the program states. */
export class ConstantLengthError extends LockstepError {
  constructor(root: Hash, length: number, expected: number) {
    const message = `constant ${root} has ${length} words where ${expected} belong`;
    super("ConstantLengthError", message, { root, length, expected });
  }
}
