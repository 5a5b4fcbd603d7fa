/**
 * What a name of an ONNX graph stands for while it is lowered: a typed shape, and either the data (known at import) or the
 * tensor of the program that will hold it. A view is a second value over the same tensor. float16 and bfloat16 stand for
 * widened constants, which can be moved and cast but not computed with; other floats, 64-bit unsigned integers, complex numbers
 * and strings have no value here.
 */

import { LockstepError } from "../float/errors.ts";
import { canonical, toBits } from "../float/words.ts";
import type { WordType } from "../ir/opcodes.ts";
import { widenBfloat16, widenFloat16 } from "./element-types.ts";
import type { OnnxTensor, TensorData } from "./element-types.ts";
import { IntegerRangeError } from "./errors.ts";

/** Integers below 32 bits, and uint32 by its bits, are i32 words at run time. */
export type NarrowType = "uint32" | "int16" | "uint16" | "int8" | "uint8" | "int4" | "uint4" | "int2" | "uint2";
export type IntegerType = "int64" | "int32" | NarrowType;
export type FloatType = "float32" | "float16" | "bfloat16";
export type ElementType = FloatType | IntegerType | "bool";

/** The word type that carries an element type: int64 at run time is i32. */
export const WORD_TYPE: Readonly<Record<ElementType, WordType>> = {
  float32: "f32",
  float16: "f32",
  bfloat16: "f32",
  int64: "i32",
  int32: "i32",
  uint32: "i32",
  int16: "i32",
  uint16: "i32",
  int8: "i32",
  uint8: "i32",
  int4: "i32",
  uint4: "i32",
  int2: "i32",
  uint2: "i32",
  bool: "bool",
};

/** Width and signedness of the integer types. */
export const INTEGERS: Readonly<Record<IntegerType, { readonly bits: number; readonly signed: boolean }>> = {
  int64: { bits: 64, signed: true },
  int32: { bits: 32, signed: true },
  uint32: { bits: 32, signed: false },
  int16: { bits: 16, signed: true },
  uint16: { bits: 16, signed: false },
  int8: { bits: 8, signed: true },
  uint8: { bits: 8, signed: false },
  int4: { bits: 4, signed: true },
  uint4: { bits: 4, signed: false },
  int2: { bits: 2, signed: true },
  uint2: { bits: 2, signed: false },
};

export function isIntegerType(elementType: ElementType): elementType is IntegerType {
  return Object.hasOwn(INTEGERS, elementType);
}

/** The element types a tensor of a program's interface can have, and those only constants have, by their name in a file. */
export function isElementType(dtype: string): dtype is ElementType {
  return Object.hasOwn(WORD_TYPE, dtype);
}

/**
 * Data known at import, row-major: canonical words of float32, or exact integers (bool: 0 or 1). Words that are lazy are made
 * anew each time they are asked for: ask once, and drop them.
 */
export type Payload =
  | { readonly kind: "words"; readonly words: Uint32Array; readonly quantised?: Quantised; readonly isLazy?: true }
  | { readonly kind: "integers"; readonly integers: BigInt64Array; readonly small?: SmallIntegers };

/** The elements of a constant of 8 bits or fewer, one each, as the file holds them; `integers` is made of them when asked for. */
export type SmallIntegers = Int8Array | Uint8Array;

/** Where the words of a dequantised constant come from: scale times (integer - zero point). */
export interface Quantised {
  readonly elementType: ElementType;
  readonly integers: Extract<Payload, { kind: "integers" }>;
  readonly scale: KnownValue;
  /** Of the scale's shape; absent for 0. */
  readonly zero: KnownIntegers | undefined;
  /** The constant's shape when it was dequantised, whatever views have made of it since. */
  readonly shape: readonly number[];
  /** Strides of the scale over the axes of that shape, and how many neighbours of an axis share an entry. */
  readonly strides: readonly number[];
  readonly blocks: readonly number[];
}

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
  /** A sequence or an optional instead of a tensor: what it holds. Its other fields are those of a tensor without elements. */
  readonly items?: readonly Value[];
  readonly isOptional?: boolean;
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

/** Words from which on a rearranged constant is lazy: a megabyte. */
export const LAZY_WORDS = 2 ** 18;

/** Words that `read` makes when they are asked for: canonical, and always the same. */
export function lazyWords(shape: readonly number[], read: () => Uint32Array): KnownValue {
  const at: Payload = {
    kind: "words",
    get words() {
      return read();
    },
    isLazy: true,
  };
  return { elementType: "float32", shape, at, sources: NONE };
}

