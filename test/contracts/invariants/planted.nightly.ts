// The play notices what it is there to notice: on contracts as they are it finds nothing, and on contracts with a bug planted in
// them the same worlds end with what it found.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { allCases } from "./cases.ts";
import { playWorld } from "./play.ts";
import { PLANTED_BUGS, compileWith, type PlantedBug } from "./planted.ts";
import { worldsFrom } from "./worlds.ts";

const SEED = 0xb065;
const CALLS = 5_000;

async function playWith(contract: PlantedBug["contract"], bug: PlantedBug | null): Promise<void> {
  const substitutes = { [contract]: compileWith(contract, bug) };
  for (const { seed, audited } of worldsFrom(SEED, 2)) {
    await playWorld({ seed, calls: CALLS, cases: allCases(), audited, substitutes }, new Map());
  }
}

describe(`planted bugs, seed ${SEED}`, () => {
  for (const contract of ["DisputeGame", "ClaimRegistry"] as const) {
    it(`finds nothing in ${contract} as it is`, async () => {
      await playWith(contract, null);
    });
  }

  for (const bug of PLANTED_BUGS) {
    it(`notices that ${bug.name}`, async (t) => {
      await assert.rejects(playWith(bug.contract, bug), (error) => {
        assert.ok(error instanceof assert.AssertionError, String(error));
        t.diagnostic(error.message.split("\n")[0]);
        return true;
      });
    });
  }
});
