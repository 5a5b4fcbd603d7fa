/**
 * The programs a node can run. What a node bonds for it lowers itself: it finds a manifest that a mirror names, fetches
 * the ONNX file by its root, lowers it and checks that the programRoot is the one asked for. What it only checks it may
 * also take from the bytes that registration published, so that a claim without a model, or of a program that is not
 * valid, is checked all the same.
 */
import type { Logger } from "pino";
import { hexToBytes, type Hex } from "viem";
import { z } from "zod";
import type { NodeDatabase } from "../chain/database.ts";
import { eventsOf } from "../chain/reader.ts";
import { findFlaw, type RecordProof } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import { decodeProgram, validateProgram, type EncodedProgram, type Program } from "../ir/index.ts";
import { tensorRoot, type Hash } from "../merkle/index.ts";
import type { ContentExchange } from "../net/content.ts";
import { eachConstant, parseModel, serializeTensorFile } from "../onnx/index.ts";
import type { Constants, ImportedModel } from "../onnx/index.ts";
import type { ContentStore } from "./content-store.ts";
import { lowerModel, type ProgramOptions } from "./lower.ts";
import { checkWeights, constantLengths, RunTooLargeError, weightsOf } from "./limits.ts";
import { lowerApart, LoweringBusyError } from "./lowering.ts";
import { joinInputs, wordsOf } from "./words.ts";

const hash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hash);

// The largest files a node fetches from strangers, the most mirrors it tries, and how long it tries.
const MAX_MODEL_BYTES = 2 ** 28;
const MAX_MANIFEST_BYTES = 2 ** 16;
// The most inputs that a manifest binds. Its files together are no more than one model may be: one file under many names
// is as many tensors.
const MAX_BOUND = 64;
// The most that a manifest asks for: what the command line takes.
const MAX_EXTENT = 999_999_999;
const MAX_POSITIONS = 2 ** 16;
const MAX_BATCH = 4096;
const MAX_END_TOKENS = 64;
const MAX_MIRRORS = 8;
const FETCH_MILLISECONDS = 60_000;
// What a mirror's model was refused for is remembered so long: a machine that was busy may lower it later.
const REFUSED_MILLISECONDS = 600_000;
const REFUSED_MIRRORS = 1024;
// Files that could not be fetched are asked for again after so long, and twice as long each time, up to the above.
const UNFETCHED_MILLISECONDS = 5000;
const KEPT_PROGRAMS = 8;
// Words of the weights of all programs that are kept, beside the last: 2 GiB.
const KEPT_WORDS = 2 ** 29;

const file = z.strictObject({ root: hash, bytes: z.int().positive().max(MAX_MODEL_BYTES) });

const manifestFields = z.strictObject({
  model: file,
  /** Values of symbolic dimensions; 0 for a cache that starts empty. */
  dims: z.record(z.string(), z.int().nonnegative().max(MAX_EXTENT)),
  /** Graph inputs that are slots, with the graph output that gives their next value. */
  state: z.array(z.strictObject({ input: z.string(), output: z.string() })),
  /** Graph inputs that are fixed: each is a tensor file (TensorProto) on the content exchange. */
  bind: z.record(z.string(), file).optional(),
  /** A decoder that is lowered to a program that makes tokens, and with what. */
  generate: z
    .strictObject({
      batch: z.int().positive().max(MAX_BATCH),
      prompt: z.int().positive().max(MAX_POSITIONS),
      tokens: z.int().positive().max(MAX_POSITIONS),
      endTokens: z.array(z.int().nonnegative().max(MAX_EXTENT)).max(MAX_END_TOKENS),
      sampling: z.union([
        z.strictObject({ mode: z.literal("greedy") }),
        z.strictObject({
          mode: z.literal("gumbel"),
          temperature: z.number().optional(),
          minP: z.number().optional(),
          topK: z.int().optional(),
          topP: z.number().optional(),
        }),
      ]),
    })
    .optional(),
});