export function knownIntegers(
  elementType: Exclude<ElementType, FloatType>,
  shape: readonly number[],
  integers: BigInt64Array,
): KnownIntegers {
  return { elementType, shape, at: { kind: "integers", integers }, sources: NONE };
}

export function isFloatType(elementType: ElementType): elementType is FloatType {
  return WORD_TYPE[elementType] === "f32";
}

/** A tensor without elements. */
export function emptyValue(elementType: ElementType, shape: readonly number[]): KnownValue {
  if (isFloatType(elementType)) return { ...knownWords(shape, new Uint32Array(0)), elementType };
  return knownIntegers(elementType, shape, new BigInt64Array(0));
}

export function sequenceOf(items: readonly Value[]): Value {
  return { ...emptyValue("float32", [0]), items };
}

/** An optional, of one value or of none. */
export function optionalOf(value: Value | undefined): Value {
  return { ...emptyValue("float32", [0]), items: value === undefined ? [] : [value], isOptional: true };
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
    case "float32":
      return knownFloats(tensor, ({ buffer, byteOffset, length }) =>
        canonicalWords(new Uint32Array(buffer, byteOffset, length)),
      );
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
    case "float16":
      return knownFloats(tensor, (bits) => new Uint32Array(widenFloat16(bits).buffer));
    case "bfloat16":
      return knownFloats(tensor, (bits) => new Uint32Array(widenBfloat16(bits).buffer));
    case "uint32":
    case "int16":
    case "uint16":
      return knownIntegers(tensor.dtype, tensor.shape, BigInt64Array.from(tensor.data, BigInt));
    case "int8":
    case "uint8":
    case "int4":
    case "uint4":
    case "int2":
    case "uint2":
      return knownSmall(tensor.dtype, tensor.shape, tensor.data);
    default:
      return undefined;
  }
}

/** The words of a tensor of floats, now or, where it is lazy, each time they are asked for. */
function knownFloats<D extends FloatType>(
  tensor: { dtype: D; shape: readonly number[]; data: TensorData[D]; isLazy?: true },
  convert: (data: TensorData[D]) => Uint32Array,
): KnownValue {
  const { dtype, shape } = tensor;
  const read = (): Uint32Array => convert(tensor.data);
  return { ...(tensor.isLazy === true ? lazyWords(shape, read) : knownWords(shape, read())), elementType: dtype };
}

/** The same words with every NaN the canonical one; many are copied only where one is not. */
function canonicalWords(bits: Uint32Array): Uint32Array {
  if (bits.length < LAZY_WORDS) return bits.map(canonical);
  // Signed, so that words stay small integers: ten times as fast over hundreds of megabytes.
  const signed = new Int32Array(bits.buffer, bits.byteOffset, bits.length);
  for (let i = 0; i < signed.length; i++) if ((signed[i] & 0x7fffffff) > 0x7f800000) return bits.map(canonical);
  return bits;
}

/** Integers of 8 bits or fewer, held as they are: weights are many, and most are packed without ever being int64. */
export function knownSmall(elementType: NarrowType, shape: readonly number[], small: SmallIntegers): KnownIntegers {
  let made: BigInt64Array | undefined;
  const at: KnownIntegers["at"] = {
    kind: "integers",
    small,
    get integers() {
      made ??= BigInt64Array.from(small, BigInt);
      return made;
    },
  };
  return { elementType, shape, at, sources: NONE };
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
  const least = value.elementType === "uint32" ? 0n : -(2n ** 31n);
  for (let i = 0; i < words.length; i++) {
    const item = integers[i];
    if (item < least || item >= least + 2n ** 32n) throw new IntegerRangeError(where, item);
    words[i] = Number(BigInt.asUintN(32, item));
  }
  return words;
}

/** Data from the words of a program's tensor; the inverse of {@link wordsOf}. */
export function knownFromWords(elementType: ElementType, shape: readonly number[], words: Uint32Array): KnownValue {
  if (words.length !== sizeOf(shape)) throw new WordCountError(words.length, shape);
  if (isFloatType(elementType)) return { ...knownWords(shape, words), elementType };
  const toInteger = (word: number): bigint => {
    if (elementType === "bool") return word === 0 ? 0n : 1n;
    return BigInt(elementType === "uint32" ? word >>> 0 : word | 0);
  };
  return knownIntegers(elementType, shape, BigInt64Array.from(words, toInteger));
}

/** Words of another number than the shape has elements. */
export class WordCountError extends LockstepError {
  constructor(found: number, shape: readonly number[]) {
    super("WordCountError", `${found} words for the shape [${shape.join(", ")}]`, { found, shape: [...shape] });
  }
}
