/** Generators of elementwise operators: broadcasting, element types, attributes, old forms. */

import { float, int, text } from "../fixtures.ts";
import type { OnnxTensor } from "../element-types.ts";
import { constant, given } from "./compare.ts";
import type { Draw, DrawnCase } from "./compare.ts";

/** Two shapes that broadcast. */
export function broadcastPair(draw: Draw): [number[], number[]] {
  const whole = draw.list(draw.int(0, 4), 1, 4);
  const side = (): number[] =>
    whole.slice(draw.int(0, whole.length)).map((extent) => (draw.int(0, 3) === 0 ? 1 : extent));
  return [side(), side()];
}

const SMALL = ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint32"] as const;

function numbers(draw: Draw, dtype: (typeof SMALL)[number] | "float32", shape: readonly number[]): OnnxTensor {
  if (dtype === "float32") return draw.floats(shape, 4);
  const isSigned = dtype.startsWith("int");
  const most = dtype.endsWith("t8") ? 100 : 3000;
  return draw.integers(dtype, shape, isSigned ? -most : 0, most);
}

function binary(op: string, types: readonly ("float32" | (typeof SMALL)[number])[], opset?: number) {
  return (draw: Draw): DrawnCase => {
    const dtype = draw.pick(types);
    const [left, right] = broadcastPair(draw).map((shape) => given(numbers(draw, dtype, shape)));
    return { op, inputs: [left, right], ...(opset === undefined ? {} : { opset }) };
  };
}

/** A divisor without zeros. */
function divided(op: string, attributes: DrawnCase["attributes"], types: readonly ("float32" | "int32" | "int64")[]) {
  return (draw: Draw): DrawnCase => {
    const dtype = draw.pick(types);
    const [left, right] = broadcastPair(draw);
    const [least, most] = draw.flag() ? [1, 9] : [-9, -1];
    const by = dtype === "float32" ? draw.floats(right) : draw.integers(dtype, right, least, most);
    return { op, inputs: [given(numbers(draw, dtype, left)), given(by)], ...(attributes ? { attributes } : {}) };
  };
}

function unary(op: string, span = 4, opset?: number) {
  return (draw: Draw): DrawnCase => ({
    op,
    inputs: [given(draw.floats(draw.list(draw.int(0, 3), 1, 5), span))],
    ...(opset === undefined ? {} : { opset }),
  });
}

/** Float attributes drawn from a range. */
function withFloats(op: string, ranges: Readonly<Record<string, readonly [number, number]>>) {
  return (draw: Draw): DrawnCase => ({
    op,
    inputs: [given(draw.floats(draw.list(draw.int(1, 3), 1, 5), 3))],
    attributes: Object.fromEntries(
      Object.entries(ranges).map(([name, [least, most]]) => [
        name,
        draw.flag() ? float(least + ((most - least) * draw.int(0, 64)) / 64) : undefined,
      ]),
    ),
  });
}

function logical(op: string) {
  return (draw: Draw): DrawnCase => {
    const inputs = broadcastPair(draw).map((shape) => given(draw.integers("bool", shape, 0, 1)));
    return { op, inputs };
  };
}

function variadic(op: string) {
  return (draw: Draw): DrawnCase => {
    const whole = draw.list(draw.int(1, 3), 1, 4);
    const isInteger = (op === "Max" || op === "Min") && draw.flag();
    const dtype = isInteger ? draw.pick(["int32", "int64", "uint32"] as const) : "float32";
    const inputs = Array.from({ length: draw.int(1, 10) }, () => {
      const shape = whole.slice(draw.int(0, whole.length)).map((extent) => (draw.flag() ? extent : 1));
      return given(numbers(draw, dtype, shape));
    });
    return { op, inputs };
  };
}

function cast(draw: Draw): DrawnCase {
  const codes = {
    float32: 1,
    uint8: 2,
    int8: 3,
    uint16: 4,
    int16: 5,
    int32: 6,
    int64: 7,
    bool: 9,
    uint32: 12,
  } as const;
  const from = draw.pick(["float32", "uint8", "int8", "int16", "uint16", "int32", "int64", "bool"] as const);
  const to = draw.pick(Object.keys(codes) as (keyof typeof codes)[]);
  const shape = draw.list(draw.int(0, 2), 1, 6);
  // Out of range of the target the standard leaves the result open.
  const isUnsigned = to.startsWith("uint") || from.startsWith("uint");
  const most = to.endsWith("t8") ? 120 : 1000;
  const limit = from.endsWith("t8") ? Math.min(most, 120) : most;
  const data =
    from === "float32"
      ? draw.integers("float32", shape, isUnsigned ? 0 : -8 * limit, 8 * limit)
      : draw.integers(from, shape, from === "bool" || isUnsigned ? 0 : -limit, from === "bool" ? 1 : limit);
  if (data.dtype === "float32") data.data.forEach((item, index) => (data.data[index] = item / 8));
  return { op: "Cast", inputs: [given(data)], attributes: { to: int(codes[to]) } };
}

