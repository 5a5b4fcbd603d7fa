// DotProduct against the chain of fma of node/src/float, bit for bit, over distributions that drive it through every
// one of its paths and between them. Single-step vectors cannot replace this: a sign of zero kept too long shows only
// in chains.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import type { Hex } from "viem";

import { below, createRandom, ordinary, wordOf } from "@lockstep/node/float/directed";
import type { Random } from "@lockstep/node/float/directed";
import { fma } from "@lockstep/node/float/ops";
import { canonical, toBits } from "@lockstep/node/float/words";

const SEED = 0xd07;
const DOTS_PER_DISTRIBUTION = 400;

interface Problem {
  a: number[];
  b: number[];
  accumulator: number;
}

/** Draws the pair of step i. */
type Distribution = (random: Random, i: number, previous: [number, number]) => [number, number];

/** Roughly normal, mean 0, variance 1. */
function gaussian(random: Random): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random() / 2 ** 32;
  return sum;
}

/** A fraction whose low bits are zero, so that ties are common. */
const shortFraction = (random: Random): number => random() & -(1 << below(random, 23));
const oneIn = (random: Random, n: number): boolean => below(random, n) === 0;
const zero = (random: Random): number => wordOf(random(), 0, 0);
const SPECIAL = [0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff, 1, 0x80000001, 0x3f800000];

const DISTRIBUTIONS: Record<string, Distribution> = {
  activationsTimesWeights: (random) => [toBits(gaussian(random)), toBits(gaussian(random) * 0.05)],

  halfZeros: (random) => [
    oneIn(random, 2) ? 0 : toBits(Math.abs(gaussian(random))),
    oneIn(random, 8) ? zero(random) : toBits(gaussian(random)),
  ],

  softmax: (random) => [wordOf(0, 127 - below(random, 126), random()), toBits(gaussian(random))],

  wholeWindow: (random) => [
    wordOf(random(), 33 + below(random, 128), random()),
    wordOf(random(), 33 + below(random, 128), random()),
  ],

  finiteBits: (random) => [
    wordOf(random(), below(random, 255), random()),
    wordOf(random(), below(random, 255), random()),
  ],

  besideWindow: (random) => {
    const sum = 130 + below(random, 40);
    const exponent = below(random, Math.min(sum, 120));
    return [wordOf(random(), exponent, random()), wordOf(random(), sum - exponent, shortFraction(random))];
  },

  subnormals: (random) => {
    const kind = below(random, 6);
    if (kind < 2) {
      return [
        wordOf(random(), 0, kind === 0 ? random() : 1 << below(random, 23)),
        wordOf(random(), below(random, 128), shortFraction(random)),
      ];
    }
    if (kind === 2) return [wordOf(random(), 127, 0), wordOf(random(), 0, below(random, 4))];
    const sum = 90 + below(random, 40);
    const exponent = below(random, 90);
    return [wordOf(1, exponent, 0), wordOf(0, sum - exponent, 0)];
  },

  subnormalTimesHuge: (random) => [wordOf(random(), 0, random()), wordOf(random(), 250, random())],

  underflow: (random) => [
    wordOf(1, 1 + below(random, 3), random()),
    wordOf(oneIn(random, 9) ? 1 : 0, 60 + below(random, 40), random()),
  ],

  overflow: (random) => {
    const exponent = 127 + below(random, 128);
    const fraction = (): number => 0x7fffff ^ below(random, 3);
    return [
      wordOf(oneIn(random, 8) ? 1 : 0, exponent, fraction()),
      wordOf(0, 381 - exponent + below(random, 4) - 2, fraction()),
    ];
  },

  edgeOfOverflow: (random) =>
    oneIn(random, 8)
      ? [0x7f7fffff, wordOf(random(), 127, 0)]
      : [wordOf(0, 127, 0), wordOf(random(), 229 + below(random, 3), shortFraction(random))],

  cancellation: (random, i, [a, b]) => {
    if (i % 2 === 1) return [(a ^ 0x80000000) >>> 0, oneIn(random, 3) ? (b + 1) >>> 0 : b];
    const exponent = 40 + below(random, 170);
    const partner = Math.max(1, Math.min(254, 300 - exponent + below(random, 160) - 80));
    return [wordOf(random(), exponent, random()), wordOf(random(), partner, shortFraction(random))];
  },

  /** p, then -p: what is left is the rounding error of p, often a subnormal from within the window. */
  cancellationAtTheBottom: (random, i, [a, b]) => {
    if (i % 2 === 1) return [(a ^ 0x80000000) >>> 0, b];
    const exponent = 40 + below(random, 60);
    return [wordOf(random(), exponent, random()), wordOf(random(), 155 - exponent + below(random, 4), random())];
  },

  /** 1 + 2u, then -(1 + u)^2: the accumulator is left with one bit, far above the 48 bits of the third product. */
  oneBitLeft: (random, i) => {
    const unitInLastPlace = 1 << below(random, 2);
    if (i % 3 === 0) return [wordOf(0, 190, 2 * unitInLastPlace), wordOf(0, 127, 0)];
    if (i % 3 === 1) return [wordOf(1, 190, unitInLastPlace), wordOf(0, 127, unitInLastPlace)];
    return [wordOf(random(), 120 - below(random, 80), random()), wordOf(random(), 100 + below(random, 40), random())];
  },

  ties: (random) => {
    const exponent = 100 + below(random, 50);
    const bit = (): number => 1 << below(random, 23);
    return [
      wordOf(random(), exponent, bit()),
      wordOf(random(), 224 - exponent + below(random, 60), oneIn(random, 4) ? bit() : 0),
    ];
  },

  specials: (random) => {
    const word = (): number => (oneIn(random, 16) ? SPECIAL[below(random, SPECIAL.length)] : toBits(gaussian(random)));
    return [word(), word()];
  },

  nanPayloads: (random) => [
    oneIn(random, 40) ? wordOf(random(), 255, random() | 1) : ordinary(random),
    ordinary(random),
  ],

  infinities: (random) => [
    oneIn(random, 6) ? 0x7f800000 : toBits(Math.abs(gaussian(random)) + 1e-3),
    oneIn(random, 60) ? (oneIn(random, 2) ? 0xbf800000 : zero(random)) : 0x3f800000,
  ],

  negativeZeros: (random) => {
    const kind = below(random, 5);
    if (kind < 2) return [wordOf(1, 1 + below(random, 3), random()), wordOf(0, 100 - below(random, 20), 0)];
    if (kind < 4) return [0x80000000, oneIn(random, 12) ? 0xbf800000 : 0x3f800000];
    return [wordOf(1, 0, 1), wordOf(0, below(random, 128), 0)];
  },

  /** Minus zero must survive zeros of its sign, leave at the first other term, and come back only by underflow. */
  zerosAndReturns: (random, i, [a, b]) => {
    const kind = below(random, 8);
    if (kind < 4) return [0x80000000, wordOf(oneIn(random, 10) ? 1 : 0, 127, 0)];
    if (kind < 5) return [wordOf(1, 0, 1), wordOf(0, 80, 0)];
    if (kind < 7 && i > 0) return [(a ^ 0x80000000) >>> 0, b];
    return [wordOf(random(), 100, random()), wordOf(random(), 60 + below(random, 90), 0)];
  },
};

