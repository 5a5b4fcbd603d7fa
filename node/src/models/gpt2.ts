/**
 * GPT-2 as an ONNX graph (Radford et al., "Language models are unsupervised multitask learners"): learned positions,
 * normalisation before each part, GELU by tanh, the embedding shared with the last product. Weights have the names of the
 * published files, whose matrices of the layers are [in, out]. Refuses widths that the heads do not divide.
 */

import type { OnnxModel } from "../onnx/types.ts";
import type { OnnxTensor } from "../onnx/element-types.ts";
import {
  checkShape,
  decoderInputs,
  decoderOutputs,
  linear,
  logitsOf,
  presentNames,
  rowShapes,
  visibleKeys,
} from "./decoder.ts";
import type { DecoderOptions } from "./decoder.ts";
import { float, graphWriter, int, int64List, text } from "./graph.ts";
import { transposedMatrix } from "./layout.ts";
import type { Spread, WeightSource } from "./weights.ts";

export interface Gpt2Shape {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly hidden: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly epsilon: number;
}

/** The 124M model. */
export const GPT2_124M: Gpt2Shape = {
  layers: 12,
  heads: 12,
  width: 768,
  hidden: 3072,
  vocabulary: 50257,
  positions: 1024,
  epsilon: 1e-5,
};

const ONES: Spread = { mean: 1, deviation: 0.1 };
const SMALL: Spread = { mean: 0, deviation: 0.02 };

/** The graph of a GPT-2 of any shape. */
export function gpt2Model(shape: Gpt2Shape, weights: WeightSource, options: DecoderOptions): OnnxModel {
  const { layers, heads, width, hidden, vocabulary, positions, epsilon } = shape;
  checkShape("gpt2", shape, [[width % heads === 0, "the heads do not divide the width"]]);
  const prefix = weights.has("transformer.wte.weight") ? "transformer." : "";
  const residual: Spread = { mean: 0, deviation: 0.02 / Math.sqrt(2 * layers) };
  const graph = graphWriter("gpt2", { "": 23 });
  const common = { layers, keyHeads: heads, headSize: width / heads, vocabulary };
  const { ids, mask, positions: places, past } = decoderInputs(graph, common, options);
  const rows = rowShapes(graph, ids);
  const flat = graph.initializer("shape/flat", int64List(-1, width));
  const tensor = (name: string, extents: readonly number[], spread = SMALL): OnnxTensor =>
    weights.tensor(`${prefix}${name}`, extents, spread);

  const embedding = graph.initializer("wte.weight", tensor("wte.weight", [vocabulary, width]));
  const positionTable = graph.initializer("wpe.weight", tensor("wpe.weight", [positions, width]));
  const words = graph.node("wte", "Gather", [embedding, ids]);
  const located = graph.node("wpe", "Gather", [positionTable, places]);
  let x = graph.node("embedding", "Reshape", [graph.node("embedding/sum", "Add", [words, located]), flat]);
  const visible = visibleKeys(graph, ids, mask);

  const norm = (name: string, input: string): string => {
    const scale = graph.initializer(`${name}.weight`, tensor(`${name}.weight`, [width], ONES));
    const bias = graph.initializer(`${name}.bias`, tensor(`${name}.bias`, [width]));
    return graph.node(name, "LayerNormalization", [input, scale, bias], { attributes: { epsilon: float(epsilon) } });
  };
  // The published matrix is [from, to].
  const product = (name: string, input: string, from: number, to: number, spread = SMALL): string =>
    linear(
      graph,
      name,
      input,
      transposedMatrix(tensor(`${name}.weight`, [from, to], spread)),
      tensor(`${name}.bias`, [to]),
    );

  for (let layer = 0; layer < layers; layer++) {
    const at = `h.${layer}`;
    const joint = product(`${at}.attn.c_attn`, norm(`${at}.ln_1`, x), width, 3 * width);
    const wide = graph.node(`${at}.attn/rows`, "Reshape", [joint, rows(3 * width)]);
    const parts = ["query", "key", "value"].map((part) => `${at}.attn/${part}`);
    graph.node(`${at}.attn/split`, "Split", [wide], {
      outputs: parts,
      attributes: { axis: int(-1), num_outputs: int(3) },
    });
    const caches = options.caches ? [past[layer].key, past[layer].value] : [];
    const context = graph.node(`${at}.attn`, "Attention", [...parts, visible, ...caches], {
      outputs: [`${at}.attn`, ...presentNames(layer, options)],
      attributes: { q_num_heads: int(heads), kv_num_heads: int(heads), is_causal: int(1) },
    });
    const rowsOfContext = graph.node(`${at}.attn/flat`, "Reshape", [context, flat]);
    const attended = product(`${at}.attn.c_proj`, rowsOfContext, width, width, residual);
    x = graph.node(`${at}/residual_1`, "Add", [x, attended]);
    const inner = product(`${at}.mlp.c_fc`, norm(`${at}.ln_2`, x), width, hidden);
    const active = graph.node(`${at}.mlp/gelu`, "Gelu", [inner], { attributes: { approximate: text("tanh") } });
    x = graph.node(`${at}/residual_2`, "Add", [x, product(`${at}.mlp.c_proj`, active, hidden, width, residual)]);
  }
  logitsOf(graph, x, shape, options, rows, (last) => linear(graph, "lm_head", norm("ln_f", last), embedding));
  decoderOutputs(graph, common, options);
  return graph.finish();
}
