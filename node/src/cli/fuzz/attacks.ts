/**
 * What an honest claimant has to stand in `lockstep dispute fuzz`: demands for nodes that are not there, openings by those who have
 * another run, proofs of nothing and of what is right, time-outs that are none, commitments to nothing, and a walk
 * or a demand for its inputs to the end. Throws FuzzFailure where one of them is taken or the claimant loses anything.
 */
import { keccak256, numberToHex, type Hex } from "viem";
import { encodeProof, type FraudProof, type Run } from "../../engine/index.ts";
import { below, type Random } from "../../float/directed.ts";
import type { Hash } from "../../merkle/index.ts";
import {
  challengerCall,
  inputSupplies,
  provenStep,
  supplyDemands,
  supplyMove,
  type GameCall,
} from "../../roles/players/index.ts";
import type { FuzzChain, Party } from "./chain.ts";
import { claim, expectStatus, FINAL, FuzzFailure, REVEALED } from "./claims.ts";
import { commit, garbageProof, type ShownProof } from "./proofs.ts";
import { answer, answerCall, ask, challengeOf, decide, walk, type Challenge, type Demanding } from "./walk.ts";

/** Attacks an honest claim in every way an accuser without a case has, then lets it end. Returns the attacks made. */
export async function attackHonest(
  chain: FuzzChain,
  random: Random,
  honest: Run,
  accuser: Run,
  stolen: FraudProof | null,
  salt: Hex,
): Promise<number> {
  const { protocol, constant, send, isRefused } = chain;
  const { game, claims } = protocol;
  const before = await chain.worth("honest");
  const claimed = await claim(chain, "honest", { run: honest, salt });
  const nonce = BigInt(1 + below(random, 1000));
  const challenge = challengeOf(claimed, "accuser", nonce);
  const isSupplied = below(random, 4) === 0 && canBeSupplied(honest);
  let attacks = 1;
  const refuse = async (what: string, party: Party, call: GameCall): Promise<void> => {
    attacks++;
    if (!(await isRefused(party, { ...game, ...call }))) throw new FuzzFailure("honest", `${what} was taken`);
  };
  const prove = ({ kind, bytes, step }: ShownProof): GameCall => {
    return { functionName: "prove", args: [claimed.claim, nonce, kind, bytes, step] };
  };
  const timeout = { functionName: "timeout", args: [claimed.claim, chain.address("accuser"), nonce] };

  const opening = isSupplied ? nextSupply(challenge, honest) : decide(challenge, accuser);
  if (opening === null || opening.kind === "prove") throw new FuzzFailure("honest", "an accuser found no demand");
  const position = await ask(chain, challenge, opening);
  const garbage = garbageProof(random, stolen);
  await refuse("a proof of nothing", "accuser", prove(garbage));
  if (stolen !== null) {
    const shown = { kind: stolen.kind, bytes: encodeProof(stolen), step: provenStep(stolen) };
    await refuse("the proof of another claim", "accuser", prove(shown));
  }
  await refuse("an early time-out", "accuser", timeout);
  await refuse("a move of a stranger", "bystander", prove(garbage));
  if (!isSupplied) {
    await refuse("the opening of another run", "bystander", answerCall(chain, challenge, position, accuser));
  }
  await answer(chain, challenge, position, honest, "honest");
  const next = isSupplied ? nextSupply(challenge, honest) : decide(challenge, accuser);
  if (next !== null && next.kind !== "prove") {
    const call = challengerCall(claimed.claim, claimed.name, nonce, elsewhere(random, next));
    await refuse("a demand for another node", "accuser", call);
  }

  if (isSupplied) attacks += await supplied(chain, challenge, honest);
  else if (below(random, 2) === 0) {
    const opener = (round: number): Party => (round % 2 === 0 ? "honest" : "bystander");
    const fraud = await walk(chain, challenge, accuser, honest, { opener });
    if (fraud !== null) {
      const shown = { kind: fraud.kind, bytes: encodeProof(fraud), step: provenStep(fraud) };
      await refuse("a proof of what is right", "accuser", prove(shown));
    }
  }
  const isCommitting = below(random, 2) === 0;
  let commitment: Hex = "0x";
  if (isCommitting) {
    attacks++;
    const other = keccak256(salt);
    commitment = await commit(chain, claimed, "accuser", garbage, nonce, other);
    const args = [claimed.claim, garbage.kind, garbage.bytes, garbage.step, other];
    await refuse("a committed proof of nothing", "accuser", { functionName: "revealProof", args });
  }
  // What its own clock allows: the accuser is called out, the claim ends.
  await chain.pass(1 + Number(await constant({ ...game, functionName: "clockSeconds", args: [] })));
  await expectStatus(chain, claimed, REVEALED, "an honest claim did not stand");
  await send("honest", { ...game, ...timeout });
  const revealSeconds = await constant<bigint>({ ...claims, functionName: "proofRevealSeconds", args: [] });
  await chain.passUntil(claimed.challengeUntil + Number(revealSeconds) + 1);
  await send("bystander", { ...claims, functionName: "finalize", args: [claimed.claim] });
  if (isCommitting) {
    const args = [claimed.claimId, chain.address("accuser"), commitment];
    await send("bystander", { ...game, functionName: "forfeitProof", args });
  }
  await expectStatus(chain, claimed, FINAL, "an honest claim was lost");
  const gained = (await chain.worth("honest")) - before;
  const { moveFeeWei } = claimed.claim.terms;
  const deposit = await constant<bigint>({ ...game, functionName: "depositOf", args: [moveFeeWei] });
  if (gained !== deposit) throw new FuzzFailure("honest", `the honest claimant gained ${gained} instead of ${deposit}`);
  return attacks;
}

