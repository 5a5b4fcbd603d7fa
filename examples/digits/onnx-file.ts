// The trained network as an ONNX model: operator set 17, IR version 8, float32, standard operators only. Input `image`
// [1, 1, 20, 20], output `probabilities` [1, 10].

import type { Attribute, OnnxModel, OnnxNode, OnnxTensor } from "@lockstep/node/onnx";
import { CHANNELS, CLASSES, FEATURES } from "./network.ts";
import type { Parameters } from "./network.ts";
import { SIZE } from "./render.ts";

/** Builds the model; weights are rounded to float32. */
export function digitsModel(parameters: Parameters): OnnxModel {
  const [first, second] = CHANNELS;
  const conv: [string, Attribute][] = [
    ["kernel_shape", ints(3, 3)],
    ["pads", ints(1, 1, 1, 1)],
    ["strides", ints(1, 1)],
  ];
  const pool: [string, Attribute][] = [
    ["kernel_shape", ints(2, 2)],
    ["strides", ints(2, 2)],
  ];
  return {
    irVersion: 8,
    producerName: "lockstep-digits",
    opsets: new Map([["", 17]]),
    functions: [],
    graph: {
      name: "digits",
      inputs: [{ name: "image", kind: "tensor", elemType: "float32", shape: [1, 1, SIZE, SIZE] }],
      outputs: [{ name: "probabilities", kind: "tensor", elemType: "float32", shape: [1, CLASSES] }],
      values: [],
      sparseInitializers: new Map(),
      initializers: new Map([
        ["conv1.weight", weights([first, 1, 3, 3], parameters.conv1)],
        ["conv1.bias", weights([first], parameters.bias1)],
        ["conv2.weight", weights([second, first, 3, 3], parameters.conv2)],
        ["conv2.bias", weights([second], parameters.bias2)],
        ["dense.weight", weights([CLASSES, FEATURES], parameters.dense)],
        ["dense.bias", weights([CLASSES], parameters.bias3)],
      ]),
      nodes: [
        node("Conv", ["image", "conv1.weight", "conv1.bias"], "conv1", conv),
        node("Relu", ["conv1"], "relu1"),
        node("MaxPool", ["relu1"], "pool1", pool),
        node("Conv", ["pool1", "conv2.weight", "conv2.bias"], "conv2", conv),
        node("Relu", ["conv2"], "relu2"),
        node("MaxPool", ["relu2"], "pool2", pool),
        node("Flatten", ["pool2"], "features", [["axis", int(1)]]),
        node("Gemm", ["features", "dense.weight", "dense.bias"], "scores", [["transB", int(1)]]),
        node("Softmax", ["scores"], "probabilities", [["axis", int(1)]]),
      ],
    },
  };
}

function node(opType: string, inputs: string[], output: string, attributes: [string, Attribute][] = []): OnnxNode {
  return { name: output, opType, domain: "", inputs, outputs: [output], attributes: new Map(attributes) };
}

function ints(...values: number[]): Attribute {
  return { type: "ints", value: values.map(BigInt) };
}

function int(value: number): Attribute {
  return { type: "int", value: BigInt(value) };
}

function weights(shape: number[], values: Float64Array): OnnxTensor {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
}
