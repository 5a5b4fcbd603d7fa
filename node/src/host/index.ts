/**
 * What the Node process gives to the portable parts: the fastest backend that runs here with the interpreter's bits. A
 * backend is used only after it equalled the interpreter on this host; where none does, the interpreter runs.
 */
import {
  createWasmRunner,
  interpreterRunner,
  runnerEngine,
  SimdUnavailableError,
  type Engine,
  type PrimitiveRunner,
} from "../engine/index.ts";
import { equalsInterpreter } from "./self-test.ts";

/** How primitives run here: with the host's fused multiply-add, with an emulated one, or interpreted. */
export type Tier = "fused" | "emulated" | "interpreted";

export interface Host {
  readonly tier: Tier;
  /** Executes programs. */
  readonly engine: Engine;
  /** Runs single primitives. Calls must not overlap. */
  readonly runner: PrimitiveRunner;
}

let shared: Host | undefined;

/** The host of this thread, made and tested on first use. */
export function sharedHost(): Host {
  shared ??= createHost();
  return shared;
}

/** A host with a runner of its own. */
export function createHost(): Host {
  try {
    const runner = createWasmRunner();
    if (equalsInterpreter(runner)) {
      return { tier: runner.isFused ? "fused" : "emulated", engine: runnerEngine(runner), runner };
    }
  } catch (error) {
    if (!(error instanceof SimdUnavailableError)) throw error;
  }
  return { tier: "interpreted", engine: runnerEngine(interpreterRunner), runner: interpreterRunner };
}
