// A claim of a program with inputs whose inputsRoot is zero: a zero node can't be demanded, and nothing can be shown under it, so
// nobody can ask for the inputs and no proof can read one. Whatever is claimed to follow from them stands.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { claimedOf, createArena, play, startMatch, statusOf, type Match } from "../support/players/arena.ts";
import { depositOf, honestChallenger, honestClaimant } from "../support/players/honest.ts";
import { FIXTURE, honestRun, STEPS } from "../support/players/lies.ts";
import { runFixture } from "../../../node/src/engine/fixtures.ts";
import { evidenceOf } from "../../../node/src/engine/index.ts";
import { ZERO } from "../support/trace.ts";
import { CLAIM } from "../support/world.ts";

describe("a claim over an inputsRoot of zero", async () => {
  const arena = await createArena();
  const { claimant, challenger, operator } = arena.accounts;
  const { game } = arena;
  async function begin(): Promise<void> {}

  // The first primitive of step 0 reads an input; what it gives is wrong.
  const lying = runFixture(FIXTURE, STEPS, { tamper: { step: 0, primitive: 0, element: 0, xor: 4 } });
  const { summary, interfaceTable } = evidenceOf(FIXTURE.program);

  /** Every first demand that could lead to the inputs. */
  async function demandInputs(match: Match): Promise<void> {
    const shown = { summary, record: "0x", recordSiblings: [], interfaceTable: "0x" } as const;
    const at = { step: 0, index: 0 } as const;
    const value = await depositOf(match);
    const top = { node: ZERO, position: { ...at, section: 7, height: 1, item: 0 }, path: [], shown };
    const one = {
      node: ZERO,
      position: { ...at, section: 5, height: 2, item: 0 },
      path: [ZERO],
      shown: { ...shown, interfaceTable },
    };
    const problems: string[] = [];
    for (const first of [top, one]) {
      try {
        await game.write.challenge([match.claim, 1n, first], { account: challenger, value });
        return;
      } catch (error) {
        problems.push(
          /ZeroLeaf|TraceRootMismatch|PositionOutsideTree|PathLength/.exec(String(error))?.[0] ?? String(error),
        );
      }
    }
    assert.fail(`revealed, and its inputs can't be demanded: ${problems.join(", ")}`);
  }

  it("is refused, or its inputs can be demanded", async () => {
    await arena.networkHelpers.loadFixture(begin);
    let match: Match;
    try {
      match = await startMatch(arena, claimant, claimedOf(lying, operator, { inputsRoot: ZERO }), lying);
    } catch {
      return; // Refused at commitment or reveal: the claim can't stand.
    }
    await demandInputs(match);
  });

  it("does not become final with a wrong trace", async () => {
    await arena.networkHelpers.loadFixture(begin);
    let match: Match;
    try {
      match = await startMatch(arena, claimant, claimedOf(lying, operator, { inputsRoot: ZERO }), lying);
    } catch {
      return;
    }
    // The challenger even guesses the inputs: its proof finds no root to stand on.
    const walker = honestChallenger(challenger, honestRun());
    const trying = {
      ...walker,
      async turn(seen: Match) {
        try {
          return await walker.turn(seen);
        } catch {
          return false;
        }
      },
    };
    await play(match, [honestClaimant(claimant, lying), trying]);
    assert.equal(await statusOf(match), CLAIM.slashed);
  });
});
