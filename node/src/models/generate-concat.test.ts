/**
 * Generation with a decoder whose attention is spelled out in small operators over caches that grow by Concat, as exporters
 * of earlier operator sets write it: against the same graph without caches.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { execute } from "../engine/execute.ts";
import { createWasmEngine } from "../engine/machine/index.ts";
import { UnsupportedOperatorError } from "../onnx/errors.ts";
import { GeneratorError, importGenerator } from "../onnx/generate.ts";
import { importModel } from "../onnx/import.ts";
import type { ImportedModel } from "../onnx/import.ts";
import type { OnnxTensor } from "../onnx/element-types.ts";
import type { OnnxModel } from "../onnx/types.ts";
import { graphWriter, int, int64List, ints } from "./graph.ts";
import { drawnWeights } from "./weights.ts";

const [HEADS, SOURCES, SIZE, WIDTH, VOCABULARY, POSITIONS] = [4, 2, 4, 16, 23, 48];
const drawn = drawnWeights({ seed: 11 });
const weight = (name: string, ...shape: number[]): OnnxTensor => drawn.tensor(name, shape, { mean: 0, deviation: 0.4 });

interface Form {
  readonly caches: boolean;
  /** Whether the causal mask replaces scores; else the model is not causal. */
  readonly isCausal: boolean;
  /** The axis along which heads are repeated; 2 unless given. */
  readonly axis?: number;
}

/** A decoder of one layer, opset 17. */
function decoder({ caches, isCausal, axis = 2 }: Form): OnnxModel {
  const graph = graphWriter("decoder", { "": 17 });
  const list = (name: string, ...values: number[]): string => graph.initializer(name, int64List(...values));
  const total = caches ? "total" : "sequence";
  const ids = graph.input("input_ids", "int64", ["batch", "sequence"]);
  const mask = graph.input("attention_mask", "int64", ["batch", total]);
  const positions = graph.input("position_ids", "int64", ["batch", "sequence"]);
  const words = graph.node("words", "Gather", [graph.initializer("embedding", weight("e", VOCABULARY, WIDTH)), ids]);
  const located = graph.node("located", "Gather", [
    graph.initializer("places", weight("p", POSITIONS, WIDTH)),
    positions,
  ]);
  const x = graph.node("x", "Add", [words, located]);
  const heads = (part: string, count: number): string => {
    const matrix = graph.initializer(`${part}.weight`, weight(part, WIDTH, count * SIZE));
    const shape = list(`${part}/shape`, 0, 0, count, SIZE);
    const split = graph.node(`${part}/split`, "Reshape", [graph.node(`${part}/rows`, "MatMul", [x, matrix]), shape]);
    return graph.node(part, "Transpose", [split], { attributes: { perm: ints(0, 2, 1, 3) } });
  };
  const query = heads("query", HEADS);
  const grown = (part: "key" | "value"): string => {
    const fresh = heads(part, SOURCES);
    if (!caches) return fresh;
    const past = graph.input(`past.${part}`, "float32", ["batch", SOURCES, "past", SIZE]);
    const present = graph.node(`present.${part}`, "Concat", [past, fresh], { attributes: { axis: int(2) } });
    graph.output(present, "float32", ["batch", SOURCES, "total", SIZE]);
    return present;
  };
  // Each head of keys and values serves two heads of queries.
  const repeated = (part: "key" | "value"): string => {
    const apart = graph.node(`${part}/apart`, "Unsqueeze", [grown(part), list(`${part}/axis`, axis)]);
    const wide = graph.node(`${part}/wide`, "Expand", [apart, list(`${part}/twice`, 1, 1, HEADS / SOURCES, 1, 1)]);
    const length = graph.node(`${part}/length`, "Shape", [mask], { attributes: { start: int(1) } });
    const front = list(`${part}/front`, 0, HEADS);
    const back = list(`${part}/back`, SIZE);
    const shape = graph.node(`${part}/whole`, "Concat", [front, length, back], { attributes: { axis: int(0) } });
    return graph.node(`${part}/repeated`, "Reshape", [wide, shape]);
  };
  const turned = graph.node("turned", "Transpose", [repeated("key")], { attributes: { perm: ints(0, 1, 3, 2) } });
  const root = graph.initializer("root", scalar(Math.sqrt(SIZE)));
  let scores = graph.node("scaled", "Div", [graph.node("scores", "MatMul", [query, turned]), root]);
  if (isCausal) {
    // Rows past .. total of a stored triangle.
    const triangle = graph.initializer("triangle", {
      dtype: "bool",
      shape: [1, 1, POSITIONS, POSITIONS],
      data: Uint8Array.from({ length: POSITIONS ** 2 }, (_, i) => (i % POSITIONS <= Math.floor(i / POSITIONS) ? 1 : 0)),
    });
    const end = graph.node("end", "Shape", [mask], { attributes: { start: int(1) } });
    const length = graph.node("length", "Shape", [ids], { attributes: { start: int(1) } });
    const start = graph.node("start", "Sub", [end, length]);
    const rows = graph.node("rows", "Slice", [triangle, start, end, list("rows/axis", 2)]);
    const seen = graph.node("seen", "Slice", [rows, list("zero", 0), end, list("columns/axis", 3)]);
    const least = graph.initializer("least", scalar(-3.4028234663852886e38));
    scores = graph.node("masked", "Where", [seen, scores, least]);
  }
  const floats = graph.node("floats", "Cast", [mask], { attributes: { to: int(1) } });
  const hidden = graph.node("hidden", "Sub", [graph.initializer("one", scalar(1)), floats]);
  const large = graph.node("large", "Mul", [hidden, graph.initializer("lowest", scalar(-3.4028234663852886e38))]);
  const bias = graph.node("bias", "Unsqueeze", [large, list("bias/axes", 1, 2)]);
  const padded = graph.node("padded", "Add", [scores, bias]);
  const weights = graph.node("weights", "Softmax", [padded], { attributes: { axis: int(-1) } });
  const context = graph.node("context", "MatMul", [weights, repeated("value")]);
  const back = graph.node("back", "Transpose", [context], { attributes: { perm: ints(0, 2, 1, 3) } });
  const flat = graph.node("flat", "Reshape", [back, list("flat/shape", 0, 0, HEADS * SIZE)]);
  const output = graph.initializer("output.weight", weight("o", HEADS * SIZE, VOCABULARY));
  graph.node("logits", "MatMul", [flat, output]);
  graph.output("logits", "float32", ["batch", "sequence", VOCABULARY]);
  return graph.finish();
}

