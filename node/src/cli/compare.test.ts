import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toBits } from "../float/words.ts";
import { apart, ulpBetween } from "./compare.ts";

const words = (...values: number[]) => Uint32Array.from(values, toBits);

describe("two tensors", () => {
  it("are apart by value, by ulp and by the second's largest magnitude", () => {
    assert.deepEqual(apart("f32", words(1, 2, -4), words(1, 2.5, -4)), {
      absolute: 0.5,
      ulp: 2 ** 21,
      relative: 0.125,
      element: 1,
    });
    assert.deepEqual(apart("i32", Uint32Array.of(3, 0xffffffff), Uint32Array.of(3, 1)), {
      absolute: 2,
      ulp: 2,
      relative: 2 / 3,
      element: 1,
    });
    assert.equal(apart("bool", Uint32Array.of(0xffffffff), Uint32Array.of(0)).absolute, 1);
  });

  it("are equal with NaNs and zeros of both signs, and infinitely far apart where one is a NaN", () => {
    const same = apart("f32", words(Number.NaN, 0, Infinity), words(Number.NaN, -0, Infinity));
    assert.deepEqual([same.absolute, same.ulp, same.relative], [0, 0, 0]);
    const nan = apart("f32", words(1, Number.NaN), words(1, 5));
    assert.deepEqual(nan, { absolute: Infinity, ulp: 2 ** 32, relative: Infinity, element: 1 });
    assert.equal(apart("f32", words(Infinity), words(3)).absolute, Infinity);
  });

  it("count floats over zero", () => {
    assert.equal(ulpBetween(0x00000001, 0x80000001), 2);
    assert.equal(ulpBetween(toBits(1), 0x3f800001), 1);
    assert.equal(ulpBetween(0, 0x80000000), 0);
  });
});
