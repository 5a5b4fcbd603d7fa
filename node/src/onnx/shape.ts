/**
 * Operators that only change a shape or make a constant (numerics, "Lowering"): views are the same tensor under another
 * shape and cost nothing; shape arithmetic is exact and done at import. Refuses shapes that depend on data, and constants of
 * other element types.
 */

import { toBits } from "../float/words.ts";
import { computedType, computedTypeOfCode } from "./cast.ts";
import {
  attribute,
  axesOf,
  axisOf,
  checkSize,
  input,
  intAttribute,
  invalid,
  known,
  knownBigints,
  knownNumbers,
  mismatch,
  numbersOf,
  requireSize,
  saturated,
  stringAttribute,
  unsupported,
  wants,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { indexed, transposed, view } from "./primitives.ts";
import { broadcastStrides } from "./fold.ts";
import { broadcastShapes } from "./shapes.ts";
import { denseTensor } from "./sparse.ts";
import type { OnnxTensor } from "./element-types.ts";
import {
  floatValue,
  isFloatType,
  knownIntegers,
  knownList,
  knownTensor,
  knownWords,
  LAZY_WORDS,
  lazyWords,
  reshaped,
  sizeOf,
  stridesOf,
} from "./values.ts";
import type { IntegerType, KnownValue, Value } from "./values.ts";

function tensorAttribute(scope: Scope, tensor: OnnxTensor): KnownValue {
  const value = knownTensor(tensor);
  if (value === undefined) throw unsupported(scope, `element type ${tensor.dtype}`);
  return value;
}

function constant(scope: Scope): Value[] {
  const floats = attribute(scope, "value_float", "float");
  const manyFloats = floats === undefined ? attribute(scope, "value_floats", "floats") : [floats];
  if (manyFloats !== undefined) {
    const words = Uint32Array.from(manyFloats, toBits);
    return [knownWords(floats === undefined ? [words.length] : [], words)];
  }
  const integer = attribute(scope, "value_int", "int");
  if (integer !== undefined) return [reshaped(knownList([integer]), [])];
  const integers = attribute(scope, "value_ints", "ints");
  if (integers !== undefined) return [knownList(integers)];
  const sparse = attribute(scope, "sparse_value", "sparseTensor");
  if (sparse !== undefined) {
    requireSize(scope, sizeOf(sparse.shape));
    return [tensorAttribute(scope, denseTensor(sparse, "attribute sparse_value"))];
  }
  const tensor = attribute(scope, "value", "tensor");
  if (tensor === undefined) throw unsupported(scope, "constants of strings");
  return [tensorAttribute(scope, tensor)];
}

/** A known tensor of one repeated element. */
export function filled(scope: Scope, shape: readonly number[], item: KnownValue): KnownValue {
  const count = sizeOf(shape);
  const { elementType } = item;
  if (item.at.kind === "words") {
    const [word] = item.at.words;
    const make = (): Uint32Array => new Uint32Array(count).fill(word);
    const isLazy = count >= LAZY_WORDS;
    (isLazy ? checkSize : requireSize)(scope, count);
    return { ...(isLazy ? lazyWords(shape, make) : knownWords(shape, make())), elementType };
  }
  requireSize(scope, count);
  if (isFloatType(elementType)) throw unsupported(scope, `integers held as ${elementType}`);
  return knownIntegers(elementType, shape, new BigInt64Array(count).fill(item.at.integers[0]));
}

function constantOfShape(scope: Scope): Value[] {
  const shape = knownNumbers(scope, input(scope, 0), "the shape");
  if (shape.some((extent) => extent < 0)) throw mismatch(scope, "a dimension is negative", { shape });
  const tensor = attribute(scope, "value", "tensor");
  const item = tensor === undefined ? knownWords([1], new Uint32Array(1)) : tensorAttribute(scope, tensor);
  return [filled(scope, shape, item)];
}

function reshape(scope: Scope): Value[] {
  const value = input(scope, 0);
  const wanted = knownNumbers(scope, input(scope, 1), "the shape");
  const keepsZero = intAttribute(scope, "allowzero", 0) !== 0;
  const shape = wanted.map((extent, axis) => (extent === 0 && !keepsZero ? (value.shape[axis] ?? Number.NaN) : extent));
  const free = shape.indexOf(-1);
  const size = sizeOf(value.shape);
  if (free >= 0) shape[free] = size / sizeOf(shape.filter((_, axis) => axis !== free));
  if (shape.some((extent) => !Number.isInteger(extent) || extent < 0) || sizeOf(shape) !== size) {
    throw mismatch(scope, "the sizes differ", { from: [...value.shape], to: wanted });
  }
  return [reshaped(value, shape)];
}

function flatten(scope: Scope): Value[] {
  const value = input(scope, 0);
  const rank = value.shape.length;
  const given = intAttribute(scope, "axis", 1);
  const axis = given === rank ? rank : axisOf(scope, given, rank);
  return [reshaped(value, [sizeOf(value.shape.slice(0, axis)), sizeOf(value.shape.slice(axis))])];
}

function squeeze(scope: Scope): Value[] {
  const value = input(scope, 0);
  const given = numbersOf(scope, "axes", 1, 13);
  const ones = value.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
  const axes = given === undefined ? ones : axesOf(scope, given, value.shape.length);
  if (axes.some((axis) => value.shape[axis] !== 1)) {
    throw mismatch(scope, "an axis to squeeze is longer than 1", { axes, shape: [...value.shape] });
  }
  return [
    reshaped(
      value,
      value.shape.filter((_, axis) => !axes.includes(axis)),
    ),
  ];
}

function unsqueeze(scope: Scope): Value[] {
  const value = input(scope, 0);
  const given = numbersOf(scope, "axes", 1, 13);
  if (given === undefined) throw invalid(scope, "axes are missing");
  const axes = axesOf(scope, given, value.shape.length + given.length);
  const rest = [...value.shape];
  const shape = Array.from({ length: value.shape.length + axes.length }, (_, axis) =>
    axes.includes(axis) ? 1 : rest.shift()!,
  );
  return [reshaped(value, shape)];
}

function transpose(scope: Scope): Value[] {
  const value = input(scope, 0);
  const rank = value.shape.length;
  const given = attribute(scope, "perm", "ints")?.map(Number);
  const permutation = given ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (permutation.length !== rank) throw invalid(scope, "perm does not have one entry per axis", { permutation, rank });
  return [transposed(scope, value, axesOf(scope, permutation, rank))];
}

function expand(scope: Scope): Value[] {
  const value = input(scope, 0);
  const wanted = knownNumbers(scope, input(scope, 1), "the shape");
  return [broadcastTo(scope, value, broadcastShapes(scope, value.shape, wanted))];
}

/** The tensor repeated along broadcast axes. */
export function broadcastTo(scope: Scope, value: Value, shape: readonly number[]): Value {
  return view(scope, value, shape, broadcastStrides(value.shape, shape), 0);
}

function tile(scope: Scope): Value[] {
  const value = input(scope, 0);
  const repeats = knownNumbers(scope, input(scope, 1), "the repeats");
  if (repeats.length !== value.shape.length || repeats.some((repeat) => repeat < 0)) {
    throw mismatch(scope, "there must be one non-negative repeat per axis", { repeats, shape: [...value.shape] });
  }
  const strides = stridesOf(value.shape);
  const tiled = view(
    scope,
    value,
    value.shape.flatMap((extent, axis) => [repeats[axis], extent]),
    strides.flatMap((stride) => [0, stride]),
    0,
  );
  return [
    reshaped(
      tiled,
      value.shape.map((extent, axis) => extent * repeats[axis]),
    ),
  ];
}

function shapeOf(scope: Scope): Value[] {
  const { shape } = input(scope, 0);
  const [start, end] = [intAttribute(scope, "start", 0), intAttribute(scope, "end", shape.length)];
  return [knownList(shape.slice(start, end))];
}

function range(scope: Scope): Value[] {
  const bounds = [0, 1, 2].map((index) => known(scope, input(scope, index), "a bound of the range"));
  const [start, limit, delta] = bounds;
  if (bounds.some(({ shape }) => sizeOf(shape) !== 1)) throw invalid(scope, "a bound of the range is no scalar");
  if (start.at.kind === "integers" && limit.at.kind === "integers" && delta.at.kind === "integers") {
    const [from, to, by] = [start.at.integers[0], limit.at.integers[0], delta.at.integers[0]];
    if (by === 0n) throw invalid(scope, "the delta is 0");
    const steps = by > 0n ? (to - from + by - 1n) / by : (from - to - by - 1n) / -by;
    const length = Math.max(0, saturated(steps));
    requireSize(scope, length);
    const elementType = start.elementType as IntegerType;
    const integers = new BigInt64Array(length);
    for (let index = 0, item = from; index < length; index++, item += by) integers[index] = item;
    return [knownIntegers(elementType, [length], integers)];
  }
  const float = (value: KnownValue): number => {
    if (value.at.kind !== "words") throw invalid(scope, "the bounds differ in element type");
    return new Float32Array(value.at.words.slice(0, 1).buffer)[0];
  };
  const [from, to, by] = [float(start), float(limit), float(delta)];
  const length = Math.max(0, Math.ceil((to - from) / by));
  if (!Number.isSafeInteger(length)) throw invalid(scope, "the range has no finite length", { from, to, by });
  return [indexed(scope, "float32", [length], [], (b) => b.fma(b.fromI32(b.digits[0]), by, from))];
}

function sliceBounds(scope: Scope): { starts: number[]; ends: number[]; axes: number[] | undefined; steps: number[] } {
  const isAttribute = scope.opset < 10;
  const list = (name: string, index: number): number[] | undefined => {
    if (isAttribute) return attribute(scope, name, "ints")?.map(saturated);
    const value = scope.inputs[index];
    return value === undefined ? undefined : knownNumbers(scope, value, name);
  };
  const [starts, ends] = [list("starts", 1), list("ends", 2)];
  if (starts === undefined || ends === undefined) throw invalid(scope, "starts or ends are missing");
  const steps = isAttribute ? undefined : list("steps", 4);
  return { starts, ends, axes: list("axes", 3), steps: steps ?? starts.map(() => 1) };
}

function slice(scope: Scope): Value[] {
  const value = input(scope, 0);
  const { starts, ends, axes: given, steps } = sliceBounds(scope);
  const axes = axesOf(scope, given ?? starts.map((_, axis) => axis), value.shape.length);
  if (starts.length !== axes.length || ends.length !== axes.length || steps.length !== axes.length) {
    throw invalid(scope, "starts, ends, axes and steps differ in length", { starts, ends, axes, steps });
  }
  if (steps.includes(0)) throw invalid(scope, "a step is 0", { steps });
  const shape = [...value.shape];
  const strides = stridesOf(value.shape);
  let offset = 0;
  axes.forEach((axis, index) => {
    const extent = value.shape[axis];
    const step = steps[index];
    const clamp = (place: number, least: number, most: number): number =>
      Math.min(Math.max(place < 0 ? place + extent : place, least), most);
    const isForward = step > 0;
    const start = clamp(starts[index], 0, isForward ? extent : extent - 1);
    const end = isForward ? clamp(ends[index], 0, extent) : clamp(ends[index], -1, extent - 1);
    shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    if (shape[axis] > 0) offset += start * strides[axis];
    // One element has no neighbour: any stride does, and a step may be as large as it likes.
    strides[axis] *= shape[axis] <= 1 ? 1 : step;
  });
  return [view(scope, value, shape, strides, offset)];
}

function split(scope: Scope): Value[] {
  const value = input(scope, 0);
  const axis = axisOf(scope, intAttribute(scope, "axis", 0), value.shape.length);
  const parts = scope.node.outputs.length;
  if (intAttribute(scope, "num_outputs", parts) !== parts)
    throw invalid(scope, "num_outputs is not the number of outputs", { parts });
  const extent = value.shape[axis];
  const even = Math.ceil(extent / parts);
  const lengths =
    numbersOf(scope, "split", 1, 13) ??
    Array.from({ length: parts }, (_, index) => Math.max(0, Math.min(even, extent - index * even)));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total !== extent || lengths.some((length) => length < 0)) {
    throw mismatch(scope, "the parts do not make up the axis", { lengths, extent });
  }
  return splitAlong(scope, value, axis, lengths);
}

