/**
 * An engine over anything that runs single primitives, such as the interpreter: tensors are arrays on the host, and trees
 * are made by a hasher. Slow and plain; other engines are compared with it.
 */
import { MissingScalarError } from "../../ir/decode.ts";
import { UNCHANGED, segmentOfStep } from "../../ir/program.ts";
import type { OperandRef, Program, Segment } from "../../ir/program.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { HASH_BYTES } from "../../merkle/hash.ts";
import type { Hash } from "../../merkle/hash.ts";
import { updatedTensorTree } from "../../merkle/tensor.ts";
import type { Tree } from "../../merkle/tree.ts";
import { createPool } from "../pool.ts";
import { constantSource } from "./constants.ts";
import { boundRoots, committedTree, initialRoots, primitiveLie, setRoot, slotRootsOf, stateLie } from "./commitment.ts";
import { tellLie } from "./commitment.ts";
import { interpreterRunner } from "./runner.ts";
import type { PrimitiveRunner } from "./runner.ts";
import type { Engine, LoadOptions, Machine, StepOptions, StepResult } from "./types.ts";

/** The living definition as an engine. */
export const interpreterEngine: Engine = runnerEngine(interpreterRunner);

/** An engine whose machines run one primitive after the other on the runner. */
export function runnerEngine(runner: PrimitiveRunner): Engine {
  return { load: (program, options) => createMachine(runner, program, options) };
}

function createMachine(runner: PrimitiveRunner, program: Program, options: LoadOptions): Machine {
  const { inputs, trace, hasher } = options;
  const source = constantSource(program, options);
  const constants = new Map<string, Uint32Array>();
  // Of constants that share a root each length has words of its own.
  const constant = (root: Hash, length: number): Uint32Array => {
    const key = `${root}:${length}`;
    const known = constants.get(key);
    if (known !== undefined) return known;
    const whole = source.wordsOf(root);
    const words = whole.length === length ? whole : whole.slice(0, length);
    constants.set(key, words);
    return words;
  };
  for (const [root, length] of source.read) constant(root, length);
  const lastUses = program.segments.map(lastUsesOf);
  const pool = createPool();
  const initial = program.slots.map((slot) =>
    slot.initial.kind === "input" ? inputs[slot.initial.index] : constant(slot.initial.root, slot.length),
  );
  initial.forEach(pool.pin);
  let slots: Uint32Array[] = initial;
  let slotTrees: (Tree | null)[] = slots.map(() => null);
  // Null while they are not known.
  let slotRoots: Uint8Array | null = null;

  const operandWords = (operand: OperandRef, scratch: readonly Uint32Array[]): Uint32Array => {
    switch (operand.kind) {
      case "primitive":
        return scratch[operand.index];
      case "slot":
        return slots[operand.index];
      case "input":
        return inputs[operand.index];
      case "constant":
        return constant(operand.root, operand.length);
    }
  };

  function* advanceInSlices(step: number, { tamper, computed, replay }: StepOptions): Generator<void, StepResult> {
    const segmentIndex = segmentOfStep(program, step);
    const segment = program.segments[segmentIndex];
    const commits = trace !== "none" && replay !== true;
    const bound = new Set([...segment.slotBindings, ...segment.outputBindings]);
    const previous = boundTrees(segment, slots, slotTrees);
    const scratch: Uint32Array[] = [];
    const scratchRoots = new Uint8Array(segment.records.length * HASH_BYTES);
    const made = new Map<number, Tree>();
    for (const [primitive, record] of segment.records.entries()) {
      const operands = record.operands.map((operand) => operandWords(operand, scratch));
      const output = pool.take(record.length);
      runner.run(scalarOf(program, record.scalar), step, operands, output);
      const lie = primitiveLie(tamper, step);
      const told = lie?.primitive === primitive ? lie : null;
      tellLie(output, told);
      scratch.push(output);
      computed?.(primitive, output);
      if (commits && (trace === "full" || bound.has(primitive))) {
        const before = told === null ? previous.get(primitive) : undefined;
        const tree =
          before === undefined
            ? committedTree(output, told, hasher)
            : updatedTensorTree(before.tree, before.words, output, hasher);
        setRoot(scratchRoots, primitive, tree);
        if (tree.depth > 0 && segment.slotBindings.includes(primitive)) made.set(primitive, tree);
      }
      for (const done of lastUses[segmentIndex][primitive]) pool.give(scratch[done]);
      yield;
    }
    const state = [
      ...segment.slotBindings.map((from, slot) => (from === UNCHANGED ? slots[slot] : scratch[from])),
      ...segment.outputBindings.map((from) => scratch[from]),
    ];
    const lie = stateLie(tamper, step);
    if (lie !== null) {
      state[lie.item] = state[lie.item].slice();
      tellLie(state[lie.item], lie);
    }
    let roots: StepResult["roots"] = null;
    if (commits) {
      slotRoots ??= slots.every((words, slot) => words === initial[slot])
        ? initialRoots(program, inputs, hasher)
        : slotRootsOf(slots, hasher);
      const stateRoots = boundRoots(segment, scratchRoots, slotRoots);
      if (lie !== null) setRoot(stateRoots, lie.item, committedTree(state[lie.item], lie, hasher));
      slotRoots = stateRoots.slice(0, slots.length * HASH_BYTES);
      slotTrees = slotTrees.map((tree, slot) => {
        return segment.slotBindings[slot] === UNCHANGED ? tree : (made.get(segment.slotBindings[slot]) ?? null);
      });
      roots = { scratch: trace === "full" ? scratchRoots : null, state: stateRoots };
    } else slotRoots = null;
    // A tree of words that hold a padding lie is not the tree of the words that the next step compares with.
    if (!commits || tamper?.step === step) slotTrees = slotTrees.map(() => null);
    const live = new Set(state);
    for (const words of slots) if (!live.has(words)) pool.give(words);
    for (const from of bound) if (from !== UNCHANGED && !live.has(scratch[from])) pool.give(scratch[from]);
    slots = state.slice(0, slots.length);
    return { outputs: state.slice(slots.length), roots };
  }

  return {
    restore(snapshot) {
      slots = snapshot === null ? initial : snapshot.slots.map(([words]) => words);
      slots.forEach(pool.pin);
      slotTrees = slots.map(() => null);
      slotRoots = null;
    },
    snapshot() {
      // Slots are not written but replaced.
      slots.forEach(pool.pin);
      return { slots: slots.map((words) => [words]) };
    },
    slots: () => slots.map((words) => words.slice()),
    advance: (step, stepOptions) => drain(advanceInSlices(step, stepOptions)),
    advanceInSlices,
  };
}

/** Runs a sliced computation to its end. */
export function drain<T>(slices: Generator<void, T>): T {
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}

/** The scalar program of a record. */
export function scalarOf(program: Program, hash: Hash): ScalarProgram {
  const scalar = program.scalars.get(hash);
  if (scalar === undefined) throw new MissingScalarError(hash);
  return scalar;
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