/** The same demand for a node that is not there: another one, one that no path leads to, or one outside the opened tree. */
function elsewhere(random: Random, move: Demanding): Demanding {
  // Neighbours may be equal, so that a near index would name a node that is there.
  const far = 2 ** (20 + below(random, 10));
  const other = (path: readonly Hash[]) => path.with(below(random, path.length), keccak256(numberToHex(random())));
  const isRelative = move.kind === "descend" || move.kind === "enter";
  const { path } = isRelative ? move : move.demand;
  const change = below(random, path.length === 0 ? 2 : 3);
  if (isRelative) {
    if (change === 0) return { ...move, node: keccak256(move.node) };
    return change === 1 ? { ...move, index: move.index + far } : { ...move, path: other(path) };
  }
  const { demand } = move;
  const position = { ...demand.position, index: demand.position.index + far };
  if (change === 0) return { ...move, demand: { ...demand, node: keccak256(demand.node) } };
  return { ...move, demand: change === 1 ? { ...demand, position } : { ...demand, path: other(path) } };
}

// --- Inputs that are demanded chunk by chunk ---

/** The most demands of a challenge. */
const MAX_DEMANDS = 16;

function canBeSupplied({ program }: Run): boolean {
  return program.inputs.length > 0 && supplyDemands(program, inputSupplies(program)) <= MAX_DEMANDS;
}

/** The next demand for the inputs; null when all were shown. */
export function nextSupply(challenge: Challenge, { program }: Run): Demanding | null {
  const { claimed, supplies, isOpen, standing } = challenge;
  const { inputsRoot } = claimed.claim.terms;
  const seen = { inputsRoot, openings: supplies, challenging: isOpen, standing };
  const move = supplyMove(program, inputSupplies(program), seen);
  return move.kind === "complete" || move.kind === "prove" ? null : move;
}

// Every chunk of the inputs is asked for and shown; the demands made.
async function supplied(chain: FuzzChain, challenge: Challenge, honest: Run): Promise<number> {
  for (let demands = 0; ; demands++) {
    const move = nextSupply(challenge, honest);
    if (move === null) return demands;
    await answer(chain, challenge, await ask(chain, challenge, move), honest, "bystander");
  }
}
