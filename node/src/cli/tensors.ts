/**
 * Tensors that users give and get: .npy and ONNX .pb files to the words of a program's inputs and to bound tensors, and words
 * to values, to arrays of the model's element type, and to .npy files.
 */
import { dump, parse, type DType as NpyType, type NpyArray, type TypedArray } from "npyjs";
import { inputWords } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import { fromBits } from "../float/words.ts";
import type { WordType } from "../ir/index.ts";
import { parseTensorFile, type DType, type ElementType, type ImportedModel, type OnnxTensor } from "../onnx/index.ts";
import { readUserFile, writeUserFile } from "./files.ts";

/** One file per input of the model, in the model's order. */
export function readInputs(model: ImportedModel, paths: readonly string[]): Uint32Array[] {
  if (paths.length !== model.inputs.length) {
    throw new InputCountMismatchError(
      paths.length,
      model.inputs.map(({ name }) => name),
    );
  }
  return paths.map((path, index) => {
    const { shape, values } = readTensor(path);
    const expected = model.inputs[index];
    const tensor = model.program.inputs[index];
    if (expected === undefined || tensor === undefined) throw new RangeError(`input ${index}`);
    if (shape.length !== expected.shape.length || shape.some((extent, axis) => extent !== expected.shape[axis])) {
      throw new InputShapeError(path, expected.name, shape, expected.shape);
    }
    return inputWords(tensor, values);
  });
}

/** The values of words of a type; numbers that JSON has no form for as strings. */
export function toValues(words: Uint32Array, type: WordType): (number | string | boolean)[] {
  return Array.from(words, (word) => {
    if (type === "bool") return word !== 0;
    if (type === "i32") return word | 0;
    const value = fromBits(word);
    return Number.isFinite(value) ? value : String(value);
  });
}

// How a file of the element type is called, and what holds its elements. Narrower integers are widened to a byte.
interface ArrayType {
  readonly npy: NpyType;
  from(words: Uint32Array): TypedArray;
}

const INT8: ArrayType = { npy: "i1", from: (words) => Int8Array.from(words) };
const UINT8: ArrayType = { npy: "u1", from: (words) => Uint8Array.from(words) };
const FLOAT32: ArrayType = { npy: "f4", from: (words) => new Float32Array(Uint32Array.from(words).buffer) };

const ARRAY_TYPES: Readonly<Record<ElementType, ArrayType>> = {
  float32: FLOAT32,
  float16: FLOAT32,
  bfloat16: FLOAT32,
  int64: { npy: "i8", from: (words) => BigInt64Array.from(words, (word) => BigInt(word | 0)) },
  int32: { npy: "i4", from: (words) => Int32Array.from(words) },
  uint32: { npy: "u4", from: (words) => Uint32Array.from(words) },
  int16: { npy: "i2", from: (words) => Int16Array.from(words) },
  uint16: { npy: "u2", from: (words) => Uint16Array.from(words) },
  int8: INT8,
  uint8: UINT8,
  int4: INT8,
  uint4: UINT8,
  int2: INT8,
  uint2: UINT8,
  bool: { npy: "b1", from: (words) => Uint8Array.from(words, (word) => (word === 0 ? 0 : 1)) },
};

/** The elements of a tensor in an array of their own type; bools are 0 and 1. */
export function elementsOf(elementType: ElementType, words: Uint32Array): TypedArray {
  return ARRAY_TYPES[elementType].from(words);
}

/** Writes a tensor as an .npy file. */
export function writeNpy(path: string, elementType: ElementType, shape: readonly number[], words: Uint32Array): void {
  const { npy, from } = ARRAY_TYPES[elementType];
  writeUserFile(path, new Uint8Array(dump(from(words), [...shape], { dtype: npy })));
}

// The element types of ONNX whose elements an .npy file holds.
const BOUND_TYPES: Readonly<Partial<Record<NpyType, DType>>> = {
  b1: "bool",
  f4: "float32",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
};

/** A tensor with its element type, to bind an input to. */
export function readTensorFile(path: string): OnnxTensor {
  if (path.endsWith(".pb")) return parseTensorFile(readUserFile(path));
  const { shape, dtype, data } = readNpy(path);
  const type = BOUND_TYPES[dtype];
  if (type === undefined) throw new TensorFileError(path, `${dtype} is no element type of an input`, undefined);
  return { dtype: type, shape: [...shape], data } as unknown as OnnxTensor;
}

interface ReadTensor {
  shape: readonly number[];
  values: ArrayLike<number | bigint | boolean>;
}

function readTensor(path: string): ReadTensor {
  if (path.endsWith(".pb")) {
    const { shape, data } = parseTensorFile(readUserFile(path));
    if (Array.isArray(data)) throw new TensorFileError(path, "it holds strings", undefined);
    return { shape, values: data as ArrayLike<number | bigint> };
  }
  const { shape, data } = readNpy(path);
  return { shape, values: data as unknown as ArrayLike<number | bigint> };
}

function readNpy(path: string): NpyArray {
  const bytes = readUserFile(path);
  let array: NpyArray;
  try {
    array = parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
  } catch (cause) {
    throw new TensorFileError(path, "it is neither .npy nor a .pb tensor", cause);
  }
  if (array.fortranOrder) throw new TensorFileError(path, "it is in Fortran order; save it in C order", undefined);
  if (!/^([fiu][1248]|b1)$/.test(array.dtype))
    throw new TensorFileError(path, `${array.dtype} is no type of numbers`, undefined);
  const count = array.shape.reduce((product, extent) => product * extent, 1);
  const { length } = array.data as unknown as ArrayLike<number | bigint>;
  if (length !== count) {
    throw new TensorFileError(path, `it holds ${length} values where its shape has ${count}`, undefined);
  }
  return array;
}

/** A model needs another number of inputs. */
export class InputCountMismatchError extends LockstepError {
  constructor(given: number, names: readonly string[]) {
    super(
      "InputCountMismatchError",
      `The model has ${names.length} inputs (${names.join(", ")}), ${given} were given`,
      {
        given,
        names,
      },
    );
  }
}

/** A tensor has another shape than the input it is for. */
export class InputShapeError extends LockstepError {
  constructor(path: string, input: string, shape: readonly number[], expected: readonly number[]) {
    super("InputShapeError", `${path} has shape [${shape.join(", ")}], input ${input} needs [${expected.join(", ")}]`, {
      path,
      input,
      shape,
      expected,
    });
  }
}

/** A file is no tensor that can be used. */
export class TensorFileError extends LockstepError {
  constructor(path: string, rule: string, cause: unknown) {
    super("TensorFileError", `${path}: ${rule}`, { path, rule }, { cause });
  }
}
