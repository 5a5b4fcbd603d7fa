// onnxruntime as the other runtime of a benchmark: the same file, the same feeds, the same number of threads.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { feedOf, type BenchDecoder, type Feed } from "./models.ts";

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
  const session = await openSession(path, threads);
  const given = Object.fromEntries(feeds.map((feed) => [feed.name, tensorOf(feed)]));
  const outputs = await session.run(given);
  return {
    run: async () => {
      await session.run(given, outputs);
    },
    output: (name) => floatsOf(outputs, name),
    close: () => session.release(),
  };
}

/** A language model with caches, for one text. */
export interface ReferenceDecoder {
  /** Appends tokens to the text, and gives the logits after the last one. */
  append(tokens: readonly number[]): Promise<Float32Array>;
  /** Tokens of the text. */
  readonly length: number;
  /** Runs the model on one more token, again and again the same: the text stays as it is. */
  step(token: number): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Opens a decoder's file with an empty text. */
export async function openReferenceDecoder(
  path: string,
  decoder: BenchDecoder,
  threads: number,
): Promise<ReferenceDecoder> {
  const { layers, keyHeads, headSize, vocabulary } = decoder;
  const session = await openSession(path, threads);
  const names = Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
  const caches = new Map<string, Tensor>(
    names.map((name) => [name, new Tensor("float32", new Float32Array(0), [1, keyHeads, 0, headSize])]),
  );
  let length = 0;
  const feedsOf = (tokens: readonly number[]): Record<string, Tensor> => {
    const places = tokens.map((_, index) => BigInt(length + index));
    const row = (values: readonly bigint[]): Tensor =>
      new Tensor("int64", BigInt64Array.from(values), [1, values.length]);
    return {
      input_ids: row(tokens.map(BigInt)),
      attention_mask: tensorOf(feedOf("attention_mask", [1, length + tokens.length])),
      position_ids: row(places),
      ...Object.fromEntries([...caches].map(([name, cache]) => [`past_key_values.${name}`, cache])),
    };
  };
  return {
    get length() {
      return length;
    },
    async append(tokens) {
      const outputs = await session.run(feedsOf(tokens));
      for (const name of names) caches.set(name, outputs[`present.${name}`] as Tensor);
      length += tokens.length;
      return floatsOf(outputs, "logits").slice(-vocabulary);
    },
    async step(token) {
      const feeds = feedsOf([token]);
      const outputs = await session.run(feeds);
      return async () => {
        await session.run(feeds, outputs);
      };
    },
    close: () => session.release(),
  };
}

function openSession(path: string, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(path, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
  });
}

function floatsOf(outputs: InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const { data } = outputs[name] as Tensor;
  if (!(data instanceof Float32Array)) throw new TypeError(`${name} of onnxruntime is no float32 tensor`);
  return data;
}

function tensorOf({ data, shape }: Feed): Tensor {
  return data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("int64", data, shape);
}
