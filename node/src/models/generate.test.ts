/**
 * Generation with caches against the same model without them: at every step the whole text so far goes through the plain
 * import. Tokens must be equal; logits, whose sums run in another order, within a tolerance.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { execute } from "../engine/execute.ts";
import { createWasmEngine } from "../engine/machine/index.ts";
import { int64s } from "../onnx/fixtures.ts";
import { GeneratorError, importGenerator } from "../onnx/generate.ts";
import type { GeneratorOptions } from "../onnx/generate.ts";
import { importModel } from "../onnx/import.ts";
import type { ImportedModel } from "../onnx/import.ts";
import type { OnnxModel } from "../onnx/types.ts";
import { knownTensor, wordsOf } from "../onnx/values.ts";
import { gpt2Model } from "./gpt2.ts";
import type { Gpt2Shape } from "./gpt2.ts";
import { qwenModel } from "./qwen.ts";
import type { QwenShape } from "./qwen.ts";
import { drawnWeights } from "./weights.ts";

const GPT2: Gpt2Shape = { layers: 2, heads: 2, width: 32, hidden: 48, vocabulary: 61, positions: 320, epsilon: 1e-5 };
const QWEN: QwenShape = {
  layers: 2,
  width: 24,
  heads: 4,
  keyHeads: 2,
  headSize: 8,
  hidden: 40,
  vocabulary: 61,
  positions: 320,
  epsilon: 1e-6,
  base: 10000,
  hasBias: true,
  isTied: true,
};

/** Large weights, so that tokens differ from step to step. */
const drawn = drawnWeights({ seed: 7 });
const weights: typeof drawn = {
  has: drawn.has,
  tensor: (name, shape, spread) => drawn.tensor(name, shape, spread.mean === 0 ? { mean: 0, deviation: 0.3 } : spread),
};

type Family = (caches: boolean) => OnnxModel;

/** The same attention as com.microsoft writes it. */
function multiHead(model: OnnxModel): OnnxModel {
  model.opsets.set("com.microsoft", 1);
  for (const node of model.graph.nodes) {
    if (node.opType !== "Attention") continue;
    const [query, key, value, , pastKey, pastValue] = node.inputs;
    node.domain = "com.microsoft";
    node.opType = "MultiHeadAttention";
    node.inputs = [query, key, value, "", "", "", pastKey, pastValue];
    node.attributes = new Map([
      ["num_heads", { type: "int", value: BigInt(GPT2.heads) }],
      ["unidirectional", { type: "int", value: 1n }],
    ]);
  }
  return model;
}

/** Attentions that see the position itself and four before it. */
function windowed(model: OnnxModel): OnnxModel {
  for (const { opType, attributes } of model.graph.nodes)
    if (opType === "GroupQueryAttention") attributes.set("local_window_size", { type: "int", value: 5n });
  return model;
}

const FAMILIES: Readonly<Record<string, Family>> = {
  "GPT-2": (caches) => gpt2Model(GPT2, weights, { caches }),
  "GPT-2, multi-head attention": (caches) => {
    const model = gpt2Model(GPT2, weights, { caches });
    return caches ? multiHead(model) : model;
  },
  "Qwen, grouped queries": (caches) =>
    qwenModel(QWEN, weights, { caches, attention: caches ? "group-query" : "standard" }),
  "Qwen, windows of positions": (caches) => windowed(qwenModel(QWEN, weights, { caches, attention: "group-query" })),
  "Qwen, standard attention": (caches) => qwenModel(QWEN, weights, { caches, attention: "standard" }),
};

const engine = createWasmEngine();

function outputsOf(imported: ImportedModel, inputs: readonly Uint32Array[], steps: number): readonly Uint32Array[] {
  const { program, constants } = imported;
  return execute(program, { inputs, constants: (root) => constants.get(root)!, steps, engine, trace: "none" }).outputs;
}

const words = (values: readonly number[]): Uint32Array => Uint32Array.from(values);

/** Logits of the last position by the model without caches. */
function logitsOf(family: Family, text: readonly number[]): number[] {
  const dims = { batch_size: 1, sequence_length: text.length };
  const imported = importModel(family(false), { dims });
  const row = int64s([1, text.length], text);
  const given: Record<string, Uint32Array> = {
    input_ids: wordsOf(knownTensor(row)!, "ids"),
    attention_mask: words(text.map(() => 1)),
    position_ids: words(text.map((_, index) => index)),
  };
  const [logits] = outputsOf(
    imported,
    imported.inputs.map(({ name }) => given[name]),
    1,
  );
  const vocabulary = logits.length / text.length;
  return Array.from(new Float32Array(logits.slice(-vocabulary).buffer));
}

function greedy(logits: readonly number[]): number {
  return logits.indexOf(Math.max(...logits));
}

/** The prompts, each at the end of its row, and their lengths. */
function inputsOf(prompts: readonly (readonly number[])[], length: number): Uint32Array[] {
  const padded = prompts.flatMap((row) => [...new Array<number>(length - row.length).fill(3), ...row]);
  return [words(padded), words(prompts.map((row) => row.length))];
}

function promptOf(length: number, salt: number): number[] {
  return Array.from({ length }, (_, index) => (index * 17 + salt * 5 + 1) % 61);
}

