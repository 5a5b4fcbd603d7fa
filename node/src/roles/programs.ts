/**
 * The programs a node can run. A node never takes a program's bytes for granted: it finds the manifest that the registry
 * names, fetches the ONNX file by its root, lowers it itself and checks that the programRoot is the one asked for. Refuses
 * to run, bond for or check anything it could not lower.
 */
import type { Logger } from "pino";
import { z } from "zod";
import type { NodeDatabase } from "../chain/database.ts";
import { eventsOf } from "../chain/reader.ts";
import { LockstepError } from "../float/errors.ts";
import type { Hash } from "../merkle/index.ts";
import type { ContentExchange } from "../net/content.ts";
import { importModel, parseModel, type ImportedModel } from "../onnx/index.ts";
import type { ContentStore } from "./content-store.ts";

const hash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hash);
const dimension = z.int().positive();
// The largest ONNX file a node fetches from strangers.
const MAX_MODEL_BYTES = 2 ** 30;
const MAX_MANIFEST_BYTES = 2 ** 16;

/** What turns an ONNX file into one program: part of every mirror of a registered program. */
export const programManifest = z.strictObject({
  model: z.strictObject({ root: hash, bytes: z.int().positive().max(MAX_MODEL_BYTES) }),
  /** Values of symbolic dimensions. */
  dims: z.record(z.string(), dimension),
  /** Graph inputs that are slots, with the graph output that gives their next value. */
  state: z.array(z.strictObject({ input: z.string(), output: z.string() })),
});

export type ProgramManifest = z.infer<typeof programManifest>;

/** A program lowered by this node, with its weights. */
export interface LoweredProgram extends ImportedModel {
  programRoot: Hash;
  manifestRoot: Hash;
}

/** How a mirror names a manifest on the content exchange. */
export const MIRROR_PREFIX = "lockstep:";

export interface ProgramComponents {
  database: NodeDatabase;
  store: ContentStore;
  /** Absent on a node that has no network. */
  exchange?: ContentExchange;
  log: Logger;
}

/** Finds, fetches and lowers programs; keeps the last few lowered ones. */
export class Programs {
  readonly #components: ProgramComponents;
  readonly #lowered = new Map<Hash, LoweredProgram>();

  constructor(components: ProgramComponents) {
    this.#components = components;
  }

  /** Stores an ONNX file with its manifest and lowers it: how a program enters the network. */
  async add(model: Uint8Array, options: Omit<ProgramManifest, "model">): Promise<LoweredProgram> {
    const { store } = this.#components;
    const lowered = lower(model, options);
    const root = await store.put(model);
    const manifest: ProgramManifest = { model: { root, bytes: model.length }, ...options };
    const manifestRoot = await store.put(new TextEncoder().encode(JSON.stringify(manifest)));
    return { ...lowered, manifestRoot };
  }

  /** The lowered program with this root. Throws ProgramUnavailableError when it can't be had. */
  async get(programRoot: Hash): Promise<LoweredProgram> {
    const known = this.#lowered.get(programRoot);
    if (known !== undefined) return known;
    const problems: string[] = [];
    for (const manifestRoot of await this.#manifests(programRoot)) {
      try {
        const program = await this.#fetch(programRoot, manifestRoot);
        if (this.#lowered.size >= 8) this.#lowered.delete(this.#lowered.keys().next().value ?? programRoot);
        this.#lowered.set(programRoot, program);
        return program;
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new ProgramUnavailableError(programRoot, problems);
  }

  async #manifests(programRoot: Hash): Promise<Hash[]> {
    const events = await eventsOf(this.#components.database, ["ProgramRegistered"]);
    const mirrors = events
      .filter(({ args }) => args["programRoot"] === programRoot)
      .flatMap(({ args }) => args["mirrors"] as string[]);
    return mirrors
      .filter((mirror) => mirror.startsWith(MIRROR_PREFIX))
      .map((mirror) => hash.safeParse(mirror.slice(MIRROR_PREFIX.length)))
      .flatMap((parsed) => (parsed.success ? [parsed.data] : []));
  }

  async #fetch(programRoot: Hash, manifestRoot: Hash): Promise<LoweredProgram> {
    const text = new TextDecoder().decode(await this.#content(manifestRoot, { maxBytes: MAX_MANIFEST_BYTES }));
    const manifest = parseManifest(text, manifestRoot);
    const { root, bytes } = manifest.model;
    const model = await this.#content(root, { maxBytes: MAX_MODEL_BYTES, expectedBytes: bytes });
    const lowered = lower(model, manifest);
    if (lowered.programRoot !== programRoot) throw new ProgramRootDiffersError(programRoot, lowered.programRoot);
    this.#components.log.info({ programRoot }, "program lowered");
    return { ...lowered, manifestRoot };
  }

  async #content(root: Hash, limits: { maxBytes: number; expectedBytes?: number }): Promise<Uint8Array> {
    const { store, exchange } = this.#components;
    const held = await store.get(root);
    if (held !== undefined) return held;
    if (exchange === undefined) throw new ProgramUnavailableError(root, ["this node has no network"]);
    const bytes = await exchange.fetchBytes(root, limits);
    await store.put(bytes); // from now on this node serves it too
    return bytes;
  }
}

function lower(
  model: Uint8Array,
  { dims, state }: Omit<ProgramManifest, "model">,
): Omit<LoweredProgram, "manifestRoot"> {
  const imported = importModel(parseModel(model), { dims, state });
  return { ...imported };
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

/** No registered mirror of a program gives a model that lowers to it. */
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

/** A model lowers to another program than the one it was registered for. */
export class ProgramRootDiffersError extends LockstepError {
  constructor(registered: Hash, lowered: Hash) {
    super("ProgramRootDiffersError", `The model lowers to program ${lowered}, not to ${registered}`, {
      registered,
      lowered,
    });
  }
}
