/**
 * Qwen2.5 and Llama style decoders as ONNX graphs: RMS normalisation, rotary positions, grouped-query attention, SwiGLU.
 * Attention is com.microsoft.GroupQueryAttention with the joint projection, as published graphs have it, or the standard
 * RotaryEmbedding and Attention. Weights have the names of the published files, whose matrices are [out, in]. Refuses heads
 * that do not divide.
 */

import type { OnnxTensor } from "../onnx/element-types.ts";
import type { OnnxModel } from "../onnx/types.ts";
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
import type { DecoderInputs, DecoderOptions } from "./decoder.ts";
import { float, graphWriter, int, int64List } from "./graph.ts";
import type { GraphWriter } from "./graph.ts";
import { stacked } from "./layout.ts";
import { rotaryTables } from "./rotary.ts";
import type { Spread, WeightSource } from "./weights.ts";

export interface QwenShape {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headSize: number;
  readonly hidden: number;
  readonly vocabulary: number;
  /** Positions that the rotary tables hold. */
  readonly positions: number;
  readonly epsilon: number;
  /** Of the rotary angles. */
  readonly base: number;
  /** Whether queries, keys and values have a bias: Qwen2 does, Llama does not. */
  readonly hasBias: boolean;
  /** Whether the last product shares the embedding. */
  readonly isTied: boolean;
}

/** Qwen2.5-0.5B; its tables stop at 4,096 of 32,768 positions. */
export const QWEN25_05B: QwenShape = {
  layers: 24,
  width: 896,
  heads: 14,
  keyHeads: 2,
  headSize: 64,
  hidden: 4864,
  vocabulary: 151936,
  positions: 4096,
  epsilon: 1e-6,
  base: 1e6,
  hasBias: true,
  isTied: true,
};

export interface QwenOptions extends DecoderOptions {
  readonly attention: "group-query" | "standard";
}

const SMALL: Spread = { mean: 0, deviation: 0.02 };
const ONES: Spread = { mean: 1, deviation: 0.1 };

/** The graph of such a model of any shape. */
export function qwenModel(shape: QwenShape, weights: WeightSource, options: QwenOptions): OnnxModel {
  const { layers, width, heads, keyHeads, headSize, hidden, vocabulary, epsilon } = shape;
  checkShape("qwen", shape, [
    [heads % keyHeads === 0, "the heads of keys do not divide the heads"],
    [headSize % 2 === 0, "the size of a head is odd"],
  ]);
  const isGrouped = options.attention === "group-query";
  const graph = graphWriter("qwen", { "": 23, ...(isGrouped ? { "com.microsoft": 1 } : {}) });
  const inputs = decoderInputs(graph, shape, options);
  const rows = rowShapes(graph, inputs.ids);
  const flat = graph.initializer("shape/flat", int64List(-1, width));
  const flatContext =
    heads * headSize === width ? flat : graph.initializer("shape/flat_context", int64List(-1, heads * headSize));
  const residual: Spread = { mean: 0, deviation: 0.02 / Math.sqrt(2 * layers) };

  const matrix = (name: string, to: number, from: number, spread = SMALL): OnnxTensor =>
    weights.tensor(`${name}.weight`, [to, from], spread);
  const norm = (name: string, input: string): string => {
    const scale = graph.initializer(`${name}.weight`, weights.tensor(`${name}.weight`, [width], ONES));
    return graph.node(name, "RMSNormalization", [input, scale], { attributes: { epsilon: float(epsilon) } });
  };
  const attend = attention(graph, shape, inputs, options);

  const embedding = graph.initializer("model.embed_tokens.weight", matrix("model.embed_tokens", vocabulary, width));
  const words = graph.node("model.embed_tokens", "Gather", [embedding, inputs.ids]);
  let x = graph.node("embedding", "Reshape", [words, flat]);
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    const parts = [
      ["q_proj", heads * headSize],
      ["k_proj", keyHeads * headSize],
      ["v_proj", keyHeads * headSize],
    ] as const;
    const joint = stacked(parts.map(([part, to]) => matrix(`${at}.self_attn.${part}`, to, width)));
    const bias = shape.hasBias
      ? stacked(parts.map(([part, to]) => weights.tensor(`${at}.self_attn.${part}.bias`, [to], SMALL)))
      : undefined;
    const projected = linear(graph, `${at}.self_attn.qkv_proj`, norm(`${at}.input_layernorm`, x), joint, bias);
    const wide = graph.node(`${at}.self_attn/rows`, "Reshape", [projected, rows((heads + 2 * keyHeads) * headSize)]);
    const context = graph.node(`${at}.self_attn/flat`, "Reshape", [attend(layer, wide), flatContext]);
    const output = matrix(`${at}.self_attn.o_proj`, width, heads * headSize, residual);
    x = graph.node(`${at}/residual_1`, "Add", [x, linear(graph, `${at}.self_attn.o_proj`, context, output)]);

    const normal = norm(`${at}.post_attention_layernorm`, x);
    const gate = linear(graph, `${at}.mlp.gate_proj`, normal, matrix(`${at}.mlp.gate_proj`, hidden, width));
    const up = linear(graph, `${at}.mlp.up_proj`, normal, matrix(`${at}.mlp.up_proj`, hidden, width));
    const opening = graph.node(`${at}.mlp/sigmoid`, "Sigmoid", [gate]);
    const active = graph.node(`${at}.mlp/silu`, "Mul", [gate, opening]);
    const inner = graph.node(`${at}.mlp/product`, "Mul", [active, up]);
    const down = linear(graph, `${at}.mlp.down_proj`, inner, matrix(`${at}.mlp.down_proj`, width, hidden, residual));
    x = graph.node(`${at}/residual_2`, "Add", [x, down]);
  }
  const head = shape.isTied ? embedding : matrix("lm_head", vocabulary, width);
  logitsOf(graph, x, shape, options, rows, (last) => linear(graph, "lm_head", norm("model.norm", last), head));
  decoderOutputs(graph, shape, options);
  return graph.finish();
}

