// Tensors of the ONNX file format (TensorProto) as plain data, and back. Values keep their stored bits: float16, bfloat16
// and the narrower floats stay raw until a caller widens them. Refuses a data length that differs from the shape's,
// unknown element types, segments, external data without a loader, and values outside their type; assumes a little-endian
// host, as WebAssembly memory does.

import { create, fromBinary, isFieldSet, toBinary } from "@bufbuild/protobuf";
import { getTextEncoding } from "@bufbuild/protobuf/wire";
import { checkLength, codeOfDtype, dtypeOfCode, elementCount, isLazyDType, lazyTensor, ROWS } from "./element-types.ts";
import type { DType, LazyDType, NumericArray, OnnxTensor, TensorData } from "./element-types.ts";
import { malformed, reason } from "./malformed.ts";
import type { MalformedModelError } from "./malformed.ts";
import { StringStringEntryProtoSchema, TensorProto_DataLocation, TensorProtoSchema } from "./proto/onnx_pb.ts";
import type { TensorProto } from "./proto/onnx_pb.ts";

/**
 * Reads `length` bytes at byte `offset` of the file `location`, a relative path with forward slashes that stays in the
 * model's folder. Throws its own typed error when the file is missing; a result of another length is refused. What it returns
 * must stay as it is.
 */
export type LoadExternal = (location: string, offset: number, length: number) => Uint8Array;

/** External data from so many bytes on are read when they are used, and each time. */
const LAZY_BYTES = 2 ** 20;

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

function outOfRange(value: number | bigint, dtype: DType, where: string): MalformedModelError {
  return malformed("data-range", `${where}: ${value} does not fit ${dtype}`, { where, value, dtype });
}
