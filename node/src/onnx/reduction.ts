/**
 * Operators that reduce rows, and those made of row reductions (numerics, "Lowering"): the reduced axes are brought to the
 * end, float sums of 32 elements or more run in 32 lanes, and Softmax is four primitives. Refuses axes that depend on data.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { elementwise, maxOf, minOf } from "./broadcast.ts";
import { computedType } from "./cast.ts";
import { foldRows } from "./fold.ts";
import type { IntegerFunction } from "./fold.ts";
import * as math from "./math.ts";
import { axesOf, axisOf, input, intAttribute, numbersOf, requireSize, requireType, unsupported } from "./node.ts";
import type { Lower, OperatorTable, Scope } from "./node.ts";
import { map, readAll, reduction, transposed } from "./primitives.ts";
import type { IterationWords, Read, ReductionDraft } from "./primitives.ts";
import { axesLast, inverse } from "./shapes.ts";
import { hasIntegers, reshaped, sizeOf, stridesOf, WORD_TYPE } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

/** Rows of neighbouring elements. */
export interface Rows {
  /** [...shape, count], row-major. */
  readonly value: Value;
  /** Shape of the tensor of rows. */
  readonly shape: readonly number[];
  /** Elements of a row. */
  readonly count: number;
}

/** The rows along the given axes, which are moved to the end. */
export function rowsAlong(scope: Scope, value: Value, axes: readonly number[]): Rows {
  const moved = transposed(scope, value, axesLast(value.shape.length, axes));
  const shape = moved.shape.slice(0, value.shape.length - axes.length);
  return { value: moved, shape, count: sizeOf(axes.map((axis) => value.shape[axis])) };
}

/** How the elements of a row become one. */
export interface RowFold {
  readonly elementType: ElementType;
  readonly init: number | boolean;
  readonly body: (b: ScalarBuilder, total: Register, item: Register, at: IterationWords) => Register;
  readonly combine: (b: ScalarBuilder, total: Register, block: Register) => Register;
  /** One tensor element per row, for `body`. */
  readonly outer?: readonly Value[];
  readonly finish?: ReductionDraft["finish"];
}

/** Reduces every row. */
export function reduceRows(scope: Scope, rows: Rows, fold: RowFold): Value {
  const { shape, count, value } = rows;
  return reduction(scope, {
    elementType: fold.elementType,
    shape,
    count,
    lanes: count >= 32 ? 32 : 1,
    total: fold.elementType,
    init: fold.init,
    streams: [{ value, strides: stridesOf(shape).map((stride) => stride * count), offset: 0, pattern: [[count, 1]] }],
    outer: (fold.outer ?? []).map((word): Read => ({ value: word, strides: stridesOf(shape), offset: 0 })),
    body: (b, total, [item], at) => fold.body(b, total, item, at),
    combine: fold.combine,
    ...(fold.finish === undefined ? {} : { finish: fold.finish }),
  });
}

const add = (b: ScalarBuilder, x: Register, y: Register): Register => b.add(x, y);

export const SUM: RowFold = { elementType: "float32", init: 0, body: add, combine: add };
export const SUM_OF_SQUARES: RowFold = { ...SUM, body: (b, total, item) => b.fma(item, item, total) };
/** A NaN among the elements may be lost. */
export const QUICK_MAX: RowFold = {
  elementType: "float32",
  init: -Infinity,
  body: (b, total, item) => b.max(total, item),
  combine: (b, total, block) => b.max(total, block),
};

/** Sum divided by the number of elements. */
export function meanOf(count: number): RowFold {
  return { ...SUM, finish: (b, total) => b.div(total, count) };
}

/** Mean of the squared distances from `mean`. */
export function varianceFrom(mean: Value, count: number): RowFold {
  return {
    ...SUM,
    outer: [mean],
    body: (b, total, item, { outer: [center] }) => {
      const distance = b.sub(item, center);
      return b.fma(distance, distance, total);
    },
    finish: (b, total) => b.div(total, count),
  };
}

interface Reducer {
  readonly f32?: RowFold;
  readonly i32?: Omit<RowFold, "elementType">;
  readonly bool?: Omit<RowFold, "elementType">;
  readonly exact?: IntegerFunction;
  /** Whether `i32` takes words as signed numbers, which those of uint32 are not. */
  readonly isSigned?: true;
}

