/** Generators of quantised operators and of the domain com.microsoft. */

import { float, int, ints, text } from "../fixtures.ts";
import type { OnnxTensor } from "../element-types.ts";
import { constant, given, scalarOf } from "./compare.ts";
import type { Draw, DrawnCase, DrawnInput } from "./compare.ts";

const domain = "com.microsoft";

/** Scales, all positive. */
function scales(draw: Draw, shape: readonly number[]): OnnxTensor {
  const tensor = draw.integers("float32", shape, 1, 40);
  (tensor.data as Float32Array).forEach((x, index, all) => (all[index] = x / 256));
  return tensor;
}

function bytes(draw: Draw, dtype: "int8" | "uint8", shape: readonly number[]): OnnxTensor {
  return dtype === "int8" ? draw.integers(dtype, shape, -128, 127) : draw.integers(dtype, shape, 0, 255);
}

const either = (draw: Draw, tensor: OnnxTensor): DrawnInput => (draw.flag() ? given(tensor) : constant(tensor));

/** Shape of a scale: one, one per place of an axis, or one per block of it. */
function scaling(draw: Draw, shape: readonly number[]) {
  const axis = draw.int(0, shape.length - 1);
  const form = draw.pick(["tensor", "axis", "block"]);
  if (form === "tensor") return { shape: [] as number[], attributes: {} };
  if (form === "axis") return { shape: [shape[axis]], attributes: { axis: int(axis) } };
  const block = draw.int(1, 3);
  return {
    shape: shape.map((extent, other) => (other === axis ? Math.ceil(extent / block) : extent)),
    attributes: { axis: int(axis), block_size: int(block) },
  };
}

function matrices(draw: Draw) {
  const [m, n] = draw.list(2, 1, 4);
  const k = draw.pick([3, 4, 8, 16]);
  return { m, k, n, left: draw.pick(["int8", "uint8"] as const), right: draw.pick(["int8", "uint8"] as const) };
}

const flagged = (draw: Draw): ReturnType<typeof int> => int(draw.int(0, 1));

