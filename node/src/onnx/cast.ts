/**
 * Conversions between element types (numerics, "Words and arithmetic"): known data exactly, the rest as one primitive. Floats
 * become integers towards zero, saturating; NaN becomes 0. Refuses types that have no value here.
 */

import { toBits } from "../float/words.ts";
import { elementwise } from "./broadcast.ts";
import type { WordFunction } from "./broadcast.ts";
import { foldElementwise } from "./fold.ts";
import { input, known, requiredInt, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { hasIntegers, isKnown, knownIntegers, knownWords, WORD_TYPE } from "./values.ts";
import type { ElementType, Value } from "./values.ts";

/** The same numbers in another element type. */
export function cast(scope: Scope, value: Value, to: ElementType): Value {
  const from = value.elementType;
  if (from === to) return value;
  if (hasIntegers(value)) {
    if (to === "float32") {
      const words = Uint32Array.from(Array.from(value.at.integers, nearestWord));
      return knownWords(value.shape, words);
    }
    return foldElementwise(to, value.shape, [value], (item) => item);
  }
  if (isKnown(value) && (to === "int64" || to === "int32")) return castKnownFloat(scope, value, to);
  // int64 and int32 are the same words at run time.
  if (WORD_TYPE[from] === WORD_TYPE[to]) return { ...value, elementType: to };
  const define: WordFunction = (b, x) => {
    if (from === "bool") return to === "float32" ? b.f32FromBool(x) : b.i32FromBool(x);
    if (to === "bool") return from === "float32" ? b.ne(x, 0) : b.neI(x, 0);
    return to === "float32" ? b.fromI32(x) : b.toI32(x);
  };
  return elementwise(scope, [value], to, define);
}

// The nearest float of an int64. Beyond 2^53 its last ten bits become one that says whether any was set: the rest is exact
// in binary64, and the rounding to binary32 is the only one.
function nearestWord(integer: bigint): number {
  if (integer === BigInt.asIntN(54, integer)) return toBits(Number(integer));
  const rest = BigInt.asUintN(10, integer) === 0n ? 0n : 1n;
  return toBits(Number(((integer >> 10n) | rest) << 10n));
}

function castKnownFloat(scope: Scope, value: Value, to: "int64" | "int32"): Value {
  const { at } = known(scope, value, "the cast value");
  if (at.kind !== "words") throw unsupported(scope, "integers held as floats");
  const bits = to === "int64" ? 63 : 31;
  const [least, most] = [-(2 ** bits), 2 ** bits];
  const floats = new Float32Array(at.words.slice().buffer);
  const integers = BigInt64Array.from(floats, (x) => {
    if (Number.isNaN(x)) return 0n;
    if (x >= most) return (1n << BigInt(bits)) - 1n;
    return x < least ? -(1n << BigInt(bits)) : BigInt(Math.trunc(x));
  });
  return knownIntegers(to, value.shape, integers);
}

/** The element type of a TensorProto.DataType code. */
export function elementTypeOfCode(scope: Scope, code: number): ElementType {
  const found = ({ 1: "float32", 6: "int32", 7: "int64", 9: "bool" } as const)[code];
  if (found === undefined) throw unsupported(scope, `element type code ${code}`);
  return found;
}

export const CASTS: OperatorTable = {
  Cast: (scope) => [cast(scope, input(scope, 0), elementTypeOfCode(scope, requiredInt(scope, "to")))],
  CastLike: (scope) => [cast(scope, input(scope, 0), input(scope, 1).elementType)],
};
