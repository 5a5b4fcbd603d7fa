/**
 * What the Node process gives to the portable parts: the fastest engine that runs here with the interpreter's bits. Engines
 * are used only after they equalled the interpreter on this host; where none does, the interpreter runs.
 */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import {
  areLost,
  awaitHelpers,
  createWasmEngine,
  interpreterEngine,
  SimdUnavailableError,
  ThreadLostError,
  type Engine,
} from "../engine/index.ts";
import type { Program } from "../ir/index.ts";
import { engineEqualsInterpreter } from "./engine-test.ts";
import { attachNative } from "./native-code.ts";
import { nativeSet } from "./native.ts";
import { renewedEngine, type ThreadedEngine } from "./renewed.ts";
import { startThreads, type StartedThreads } from "./threads.ts";

/**
 * What multiplies and hashes: native code, WebAssembly that V8 widens (an experiment of V8's, on request only), WebAssembly,
 * or the interpreter.
 */
export const TIERS = ["addon", "revec", "wasm", "interpreted"] as const;
export type Tier = (typeof TIERS)[number];

export interface Host {
  readonly tier: Tier;
  /** Whether fma is an instruction here; else it is emulated, and slow. */
  readonly isFused: boolean;
  /** Threads that large programs run on. */
  readonly threads: number;
  /** Executes programs. */
  readonly engine: Engine;
}

export interface HostOptions {
  /** The fastest that passes its test unless given. */
  readonly tier?: Tier;
  /** As many as the processor runs at once unless given. */
  readonly threads?: number;
}

let shared: Host | undefined;

/** The host of this thread, made and tested on first use. */
export function sharedHost(): Host {
  shared ??= createHost();
  return shared;
}

/** A host with an engine of its own. A tier that does not pass its test here, or is not there, is replaced by the next. */
export function createHost({ tier, threads = availableParallelism() }: HostOptions = {}): Host {
  const wanted = tier === undefined ? (["addon", "wasm"] as const) : TIERS.slice(TIERS.indexOf(tier));
  for (const candidate of wanted) {
    const found = candidate === "interpreted" ? null : testedEngine(candidate, threads);
    if (found !== null) return { tier: candidate, ...found };
  }
  return { tier: "interpreted", isFused: false, threads: 1, engine: interpreterEngine };
}

// V8 reads the flags when it compiles, so they have to stay. Its first compiler does not widen, and would be all that a test
// meets: without it, what is tested is what runs.
const REVECTORISING = ["--experimental-wasm-revectorize", "--no-liftoff"];

// What runs for long is made by V8's second compiler, which a test of a tenth of a second would never meet. Without the cache,
// or it would meet the functions that are there already.
const OPTIMISING = ["--no-liftoff", "--no-wasm-native-module-cache"];
const AS_USUAL = ["--liftoff", "--wasm-native-module-cache"];

function withOptimisedCode<T>(use: () => T): T {
  OPTIMISING.forEach((flag) => setFlagsFromString(flag));
  try {
    return use();
  } finally {
    AS_USUAL.forEach((flag) => setFlagsFromString(flag));
  }
}

type EngineFound = Pick<Host, "engine" | "threads" | "isFused">;

function testedEngine(tier: Exclude<Tier, "interpreted">, threads: number): EngineFound | null {
  const set = tier === "addon" ? nativeSet() : null;
  if (tier === "addon" && set === null) return null;
  if (tier === "revec") REVECTORISING.forEach((flag) => setFlagsFromString(flag));
  const native = set === null ? {} : { native: { set, attach: attachNative } };
  try {
    const alone = createWasmEngine({ tier, ...native });
    // Native code is left out where fma is emulated.
    if (tier === "addon" && !alone.isFused) return null;
    if (!engineEqualsInterpreter(alone)) return null;
    if (tier !== "revec" && !withOptimisedCode(() => engineEqualsInterpreter(createWasmEngine({ tier, ...native }))))
      return null;
    const together = renewedEngine(alone, () => threadedEngine(startThreads(threads - 1), { tier, ...native }));
    const engine: Engine = {
      load(program, options) {
        const isLarge = threads > 1 && workOf(program) >= LEAST_WORK;
        return (isLarge ? together : alone).load(program, options);
      },
    };
    return { engine, threads, isFused: alone.isFused };
  } catch (error) {
    if (error instanceof SimdUnavailableError) return null;
    throw error;
  }
}

/** Helpers that take longer to start are not waited for. */
const START_MILLISECONDS = 10_000;

/** The engine with threads where it passes the test with all of them, else null. Throws ThreadLostError where they don't start. */
function threadedEngine(
  threads: StartedThreads,
  options: Omit<Parameters<typeof createWasmEngine>[0] & object, "threads">,
): ThreadedEngine | null {
  let isTested = false;
  try {
    if (!awaitHelpers(threads, START_MILLISECONDS)) throw new ThreadLostError(START_MILLISECONDS);
    // The test's program is small: it is cut up all the same.
    isTested = engineEqualsInterpreter(createWasmEngine({ ...options, threads, grain: 1 }));
  } finally {
    if (!isTested) void threads.stop();
  }
  if (!isTested) return null;
  const { load } = createWasmEngine({ ...options, threads });
  return {
    load,
    get areThreadsLost() {
      return areLost(threads);
    },
    stop: () => threads.stop(),
  };
}

/** Iterations of a step, over all elements, from which on threads are worth starting. */
const LEAST_WORK = 1 << 22;

function workOf({ segments, scalars }: Program): number {
  const steps = segments.map(({ records }) =>
    records.reduce((sum, { length, scalar }) => sum + length * (scalars.get(scalar)?.loop?.count ?? 1), 0),
  );
  return Math.max(...steps);
}