const STARTS = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x00000001, 0x80000001, 0x807fffff, 0x00800000, 0x7f7fffff,
  0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x0d800000, 0x71000000,
];

function draw(random: Random, distribution: Distribution, count: number): Problem {
  const a: number[] = [];
  const b: number[] = [];
  let previous: [number, number] = [0, 0];
  for (let i = 0; i < count; i++) {
    previous = distribution(random, i, previous);
    a.push(previous[0]);
    b.push(previous[1]);
  }
  const kind = below(random, 6);
  const accumulator = kind < 3 ? 0 : kind < 5 ? STARTS[below(random, STARTS.length)] : canonical(random());
  return { a, b, accumulator };
}

const chain = ({ a, b, accumulator }: Problem): number => a.reduce((sum, word, i) => fma(word, b[i], sum), accumulator);

/** What the harness reads; the gaps are filled with a NaN pattern that must not be read. */
function pack(problems: Problem[], gap: number): Hex {
  const hole = Buffer.alloc(gap, 0xff);
  const words = (values: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((word, i) => bytes.writeUInt32BE(word, 4 * i));
    return bytes;
  };
  const parts = problems.flatMap(({ a, b, accumulator }) => [words([accumulator]), hole, words(a), hole, words(b)]);
  return `0x${Buffer.concat(parts).toString("hex")}`;
}

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
