/**
 * The inputs of a run: checked against the program's interface, made from numbers, and committed to by inputsRoot (spec,
 * "Trees"). Refuses another count or length, and numbers that the tensor's type cannot hold.
 */
import { LockstepError } from "../float/errors.ts";
import { toBits } from "../float/words.ts";
import type { Program, TensorType } from "../ir/program.ts";
import { CHUNK_WORDS, ZERO_HASH } from "../merkle/hash.ts";
import type { Hash, Hasher } from "../merkle/hash.ts";
import { chunkCount, tensorRoot } from "../merkle/tensor.ts";
import { buildTree, treeRoot } from "../merkle/tree.ts";
import type { Tree } from "../merkle/tree.ts";
import { sharedHasher } from "../merkle/wasm-hasher.ts";

/** Throws unless there is one tensor of the right length per input of the program. Any word is allowed in any type. */
export function checkInputs(program: Program, inputs: readonly Uint32Array[]): void {
  if (inputs.length !== program.inputs.length) throw new InputCountError(inputs.length, program.inputs.length);
  inputs.forEach((words, index) => {
    if (words.length !== program.inputs[index].length) {
      throw new InputLengthError(index, words.length, program.inputs[index].length);
    }
  });
}

/** Throws unless each committed tensor is the input, or whole chunks that begin with it. */
export function checkCommittedInputs(inputs: readonly Uint32Array[], committed: readonly Uint32Array[]): void {
  if (committed.length !== inputs.length) throw new InputCountError(committed.length, inputs.length);
  inputs.forEach((words, index) => {
    const whole = committed[index];
    if (whole === words) return;
    const length = chunkCount(words.length) * CHUNK_WORDS;
    if (whole.length !== length) throw new InputLengthError(index, whole.length, length);
    const other = words.findIndex((word, at) => word !== whole[at]);
    if (other >= 0) throw new CommittedWordError(index, other);
  });
}

/** The words of a tensor of numbers: f32 rounded to nearest, i32 exact, bool from 0 and anything else. */
export function inputWords(tensor: TensorType, values: ArrayLike<number | bigint | boolean>): Uint32Array {
  if (values.length !== tensor.length) throw new InputLengthError(null, values.length, tensor.length);
  return Uint32Array.from({ length: tensor.length }, (_, element) => {
    const value = values[element];
    switch (tensor.type) {
      case "f32":
        return toBits(Number(value));
      case "i32":
        return i32Word(value, element);
      case "bool":
        return Number(value) === 0 ? 0 : 0xffffffff;
    }
  });
}

/** The tree over the roots of the input tensors; null for a program without inputs. */
export function inputsTree(inputs: readonly Uint32Array[], hasher: Hasher = sharedHasher()): Tree | null {
  if (inputs.length === 0) return null;
  return buildTree(
    inputs.map((words) => tensorRoot(words, hasher)),
    hasher,
  );
}

/** The root that a claim names its inputs by; zero for a program without inputs. */
export function inputsRootOf(inputs: readonly Uint32Array[], hasher: Hasher = sharedHasher()): Hash {
  const tree = inputsTree(inputs, hasher);
  return tree === null ? ZERO_HASH : treeRoot(tree);
}

function i32Word(value: number | bigint | boolean, element: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < -(2 ** 31) || number >= 2 ** 31) {
    throw new ValueOutsideI32Error(element, value);
  }
  return number >>> 0;
}

/** Another number of inputs than the program has. */
export class InputCountError extends LockstepError {
  constructor(count: number, expected: number) {
    super("InputCountError", `${count} inputs where the program has ${expected}`, { count, expected });
  }
}

/** An input of another length than the program's; `input` is null where the index is not known. */
export class InputLengthError extends LockstepError {
  constructor(input: number | null, length: number, expected: number) {
    const message = `input ${input ?? "tensor"} has ${length} words where ${expected} belong`;
    super("InputLengthError", message, { input, length, expected });
  }
}

/** An input as whole chunks that are not those of the input. */
export class CommittedWordError extends LockstepError {
  constructor(input: number, word: number) {
    super("CommittedWordError", `word ${word} of input ${input} is another in its chunks`, { input, word });
  }
}

/** A number that is no 32-bit signed integer; integers of other widths are never wrapped. */
export class ValueOutsideI32Error extends LockstepError {
  constructor(element: number, value: number | bigint | boolean) {
    super("ValueOutsideI32Error", `element ${element} is ${value}, which is no i32`, { element, value });
  }
}
