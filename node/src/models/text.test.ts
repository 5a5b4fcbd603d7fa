// Text in, text out: batched prompts, end tokens, seeds, traces, and prompts that are refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { execute, traceRootOf } from "../engine/index.ts";
import { sharedHost } from "../host/index.ts";
import { importGenerator } from "../onnx/generate.ts";
import { tinyTokenizer, tinyTokenizerConfig } from "./fixtures.ts";
import { generate, GenerationError, runGenerator } from "./generate.ts";
import type { GenerateOptions } from "./generate.ts";
import { gpt2Model } from "./gpt2.ts";
import { createTokenizer } from "./tokenizer.ts";
import { drawnWeights } from "./weights.ts";
import type { WeightSource } from "./weights.ts";

const drawn = drawnWeights({ seed: 11 });
// Large weights, so that the tokens differ.
const weights: WeightSource = {
  has: drawn.has,
  tensor: (name, shape, spread) => drawn.tensor(name, shape, spread.mean === 0 ? { mean: 0, deviation: 0.3 } : spread),
};
const tokenizer = createTokenizer({ tokenizer: tinyTokenizer(), config: tinyTokenizerConfig() });
const shape = { layers: 1, heads: 2, width: 32, hidden: 32, vocabulary: 297, positions: 64, epsilon: 1e-5 };
const model = gpt2Model(shape, weights, { caches: true });
const { engine } = sharedHost();
const options: GenerateOptions = { engine, tokens: 6, trace: "none" };

test("a row of a batch gets the tokens that it gets alone, whatever the padding", () => {
  const prompts = ["the trace", "a claim that is right is paid", "x"];
  const together = generate(model, tokenizer, prompts, options);
  prompts.forEach((prompt, row) => {
    const alone = generate(model, tokenizer, [prompt], { ...options, promptLength: 9 + row });
    assert.deepEqual(alone.rows[0], together.rows[row]);
    assert.equal(alone.texts[0], together.texts[row]);
    assert.equal(tokenizer.decode(alone.rows[0].tokens), alone.texts[0]);
  });
});

test("a graph that gives the last logits alone makes the same tokens", () => {
  const last = gpt2Model(shape, weights, { caches: true, lastLogits: true });
  const prompts = ["the trace", "a claim"];
  assert.deepEqual(generate(last, tokenizer, prompts, options).rows, generate(model, tokenizer, prompts, options).rows);
});

test("seeds choose the tokens, and a run repeats", () => {
  const sampling = { mode: "gumbel", temperature: 0.9, topK: 20 } as const;
  const draw = (seed: bigint) => generate(model, tokenizer, ["the"], { ...options, sampling, seed }).rows[0].tokens;
  assert.deepEqual(draw(5n), draw(5n));
  assert.notDeepEqual(draw(5n), draw(6n));
  assert.notDeepEqual(draw(5n), draw(5n + 2n ** 32n));
});

test("a run ends with the end token of the last row, and its trace is that of those steps", () => {
  const [{ tokens: free }] = generate(model, tokenizer, ["the"], options).rows;
  // What comes third, made the end.
  const endTokens = [free[2]];
  const steps = free.indexOf(free[2]) + 1;
  const seen: number[] = [];
  const ended = generate(model, tokenizer, ["the"], {
    ...options,
    endTokens,
    trace: "full",
    onStep: ([token]) => seen.push(token),
  });
  assert.deepEqual(ended.rows, [{ tokens: free.slice(0, steps), isComplete: true }]);
  assert.deepEqual(seen, free.slice(0, steps));
  assert.equal(ended.run.steps, steps);
  const { program, constants } = ended.imported;
  const again = execute(program, {
    inputs: ended.run.inputs,
    constants: (root) => constants.get(root)!,
    steps,
    engine,
  });
  assert.equal(traceRootOf(ended.run), traceRootOf(again));
  const other = generate(model, tokenizer, ["the"], { ...options, endTokens: [free[2] === 296 ? 0 : 296] });
  assert.deepEqual(other.rows, [{ tokens: free, isComplete: false }]);
});

test("a program serves other prompts that fit", () => {
  const imported = importGenerator(model, { prompt: 8, tokens: 3 });
  const ids = tokenizer.encode("the truth");
  const { rows } = runGenerator(imported, [ids], options);
  assert.deepEqual(rows[0].tokens, generate(model, tokenizer, ["the truth"], { ...options, tokens: 3 }).rows[0].tokens);
  const refused = (prompts: number[][], more = {}): void =>
    assert.throws(() => runGenerator(imported, prompts, { ...options, ...more }), GenerationError);
  refused([]);
  refused([ids, ids]);
  refused([[]]);
  refused([Array.from({ length: 9 }, () => 1)]);
  for (const token of [-1, 0.5, NaN, 2 ** 31]) refused([[token]]);
  for (const seed of [-1n, 2n ** 64n]) refused([ids], { seed });
});

test("prompts that a model cannot read are refused", () => {
  assert.throws(() => generate(model, tokenizer, [""], options), GenerationError);
  assert.throws(() => generate(model, tokenizer, [], options), GenerationError);
  const small = gpt2Model({ ...shape, vocabulary: 50 }, weights, { caches: true });
  assert.throws(() => generate(small, tokenizer, ["the"], options), GenerationError);
});
