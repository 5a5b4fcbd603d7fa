/**
 * What the decoder graphs of this folder have in common: their inputs and outputs, which are those that usual exporters give a
 * causal language model with caches, and the layers that both families have.
 *
 *   input_ids int64 [batch, sequence], attention_mask int64 [batch, total], position_ids int64 [batch, sequence],
 *   past_key_values.<layer>.key and .value float32 [batch, heads of keys, past, size of a head], total = past + sequence
 *   -> logits float32 [batch, sequence, vocabulary], present.<layer>.key and .value [batch, heads of keys, total, size]
 *
 * Without caches there is no past and no present, and total is sequence. Activations have two axes, [batch * sequence, width],
 * except around attention: products are Gemm with the weights as [out, in], which no one has to transpose.
 */

import { LockstepError } from "../float/errors.ts";
import { int, int64List } from "./graph.ts";
import type { GraphWriter } from "./graph.ts";
import type { OnnxTensor } from "../onnx/element-types.ts";

/** Whether the graph takes and gives caches, and which rows of logits it gives. */
export interface DecoderOptions {
  /** Keys and values of earlier positions as inputs, of all positions as outputs. */
  readonly caches: boolean;
  /** Whether logits are those of the last position alone, [batch, 1, vocabulary]: all that making tokens needs. */
  readonly lastLogits?: boolean;
}

export interface DecoderInputs {
  readonly ids: string;
  readonly mask: string;
  readonly positions: string;
  /** Names of the caches of each layer; "" without caches. */
  readonly past: readonly { readonly key: string; readonly value: string }[];
}

const BATCH = "batch_size";
const SEQUENCE = "sequence_length";
const PAST = "past_sequence_length";
const TOTAL = "total_sequence_length";

export interface DecoderShape {
  readonly layers: number;
  readonly keyHeads: number;
  readonly headSize: number;
  readonly vocabulary: number;
}

/** Declares the inputs of a decoder. */
export function decoderInputs(graph: GraphWriter, shape: DecoderShape, { caches }: DecoderOptions): DecoderInputs {
  const { layers, keyHeads, headSize } = shape;
  const cache = (layer: number, part: string): string =>
    caches ? graph.input(`past_key_values.${layer}.${part}`, "float32", [BATCH, keyHeads, PAST, headSize]) : "";
  return {
    ids: graph.input("input_ids", "int64", [BATCH, SEQUENCE]),
    mask: graph.input("attention_mask", "int64", [BATCH, caches ? TOTAL : SEQUENCE]),
    positions: graph.input("position_ids", "int64", [BATCH, SEQUENCE]),
    past: Array.from({ length: layers }, (_, layer) => ({ key: cache(layer, "key"), value: cache(layer, "value") })),
  };
}

/** Declares the outputs: `logits`, already of that name, and the caches. */
export function decoderOutputs(graph: GraphWriter, shape: DecoderShape, options: DecoderOptions): void {
  const { layers, keyHeads, headSize, vocabulary } = shape;
  const { caches, lastLogits = false } = options;
  graph.output("logits", "float32", [BATCH, lastLogits ? 1 : SEQUENCE, vocabulary]);
  if (!caches) return;
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ["key", "value"])
      graph.output(`present.${layer}.${part}`, "float32", [BATCH, keyHeads, TOTAL, headSize]);
  }
}

/** Names of the caches that layer `layer` gives, in the order of an attention's outputs after the first. */
export function presentNames(layer: number, { caches }: DecoderOptions): string[] {
  return caches ? [`present.${layer}.key`, `present.${layer}.value`] : [];
}

/** Shapes [batch, sequence, width] as tensors of the graph, one for each width asked for. */
export function rowShapes(graph: GraphWriter, ids: string): (width: number) => string {
  const batchAndSequence = graph.node("shape/ids", "Shape", [ids]);
  const known = new Map<number, string>();
  return (width) => {
    const found = known.get(width);
    if (found !== undefined) return found;
    const last = graph.initializer(`shape/width_${width}`, int64List(width));
    const shape = graph.node(`shape/rows_${width}`, "Concat", [batchAndSequence, last], {
      attributes: { axis: int(0) },
    });
    known.set(width, shape);
    return shape;
  };
}

/**
 * The mask as Attention takes it: bool [batch, 1, sequence, total], true where a key may be seen. Runtimes do not repeat it along
 * the sequence themselves.
 */
export function visibleKeys(graph: GraphWriter, ids: string, mask: string): string {
  const isSeen = graph.node("mask/bool", "Cast", [mask], { attributes: { to: int(9) } });
  const rows = graph.node("mask/rows", "Unsqueeze", [isSeen, graph.initializer("mask/axes", int64List(1, 2))]);
  const length = graph.node("mask/sequence", "Shape", [ids], { attributes: { start: int(1), end: int(2) } });
  const [before, after] = [int64List(1, 1), int64List(1)];
  const parts = [graph.initializer("mask/before", before), length, graph.initializer("mask/after", after)];
  const shape = graph.node("mask/shape", "Concat", parts, { attributes: { axis: int(0) } });
  return graph.node("mask", "Expand", [rows, shape]);
}

/**
 * The logits [batch, sequence or 1, vocabulary] of the last layer's rows [batch * sequence, width]. `head` is the last
 * normalisation and product.
 */
export function logitsOf(
  graph: GraphWriter,
  x: string,
  { width, vocabulary }: { readonly width: number; readonly vocabulary: number },
  { lastLogits = false }: DecoderOptions,
  rows: (width: number) => string,
  head: (x: string) => string,
): void {
  if (!lastLogits) {
    graph.node("logits", "Reshape", [head(x), rows(vocabulary)]);
    return;
  }
  const index: OnnxTensor = { dtype: "int64", shape: [], data: BigInt64Array.of(-1n) };
  const all = graph.node("last/all", "Reshape", [x, rows(width)]);
  const chosen = graph.node("last", "Gather", [all, graph.initializer("last/index", index)], {
    attributes: { axis: int(1) },
  });
  graph.node("logits", "Unsqueeze", [head(chosen), graph.initializer("last/axis", int64List(1))]);
}

/** x * weight^T + bias; the weight is [out, in]. */
export function linear(
  graph: GraphWriter,
  name: string,
  x: string,
  weight: OnnxTensor | string,
  bias?: OnnxTensor,
): string {
  const matrix = typeof weight === "string" ? weight : graph.initializer(`${name}.weight`, weight);
  const inputs = bias === undefined ? [x, matrix] : [x, matrix, graph.initializer(`${name}.bias`, bias)];
  return graph.node(name, "Gemm", inputs, { attributes: { transB: int(1) } });
}

/** Refuses parameters of a model that are no positive integers or do not divide each other. */
export function checkShape(model: string, shape: object, rules: readonly (readonly [boolean, string])[]): void {
  for (const [name, value] of Object.entries(shape)) {
    if (typeof value === "number" && name !== "epsilon" && name !== "base" && !(Number.isInteger(value) && value > 0))
      throw new ModelShapeError(model, `${name} is no positive integer`, { [name]: value });
  }
  for (const [holds, rule] of rules) if (!holds) throw new ModelShapeError(model, rule, { ...shape });
}

/** Parameters that no such model has. */
export class ModelShapeError extends LockstepError {
  constructor(model: string, rule: string, values: Record<string, unknown>) {
    super("ModelShapeError", `${model}: ${rule}`, { model, ...values });
  }
}
