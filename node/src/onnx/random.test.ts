// Philox against the published vectors, and the numbers made of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildScalar } from "../ir/build.ts";
import { evaluatePrimitive, wordsOperand } from "../ir/interpret.ts";
import { evaluateOne, randomWords } from "./fixtures.ts";
import { gumbel, philox, philoxWords, unitFloat } from "./random.ts";

// The known answers of the Random123 distribution, philox4x32 with ten rounds.
const ONES = 0xffffffff;
const KNOWN_ANSWERS: [counter: number[], key: number[], block: number[]][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [ONES, ONES, ONES, ONES],
    [ONES, ONES],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

test("Philox gives the published answers, as numbers and as a scalar program", () => {
  for (const [counter, key, block] of KNOWN_ANSWERS) {
    const [c0, c1, c2, c3] = counter;
    assert.deepEqual([...philox(new Uint32Array(4), c0, c1, c2, c3, key[0], key[1])], block);
    const program = buildScalar({ operands: ["i32", "i32"], output: "i32", extents: [4] }, (b) => {
      const words = philoxWords(
        b,
        [b.load(0, 0), b.load(0, 1), b.load(0, 2), b.load(0, 3)],
        [b.load(1, 0), b.load(1, 1)],
      );
      return words.reduce((chosen, word, index) => b.select(b.eqI(b.digits[0], index), word, chosen));
    });
    const operands = [counter, key].map((words) => wordsOperand("i32", Uint32Array.from(words)));
    assert.deepEqual([...evaluatePrimitive(program, 0, operands, 4)], block);
  }
});

const gumbelOf = evaluateOne("i32", gumbel);

test("unit floats are strictly between 0 and 1, and Gumbel numbers finite", () => {
  const unitOf = evaluateOne("i32", unitFloat);
  assert.deepEqual([unitOf(0), unitOf(0x1ff), unitOf(0xffffffff)], [2 ** -24, 2 ** -24, 1 - 2 ** -24]);
  assert.ok(Math.abs(gumbelOf(0) + Math.log(24 * Math.LN2)) < 1e-6);
  assert.ok(Math.abs(gumbelOf(0xffffffff) - 24 * Math.LN2) < 1e-5);
  const next = randomWords(5);
  const drawn = Array.from({ length: 4000 }, () => gumbelOf(next()));
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const variance = drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length;
  assert.ok(Math.abs(mean - 0.5772) < 0.08, String(mean));
  assert.ok(Math.abs(variance - Math.PI ** 2 / 6) < 0.15, String(variance));
});
