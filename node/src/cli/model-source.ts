/**
 * Models that users name: an ONNX file with what stands beside it, and the flags that specialise it at import. Whatever the
 * flags say is part of the program that comes out.
 */
import { OWN_MODEL_LIMITS, parseModel, serializeModel, MalformedModelError } from "../onnx/index.ts";
import type { ImportedModel, OnnxTensor } from "../onnx/index.ts";
import { openModel } from "../models/index.ts";
import { validateProgram } from "../ir/index.ts";
import { lowerModel, type ProgramOptions } from "../roles/lower.ts";
import { integer, list, OptionError, text, type Flag, type Input } from "./command.ts";
import { readUserFile, requireReadable } from "./files.ts";
import { readTensorFile } from "./tensors.ts";

/** Flags that specialise a model at import; they are part of its program. */
export const IMPORT_FLAGS: readonly Flag[] = [
  { flag: "--dim <name=size>", summary: "size of a symbolic dimension; repeatable", repeat: true },
  { flag: "--bind <input=file>", summary: "fix an input to a .npy or .pb tensor; repeatable", repeat: true },
  {
    flag: "--state <input=output>",
    summary: "an input that holds an output of the step before; repeatable",
    repeat: true,
  },
];

/** Flags that choose how a decoder's tokens are drawn. */
export const SAMPLING_FLAGS: readonly Flag[] = [
  { flag: "--temperature <number>", summary: "draw tokens instead of taking the most likely" },
  { flag: "--min-p <part>", summary: "draw only what is at least this part as likely as the most likely" },
  { flag: "--top-k <count>", summary: "draw only among so many most likely" },
  { flag: "--top-p <part>", summary: "draw only among the most likely that together have this part" },
  { flag: "--end <token>", summary: "a row is complete after it; repeatable", repeat: true },
];

/** Flags that make a program of a decoder that makes tokens. */
export const GENERATOR_FLAGS: readonly Flag[] = [
  { flag: "--generate <tokens>", summary: "take a decoder as a program that makes at most so many tokens, one a step" },
  { flag: "--prompt-length <count>", summary: "positions that it has for prompts (default: 32)" },
  { flag: "--batch <count>", summary: "prompts that it continues at once (default: 1)" },
  ...SAMPLING_FLAGS,
];

/** What the import flags say. */
export interface ModelOptions extends ProgramOptions {
  bind: Record<string, OnnxTensor>;
}

/** Reads the import flags, and the files that they name. */
export function importOptions(input: Input): ModelOptions {
  const pairs = (name: string) =>
    list(input, name).map((text) => {
      const at = text.indexOf("=");
      if (at < 1 || at === text.length - 1) throw new OptionError(name, text, "name=value");
      return [text.slice(0, at), text.slice(at + 1)] as const;
    });
  const dims = Object.fromEntries(
    pairs("dim").map(([name, size]) => {
      if (!/^(0|[1-9]\d{0,8})$/.test(size)) throw new OptionError("dim", `${name}=${size}`, "a whole size");
      return [name, Number(size)];
    }),
  );
  const bind = Object.fromEntries(pairs("bind").map(([name, path]) => [name, readTensorFile(path)]));
  const state = pairs("state").map(([from, to]) => ({ input: from, output: to }));
  const generate = generatorOptions(input);
  return { dims, bind, state, ...(generate === undefined ? {} : { generate }) };
}

function generatorOptions(input: Input): ProgramOptions["generate"] {
  const tokens = integer(input, "generate", 1, 2 ** 16);
  if (tokens === undefined) return undefined;
  return {
    tokens,
    prompt: integer(input, "promptLength", 1, 2 ** 16) ?? 32,
    batch: integer(input, "batch", 1, 4096) ?? 1,
    endTokens: list(input, "end").flatMap((one) => tokenList("end", one)),
    sampling: samplingOptions(input),
  };
}

/** What the sampling flags say: greedy where there is none. */
export function samplingOptions(input: Input): NonNullable<ProgramOptions["generate"]>["sampling"] {
  const temperature = decimal(input, "temperature", 1000);
  const minP = decimal(input, "minP", 1);
  const topP = decimal(input, "topP", 1);
  const topK = integer(input, "topK", 1, 2 ** 24);
  const limits = {
    ...(temperature === undefined ? {} : { temperature }),
    ...(minP === undefined ? {} : { minP }),
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
  };
  return Object.keys(limits).length === 0 ? { mode: "greedy" } : { mode: "gumbel", ...limits };
}

function decimal(input: Input, name: string, most: number): number | undefined {
  const value = text(input, name);
  if (value === undefined) return undefined;
  const number = /^\d*\.?\d+(e-?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
  if (!(number > 0) || number > most) throw new OptionError(name, value, `a number above 0, at most ${most}`);
  return number;
}

/** Tokens with commas between. */
export function tokenList(name: string, value: string): number[] {
  const tokens = value.split(",").map((one) => (/^\s*\d{1,9}\s*$/.test(one) ? Number(one) : Number.NaN));
  if (tokens.some(Number.isNaN)) throw new OptionError(name, value, "whole numbers with commas between");
  return tokens;
}

/** An imported model. Its constants may still be read from the files beside the model: close it when it is done with. */
export interface LoadedModel {
  readonly model: ImportedModel;
  close(): void;
}

/** Opens, lowers and validates a model of the user's own. */
export function loadModel(path: string, options: ModelOptions): LoadedModel {
  const opened = openUserModel(path);
  try {
    const model = lowerModel(opened.model, { limits: OWN_MODEL_LIMITS, ...options });
    validateProgram(model.program);
    return { model, close: opened.close };
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** The model in one file: as it is, or with the weights beside it taken in. */
export function readWholeModel(path: string): Uint8Array {
  const bytes = readUserFile(path);
  try {
    parseModel(bytes);
    return bytes;
  } catch (error) {
    if (!(error instanceof MalformedModelError)) throw error;
    const opened = openUserModel(path);
    try {
      return serializeModel(opened.model);
    } finally {
      opened.close();
    }
  }
}

// A file that can't be read is refused as any other file that users name.
function openUserModel(path: string): ReturnType<typeof openModel> {
  requireReadable(path);
  return openModel(path);
}
