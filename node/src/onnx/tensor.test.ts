import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { StringStringEntryProtoSchema, TensorProto_DataLocation, TensorProtoSchema } from "./proto/onnx_pb.ts";
import { elementCount, widenBfloat16, widenFloat16 } from "./element-types.ts";
import { MalformedModelError } from "./malformed.ts";
import { decodeTensor, encodeExternal, encodeTensor, parseTensorFile, serializeTensorFile } from "./tensor.ts";
import type { OnnxTensor } from "./element-types.ts";
import type { TensorProto } from "./proto/onnx_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";

type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

const BIG = 2n ** 63n;

// One tensor of each element type with its extreme values.
const SAMPLES: OnnxTensor[] = [
  { dtype: "float32", shape: [2, 2], data: new Float32Array([1.5, -0, Infinity, NaN]) },
  { dtype: "float64", shape: [1], data: new Float64Array([Math.PI]) },
  { dtype: "float16", shape: [2], data: new Uint16Array([0x3c00, 0xffff]) },
  { dtype: "bfloat16", shape: [2], data: new Uint16Array([0x3f80, 0x0001]) },
  { dtype: "int8", shape: [2], data: new Int8Array([-128, 127]) },
  { dtype: "int16", shape: [2], data: new Int16Array([-32768, 32767]) },
  { dtype: "int32", shape: [2], data: new Int32Array([-(2 ** 31), 2 ** 31 - 1]) },
  { dtype: "int64", shape: [2], data: new BigInt64Array([-BIG, BIG - 1n]) },
  { dtype: "uint8", shape: [1], data: new Uint8Array([255]) },
  { dtype: "uint16", shape: [1], data: new Uint16Array([65535]) },
  { dtype: "uint32", shape: [1], data: new Uint32Array([2 ** 32 - 1]) },
  { dtype: "uint64", shape: [1], data: new BigUint64Array([2n * BIG - 1n]) },
  { dtype: "bool", shape: [3], data: new Uint8Array([1, 0, 1]) },
  { dtype: "string", shape: [2], data: ["", "größe"] },
  { dtype: "complex64", shape: [1], data: new Float32Array([1, -2]) },
  { dtype: "complex128", shape: [1], data: new Float64Array([1, -2]) },
  { dtype: "float8e4m3fn", shape: [1], data: new Uint8Array([0xff]) },
  { dtype: "float8e4m3fnuz", shape: [1], data: new Uint8Array([0x80]) },
  { dtype: "float8e5m2", shape: [1], data: new Uint8Array([0x7c]) },
  { dtype: "float8e5m2fnuz", shape: [1], data: new Uint8Array([1]) },
  { dtype: "float8e8m0", shape: [1], data: new Uint8Array([127]) },
  { dtype: "float6e2m3", shape: [5], data: new Uint8Array([63, 0, 32, 1, 21]) },
  { dtype: "float6e3m2", shape: [3], data: new Uint8Array([1, 62, 3]) },
  { dtype: "float4e2m1", shape: [3], data: new Uint8Array([15, 0, 8]) },
  { dtype: "uint4", shape: [3], data: new Uint8Array([0, 15, 9]) },
  { dtype: "int4", shape: [3], data: new Int8Array([-8, 7, -1]) },
  { dtype: "uint2", shape: [5], data: new Uint8Array([0, 1, 2, 3, 3]) },
  { dtype: "int2", shape: [5], data: new Int8Array([-2, -1, 0, 1, -1]) },
  { dtype: "float32", shape: [], data: new Float32Array([7]) },
  { dtype: "float32", shape: [3, 0, 2], data: new Float32Array(0) },
];

const rule = (name: string) => (error: unknown) =>
  error instanceof MalformedModelError && error.values.rule === name && error.message !== "";

test("every element type survives a file", () => {
  for (const tensor of SAMPLES)
    assert.deepEqual(parseTensorFile(serializeTensorFile(tensor, "t")), tensor, tensor.dtype);
});

test("raw floats keep their bits, payloads of NaN included", () => {
  const data = new Float32Array(new Uint32Array([0x7f800001, 0xffc12345, 0x80000000, 1]).buffer);
  const { data: read } = parseTensorFile(serializeTensorFile({ dtype: "float32", shape: [4], data }));
  assert.deepEqual(new Uint32Array((read as Float32Array).buffer), new Uint32Array(data.buffer));
});

