/**
 * The runs a node makes: inputs found by their root, programs executed by the engine, and the last few runs kept so that a
 * dispute is answered from memory. A run is a function of what a claim names (and of the lie, for a solver that tells
 * one), so a restarted node makes it again and gets the same bits.
 */
import { setImmediate } from "node:timers/promises";
import { hexToBytes } from "viem";
import type { NodeDatabase } from "../chain/database.ts";
import { createExecution, inputsRootOf, type PrimitiveRunner, type Run, type Tamper } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import type { Program } from "../ir/index.ts";
import { buildTree, tensorRoot, treeRoot, ZERO_HASH, type Hash } from "../merkle/index.ts";
import type { ContentExchange, ContentSource } from "../net/content.ts";
import type { ContentStore } from "./content-store.ts";
import type { Programs } from "./programs.ts";
import { tasksOf } from "./views.ts";

/** What a claim or a task names. */
export interface RunRequest {
  programRoot: Hash;
  inputsRoot: Hash;
  steps: number;
}

export interface RunComponents {
  database: NodeDatabase;
  programs: Programs;
  store: ContentStore;
  exchange?: ContentExchange;
  runner: PrimitiveRunner;
}

const KEPT_RUNS = 8;

/** Makes runs and keeps the last few. */
export class Runs {
  readonly #components: RunComponents;
  readonly #runs = new Map<string, Promise<Run>>();

  constructor(components: RunComponents) {
    this.#components = components;
  }

  /** The run of a request; with `tamper` the same run with one lie. */
  get(request: RunRequest, tamper?: Tamper): Promise<Run> {
    const key = JSON.stringify([request.programRoot, request.inputsRoot, request.steps, tamper ?? null]);
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const run = this.#execute(request, tamper);
    // A failed run (inputs that nobody serves yet) is tried again when it is asked for again.
    run.catch(() => this.#runs.delete(key));
    if (this.#runs.size >= KEPT_RUNS) this.#runs.delete(this.#runs.keys().next().value ?? "");
    this.#runs.set(key, run);
    return run;
  }

  async #execute(request: RunRequest, tamper: Tamper | undefined): Promise<Run> {
    const { programs, runner } = this.#components;
    const { program, constants } = await programs.get(request.programRoot);
    const inputs = await this.#inputs(program, request.inputsRoot);
    const execution = createExecution(program, {
      inputs,
      steps: request.steps,
      runner,
      constants: (root) => {
        const words = constants.get(root);
        if (words === undefined) throw new ConstantMissingError(root);
        return words;
      },
      ...(tamper === undefined ? {} : { tamper }),
    });
    while (execution.stepsDone < request.steps) {
      execution.advance();
      await setImmediate(); // the chain is read, and clocks are answered, between steps
    }
    return execution.finish();
  }

  // Posted with a task, or served by peers tensor by tensor.
  async #inputs(program: Program, inputsRoot: Hash): Promise<Uint32Array[]> {
    if (inputsRoot === ZERO_HASH) return [];
    for (const task of (await tasksOf(this.#components.database)).values()) {
      if (task.inputsRoot !== inputsRoot || task.inputData === "0x") continue;
      const inputs = splitInputs(program, hexToBytes(task.inputData));
      if (inputs !== undefined && inputsRootOf(inputs) === inputsRoot) return inputs;
    }
    const { store, exchange } = this.#components;
    const held = await store.get(inputsRoot);
    if (held !== undefined) {
      const inputs = splitInputs(program, held);
      if (inputs !== undefined && inputsRootOf(inputs) === inputsRoot) return inputs;
    }
    if (exchange === undefined) throw new InputsUnavailableError(inputsRoot);
    const roots = await exchange.fetchLeaves(inputsRoot, program.inputs.length);
    const inputs: Uint32Array[] = [];
    for (const [index, root] of roots.entries()) {
      const bytes = 4 * (program.inputs[index]?.length ?? 0);
      inputs.push(wordsOf(await exchange.fetchBytes(root, { maxBytes: bytes, expectedBytes: bytes })));
    }
    return inputs;
  }
}

/** Cuts posted input bytes (big-endian words, input after input) by a program's interface; undefined if they don't fit. */
export function splitInputs(program: Program, bytes: Uint8Array): Uint32Array[] | undefined {
  const total = program.inputs.reduce((sum, input) => sum + 4 * input.length, 0);
  if (bytes.length !== total) return undefined;
  let offset = 0;
  return program.inputs.map(({ length }) => {
    const words = wordsOf(bytes.subarray(offset, offset + 4 * length));
    offset += 4 * length;
    return words;
  });
}

/** Inputs as they are posted: big-endian words, input after input. */
export function joinInputs(inputs: readonly Uint32Array[]): Uint8Array {
  const bytes = new Uint8Array(inputs.reduce((sum, words) => sum + 4 * words.length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const words of inputs) {
    for (const word of words) {
      view.setUint32(offset, word);
      offset += 4;
    }
  }
  return bytes;
}

/**
 * What a node serves to peers: its stored files, and the inputs and, unless it withholds them, the traces of its runs.
 * A trace is asked for from the root down: step nodes, the two roots of a step, tensor roots, chunk hashes, chunks.
 */
export class ServedContent implements ContentSource {
  readonly #store: ContentStore;
  readonly #lists = new Map<Hash, () => readonly Hash[]>();
  readonly #tensors = new Map<Hash, () => Uint32Array>();

  constructor(store: ContentStore) {
    this.#store = store;
  }

  async bytes(root: Hash): Promise<Uint8Array | undefined> {
    const tensor = this.#tensors.get(root);
    if (tensor !== undefined) return joinInputs([tensor()]);
    return this.#store.get(root);
  }

  leaves(root: Hash): Promise<readonly Hash[] | undefined> {
    return Promise.resolve(this.#lists.get(root)?.());
  }

  /** Serves a run's inputs. */
  addInputs(inputs: readonly Uint32Array[]): void {
    const roots = inputs.map((words) => tensorRoot(words));
    if (roots.length > 0) this.#lists.set(treeRoot(buildTree(roots)), () => roots);
    inputs.forEach((words, index) => this.#tensors.set(roots[index] ?? ZERO_HASH, () => words));
  }

  /** Serves one list of nodes, made when it is asked for. */
  addList(root: Hash, leaves: () => readonly Hash[]): void {
    this.#lists.set(root, leaves);
  }

  /** Serves one tensor, made when it is asked for. */
  addTensor(root: Hash, words: () => Uint32Array): void {
    this.#tensors.set(root, words);
  }
}

/** Big-endian words. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index));
}

/** Nobody gives the inputs that a claim names. */
export class InputsUnavailableError extends LockstepError {
  constructor(inputsRoot: Hash) {
    super("InputsUnavailableError", `The inputs ${inputsRoot} are neither posted nor served`, { inputsRoot });
  }
}

/** A lowered program lacks one of its own constants. */
export class ConstantMissingError extends LockstepError {
  constructor(root: Hash) {
    super("ConstantMissingError", `No constant with root ${root}`, { root });
  }
}
