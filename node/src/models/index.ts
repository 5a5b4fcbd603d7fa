/** Models at real size: graphs, weights, files, text. */

export * from "./config.ts";
export { ModelShapeError } from "./decoder.ts";
export * from "./export.ts";
export * from "./files.ts";
export * from "./generate.ts";
export * from "./gpt2.ts";
export * from "./qwen.ts";
export * from "./resnet.ts";
export { openSafetensors, SafetensorsError } from "./safetensors.ts";
export type { SafetensorsEntry, SafetensorsFile } from "./safetensors.ts";
export { openWeights } from "./shards.ts";
export type { OpenWeights } from "./shards.ts";
export { drawnWeights, WeightError } from "./weights.ts";
export type { DrawnOptions, Spread, WeightSource } from "./weights.ts";
export * from "./tokenizer.ts";
