// Who sits at the table, and what they all see.
import type { Arena } from "./arena.ts";
import type { Case } from "./cases.ts";
import type { Claim, Model } from "./model.ts";
import type { Random } from "./random.ts";

export const ACTOR = {
  claimant: 0,
  cheat: 1,
  challenger: 2,
  prover: 3,
  troll: 4,
  copier: 5,
  watchtower: 6,
  /** Audits where there is an auditor; else floods the cheat's claims with challenges of its own. */
  seventh: 7,
} as const;

/** What a claimant that may be dishonest has in mind. */
interface Mood {
  reveals: boolean;
  answers: boolean;
  /** Of a wrong claim: whether honest challengers look at it in time. */
  watched: boolean;
}

export interface Table {
  arena: Arena;
  model: Model;
  random: Random;
  cases: Case[];
  moods: Map<Claim, Mood>;
  nonces: bigint;
}

export const isLive = ({ phase }: Claim): boolean => phase === "committed" || phase === "revealed";
