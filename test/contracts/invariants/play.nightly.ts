// The same play as in play.test.ts, a million calls long, in worlds of other seeds.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { allCases } from "./cases.ts";
import { sorted, type Counts } from "./counts.ts";
import { playWorld } from "./play.ts";
import { MUST_HAPPEN, worldsFrom } from "./worlds.ts";

const SEED = 0x91647;
const WORLDS = 100;
const CALLS = 10_000;

describe("everybody against everybody, at length", () => {
  it(`keeps every promise in ${WORLDS * CALLS} calls, seed ${SEED}`, async (t) => {
    const counts: Counts = new Map();
    const started = performance.now();
    let total = 0;
    for (const { seed, audited } of worldsFrom(SEED, WORLDS)) {
      try {
        total += await playWorld({ seed, calls: CALLS, cases: allCases(), audited }, counts);
      } catch (cause) {
        throw new Error(`the world of seed ${seed}, ${audited ? "audited" : "not audited"}, broke a promise`, {
          cause,
        });
      }
    }
    t.diagnostic(`${total} calls, ${Math.round((total / (performance.now() - started)) * 1000)} a second`);
    t.diagnostic(JSON.stringify(sorted(counts)));
    const missing = MUST_HAPPEN.filter((name) => !counts.has(name));
    assert.deepEqual(missing, []);
  });
});
