/**
 * Optimiser steps of the domain ai.onnx.preview.training (numerics, "Lowering"): elementwise primitives for each tensor. Rates
 * and counts may be known or not. Refuses nothing beyond what elementwise primitives refuse.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { elementwise } from "./broadcast.ts";
import type { WordFunction } from "./broadcast.ts";
import { cast } from "./cast.ts";
import * as math from "./math.ts";
import { floatAttribute, input, invalid, requireType, wordAttribute } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { reshaped } from "./values.ts";
import type { Value } from "./values.ts";

/** The inputs after rate and count, in groups of one entry per tensor: x, gradient, state ... */
function groupsOf(scope: Scope, groups: number): Value[][] {
  const rest = scope.inputs.slice(2).map((_, index) => input(scope, index + 2));
  const count = rest.length / groups;
  if (!Number.isInteger(count) || count < 1)
    throw invalid(scope, "the inputs are no whole number of tensors", { inputs: rest.length });
  rest.forEach((value) => requireType(scope, value, "float32"));
  return Array.from({ length: count }, (_, tensor) =>
    Array.from({ length: groups }, (__, group) => rest[group * count + tensor]),
  );
}

const scalar = (scope: Scope, index: number): Value => reshaped(cast(scope, input(scope, index), "float32"), []);

/** The outputs of all tensors, by kind: all new tensors, then all new states. */
function byKind(results: readonly (readonly Value[])[]): Value[] {
  return results[0].flatMap((_, kind) => results.map((values) => values[kind]));
}

/** gradient + coefficient * x: the gradient of the loss with the squared norm beside it. */
function regularised(b: ScalarBuilder, gradient: Register, x: Register, coefficient: number): Register {
  return coefficient === 0 ? gradient : b.fma(x, coefficient, gradient);
}

function adagrad(scope: Scope): Value[] {
  const [rate, count] = [scalar(scope, 0), scalar(scope, 1)];
  const [decay, epsilon, norm] = [
    floatAttribute(scope, "decay_factor", 0),
    floatAttribute(scope, "epsilon", 0),
    floatAttribute(scope, "norm_coefficient", 0),
  ];
  const results = groupsOf(scope, 3).map(([x, gradient, squares]) => {
    const next = elementwise(scope, [x, gradient, squares], "float32", (b, w, g, h) => {
      const whole = regularised(b, g, w, norm);
      return b.fma(whole, whole, h);
    });
    const moved: WordFunction = (b, w, g, h, r, t) => {
      const slowed = b.div(r, b.fma(t, decay, b.f32(1)));
      const step = b.div(regularised(b, g, w, norm), b.add(b.sqrt(h), epsilon));
      return b.fma(b.neg(slowed), step, w);
    };
    return [elementwise(scope, [x, gradient, next, rate, count], "float32", moved), next];
  });
  return byKind(results);
}

function adam(scope: Scope): Value[] {
  const [rate, count] = [scalar(scope, 0), scalar(scope, 1)];
  const [alpha, beta, epsilon, norm, after] = [
    floatAttribute(scope, "alpha", 0.9),
    floatAttribute(scope, "beta", 0.999),
    floatAttribute(scope, "epsilon", 1e-6),
    floatAttribute(scope, "norm_coefficient", 0),
    floatAttribute(scope, "norm_coefficient_post", 0),
  ];
  // The rate is corrected for the averages' start from 0, except at count 0.
  const corrected = elementwise(scope, [rate, count], "float32", (b, r, t) => {
    const rest = (base: number): Register => b.sub(1, math.pow(b, b.f32(base), t));
    return b.select(b.lt(0, t), b.div(b.mul(r, b.sqrt(rest(beta))), rest(alpha)), r);
  });
  const results = groupsOf(scope, 4).map(([x, gradient, first, second]) => {
    const mean = elementwise(scope, [x, gradient, first], "float32", (b, w, g, v) =>
      b.fma(v, alpha, b.mul(regularised(b, g, w, norm), b.sub(1, b.f32(alpha)))),
    );
    const square = elementwise(scope, [x, gradient, second], "float32", (b, w, g, h) => {
      const whole = regularised(b, g, w, norm);
      return b.fma(h, beta, b.mul(b.mul(whole, whole), b.sub(1, b.f32(beta))));
    });
    const moved = elementwise(scope, [x, mean, square, corrected], "float32", (b, w, v, h, r) => {
      const next = b.fma(b.neg(r), b.div(v, b.add(b.sqrt(h), epsilon)), w);
      return after === 0 ? next : b.mul(next, b.sub(1, b.f32(after)));
    });
    return [moved, mean, square];
  });
  return byKind(results);
}

function momentum(scope: Scope): Value[] {
  const [rate, count] = [scalar(scope, 0), scalar(scope, 1)];
  const [alpha, beta, norm] = [
    floatAttribute(scope, "alpha", 0),
    floatAttribute(scope, "beta", 0),
    floatAttribute(scope, "norm_coefficient", 0),
  ];
  const isNesterov = wordAttribute(scope, "mode", ["standard", "nesterov"]) === "nesterov";
  const results = groupsOf(scope, 3).map(([x, gradient, velocity]) => {
    const next = elementwise(scope, [x, gradient, velocity, count], "float32", (b, w, g, v, t) => {
      const weight = b.select(b.lt(0, t), b.f32(beta), b.f32(1));
      return b.fma(v, alpha, b.mul(regularised(b, g, w, norm), weight));
    });
    const moved = elementwise(scope, [x, gradient, next, rate], "float32", (b, w, g, v, r) => {
      const step = isNesterov ? b.fma(v, alpha, regularised(b, g, w, norm)) : v;
      return b.fma(b.neg(r), step, w);
    });
    return [moved, next];
  });
  return byKind(results);
}

export const TRAINING: OperatorTable = {
  "ai.onnx.preview.training.Adagrad": adagrad,
  "ai.onnx.preview.training.Adam": adam,
  "ai.onnx.preview.training.Momentum": momentum,
};
