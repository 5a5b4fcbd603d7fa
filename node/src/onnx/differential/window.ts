/** Generators of operators with windows, places and positions: convolution, pooling, resampling, recurrence, attention. */

import { float, int, ints, manyFloats, text, texts } from "../fixtures.ts";
import { constant, given, listOf } from "./compare.ts";
import type { Draw, DrawnCase } from "./compare.ts";
import type { Attribute } from "../types.ts";

interface Window {
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly attributes: Readonly<Record<string, Attribute | undefined>>;
}

/** A window over `rank` axes: padding named or given, strides, dilations. */
function windowOf(draw: Draw, rank: number, isDilated = true): Window {
  const kernel = draw.list(rank, 1, 3);
  const auto = draw.pick([undefined, undefined, "VALID", "SAME_UPPER", "SAME_LOWER"]);
  // onnxruntime leaves dilations out of the padding it computes.
  const isSame = auto?.startsWith("SAME") === true;
  const dilations = kernel.map(() => (isDilated && !isSame ? draw.int(1, 2) : 1));
  const spans = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1);
  const spatial = spans.map((span) => span + draw.int(0, 5));
  const pads = [...kernel, ...kernel].map((size) => draw.int(0, size - 1));
  // Of a stride beyond the kernel its pools cut the tensor's edge.
  const strides = draw.list(rank, 1, 3).map((stride, axis) => (isSame ? Math.min(stride, kernel[axis]) : stride));
  return {
    spatial,
    kernel,
    attributes: {
      strides: draw.flag() ? ints(...strides) : undefined,
      dilations: dilations.some((gap) => gap > 1) ? ints(...dilations) : undefined,
      auto_pad: auto === undefined ? undefined : text(auto),
      pads: auto === undefined && draw.flag() ? ints(...pads) : undefined,
    },
  };
}

function conv(draw: Draw): DrawnCase {
  const { spatial, kernel, attributes } = windowOf(draw, draw.int(1, 3));
  const groups = draw.int(1, 3);
  const [inner, outputs] = [draw.int(1, 3), groups * draw.int(1, 2)];
  const bias = draw.flag() ? constant(draw.floats([outputs])) : undefined;
  return {
    op: "Conv",
    inputs: [
      given(draw.floats([draw.int(1, 2), groups * inner, ...spatial])),
      constant(draw.floats([outputs, inner, ...kernel])),
      bias,
    ],
    attributes: { ...attributes, group: int(groups), kernel_shape: draw.flag() ? ints(...kernel) : undefined },
  };
}

function convTranspose(draw: Draw): DrawnCase {
  const rank = draw.int(1, 3);
  const kernel = draw.list(rank, 1, 3);
  const strides = draw.list(rank, 1, 3);
  const groups = draw.int(1, 2);
  const [inner, outputs] = [draw.int(1, 2), draw.int(1, 2)];
  const form = draw.pick(["plain", "pads", "extra", "shape", "SAME_UPPER", "SAME_LOWER", "VALID"]);
  const spatial = draw.list(rank, 2, 5);
  // onnxruntime makes less than stride times extent of a kernel smaller than its stride.
  if (form.startsWith("SAME")) strides.forEach((stride, axis) => (strides[axis] = Math.min(stride, kernel[axis])));
  const wanted = spatial.map((extent, axis) => extent * strides[axis]);
  return {
    op: "ConvTranspose",
    inputs: [
      given(draw.floats([draw.int(1, 2), groups * inner, ...spatial])),
      constant(draw.floats([groups * inner, outputs, ...kernel])),
      draw.flag() ? constant(draw.floats([groups * outputs])) : undefined,
    ],
    attributes: {
      group: int(groups),
      strides: ints(...strides),
      dilations:
        draw.flag() && form !== "shape" && !form.startsWith("SAME") ? ints(...draw.list(rank, 1, 2)) : undefined,
      pads: form === "pads" ? ints(...kernel.map((size) => Math.min(1, size - 1)), ...kernel.map(() => 0)) : undefined,
      output_padding: form === "extra" ? ints(...strides.map((stride) => draw.int(0, stride - 1))) : undefined,
      output_shape: form === "shape" ? ints(...wanted) : undefined,
      auto_pad: ["SAME_UPPER", "SAME_LOWER", "VALID"].includes(form) ? text(form) : undefined,
    },
  };
}

