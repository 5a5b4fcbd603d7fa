// Tiny models of each family: what they compute here and in onnxruntime, their files, and shapes that are refused.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { execute } from "../engine/index.ts";
import { sharedHost } from "../host/index.ts";
import { importModel, serializeModel } from "../onnx/index.ts";
import type { OnnxModel, OnnxTensor } from "../onnx/index.ts";
import { lazyTensor } from "../onnx/element-types.ts";
import { ModelShapeError } from "./decoder.ts";
import { ModelFileError, openModel, writeModel } from "./files.ts";
import { gpt2Model } from "./gpt2.ts";
import type { Gpt2Shape } from "./gpt2.ts";
import { DuplicateNameError, graphWriter } from "./graph.ts";
import { stacked, transposedMatrix } from "./layout.ts";
import { qwenModel } from "./qwen.ts";
import type { QwenShape } from "./qwen.ts";
import { resnetModel } from "./resnet.ts";
import type { ResNetShape } from "./resnet.ts";
import { rotaryTables } from "./rotary.ts";
import { drawnWeights, WeightError } from "./weights.ts";

const folder = mkdtempSync(join(tmpdir(), "lockstep-models-"));
after(() => rmSync(folder, { recursive: true }));

const GPT2: Gpt2Shape = { layers: 2, heads: 2, width: 32, hidden: 48, vocabulary: 101, positions: 32, epsilon: 1e-5 };
const QWEN: QwenShape = {
  layers: 2,
  width: 40,
  heads: 4,
  keyHeads: 2,
  headSize: 16,
  hidden: 48,
  vocabulary: 101,
  positions: 32,
  epsilon: 1e-6,
  base: 1e4,
  hasBias: true,
  isTied: true,
};
const RESNET: ResNetShape = { blocks: [1, 2, 1, 1], channels: 8, classes: 10, size: 32, epsilon: 1e-5 };
const weights = drawnWeights({ seed: 3 });

type Given = Readonly<Record<string, { type: "int64" | "float32"; shape: number[]; values: number[] }>>;

