/**
 * Operators about the order of elements in rows (numerics, "Lowering"): places of extremes, the best few, running sums. Long
 * rows are taken in blocks whose results are committed, then in blocks of those. Refuses bools and uint32.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { concatenated } from "./indexing.ts";
import { padded } from "./padding.ts";
import { axisOf, input, intAttribute, invalid, knownNumbers, unsupported, wants } from "./node.ts";
import type { Lower, OperatorTable, Scope } from "./node.ts";
import { general, readAll, reduction, transposed, view } from "./primitives.ts";
import { alongAxis, reduceRows, REDUCERS, rowsAlong, SUM } from "./reduction.ts";
import type { RowFold, Rows } from "./reduction.ts";
import { axesLast, inverse } from "./shapes.ts";
import { INTEGERS, isIntegerType, knownIntegers, floatValue, reshaped, sizeOf } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

const INT_MAX = 2 ** 31 - 1;

const maxI = (b: ScalarBuilder, x: Register, y: Register): Register => b.maxI(x, y);
const minI = (b: ScalarBuilder, x: Register, y: Register): Register => b.minI(x, y);
const addI = (b: ScalarBuilder, x: Register, y: Register): Register => b.addI(x, y);
const add = (b: ScalarBuilder, x: Register, y: Register): Register => b.add(x, y);

/** Refuses element types whose words are not in the order of their values. */
function requireOrdered(scope: Scope, { elementType }: Value): void {
  const isInteger = isIntegerType(elementType) && elementType !== "uint32";
  if (elementType !== "float32" && !isInteger) throw unsupported(scope, `element type ${elementType}`);
}

/** A row of more elements than this is searched block by block. */
const LONGEST_SEARCHED = 4096;
const SEARCH_BLOCK = 1024;

/** How the places of extremes are found: the first such place, or the last. A NaN counts as extreme. */
interface Search {
  readonly extreme: RowFold;
  readonly isLast: boolean;
}

/** The place where each row's own word of `most` stands. */
function placeFold({ extreme, isLast }: Search, most: Value): RowFold {
  const isFloat = extreme.elementType === "float32";
  return {
    elementType: "int64",
    init: isLast ? -1 : INT_MAX,
    outer: [most],
    body: (b, total, item, { k, outer: [wanted] }) => {
      const isFound = isFloat ? b.or(b.eq(item, wanted), b.ne(item, item)) : b.eqI(item, wanted);
      return isLast ? b.select(isFound, b.maxI(total, k), total) : b.select(isFound, b.minI(total, k), total);
    },
    combine: isLast ? maxI : minI,
  };
}

/** The place of the largest or smallest element of each row: the first such, or the last. */
export function argRows(scope: Scope, rows: Rows, isMax: boolean, isLast: boolean): Value {
  requireOrdered(scope, rows.value);
  const { elementType } = rows.value;
  const reducer = REDUCERS[isMax ? "ReduceMax" : "ReduceMin"];
  const fold = elementType === "float32" ? reducer.f32 : reducer.i32;
  if (fold === undefined) throw unsupported(scope, `element type ${elementType}`);
  const search: Search = { extreme: { ...fold, elementType }, isLast };
  if (rows.count > LONGEST_SEARCHED) return argBlocks(scope, rows, search);
  return reduceRows(scope, rows, placeFold(search, reduceRows(scope, rows, search.extreme)));
}

/** Blocks of a row: of one length, and a shorter one at the end. */
interface Part {
  readonly start: number;
  readonly blocks: number;
  readonly length: number;
}

/** Folds the blocks [rows, blocks] of a part of rows [rows, count]; `fold.outer` has one word per row. */
function foldBlocks(scope: Scope, flat: Value, { start, blocks, length }: Part, fold: RowFold): Value {
  const [rows, count] = flat.shape;
  return reduction(scope, {
    elementType: fold.elementType,
    shape: [rows, blocks],
    count: length,
    lanes: length >= 32 ? 32 : 1,
    total: fold.elementType,
    init: fold.init,
    streams: [{ value: flat, strides: [count, length], offset: start, pattern: [[length, 1]] }],
    outer: (fold.outer ?? []).map((value) => ({ value, strides: [1, 0], offset: 0 })),
    body: (b, total, [item], at) => fold.body(b, total, item, at),
    combine: fold.combine,
  });
}

