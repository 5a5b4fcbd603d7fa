/** Models of a few operators each, which together lower to every kind of primitive that operators have. */
import { below } from "../../float/directed.ts";
import { importModel, type ImportOptions, type OnnxTensor } from "../../onnx/index.ts";
import { floats, int, int64s, ints, modelOf, randomFloats, type ModelSketch } from "../../onnx/fixtures.ts";
import { anyFloats, integers, masks, once, type Draw, type Kind } from "./model.ts";

/** By the name in the report. */
export const OPERATOR_KINDS: Readonly<Record<string, Kind>> = {
  "dot product": onnx(
    {
      inputs: { x: { dtype: "float32", shape: [5, 300] } },
      initializers: { w: randomFloats([300, 7], 1), b: randomFloats([7], 2) },
      nodes: [{ op: "Gemm", inputs: ["x", "w", "b"] }],
      outputs: ["y0"],
    },
    [anyFloats(1500)],
  ),
  "continued chain": onnx(
    {
      inputs: { x: { dtype: "float32", shape: [2, 2500] } },
      initializers: { w: randomFloats([2500, 3], 3) },
      nodes: [
        { op: "MatMul", inputs: ["x", "w"], outputs: ["m"] },
        { op: "Relu", inputs: ["m"] },
      ],
      outputs: ["y0"],
    },
    [anyFloats(5000)],
  ),
  reduction: onnx(
    {
      opset: 18,
      inputs: { x: { dtype: "float32", shape: [6, 700] } },
      initializers: { last: int64s([1], [1]), first: int64s([1], [0]) },
      nodes: [
        { op: "ReduceSum", inputs: ["x", "last"], outputs: ["sum"] },
        { op: "ReduceMax", inputs: ["x", "last"], outputs: ["max"] },
        { op: "ReduceL2", inputs: ["x", "first"], outputs: ["norm"] },
        { op: "ReduceProd", inputs: ["norm", "last"], outputs: ["product"] },
        { op: "ReduceLogSumExp", inputs: ["x", "last"], outputs: ["lse"] },
        { op: "ArgMax", inputs: ["x"], outputs: ["best"], attributes: { axis: int(1) } },
      ],
      outputs: ["sum", "max", "product", "lse", "best"],
    },
    [anyFloats(4200)],
  ),
  elementwise: onnx(
    {
      opset: 20,
      inputs: { x: { dtype: "float32", shape: [333] } },
      initializers: { two: floats([], [2]) },
      nodes: [
        { op: "Erf", inputs: ["x"], outputs: ["erf"] },
        { op: "Tanh", inputs: ["erf"], outputs: ["tanh"] },
        { op: "Exp", inputs: ["tanh"], outputs: ["exp"] },
        { op: "Sigmoid", inputs: ["x"], outputs: ["sigmoid"] },
        { op: "Sin", inputs: ["x"], outputs: ["sin"] },
        { op: "Pow", inputs: ["exp", "two"], outputs: ["pow"] },
        { op: "Log", inputs: ["sigmoid"], outputs: ["log"] },
        { op: "Gelu", inputs: ["x"], outputs: ["gelu"] },
        { op: "Div", inputs: ["pow", "sin"], outputs: ["div"] },
        { op: "Add", inputs: ["log", "gelu"], outputs: ["sum"] },
        { op: "Max", inputs: ["div", "sum"] },
      ],
      outputs: ["y0"],
    },
    [anyFloats(333)],
  ),
  gather: onnx(
    {
      inputs: {
        ids: { dtype: "int64", shape: [9] },
        at: { dtype: "int64", shape: [9, 2] },
      },
      initializers: { table: randomFloats([50, 40], 4) },
      nodes: [
        { op: "Gather", inputs: ["table", "ids"], outputs: ["rows"] },
        { op: "GatherND", inputs: ["table", "at"], outputs: ["points"] },
        { op: "Unsqueeze", inputs: ["points", "axis"], outputs: ["column"] },
        { op: "Mul", inputs: ["rows", "column"] },
      ].map((node) => ({ ...node, attributes: {} })),
      outputs: ["y0"],
    },
    [integers(9, 40), integers(18, 40)],
    { initializers: { axis: int64s([1], [1]) } },
  ),
  scatter: onnx(
    {
      opset: 16,
      inputs: {
        x: { dtype: "float32", shape: [20, 15] },
        ids: { dtype: "int64", shape: [12, 1] },
        updates: { dtype: "float32", shape: [12, 15] },
      },
      nodes: [
        {
          op: "ScatterND",
          inputs: ["x", "ids", "updates"],
          attributes: { reduction: { type: "string", value: "add" } },
        },
      ],
      outputs: ["y0"],
    },
    [anyFloats(300), integers(12, 20), anyFloats(180)],
  ),
  scan: onnx(
    {
      inputs: { x: { dtype: "float32", shape: [4, 120] } },
      initializers: { axis: int64s([], [1]) },
      nodes: [{ op: "CumSum", inputs: ["x", "axis"] }],
      outputs: ["y0"],
    },
    [anyFloats(480)],
  ),
  softmax: onnx(
    {
      inputs: { x: { dtype: "float32", shape: [3, 290] } },
      nodes: [
        { op: "Softmax", inputs: ["x"], outputs: ["p"] },
        { op: "LogSoftmax", inputs: ["x"], outputs: ["l"] },
      ],
      outputs: ["p", "l"],
    },
    [anyFloats(870)],
  ),
  normalization: onnx(
    {
      opset: 23,
      inputs: { x: { dtype: "float32", shape: [2, 4, 90] } },
      initializers: {
        scale: randomFloats([90], 5),
        bias: randomFloats([90], 6),
        channels: randomFloats([4], 7),
        mean: randomFloats([4], 8),
        variance: floats([4], [0.5, 1, 2, 3]),
      },
      nodes: [
        { op: "LayerNormalization", inputs: ["x", "scale", "bias"], outputs: ["layer"] },
        { op: "RMSNormalization", inputs: ["layer", "scale"], outputs: ["rms"] },
        { op: "InstanceNormalization", inputs: ["rms", "channels", "mean"], outputs: ["instance"] },
        { op: "BatchNormalization", inputs: ["instance", "channels", "mean", "channels", "variance"] },
      ],
      outputs: ["y0"],
    },
    [anyFloats(720)],
  ),
  convolution: onnx(
    {
      inputs: { x: { dtype: "float32", shape: [1, 4, 9, 8] } },
      initializers: {
        w: randomFloats([6, 2, 3, 3], 9),
        b: randomFloats([6], 10),
        v: randomFloats([6, 3, 2, 2], 11),
      },
      nodes: [
        {
          op: "Conv",
          inputs: ["x", "w", "b"],
          outputs: ["conv"],
          attributes: { group: int(2), pads: ints(1, 1, 1, 1), strides: ints(1, 2), dilations: ints(2, 1) },
        },
        { op: "ConvTranspose", inputs: ["conv", "v"], attributes: { strides: ints(2, 2) } },
      ],
      outputs: ["y0"],
    },
    [anyFloats(288)],
  ),
  pooling: onnx(
    {
      inputs: { x: { dtype: "float32", shape: [1, 3, 12, 12] } },
      nodes: [
        {
          op: "MaxPool",
          inputs: ["x"],
          outputs: ["max"],
          attributes: { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) },
        },
        { op: "AveragePool", inputs: ["x"], outputs: ["mean"], attributes: { kernel_shape: ints(4, 4) } },
        { op: "GlobalAveragePool", inputs: ["x"], outputs: ["all"] },
      ],
      outputs: ["max", "mean", "all"],
    },
    [anyFloats(432)],
  ),
  "recurrent cell": onnx(
    {
      inputs: { h: { dtype: "float32", shape: [1, 300] }, x: { dtype: "float32", shape: [1, 20] } },
      initializers: {
        u: floats(
          [300, 300],
          Array.from(randomFloats([300, 300], 12).data as Float32Array, (value) => value / 8),
        ),
        w: randomFloats([20, 300], 13),
      },
      nodes: [
        { op: "MatMul", inputs: ["h", "u"], outputs: ["hu"] },
        { op: "MatMul", inputs: ["x", "w"], outputs: ["xw"] },
        { op: "Add", inputs: ["hu", "xw"], outputs: ["sum"] },
        { op: "Tanh", inputs: ["sum"], outputs: ["next"] },
        { op: "ReduceMean", inputs: ["next"], outputs: ["mean"] },
      ],
      outputs: ["next", "mean"],
    },
    [anyFloats(300), anyFloats(20)],
    { options: { state: [{ input: "h", output: "next" }] }, steps: 5 },
  ),
  "unrolled LSTM": onnx(
    {
      inputs: { x: { dtype: "float32", shape: [3, 1, 5] } },
      initializers: { w: randomFloats([1, 16, 5], 14), r: randomFloats([1, 16, 4], 15), b: randomFloats([1, 32], 16) },
      nodes: [
        { op: "LSTM", inputs: ["x", "w", "r", "b"], outputs: ["y", "h", "c"], attributes: { hidden_size: int(4) } },
      ],
      outputs: ["y", "h", "c"],
    },
    [anyFloats(15)],
  ),
  "integers and bools": onnx(
    {
      opset: 18,
      inputs: {
        a: { dtype: "int32", shape: [270] },
        b: { dtype: "int32", shape: [270] },
        m: { dtype: "bool", shape: [270] },
        x: { dtype: "float32", shape: [270] },
      },
      nodes: [
        { op: "Div", inputs: ["a", "b"], outputs: ["quotient"] },
        { op: "Mod", inputs: ["a", "b"], outputs: ["rest"] },
        { op: "BitwiseXor", inputs: ["quotient", "rest"], outputs: ["mixed"] },
        { op: "Less", inputs: ["mixed", "a"], outputs: ["less"] },
        { op: "Xor", inputs: ["less", "m"], outputs: ["mask"] },
        { op: "Cast", inputs: ["x"], outputs: ["whole"], attributes: { to: int(6) } },
        { op: "Where", inputs: ["mask", "mixed", "whole"], outputs: ["chosen"] },
        { op: "Cast", inputs: ["chosen"], outputs: ["real"], attributes: { to: int(1) } },
        { op: "Cast", inputs: ["real"], outputs: ["flag"], attributes: { to: int(9) } },
        { op: "Mul", inputs: ["chosen", "b"], outputs: ["product"] },
      ],
      outputs: ["real", "flag", "product", "mask"],
    },
    [integers(270, 1 << 20), integers(270, 99, 1), masks(270), anyFloats(270)],
  ),
  "top k": onnx(
    {
      inputs: { x: { dtype: "float32", shape: [3, 40] } },
      initializers: { k: int64s([1], [5]) },
      nodes: [{ op: "TopK", inputs: ["x", "k"], outputs: ["values", "indices"] }],
      outputs: ["values", "indices"],
    },
    [anyFloats(120)],
  ),
  attention: onnx(
    {
      opset: 23,
      inputs: {
        q: { dtype: "float32", shape: [1, 2, 6, 16] },
        k: { dtype: "float32", shape: [1, 2, 6, 16] },
        v: { dtype: "float32", shape: [1, 2, 6, 16] },
      },
      nodes: [{ op: "Attention", inputs: ["q", "k", "v"], attributes: { is_causal: int(1) } }],
      outputs: ["y0"],
    },
    [anyFloats(192), anyFloats(192), anyFloats(192)],
  ),
  "movement and resize": onnx(
    {
      inputs: { x: { dtype: "float32", shape: [1, 2, 7, 5] } },
      initializers: { scales: floats([4], [1, 1, 2, 1.5]), pads: int64s([8], [0, 0, 1, 1, 0, 1, 0, 2]) },
      nodes: [
        {
          op: "Resize",
          inputs: ["x", "", "scales"],
          outputs: ["large"],
          attributes: { mode: { type: "string", value: "linear" } },
        },
        { op: "Pad", inputs: ["large", "pads"], outputs: ["padded"] },
        { op: "Transpose", inputs: ["padded"], outputs: ["turned"], attributes: { perm: ints(0, 2, 3, 1) } },
        { op: "Concat", inputs: ["turned", "turned"], attributes: { axis: int(1) } },
      ],
      outputs: ["y0"],
    },
    [anyFloats(70)],
  ),
  quantised: onnx(
    {
      opset: 21,
      inputs: { x: { dtype: "float32", shape: [3, 96] } },
      initializers: {
        scale: floats([], [0.05]),
        zero: bytes([], "uint8", [100]),
        w: bytes(
          [96, 5],
          "int8",
          Array.from({ length: 480 }, (_, index) => ((index * 73) % 255) - 127),
        ),
        columns: floats([5], [0.01, 0.02, 0.03, 0.04, 0.05]),
      },
      nodes: [
        { op: "QuantizeLinear", inputs: ["x", "scale", "zero"], outputs: ["q"] },
        { op: "MatMulInteger", inputs: ["q", "w", "zero"], outputs: ["product"] },
        { op: "Cast", inputs: ["product"], outputs: ["sum"], attributes: { to: int(1) } },
        { op: "Mul", inputs: ["sum", "columns"], outputs: ["scaled"] },
        { op: "DynamicQuantizeLinear", inputs: ["scaled"], outputs: ["d", "by", "from"] },
        { op: "DequantizeLinear", inputs: ["d", "by", "from"] },
      ],
      outputs: ["product", "y0"],
    },
    [anyFloats(288)],
  ),
  "packed weights": onnx(
    {
      inputs: { x: { dtype: "float32", shape: [2, 64] } },
      initializers: {
        w: bytes(
          [6, 2, 16],
          "uint8",
          Array.from({ length: 192 }, (_, index) => (index * 57) % 256),
        ),
        scales: randomFloats([12], 17),
      },
      nodes: [
        {
          op: "MatMulNBits",
          domain: "com.microsoft",
          inputs: ["x", "w", "scales"],
          attributes: { K: int(64), N: int(6), bits: int(4), block_size: int(32) },
        },
      ],
      outputs: ["y0"],
    },
    [anyFloats(128)],
  ),
};

function bytes(shape: readonly number[], dtype: "int8" | "uint8", values: readonly number[]): OnnxTensor {
  const data = { int8: Int8Array.from(values), uint8: Uint8Array.from(values) };
  return dtype === "int8"
    ? { dtype, shape: [...shape], data: data.int8 }
    : { dtype, shape: [...shape], data: data.uint8 };
}

interface More {
  readonly options?: ImportOptions;
  /** At most; 1 unless given. */
  readonly steps?: number;
  readonly initializers?: Readonly<Record<string, OnnxTensor>>;
}

function onnx(sketch: ModelSketch, inputs: readonly Draw[], more: More = {}): Kind {
  const initializers = { ...sketch.initializers, ...more.initializers };
  const imported = once(() => importModel(modelOf({ ...sketch, initializers }), more.options));
  return (random) => {
    const { program, constants } = imported();
    return {
      program,
      inputs: inputs.map((draw) => draw(random)),
      steps: more.steps === undefined ? 1 : 1 + below(random, more.steps),
      constant: (root) => constants.get(root) ?? new Uint32Array(0),
    };
  };
}
