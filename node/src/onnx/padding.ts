/**
 * Pads in front of and behind the axes of a tensor, and cuts (numerics, "Lowering"). Refuses to cut more than there is, and modes
 * that the standard does not have.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import {
  axesOf,
  floatAttribute,
  input,
  intsAttribute,
  invalid,
  knownNumbers,
  mismatch,
  numbersOf,
  requireType,
  stringAttribute,
  unsupported,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { indexed, view } from "./primitives.ts";
import { floatValue, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

type PadMode = "constant" | "edge" | "reflect" | "wrap";

/** `before[axis]` elements more in front of each axis and `after[axis]` behind; negative numbers cut. */
export function padded(
  scope: Scope,
  value: Value,
  before: readonly number[],
  after: readonly number[],
  mode: PadMode,
  fill: Value | undefined,
): Value {
  const shape = value.shape.map((extent, axis) => extent + before[axis] + after[axis]);
  if (shape.some((extent) => extent < 0)) throw mismatch(scope, "more is cut than there is", { before, after });
  const strides = stridesOf(value.shape);
  if ([...before, ...after].every((pad) => pad <= 0)) {
    const offset = strides.reduce((sum, stride, axis) => sum - before[axis] * stride, 0);
    return view(scope, value, shape, strides, offset);
  }
  const operands = fill === undefined ? [value] : [value, fill];
  return indexed(scope, value.elementType, shape, operands, (b, [from, filler]) => {
    let isInside: Register = b.bool(true);
    let address: Register = b.i32(0);
    value.shape.forEach((extent, axis) => {
      const place = b.subI(b.digits[axis], before[axis]);
      if (mode === "constant") {
        if (before[axis] > 0) isInside = b.and(isInside, b.leI(0, place));
        if (after[axis] > 0) isInside = b.and(isInside, b.ltI(place, extent));
      }
      address = b.addI(b.mulI(padPlace(b, mode, place, extent, before[axis]), strides[axis]), address);
    });
    const word = b.load(from, b.select(isInside, address, b.i32(-1)));
    return fill === undefined ? word : b.select(isInside, word, b.load(filler, 0));
  });
}

function padPlace(b: ScalarBuilder, mode: PadMode, place: Register, extent: number, before: number): Register {
  switch (mode) {
    case "constant":
      return place;
    case "edge":
      return b.clampI(place, 0, extent - 1);
    case "wrap": {
      // A multiple of the extent makes the dividend non-negative.
      const turns = Math.ceil(Math.max(before, 0) / extent) * extent;
      return b.remU(b.addI(place, turns), extent);
    }
    case "reflect": {
      if (extent === 1) return b.i32(0);
      const period = 2 * (extent - 1);
      const turns = Math.ceil(Math.max(before, 0) / period) * period;
      const phase = b.remU(b.addI(place, turns), period);
      return b.minI(phase, b.subI(period, phase));
    }
  }
}

function pad(scope: Scope): Value[] {
  const value = input(scope, 0);
  const mode = stringAttribute(scope, "mode", "constant");
  if (mode !== "constant" && mode !== "edge" && mode !== "reflect" && mode !== "wrap") {
    throw unsupported(scope, `mode ${mode}`);
  }
  const pads = numbersOf(scope, "pads", 1, 11);
  const rank = value.shape.length;
  const given = scope.inputs[3];
  const axes =
    given === undefined ? value.shape.map((_, axis) => axis) : axesOf(scope, knownNumbers(scope, given, "axes"), rank);
  if (pads?.length !== 2 * axes.length) throw invalid(scope, "there must be two pads per axis", { pads, axes });
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  axes.forEach((axis, index) => {
    before[axis] = pads[index];
    after[axis] = pads[index + axes.length];
  });
  const fill = scope.opset < 11 ? floatValue(floatAttribute(scope, "value", 0)) : scope.inputs[2];
  if (fill !== undefined) requireType(scope, fill, value.elementType);
  return [padded(scope, value, before, after, mode, mode === "constant" ? fill : undefined)];
}

/** Cuts or pads around the centre, to a shape. */
function centerCropPad(scope: Scope): Value[] {
  const value = input(scope, 0);
  const wanted = knownNumbers(scope, input(scope, 1), "the shape");
  const axes = axesOf(scope, intsAttribute(scope, "axes") ?? value.shape.map((_, axis) => axis), value.shape.length);
  const before = value.shape.map(() => 0);
  const after = value.shape.map(() => 0);
  axes.forEach((axis, index) => {
    const more = wanted[index] - value.shape[axis];
    before[axis] = more < 0 ? -Math.floor(-more / 2) : Math.floor(more / 2);
    after[axis] = more - before[axis];
  });
  return [padded(scope, value, before, after, "constant", undefined)];
}

export const PADDING: OperatorTable = { Pad: pad, CenterCropPad: centerCropPad };
