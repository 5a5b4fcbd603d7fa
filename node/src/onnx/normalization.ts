/**
 * Normalisations as statistics per row or channel and one elementwise primitive (numerics, "Lowering"): statistics of known
 * tensors are folded at import. Refuses training outputs beyond those of BatchNormalization's training mode.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { elementwise } from "./broadcast.ts";
import { broadcastStrides } from "./fold.ts";
import { padded } from "./padding.ts";
import * as math from "./math.ts";
import {
  axesOf,
  axisOf,
  floatAttribute,
  input,
  intAttribute,
  intsAttribute,
  invalid,
  mismatch,
  requireType,
  unsupported,
  wants,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { map, readAll, reduction, transposed } from "./primitives.ts";
import type { Read } from "./primitives.ts";
import { meanOf, reduceRows, rowsAlong, SUM, SUM_OF_SQUARES, varianceFrom } from "./reduction.ts";
import type { Rows } from "./reduction.ts";
import { axesLast, inverse } from "./shapes.ts";
import { reshaped, sizeOf, stridesOf } from "./values.ts";
import type { Value } from "./values.ts";

/** A tensor of one element per channel, read along axis 1 of `shape`. */
function perChannel(value: Value, shape: readonly number[]): Read {
  return { value, strides: shape.map((_, axis) => (axis === 1 ? 1 : 0)), offset: 0 };
}

/** scale / sqrt(variance + epsilon), and bias - mean * that: one multiplication and addition an element remain. */
function affineOf(
  scope: Scope,
  scale: Value,
  bias: Value,
  mean: Value,
  variance: Value,
  epsilon: number,
): [Value, Value] {
  const factor = elementwise(scope, [scale, variance], "float32", (b, s, v) => b.div(s, b.sqrt(b.add(v, epsilon))));
  const shift = elementwise(scope, [bias, mean, factor], "float32", (b, c, m, f) => b.fma(b.neg(m), f, c));
  return [factor, shift];
}

function batchNormalization(scope: Scope): Value[] {
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((index) => input(scope, index));
  [x, scale, bias, mean, variance].forEach((value) => requireType(scope, value, "float32"));
  const channels = x.shape[1] ?? 1;
  if ([scale, bias, mean, variance].some(({ shape }) => sizeOf(shape) !== channels) || x.shape.length < 2) {
    throw mismatch(scope, "the parameters are not one per channel", { x: [...x.shape], scale: [...scale.shape] });
  }
  const epsilon = floatAttribute(scope, "epsilon", 1e-5);
  const isTraining = scope.opset >= 14 && intAttribute(scope, "training_mode", 0) !== 0;
  if (!isTraining && [1, 2, 3, 4].some((index) => wants(scope, index))) throw unsupported(scope, "training outputs");
  const [usedMean, usedVariance] = isTraining ? channelStatistics(scope, x) : [mean, variance];
  const [factor, shift] = affineOf(scope, scale, bias, usedMean, usedVariance, epsilon);
  const y = map(scope, {
    elementType: "float32",
    shape: x.shape,
    reads: [readAll(x), perChannel(factor, x.shape), perChannel(shift, x.shape)],
    define: (b, [word, f, s]) => b.fma(word, f, s),
  });
  if (!isTraining) return [y];
  const momentum = floatAttribute(scope, "momentum", 0.9);
  const running = (before: Value, now: Value): Value =>
    elementwise(scope, [before, now], "float32", (b, old, item) =>
      b.fma(old, momentum, b.mul(item, b.sub(1, b.f32(momentum)))),
    );
  return [y, running(mean, usedMean), running(variance, usedVariance)];
}

/** Mean and variance of each channel over everything else. */
function channelStatistics(scope: Scope, x: Value): [Value, Value] {
  const rows = rowsAlong(
    scope,
    x,
    x.shape.map((_, axis) => axis).filter((axis) => axis !== 1),
  );
  const mean = reduceRows(scope, rows, meanOf(rows.count));
  return [mean, reduceRows(scope, rows, varianceFrom(mean, rows.count))];
}

