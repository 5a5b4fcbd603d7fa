// Copies of views against element by element, and what is lazy.
import assert from "node:assert/strict";
import { test } from "node:test";
import { takeView } from "./fold.ts";
import { randomWords } from "./fixtures.ts";
import { lazyTensor } from "./element-types.ts";
import { knownTensor, knownWords, LAZY_WORDS, lazyWords, sizeOf, stridesOf } from "./values.ts";
import { viewOf } from "./view.ts";

function slowView(
  from: Uint32Array,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): Uint32Array {
  const own = stridesOf(shape);
  return Uint32Array.from({ length: sizeOf(shape) }, (_, index) =>
    strides.reduce((place, stride, axis) => place + (Math.floor(index / own[axis]) % shape[axis]) * stride, offset),
  ).map((place) => from[place]);
}

test("views are copied element for element, whatever their strides", () => {
  const next = randomWords(11);
  const from = Uint32Array.from({ length: 60_000 }, next);
  const cases: [shape: number[], strides: number[], offset: number][] = [
    [[], [], 5],
    [[7], [3], 2],
    [[40, 70], [1, 40], 0],
    [[3, 40, 70], [2800, 1, 40], 9],
    [[5, 3, 3, 33], [297, 3, 1, 9], 0],
    [[4, 50], [0, 1], 100],
    [[50, 4], [1, 0], 100],
    [[9, 5], [-5, 1], 40],
    [[65, 33], [-1, 65], 64],
    [[2, 1, 6, 2], [12, 99, 2, 1], 0],
    [[0, 4], [1, 1], 0],
  ];
  for (const [shape, strides, offset] of cases) {
    const expected = slowView(from, shape, strides, offset);
    assert.deepEqual(
      viewOf(from, new Uint32Array(sizeOf(shape)), shape, strides, offset),
      expected,
      `[${shape.join()}]`,
    );
  }
  for (let round = 0; round < 200; round++) {
    const shape = Array.from({ length: 1 + (next() % 4) }, () => 1 + (next() % 9));
    const strides = shape.map(() => (next() % 300) - 40);
    const expected = slowView(from, shape, strides, 3000);
    assert.deepEqual(viewOf(from, new Uint32Array(sizeOf(shape)), shape, strides, 3000), expected, `round ${round}`);
  }
});

test("a large view is taken when it is asked for, and each time", () => {
  let reads = 0;
  const [rows, columns] = [512, LAZY_WORDS / 512];
  const words = Uint32Array.from({ length: LAZY_WORDS }, (_, index) => index);
  const value = lazyWords([rows, columns], () => {
    reads++;
    return words;
  });
  const turned = takeView(value, [columns, rows], [1, columns], 0);
  assert.equal(reads, 0);
  assert.ok(turned.at.kind === "words");
  const { words: taken } = turned.at;
  assert.equal(reads, 1);
  assert.equal(taken[1], columns);
  const back = takeView(turned, [rows, columns], [1, rows], 0);
  assert.ok(back.at.kind === "words");
  assert.deepEqual(back.at.words, words);
  // Few words are taken at once.
  assert.equal(takeView(knownWords([4], words.subarray(0, 4)), [2], [2], 0).at.kind, "words");
});

test("a lazy tensor of floats is a lazy value with canonical words", () => {
  let reads = 0;
  const data = new Float32Array(4);
  new Uint32Array(data.buffer).set([0x7fc00001, 0xff800000, 0x80000000, 1]);
  const value = knownTensor(
    lazyTensor("float32", [4], () => {
      reads++;
      return data;
    }),
  )!;
  assert.equal(reads, 0);
  assert.ok(value.at.kind === "words");
  assert.deepEqual([...value.at.words], [0x7fc00000, 0xff800000, 0x80000000, 1]);
  assert.equal(reads, 1);
  const half = knownTensor(lazyTensor("float16", [1], () => Uint16Array.of(0x3c00)))!;
  assert.ok(half.at.kind === "words" && half.at.words[0] === 0x3f800000);
  const short = knownTensor(lazyTensor("float32", [5], () => data))!;
  assert.throws(() => short.at.kind === "words" && short.at.words, /4 elements where its shape needs 5/);
});