export const MICROSOFT_CASES: Readonly<Record<string, (draw: Draw) => DrawnCase>> = {
  QuantizeLinear: (draw) => {
    const shape = draw.list(draw.int(1, 3), 1, 6);
    const dtype = draw.pick(["int8", "uint8", "int16", "uint16"] as const);
    const { shape: own, attributes } = scaling(draw, shape);
    const zero = draw.integers(dtype, own, 0, 20);
    return {
      op: "QuantizeLinear",
      inputs: [
        given(draw.floats(shape, 12)),
        either(draw, scales(draw, own)),
        draw.flag() || dtype !== "uint8" ? either(draw, zero) : undefined,
      ],
      attributes,
    };
  },
  DequantizeLinear: (draw) => {
    const shape = draw.list(draw.int(1, 3), 1, 6);
    const dtype = draw.pick(["int8", "uint8"] as const);
    const { shape: own, attributes } = scaling(draw, shape);
    return {
      op: "DequantizeLinear",
      inputs: [
        either(draw, bytes(draw, dtype, shape)),
        either(draw, scales(draw, own)),
        draw.flag() ? either(draw, bytes(draw, dtype, own)) : undefined,
      ],
      attributes,
    };
  },
  DynamicQuantizeLinear: (draw) => ({ op: "DynamicQuantizeLinear", inputs: [given(draw.floats([3, 4]))], outputs: 3 }),
  MatMulInteger: (draw) => {
    const { m, k, n, left, right } = matrices(draw);
    return {
      op: "MatMulInteger",
      inputs: [
        given(bytes(draw, left, [m, k])),
        either(draw, bytes(draw, right, [k, n])),
        draw.flag() ? constant(bytes(draw, left, [])) : undefined,
        draw.flag() ? constant(bytes(draw, right, draw.flag() ? [] : [n])) : undefined,
      ],
    };
  },
  QLinearMatMul: (draw) => {
    const { m, k, n, left, right } = matrices(draw);
    const own = draw.flag() ? [] : [n];
    return {
      op: "QLinearMatMul",
      inputs: [
        given(bytes(draw, left, [m, k])),
        constant(scales(draw, [])),
        constant(bytes(draw, left, [])),
        either(draw, bytes(draw, right, [k, n])),
        constant(scales(draw, own)),
        constant(bytes(draw, right, own)),
        constant(scales(draw, [])),
        constant(bytes(draw, left, [])),
      ],
    };
  },
  MatMulIntegerToFloat: (draw) => {
    const { m, k, n, left, right } = matrices(draw);
    const own = draw.flag() ? [] : [n];
    return {
      op: "MatMulIntegerToFloat",
      domain,
      inputs: [
        given(bytes(draw, left, [m, k])),
        either(draw, bytes(draw, right, [k, n])),
        constant(scales(draw, [])),
        constant(scales(draw, own)),
        draw.flag() ? constant(bytes(draw, left, [])) : undefined,
        draw.flag() ? constant(bytes(draw, right, own)) : undefined,
        draw.flag() ? constant(draw.floats([n])) : undefined,
      ],
    };
  },
  DynamicQuantizeMatMul: (draw) => {
    const { m, k, n, right } = matrices(draw);
    return {
      op: "DynamicQuantizeMatMul",
      domain,
      inputs: [
        given(draw.floats([m, k])),
        either(draw, bytes(draw, right, [k, n])),
        constant(scales(draw, [])),
        draw.flag() ? constant(bytes(draw, right, [])) : undefined,
        draw.flag() ? constant(draw.floats([n])) : undefined,
      ],
      tolerance: { relative: 1e-3, absolute: 1e-3 },
    };
  },
  ConvInteger: (draw) => ({
    op: "ConvInteger",
    inputs: [
      given(bytes(draw, "uint8", [1, 4, 5, 5])),
      either(draw, bytes(draw, draw.pick(["int8", "uint8"]), [2, 2, 3, 2])),
      draw.flag() ? constant(bytes(draw, "uint8", [])) : undefined,
    ],
    attributes: { group: int(2), pads: ints(1, 0, 1, 1), strides: ints(1, 2) },
  }),
  QLinearConv: (draw) => {
    const own = draw.flag() ? [] : [4];
    return {
      op: "QLinearConv",
      inputs: [
        given(bytes(draw, "uint8", [1, 4, 5, 5])),
        constant(scales(draw, [])),
        constant(bytes(draw, "uint8", [])),
        constant(bytes(draw, "int8", [4, 2, 3, 2])),
        constant(scales(draw, own)),
        constant(draw.integers("int8", own, 0, 0)),
        constant(scales(draw, [])),
        constant(bytes(draw, "uint8", [])),
        draw.flag() ? constant(draw.integers("int32", [4], -500, 500)) : undefined,
      ],
      attributes: { group: int(2), pads: ints(1, 0, 1, 1), strides: ints(1, 2) },
    };
  },
  MatMulNBits: (draw) => {
    const bits = draw.pick([4, 8]);
    const [m, n] = draw.list(2, 1, 4);
    const block = draw.pick([16, 32]);
    const k = draw.pick([16, 32, 40, 64]);
    const blocks = Math.ceil(k / block);
    const zeros = [n * Math.ceil((blocks * bits) / 8)];
    return {
      op: "MatMulNBits",
      domain,
      inputs: [
        given(draw.floats([draw.int(1, 2), m, k])),
        constant(bytes(draw, "uint8", [n, blocks, (block * bits) / 8])),
        constant(scales(draw, [n * blocks])),
        draw.flag() ? constant(bytes(draw, "uint8", zeros)) : undefined,
      ],
      attributes: { K: int(k), N: int(n), bits: int(bits), block_size: int(block) },
      tolerance: { relative: 2e-3, absolute: 2e-2 },
    };
  },
  QLinearAdd: (draw) => {
    // Powers of two, because onnxruntime divides the scales before it multiplies; and it rounds after the zero point.
    const power = (): DrawnInput =>
      constant({ dtype: "float32", shape: [], data: Float32Array.of(2 ** -draw.int(2, 5)) });
    const side = (): DrawnInput[] => [given(bytes(draw, "uint8", [3, 4])), power(), constant(bytes(draw, "uint8", []))];
    return {
      op: draw.pick(["QLinearAdd", "QLinearMul"]),
      domain,
      inputs: [...side(), ...side(), power(), constant(bytes(draw, "uint8", []))],
      slack: 1,
    };
  },
  Gelu: (draw) => ({ op: "Gelu", domain, inputs: [given(draw.floats([3, 5]))] }),
  BiasGelu: (draw) => ({ op: "BiasGelu", domain, inputs: [given(draw.floats([3, 5])), given(draw.floats([5]))] }),
  FastGelu: (draw) => ({
    op: "FastGelu",
    domain,
    inputs: [given(draw.floats([3, 5])), draw.flag() ? given(draw.floats([5])) : undefined],
  }),
  QuickGelu: (draw) => ({
    op: "QuickGelu",
    domain,
    inputs: [given(draw.floats([3, 5]))],
    attributes: { alpha: draw.flag() ? float(1.3) : undefined },
  }),
  SkipLayerNormalization: (draw) => {
    const [batch, length, width] = draw.list(3, 1, 4);
    return {
      op: "SkipLayerNormalization",
      domain,
      inputs: [
        given(draw.floats([batch, length, width])),
        given(draw.floats(draw.flag() ? [batch, length, width] : [length, width])),
        constant(draw.floats([width])),
        draw.flag() ? constant(draw.floats([width])) : undefined,
        draw.flag() ? constant(draw.floats([width])) : undefined,
      ],
      attributes: { epsilon: float(0.01) },
    };
  },
  SkipSimplifiedLayerNormalization: (draw) => {
    const [batch, length, width] = draw.list(3, 1, 4);
    return {
      op: "SkipSimplifiedLayerNormalization",
      domain,
      inputs: [
        given(draw.floats([batch, length, width])),
        given(draw.floats([batch, length, width])),
        constant(draw.floats([width])),
        draw.flag() ? constant(draw.floats([width])) : undefined,
      ],
      attributes: { epsilon: float(0.01) },
    };
  },
  SimplifiedLayerNormalization: (draw) => {
    const shape = draw.list(3, 1, 4);
    return {
      op: "SimplifiedLayerNormalization",
      inputs: [given(draw.floats(shape)), constant(draw.floats([shape[2]]))],
      attributes: { epsilon: float(0.01), axis: int(-1) },
    };
  },
  EmbedLayerNormalization: (draw) => {
    const [batch, length, width] = draw.list(3, 1, 4);
    const hasKinds = draw.flag();
    return {
      op: "EmbedLayerNormalization",
      domain,
      inputs: [
        given(draw.integers("int32", [batch, length], 0, 8)),
        hasKinds ? given(draw.integers("int32", [batch, length], 0, 1)) : undefined,
        constant(draw.floats([9, width])),
        constant(draw.floats([6, width])),
        hasKinds ? constant(draw.floats([2, width])) : undefined,
        constant(draw.floats([width])),
        constant(draw.floats([width])),
      ],
      outputs: 2,
      attributes: { epsilon: float(0.01) },
    };
  },
  FusedMatMul: (draw) => {
    const [m, k, n] = draw.list(3, 1, 4);
    const [a, b] = [draw.flag(), draw.flag()];
    const batch = draw.list(draw.int(0, 2), 2, 2);
    return {
      op: "FusedMatMul",
      domain,
      inputs: [
        given(draw.floats([...batch, ...(a ? [k, m] : [m, k])])),
        given(draw.floats([...batch, ...(b ? [n, k] : [k, n])])),
      ],
      attributes: { transA: int(a ? 1 : 0), transB: int(b ? 1 : 0), alpha: draw.flag() ? float(0.5) : undefined },
    };
  },
  FusedConv: (draw) => ({
    op: "FusedConv",
    domain,
    inputs: [
      given(draw.floats([1, 2, 5, 5])),
      constant(draw.floats([3, 2, 3, 3])),
      constant(draw.floats([3])),
      draw.flag() ? given(draw.floats([1, 3, 3, 3])) : undefined,
    ],
    attributes: { activation: text(draw.pick(["Relu", "Tanh", "Sigmoid"])) },
  }),
  RotaryEmbedding: (draw) => {
    const [batch, heads, length, half] = [draw.int(1, 2), draw.int(1, 3), draw.int(1, 4), draw.pick([2, 4])];
    const isFlat = draw.flag();
    const positions = draw.flag() ? draw.integers("int64", [1], 0, 3) : draw.integers("int64", [batch, length], 0, 8);
    return {
      op: "RotaryEmbedding",
      domain,
      inputs: [
        given(draw.floats(isFlat ? [batch, length, heads * half * 2] : [batch, heads, length, half * 2])),
        given(positions),
        constant(draw.floats([9, half], 1)),
        constant(draw.floats([9, half], 1)),
      ],
      attributes: { interleaved: flagged(draw) },
    };
  },
  GroupQueryAttention: (draw) => {
    const [batch, groups, length, half] = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 6), draw.pick([8])];
    const heads = groups * draw.int(1, 2);
    const size = half * 2;
    const isRotary = draw.flag();
    const isPacked = draw.flag();
    const flat = (of: number): DrawnInput => given(draw.floats([batch, length, of * size]));
    const empty = (): DrawnInput =>
      constant({ dtype: "float32", shape: [batch, groups, 0, size], data: new Float32Array(0) });
    const i32 = (items: number[], shape: number[]): DrawnInput =>
      constant({ dtype: "int32", shape, data: Int32Array.from(items) });
    return {
      op: "GroupQueryAttention",
      domain,
      inputs: [
        isPacked ? flat(heads + 2 * groups) : flat(heads),
        isPacked ? undefined : flat(groups),
        isPacked ? undefined : flat(groups),
        draw.flag() ? empty() : undefined,
        undefined,
        i32(
          Array.from({ length: batch }, () => length - 1),
          [batch],
        ),
        i32([length], [1]),
        isRotary ? constant(draw.floats([9, half], 1)) : undefined,
        isRotary ? constant(draw.floats([9, half], 1)) : undefined,
      ].map((item, index, all) => (index === 4 && all[3] !== undefined ? empty() : item)),
      outputs: 3,
      attributes: {
        num_heads: int(heads),
        kv_num_heads: int(groups),
        do_rotary: isRotary ? int(1) : undefined,
        rotary_interleaved: isRotary ? flagged(draw) : undefined,
        local_window_size: draw.int(0, 2) === 0 ? int(draw.int(1, 4)) : undefined,
        softcap: draw.int(0, 2) === 0 ? float(2) : undefined,
        scale: draw.flag() ? float(0.4) : undefined,
      },
    };
  },
  MultiHeadAttention: (draw) => {
    const [batch, heads, length, total, size] = [
      draw.int(1, 2),
      draw.int(1, 3),
      draw.int(1, 4),
      draw.int(1, 5),
      draw.pick([4, 8]),
    ];
    const isCausal = draw.int(0, 3) === 0;
    const keys = isCausal ? length : total;
    const width = heads * size;
    const form = draw.pick(["plain", "bias", "packed", "pairs"]);
    const whole = form === "packed" ? length : keys;
    const padding = draw.pick([
      undefined,
      draw.integers("int32", [batch], 1, whole),
      draw.integers("int32", [batch, whole], 1, 1),
    ]);
    return {
      op: "MultiHeadAttention",
      domain,
      inputs: [
        given(draw.floats(form === "packed" ? [batch, length, heads, 3, size] : [batch, length, width])),
        form === "packed"
          ? undefined
          : given(draw.floats(form === "pairs" ? [batch, keys, heads, 2, size] : [batch, keys, width])),
        form === "packed" || form === "pairs" ? undefined : given(draw.floats([batch, keys, width])),
        form === "bias" ? constant(draw.floats([3 * width])) : undefined,
        padding === undefined || isCausal ? undefined : given(padding),
        draw.flag() ? given(draw.floats([1, heads, length, whole])) : undefined,
      ],
      attributes: {
        num_heads: int(heads),
        unidirectional: isCausal ? int(1) : undefined,
        scale: draw.flag() ? float(0.4) : undefined,
      },
    };
  },
  Attention: (draw) => {
    const [batch, heads, length, width] = [draw.int(1, 2), draw.int(1, 3), draw.int(1, 4), draw.int(1, 4)];
    const size = draw.pick([4, 8]);
    const isCausal = draw.flag();
    const past = draw.int(0, 2) === 0 ? draw.int(1, 3) : 0;
    return {
      op: "Attention",
      domain,
      inputs: [
        given(draw.floats([batch, length, width])),
        constant(draw.floats([width, 3 * heads * size])),
        constant(draw.floats([3 * heads * size])),
        draw.flag() && !isCausal ? given(draw.integers("int32", [batch, past + length], 1, 1)) : undefined,
        past === 0 ? undefined : given(draw.floats([2, batch, heads, past, size])),
      ],
      outputs: past === 0 ? 1 : 2,
      attributes: { num_heads: int(heads), unidirectional: isCausal ? int(1) : undefined },
    };
  },
  "Dequantised weights": (draw) => {
    const shape = [draw.pick([8, 16, 32]), draw.int(1, 5)];
    const dtype = draw.pick(["int8", "uint8"] as const);
    const own = draw.flag() ? [] : [shape[1]];
    return {
      op: "DequantizeLinear",
      inputs: [constant(bytes(draw, dtype, shape)), constant(scales(draw, own)), constant(bytes(draw, dtype, own))],
      attributes: { axis: int(1) },
    };
  },
  DequantizeLinearInt32: (draw) => ({
    op: "DequantizeLinear",
    inputs: [given(draw.integers("int32", [3, 4], -900, 900)), constant(scales(draw, []))],
  }),
  CumulativeScalar: (draw) => ({ op: "CumSum", inputs: [given(draw.floats([4])), scalarOf(0)] }),
};
