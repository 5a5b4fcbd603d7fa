/** `lockstep model generate` and `lockstep model export`: text from decoders, and the models of known families as files. */
import { z } from "zod";
import { traceRootOf } from "../../engine/index.ts";
import { TIERS, type Host } from "../../host/index.ts";
import {
  checkVocabulary,
  generateInSlices,
  runGeneratorInSlices,
  type Generation,
  type TextGeneration,
} from "../../models/generate.ts";
import { EXPORTED_MODELS, exportModel, openModel } from "../../models/index.ts";
import { openTokenizer } from "../../models/tokenizer.ts";
import { OWN_MODEL_LIMITS } from "../../onnx/index.ts";
import { importGenerator } from "../../onnx/generate.ts";
import { ArgumentError, defineCommand, integer, list, MissingOptionError, OptionError, text } from "../command.ts";
import type { Input } from "../command.ts";
import { ENGINE_FLAGS, hostOf } from "../engine-options.ts";
import { requireReadable } from "../files.ts";
import { SAMPLING_FLAGS, samplingOptions, tokenList } from "../model-source.ts";
import { TRACE_FLAG, traceOption } from "../run-model.ts";
import { StoppedError } from "../stop.ts";

export const modelGenerate = defineCommand({
  path: ["model", "generate"],
  summary: "continue prompts with a decoder, token by token, as one run that can be claimed",
  args: [{ name: "<model>", summary: "the ONNX file of a decoder" }],
  flags: [
    { flag: "--tokenizer <folder>", summary: "tokenizer.json and what stands beside it" },
    { flag: "--prompt <text>", summary: "a text to continue, one per row; repeatable", repeat: true },
    { flag: "--ids <list>", summary: "instead of a text, its tokens: 464,2068,7586; repeatable", repeat: true },
    { flag: "--tokens <count>", summary: "the most tokens that a row gets", default: "32" },
    ...SAMPLING_FLAGS,
    { flag: "--seed <number>", summary: "of drawn tokens, 0 .. 2^64 - 1", default: "0" },
    TRACE_FLAG,
    ...ENGINE_FLAGS,
  ],
  examples: [
    'lockstep model generate gpt2/model.onnx --tokenizer gpt2 --prompt "The quick brown" --tokens 16',
    "lockstep model generate gpt2/model.onnx --ids 464,2068,7586 --temperature 0.8 --top-k 50 --seed 7",
  ],
  result: z.object({
    programRoot: z.string(),
    traceRoot: z.string().nullable(),
    trace: z.enum(["full", "deferred", "none"]),
    steps: z.int(),
    tier: z.enum(TIERS),
    threads: z.int(),
    seconds: z.number(),
    rows: z.array(
      z.object({
        tokens: z.array(z.int()),
        /** Whether it ended with an end token. */
        isComplete: z.boolean(),
        /** Without a tokenizer there is none. */
        text: z.string().nullable(),
      }),
    ),
  }),
  async run(input) {
    const path = input.args[0] ?? "";
    const trace = traceOption(input);
    const host = hostOf(input);
    const started = performance.now();
    const generation = await inPauses(generated(input, path, host), input.signal);
    const { rows, run, imported } = generation;
    const texts = "texts" in generation ? generation.texts : undefined;
    const result = {
      programRoot: imported.programRoot,
      traceRoot: trace === "none" ? null : traceRootOf(run),
      trace,
      steps: run.steps,
      tier: host.tier,
      threads: host.threads,
      seconds: Math.round(performance.now() - started) / 1000,
      rows: rows.map(({ tokens, isComplete }, row) => ({
        tokens: [...tokens],
        isComplete,
        text: texts?.[row] ?? null,
      })),
    };
    const shown = result.rows.map(({ text: words, tokens }) => words ?? tokens.join(","));
    const root = result.traceRoot === null ? "no trace" : `trace root ${result.traceRoot}`;
    return { result, text: [...shown, "", `${root}, ${run.steps} steps`].join("\n") };
  },
});

const PAUSE_EVERY_MILLISECONDS = 100;

/** Lets signals through every now and then. */
async function inPauses<T>(slices: Generator<void, T>, signal: AbortSignal): Promise<T> {
  let last = performance.now();
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
    if (performance.now() - last < PAUSE_EVERY_MILLISECONDS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    last = performance.now();
    if (signal.aborted) slices.throw(new StoppedError());
  }
}