/** Extremes of blocks, the extreme of those, the place of it in each block, and the best of those places. */
function argBlocks(scope: Scope, { value, shape, count }: Rows, search: Search): Value {
  const outer = sizeOf(shape);
  const flat = reshaped(value, [outer, count]);
  const whole = Math.floor(count / SEARCH_BLOCK);
  const rest = count - whole * SEARCH_BLOCK;
  const parts: readonly Part[] = [
    { start: 0, blocks: whole, length: SEARCH_BLOCK },
    ...(rest === 0 ? [] : [{ start: count - rest, blocks: 1, length: rest }]),
  ];
  const extremes = parts.map((part) => foldBlocks(scope, flat, part, search.extreme));
  const blocks = whole + parts.length - 1;
  const ofRow = (values: readonly Value[], fold: RowFold): Value =>
    reduceRows(scope, { value: concatenated(scope, values, 1), shape: [outer], count: blocks }, fold);
  const most = ofRow(extremes, search.extreme);
  const fold = placeFold(search, most);
  const none = Number(fold.init);
  const places = parts.map((part) => {
    const found = foldBlocks(scope, flat, part, fold);
    return general(scope, {
      elementType: "int64",
      shape: found.shape,
      extents: [...found.shape],
      operands: [found],
      define: (b, [from]) => {
        const place = b.load(from, b.index);
        const moved = b.addI(place, b.addI(b.mulI(b.digits[1], part.length), part.start));
        return b.select(b.eqI(place, none), place, moved);
      },
    });
  });
  const best = search.isLast ? maxI : minI;
  return reshaped(ofRow(places, { elementType: "int64", init: none, body: best, combine: best }), shape);
}

function argOf(isMax: boolean): Lower {
  return (scope) => {
    const value = input(scope, 0);
    const axis = axisOf(scope, intAttribute(scope, "axis", 0), value.shape.length);
    const isLast = intAttribute(scope, "select_last_index", 0) !== 0;
    const found = argRows(scope, rowsAlong(scope, value, [axis]), isMax, isLast);
    const keeps = intAttribute(scope, "keepdims", 1) !== 0;
    const kept = value.shape.map((extent, other) => (other === axis ? 1 : extent));
    return [keeps ? reshaped(found, kept) : found];
  };
}

function hardmax(scope: Scope): Value[] {
  return [
    alongAxis(scope, (rows) => {
      const place = argRows(scope, rows, true, false);
      return general(scope, {
        elementType: "float32",
        shape: [...rows.shape, rows.count],
        extents: [sizeOf(rows.shape), rows.count],
        operands: [place],
        define: (b, [at]) => b.f32FromBool(b.eqI(b.load(at, b.digits[0]), b.digits[1])),
      });
    }),
  ];
}

/** A row of more elements than this is summed in blocks: each element from its block's start, after the blocks before. */
const LONGEST_SUMMED = 1024;
const SUM_BLOCK = 256;

interface Direction {
  readonly isExclusive: boolean;
  readonly isReverse: boolean;
}

/** Running sums of rows [rows, count]. */
function runningSums(scope: Scope, flat: Value, direction: Direction): Value {
  const [rows, count] = flat.shape;
  if (count <= LONGEST_SUMMED) return blockSums(scope, flat, rows, 1, count, direction, undefined);
  const blocks = Math.ceil(count / SUM_BLOCK);
  const held = padded(scope, flat, [0, 0], [0, blocks * SUM_BLOCK - count], "constant", undefined);
  const isFloat = flat.elementType === "float32";
  const fold: RowFold = isFloat ? SUM : { elementType: flat.elementType, init: 0, body: addI, combine: addI };
  const totals = reduceRows(scope, { value: held, shape: [rows, blocks], count: SUM_BLOCK }, fold);
  const before = runningSums(scope, totals, { ...direction, isExclusive: true });
  const sums = blockSums(scope, held, rows, blocks, SUM_BLOCK, direction, before);
  return view(scope, sums, [rows, count], [blocks * SUM_BLOCK, 1], 0);
}

