/**
 * Conversions between floats and integers with a scale and a zero point (numerics, "Lowering"): per tensor, per axis or per
 * block, one primitive each; a dequantised constant keeps its integers, so that products can read them packed. Refuses
 * quantised floats of 8 bits or fewer.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { cast, computedTypeOfCode } from "./cast.ts";
import { elementwise, maxOf, minOf } from "./broadcast.ts";
import { axisOf, input, intAttribute, invalid, mismatch, requireType, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { general } from "./primitives.ts";
import { reduceRows } from "./reduction.ts";
import { hasIntegers, INTEGERS, isIntegerType, isKnown, knownIntegers, sizeOf, stridesOf } from "./values.ts";
import type { ElementType, IntegerType, KnownIntegers, KnownValue, Quantised, Value } from "./values.ts";

/** The address of an element's scale, from the digits of its own shape. */
export type ScalePlace = (b: ScalarBuilder, digits: readonly Register[]) => Register;

/** The types that hold quantised numbers. */
const QUANTISED_TYPES = ["int8", "uint8", "int16", "uint16", "int4", "uint4", "int2", "uint2"] as const;

/** Rounds to the nearest even integer, adds the zero point and limits to the type's range. */
export function quantiseWord(b: ScalarBuilder, type: IntegerType, scaled: Register, zero: Register | number): Register {
  const { bits, signed } = INTEGERS[type];
  // Far beyond every range, so that adding the zero point cannot wrap.
  const whole = b.clampI(b.toI32(b.nearest(scaled)), -(2 ** 20), 2 ** 20);
  const moved = b.addI(whole, zero);
  return signed ? b.clampI(moved, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) : b.clampI(moved, 0, 2 ** bits - 1);
}

interface Scaling {
  readonly scale: Value;
  /** Of the scale's shape. */
  readonly zero: Value | undefined;
  /** Strides of the scale over the tensor's axes, and how many neighbours of an axis share an entry. */
  readonly strides: readonly number[];
  readonly blocks: readonly number[];
}

/** The scale and zero point of the inputs 1 and 2, for a tensor of the given shape. */
function scalingOf(scope: Scope, shape: readonly number[]): Scaling {
  const [scale, zero] = [input(scope, 1), scope.inputs[2]];
  requireType(scope, scale, "float32");
  if (zero !== undefined && sizeOf(zero.shape) !== sizeOf(scale.shape)) {
    throw mismatch(scope, "scale and zero point differ in shape", { scale: [...scale.shape], zero: [...zero.shape] });
  }
  const ones = shape.map(() => 1);
  if (sizeOf(scale.shape) === 1) return { scale, zero, strides: shape.map(() => 0), blocks: ones };
  const axis = axisOf(scope, intAttribute(scope, "axis", 1), shape.length);
  const block = intAttribute(scope, "block_size", 0);
  if (scale.shape.length === 1 && block === 0) {
    if (scale.shape[0] !== shape[axis]) {
      throw mismatch(scope, "the scale is not one per place of its axis", {
        shape: [...shape],
        scale: scale.shape,
        axis,
      });
    }
    return { scale, zero, strides: shape.map((_, other) => (other === axis ? 1 : 0)), blocks: ones };
  }
  const fits =
    block > 0 &&
    scale.shape.length === shape.length &&
    scale.shape.every((extent, other) => extent === (other === axis ? Math.ceil(shape[axis] / block) : shape[other]));
  if (!fits)
    throw mismatch(scope, "the scale does not fit the blocks", { shape: [...shape], scale: scale.shape, block });
  return {
    scale,
    zero,
    strides: stridesOf(scale.shape),
    blocks: shape.map((_, other) => (other === axis ? block : 1)),
  };
}

function placeOf({ strides, blocks }: Scaling): ScalePlace {
  return (b, digits) =>
    digits.reduce<Register>((sum, digit, axis) => {
      if (strides[axis] === 0) return sum;
      const entry = blocks[axis] === 1 ? digit : b.divU(digit, blocks[axis]);
      return b.addI(b.mulI(entry, strides[axis]), sum);
    }, b.i32(0));
}

/** One primitive of a tensor and its scaling. */
function scaled(
  scope: Scope,
  x: Value,
  scaling: Scaling,
  elementType: ElementType,
  define: (b: ScalarBuilder, x: Register, scale: Register, zero: Register) => Register,
): Value {
  const { scale, zero } = scaling;
  const place = placeOf(scaling);
  return general(scope, {
    elementType,
    shape: x.shape,
    operands: [x, scale, ...(zero === undefined ? [] : [zero])],
    define: (b, [from, by, shift]) => {
      const at = place(b, x.shape.length === 0 ? [] : b.digits);
      return define(b, b.load(from, b.index), b.load(by, at), shift === undefined ? b.i32(0) : b.load(shift, at));
    },
  });
}

