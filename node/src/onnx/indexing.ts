/**
 * Operators that move elements by computed or looked-up places (numerics, "Lowering"): Concat, Gather and its kin, and
 * masks by place. An index outside its axis reads zero, so every program is total. Refuses shapes that depend on data.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { cast } from "./cast.ts";
import { takeAt } from "./fold.ts";
import {
  allInputs,
  axisOf,
  input,
  intAttribute,
  invalid,
  knownNumbers,
  mismatch,
  requireSize,
  requireType,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general, indexed, view } from "./primitives.ts";
import {
  hasIntegers,
  isFloatType,
  isKnown,
  knownIntegers,
  knownWords,
  sizeOf,
  stridesOf,
  WORD_TYPE,
} from "./values.ts";
import type { KnownValue, Value } from "./values.ts";

/** Operands of one primitive. */
const MOST_OPERANDS = 8;

/** The tensors one after the other along an axis. */
export function concatenated(scope: Scope, all: readonly Value[], axis: number): Value {
  const [first] = all;
  all.forEach((value) => requireType(scope, value, first.elementType));
  const fits = ({ shape }: Value): boolean =>
    shape.length === first.shape.length &&
    shape.every((extent, other) => other === axis || extent === first.shape[other]);
  if (!all.every(fits)) throw mismatch(scope, "the shapes differ", { shapes: all.map(({ shape }) => [...shape]) });
  const values = all.filter(({ shape }) => shape[axis] > 0);
  if (values.length <= 1) return values[0] ?? first;
  if (values.every(isKnown)) return concatenatedKnown(scope, values, axis);
  let total = values[0];
  for (let next = 1; next < values.length; next += MOST_OPERANDS - 1) {
    total = concatenatedGroup(scope, [total, ...values.slice(next, next + MOST_OPERANDS - 1)], axis);
  }
  return total;
}

function concatenatedShape(values: readonly Value[], axis: number): number[] {
  const length = values.reduce((sum, { shape }) => sum + shape[axis], 0);
  return values[0].shape.map((extent, other) => (other === axis ? length : extent));
}

function concatenatedKnown(scope: Scope, values: readonly KnownValue[], axis: number): KnownValue {
  const shape = concatenatedShape(values, axis);
  const [{ elementType }] = values;
  requireSize(scope, sizeOf(shape));
  const outer = sizeOf(shape.slice(0, axis));
  const blocks = values.map((value) => sizeOf(value.shape) / outer);
  const words = new Uint32Array(isFloatType(elementType) ? sizeOf(shape) : 0);
  const integers = new BigInt64Array(isFloatType(elementType) ? 0 : sizeOf(shape));
  // Once: words may be lazy.
  const parts = values.map(({ at }) => (at.kind === "words" ? at.words : at.integers));
  let place = 0;
  for (let row = 0; row < outer; row++) {
    parts.forEach((part, index) => {
      const [start, end] = [row * blocks[index], (row + 1) * blocks[index]];
      if (part instanceof Uint32Array) words.set(part.subarray(start, end), place);
      else integers.set(part.subarray(start, end), place);
      place += end - start;
    });
  }
  if (isFloatType(elementType)) return { ...knownWords(shape, words), elementType };
  return knownIntegers(elementType, shape, integers);
}

function concatenatedGroup(scope: Scope, values: readonly Value[], axis: number): Value {
  const shape = concatenatedShape(values, axis);
  const outer = sizeOf(shape.slice(0, axis));
  const blocks = values.map((value) => sizeOf(value.shape) / outer);
  const width = blocks.reduce((sum, block) => sum + block, 0);
  return general(scope, {
    elementType: values[0].elementType,
    shape,
    extents: [outer, width],
    operands: values,
    define: (b, operand) => {
      const [row, column] = b.digits;
      let start = width;
      let found: Register | undefined;
      for (let index = values.length - 1; index >= 0; index--) {
        const end = start;
        start -= blocks[index];
        const word = b.load(operand[index], b.addI(b.mulI(row, blocks[index]), b.subI(column, start)));
        found = found === undefined ? word : b.select(b.ltI(column, end), word, found);
      }
      return found!;
    },
  });
}

function concat(scope: Scope): Value[] {
  const values = allInputs(scope);
  return [concatenated(scope, values, axisOf(scope, intAttribute(scope, "axis", 1), values[0].shape.length))];
}

