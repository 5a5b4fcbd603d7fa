/**
 * Convolutions as dot products over (ky, kx, c) of a zero-padded copy in NHWC order, weights as [O][ky][kx][c], results in
 * NHWC order (numerics, "Lowering"). Padding is executed, never skipped. Refuses kernels whose walk needs more than three
 * digits of the loop counter.
 */

import type { PatternDigits, Value as Register } from "../ir/build.ts";
import { contract } from "./contraction.ts";
import {
  input,
  intAttribute,
  intsAttribute,
  invalid,
  mismatch,
  requireType,
  stringAttribute,
  unsupported,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { indexed, transposed, view } from "./primitives.ts";
import { kernelSpan, windowOf } from "./shapes.ts";
import type { Window } from "./shapes.ts";
import { reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** How a tensor [n, c, ...spatial] is laid out for the dot products. */
interface Layout {
  readonly groups: number;
  /** Zeros in front of each spatial axis; negative numbers cut. */
  readonly before: readonly number[];
  /** Extents of the spatial axes with their zeros. */
  readonly extents: readonly number[];
  /** Elements stand this far apart, zeros between. */
  readonly spread: readonly number[];
}

/** [n, groups, ...extents, channels of a group]. */
function channelsLast(scope: Scope, value: Value, { groups, before, extents, spread }: Layout): Value {
  const [n, channels, ...spatial] = value.shape;
  const inner = channels / groups;
  const shape = [n, groups, ...extents, inner];
  const plane = stridesOf(spatial);
  const area = sizeOf(spatial);
  const strides = [channels * area, inner * area, ...plane, area];
  const isPlain = before.every((zeros) => zeros === 0) && spread.every((gap) => gap === 1);
  if (isPlain && extents.every((extent, axis) => extent <= spatial[axis])) return view(scope, value, shape, strides, 0);
  return indexed(scope, value.elementType, shape, [value], (b, [from]) => {
    let isInside: Register = b.bool(true);
    const places = b.digits.map((digit, axis) => {
      const space = axis - 2;
      if (space < 0 || space >= spatial.length) return digit;
      const moved = b.subI(digit, before[space]);
      if (before[space] > 0) isInside = b.and(isInside, b.leI(0, moved));
      // In front of the tensor the quotient means nothing, but nothing reads it.
      const place = b.divU(moved, spread[space]);
      if (spread[space] > 1) isInside = b.and(isInside, b.eqI(b.mulI(place, spread[space]), moved));
      if (extents[space] - before[space] > (spatial[space] - 1) * spread[space] + 1) {
        isInside = b.and(isInside, b.ltI(place, spatial[space]));
      }
      return place;
    });
    const address = places.reduce((sum, place, axis) => b.addI(b.mulI(place, strides[axis]), sum), b.i32(0));
    return b.load(from, b.select(isInside, address, b.i32(-1)));
  });
}

/** The walk of a kernel over a channels-last tensor, neighbouring digits joined. */
function kernelWalk(
  scope: Scope,
  kernel: readonly number[],
  dilations: readonly number[],
  extents: readonly number[],
  inner: number,
): PatternDigits {
  const strides = stridesOf([...extents, inner]);
  const digits = [...kernel.map((size, axis) => [size, dilations[axis] * strides[axis]] as const), [inner, 1] as const];
  const joined: (readonly [number, number])[] = [];
  for (const [size, stride] of digits) {
    const outer = joined.at(-1);
    if (size === 1) continue;
    if (outer?.[1] === size * stride) joined[joined.length - 1] = [outer[0] * size, stride];
    else joined.push([size, stride]);
  }
  if (joined.length > 3) throw unsupported(scope, `a kernel of ${kernel.length} dilated dimensions`);
  return joined.length === 0 ? [[1, 1]] : joined;
}

interface Convolution {
  /** [n, c, ...spatial] */
  readonly x: Value;
  /** [groups, outputs of a group, ...kernel, channels of a group] */
  readonly weights: Value;
  readonly bias: Value | undefined;
  readonly groups: number;
  readonly window: Window;
  /** Distance of the elements of x, zeros between; 1 for a plain convolution. */
  readonly spread: readonly number[];
}

/**
 * The fastest kernel axis gathered beside the channels: [n, c, ...outer, kx, x'] with one element per output place and tap, so
 * that a dilated kernel of three dimensions walks only two of them.
 */
function tapsAsChannels(scope: Scope, draft: Convolution): Convolution {
  const { x, weights, groups, window } = draft;
  const last = window.kernel.length - 1;
  const [n, channels, ...spatial] = x.shape;
  const [taps, width] = [window.kernel[last], window.output[last]];
  const extent = spatial[last];
  const row = stridesOf(x.shape);
  // A channel of the new tensor is (channel, tap), as the weights' last axes are turned below.
  const shape = [n, channels * taps, ...spatial.slice(0, -1), width];
  const spreadOut = indexed(scope, x.elementType, shape, [x], (b, [from]) => {
    const tap = b.remU(b.digits[1], taps);
    const digits = [b.digits[0], b.divU(b.digits[1], taps), ...b.digits.slice(2, -1)];
    const moved = b.addI(b.mulI(b.digits.at(-1)!, window.strides[last]), b.mulI(tap, window.dilations[last]));
    const place = b.subI(moved, window.before[last]);
    const isInside = b.and(b.leI(0, place), b.ltI(place, extent));
    const address = digits.reduce((sum, digit, axis) => b.addI(b.mulI(digit, row[axis]), sum), place);
    return b.load(from, b.select(isInside, address, b.i32(-1)));
  });
  const rank = weights.shape.length;
  const order = [...weights.shape.map((_, axis) => axis).slice(0, rank - 2), rank - 1, rank - 2];
  const turned = transposed(scope, weights, order);
  const outer = (list: readonly number[]): number[] => [...list.slice(0, -1), 1];
  return {
    ...draft,
    x: spreadOut,
    weights: reshaped(turned, [...weights.shape.slice(0, rank - 2), 1, weights.shape[rank - 1] * taps]),
    groups,
    window: {
      kernel: outer(window.kernel),
      strides: outer(window.strides),
      dilations: outer(window.dilations),
      before: [...window.before.slice(0, -1), 0],
      after: [...window.after.slice(0, -1), 0],
      output: window.output,
    },
  };
}

function convolve(scope: Scope, draft: Convolution): Value {
  const { kernel: sizes, dilations: gaps } = draft.window;
  const isPlain = draft.spread.every((gap) => gap === 1);
  const isWide = sizes.length === 3 && sizes.every((size) => size > 1) && gaps[2] > 1 && isPlain;
  const { x, weights, bias, groups, window, spread } = isWide ? tapsAsChannels(scope, draft) : draft;
  const [n, channels] = x.shape;
  const inner = channels / groups;
  const outputs = weights.shape[1];
  const { kernel, strides, dilations, output } = window;
  // Only what some window reads.
  const extents = output.map((count, axis) => (count - 1) * strides[axis] + kernelSpan(kernel[axis], dilations[axis]));
  const laid = channelsLast(scope, x, { groups, before: window.before, extents, spread });
  const held = laid.shape.slice(2, -1);
  const count = sizeOf(kernel) * inner;
  const places = stridesOf([...held, inner]).slice(0, -1);
  const group = sizeOf(held) * inner;
  const result = contract(scope, {
    elementType: x.elementType,
    shape: [n, ...output, groups, outputs],
    count,
    left: {
      value: laid,
      strides: [groups * group, ...places.map((place, axis) => place * strides[axis]), group, 0],
      offset: 0,
    },
    leftPattern: kernelWalk(scope, kernel, dilations, held, inner),
    right: { value: weights, strides: [0, ...output.map(() => 0), outputs * count, count], offset: 0 },
    ...(bias === undefined
      ? {}
      : {
          reads: [{ value: bias, strides: [0, ...output.map(() => 0), outputs, 1], offset: 0 }],
          finish: (b, total, [word]) => b.add(total, word),
        }),
  });
  // The channels stand last, as the next convolution reads them; the copy into ONNX's order is read through.
  const rank = output.length;
  const order = [0, rank + 1, ...output.map((_, axis) => axis + 1)];
  return transposed(scope, reshaped(result, [n, ...output, groups * outputs]), order);
}

function checkChannels(
  scope: Scope,
  x: Value,
  weights: Value,
  groups: number,
  channels: number,
  outputs: number,
): void {
  const fits = x.shape.length === weights.shape.length && x.shape.length >= 3 && x.shape[1] === channels * groups;
  if (!fits || groups < 1 || outputs % groups !== 0) {
    throw mismatch(scope, "the weights do not fit the tensor", {
      x: [...x.shape],
      weights: [...weights.shape],
      groups,
    });
  }
}

function checkBias(scope: Scope, bias: Value | undefined, outputs: number): void {
  if (bias === undefined) return;
  requireType(scope, bias, "float32");
  if (sizeOf(bias.shape) !== outputs)
    throw mismatch(scope, "the bias is not one per output", { bias: [...bias.shape], outputs });
}

function conv(scope: Scope): Value[] {
  const [x, w, bias] = [input(scope, 0), input(scope, 1), scope.inputs[2]];
  requireType(scope, x, "float32");
  requireType(scope, w, "float32");
  return [convolved(scope, x, w, bias)];
}

/** The convolution that the node's attributes describe. */
export function convolved(scope: Scope, x: Value, w: Value, bias: Value | undefined): Value {
  const groups = intAttribute(scope, "group", 1);
  const [outputs, inner, ...kernel] = w.shape;
  checkChannels(scope, x, w, groups, inner, outputs);
  checkBias(scope, bias, outputs);
  checkKernel(scope, kernel);
  const axes = w.shape.map((_, axis) => axis);
  const moved = transposed(scope, w, [0, ...axes.slice(2), 1]);
  const weights = reshaped(moved, [groups, outputs / groups, ...kernel, inner]);
  const window = windowOf(scope, x.shape.slice(2), kernel, false);
  return convolve(scope, { x, weights, bias, groups, window, spread: kernel.map(() => 1) });
}

function checkKernel(scope: Scope, kernel: readonly number[]): void {
  const declared = intsAttribute(scope, "kernel_shape");
  if (declared !== undefined && declared.join() !== kernel.join()) {
    throw mismatch(scope, "kernel_shape is not that of the weights", { declared, kernel: [...kernel] });
  }
}

/** A convolution of the spread tensor with the kernel turned around. */
function convTranspose(scope: Scope): Value[] {
  const [x, w, bias] = [input(scope, 0), input(scope, 1), scope.inputs[2]];
  requireType(scope, x, "float32");
  requireType(scope, w, "float32");
  const groups = intAttribute(scope, "group", 1);
  const [channels, outputs, ...kernel] = w.shape;
  checkChannels(scope, x, w, groups, channels / groups, outputs * groups);
  checkBias(scope, bias, outputs * groups);
  checkKernel(scope, kernel);
  const spatial = x.shape.slice(2);
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(scope, "strides") ?? ones;
  const dilations = intsAttribute(scope, "dilations") ?? ones;
  const extra = intsAttribute(scope, "output_padding") ?? kernel.map(() => 0);
  const lists = [strides, dilations, extra];
  if (lists.some((list) => list.length !== kernel.length) || [...strides, ...dilations].some((value) => value < 1))
    throw invalid(scope, "strides and dilations must be positive, one per spatial axis", { strides, dilations, extra });
  const { before, output } = transposedSizes(scope, spatial, kernel, strides, dilations, extra);
  // [groups, inner, outputs, ...kernel] to [groups, outputs, ...kernel turned, inner].
  const grouped = reshaped(w, [groups, channels / groups, outputs, ...kernel]);
  const own = stridesOf(grouped.shape);
  const turned = view(
    scope,
    grouped,
    [groups, outputs, ...kernel, channels / groups],
    [own[0], own[2], ...kernel.map((_, axis) => -own[axis + 3]), own[1]],
    kernel.reduce((sum, size, axis) => sum + (size - 1) * own[axis + 3], 0),
  );
  const window: Window = {
    kernel,
    strides: ones,
    dilations,
    before: kernel.map((size, axis) => (size - 1) * dilations[axis] - before[axis]),
    after: kernel.map(() => 0),
    output,
  };
  return [convolve(scope, { x, weights: turned, bias, groups, window, spread: strides })];
}

/** Extents of a transposed convolution's output, and what is cut in front. */
function transposedSizes(
  scope: Scope,
  spatial: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  extra: readonly number[],
): { before: number[]; output: number[] } {
  const full = spatial.map(
    (extent, axis) => strides[axis] * (extent - 1) + extra[axis] + kernelSpan(kernel[axis], dilations[axis]),
  );
  const wanted = intsAttribute(scope, "output_shape")?.slice(-spatial.length);
  if (wanted !== undefined && (wanted.length !== spatial.length || wanted.some((extent) => extent < 1)))
    throw invalid(scope, "output_shape is not one extent per spatial axis", { wanted });
  const autoPad = stringAttribute(scope, "auto_pad", "NOTSET");
  if (wanted === undefined && (autoPad === "NOTSET" || autoPad === "VALID")) {
    const pads =
      (autoPad === "VALID" ? undefined : intsAttribute(scope, "pads")) ?? new Array<number>(2 * spatial.length).fill(0);
    if (pads.length !== 2 * spatial.length) throw invalid(scope, "there must be two pads per spatial axis", { pads });
    const output = full.map((extent, axis) => extent - pads[axis] - pads[axis + spatial.length]);
    if (output.some((extent) => extent < 1)) throw mismatch(scope, "the pads cut everything", { full, pads });
    return { before: pads.slice(0, spatial.length), output };
  }
  const output = wanted ?? spatial.map((extent, axis) => extent * strides[axis]);
  const before = output.map((extent, axis) => {
    const total = Math.max(0, full[axis] - extent);
    return autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
  return { before, output };
}

export const CONVOLUTIONS: OperatorTable = { Conv: conv, ConvTranspose: convTranspose };
