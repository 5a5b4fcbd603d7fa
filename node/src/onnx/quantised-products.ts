/**
 * Products of quantised numbers (numerics, "Lowering"): sums of integer products that wrap at 32 bits, over zero points taken
 * off first, then one multiplication by the scales. Constant matrices of 8 bits are read packed, four to a word. Refuses
 * element types other than int8 and uint8, and MatMulNBits of other than 4 and 8 bits.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { cast } from "./cast.ts";
import { lastTwoSwapped, productOfRows } from "./contraction.ts";
import { convolved } from "./convolution.ts";
import { elementwise } from "./broadcast.ts";
import * as math from "./math.ts";
import {
  floatAttribute,
  input,
  intAttribute,
  invalid,
  mismatch,
  requiredInt,
  requireType,
  standingFor,
  unsupported,
} from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { packColumns, packedProduct } from "./packed.ts";
import { quantiseWord, QUANTIZERS, zeroPoint } from "./quantize.ts";
import { reduction } from "./primitives.ts";
import type { Stream } from "./primitives.ts";
import { reduceRows, rowsAlong } from "./reduction.ts";
import { hasIntegers, knownIntegers, reshaped, sizeOf, stridesOf } from "./values.ts";
import type { IntegerType, Value } from "./values.ts";

/** A tensor less its zero point, as int32. The zero point broadcasts to the tensor. */
function centred(scope: Scope, value: Value, zero: Value): Value {
  requireType(scope, value, "int8", "uint8");
  const isZero = hasIntegers(zero) && zero.at.integers.every((item) => item === 0n);
  const wide = cast(scope, value, "int32");
  if (isZero) return wide;
  return elementwise(
    scope,
    [wide, cast(scope, zero, "int32")],
    "int32",
    (b, x, by) => b.subI(x, by),
    (x, by) => x - by,
  );
}

/** A zero point or scale per row, [rows], as a column beside [..., rows, inner]; others broadcast as they are. */
function perRow(value: Value): Value {
  return value.shape.length === 1 && value.shape[0] > 1 ? reshaped(value, [...value.shape, 1]) : value;
}

/** Integers [..., rows, inner] times [..., inner, columns], numpy.matmul's rules for vectors. */
function integerProduct(scope: Scope, left: Value, right: Value, zeros: readonly [Value, Value]): Value {
  if (left.shape.length === 0 || right.shape.length === 0) {
    throw mismatch(scope, "a scalar cannot be multiplied", { left: left.shape, right: right.shape });
  }
  const isRow = left.shape.length === 1;
  const isColumn = right.shape.length === 1;
  const rows = isRow ? reshaped(left, [1, ...left.shape]) : left;
  const columns = isColumn ? reshaped(right, [...right.shape, 1]) : right;
  const first = centred(scope, rows, perRow(zeros[0]));
  const product =
    packedIntegers(scope, first, columns, zeros[1]) ??
    productOfRows(scope, first, lastTwoSwapped(scope, centred(scope, columns, zeros[1])));
  const rank = product.shape.length;
  return reshaped(
    product,
    product.shape.filter((_, axis) => !(isRow && axis === rank - 2) && !(isColumn && axis === rank - 1)),
  );
}

/** The product with a constant matrix read packed, or undefined where that does not fit. */
function packedIntegers(scope: Scope, left: Value, right: Value, zero: Value): Value | undefined {
  const [inner, columns] = right.shape;
  const small = hasIntegers(right) ? right.at.small : undefined;
  if (small === undefined || right.shape.length !== 2 || inner % 4 !== 0 || left.shape.at(-1) !== inner)
    return undefined;
  if (!hasIntegers(zero)) return undefined;
  const signed = right.elementType === "int8";
  const words = packColumns(columns, inner, 8, (column, k) => small[k * columns + column]);
  const outer = left.shape.slice(0, -1);
  const rowStrides = [...stridesOf(outer).map((stride) => stride * inner), 0];
  const perColumn = (stride: number): number[] => [...outer.map(() => 0), stride];
  const streams: Stream[] = [
    ...Array.from({ length: 4 }, (_, index) => ({
      value: left,
      strides: rowStrides,
      offset: index,
      pattern: [[inner / 4, 4]] as const,
    })),
    { value: words, strides: perColumn(inner / 4), offset: 0, pattern: [[inner / 4, 1]] },
  ];
  const isShared = sizeOf(zero.shape) === 1;
  const known = Number(zero.at.integers[0]);
  return reduction(scope, {
    elementType: "int32",
    shape: [...outer, columns],
    count: inner / 4,
    total: "int32",
    init: 0,
    streams,
    outer: isShared ? [] : [{ value: cast(scope, zero, "int32"), strides: perColumn(1), offset: 0 }],
    body: (b, total, items, { outer: [fixed] }) => {
      const word = items[4];
      return items.slice(0, 4).reduce<Register>((sum, x, index) => {
        const left24 = b.shl(word, 24 - 8 * index);
        const q = signed ? b.shrS(left24, 24) : b.shrU(left24, 24);
        const shifted = isShared ? (known === 0 ? q : b.subI(q, known)) : b.subI(q, fixed);
        return b.addI(sum, b.mulI(x, shifted));
      }, total);
    },
    combine: (b, total, part) => b.addI(total, part),
  });
}

