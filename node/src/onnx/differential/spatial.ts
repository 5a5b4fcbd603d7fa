/** Generators of operators on patches and signals, and of those whose shapes depend on data that the model holds. */

import { float, int, ints, text } from "../fixtures.ts";
import { constant, given, listOf, scalarOf } from "./compare.ts";
import type { Draw, DrawnCase, DrawnInput } from "./compare.ts";

const floatsOf = (items: readonly number[], shape: readonly number[]): DrawnInput =>
  constant({ dtype: "float32", shape: [...shape], data: Float32Array.from(items) });

function roiAlign(draw: Draw): DrawnCase {
  const [n, regions] = [draw.int(1, 2), draw.int(1, 3)];
  const edges = Array.from({ length: regions }, () => {
    const [x, y] = draw.list(2, -1, 4);
    return [x, y, x + draw.int(1, 6), y + draw.int(1, 6)];
  }).flat();
  return {
    op: "RoiAlign",
    opset: draw.pick([10, 16]),
    inputs: [
      given(draw.floats([n, 2, draw.int(3, 7), draw.int(3, 7)])),
      floatsOf(edges, [regions, 4]),
      constant(draw.integers("int64", [regions], 0, n - 1)),
    ],
    attributes: {
      mode: text(draw.pick(["avg", "max"])),
      output_height: int(draw.int(1, 3)),
      output_width: int(draw.int(1, 3)),
      sampling_ratio: int(draw.int(0, 3)),
      spatial_scale: float(draw.pick([0.5, 1, 1.25])),
    },
  };
}

function col2Im(draw: Draw): DrawnCase {
  const block = draw.list(2, 1, 3);
  const [dilations, strides, pads] = [draw.list(2, 1, 2), draw.list(2, 1, 2), draw.list(4, 0, 1)];
  const spans = block.map((size, axis) => (size - 1) * dilations[axis] + 1);
  const image = spans.map((span) => span + draw.int(0, 4));
  const counts = image.map((extent, axis) => {
    return Math.floor((extent + pads[axis] + pads[axis + 2] - spans[axis]) / strides[axis]) + 1;
  });
  return {
    op: "Col2Im",
    opset: 18,
    inputs: [
      given(draw.floats([draw.int(1, 2), draw.int(1, 2) * block[0] * block[1], counts[0] * counts[1]])),
      listOf(image),
      listOf(block),
    ],
    attributes: { dilations: ints(...dilations), strides: ints(...strides), pads: ints(...pads) },
  };
}

function deformConv(draw: Draw): DrawnCase {
  const [n, groups, offsetGroups] = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 2)];
  const channels = groups * offsetGroups * draw.int(1, 2);
  const outputs = groups * draw.int(1, 2);
  const kernel = draw.list(2, 1, 3);
  const [strides, dilations, pads] = [draw.list(2, 1, 2), draw.list(2, 1, 2), draw.list(4, 0, 1)];
  const spans = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1);
  const spatial = spans.map((span) => span + draw.int(0, 4));
  const output = spatial.map((extent, axis) => {
    return Math.floor((extent + pads[axis] + pads[axis + 2] - spans[axis]) / strides[axis]) + 1;
  });
  const taps = kernel[0] * kernel[1];
  return {
    op: "DeformConv",
    opset: 19,
    inputs: [
      given(draw.floats([n, channels, ...spatial])),
      constant(draw.floats([outputs, channels / groups, ...kernel])),
      given(draw.floats([n, offsetGroups * taps * 2, ...output], 1.3)),
      draw.flag() ? constant(draw.floats([outputs])) : undefined,
      draw.flag() ? given(draw.floats([n, offsetGroups * taps, ...output])) : undefined,
    ],
    attributes: {
      group: int(groups),
      offset_group: int(offsetGroups),
      strides: ints(...strides),
      dilations: ints(...dilations),
      pads: ints(...pads),
      kernel_shape: ints(...kernel),
    },
    tolerance: { relative: 1e-3, absolute: 1e-4 },
  };
}

function dft(draw: Draw): DrawnCase {
  const isInverse = draw.flag();
  const parts = isInverse ? 2 : draw.int(1, 2);
  const shape = [...draw.list(draw.int(2, 3), 1, 6), parts];
  const axis = draw.int(0, shape.length - 2);
  const isOneSided = !isInverse && parts === 1 && draw.flag();
  return {
    op: "DFT",
    opset: 20,
    inputs: [given(draw.floats(shape)), draw.flag() ? scalarOf(draw.int(1, 8)) : undefined, scalarOf(axis)],
    attributes: { inverse: int(isInverse ? 1 : 0), onesided: int(isOneSided ? 1 : 0) },
    tolerance: { relative: 1e-3, absolute: 1e-4 },
  };
}

