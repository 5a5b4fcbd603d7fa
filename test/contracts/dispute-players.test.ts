// Dishonest players on the contracts with their real referees, each the honest one with a single lie, against honest
// counterparts: who lied loses, who was right is paid, and the end of every coin is asserted to the wei.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  createArena,
  claimedOf,
  endOf,
  play,
  startMatch,
  statusOf,
  challengesOf,
  type Player,
} from "./support/players/arena.ts";
import { directProver, honestChallenger, honestClaimant } from "./support/players/honest.ts";
import { honestRun, LIES, type TraceMode } from "./support/players/lies.ts";
import { BOND, CLAIM, DEPOSIT, FEE, PARAMETERS } from "./support/world.ts";

const BOUNTY = BOND / 4n;

describe("dishonest players", async () => {
  const arena = await createArena();
  const { accounts, networkHelpers } = arena;
  const { claimant, challenger, second, operator } = accounts;
  async function begin(): Promise<void> {}

  for (const trace of ["full", "deferred"] as const) {
    const own = honestRun(trace);
    for (const lie of LIES) {
      it(`a claimant that tells ${lie.name} in a ${trace} trace is walked down, proven wrong and slashed`, async () => {
        await networkHelpers.loadFixture(begin);
        const lying = lie.run(trace);
        const match = await startMatch(arena, claimant, claimedOf(lying, operator), lying);
        await play(match, [honestClaimant(claimant, lying), honestChallenger(challenger, own)]);
        assert.equal(await statusOf(match), CLAIM.slashed);
        const [fraud] = await arena.game.getEvents.FraudProven({ claimId: match.claimId }, { fromBlock: 0n });
        const { kind, step, primitive } = fraud.args;
        assert.deepEqual([kind, step, primitive], [lie.kind, lie.step, lie.item]);
        const [{ demands }] = await challengesOf(match);
        const fees = BigInt(demands) * FEE;
        assert.deepEqual(await endOf(match), {
          claimant: -BOND,
          challenger: BOUNTY + fees,
          burnt: BOND - BOUNTY - fees,
        });
      });
    }
  }
});
