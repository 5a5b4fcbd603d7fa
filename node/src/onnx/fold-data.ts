/**
 * Operators whose output's shape depends on data (numerics, "Lowering": programs have static shapes): they are computed at
 * import, exactly, where their inputs are known then. Refuses data that is not, by the operator's name.
 */

import { fromBits } from "../float/words.ts";
import { takeAt } from "./fold.ts";
import { INDEXING } from "./indexing.ts";
import { axisOf, input, intAttribute, invalid, known, mismatch, requireSize, saturated, standingFor } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { isKnown, knownIntegers, knownList, reshaped, sizeOf, stridesOf } from "./values.ts";
import type { KnownValue, Value } from "./values.ts";

type Exact = number | bigint;

/** Known elements: floats as numbers, integers as they are. */
function exactOf({ at }: KnownValue): Exact[] {
  return at.kind === "words" ? Array.from(at.words, fromBits) : Array.from(at.integers);
}

/** Known elements as numbers: floats, or integers within 2^53. */
function numbersOf({ at }: KnownValue): number[] {
  if (at.kind === "words") return Array.from(at.words, fromBits);
  return Array.from(at.integers, saturated);
}

/** How many elements the reading of one counts as: it becomes a number, and takes part in lists. */
const READINGS = 4;

function knownInput(scope: Scope, index: number): KnownValue {
  return dataOf(scope, input(scope, index), `the data of input ${index}, on which the output's shape depends,`);
}

/** Known data that is read element by element: made once, where it is lazy. */
function dataOf(scope: Scope, value: Value, what: string): KnownValue {
  const data = known(scope, value, what);
  requireSize(scope, sizeOf(data.shape) * READINGS);
  return data.at.kind === "words" ? { ...data, at: { kind: "words", words: data.at.words } } : data;
}

/** [rank, count]: the places of what is not zero, in row-major order. */
function nonZero(scope: Scope): Value[] {
  const value = knownInput(scope, 0);
  const strides = stridesOf(value.shape);
  const data = value.at.kind === "words" ? Float64Array.from(value.at.words, fromBits) : value.at.integers;
  const places: number[] = [];
  data.forEach((item: number | bigint, place: number) => {
    if (Number(item) !== 0) places.push(place);
  });
  const rank = value.shape.length;
  requireSize(scope, rank * places.length);
  const digits = new BigInt64Array(rank * places.length);
  strides.forEach((stride, axis) =>
    places.forEach((place, index) => {
      digits[axis * places.length + index] = BigInt(Math.floor(place / stride) % value.shape[axis]);
    }),
  );
  return [knownIntegers("int64", [rank, places.length], digits)];
}

/** The slices along an axis whose condition holds; of the flat tensor where there is no axis. */
function compress(scope: Scope): Value[] {
  const given = input(scope, 0);
  const conditions = numbersOf(dataOf(scope, input(scope, 1), "the condition, on which the output's shape depends,"));
  const attribute = scope.node.attributes.has("axis") ? intAttribute(scope, "axis", 0) : undefined;
  const value = attribute === undefined ? reshaped(given, [sizeOf(given.shape)]) : given;
  const axis = attribute === undefined ? 0 : axisOf(scope, attribute, given.shape.length);
  if (conditions.length > value.shape[axis]) {
    throw mismatch(scope, "the condition is longer than the axis", { length: conditions.length, shape: value.shape });
  }
  const kept = conditions.flatMap((flag, place) => (flag === 0 ? [] : [place]));
  return [taken(scope, value, axis, kept)];
}

/** The slices at known places of an axis: data at import, a gather when it runs. */
function taken(scope: Scope, value: Value, axis: number, places: readonly number[]): Value {
  if (isKnown(value)) return takeSlices(value, axis, places);
  const attributes = { axis: { type: "int", value: BigInt(axis) } } as const;
  return INDEXING["Gather"](standingFor(scope, [value, knownList(places)], attributes))[0];
}

function takeSlices(value: KnownValue, axis: number, places: readonly number[]): KnownValue {
  const inner = sizeOf(value.shape.slice(axis + 1));
  const extent = value.shape[axis];
  const outer = sizeOf(value.shape.slice(0, axis));
  const shape = value.shape.map((old, other) => (other === axis ? places.length : old));
  const flat = Array.from({ length: outer }, (_, row) =>
    places.flatMap((place) => Array.from({ length: inner }, (__, column) => (row * extent + place) * inner + column)),
  ).flat();
  return takeAt(value, shape, Float64Array.from(flat));
}

