// Sampling against a plain model of the same definition, token for token.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWasmEngine, execute } from "../engine/index.ts";
import { fromBits, toBits } from "../float/words.ts";
import { buildScalar } from "../ir/build.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { validateProgram } from "../ir/validate-program.ts";
import { evaluateOne, randomWords } from "./fixtures.ts";
import { createGraph } from "./graph.ts";
import * as math from "./math.ts";
import type { Scope } from "./node.ts";
import { gumbel, philox } from "./random.ts";
import { sampleToken, SamplingOptionError } from "./sampling.ts";
import type { SamplingOptions } from "./sampling.ts";
import type { Value } from "./values.ts";

const gumbelOf = evaluateOne("i32", gumbel);
const expOf = evaluateOne("f32", math.exp);
const logOf = evaluateOne("f32", math.log);

const engine = createWasmEngine();

interface Numbers {
  readonly temperature?: number;
  readonly minP?: number;
  readonly topK?: number;
  readonly topP?: number;
}

function scopeOf(): Scope {
  const node = { name: "sample", opType: "Sample", domain: "", inputs: [], outputs: [], attributes: new Map() };
  return {
    identity: { operator: "Sample", domain: "", opset: 1, node: "sample" },
    node,
    opset: 1,
    inputs: [],
    graph: createGraph(),
    subgraph: () => [],
  };
}

/** Tokens of `steps` steps from the same logits. */
function sampled(
  rows: readonly (readonly number[])[],
  numbers: Numbers | "greedy",
  seed: readonly [number, number] = [1, 2],
  steps = 1,
  isGiven = false,
): number[][] {
  const scope = scopeOf();
  const shape = [rows.length, rows[0].length];
  const input = (name: string, extents: number[], type: "f32" | "i32"): Value => {
    const length = extents.reduce((product, extent) => product * extent, 1);
    return scope.graph.addInput({ name, shape: extents, length, type }, type === "f32" ? "float32" : "int32");
  };
  const logits = input("logits", shape, "f32");
  const words = [Uint32Array.from(rows.flat(), toBits)];
  let options: SamplingOptions = { mode: "greedy" };
  if (numbers !== "greedy") {
    words.push(Uint32Array.from(seed));
    options = { mode: "gumbel", seed: input("seed", [2], "i32"), ...numbers };
    if (isGiven) {
      for (const [name, value] of Object.entries(numbers) as [keyof Numbers, number][]) {
        const type = name === "topK" ? "i32" : "f32";
        options = { ...options, [name]: input(name, [1], type) };
        words.push(Uint32Array.of(type === "i32" ? value : toBits(value)));
      }
    }
  }
  const token = sampleToken(scope, logits, options);
  assert.deepEqual([token.elementType, token.shape], ["int64", [rows.length]]);
  const { program, constants } = scope.graph.finish([{ name: "token", value: token }], []);
  validateProgram(program);
  return Array.from({ length: steps }, (_, step) => {
    const { outputs } = execute(program, {
      inputs: words,
      constants: (root) => constants.get(root)!,
      steps: step + 1,
      engine,
      trace: "none",
    });
    return Array.from(outputs[0]);
  });
}

const f = Math.fround;

