/**
 * The compiled engine: a machine holds every tensor of a program in one WebAssembly memory, at fixed addresses, and executes
 * lists of operations over it, alone or with helper threads; trees are made from the same memory. Has the interpreter's bits
 * for every valid program. Refuses hosts without SIMD and programs that no memory holds.
 */
import { CANONICAL_NAN, isNaNBits } from "../../float/words.ts";
import type { WordType } from "../../ir/opcodes.ts";
import { segmentOfStep } from "../../ir/program.ts";
import type { Program } from "../../ir/program.ts";
import { hashModule } from "../../merkle/hash-jobs.ts";
import { HASH_BYTES } from "../../merkle/hash.ts";
import { chunkCount } from "../../merkle/tensor.ts";
import { isFusedHost } from "../wasm/fma.ts";
import { MAX_PAGES } from "../wasm/memory.ts";
import { compileMultiplier } from "../wasm/multiply.ts";
import { hasSimd, SimdUnavailableError } from "../wasm/runner.ts";
import type { OperationList } from "./code.ts";
import { boundRoots, committedTree, initialRoots, primitiveLie, setRoot, slotRootsOf, stateLie } from "./commitment.ts";
import { tellLie } from "./commitment.ts";
import { createCompiler } from "./compile.ts";
import { createBinder } from "./executor.ts";
import type { BoundOperation } from "./executor.ts";
import { loadProgram, wordsAt } from "./load.ts";
import type { EngineParts } from "./load.ts";
import type { Operation } from "./operations.ts";
import { drain } from "./runner-engine.ts";
import { constantOf } from "./types.ts";
import type { Engine, LoadOptions, Machine, StepOptions, StepResult, StepRoots } from "./types.ts";

export interface WasmEngineOptions {
  /** Computes fma by emulation even where the host fuses. */
  readonly emulateFma?: boolean;
  /** Pages of 64 KiB that a machine's memory may have; 65,536 unless given. */
  readonly maxPages?: number;
  /** Called with the kind of every operation and the milliseconds it took. */
  readonly profile?: (kind: Operation["kind"], milliseconds: number) => void;
}

/** An engine and what it found about its host. */
export interface WasmEngine extends Engine {
  /** Whether fma is the host's instruction. */
  readonly isFused: boolean;
}

/** An engine whose machines have memories of their own; compiled code is shared between them. */
export function createWasmEngine(options: WasmEngineOptions = {}): WasmEngine {
  if (!hasSimd()) throw new SimdUnavailableError();
  const isFused = options.emulateFma !== true && isFusedHost();
  const isShared = false;
  const parts: EngineParts = {
    compiler: createCompiler({ isFused, isShared }),
    multiplier: compileMultiplier({ isFused, isShared }),
    isFused,
    isShared,
    threads: 1,
    maxPages: options.maxPages ?? MAX_PAGES,
  };
  const hashing = new WebAssembly.Module(hashModule({ isShared }) as BufferSource);
  return {
    isFused,
    load: (program, loadOptions) => createMachine(program, loadOptions, parts, hashing, options.profile),
  };
}

