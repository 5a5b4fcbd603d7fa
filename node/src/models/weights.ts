/**
 * Where the weights of a model come from: drawn from a seed, or any source of named tensors. Drawn weights come from
 * Philox4x32-10, keyed by the seed and the tensor's name, so that each can be made alone, in any order and on any machine, and
 * is never held. Refuses deviations that are not finite.
 */

import { LockstepError } from "../float/errors.ts";
import { philox } from "../onnx/random.ts";
import { lazyTensor } from "../onnx/element-types.ts";
import type { OnnxTensor } from "../onnx/element-types.ts";

/** The distribution of a drawn tensor: bell shaped, within four deviations of the mean. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** Tensors by their published names. */
export interface WeightSource {
  /** A tensor of this shape; `spread` matters only where weights are drawn. Throws a typed error for one that is not there. */
  tensor(name: string, shape: readonly number[], spread: Spread): OnnxTensor;
  /** Whether there is one of this name; drawn weights have every name. */
  has(name: string): boolean;
}

export interface DrawnOptions {
  /** 0 .. 2^32 - 1. */
  readonly seed: number;
  /** Whether every weight is one that bfloat16 represents too, as most published weights are; they stay float32 tensors. */
  readonly isBfloat16?: boolean;
}

/** Weights drawn from a seed: the same for the same seed, name and shape. */
export function drawnWeights({ seed, isBfloat16 = false }: DrawnOptions): WeightSource {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new WeightError("a seed is 0 .. 2^32 - 1", { seed });
  return {
    has: () => true,
    tensor(name, shape, { mean, deviation }) {
      if (!Number.isFinite(mean) || !Number.isFinite(deviation))
        throw new WeightError(`the spread of ${JSON.stringify(name)} is not finite`, { name, mean, deviation });
      const count = shape.reduce((product, extent) => product * extent, 1);
      return lazyTensor("float32", shape, () => {
        const data = drawn(count, seed, hashOfName(name), mean, deviation);
        if (isBfloat16) roundToBfloat16(data);
        return data;
      });
    },
  };
}

// A weight is the sum of the four bytes of a word, with the lower half of the word as its fraction: integers until the
// scaling, which is two float64 operations and one rounding. Their deviation is sqrt(4 * (2^16 - 1) / 12) = 147.8.
const CENTER = 2 * 255 + 0.5;
const UNIT_DEVIATION = Math.sqrt((4 * (2 ** 16 - 1)) / 12);

function drawn(count: number, seed: number, stream: number, mean: number, deviation: number): Float32Array {
  const data = new Float32Array(count);
  const factor = deviation / UNIT_DEVIATION;
  const block = new Uint32Array(4);
  for (let start = 0, counter = 0; start < count; start += 4, counter++) {
    philox(block, counter, 0, 0, 0, seed, stream);
    const end = Math.min(4, count - start);
    for (let i = 0; i < end; i++) {
      const word = block[i];
      const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
      data[start + i] = mean + (sum + (word & 0xffff) / 65_536 - CENTER) * factor;
    }
  }
  return data;
}

/** Rounds to the nearest bfloat16, ties to even; drawn weights are finite. */
function roundToBfloat16(data: Float32Array): void {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < words.length; i++) words[i] = (words[i] + 0x7fff + ((words[i] >>> 16) & 1)) & 0xffff0000;
}

/** FNV-1a of the name's UTF-16 code units. */
function hashOfName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Weights that cannot be made or are not what the model asks for. */
export class WeightError extends LockstepError {
  constructor(message: string, values: Record<string, unknown>, options?: { cause?: unknown }) {
    super("WeightError", message, values, options);
  }
}