function maxUnpool(draw: Draw): DrawnCase {
  const spatial = draw.list(2, 1, 4);
  const area = spatial.map((extent) => extent * 2);
  // The corner of each window, or another of its elements.
  const places = Array.from({ length: spatial[0] * spatial[1] }, (_, index) => {
    const [row, column] = [Math.floor(index / spatial[1]), index % spatial[1]];
    return (row * 2 + draw.int(0, 1)) * area[1] + column * 2 + draw.int(0, 1);
  });
  const tensor = { dtype: "int64", shape: [1, 1, ...spatial], data: BigInt64Array.from(places, BigInt) } as const;
  return {
    op: "MaxUnpool",
    opset: 11,
    inputs: [
      given(draw.floats([1, 1, ...spatial])),
      draw.flag() ? given({ ...tensor, shape: [...tensor.shape] }) : constant({ ...tensor, shape: [...tensor.shape] }),
    ],
    attributes: { kernel_shape: ints(2, 2), strides: ints(2, 2) },
  };
}

function nonMaxSuppression(draw: Draw): DrawnCase {
  const [batches, classes, count] = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 6)];
  const corners = Array.from({ length: batches * count }, () => {
    const [y, x] = draw.list(2, 0, 10);
    return [y, x, y + draw.int(1, 8), x + draw.int(1, 8)];
  }).flat();
  return {
    op: "NonMaxSuppression",
    opset: 11,
    inputs: [
      floatsOf(corners, [batches, count, 4]),
      constant(draw.floats([batches, classes, count], 1)),
      listOf([draw.int(1, 4)]),
      floatsOf([draw.int(0, 8) / 8], [1]),
      draw.flag() ? floatsOf([0.1], [1]) : undefined,
    ],
    attributes: { center_point_box: int(draw.int(0, 1)) },
  };
}

export const SPATIAL_CASES: Readonly<Record<string, (draw: Draw) => DrawnCase>> = {
  RoiAlign: roiAlign,
  Col2Im: col2Im,
  DeformConv: deformConv,
  DFT: dft,
  MaxUnpool: maxUnpool,
  NonMaxSuppression: nonMaxSuppression,
  Det: (draw) => {
    const rows = draw.int(1, 5);
    return { op: "Det", opset: 11, inputs: [given(draw.floats([...draw.list(draw.int(0, 2), 1, 3), rows, rows]))] };
  },
  STFT: (draw) => {
    const length = draw.int(2, 8);
    const hasWindow = draw.flag();
    return {
      op: "STFT",
      opset: 17,
      inputs: [
        given(draw.floats([draw.int(1, 2), length + draw.int(0, 12), 1])),
        scalarOf(draw.int(1, 4)),
        hasWindow ? constant(draw.floats([length])) : undefined,
        scalarOf(length),
      ],
      attributes: { onesided: int(draw.int(0, 1)) },
      tolerance: { relative: 1e-3, absolute: 1e-4 },
    };
  },
  Windows: (draw) => ({
    op: draw.pick(["HannWindow", "HammingWindow", "BlackmanWindow"]),
    opset: 17,
    inputs: [scalarOf(draw.int(2, 20))],
    attributes: { periodic: int(draw.int(0, 1)) },
  }),
  MelWeightMatrix: (draw) => ({
    op: "MelWeightMatrix",
    opset: 17,
    inputs: [
      scalarOf(draw.int(2, 8)),
      scalarOf(draw.pick([16, 32, 64])),
      scalarOf(8192),
      floatsOf([draw.int(0, 200)], []),
      floatsOf([draw.int(1000, 4000)], []),
    ],
  }),
  NonZero: (draw) => {
    const x = draw.integers(draw.pick(["float32", "int64", "bool"]), draw.list(draw.int(1, 3), 1, 4), 0, 1);
    return { op: "NonZero", inputs: [constant(x)] };
  },
  Compress: (draw) => {
    const shape = draw.list(draw.int(1, 3), 2, 5);
    const axis = draw.int(-shape.length, shape.length - 1);
    const isFlat = draw.flag();
    const length = draw.int(1, isFlat ? 2 : shape.at(axis)!);
    const condition = draw.integers("bool", [length], 0, 1);
    (condition.data as Uint8Array)[0] = 1;
    return {
      op: "Compress",
      inputs: [draw.flag() ? given(draw.floats(shape)) : constant(draw.floats(shape)), constant(condition)],
      attributes: { axis: isFlat ? undefined : int(axis) },
    };
  },
  Unique: (draw) => {
    const shape = draw.list(draw.int(1, 3), 1, 4);
    return {
      op: "Unique",
      inputs: [constant(draw.integers(draw.pick(["float32", "int64"]), shape, 0, 2))],
      outputs: 4,
      attributes: {
        axis: draw.flag() ? int(draw.int(-shape.length, shape.length - 1)) : undefined,
        sorted: int(draw.int(0, 1)),
      },
    };
  },
  NegativeLogLikelihoodLoss: (draw) => {
    const [n, classes] = [draw.int(1, 3), draw.int(1, 4)];
    const more = draw.list(draw.int(0, 2), 1, 3);
    return {
      op: "NegativeLogLikelihoodLoss",
      opset: 13,
      inputs: [
        given(draw.floats([n, classes, ...more])),
        given(draw.integers("int64", [n, ...more], 0, classes - 1)),
        draw.flag() ? given(draw.integers("float32", [classes], 1, 4)) : undefined,
      ],
      attributes: {
        reduction: text(draw.pick(["none", "sum", "mean"])),
        ignore_index: draw.flag() ? int(0) : undefined,
      },
    };
  },
};