async function reference(model: OnnxModel, given: Given): Promise<Map<string, Float32Array>> {
  const session = await InferenceSession.create(serializeModel(model), { logSeverityLevel: 3 });
  const feeds = Object.entries(given).map(([name, { type, shape, values }]) => {
    const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
    return [name, new Tensor(type, data, shape)] as const;
  });
  const names = new Set(session.inputNames);
  const results = await session.run(Object.fromEntries(feeds.filter(([name]) => names.has(name))));
  return new Map(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

function ours(
  model: OnnxModel,
  given: Given,
  dims: Record<string, number>,
  bound: readonly string[] = [],
): Map<string, Float32Array> {
  const bind = Object.fromEntries(
    bound.map((name): [string, OnnxTensor] => {
      const { shape, values } = given[name];
      return [name, { dtype: "int64", shape, data: BigInt64Array.from(values, BigInt) }];
    }),
  );
  const imported = importModel(model, { dims, bind });
  const inputs = imported.inputs.map(({ name }) => {
    const { type, values } = given[name];
    return type === "int64" ? Uint32Array.from(values) : new Uint32Array(Float32Array.from(values).buffer);
  });
  const { outputs } = execute(imported.program, {
    inputs,
    constants: (root) => imported.constants.get(root)!,
    steps: 1,
    engine: sharedHost().engine,
    trace: "none",
  });
  return new Map(imported.outputs.map(({ name }, index) => [name, new Float32Array(outputs[index].slice().buffer)]));
}

function agree(label: string, found: Map<string, Float32Array>, expected: Map<string, Float32Array>): void {
  for (const [name, values] of expected) {
    const own = found.get(name)!;
    assert.equal(own.length, values.length, `${label}: ${name}`);
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const worst = values.reduce((most, value, index) => Math.max(most, Math.abs(value - own[index])), 0);
    assert.ok(worst <= 2e-5 * scale, `${label}: ${name} differs by ${worst} of ${scale}`);
  }
}

const wave = (length: number, step: number): number[] => Array.from({ length }, (_, i) => ((i * step) % 17) / 17 - 0.5);

function decoderInputs(past: number, heads: number, layers: number, masked = 0, batch = 2): Given {
  const [length, size] = [4, 16];
  const total = past + length;
  const ids = Array.from({ length: batch * length }, (_, i) => (i * 37 + 5) % 101);
  const mask = Array.from({ length: batch * total }, (_, i) => (i % total < masked ? 0 : 1));
  const positions = Array.from({ length: batch * length }, (_, i) => past + (i % length));
  const caches = Array.from({ length: layers }, (_, layer) => {
    const shape = [batch, heads, past, size];
    const cache = (part: string, step: number) =>
      [
        `past_key_values.${layer}.${part}`,
        { type: "float32" as const, shape, values: wave(batch * heads * past * size, step) },
      ] as const;
    return [cache("key", 3 + layer), cache("value", 5 + layer)];
  }).flat();
  return {
    input_ids: { type: "int64", shape: [batch, length], values: ids },
    attention_mask: { type: "int64", shape: [batch, total], values: mask },
    position_ids: { type: "int64", shape: [batch, length], values: positions },
    ...(past === 0 ? {} : Object.fromEntries(caches)),
  };
}

interface Decoder {
  readonly build: (caches: boolean) => OnnxModel;
  /** Where masked positions are at the end: onnxruntime takes them nowhere else, and one row alone after a past. */
  readonly isGrouped?: true;
}

const standard = { attention: "standard" } as const;
const DECODERS: Readonly<Record<string, Decoder>> = {
  gpt2: { build: (caches) => gpt2Model(GPT2, weights, { caches }) },
  qwen: { build: (caches) => qwenModel(QWEN, weights, { caches, ...standard }) },
  "untied qwen": {
    build: (caches) => qwenModel({ ...QWEN, isTied: false, hasBias: false }, weights, { caches, ...standard }),
  },
  "grouped qwen": {
    build: (caches) => qwenModel(QWEN, weights, { caches, attention: "group-query" }),
    isGrouped: true,
  },
};

for (const [name, { build, isGrouped = false }] of Object.entries(DECODERS)) {
  test(`a tiny ${name} agrees with onnxruntime, with caches, without, and with masked positions`, async () => {
    for (const [past, masked] of [
      [0, 0],
      [0, 1],
      [5, 0],
      [5, 3],
    ]) {
      if (isGrouped && masked > 0) continue;
      const batch = isGrouped && past > 0 ? 1 : 2;
      const model = build(past > 0);
      const given = decoderInputs(past, 2, 2, masked, batch);
      const dims = {
        batch_size: batch,
        sequence_length: 4,
        ...(past > 0 ? { past_sequence_length: past, total_sequence_length: past + 4 } : {}),
      };
      const label = `${name}, ${past} before, ${masked} masked`;
      const expected = await reference(model, given);
      // A position that sees nothing is NaN in one and arbitrary in the other.
      if (masked > past) expected.delete("logits");
      // How far a cache is filled must be known.
      agree(label, ours(model, given, dims, isGrouped ? ["attention_mask"] : []), expected);
    }
  });
}

test("the logits of the last position alone are those of the last position", async () => {
  for (const [name, build] of Object.entries({
    gpt2: (lastLogits: boolean) => gpt2Model(GPT2, weights, { caches: true, lastLogits }),
    qwen: (lastLogits: boolean) => qwenModel(QWEN, weights, { caches: true, attention: "group-query", lastLogits }),
  })) {
    const given = decoderInputs(5, 2, 2, 0, 1);
    const all = await reference(build(false), given);
    const last = await reference(build(true), given);
    all.set("logits", all.get("logits")!.slice(-101));
    agree(name, last, all);
  }
});

test("grouped-query attention is the standard attention in onnxruntime", async () => {
  for (const past of [0, 5]) {
    // With a past it takes one row alone.
    const given = decoderInputs(past, 2, 2, 0, past > 0 ? 1 : 2);
    const build = (attention: "group-query" | "standard") =>
      reference(qwenModel(QWEN, weights, { caches: past > 0, attention }), given);
    agree(`${past} before`, await build("group-query"), await build("standard"));
  }
});

test("a tiny ResNet agrees with onnxruntime, folded and not, and with itself", async () => {
  const given: Given = { input: { type: "float32", shape: [2, 3, 32, 32], values: wave(2 * 3 * 32 * 32, 7) } };
  const dims = { batch_size: 2 };
  const plain = resnetModel(RESNET, weights, { isFolded: false });
  const folded = resnetModel(RESNET, weights, { isFolded: true });
  const expected = await reference(plain, given);
  agree("plain", ours(plain, given, dims), expected);
  agree("folded", ours(folded, given, dims), expected);
});

test("a model read from its files is the model that was written", () => {
  // Large enough that some tensors are lazy.
  const shape = { ...GPT2, vocabulary: 8500, layers: 1 };
  const model = gpt2Model(shape, weights, { caches: false });
  const written = writeModel(model, folder, "gpt2");
  const dims = { batch_size: 1, sequence_length: 3 };
  const { model: read, close } = openModel(written.model);
  const lazy = [...read.graph.initializers.values()].filter(({ isLazy }) => isLazy === true);
  assert.ok(lazy.length > 0);
  assert.equal(importModel(read, { dims }).programRoot, importModel(model, { dims }).programRoot);
  for (const [name, tensor] of model.graph.initializers) {
    const other = read.graph.initializers.get(name)!;
    assert.deepEqual(other.shape, tensor.shape, name);
    assert.deepEqual(other.data, tensor.data, name);
  }
  close();
  assert.ok(readFileSync(written.model).length < 20_000);
  assert.throws(() => writeModel(model, folder, "gpt2"), ModelFileError);
  // What cannot be written whole leaves nothing behind, and nothing of others' is touched.
  const broken = lazyTensor("float32", [shape.width], () => new Float32Array(1));
  const initializers = new Map([...model.graph.initializers, ["ln_f.bias", broken]]);
  assert.throws(() => writeModel({ ...model, graph: { ...model.graph, initializers } }, folder, "broken"));
  writeFileSync(join(folder, "taken.onnx.data"), "mine");
  assert.throws(() => writeModel(model, folder, "taken"), ModelFileError);
  assert.deepEqual(readdirSync(folder).sort(), ["gpt2.onnx", "gpt2.onnx.data", "taken.onnx.data"]);
  assert.equal(readFileSync(join(folder, "taken.onnx.data"), "utf8"), "mine");
  assert.throws(() => writeModel(model, join(folder, "taken.onnx.data", "below")), ModelFileError);
  truncateSync(written.data, written.dataBytes - 1);
  assert.throws(() => importModel(openModel(written.model).model, { dims }), ModelFileError);
  rmSync(written.data);
  assert.throws(() => openModel(written.model), ModelFileError);
  assert.throws(() => openModel(join(folder, "none.onnx")), ModelFileError);
});

test("drawn weights depend on seed and name alone, and can be bfloat16", () => {
  const spread = { mean: 0.5, deviation: 2 };
  const floats = (tensor: OnnxTensor): Float32Array => {
    assert.ok(tensor.dtype === "float32");
    return tensor.data;
  };
  const first = floats(weights.tensor("a", [1000], spread));
  assert.deepEqual(floats(drawnWeights({ seed: 3 }).tensor("a", [10, 100], spread)), first);
  assert.deepEqual(floats(weights.tensor("a", [7], spread)), first.subarray(0, 7));
  assert.notDeepEqual(floats(weights.tensor("b", [1000], spread)), first);
  assert.notDeepEqual(floats(drawnWeights({ seed: 4 }).tensor("a", [1000], spread)), first);
  const mean = first.reduce((sum, value) => sum + value, 0) / 1000;
  const variance = first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 1000;
  assert.ok(Math.abs(mean - 0.5) < 0.3 && Math.abs(variance - 4) < 0.8, `${mean} ${variance}`);
  const narrow = floats(drawnWeights({ seed: 3, isBfloat16: true }).tensor("a", [1000], spread));
  const words = new Uint32Array(narrow.buffer);
  assert.ok(words.every((word) => (word & 0xffff) === 0));
  assert.ok(narrow.every((value, index) => Math.abs(value - first[index]) <= Math.abs(first[index]) / 256));
  for (const seed of [-1, 0.5, 2 ** 32, NaN]) assert.throws(() => drawnWeights({ seed }), WeightError);
  assert.throws(() => weights.tensor("a", [1], { mean: 0, deviation: Infinity }), WeightError);
});

test("rotary tables are the cosines and sines", () => {
  const { cosines, sines } = rotaryTables(600, 16, 1e4);
  assert.ok(cosines.dtype === "float32" && sines.dtype === "float32");
  for (let position = 0; position < 600; position++) {
    for (let i = 0; i < 8; i++) {
      const angle = position * 1e4 ** ((-2 * i) / 16);
      const label = `${position} ${i}`;
      assert.ok(Math.abs(cosines.data[position * 8 + i] - Math.cos(angle)) < 1e-7, label);
      assert.ok(Math.abs(sines.data[position * 8 + i] - Math.sin(angle)) < 1e-7, label);
    }
  }
});

test("shapes and tensors that fit nothing are refused", () => {
  const bad: (() => unknown)[] = [
    () => gpt2Model({ ...GPT2, heads: 3 }, weights, { caches: false }),
    () => gpt2Model({ ...GPT2, layers: 0 }, weights, { caches: false }),
    () => gpt2Model({ ...GPT2, width: 31.5 }, weights, { caches: false }),
    () => qwenModel({ ...QWEN, keyHeads: 3 }, weights, { caches: false, attention: "standard" }),
    () => qwenModel({ ...QWEN, headSize: 15 }, weights, { caches: false, attention: "standard" }),
    () => resnetModel({ ...RESNET, blocks: [1, 0, 1, 1] }, weights, { isFolded: true }),
  ];
  for (const build of bad) assert.throws(build, ModelShapeError);
  const ints: OnnxTensor = { dtype: "int32", shape: [2, 2], data: new Int32Array(4) };
  const floats: OnnxTensor = { dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  assert.deepEqual([...(transposedMatrix(floats).data as Float32Array)], [1, 4, 2, 5, 3, 6]);
  assert.throws(() => transposedMatrix(ints).data, WeightError);
  assert.throws(() => transposedMatrix({ ...floats, shape: [6] }), WeightError);
  assert.deepEqual(stacked([floats, floats]).shape, [4, 3]);
  assert.throws(() => stacked([floats, { ...floats, shape: [3, 2] }]), WeightError);
  const graph = graphWriter("g", { "": 20 });
  graph.input("x", "float32", [1]);
  assert.throws(() => graph.node("x", "Relu", ["x"]), DuplicateNameError);
});