function createMachine(
  program: Program,
  options: LoadOptions,
  parts: EngineParts,
  hashing: WebAssembly.Module,
  profile: WasmEngineOptions["profile"],
): Machine {
  const { trace, hasher, inputs } = options;
  const commits = trace !== "none";
  const { memory, plan, code } = loadProgram(program, options, parts);
  const { slots, segments, stateRoots } = plan;
  const bytes = new Uint8Array(memory.buffer);
  const binder = createBinder(
    {
      memory,
      kernels: code.kernels,
      multiplier: parts.multiplier,
      hashing: commits ? hashing : null,
      scratch: plan.scratch,
    },
    0,
  );
  const bound = new Map<Operation, BoundOperation>();
  const bind = (operation: Operation): BoundOperation => {
    const found = bound.get(operation) ?? binder(operation);
    bound.set(operation, found);
    return profile === undefined ? found : timed(operation.kind, found, profile);
  };
  const slotViews = slots.map(({ address, length }) => wordsAt(memory, address, length));
  const primitiveViews = segments.map(({ primitives }) =>
    primitives.map(({ address, length }) => wordsAt(memory, address, length)),
  );
  const outputViews = segments.map(({ segment }, index) =>
    segment.outputBindings.map((primitive) => primitiveViews[index][primitive]),
  );
  let knowsSlotRoots = false;

  const lists = code.segments.map(({ plain, committing }) => ({
    plain: bindList(plain, bind),
    committing: committing === null ? null : bindList(committing, bind),
  }));
  const markStale = (which: readonly number[]): void => {
    for (const slot of which) {
      const tree = slots[slot].tree;
      if (tree !== null) bytes.fill(1, tree.dirty, tree.dirty + chunkCount(slots[slot].length));
    }
  };
  const allSlots = [...slots.keys()];
  const fillSlot = (slot: number, words: Uint32Array): void => {
    slotViews[slot].set(words);
    wordsAt(memory, slots[slot].whole, 1)[0] = isCanonical(program.slots[slot].type, words) ? 0 : 1;
  };
  const restore: Machine["restore"] = (words) => {
    program.slots.forEach(({ initial, length }, slot) => {
      if (words !== null) fillSlot(slot, words[slot]);
      else if (initial.kind === "input") fillSlot(slot, inputs[initial.index]);
      else fillSlot(slot, constantOf(options, initial.root, length));
    });
    markStale(allSlots);
    knowsSlotRoots = words === null && commits;
    if (knowsSlotRoots) bytes.set(initialRoots(program, inputs, hasher), stateRoots);
  };
  const requireSlotRoots = (): void => {
    if (!knowsSlotRoots) bytes.set(slotRootsOf(slotViews, hasher), stateRoots);
    knowsSlotRoots = true;
  };
  restore(null);

  function* plainStep(step: number, index: number, commit: boolean): Generator<void, StepResult> {
    const list = commit ? lists[index].committing : lists[index].plain;
    if (commit) requireSlotRoots();
    if (list === null) throw new RangeError("a step without operations that commit");
    yield* list(step);
    if (commit) markStale(code.segments[index].staleSlots);
    else {
      markStale(allSlots);
      knowsSlotRoots = false;
    }
    return { outputs: outputViews[index], roots: commit ? rootsNow(index) : null };
  }

  const rootsNow = (index: number): StepRoots => {
    const { roots, segment } = segments[index];
    const items = slots.length + program.outputs.length;
    return {
      scratch: trace === "full" ? bytes.slice(roots, roots + HASH_BYTES * segment.records.length) : null,
      state: bytes.slice(stateRoots, stateRoots + HASH_BYTES * items),
    };
  };

  // One primitive after the other, for steps that tell a lie or are watched; trees are made by the hasher.
  function* watchedStep(
    step: number,
    index: number,
    commit: boolean,
    { tamper, computed }: StepOptions,
  ): Generator<void, StepResult> {
    const { segment } = segments[index];
    const scratchRoots = new Uint8Array(segment.records.length * HASH_BYTES);
    const needed = new Set([...segment.slotBindings, ...segment.outputBindings]);
    if (commit) requireSlotRoots();
    const lie = primitiveLie(tamper, step);
    for (const [primitive, operations] of code.segments[index].primitives.entries()) {
      for (const operation of operations) runWhole(operation, bind(operation), step);
      const words = primitiveViews[index][primitive];
      const told = lie?.primitive === primitive ? lie : null;
      tellLie(words, told);
      computed?.(primitive, words);
      if (commit && (trace === "full" || needed.has(primitive))) {
        setRoot(scratchRoots, primitive, committedTree(words, told, hasher));
      }
      yield;
    }
    for (const operation of code.segments[index].copies) runWhole(operation, bind(operation), step);
    const stateTold = stateLie(tamper, step);
    const outputs = outputViews[index].map((words) => words.slice());
    const items = [...slotViews, ...outputs];
    tellLie(items[stateTold?.item ?? 0] ?? new Uint32Array(0), stateTold);
    let roots: StepRoots | null = null;
    if (commit) {
      const before = bytes.slice(stateRoots, stateRoots + HASH_BYTES * slots.length);
      const state = boundRoots(segment, scratchRoots, before);
      if (stateTold !== null) setRoot(state, stateTold.item, committedTree(items[stateTold.item], stateTold, hasher));
      bytes.set(state, stateRoots);
      roots = { scratch: trace === "full" ? scratchRoots : null, state };
    }
    knowsSlotRoots &&= commit;
    markStale(allSlots);
    // A lie may be a word that no primitive writes.
    if (lie !== null || stateTold !== null) for (const { whole } of slots) wordsAt(memory, whole, 1)[0] = 1;
    return { outputs, roots };
  }

  const advanceInSlices: Machine["advanceInSlices"] = (step, stepOptions) => {
    const { tamper, computed, replay } = stepOptions;
    const index = segmentOfStep(program, step);
    const commit = commits && replay !== true;
    if (computed !== undefined || tamper?.step === step) return watchedStep(step, index, commit, stepOptions);
    return plainStep(step, index, commit);
  };
  return {
    restore,
    slots: () => slotViews.map((words) => words.slice()),
    advance: (step, stepOptions) => drain(advanceInSlices(step, stepOptions)),
    advanceInSlices,
  };
}

function timed(
  kind: Operation["kind"],
  run: BoundOperation,
  profile: NonNullable<WasmEngineOptions["profile"]>,
): BoundOperation {
  return (step, unit) => {
    const start = performance.now();
    run(step, unit);
    profile(kind, performance.now() - start);
  };
}

function runWhole({ units }: Operation, run: BoundOperation, step: number): void {
  for (let unit = 0; unit < units; unit++) run(step, unit);
}

function bindList(
  { operations }: OperationList,
  bind: (operation: Operation) => BoundOperation,
): (step: number) => Generator<void, void> {
  const functions = operations.map((operation) => ({ run: bind(operation), units: operation.units }));
  return function* (step) {
    for (const { run, units } of functions) {
      for (let unit = 0; unit < units; unit++) run(step, unit);
      yield;
    }
  };
}

/** Whether a primitive could have written these words: of f32 no NaN but the one, of bool nothing but masks. */
function isCanonical(type: WordType, words: Uint32Array): boolean {
  switch (type) {
    case "i32":
      return true;
    case "f32":
      return words.every((word) => word === CANONICAL_NAN || !isNaNBits(word));
    case "bool":
      return words.every((word) => word === 0 || word === 0xffffffff);
  }
}