function quantizeLinear(scope: Scope): Value[] {
  const given = input(scope, 0);
  requireType(scope, given, "float32", "int32");
  const x = cast(scope, given, "float32");
  const zero = scope.inputs[2];
  const code = intAttribute(scope, "output_dtype", 0);
  const elementType = zero?.elementType ?? (code === 0 ? "uint8" : computedTypeOfCode(scope, code));
  const found = QUANTISED_TYPES.find((type) => type === elementType);
  if (found === undefined) throw unsupported(scope, `quantised numbers of element type ${elementType}`);
  return [
    scaled(scope, x, scalingOf(scope, x.shape), found, (b, word, by, shift) =>
      quantiseWord(b, found, b.div(word, by), shift),
    ),
  ];
}

function dequantizeLinear(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, ...QUANTISED_TYPES, "int32");
  const code = intAttribute(scope, "output_dtype", 0);
  if (code > 1) throw unsupported(scope, `numbers of element type code ${code}`);
  if (scope.inputs[2] !== undefined) requireType(scope, scope.inputs[2], x.elementType);
  const scaling = scalingOf(scope, x.shape);
  const { scale, zero } = scaling;
  if (hasIntegers(x) && isKnown(scale) && (zero === undefined || hasIntegers(zero))) {
    return [dequantisedConstant(x, scale, zero, scaling)];
  }
  return [scaled(scope, x, scaling, "float32", (b, word, by, shift) => b.mul(b.fromI32(b.subI(word, shift)), by))];
}

/** A dequantised constant: its floats are made when something asks for them, which a packed product does not. */
function dequantisedConstant(
  x: KnownIntegers,
  scale: KnownValue,
  zero: KnownIntegers | undefined,
  { strides, blocks }: Scaling,
): KnownValue {
  const { elementType, shape, at: integers } = x;
  const quantised: Quantised = { elementType, integers, scale, zero, shape, strides, blocks };
  const at = {
    kind: "words" as const,
    quantised,
    get words() {
      return dequantise(quantised);
    },
    isLazy: true as const,
  };
  return { elementType: "float32", shape, at, sources: new Set() };
}

/** The words that the primitive would compute: the integer difference is a float exactly or rounded once, as there. */
function dequantise({ integers, scale, zero, shape, strides, blocks }: Quantised): Uint32Array {
  const items = integers.small ?? integers.integers;
  const scales = scale.at.kind === "words" ? new Float32Array(scale.at.words.slice().buffer) : new Float32Array(0);
  const zeros = zero?.at.integers;
  const own = stridesOf(shape);
  const result = new Float32Array(items.length);
  for (let i = 0; i < result.length; i++) {
    let place = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      if (strides[axis] === 0) continue;
      place += Math.floor((Math.floor(i / own[axis]) % shape[axis]) / blocks[axis]) * strides[axis];
    }
    const difference = (Number(items[i]) - Number(zeros?.[place] ?? 0)) | 0;
    result[i] = Math.fround(difference) * scales[place];
  }
  const words = new Uint32Array(result.buffer);
  // There is one NaN, whatever the host makes of infinity times zero.
  for (let i = 0; i < words.length; i++) if (Number.isNaN(result[i])) words[i] = 0x7fc00000;
  return words;
}

/** To uint8 with the scale and zero point that just cover the tensor and 0. */
function dynamicQuantizeLinear(scope: Scope): Value[] {
  const x = input(scope, 0);
  requireType(scope, x, "float32");
  if (sizeOf(x.shape) === 0) throw invalid(scope, "the tensor has no elements");
  // The extreme of each row, then of the rows: extremes may be taken in any order but that of signed zeros, which add alike.
  const fold = (join: typeof maxOf): Value => {
    const rowFold = { elementType: "float32", init: 0, body: join, combine: join } as const;
    const outer = x.shape.slice(0, -1);
    const rows = reduceRows(scope, { value: x, shape: outer, count: x.shape.at(-1) ?? 1 }, rowFold);
    if (outer.length === 0) return rows;
    return reduceRows(scope, { value: rows, shape: [], count: sizeOf(outer) }, rowFold);
  };
  const [least, most] = [fold(minOf), fold(maxOf)];
  const scale = elementwise(scope, [least, most], "float32", (b, low, high) => b.div(b.sub(high, low), 255));
  const zero = elementwise(scope, [least, scale], "uint8", (b, low, by) =>
    quantiseWord(b, "uint8", b.div(b.sub(0, low), by), 0),
  );
  const y = elementwise(scope, [x, scale, zero], "uint8", (b, word, by, shift) =>
    quantiseWord(b, "uint8", b.div(word, by), shift),
  );
  return [y, scale, zero];
}

/** A zero point of one element as integers, 0 where it is absent. */
export function zeroPoint(scope: Scope, index: number): Value {
  const value = scope.inputs[index];
  if (value === undefined) return knownIntegers("int32", [], BigInt64Array.of(0n));
  if (!isIntegerType(value.elementType)) throw unsupported(scope, `a zero point of element type ${value.elementType}`);
  return value;
}

export const QUANTIZERS: OperatorTable = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  "com.microsoft.QuantizeLinear": quantizeLinear,
  "com.microsoft.DequantizeLinear": dequantizeLinear,
};
