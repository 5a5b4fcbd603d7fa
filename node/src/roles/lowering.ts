/**
 * Models of strangers, lowered in a thread of their own: whoever registers a program can make every node lower a model, and a
 * node that does nothing else meanwhile misses its clocks. A thread ends at its deadline, or where its heap grows too
 * large; what it makes beside the heap is bounded by the limits of an import.
 */
import { Worker } from "node:worker_threads";
import { LockstepError } from "../float/errors.ts";
import type { Hash } from "../merkle/index.ts";
import type { ImportedModel } from "../onnx/index.ts";
import type { ProgramManifest } from "./programs.ts";

/** What a thread is to lower: files of the content store under `folder`, as the manifest says. */
export interface LoweringRequest {
  readonly folder: string;
  readonly programRoot: Hash;
  readonly manifest: ProgramManifest;
}

/** What a thread answers. */
export type LoweringAnswer =
  | { readonly kind: "lowered"; readonly model: ImportedModel & { readonly constants: ReadonlyMap<Hash, Uint32Array> } }
  | { readonly kind: "differs"; readonly programRoot: Hash }
  /** A file that is not in the store any more, or changed there. */
  | { readonly kind: "lost"; readonly root: Hash }
  | { readonly kind: "refused"; readonly reason: string };

/** The longest that a thread lowers one model. */
const MILLISECONDS = 60_000;
const HEAP_MEBIBYTES = 2048;
/** Threads at once; further requests wait. */
const MOST_THREADS = 2;
/** Models of strangers that wait: what asks for more looks again later. */
const MOST_WAITING = 16;

let running = 0;
// What this node's own claims need goes ahead of what strangers ask for.
const waiting: { readonly own: (() => void)[]; readonly others: (() => void)[] } = { own: [], others: [] };

/** When a thread is ended: after so long, or by a signal. */
export interface LoweringEnd {
  readonly milliseconds?: number;
  readonly signal?: AbortSignal;
  /** Whether a claim or a task of this node's own needs it: it waits for no stranger's, and is never sent away. */
  readonly own?: boolean;
}

/**
 * Lowers in a thread; the files must be in the store. Throws LoweringError where it is ended before it answers, and
 * LoweringBusyError where too many wait already.
 */
export async function lowerApart(request: LoweringRequest, end: LoweringEnd = {}): Promise<LoweringAnswer> {
  if (running < MOST_THREADS) running++;
  else {
    const { own = false } = end;
    if (!own && waiting.others.length >= MOST_WAITING) throw new LoweringBusyError(request.programRoot, MOST_WAITING);
    await new Promise<void>((resolve) => waiting[own ? "own" : "others"].push(resolve));
  }
  try {
    return await answerOf(request, end);
  } finally {
    // The place goes to the next in line.
    const next = waiting.own.shift() ?? waiting.others.shift();
    if (next === undefined) running--;
    else next();
  }
}

async function answerOf(
  request: LoweringRequest,
  { milliseconds = MILLISECONDS, signal }: LoweringEnd,
): Promise<LoweringAnswer> {
  const { programRoot } = request;
  const stopped = (): LoweringError => new LoweringError(programRoot, "the node stops", {});
  if (signal?.aborted === true) throw stopped();
  const worker = new Worker(new URL("./lowering-thread.ts", import.meta.url), {
    workerData: request,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES },
  });
  const { promise, resolve, reject } = Promise.withResolvers<LoweringAnswer>();
  const onAbort = (): void => reject(stopped());
  signal?.addEventListener("abort", onAbort);
  const deadline = setTimeout(() => {
    reject(new LoweringError(programRoot, `not done after ${milliseconds} ms`, { milliseconds }));
  }, milliseconds);
  worker.once("message", (answer: LoweringAnswer) => resolve(answer));
  worker.once("error", (error) => reject(new LoweringError(programRoot, error.message, { cause: error.message })));
  worker.once("exit", (code) => reject(new LoweringError(programRoot, `its thread ended with ${code}`, { code })));
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}

/** Too many models wait to be lowered: nothing is said of this one. */
export class LoweringBusyError extends LockstepError {
  constructor(programRoot: Hash, waiting: number) {
    super("LoweringBusyError", `The model of program ${programRoot} is not lowered now: ${waiting} others wait`, {
      programRoot,
      waiting,
    });
  }
}

/** A model was not lowered: it takes too long or too much memory. */
export class LoweringError extends LockstepError {
  constructor(programRoot: Hash, rule: string, values: Record<string, unknown>) {
    super("LoweringError", `The model of program ${programRoot} can't be lowered here: ${rule}`, {
      programRoot,
      rule,
      ...values,
    });
  }
}
