/**
 * The operators of the domain com.microsoft that exporters of language models and onnxruntime's optimiser write: activations,
 * normalisations with a residual, and fused products and convolutions (numerics, "Lowering"). They are forms of standard
 * operators and lower as those do. Refuses activations and transpositions beyond those listed.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { elementwise } from "./broadcast.ts";
import type { WordFunction } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { lastTwoSwapped, matMul } from "./contraction.ts";
import { convolved } from "./convolution.ts";
import { GREATEST } from "./elementwise.ts";
import { INDEXING } from "./indexing.ts";
import * as math from "./math.ts";
import {
  attribute,
  axisOf,
  floatAttribute,
  input,
  intAttribute,
  mismatch,
  requireSize,
  requireType,
  standingFor,
  stringAttribute,
  unsupported,
} from "./node.ts";
import type { Lower, OperatorTable, Scope } from "./node.ts";
import { normaliseRows } from "./normalization.ts";
import { reduceRows } from "./reduction.ts";
import { filled } from "./shape.ts";
import { knownIntegers, reshaped, sizeOf } from "./values.ts";
import type { Value } from "./values.ts";

/** An activation of the first input plus the optional second. */
function ofSum(define: WordFunction): Lower {
  return (scope) => {
    const values = scope.inputs.filter((value) => value !== undefined);
    values.forEach((value) => requireType(scope, value, "float32"));
    input(scope, 0);
    return [elementwise(scope, values, "float32", (b, x, more) => define(b, more === undefined ? x : b.add(x, more)))];
  };
}

function quickGelu(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  const alpha = floatAttribute(scope, "alpha", 1.702);
  return [elementwise(scope, [x], "float32", (b, word) => b.mul(word, math.sigmoid(b, b.mul(word, alpha))))];
}

/** Rows along the last axis: x less its mean (where it centres) over its deviation, scaled and moved. */
function normalised(
  scope: Scope,
  x: Value,
  scale: Value,
  bias: Value | undefined,
  epsilon: number,
  centers: boolean,
): { y: Value; mean: Value | undefined; rstd: Value } {
  const outer = x.shape.slice(0, -1);
  const count = x.shape.at(-1)!;
  for (const value of [x, scale, ...(bias === undefined ? [] : [bias])]) requireType(scope, value, "float32");
  if (sizeOf(scale.shape) !== count || (bias !== undefined && sizeOf(bias.shape) !== count)) {
    throw mismatch(scope, "scale and bias are not one per element of a row", {
      x: [...x.shape],
      scale: [...scale.shape],
    });
  }
  const perElement = (value: Value) => ({ value, strides: [...outer.map(() => 0), 1], offset: 0 });
  const rows = { value: x, shape: outer, count };
  const { y, mean, rstd } = normaliseRows(scope, rows, {
    epsilon,
    centers,
    scale: perElement(scale),
    bias: bias === undefined ? undefined : perElement(bias),
  });
  const kept = [...outer, 1];
  return {
    y: reshaped(y, x.shape),
    mean: mean === undefined ? undefined : reshaped(mean, kept),
    rstd: reshaped(rstd, kept),
  };
}

/** Input, residual and bias added, and the sum normalised. */
function skipNormalization(centers: boolean): Lower {
  return (scope) => {
    const [x, skip, gamma] = [input(scope, 0), input(scope, 1), input(scope, 2)];
    const beta = centers ? scope.inputs[3] : undefined;
    const bias = scope.inputs[centers ? 4 : 3];
    const parts = [x, skip, ...(bias === undefined ? [] : [bias])];
    parts.forEach((value) => requireType(scope, value, "float32"));
    const sum = elementwise(scope, parts, "float32", (b, first, ...rest) =>
      rest.reduce((left, word) => b.add(left, word), first),
    );
    if (sum.shape.join() !== x.shape.join()) {
      throw mismatch(scope, "the residual is larger than the input", { x: [...x.shape], skip: [...skip.shape] });
    }
    const { y, mean, rstd } = normalised(scope, sum, gamma, beta, floatAttribute(scope, "epsilon", 1e-12), centers);
    return [y, mean ?? rstd, rstd, sum];
  };
}

function simplifiedLayerNormalization(scope: Scope): Value[] {
  const x = input(scope, 0);
  const axis = axisOf(scope, intAttribute(scope, "axis", -1), x.shape.length);
  const [outer, count] = [x.shape.slice(0, axis), sizeOf(x.shape.slice(axis))];
  const flat = reshaped(x, [...outer, count]);
  const { y, rstd } = normalised(
    scope,
    flat,
    input(scope, 1),
    undefined,
    floatAttribute(scope, "epsilon", 1e-5),
    false,
  );
  return [reshaped(y, x.shape), reshaped(rstd, [...outer, ...x.shape.slice(axis).map(() => 1)])];
}

function gathered(scope: Scope, table: Value, indices: Value): Value {
  return INDEXING["Gather"](standingFor(scope, [table, indices], {}))[0];
}

