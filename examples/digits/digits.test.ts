// Checks the committed digits.onnx and samples: the file loads in onnxruntime, says what the network of ./network.ts says and
// recognises held-out digits. Tolerances are right here: neither side has Lockstep's bits.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "npyjs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { parseModel, serializeModel } from "@lockstep/node/onnx";
import { CLASSES, decide, forward, makeWorkspace, PARAMETER_NAMES, zeroParameters } from "./network.ts";
import type { Parameters } from "./network.ts";
import { digitsModel } from "./onnx-file.ts";
import { random } from "./random.ts";
import { renderDigit, SIZE } from "./render.ts";
import { accuracy, trainNetwork } from "./training.ts";

const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, "digits.onnx")));

function committedParameters(): Parameters {
  const tensors = [...parseModel(bytes).graph.initializers.values()];
  const parameters = zeroParameters();
  PARAMETER_NAMES.forEach((name, i) => {
    const { dtype, data } = tensors[i]!;
    assert.ok(dtype === "float32");
    assert.equal(data.length, parameters[name].length, name);
    parameters[name].set(data);
  });
  return parameters;
}

function sample(digit: number): { picture: Float32Array; shape: number[] } {
  const file = readFileSync(join(import.meta.dirname, "samples", `input-${digit}.npy`));
  const { data, shape } = parse(new Uint8Array(file).buffer);
  assert.ok(data instanceof Float32Array);
  return { picture: data, shape };
}

test("digits.onnx is small and is what the exporter writes", () => {
  assert.ok(bytes.length < 200_000, `${bytes.length} bytes`);
  assert.deepEqual(serializeModel(digitsModel(committedParameters())), bytes);
});

test("onnxruntime agrees with the network, and the samples are recognised", async () => {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const parameters = committedParameters();
  const space = makeWorkspace();
  for (let digit = 0; digit < CLASSES; digit++) {
    const { picture, shape } = sample(digit);
    assert.deepEqual(shape, [1, 1, SIZE, SIZE]);
    const { probabilities } = await session.run({ image: new Tensor("float32", picture, shape) });
    const found = probabilities!.data as Float32Array;
    const expected = forward(parameters, picture, space);
    for (let k = 0; k < CLASSES; k++)
      assert.ok(Math.abs(found[k]! - expected[k]!) < 1e-5, `digit ${digit}, class ${k}`);
    assert.equal(decide(found), digit);
  }
});

test("held-out digits are recognised, seed 4", () => {
  const parameters = committedParameters();
  const space = makeWorkspace();
  const share = accuracy((picture) => forward(parameters, picture, space), 4, 1000);
  assert.ok(share > 0.97, `${share}`);
});

test("training and drawing depend on the seed alone", () => {
  const train = (seed: number): Parameters => trainNetwork(seed, 2, () => undefined);
  assert.deepEqual(train(1), train(1));
  assert.notDeepEqual(train(1), train(2));
  assert.throws(() => renderDigit(10, random(1)), RangeError);
});
