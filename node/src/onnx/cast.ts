/**
 * Conversions between element types (numerics, "Words and arithmetic"): known data exactly, the rest as one primitive. Floats
 * become 32-bit integers towards zero, saturating, and NaN becomes 0; integers become narrower ones by their low bits. Constants of
 * float16 and bfloat16 are widened exactly. Refuses conversions to those, and types that have no value here.
 */

import { toBits } from "../float/words.ts";
import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { elementwise } from "./broadcast.ts";
import { foldElementwise, wrap } from "./fold.ts";
import { floatOfUint32, uint32OfFloat, wrapped } from "./integers.ts";
import { input, known, requiredInt, requireSize, unsupported } from "./node.ts";
import type { OperatorTable, Scope } from "./node.ts";
import { dtypeOfCode } from "./element-types.ts";
import {
  hasIntegers,
  INTEGERS,
  isElementType,
  isFloatType,
  isIntegerType,
  isKnown,
  knownIntegers,
  knownWords,
  sizeOf,
} from "./values.ts";
import type { ElementType, IntegerType, Value } from "./values.ts";

/** The same numbers in another element type. */
export function cast(scope: Scope, value: Value, to: ElementType): Value {
  const from = value.elementType;
  if (from === to) return value;
  if (to === "float16" || to === "bfloat16")
    throw unsupported(scope, `a conversion to ${to}, which nothing computes with`);
  if (isFloatType(from) && to === "float32") return { ...value, elementType: to };
  if (hasIntegers(value)) {
    requireSize(scope, 2 * sizeOf(value.shape));
    if (to === "float32") {
      const words = Uint32Array.from(Array.from(value.at.integers, nearestWord));
      return knownWords(value.shape, words);
    }
    return foldElementwise(to, value.shape, [value], (item) => item);
  }
  if (isKnown(value) && isIntegerType(to)) return castKnownFloat(scope, value, to);
  if (from === "uint32" && to === "int64") throw unsupported(scope, "uint32 as int64, which has 32 bits when it runs");
  // These are the same words at run time.
  if (isWide(from) && isWide(to)) return { ...value, elementType: to };
  return elementwise(scope, [value], to, (b, x) => castWord(b, from, to, x));
}

const isWide = (type: ElementType): boolean => isIntegerType(type) && INTEGERS[type].bits >= 32;

function castWord(b: ScalarBuilder, from: ElementType, to: ElementType, x: Register): Register {
  if (from === "bool") return to === "float32" ? b.f32FromBool(x) : b.i32FromBool(x);
  if (isFloatType(from)) {
    if (to === "bool") return b.ne(x, 0);
    if (to === "uint32") return uint32OfFloat(b, x);
    return wrapped(b, to, b.toI32(x));
  }
  if (to === "bool") return b.neI(x, 0);
  if (to === "float32") return from === "uint32" ? floatOfUint32(b, x) : b.fromI32(x);
  return wrapped(b, to, x);
}

// The nearest float of an int64. Beyond 2^53 its last ten bits become one that says whether any was set: the rest is exact
// in binary64, and the rounding to binary32 is the only one.
function nearestWord(integer: bigint): number {
  if (integer === BigInt.asIntN(54, integer)) return toBits(Number(integer));
  const rest = BigInt.asUintN(10, integer) === 0n ? 0n : 1n;
  return toBits(Number(((integer >> 10n) | rest) << 10n));
}

function castKnownFloat(scope: Scope, value: Value, to: IntegerType): Value {
  const { at } = known(scope, value, "the cast value");
  requireSize(scope, 2 * sizeOf(value.shape));
  if (at.kind !== "words") throw unsupported(scope, "integers held as floats");
  const { bits, signed } = INTEGERS[to];
  // Types of fewer bits than 32 take the low bits of the int32, as numpy and C do in practice.
  const width = Math.max(bits, 32);
  const [least, most] = signed || bits < 32 ? [-(2 ** (width - 1)), 2 ** (width - 1)] : [0, 2 ** width];
  const top = BigInt(most) - 1n;
  const floats = new Float32Array(at.words.slice().buffer);
  const integers = BigInt64Array.from(floats, (x) => {
    if (Number.isNaN(x)) return 0n;
    return wrap(to, x >= most ? top : BigInt(Math.trunc(Math.max(x, least))));
  });
  return knownIntegers(to, value.shape, integers);
}

/** The element type of a TensorProto.DataType code. */
export function elementTypeOfCode(scope: Scope, code: number): ElementType {
  const dtype = dtypeOfCode(code, `attribute of ${scope.identity.operator}`);
  if (!isElementType(dtype)) throw unsupported(scope, `element type ${dtype}`);
  return dtype;
}

/** The element type of a code that the operator computes in, which float16 and bfloat16 are not. */
export function computedTypeOfCode(scope: Scope, code: number): Exclude<ElementType, "float16" | "bfloat16"> {
  return computed(scope, elementTypeOfCode(scope, code));
}

/** The element type of a value that the operator computes with. */
export function computedType(scope: Scope, { elementType }: Value): Exclude<ElementType, "float16" | "bfloat16"> {
  return computed(scope, elementType);
}

function computed(scope: Scope, found: ElementType): Exclude<ElementType, "float16" | "bfloat16"> {
  if (found !== "float16" && found !== "bfloat16") return found;
  throw unsupported(scope, `element type ${found}: constants of it can be moved and cast, nothing computes with it`);
}

export const CASTS: OperatorTable = {
  Cast: (scope) => [cast(scope, input(scope, 0), elementTypeOfCode(scope, requiredInt(scope, "to")))],
  CastLike: (scope) => [cast(scope, input(scope, 0), input(scope, 1).elementType)],
};
