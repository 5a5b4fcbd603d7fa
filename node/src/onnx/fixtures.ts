/**
 * Models of one or a few nodes, for tests of lowering: written as plain data, run by the interpreter, and given to other
 * runtimes as files. Random data comes from a seed.
 */

import { execute } from "../engine/execute.ts";
import { interpreterEngine } from "../engine/machine/index.ts";
import { fromBits } from "../float/words.ts";
import { buildScalar } from "../ir/build.ts";
import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { importModel } from "./import.ts";
import type { ImportedModel, ImportOptions } from "./import.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { Attribute, Dimension, OnnxModel, OnnxNode, OnnxValue } from "./types.ts";
import { knownFromWords, knownTensor, wordsOf } from "./values.ts";
import type { KnownValue } from "./values.ts";

/** What a test says about a node; outputs are named y0, y1 ... where they are not given. */
export interface NodeSketch {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
}

export interface ModelSketch {
  readonly opset?: number;
  readonly nodes: readonly NodeSketch[];
  readonly inputs?: Readonly<Record<string, { dtype: OnnxTensor["dtype"]; shape: readonly Dimension[] }>>;
  readonly initializers?: Readonly<Record<string, OnnxTensor>>;
  readonly outputs: readonly string[];
}

/** The model of a sketch. Outputs are declared without a type: the importer infers it. */
export function modelOf({ opset = 17, nodes, inputs = {}, initializers = {}, outputs }: ModelSketch): OnnxModel {
  const declared = Object.entries(inputs).map(([name, { dtype, shape }]): OnnxValue => {
    return { name, kind: "tensor", elemType: dtype, shape: [...shape] };
  });
  return {
    irVersion: 8,
    producerName: "lockstep",
    opsets: new Map([["", opset], ...domainsOf(nodes).map((domain): [string, number] => [domain, 1])]),
    graph: {
      name: "graph",
      nodes: nodes.map(nodeOf),
      inputs: declared,
      outputs: outputs.map((name) => ({ name, kind: "tensor", elemType: "float32" })),
      values: [],
      initializers: new Map(Object.entries(initializers)),
      sparseInitializers: new Map(),
    },
    functions: [],
  };
}

/** The domains beside the standard one. */
function domainsOf(nodes: readonly NodeSketch[]): string[] {
  return [...new Set(nodes.flatMap(({ domain = "" }) => (domain === "" ? [] : [domain])))];
}

function nodeOf({ op, inputs, outputs = ["y0"], attributes = {}, domain = "" }: NodeSketch): OnnxNode {
  return {
    name: "",
    opType: op,
    domain,
    inputs: [...inputs],
    outputs: [...outputs],
    attributes: new Map(Object.entries(attributes)),
  };
}

export const ints = (...values: number[]): Attribute => ({ type: "ints", value: values.map(BigInt) });
export const int = (value: number): Attribute => ({ type: "int", value: BigInt(value) });
export const manyFloats = (...values: number[]): Attribute => ({ type: "floats", value: values });
export const texts = (...values: string[]): Attribute => ({ type: "strings", value: values });
export const float = (value: number): Attribute => ({ type: "float", value });
export const text = (value: string): Attribute => ({ type: "string", value });

export function floats(shape: readonly number[], values: readonly number[]): OnnxTensor {
  return { dtype: "float32", shape: [...shape], data: Float32Array.from(values) };
}

export function int64s(shape: readonly number[], values: readonly (number | bigint)[]): OnnxTensor {
  return { dtype: "int64", shape: [...shape], data: BigInt64Array.from(values, BigInt) };
}

/** Unsigned 32-bit numbers, the same for the same seed. */
export function randomWords(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Floats in [-2, 2). */
export function randomFloats(shape: readonly number[], seed: number): OnnxTensor {
  const next = randomWords(seed);
  const count = shape.reduce((product, extent) => product * extent, 1);
  return floats(
    shape,
    Array.from({ length: count }, () => next() / 2 ** 30 - 2),
  );
}

/** Runs an imported model on the interpreter; one list of outputs, those after the last step. */
export function runImported(
  imported: ImportedModel,
  given: Readonly<Record<string, OnnxTensor>>,
  steps = 1,
): KnownValue[] {
  const inputs = imported.inputs.map(({ name }) => wordsOf(knownTensor(given[name])!, name));
  const { constants, program } = imported;
  const run = execute(program, { inputs, constants: (root) => constants.get(root)!, steps, engine: interpreterEngine });
  return imported.outputs.map(({ elementType, shape }, index) =>
    knownFromWords(elementType, shape, run.outputs[index]),
  );
}

/** Imports and runs a sketch. */
export function runSketch(
  sketch: ModelSketch,
  given: Readonly<Record<string, OnnxTensor>>,
  options: ImportOptions = {},
): KnownValue[] {
  return runImported(importModel(modelOf(sketch), options), given);
}

/** What `define` makes of one word, as a float; for functions of the instructions such as those of ./math.ts. */
export function evaluateOne(
  type: "f32" | "i32",
  define: (b: ScalarBuilder, x: Register) => Register,
): (word: number) => number {
  const program = buildScalar({ operands: [type], output: "f32", extents: [1] }, (b) => define(b, b.load(0, 0)));
  return (word) => fromBits(evaluatePrimitive(program, 0, [wordsOperand(type, Uint32Array.of(word))], 1)[0]);
}

/** The numbers of known data. */
export function numbersOf(value: KnownValue): number[] {
  if (value.at.kind === "words") return Array.from(new Float32Array(value.at.words.slice().buffer));
  return Array.from(value.at.integers, Number);
}