/** The definition, with the scalar programs' own exp, log and Gumbel numbers. */
function modelToken(
  row: readonly number[],
  rowIndex: number,
  step: number,
  seed: readonly [number, number],
  numbers: Numbers,
): number {
  const { temperature = 1, minP, topK, topP } = numbers;
  const logits = row.map(f);
  const heat = f(temperature);
  const inverse = f(1 / heat);
  const largest = logits.reduce((most, logit) => (logit > most ? logit : most), -Infinity);
  const sorted = logits.filter((logit) => !Number.isNaN(logit)).sort((a, b) => b - a);
  const bounds: number[] = [];
  if (topK !== undefined) bounds.push(sorted[topK - 1] ?? -Infinity);
  if (topP !== undefined) {
    const weights = logits.map((logit) => {
      const weight = expOf(toBits(f(f(logit - largest) * inverse)));
      return Number.isNaN(weight) ? 0 : weight;
    });
    const sumFrom = (least: number): number => {
      const partials: number[] = [];
      for (let start = 0; start < logits.length; start += 512) {
        const kept = Array.from({ length: 512 }, (_, i) =>
          start + i < logits.length && logits[start + i] >= least ? weights[start + i] : 0,
        );
        partials.push(blockedSum(kept));
      }
      return blockedSum(partials);
    };
    const needed = f(f(topP) * sumFrom(-Infinity));
    bounds.push(sorted.find((candidate) => sumFrom(candidate) >= needed) ?? -Infinity);
  }
  if (minP !== undefined) bounds.push(f(largest + f(heat * logOf(toBits(minP)))));
  const highest = bounds.reduce((most, bound) => (most < bound ? bound : most), -Infinity);
  const bound = highest <= largest ? highest : largest;
  const block = new Uint32Array(4);
  let best = -Infinity;
  let token = 0;
  logits.forEach((logit, i) => {
    if (!(bound <= logit)) return;
    const [word] = philox(block, i, step, rowIndex, 0, seed[0], seed[1]);
    // Exact: the product of two floats in float64, then one addition that is rounded to odd before it is rounded again.
    const score = fused(logit, inverse, gumbelOf(word));
    if (score > best) [best, token] = [score, i];
  });
  return token;
}

function blockedSum(items: readonly number[]): number {
  let total: number | undefined;
  for (let start = 0; start < items.length; start += 256) {
    const block = items.slice(start, start + 256).reduce((sum, item) => f(sum + item), 0);
    total = total === undefined ? block : f(total + block);
  }
  return total ?? 0;
}

const fusedProgram = buildScalar({ operands: ["f32"], output: "f32", extents: [1] }, (b) =>
  b.fma(b.load(0, 0), b.load(0, 1), b.load(0, 2)),
);
function fused(x: number, y: number, z: number): number {
  const words = Uint32Array.of(toBits(x), toBits(y), toBits(z));
  return fromBits(evaluatePrimitive(fusedProgram, 0, [wordsOperand("f32", words)], 1)[0]);
}

function drawnRows(rows: number, count: number, seed: number, scale = 6): number[][] {
  const next = randomWords(seed);
  return Array.from({ length: rows }, () =>
    Array.from({ length: count }, () => f(((next() + next() + next()) / 2 ** 32 - 1.5) * scale)),
  );
}

const OPTIONS: Numbers[] = [
  {},
  { temperature: 0.7 },
  { minP: 0.1 },
  { temperature: 1.3, minP: 0.05 },
  { topK: 1 },
  { topK: 5, temperature: 0.8 },
  { topK: 100_000 },
  { topP: 0.5 },
  { topP: 0.95, temperature: 1.5 },
  { topP: 0 },
  { topP: 1 },
  { temperature: 0.9, minP: 0.02, topK: 20, topP: 0.8 },
];

test("tokens are those of the definition, bit for bit", () => {
  const seed: [number, number] = [0xdeadbeef, 7];
  for (const [shapeIndex, [rows, count]] of [[3, 97] as const, [1, 1300] as const].entries()) {
    const logits = drawnRows(rows, count, 21 + shapeIndex);
    for (const numbers of OPTIONS) {
      const steps = 2;
      const expected = Array.from({ length: steps }, (_, step) =>
        logits.map((row, index) => modelToken(row, index, step, seed, numbers)),
      );
      const label = `${rows} x ${count} ${JSON.stringify(numbers)}`;
      assert.deepEqual(sampled(logits, numbers, seed, steps), expected, label);
      if (rows > 1) assert.deepEqual(sampled(logits, numbers, seed, steps, true), expected, `${label}, given`);
    }
  }
});

test("greedy takes the first of the largest, and no NaN", () => {
  assert.deepEqual(sampled([[1, 3, 3, 2]], "greedy"), [[1]]);
  assert.deepEqual(sampled([[-0, 0]], "greedy"), [[0]]);
  assert.deepEqual(sampled([[NaN, -5, NaN, -4, -4]], "greedy"), [[3]]);
  assert.deepEqual(sampled([[NaN, NaN]], "greedy"), [[0]]);
  assert.deepEqual(sampled([[-Infinity, -Infinity]], "greedy"), [[0]]);
  assert.deepEqual(sampled([[-Infinity, Infinity, Infinity]], "greedy"), [[1]]);
  const logits = drawnRows(2, 11_000, 3);
  logits[1][10_999] = 50;
  assert.deepEqual(sampled(logits, "greedy"), [logits.map((row) => row.indexOf(Math.max(...row)))]);
});