/** An index counted from the front; -1, outside every tensor, where it is beyond the axis. */
export function wrappedIndex(b: ScalarBuilder, index: Register, extent: number): Register {
  const counted = b.select(b.ltI(index, 0), b.addI(index, extent), index);
  return b.select(b.and(b.leI(0, counted), b.ltI(counted, extent)), counted, b.i32(-1));
}

/** A place computed from a wrapped index, or -1 where the index is. */
export function placeOr(b: ScalarBuilder, index: Register, place: Register): Register {
  return b.select(b.ltI(index, 0), b.i32(-1), place);
}

function integerIndices(scope: Scope, value: Value): Value {
  requireType(scope, value, "int32", "int64");
  return value;
}

function gather(scope: Scope): Value[] {
  const data = input(scope, 0);
  const indices = integerIndices(scope, input(scope, 1));
  const axis = axisOf(scope, intAttribute(scope, "axis", 0), data.shape.length);
  const extent = data.shape[axis];
  const [outer, count, inner] = [
    sizeOf(data.shape.slice(0, axis)),
    sizeOf(indices.shape),
    sizeOf(data.shape.slice(axis + 1)),
  ];
  const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  if (isKnown(data) && hasIntegers(indices)) {
    requireSize(scope, sizeOf(shape));
    const offsets = new Float64Array(sizeOf(shape));
    offsets.forEach((_, place) => {
      const index = Number(indices.at.integers[Math.floor(place / inner) % count]);
      const counted = index < 0 ? index + extent : index;
      if (counted < 0 || counted >= extent)
        throw invalid(scope, `index ${index} is outside the axis`, { index, extent });
      offsets[place] = (Math.floor(place / (inner * count)) * extent + counted) * inner + (place % inner);
    });
    return [takeAt(data, shape, offsets)];
  }
  if (hasIntegers(indices) && count === 1) {
    const index = Number(indices.at.integers[0]);
    const counted = index < 0 ? index + extent : index;
    if (counted < 0 || counted >= extent) throw invalid(scope, `index ${index} is outside the axis`, { index, extent });
    const one = view(scope, data, [outer, inner], [extent * inner, 1], counted * inner);
    return [{ ...one, shape }];
  }
  return [
    general(scope, {
      elementType: data.elementType,
      shape,
      extents: [outer, count, inner],
      operands: [data, indices],
      define: (b, [from, at]) => {
        const [row, place, column] = b.digits;
        const index = wrappedIndex(b, b.load(at, place), extent);
        const address = b.addI(b.mulI(b.addI(b.mulI(row, extent), index), inner), column);
        return b.load(from, placeOr(b, index, address));
      },
    }),
  ];
}

function gatherElements(scope: Scope): Value[] {
  const data = input(scope, 0);
  const indices = integerIndices(scope, input(scope, 1));
  const axis = axisOf(scope, intAttribute(scope, "axis", 0), data.shape.length);
  const fits = indices.shape.every((extent, other) => other === axis || extent <= data.shape[other]);
  if (indices.shape.length !== data.shape.length || !fits) {
    throw mismatch(scope, "the indices do not fit the data", { data: [...data.shape], indices: [...indices.shape] });
  }
  const strides = stridesOf(data.shape);
  return [
    indexed(scope, data.elementType, indices.shape, [data, indices], (b, [from, at]) => {
      const index = wrappedIndex(b, b.load(at, b.index), data.shape[axis]);
      const address = b.digits.reduce(
        (sum, digit, other) => b.addI(b.mulI(other === axis ? index : digit, strides[other]), sum),
        b.i32(0),
      );
      return b.load(from, placeOr(b, index, address));
    }),
  ];
}