/** (x - mean) * rstd of each row, then scale and bias read by `parameters` from the whole tensor [...rows, count]. */
interface Normalised {
  readonly y: Value;
  readonly mean: Value | undefined;
  readonly rstd: Value;
}

interface RowParameters {
  readonly epsilon: number;
  /** Whether the mean is subtracted. */
  readonly centers: boolean;
  readonly scale: Read | undefined;
  readonly bias: Read | undefined;
}

/** Normalises rows; the reads are over [...rows.shape, rows.count]. */
export function normaliseRows(scope: Scope, rows: Rows, { epsilon, centers, scale, bias }: RowParameters): Normalised {
  const root = (b: ScalarBuilder, total: Register): Register =>
    b.div(1, b.sqrt(b.add(b.div(total, rows.count), epsilon)));
  const mean = centers ? reduceRows(scope, rows, meanOf(rows.count)) : undefined;
  const spread = mean === undefined ? SUM_OF_SQUARES : varianceFrom(mean, rows.count);
  const rstd = reduceRows(scope, rows, { ...spread, finish: root });
  const shape = [...rows.shape, rows.count];
  const perRow = (value: Value): Read => ({ value, strides: [...stridesOf(rows.shape), 0], offset: 0 });
  const optional = [mean === undefined ? undefined : perRow(mean), scale, bias];
  const reads = [readAll(reshaped(rows.value, shape)), perRow(rstd), ...optional.filter((read) => read !== undefined)];
  const y = map(scope, {
    elementType: "float32",
    shape,
    reads,
    define: (b, [x, factor, ...rest]) => {
      const centered = mean === undefined ? x : b.sub(x, rest.shift()!);
      const unit = b.mul(centered, factor);
      const scaled = scale === undefined ? unit : rest.shift()!;
      if (scale === undefined) return bias === undefined ? unit : b.add(unit, rest.shift()!);
      return bias === undefined ? b.mul(unit, scaled) : b.fma(unit, scaled, rest.shift()!);
    },
  });
  return { y, mean, rstd };
}

/** LayerNormalization and RMSNormalization: rows are everything from `axis` on. */
function normaliseFromAxis(scope: Scope, centers: boolean): Value[] {
  const [x, scale, bias] = [input(scope, 0), input(scope, 1), centers ? scope.inputs[2] : undefined];
  [x, scale, ...(bias === undefined ? [] : [bias])].forEach((value) => requireType(scope, value, "float32"));
  const axis = axisOf(scope, intAttribute(scope, "axis", -1), x.shape.length);
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis)];
  const count = sizeOf(inner);
  const broadcast = (value: Value | undefined): Read | undefined => {
    if (value === undefined) return undefined;
    if (sizeOf(value.shape) === count) return { value, strides: [...outer.map(() => 0), 1], offset: 0 };
    if (sizeOf(value.shape) === 1) return { value, strides: [...outer.map(() => 0), 0], offset: 0 };
    throw unsupported(scope, "a scale or bias of another shape than the normalised axes");
  };
  const epsilon = floatAttribute(scope, "epsilon", 1e-5);
  const rows: Rows = { value: x, shape: outer, count };
  const { y, mean, rstd } = normaliseRows(scope, rows, {
    epsilon,
    centers,
    scale: broadcast(scale),
    bias: broadcast(bias),
  });
  const kept = [...outer, ...inner.map(() => 1)];
  const results = [reshaped(y, x.shape)];
  return mean === undefined ? results : [...results, reshaped(mean, kept), reshaped(rstd, kept)];
}

