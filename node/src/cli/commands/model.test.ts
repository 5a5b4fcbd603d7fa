import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { dump, parse } from "npyjs";
import { temporaryFolder } from "../../chain/test-chain.ts";
import { writeModel } from "../../models/index.ts";
import { float, int64s, modelOf, randomFloats, type ModelSketch } from "../../onnx/fixtures.ts";
import { serializeModel, serializeTensorFile, type OnnxModel } from "../../onnx/index.ts";
import { main } from "../main.ts";

const SKETCH: ModelSketch = {
  inputs: { x: { dtype: "float32", shape: [2, "n"] }, shape: { dtype: "int64", shape: [2] } },
  initializers: { w: randomFloats([30, 40], 1) },
  nodes: [
    { op: "MatMul", inputs: ["x", "w"], outputs: ["m"] },
    { op: "LeakyRelu", inputs: ["m"], outputs: ["r"], attributes: { alpha: float(0.25) } },
    { op: "Reshape", inputs: ["r", "shape"], outputs: ["a/b"] },
    { op: "ArgMax", inputs: ["r"], outputs: ["a_b"] },
  ],
  outputs: ["a/b", "a_b"],
};

// The file says nothing of the outputs' types, of which one is int64.
function onnxModel(): OnnxModel {
  const { graph, ...rest } = modelOf(SKETCH);
  return { ...rest, graph: { ...graph, outputs: SKETCH.outputs.map((name) => ({ name, kind: "unknown" })) } };
}

async function lockstep(...words: string[]): Promise<{ code: number; result: Record<string, never>; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  const code = await main([...words, "--json"], {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
  });
  return { code, result: JSON.parse(stdout) as Record<string, never>, stderr };
}

