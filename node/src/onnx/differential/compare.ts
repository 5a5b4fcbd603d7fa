/**
 * Random models of one node, compared with another runtime: for tests. A generator draws shapes and attributes of an operator
 * from a seed; the model runs on the interpreter and elsewhere, and the outputs are compared within a tolerance. What either
 * side refuses is told apart from what differs.
 */

import { execute } from "../../engine/execute.ts";
import type { Engine } from "../../engine/machine/types.ts";
import { difference } from "../conformance.ts";
import type { Tolerance } from "../conformance.ts";
import { UnsupportedOperatorError, UnsupportedTensorError } from "../errors.ts";
import { modelOf, randomWords, runSketch } from "../fixtures.ts";
import type { ModelSketch } from "../fixtures.ts";
import { importModel } from "../import.ts";
import { serializeModel } from "../serialize.ts";
import type { DType, OnnxTensor, TensorData } from "../element-types.ts";
import type { Attribute } from "../types.ts";
import { knownTensor, wordsOf } from "../values.ts";
import type { KnownValue } from "../values.ts";

/** A model of one node with its data. */
export interface DrawnCase {
  readonly op: string;
  readonly domain?: string;
  readonly opset?: number;
  readonly attributes?: Readonly<Record<string, Attribute | undefined>>;
  /** In the operator's order; undefined is absent. */
  readonly inputs: readonly (DrawnInput | undefined)[];
  /** How many outputs are asked for; 1 unless given. */
  readonly outputs?: number;
  readonly tolerance?: Tolerance;
  /** How far integers may differ; 0 unless given. */
  readonly slack?: number;
}

export interface DrawnInput {
  readonly tensor: OnnxTensor;
  /** Whether the data is in the model instead of being given when it runs. */
  readonly isConstant: boolean;
}

/** Draws numbers from a seed. */
export interface Draw {
  /** An integer in [least, most]. */
  int(least: number, most: number): number;
  flag(): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** A list of `length` integers in [least, most]. */
  list(length: number, least: number, most: number): number[];
  /** Floats in [-span, span). */
  floats(shape: readonly number[], span?: number): OnnxTensor;
  /** Integers of a type in [least, most]. */
  integers(dtype: DType, shape: readonly number[], least: number, most: number): OnnxTensor;
}

export function drawFrom(seed: number): Draw {
  const next = randomWords(seed);
  const int = (least: number, most: number): number => least + (next() % (most - least + 1));
  const count = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);
  return {
    int,
    flag: () => int(0, 1) === 1,
    pick: (items) => items[int(0, items.length - 1)],
    list: (length, least, most) => Array.from({ length }, () => int(least, most)),
    floats: (shape, span = 2) => ({
      dtype: "float32",
      shape: [...shape],
      data: Float32Array.from({ length: count(shape) }, () => (next() / 2 ** 31 - 1) * span),
    }),
    integers: (dtype, shape, least, most) => {
      const items = Array.from({ length: count(shape) }, () => int(least, most));
      return { dtype, shape: [...shape], data: arrayOf(dtype, items) } as OnnxTensor;
    },
  };
}

function arrayOf(dtype: DType, items: readonly number[]): TensorData[DType] {
  switch (dtype) {
    case "int64":
      return BigInt64Array.from(items, BigInt);
    case "int32":
      return Int32Array.from(items);
    case "uint32":
      return Uint32Array.from(items);
    case "int16":
      return Int16Array.from(items);
    case "uint16":
      return Uint16Array.from(items);
    case "int8":
    case "int4":
      return Int8Array.from(items);
    case "uint8":
    case "uint4":
    case "bool":
      return Uint8Array.from(items);
    default:
      return Float32Array.from(items);
  }
}

/** Data given when the model runs, and data in the model. */
export const given = (tensor: OnnxTensor): DrawnInput => ({ tensor, isConstant: false });
export const constant = (tensor: OnnxTensor): DrawnInput => ({ tensor, isConstant: true });

/** A list of int64 in the model. */
export function listOf(items: readonly number[]): DrawnInput {
  return constant({ dtype: "int64", shape: [items.length], data: BigInt64Array.from(items, BigInt) });
}

/** An int64 in the model, as a scalar. */
export function scalarOf(item: number): DrawnInput {
  return constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(item)) });
}

/** Runs a model file elsewhere; rejects where the other side refuses the model. */
export type RunElsewhere = (
  model: Uint8Array,
  inputs: Readonly<Record<string, OnnxTensor>>,
) => Promise<Record<string, OnnxTensor>>;

export type Comparison =
  | { readonly status: "equal" }
  /** `by` refuses the case. */
  | { readonly status: "refused"; readonly by: "lockstep" | "other"; readonly reason: string }
  | { readonly status: "differs"; readonly reason: string };

const TOLERANCE: Tolerance = { relative: 2e-4, absolute: 2e-5 };

