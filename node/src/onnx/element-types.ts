// The element types of the ONNX file format and tensors of them as plain data: how each is held in memory and in a file, and
// exact widening. Refuses unknown types, and shapes and lengths that do not fit.

import { malformed } from "./malformed.ts";
import { TensorProto_DataType } from "./proto/onnx_pb.ts";

/**
 * The array that holds a tensor's elements, by element type. Bools are 0 or 1. Complex numbers are two elements, real part
 * first. float16, bfloat16 and all floats of 8 bits or fewer are their bit patterns, one element each; integers of 2 and 4
 * bits are unpacked, one element each, sign-extended where signed.
 */
export interface TensorData {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
  string: string[];
  complex64: Float32Array;
  complex128: Float64Array;
  float8e4m3fn: Uint8Array;
  float8e4m3fnuz: Uint8Array;
  float8e5m2: Uint8Array;
  float8e5m2fnuz: Uint8Array;
  float8e8m0: Uint8Array;
  float6e2m3: Uint8Array;
  float6e3m2: Uint8Array;
  float4e2m1: Uint8Array;
  uint4: Uint8Array;
  int4: Int8Array;
  uint2: Uint8Array;
  int2: Int8Array;
}

/** The name of an element type. */
export type DType = keyof TensorData;

/**
 * A tensor: `data` holds product(shape) elements, row-major (twice as many numbers for complex types). Where `isLazy` is set
 * each use of `data` makes or reads it anew, so that a model of gigabytes need not be held: take it once and drop it.
 */
export type OnnxTensor = { [D in DType]: { dtype: D; shape: number[]; data: TensorData[D]; isLazy?: true } }[DType];

/** Element types whose tensors can be lazy: those that weights have. */
export type LazyDType = "float32" | "float16" | "bfloat16";

/** A tensor whose data `read` makes when it is asked for, always the same. Refuses, then, data of another length. */
export function lazyTensor<D extends LazyDType>(
  dtype: D,
  shape: readonly number[],
  read: () => TensorData[D],
): OnnxTensor {
  const count = elementCount(shape);
  return {
    dtype,
    shape: [...shape],
    get data() {
      const data = read();
      checkLength(data.length, count, "elements", "tensor");
      return data;
    },
    isLazy: true,
  } as OnnxTensor;
}

/** Whether tensors of the type can be lazy. */
export function isLazyDType(dtype: DType): dtype is LazyDType {
  return dtype === "float32" || dtype === "float16" || dtype === "bfloat16";
}

/** What holds a tensor of numbers. */
export type NumericArray = Exclude<TensorData[DType], string[]>;
type TypedField = "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data";

/** How an element type is stored in a file. */
export interface DTypeRow {
  code: TensorProto_DataType;
  /** Bits of one array element in raw_data. */
  bits: number;
  /** Array elements to a tensor element. */
  lanes: number;
  signed: boolean;
  field: TypedField;
  make: (buffer: ArrayBuffer) => NumericArray;
}

const T = TensorProto_DataType;
const u8 = (buffer: ArrayBuffer): Uint8Array => new Uint8Array(buffer);
const i8 = (buffer: ArrayBuffer): Int8Array => new Int8Array(buffer);
const u16 = (buffer: ArrayBuffer): Uint16Array => new Uint16Array(buffer);
const f32 = (buffer: ArrayBuffer): Float32Array => new Float32Array(buffer);
const f64 = (buffer: ArrayBuffer): Float64Array => new Float64Array(buffer);

function row(code: TensorProto_DataType, bits: number, make: DTypeRow["make"], more: Partial<DTypeRow> = {}): DTypeRow {
  return { code, bits, lanes: 1, signed: false, field: "int32Data", make, ...more };
}