export const ELEMENTWISE_CASES: Readonly<Record<string, (draw: Draw) => DrawnCase>> = {
  Add: binary("Add", ["float32", ...SMALL]),
  Sub: binary("Sub", ["float32", ...SMALL]),
  Mul: binary("Mul", ["float32", ...SMALL]),
  Div: divided("Div", undefined, ["float32", "int32", "int64"]),
  Mod: divided("Mod", undefined, ["int32", "int64"]),
  "Mod like C": divided("Mod", { fmod: int(1) }, ["float32", "int32", "int64"]),
  Pow: (draw) => {
    const [left, right] = broadcastPair(draw);
    const isInteger = draw.flag();
    const base = isInteger ? draw.integers("int32", left, -6, 6) : draw.floats(left, 3);
    if (!isInteger) (base.data as Float32Array).forEach((x, i, all) => (all[i] = Math.abs(x)));
    const by = draw.flag()
      ? draw.integers(draw.pick(["int32", "int64"]), right, 0, 5)
      : draw.integers("float32", right, 0, 4);
    return { op: "Pow", inputs: [given(base), given(by)] };
  },
  Max: variadic("Max"),
  Min: variadic("Min"),
  Sum: variadic("Sum"),
  Mean: variadic("Mean"),
  Equal: binary("Equal", ["float32", "int32", "int64", "int8", "uint8"]),
  Less: binary("Less", ["float32", ...SMALL]),
  LessOrEqual: binary("LessOrEqual", ["float32", ...SMALL]),
  Greater: binary("Greater", ["float32", ...SMALL]),
  GreaterOrEqual: binary("GreaterOrEqual", ["float32", ...SMALL]),
  And: logical("And"),
  Or: logical("Or"),
  Xor: logical("Xor"),
  BitwiseAnd: binary("BitwiseAnd", SMALL),
  BitwiseOr: binary("BitwiseOr", SMALL),
  BitwiseXor: binary("BitwiseXor", SMALL),
  BitwiseNot: (draw) => ({ op: "BitwiseNot", inputs: [given(numbers(draw, draw.pick(SMALL), [3, 4]))] }),
  BitShift: (draw) => {
    const dtype = draw.pick(["uint8", "uint32"] as const);
    const [left, right] = broadcastPair(draw);
    return {
      op: "BitShift",
      inputs: [given(numbers(draw, dtype, left)), given(draw.integers(dtype, right, 0, 7))],
      attributes: { direction: text(draw.pick(["LEFT", "RIGHT"])) },
    };
  },
  Where: (draw) => {
    const [left, right] = broadcastPair(draw);
    const dtype = draw.pick(["float32", "int64", "int32", "uint8"] as const);
    const pair = [left, right].map((shape) => given(numbers(draw, dtype, shape)));
    return { op: "Where", inputs: [given(draw.integers("bool", draw.pick([left, right]), 0, 1)), ...pair] };
  },
  Clip: (draw) => {
    const dtype = draw.pick(["float32", "int32", "int64", "int8", "uint8", "uint32"] as const);
    const x = given(numbers(draw, dtype, draw.list(draw.int(1, 3), 1, 5)));
    const limit = (): ReturnType<typeof given> => {
      const tensor = numbers(draw, dtype, []);
      return draw.flag() ? given(tensor) : constant(tensor);
    };
    return {
      op: "Clip",
      opset: draw.pick([12, 13]),
      inputs: [x, draw.flag() ? limit() : undefined, draw.flag() ? limit() : undefined],
    };
  },
  "Clip of opset 6": (draw) => ({
    op: "Clip",
    opset: 6,
    inputs: [given(draw.floats([4, 5]))],
    attributes: { min: draw.flag() ? float(-0.5) : undefined, max: draw.flag() ? float(0.75) : undefined },
  }),
  PRelu: (draw) => {
    const shape = draw.list(3, 1, 4);
    const slope = shape.slice(draw.int(0, 2)).map((extent) => (draw.flag() ? extent : 1));
    return { op: "PRelu", inputs: [given(draw.floats(shape)), given(draw.floats(slope))] };
  },
  Cast: cast,
  Exp: unary("Exp"),
  Erf: unary("Erf"),
  Sign: (draw) => ({ op: "Sign", inputs: [given(numbers(draw, draw.pick(["float32", ...SMALL]), [7]))] }),
  Abs: (draw) => ({ op: "Abs", inputs: [given(numbers(draw, draw.pick(["float32", ...SMALL]), [7]))] }),
  Neg: (draw) => ({ op: "Neg", inputs: [given(numbers(draw, draw.pick(["float32", "int8", "int32", "int64"]), [7]))] }),
  Relu: (draw) => ({ op: "Relu", inputs: [given(numbers(draw, draw.pick(["float32", "int32", "int8"]), [7]))] }),
  Round: unary("Round", 20),
  Floor: unary("Floor", 20),
  Ceil: unary("Ceil", 20),
  Sigmoid: unary("Sigmoid", 20),
  Tanh: unary("Tanh"),
  Softplus: unary("Softplus", 30),
  Softsign: unary("Softsign"),
  Mish: unary("Mish", 4, 18),
  HardSwish: unary("HardSwish", 6),
  Gelu: (draw) => ({ ...unary("Gelu", 4, 20)(draw), attributes: { approximate: text(draw.pick(["none", "tanh"])) } }),
  Elu: withFloats("Elu", { alpha: [0.1, 3] }),
  Celu: withFloats("Celu", { alpha: [0.1, 3] }),
  Selu: withFloats("Selu", { alpha: [0.5, 3], gamma: [0.5, 2] }),
  LeakyRelu: withFloats("LeakyRelu", { alpha: [-1, 1] }),
  ThresholdedRelu: withFloats("ThresholdedRelu", { alpha: [0, 2] }),
  HardSigmoid: withFloats("HardSigmoid", { alpha: [0.1, 1], beta: [0.1, 1] }),
  Shrink: withFloats("Shrink", { lambd: [0.1, 1], bias: [-1, 1] }),
  Swish: (draw) => ({ ...withFloats("Swish", { alpha: [0.5, 2] })(draw), opset: 24 }),
  IsInf: (draw) => ({
    op: "IsInf",
    inputs: [given({ dtype: "float32", shape: [5], data: Float32Array.of(1, Infinity, -Infinity, NaN, 0) })],
    attributes: { detect_negative: int(draw.int(0, 1)), detect_positive: int(draw.int(0, 1)) },
  }),
};
