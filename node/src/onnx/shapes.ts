/**
 * Rules about shapes that several operators share: broadcasting, and the windows of convolution and pooling. Refuses shapes
 * and windows that do not fit.
 */

import { axisOf, intsAttribute, invalid, mismatch, stringAttribute } from "./node.ts";
import type { Scope } from "./node.ts";

/** The common shape of numpy broadcasting. */
export function broadcastShapes(scope: Scope, ...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((extent) => extent !== 1);
    const [first = 1] = extents;
    if (extents.some((extent) => extent !== first)) throw mismatch(scope, "the shapes do not broadcast", { shapes });
    return first;
  });
}

/** A shape without the given axes. */
export function withoutAxes(shape: readonly number[], axes: readonly number[]): number[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** The order of axes that moves `axes` to the end, the others first, each in their own order. */
export function axesLast(rank: number, axes: readonly number[]): number[] {
  const others = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.includes(axis));
  return [...others, ...axes];
}

/** The permutation that undoes another. */
export function inverse(permutation: readonly number[]): number[] {
  const result = new Array<number>(permutation.length);
  permutation.forEach((from, to) => {
    result[from] = to;
  });
  return result;
}

/** All axes from `axis` on. */
export function axesFrom(scope: Scope, axis: number, rank: number): number[] {
  const first = axisOf(scope, axis, rank);
  return Array.from({ length: rank - first }, (_, index) => first + index);
}

/** A sliding window over the spatial axes; the lists have one entry per spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros (or the pool's neutral value) before and after the tensor. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Extents of the output. */
  readonly output: readonly number[];
}

/** Words that a dilated kernel spans along an axis. */
export function kernelSpan(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/** The window that the attributes describe over spatial extents. */
export function windowOf(scope: Scope, spatial: readonly number[], kernel: readonly number[], ceil: boolean): Window {
  const list = (name: string, absent: number, length = spatial.length): number[] => {
    const values = intsAttribute(scope, name) ?? new Array<number>(length).fill(absent);
    if (values.length !== length)
      throw invalid(scope, `${name} has ${values.length} entries, not ${length}`, { values });
    return values;
  };
  const strides = list("strides", 1);
  const dilations = list("dilations", 1);
  if (kernel.length !== spatial.length || [...strides, ...dilations, ...kernel].some((value) => value < 1)) {
    throw invalid(scope, "kernel, strides and dilations must be positive, one per spatial axis", {
      kernel,
      strides,
      dilations,
    });
  }
  const autoPad = stringAttribute(scope, "auto_pad", "NOTSET");
  const spans = kernel.map((size, axis) => kernelSpan(size, dilations[axis]));
  const pads =
    autoPad === "NOTSET" ? list("pads", 0, 2 * spatial.length) : autoPads(scope, autoPad, spatial, spans, strides);
  const before = pads.slice(0, spatial.length);
  const after = pads.slice(spatial.length);
  if (pads.some((pad) => pad < 0)) throw invalid(scope, "pads must not be negative", { pads });
  const output = spatial.map((extent, axis) => {
    const room = extent + before[axis] + after[axis] - spans[axis];
    if (room < 0) throw mismatch(scope, "the window is larger than the padded tensor", { spatial, spans, pads });
    if (!ceil) return Math.floor(room / strides[axis]) + 1;
    const count = Math.ceil(room / strides[axis]) + 1;
    // A window that would start in the padding behind the tensor is dropped.
    return (count - 1) * strides[axis] >= extent + before[axis] ? count - 1 : count;
  });
  return { kernel, strides, dilations, before, after, output };
}

function autoPads(
  scope: Scope,
  mode: string,
  spatial: readonly number[],
  spans: readonly number[],
  strides: readonly number[],
): number[] {
  if (mode === "VALID") return new Array<number>(2 * spatial.length).fill(0);
  if (mode !== "SAME_UPPER" && mode !== "SAME_LOWER") throw invalid(scope, `auto_pad ${mode} is unknown`, { mode });
  const totals = spatial.map((extent, axis) => {
    const output = Math.ceil(extent / strides[axis]);
    return Math.max(0, (output - 1) * strides[axis] + spans[axis] - extent);
  });
  const smaller = totals.map((total) => Math.floor(total / 2));
  const larger = totals.map((total, axis) => total - smaller[axis]);
  return mode === "SAME_UPPER" ? [...smaller, ...larger] : [...larger, ...smaller];
}