function matMulInteger(scope: Scope): Value[] {
  return [integerProduct(scope, input(scope, 0), input(scope, 1), [zeroPoint(scope, 2), zeroPoint(scope, 3)])];
}

/** The result of integer sums in another scale: rounded, moved by the zero point and limited. */
function requantised(scope: Scope, sums: Value, factor: Value, zero: Value): Value {
  const type = zero.elementType as IntegerType;
  return elementwise(scope, [sums, factor, zero], type, (b, sum, by, shift) =>
    quantiseWord(b, type, b.mul(b.fromI32(sum), by), shift),
  );
}

/** The product of quantised matrices as floats: sums times both scales, plus a bias. */
function matMulIntegerToFloat(scope: Scope): Value[] {
  const [aScale, bScale] = scales(scope, 2, 3);
  const sums = integerProduct(scope, input(scope, 0), input(scope, 1), [zeroPoint(scope, 4), zeroPoint(scope, 5)]);
  return [rescaled(scope, sums, [perRow(aScale), bScale], scope.inputs[6])];
}

/** The same of floats that are quantised on the way, by the scale and zero point that just cover them. */
function dynamicQuantizeMatMul(scope: Scope): Value[] {
  const [bScale] = scales(scope, 2);
  const [a, aScale, aZero] = QUANTIZERS["DynamicQuantizeLinear"](standingFor(scope, [input(scope, 0)], {}));
  const sums = integerProduct(scope, a, input(scope, 1), [aZero, zeroPoint(scope, 3)]);
  return [rescaled(scope, sums, [aScale, bScale], scope.inputs[4])];
}

function rescaled(scope: Scope, sums: Value, factors: readonly [Value, Value], bias: Value | undefined): Value {
  const values = [sums, ...factors, ...(bias === undefined ? [] : [bias])];
  return elementwise(scope, values, "float32", (b, sum, x, y, more) => {
    const product = b.mul(b.fromI32(sum), b.mul(x, y));
    return more === undefined ? product : b.add(product, more);
  });
}

function scales(scope: Scope, ...indices: readonly number[]): Value[] {
  return indices.map((index) => {
    const value = input(scope, index);
    requireType(scope, value, "float32");
    return value;
  });
}

function qLinearMatMul(scope: Scope): Value[] {
  const [a, b] = [input(scope, 0), input(scope, 3)];
  const [aScale, bScale, yScale] = scales(scope, 1, 4, 6);
  const yZero = input(scope, 7);
  requireType(scope, yZero, "int8", "uint8");
  const sums = integerProduct(scope, a, b, [zeroPoint(scope, 2), zeroPoint(scope, 5)]);
  const factor = elementwise(scope, [perRow(aScale), bScale, yScale], "float32", (builder, x, y, z) =>
    builder.div(builder.mul(x, y), z),
  );
  return [requantised(scope, sums, factor, yZero)];
}

/** A value per output channel beside [n, channels, ...spatial]. */
function perChannel(value: Value, rank: number): Value {
  if (sizeOf(value.shape) === 1) return reshaped(value, []);
  return reshaped(value, [sizeOf(value.shape), ...new Array<number>(rank - 2).fill(1)]);
}

/** Weights less a zero point that is one or one per output channel. */
function centredWeights(scope: Scope, w: Value, zero: Value): Value {
  return centred(
    scope,
    w,
    sizeOf(zero.shape) === 1 ? zero : reshaped(zero, [w.shape[0], ...w.shape.slice(1).map(() => 1)]),
  );
}

