/**
 * Runs one case of the ONNX backend test suite on any backend (numerics, "Lowering"): imports the model, binds the inputs
 * that shapes depend on from the case, executes one step and compares. What the import refuses is `unsupported`; everything
 * else that is not equal is `failed`. Reads no files: it is given bytes.
 */

import { execute } from "../engine/execute.ts";
import { interpreterEngine } from "../engine/machine/index.ts";
import type { Engine } from "../engine/machine/index.ts";
import {
  ImportOptionError,
  IntegerRangeError,
  UnboundInputError,
  UnsupportedOperatorError,
  UnsupportedTensorError,
} from "./errors.ts";
import { parseDataFile } from "./data-file.ts";
import { importModel } from "./import.ts";
import type { ImportedModel, ImportOptions } from "./import.ts";
import { itemName } from "./items.ts";
import { parseModel } from "./model.ts";
import { hasDoubles, narrowDoubles, narrowTensor } from "./narrow.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { OnnxModel, OnnxValue } from "./types.ts";
import { knownFromWords, knownTensor, sizeOf, wordsOf } from "./values.ts";
import type { KnownValue } from "./values.ts";

/** The inputs and expected outputs of a case, each list in the order of the graph's. */
export interface CaseData {
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** `narrowed`: the case's float64 tensors were rounded to float32, and its arithmetic was that of float32. */
export type CaseResult =
  | { readonly status: "passed"; readonly narrowed?: true }
  | { readonly status: "failed"; readonly reason: string }
  | { readonly status: "unsupported"; readonly operator: string; readonly opset: number; readonly reason: string };

/**
 * Elements of the suite's vectors that are not what the standard says, by case: the first difference that a correct run
 * must show, in the words of a failure, and why it is the vector's. A case that first differs in another way failed.
 */
const ERRATA: Readonly<Record<string, { readonly difference: string; readonly why: string }>> = {
  test_dft_inverse: {
    difference: "output y: element 101 is 0 instead of 1.9073486612342094e-7",
    why: "the exact sum is 0: the vector holds its generator's rounding error, above the suite's absolute tolerance",
  },
  test_dft_inverse_opset19: {
    difference: "output y: element 101 is 0 instead of 1.9073486612342094e-7",
    why: "the exact sum is 0: the vector holds its generator's rounding error, above the suite's absolute tolerance",
  },
  test_qlinearmatmul_2D_int8_float32: {
    difference: "output y: element 1 is -128 instead of 117",
    why: "-139 was wrapped to 117, where the standard says saturate; mended in later vectors (onnx/onnx#7868)",
  },
  test_qlinearmatmul_3D_int8_float32: {
    difference: "output y: element 1 is -128 instead of 117",
    why: "-139 was wrapped to 117, where the standard says saturate; mended in later vectors (onnx/onnx#7868)",
  },
};

/** The result of a case of the suite, `<group>/<case>`: a known error of its vector is told apart from a failure. */
export function withErrata(id: string, modelBytes: Uint8Array, result: CaseResult): CaseResult {
  const name = id.slice(id.lastIndexOf("/") + 1);
  if (result.status !== "failed" || !Object.hasOwn(ERRATA, name)) return result;
  const { difference, why } = ERRATA[name];
  if (result.reason !== difference) return result;
  return { status: "unsupported", ...operatorAt(modelBytes, undefined), reason: `erratum of the vector: ${why}` };
}

/** Floats are equal within `absolute + relative * |expected|`. */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** The suite's own tolerances. */
export const SUITE_TOLERANCE: Tolerance = { relative: 1e-3, absolute: 1e-7 };

/** Runs a model file on every data set of its case; the first that does not pass decides. */
export function runCase(
  modelBytes: Uint8Array,
  data: readonly CaseData[],
  engine: Engine = interpreterEngine,
  tolerance: Tolerance = SUITE_TOLERANCE,
): CaseResult {
  return guarded(modelBytes, () => {
    // The suite's tolerance is far above float32's, so its float64 models are run in float32.
    const given = parseModel(modelBytes);
    const model = narrowDoubles(given);
    for (const { inputs, outputs } of data) {
      const declared = givenInputs(model);
      const values = new Map(inputs.flatMap((bytes, index) => dataOf(bytes, declared[index], `input ${index}`)));
      const expected = outputs.flatMap((bytes, index) => dataOf(bytes, model.graph.outputs[index], `output ${index}`));
      const reason = runOnce(model, values, expected, engine, tolerance);
      if (reason !== null) return { status: "failed", reason };
    }
    return hasDoubles(given) ? { status: "passed", narrowed: true } : { status: "passed" };
  });
}

/**
 * Runs a model of the suite's `light` group: every input is arange(n) / n as float32 in its declared shape, where unknown
 * dimensions are 1.
 */
export function runLightCase(
  modelBytes: Uint8Array,
  expectedBytes: readonly Uint8Array[],
  engine: Engine = interpreterEngine,
  tolerance: Tolerance = SUITE_TOLERANCE,
): CaseResult {
  return guarded(modelBytes, () => {
    const model = parseModel(modelBytes);
    const given = new Map<string, OnnxTensor>();
    for (const { name, shape = [] } of model.graph.inputs) {
      if (model.graph.initializers.has(name)) continue;
      const extents = shape.map((extent) => (typeof extent === "number" ? extent : 1));
      const length = sizeOf(extents);
      given.set(name, {
        dtype: "float32",
        shape: extents,
        data: Float32Array.from({ length }, (_, index) => index / length),
      });
    }
    const expected = expectedBytes.flatMap((bytes, index) =>
      dataOf(bytes, model.graph.outputs[index], `output ${index}`),
    );
    const reason = runOnce(model, given, expected, engine, tolerance);
    return reason === null ? { status: "passed" } : { status: "failed", reason };
  });
}

function guarded(modelBytes: Uint8Array, run: () => CaseResult): CaseResult {
  try {
    return run();
  } catch (error) {
    if (error instanceof UnsupportedOperatorError) {
      return { status: "unsupported", operator: error.operator, opset: error.opset, reason: error.reason };
    }
    if (error instanceof UnsupportedTensorError || error instanceof IntegerRangeError) {
      return { status: "unsupported", ...operatorAt(modelBytes, error.values["name"]), reason: error.message };
    }
    // An untyped error is a defect in this case's path; the other cases are run all the same.
    if (error instanceof Error) return { status: "failed", reason: `${error.name}: ${error.message}` };
    throw error;
  }
}

// The operator that a tensor goes into or comes out of, or the model's first.
function operatorAt(modelBytes: Uint8Array, tensor: unknown): { operator: string; opset: number } {
  const model = parseModel(modelBytes);
  const nodes = model.graph.nodes;
  const node = nodes.find(({ inputs, outputs }) => [...inputs, ...outputs].some((name) => name === tensor)) ?? nodes[0];
  if (node === undefined) return { operator: "", opset: 0 };
  return { operator: node.opType, opset: node.opset ?? model.opsets.get(node.domain) ?? 0 };
}

/** The inputs a case gives data for: before IR version 4 initializers are listed as inputs too. */
function givenInputs(model: OnnxModel): OnnxValue[] {
  return model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
}

/** The tensors of a data file, by the names that inputs and outputs of a program have. */
function dataOf(bytes: Uint8Array, declared: OnnxValue | undefined, absent: string): [string, OnnxTensor][] {
  const name = declared?.name ?? absent;
  const found = parseDataFile(bytes, declared, name);
  if (found === undefined) return [];
  if ("dtype" in found) return [[name, narrowTensor(found)]];
  return found.map((item, index) => [itemName(name, index), narrowTensor(item)]);
}

/** Why the outputs differ, or null. */
function runOnce(
  model: OnnxModel,
  given: ReadonlyMap<string, OnnxTensor>,
  expected: readonly (readonly [string, OnnxTensor])[],
  engine: Engine,
  tolerance: Tolerance,
): string | null {
  const imported = importBound(model, given);
  const inputs = imported.inputs.map(({ name, elementType }) => {
    const tensor = given.get(name);
    const value = tensor === undefined ? undefined : knownTensor(tensor);
    if (value === undefined || value.elementType !== elementType)
      throw new ImportOptionError("input", name, "the case has no such data");
    return wordsOf(value, name);
  });
  const { constants, program } = imported;
  const run = execute(program, {
    inputs,
    constants: (root) => constants.get(root)!,
    steps: 1,
    engine,
    trace: "none",
  });
  if (imported.outputs.length > expected.length)
    return `${imported.outputs.length} outputs instead of ${expected.length}`;
  for (const [index, [, tensor]] of expected.entries()) {
    const output = imported.outputs[index];
    const want = knownTensor(tensor);
    if (want === undefined)
      throw new UnsupportedTensorError(output?.name ?? `output ${index}`, `element type ${tensor.dtype}`);
    if (output === undefined) return `output ${index} does not exist`;
    const found = knownFromWords(output.elementType, output.shape, run.outputs[index]);
    const reason = difference(found, want, tolerance);
    if (reason !== null) return `output ${output.name}: ${reason}`;
  }
  return null;
}

function importBound(model: OnnxModel, given: ReadonlyMap<string, OnnxTensor>): ImportedModel {
  const shapes = Object.fromEntries([...given].map(([name, { shape }]) => [name, shape]));
  const bind: Record<string, OnnxTensor> = {};
  const options: ImportOptions = { shapes, bind };
  for (;;) {
    try {
      return importModel(model, options);
    } catch (error) {
      if (!(error instanceof UnboundInputError)) throw error;
      for (const name of error.inputs) bind[name] = given.get(name)!;
    }
  }
}

/** How `found` differs from `expected`, or null. NaN equals NaN; integers and bools are compared exactly. */
export function difference(found: KnownValue, expected: KnownValue, { relative, absolute }: Tolerance): string | null {
  if (found.elementType !== expected.elementType) return `type ${found.elementType} instead of ${expected.elementType}`;
  if (found.shape.join() !== expected.shape.join()) return `shape [${found.shape}] instead of [${expected.shape}]`;
  if (found.at.kind === "integers" && expected.at.kind === "integers") {
    const index = found.at.integers.findIndex(
      (item, at) => item !== (expected.at as { integers: BigInt64Array }).integers[at],
    );
    return index < 0
      ? null
      : `element ${index} is ${found.at.integers[index]} instead of ${expected.at.integers[index]}`;
  }
  if (found.at.kind !== "words" || expected.at.kind !== "words") return "the data is of another kind";
  const left = floatsOf(found.at.words);
  const right = floatsOf(expected.at.words);
  for (let index = 0; index < left.length; index++) {
    const [x, y] = [left[index], right[index]];
    if (Object.is(x, y) || x === y) continue;
    if (!(Math.abs(x - y) <= absolute + relative * Math.abs(y))) return `element ${index} is ${x} instead of ${y}`;
  }
  return null;
}

function floatsOf(words: Uint32Array): Float32Array {
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}
