/** A run for the command line: step by step, saying on a terminal how far it is. */
import { createExecution, traceRootOf, type Run, type TraceMode } from "../engine/index.ts";
import type { Host } from "../host/index.ts";
import type { ImportedModel } from "../onnx/index.ts";
import { OptionError, text, type Input } from "./command.ts";
import { StoppedError } from "./stop.ts";

export interface RunOptions {
  readonly inputs: readonly Uint32Array[];
  readonly steps: number;
  readonly host: Host;
  readonly trace: TraceMode;
  readonly signal: AbortSignal;
}

const TRACES: readonly TraceMode[] = ["full", "deferred", "none"];

/** The option that {@link traceOption} reads. */
export const TRACE_FLAG = {
  flag: "--trace <mode>",
  summary: "what is committed to: full, deferred (the state alone) or none",
  default: "full",
};

/** What `--trace` says. */
export function traceOption(input: Input): TraceMode {
  const value = text(input, "trace") ?? "full";
  const mode = TRACES.find((one) => one === value);
  if (mode === undefined) throw new OptionError("trace", value, "full, deferred or none");
  return mode;
}

/** Runs a model to its end. The trace root is null where nothing is committed to. */
export async function runModel(
  { program, constants }: ImportedModel,
  { inputs, steps, host, trace, signal }: RunOptions,
): Promise<{ run: Run; traceRoot: string | null }> {
  const constant = (root: `0x${string}`) => constants.get(root) ?? new Uint32Array(0);
  const execution = createExecution(program, { inputs, steps, engine: host.engine, constants: constant, trace });
  const progress = createProgress(steps);
  try {
    while (execution.stepsDone < steps) {
      const step = execution.stepsDone;
      let primitive = 0;
      for (const _ of execution.advanceInSlices()) {
        if (signal.aborted) throw new StoppedError();
        await progress.say(step, ++primitive);
      }
    }
  } finally {
    progress.end();
  }
  const run = execution.finish();
  return { run, traceRoot: trace === "none" ? null : traceRootOf(run) };
}

const SAID_EVERY_MILLISECONDS = 100;

// A line that is written over itself, on a terminal only. A pause lets a signal through.
function createProgress(steps: number) {
  const { stderr } = process;
  let last = performance.now();
  let wasSaid = false;
  return {
    async say(step: number, primitive: number): Promise<void> {
      if (performance.now() - last < SAID_EVERY_MILLISECONDS) return;
      last = performance.now();
      if (stderr.isTTY) {
        stderr.write(`\r\u001b[Kstep ${step + 1} of ${steps}, primitive ${primitive}`);
        wasSaid = true;
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
    end(): void {
      if (wasSaid) stderr.write("\r\u001b[K");
    },
  };
}
