/**
 * Products with constant weights of 4 or 8 bits that stay packed (numerics, "Lowering"): a word holds the 8 or 4 neighbours
 * along the reduced axis, an iteration takes four of them by immediate shifts, and the scale comes in the epilogue, or once
 * per iteration where it belongs to a block. The sum of w = scale * (q - zero) is thus scale times the sum over q - zero.
 * Refuses nothing: what does not fit is left to the plain product.
 */

import type { PatternDigits, ScalarBuilder, Value as Register } from "../ir/build.ts";
import type { ProductEnd } from "./contraction.ts";
import { padded } from "./padding.ts";
import type { Scope } from "./node.ts";
import { readAll, reduction } from "./primitives.ts";
import type { Read, Stream } from "./primitives.ts";
import { isKnown, knownIntegers, knownWords, lazyWords, sizeOf, stridesOf } from "./values.ts";
import type { KnownIntegers, KnownValue, Value } from "./values.ts";

/** Elements that an iteration takes. */
const STEP = 4;

/** Weights [columns, inner] as words along the reduced axis. */
export interface PackedWeights {
  readonly columns: number;
  /** A multiple of the elements of a word. */
  readonly inner: number;
  readonly bits: 4 | 8;
  readonly signed: boolean;
  /** [columns, inner * bits / 32] */
  readonly words: KnownValue;
  /** Elements that share a scale; `inner` where a column has one. A multiple of four. */
  readonly block: number;
  /** [columns, inner / block] floats. */
  readonly scales: Value;
  /** [columns, inner / block] integers or floats; absent for 0, a number for all. */
  readonly zeros: Value | number;
}

/**
 * The words of [columns, inner] elements, `at(column, k)` each; little end first. Made when something asks for them: weights are
 * many, and the engine asks once.
 */
export function packColumns(
  columns: number,
  inner: number,
  bits: 4 | 8,
  at: (column: number, k: number) => number,
): KnownValue {
  const each = 32 / bits;
  const width = inner / each;
  const words = lazyWords([columns, width], () => {
    const packed = new Uint32Array(columns * width);
    for (let column = 0; column < columns; column++) {
      for (let place = 0; place < width; place++) {
        let word = 0;
        for (let i = 0; i < each; i++) word |= (at(column, place * each + i) & (2 ** bits - 1)) << (i * bits);
        packed[column * width + place] = word;
      }
    }
    return packed;
  });
  return { ...words, elementType: "int32" };
}

/** Element `index` of the four that start at bit 0 of a word. */
function unpacked(b: ScalarBuilder, word: Register, bits: number, signed: boolean, index: number): Register {
  if (signed) return b.shrS(b.shl(word, 32 - bits * (index + 1)), 32 - bits);
  return b.and(b.shrU(word, bits * index), 2 ** bits - 1);
}

/**
 * Elements along the reduced axis that one primitive takes: an iteration costs so much gas that a block of 256 would not fit.
 * Totals go from part to part in ascending order.
 */
const PART = 512;