function gatherND(scope: Scope): Value[] {
  const data = input(scope, 0);
  const indices = integerIndices(scope, input(scope, 1));
  const batchAxes = intAttribute(scope, "batch_dims", 0);
  const depth = indices.shape.at(-1)!;
  const rank = data.shape.length;
  if (batchAxes + depth > rank) throw mismatch(scope, "the index tuples are longer than the rank", { depth, rank });
  const isBatch = data.shape.slice(0, batchAxes).join() === indices.shape.slice(0, batchAxes).join();
  if (batchAxes < 0 || batchAxes >= indices.shape.length || !isBatch)
    throw mismatch(scope, "the batch axes of data and indices differ", { data: data.shape, indices: indices.shape });
  const batch = sizeOf(data.shape.slice(0, batchAxes));
  const inner = sizeOf(data.shape.slice(batchAxes + depth));
  const count = sizeOf(indices.shape.slice(batchAxes, -1));
  const extents = data.shape.slice(batchAxes, batchAxes + depth);
  return [
    general(scope, {
      elementType: data.elementType,
      shape: [...indices.shape.slice(0, -1), ...data.shape.slice(batchAxes + depth)],
      extents: [batch, count, inner],
      operands: [data, indices],
      define: (b, [from, at]) => {
        const [row, place, column] = b.digits;
        const tuple = b.mulI(b.addI(b.mulI(row, count), place), depth);
        let address = row;
        let isInside: Register = b.bool(true);
        extents.forEach((extent, axis) => {
          const index = wrappedIndex(b, b.load(at, b.addI(tuple, axis)), extent);
          isInside = b.and(isInside, b.leI(0, index));
          address = b.addI(b.mulI(address, extent), index);
        });
        const full = b.addI(b.mulI(address, inner), column);
        return b.load(from, b.select(isInside, full, b.i32(-1)));
      },
    }),
  ];
}

function trilu(scope: Scope): Value[] {
  const value = input(scope, 0);
  const [shift = 0] = scope.inputs[1] === undefined ? [] : knownNumbers(scope, scope.inputs[1], "k");
  const isUpper = intAttribute(scope, "upper", 1) !== 0;
  const [rows, columns] = [value.shape.at(-2)!, value.shape.at(-1)!];
  // Beyond the matrix every shift is alike, and must stay within 32 bits.
  const limited = Math.min(Math.max(shift, -rows - 1), columns + 1);
  return [
    general(scope, {
      elementType: value.elementType,
      shape: value.shape,
      extents: [sizeOf(value.shape.slice(0, -2)), rows, columns],
      operands: [value],
      define: (b, [from]) => {
        const [, row, column] = b.digits;
        const diagonal = b.addI(row, limited);
        const keeps = isUpper ? b.leI(diagonal, column) : b.leI(column, diagonal);
        return b.select(keeps, b.load(from, b.index), b.word(WORD_TYPE[value.elementType], 0));
      },
    }),
  ];
}

function oneHot(scope: Scope): Value[] {
  const indices = cast(scope, input(scope, 0), "int32");
  const depthInput = input(scope, 1);
  const [depth] = knownNumbers(scope, cast(scope, depthInput, "int64"), "the depth");
  const values = input(scope, 2);
  const rank = indices.shape.length;
  const axis = axisOf(scope, intAttribute(scope, "axis", -1), rank + 1);
  const inner = sizeOf(indices.shape.slice(axis));
  if (sizeOf(values.shape) !== 2) throw mismatch(scope, "there are not two values", { values: values.shape });
  return [
    general(scope, {
      elementType: values.elementType,
      shape: [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)],
      extents: [sizeOf(indices.shape.slice(0, axis)), depth, inner],
      operands: [indices, values],
      define: (b, [at, pair]) => {
        const [row, place, column] = b.digits;
        const index = wrappedIndex(b, b.load(at, b.addI(b.mulI(row, inner), column)), depth);
        return b.select(b.eqI(index, place), b.load(pair, 1), b.load(pair, 0));
      },
    }),
  ];
}

/** The first n elements of each sequence turned around, n being an input. */
function reverseSequence(scope: Scope): Value[] {
  const [value, lengths] = [input(scope, 0), input(scope, 1)];
  requireType(scope, lengths, "int64");
  const { shape } = value;
  const time = axisOf(scope, intAttribute(scope, "time_axis", 0), shape.length);
  const batch = axisOf(scope, intAttribute(scope, "batch_axis", 1), shape.length);
  if (time === batch || lengths.shape.join() !== String(shape[batch])) {
    throw mismatch(scope, "one length per sequence", { shape: [...shape], lengths: [...lengths.shape] });
  }
  return [
    general(scope, {
      elementType: value.elementType,
      shape,
      operands: [value, lengths],
      define: (b, [from, counts]) => {
        const place = b.digits[time];
        const length = b.load(counts, b.digits[batch]);
        const mirrored = b.subI(b.subI(length, 1), place);
        const source = b.select(b.ltI(place, length), mirrored, place);
        return b.gather(from, b.addI(b.index, b.mulI(b.subI(source, place), stridesOf(shape)[time])));
      },
    }),
  ];
}

export const INDEXING: OperatorTable = {
  ReverseSequence: reverseSequence,
  Concat: concat,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  Trilu: trilu,
  OneHot: oneHot,
};
