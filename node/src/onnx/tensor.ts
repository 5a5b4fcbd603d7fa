// Tensors of the ONNX file format (TensorProto) as plain data, and back. Values keep their stored bits: float16, bfloat16
// and the narrower floats stay raw until a caller widens them. Refuses a data length that differs from the shape's,
// unknown element types, segments, external data without a loader, and values outside their type; assumes a little-endian
// host, as WebAssembly memory does.

import { create, fromBinary, isFieldSet, toBinary } from "@bufbuild/protobuf";
import { getTextEncoding } from "@bufbuild/protobuf/wire";
import { LockstepError } from "../float/errors.ts";
import {
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "./proto/onnx_pb.ts";
import type { TensorProto } from "./proto/onnx_pb.ts";

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
type LazyDType = "float32" | "float16" | "bfloat16";

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

/**
 * Reads `length` bytes at byte `offset` of the file `location`, a relative path with forward slashes that stays in the
 * model's folder. Throws its own typed error when the file is missing; a result of another length is refused. What it returns
 * must stay as it is.
 */
export type LoadExternal = (location: string, offset: number, length: number) => Uint8Array;

/** External data from so many bytes on are read when they are used, and each time. */
const LAZY_BYTES = 2 ** 20;

function isLazyDType(dtype: DType): dtype is LazyDType {
  return dtype === "float32" || dtype === "float16" || dtype === "bfloat16";
}

type NumericArray = Exclude<TensorData[DType], string[]>;
type TypedField = "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data";

interface DTypeRow {
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

// Every element type but string, which has no fixed width.
const ROWS: Record<Exclude<DType, "string">, DTypeRow> = {
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

/**
 * Decodes a TensorProto. External data is read through `loadExternal`.
 * Throws MalformedModelError, whose `values.rule` names what is wrong.
 */
export function decodeTensor(proto: TensorProto, loadExternal?: LoadExternal): OnnxTensor {
  const where = proto.name === "" ? "tensor" : `tensor ${JSON.stringify(proto.name)}`;
  const dtype = dtypeOfCode(proto.dataType, where);
  const shape = proto.dims.map((extent) => checkedExtent(extent, where));
  const count = elementCount(shape, where);
  if (proto.segment !== undefined)
    throw malformed("segment", `${where}: segmented tensors are not supported`, { where });
  const external = proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
  const raw = external || isFieldSet(proto, TensorProtoSchema.field.rawData);
  if (dtype === "string") {
    if (raw) throw malformed("raw-string", `${where}: strings cannot be raw or external data`, { where });
    checkLength(proto.stringData.length, count, "string_data entries", where);
    return { dtype, shape, data: proto.stringData.map((bytes) => decodeText(bytes, where)) };
  }
  const { bits, lanes } = ROWS[dtype];
  const length = count * lanes;
  if (external && count * bits >= 8 * LAZY_BYTES && isLazyDType(dtype)) {
    const place = externalPlace(proto, (count * bits) / 8, where, loadExternal);
    return lazyTensor(dtype, shape, () => viewOrCopy(place(), dtype, length, where));
  }
  if (!raw) return { dtype, shape, data: fromTypedField(proto, dtype, length, where) } as OnnxTensor;
  const byteLength = Math.ceil((length * bits) / 8);
  const bytes = external ? externalPlace(proto, byteLength, where, loadExternal)() : proto.rawData;
  checkLength(bytes.length, byteLength, "bytes of raw_data", where);
  return { dtype, shape, data: fromRaw(bytes, dtype, length, where) } as OnnxTensor;
}

/**
 * Encodes a tensor as raw data (string_data for strings). Throws MalformedModelError where the data's length is not the
 * shape's or a value does not fit its type.
 */
export function encodeTensor(tensor: OnnxTensor, name = ""): TensorProto {
  const where = name === "" ? "tensor" : `tensor ${JSON.stringify(name)}`;
  const count = elementCount(tensor.shape, where);
  const common = commonFields(tensor, name);
  if (tensor.dtype === "string") {
    checkLength(tensor.data.length, count, "strings", where);
    return create(TensorProtoSchema, { ...common, stringData: tensor.data.map((text) => encodeText(text)) });
  }
  return create(TensorProtoSchema, { ...common, rawData: rawBytes(tensor, where).slice() });
}

/** Where the bytes of a tensor lie: `length` bytes from `offset` of the file `location` beside the model. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** A tensor whose raw data were written to another file. */
export function encodeExternal(tensor: OnnxTensor, name: string, place: ExternalPlace): TensorProto {
  const { location, offset, length } = place;
  const entries = { location, offset: String(offset), length: String(length) };
  return create(TensorProtoSchema, {
    ...commonFields(tensor, name),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
}

/** The raw data of a tensor of numbers, as a file holds them; a view of its memory where it can be. */
export function rawBytes(tensor: Exclude<OnnxTensor, { dtype: "string" }>, where = "tensor"): Uint8Array {
  const { bits, lanes } = ROWS[tensor.dtype];
  // Once: that of a lazy tensor is made anew each time.
  const { data } = tensor;
  checkLength(data.length, elementCount(tensor.shape, where) * lanes, "elements", where);
  if (bits < 8 || tensor.dtype === "bool") checkRange(data as Uint8Array | Int8Array, tensor.dtype, where);
  if (bits < 8) return packBits(data as Uint8Array | Int8Array, bits);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function commonFields({ shape, dtype }: OnnxTensor, name: string) {
  return { name, dims: shape.map(BigInt), dataType: codeOfDtype(dtype) };
}

/** Reads a file that holds one TensorProto, such as the inputs and outputs of the ONNX backend tests. */
export function parseTensorFile(bytes: Uint8Array, loadExternal?: LoadExternal): OnnxTensor {
  let proto: TensorProto;
  try {
    proto = fromBinary(TensorProtoSchema, bytes);
  } catch (cause) {
    throw malformed(
      "not-protobuf",
      `the file is no TensorProto: ${reason(cause)}`,
      { length: bytes.length },
      { cause },
    );
  }
  return decodeTensor(proto, loadExternal);
}

/** The bytes of a file that holds one tensor; the inverse of {@link parseTensorFile}. */
export function serializeTensorFile(tensor: OnnxTensor, name = ""): Uint8Array {
  return toBinary(TensorProtoSchema, encodeTensor(tensor, name));
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

/** UTF-8 text of a bytes field. Throws MalformedModelError where it is not UTF-8. */
export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return getTextEncoding().decodeUtf8(bytes, true);
  } catch (cause) {
    throw malformed("not-utf8", `${where}: a string is not UTF-8`, { where, length: bytes.length }, { cause });
  }
}

/** UTF-8 bytes of a text. */
export function encodeText(text: string): Uint8Array {
  return getTextEncoding().encodeUtf8(text);
}

/** A dimension as a number. Throws MalformedModelError where it is negative or not below 2^53. */
export function checkedExtent(extent: bigint, where: string): number {
  if (extent < 0n || extent > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw malformed("bad-shape", `${where}: ${extent} is no dimension`, { where, extent });
  }
  return Number(extent);
}

function fromRaw(bytes: Uint8Array, dtype: Exclude<DType, "string">, length: number, where: string): NumericArray {
  const { bits, make, signed } = ROWS[dtype];
  if (bits < 8) return make(unpackBits(bytes, bits, length, signed));
  // A copy: the file's bytes are not aligned to the element's width.
  // Not slice(): that of Node's Buffer is a view, and the words would be those of the pool it lies in.
  const data = make(new Uint8Array(bytes).buffer);
  if (dtype === "bool") checkRange(data as Uint8Array, dtype, where);
  return data;
}

/** As fromRaw, without a copy where the bytes are aligned: weights of hundreds of megabytes. */
function viewOrCopy<D extends LazyDType>(bytes: Uint8Array, dtype: D, length: number, where: string): TensorData[D] {
  const size = ROWS[dtype].bits / 8;
  if (bytes.byteOffset % size !== 0) return fromRaw(bytes, dtype, length, where) as TensorData[D];
  const { buffer, byteOffset } = bytes;
  const data =
    dtype === "float32" ? new Float32Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length);
  return data as TensorData[D];
}

function fromTypedField(
  proto: TensorProto,
  dtype: Exclude<DType, "string">,
  length: number,
  where: string,
): NumericArray {
  const { bits, field, make, signed } = ROWS[dtype];
  const stored: readonly (number | bigint)[] = proto[field];
  const name = field.replace("Data", "_data");
  if (bits === 4 || bits === 2) {
    // Each int32_data entry is one byte of the packed form.
    checkLength(stored.length, Math.ceil((length * bits) / 8), `${name} entries`, where);
    const packed = new Uint8Array(stored.length);
    stored.forEach((value, i) => {
      if (Number(value) < -128 || Number(value) > 255) throw outOfRange(value, dtype, where);
      packed[i] = Number(value) & 255;
    });
    return make(unpackBits(packed, bits, length, signed));
  }
  checkLength(stored.length, length, `${name} entries`, where);
  const data = make(new ArrayBuffer(Math.ceil(bits / 8) * length));
  const integer = field !== "floatData" && field !== "doubleData";
  for (let i = 0; i < length; i++) {
    const value = stored[i]!;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      data[i] = BigInt(value);
    } else {
      data[i] = Number(value);
      if (integer && data[i] !== Number(value)) throw outOfRange(value, dtype, where);
    }
  }
  if (bits < 8 || dtype === "bool") checkRange(data as Uint8Array, dtype, where);
  return data;
}

/** Checks what a tensor says about its external data, and gives what reads them. */
function externalPlace(
  proto: TensorProto,
  byteLength: number,
  where: string,
  loadExternal: LoadExternal | undefined,
): () => Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location") ?? "";
  // Only a relative path below the model's folder: a model must not read other files of the machine.
  const parts = location.split("/");
  if (location === "" || /[\\\0:]/.test(location) || parts.some((part) => part === "" || part === "..")) {
    throw malformed("external-location", `${where}: external data at ${JSON.stringify(location)} is refused`, {
      where,
      location,
    });
  }
  const offset = externalNumber(entries, "offset", 0, where);
  const length = externalNumber(entries, "length", byteLength, where);
  checkLength(length, byteLength, "bytes of external data", where);
  if (loadExternal === undefined) {
    throw malformed("external-missing", `${where}: its data is in ${location}, which was not given`, {
      where,
      location,
    });
  }
  return () => {
    const bytes = loadExternal(location, offset, length);
    checkLength(bytes.length, byteLength, "bytes of external data", where);
    return bytes;
  };
}

function externalNumber(entries: Map<string, string>, key: string, absent: number, where: string): number {
  const text = entries.get(key);
  if (text === undefined) return absent;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw malformed("external-number", `${where}: external ${key} ${JSON.stringify(text)} is no byte count`, {
      where,
      [key]: text,
    });
  }
  return value;
}

// Widths 2, 4 and 6 are all one stream of bits, least significant first.
function unpackBits(bytes: Uint8Array, bits: number, length: number, signed: boolean): ArrayBuffer {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const start = i * bits;
    const pair = bytes[start >> 3]! | ((bytes[(start >> 3) + 1] ?? 0) << 8);
    const value = (pair >> (start & 7)) & ((1 << bits) - 1);
    out[i] = signed && value >> (bits - 1) === 1 ? value - (1 << bits) : value;
  }
  return out.buffer;
}

