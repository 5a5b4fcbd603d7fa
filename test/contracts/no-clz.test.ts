// The sources without the CLZ opcode on a chain without it: the same words as with it, for single instructions, dot products,
// scalar programs and trees. The rewriting itself is tested in scripts/without-clz.test.ts.
import assert from "node:assert/strict";
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import { bytesToHex } from "viem";
import type { Hex } from "viem";

import { below, createRandom, DIRECTED_CLASSES, drawOperands, specialTuples } from "@lockstep/node/float/directed";
import { findTestFloatOperation, readTestFloat } from "@lockstep/node/float/testfloat";
import { encodeScalar } from "@lockstep/node/ir/encode";
import { randomOperands, randomScalar } from "@lockstep/node/ir/random";
import { outputLength } from "@lockstep/node/ir/scalar";
import { treeDepth } from "@lockstep/node/merkle";
import hardhatConfig from "../../hardhat.config.ts";
import { configWithoutClz } from "../../scripts/without-clz.ts";
import { rulesOf } from "../../scripts/rules.ts";
import { chain, DISTRIBUTIONS, draw, pack } from "./support/dots.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SEED = 0xc12;
const CASES_PER_CLASS = 60;
const TESTFLOAT_LINES = 3_000;
const DOTS = 60;
const PROGRAMS = 120;
const HARNESSES = ["Float32Harness", "ScalarMachineHarness", "MerkleTreeHarness"];

/** The opcodes of a TestFloat function, in order of application. */
const TESTFLOAT_OPCODES: Record<string, number[]> = {
  f32_add: [3],
  f32_mul: [5],
  f32_mulAdd: [6],
  f32_div: [7],
  f32_sqrt: [8],
  f32_to_i32_minMag: [18],
  f32_to_i32_rne: [17, 18],
  i32_to_f32: [19],
};

async function networkWithoutClz() {
  const config = configWithoutClz(hardhatConfig, ROOT);
  const environment = await createHardhatRuntimeEnvironment(config, {}, ROOT);
  const { sources } = environment.config.paths;
  const files = HARNESSES.map((name) => join(sources.solidity[0], "mocks", `${name}.sol`));
  await environment.solidity.build(files, { quiet: true });
  return environment.network.create();
}

const packOperands = (cases: readonly number[][]): Hex => {
  const packed = Buffer.alloc(12 * cases.length);
  cases.forEach((operands, i) => operands.forEach((word, j) => packed.writeUInt32BE(word, 12 * i + 4 * j)));
  return `0x${packed.toString("hex")}`;
};

const wordsOf = (bytes: Hex): number[] => {
  const buffer = Buffer.from(bytes.slice(2), "hex");
  return Array.from({ length: buffer.length / 4 }, (_, index) => buffer.readUInt32BE(4 * index));
};

const bigEndian = (words: Uint32Array): Hex => {
  const bytes = Buffer.alloc(4 * words.length);
  words.forEach((word, index) => bytes.writeUInt32BE(word, 4 * index));
  return bytesToHex(bytes);
};

