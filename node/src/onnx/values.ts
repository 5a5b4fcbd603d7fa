/**
 * What a name of an ONNX graph stands for while it is lowered: a typed shape, and either the data (known at import) or the
 * tensor of the program that will hold it. A view is a second value over the same tensor. Element types other than float32,
 * int64, int32 and bool have no value here.
 */

import { LockstepError } from "../float/errors.ts";
import { canonical, toBits } from "../float/words.ts";
import type { WordType } from "../ir/opcodes.ts";
import type { OnnxTensor } from "./tensor.ts";
import { IntegerRangeError } from "./errors.ts";

export type ElementType = "float32" | "int64" | "int32" | "bool";

/** The word type that carries an element type: int64 at run time is i32. */
export const WORD_TYPE: Readonly<Record<ElementType, WordType>> = {
  float32: "f32",
  int64: "i32",
  int32: "i32",
  bool: "bool",
};

/** Data known at import, row-major: canonical words of float32, or exact integers (bool: 0 or 1). */
export type Payload =
  | { readonly kind: "words"; readonly words: Uint32Array }
  | { readonly kind: "integers"; readonly integers: BigInt64Array };

/** A tensor that exists only when the program runs. `index` counts drafted primitives, slots or inputs. */
export interface RuntimeTensor {
  readonly kind: "primitive" | "slot" | "input";
  readonly index: number;
}

export interface Value {
  readonly elementType: ElementType;
  /** Slowest dimension first; a zero extent only where the data is known (there is none). */
  readonly shape: readonly number[];
  readonly at: Payload | RuntimeTensor;
  /** Graph inputs that it depends on; empty where the data is known. */
  readonly sources: ReadonlySet<string>;
}

/** A value whose data is known. */
export interface KnownValue extends Value {
  readonly at: Payload;
}

/** A value with known float32 words or integers. */
export interface KnownIntegers extends Value {
  readonly at: Extract<Payload, { kind: "integers" }>;
}

const NONE: ReadonlySet<string> = new Set();

export function isKnown(value: Value): value is KnownValue {
  return value.at.kind === "words" || value.at.kind === "integers";
}

export function hasIntegers(value: Value): value is KnownIntegers {
  return value.at.kind === "integers";
}

/** Product of the extents: 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Words between neighbours along each axis of a row-major tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function knownWords(shape: readonly number[], words: Uint32Array): KnownValue {
  return { elementType: "float32", shape, at: { kind: "words", words }, sources: NONE };
}

export function knownIntegers(
  elementType: Exclude<ElementType, "float32">,
  shape: readonly number[],
  integers: BigInt64Array,
): KnownIntegers {
  return { elementType, shape, at: { kind: "integers", integers }, sources: NONE };
}

/** A tensor without elements. */
export function emptyValue(elementType: ElementType, shape: readonly number[]): KnownValue {
  if (elementType === "float32") return knownWords(shape, new Uint32Array(0));
  return knownIntegers(elementType, shape, new BigInt64Array(0));
}

/** A float as a known scalar. */
export function floatValue(value: number): KnownValue {
  return knownWords([], Uint32Array.of(toBits(value)));
}

/** A list of int64 as a tensor of rank 1. */
export function knownList(items: readonly (number | bigint)[]): KnownIntegers {
  return knownIntegers("int64", [items.length], BigInt64Array.from(items, BigInt));
}

/** The same tensor under another shape of the same size. */
export function reshaped(value: Value, shape: readonly number[]): Value {
  return { ...value, shape };
}

/** The data of a decoded tensor, or undefined where its element type has no value here. */
export function knownTensor(tensor: OnnxTensor): KnownValue | undefined {
  switch (tensor.dtype) {
    case "float32": {
      const bits = new Uint32Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length);
      return knownWords(tensor.shape, bits.map(canonical));
    }
    case "int64":
      return knownIntegers("int64", tensor.shape, tensor.data);
    case "int32":
      return knownIntegers("int32", tensor.shape, BigInt64Array.from(tensor.data, BigInt));
    case "bool":
      return knownIntegers(
        "bool",
        tensor.shape,
        BigInt64Array.from(tensor.data, (flag) => (flag === 0 ? 0n : 1n)),
      );
    default:
      return undefined;
  }
}

/** The words of known data as a program's tensor holds them: bools as masks. Throws IntegerRangeError beyond 32 bits. */
export function wordsOf(value: KnownValue, where: string): Uint32Array {
  if (value.at.kind === "words") return value.at.words;
  const { integers } = value.at;
  const words = new Uint32Array(integers.length);
  if (value.elementType === "bool") {
    for (let i = 0; i < words.length; i++) words[i] = integers[i] === 0n ? 0 : 0xffffffff;
    return words;
  }
  for (let i = 0; i < words.length; i++) {
    const item = integers[i];
    if (item !== BigInt.asIntN(32, item)) throw new IntegerRangeError(where, item);
    words[i] = Number(BigInt.asUintN(32, item));
  }
  return words;
}

/** Data from the words of a program's tensor; the inverse of {@link wordsOf}. */
export function knownFromWords(elementType: ElementType, shape: readonly number[], words: Uint32Array): KnownValue {
  if (words.length !== sizeOf(shape)) throw new WordCountError(words.length, shape);
  if (elementType === "float32") return knownWords(shape, words);
  const toInteger =
    elementType === "bool" ? (word: number) => (word === 0 ? 0n : 1n) : (word: number) => BigInt(word | 0);
  return knownIntegers(elementType, shape, BigInt64Array.from(words, toInteger));
}

/** Words of another number than the shape has elements. */
export class WordCountError extends LockstepError {
  constructor(found: number, shape: readonly number[]) {
    super("WordCountError", `${found} words for the shape [${shape.join(", ")}]`, { found, shape: [...shape] });
  }
}
