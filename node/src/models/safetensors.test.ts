// Safetensors files, good and bad, and models made of them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { importModel } from "../onnx/index.ts";
import { rawBytes } from "../onnx/tensor.ts";
import type { OnnxTensor } from "../onnx/index.ts";
import { ModelConfigError, parseConfig, readConfig } from "./config.ts";
import { ConfigFamilyError, exportModel } from "./export.ts";
import { ModelFileError, openModel } from "./files.ts";
import { gpt2Model } from "./gpt2.ts";
import { qwenModel } from "./qwen.ts";
import { openSafetensors, SafetensorsError } from "./safetensors.ts";
import { openWeights } from "./shards.ts";
import { drawnWeights, WeightError } from "./weights.ts";
import type { WeightSource } from "./weights.ts";

const folder = mkdtempSync(join(tmpdir(), "lockstep-safetensors-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileOf(header: string, data: Uint8Array = new Uint8Array(0), headerLength?: bigint): string {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  const path = join(folder, `${files++}.safetensors`);
  writeFileSync(path, bytes);
  return path;
}

interface Stored {
  readonly dtype: "F32" | "F16" | "BF16" | "I64";
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

function written(tensors: Readonly<Record<string, Stored>>, metadata?: Record<string, string>): string {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const all = Object.values(tensors).flatMap(({ bytes }) => [...bytes]);
  const noted = metadata === undefined ? [] : [["__metadata__", metadata] as const];
  return fileOf(`${JSON.stringify(Object.fromEntries([...noted, ...entries]))}   `, Uint8Array.from(all));
}

const bytesOf = (array: Float32Array | Uint16Array): Uint8Array => new Uint8Array(array.buffer);
const SPREAD = { mean: 0, deviation: 1 };

test("tensors are read where the header says, and widened", () => {
  const path = written(
    {
      a: { dtype: "F32", shape: [2, 2], bytes: bytesOf(Float32Array.of(1, -2, 3.5, 0)) },
      h: { dtype: "F16", shape: [3], bytes: bytesOf(Uint16Array.of(0x3c00, 0xc000, 1)) },
      b: { dtype: "BF16", shape: [1, 2], bytes: bytesOf(Uint16Array.of(0x3f80, 0xff80)) },
      'é"\\': { dtype: "I64", shape: [0], bytes: new Uint8Array(0) },
    },
    { format: "pt" },
  );
  const file = openSafetensors(path);
  const read = (name: string, shape: number[]) => [...(file.tensor(name, shape, SPREAD).data as Float32Array)];
  assert.deepEqual(read("a", [2, 2]), [1, -2, 3.5, 0]);
  assert.deepEqual(read("h", [3]), [1, -2, 2 ** -24]);
  assert.deepEqual(read("b", [1, 2]), [1, -Infinity]);
  assert.ok(file.has("a") && !file.has("c") && !file.has("__metadata__") && file.has('é"\\'));
  assert.equal(file.metadata.get("format"), "pt");
  assert.throws(() => file.tensor("c", [1], SPREAD), WeightError);
  assert.throws(() => file.tensor("a", [4], SPREAD), WeightError);
  assert.throws(() => file.tensor('é"\\', [0], SPREAD), WeightError);
  const late = file.tensor("b", [1, 2], SPREAD);
  truncateSync(path, 40);
  assert.throws(() => late.data, ModelFileError);
  file.close();
});

test("headers that break the format are refused", () => {
  const entry = (fields: object): string => JSON.stringify({ a: fields });
  const good = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const four = new Uint8Array(4);
  const cases: [rule: string, path: string][] = [
    ["length", join(folder, "short")],
    ["header-length", fileOf("{}", undefined, 3n)],
    ["header-length", fileOf("{}", undefined, 2n ** 63n)],
    ["header-json", fileOf("{")],
    ["header-json", fileOf("\u0001")],
    ["entry", fileOf("[]")],
    ["entry", fileOf("3")],
    ["entry", fileOf('{"a":[]}')],
    ["entry", fileOf(entry({ ...good, more: 1 }), four)],
    ["metadata", fileOf('{"__metadata__":{"a":1}}')],
    ["entry", fileOf('{"__metadata__":[]}')],
    ["duplicate", fileOf(`{"a":${JSON.stringify(good)},"a":${JSON.stringify(good)}}`, four)],
    ["duplicate", fileOf(`{"a":${JSON.stringify(good)},"\\u0061":${JSON.stringify(good)}}`, four)],
    ["duplicate", fileOf('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four)],
    ["dtype", fileOf(entry({ ...good, dtype: "F33" }), four)],
    ["dtype", fileOf(entry({ ...good, dtype: 1 }), four)],
    ["shape", fileOf(entry({ ...good, shape: [-1] }), four)],
    ["shape", fileOf(entry({ ...good, shape: [0.5] }), four)],
    ["shape", fileOf(entry({ ...good, shape: "1" }), four)],
    ["range", fileOf(entry({ ...good, data_offsets: [0] }), four)],
    ["range", fileOf(entry({ ...good, data_offsets: [4, 0] }), four)],
    ["range", fileOf(entry({ ...good, data_offsets: [0, 8] }), four)],
    ["range", fileOf(entry({ ...good, data_offsets: [-4, 0] }), four)],
    ["range-length", fileOf(entry({ ...good, shape: [2] }), four)],
    ["range-length", fileOf(entry({ ...good, shape: [2 ** 40, 2 ** 40] }), four)],
    ["overlap", fileOf(JSON.stringify({ a: good, b: good }), four)],
    ["gap", fileOf(entry({ ...good, data_offsets: [4, 8] }), new Uint8Array(8))],
    ["gap", fileOf(entry(good), new Uint8Array(5))],
  ];
  writeFileSync(join(folder, "short"), "1234567");
  for (const [rule, path] of cases) {
    assert.throws(
      () => openSafetensors(path),
      (error) => error instanceof SafetensorsError && error.values["rule"] === rule,
      rule,
    );
  }
  assert.throws(() => openSafetensors(join(folder, "none")), ModelFileError);
  // Names and notes of megabytes are no names given twice, and take no stack.
  const long = "a".repeat(20_000_000);
  const longer = openSafetensors(fileOf(`{"__metadata__":{"${long}":"${"\\u0041".repeat(1_000_000)}"}}`));
  assert.equal(longer.metadata.get(long)?.length, 1_000_000);
  longer.close();
  const same = openSafetensors(fileOf('{"__metadata__" : {"a\\\\":"\\\\","b\\\"" :\n"{","b":"}"}}'));
  assert.deepEqual([...same.metadata.keys()], ["a\\", 'b"', "b"]);
  same.close();
  // A quoted brace or colon is no structure.
  const odd = openSafetensors(fileOf('{"__metadata__":{"{":"\\"a\\": {","a":"a"}}'));
  assert.equal(odd.metadata.get("{"), '"a": {');
  odd.close();
});

test("an index finds tensors in several files", () => {
  const one = (value: number): Stored => ({ dtype: "F32", shape: [1], bytes: bytesOf(Float32Array.of(value)) });
  const [first, second] = [written({ a: one(1), b: one(2) }), written({ c: one(3) })].map((path) => basename(path));
  const index = join(folder, "model.safetensors.index.json");
  const open = (map: unknown) => {
    writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: map }));
    return openWeights(index);
  };
  const weights = open({ a: first, b: first, c: second });
  const read = (name: string) => [...(weights.tensor(name, [1], SPREAD).data as Float32Array)];
  assert.deepEqual([read("a"), read("b"), read("c")], [[1], [2], [3]]);
  assert.ok(weights.has("c") && !weights.has("d"));
  assert.throws(() => weights.tensor("d", [1], SPREAD), WeightError);
  assert.throws(() => weights.tensor("a", [2], SPREAD), WeightError);
  weights.close();
  for (const map of [{ a: second }, { a: "../x" }, { a: "/etc/x" }, { a: ".." }, { a: "" }, { a: 1 }, null, []])
    assert.throws(() => open(map), WeightError, JSON.stringify(map));
  assert.throws(() => open({ a: "none.safetensors" }), ModelFileError);
  writeFileSync(index, "{");
  assert.throws(() => openWeights(index), WeightError);
  const single = openWeights(join(folder, second));
  assert.ok(single.has("c"));
  single.close();
});

/** Notes what a model asks for, and gives drawn weights rounded so that every type holds them. */
function recording(): { source: WeightSource; tensors: Map<string, OnnxTensor> } {
  const drawn = drawnWeights({ seed: 5, isBfloat16: true });
  const tensors = new Map<string, OnnxTensor>();
  const tensor: WeightSource["tensor"] = (name, shape, spread) => {
    const made = drawn.tensor(name, shape, spread);
    tensors.set(name, made);
    return made;
  };
  return { source: { tensor, has: (name) => !name.startsWith("transformer.") }, tensors };
}

test("a model from a file of weights is the model of those weights", () => {
  const gpt2Json = { model_type: "gpt2", n_layer: 1, n_head: 2, n_embd: 16, vocab_size: 50, n_positions: 8 };
  const qwenJson = {
    model_type: "qwen2",
    num_hidden_layers: 1,
    hidden_size: 32,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    intermediate_size: 24,
    vocab_size: 50,
    max_position_embeddings: 8,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
  };
  const options = { caches: true, attention: "standard" } as const;
  const builds = {
    gpt2: (source: WeightSource) => {
      const config = parseConfig(gpt2Json);
      assert.ok(config.family === "gpt2");
      return gpt2Model(config.shape, source, options);
    },
    qwen: (source: WeightSource) => {
      const config = parseConfig(qwenJson);
      assert.ok(config.family === "qwen");
      return qwenModel(config.shape, source, options);
    },
  };
  const dims = { batch_size: 1, sequence_length: 2, past_sequence_length: 1, total_sequence_length: 3 };
  for (const model of ["gpt2", "qwen"] as const) {
    const { source, tensors } = recording();
    const expected = importModel(builds[model](source), { dims }).programRoot;
    const stored = [...tensors].map(([name, tensor]): [string, Stored] => {
      assert.ok(tensor.dtype === "float32");
      const halves = Uint16Array.from(new Uint32Array(tensor.data.buffer), (word) => word >>> 16);
      const isHalf = tensor.shape.length > 1;
      return [
        name,
        { dtype: isHalf ? "BF16" : "F32", shape: tensor.shape, bytes: isHalf ? bytesOf(halves) : rawBytes(tensor) },
      ];
    });
    const weights = written(Object.fromEntries(stored));
    const config = join(folder, `${model}.json`);
    writeFileSync(config, JSON.stringify(model === "gpt2" ? gpt2Json : qwenJson));
    const target = join(folder, model);
    const { model: path } = exportModel({ model, folder: target, weights, config, attention: "standard" });
    const opened = openModel(path);
    assert.equal(importModel(opened.model, { dims }).programRoot, expected, model);
    opened.close();
    const masks = Object.fromEntries(["h.0.attn.bias", "lm_head.weight"].map((name) => [name, stored[0][1]]));
    exportModel({
      model,
      folder: join(folder, `${model}-masks`),
      weights: written({ ...Object.fromEntries(stored), ...masks }),
      config,
    });
    const spare = written(Object.fromEntries([...stored, ["h.0.attn.q_norm.weight", stored[0][1]]]));
    assert.throws(
      () => exportModel({ model, folder: join(folder, `${model}-spare`), weights: spare, config }),
      (error) => error instanceof WeightError && error.values["name"] === "h.0.attn.q_norm.weight",
    );
    const [first] = stored.shift()!;
    const lacking = written(Object.fromEntries(stored));
    const again = { model, folder: join(folder, `${model}-lacking`), weights: lacking, config };
    assert.throws(
      () => exportModel(again),
      (error) => error instanceof WeightError && error.values["name"] === first,
    );
    const other = model === "gpt2" ? "qwen" : "gpt2";
    assert.throws(() => exportModel({ model: other, folder: target, weights, config }), ConfigFamilyError);
  }
});

test("configs of other models are refused", () => {
  const gpt2 = { model_type: "gpt2", n_layer: 1, n_head: 2, n_embd: 16, vocab_size: 50, n_positions: 8 };
  assert.equal(parseConfig(gpt2).shape.hidden, 64);
  const llama = {
    model_type: "llama",
    num_hidden_layers: 1,
    hidden_size: 32,
    num_attention_heads: 2,
    intermediate_size: 24,
    vocab_size: 50,
    max_position_embeddings: 8,
    rms_norm_eps: 1e-6,
  };
  assert.equal(parseConfig(llama).family, "qwen");
  for (const config of [
    null,
    {},
    { ...gpt2, model_type: "bert" },
    { ...gpt2, n_layer: 0 },
    { ...gpt2, activation_function: "relu" },
    { ...gpt2, n_embd: undefined },
    { ...gpt2, tie_word_embeddings: false },
    { ...llama, attention_bias: true },
  ])
    assert.throws(() => parseConfig(config), ModelConfigError);
  assert.throws(() => readConfig(join(folder, "none.json")), ModelConfigError);
  writeFileSync(join(folder, "broken.json"), "{");
  assert.throws(() => readConfig(join(folder, "broken.json")), ModelConfigError);
});
