// A thousand seeded disputes over models of every kind, with lies in every kind of primitive.
import assert from "node:assert/strict";
import { it } from "node:test";
import { disputeFuzz } from "@lockstep/node/cli/commands/dispute";
import { FUZZ_KINDS } from "@lockstep/node/cli/fuzz/models";
import { runCommand } from "../conformance/command.ts";

it("slashes a thousand lies and loses no honest claim", { timeout: 60 * 60_000 }, async () => {
  const { result, exitCode } = await runCommand(disputeFuzz, [], { seed: "7", runs: "1000" });
  const { slashed, honestLosses, failures, byKind, byPrimitive } = result as {
    slashed: number;
    honestLosses: number;
    failures: unknown[];
    byKind: Record<string, number>;
    byPrimitive: Record<string, number>;
  };
  assert.deepEqual(failures, []);
  assert.deepEqual([slashed, honestLosses, exitCode], [1000, 0, 0]);
  assert.deepEqual(Object.keys(byKind).toSorted(), Object.keys(FUZZ_KINDS).toSorted());
  const missing = Object.entries(byPrimitive).filter(([, runs]) => runs === 0);
  assert.deepEqual(missing, [], "kinds of primitives without a lie");
});
