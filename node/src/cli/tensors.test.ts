import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { dump } from "npyjs";
import { temporaryFolder } from "../chain/test-chain.ts";
import { modelOf, type ModelSketch } from "../onnx/fixtures.ts";
import { importModel } from "../onnx/index.ts";
import { readInputs, TensorFileError, toValues } from "./tensors.ts";

type Dtype = NonNullable<ModelSketch["inputs"]>[string]["dtype"];

describe("tensors that users give", () => {
  const folder = temporaryFolder("tensors");
  after(() => folder.remove());
  const file = (name: string, bytes: Uint8Array) => {
    const path = join(folder.path, name);
    writeFileSync(path, bytes);
    return path;
  };
  const modelFor = (dtype: Dtype) =>
    importModel(
      modelOf({ nodes: [{ op: "Identity", inputs: ["x"] }], inputs: { x: { dtype, shape: [3] } }, outputs: ["y0"] }),
      {},
    );
  const read = (dtype: Dtype, path: string) => [...(readInputs(modelFor(dtype), [path])[0] ?? [])];
  const npy = (values: ArrayLike<number | bigint>) =>
    file("x.npy", new Uint8Array(dump(values as unknown as Float32Array, [3])));
  // An .npy file with a header of its own.
  const raw = (header: string, data: Uint8Array) => {
    const text = new TextEncoder().encode(`${header}\n`);
    const start = Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8]);
    return file("raw.npy", Uint8Array.from([...start, ...text, ...data]));
  };

  it("are floats bit for bit, doubles rounded to nearest", () => {
    assert.deepEqual(read("float32", npy(Float32Array.of(1, -0, 0.1))), [0x3f800000, 0x80000000, 0x3dcccccd]);
    assert.deepEqual(read("float32", npy(Float64Array.of(0.1, 1e300, -1e-300))), [0x3dcccccd, 0x7f800000, 0x80000000]);
  });

  it("are integers exactly, from any width that holds them", () => {
    assert.deepEqual(read("int32", npy(Int32Array.of(-1, 0, 2 ** 31 - 1))), [0xffffffff, 0, 0x7fffffff]);
    assert.deepEqual(read("int64", npy(BigInt64Array.of(-2n, 5n, -(2n ** 31n)))), [0xfffffffe, 5, 0x80000000]);
    assert.deepEqual(read("int32", npy(Uint8Array.of(0, 7, 255))), [0, 7, 255]);
  });

  it("are refused when an integer does not fit", () => {
    assert.throws(() => read("int64", npy(BigInt64Array.of(0n, 2n ** 31n, 0n))), { name: "ValueOutsideI32Error" });
    assert.throws(() => read("int32", npy(Float32Array.of(0.5, 0, 0))), { name: "ValueOutsideI32Error" });
  });

  it("are truth values from zero and the rest", () => {
    assert.deepEqual(read("bool", npy(Uint8Array.of(0, 1, 2))), [0, 0xffffffff, 0xffffffff]);
  });

  it("are refused in Fortran order, with a strange type and with a broken header", () => {
    const data = new Uint8Array(12);
    const header = (order: string, descr: string) =>
      `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (3,), }`;
    assert.deepEqual(read("float32", raw(header("False", "<f4"), data)), [0, 0, 0]);
    assert.throws(() => read("float32", raw(header("True", "<f4"), data)), TensorFileError);
    assert.throws(() => read("float32", raw(header("False", "<c8"), data)), TensorFileError);
    assert.throws(() => read("float32", raw("{'descr': ", data)), TensorFileError);
  });

  it("are shown as JSON can", () => {
    assert.deepEqual(toValues(Uint32Array.of(0x3f800000, 0x7fc00000, 0xff800000), "f32"), [1, "NaN", "-Infinity"]);
    assert.deepEqual(toValues(Uint32Array.of(0xffffffff, 5), "i32"), [-1, 5]);
    assert.deepEqual(toValues(Uint32Array.of(0xffffffff, 0), "bool"), [true, false]);
  });
});
