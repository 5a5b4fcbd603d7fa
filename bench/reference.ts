// onnxruntime as the other runtime of a benchmark: the same file, the same feeds, the same number of threads.
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Feed } from "./models.ts";

/** How long its idle threads may spin after a run, in ms; timed right after it, anything else would lose. */
export const IDLE_POOL_MS = 60;

export interface Reference {
  /** Runs the model into the same outputs each time. */
  run(): Promise<void>;
  /** What the last run gave, by name. */
  output(name: string): Float32Array;
  close(): Promise<void>;
}

/** Opens a model file. Outputs are allocated once, by the first run, so that later ones need no memory. */
export async function openReference(path: string, feeds: readonly Feed[], threads: number): Promise<Reference> {
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
  });
  const given = Object.fromEntries(feeds.map((feed) => [feed.name, tensorOf(feed)]));
  const outputs = await session.run(given);
  return {
    run: async () => {
      await session.run(given, outputs);
    },
    output(name) {
      const { data } = outputs[name];
      if (!(data instanceof Float32Array)) throw new TypeError(`${name} of onnxruntime is no float32 tensor`);
      return data;
    },
    close: () => session.release(),
  };
}

function tensorOf({ data, shape }: Feed): Tensor {
  return data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("int64", data, shape);
}
