/**
 * Writes ONNX graphs as plain data: nodes in order, each named after its operator and the part of the model it is in. Refuses
 * names that are given twice.
 */

import type { DType, OnnxTensor } from "../onnx/element-types.ts";
import type { Attribute, Dimension, OnnxGraph, OnnxModel } from "../onnx/types.ts";
import { LockstepError } from "../float/errors.ts";

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
  /** Names of the outputs; one, named after the node, unless given. */
  readonly outputs?: readonly string[];
}

export interface GraphWriter {
  input(name: string, elemType: DType, shape: readonly Dimension[]): string;
  output(name: string, elemType: DType, shape: readonly Dimension[]): void;
  initializer(name: string, tensor: OnnxTensor): string;
  /** Adds a node; "" is an absent input. Returns the name of its first output. */
  node(name: string, opType: string, inputs: readonly string[], options?: NodeOptions): string;
  finish(): OnnxModel;
}

const PRODUCER = "lockstep";

/** An empty graph. `opsets` are versions by domain, "" for the standard one. */
export function graphWriter(name: string, opsets: Readonly<Record<string, number>>): GraphWriter {
  const graph: OnnxGraph = {
    name,
    nodes: [],
    inputs: [],
    outputs: [],
    values: [],
    initializers: new Map(),
    sparseInitializers: new Map(),
  };
  const made = new Set<string>();
  const make = (value: string): string => {
    if (made.has(value)) throw new DuplicateNameError(name, value);
    made.add(value);
    return value;
  };
  return {
    input(value, elemType, shape) {
      graph.inputs.push({ name: make(value), kind: "tensor", elemType, shape: [...shape] });
      return value;
    },
    output(value, elemType, shape) {
      graph.outputs.push({ name: value, kind: "tensor", elemType, shape: [...shape] });
    },
    initializer(value, tensor) {
      graph.initializers.set(make(value), tensor);
      return value;
    },
    node(node, opType, inputs, { attributes = {}, domain = "", outputs = [node] } = {}) {
      for (const value of outputs) if (value !== "") make(value);
      const listed = new Map(Object.entries(attributes));
      graph.nodes.push({ name: node, opType, domain, inputs: [...inputs], outputs: [...outputs], attributes: listed });
      return outputs[0];
    },
    finish: () => ({
      irVersion: 11,
      producerName: PRODUCER,
      opsets: new Map(Object.entries(opsets)),
      graph,
      functions: [],
    }),
  };
}

export const int = (value: number): Attribute => ({ type: "int", value: BigInt(value) });
export const ints = (...values: readonly number[]): Attribute => ({ type: "ints", value: values.map(BigInt) });
export const float = (value: number): Attribute => ({ type: "float", value });
export const text = (value: string): Attribute => ({ type: "string", value });

/** A list of int64, such as a shape. */
export function int64List(...values: readonly number[]): OnnxTensor {
  return { dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

/** A value that a graph makes twice. */
export class DuplicateNameError extends LockstepError {
  constructor(graph: string, name: string) {
    super("DuplicateNameError", `graph ${graph} makes ${JSON.stringify(name)} twice`, { graph, name });
  }
}
