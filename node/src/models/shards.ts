/**
 * Weights in several safetensors files, listed by an index (`model.safetensors.index.json`): which file has which tensor. Refuses
 * an index that is none, files outside its folder, and tensors that their file lacks.
 */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { openSafetensors } from "./safetensors.ts";
import type { SafetensorsFile } from "./safetensors.ts";
import { WeightError } from "./weights.ts";
import type { WeightSource } from "./weights.ts";

const indexFile = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** Weights that are read while they are open. */
export interface OpenWeights extends WeightSource {
  /** Every tensor there is. */
  names(): Iterable<string>;
  close(): void;
}

/** Opens a safetensors file, or all files of an index where the name ends in `.json`. Throws the errors of both. */
export function openWeights(path: string): OpenWeights {
  return path.endsWith(".json") ? openShards(path) : openSafetensors(path);
}

function openShards(path: string): OpenWeights {
  const shardOf = new Map(Object.entries(readIndex(path)));
  const files = new Map<string, SafetensorsFile>();
  const close = (): void => files.forEach((file) => file.close());
  try {
    for (const [name, shard] of shardOf) {
      // A name alone: an index must not read other files of the machine.
      if (!/^[\w.-]+$/.test(shard) || shard.startsWith("."))
        throw new WeightError(`the index names a file ${JSON.stringify(shard)}`, { path, shard });
      const file = files.get(shard) ?? openSafetensors(join(dirname(path), shard));
      files.set(shard, file);
      if (!file.has(name))
        throw new WeightError(`${shard} has no tensor ${JSON.stringify(name)}`, { path, shard, name });
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    has: (name) => shardOf.has(name),
    names: () => shardOf.keys(),
    tensor(name, shape, spread) {
      const file = files.get(shardOf.get(name) ?? "");
      if (file === undefined) throw new WeightError(`the index has no tensor ${JSON.stringify(name)}`, { name, path });
      return file.tensor(name, shape, spread);
    },
    close,
  };
}

function readIndex(path: string): Record<string, string> {
  try {
    return indexFile.parse(JSON.parse(readFileSync(path, "utf8"))).weight_map;
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new WeightError(`${path} is no index of weights: ${reason}`, { path }, { cause });
  }
}
