// Random play of everybody against everybody on the real contracts and referees. Whatever they do: after every call both contracts
// hold what they owe to the wei and did what the rules say; no id comes twice; a right claim whose claimant answers stands; an
// honest challenger of a wrong one gets back all it put in; and every claim ends in bounded time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { allCases } from "./cases.ts";
import { sorted, type Counts } from "./counts.ts";
import { playWorld } from "./play.ts";
import { MUST_HAPPEN, worldsFrom } from "./worlds.ts";

const SEED = 0x10c57e9;
const WORLDS = 5;
const CALLS = 10_000;

describe("everybody against everybody", () => {
  const counts: Counts = new Map();
  const worlds = worldsFrom(SEED, WORLDS);
  let total = 0;

  for (const { seed, audited } of worlds) {
    it(`keeps every promise in ${CALLS} calls, seed ${seed}, ${audited ? "audited" : "not audited"}`, async (t) => {
      const started = performance.now();
      const calls = await playWorld({ seed, calls: CALLS, cases: allCases(), audited }, counts);
      t.diagnostic(`${calls} calls, ${Math.round((calls / (performance.now() - started)) * 1000)} a second`);
      total += calls;
    });
  }

  it("made every move and came to every ending", (t) => {
    t.diagnostic(`${total} calls: ${JSON.stringify(sorted(counts))}`);
    assert.ok(total >= WORLDS * CALLS);
    const missing = MUST_HAPPEN.filter((name) => !counts.has(name));
    assert.deepEqual(missing, []);
  });
});