describe("lockstep model", () => {
  const folder = temporaryFolder("model");
  after(() => folder.remove());
  const at = (name: string) => join(folder.path, name);
  const npy = (name: string, values: Float32Array | BigInt64Array, shape: number[]) => {
    writeFileSync(at(name), new Uint8Array(dump(values, shape)));
    return at(name);
  };
  const model = at("model.onnx");
  writeFileSync(model, serializeModel(onnxModel()));
  const x = npy(
    "x.npy",
    Float32Array.from({ length: 60 }, (_, index) => index / 7 - 3),
    [2, 30],
  );
  const shape = npy("shape.npy", BigInt64Array.of(4n, 20n), [2]);
  const options = ["--dim", "n=30", "--bind", `shape=${shape}`];

  it("binds inputs and dimensions", async () => {
    const { result } = await lockstep("model", "inspect", model, ...options);
    assert.deepEqual(result["inputs"], [{ name: "x", type: "float32", shape: [2, 30] }]);
    assert.deepEqual((result["outputs"] as { shape: number[] }[])[0]?.shape, [4, 20]);
    writeFileSync(at("shape.pb"), serializeTensorFile(int64s([2], [8, 10])));
    const other = await lockstep("model", "inspect", model, "--dim", "n=30", "--bind", `shape=${at("shape.pb")}`);
    assert.deepEqual((other.result["outputs"] as { shape: number[] }[])[0]?.shape, [8, 10]);
    const unbound = await lockstep("model", "inspect", model, "--dim", "n=30");
    assert.equal(unbound.code, 1);
    assert.equal((unbound.result["error"] as { name: string }).name, "UnboundInputError");
    const wrong = await lockstep("model", "inspect", model, "--dim", "n=30", "--bind", "shape");
    assert.equal((wrong.result["error"] as { name: string }).name, "OptionError");
  });

  it("runs with any trace and writes outputs as files of their own type", async () => {
    const run = (...more: string[]) => lockstep("model", "run", model, "--input", x, ...options, ...more);
    const full = await run();
    assert.match(String(full.result["traceRoot"]), /^0x[0-9a-f]{64}$/);
    const deferred = await run("--trace", "deferred");
    assert.notEqual(deferred.result["traceRoot"], full.result["traceRoot"]);
    const none = await run("--trace", "none", "--out", at("out"));
    assert.equal(none.result["traceRoot"], null);
    const values = (result: Record<string, never>, index: number) =>
      (result["outputs"] as { values: number[] }[])[index]?.values;
    assert.deepEqual(values(deferred.result, 0), values(full.result, 0));
    const read = (name: string) => {
      const bytes = readFileSync(at(join("out", name)));
      return parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    };
    // Two names that become one file's are told apart.
    assert.deepEqual(
      (none.result["outputs"] as { file: string }[]).map(({ file }) => file),
      [at("out/a_b.npy"), at("out/a_b-1.npy")],
    );
    const written = read("a_b.npy");
    assert.deepEqual([written.dtype, written.shape], ["f4", [4, 20]]);
    assert.deepEqual([...(written.data as Float32Array)], values(full.result, 0));
    const indices = read("a_b-1.npy");
    assert.deepEqual([indices.dtype, indices.shape], ["i8", [1, 40]]);
    const alone = await run("--tier", "wasm", "--threads", "1");
    assert.deepEqual([alone.result["tier"], alone.result["threads"]], ["wasm", 1]);
    const slow = await run("--tier", "interpreted");
    assert.deepEqual(
      [slow.result["traceRoot"], alone.result["traceRoot"]],
      [full.result["traceRoot"], full.result["traceRoot"]],
    );
    assert.equal((await run("--tier", "quantum")).code, 1);
    assert.equal((await run("--threads", "0")).code, 1);
    assert.equal((await run("--trace", "some")).code, 1);
    assert.equal((await run("--out", x)).code, 1, "no folder");
  });

  it("checks every tensor of the graph against onnxruntime and names the first that parts", async () => {
    const check = (path: string, ...more: string[]) =>
      lockstep("model", "check", path, "--input", x, ...options, ...more);
    const { result } = await check(model);
    assert.equal(result["error"], undefined);
    assert.deepEqual([result["firstDifference"], result["compared"], result["skipped"]], [null, 4, []]);
    const [output] = result["outputs"] as { largestDifference: number; largestUlp: number }[];
    assert.ok((output?.largestDifference ?? 1) < 1e-4);
    const strict = await check(model, "--threshold", "0");
    const first = strict.result["firstDifference"] as { name: string; operator: string } | null;
    if (first !== null) assert.deepEqual([first.name, first.operator], ["m", "MatMul"]);
    assert.equal((await check(model, "--threshold", "two")).code, 1);
    // A file that onnxruntime alone refuses: it says that an output is float32 which is int64.
    writeFileSync(at("wrong.onnx"), serializeModel(modelOf(SKETCH)));
    const refused = await check(at("wrong.onnx"));
    assert.equal((refused.result["error"] as { name: string }).name, "ReferenceRefusedError");
  });

  it("stops a check when it is told to", async () => {
    const interrupt = setInterval(() => process.emit("SIGINT"), 1);
    try {
      const { code, result } = await lockstep("model", "check", model, "--input", x, ...options);
      assert.deepEqual([code, (result["error"] as { name: string } | undefined)?.name], [1, "StoppedError"]);
    } finally {
      clearInterval(interrupt);
    }
  });

  it("reads weights that stand beside the model", async () => {
    writeModel(onnxModel(), at("external"), "big");
    const path = at("external/big.onnx");
    const inspected = await lockstep("model", "inspect", path, ...options);
    const whole = await lockstep("model", "inspect", model, ...options);
    assert.equal(inspected.result["programRoot"], whole.result["programRoot"]);
    const { result } = await lockstep("model", "check", path, "--input", x, ...options);
    assert.deepEqual([result["firstDifference"], result["compared"]], [null, 4]);
    assert.deepEqual(existsSync(at("external/.big.onnx")), false);
    assert.equal((await lockstep("model", "run", at("none.onnx"))).code, 1);
  });
});
