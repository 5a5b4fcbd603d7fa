/**
 * Text from prompts with a decoder, as one run that can be claimed: the prompts of a batch are read in step 0, every further
 * step gives each row a token, and the run ends when every row has its end token or the tokens are used up. Refuses prompts
 * that are empty or too long, and tokens that the model does not have.
 */

import { createExecution } from "../engine/index.ts";
import type { Engine, Run, TraceMode } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import { OWN_MODEL_LIMITS } from "../onnx/budget.ts";
import { importGenerator } from "../onnx/generate.ts";
import type { GeneratorOptions, GeneratorSampling } from "../onnx/generate.ts";
import type { ImportedModel } from "../onnx/import.ts";
import type { OnnxModel } from "../onnx/types.ts";
import type { TextTokenizer } from "./tokenizer.ts";

export interface RunOptions {
  readonly engine: Engine;
  /** "full" unless given. */
  readonly trace?: TraceMode;
  /** Of drawn tokens, 0 .. 2^64 - 1; 0 unless given. */
  readonly seed?: bigint;
  /** A row is complete after one of these. */
  readonly endTokens?: readonly number[];
  /** Called after each step with the token that each row got; rows that are complete repeat their end token. */
  readonly onStep?: (tokens: readonly number[], step: number) => void;
}

export interface GenerateOptions extends RunOptions {
  /** The most tokens that a row can get. */
  readonly tokens: number;
  /** Greedy unless given. */
  readonly sampling?: GeneratorSampling;
  /** Positions that the program has for prompts; those of the longest unless given. A program serves all prompts that fit. */
  readonly promptLength?: number;
}

/** The tokens of each row, the end token that completes it included. */
export interface GeneratedRow {
  readonly tokens: readonly number[];
  /** Whether the last token is an end token. */
  readonly isComplete: boolean;
}

export interface Generation {
  readonly rows: readonly GeneratedRow[];
  /** The run, its trace as asked for. */
  readonly run: Run;
  readonly imported: ImportedModel;
}

export interface TextGeneration extends Generation {
  /** The text of each row, without special tokens. */
  readonly texts: readonly string[];
}

/** Continues texts. Throws GenerationError, and the errors of importGenerator. */
export function generate(
  model: OnnxModel,
  tokenizer: TextTokenizer,
  prompts: readonly string[],
  options: GenerateOptions,
): TextGeneration {
  return finished(generateInSlices(model, tokenizer, prompts, options));
}

/** The same with pauses, for callers that have other things to do meanwhile. */
export function* generateInSlices(
  model: OnnxModel,
  tokenizer: TextTokenizer,
  prompts: readonly string[],
  options: GenerateOptions,
): Generator<void, TextGeneration> {
  const ids = prompts.map((prompt) => tokenizer.encode(prompt));
  const endTokens = options.endTokens ?? tokenizer.endTokens;
  const { tokens, sampling } = options;
  const longest = ids.reduce((most, row) => Math.max(most, row.length), 0);
  checkVocabulary(model, ids);
  const settings: GeneratorOptions = {
    limits: OWN_MODEL_LIMITS,
    batch: Math.max(ids.length, 1),
    prompt: Math.max(options.promptLength ?? longest, 1),
    tokens,
    endTokens,
    ...(sampling === undefined ? {} : { sampling }),
  };
  const generation = yield* runGeneratorInSlices(importGenerator(model, settings), ids, { ...options, endTokens });
  return { ...generation, texts: generation.rows.map((row) => tokenizer.decode(row.tokens)) };
}

/** Runs a program of importGenerator on prompts of tokens, one per row. Throws GenerationError. */
export function runGenerator(
  imported: ImportedModel,
  prompts: readonly (readonly number[])[],
  options: RunOptions,
): Generation {
  return finished(runGeneratorInSlices(imported, prompts, options));
}

