/**
 * Deformable convolution (numerics, "Lowering"): every tap is sampled between four elements at a place that a tensor gives, into
 * [n, places, groups, taps * channels of a group], and a dot product with the weights follows. Refuses other than two spatial
 * dimensions.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { contract } from "./contraction.ts";
import { input, intAttribute, mismatch, requireType, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { indexed, transposed } from "./primitives.ts";
import { windowOf } from "./shapes.ts";
import type { Window } from "./shapes.ts";
import { reshaped, sizeOf } from "./values.ts";
import type { Value } from "./values.ts";

interface Sampling {
  readonly x: Value;
  /** [n, offset groups * taps * 2, ...output] */
  readonly offsets: Value;
  /** [n, offset groups * taps, ...output] */
  readonly mask: Value | undefined;
  readonly groups: number;
  readonly offsetGroups: number;
  readonly window: Window;
}

/** [n, groups, ...output, taps, channels of a group] */
function sampled(scope: Scope, { x, offsets, mask, groups, offsetGroups, window }: Sampling): Value {
  const [n, channels, height, width] = x.shape;
  const { kernel, strides, dilations, before, output } = window;
  const [taps, inner, area] = [sizeOf(kernel), channels / groups, sizeOf(output)];
  const shape = [n, groups, ...output, taps, inner];
  const operands = [x, offsets, ...(mask === undefined ? [] : [mask])];
  return indexed(scope, "float32", shape, operands, (b, [source, shifts, weights]) => {
    const [row, group, y, across, tap, place] = b.digits;
    const channel = b.addI(b.mulI(group, inner), place);
    const offsetGroup = b.divU(channel, channels / offsetGroups);
    const plane = b.addI(b.mulI(b.addI(b.mulI(row, offsetGroups), offsetGroup), taps), tap);
    const position = b.addI(b.mulI(y, output[1]), across);
    const shiftAt = (axis: number): Register =>
      b.load(shifts, b.addI(b.mulI(b.addI(b.mulI(plane, 2), axis), area), position));
    const start = (digit: Register, step: Register, axis: number): Register =>
      b.fromI32(b.subI(b.addI(b.mulI(digit, strides[axis]), b.mulI(step, dilations[axis])), before[axis]));
    const at = [
      b.add(start(y, b.divU(tap, kernel[1]), 0), shiftAt(0)),
      b.add(start(across, b.remU(tap, kernel[1]), 1), shiftAt(1)),
    ];
    const base = b.mulI(b.addI(b.mulI(row, channels), channel), height * width);
    const value = between(b, source, base, at, [height, width]);
    return weights === undefined ? value : b.mul(value, b.load(weights, b.addI(b.mulI(plane, area), position)));
  });
}

/** The word between four elements of a plane, 0 beyond it. */
function between(
  b: ScalarBuilder,
  source: number,
  base: Register,
  at: readonly Register[],
  extents: readonly number[],
): Register {
  const whole = at.map((x) => b.floor(x));
  const part = at.map((x, axis) => b.sub(x, whole[axis]));
  let sum: Register = b.f32(0);
  for (const dy of [0, 1]) {
    for (const dx of [0, 1]) {
      const places = [b.add(whole[0], dy), b.add(whole[1], dx)];
      const isInside = places.reduce<Register>(
        (all, place, axis) => b.and(all, b.and(b.le(0, place), b.le(place, extents[axis] - 1))),
        b.bool(true),
      );
      const address = b.addI(b.addI(b.mulI(b.toI32(places[0]), extents[1]), b.toI32(places[1])), base);
      const word = b.load(source, b.select(isInside, address, b.i32(-1)));
      const weight = b.mul(dy === 0 ? b.sub(1, part[0]) : part[0], dx === 0 ? b.sub(1, part[1]) : part[1]);
      sum = b.fma(word, weight, sum);
    }
  }
  return sum;
}

function deformConv(scope: Scope): Value[] {
  const [x, w, offsets, bias, mask] = [
    input(scope, 0),
    input(scope, 1),
    input(scope, 2),
    scope.inputs[3],
    scope.inputs[4],
  ];
  for (const value of [x, w, offsets, bias, mask]) if (value !== undefined) requireType(scope, value, "float32");
  if (x.shape.length !== 4) throw unsupported(scope, `${x.shape.length - 2} spatial dimensions`);
  const [groups, offsetGroups] = [intAttribute(scope, "group", 1), intAttribute(scope, "offset_group", 1)];
  const [outputs, inner, ...kernel] = w.shape;
  const window = windowOf(scope, x.shape.slice(2), kernel, false);
  const [n, channels] = x.shape;
  const [taps, area] = [sizeOf(kernel), sizeOf(window.output)];
  const fits =
    channels === inner * groups &&
    outputs % groups === 0 &&
    channels % offsetGroups === 0 &&
    offsets.shape.join() === [n, offsetGroups * taps * 2, ...window.output].join() &&
    (mask === undefined || mask.shape.join() === [n, offsetGroups * taps, ...window.output].join());
  if (!fits)
    throw mismatch(scope, "weights, offsets and mask do not fit", { x: x.shape, w: w.shape, offsets: offsets.shape });
  const columns = sampled(scope, { x, offsets, mask, groups, offsetGroups, window });
  const weights = reshaped(transposed(scope, w, [0, 2, 3, 1]), [outputs, taps * inner]);
  const [count, own] = [taps * inner, outputs / groups];
  const result = contract(scope, {
    elementType: "float32",
    shape: [n, groups, own, area],
    count,
    left: { value: weights, strides: [0, own * count, count, 0], offset: 0 },
    right: { value: columns, strides: [groups * area * count, area * count, 0, count], offset: 0 },
    ...(bias === undefined
      ? {}
      : {
          reads: [{ value: bias, strides: [0, own, 1, 0], offset: 0 }],
          finish: (b, total, [word]) => b.add(total, word),
        }),
  });
  return [reshaped(result, [n, outputs, ...window.output])];
}

export const DEFORMABLE: OperatorTable = { DeformConv: deformConv };