function scalar(value: number): OnnxTensor {
  return { dtype: "float32", shape: [], data: Float32Array.of(value) };
}

const engine = createWasmEngine();

function outputsOf(imported: ImportedModel, inputs: readonly Uint32Array[], steps: number): readonly Uint32Array[] {
  const { program, constants } = imported;
  return execute(program, { inputs, constants: (root) => constants.get(root)!, steps, engine, trace: "none" }).outputs;
}

test("caches that grow by Concat become slots", () => {
  const [prompt, tokens] = [10, 14];
  const rows = [
    [1, 5, 9, 13, 17, 21, 2, 6, 10, 14],
    [3, 8, 4],
  ];
  const imported = importGenerator(decoder({ caches: true, isCausal: true }), {
    batch: 2,
    prompt,
    tokens,
    logits: true,
  });
  const padded = rows.flatMap((row) => [...new Array<number>(prompt - row.length).fill(0), ...row]);
  const inputs = [Uint32Array.from(padded), Uint32Array.from(rows, (row) => row.length)];
  const [made, logits] = outputsOf(imported, inputs, tokens);
  assert.ok(imported.program.slots.length === 4, "three slots of the attention, and the tokens");
  rows.forEach((row, index) => {
    const text = [...row];
    for (let step = 0; step < tokens; step++) {
      const plain = importModel(decoder({ caches: false, isCausal: true }), {
        dims: { batch: 1, sequence: text.length },
      });
      const given: Record<string, number[]> = {
        input_ids: text,
        attention_mask: text.map(() => 1),
        position_ids: text.map((_, place) => place),
      };
      const [all] = outputsOf(
        plain,
        plain.inputs.map(({ name }) => Uint32Array.from(given[name])),
        1,
      );
      const last = new Float32Array(all.slice(-VOCABULARY).buffer);
      const token = made[index * tokens + step];
      assert.equal(token, last.indexOf(Math.max(...last)), `row ${index}, step ${step}`);
      if (step === tokens - 1) {
        const own = new Float32Array(logits.slice(index * VOCABULARY, (index + 1) * VOCABULARY).buffer);
        own.forEach((value, place) => assert.ok(Math.abs(value - last[place]) <= 1e-4 * (1 + Math.abs(value))));
      }
      text.push(token);
    }
  });
});

test("heads that share a cache in another order are refused", () => {
  assert.throws(
    () => importGenerator(decoder({ caches: true, isCausal: true, axis: 1 }), { prompt: 4, tokens: 4 }),
    (error) => error instanceof GeneratorError && error.message.includes("no attention"),
  );
});

test("a decoder that sees what is behind it is refused", () => {
  assert.throws(
    () => importGenerator(decoder({ caches: true, isCausal: false }), { prompt: 4, tokens: 4 }),
    (error) => error instanceof UnsupportedOperatorError && error.message.includes("not causal"),
  );
});