function pool(op: string) {
  return (draw: Draw): DrawnCase => {
    const { spatial, kernel, attributes } = windowOf(draw, draw.int(1, 3), op !== "LpPool");
    const isMax = op === "MaxPool";
    return {
      op,
      opset: op === "LpPool" ? 18 : 19,
      inputs: [given(draw.floats([draw.int(1, 2), draw.int(1, 2), ...spatial]))],
      outputs: isMax && draw.flag() ? 2 : 1,
      attributes: {
        ...attributes,
        kernel_shape: ints(...kernel),
        ceil_mode: draw.flag() ? int(1) : undefined,
        count_include_pad: op === "AveragePool" && draw.flag() ? int(1) : undefined,
        storage_order: isMax && draw.flag() ? int(0) : undefined,
        p: op === "LpPool" && draw.flag() ? int(draw.int(1, 3)) : undefined,
      },
    };
  };
}

function resize(draw: Draw): DrawnCase {
  const mode = draw.pick(["nearest", "linear", "cubic"]);
  const spatial = draw.list(2, 2, 6);
  const shape = [1, draw.int(1, 2), ...spatial];
  const bySizes = draw.flag();
  const policy = bySizes && draw.flag() ? draw.pick(["stretch", "not_larger", "not_smaller"]) : undefined;
  const sizes = draw.list(2, 1, 9);
  // onnxruntime copies an axis that keeps its length, whatever the scale.
  const scales = draw.list(2, 3, 20).map((scale, axis) => {
    const keeps = Math.floor((spatial[axis] * scale) / 8) === spatial[axis];
    return keeps ? 1 : scale / 8;
  });
  const coordinates = draw.pick([
    "half_pixel",
    "asymmetric",
    "align_corners",
    "pytorch_half_pixel",
    // Nearest places may then fall on the border of two elements, up to rounding.
    ...(mode === "nearest" ? [] : ["half_pixel_symmetric"]),
  ]);
  // onnxruntime takes the scale from the sizes there.
  const antialias = mode !== "nearest" && coordinates === "half_pixel" && bySizes && draw.flag() ? 1 : 0;
  const floatsOf = (items: readonly number[]) =>
    constant({ dtype: "float32", shape: [items.length], data: Float32Array.from(items) });
  return {
    op: "Resize",
    opset: 19,
    inputs: [
      given(draw.floats(shape)),
      undefined,
      bySizes ? undefined : floatsOf(scales),
      bySizes ? listOf(sizes) : undefined,
    ],
    attributes: {
      mode: text(mode),
      axes: ints(2, 3),
      coordinate_transformation_mode: text(coordinates),
      nearest_mode:
        mode === "nearest" ? text(draw.pick(["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])) : undefined,
      cubic_coeff_a: mode === "cubic" && draw.flag() ? float(-0.5) : undefined,
      exclude_outside: mode === "cubic" && draw.flag() ? int(1) : undefined,
      keep_aspect_ratio_policy: policy === undefined ? undefined : text(policy),
      antialias: antialias === 1 ? int(1) : undefined,
    },
    tolerance: { relative: 2e-3, absolute: 2e-4 },
  };
}

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
const ACTIVATIONS = [
  "Relu",
  "Tanh",
  "Sigmoid",
  "Affine",
  "LeakyRelu",
  "ThresholdedRelu",
  "ScaledTanh",
  "HardSigmoid",
  "Elu",
  "Softsign",
  "Softplus",
];

function recurrent(op: keyof typeof GATES) {
  return (draw: Draw): DrawnCase => {
    const direction = draw.pick(["forward", "reverse", "bidirectional"]);
    const directions = direction === "bidirectional" ? 2 : 1;
    const [steps, batch, inputs, hidden] = [draw.int(1, 4), draw.int(1, 3), draw.int(1, 3), draw.int(1, 4)];
    const rows = GATES[op] * hidden;
    const isLstm = op === "LSTM";
    const count = { RNN: 1, GRU: 2, LSTM: 3 }[op];
    const names = draw.flag() ? Array.from({ length: count * directions }, () => draw.pick(ACTIVATIONS)) : undefined;
    const lengths = Array.from({ length: batch }, () => draw.int(1, steps));
    // The other side wants at least one sequence of full length.
    lengths[0] = steps;
    const start = (): ReturnType<typeof given> => given(draw.floats([directions, batch, hidden]));
    const optional = <Item>(make: () => Item): Item | undefined => (draw.flag() ? make() : undefined);
    const common = [
      given(draw.floats([steps, batch, inputs])),
      constant(draw.floats([directions, rows, inputs], 1)),
      constant(draw.floats([directions, rows, hidden], 1)),
      optional(() => constant(draw.floats([directions, 2 * rows], 1))),
      optional(() => given({ dtype: "int32", shape: [batch], data: Int32Array.from(lengths) })),
      optional(start),
    ];
    const more = isLstm ? [optional(start), optional(() => constant(draw.floats([directions, 3 * hidden], 1)))] : [];
    return {
      op,
      opset: 14,
      inputs: [...common, ...more],
      outputs: isLstm ? 3 : 2,
      attributes: {
        hidden_size: int(hidden),
        direction: text(direction),
        activations: names === undefined ? undefined : texts(...names),
        activation_alpha: names === undefined ? undefined : manyFloats(...alphas(names)),
        activation_beta: names === undefined ? undefined : manyFloats(...betas(names)),
        // onnxruntime does not clip what goes into the last activation of LSTM.
        clip: !isLstm && draw.int(0, 2) === 0 ? float(0.75) : undefined,
        linear_before_reset: op === "GRU" && draw.flag() ? int(1) : undefined,
        input_forget: isLstm && draw.int(0, 2) === 0 ? int(1) : undefined,
      },
      tolerance: { relative: 1e-3, absolute: 1e-4 },
    };
  };
}

const alphas = (names: readonly string[]): number[] =>
  names.flatMap((name) =>
    ["Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu"].includes(name) ? [0.3] : [],
  );
const betas = (names: readonly string[]): number[] =>
  names.flatMap((name) => (["Affine", "ScaledTanh", "HardSigmoid"].includes(name) ? [0.4] : []));

function gridSample(draw: Draw): DrawnCase {
  const rank = draw.pick([2, 2, 3]);
  const mode = draw.pick(rank === 2 ? ["linear", "nearest", "cubic"] : ["linear", "nearest"]);
  const n = draw.int(1, 2);
  return {
    op: "GridSample",
    opset: 20,
    inputs: [
      given(draw.floats([n, draw.int(1, 2), ...draw.list(rank, 2, 5)])),
      given(draw.floats([n, ...draw.list(rank, 1, 4), rank], 1.4)),
    ],
    attributes: {
      mode: text(mode),
      // onnxruntime does not clamp the coordinates of cubic sampling.
      padding_mode: text(draw.pick(mode === "cubic" ? ["zeros", "reflection"] : ["zeros", "border", "reflection"])),
      align_corners: int(draw.int(0, 1)),
    },
    tolerance: { relative: 1e-3, absolute: 1e-4 },
  };
}

function attention(draw: Draw): DrawnCase {
  const [batch, groups, length, size] = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 4), draw.int(1, 4)];
  const [heads, total, depth] = [groups * draw.int(1, 2), draw.int(1, 5), draw.int(1, 4)];
  const isFlat = draw.flag();
  const by = (of: number, positions: number, width: number): number[] =>
    isFlat ? [batch, positions, of * width] : [batch, of, positions, width];
  const isCausal = draw.flag();
  const past = !isCausal && draw.int(0, 2) === 0 ? draw.int(1, 3) : 0;
  const whole = past + total;
  const mask = draw.pick([
    undefined,
    draw.floats([length, whole]),
    draw.floats([batch, 1, length, whole]),
    draw.floats([batch, heads, length, whole]),
  ]);
  // The standard caps after the mask, onnxruntime before it.
  const cache = (width: number) => (past === 0 ? undefined : given(draw.floats([batch, groups, past, width])));
  return {
    op: "Attention",
    opset: 23,
    inputs: [
      given(draw.floats(by(heads, length, size))),
      given(draw.floats(by(groups, total, size))),
      given(draw.floats(by(groups, total, depth))),
      mask === undefined ? undefined : given(mask),
      cache(size),
      cache(depth),
    ],
    outputs: past > 0 ? 3 : 1,
    attributes: {
      q_num_heads: isFlat ? int(heads) : undefined,
      kv_num_heads: isFlat ? int(groups) : undefined,
      is_causal: isCausal ? int(1) : undefined,
      scale: draw.flag() ? float(0.3) : undefined,
      softcap: !isCausal && mask === undefined && draw.flag() ? float(2) : undefined,
    },
  };
}

function rotary(draw: Draw): DrawnCase {
  const [batch, heads, length, half] = [draw.int(1, 2), draw.int(1, 3), draw.int(1, 4), draw.int(1, 3)];
  const isFlat = draw.flag();
  const turned = draw.flag() ? half * 2 : 0;
  const size = turned === 0 ? half * 2 : turned + 2 * draw.int(0, 1);
  const hasPositions = draw.flag();
  const table = (): ReturnType<typeof given> => given(draw.floats(hasPositions ? [9, half] : [batch, length, half], 1));
  return {
    op: "RotaryEmbedding",
    opset: 23,
    inputs: [
      given(draw.floats(isFlat ? [batch, length, heads * size] : [batch, heads, length, size])),
      table(),
      table(),
      hasPositions ? given(draw.integers("int64", [batch, length], 0, 8)) : undefined,
    ],
    attributes: {
      interleaved: int(draw.int(0, 1)),
      num_heads: isFlat ? int(heads) : undefined,
      rotary_embedding_dim: turned === 0 ? undefined : int(turned),
    },
  };
}

export const WINDOW_CASES: Readonly<Record<string, (draw: Draw) => DrawnCase>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool("MaxPool"),
  AveragePool: pool("AveragePool"),
  LpPool: pool("LpPool"),
  GlobalLpPool: (draw) => ({
    op: "GlobalLpPool",
    inputs: [given(draw.floats([1, 2, 3, 4]))],
    attributes: { p: draw.flag() ? int(draw.int(1, 3)) : undefined },
  }),
  Resize: resize,
  RNN: recurrent("RNN"),
  GRU: recurrent("GRU"),
  LSTM: recurrent("LSTM"),
  GridSample: gridSample,
  Attention: attention,
  RotaryEmbedding: rotary,
  AffineGrid: (draw) => {
    const rank = draw.int(2, 3);
    const n = draw.int(1, 2);
    return {
      op: "AffineGrid",
      opset: 20,
      inputs: [given(draw.floats([n, rank, rank + 1])), listOf([n, 1, ...draw.list(rank, 2, 4)])],
      attributes: { align_corners: int(draw.int(0, 1)) },
    };
  },
  SoftmaxCrossEntropyLoss: (draw) => {
    const [n, classes] = [draw.int(1, 3), draw.int(1, 4)];
    const more = draw.list(draw.int(0, 2), 1, 3);
    return {
      op: "SoftmaxCrossEntropyLoss",
      opset: 13,
      inputs: [
        given(draw.floats([n, classes, ...more])),
        given(draw.integers("int64", [n, ...more], 0, classes - 1)),
        draw.flag() ? given(draw.integers("float32", [classes], 1, 4)) : undefined,
      ],
      outputs: draw.int(1, 2),
      attributes: {
        reduction: text(draw.pick(["none", "sum", "mean"])),
        ignore_index: draw.flag() ? int(0) : undefined,
      },
    };
  },
};