/** Running sums within blocks [rows, blocks, count], each after what stands before its block. */
function blockSums(
  scope: Scope,
  value: Value,
  rows: number,
  blocks: number,
  count: number,
  { isExclusive, isReverse }: Direction,
  before: Value | undefined,
): Value {
  const isFloat = value.elementType === "float32";
  const shape = before === undefined ? [rows, count] : [rows, blocks, count];
  const strides = before === undefined ? [count, 0] : [blocks * count, count, 0];
  const sums = reduction(scope, {
    elementType: value.elementType,
    shape,
    usesDigits: true,
    count,
    total: value.elementType,
    init: 0,
    streams: [{ value, strides, offset: 0, pattern: [[count, 1]] }],
    body: (b, total, [item], { k, digits }) => {
      const place = digits.at(-1)!;
      const [low, high] = isReverse ? [place, k] : [k, place];
      const counts = isExclusive ? b.ltI(low, high) : b.leI(low, high);
      return b.select(counts, isFloat ? b.add(total, item) : b.addI(total, item), total);
    },
    combine: isFloat ? add : addI,
    ...(before === undefined
      ? {}
      : {
          reads: [{ value: before, strides: [blocks, 1, 0], offset: 0 }],
          finish: (b, total, [sum]) => (isFloat ? b.add(sum, total) : b.addI(sum, total)),
        }),
  });
  return reshaped(sums, [rows, blocks * count]);
}

function cumSum(scope: Scope): Value[] {
  const value = input(scope, 0);
  const [given] = knownNumbers(scope, input(scope, 1), "the axis");
  const axis = axisOf(scope, given, value.shape.length);
  const direction: Direction = {
    isExclusive: intAttribute(scope, "exclusive", 0) !== 0,
    isReverse: intAttribute(scope, "reverse", 0) !== 0,
  };
  const { value: moved, shape, count } = rowsAlong(scope, value, [axis]);
  if (value.elementType !== "float32" && !isIntegerType(value.elementType)) {
    throw unsupported(scope, `element type ${value.elementType}`);
  }
  const sums = runningSums(scope, reshaped(moved, [sizeOf(shape), count]), direction);
  const shaped = reshaped(sums, moved.shape);
  return [transposed(scope, shaped, inverse(axesLast(value.shape.length, [axis])))];
}

/** The longest row that is ranked at once: the work is quadratic. */
const LONGEST_RANKED = 4096;

/** The best k of each row [rows, count], in order, and their places. */
function bestOf(scope: Scope, flat: Value, k: number, isLargest: boolean): { values: Value; places: Value } {
  const [rows, count] = flat.shape;
  if (count <= LONGEST_RANKED) return rankedBest(scope, flat, k, isLargest);
  const block = k <= 256 ? 1024 : LONGEST_RANKED;
  if (k > block / 2) throw unsupported(scope, `the best ${k} of ${count}; at most ${LONGEST_RANKED / 2} of so many`);
  const blocks = Math.ceil(count / block);
  const worst = worstOf(flat.elementType, isLargest);
  const held = padded(scope, flat, [0, 0], [0, blocks * block - count], "constant", worst);
  // Every one of the best k is among the best k of its block; candidates keep the order of equal ones.
  const own = rankedBest(scope, reshaped(held, [rows * blocks, block]), k, isLargest);
  const candidates = reshaped(own.values, [rows, blocks * k]);
  const best = bestOf(scope, candidates, k, isLargest);
  const places = general(scope, {
    elementType: "int64",
    shape: [rows, k],
    extents: [rows, k],
    operands: [best.places, own.places],
    define: (b, [chosen, inBlock]) => {
      const candidate = b.load(chosen, b.index);
      const inner = b.load(inBlock, b.addI(b.mulI(b.digits[0], blocks * k), candidate));
      return b.addI(b.mulI(b.divU(candidate, k), block), inner);
    },
  });
  return { values: best.values, places };
}