/** The distinct slices, where each stands first, which of them each slice is, and how often each occurs. */
function unique(scope: Scope): Value[] {
  const given = knownInput(scope, 0);
  const hasAxis = scope.node.attributes.has("axis");
  const value: KnownValue = hasAxis ? given : { ...given, shape: [sizeOf(given.shape)] };
  const axis = hasAxis ? axisOf(scope, intAttribute(scope, "axis", 0), given.shape.length) : 0;
  const extent = value.shape[axis];
  const slices = Array.from({ length: extent }, (_, place) => exactOf(takeSlices(value, axis, [place])));
  const found = new Map<string, { first: number; count: number }>();
  const keys = slices.map((slice) => slice.join());
  keys.forEach((key, place) => {
    const entry = found.get(key);
    if (entry === undefined) found.set(key, { first: place, count: 1 });
    else entry.count += 1;
  });
  const distinct = [...found.entries()];
  if (intAttribute(scope, "sorted", 1) !== 0) {
    distinct.sort(([, a], [, b]) => compareLists(slices[a.first], slices[b.first]));
  }
  const ranks = new Map(distinct.map(([key], rank) => [key, rank]));
  const firsts = distinct.map(([, { first }]) => first);
  return [
    takeSlices(value, axis, firsts),
    knownList(firsts),
    knownList(keys.map((key) => ranks.get(key)!)),
    knownList(distinct.map(([, { count }]) => count)),
  ];
}

function compareLists(a: readonly Exact[], b: readonly Exact[]): number {
  const at = a.findIndex((item, index) => item !== b[index]);
  if (at < 0) return 0;
  // A NaN comes last, as numpy has it.
  if (Number.isNaN(a[at])) return Number.isNaN(b[at]) ? 0 : 1;
  return Number.isNaN(b[at]) || a[at] < b[at] ? -1 : 1;
}

/** Boxes by score, each unless it overlaps a better one: [selected, 3] of batch, class and box. */
function nonMaxSuppression(scope: Scope): Value[] {
  const [boxes, scores] = [knownInput(scope, 0), knownInput(scope, 1)];
  const scalar = (index: number, absent: number): number => {
    const value = scope.inputs[index];
    return value === undefined ? absent : (numbersOf(knownInput(scope, index))[0] ?? absent);
  };
  const [most, overlap, least] = [scalar(2, 0), scalar(3, 0), scalar(4, -Infinity)];
  const [batches, count, width] = boxes.shape;
  const [, classes] = scores.shape;
  if (width !== 4 || scores.shape[2] !== count || scores.shape[0] !== batches) {
    throw mismatch(scope, "boxes and scores do not fit", { boxes: boxes.shape, scores: scores.shape });
  }
  if (!(overlap >= 0 && overlap <= 1)) throw invalid(scope, "iou_threshold is outside [0, 1]", { overlap });
  const [corners, values] = [numbersOf(boxes), numbersOf(scores)];
  const isCentred = intAttribute(scope, "center_point_box", 0) !== 0;
  const boxAt = (batch: number, index: number): Box => {
    const start = (batch * count + index) * 4;
    return boxOf(corners.slice(start, start + 4), isCentred);
  };
  const selected: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    for (let kind = 0; kind < classes; kind++) {
      const scoreOf = (index: number): number => values[(batch * classes + kind) * count + index];
      const order = Array.from({ length: count }, (_, index) => index)
        .filter((index) => scoreOf(index) > least)
        .sort((a, b) => scoreOf(b) - scoreOf(a) || a - b);
      const kept: number[] = [];
      for (const index of order) {
        if (kept.length >= most) break;
        const own = boxAt(batch, index);
        scope.graph.budget.spendElements(kept.length, scope.identity.node);
        if (kept.some((other) => sharedPart(own, boxAt(batch, other)) > overlap)) continue;
        kept.push(index);
      }
      for (const index of kept) selected.push(batch, kind, index);
    }
  }
  return [knownIntegers("int64", [selected.length / 3, 3], BigInt64Array.from(selected, BigInt))];
}

interface Box {
  readonly low: readonly [number, number];
  readonly high: readonly [number, number];
}

function boxOf([a, b, c, d]: readonly number[], isCentred: boolean): Box {
  const [y1, x1, y2, x2] = isCentred ? [b - d / 2, a - c / 2, b + d / 2, a + c / 2] : [a, b, c, d];
  return { low: [Math.min(y1, y2), Math.min(x1, x2)], high: [Math.max(y1, y2), Math.max(x1, x2)] };
}

/** Area of the intersection over that of the union; 0 where a box has no area. */
function sharedPart(a: Box, b: Box): number {
  const side = (axis: 0 | 1): number => Math.min(a.high[axis], b.high[axis]) - Math.max(a.low[axis], b.low[axis]);
  const area = ({ low, high }: Box): number => (high[0] - low[0]) * (high[1] - low[1]);
  const shared = Math.max(0, side(0)) * Math.max(0, side(1));
  if (area(a) <= 0 || area(b) <= 0 || shared <= 0) return 0;
  return shared / (area(a) + area(b) - shared);
}

export const DATA_DEPENDENT: OperatorTable = {
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  NonMaxSuppression: nonMaxSuppression,
};
