// How often everything happened: calls made and refused, by name, and how claims, challenges and bounties ended.
import { challengeOf, type Call, type Model } from "./model.ts";

export type Counts = Map<string, number>;

/** The counts by name. */
export function sorted(counts: Counts): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

export function count(counts: Counts, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Counts how a claim, a challenge or a bounty ended. Called after the change. */
export function countEnding({ counts, model }: { counts: Counts; model: Model }, call: Call): void {
  const claim =
    "claim" in call
      ? call.claim
      : "challenge" in call
        ? call.challenge.claim
        : "pledge" in call
          ? call.pledge.claim
          : null;
  if (claim === null) return;
  const said = claim.of.wrong ? "wrong" : "right";
  switch (call.name) {
    case "finalize":
    case "forfeit":
    case "void":
      count(counts, `claim ${claim.phase}, ${said}${claim.of.deferred ? ", deferred" : ""}`);
      break;
    case "prove":
    case "timeout":
    case "revealProof":
      if ("challenge" in call) count(counts, `challenge ${call.challenge.phase} by ${call.name}`);
      if (call.name === "revealProof" && challengeOf(model, call.pledge)?.phase === "won") {
        count(counts, "challenge won by revealProof");
      }
      if (
        claim.slashedAt === model.now &&
        claim.phase === "slashed" &&
        (call.name !== "revealProof" || claim.slashedBy === call.pledge)
      ) {
        count(counts, `claim slashed by ${call.name}${claim.of.deferred ? ", deferred" : ""}`);
        count(counts, claim.bounty === null ? "bounty paid at once" : "bounty held");
      } else if (call.name === "revealProof") {
        count(
          counts,
          claim.bounty?.sequence === call.pledge.sequence
            ? "bounty taken by an earlier commitment"
            : "revealed without bounty",
        );
      }
      break;
    case "close":
      count(counts, `challenge ${call.challenge.phase} by close`);
      break;
    case "challenge":
    case "demand":
    case "descend":
    case "enter": {
      const { site, demands, paidDemands } = call.challenge;
      count(counts, `demanded in section ${site.place.section}${claim.of.deferred ? ", deferred" : ""}`);
      if (paidDemands < demands) count(counts, "demand that the bond no longer pays");
      break;
    }
    case "openStep":
      if (claim.of.deferred)
        count(
          counts,
          call.actor === claim.claimant
            ? "step of a deferred trace opened by the claimant"
            : "step of a deferred trace opened by another",
        );
      break;
    default:
      break;
  }
}