function convInteger(scope: Scope): Value[] {
  const [x, w] = [input(scope, 0), input(scope, 1)];
  const [xZero, wZero] = [zeroPoint(scope, 2), zeroPoint(scope, 3)];
  return [convolved(scope, centred(scope, x, xZero), centredWeights(scope, w, wZero), undefined)];
}

function qLinearConv(scope: Scope): Value[] {
  const [x, w] = [input(scope, 0), input(scope, 3)];
  const [xScale, wScale, yScale] = scales(scope, 1, 4, 6);
  const yZero = input(scope, 7);
  requireType(scope, yZero, "int8", "uint8");
  const bias = scope.inputs[8];
  const sums = convolved(
    scope,
    centred(scope, x, zeroPoint(scope, 2)),
    centredWeights(scope, w, zeroPoint(scope, 5)),
    undefined,
  );
  const rank = x.shape.length;
  const withBias =
    bias === undefined
      ? sums
      : elementwise(scope, [sums, perChannel(bias, rank)], "int32", (b, sum, more) => b.addI(sum, more));
  const factor = elementwise(scope, [perChannel(wScale, rank), xScale, yScale], "float32", (b, y, s, z) =>
    b.div(b.mul(s, y), z),
  );
  return [requantised(scope, withBias, factor, yZero)];
}

/** [columns, blocks] zero points packed like the weights, a row of whole bytes per column. */
function unpackedZeros(scope: Scope, bytes: ArrayLike<number>, columns: number, blocks: number, bits: number): Value {
  const rowBytes = Math.ceil((blocks * bits) / 8);
  if (bytes.length !== columns * rowBytes)
    throw mismatch(scope, "the zero points are not one per block", { bytes: bytes.length, columns, blocks });
  const zeros = BigInt64Array.from({ length: columns * blocks }, (_, index) => {
    const bit = (index % blocks) * bits;
    const byte = bytes[Math.floor(index / blocks) * rowBytes + (bit >> 3)];
    return BigInt((byte >> (bit & 7)) & (2 ** bits - 1));
  });
  return knownIntegers("int32", [columns, blocks], zeros);
}

/** Rows of floats times constant weights in blocks of 4 or 8 bits along the reduced axis. */
function matMulNBits(scope: Scope): Value[] {
  const [a, weights, given] = [input(scope, 0), input(scope, 1), input(scope, 2)];
  requireType(scope, a, "float32");
  requireType(scope, weights, "uint8");
  const [inner, columns] = [requiredInt(scope, "K"), requiredInt(scope, "N")];
  const bits = intAttribute(scope, "bits", 4);
  const block = requiredInt(scope, "block_size");
  if (bits !== 4 && bits !== 8) throw unsupported(scope, `weights of ${bits} bits`);
  if (block < 16 || block % 16 !== 0) throw invalid(scope, "block_size is no multiple of 16", { block });
  if (scope.inputs[4] !== undefined) throw unsupported(scope, "weights in an order of groups (g_idx)");
  const blocks = Math.ceil(inner / block);
  const small = hasIntegers(weights) ? weights.at.small : undefined;
  if (small === undefined) throw unsupported(scope, "weights that are not constant");
  if (small.length * 8 !== columns * blocks * block * bits || a.shape.at(-1) !== inner) {
    throw mismatch(scope, "the weights do not fit K, N and the blocks", {
      a: [...a.shape],
      weights: weights.shape,
      block,
    });
  }
  const scale = cast(scope, given, "float32");
  if (sizeOf(scale.shape) !== columns * blocks) {
    throw mismatch(scope, "the scales are not one per block", { scales: [...scale.shape], columns, blocks });
  }
  // Bytes are words already: the lowest bits come first in both.
  const perByte = 8 / bits;
  const at = (column: number, k: number): number =>
    small[Math.floor((column * blocks * block + k) / perByte)] >> ((k % perByte) * bits);
  const zero = scope.inputs[3];
  const packedZeros = zero !== undefined && hasIntegers(zero) ? (zero.at.small ?? zero.at.integers) : undefined;
  const zeros =
    zero === undefined
      ? 2 ** (bits - 1)
      : packedZeros === undefined
        ? floatZeros(scope, zero, columns * blocks)
        : unpackedZeros(scope, Array.from(packedZeros, Number), columns, blocks, bits);
  const bias = scope.inputs[5];
  return [
    packedProduct(
      scope,
      a,
      {
        columns,
        inner: blocks * block,
        bits,
        signed: false,
        words: packColumns(columns, blocks * block, bits, at),
        block,
        scales: reshaped(scale, [columns, blocks]),
        zeros,
      },
      bias === undefined
        ? undefined
        : {
            reads: [{ value: bias, strides: [...a.shape.slice(1).map(() => 0), 1], offset: 0 }],
            finish: (b, total, [more]) => b.add(total, more),
          },
    ),
  ];
}

