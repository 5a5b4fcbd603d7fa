// A few seeded disputes on a chain of their own: every lie is slashed, no honest claim is lost, and a run of the fuzz that
// goes wrong is seen. A thousand runs are in fuzz.nightly.ts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { disputeFuzz } from "@lockstep/node/cli/commands/dispute";
import { withFuzzChain } from "@lockstep/node/cli/fuzz/chain";
import { playRun } from "@lockstep/node/cli/fuzz/fuzz";
import { silent } from "@lockstep/node/chain/test-chain";
import { runCommand } from "../conformance/command.ts";

interface Result {
  runs: number;
  slashed: number;
  honestLosses: number;
  byPlace: Record<string, number>;
  byEnding: Record<string, number>;
  byTrace: Record<string, number>;
  rounds: { min: number; median: number; max: number };
  gas: { min: number; median: number; max: number };
  failures: unknown[];
  results: { run: number; lie: string }[];
}

const SEED = 11;

describe("dispute fuzz", { timeout: 180_000 }, () => {
  it("slashes every lie and loses no honest claim", async () => {
    const outcome = await runCommand(disputeFuzz, [], { seed: String(SEED), runs: "24" });
    const result = outcome.result as Result;
    assert.deepEqual(result.failures, []);
    assert.deepEqual([result.runs, result.slashed, result.honestLosses, outcome.exitCode], [24, 24, 0, 0]);
    assert.ok(Object.keys(result.byPlace).length >= 4, JSON.stringify(result.byPlace));
    assert.ok(Object.keys(result.byEnding).length >= 3, JSON.stringify(result.byEnding));
    assert.deepEqual(Object.keys(result.byTrace).toSorted(), ["deferred", "full"]);
    for (const { min, median, max } of [result.rounds, result.gas])
      assert.ok(0 < min && min <= median && median <= max);
  });

  it("repeats one run alone, and says when a lie stands or an honest claim falls", async () => {
    const options = { log: silent, signal: new AbortController().signal };
    await withFuzzChain(options, async (chain) => {
      const whole = await playRun(chain, SEED, 5);
      assert.equal(whole.failure, null);
      // What the contracts would say if they did not slash, and if they gave the honest claim's bond away.
      let asked = 0;
      const read: typeof chain.read = (call) =>
        call.functionName === "statusOf" ? Promise.resolve((++asked, 2) as never) : chain.read(call);
      const standing = await playRun({ ...chain, read }, SEED, 6);
      assert.match(standing.failure ?? "", /the lie was not slashed/);
      assert.deepEqual([standing.slashed, standing.honestLost, asked], [false, false, 1]);
      const isRefused: typeof chain.isRefused = (party, call) =>
        call.functionName === "timeout" ? Promise.resolve(false) : chain.isRefused(party, call);
      const fallen = await playRun({ ...chain, isRefused }, SEED, 7);
      assert.match(fallen.failure ?? "", /an early time-out was taken/);
      assert.deepEqual([fallen.slashed, fallen.honestLost], [true, true]);
    });
  });
});
