/** Generators of operators that move, pick and place elements. */

import { float, int, ints, text } from "../fixtures.ts";
import type { OnnxTensor } from "../element-types.ts";
import { constant, given, listOf, scalarOf } from "./compare.ts";
import type { Draw, DrawnCase, DrawnInput } from "./compare.ts";

const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** Indices into an axis, some counted from its end; in the model or given when it runs. */
function indices(draw: Draw, shape: readonly number[], extent: number): DrawnInput {
  const tensor = draw.integers(draw.pick(["int32", "int64"]), shape, -extent, extent - 1);
  return draw.flag() ? constant(tensor) : given(tensor);
}

function anyTensor(draw: Draw, shape: readonly number[]): OnnxTensor {
  const dtype = draw.pick(["float32", "float32", "int64", "int32", "bool", "uint8"] as const);
  return dtype === "float32" ? draw.floats(shape) : draw.integers(dtype, shape, 0, dtype === "bool" ? 1 : 99);
}

/** A rank's axes in random order. */
function permutation(draw: Draw, rank: number): number[] {
  const rest = Array.from({ length: rank }, (_, axis) => axis);
  return Array.from({ length: rank }, () => rest.splice(draw.int(0, rest.length - 1), 1)[0]);
}

/** A bound outside every axis. */
const FAR = 2 ** 31 - 1;

function slice(draw: Draw): DrawnCase {
  const shape = draw.list(draw.int(1, 4), 1, 7);
  const axes = permutation(draw, shape.length).slice(0, draw.int(1, shape.length));
  const steps = axes.map(() => draw.pick([1, 1, 2, 3, -1, -2]));
  const bounds = axes.map((axis, index) => {
    const extent = shape[axis];
    const isBack = steps[index] < 0;
    const [low, high] = draw.list(2, 0, extent - 1).sort((x, y) => x - y);
    // Counted from either end; beyond the axis the two bounds are limited to places of their own.
    const counted = (place: number): number => (draw.flag() ? place : place - extent);
    const last = isBack
      ? low === 0
        ? -extent - 1
        : counted(low - 1)
      : high === extent - 1
        ? extent
        : counted(high + 1);
    if (draw.int(0, 3) > 0) return [counted(isBack ? high : low), last];
    return isBack ? draw.pick([[FAR, last] as const, [FAR, -FAR] as const, [-FAR, -FAR] as const]) : [-FAR, FAR];
  });
  const [starts, ends] = [0, 1].map((end) => bounds.map((pair) => pair[end]));
  const lists = [starts, ends, axes.map((axis) => (draw.flag() ? axis : axis - shape.length)), steps];
  return { op: "Slice", opset: 13, inputs: [given(anyTensor(draw, shape)), ...lists.map((list) => listOf(list))] };
}

function pad(draw: Draw): DrawnCase {
  const mode = draw.pick(["constant", "edge", "reflect", "wrap"]);
  const shape = draw.list(draw.int(1, 4), 2, 5);
  const axes = draw.flag() ? permutation(draw, shape.length).slice(0, draw.int(1, shape.length)) : undefined;
  const padded = axes ?? shape.map((_, axis) => axis);
  const amount = (axis: number): number => draw.int(mode === "constant" ? -1 : 0, shape[axis] - 1);
  const pads = [...padded.map(amount), ...padded.map((axis) => Math.max(0, amount(axis)))];
  const fill = mode === "constant" && draw.flag() ? constant(draw.floats([])) : undefined;
  const axesInput = axes === undefined ? undefined : listOf(axes);
  return {
    op: "Pad",
    opset: 19,
    inputs: [given(draw.floats(shape)), listOf(pads), fill, axesInput],
    attributes: { mode: text(mode) },
  };
}

function gatherND(draw: Draw): DrawnCase {
  const shape = draw.list(draw.int(2, 4), 1, 4);
  const batch = draw.int(0, shape.length - 2);
  const depth = draw.int(1, shape.length - batch);
  const counts = draw.list(draw.int(batch === 0 ? 0 : 1, 2), 1, 3);
  const whole = [...shape.slice(0, batch), ...counts, depth];
  const tuples = Array.from({ length: size(whole) }, (_, index) => {
    const extent = shape[batch + (index % depth)];
    return draw.int(-extent, extent - 1);
  });
  const tensor: OnnxTensor = { dtype: "int64", shape: whole, data: BigInt64Array.from(tuples, BigInt) };
  return {
    op: "GatherND",
    inputs: [given(anyTensor(draw, shape)), draw.flag() ? given(tensor) : constant(tensor)],
    attributes: { batch_dims: int(batch) },
  };
}