/** The part that divides blocks or holds whole ones. */
function partOf(block: number, isBlocked: boolean): number {
  if (!isBlocked) return PART;
  if (block <= PART) return Math.floor(PART / block) * block;
  let [a, b] = [block, PART];
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** [..., rows, inner] floats times packed weights: [..., rows, columns]. */
export function packedProduct(scope: Scope, left: Value, weights: PackedWeights, end?: ProductEnd): Value {
  const { inner, block } = weights;
  const axes = left.shape.map(() => 0);
  const more = left.shape.map((_, axis) => (axis === left.shape.length - 1 ? inner - left.shape.at(-1)! : 0));
  const held = padded(scope, left, axes, more, "constant", undefined);
  const part = partOf(block, block < inner);
  let total: Value | undefined;
  for (let start = 0; start < inner; start += part) {
    total = packedPart(scope, held, weights, { start, length: Math.min(part, inner - start), total, end });
  }
  return total!;
}

interface Part {
  readonly start: number;
  readonly length: number;
  /** The sum over the parts before. */
  readonly total: Value | undefined;
  readonly end: ProductEnd | undefined;
}

function packedPart(
  scope: Scope,
  held: Value,
  weights: PackedWeights,
  { start, length, total: before, end }: Part,
): Value {
  const { columns, inner, bits, signed, words, block, scales, zeros } = weights;
  const outer = held.shape.slice(0, -1);
  const isBlocked = block < inner;
  const isLast = start + length === inner;
  const blocks = inner / block;
  const rowStrides = [...stridesOf(outer).map((stride) => stride * inner), 0];
  const perColumn = (stride: number): number[] => [...outer.map(() => 0), stride];
  const each = 32 / bits;
  const steps: PatternDigits = [[length / STEP, STEP]];
  // With eight elements to a word two iterations share it.
  const wordSteps: PatternDigits =
    each === STEP
      ? [[length / each, 1]]
      : [
          [length / each, 1],
          [each / STEP, 0],
        ];
  const shared = Math.min(block, length);
  const blockSteps: PatternDigits = [
    [length / shared, 1],
    [shared / STEP, 0],
  ];
  const perBlock = (value: Value): Stream => {
    return { value, strides: perColumn(blocks), offset: Math.floor(start / block), pattern: blockSteps };
  };
  const entries = (value: Value): Read => ({ value, strides: perColumn(1), offset: 0 });
  const hasZeros = typeof zeros !== "number";
  const xStream = (index: number): Stream => ({
    value: held,
    strides: rowStrides,
    offset: start + index,
    pattern: steps,
  });
  const streams: Stream[] = [
    ...Array.from({ length: STEP }, (_, index) => xStream(index)),
    { value: words, strides: perColumn(inner / each), offset: start / each, pattern: wordSteps },
    ...(isBlocked ? [perBlock(scales)] : []),
    ...(isBlocked && hasZeros ? [perBlock(zeros)] : []),
  ];
  const isFloatZero = hasZeros && zeros.elementType === "float32";
  const shifted = (b: ScalarBuilder, q: Register, zero: Register | undefined): Register => {
    if (zero === undefined) return b.fromI32(zeros === 0 ? q : b.subI(q, zeros as number));
    return isFloatZero ? b.sub(b.fromI32(q), zero) : b.fromI32(b.subI(q, zero));
  };
  const shape = [...outer, columns];
  const isScaled = isLast && !isBlocked;
  return reduction(scope, {
    elementType: "float32",
    shape,
    count: length / STEP,
    total: "float32",
    init: 0,
    streams,
    outer: !isBlocked && hasZeros ? [entries(zeros)] : [],
    body: (b, total, items, { k, outer: fixed }) => {
      const xs = items.slice(0, STEP);
      const [word, scale, blockZero] = items.slice(STEP);
      const isSecond = b.neI(b.and(k, 1), 0);
      const four = each === STEP ? word : b.select(isSecond, b.shrU(word, STEP * bits), word);
      const zero = isBlocked ? blockZero : fixed[0];
      const values = xs.map((_, index) => shifted(b, unpacked(b, four, bits, signed, index), zero));
      if (!isBlocked) return xs.reduce((sum, x, index) => b.fma(x, values[index], sum), total);
      const first = b.mul(xs[0], values[0]);
      const sum = xs.slice(1).reduce<Register>((left, x, index) => b.fma(x, values[index + 1], left), first);
      return b.fma(sum, scale, total);
    },
    combine: (b, total, part) => b.add(total, part),
    reads: [
      ...(before === undefined ? [] : [readAll(before)]),
      ...(isScaled ? [entries(scales)] : []),
      ...(isLast ? (end?.reads ?? []) : []),
    ],
    finish: (b, total, given) => {
      const rest = [...given];
      const sum = before === undefined ? total : b.add(rest.shift()!, total);
      const product = isScaled ? b.mul(sum, rest.shift()!) : sum;
      return isLast && end !== undefined ? end.finish(b, product, rest) : product;
    },
  });
}

/**
 * The packed form of a dequantised constant as the right side of a product, [inner, columns] or its transpose; undefined
 * where it has none.
 */
export function packedConstant(value: Value, isTransposed: boolean): PackedWeights | undefined {
  const quantised = isKnown(value) && value.at.kind === "words" ? value.at.quantised : undefined;
  if (quantised === undefined || value.shape.length !== 2 || sizeOf(value.shape) === 0) return undefined;
  // A view of another shape has lost the axis of the scales.
  if (quantised.shape.join() !== value.shape.join()) return undefined;
  const width = { int8: 8, uint8: 8, int4: 4, uint4: 4 } as const;
  const { elementType, integers, scale, zero, strides, blocks } = quantised;
  const bits = Object.hasOwn(width, elementType) ? width[elementType as keyof typeof width] : undefined;
  const [innerAxis, columnAxis] = isTransposed ? [1, 0] : [0, 1];
  const [inner, columns] = [value.shape[innerAxis], value.shape[columnAxis]];
  const isBlocked = strides[innerAxis] !== 0;
  const block = isBlocked ? blocks[innerAxis] : inner;
  const fits = bits !== undefined && inner % (32 / bits) === 0 && inner % block === 0 && block % (32 / bits) === 0;
  if (!fits || blocks[columnAxis] !== 1 || integers.small === undefined) return undefined;
  const { small } = integers;
  const own = isTransposed ? [inner, 1] : [1, columns];
  const count = inner / block;
  const place = (column: number, index: number): number =>
    column * strides[columnAxis] + (isBlocked ? index * strides[innerAxis] : 0);
  const spread = (from: (place: number) => number): number[] =>
    Array.from({ length: columns * count }, (_, i) => from(place(Math.floor(i / count), i % count)));
  const { at: scales } = scale as KnownValue;
  if (scales.kind !== "words") return undefined;
  // Once: they may be lazy.
  const scaleWords = scales.words;
  return {
    columns,
    inner,
    bits,
    signed: elementType === "int8" || elementType === "int4",
    words: packColumns(columns, inner, bits, (column, k) => small[column * own[0] + k * own[1]]),
    block,
    scales: knownWords([columns, count], Uint32Array.from(spread((at) => scaleWords[at]))),
    zeros: zero === undefined ? 0 : zerosOf(zero, columns, count, spread),
  };
}

function zerosOf(
  zero: KnownIntegers,
  columns: number,
  count: number,
  spread: (from: (place: number) => number) => number[],
): Value | number {
  const { integers } = zero.at;
  if (integers.every((item) => item === integers[0])) return Number(integers[0] ?? 0n);
  return knownIntegers(
    "int32",
    [columns, count],
    BigInt64Array.from(
      spread((at) => Number(integers[at])),
      BigInt,
    ),
  );
}
