import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { dump } from "npyjs";
import { temporaryFolder } from "../../chain/test-chain.ts";
import { floats, modelOf, type ModelSketch } from "../../onnx/fixtures.ts";
import { serializeModel } from "../../onnx/index.ts";
import { run, runError, runJson } from "../captured.ts";

const EXAMPLES = resolve(import.meta.dirname, "../../../../examples");
const DIGITS = join(EXAMPLES, "digits/digits.onnx");
const THREE = join(EXAMPLES, "digits/samples/input-3.npy");
const MLP = join(EXAMPLES, "mlp/mlp.onnx");
const STATE = join(EXAMPLES, "mlp/state.npy");

interface Outputs {
  programRoot: string;
  traceRoot: string;
  outputs: { name: string; type: string; shape: number[]; values: (number | string | boolean)[] }[];
}

describe("model", () => {
  const folder = temporaryFolder("model");
  after(() => folder.remove());
  const file = (name: string, bytes: Uint8Array | string) => {
    const path = join(folder.path, name);
    writeFileSync(path, bytes);
    return path;
  };
  const sketched = (name: string, sketch: ModelSketch) => file(name, serializeModel(modelOf(sketch)));
  const npy = (name: string, values: ArrayLike<number>, shape: number[]) =>
    file(name, new Uint8Array(dump(values as Float32Array, shape)));

  it("inspect names the program, its tensors and its primitives", async () => {
    const found = await runJson("model", "inspect", DIGITS);
    assert.match(String(found["programRoot"]), /^0x[0-9a-f]{64}$/);
    const { inputs, outputs, primitives } = found as Record<
      string,
      { index: number; operator: string; shape: number[] }[]
    >;
    assert.equal(inputs?.length, 1);
    assert.equal(outputs?.length, 1);
    assert.ok((primitives?.length ?? 0) > 3);
    primitives?.forEach(({ index }, at) => assert.equal(index, at));
    const { code, stdout } = await run("model", "inspect", DIGITS);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^program ${String(found["programRoot"])}\n`));
  });

  it("run gives the same trace every time, and the digit of the picture", async () => {
    const first = await runJson<Outputs>("model", "run", DIGITS, "--input", THREE);
    const again = await runJson<Outputs>("model", "run", DIGITS, "--input", THREE);
    assert.equal(first.traceRoot, again.traceRoot);
    const scores = (first.outputs[0]?.values ?? []).map(Number);
    assert.equal(scores.indexOf(Math.max(...scores)), 3);
  });

  it("run carries state from step to step", async () => {
    const stepped = (steps: string) =>
      runJson<Outputs>("model", "run", MLP, "--state", "state=next", "--input", STATE, "--steps", steps);
    const [two, four] = [await stepped("2"), await stepped("4")];
    assert.equal(two.programRoot, four.programRoot);
    assert.notEqual(two.traceRoot, four.traceRoot);
    assert.notDeepEqual(two.outputs[0]?.values, four.outputs[0]?.values);
  });

  it("run writes values that JSON has no number for as words", async () => {
    const model = sketched("special.onnx", {
      nodes: [{ op: "Div", inputs: ["x", "y"] }],
      inputs: { x: { dtype: "float32", shape: [4] }, y: { dtype: "float32", shape: [4] } },
      outputs: ["y0"],
    });
    const inputs = [npy("x.npy", Float32Array.of(1, -1, 0, 3), [4]), npy("y.npy", Float32Array.of(0, 0, 0, 2), [4])];
    const { outputs } = await runJson<Outputs>("model", "run", model, ...inputs.flatMap((path) => ["--input", path]));
    assert.deepEqual(outputs[0]?.values, ["Infinity", "-Infinity", "NaN", 1.5]);
  });

  it("check finds onnxruntime close, with given and with drawn inputs", async () => {
    for (const words of [
      ["--input", THREE],
      ["--seed", "7"],
    ]) {
      const { outputs } = await runJson<{ outputs: { largestDifference: number }[] }>(
        "model",
        "check",
        DIGITS,
        ...words,
      );
      assert.equal(outputs.length, 1);
      assert.ok((outputs[0]?.largestDifference ?? 1) < 1e-3);
    }
  });

  it("refuses an operator that is not supported, by its name", async () => {
    const model = sketched("fly.onnx", {
      nodes: [{ op: "Fly", inputs: ["x"] }],
      inputs: { x: { dtype: "float32", shape: [2] } },
      outputs: ["y0"],
    });
    for (const command of ["inspect", "run", "check"]) {
      const error = await runError("model", command, model);
      assert.deepEqual([error.code, error.name], [1, "UnsupportedOperatorError"]);
      assert.match(error.message, /Fly/);
    }
  });

  it("refuses a model that is cut off, at any length", async () => {
    const bytes = readFileSync(MLP);
    for (const length of [0, 1, 7, 100, bytes.length >> 1, bytes.length - 1]) {
      const error = await runError("model", "inspect", file("cut.onnx", bytes.subarray(0, length)));
      assert.equal(error.code, 1);
      assert.match(
        error.name,
        /^(Truncated|Malformed|Invalid|Unsupported|Unbound)\w+Error$/,
        `${length}: ${error.message}`,
      );
    }
  });

  it("refuses a model with another length inside", async () => {
    const sketch: ModelSketch = {
      nodes: [{ op: "Add", inputs: ["x", "w"] }],
      inputs: { x: { dtype: "float32", shape: [2, 3] } },
      initializers: { w: floats([4], [1, 2, 3, 4]) },
      outputs: ["y0"],
    };
    const error = await runError("model", "inspect", sketched("shapes.onnx", sketch));
    assert.deepEqual([error.code, error.name], [1, "ShapeMismatchError"]);
  });

  const inputs: [string, () => string[], string][] = [
    ["a wrong shape", () => [npy("wrong.npy", new Float32Array(6), [2, 3])], "InputShapeError"],
    ["no input", () => [], "InputCountMismatchError"],
    ["two inputs for one", () => [THREE, THREE], "InputCountMismatchError"],
    ["a file that is not there", () => [join(folder.path, "none.npy")], "FileUnreadableError"],
    ["a folder", () => [folder.path], "FileUnreadableError"],
    ["a file that is no tensor", () => [file("text.npy", "hello")], "TensorFileError"],
    ["an empty file", () => [file("empty.npy", "")], "TensorFileError"],
    ["a tensor that is cut off", () => [file("cut.npy", readFileSync(THREE).subarray(0, 200))], "TensorFileError"],
    ["a broken .pb tensor", () => [file("broken.pb", Uint8Array.of(0xff, 0xff))], "MalformedModelError"],
  ];
  for (const [what, paths, name] of inputs) {
    it(`refuses ${what}`, async () => {
      const error = await runError("model", "run", DIGITS, ...paths().flatMap((path) => ["--input", path]));
      assert.deepEqual([error.code, error.name], [1, name], error.message);
    });
  }

  const options: [string, string[], string][] = [
    ["a dimension without a size", ["--dim", "batch"], "OptionError"],
    ["a dimension of size 0", ["--dim", "batch=0"], "OptionError"],
    ["state without an output", ["--state", "state="], "OptionError"],
    ["state that the model has not", ["--state", "other=next"], "ImportOptionError"],
    ["no steps", ["--steps", "0"], "OptionError"],
    ["steps that are no number", ["--steps", "many"], "OptionError"],
  ];
  for (const [what, words, name] of options) {
    it(`refuses ${what}`, async () => {
      const error = await runError("model", "run", MLP, "--input", STATE, ...words);
      assert.deepEqual([error.code, error.name], [1, name], error.message);
    });
  }

  it("says which file can't be read", async () => {
    const path = join(folder.path, "none.onnx");
    const error = await runError("model", "inspect", path);
    assert.deepEqual([error.code, error.name, error.values["path"]], [1, "FileUnreadableError", path]);
  });
});
