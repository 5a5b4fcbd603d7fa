import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { below, createRandom, wordOf } from "../../float/directed.ts";
import type { Random } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import type { PatternDigits, ScalarBuilder, Value } from "../../ir/build.ts";
import { randomScalar, randomWords } from "../../ir/random.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { isWorthTiles, recogniseContraction } from "./contraction.ts";
import { assertSameBits, directedWords, finiteCount, likeWords } from "./fixtures.ts";
import { createWasmRunner } from "./runner.ts";

const RUNNERS = [createWasmRunner(), createWasmRunner({ emulateFma: true })];

interface Draft {
  readonly extents: readonly number[];
  readonly count: number;
  readonly start?: number;
  /** Words that each digit moves the left and the right address by. */
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly leftPattern?: PatternDigits;
  readonly rightPattern?: PatternDigits;
  readonly offset?: number;
  readonly continued?: boolean;
  readonly bias?: boolean;
}

function dotProgram(draft: Draft): ScalarProgram {
  const { extents, count, start = 0, continued = false, bias = false, offset = 0 } = draft;
  const contiguous: PatternDigits = [[start + count, 1]];
  return buildScalar({ operands: ["f32", "f32", "f32"], output: "f32", extents }, (b) => {
    const place = (strides: readonly number[], first: number): Value =>
      b.digits.reduce((sum, digit, axis) => b.addI(b.mulI(digit, strides[axis]), sum), b.i32(first));
    const own = (builder: ScalarBuilder): Value => builder.load(2, builder.index);
    const [total] = b.loop({
      count,
      start,
      carried: [{ type: "f32", init: 0, ...(continued ? { from: own(b) } : {}) }],
      body: ({ carried }) => [
        b.fma(
          b.load(0, place(draft.left, offset), draft.leftPattern ?? contiguous),
          b.load(1, place(draft.right, offset), draft.rightPattern ?? contiguous),
          carried[0],
        ),
      ],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return bias ? b.max(b.add(total, own(b)), 0) : total;
  });
}

function check(draft: Draft, words: readonly Uint32Array[], label: string): void {
  const scalar = dotProgram(draft);
  const lengths = words.map(({ length }) => length);
  assert.notEqual(recogniseContraction(scalar, lengths), null, `${label} is no contraction`);
  // Long sums of directed words are all NaN; sums of values of like size are not, and show what was left out.
  const tame = words.map(({ length }, side) => likeWords(7 + side, length));
  for (const runner of RUNNERS) {
    assertSameBits(runner, scalar, words, label);
    const sums = assertSameBits(runner, scalar, tame, `${label}, tame`);
    assert.equal(finiteCount(sums), sums.length, label);
  }
}

/** Words that make sums cancel, overflow and meet infinities, mostly without drowning in NaN. */
function hostileWords(random: Random, length: number): Uint32Array {
  const kind = below(random, 4);
  if (kind === 0) return directedWords(random(), length);
  if (kind === 1) return randomWords(random, "f32", length);
  const specials = [0, 0x80000000, 0x7f7fffff, 0xff7fffff, 1, 0x80000001, 0x00800000, 0x3f800000, 0xbf800000];
  if (kind === 2) return Uint32Array.from({ length }, () => specials[below(random, specials.length)]);
  return Uint32Array.from({ length }, () =>
    below(random, 97) === 0 ? random() : 0x3f800000 ^ (random() & 0x80ffffff),
  );
}

describe("contractions", () => {
  it("multiplies matrices of every shape of tile and panel", () => {
    for (const rows of [1, 2, 5, 6, 7, 13]) {
      for (const columns of [4, 7, 8, 9, 17]) {
        for (const count of [2, 3, 4, 6, 256, 259]) {
          const words = [
            directedWords(1, rows * count),
            directedWords(2, columns * count),
            directedWords(3, rows * columns),
          ];
          const draft = { extents: [rows, columns], count, left: [count, 0], right: [0, count] };
          check(draft, words, `${rows} ${columns} ${count}`);
          check({ ...draft, continued: true, bias: true }, words, `${rows} ${columns} ${count} continued`);
        }
      }
    }
  });

  it("multiplies one row by many columns", () => {
    for (const columns of [31, 32, 33, 64, 75]) {
      for (const count of [2, 5, 256, 300, 1024]) {
        const words = [directedWords(1, count), directedWords(2, columns * count), directedWords(3, columns)];
        const draft = { extents: [columns], count, left: [0], right: [count] };
        check(draft, words, `${columns} ${count}`);
        check({ ...draft, continued: true }, words, `${columns} ${count} continued`);
        // Results in another order than the columns' words.
        const turned = {
          extents: [columns, 1],
          count,
          left: [0, 0],
          right: [-count, 0],
          offset: (columns - 1) * count,
        };
        check(
          { ...turned, leftPattern: [[count, 1]] },
          [directedWords(4, columns * count + count), words[1], words[2]],
          "turned",
        );
      }
    }
  });

  it("adds up hostile words in the definition's order", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = createRandom(seed);
      const [rows, columns, count] = [1 + below(random, 9), 4 + below(random, 14), 1 + below(random, 600)];
      const words = [rows * count, columns * count, rows * columns].map((length) => hostileWords(random, length));
      const draft = { extents: [rows, columns], count, left: [count, 0], right: [0, count] };
      check({ ...draft, continued: below(random, 2) === 0, bias: below(random, 2) === 0 }, words, `seed ${seed}`);
    }
  });

  it("splits a sum in a chain without changing a bit", () => {
    const [rows, columns, count] = [7, 9, 1024 + 300];
    const draft = { extents: [rows, columns], left: [count, 0], right: [0, count] };
    const lengths = [rows * count, columns * count];
    const tame = lengths.map((length, side) => likeWords(4 + side, length));
    // Infinities, cancellation and NaN in some rows and columns alone.
    const hostile = tame.map((column, side) => {
      const words = column.slice();
      directedWords(5 + side, 2 * count).forEach((word, at) => (words[at] = word));
      return words;
    });
    // Products about 2^-126, whose sums are subnormal.
    const random = createRandom(6);
    const tiny = lengths.map((length) => Uint32Array.from({ length }, () => wordOf(random(), 64, random())));
    const none = new Uint32Array(rows * columns);
    for (const [runner, words] of RUNNERS.flatMap((one) => [tame, hostile, tiny].map((set) => [one, set] as const))) {
      const [whole, first, second] = [none.slice(), none.slice(), none.slice()];
      const pattern: PatternDigits = [[count, 1]];
      const patterns = { leftPattern: pattern, rightPattern: pattern };
      runner.run(dotProgram({ ...draft, count, ...patterns }), 0, [...words, none], whole);
      runner.run(dotProgram({ ...draft, count: 512, ...patterns }), 0, [...words, none], first);
      const rest = { ...draft, start: 512, count: count - 512, continued: true, ...patterns };
      runner.run(dotProgram(rest), 0, [...words, first], second);
      assert.deepEqual(second, whole);
      assert.ok(finiteCount(whole) > whole.length / 2, `${finiteCount(whole)} of ${whole.length} are finite`);
    }
  });

  it("walks images as convolutions do, groups and short operands included", () => {
    for (const [groups, outputs, size, kernel, inner, stride] of [
      [1, 6, 7, 3, 4, 1],
      [1, 9, 9, 3, 3, 2],
      [3, 2, 6, 2, 5, 1],
      [5, 1, 9, 3, 1, 1],
      [1, 20, 4, 1, 8, 1],
    ]) {
      const out = Math.floor((size - kernel) / stride) + 1;
      const count = kernel * kernel * inner;
      const draft: Draft = {
        extents: [groups, outputs, out, out],
        count,
        left: [outputs * count, count, 0, 0],
        right: [size * size * inner, 0, stride * size * inner, stride * inner],
        rightPattern: [
          [kernel, size * inner],
          [kernel * inner, 1],
        ],
        bias: true,
      };
      const places = groups * outputs * out * out;
      for (const short of [0, 1, 40]) {
        const lengths = [groups * outputs * count, groups * size * size * inner, places].map((n) =>
          Math.max(1, n - short),
        );
        check(
          draft,
          lengths.map((length, seed) => directedWords(seed, length)),
          `conv ${kernel}x${kernel} ${short}`,
        );
      }
    }
  });

  it("takes the longer side for columns, whichever it is", () => {
    for (const [rows, columns] of [
      [40, 2],
      [40, 1],
      [9, 9],
    ]) {
      const count = 30;
      const words = [
        directedWords(1, rows * count),
        directedWords(2, columns * count),
        directedWords(3, rows * columns),
      ];
      check({ extents: [rows, columns], count, left: [count, 0], right: [0, count] }, words, `${rows} ${columns}`);
      check(
        { extents: [rows, columns], count, left: [0, count], right: [count, 0] },
        [words[1], words[0], words[2]],
        "swapped",
      );
      const early = { extents: [rows, columns], count, left: [count, 0], right: [0, count], offset: -17 };
      check(early, words, "from in front of the operands");
    }
  });

  it("is not worth tiles where every channel has a few rows of its own over scattered words", () => {
    const [channels, size, kernel] = [6, 8, 3];
    const out = size - kernel + 1;
    const convolution = (outputs: number): Draft => ({
      extents: [channels, outputs, out, out],
      count: kernel * kernel,
      left: [outputs * kernel * kernel, kernel * kernel, 0, 0],
      right: [1, 0, size * channels, channels],
      rightPattern: [
        [kernel, size * channels],
        [kernel, channels],
      ],
    });
    const lengths = [channels * 9 * 9, channels * size * size, 1];
    const isWorth = (draft: Draft): boolean => {
      const contraction = recogniseContraction(dotProgram(draft), lengths);
      assert.ok(contraction !== null);
      return isWorthTiles(contraction);
    };
    assert.equal(isWorth(convolution(1)), false);
    assert.equal(isWorth(convolution(5)), true);
    assert.equal(isWorth({ extents: [2, 8], count: 9, left: [9, 0], right: [72, 9] }), true);
    assert.equal(isWorth({ extents: [1, 72], count: 9, left: [0, 0], right: [0, 9] }), true);
  });

  it("is what many random programs are", () => {
    const found = Array.from({ length: 400 }, (_, seed) => randomScalar(createRandom(seed))).filter(
      (scalar) => recogniseContraction(scalar, [100, 100, 100, 100]) !== null,
    );
    assert.ok(found.length >= 5, `${found.length} of 400`);
  });
});
