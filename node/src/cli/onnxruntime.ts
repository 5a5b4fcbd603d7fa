/** The cross-check: the same file and inputs in onnxruntime. What is claimed never comes from here. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { ImportedModel } from "../onnx/index.ts";
import { toValues } from "./tensors.ts";

/** The outputs of a model in onnxruntime, on one thread, as numbers. */
export async function runReference(
  path: string,
  model: ImportedModel,
  inputs: readonly Uint32Array[],
): Promise<number[][]> {
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
  });
  const feeds = Object.fromEntries(
    model.inputs.map(({ name, elementType, shape }, index) => {
      const words = inputs[index] ?? new Uint32Array(0);
      return [name, toTensor(String(elementType), words, shape)];
    }),
  );
  const results = await session.run(feeds);
  await session.release();
  return model.outputs.map(({ name }) => Array.from((results[name]?.data ?? []) as ArrayLike<number | bigint>, Number));
}

function toTensor(elementType: string, words: Uint32Array, shape: readonly number[]): Tensor {
  switch (elementType) {
    case "int64":
      return new Tensor(
        "int64",
        BigInt64Array.from(words, (word) => BigInt(word | 0)),
        shape,
      );
    case "int32":
      return new Tensor("int32", Int32Array.from(words), shape);
    case "bool":
      return new Tensor(
        "bool",
        Uint8Array.from(words, (word) => (word === 0 ? 0 : 1)),
        shape,
      );
    default:
      return new Tensor("float32", Float32Array.from(toValues(words, "f32"), Number), shape);
  }
}