/** A value that none is worse than. */
function worstOf(elementType: ElementType, isLargest: boolean): Value {
  if (!isIntegerType(elementType)) return floatValue(isLargest ? -Infinity : Infinity);
  const bits = BigInt(Math.min(32, INTEGERS[elementType].bits));
  const top = 1n << (bits - 1n);
  const range = INTEGERS[elementType].signed ? [-top, top - 1n] : [0n, 2n * top - 1n];
  return knownIntegers(elementType, [], BigInt64Array.of(isLargest ? range[0] : range[1]));
}

/** The best k by the rank of each element: how many come before it, better ones and equal ones further left. */
function rankedBest(scope: Scope, flat: Value, k: number, isLargest: boolean): { values: Value; places: Value } {
  const [rows, count] = flat.shape;
  const isFloat = flat.elementType === "float32";
  const ranks = reduction(scope, {
    elementType: "int64",
    shape: [rows, count],
    usesDigits: true,
    count,
    total: "int64",
    init: 0,
    streams: [{ value: flat, strides: [count, 0], offset: 0, pattern: [[count, 1]] }],
    outer: [readAll(flat)],
    body: (b, total, [other], { k: at, outer: [own], digits: [, place] }) => {
      const [low, high] = isLargest ? [own, other] : [other, own];
      const isBetter = isFloat ? b.lt(low, high) : b.ltI(low, high);
      const isEqual = isFloat ? b.eq(own, other) : b.eqI(own, other);
      const isBefore = b.or(isBetter, b.and(isEqual, b.ltI(at, place)));
      return b.subI(total, b.boolToI32(isBefore));
    },
    combine: addI,
  });
  const places = reduction(scope, {
    elementType: "int64",
    shape: [rows, k],
    usesDigits: true,
    count,
    total: "int64",
    init: 0,
    streams: [{ value: ranks, strides: [count, 0], offset: 0, pattern: [[count, 1]] }],
    body: (b, total, [ranked], { k: at, digits: [, wanted] }) => b.select(b.eqI(ranked, wanted), at, total),
    combine: maxI,
  });
  const values = general(scope, {
    elementType: flat.elementType,
    shape: [rows, k],
    extents: [rows, k],
    operands: [flat, places],
    define: (b, [from, at]) => b.load(from, b.addI(b.mulI(b.digits[0], count), b.load(at, b.index))),
  });
  return { values, places };
}

function topK(scope: Scope): Value[] {
  const value = input(scope, 0);
  const rank = value.shape.length;
  const axis = axisOf(scope, intAttribute(scope, "axis", -1), rank);
  const [k] = scope.opset < 10 ? [intAttribute(scope, "k", 0)] : knownNumbers(scope, input(scope, 1), "k");
  const isLargest = intAttribute(scope, "largest", 1) !== 0;
  const { value: moved, shape, count } = rowsAlong(scope, value, [axis]);
  requireOrdered(scope, value);
  if (!(k >= 0 && k <= count)) throw invalid(scope, "k is outside the axis", { k, count });
  const { values, places } = bestOf(scope, reshaped(moved, [sizeOf(shape), count]), k, isLargest);
  const back = (result: Value): Value =>
    transposed(scope, reshaped(result, [...shape, k]), inverse(axesLast(rank, [axis])));
  return wants(scope, 1) ? [back(values), back(places)] : [back(values)];
}

export const ORDERINGS: OperatorTable = {
  ArgMax: argOf(true),
  ArgMin: argOf(false),
  CumSum: cumSum,
  Hardmax: hardmax,
  TopK: topK,
};