function packBits(data: Uint8Array | Int8Array, bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((data.length * bits) / 8));
  for (let i = 0; i < data.length; i++) {
    const start = i * bits;
    const shifted = (data[i]! & ((1 << bits) - 1)) << (start & 7);
    out[start >> 3]! |= shifted & 255;
    if (shifted > 255) out[(start >> 3) + 1]! |= shifted >> 8;
  }
  return out;
}

function checkRange(data: Uint8Array | Int8Array, dtype: Exclude<DType, "string">, where: string): void {
  const bits = dtype === "bool" ? 1 : ROWS[dtype].bits;
  const low = ROWS[dtype].signed ? -(1 << (bits - 1)) : 0;
  const high = ROWS[dtype].signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
  for (const value of data) if (value < low || value > high) throw outOfRange(value, dtype, where);
}

function checkLength(found: number, expected: number, what: string, where: string): void {
  if (found !== expected) {
    throw malformed("data-length", `${where}: ${found} ${what} where its shape needs ${expected}`, {
      where,
      found,
      expected,
    });
  }
}

function outOfRange(value: number | bigint, dtype: DType, where: string): MalformedModelError {
  return malformed("data-range", `${where}: ${value} does not fit ${dtype}`, { where, value, dtype });
}

/** The message of whatever was thrown. */
export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** A MalformedModelError; `rule` is a short stable name of the broken rule. */
export function malformed(
  rule: string,
  message: string,
  values: Record<string, unknown>,
  options?: { cause?: unknown },
): MalformedModelError {
  return new MalformedModelError(message, { rule, ...values }, options);
}

/** The bytes are no valid model or tensor; `values.rule` names the broken rule. Retrying cannot help. */
export class MalformedModelError extends LockstepError {
  constructor(message: string, values: Record<string, unknown>, options?: { cause?: unknown }) {
    super("MalformedModelError", message, values, options);
  }
}

/** The file ends inside a field: `expected` bytes are needed at least, `length` are there. A fresh copy may help. */
export class TruncatedFileError extends LockstepError {
  constructor(length: number, expected: number) {
    super("TruncatedFileError", `the file is cut off: ${length} bytes of at least ${expected}`, { length, expected });
  }
}
