// `lockstep conformance onnx` over a small suite of our own in every layout, and over the cases that LOCKSTEP_CONFORMANCE
// names. Whole networks run in light.nightly.ts.
import assert from "node:assert/strict";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { conformanceOnnx } from "@lockstep/node/cli/commands/conformance";
import { FolderUnreadableError, NoCasesError } from "@lockstep/node/cli/conformance/cases";
import { MalformedModelError } from "@lockstep/node/onnx";
import { floats, modelOf } from "@lockstep/node/onnx/fixtures";
import { serializeModel } from "@lockstep/node/onnx/serialize";
import { parseTensorFile, serializeTensorFile } from "@lockstep/node/onnx/tensor";
import { CONFORMANCE, runCommand, SKIPPED } from "./command.ts";

interface Result {
  passed: string[];
  failed: { id: string; reason: string }[];
  unsupported: { id: string; operator: string; opset: number; reason: string }[];
}

async function run(folder: string): Promise<{ result: Result; exitCode: number }> {
  const { result, exitCode } = await runCommand(conformanceOnnx, [folder]);
  return { result: result as Result, exitCode };
}

function model(op: string): Uint8Array {
  return serializeModel(
    modelOf({
      nodes: [{ op, inputs: ["x"] }],
      inputs: { x: { dtype: "float32", shape: [4] } },
      outputs: ["y0"],
    }),
  );
}

function writeCase(folder: string, op: string, input: number[], output: number[] | null): void {
  mkdirSync(join(folder, "test_data_set_0"), { recursive: true });
  writeFileSync(join(folder, "model.onnx"), model(op));
  if (output === null) return;
  writeFileSync(join(folder, "test_data_set_0/input_0.pb"), serializeTensorFile(floats([4], input)));
  writeFileSync(join(folder, "test_data_set_0/output_0.pb"), serializeTensorFile(floats([4], output)));
}

/** A suite of two groups: what passes, fails and is unsupported, and a light model. */
function writeSuite(root: string): void {
  const input = [-1, 0, 0.5, 4];
  writeCase(join(root, "node/test_relu"), "Relu", input, [0, 0, 0.5, 4]);
  writeCase(join(root, "node/test_neg"), "Neg", input, [1, 0, -0.5, 4]);
  writeCase(join(root, "node/test_close"), "Abs", input, [1.0009, 0, 0.5, 4]);
  writeCase(join(root, "node/test_far"), "Abs", input, [1.002, 0, 0.5, 4]);
  writeCase(join(root, "node/test_nothing"), "NoSuchOperator", input, input);
  mkdirSync(join(root, "node/test_empty"));
  writeFileSync(join(root, "node/test_empty/model.onnx"), model("Relu"));
  mkdirSync(join(root, "light"));
  writeFileSync(join(root, "light/light_tiny.onnx"), model("Neg"));
  const negated = floats([4], [-0, -0.25, -0.5, -0.75]);
  writeFileSync(join(root, "light/light_tiny_output_0.pb"), serializeTensorFile(negated));
}

describe("conformance onnx", () => {
  const root = mkdtempSync(join(tmpdir(), "suite-"));
  writeSuite(root);
  process.once("exit", () => rmSync(root, { recursive: true, force: true }));

  it("sorts every case of a suite", async () => {
    const { result, exitCode } = await run(root);
    assert.deepEqual(result.passed, ["light/light_tiny", "node/test_close", "node/test_relu"]);
    assert.deepEqual(
      result.failed.map(({ id }) => id),
      ["node/test_empty", "node/test_far", "node/test_neg"],
    );
    assert.match(result.failed[2].reason, /element 3/);
    assert.deepEqual(
      result.unsupported.map(({ id, operator }) => [id, operator]),
      [["node/test_nothing", "NoSuchOperator"]],
    );
    assert.equal(exitCode, 1);
  });

  it("takes a group, a case and a folder of light models", async () => {
    assert.equal((await run(join(root, "node"))).result.passed.length, 2);
    const one = await run(join(root, "node/test_relu"));
    assert.deepEqual(one.result, { passed: ["node/test_relu"], narrowed: [], failed: [], unsupported: [] });
    assert.equal(one.exitCode, 0);
    assert.deepEqual((await run(join(root, "light"))).result.passed, ["light/light_tiny"]);
  });

  it("fails a case whose files can't be read, and runs the others", async () => {
    const broken = mkdtempSync(join(tmpdir(), "suite-"));
    const nowhere = join(broken, "nothing");
    try {
      writeCase(join(broken, "node/test_relu"), "Relu", [-1, 0, 0.5, 4], [0, 0, 0.5, 4]);
      mkdirSync(join(broken, "node/test_model"));
      symlinkSync(nowhere, join(broken, "node/test_model/model.onnx"));
      writeCase(join(broken, "node/test_output"), "Relu", [], null);
      symlinkSync(nowhere, join(broken, "node/test_output/test_data_set_0/output_0.pb"));
      writeCase(join(broken, "node/test_set"), "Relu", [], null);
      writeFileSync(join(broken, "node/test_set/test_data_set_1"), "no folder");
      symlinkSync(nowhere, join(broken, "node/test_missing"));
      const { result, exitCode } = await run(broken);
      assert.deepEqual(result.passed, ["node/test_relu"]);
      assert.deepEqual(
        result.failed.map(({ id }) => id),
        ["node/test_missing", "node/test_model", "node/test_output", "node/test_set"],
      );
      assert.match(result.failed[2].reason, /output_0\.pb/);
      assert.equal(exitCode, 1);
    } finally {
      rmSync(broken, { recursive: true });
    }
  });

  it("refuses folders without cases", async () => {
    await assert.rejects(() => run(join(root, "node/test_relu/test_data_set_0")), NoCasesError);
    await assert.rejects(() => run(join(root, "missing")), FolderUnreadableError);
  });

  it("passes what it supports of others' cases", { skip: SKIPPED }, async (t) => {
    const groups = globSync("onnx/*/", { cwd: CONFORMANCE }).filter((group) => !group.endsWith("light"));
    let cases = 0;
    for (const group of groups) {
      const { result } = await run(join(CONFORMANCE, group));
      assert.deepEqual(result.failed, []);
      cases += result.passed.length + result.failed.length + result.unsupported.length;
      t.diagnostic(`${group}: ${result.passed.length} passed, ${result.unsupported.length} unsupported`);
    }
    assert.equal(cases, globSync("onnx/*/*/model.onnx", { cwd: CONFORMANCE }).length);
  });

  it("passes nine in ten of the cases over float32, int32, int64 and bool", { skip: SKIPPED }, async (t) => {
    const folder = join(CONFORMANCE, "onnx/node");
    const { passed } = (await run(folder)).result;
    const plain = globSync("*/model.onnx", { cwd: folder })
      .map(dirname)
      .filter((name) => isPlain(join(folder, name)));
    const missing = plain.filter((name) => !passed.includes(`node/${name}`));
    t.diagnostic(`${plain.length - missing.length} of ${plain.length} pass; not ${missing.join(", ")}`);
    assert.ok(missing.length <= 0.1 * plain.length, missing.join(", "));
  });
});

// Whether all tensors that a case gives or expects are of the four types that everything computes with.
function isPlain(folder: string): boolean {
  const files = globSync("test_data_set_*/*.pb", { cwd: folder });
  return files.every((file) => {
    try {
      const { dtype } = parseTensorFile(readFileSync(join(folder, file)));
      return ["float32", "int32", "int64", "bool"].includes(dtype);
    } catch (error) {
      if (error instanceof MalformedModelError) return false; // a sequence or an optional
      throw error;
    }
  });
}
