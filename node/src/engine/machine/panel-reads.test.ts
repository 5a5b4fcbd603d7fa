import assert from "node:assert/strict";
import { test } from "node:test";
import { below, createRandom } from "../../float/directed.ts";
import { evaluatePrimitive, wordsOperand } from "../../ir/interpret.ts";
import { randomOperands, randomScalar } from "../../ir/random.ts";
import { outputLength } from "../../ir/scalar.ts";
import { readingPanels, readsWithoutPatterns } from "./panel-reads.ts";

/** A matrix of [columns, count] as panels of 32 columns; unused places hold what no one may read. */
function packed(words: Uint32Array, count: number, isNarrow: boolean): Uint32Array {
  const columns = words.length / count;
  const rowWords = isNarrow ? 16 : 32;
  const panels = new Uint32Array(Math.ceil(columns / 32) * count * rowWords).fill(0x7f812345);
  for (let column = 0; column < columns; column++) {
    for (let k = 0; k < count; k++) {
      const lane = column % 32;
      const word = words[column * count + k];
      const row = (Math.floor(column / 32) * count + k) * rowWords;
      if (!isNarrow) panels[row + lane] = word;
      else {
        const at = row + 4 * Math.floor(lane / 8) + (lane % 4);
        const isLower = lane % 8 < 4;
        panels[at] = isLower ? (panels[at] & 0xffff0000) | (word >>> 16) : (panels[at] & 0xffff) | word;
      }
    }
  }
  return panels;
}

test("readingPanels_randomPrograms_giveTheSameWords", () => {
  let rewritten = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const random = createRandom(seed);
    const program = randomScalar(random);
    const operands = randomOperands(random, program);
    const operand = program.operandTypes.indexOf("f32");
    if (operand < 0 || !readsWithoutPatterns(program, operand)) continue;
    const isNarrow = below(random, 2) === 0;
    const count = 1 + below(random, 40);
    const length = count * (1 + below(random, 100));
    const words = Uint32Array.from({ length }, (_, index) => {
      const word = operands[operand].words[index % operands[operand].words.length];
      return isNarrow ? word & 0xffff0000 : word;
    });
    const typed = operands.map(({ type, words: own }, index) => wordsOperand(type, index === operand ? words : own));
    const expected = evaluatePrimitive(program, 3, typed, outputLength(program));
    const reading = readingPanels(program, operand, { count, length, isNarrow });
    typed[operand] = wordsOperand("i32", packed(words, count, isNarrow));
    assert.deepEqual(evaluatePrimitive(reading, 3, typed, outputLength(program)), expected, `seed ${seed}`);
    rewritten++;
  }
  assert.ok(rewritten > 100, `${rewritten} programs`);
});
