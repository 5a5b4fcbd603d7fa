/**
 * Losses over class scores (numerics, "Lowering"): the score of each label is gathered, weighted, and summed or averaged.
 * Refuses labels and scores whose shapes do not fit.
 */

import { attribute, input, mismatch, requireType, unsupported, wants, wordAttribute } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { elementwise } from "./broadcast.ts";
import { general, transposed } from "./primitives.ts";
import { logSoftmaxRows, reduceRows, rowsAlong, SUM } from "./reduction.ts";
import { axesLast, inverse } from "./shapes.ts";
import { reshaped, sizeOf } from "./values.ts";
import type { Value } from "./values.ts";

interface Labelled {
  /** [n, classes, ...rest], logarithms of probabilities. */
  readonly scores: Value;
  /** [n, ...rest] */
  readonly labels: Value;
  /** [classes] */
  readonly weights: Value | undefined;
  readonly ignored: number | undefined;
}

function labelled(scope: Scope, scores: Value): Labelled {
  const [labels, weights] = [input(scope, 1), scope.inputs[2]];
  requireType(scope, scores, "float32");
  requireType(scope, labels, "int32", "int64");
  const [n, classes, ...rest] = scores.shape;
  if (scores.shape.length < 2 || labels.shape.join() !== [n, ...rest].join()) {
    throw mismatch(scope, "the labels do not fit the scores", { scores: [...scores.shape], labels: [...labels.shape] });
  }
  if (weights !== undefined && weights.shape.join() !== String(classes)) {
    throw mismatch(scope, "the weights are not one per class", { weights: [...weights.shape], classes });
  }
  const given = attribute(scope, "ignore_index", "int");
  const ignored = given === undefined ? undefined : Number(given);
  if (ignored !== undefined && Math.abs(ignored) >= 2 ** 31) throw unsupported(scope, "an ignore_index beyond 32 bits");
  return { scores, labels, weights, ignored };
}

/** Per label: -score * weight, or the weight alone; 0 where the label is ignored. */
function weighted(scope: Scope, { scores, labels, weights, ignored }: Labelled, isLoss: boolean): Value {
  const [n, classes, ...rest] = scores.shape;
  const area = sizeOf(rest);
  const operands = [labels, ...(isLoss ? [scores] : []), ...(weights === undefined ? [] : [weights])];
  return general(scope, {
    elementType: "float32",
    shape: labels.shape,
    extents: [n, area],
    operands,
    define: (b, operand) => {
      const [row, place] = b.digits;
      const label = b.load(operand[0], b.index);
      const weight = weights === undefined ? b.f32(1) : b.load(operand[operand.length - 1], label);
      const score = (): ReturnType<typeof b.load> =>
        b.load(operand[1], b.addI(b.mulI(b.addI(b.mulI(row, classes), label), area), place));
      const counted = !isLoss ? weight : weights === undefined ? b.neg(score()) : b.neg(b.mul(score(), weight));
      return ignored === undefined ? counted : b.select(b.eqI(label, ignored), b.f32(0), counted);
    },
  });
}

function total(scope: Scope, value: Value): Value {
  return reduceRows(scope, { value, shape: [], count: sizeOf(value.shape) }, SUM);
}

function lossOf(scope: Scope, data: Labelled): Value {
  const losses = weighted(scope, data, true);
  const reduction = wordAttribute(scope, "reduction", ["mean", "sum", "none"]);
  if (reduction === "none") return losses;
  const sum = total(scope, losses);
  if (reduction === "sum") return sum;
  const divisor = total(scope, weighted(scope, data, false));
  return elementwise(scope, [sum, divisor], "float32", (b, x, y) => b.div(x, y));
}

function softmaxCrossEntropy(scope: Scope): Value[] {
  const scores = input(scope, 0);
  requireType(scope, scores, "float32");
  const rows = rowsAlong(scope, scores, [1]);
  const logs = reshaped(logSoftmaxRows(scope, rows), rows.value.shape);
  const logarithms = transposed(scope, logs, inverse(axesLast(scores.shape.length, [1])));
  const loss = lossOf(scope, labelled(scope, logarithms));
  return wants(scope, 1) ? [loss, logarithms] : [loss];
}

export const LOSSES: OperatorTable = {
  NegativeLogLikelihoodLoss: (scope) => [lossOf(scope, labelled(scope, input(scope, 0)))],
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