/** InstanceNormalization and GroupNormalization: rows are the elements of a group of channels. */
function normaliseGroups(scope: Scope, groups: number, perGroup: boolean): Value[] {
  const [x, scale, bias] = [input(scope, 0), input(scope, 1), input(scope, 2)];
  [x, scale, bias].forEach((value) => requireType(scope, value, "float32"));
  const [n, channels] = x.shape;
  const area = sizeOf(x.shape.slice(2));
  const inner = channels / groups;
  const own = perGroup ? groups : channels;
  if (!Number.isInteger(inner) || sizeOf(scale.shape) !== own || sizeOf(bias.shape) !== own) {
    throw mismatch(scope, "the parameters do not fit the channels", {
      x: [...x.shape],
      scale: [...scale.shape],
      groups,
    });
  }
  const rows: Rows = { value: x, shape: [n, groups], count: inner * area };
  const epsilon = floatAttribute(scope, "epsilon", 1e-5);
  const { y } = normaliseRows(scope, rows, { epsilon, centers: true, scale: undefined, bias: undefined });
  const strides = perGroup ? [0, 1, 0, 0] : [0, inner, 1, 0];
  const scaled = map(scope, {
    elementType: "float32",
    shape: [n, groups, inner, area],
    reads: [
      readAll(reshaped(y, [n, groups, inner, area])),
      { value: scale, strides, offset: 0 },
      { value: bias, strides, offset: 0 },
    ],
    define: (b, [unit, factor, shift]) => b.fma(unit, factor, shift),
  });
  return [reshaped(scaled, x.shape)];
}

function meanVarianceNormalization(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const axes = axesOf(scope, intsAttribute(scope, "axes") ?? [0, 2, 3], x.shape.length);
  const rows = rowsAlong(scope, x, axes);
  // The operator's definition adds 1e-9 to the deviation; to the variance that is below its last place.
  const { y } = normaliseRows(scope, rows, { epsilon: 1e-18, centers: true, scale: undefined, bias: undefined });
  return [transposed(scope, reshaped(y, rows.value.shape), inverse(axesLast(x.shape.length, axes)))];
}

function lpNormalization(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const axis = axisOf(scope, intAttribute(scope, "axis", -1), x.shape.length);
  const p = intAttribute(scope, "p", 2);
  if (p !== 1 && p !== 2) throw invalid(scope, "p is neither 1 nor 2", { p });
  const isL1 = p === 1;
  const rows = rowsAlong(scope, x, [axis]);
  const norm = isL1
    ? reduceRows(scope, rows, { ...SUM, body: (b, total, item) => b.add(total, b.abs(item)) })
    : reduceRows(scope, rows, { ...SUM_OF_SQUARES, finish: (b, total) => b.sqrt(total) });
  const kept = reshaped(
    norm,
    x.shape.map((extent, other) => (other === axis ? 1 : extent)),
  );
  return [elementwise(scope, [x, kept], "float32", (b, word, by) => b.div(word, by))];
}

/** x / (bias + alpha/size * sum of squares over neighbouring channels) ^ beta. */
function localResponse(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const size = intAttribute(scope, "size", 1);
  const [alpha, beta, bias] = [
    floatAttribute(scope, "alpha", 1e-4),
    floatAttribute(scope, "beta", 0.75),
    floatAttribute(scope, "bias", 1),
  ];
  const [n, channels] = x.shape;
  const area = sizeOf(x.shape.slice(2));
  const front = Math.floor((size - 1) / 2);
  const flat = reshaped(x, [n, channels, area]);
  const held = padded(scope, flat, [0, front, 0], [0, size - 1 - front, 0], "constant", undefined);
  const shape = [n, channels, area];
  const sums = reduction(scope, {
    elementType: "float32",
    shape,
    count: size,
    total: "float32",
    init: 0,
    streams: [{ value: held, strides: [(channels + size - 1) * area, area, 1], offset: 0, pattern: [[size, area]] }],
    body: (b, total, [item]) => b.fma(item, item, total),
    combine: (b, total, block) => b.add(total, block),
    reads: [{ value: flat, strides: broadcastStrides(shape, shape), offset: 0 }],
    finish: (b, total, [word]) => {
      const base = b.fma(total, b.div(alpha, size), bias);
      return b.div(word, math.pow(b, base, b.f32(beta)));
    },
  });
  return [reshaped(sums, x.shape)];
}

export const NORMALIZATIONS: OperatorTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: (scope) => normaliseFromAxis(scope, true),
  RMSNormalization: (scope) => normaliseFromAxis(scope, false),
  InstanceNormalization: (scope) => normaliseGroups(scope, input(scope, 0).shape[1], false),
  GroupNormalization: (scope) => normaliseGroups(scope, intAttribute(scope, "num_groups", 1), scope.opset < 21),
  MeanVarianceNormalization: meanVarianceNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponse,
};