describe("the contracts without CLZ", async () => {
  const [{ viem: osaka }, { viem: prague }] = await Promise.all([network.create(), networkWithoutClz()]);
  const deploy = async (viem: typeof osaka) => ({
    float: await viem.deployContract("Float32Harness"),
    scalar: await viem.deployContract("ScalarMachineHarness"),
    tree: await viem.deployContract("MerkleTreeHarness"),
  });
  const readers = { osaka: await deploy(osaka), prague: await deploy(prague) };

  const evaluate = async (reader: typeof readers.osaka, opcode: number, cases: readonly number[][]) =>
    wordsOf((await reader.float.read.evaluate([BigInt(opcode), packOperands(cases)]))[0]);

  it("test_chain_rules_lackTheOpcode", async () => {
    assert.equal(await rulesOf(await prague.getPublicClient()), "prague");
    assert.equal(await rulesOf(await osaka.getPublicClient()), "osaka");
    const code = await (await osaka.getPublicClient()).getCode({ address: readers.osaka.tree.address });
    assert.ok(code !== undefined);
    const [account] = await prague.getWalletClients();
    const client = await prague.getTestClient();
    await client.setCode({ address: account.account.address, bytecode: code });
    const there = await prague.getContractAt("MerkleTreeHarness", account.account.address);
    await assert.rejects(there.read.depthOf([5n]), /opcode|invalid|revert/i);
  });

  it("test_depthOf_everySize_isTheTrees", async () => {
    const counts = new Set<number>([1, 2, 3]);
    for (let bit = 2; bit < 31; bit++) for (const near of [-1, 0, 1]) counts.add(2 ** bit + near);
    for (const count of counts) {
      assert.equal(await readers.prague.tree.read.depthOf([BigInt(count)]), BigInt(treeDepth(count)), String(count));
    }
    // Every place of the highest bit, with nothing and with all bits below it.
    for (let bit = 0n; bit < 256n; bit++) {
      for (const word of [1n << bit, (2n << bit) - 1n]) {
        const depth = await readers.prague.tree.read.depthOf([(word + 1n) % 2n ** 256n]);
        assert.equal(depth, bit + 1n, String(word));
      }
    }
    assert.equal(await readers.prague.tree.read.depthOf([1n]), 0n);
  });

  it("test_instructions_directedOperands_giveTheSameWords", async (t) => {
    t.diagnostic(`seed 0x${SEED.toString(16)}`);
    const random = createRandom(SEED);
    for (let opcode = 3; opcode <= 19; opcode++) {
      const drawn = Object.keys(DIRECTED_CLASSES).flatMap((name) =>
        Array.from({ length: CASES_PER_CLASS }, () => drawOperands(random, name, 3)),
      );
      const special = [7, 8, 19].includes(opcode)
        ? specialTuples(2)
        : specialTuples(2).map((pair) => [...pair, pair[0]]);
      const cases = [...drawn, ...special];
      const expected = await evaluate(readers.osaka, opcode, cases);
      assert.deepEqual(await evaluate(readers.prague, opcode, cases), expected, `opcode ${opcode}`);
    }
  });

  const conformance = process.env.LOCKSTEP_CONFORMANCE;
  const skip = conformance === undefined ? "LOCKSTEP_CONFORMANCE is not set" : false;
  it("test_instructions_testFloatSample_giveTheSameWords", { skip }, async (t) => {
    if (conformance === undefined) return;
    const directory = join(conformance, "float32");
    let total = 0;
    for (const file of readdirSync(directory)) {
      const operation = findTestFloatOperation(file);
      const opcodes = operation === undefined ? undefined : TESTFLOAT_OPCODES[operation.name];
      if (opcodes === undefined) continue;
      const random = createRandom(SEED);
      const stream = createReadStream(join(directory, file), { highWaterMark: 1 << 18 });
      const chosen: { operands: number[]; expected: number }[] = [];
      for await (const batch of readTestFloat(file, stream)) {
        const kept = batch.filter(({ excluded }) => !excluded && (batch.length < 1_000 || below(random, 20) === 0));
        chosen.push(...kept);
        if (chosen.length >= TESTFLOAT_LINES) break;
      }
      for (let start = 0; start < chosen.length; start += TESTFLOAT_LINES) {
        const cases = chosen.slice(start, start + TESTFLOAT_LINES);
        let words = cases.map(({ operands }) => operands);
        for (const opcode of opcodes) {
          words = (await evaluate(readers.prague, opcode, words)).map((word) => [word]);
        }
        cases.forEach(({ operands, expected }, index) => {
          assert.equal(words[index][0], expected, `${file}: ${operands.join(" ")}`);
        });
      }
      total += chosen.length;
    }
    t.diagnostic(`${total} lines`);
    assert.ok(total > 0);
  });

  it("test_dots_everyDistribution_equalTheChain", async (t) => {
    t.diagnostic(`seed 0x${SEED.toString(16)}, ${DOTS} dots of 24 steps each`);
    const random = createRandom(SEED);
    for (const [name, distribution] of Object.entries(DISTRIBUTIONS)) {
      const problems = Array.from({ length: DOTS }, () => draw(random, distribution, 24));
      const [results] = await readers.prague.float.read.dot([24n, 0n, pack(problems, 0)]);
      assert.deepEqual(results.map(Number), problems.map(chain), name);
    }
  });

  it("test_programs_random_giveTheSameWords", async (t) => {
    t.diagnostic(`seed 0x${SEED.toString(16)}, ${PROGRAMS} programs`);
    const random = createRandom(SEED);
    for (let index = 0; index < PROGRAMS; index++) {
      const program = randomScalar(random);
      const tensors = randomOperands(random, program);
      const ranges = tensors.map(({ words }, operand) => ({ operand, first: 0, words: bigEndian(words) }));
      const lengths = tensors.map(({ words }) => words.length);
      const element = below(random, outputLength(program));
      const call = [bytesToHex(encodeScalar(program)), element, 3, lengths, ranges] as const;
      const [[one], [other]] = await Promise.all([
        readers.osaka.scalar.read.run(call),
        readers.prague.scalar.read.run(call),
      ]);
      assert.equal(other, one, `program ${index}`);
    }
  });

  it("test_gas_fusedStep_costsLittleMoreThanTwiceAsMuch", async (t) => {
    const random = createRandom(SEED);
    const long = draw(random, DISTRIBUTIONS.activationsTimesWeights, 2_048);
    const short = { ...long, a: long.a.slice(0, 1_024), b: long.b.slice(0, 1_024) };
    const prices: Record<string, number> = {};
    for (const [name, { float }] of Object.entries(readers)) {
      const [, [whole]] = await float.read.dot([2_048n, 0n, pack([long], 0)]);
      const [, [half]] = await float.read.dot([1_024n, 0n, pack([short], 0)]);
      prices[name] = Number(whole - half) / 1_024;
    }
    t.diagnostic(`gas of one more fused step: ${JSON.stringify(prices)}`);
    assert.ok(prices.osaka <= 170);
    assert.ok(prices.prague <= 2.2 * prices.osaka);
  });
});