function reducerOf(join: (b: ScalarBuilder, x: Register, y: Register) => Register, init: number | boolean) {
  return { init, body: join, combine: join };
}

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
const maxI = (b: ScalarBuilder, x: Register, y: Register): Register => b.maxI(x, y);
const minI = (b: ScalarBuilder, x: Register, y: Register): Register => b.minI(x, y);
const addI = (b: ScalarBuilder, x: Register, y: Register): Register => b.addI(x, y);
const mul = (b: ScalarBuilder, x: Register, y: Register): Register => b.mul(x, y);
const larger: IntegerFunction = (a, b) => (a > b ? a : b);
const smaller: IntegerFunction = (a, b) => (a < b ? a : b);

/** The folds of the Reduce operators, by name. */
export const REDUCERS: Readonly<Record<string, Reducer>> = {
  ReduceSum: { f32: SUM, i32: reducerOf(addI, 0), exact: (a, b) => a + b },
  ReduceMax: {
    f32: { elementType: "float32", ...reducerOf(maxOf, -Infinity) },
    i32: reducerOf(maxI, INT_MIN),
    bool: reducerOf((b, x, y) => b.or(x, y), false),
    exact: larger,
    isSigned: true,
  },
  ReduceMin: {
    f32: { elementType: "float32", ...reducerOf(minOf, Infinity) },
    i32: reducerOf(minI, INT_MAX),
    bool: reducerOf((b, x, y) => b.and(x, y), true),
    exact: smaller,
    isSigned: true,
  },
  ReduceProd: {
    f32: { elementType: "float32", ...reducerOf(mul, 1) },
    i32: reducerOf((b, x, y) => b.mulI(x, y), 1),
    exact: (a, b) => a * b,
  },
  ReduceSumSquare: {
    f32: SUM_OF_SQUARES,
    i32: { init: 0, body: (b, total, item) => b.addI(total, b.mulI(item, item)), combine: addI },
  },
  ReduceL1: {
    f32: { ...SUM, body: (b, total, item) => b.add(total, b.abs(item)) },
    i32: {
      init: 0,
      body: (b, total, item) => b.addI(total, b.select(b.ltI(item, 0), b.subI(0, item), item)),
      combine: addI,
    },
    isSigned: true,
  },
  ReduceL2: { f32: { ...SUM_OF_SQUARES, finish: (b, total) => b.sqrt(total) } },
  ReduceLogSum: { f32: { ...SUM, finish: (b, total) => math.log(b, total) } },
};

/** The axes of a Reduce operator; undefined where it is to do nothing. */
function reducedAxes(scope: Scope, rank: number): number[] | undefined {
  const sinceInput = scope.identity.operator === "ReduceSum" ? 13 : 18;
  const given = numbersOf(scope, "axes", 1, sinceInput);
  if (given !== undefined && given.length > 0) return axesOf(scope, given, rank).sort((a, b) => a - b);
  if (scope.opset >= sinceInput && intAttribute(scope, "noop_with_empty_axes", 0) !== 0) return undefined;
  return Array.from({ length: rank }, (_, axis) => axis);
}

function reduceWith(lowerRows: (scope: Scope, rows: Rows) => Value): Lower {
  return (scope) => {
    const value = input(scope, 0);
    const axes = reducedAxes(scope, value.shape.length) ?? [];
    const reduced = lowerRows(scope, rowsAlong(scope, value, axes));
    const keeps = intAttribute(scope, "keepdims", 1) !== 0;
    const kept = value.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    return [keeps ? reshaped(reduced, kept) : reduced];
  };
}

function reduceBy(reducer: Reducer): Lower {
  return reduceWith((scope, rows) => {
    const { elementType } = rows.value;
    if (reducer.exact !== undefined && hasIntegers(rows.value) && rows.count > 0) {
      requireSize(scope, sizeOf(rows.shape) * rows.count);
      return foldRows(rows.value, rows.shape, rows.count, reducer.exact);
    }
    const isOrdered = elementType !== "uint32" || reducer.isSigned !== true;
    const computed = computedType(scope, rows.value);
    const fold = isOrdered ? reducer[WORD_TYPE[computed]] : undefined;
    if (fold === undefined) throw unsupported(scope, `element type ${elementType}`);
    return reduceRows(scope, rows, { ...fold, elementType });
  });
}

