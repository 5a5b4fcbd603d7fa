/** Generators of operators that reduce, rank, normalise and multiply. */

import { float, int, ints, text } from "../fixtures.ts";
import { constant, given, listOf, scalarOf } from "./compare.ts";
import type { Draw, DrawnCase } from "./compare.ts";

/** Some axes of a rank, possibly counted from the end. */
function someAxes(draw: Draw, rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis).filter(() => draw.flag());
  return axes.map((axis) => (draw.flag() ? axis : axis - rank));
}

function reduce(op: string) {
  return (draw: Draw): DrawnCase => {
    const shape = draw.list(draw.int(1, 4), 1, 6);
    // Products keep within 32 bits.
    const span = op === "ReduceProd" ? 1 : 5;
    const isInteger =
      ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceSumSquare"].includes(op) &&
      draw.int(0, 3) === 0;
    const x = isInteger
      ? given(draw.integers(draw.pick(["int32", "int64"]), shape, -span, span))
      : given(draw.floats(shape, op === "ReduceLogSum" ? 0 : 2));
    if (op === "ReduceLogSum") (x.tensor.data as Float32Array).forEach((_, i, all) => (all[i] = draw.int(1, 100) / 32));
    const axes = someAxes(draw, shape.length);
    const isInput = draw.flag();
    const keepdims = draw.flag() ? int(draw.int(0, 1)) : undefined;
    if (!isInput && op !== "ReduceSum") {
      const list = axes.length === 0 ? undefined : ints(...axes);
      return { op, opset: 13, inputs: [x], attributes: { axes: list, keepdims } };
    }
    const noop = draw.flag() ? int(draw.int(0, 1)) : undefined;
    const input = axes.length === 0 && draw.flag() ? undefined : listOf(axes);
    return { op, opset: 18, inputs: [x, input], attributes: { keepdims, noop_with_empty_axes: noop } };
  };
}

function alongAxis(op: string, opsets: readonly number[]) {
  return (draw: Draw): DrawnCase => {
    const shape = draw.list(draw.int(1, 4), 1, 6);
    const axis = draw.int(-shape.length, shape.length - 1);
    const attributes = { axis: draw.flag() ? int(axis) : undefined };
    const opset = draw.pick(opsets);
    // The default axis of old versions is 1.
    if (opset < 13 && shape.length === 1) attributes.axis = int(0);
    return { op, opset, inputs: [given(draw.floats(shape, 5))], attributes };
  };
}

function arg(op: string) {
  return (draw: Draw): DrawnCase => {
    const shape = draw.list(draw.int(1, 3), 1, 7);
    const isInteger = draw.flag();
    const x = isInteger
      ? draw.integers(draw.pick(["int32", "int8", "uint8"]), shape, 0, 4)
      : draw.integers("float32", shape, -3, 3);
    return {
      op,
      inputs: [given(x)],
      attributes: {
        axis: draw.flag() ? int(draw.int(-shape.length, shape.length - 1)) : undefined,
        keepdims: draw.flag() ? int(draw.int(0, 1)) : undefined,
        select_last_index: draw.flag() ? int(draw.int(0, 1)) : undefined,
      },
    };
  };
}