/** Word, position and segment embeddings added and normalised. */
function embedLayerNormalization(scope: Scope): Value[] {
  const [ids, segments, words, positions, kinds, gamma, beta] = [0, 1, 2, 3, 4, 5, 6].map(
    (index) => scope.inputs[index],
  );
  if (
    ids === undefined ||
    words === undefined ||
    positions === undefined ||
    gamma === undefined ||
    beta === undefined
  ) {
    throw mismatch(scope, "the ids, the embeddings, gamma and beta are required", {});
  }
  const [batch, length] = ids.shape;
  const places = scope.inputs[8];
  requireSize(scope, length);
  const line = knownIntegers(
    "int64",
    [length],
    BigInt64Array.from({ length }, (_, index) => BigInt(index)),
  );
  const parts = [gathered(scope, words, ids), gathered(scope, positions, places ?? line)];
  if (kinds !== undefined && segments !== undefined) parts.push(gathered(scope, kinds, segments));
  const sum = elementwise(scope, parts, "float32", (b, first, ...rest) =>
    rest.reduce((left, word) => b.add(left, word), first),
  );
  const { y } = normalised(scope, sum, gamma, beta, floatAttribute(scope, "epsilon", 1e-12), true);
  return [y, validLengths(scope, scope.inputs[7], batch), sum];
}

/** How many positions a mask [batch, length] leaves; 0 without a mask. */
function validLengths(scope: Scope, mask: Value | undefined, batch: number): Value {
  if (mask === undefined) return filled(scope, [batch], knownIntegers("int32", [], BigInt64Array.of(0n)));
  const rows = { value: cast(scope, mask, "int32"), shape: [batch], count: mask.shape[1] };
  return reduceRows(scope, rows, {
    elementType: "int32",
    init: 0,
    body: (b, total, item) => b.addI(total, b.i32FromBool(b.eqI(item, 1))),
    combine: (b, total, part) => b.addI(total, part),
  });
}

/** alpha * A B of possibly transposed sides. */
function fusedMatMul(scope: Scope): Value[] {
  for (const name of ["transBatchA", "transBatchB"]) {
    if (intAttribute(scope, name, 0) !== 0) throw unsupported(scope, `attribute ${name}`);
  }
  const side = (index: number, name: string): Value => {
    const value = input(scope, index);
    const isTransposed = intAttribute(scope, name, 0) !== 0 && value.shape.length > 1;
    return isTransposed ? lastTwoSwapped(scope, value) : value;
  };
  const product = matMul(scope, side(0, "transA"), side(1, "transB"));
  const alpha = floatAttribute(scope, "alpha", 1);
  return [alpha === 1 ? product : elementwise(scope, [product], "float32", (b, x) => b.mul(x, alpha))];
}

function activationOf(scope: Scope): (b: ScalarBuilder, x: Register) => Register {
  const name = stringAttribute(scope, "activation", "");
  const [first, second] = attribute(scope, "activation_params", "floats") ?? [];
  switch (name) {
    case "":
      return (_, x) => x;
    case "Relu":
      return (b, x) => b.max(x, 0);
    case "Tanh":
      return math.tanh;
    case "Sigmoid":
      return math.sigmoid;
    case "LeakyRelu":
      return (b, x) => b.select(b.lt(x, 0), b.mul(x, first ?? 0.01), x);
    case "Clip":
      return (b, x) => b.min(b.max(x, first ?? -GREATEST), second ?? GREATEST);
    case "HardSigmoid":
      return (b, x) => b.max(b.min(b.fma(x, first ?? 0.2, b.f32(second ?? 0.5)), 1), 0);
    default:
      throw unsupported(scope, `activation ${name}`);
  }
}

/** A convolution, a residual added, and an activation. */
function fusedConv(scope: Scope): Value[] {
  const [x, w] = [input(scope, 0), input(scope, 1)];
  [x, w].forEach((value) => requireType(scope, value, "float32"));
  const activate = activationOf(scope);
  const sums = convolved(scope, x, w, scope.inputs[2]);
  const residual = scope.inputs[3];
  const parts = residual === undefined ? [sums] : [sums, residual];
  return [
    elementwise(scope, parts, "float32", (b, word, more) => activate(b, more === undefined ? word : b.add(word, more))),
  ];
}

export const MICROSOFT: OperatorTable = {
  "com.microsoft.Gelu": ofSum(math.gelu),
  "com.microsoft.BiasGelu": ofSum(math.gelu),
  "com.microsoft.FastGelu": ofSum(math.geluByTanh),
  "com.microsoft.QuickGelu": quickGelu,
  "com.microsoft.SkipLayerNormalization": skipNormalization(true),
  "com.microsoft.SkipSimplifiedLayerNormalization": skipNormalization(false),
  "com.microsoft.SimplifiedLayerNormalization": simplifiedLayerNormalization,
  SimplifiedLayerNormalization: simplifiedLayerNormalization,
  "com.microsoft.EmbedLayerNormalization": embedLayerNormalization,
  "com.microsoft.FusedMatMul": fusedMatMul,
  "com.microsoft.FusedConv": fusedConv,
};
