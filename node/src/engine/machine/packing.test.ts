import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import { recogniseContraction } from "../wasm/contraction.ts";
import { bindMultiplier, compileMultiplier, planMultiplication } from "../wasm/multiply.ts";
import { packConstant } from "./packing.ts";

/** Columns of `count` words, row by row or side by side, from word `offset` of a table on. */
function planOf(columns: number, count: number, isTransposed: boolean, offset: number, length: number) {
  const scalar = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [3, columns] }, (b) => {
    const right = b.addI(b.mulI(b.digits[1], isTransposed ? 1 : count), offset);
    const [total] = b.loop({
      count,
      carried: [{ type: "f32", init: 0 }],
      body: ({ carried }) => [
        b.fma(
          b.load(0, b.mulI(b.digits[0], count), [[count, 1]]),
          b.load(1, right, [[count, isTransposed ? columns : 1]]),
          carried[0],
        ),
      ],
      combine: ([sum], [block]) => [b.add(sum, block)],
    });
    return total;
  });
  const contraction = recogniseContraction(scalar, [3 * count, length]);
  assert.ok(contraction);
  return planMultiplication(contraction, { isPacked: true });
}

test("packConstant_tablesOfSeveralPieces_givesEveryColumn", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4096 });
  const packer = bindMultiplier(memory, compileMultiplier({ isFused: false, isShared: false }));
  const reserve = (bytes: number): void => {
    const missing = Math.ceil(bytes / 65536) - memory.buffer.byteLength / 65536;
    if (missing > 0) memory.grow(missing);
  };
  const random = createRandom(5);
  for (const [columns, count, isTransposed, offset] of [
    [2700, 1024, false, 0],
    [2700, 1024, false, -7],
    [2700, 1024, false, 9],
    [60_000, 40, true, 0],
    [41, 3, false, 2],
  ] as const) {
    const length = columns * count;
    const plan = planOf(columns, count, isTransposed, offset, length);
    const words = Uint32Array.from({ length }, () => random() & 0xffff0000);
    for (const isNarrow of [false, true]) {
      const size = isNarrow ? plan.narrowWords : plan.packedWords;
      const free = 64 * Math.ceil((1024 + 4 * size) / 64);
      reserve(free);
      packConstant(memory, packer, plan, words, { panels: 1024, isNarrow, free, reserve });
      const found = new Uint32Array(memory.buffer, 1024, size);
      for (let sample = 0; sample < 4000; sample++) {
        const [column, k] = [sample < 40 ? columns - 1 - sample : random() % columns, random() % count];
        const at = offset + (isTransposed ? column + k * columns : column * count + k);
        const lane = column % 32;
        const row = Math.floor(column / 32) * count + k;
        const pair = found[row * 16 + 4 * (lane >> 3) + (lane % 4)];
        const word = !isNarrow ? found[row * 32 + lane] : lane % 8 < 4 ? (pair << 16) >>> 0 : (pair & 0xffff0000) >>> 0;
        assert.equal(word, at < 0 || at >= length ? 0 : words[at], `${columns} ${offset} column ${column}, ${k}`);
      }
    }
  }
});