/** The same with pauses. */
export function* runGeneratorInSlices(
  imported: ImportedModel,
  prompts: readonly (readonly number[])[],
  options: RunOptions,
): Generator<void, Generation> {
  const { engine, trace = "full", endTokens = [], onStep } = options;
  const inputs = inputsOf(imported, prompts, options.seed ?? 0n);
  const [batch, most] = imported.outputs[0].shape;
  const { program, constants } = imported;
  const constant = (root: Parameters<typeof constants.get>[0]): Uint32Array => constants.get(root)!;
  const ends = new Set(endTokens);
  const execution = createExecution(program, { inputs, constants: constant, steps: most, engine, trace });
  let last: number[] = [];
  do {
    const step = execution.stepsDone;
    const [made] = yield* execution.advanceInSlices();
    last = Array.from({ length: batch }, (_, row) => made[row * most + step]);
    onStep?.(last, step);
  } while (execution.stepsDone < most && !last.every((token) => ends.has(token)));
  const run = execution.end();
  const { steps } = run;
  const rows = Array.from({ length: batch }, (_, row) => {
    const all = Array.from(run.outputs[0].subarray(row * most, row * most + steps));
    const end = all.findIndex((token) => ends.has(token));
    return { tokens: end < 0 ? all : all.slice(0, end + 1), isComplete: end >= 0 };
  });
  return { rows, run, imported };
}

function finished<T>(slices: Generator<void, T>): T {
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}

/** The tensors of the program's inputs: prompts at the end of their rows, their lengths, the seed where there is one. */
function inputsOf(imported: ImportedModel, prompts: readonly (readonly number[])[], seed: bigint): Uint32Array[] {
  if (seed < 0n || seed >= 2n ** 64n) throw new GenerationError("a seed is 0 .. 2^64 - 1", { seed });
  return imported.inputs.map(({ name, shape }) => {
    const [batch, width] = shape;
    switch (name) {
      case "prompt": {
        if (prompts.length !== batch)
          throw new GenerationError(`${prompts.length} prompts for ${batch} rows`, { prompts: prompts.length, batch });
        const words = new Uint32Array(batch * width);
        prompts.forEach((prompt, row) =>
          words.set(checkedPrompt(prompt, row, width), (row + 1) * width - prompt.length),
        );
        return words;
      }
      case "lengths":
        return Uint32Array.from(prompts, (prompt) => prompt.length);
      case "seed":
        return Uint32Array.of(Number(seed & 0xffffffffn), Number(seed >> 32n));
      default:
        throw new GenerationError(`the program has an input ${JSON.stringify(name)}: it is no generator`, { name });
    }
  });
}

function checkedPrompt(prompt: readonly number[], row: number, width: number): readonly number[] {
  if (prompt.length === 0) throw new GenerationError(`prompt ${row} is empty`, { row });
  if (prompt.length > width)
    throw new GenerationError(`prompt ${row} has ${prompt.length} tokens; ${width} fit`, {
      row,
      length: prompt.length,
      width,
    });
  const odd = prompt.find((token) => !Number.isInteger(token) || token < 0 || token >= 2 ** 31);
  if (odd !== undefined) throw new GenerationError(`${odd} in prompt ${row} is no token`, { row, token: odd });
  return prompt;
}

/** Throws GenerationError for a token outside the model's vocabulary, which would read an embedding of zeros. */
export function checkVocabulary({ graph }: OnnxModel, prompts: readonly (readonly number[])[]): void {
  const vocabulary = graph.outputs.find(({ name }) => name === "logits")?.shape?.at(-1);
  if (typeof vocabulary !== "number") return;
  for (const token of prompts.flat()) {
    if (token >= vocabulary)
      throw new GenerationError(`token ${token} is not among the ${vocabulary} of the model`, { token, vocabulary });
  }
}

/** Prompts or a seed that a generation cannot start from. */
export class GenerationError extends LockstepError {
  constructor(rule: string, values: Record<string, unknown>) {
    super("GenerationError", rule, values);
  }
}
