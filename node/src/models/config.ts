/**
 * Shapes of models from the config.json that is published beside their weights. Refuses kinds of models and variants of them
 * that the graphs of this folder do not have.
 */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { LockstepError } from "../float/errors.ts";
import type { Gpt2Shape } from "./gpt2.ts";
import type { QwenShape } from "./qwen.ts";

const count = z.int().positive();

const gpt2Config = z.object({
  model_type: z.literal("gpt2"),
  n_layer: count,
  n_head: count,
  n_embd: count,
  n_inner: count.nullish(),
  vocab_size: count,
  n_positions: count,
  layer_norm_epsilon: z.number().positive().default(1e-5),
  activation_function: z.literal("gelu_new").default("gelu_new"),
  scale_attn_weights: z.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
  tie_word_embeddings: z.literal(true).default(true),
});

const qwenShape = z.object({
  model_type: z.enum(["qwen2", "llama"]),
  num_hidden_layers: count,
  hidden_size: count,
  num_attention_heads: count,
  num_key_value_heads: count.optional(),
  head_dim: count.nullish(),
  intermediate_size: count,
  vocab_size: count,
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: z.null().optional(),
  hidden_act: z.literal("silu").default("silu"),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().optional(),
  mlp_bias: z.literal(false).default(false),
  use_sliding_window: z.literal(false).default(false),
});

const qwenConfig = qwenShape.refine(
  ({ model_type, attention_bias }) => model_type === "qwen2" || attention_bias !== true,
  {
    path: ["attention_bias"],
    error: "a llama with biases has one behind its attention too, which this graph lacks",
  },
);

/** Positions that tables are made for, however many a model has. */
const MOST_POSITIONS = 4096;

export type ModelConfig =
  { readonly family: "gpt2"; readonly shape: Gpt2Shape } | { readonly family: "qwen"; readonly shape: QwenShape };

/** Reads a config.json. Throws ModelConfigError. */
export function readConfig(path: string): ModelConfig {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new ModelConfigError(path, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  return parseConfig(value, path);
}

/** The shape that a parsed config.json describes. Throws ModelConfigError. */
export function parseConfig(value: unknown, where = "config.json"): ModelConfig {
  const parsed = z.discriminatedUnion("model_type", [gpt2Config, qwenConfig]).safeParse(value);
  if (!parsed.success) throw new ModelConfigError(where, z.prettifyError(parsed.error), { cause: parsed.error });
  const config = parsed.data;
  if (config.model_type === "gpt2") {
    const shape: Gpt2Shape = {
      layers: config.n_layer,
      heads: config.n_head,
      width: config.n_embd,
      hidden: config.n_inner ?? 4 * config.n_embd,
      vocabulary: config.vocab_size,
      positions: config.n_positions,
      epsilon: config.layer_norm_epsilon,
    };
    return { family: "gpt2", shape };
  }
  const heads = config.num_attention_heads;
  const shape: QwenShape = {
    layers: config.num_hidden_layers,
    width: config.hidden_size,
    heads,
    keyHeads: config.num_key_value_heads ?? heads,
    headSize: config.head_dim ?? config.hidden_size / heads,
    hidden: config.intermediate_size,
    vocabulary: config.vocab_size,
    positions: Math.min(config.max_position_embeddings, MOST_POSITIONS),
    epsilon: config.rms_norm_eps,
    base: config.rope_theta,
    hasBias: config.attention_bias ?? config.model_type === "qwen2",
    isTied: config.tie_word_embeddings,
  };
  return { family: "qwen", shape };
}

/** A config.json that cannot be read or describes no model of these families. */
export class ModelConfigError extends LockstepError {
  constructor(where: string, reason: string, options?: { cause?: unknown }) {
    super("ModelConfigError", `${where}: ${reason}`, { where }, options);
  }
}
