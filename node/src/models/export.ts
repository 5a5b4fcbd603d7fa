/** `lockstep model export`: the models of this folder as ONNX files, with drawn weights or those of a safetensors file. */

import { LockstepError } from "../float/errors.ts";
import type { OnnxModel } from "../onnx/types.ts";
import { readConfig } from "./config.ts";
import { writeModel } from "./files.ts";
import type { WrittenModel } from "./files.ts";
import { GPT2_124M, gpt2Model } from "./gpt2.ts";
import { QWEN25_05B, qwenModel } from "./qwen.ts";
import { RESNET_50, resnetModel } from "./resnet.ts";
import { openWeights } from "./shards.ts";
import { drawnWeights, WeightError } from "./weights.ts";
import type { WeightSource } from "./weights.ts";

export const EXPORTED_MODELS = ["gpt2", "qwen", "resnet50"] as const;
export type ExportedModel = (typeof EXPORTED_MODELS)[number];

export interface ExportOptions {
  readonly model: ExportedModel;
  readonly folder: string;
  /** A safetensors file, or the index.json of several; weights are drawn where there is none. */
  readonly weights?: string;
  /** The config.json published beside the weights; the 124M and 0.5B shapes are taken where there is none. */
  readonly config?: string;
  /** Of drawn weights, 0 .. 2^32 - 1; 1 unless given. */
  readonly seed?: number;
  /** Whether drawn weights are ones that bfloat16 represents; those of qwen are unless this is false. */
  readonly isBfloat16?: boolean;
  /** Whether a decoder takes and gives caches; it does unless this is false. */
  readonly caches?: boolean;
  /** Whether a decoder gives the logits of the last position alone, which is all that making tokens needs; false unless given. */
  readonly lastLogits?: boolean;
  /** How a qwen attends; "group-query" unless given. */
  readonly attention?: "group-query" | "standard";
}

/** What files hold beside weights: masks, frequencies and counts that graphs make themselves, and the product that is tied. */
const SPARE = /(^|\.)(attn\.(masked_)?bias|rotary_emb\.inv_freq|num_batches_tracked|lm_head\.weight)$/;

/**
 * Writes `model.onnx` and `model.onnx.data` to a folder. Throws typed errors for weights that do not fit or are left over, and for
 * files in the way.
 */
export function exportModel(options: ExportOptions): WrittenModel {
  const { model, folder, weights, seed = 1, isBfloat16 = model === "qwen" } = options;
  if (weights === undefined) return writeModel(graphOf(options, drawnWeights({ seed, isBfloat16 })), folder);
  const file = openWeights(weights);
  const used = new Set<string>();
  const source: WeightSource = {
    has: (name) => file.has(name),
    tensor(name, shape, spread) {
      used.add(name);
      return file.tensor(name, shape, spread);
    },
  };
  try {
    const graph = graphOf(options, source);
    for (const name of file.names()) {
      if (!used.has(name) && !SPARE.test(name))
        throw new WeightError(`the model has no place for ${JSON.stringify(name)}`, { name, weights });
    }
    return writeModel(graph, folder);
  } finally {
    file.close();
  }
}

function graphOf(options: ExportOptions, weights: WeightSource): OnnxModel {
  const { model, caches = true, lastLogits = false, attention = "group-query" } = options;
  const config = options.config === undefined ? undefined : readConfig(options.config);
  if (config !== undefined && config.family !== model) throw new ConfigFamilyError(model, config.family);
  switch (model) {
    case "gpt2":
      return gpt2Model(config?.family === "gpt2" ? config.shape : GPT2_124M, weights, { caches, lastLogits });
    case "qwen":
      return qwenModel(config?.family === "qwen" ? config.shape : QWEN25_05B, weights, {
        caches,
        lastLogits,
        attention,
      });
    case "resnet50":
      return resnetModel(RESNET_50, weights, { isFolded: true });
  }
}

/** A config.json of another family than the model that is to be exported. */
export class ConfigFamilyError extends LockstepError {
  constructor(model: string, family: string) {
    super("ConfigFamilyError", `the config is that of a ${family}, not of a ${model}`, { model, family });
  }
}
