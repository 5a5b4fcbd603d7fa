// The contract's float instructions against node/src/float, bit for bit: directed operand classes from fixed seeds, and
// every TestFloat vector of LOCKSTEP_CONFORMANCE.
import assert from "node:assert/strict";
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { network } from "hardhat";
import type { Hex } from "viem";

import { createRandom, drawOperands, specialTuples, DIRECTED_CLASSES } from "@lockstep/node/float/directed";
import * as ops from "@lockstep/node/float/ops";
import { findTestFloatOperation, readTestFloat } from "@lockstep/node/float/testfloat";

const SEED = 0xf10a732;
const CASES_PER_CLASS = 400;
const BATCH = 8_000;

type Operation = (...operands: number[]) => number;

/** Opcodes of the scalar program that Float32 implements, with their arity and meaning. */
const OPERATIONS: [opcode: number, name: string, arity: 1 | 2 | 3, evaluate: Operation][] = [
  [3, "add", 2, ops.add],
  [4, "sub", 2, ops.sub],
  [5, "mul", 2, ops.mul],
  [6, "fma", 3, ops.fma],
  [7, "div", 2, ops.div],
  [8, "sqrt", 1, ops.sqrt],
  [9, "neg", 1, ops.neg],
  [10, "abs", 1, ops.abs],
  [11, "max", 2, ops.max],
  [12, "min", 2, ops.min],
  [13, "lt", 2, ops.lt],
  [14, "le", 2, ops.le],
  [15, "eq", 2, ops.eq],
  [16, "floor", 1, ops.floor],
  [17, "nearest", 1, ops.nearest],
  [18, "toI32", 1, ops.toI32],
  [19, "fromI32", 1, ops.fromI32],
];

/** The opcodes that make up a TestFloat function, in order of application. */
const TESTFLOAT_OPCODES: Record<string, number[]> = {
  f32_add: [3],
  f32_sub: [4],
  f32_mul: [5],
  f32_mulAdd: [6],
  f32_div: [7],
  f32_sqrt: [8],
  f32_lt: [13],
  f32_le: [14],
  f32_eq: [15],
  f32_roundToInt_rne: [17],
  f32_roundToInt_min: [16],
  f32_to_i32_minMag: [18],
  f32_to_i32_rne: [17, 18],
  i32_to_f32: [19],
};

describe("Float32", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("Float32Harness");

  /** One result word for each case; operands beyond the arity are zero. */
  async function evaluate(opcode: number, cases: number[][]): Promise<number[]> {
    const results: number[] = [];
    for (let start = 0; start < cases.length; start += BATCH) {
      const batch = cases.slice(start, start + BATCH);
      const packed = Buffer.alloc(12 * batch.length);
      batch.forEach((operands, i) => operands.forEach((word, j) => packed.writeUInt32BE(word, 12 * i + 4 * j)));
      const [bytes] = await harness.read.evaluate([BigInt(opcode), `0x${packed.toString("hex")}` as Hex]);
      const words = Buffer.from(bytes.slice(2), "hex");
      for (let i = 0; i < batch.length; i++) results.push(words.readUInt32BE(4 * i));
    }
    return results;
  }

  async function gasPerCase(opcode: number, cases: number[][]): Promise<number> {
    const packed = Buffer.alloc(12 * cases.length);
    cases.forEach((operands, i) => operands.forEach((word, j) => packed.writeUInt32BE(word, 12 * i + 4 * j)));
    const [, gasUsed] = await harness.read.evaluate([BigInt(opcode), `0x${packed.toString("hex")}` as Hex]);
    return Number(gasUsed) / cases.length;
  }

  const show = (words: number[]): string => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

  it("test_evaluate_unknownOperation_reverts", async () => {
    await viem.assertions.revertWithCustomErrorWithArgs(
      harness.read.evaluate([2n, "0x"]),
      harness,
      "UnknownOperation",
      [2n],
    );
  });

  it("test_evaluate_partialCase_reverts", async () => {
    await viem.assertions.revertWithCustomErrorWithArgs(
      harness.read.evaluate([3n, "0x00112233"]),
      harness,
      "PartialCase",
      [4n, 12n],
    );
  });

  async function compare(entry: (typeof OPERATIONS)[number], cases: number[][]): Promise<void> {
    const [opcode, name, , reference] = entry;
    const results = await evaluate(opcode, cases);
    cases.forEach((operands, i) => {
      const expected = reference(...operands);
      if (results[i] !== expected) {
        assert.fail(`${name} ${show(operands)} gave ${show([results[i]])}, not ${show([expected])}`);
      }
    });
  }

  for (const entry of OPERATIONS) {
    const [opcode, name, arity] = entry;
    it(`test_${name}_specialWords_equalsTypeScript`, () => compare(entry, specialTuples(arity)));

    it(`test_${name}_directedClasses_equalsTypeScript`, async (t) => {
      const classes = Object.keys(DIRECTED_CLASSES);
      t.diagnostic(`seed 0x${SEED.toString(16)}, ${CASES_PER_CLASS} cases in each of ${classes.length} classes`);
      const random = createRandom(SEED + opcode);
      const draws = Array.from({ length: CASES_PER_CLASS });
      await compare(
        entry,
        classes.flatMap((className) => draws.map(() => drawOperands(random, className, arity))),
      );
    });
  }

  const conformance = process.env.LOCKSTEP_CONFORMANCE;
  const skip = conformance === undefined ? "LOCKSTEP_CONFORMANCE is not set" : false;
  describe("TestFloat vectors", { skip }, () => {
    if (conformance === undefined) return;
    const directory = join(conformance, "float32");
    for (const file of readdirSync(directory)) {
      const operation = findTestFloatOperation(file);
      if (operation === undefined) continue;
      it(`test_${operation.name}_testFloat_equalsVectors`, async (t) => {
        let cases = 0;
        let excluded = 0;
        for await (const batch of readTestFloat(
          file,
          createReadStream(join(directory, file), { highWaterMark: 1 << 18 }),
        )) {
          const compared = batch.filter((testCase) => !testCase.excluded);
          let words = compared.map((testCase) => testCase.operands);
          for (const opcode of TESTFLOAT_OPCODES[operation.name]) {
            words = (await evaluate(opcode, words)).map((word) => [word]);
          }
          compared.forEach(({ line, operands, expected }, i) => {
            if (words[i][0] !== expected) {
              assert.fail(`${file}:${line}: ${show(operands)} gave ${show(words[i])}, not ${show([expected])}`);
            }
          });
          cases += compared.length;
          excluded += batch.length - compared.length;
        }
        t.diagnostic(`${cases} cases, ${excluded} excluded (NaN to integer)`);
        assert.ok(cases > 0);
      });
    }
  });

  it("test_gas_ordinaryOperands_staysLow", async (t) => {
    const random = createRandom(SEED);
    const cases = Array.from({ length: 500 }, () => drawOperands(random, "ordinary", 3));
    const loop = await gasPerCase(0, cases);
    const costs: string[] = [];
    for (const [opcode, name] of OPERATIONS) {
      const cost = (await gasPerCase(opcode, cases)) - loop;
      costs.push(`${name} ${cost.toFixed(0)}`);
      assert.ok(cost < 650, `${name} costs ${cost} gas`);
    }
    t.diagnostic(`gas an instruction, the harness's dispatch included: ${costs.join(", ")}`);
  });
});