/** exp(x - maximum of its row), where the maximum is finite. */
function expShifted(scope: Scope, rows: Rows, maximum: Value): Value {
  const { value, shape, count } = rows;
  const flat = reshaped(value, [...shape, count]);
  return map(scope, {
    elementType: "float32",
    shape: flat.shape,
    reads: [readAll(flat), { value: maximum, strides: [...stridesOf(shape), 0], offset: 0 }],
    define: (b, [x, most]) => math.quickExp(b, b.sub(x, most)),
  });
}

function logSumExp(scope: Scope, rows: Rows): Value {
  requireType(scope, rows.value, "float32");
  const isFinite = (b: ScalarBuilder, x: Register): Register => b.select(b.lt(b.abs(x), Infinity), x, b.f32(0));
  const maximum = reduceRows(scope, rows, { ...QUICK_MAX, finish: isFinite });
  const exponentials = rows.count === 0 ? rows.value : expShifted(scope, rows, maximum);
  const sum = reduceRows(scope, { ...rows, value: exponentials }, SUM);
  return elementwise(scope, [maximum, sum], "float32", (b, most, total) => b.add(most, math.log(b, total)));
}

/** What the softmax of rows is made of: [...rows, count] exponentials, and one over their sum per row. */
export function softmaxParts(scope: Scope, rows: Rows): { exponentials: Value; reciprocal: Value } {
  const exponentials = expShifted(scope, rows, reduceRows(scope, rows, QUICK_MAX));
  const finish: RowFold["finish"] = (b, total) => b.div(1, total);
  return { exponentials, reciprocal: reduceRows(scope, { ...rows, value: exponentials }, { ...SUM, finish }) };
}

/** Softmax of rows: maximum, exponentials, one over their sum, and the products of both. */
export function softmaxRows(scope: Scope, rows: Rows): Value {
  const { exponentials, reciprocal } = softmaxParts(scope, rows);
  return map(scope, {
    elementType: "float32",
    shape: exponentials.shape,
    reads: [readAll(exponentials), perRow(reciprocal, rows)],
    define: (b, [item, factor]) => b.mul(item, factor),
  });
}

/** The logarithm of the softmax of rows. */
export function logSoftmaxRows(scope: Scope, rows: Rows): Value {
  const maximum = reduceRows(scope, rows, QUICK_MAX);
  const exponentials = expShifted(scope, rows, maximum);
  const sum = reduceRows(scope, { ...rows, value: exponentials }, SUM);
  return map(scope, {
    elementType: "float32",
    shape: exponentials.shape,
    reads: [readAll(reshaped(rows.value, exponentials.shape)), perRow(maximum, rows), perRow(sum, rows)],
    define: (b, [x, most, total]) => b.sub(b.sub(x, most), math.log(b, total)),
  });
}

function perRow(value: Value, { shape }: Rows): Read {
  return { value, strides: [...stridesOf(shape), 0], offset: 0 };
}

/** Applies a function of rows along the operator's axis; before opset 13 a row was everything from the axis on. */
export function alongAxis(scope: Scope, lowerRows: (rows: Rows) => Value): Value {
  const value = input(scope, 0);
  const rank = value.shape.length;
  const isOld = scope.opset < 13;
  const axis = axisOf(scope, intAttribute(scope, "axis", isOld ? 1 : -1), rank);
  const axes = isOld ? value.shape.map((_, other) => other).slice(axis) : [axis];
  const rows = rowsAlong(scope, value, axes);
  const result = reshaped(lowerRows(rows), rows.value.shape);
  return transposed(scope, result, inverse(axesLast(rank, axes)));
}

function softmax(isLog: boolean): Lower {
  return (scope) => {
    requireType(scope, input(scope, 0), "float32");
    return [alongAxis(scope, (rows) => (isLog ? logSoftmaxRows(scope, rows) : softmaxRows(scope, rows)))];
  };
}

const reduceMean = reduceWith((scope, rows) => {
  requireType(scope, rows.value, "float32");
  return reduceRows(scope, rows, meanOf(rows.count));
});

export const REDUCTIONS: OperatorTable = {
  ...Object.fromEntries(Object.entries(REDUCERS).map(([name, reducer]) => [name, reduceBy(reducer)])),
  ReduceMean: reduceMean,
  ReduceLogSumExp: reduceWith(logSumExp),
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
};
