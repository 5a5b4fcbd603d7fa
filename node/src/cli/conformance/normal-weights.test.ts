import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { temporaryFolder } from "../../chain/test-chain.ts";
import { createHost } from "../../host/index.ts";
import { floats, int64s, modelOf, type ModelSketch } from "../../onnx/fixtures.ts";
import { serializeModel } from "../../onnx/index.ts";
import { NoLightModelError, runNormalCases } from "./onnx.ts";
import { withNormalWeights } from "./normal-weights.ts";

const ones = (name: string, value: number) => ({
  op: "ConstantOfShape",
  inputs: [`${name}_shape`],
  outputs: [name],
  attributes: { value: { type: "tensor" as const, value: floats([1], [value]) } },
});

const SKETCH: ModelSketch = {
  opset: 9,
  inputs: { x: { dtype: "float32", shape: [1, 64] } },
  initializers: {
    w_shape: int64s([2], [64, 50]),
    b: floats(
      [50],
      Array.from({ length: 50 }, () => 1),
    ),
  },
  nodes: [
    ones("w", 0.5),
    { op: "Gemm", inputs: ["x", "w", "b"], outputs: ["g"] },
    { op: "Relu", inputs: ["g"], outputs: ["r"] },
    { op: "Softmax", inputs: ["r"], outputs: ["y"] },
  ],
  outputs: ["y"],
};

describe("light models with drawn weights", () => {
  const folder = temporaryFolder("light");
  after(() => folder.remove());

  it("hold normals where constants stood, the same for the same seed", () => {
    const model = withNormalWeights(modelOf(SKETCH), 7);
    const weights = model.graph.initializers.get("w")?.data as Float32Array;
    assert.equal(weights.length, 3200);
    const variance = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
    assert.ok(Math.abs(variance * 32 - 1) < 0.1, `${variance} is not 2 / fan-in`);
    assert.equal(new Set(model.graph.initializers.get("b")?.data as Float32Array).size, 50);
    assert.deepEqual(model.graph.initializers.get("w_shape"), SKETCH.initializers?.["w_shape"]);
    assert.deepEqual(
      model.graph.nodes.map(({ opType }) => opType),
      ["Gemm", "Relu", "Softmax"],
    );
    assert.deepEqual(withNormalWeights(modelOf(SKETCH), 7).graph.initializers, model.graph.initializers);
    assert.notDeepEqual(withNormalWeights(modelOf(SKETCH), 8).graph.initializers.get("w")?.data, weights);
  });

  it("agree with onnxruntime, or fail with what is the same too often", async () => {
    mkdirSync(join(folder.path, "light"));
    const path = join(folder.path, "light", "net.onnx");
    writeFileSync(path, serializeModel(modelOf(SKETCH)));
    const silent = () => undefined;
    const good = await runNormalCases([{ id: "light/net", kind: "light", model: path }], 1, createHost(), silent);
    assert.deepEqual([good.passed, good.failed, good.unsupported], [["light/net"], [], []]);
    assert.ok((good.distinct?.["light/net"] ?? 0) >= 45);
    const flat = { ...SKETCH, nodes: SKETCH.nodes.with(2, { op: "Sign", inputs: ["g"], outputs: ["r"] }) };
    writeFileSync(path, serializeModel(modelOf(flat)));
    const bad = await runNormalCases([{ id: "light/net", kind: "light", model: path }], 1, createHost(), silent);
    assert.match(bad.failed[0]?.reason ?? "", /holds [123] different words, fewer than 45/);
    const data = [{ id: "node/test_abs", kind: "data", folder: folder.path }] as const;
    await assert.rejects(runNormalCases(data, 1, createHost(), silent), NoLightModelError);
  });
});
