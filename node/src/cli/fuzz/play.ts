/**
 * One liar of `lockstep dispute fuzz`, played out on the chain: it claims a run with a lie in it and is caught by a walk, by a
 * direct proof, or because it falls silent. Throws FuzzFailure where it keeps any of its bond or the verifier is not paid.
 */
import { numberToHex, keccak256, type Hex } from "viem";
import { findFlaw, findFraud, SECTION, type FraudProof, type Run } from "../../engine/index.ts";
import { provenStep } from "../../roles/players/index.ts";
import { nextSupply } from "./attacks.ts";
import type { FuzzChain } from "./chain.ts";
import { claim, expectStatus, FuzzFailure, SLASHED, type ClaimedRun, type Claimed } from "./claims.ts";
import type { FuzzLie } from "./lies.ts";
import { checked, expectFault, NO_CHALLENGE, proveCommitted } from "./proofs.ts";
import { answer, ask, challengeOf, decide, walk, type Challenge } from "./walk.ts";

/** How the liar is caught. */
export const ENDINGS = ["walk", "walk without commitment", "direct proof", "silence", "withheld inputs"] as const;
export type Ending = (typeof ENDINGS)[number];

/** What the verifier showed of a lie; what the referee found is read from the chain. */
export interface Caught {
  /** Answers of the claimant. */
  readonly rounds: number;
  /** Of the fraud proof; null when the liar fell silent. */
  readonly proofKind: number | null;
  readonly fraud: FraudProof | null;
}

/** A lie and all that it takes to tell and to catch it. */
export interface Trial {
  readonly honest: Run;
  readonly lying: Run;
  readonly lie: FuzzLie;
  readonly ending: Ending;
  readonly said: ClaimedRun;
  readonly nonce: bigint;
  /** Answers before a liar that falls silent does so. */
  readonly patience: number;
}

/** A liar claims; the verifier, with its own run, catches it. `gas` is what both spent on the dispute. */
export async function catchLiar(chain: FuzzChain, trial: Trial): Promise<Caught & { gas: number }> {
  const [liarBefore, verifierBefore] = [await chain.worth("liar"), await chain.worth("verifier")];
  const claimed = await claim(chain, "liar", trial.said);
  let gas = 0;
  const metered: FuzzChain = {
    ...chain,
    async send(party, call) {
      const receipt = await chain.send(party, call);
      gas += Number(receipt.gasUsed);
      return receipt;
    },
  };
  const caught = await disputed(metered, claimed, trial);
  await expectStatus(chain, claimed, SLASHED, "the lie was not slashed");
  const { bondWei } = claimed.claim;
  const lost = liarBefore - (await chain.worth("liar"));
  if (lost !== bondWei) throw new FuzzFailure("lie", `the liar lost ${lost} of ${bondWei} wei`);
  const won = (await chain.worth("verifier")) - verifierBefore;
  if (won < bondWei / 4n) throw new FuzzFailure("lie", `the verifier won ${won} wei`);
  return { ...caught, gas };
}

async function disputed(chain: FuzzChain, claimed: Claimed, trial: Trial): Promise<Caught> {
  const { honest, lying, lie, ending, nonce } = trial;
  if (lie.place === "flaw") {
    const proof = findFlaw(lie.parts);
    if (proof === null) throw new FuzzFailure("lie", "no flaw was found in an invalid program");
    return proven(chain, claimed, trial, null, { kind: 3, proof });
  }
  if (ending === "direct proof" && lying.trace === "full") {
    return proven(chain, claimed, trial, null, requireFraud(honest, lying));
  }
  const challenge = challengeOf(claimed, "verifier", nonce);
  if (ending === "withheld inputs") {
    const isSilent = await withhold(chain, challenge, trial);
    if (isSilent) return timedOut(chain, claimed, challenge);
  }
  const fraud = await walked(chain, challenge, trial);
  return fraud === null ? timedOut(chain, claimed, challenge) : proven(chain, claimed, trial, challenge, fraud);
}

/** Walks until there is a proof, or the liar sees where this goes and stops answering (null). */
async function walked(chain: FuzzChain, challenge: Challenge, trial: Trial): Promise<FraudProof | null> {
  const { honest, lying, ending, patience } = trial;
  if (ending === "direct proof") return posted(chain, challenge, trial);
  const stop = (round: number): boolean => ending === "silence" && round >= patience;
  const fraud = await walk(chain, challenge, honest, lying, { opener: () => "liar", stop });
  if (fraud === null && ending !== "silence") throw new FuzzFailure("lie", "a walk found nothing to prove");
  return fraud;
}

/** Of a deferred trace a step is proven directly once its scratch root is posted. */
async function posted(chain: FuzzChain, challenge: Challenge, { honest, lying }: Trial): Promise<FraudProof> {
  const isPosted = (): boolean =>
    challenge.openings.some(({ position }) => position.section === SECTION.steps && position.height === 0);
  while (!isPosted()) {
    const move = decide(challenge, honest);
    if (move === null || move.kind === "prove") break;
    await answer(chain, challenge, await ask(chain, challenge, move), lying, "liar");
  }
  return requireFraud(honest, lying);
}

/** Demands the inputs until the liar does not show the next chunk; false if it shows them all. */
async function withhold(chain: FuzzChain, challenge: Challenge, { honest, patience }: Trial): Promise<boolean> {
  for (;;) {
    const move = nextSupply(challenge, honest);
    if (move === null) return false;
    const position = await ask(chain, challenge, move);
    if (challenge.rounds >= patience) return true;
    await answer(chain, challenge, position, honest, "liar");
  }
}

async function timedOut(chain: FuzzChain, { claim: preimage }: Claimed, challenge: Challenge): Promise<Caught> {
  const { protocol, constant, send, pass, address } = chain;
  await pass(1 + Number(await constant({ ...protocol.game, functionName: "clockSeconds", args: [] })));
  const args = [preimage, address(challenge.challenger), challenge.nonce];
  await send("bystander", { ...protocol.game, functionName: "timeout", args });
  return { rounds: challenge.rounds, proofKind: null, fraud: null };
}

async function proven(
  chain: FuzzChain,
  claimed: Claimed,
  { lying, lie, ending, nonce, said }: Trial,
  challenge: Challenge | null,
  fraud: FraudProof,
): Promise<Caught> {
  const shown = {
    kind: fraud.kind,
    bytes: await checked(chain, claimed, lying, fraud),
    step: provenStep(fraud),
  };
  const args = [claimed.claim, nonce, shown.kind, shown.bytes, shown.step];
  const receipt =
    ending === "walk without commitment" && challenge !== null
      ? await chain.send("verifier", { ...chain.protocol.game, functionName: "prove", args })
      : await proveCommitted(chain, claimed, shown, challenge === null ? NO_CHALLENGE : nonce, said.salt);
  expectFault(chain, receipt, lie);
  return { rounds: challenge?.rounds ?? 0, proofKind: fraud.kind, fraud };
}

function requireFraud(honest: Run, lying: Run): FraudProof {
  const fraud = findFraud(honest, lying);
  if (fraud === null) throw new FuzzFailure("lie", "no fraud was found in a lying run");
  return fraud;
}

/** The salt of a claim, the same for the same run of the same seed. */
export function saltOf(seed: number, run: number, use: "lie" | "honest"): Hex {
  return keccak256(
    `${numberToHex(seed, { size: 8 })}${numberToHex(run, { size: 8 }).slice(2)}${use === "lie" ? "01" : "02"}`,
  );
}