/** Consecutive parts of the given lengths along an axis. */
export function splitAlong(scope: Scope, value: Value, axis: number, lengths: readonly number[]): Value[] {
  const strides = stridesOf(value.shape);
  let start = 0;
  return lengths.map((length) => {
    const shape = value.shape.map((extent, other) => (other === axis ? length : extent));
    const part = view(scope, value, shape, strides, start * strides[axis]);
    start += length;
    return part;
  });
}

/** Blocks of the depth axis to places in the plane, or back. */
function depthToSpace(scope: Scope): Value[] {
  const value = input(scope, 0);
  const size = intAttribute(scope, "blocksize", 1);
  const [n = 0, c = 0, h = 0, w = 0] = value.shape;
  const depth = c / (size * size);
  if (value.shape.length !== 4 || !Number.isInteger(depth)) {
    throw mismatch(scope, "the channels are no multiple of the squared block", { shape: [...value.shape], size });
  }
  const mode = stringAttribute(scope, "mode", "DCR");
  if (mode !== "DCR" && mode !== "CRD") throw invalid(scope, `mode ${mode} is unknown`, { mode });
  const isColumnFirst = mode === "CRD";
  const blocks = reshaped(value, isColumnFirst ? [n, depth, size, size, h, w] : [n, size, size, depth, h, w]);
  const moved = transposed(scope, blocks, isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  return [reshaped(moved, [n, depth, h * size, w * size])];
}

function spaceToDepth(scope: Scope): Value[] {
  const value = input(scope, 0);
  const size = intAttribute(scope, "blocksize", 1);
  const [n = 0, c = 0, h = 0, w = 0] = value.shape;
  if (value.shape.length !== 4 || h % size !== 0 || w % size !== 0) {
    throw mismatch(scope, "the plane is no multiple of the block", { shape: [...value.shape], size });
  }
  const blocks = reshaped(value, [n, c, h / size, size, w / size, size]);
  return [reshaped(transposed(scope, blocks, [0, 3, 5, 1, 2, 4]), [n, c * size * size, h / size, w / size])];
}

function dropout(scope: Scope): Value[] {
  const value = input(scope, 0);
  const training = scope.opset >= 12 ? scope.inputs[2] : undefined;
  if (training !== undefined && knownBigints(scope, training, "training_mode")[0] !== 0n) {
    const ratio = scope.inputs[1];
    const { at } = known(scope, ratio ?? floatValue(0.5), "the ratio");
    if (at.kind !== "words" || at.words[0] << 1 !== 0) throw unsupported(scope, "training mode that drops elements");
  }
  if (!wants(scope, 1)) return [value];
  // Before opset 10 the mask had the data's type.
  const one =
    scope.opset < 10 ? knownWords([1], Uint32Array.of(0x3f800000)) : knownIntegers("bool", [1], BigInt64Array.of(1n));
  return [value, filled(scope, value.shape, one)];
}

function eyeLike(scope: Scope): Value[] {
  const value = input(scope, 0);
  const [rows, columns] = value.shape;
  if (value.shape.length !== 2) throw mismatch(scope, "EyeLike takes a matrix", { shape: [...value.shape] });
  const code = attribute(scope, "dtype", "int");
  const elementType = code === undefined ? computedType(scope, value) : computedTypeOfCode(scope, Number(code));
  const shift = intAttribute(scope, "k", 0);
  const isOne = (index: number): boolean => (index % columns) - Math.floor(index / columns) === shift;
  const length = rows * columns;
  requireSize(scope, length);
  if (elementType === "float32") {
    return [
      knownWords(
        [rows, columns],
        Uint32Array.from({ length }, (_, index) => (isOne(index) ? 0x3f800000 : 0)),
      ),
    ];
  }
  const integers = BigInt64Array.from({ length }, (_, index) => (isOne(index) ? 1n : 0n));
  return [knownIntegers(elementType, [rows, columns], integers)];
}

export const SHAPES: OperatorTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Identity: (scope) => [input(scope, 0)],
  Dropout: dropout,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Shape: shapeOf,
  Size: (scope) => [reshaped(knownList([sizeOf(input(scope, 0).shape)]), [])],
  Range: range,
  Slice: slice,
  Split: split,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  EyeLike: eyeLike,
};
