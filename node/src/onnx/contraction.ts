/**
 * MatMul and Gemm as dot products whose operands are both contiguous in the reduced axis (numerics, "Lowering"): a constant
 * is committed in the layout it is read in, anything else is transposed by a primitive. Refuses bools, and shapes that do not
 * contract.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import type { PatternDigits } from "../ir/build.ts";
import { broadcastStrides } from "./fold.ts";
import { floatAttribute, input, intAttribute, mismatch, requireType } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { packedConstant, packedProduct } from "./packed.ts";
import { reduction, transposed } from "./primitives.ts";
import type { Read, ReductionDraft } from "./primitives.ts";
import { broadcastShapes } from "./shapes.ts";
import { reshaped } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

export interface ContractionDraft {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** Length of the reduced axis. */
  readonly count: number;
  readonly left: Read;
  readonly right: Read;
  /** How each side moves with the reduced index; contiguous unless given. */
  readonly leftPattern?: PatternDigits;
  readonly rightPattern?: PatternDigits;
  /** Whether `finish` needs the digits of the shape as it is. */
  readonly usesDigits?: boolean;
  readonly reads?: readonly Read[];
  readonly finish?: ReductionDraft["finish"];
}

/** Sum over k of left * right, in ascending order of k, then `finish`. */
export function contract(scope: Scope, draft: ContractionDraft): Value {
  const { count, elementType, left, right } = draft;
  const contiguous: PatternDigits = [[count, 1]];
  const isFloat = elementType === "float32";
  return reduction(scope, {
    elementType,
    shape: draft.shape,
    usesDigits: draft.usesDigits ?? false,
    count,
    total: elementType,
    init: 0,
    streams: [
      { ...left, pattern: draft.leftPattern ?? contiguous },
      { ...right, pattern: draft.rightPattern ?? contiguous },
    ],
    body: (b, total, [x, y]) => (isFloat ? b.fma(x, y, total) : b.addI(total, b.mulI(x, y))),
    combine: (b, total, block) => (isFloat ? b.add(total, block) : b.addI(total, block)),
    ...(draft.reads === undefined ? {} : { reads: draft.reads }),
    ...(draft.finish === undefined ? {} : { finish: draft.finish }),
  });
}

/** What follows a product: words read per element of [..., rows, columns] and the element made of them. */
export interface ProductEnd {
  readonly reads: readonly Read[];
  readonly finish: (b: ScalarBuilder, total: Register, words: readonly Register[]) => Register;
}

/** [..., rows, inner] times [..., columns, inner]: both contiguous in the reduced axis, batch axes broadcast. */
export function productOfRows(scope: Scope, left: Value, right: Value, end?: ProductEnd): Value {
  const inner = left.shape.at(-1)!;
  if (inner !== right.shape.at(-1)) {
    throw mismatch(scope, "the reduced axes differ in length", { left: left.shape, right: right.shape });
  }
  const batch = broadcastShapes(scope, left.shape.slice(0, -2), right.shape.slice(0, -2));
  const [rows, columns] = [left.shape.at(-2)!, right.shape.at(-2)!];
  const strides = (value: Value): number[] =>
    broadcastStrides(value.shape.slice(0, -2), batch).map((stride) => stride * value.shape.at(-2)! * inner);
  return contract(scope, {
    elementType: left.elementType,
    shape: [...batch, rows, columns],
    count: inner,
    left: { value: left, strides: [...strides(left), inner, 0], offset: 0 },
    right: { value: right, strides: [...strides(right), 0, inner], offset: 0 },
    ...end,
  });
}

/** The last two axes exchanged. */
export function lastTwoSwapped(scope: Scope, value: Value): Value {
  const rank = value.shape.length;
  const axes = value.shape.map((_, axis) => axis);
  return transposed(scope, value, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/** numpy.matmul: vectors stand for one row on the left and one column on the right. */
export function matMul(scope: Scope, left: Value, right: Value): Value {
  requireType(scope, left, "float32", "int32", "int64");
  requireType(scope, right, left.elementType);
  if (left.shape.length === 0 || right.shape.length === 0) {
    throw mismatch(scope, "a scalar cannot be multiplied", { left: left.shape, right: right.shape });
  }
  const rows = left.shape.length === 1 ? reshaped(left, [1, ...left.shape]) : left;
  const packed = packedConstant(right, false);
  const columns = (): Value =>
    right.shape.length === 1 ? reshaped(right, [1, ...right.shape]) : lastTwoSwapped(scope, right);
  const isPacked = packed !== undefined && packed.inner === rows.shape.at(-1);
  const product = isPacked ? packedProduct(scope, rows, packed) : productOfRows(scope, rows, columns());
  const shape = product.shape.filter(
    (_, axis) =>
      !(left.shape.length === 1 && axis === product.shape.length - 2) &&
      !(right.shape.length === 1 && axis === product.shape.length - 1),
  );
  return reshaped(product, shape);
}

function gemm(scope: Scope): Value[] {
  const [a, b] = [input(scope, 0), input(scope, 1)];
  requireType(scope, a, "float32");
  requireType(scope, b, "float32");
  if (a.shape.length !== 2 || b.shape.length !== 2) {
    throw mismatch(scope, "Gemm takes matrices", { a: a.shape, b: b.shape });
  }
  const left = intAttribute(scope, "transA", 0) === 0 ? a : lastTwoSwapped(scope, a);
  const isTransposed = intAttribute(scope, "transB", 0) !== 0;
  const packed = packedConstant(b, isTransposed);
  const alpha = floatAttribute(scope, "alpha", 1);
  const beta = floatAttribute(scope, "beta", 1);
  const c = beta === 0 ? undefined : scope.inputs[2];
  const shape = [left.shape[0], b.shape[isTransposed ? 0 : 1]];
  if (c !== undefined) {
    requireType(scope, c, "float32");
    const joined = broadcastShapes(scope, c.shape, shape);
    if (joined.some((extent, axis) => extent !== shape[axis]) || joined.length > 2) {
      throw mismatch(scope, "C does not broadcast to the product", { c: c.shape, shape });
    }
  }
  const scaled = (builder: ScalarBuilder, factor: number, x: Register): Register =>
    factor === 1 ? x : builder.mul(x, factor);
  const end: ProductEnd = {
    reads: c === undefined ? [] : [{ value: c, strides: broadcastStrides(c.shape, shape), offset: 0 }],
    finish: (builder, total, [bias]) => {
      const product = scaled(builder, alpha, total);
      return bias === undefined ? product : builder.add(product, scaled(builder, beta, bias));
    },
  };
  if (packed !== undefined && packed.inner === left.shape[1]) return [packedProduct(scope, left, packed, end)];
  return [productOfRows(scope, left, isTransposed ? b : lastTwoSwapped(scope, b), end)];
}

export const CONTRACTIONS: OperatorTable = {
  MatMul: (scope) => [matMul(scope, input(scope, 0), input(scope, 1))],
  Gemm: gemm,
};
