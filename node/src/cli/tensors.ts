/** Tensors that users give and get: .npy and ONNX .pb files to the words of a program's inputs, and words to values. */
import { parse, type NpyArray } from "npyjs";
import { inputWords } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import { fromBits } from "../float/words.ts";
import type { WordType } from "../ir/index.ts";
import { parseTensorFile, type ImportedModel } from "../onnx/index.ts";
import { readUserFile } from "./files.ts";

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

interface ReadTensor {
  shape: readonly number[];
  values: ArrayLike<number | bigint | boolean>;
}

function readTensor(path: string): ReadTensor {
  const bytes = readUserFile(path);
  if (path.endsWith(".pb")) {
    const { shape, data } = parseTensorFile(bytes);
    if (Array.isArray(data)) throw new TensorFileError(path, "it holds strings", undefined);
    return { shape, values: data as ArrayLike<number | bigint> };
  }
  let array: NpyArray;
  try {
    array = parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
  } catch (cause) {
    throw new TensorFileError(path, "it is neither .npy nor a .pb tensor", cause);
  }
  if (array.fortranOrder) throw new TensorFileError(path, "it is in Fortran order; save it in C order", undefined);
  if (!/^([fiu][1248]|b1)$/.test(array.dtype))
    throw new TensorFileError(path, `${array.dtype} is no type of numbers`, undefined);
  const values = array.data as unknown as ArrayLike<number | bigint>;
  const count = array.shape.reduce((product, extent) => product * extent, 1);
  if (values.length !== count) {
    throw new TensorFileError(path, `it holds ${values.length} values where its shape has ${count}`, undefined);
  }
  return { shape: array.shape, values };
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
