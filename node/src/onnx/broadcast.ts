/**
 * What elementwise operators and others build on: one primitive over values that broadcast, and functions of a few words
 * (numerics, "Lowering"). Integers and bools that are known at import are computed exactly. Refuses shapes that do not
 * broadcast and element types that differ.
 */

import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { broadcastStrides, foldElementwise } from "./fold.ts";
import type { IntegerFunction } from "./fold.ts";
import { requireSize, requireType } from "./node.ts";
import type { Scope } from "./node.ts";
import { map } from "./primitives.ts";
import { broadcastShapes } from "./shapes.ts";
import { emptyValue, hasIntegers, isFloatType, sizeOf } from "./values.ts";
import type { ElementType, KnownIntegers, Value } from "./values.ts";

/** The element's word from one word of each input. */
export type WordFunction = (b: ScalarBuilder, ...words: Register[]) => Register;

/** One primitive over values that broadcast to a common shape. */
export function elementwise(
  scope: Scope,
  values: readonly Value[],
  elementType: ElementType,
  define: WordFunction,
  exact?: IntegerFunction,
): Value {
  const shape = broadcastShapes(scope, ...values.map((value) => value.shape));
  if (!isFloatType(elementType) && exact !== undefined && values.every(hasIntegers)) {
    requireSize(scope, sizeOf(shape) * (1 + values.length));
    return foldElementwise(elementType, shape, values as readonly KnownIntegers[], exact);
  }
  if (sizeOf(shape) === 0) return emptyValue(elementType, shape);
  return map(scope, {
    elementType,
    shape,
    reads: values.map((value) => ({ value, strides: broadcastStrides(value.shape, shape), offset: 0 })),
    define: (b, words) => define(b, ...words),
  });
}

/** The one element type of all values. */
export function sameTypes(scope: Scope, values: readonly Value[]): ElementType {
  const [{ elementType }] = values;
  values.forEach((value) => requireType(scope, value, elementType));
  return elementType;
}

/** The larger of two, NaN if either is: max alone keeps its first argument on NaN. */
export function maxOf(b: ScalarBuilder, x: Register, y: Register): Register {
  return b.select(b.eq(y, y), b.max(x, y), y);
}

/** The smaller of two, NaN if either is. */
export function minOf(b: ScalarBuilder, x: Register, y: Register): Register {
  return b.select(b.eq(y, y), b.min(x, y), y);
}

/** condition ? x : y. */
export function where(scope: Scope, condition: Value, x: Value, y: Value): Value {
  requireType(scope, condition, "bool");
  const elementType = sameTypes(scope, [x, y]);
  const shape = broadcastShapes(scope, condition.shape, x.shape, y.shape);
  if (hasIntegers(condition) && hasIntegers(x) && hasIntegers(y) && !isFloatType(elementType)) {
    requireSize(scope, sizeOf(shape) * 4);
    return foldElementwise(elementType, shape, [condition, x, y], (flag, a, b) => (flag === 0n ? b : a));
  }
  return elementwise(scope, [condition, x, y], elementType, (b, flag, a, c) => b.select(flag, a, c));
}
