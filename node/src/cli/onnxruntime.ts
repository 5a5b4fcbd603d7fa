/** The cross-check: the same file and inputs in onnxruntime. What is claimed never comes from here. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { LockstepError } from "../float/errors.ts";
import { canonical, toBits } from "../float/words.ts";
import type { ElementType, ImportedTensor, OnnxTensor } from "../onnx/index.ts";
import { elementsOf } from "./tensors.ts";

/** A tensor that onnxruntime gave, as the words that a program's tensor of the type holds. */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  readonly words: Uint32Array;
}

/**
 * Outputs of a model in onnxruntime, on one thread; null for one of a type that no program holds. `source` is a file or the
 * bytes of one; `bound` are inputs that the program has not.
 */
export async function runReference(
  source: string | Uint8Array,
  inputs: readonly (ImportedTensor & { readonly words: Uint32Array })[],
  names: readonly string[],
  bound: Readonly<Record<string, OnnxTensor>> = {},
): Promise<(ReferenceTensor | null)[]> {
  const options = {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 3, // its warnings are about files that are right
  } as const;
  const opening =
    typeof source === "string" ? InferenceSession.create(source, options) : InferenceSession.create(source, options);
  const session = await opening.catch(refused);
  try {
    const feeds = Object.fromEntries([
      ...inputs.map(({ name, elementType, shape, words }) => [name, toTensor(elementType, words, shape)]),
      ...Object.entries(bound).map(([name, { dtype, data, shape }]) => [
        name,
        new Tensor(dtype as Tensor.Type, data as Tensor.DataType, shape),
      ]),
    ]) as Record<string, Tensor>;
    const results = await session.run(feeds, [...names]).catch(refused);
    return names.map((name) => fromTensor(results[name]));
  } finally {
    await session.release();
  }
}

function toTensor(elementType: ElementType, words: Uint32Array, shape: readonly number[]): Tensor {
  return new Tensor(elementType as Tensor.Type, elementsOf(elementType, words) as Tensor.DataType, shape);
}

function fromTensor({ type, dims: shape, data }: Tensor): ReferenceTensor | null {
  if (type === "float32") return { shape, words: Uint32Array.from(data as Float32Array, floatWord) };
  if (type === "bool") {
    return { shape, words: Uint32Array.from(data as Uint8Array, (item) => (item === 0 ? 0 : 0xffffffff)) };
  }
  if (!/^u?int(8|16|32|64)$/.test(type)) return null;
  const wordOf = (item: number | bigint) => Number(BigInt.asUintN(32, BigInt(item)));
  return { shape, words: Uint32Array.from(data as ArrayLike<number>, wordOf) };
}

function floatWord(value: number): number {
  return canonical(toBits(value));
}

function refused(cause: unknown): never {
  throw new ReferenceRefusedError(cause);
}

/** onnxruntime does not take the model or its inputs. */
export class ReferenceRefusedError extends LockstepError {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super("ReferenceRefusedError", `onnxruntime refuses the model: ${reason}`, { reason }, { cause });
  }
}
