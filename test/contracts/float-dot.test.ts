// DotProduct against the chain of fma of node/src/float, bit for bit. Single-step vectors cannot replace this: a sign of zero
// kept too long shows only in chains.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";

import { below, createRandom } from "@lockstep/node/float/directed";
import { chain, DISTRIBUTIONS, draw, oneIn, pack, STARTS } from "./support/dots.ts";
import type { Distribution, Problem } from "./support/dots.ts";

const SEED = 0xd07;
const DOTS_PER_DISTRIBUTION = 400;

const show = (words: number[]): string => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("DotProduct", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("Float32Harness");

  /** Result words and the gas of each dot; `gap` bytes before either operand set their alignment. */
  async function run(problems: Problem[], gap = 0): Promise<{ words: number[]; gas: number[] }> {
    const count = problems[0].a.length;
    const [results, gasUsed] = await harness.read.dot([BigInt(count), BigInt(gap), pack(problems, gap)]);
    return { words: results.map(Number), gas: gasUsed.map(Number) };
  }

  function compare(name: string, problems: Problem[], words: number[]): void {
    problems.forEach((problem, i) => {
      const expected = chain(problem);
      if (words[i] !== expected) {
        assert.fail(
          `${name}: from ${show([problem.accumulator])}, a = ${show(problem.a)}, b = ${show(problem.b)} ` +
            `gave ${show([words[i]])}, not ${show([expected])}`,
        );
      }
    });
  }

  it("test_dot_partialProblem_reverts", async () => {
    await viem.assertions.revertWithCustomErrorWithArgs(
      harness.read.dot([1n, 0n, "0x0011223344"]),
      harness,
      "PartialCase",
      [5n, 12n],
    );
  });

  it("test_dot_noSteps_givesTheAccumulator", async () => {
    for (const accumulator of STARTS) {
      const { words } = await run([{ a: [], b: [], accumulator }]);
      assert.equal(words[0], accumulator);
    }
  });

  it("test_dot_zerosOnly_keepsTheSignOfZero", async () => {
    const minusZero = 0x80000000;
    for (const accumulator of [0, minusZero]) {
      for (const term of [0, minusZero]) {
        for (let count = 1; count <= 33; count++) {
          const problem = { a: new Array<number>(count).fill(term), b: new Array<number>(count).fill(0), accumulator };
          compare("zeros", [problem], (await run([problem])).words);
        }
      }
    }
  });

  for (const [name, distribution] of Object.entries(DISTRIBUTIONS)) {
    it(`test_dot_${name}_equalsTheChain`, async (t) => {
      t.diagnostic(
        `seed 0x${SEED.toString(16)}, ${DOTS_PER_DISTRIBUTION} dots of 24 steps and 30 of each count up to 40`,
      );
      const random = createRandom(SEED);
      const problems = Array.from({ length: DOTS_PER_DISTRIBUTION }, () => draw(random, distribution, 24));
      compare(name, problems, (await run(problems)).words);
      for (let count = 1; count <= 40; count++) {
        const shorter = Array.from({ length: 30 }, () => draw(random, distribution, count));
        compare(`${name}, ${count} steps`, shorter, (await run(shorter, (count * 7) % 32)).words);
      }
    });
  }

  it("test_dot_switchingDistributions_equalsTheChain", async () => {
    const random = createRandom(SEED + 1);
    const all = Object.values(DISTRIBUTIONS);
    const switching: Distribution = (source, i, previous) => all[below(source, all.length)](source, i, previous);
    for (let round = 0; round < 8; round++) {
      const problems = Array.from({ length: 250 }, () => draw(random, switching, 32));
      compare("switching", problems, (await run(problems)).words);
      const byWord = Array.from({ length: 250 }, () => {
        let current = all[0];
        return draw(
          random,
          (source, i, previous) => {
            // An early infinity would hide the rest, so words of ordinary data come between.
            if (i % 8 === 0) current = oneIn(source, 2) ? all[0] : all[below(source, all.length)];
            return current(source, i, previous);
          },
          64,
        );
      });
      compare("switching by word", byWord, (await run(byWord)).words);
    }
  });

  it("test_gas_longDots_staysWithinTheTable", async (t) => {
    const random = createRandom(SEED);
    const figures: string[] = [];
    let worst = 0;
    for (const [name, distribution] of Object.entries(DISTRIBUTIONS)) {
      const { gas } = await run([{ ...draw(random, distribution, 1_024), accumulator: 0 }]);
      const perStep = gas[0] / 1_024;
      worst = Math.max(worst, perStep);
      figures.push(`${name} ${perStep.toFixed(0)}`);
      if (name === "activationsTimesWeights") assert.ok(perStep < 175, `ordinary data cost ${perStep} gas a step`);
    }
    t.diagnostic(`gas a step, 1,024 steps: ${figures.join(", ")}`);
    assert.ok(worst < 760, `the dearest distribution costs ${worst} gas a step`);
  });
});
