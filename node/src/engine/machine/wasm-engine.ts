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
import { DEFAULT_GRAIN } from "./code.ts";
import { boundRoots, committedTree, initialRoots, primitiveLie, setRoot, slotRootsOf, stateLie } from "./commitment.ts";
import { tellLie } from "./commitment.ts";
import { createCompiler } from "./compile.ts";
import { constantSource } from "./constants.ts";
import { createBinder } from "./executor.ts";
import type { AttachNative, BoundOperation, ExecutorParts } from "./executor.ts";
import { loadProgram, wordsAt } from "./load.ts";
import { FIRST_ADDRESS } from "./plan.ts";
import { joinPieces, piecesOfSlot } from "./snapshots.ts";
import type { EngineParts } from "./load.ts";
import type { Operation } from "./operations.ts";
import { drain } from "./runner-engine.ts";
import { CHANGED } from "./operations.ts";
import { bindList, createTeam, runAlone } from "./threads.ts";
import type { Threads } from "./threads.ts";
import type { Engine, LoadOptions, Machine, StepOptions, StepResult, StepRoots } from "./types.ts";

export type EngineTier = "wasm" | "revec" | "addon";

export interface WasmEngineOptions {
  /** Computes fma by emulation even where the host fuses. */
  readonly emulateFma?: boolean;
  /** Pages of 64 KiB that a machine's memory may have; 65,536 unless given. */
  readonly maxPages?: number;
  /** Byte address from which on tensors lie; tests of high addresses give one. */
  readonly firstAddress?: number;
  /** Threads that help; none unless given. */
  readonly threads?: Threads;
  /**
   * What multiplies and hashes: SIMD of 128 bits ("wasm" unless given); the same for a compiler that widens vectors, which the
   * host has to have asked for ("revec"); or native code ("addon").
   */
  readonly tier?: EngineTier;
  /** Native code for the tier "addon", in this thread; helper threads have their own. */
  readonly native?: { readonly set: string; readonly attach: AttachNative };
  /** Nanoseconds of work that are worth handing to another thread; 16,000 unless given. */
  readonly grain?: number;
  /** Called with every operation and the milliseconds it took in the calling thread. */
  readonly profile?: (operation: Operation, milliseconds: number) => void;
}

/** An engine and what it found about its host. */
export interface WasmEngine extends Engine {
  /** Whether fma is the host's instruction. */
  readonly isFused: boolean;
  /** Threads that execute, the calling one among them. */
  readonly threads: number;
}

/** An engine whose machines have memories of their own; compiled code is shared between them. */
export function createWasmEngine(options: WasmEngineOptions = {}): WasmEngine {
  if (!hasSimd()) throw new SimdUnavailableError();
  const isFused = options.emulateFma !== true && isFusedHost();
  const threads = 1 + (options.threads?.helpers ?? 0);
  const native = options.tier === "addon" && isFused ? (options.native ?? null) : null;
  // Native code works on memories that stay where they are.
  const isShared = threads > 1 || native !== null;
  const parts: EngineParts = {
    compiler: createCompiler({ isFused, isShared }),
    multiplier: compileMultiplier({ isFused, isShared, isWidened: options.tier === "revec" }),
    native: native?.set ?? null,
    isFused,
    isShared,
    threads,
    grain: options.grain ?? DEFAULT_GRAIN,
    maxPages: options.maxPages ?? MAX_PAGES,
    firstAddress: options.firstAddress ?? FIRST_ADDRESS,
  };
  const hashing = new WebAssembly.Module(hashModule({ isShared }) as BufferSource);
  return {
    isFused,
    threads,
    load: (program, loadOptions) => createMachine(program, loadOptions, parts, hashing, options),
  };
}

const SLICE_MILLISECONDS = 2;

