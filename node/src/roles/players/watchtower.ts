/**
 * The watchtower (docs/dispute.md, "How an honest party plays"): what anyone may do, so that nobody loses by absence.
 *
 * Invariants: it acts only when the interested party had `patienceSeconds` to act; it opens only for a claim that its own run
 * found right, so it never helps a liar; what it does is the game's to accept, so that doing it twice or late costs nothing
 * but a refused call. A claimant that was away once is not waited for again in the same challenge: its clock runs on.
 */

/** A challenge as its events tell it. Times are unix seconds. */
export interface WatchedChallenge {
  readonly ended: boolean;
  /** When the clock of the side to move runs out. */
  readonly deadline: number;
  /** When the demand was made that waits for an answer; null in the challenger's turn. */
  readonly demandedAt: number | null;
}

/** A claim as its events tell it. */
export interface WatchedClaim {
  readonly status: string;
  readonly revealBy: number;
  /** From the reveal on. */
  readonly challengeUntil: number | undefined;
}

export interface Patience {
  readonly now: number;
  readonly patienceSeconds: number;
  /** R: what must pass after the window before a claim is final. */
  readonly proofRevealSeconds: number;
}

/** What is due in a challenge of a revealed claim. `absent`: this claimant was stood in for before. */
export function challengeDuty(
  { ended, deadline, demandedAt }: WatchedChallenge,
  { now, patienceSeconds }: Omit<Patience, "proofRevealSeconds">,
  absent: boolean,
): "timeout" | "open" | null {
  if (ended) return null;
  if (now > deadline + patienceSeconds) return "timeout";
  if (demandedAt === null || now > deadline) return null;
  return now >= demandedAt + (absent ? 0 : patienceSeconds) ? "open" : null;
}

/** What is due for a claim, given how many of its challenges are open. */
export function claimDuty(
  { status, revealBy, challengeUntil }: WatchedClaim,
  openChallenges: number,
  { now, patienceSeconds, proofRevealSeconds }: Patience,
): "forfeit" | "finalize" | null {
  if (status === "committed") return now > revealBy + patienceSeconds ? "forfeit" : null;
  if (status !== "revealed" || challengeUntil === undefined || openChallenges > 0) return null;
  return now > challengeUntil + proofRevealSeconds + patienceSeconds ? "finalize" : null;
}