/** What turns an ONNX file into one program: every mirror of a program names one. */
export const programManifest = manifestFields
  .refine(({ bind = {} }) => Object.keys(bind).length <= MAX_BOUND, {
    path: ["bind"],
    error: `at most ${MAX_BOUND} inputs are bound`,
  })
  .refine((manifest) => filesOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0) <= MAX_MODEL_BYTES, {
    error: `its files have at most ${MAX_MODEL_BYTES} bytes together`,
  });

// One for each name, also where names share a file.
function filesOf({ model, bind = {} }: z.infer<typeof manifestFields>): FileName[] {
  return [model, ...Object.values(bind)];
}

export type ProgramManifest = z.infer<typeof programManifest>;

/** A program with its weights. */
export interface RunnableProgram {
  program: Program;
  constants: Constants;
}

/** A program lowered by this node. */
export interface LoweredProgram extends ImportedModel {
  /** How others find its manifest: a mirror to register it with. */
  mirror: string;
}

export interface ProgramComponents {
  database: NodeDatabase;
  store: ContentStore;
  /** Absent on a node that has no network. */
  exchange?: ContentExchange;
  log: Logger;
}

/** Finds, fetches and lowers programs; keeps the last few. */
export class Programs {
  readonly #components: ProgramComponents;
  readonly #lowered = new Map<Hash, LoweredProgram>();
  // Why a mirror does not give its program, and until when it is not tried again.
  readonly #refused = new Map<string, Refusal>();
  readonly #stopping = new AbortController();
  readonly #pending = {
    own: new Map<Hash, Promise<LoweredProgram>>(),
    others: new Map<Hash, Promise<LoweredProgram>>(),
  };

  constructor(components: ProgramComponents) {
    this.#components = components;
  }

  /** Stores an ONNX file with its manifest and lowers it: how a program enters the network. */
  async add(model: Uint8Array, options: ProgramOptions): Promise<LoweredProgram> {
    const { store } = this.#components;
    const { dims, state, bind = {}, generate } = options;
    const lowered = lowerModel(parseModel(model), options);
    const root = await store.put(model);
    const bound: NonNullable<ProgramManifest["bind"]> = {};
    for (const [name, tensor] of Object.entries(bind)) {
      const file = serializeTensorFile(tensor, name);
      bound[name] = { root: await store.put(file), bytes: file.length };
    }
    // What is not used is not said, so that equal options have one manifest.
    const manifest: ProgramManifest = {
      model: { root, bytes: model.length },
      dims,
      state,
      ...(Object.keys(bound).length === 0 ? {} : { bind: bound }),
      ...(generate === undefined ? {} : { generate }),
    };
    const bytes = new TextEncoder().encode(JSON.stringify(manifest));
    const program = { ...lowered, mirror: mirrorOf(await store.put(bytes), bytes.length) };
    // Its weights are stored, so that peers that have no model can fetch them by root.
    for (const [, words] of eachConstant(program.constants)) await store.put(joinInputs([words]));
    this.#remember(program);
    return program;
  }

  /** Ends what is being lowered; nothing is lowered afterwards. */
  stop(): void {
    this.#stopping.abort();
  }

  /**
   * The program lowered from its model; for own work before those that strangers ask for. Throws ProgramUnavailableError
   * when no mirror gives one.
   */
  async get(programRoot: Hash, own = false): Promise<LoweredProgram> {
    const known = this.#lowered.get(programRoot);
    if (known !== undefined) return known;
    // Asked for twice at once, it is lowered once; own work does not wait in the place of a stranger's.
    const all = own ? this.#pending.own : this.#pending.others;
    const pending = all.get(programRoot) ?? this.#found(programRoot, own);
    all.set(programRoot, pending);
    try {
      return await pending;
    } finally {
      all.delete(programRoot);
    }
  }

  async #found(programRoot: Hash, own: boolean): Promise<LoweredProgram> {
    const problems: string[] = [];
    const signal = AbortSignal.timeout(FETCH_MILLISECONDS);
    for (const mirror of await this.#mirrors(programRoot)) {
      try {
        const program = await this.#fetch(programRoot, mirror, signal, own);
        this.#remember(program);
        return program;
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new ProgramUnavailableError(programRoot, problems);
  }

  /**
   * The program from its model, or else from the bytes published at registration with weights fetched by root. For an own
   * claim or task what is published and stored comes first: it needs no lowering, so that its clocks wait for no model of
   * a stranger. Throws ProgramUnavailableError, and RunTooLargeError for weights that no run could hold, before one is
   * fetched.
   */
  async runnable(programRoot: Hash, own = false): Promise<RunnableProgram> {
    const stored = own ? await this.#stored(programRoot) : undefined;
    if (stored !== undefined) return stored;
    try {
      return await this.get(programRoot, own);
    } catch (error) {
      if (!(error instanceof ProgramUnavailableError)) throw error;
      const program = await this.decoded(programRoot);
      checkWeights(program);
      const signal = AbortSignal.timeout(FETCH_MILLISECONDS);
      const read = (root: Hash, bytes: number) => this.#content(root, bytes, signal);
      const constants = await this.#constants(programRoot, program, read);
      if (constants === undefined) throw error;
      return { program, constants };
    }
  }

  // What needs neither a peer nor a model; undefined where a part of it is not held.
  async #stored(programRoot: Hash): Promise<RunnableProgram | undefined> {
    const known = this.#lowered.get(programRoot);
    if (known !== undefined) return known;
    const { store } = this.#components;
    try {
      const program = await this.decoded(programRoot);
      checkWeights(program);
      const read = (root: Hash, bytes: number) => store.get(root, bytes);
      const constants = await this.#constants(programRoot, program, read);
      return constants === undefined ? undefined : { program, constants };
    } catch (error) {
      if (!(error instanceof ProgramUnavailableError || error instanceof RunTooLargeError)) throw error;
      return undefined;
    }
  }

  /** The program as registration published it. Throws ProgramUnavailableError, and what validation throws. */
  async decoded(programRoot: Hash): Promise<Program> {
    const program = decodeProgram(await this.published(programRoot));
    validateProgram(program);
    return program;
  }

  /** Whether the program can be had with all of its constants. */
  async isRunnable(programRoot: Hash): Promise<boolean> {
    try {
      await this.runnable(programRoot);
      return true;
    } catch (error) {
      this.#components.log.debug({ programRoot, error }, "a program can't be run");
      return false;
    }
  }

  /** Whether a constant of `length` words is at hand; nobody is asked for it. */
  holdsConstant(root: Hash, length: number): Promise<boolean> {
    return this.#components.store.has(root, 4 * length);
  }

  /** Keeps the words of a constant that came another way. Throws ProgramUnavailableError for those of another root. */
  async keepConstant(root: Hash, words: Uint32Array): Promise<void> {
    if (tensorRoot(words) !== root) throw new ProgramUnavailableError(root, ["its bytes are those of another tensor"]);
    await this.#components.store.keep(root, joinInputs([words]));
  }

  /** Why the registered bytes are no valid program, as a proof against whoever claims it; null for a valid one. */
  async flawOf(programRoot: Hash): Promise<RecordProof | null> {
    return findFlaw(await this.published(programRoot));
  }

  /** What registration published. Throws ProgramUnavailableError for a program that is not registered. */
  async published(programRoot: Hash): Promise<EncodedProgram> {
    const events = await eventsOf(this.#components.database, ["ProgramRegistered", "ProgramPublished"]);
    const find = (name: string) =>
      events.find((event) => event.name === name && event.args["programRoot"] === programRoot);
    const registered = find("ProgramRegistered")?.args;
    const bytes = find("ProgramPublished")?.args;
    if (registered === undefined || bytes === undefined)
      throw new ProgramUnavailableError(programRoot, ["not registered"]);
    return {
      summary: hexToBytes(registered["summary"] as Hex),
      interfaceTable: hexToBytes(registered["interfaceTable"] as Hex),
      bindings: (registered["bindings"] as Hex[]).map((hex) => hexToBytes(hex)),
      records: (bytes["records"] as Hex[][]).map((segment) => segment.map((hex) => hexToBytes(hex))),
      scalars: (bytes["scalars"] as Hex[]).map((hex) => hexToBytes(hex)),
    };
  }

  #remember(program: LoweredProgram): void {
    if (this.#lowered.has(program.programRoot)) return;
    this.#lowered.set(program.programRoot, program);
    const words = () => [...this.#lowered.values()].reduce((sum, held) => sum + weightsOf(held.program), 0);
    while (this.#lowered.size > 1 && (this.#lowered.size > KEPT_PROGRAMS || words() > KEPT_WORDS))
      this.#lowered.delete(this.#lowered.keys().next().value ?? "0x");
    this.#components.log.info({ programRoot: program.programRoot }, "program lowered");
  }

  async #mirrors(programRoot: Hash): Promise<FileName[]> {
    const events = await eventsOf(this.#components.database, ["ProgramRegistered", "ProgramMirrored"]);
    const texts = events
      .filter(({ args }) => args["programRoot"] === programRoot)
      .flatMap(({ args }) => args["mirrors"] as string[]);
    const mirrors = [...new Set(texts)].flatMap((text) => parseMirror(text) ?? []);
    // What this node holds itself comes first, then the newest: a flood of old junk does not hide a good mirror.
    const { store } = this.#components;
    const held = await Promise.all(mirrors.map(({ root, bytes }) => store.has(root, bytes)));
    const own = mirrors.filter((_, index) => held[index]);
    const others = mirrors.filter((_, index) => !held[index]).toReversed();
    return [...own, ...others].slice(0, MAX_MIRRORS);
  }

  async #fetch(programRoot: Hash, mirror: FileName, inTime: AbortSignal, own: boolean): Promise<LoweredProgram> {
    const key = `${programRoot} ${mirrorOf(mirror.root, mirror.bytes)}`;
    const known = this.#refused.get(key);
    if (known !== undefined && Date.now() < known.until) throw known.error;
    const text = new TextDecoder().decode(await this.#content(mirror.root, mirror.bytes, inTime));
    const manifest = parseManifest(text, mirror.root);
    try {
      for (const one of filesOf(manifest)) await this.#hold(one, inTime);
    } catch (cause) {
      const error = cause instanceof Error ? cause : new ProgramUnavailableError(programRoot, [String(cause)]);
      this.#refuse(key, error, Math.min(2 * (known?.milliseconds ?? UNFETCHED_MILLISECONDS / 2), REFUSED_MILLISECONDS));
      throw error;
    }
    const { store } = this.#components;
    const { signal } = this.#stopping;
    try {
      const answer = await lowerApart({ folder: store.folder, programRoot, manifest }, { signal, own });
      if (answer.kind === "refused") throw new ModelRefusedError(programRoot, answer.reason);
      if (answer.kind === "differs") throw new ProgramRootDiffersError(programRoot, answer.programRoot);
      if (answer.kind === "lost") throw new ProgramUnavailableError(answer.root, ["the stored file changed"]);
      return { ...answer.model, mirror: mirrorOf(mirror.root, mirror.bytes) };
    } catch (error) {
      const says = !(error instanceof ProgramUnavailableError || error instanceof LoweringBusyError);
      if (error instanceof Error && says) this.#refuse(key, error);
      throw error;
    }
  }

  // A stranger's model is lowered for nothing once, not at every attempt.
  #refuse(key: string, error: Error, milliseconds = REFUSED_MILLISECONDS): void {
    if (this.#refused.size >= REFUSED_MIRRORS) this.#refused.delete(this.#refused.keys().next().value ?? "");
    this.#refused.set(key, { error, milliseconds, until: Date.now() + milliseconds });
  }

  // Undefined where `read` gives no bytes of one. Throws ProgramUnavailableError when one can't be had, after all others
  // were asked for: what is read is kept, so that no more is demanded of a claimant than what is missing.
  async #constants(
    programRoot: Hash,
    program: Program,
    read: (root: Hash, bytes: number) => Promise<Uint8Array | undefined>,
  ): Promise<Map<Hash, Uint32Array> | undefined> {
    const constants = new Map<Hash, Uint32Array>();
    const problems: string[] = [];
    // Of tensors that share a root, the longest is all of them, and what other nodes hold. Under two numbers of chunks one
    // is never had.
    for (const { root, length } of constantLengths(program)) {
      try {
        const bytes = await read(root, 4 * length);
        if (bytes === undefined) return undefined;
        const words = wordsOf(bytes);
        if (words.length !== length || tensorRoot(words) !== root)
          throw new ProgramUnavailableError(root, ["its bytes are those of another tensor"]);
        constants.set(root, words);
      } catch (error) {
        if (!(error instanceof LockstepError)) throw error;
        problems.push(`constant ${root} of ${length} words: ${error.message}`);
      }
    }
    if (problems.length > 0) throw new ProgramUnavailableError(programRoot, problems);
    return constants;
  }

  async #content(root: Hash, bytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return (await this.#components.store.get(root, bytes)) ?? (await this.#fetched(root, bytes, signal));
  }

  // Has a file in the store, without reading it: whoever reads it checks it.
  async #hold({ root, bytes }: FileName, signal: AbortSignal): Promise<void> {
    if (!(await this.#components.store.has(root, bytes))) await this.#fetched(root, bytes, signal);
  }

  async #fetched(root: Hash, bytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const { store, exchange } = this.#components;
    if (exchange === undefined) throw new ProgramUnavailableError(root, ["this node has no network"]);
    const fetched = await exchange.fetchBytes(root, bytes, signal);
    await store.keep(root, fetched); // from now on this node serves it too
    return fetched;
  }
}

