/**
 * The runs a node makes: inputs found by their root, programs executed by the engine, and the last few runs kept so that a
 * dispute is answered from memory. A run is a function of what a claim names (and of the lie, for a solver that tells
 * one), so a restarted node makes it again and gets the same bits.
 */
import { setImmediate } from "node:timers/promises";
import { hexToBytes } from "viem";
import { getFact, setFact, type NodeDatabase } from "../chain/database.ts";
import { createExecution, inputsRootOf, type Engine, type Run, type Tamper } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import type { Program } from "../ir/index.ts";
import { buildTree, CHUNK_WORDS, chunkCount, tensorRoot, treeRoot, ZERO_HASH, type Hash } from "../merkle/index.ts";
import type { ContentExchange, ContentSource } from "../net/content.ts";
import type { ContentStore } from "./content-store.ts";
import { checkCost, DEFAULT_LIMITS, type RunLimits } from "./limits.ts";
import type { Programs } from "./programs.ts";
import { tasksOf } from "./views.ts";
import { joinInputs, splitInputs, wordsOf } from "./words.ts";

/** What a claim or a task names. */
export interface RunRequest {
  programRoot: Hash;
  inputsRoot: Hash;
  steps: number;
  /** 0 full, 1 deferred; full unless given. */
  traceMode?: number;
}

export interface RunComponents {
  database: NodeDatabase;
  programs: Programs;
  store: ContentStore;
  exchange?: ContentExchange;
  engine: Engine;
  /** The most it takes on in one run. */
  limits?: RunLimits;
}

/** `traceMode` of a claim that commits to the state alone. */
export const DEFERRED = 1;

const KEPT_RUNS = 8;
// How long inputs that are not posted are asked for.
const INPUTS_MILLISECONDS = 60_000;

/** Makes runs and keeps the last few. */
export class Runs {
  readonly #components: RunComponents;
  readonly #runs = new Map<string, Promise<Run>>();

  constructor(components: RunComponents) {
    this.#components = components;
  }