test("odd logits and parameters still give a token that can be drawn", () => {
  const odd = [[NaN, -Infinity, 2, NaN, 1.5, -Infinity]];
  for (const numbers of OPTIONS) {
    const [[token]] = sampled(odd, numbers);
    assert.ok(token === 2 || token === 4, JSON.stringify(numbers));
  }
  for (const numbers of OPTIONS) {
    const [[token]] = sampled([[0, Infinity, 5, Infinity]], numbers);
    assert.ok(token === 1 || token === 3, JSON.stringify(numbers));
  }
  // A temperature that is no number, given with the run.
  for (const temperature of [NaN, 0, -1, Infinity])
    assert.ok(sampled([[1, 2, 3]], { temperature }, [1, 2], 1, true)[0][0] < 3);
});

test("tokens follow their probabilities", () => {
  const logits = [[1, 0, 2, -1]];
  const total = logits[0].reduce((sum, logit) => sum + Math.exp(logit), 0);
  const counts = [0, 0, 0, 0];
  const draws = 1500;
  // Rows of one program are independent draws.
  const many = Array.from({ length: draws }, () => logits[0]);
  for (const token of sampled(many, {}, [99, 0])[0]) counts[token]++;
  logits[0].forEach((logit, token) => {
    const expected = (draws * Math.exp(logit)) / total;
    assert.ok(Math.abs(counts[token] - expected) < 4.5 * Math.sqrt(expected), `${token}: ${counts[token]}`);
  });
  assert.notDeepEqual(sampled(many.slice(0, 50), {}, [1, 0]), sampled(many.slice(0, 50), {}, [2, 0]), "seeds differ");
});

test("a vocabulary of 151,936 fits the static bounds", () => {
  const scope = scopeOf();
  const logits = scope.graph.addInput(
    { name: "logits", shape: [4, 151_936], length: 4 * 151_936, type: "f32" },
    "float32",
  );
  const seed = scope.graph.addInput({ name: "seed", shape: [2], length: 2, type: "i32" }, "int32");
  const token = sampleToken(scope, logits, { mode: "gumbel", seed, temperature: 0.7, minP: 0.05, topK: 40, topP: 0.9 });
  const { program } = scope.graph.finish([{ name: "token", value: token }], []);
  validateProgram(program);
  assert.ok(program.segments[0].records.length < 80, String(program.segments[0].records.length));
});

test("options outside their ranges are refused", () => {
  const bad: Numbers[] = [
    { temperature: 0 },
    { temperature: -1 },
    { temperature: NaN },
    { temperature: Infinity },
    { minP: -0.1 },
    { minP: 1.1 },
    { topP: 2 },
    { topP: NaN },
    { topK: 0 },
    { topK: 1.5 },
    { topK: 2 ** 31 },
  ];
  for (const numbers of bad)
    assert.throws(() => sampled([[1, 2]], numbers), SamplingOptionError, JSON.stringify(numbers));
  const scope = scopeOf();
  const vector = (shape: number[], type: "f32" | "i32"): Value =>
    scope.graph.addInput(
      { name: "x", shape, length: shape.reduce((a, b) => a * b, 1), type },
      type === "f32" ? "float32" : "int32",
    );
  const logits = vector([1, 4], "f32");
  const seed = vector([2], "i32");
  const refused = (given: Value, options: SamplingOptions): void =>
    assert.throws(() => sampleToken(scope, given, options), SamplingOptionError);
  refused(vector([4], "f32"), { mode: "greedy" });
  refused(vector([1, 4], "i32"), { mode: "greedy" });
  refused(logits, { mode: "gumbel", seed: vector([3], "i32") });
  refused(logits, { mode: "gumbel", seed: vector([2], "f32") });
  refused(logits, { mode: "gumbel", seed, temperature: vector([2], "f32") });
  refused(logits, { mode: "gumbel", seed, topK: vector([1], "f32") });
});