export const REDUCTION_CASES: Readonly<Record<string, (draw: Draw) => DrawnCase>> = {
  ...Object.fromEntries(
    ["Sum", "Mean", "Max", "Min", "Prod", "SumSquare", "L1", "L2", "LogSum", "LogSumExp"].map((name) => [
      `Reduce${name}`,
      reduce(`Reduce${name}`),
    ]),
  ),
  Softmax: alongAxis("Softmax", [9, 11, 13, 21]),
  LogSoftmax: alongAxis("LogSoftmax", [9, 11, 13, 21]),
  Hardmax: alongAxis("Hardmax", [11, 13]),
  ArgMax: arg("ArgMax"),
  ArgMin: arg("ArgMin"),
  LpNormalization: alongAxis("LpNormalization", [21]),
  CumSum: (draw) => {
    const shape = draw.list(draw.int(1, 3), 1, 7);
    const x = draw.flag() ? draw.floats(shape) : draw.integers(draw.pick(["int32", "int64"]), shape, -9, 9);
    return {
      op: "CumSum",
      inputs: [given(x), scalarOf(draw.int(-shape.length, shape.length - 1))],
      attributes: { exclusive: int(draw.int(0, 1)), reverse: int(draw.int(0, 1)) },
    };
  },
  "CumSum of a long row": (draw) => ({
    op: "CumSum",
    inputs: [given(draw.integers("int32", [draw.int(1, 2), draw.int(300, 1500)], -9, 9)), scalarOf(1)],
    attributes: { exclusive: int(draw.int(0, 1)), reverse: int(draw.int(0, 1)) },
  }),
  TopK: (draw) => {
    const shape = draw.list(draw.int(1, 3), 1, 9);
    const axis = draw.int(-shape.length, shape.length - 1);
    const k = draw.int(1, shape.at(axis < 0 ? axis : axis)!);
    const x = draw.flag()
      ? draw.integers("float32", shape, -4, 4)
      : draw.integers(draw.pick(["int32", "int64"]), shape, -4, 4);
    return {
      op: "TopK",
      inputs: [given(x), listOf([k])],
      outputs: 2,
      attributes: { axis: int(axis), largest: int(draw.int(0, 1)), sorted: int(1) },
    };
  },
  LayerNormalization: (draw) => {
    const shape = draw.list(draw.int(2, 4), 1, 6);
    const axis = draw.int(0, shape.length - 1);
    const inner = shape.slice(axis);
    const bias = draw.flag() ? constant(draw.floats(inner)) : undefined;
    return {
      op: "LayerNormalization",
      inputs: [given(draw.floats(shape)), constant(draw.floats(inner)), bias],
      outputs: draw.pick([1, 3]),
      attributes: { axis: int(draw.flag() ? axis : axis - shape.length), epsilon: float(0.01) },
    };
  },
  RMSNormalization: (draw) => {
    const shape = draw.list(draw.int(2, 4), 1, 6);
    const axis = draw.int(0, shape.length - 1);
    return {
      op: "RMSNormalization",
      opset: 23,
      inputs: [given(draw.floats(shape)), constant(draw.floats(shape.slice(axis)))],
      attributes: { axis: int(axis), epsilon: float(0.01) },
    };
  },
  BatchNormalization: (draw) => {
    const shape = [draw.int(1, 3), draw.int(1, 4), ...draw.list(draw.int(0, 3), 1, 4)];
    const channel = (): ReturnType<typeof given> => given(draw.floats([shape[1]]));
    const variance = given(draw.integers("float32", [shape[1]], 1, 5));
    return {
      op: "BatchNormalization",
      opset: draw.pick([9, 14, 15]),
      inputs: [given(draw.floats(shape)), channel(), channel(), channel(), variance],
      attributes: { epsilon: float(0.001) },
    };
  },
  InstanceNormalization: (draw) => {
    const shape = [draw.int(1, 3), draw.int(1, 4), ...draw.list(draw.int(1, 3), 2, 5)];
    return {
      op: "InstanceNormalization",
      inputs: [given(draw.floats(shape)), given(draw.floats([shape[1]])), given(draw.floats([shape[1]]))],
      attributes: { epsilon: float(0.001) },
    };
  },
  GroupNormalization: (draw) => {
    const groups = draw.int(1, 3);
    const shape = [draw.int(1, 2), groups * draw.int(1, 3), ...draw.list(draw.int(1, 2), 2, 4)];
    return {
      op: "GroupNormalization",
      opset: 21,
      inputs: [given(draw.floats(shape)), given(draw.floats([shape[1]])), given(draw.floats([shape[1]]))],
      attributes: { num_groups: int(groups), epsilon: float(0.001) },
    };
  },
  MeanVarianceNormalization: (draw) => ({
    op: "MeanVarianceNormalization",
    opset: 13,
    inputs: [given(draw.floats([2, 3, 4, 3]))],
    attributes: { axes: draw.flag() ? ints(...draw.pick([[0, 2, 3], [2, 3], [1], [0, 1, 2, 3]])) : undefined },
  }),
  LRN: (draw) => ({
    op: "LRN",
    inputs: [given(draw.floats([draw.int(1, 2), draw.int(1, 7), ...draw.list(2, 1, 4)]))],
    attributes: {
      size: int(draw.pick([1, 3, 5, 7])),
      alpha: draw.flag() ? float(0.3) : undefined,
      beta: draw.flag() ? float(0.6) : undefined,
      bias: draw.flag() ? float(2) : undefined,
    },
  }),
  MatMul: (draw) => {
    const [m, k, n] = draw.list(3, 1, 6);
    const batch = draw.list(draw.int(0, 2), 1, 3);
    const some = (): number[] => batch.slice(draw.int(0, batch.length)).map((extent) => (draw.flag() ? extent : 1));
    const left = draw.int(0, 4) === 0 ? [k] : [...some(), m, k];
    const right = draw.int(0, 4) === 0 ? [k] : [...some(), k, n];
    return { op: "MatMul", inputs: [given(draw.floats(left)), given(draw.floats(right))] };
  },
  Gemm: (draw) => {
    const [m, k, n] = draw.list(3, 1, 6);
    const [a, b] = [draw.flag(), draw.flag()];
    const c = draw.pick([[m, n], [n], [1, n], [m, 1], [1], []]);
    return {
      op: "Gemm",
      inputs: [
        given(draw.floats(a ? [k, m] : [m, k])),
        given(draw.floats(b ? [n, k] : [k, n])),
        draw.flag() ? given(draw.floats(c)) : undefined,
      ],
      attributes: {
        transA: int(a ? 1 : 0),
        transB: int(b ? 1 : 0),
        alpha: draw.flag() ? float(0.5) : undefined,
        beta: draw.flag() ? float(draw.pick([0, 2, -1])) : undefined,
      },
    };
  },
  Einsum: (draw) => {
    const extents = { a: draw.int(1, 3), b: draw.int(1, 3), c: draw.int(1, 3), d: draw.int(1, 3) } as const;
    const equation = draw.pick([
      "ab,bc->ac",
      "ab,bc,cd->ad",
      "ab,ab->",
      "aab->ab",
      "aa->a",
      "aba->b",
      "abc->cb",
      "abc,cd",
      "ab,c->bca",
      "...ab,...bc->...ac",
      "a...->...",
      "ab...,b->a...",
      "abcd,dcba->ac",
      "aab,b->a",
      "a,b,c,d->dcba",
      "ab,ab,ab->b",
      " a b , b c -> c a ",
      "ab->",
    ]);
    const hidden = draw.list(draw.int(0, 2), 1, 3);
    const terms = equation.split("->")[0].replaceAll(" ", "").split(",");
    const inputs = terms.map((term) => {
      const [left, right] = term.split("...");
      const sizes = (letters: string): number[] => letters.split("").map((letter) => extents[letter as "a"]);
      return given(draw.floats(right === undefined ? sizes(left) : [...sizes(left), ...hidden, ...sizes(right)]));
    });
    return { op: "Einsum", inputs, attributes: { equation: text(equation) } };
  },
};
