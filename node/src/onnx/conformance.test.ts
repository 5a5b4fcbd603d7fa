/**
 * Runs a sample of the ONNX backend test suite on the interpreter. LOCKSTEP_CONFORMANCE names the folder whose `onnx`
 * holds the groups; without it only the comparison itself is tested.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createWasmEngine } from "../engine/machine/index.ts";
import { difference, runCase, runLightCase, SUITE_TOLERANCE, withErrata } from "./conformance.ts";
import { float, floats, int64s, modelOf } from "./fixtures.ts";
import type { ModelSketch } from "./fixtures.ts";
import { serializeModel } from "./serialize.ts";
import { serializeTensorFile } from "./tensor.ts";
import type { OnnxTensor } from "./element-types.ts";
import { knownTensor } from "./values.ts";

const GROUPS = ["node", "simple", "pytorch-converted", "pytorch-operator"];
const root = process.env["LOCKSTEP_CONFORMANCE"];
const folder = root === undefined ? undefined : join(root, "onnx");

test("every tenth case of the suite passes or is refused by name", { skip: folder === undefined }, () => {
  for (const group of GROUPS) {
    const cases = readdirSync(join(folder!, group)).sort();
    for (const name of cases.filter((_, index) => index % 10 === 0)) {
      const path = join(folder!, group, name);
      const result = runCase(readFileSync(join(path, "model.onnx")), dataSets(path));
      if (result.status === "unsupported") assert.notEqual(result.reason, "");
      else assert.equal(result.status, "passed", `${name}: ${result.status === "failed" ? result.reason : ""}`);
    }
  }
});

test("a whole network of the suite passes when compiled", { skip: folder === undefined }, () => {
  const path = join(folder!, "light", "light_squeezenet");
  const result = runLightCase(readFileSync(`${path}.onnx`), [readFileSync(`${path}_output_0.pb`)], createWasmEngine());
  assert.deepEqual(result, { status: "passed" });
});

function dataSets(path: string): { inputs: Uint8Array[]; outputs: Uint8Array[] }[] {
  const sets = readdirSync(path).filter((name) => name.startsWith("test_data_set_"));
  return sets.map((set) => {
    const files = readdirSync(join(path, set));
    const read = (kind: string): Uint8Array[] => {
      const count = files.filter((file) => file.startsWith(`${kind}_`)).length;
      return Array.from({ length: count }, (_, index) => readFileSync(join(path, set, `${kind}_${index}.pb`)));
    };
    return { inputs: read("input"), outputs: read("output") };
  });
}

const sketch: ModelSketch = {
  nodes: [{ op: "LeakyRelu", inputs: ["x"], attributes: { alpha: float(0.5) } }],
  inputs: { x: { dtype: "float32", shape: [2] } },
  outputs: ["y0"],
};
const file = (tensor: OnnxTensor): Uint8Array => serializeTensorFile(tensor);

test("a case passes, fails with the first difference, or is unsupported", () => {
  const model = serializeModel(modelOf(sketch));
  const inputs = [file(floats([2], [-2, 3]))];
  assert.deepEqual(runCase(model, [{ inputs, outputs: [file(floats([2], [-1, 3]))] }]), { status: "passed" });
  const wrong = runCase(model, [{ inputs, outputs: [file(floats([2], [-1, 4]))] }]);
  assert.deepEqual(wrong, { status: "failed", reason: "output y0: element 1 is 3 instead of 4" });
  const other = serializeModel(modelOf({ ...sketch, nodes: [{ op: "Bernoulli", inputs: ["x"] }] }));
  assert.deepEqual(runCase(other, [{ inputs, outputs: [] }]), {
    status: "unsupported",
    operator: "Bernoulli",
    opset: 17,
    reason: "random numbers, whose generator the standard leaves open",
  });
});

test("a broken file is a failure with its error's name, not a crash", () => {
  const result = runCase(Uint8Array.of(1, 2, 3), []);
  assert.equal(result.status, "failed");
});

test("inputs used as shapes are bound from the case", () => {
  const reshape: ModelSketch = {
    nodes: [{ op: "Reshape", inputs: ["x", "s"] }],
    inputs: { x: { dtype: "float32", shape: [2] }, s: { dtype: "int64", shape: [2] } },
    outputs: ["y0"],
  };
  const inputs = [file(floats([2], [1, 2])), file(int64s([2], [2, 1]))];
  const outputs = [file(floats([2, 1], [1, 2]))];
  assert.deepEqual(runCase(serializeModel(modelOf(reshape)), [{ inputs, outputs }]), { status: "passed" });
});

test("floats are compared within the tolerance, NaN with NaN, integers and shapes exactly", () => {
  const compare = (a: OnnxTensor, b: OnnxTensor): string | null =>
    difference(knownTensor(a)!, knownTensor(b)!, SUITE_TOLERANCE);
  assert.equal(compare(floats([2], [1.0005, NaN]), floats([2], [1, NaN])), null);
  assert.notEqual(compare(floats([1], [1.002]), floats([1], [1])), null);
  assert.notEqual(compare(floats([1], [NaN]), floats([1], [1])), null);
  assert.notEqual(compare(floats([1], [Infinity]), floats([1], [3e38])), null);
  assert.notEqual(compare(int64s([1], [1000]), int64s([1], [1001])), null);
  assert.notEqual(compare(floats([1, 2], [1, 2]), floats([2], [1, 2])), null);
  assert.notEqual(compare(floats([1], [1]), int64s([1], [1])), null);
});

test("a known error of a vector excuses that difference of that case alone", () => {
  const model = serializeModel(modelOf(sketch));
  const known = { status: "failed", reason: "output y: element 1 is -128 instead of 117" } as const;
  const told = withErrata("node/test_qlinearmatmul_2D_int8_float32", model, known);
  assert.deepEqual([told.status, told.status === "unsupported" && told.operator], ["unsupported", "LeakyRelu"]);
  const other = { status: "failed", reason: "output y: element 1 is -127 instead of 117" } as const;
  assert.equal(withErrata("node/test_qlinearmatmul_2D_int8_float32", model, other), other);
  assert.equal(withErrata("node/test_relu", model, known), known);
});

test("a case in float64 that passes says that it was run as float32", () => {
  const doubles = (values: number[]): OnnxTensor => ({
    dtype: "float64",
    shape: [values.length],
    data: Float64Array.from(values),
  });
  const model = serializeModel(modelOf({ ...sketch, inputs: { x: { dtype: "float64", shape: [2] } } }));
  const result = runCase(model, [{ inputs: [file(doubles([-2, 3]))], outputs: [file(doubles([-1, 3]))] }]);
  assert.deepEqual(result, { status: "passed", narrowed: true });
});
