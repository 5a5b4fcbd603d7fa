/**
 * The runs a node makes: inputs found by their root, programs executed by the engine, a few at a time, and the last few kept so
 * that a dispute is answered from memory. A run is a function of what a claim names (and of the lie, for a solver that tells
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
import type { Constants } from "../onnx/index.ts";
import type { ContentStore } from "./content-store.ts";
import { checkCost, costOf, DEFAULT_LIMITS, type RunLimits } from "./limits.ts";
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
// Runs for others that are executed side by side; what this node answers for is not counted.
const RUNS_FOR_OTHERS = 4;
// How long inputs that are not posted are asked for.
const INPUTS_MILLISECONDS = 60_000;

// A run for others that waited so long is passed by no cheaper one, or a large one would never find room.
const WAITED_MILLISECONDS = 300_000;

/** What a run takes: its bytes from the start of its execution on. */
interface Place {
  bytes: number;
  own: boolean;
  isDone: boolean;
}

interface Waiting {
  place: Place;
  cost: RunLimits;
  since: number;
  start: () => void;
}

/** What a run is executed with. */
interface Prepared {
  program: Program;
  constants: Constants;
  inputs: Uint32Array[];
  committedInputs: Uint32Array[];
}

/**
 * Makes runs and keeps the last few. Those that are executed and those that are kept hold no more bytes together than one run
 * may: others wait, what this node answers for in front, then the cheapest first.
 */
export class Runs {
  readonly #components: RunComponents;
  // The least recently used first.
  readonly #runs = new Map<string, { run: Promise<Run>; place: Place }>();
  readonly #executing = new Set<Place>();
  readonly #waiting = new Set<Waiting>();

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
      this.#runs.delete(key);
      this.#runs.set(key, known);
      if (own) known.place.own = true;
      if (own) this.#startWaiting();
      return own ? known.run.then(requireEnds) : known.run; // it may have been made to check another's claim
    }
    const place: Place = { bytes: 0, own, isDone: false };
    const run = this.#execute(place, request, tamper);
    // A failed run (inputs that nobody serves yet) is tried again when it is asked for again.
    run.catch(() => this.#runs.delete(key));
    this.#runs.set(key, { run, place });
    return run;
  }

  /**
   * Makes sure that a run could be made: the program, its cost within the limits, the inputs at hand. What is `own` has
   * inputs that end where they should: throws InputsPastEndError.
   */
  async prepare(request: RunRequest, own = false): Promise<Prepared> {
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

  async #execute(place: Place, request: RunRequest, tamper: Tamper | undefined): Promise<Run> {
    let prepared: Prepared | undefined = await this.prepare(request, place.own);
    const cost = costOf(prepared.program, request.steps);
    const passes = place.own || ![...this.#waiting].some(isNext);
    if (!passes || !this.#starts(place, cost)) {
      // What waits holds no words: they are at hand again when it is its turn.
      prepared = undefined;
      await new Promise<void>((start) => this.#waiting.add({ place, cost, since: Date.now(), start }));
    }
    try {
      const run = await this.#executed(prepared ?? (await this.prepare(request, place.own)), request, tamper);
      place.isDone = true;
      this.#drop(({ count }) => count > KEPT_RUNS);
      return run;
    } finally {
      this.#executing.delete(place);
      this.#startWaiting();
    }
  }

  async #executed(prepared: Prepared, request: RunRequest, tamper: Tamper | undefined): Promise<Run> {
    const { engine } = this.#components;
    const { program, constants, inputs, committedInputs } = prepared;
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

  // Whether a run may be executed now: then it counts, and kept runs make room for it.
  #starts(place: Place, cost: RunLimits): boolean {
    const { limits = DEFAULT_LIMITS } = this.#components;
    const executing = [...this.#executing];
    const bytes = executing.reduce((sum, one) => sum + one.bytes, cost.bytes);
    const isFull = executing.filter(({ own }) => !own).length >= RUNS_FOR_OTHERS;
    if (bytes > limits.bytes || (isFull && !place.own)) return false;
    place.bytes = cost.bytes;
    this.#executing.add(place);
    this.#drop((kept) => bytes + kept.bytes > limits.bytes);
    return true;
  }

  // Own work in front, then what waited long, and nobody passes these; then the cheapest of those that fit.
  #startWaiting(): void {
    const order = [...this.#waiting].toSorted(
      (one, other) =>
        Number(other.place.own) - Number(one.place.own) ||
        Number(isNext(other)) - Number(isNext(one)) ||
        one.cost.instructions - other.cost.instructions,
    );
    for (const one of order) {
      if (this.#starts(one.place, one.cost)) {
        this.#waiting.delete(one);
        one.start();
      } else if (isNext(one)) return;
    }
  }

  // Forgets kept runs, the least recently used first, as long as there are too many.
  #drop(isTooMuch: (kept: { count: number; bytes: number }) => boolean): void {
    const kept = [...this.#runs].filter(([, { place }]) => place.isDone);
    const bytesOf = (some: typeof kept) => some.reduce((sum, [, { place }]) => sum + place.bytes, 0);
    for (const [index, [key]] of kept.entries()) {
      if (!isTooMuch({ count: kept.length - index, bytes: bytesOf(kept.slice(index)) })) return;
      this.#runs.delete(key);
    }
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

function isNext({ place, since }: Waiting): boolean {
  return place.own || Date.now() - since > WAITED_MILLISECONDS;
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