interface Case {
  readonly prompts: readonly (readonly number[])[];
  readonly prompt: number;
  readonly tokens: number;
  /** Steps after which logits are compared. */
  readonly checked: readonly number[];
}

function check(family: Family, { prompts, prompt, tokens, checked }: Case): void {
  const options: GeneratorOptions = { batch: prompts.length, prompt, tokens, logits: true };
  const imported = importGenerator(family(true), options);
  const inputs = inputsOf(prompts, prompt);
  const made = outputsOf(imported, inputs, tokens)[0];
  prompts.forEach((row, index) => {
    const text = [...row];
    for (let step = 0; step < tokens; step++) {
      const logits = logitsOf(family, text);
      const token = made[index * tokens + step];
      assert.equal(token, greedy(logits), `row ${index}, step ${step}`);
      if (checked.includes(step + 1)) {
        const all = new Float32Array(outputsOf(imported, inputs, step + 1)[1].slice().buffer);
        const own = all.subarray(index * logits.length, (index + 1) * logits.length);
        own.forEach((value, place) => {
          const distance = Math.abs(value - logits[place]);
          assert.ok(
            distance <= 1e-4 * (1 + Math.abs(value)),
            `row ${index}, step ${step}, logit ${place}: ${distance}`,
          );
        });
      }
      text.push(token);
    }
  });
}

for (const [name, family] of Object.entries(FAMILIES)) {
  // The cache's window ends at positions 15 and 31.
  test(`${name}: rows of different lengths, over the ends of windows`, () => {
    check(family, {
      prompts: [promptOf(14, 1), promptOf(5, 2)],
      prompt: 14,
      tokens: 20,
      checked: [1, 2, 3, 4, 18, 19, 20],
    });
  });

  test(`${name}: a prompt that fills a window, and one that does not`, () => {
    for (const length of [15, 16, 17]) {
      check(family, { prompts: [promptOf(length, 3)], prompt: length, tokens: 3, checked: [1, 2, 3] });
    }
  });
}

test("scores cover 256 positions until there are more", () => {
  const family = FAMILIES["GPT-2"];
  const prompt = 250;
  const imported = importGenerator(family(true), { prompt, tokens: 10 });
  assert.deepEqual(
    imported.program.segments.map(({ steps }) => steps),
    [1, 6, 0],
  );
  check(family, { prompts: [promptOf(prompt, 4)], prompt, tokens: 10, checked: [6, 7, 8] });
});

test("a row goes on with its end token", () => {
  const family = FAMILIES["GPT-2"];
  const inputs = inputsOf([promptOf(6, 1)], 6);
  const free = outputsOf(importGenerator(family(true), { prompt: 6, tokens: 6 }), inputs, 6)[0];
  const end = free[2];
  const expected = [...free].map((token, step) => (step > free.indexOf(end) ? end : token));
  const ended = importGenerator(family(true), { prompt: 6, tokens: 6, endTokens: [end] });
  assert.deepEqual([...outputsOf(ended, inputs, 6)[0]], expected);
});

test("drawn tokens follow the seed", () => {
  const sampling = { mode: "gumbel", temperature: 2 } as const;
  const imported = importGenerator(FAMILIES["GPT-2"](true), { prompt: 4, tokens: 8, sampling });
  const run = (seed: number): number[] => [
    ...outputsOf(imported, [...inputsOf([promptOf(4, 1)], 4), words([seed, 0])], 8)[0],
  ];
  assert.deepEqual(
    imported.inputs.map(({ name }) => name),
    ["prompt", "lengths", "seed"],
  );
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
});

test("a cap that comes after the masks is refused", () => {
  const model = FAMILIES["GPT-2"](true);
  for (const { opType, attributes } of model.graph.nodes)
    if (opType === "Attention") attributes.set("softcap", { type: "float", value: 5 });
  assert.throws(() => importGenerator(model, { prompt: 4, tokens: 4 }), {
    name: "UnsupportedOperatorError",
    message: /a cap of the scores that comes after the masks/,
  });
});

test("graphs without caches, and counts that are none, are refused", () => {
  const family = FAMILIES["GPT-2"];
  assert.throws(() => importGenerator(family(false), { prompt: 4, tokens: 4 }), GeneratorError);
  assert.throws(() => importGenerator(family(true), { prompt: 0, tokens: 4 }), GeneratorError);
  assert.throws(() => importGenerator(family(true), { prompt: 4, tokens: 1.5 }), GeneratorError);
  for (const make of Object.values(FAMILIES)) {
    const { positions } = GPT2;
    assert.throws(
      () => importGenerator(make(true), { prompt: 4, tokens: positions - 2 }),
      (error) => error instanceof GeneratorError && error.values["positions"] === positions,
    );
  }
  // Caches of 2 GiB, and positions alone beyond what a cache can have: refused before any memory is taken.
  for (const batch of [2 ** 20, 2 ** 25]) {
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(() => importGenerator(family(true), { batch, prompt: 4, tokens: 4 }), {
      name: "GeneratorError",
      message: "the caches are too long",
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 28);
  }
  assert.throws(
    () => importGenerator(family(true), { prompt: 4, tokens: 4, names: { ids: "tokens" } }),
    GeneratorError,
  );
});