/** Lowers the joint projection [batch, sequence, (heads + 2 * heads of keys) * size] of a layer to its context. */
function attention(
  graph: GraphWriter,
  shape: QwenShape,
  inputs: DecoderInputs,
  options: QwenOptions,
): (layer: number, joint: string) => string {
  const { heads, keyHeads, headSize, positions, base } = shape;
  const tables = rotaryTables(positions, headSize, base);
  const cosines = graph.initializer("rotary/cosines", tables.cosines);
  const sines = graph.initializer("rotary/sines", tables.sines);
  const caches = (layer: number): string[] => [inputs.past[layer].key, inputs.past[layer].value];
  const outputs = (layer: number): string[] => [`model.layers.${layer}.self_attn`, ...presentNames(layer, options)];
  if (options.attention === "group-query") {
    const { last, total } = lengths(graph, inputs.mask);
    return (layer, joint) =>
      graph.node(
        `model.layers.${layer}.self_attn`,
        "GroupQueryAttention",
        [joint, "", "", ...caches(layer), last, total, cosines, sines],
        {
          domain: "com.microsoft",
          outputs: outputs(layer),
          attributes: { num_heads: int(heads), kv_num_heads: int(keyHeads), do_rotary: int(1) },
        },
      );
  }
  const visible = visibleKeys(graph, inputs.ids, inputs.mask);
  const sizes = graph.initializer("shape/parts", int64List(heads * headSize, keyHeads * headSize, keyHeads * headSize));
  return (layer, joint) => {
    const at = `model.layers.${layer}.self_attn`;
    const parts = ["query", "key", "value"].map((part) => `${at}/${part}`);
    graph.node(`${at}/split`, "Split", [joint, sizes], { outputs: parts, attributes: { axis: int(-1) } });
    const turn = (part: string, count: number): string =>
      graph.node(`${part}/turned`, "RotaryEmbedding", [part, cosines, sines, inputs.positions], {
        attributes: { num_heads: int(count) },
      });
    const [query, key, value] = parts;
    const past = options.caches ? caches(layer) : [];
    const given = [turn(query, heads), turn(key, keyHeads), value, visible, ...past];
    return graph.node(at, "Attention", given, {
      outputs: outputs(layer),
      attributes: { q_num_heads: int(heads), kv_num_heads: int(keyHeads), is_causal: int(1) },
    });
  };
}

/** The index of the last key of each row, int32 [batch], and the number of all keys, int32 []. */
function lengths(graph: GraphWriter, mask: string): { last: string; total: string } {
  const toInt32 = { attributes: { to: int(6) } };
  const one = graph.initializer("mask/one", int64List(1));
  const count = graph.node("mask/count", "ReduceSum", [mask, one], { attributes: { keepdims: int(0) } });
  const last = graph.node("mask/last", "Cast", [graph.node("mask/less_one", "Sub", [count, one])], toInt32);
  const index = graph.initializer("mask/axis", { dtype: "int64", shape: [], data: BigInt64Array.of(1n) });
  const extent = graph.node("mask/extent", "Gather", [graph.node("mask/shape", "Shape", [mask]), index]);
  return { last, total: graph.node("mask/total", "Cast", [extent], toInt32) };
}