/** The model of a case. */
export function sketchOf(drawn: DrawnCase): ModelSketch {
  const names = drawn.inputs.map((item, index) => (item === undefined ? "" : `x${index}`));
  while (names.at(-1) === "") names.pop();
  const entries = (isConstant: boolean): [string, OnnxTensor][] =>
    drawn.inputs.flatMap((item, index): [string, OnnxTensor][] =>
      item === undefined || item.isConstant !== isConstant ? [] : [[`x${index}`, item.tensor]],
    );
  const attributes = Object.entries(drawn.attributes ?? {}).filter(
    (entry): entry is [string, Attribute] => entry[1] !== undefined,
  );
  const outputs = Array.from({ length: drawn.outputs ?? 1 }, (_, index) => `y${index}`);
  return {
    opset: drawn.opset ?? 21,
    nodes: [
      {
        op: drawn.op,
        inputs: names,
        outputs,
        attributes: Object.fromEntries(attributes),
        ...(drawn.domain === undefined ? {} : { domain: drawn.domain }),
      },
    ],
    inputs: Object.fromEntries(entries(false).map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
    initializers: Object.fromEntries(entries(true)),
    outputs,
  };
}

/** The words of a case's outputs on an engine, or undefined where the case is refused. */
export function wordsOn(drawn: DrawnCase, engine: Engine): readonly Uint32Array[] | undefined {
  try {
    const { program, constants, inputs: wanted } = importModel(modelOf(sketchOf(drawn)));
    const data = inputsOf(drawn);
    const inputs = wanted.map(({ name }) => wordsOf(knownTensor(data[name])!, name));
    return execute(program, { inputs, constants: (root) => constants.get(root)!, steps: 1, engine }).outputs;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

function inputsOf(drawn: DrawnCase): Record<string, OnnxTensor> {
  return Object.fromEntries(
    drawn.inputs.flatMap((item, index): [string, OnnxTensor][] =>
      item === undefined || item.isConstant ? [] : [[`x${index}`, item.tensor]],
    ),
  );
}

/** A tensor without elements is refused as an output only. */
function isRefusal(error: unknown): error is Error {
  return error instanceof UnsupportedOperatorError || error instanceof UnsupportedTensorError;
}

/** Runs a case on the interpreter and elsewhere. Errors that are no refusals are thrown on. */
export async function compareCase(drawn: DrawnCase, runElsewhere: RunElsewhere): Promise<Comparison> {
  const sketch = sketchOf(drawn);
  const inputs = inputsOf(drawn);
  let found: ReturnType<typeof runSketch>;
  try {
    found = runSketch(sketch, inputs);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { status: "refused", by: "lockstep", reason: error.message };
  }
  const model = modelOf(sketch);
  model.graph.outputs.forEach((output, index) => {
    output.elemType = found[index].elementType;
  });
  let expected: Record<string, OnnxTensor>;
  try {
    expected = await runElsewhere(serializeModel(model), inputs);
  } catch (error) {
    return { status: "refused", by: "other", reason: error instanceof Error ? error.message : String(error) };
  }
  for (const [index, output] of sketch.outputs.entries()) {
    const want = knownTensor(expected[output])!;
    if (isWithin(found[index], want, drawn.slack ?? 0)) continue;
    const reason = difference(found[index], want, drawn.tolerance ?? TOLERANCE);
    if (reason !== null) return { status: "differs", reason: `${output}: ${reason}` };
  }
  return { status: "equal" };
}

function isWithin(found: KnownValue, want: KnownValue, slack: number): boolean {
  if (slack === 0 || found.shape.join() !== want.shape.join()) return false;
  if (found.at.kind !== "integers" || want.at.kind !== "integers") return false;
  const { integers } = want.at;
  return found.at.integers.every((item, index) => Math.abs(Number(item - integers[index])) <= slack);
}

function shown({ type, value }: Attribute): string {
  switch (type) {
    case "float":
    case "int":
    case "string":
      return String(value);
    case "floats":
    case "ints":
    case "strings":
      return value.join();
    default:
      return type;
  }
}

/** A case in one line, for messages. */
export function describeCase(drawn: DrawnCase): string {
  const shapes = drawn.inputs.map((item) => {
    if (item === undefined) return "-";
    const { dtype, shape, data } = item.tensor;
    const shown = item.isConstant && data.length <= 8 ? `=${Array.from(data as ArrayLike<unknown>).join(",")}` : "";
    return `${dtype}[${shape.join(",")}]${item.isConstant ? "c" : ""}${shown}`;
  });
  const attributes = Object.entries(drawn.attributes ?? {}).flatMap(([name, attribute]) =>
    attribute === undefined ? [] : [`${name}=${shown(attribute)}`],
  );
  return `${drawn.op} (opset ${drawn.opset ?? 21}) ${shapes.join(" ")} ${attributes.join(" ")}`;
}