function make(dataType: number, dims: number[], init: TensorInit): OnnxTensor {
  return decodeTensor(create(TensorProtoSchema, { ...init, dataType, dims: dims.map(BigInt) }));
}

function external(entries: Record<string, string>): TensorProto {
  return create(TensorProtoSchema, {
    name: "w",
    dims: [2n],
    dataType: 1,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
}

function bitsOf(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!;
}

test("a file read into a Buffer holds what the same bytes in an array hold", () => {
  const tensor: OnnxTensor = { dtype: "float32", shape: [3], data: Float32Array.of(1.5, -2, 3) };
  const bytes = serializeTensorFile(tensor);
  // Small buffers lie in a shared pool, and Buffer's slice() is a view of it.
  assert.deepEqual(parseTensorFile(Buffer.from(bytes)), parseTensorFile(bytes));
});

test("typed fields hold the same values as raw data", () => {
  assert.deepEqual(make(1, [2], { floatData: [1, 2] }).data, new Float32Array([1, 2]));
  assert.deepEqual(make(9, [2], { int32Data: [1, 0] }).data, new Uint8Array([1, 0]));
  assert.deepEqual(make(10, [1], { int32Data: [0xbc00] }).data, new Uint16Array([0xbc00]));
  assert.deepEqual(make(7, [1], { int64Data: [-5n] }).data, new BigInt64Array([-5n]));
  assert.deepEqual(make(12, [1], { uint64Data: [5n] }).data, new Uint32Array([5]));
  assert.deepEqual(make(22, [3], { int32Data: [0x87, 0x0f] }).data, new Int8Array([7, -8, -1]));
  assert.deepEqual(make(27, [2], { int32Data: [63, 1] }).data, new Uint8Array([63, 1]));
  assert.deepEqual(make(14, [1], { floatData: [1, 2] }).data, new Float32Array([1, 2]));
});

test("a tensor that breaks a rule is refused by that rule", () => {
  const dims = [2n];
  const cases: [string, TensorInit][] = [
    ["unknown-dtype", { dims, dataType: 0 }],
    ["unknown-dtype", { dims, dataType: 99 }],
    ["data-length", { dims, dataType: 1, rawData: new Uint8Array(7) }],
    ["data-length", { dims, dataType: 1, rawData: new Uint8Array(12) }],
    ["data-length", { dims, dataType: 1, floatData: [1] }],
    ["data-length", { dims, dataType: 1 }],
    ["data-length", { dims, dataType: 8, stringData: [] }],
    ["data-length", { dims: [2n ** 40n], dataType: 1 }],
    ["bad-shape", { dims: [-1n], dataType: 1 }],
    ["bad-shape", { dims: [2n ** 62n], dataType: 1 }],
    ["bad-shape", { dims: [2n ** 40n, 2n ** 40n], dataType: 1 }],
    ["data-range", { dims, dataType: 2, int32Data: [1, 256] }],
    ["data-range", { dims, dataType: 3, int32Data: [1, 128] }],
    ["data-range", { dims, dataType: 9, int32Data: [1, 2] }],
    ["data-range", { dims, dataType: 9, rawData: new Uint8Array([0, 2]) }],
    ["data-range", { dims, dataType: 27, int32Data: [0, 64] }],
    ["raw-string", { dims, dataType: 8, rawData: new Uint8Array(2) }],
    ["not-utf8", { dims: [1n], dataType: 8, stringData: [new Uint8Array([0xff])] }],
    ["segment", { dims, dataType: 1, segment: {}, floatData: [1, 2] }],
  ];
  for (const [name, init] of cases) {
    assert.throws(() => decodeTensor(create(TensorProtoSchema, init)), rule(name), name);
  }
  assert.throws(() => parseTensorFile(new Uint8Array([0x0f])), rule("not-protobuf"));
  assert.throws(() => encodeTensor({ dtype: "float32", shape: [2], data: new Float32Array(3) }), rule("data-length"));
  assert.throws(() => encodeTensor({ dtype: "int4", shape: [1], data: new Int8Array([8]) }), rule("data-range"));
  assert.equal(elementCount([2 ** 52, 2 ** 52, 0]), 0);
});

test("large external floats are read when they are used, each time, aligned or not", () => {
  const count = 2 ** 18;
  const data = Float32Array.from({ length: count }, (_, index) => index / 3);
  const bytes = new Uint8Array(data.buffer);
  let reads = 0;
  let shift = 0;
  const load = (): Uint8Array => {
    reads++;
    const file = new Uint8Array(bytes.length + shift);
    file.set(bytes, shift);
    return file.subarray(shift);
  };
  const proto = encodeExternal({ dtype: "float32", shape: [count], data }, "w", {
    location: "w.bin",
    offset: 4096,
    length: bytes.length,
  });
  const tensor = decodeTensor(proto, load);
  assert.equal(tensor.isLazy, true);
  assert.equal(reads, 0);
  for (shift = 0; shift < 3; shift++) {
    assert.deepEqual(tensor.data, data);
    assert.equal(reads, shift + 1);
  }
  const short = decodeTensor(proto, () => new Uint8Array(4));
  assert.throws(() => short.data, rule("data-length"));
  // What can be checked without the data is checked at once.
  assert.throws(() => decodeTensor(proto), rule("external-missing"));
  const location = { location: "../w", offset: 0, length: bytes.length };
  const outside = encodeExternal({ dtype: "float32", shape: [count], data }, "w", location);
  assert.throws(() => decodeTensor(outside, load), rule("external-location"));
  const few = encodeExternal({ dtype: "float32", shape: [2], data: data.subarray(0, 2) }, "w", {
    location: "w.bin",
    offset: 0,
    length: 8,
  });
  assert.equal(decodeTensor(few, () => new Uint8Array(8)).isLazy, undefined);
});

test("external data is read where the tensor says and nowhere else", () => {
  const calls: unknown[] = [];
  const load = (location: string, offset: number, length: number): Uint8Array => {
    calls.push([location, offset, length]);
    return new Uint8Array(new Float32Array([3, 4]).buffer);
  };
  const tensor = decodeTensor(external({ location: "data/w.bin", offset: "4096", length: "8" }), load);
  assert.deepEqual(tensor, { dtype: "float32", shape: [2], data: new Float32Array([3, 4]) });
  decodeTensor(external({ location: "w.bin" }), load);
  assert.deepEqual(calls, [
    ["data/w.bin", 4096, 8],
    ["w.bin", 0, 8],
  ]);
  for (const location of ["", "/etc/passwd", "../w.bin", "a/../../w.bin", "a\\..\\b", "c:w", "a//b", "a\0b"]) {
    assert.throws(() => decodeTensor(external({ location }), load), rule("external-location"), location);
  }
  assert.throws(() => decodeTensor(external({ location: "w", offset: "-1" }), load), rule("external-number"));
  assert.throws(() => decodeTensor(external({ location: "w", length: "9" }), load), rule("data-length"));
  assert.throws(() => decodeTensor(external({ location: "w" }), () => new Uint8Array(7)), rule("data-length"));
  assert.throws(() => decodeTensor(external({ location: "w" })), rule("external-missing"));
});

test("half floats widen exactly", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const half = widenFloat16(all);
  const brain = widenBfloat16(all);
  for (let i = 0; i < 65536; i++) {
    const sign = i & 0x8000 ? -1 : 1;
    const exponent = (i >> 10) & 31;
    const fraction = i & 1023;
    const scaled = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    const expected = exponent < 31 ? sign * scaled : fraction === 0 ? sign * Infinity : NaN;
    if (!Object.is(half[i], expected)) assert.fail(`float16 ${i.toString(16)}: ${half[i]}`);
    const word = (i << 16) >>> 0;
    if (Number.isNaN(brain[i])) assert.ok((word & 0x7fffffff) > 0x7f800000);
    else assert.equal(bitsOf(brain[i]!), word);
  }
  assert.equal(new Uint32Array(half.buffer)[0xfe01], 0x7fc00000);
  assert.equal(new Uint32Array(brain.buffer)[0xff81], 0x7fc00000);
});