interface Refusal {
  error: Error;
  milliseconds: number;
  until: number;
}

interface FileName {
  root: Hash;
  bytes: number;
}

/** How a mirror names a manifest on the content exchange: its root and its length. */
function mirrorOf(root: Hash, bytes: number): string {
  return `lockstep:${root}:${bytes}`;
}

function parseMirror(text: string): FileName | undefined {
  const parts = /^lockstep:(0x[0-9a-f]{64}):([1-9]\d{0,5})$/.exec(text);
  if (parts === null || Number(parts[2]) > MAX_MANIFEST_BYTES) return undefined;
  return { root: parts[1] as Hash, bytes: Number(parts[2]) };
}

function parseManifest(text: string, root: Hash): ProgramManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ManifestError(root, "it is not JSON", cause);
  }
  const parsed = programManifest.safeParse(json);
  if (!parsed.success) throw new ManifestError(root, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

/** A manifest breaks its schema. */
export class ManifestError extends LockstepError {
  constructor(root: Hash, rule: string, cause: unknown) {
    super("ManifestError", `Program manifest ${root}: ${rule}`, { root, rule }, { cause });
  }
}

/** No registered mirror of a program gives a model that lowers to it, or a part of it can't be had. */
export class ProgramUnavailableError extends LockstepError {
  constructor(programRoot: Hash, problems: readonly string[]) {
    super(
      "ProgramUnavailableError",
      `Program ${programRoot} can't be had: ${problems.join("; ") || "it has no mirror"}`,
      {
        programRoot,
        problems,
      },
    );
  }
}

/** A model that a mirror names is refused by the importer. */
export class ModelRefusedError extends LockstepError {
  constructor(programRoot: Hash, reason: string) {
    super("ModelRefusedError", `The model of program ${programRoot} is refused: ${reason}`, { programRoot, reason });
  }
}

/** A model lowers to another program than the one it was registered for. */
export class ProgramRootDiffersError extends LockstepError {
  constructor(registered: Hash, lowered: Hash) {
    super("ProgramRootDiffersError", `The model lowers to program ${lowered}, not to ${registered}`, {
      registered,
      lowered,
    });
  }
}
