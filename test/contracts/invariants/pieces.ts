// New claims, challenges and commitments to proofs, as the model keeps them, with the ids that the contracts will give them.
import { numberToHex } from "viem";

import { challengeIdOf, commitmentOf, sealClaim, type Arena } from "./arena.ts";
import type { Challenge, Claim, Pledge } from "./model.ts";
import type { Site } from "./sites.ts";

/** A claim that nobody committed to yet. `number` tells it from others and salts it. */
export function newClaim(
  arena: Arena,
  parts: Pick<Claim, "number" | "of" | "claimant" | "operator" | "moveFeeWei" | "bondWei">,
): Claim {
  return sealClaim(arena, {
    ...parts,
    salt: numberToHex(parts.number, { size: 32 }),
    id: "0x",
    body: "0x",
    seal: "0x",
    phase: "new",
    revealBy: 0,
    revealedAt: 0,
    challengeUntil: 0,
    slashedAt: 0,
    openChallenges: 0,
    paidDemands: 0,
    commitments: 0,
    pendingProofs: 0,
    endedThrough: 0,
    bounty: null,
    posted: new Map(),
    slashedBy: null,
  });
}

/** A challenge that nobody opened yet; its first demand is of `site`. */
export function newChallenge(arena: Arena, claim: Claim, challenger: number, nonce: bigint, site: Site): Challenge {
  const challenge: Challenge = {
    claim,
    challenger,
    nonce,
    id: "0x",
    phase: "new",
    openedBlock: 0,
    turnStarted: 0,
    claimantUsed: 0,
    challengerUsed: 0,
    demands: 0,
    paidDemands: 0,
    site,
  };
  challenge.id = challengeIdOf(arena, challenge);
  return challenge;
}

/** A commitment that was not made yet. `number` salts it; without a proof nobody can ever reveal it. */
export function newPledge(
  arena: Arena,
  parts: Pick<Pledge, "claim" | "committer" | "nonce" | "proof" | "postedStep"> & { number: bigint },
): Pledge {
  const { number, ...rest } = parts;
  const salt = numberToHex(number, { size: 32 });
  const pledge: Pledge = { ...rest, salt, hash: salt, block: 0, sequence: 0, phase: "new" };
  pledge.hash = commitmentOf(arena, pledge);
  return pledge;
}