  /**
   * The run of a request; with `tamper` the same run with one lie. `own` is a claim or task that this node answers for:
   * throws InputsPastEndError for inputs that no claim can be right over.
   */
  get(request: RunRequest, tamper?: Tamper, own = false): Promise<Run> {
    const { programRoot, inputsRoot, steps, traceMode = 0 } = request;
    const key = JSON.stringify([programRoot, inputsRoot, steps, traceMode, tamper ?? null]);
    const known = this.#runs.get(key);
    if (known !== undefined) {
      this.#runs.delete(key); // the least recently used goes first
      this.#runs.set(key, known);
      return own ? known.then(requireEnds) : known; // it may have been made to check another's claim
    }
    const run = this.#execute(request, tamper, own);
    // A failed run (inputs that nobody serves yet) is tried again when it is asked for again.
    run.catch(() => this.#runs.delete(key));
    if (this.#runs.size >= KEPT_RUNS) this.#runs.delete(this.#runs.keys().next().value ?? "");
    this.#runs.set(key, run);
    return run;
  }

  /**
   * Makes sure that a run could be made: the program, its cost within the limits, the inputs at hand. What is `own` has
   * inputs that end where they should: throws InputsPastEndError.
   */
  async prepare(request: RunRequest, own = false) {
    const { programs, limits = DEFAULT_LIMITS } = this.#components;
    const { program, constants } = await programs.runnable(request.programRoot, own);
    checkCost(program, request.steps, limits);
    const committedInputs = await this.#inputs(program, request.inputsRoot);
    if (own) requireEnds({ program, committedInputs });
    const inputs = committedInputs.map((words, index) => {
      const length = program.inputs[index]?.length ?? 0;
      return words.length === length ? words : words.subarray(0, length);
    });
    return { program, constants, inputs, committedInputs };
  }

  /** Whether the inputs of a program are at hand: posted with a task, or stored. Nobody is asked for them. */
  async hasInputs(program: Program, inputsRoot: Hash): Promise<boolean> {
    return (await this.#heldInputs(program, inputsRoot)) !== undefined;
  }

  /**
   * Keeps inputs that came another way: their words, or whole chunks where a root commits to other words than zeros past the
   * end. Throws InputsUnavailableError for words that are not those of the root.
   */
  async keepInputs(inputs: readonly Uint32Array[], inputsRoot: Hash): Promise<void> {
    const { database, store } = this.#components;
    if (inputsRootOf(inputs) !== inputsRoot) throw new InputsUnavailableError(inputsRoot);
    const roots: Hash[] = [];
    for (const words of inputs) roots.push(await store.put(joinInputs([words])));
    await setFact(database, `inputs:${inputsRoot}`, JSON.stringify(roots));
  }

  async #execute(request: RunRequest, tamper: Tamper | undefined, own: boolean): Promise<Run> {
    const { engine } = this.#components;
    const { program, constants, inputs, committedInputs } = await this.prepare(request, own);
    const execution = createExecution(program, {
      inputs,
      committedInputs,
      steps: request.steps,
      engine,
      trace: request.traceMode === DEFERRED ? "deferred" : "full",
      constants: (root) => {
        const words = constants.get(root);
        if (words === undefined) throw new ConstantMissingError(root);
        return words;
      },
      ...(tamper === undefined ? {} : { tamper }),
    });
    while (execution.stepsDone < request.steps) {
      const slices = execution.advanceInSlices();
      // The chain is read, and clocks are answered, between primitives.
      while (slices.next().done !== true) await setImmediate();
    }
    return execution.finish();
  }

  // Posted with a task, or stored here.
  async #heldInputs(program: Program, inputsRoot: Hash): Promise<Uint32Array[] | undefined> {
    if (program.inputs.length === 0) return [];
    const { database, store } = this.#components;
    for (const task of (await tasksOf(database)).values()) {
      if (task.inputsRoot !== inputsRoot || task.inputData === "0x") continue;
      const inputs = splitInputs(program, hexToBytes(task.inputData));
      if (inputs !== undefined && inputsRootOf(inputs) === inputsRoot) return inputs;
    }
    const inputs: Uint32Array[] = [];
    for (const [index, root] of ((await this.#inputRoots(inputsRoot)) ?? []).entries()) {
      const length = program.inputs[index]?.length ?? 1;
      const bytes =
        (await store.get(root, 4 * length)) ?? (await store.get(root, 4 * chunkCount(length) * CHUNK_WORDS));
      if (bytes !== undefined) inputs.push(wordsOf(bytes));
    }
    return inputs.length === program.inputs.length ? inputs : undefined;
  }

  async #inputRoots(inputsRoot: Hash): Promise<Hash[] | undefined> {
    const stored = await getFact(this.#components.database, `inputs:${inputsRoot}`);
    return stored === undefined ? undefined : (JSON.parse(stored) as Hash[]);
  }

  // At hand, or served by peers tensor by tensor. What came from peers is stored: a claim that was made on it must be
  // defended when they are gone.
  async #inputs(program: Program, inputsRoot: Hash): Promise<Uint32Array[]> {
    const held = await this.#heldInputs(program, inputsRoot);
    if (held !== undefined) return held;
    const { database, store, exchange } = this.#components;
    if (exchange === undefined) throw new InputsUnavailableError(inputsRoot);
    const signal = AbortSignal.timeout(INPUTS_MILLISECONDS);
    const known = await this.#inputRoots(inputsRoot);
    const roots = known ?? (await exchange.fetchLeaves(inputsRoot, program.inputs.length, signal));
    const inputs: Uint32Array[] = [];
    for (const [index, root] of roots.entries()) {
      const length = 4 * (program.inputs[index]?.length ?? 0);
      let bytes = await store.get(root, length);
      if (bytes === undefined) {
        bytes = await exchange.fetchBytes(root, length, signal);
        await store.put(bytes);
      }
      inputs.push(wordsOf(bytes));
    }
    await setFact(database, `inputs:${inputsRoot}`, JSON.stringify(roots));
    return inputs;
  }
}

// A slot that starts from such an input and is left unchanged must have the input's root and must not hold these words, so
// that every claim of the run could be proven wrong.
function requireEnds<T extends Pick<Run, "program" | "committedInputs">>(run: T): T {
  run.committedInputs.forEach((words, input) => {
    const { length } = run.program.inputs[input];
    if (words.subarray(length).some((word) => word !== 0)) throw new InputsPastEndError(input, length);
  });
  return run;
}

/**
 * What a node serves to peers: its stored files, and the inputs and, unless it withholds them, the traces of its runs.
 * A trace is asked for from the root down: step nodes, the two roots of a step, tensor roots, chunk hashes, chunks.
 */
export class ServedContent implements ContentSource {
  readonly #store: ContentStore;
  readonly #parts = new Map<string, ServedPart>();

  constructor(store: ContentStore) {
    this.#store = store;
  }

  async bytes(root: Hash, length: number): Promise<Uint8Array | undefined> {
    for (const part of this.#parts.values()) {
      const words = part.tensor(root, length / 4);
      if (words !== undefined) return joinInputs([words]);
    }
    return this.#store.get(root, length);
  }

  leaves(root: Hash): Promise<readonly Hash[] | undefined> {
    for (const part of this.#parts.values()) {
      const leaves = part.list(root);
      if (leaves !== undefined) return Promise.resolve(leaves);
    }
    return Promise.resolve(undefined);
  }

  /** What is served for one owner (a claim), until it is dropped. */
  part(owner: string): ServedPart {
    const known = this.#parts.get(owner);
    if (known !== undefined) return known;
    const made = new ServedPart();
    this.#parts.set(owner, made);
    return made;
  }

  /** Serves an owner's part no more, and keeps nothing of it in memory. */
  drop(owner: string): void {
    this.#parts.delete(owner);
  }
}

/** Lists and tensors by root, each made when it is asked for. */
export class ServedPart {
  readonly #lists = new Map<Hash, () => readonly Hash[]>();
  // By root and length: tensors that differ in zeros at the end share a root.
  readonly #tensors = new Map<string, () => Uint32Array>();

  list(root: Hash): readonly Hash[] | undefined {
    return this.#lists.get(root)?.();
  }

  /** The tensor of `length` words under a root. */
  tensor(root: Hash, length: number): Uint32Array | undefined {
    return this.#tensors.get(`${root}:${length}`)?.();
  }

  /** Serves a run's inputs. */
  addInputs(inputs: readonly Uint32Array[]): void {
    const roots = inputs.map((words) => tensorRoot(words));
    if (roots.length > 0) this.#lists.set(treeRoot(buildTree(roots)), () => roots);
    inputs.forEach((words, index) => this.addTensor(roots[index] ?? ZERO_HASH, words.length, () => words));
  }

  /** Serves one list of nodes. */
  addList(root: Hash, leaves: () => readonly Hash[]): void {
    this.#lists.set(root, leaves);
  }

  /** Serves one tensor of `length` words. */
  addTensor(root: Hash, length: number, words: () => Uint32Array): void {
    this.#tensors.set(`${root}:${length}`, words);
  }
}

/** Nobody gives the inputs that a claim names. */
export class InputsUnavailableError extends LockstepError {
  constructor(inputsRoot: Hash) {
    super("InputsUnavailableError", `The inputs ${inputsRoot} are neither posted nor served`, { inputsRoot });
  }
}

/** An input holds other words than zeros past its end: nobody bonds for what follows from it. */
export class InputsPastEndError extends LockstepError {
  constructor(input: number, length: number) {
    super("InputsPastEndError", `Input ${input} holds other words than zeros past its ${length} words`, {
      input,
      length,
    });
  }
}

/** A lowered program lacks one of its own constants. */
export class ConstantMissingError extends LockstepError {
  constructor(root: Hash) {
    super("ConstantMissingError", `No constant with root ${root}`, { root });
  }
}