function scatterElements(draw: Draw): DrawnCase {
  const shape = draw.list(draw.int(1, 3), 1, 5);
  const axis = draw.int(0, shape.length - 1);
  const part = shape.map((extent) => draw.int(1, extent));
  const reduction = draw.pick(["none", "add", "mul", "max", "min"]);
  const isFloat = draw.flag();
  const values = (of: readonly number[]): OnnxTensor => (isFloat ? draw.floats(of) : draw.integers("int32", of, -5, 5));
  // Without a reduction no place may be hit twice: ascending indices along the axis.
  const inner = size(part.slice(axis + 1));
  const ascending: OnnxTensor = {
    dtype: "int64",
    shape: part,
    data: BigInt64Array.from({ length: size(part) }, (_, index) => {
      const place = Math.floor(index / inner) % part[axis];
      return BigInt(draw.flag() ? place : place - shape[axis]);
    }),
  };
  const at =
    reduction === "none" ? (draw.flag() ? given(ascending) : constant(ascending)) : indices(draw, part, shape[axis]);
  return {
    op: "ScatterElements",
    opset: 18,
    inputs: [given(values(shape)), at, given(values(part))],
    attributes: { axis: int(draw.flag() ? axis : axis - shape.length), reduction: text(reduction) },
  };
}

function scatterND(draw: Draw): DrawnCase {
  const shape = draw.list(draw.int(1, 3), 2, 5);
  const depth = draw.int(1, shape.length);
  const reduction = draw.pick(["none", "add", "mul", "max", "min"]);
  const count = reduction === "none" ? 1 : draw.int(1, 4);
  const tuples = Array.from({ length: count * depth }, (_, index) => {
    const extent = shape[index % depth];
    return draw.int(-extent, extent - 1);
  });
  const tensor: OnnxTensor = { dtype: "int64", shape: [count, depth], data: BigInt64Array.from(tuples, BigInt) };
  return {
    op: "ScatterND",
    opset: 18,
    inputs: [
      given(draw.floats(shape)),
      draw.flag() ? given(tensor) : constant(tensor),
      given(draw.floats([count, ...shape.slice(depth)])),
    ],
    attributes: { reduction: text(reduction) },
  };
}