function* generated(input: Input, path: string, { engine }: Host): Generator<void, Generation | TextGeneration> {
  const tokens = integer(input, "tokens", 1, 2 ** 16) ?? 32;
  const sampling = samplingOptions(input);
  const [prompts, ids] = [list(input, "prompt"), list(input, "ids").map((one) => tokenList("ids", one))];
  if (prompts.length === 0 && ids.length === 0) throw new MissingOptionError("prompt", undefined);
  if (prompts.length > 0 && ids.length > 0) throw new OptionError("ids", "with --prompt", "texts or tokens, not both");
  const folder = text(input, "tokenizer");
  if (folder === undefined && prompts.length > 0) throw new MissingOptionError("tokenizer", undefined);
  const tokenizer = folder === undefined ? undefined : openTokenizer(folder);
  const given = list(input, "end").flatMap((one) => tokenList("end", one));
  const endTokens = given.length > 0 ? given : (tokenizer?.endTokens ?? []);
  const options = {
    engine,
    trace: traceOption(input),
    seed: seedOf(input),
    endTokens,
    onStep: said,
  };
  requireReadable(path);
  const { model, close } = openModel(path);
  try {
    if (tokenizer !== undefined && prompts.length > 0) {
      return yield* generateInSlices(model, tokenizer, prompts, { ...options, tokens, sampling });
    }
    checkVocabulary(model, ids);
    const prompt = Math.max(...ids.map(({ length }) => length));
    const settings = { batch: ids.length, prompt, tokens, endTokens, sampling, limits: OWN_MODEL_LIMITS };
    const generation = yield* runGeneratorInSlices(importGenerator(model, settings), ids, options);
    if (tokenizer === undefined) return generation;
    return { ...generation, texts: generation.rows.map((row) => tokenizer.decode(row.tokens)) };
  } finally {
    close();
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  }
}

// On a terminal: how many tokens there are.
function said(_tokens: readonly number[], step: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${step + 1} tokens`);
}

function seedOf(input: Input): bigint {
  const value = text(input, "seed") ?? "0";
  if (!/^\d{1,20}$/.test(value) || BigInt(value) >= 2n ** 64n) throw new OptionError("seed", value, "0 .. 2^64 - 1");
  return BigInt(value);
}

export const modelExport = defineCommand({
  path: ["model", "export"],
  summary: "write a model of a known family as an ONNX file, with drawn or given weights beside it",
  args: [{ name: "<family>", summary: EXPORTED_MODELS.join(", ") }],
  flags: [
    { flag: "--out <folder>", summary: "where model.onnx and model.onnx.data go" },
    { flag: "--weights <file>", summary: "a .safetensors file; without, weights are drawn" },
    { flag: "--config <file>", summary: "the config.json beside published weights, for other shapes" },
    { flag: "--seed <number>", summary: "of drawn weights", default: "1" },
    { flag: "--float32", summary: "draw weights that bfloat16 does not represent too" },
    { flag: "--no-cache", summary: "a decoder without past and present" },
    { flag: "--last-logits", summary: "a decoder that gives the logits of the last position alone" },
    { flag: "--attention <kind>", summary: "of qwen: group-query or standard" },
  ],
  examples: [
    "lockstep model export gpt2 --out gpt2",
    "lockstep model export qwen --out qwen --weights model.safetensors",
  ],
  result: z.object({ model: z.string(), data: z.string(), dataBytes: z.int() }),
  run(input) {
    const family = EXPORTED_MODELS.find((one) => one === input.args[0]);
    if (family === undefined) throw new ArgumentError("family", input.args[0] ?? "", EXPORTED_MODELS.join(", "));
    const folder = text(input, "out");
    if (folder === undefined) throw new MissingOptionError("out", undefined);
    const [weights, config] = [text(input, "weights"), text(input, "config")];
    for (const path of [weights, config]) if (path !== undefined) requireReadable(path);
    const attention = text(input, "attention");
    if (attention !== undefined && attention !== "group-query" && attention !== "standard") {
      throw new OptionError("attention", attention, "group-query or standard");
    }
    const written = exportModel({
      model: family,
      folder,
      seed: integer(input, "seed", 0, 2 ** 32 - 1) ?? 1,
      caches: input.flags["cache"] !== false,
      ...(weights === undefined ? {} : { weights }),
      ...(config === undefined ? {} : { config }),
      ...(attention === undefined ? {} : { attention }),
      ...(input.flags["lastLogits"] === true ? { lastLogits: true } : {}),
      ...(input.flags["float32"] === true ? { isBfloat16: false } : {}),
    });
    return Promise.resolve({ result: written, text: `${written.model}\n${written.data}, ${written.dataBytes} bytes` });
  },
});
