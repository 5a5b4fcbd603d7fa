// What the search for the dearest runs found so far, as named vectors, and a short search from a fixed seed. The long one is in
// gas-search.nightly.ts. What a run may cost beside its static estimate is decision 0008.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";

import { createRandom } from "@lockstep/node/float/directed";
import { gasBound } from "@lockstep/node/ir/bounds";
import { validateScalar } from "@lockstep/node/ir/validate";
import { readVectors } from "../vectors/read.ts";
import { callOf, climb, load, search, startingPoint, store } from "./support/gas-search.ts";
import type { Candidate, StoredCandidate } from "./support/gas-search.ts";

const SEED = 0x6a5;
const STARTS = 12;
const CHANGES = 6;
const MARGIN = 2;
const TRANSACTION_GAS = 2 ** 24;

describe("gas beside the static estimate", async () => {
  const { viem } = await network.create();
  const harness = await viem.deployContract("ScalarMachineHarness");

  async function measure(candidate: Candidate): Promise<number> {
    const { expected, program, element, step, lengths, ranges } = callOf(candidate);
    const [word, gas] = await harness.read.run([program, element, step, lengths, ranges]);
    assert.equal(Number(word), expected, JSON.stringify(store("wrong word", candidate)));
    return Number(gas);
  }

  for (const vector of readVectors<StoredCandidate & { share: number }>("gas/worst")) {
    it(`of ${vector.name} is what was found`, async (t) => {
      const candidate = load(vector);
      validateScalar(candidate.program);
      const { name, program, element, step, operands, share } = vector;
      assert.deepEqual({ ...store(name, candidate), share }, { name, program, element, step, operands, share });
      const gas = await measure(candidate);
      const estimate = gasBound(candidate.program);
      t.diagnostic(`${gas} gas, ${(gas / estimate).toFixed(3)} of the estimate ${estimate}`);
      assert.ok(gas <= MARGIN * estimate && gas < TRANSACTION_GAS);
      // A compiler that makes code dearer changes what was found.
      assert.ok(gas / estimate <= share + 0.01, `${gas / estimate} of the estimate, not ${share}`);
    });
  }

  it("of a short search is within the margin", async (t) => {
    t.diagnostic(`seed 0x${SEED.toString(16)}`);
    const random = createRandom(SEED);
    const starts = Array.from({ length: STARTS }, () => startingPoint(random));
    const [dearest] = await search(random, starts, CHANGES, measure);
    t.diagnostic(`${dearest.share.toFixed(3)} of the estimate, ${dearest.gas} gas`);
    assert.ok(
      dearest.share <= MARGIN && dearest.gas < TRANSACTION_GAS,
      JSON.stringify(store("found", dearest.candidate)),
    );
  });

  it("of a climb never falls", async () => {
    const random = createRandom(SEED + 1);
    const start = startingPoint(random);
    const shares: number[] = [];
    const found = await climb(random, start, 20, async (candidate) => {
      const gas = await measure(candidate);
      shares.push(gas / gasBound(candidate.program));
      return gas;
    });
    assert.ok(shares.length > 10);
    assert.equal(found.share, Math.max(...shares));
    assert.equal(found.share, (await measure(found.candidate)) / gasBound(found.candidate.program));
  });
});
