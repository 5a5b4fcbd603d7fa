// Two hundred seeded disputes over models of every kind of primitive.
import assert from "node:assert/strict";
import { it } from "node:test";
import { disputeFuzz } from "@lockstep/node/cli/commands/dispute";
import { FUZZ_KINDS } from "@lockstep/node/cli/fuzz/models";
import { runCommand } from "../conformance/command.ts";

it("slashes two hundred lies and loses no honest claim", { timeout: 20 * 60_000 }, async () => {
  const { result, exitCode } = await runCommand(disputeFuzz, [], { seed: "1", runs: "200" });
  const { slashed, honestLosses, failures, byKind } = result as {
    slashed: number;
    honestLosses: number;
    failures: unknown[];
    byKind: Record<string, number>;
  };
  assert.deepEqual(failures, []);
  assert.deepEqual([slashed, honestLosses, exitCode], [200, 0, 0]);
  assert.deepEqual(Object.keys(byKind).toSorted(), Object.keys(FUZZ_KINDS).toSorted());
});