export const SHAPE_CASES: Readonly<Record<string, (draw: Draw) => DrawnCase>> = {
  Slice: slice,
  Pad: pad,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  Gather: (draw) => {
    const shape = draw.list(draw.int(1, 4), 1, 5);
    const axis = draw.int(0, shape.length - 1);
    return {
      op: "Gather",
      inputs: [given(anyTensor(draw, shape)), indices(draw, draw.list(draw.int(0, 2), 1, 4), shape[axis])],
      attributes: { axis: int(draw.flag() ? axis : axis - shape.length) },
    };
  },
  GatherElements: (draw) => {
    const shape = draw.list(draw.int(1, 3), 1, 5);
    const axis = draw.int(0, shape.length - 1);
    const part = shape.map((extent, other) => (other === axis ? draw.int(1, 6) : draw.int(1, extent)));
    return {
      op: "GatherElements",
      inputs: [given(anyTensor(draw, shape)), indices(draw, part, shape[axis])],
      attributes: { axis: int(draw.flag() ? axis : axis - shape.length) },
    };
  },
  Transpose: (draw) => {
    const shape = draw.list(draw.int(1, 5), 1, 4);
    const perm = draw.flag() ? ints(...permutation(draw, shape.length)) : undefined;
    return { op: "Transpose", inputs: [given(anyTensor(draw, shape))], attributes: { perm } };
  },
  Concat: (draw) => {
    const shape = draw.list(draw.int(1, 4), 1, 4);
    const axis = draw.int(0, shape.length - 1);
    const inputs = Array.from({ length: draw.int(1, 11) }, () =>
      given(draw.floats(shape.map((extent, other) => (other === axis ? draw.int(1, 3) : extent)))),
    );
    return { op: "Concat", inputs, attributes: { axis: int(draw.flag() ? axis : axis - shape.length) } };
  },
  Split: (draw) => {
    const shape = draw.list(draw.int(1, 4), 1, 7);
    const axis = draw.int(0, shape.length - 1);
    const parts = draw.int(1, Math.min(3, shape[axis]));
    const isEven = draw.flag();
    const first = Array.from({ length: parts - 1 }, () => 1);
    const lengths = [...first, shape[axis] - first.length];
    const attributes = { axis: int(axis), num_outputs: isEven ? int(parts) : undefined };
    return {
      op: "Split",
      opset: 18,
      inputs: [given(anyTensor(draw, shape)), isEven ? undefined : listOf(lengths)],
      outputs: parts,
      attributes,
    };
  },
  Tile: (draw) => {
    const shape = draw.list(draw.int(1, 4), 1, 4);
    return { op: "Tile", inputs: [given(anyTensor(draw, shape)), listOf(draw.list(shape.length, 1, 3))] };
  },
  Expand: (draw) => {
    const shape = draw.list(draw.int(0, 3), 1, 3).map((extent) => (draw.flag() ? extent : 1));
    const wanted = shape.map((extent) => (extent === 1 ? draw.int(1, 3) : draw.pick([1, extent])));
    return {
      op: "Expand",
      inputs: [given(anyTensor(draw, shape)), listOf([...draw.list(draw.int(0, 2), 1, 3), ...wanted])],
    };
  },
  Reshape: (draw) => {
    const shape = draw.list(3, 1, 5);
    const wanted = draw.pick([[-1], [0, -1], [shape[0], -1, shape[2]], [1, -1, 1], [0, 0, 0], [size(shape), 1]]);
    return { op: "Reshape", inputs: [given(anyTensor(draw, shape)), listOf(wanted)] };
  },
  Squeeze: (draw) => {
    const shape = [1, draw.int(1, 3), 1, draw.int(2, 3)];
    const axes = draw.pick([[0], [2], [0, -2], undefined]);
    return {
      op: "Squeeze",
      opset: 13,
      inputs: [given(draw.floats(shape)), axes === undefined ? undefined : listOf(axes)],
    };
  },
  Unsqueeze: (draw) => ({
    op: "Unsqueeze",
    opset: 13,
    inputs: [given(draw.floats([2, 3])), listOf(draw.pick([[0], [1, 3], [-1], [-1, 0], [3, 0]]))],
  }),
  Flatten: (draw) => ({
    op: "Flatten",
    inputs: [given(anyTensor(draw, [2, 3, 4]))],
    attributes: { axis: draw.flag() ? int(draw.int(-3, 3)) : undefined },
  }),
  DepthToSpace: (draw) => {
    const block = draw.int(1, 3);
    return {
      op: "DepthToSpace",
      inputs: [given(draw.floats([draw.int(1, 2), block * block * draw.int(1, 3), ...draw.list(2, 1, 3)]))],
      attributes: { blocksize: int(block), mode: text(draw.pick(["DCR", "CRD"])) },
    };
  },
  SpaceToDepth: (draw) => {
    const block = draw.int(1, 3);
    return {
      op: "SpaceToDepth",
      inputs: [given(draw.floats([1, draw.int(1, 3), block * draw.int(1, 3), block * draw.int(1, 3)]))],
      attributes: { blocksize: int(block) },
    };
  },
  Trilu: (draw) => ({
    op: "Trilu",
    inputs: [
      given(draw.floats([...draw.list(draw.int(0, 2), 1, 3), ...draw.list(2, 1, 5)])),
      scalarOf(draw.int(-6, 6)),
    ],
    attributes: { upper: int(draw.int(0, 1)) },
  }),
  OneHot: (draw) => {
    const shape = draw.list(draw.int(1, 3), 1, 4);
    const depth = draw.int(1, 6);
    return {
      op: "OneHot",
      inputs: [
        given(draw.integers(draw.pick(["int64", "int32"]), shape, -depth - 1, depth)),
        scalarOf(depth),
        given(draw.floats([2])),
      ],
      attributes: { axis: int(draw.int(-shape.length - 1, shape.length)) },
    };
  },
  EyeLike: (draw) => ({
    op: "EyeLike",
    inputs: [given(draw.floats(draw.list(2, 1, 5)))],
    attributes: { k: int(draw.int(-3, 3)), dtype: draw.flag() ? int(draw.pick([1, 6, 7])) : undefined },
  }),
  Range: (draw) => {
    if (draw.flag())
      return { op: "Range", inputs: [draw.int(-9, 9), draw.int(-9, 9), draw.pick([1, 2, -1, -3])].map(scalarOf) };
    const of = (x: number): DrawnInput => constant({ dtype: "float32", shape: [], data: Float32Array.of(x) });
    return { op: "Range", inputs: [of(draw.int(-9, 0)), of(draw.int(1, 9) / 2), of(draw.pick([0.5, 0.7, 1.3]))] };
  },
  ReverseSequence: (draw) => {
    const shape = draw.list(draw.int(2, 4), 1, 5);
    const time = draw.int(0, 1);
    return {
      op: "ReverseSequence",
      inputs: [given(draw.floats(shape)), given(draw.integers("int64", [shape[1 - time]], 1, shape[time]))],
      attributes: { time_axis: int(time), batch_axis: int(1 - time) },
    };
  },
  CenterCropPad: (draw) => {
    const shape = draw.list(3, 1, 6);
    const axes = draw.flag() ? permutation(draw, 3).slice(0, draw.int(1, 3)) : undefined;
    return {
      op: "CenterCropPad",
      opset: 18,
      inputs: [given(draw.floats(shape)), listOf((axes ?? shape).map(() => draw.int(1, 7)))],
      attributes: { axes: axes === undefined ? undefined : ints(...axes) },
    };
  },
  ConstantOfShape: (draw) => ({ op: "ConstantOfShape", inputs: [listOf(draw.list(draw.int(0, 3), 1, 4))] }),
  Shape: (draw) => ({
    op: "Shape",
    inputs: [given(draw.floats(draw.list(3, 1, 4)))],
    attributes: {
      start: draw.flag() ? int(draw.int(-4, 2)) : undefined,
      end: draw.flag() ? int(draw.int(3, 5)) : undefined,
    },
  }),
  LeakyPad: (draw) => ({
    op: "Pad",
    opset: 10,
    inputs: [given(draw.floats([2, 3, 4]))],
    attributes: { pads: ints(...draw.list(6, 0, 2)), mode: text("constant"), value: float(1.5) },
  }),
};