function floatZeros(scope: Scope, zero: Value, count: number): Value {
  const floats = cast(scope, zero, "float32");
  if (sizeOf(floats.shape) !== count)
    throw mismatch(scope, "the zero points are not one per block", { zero: zero.shape });
  return floats;
}

/** The mean of each plane of [n, c, ...], or of [n, ..., c] where the channels come last. */
function qLinearGlobalAveragePool(scope: Scope): Value[] {
  const [x, scale, yScale] = [input(scope, 0), input(scope, 1), input(scope, 3)];
  const [zero, yZero] = [zeroPoint(scope, 2), zeroPoint(scope, 4)];
  requireType(scope, x, "int8", "uint8");
  const isLast = intAttribute(scope, "channels_last", 0) !== 0;
  const rank = x.shape.length;
  const axes = x.shape.map((_, axis) => axis).slice(isLast ? 1 : 2, isLast ? rank - 1 : rank);
  const rows = rowsAlong(scope, centred(scope, x, zero), axes);
  const sums = reduceRows(scope, rows, {
    elementType: "int32",
    init: 0,
    body: (b, total, item) => b.addI(total, item),
    combine: (b, total, part) => b.addI(total, part),
  });
  const kept = reshaped(
    sums,
    x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)),
  );
  const type = x.elementType as IntegerType;
  return [
    elementwise(scope, [kept, scale, yScale, yZero], type, (b, sum, by, to, shift) => {
      const mean = b.mul(b.div(b.fromI32(sum), rows.count), by);
      return quantiseWord(b, type, b.div(mean, to), shift);
    }),
  ];
}

/** An elementwise function of dequantised tensors, quantised again: one primitive. Three inputs per tensor. */
function requantisedBy(
  tensors: number,
  outputAt: number,
  define: (b: ScalarBuilder, words: readonly Register[]) => Register,
) {
  return (scope: Scope): Value[] => {
    const places = Array.from({ length: tensors }, (_, index) => index * 3);
    const given = places.flatMap((at) => [input(scope, at), input(scope, at + 1), zeroPoint(scope, at + 2)]);
    const [scale, zero] = [input(scope, outputAt), scope.inputs[outputAt + 1]];
    const type = given[0].elementType;
    requireType(scope, given[0], "int8", "uint8");
    const shift = zero ?? zeroPoint(scope, outputAt + 1);
    return [
      elementwise(scope, [...given, scale, shift], type, (b, ...words) => {
        const floats = places.map((at) => b.mul(b.fromI32(b.subI(words[at], words[at + 2])), words[at + 1]));
        const [by, moved] = words.slice(tensors * 3);
        return quantiseWord(b, type as IntegerType, b.div(define(b, floats), by), moved);
      }),
    ];
  };
}

export const QUANTISED_PRODUCTS: OperatorTable = {
  MatMulInteger: matMulInteger,
  ConvInteger: convInteger,
  QLinearMatMul: qLinearMatMul,
  QLinearConv: qLinearConv,
  "com.microsoft.MatMulIntegerToFloat": matMulIntegerToFloat,
  "com.microsoft.DynamicQuantizeMatMul": dynamicQuantizeMatMul,
  "com.microsoft.MatMulNBits": matMulNBits,
  "com.microsoft.QLinearAdd": requantisedBy(2, 6, (b, [x, y]) => b.add(x, y)),
  "com.microsoft.QLinearMul": requantisedBy(2, 6, (b, [x, y]) => b.mul(x, y)),
  "com.microsoft.QLinearSigmoid": requantisedBy(1, 3, (b, [x]) => math.sigmoid(b, x)),
  "com.microsoft.QLinearLeakyRelu": (scope) => {
    const alpha = floatAttribute(scope, "alpha", 0.01);
    return requantisedBy(1, 3, (b, [x]) => b.select(b.lt(x, 0), b.mul(x, alpha), x))(scope);
  },
  "com.microsoft.QLinearGlobalAveragePool": qLinearGlobalAveragePool,
};