function createMachine(
  program: Program,
  options: LoadOptions,
  parts: EngineParts,
  hashing: WebAssembly.Module,
  { threads, native, profile }: WasmEngineOptions,
): Machine {
  const { trace, hasher, inputs } = options;
  const commits = trace !== "none";
  const { memory, plan, code } = loadProgram(program, options, parts);
  const source = constantSource(program, options);
  const { slots, segments, stateRoots } = plan;
  const bytes = new Uint8Array(memory.buffer);
  const executorParts: ExecutorParts = {
    memory,
    kernels: code.kernels,
    multiplier: parts.multiplier,
    hashing: commits ? hashing : null,
    native: parts.native,
    scratch: plan.scratch,
  };
  const binder = createBinder(executorParts, 0, native?.attach ?? null);
  const bound = new Map<Operation, BoundOperation>();
  const bind = (operation: Operation): BoundOperation => {
    const found = bound.get(operation) ?? timed(operation, binder(operation), profile);
    bound.set(operation, found);
    return found;
  };
  const lists = code.segments.flatMap(({ plain, committing }) => [plain, committing ?? plain]);
  const boundLists = lists.map((list) => bindList(list, bind));
  const slotViews = slots.map(({ address, length }) => wordsAt(memory, address, length));
  const primitiveViews = segments.map(({ primitives }) =>
    primitives.map(({ address, length }) => wordsAt(memory, address, length)),
  );
  const outputViews = segments.map(({ segment }, index) =>
    segment.outputBindings.map((primitive) => primitiveViews[index][primitive]),
  );
  // Words of a shared memory are given out as copies, since few interfaces take such views.
  const copies = parts.isShared ? program.outputs.map(({ length }) => new Uint32Array(length)) : null;
  const outputsNow = (index: number): readonly Uint32Array[] => {
    if (copies === null) return outputViews[index];
    copies.forEach((copy, output) => copy.set(outputViews[index][output]));
    return copies;
  };
  let knowsSlotRoots = false;

  const flagsOf = (slot: number): Uint8Array | null => {
    const { tree, length } = slots[slot];
    return tree === null ? null : bytes.subarray(tree.dirty, tree.dirty + chunkCount(length));
  };
  const markAllChanged = (): void => slots.forEach((_, slot) => flagsOf(slot)?.fill(CHANGED));
  const restore: Machine["restore"] = (snapshot) => {
    program.slots.forEach(({ initial, length, type }, slot) => {
      if (snapshot !== null) joinPieces(snapshot.slots[slot], slotViews[slot]);
      else if (initial.kind === "input") slotViews[slot].set(inputs[initial.index]);
      else slotViews[slot].set(source.wordsOf(initial.root).subarray(0, length));
      wordsAt(memory, slots[slot].whole, 1)[0] = isCanonical(type, slotViews[slot]) ? 0 : 1;
    });
    markAllChanged();
    knowsSlotRoots = snapshot === null && commits;
    if (knowsSlotRoots) bytes.set(initialRoots(program, inputs, hasher), stateRoots);
  };
  const requireSlotRoots = (): void => {
    if (!knowsSlotRoots) bytes.set(slotRootsOf(slotViews, hasher), stateRoots);
    knowsSlotRoots = true;
  };
  restore(null);

  const endPlainStep = (index: number, commit: boolean): StepResult => {
    if (commit) for (const { slot, note } of code.segments[index].rewritten) flagsOf(slot)?.fill(note);
    else {
      markAllChanged();
      knowsSlotRoots = false;
    }
    return { outputs: outputsNow(index), roots: commit ? rootsNow(index) : null };
  };

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
    markAllChanged();
    // A lie may be a word that no primitive writes.
    if (lie !== null || stateTold !== null) for (const { whole } of slots) wordsAt(memory, whole, 1)[0] = 1;
    return { outputs, roots };
  }

  // Stages of a slice, such that it takes about as long as a pause should be away.
  let sliceStages = 1;
  const isWatched = (step: number, { tamper, computed }: StepOptions): boolean =>
    computed !== undefined || tamper?.step === step;
  const machine: Machine = {
    restore,
    snapshot: (last) => ({
      slots: slotViews.map((words, slot) => piecesOfSlot(words, flagsOf(slot), last?.slots[slot] ?? null)),
    }),
    slots: () => slotViews.map((words) => words.slice()),
    advance(step, stepOptions) {
      const index = segmentOfStep(program, step);
      const commit = commits && stepOptions.replay !== true;
      if (isWatched(step, stepOptions)) return drain(watchedStep(step, index, commit, stepOptions));
      if (commit) requireSlotRoots();
      const list = 2 * index + (commit ? 1 : 0);
      runStages(list, step, 0, boundLists[list].stages.length);
      return endPlainStep(index, commit);
    },
    *advanceInSlices(step, stepOptions) {
      const index = segmentOfStep(program, step);
      const commit = commits && stepOptions.replay !== true;
      if (isWatched(step, stepOptions)) return yield* watchedStep(step, index, commit, stepOptions);
      if (commit) requireSlotRoots();
      const list = 2 * index + (commit ? 1 : 0);
      const count = boundLists[list].stages.length;
      for (let stage = 0; stage < count;) {
        const end = Math.min(count, stage + sliceStages);
        const start = performance.now();
        runStages(list, step, stage, end);
        const isShort = performance.now() - start < SLICE_MILLISECONDS;
        sliceStages = isShort ? Math.min(2 * sliceStages, count) : Math.max(1, sliceStages >> 1);
        stage = end;
        yield;
      }
      return endPlainStep(index, commit);
    },
  };
  const team =
    threads === undefined || parts.threads === 1
      ? null
      : createTeam(threads, machine, executorParts, lists, boundLists);
  const runStages = (list: number, step: number, first: number, end: number): void => {
    if (team === null) runAlone(boundLists[list], step, first, end);
    else team.run(list, step, first, end);
  };
  return machine;
}

function timed(operation: Operation, run: BoundOperation, profile: WasmEngineOptions["profile"]): BoundOperation {
  if (profile === undefined) return run;
  return (step, unit) => {
    const start = performance.now();
    run(step, unit);
    profile(operation, performance.now() - start);
  };
}

function runWhole({ units }: Operation, run: BoundOperation, step: number): void {
  for (let unit = 0; unit < units; unit++) run(step, unit);
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