/** Every element type but string, which has no fixed width. */
export const ROWS: Record<Exclude<DType, "string">, DTypeRow> = {
  float32: row(T.FLOAT, 32, f32, { field: "floatData" }),
  float64: row(T.DOUBLE, 64, f64, { field: "doubleData" }),
  float16: row(T.FLOAT16, 16, u16),
  bfloat16: row(T.BFLOAT16, 16, u16),
  int8: row(T.INT8, 8, i8, { signed: true }),
  int16: row(T.INT16, 16, (buffer) => new Int16Array(buffer), { signed: true }),
  int32: row(T.INT32, 32, (buffer) => new Int32Array(buffer), { signed: true }),
  int64: row(T.INT64, 64, (buffer) => new BigInt64Array(buffer), { signed: true, field: "int64Data" }),
  uint8: row(T.UINT8, 8, u8),
  uint16: row(T.UINT16, 16, u16),
  uint32: row(T.UINT32, 32, (buffer) => new Uint32Array(buffer), { field: "uint64Data" }),
  uint64: row(T.UINT64, 64, (buffer) => new BigUint64Array(buffer), { field: "uint64Data" }),
  bool: row(T.BOOL, 8, u8),
  complex64: row(T.COMPLEX64, 32, f32, { lanes: 2, field: "floatData" }),
  complex128: row(T.COMPLEX128, 64, f64, { lanes: 2, field: "doubleData" }),
  float8e4m3fn: row(T.FLOAT8E4M3FN, 8, u8),
  float8e4m3fnuz: row(T.FLOAT8E4M3FNUZ, 8, u8),
  float8e5m2: row(T.FLOAT8E5M2, 8, u8),
  float8e5m2fnuz: row(T.FLOAT8E5M2FNUZ, 8, u8),
  float8e8m0: row(T.FLOAT8E8M0, 8, u8),
  float6e2m3: row(T.FLOAT6E2M3, 6, u8),
  float6e3m2: row(T.FLOAT6E3M2, 6, u8),
  float4e2m1: row(T.FLOAT4E2M1, 4, u8),
  uint4: row(T.UINT4, 4, u8),
  int4: row(T.INT4, 4, i8, { signed: true }),
  uint2: row(T.UINT2, 2, u8),
  int2: row(T.INT2, 2, i8, { signed: true }),
};

const NAMES: ReadonlyMap<number, DType> = new Map([
  ...(Object.keys(ROWS) as Exclude<DType, "string">[]).map((name): [number, DType] => [ROWS[name].code, name]),
  [T.STRING, "string"],
]);

/** The element type of a TensorProto.DataType code. Throws MalformedModelError for UNDEFINED and unknown codes. */
export function dtypeOfCode(code: number, where: string): DType {
  const name = NAMES.get(code);
  if (name === undefined)
    throw malformed("unknown-dtype", `${where}: ${code} is no known element type`, { where, code });
  return name;
}

/** The TensorProto.DataType code of an element type. */
export function codeOfDtype(dtype: DType): TensorProto_DataType {
  return dtype === "string" ? T.STRING : ROWS[dtype].code;
}

/** Product of the dimensions; 1 for a scalar. Throws MalformedModelError where it is not below 2^53. */
export function elementCount(shape: readonly number[], where = "tensor"): number {
  let count = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      throw malformed("bad-shape", `${where}: ${extent} is no dimension`, { where, shape: [...shape] });
    }
    count *= extent;
  }
  // A zero extent makes the product zero whatever the others are, unless the others overflowed to Infinity first.
  if (shape.includes(0)) return 0;
  if (!Number.isSafeInteger(count)) {
    throw malformed("bad-shape", `${where}: the shape has 2^53 elements or more`, { where, shape: [...shape] });
  }
  return count;
}

/** Widens IEEE binary16 bit patterns to float32, exactly; every NaN becomes 0x7fc00000. */
export function widenFloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const fraction = half & 0x3ff;
    if (exponent === 31) {
      words[i] = fraction === 0 ? sign | 0x7f800000 : 0x7fc00000;
    } else if (exponent !== 0) {
      words[i] = sign | ((exponent + 112) << 23) | (fraction << 13);
    } else if (fraction === 0) {
      words[i] = sign;
    } else {
      // A subnormal half is a normal float: move the leading bit (number 31 - clz) to the implicit place.
      const shift = Math.clz32(fraction) - 21;
      words[i] = sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    }
  }
  return new Float32Array(words.buffer);
}

/** Widens bfloat16 bit patterns to float32, exactly; every NaN becomes 0x7fc00000. */
export function widenBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]! << 16;
    words[i] = (word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word;
  }
  return new Float32Array(words.buffer);
}

/** Refuses a count of `what` that is not the shape's. */
export function checkLength(found: number, expected: number, what: string, where: string): void {
  if (found !== expected) {
    throw malformed("data-length", `${where}: ${found} ${what} where its shape needs ${expected}`, {
      where,
      found,
      expected,
    });
  }
}
