/**
 * The verifier: runs every revealed claim and disputes one whose trace root is not its own, or whose program is not valid.
 * With the claimant's trace at hand it proves the first wrong number at once; without, it walks down the claimant's tree
 * move by move. Either way the proof is committed to before it is shown, so that nobody can copy it and take the bounty.
 * It decides from the mirrored events and what it stored, so a restart goes on where the stop was.
 */
import { randomBytes } from "node:crypto";
import { bytesToHex, encodeAbiParameters, hexToBytes, keccak256, parseAbiParameters, zeroHash, type Hex } from "viem";
import { getFact, setFact } from "../chain/database.ts";
import type { Head } from "../chain/reader.ts";
import {
  checkProof,
  decodeProof,
  encodeProof,
  FRAUD,
  nextAction,
  traceRootOf,
  type ClaimView,
  type FraudProof,
  type Opening,
  type Position,
  type Run,
} from "../engine/index.ts";
import { chooseLie, type LieChoice } from "./lie.ts";
import { apart, callTimeout, tryToSend, type NodeContext, type Role } from "./node-context.ts";
import { fetchFraud } from "./remote-trace.ts";
import { challengesOf, claimsOf, pendingDemand, settledBounties, type Challenge, type Claim } from "./views.ts";
import { creditsToWithdraw } from "./withdraw.ts";

export interface VerifierOptions {
  /** Only walk, even where the claimant serves its trace. */
  walkOnly?: boolean;
  /** The one claim it checks; every claim unless given. */
  only?: Hex;
  /** Makes it a dishonest challenger: its own run holds this lie, so that it disputes claims that are right. */
  lie?: LieChoice;
}

/** What it found: the same trace root, another one, or a program that nobody may claim. */
type Verdict = "agree" | "differ" | "invalid";

/** A proof it stands by, stored before its commitment is sent: without the salt the commitment's bond would be lost. */
interface StoredProof {
  kind: number;
  proof: Hex;
  salt: Hex;
}

// Until a claim that could not be checked is looked at again: its inputs may be served later.
const RETRY_MILLISECONDS = 2_000;
// The most time spent on a claimant's trace before the walk begins, and the part of the window it may take.
const TRACE_MILLISECONDS = 10_000;
const TRACE_PART_OF_WINDOW = 4;

export function createVerifier(context: NodeContext, options: VerifierOptions): Role {
  const { database, protocol, sender, client, log, runs, programs } = context;
  const me = sender.address.toLowerCase();
  // Claims being checked or disputed in the background; one job a claim.
  const busy = new Set<Hex>();

  async function tick(head: Head): Promise<void> {
    const claims = await claimsOf(database);
    const challenges = await challengesOf(database);
    for (const claim of claims.values()) {
      const { claimId } = claim;
      if (busy.has(claimId) || claim.claimant.toLowerCase() === me) continue;
      if (options.only !== undefined && claimId !== options.only) continue;
      if (claim.status === "revealed") inBackground(claimId, () => pursue(claim, challenges, head));
    }
    for (const challenge of challenges.values()) {
      if (challenge.challenger.toLowerCase() !== me || challenge.ended) continue;
      // Another proof ended the claim: this deposit comes back.
      if (claims.get(challenge.claimId)?.status === "slashed") await close(challenge);
    }
    await settleBounties(claims, head);
    for (const { key, call } of await creditsToWithdraw(context)) await tryToSend(context, key, call);
  }

  function inBackground(claimId: Hex, work: () => Promise<void>): void {
    busy.add(claimId);
    work().then(
      () => busy.delete(claimId),
      (error: unknown) => {
        log.warn({ claim: claimId, error }, "the claim can't be checked now; trying again");
        setTimeout(() => busy.delete(claimId), RETRY_MILLISECONDS).unref();
      },
    );
  }

  // One step for a revealed claim: find out whether it is right, then whatever comes next against one that is not.
  async function pursue(claim: Claim, challenges: ReadonlyMap<Hex, Challenge>, head: Head): Promise<void> {
    const { claimId } = claim;
    const verdict = (await getFact(database, `verdict:${claimId}`)) as Verdict | undefined;
    if (verdict === "agree") return;
    if (verdict === undefined) return check(claim);
    const own = [...challenges.values()].find(
      (challenge) => challenge.claimId === claimId && challenge.challenger.toLowerCase() === me && !challenge.ended,
    );
    const stored = await getFact(database, `proof:${claimId}`);
    if (stored !== undefined) return prove(claim, JSON.parse(stored) as StoredProof, own);
    if (verdict === "invalid") return store(claim, await flawOf(claim));
    if (own !== undefined) return play(own, claim, challenges, head);
    const left = (claim.challengeUntil ?? 0) - head.time;
    if (left < 0) return;
    const timeout = Math.min(TRACE_MILLISECONDS, (1000 * left) / TRACE_PART_OF_WINDOW);
    if (!(await tryTrace(claim, timeout))) await challenge(claim);
  }

  async function check(claim: Claim): Promise<void> {
    const verdict = await verdictOf(claim);
    log.info({ claim: claim.claimId, verdict }, "checked a claim");
    await setFact(database, `verdict:${claim.claimId}`, verdict);
  }

  async function verdictOf(claim: Claim): Promise<Verdict> {
    try {
      return traceRootOf(await runOf(claim)) === claim.traceRoot ? "agree" : "differ";
    } catch (error) {
      if ((await programs.flawOf(claim.programRoot)) === null) throw error;
      return "invalid";
    }
  }

  async function runOf(claim: Claim): Promise<Run> {
    if (options.lie === undefined) return runs.get(claim);
    const { program } = await programs.runnable(claim.programRoot);
    return runs.get(claim, chooseLie(options.lie, program, claim.steps));
  }

  async function flawOf({ programRoot }: Claim): Promise<FraudProof> {
    const proof = await programs.flawOf(programRoot);
    if (proof === null) throw new RangeError(`program ${programRoot} has no flaw any more`);
    return { kind: 3, proof };
  }

  // Asks the claimant for its trace, once. Whether a proof came of it.
  async function tryTrace(claim: Claim, timeoutMilliseconds: number): Promise<boolean> {
    const { claimId, traceRoot } = claim;
    const tried = `traced:${claimId}`;
    const { exchange } = context;
    if (options.walkOnly === true || exchange === undefined || traceRoot === undefined) return false;
    if ((await getFact(database, tried)) !== undefined) return false;
    const fraud = await fetchFraud(exchange, await runOf(claim), traceRoot, log, timeoutMilliseconds);
    await setFact(database, tried, fraud === undefined ? "not served" : "proven");
    if (fraud === undefined) return false;
    await store(claim, fraud);
    return true;
  }

  async function challenge({ claimId }: Claim): Promise<void> {
    const deposit = await client.readContract({ ...protocol.game, functionName: "depositOf", args: [claimId] });
    const call = { ...protocol.game, functionName: "challenge", args: [claimId], valueWei: deposit };
    await tryToSend(context, `challenge:${claimId}`, call);
  }

  // The next move of its own challenge.
  async function play(
    own: Challenge,
    claim: Claim,
    challenges: ReadonlyMap<Hex, Challenge>,
    head: Head,
  ): Promise<void> {
    const { challengeId, moves } = own;
    if (pendingDemand(own) !== undefined) {
      await callTimeout(context, own, head);
      return;
    }
    const action = nextAction(await runOf(claim), claim.traceRoot ?? "0x", openingsOf(challenges, claim.claimId));
    if (action.kind === "prove") await store(claim, action.fraud);
    if (action.kind !== "demand") return;
    const { node, position, path, shown } = action.demand;
    const call = { ...protocol.game, functionName: "demand", args: [challengeId, node, position, path, shown] };
    await tryToSend(context, `demand:${challengeId}:${moves.length}`, call);
  }

  async function store(claim: Claim, fraud: FraudProof): Promise<void> {
    const { claimId, traceRoot = "0x" } = claim;
    const bytes = encodeChecked({ ...claim, traceRoot, deferred: false, postedStep: 0, postedRoot: zeroHash }, fraud);
    const proof: StoredProof = { kind: fraud.kind, proof: bytes, salt: bytesToHex(randomBytes(32)) };
    await setFact(database, `proof:${claimId}`, JSON.stringify(proof));
  }

  // Commits to the proof, and shows it in a later block. Where no commitment is taken (no coin for its bond), a challenger
  // still proves in its challenge.
  async function prove(
    { claimId }: Claim,
    { kind, proof, salt }: StoredProof,
    own: Challenge | undefined,
  ): Promise<void> {
    const commitment = commitmentOf(
      await client.getChainId(),
      protocol.game.address,
      claimId,
      sender.address,
      salt,
      kind,
      proof,
    );
    const commit = { ...protocol.game, functionName: "commitProof", args: [claimId, commitment] };
    const bond = await client.readContract({ ...protocol.game, functionName: "proofBondWei" });
    const committed = await tryToSend(context, `commitProof:${claimId}`, { ...commit, valueWei: bond });
    if (committed) {
      const reveal = { ...protocol.game, functionName: "revealProof", args: [claimId, kind, proof, salt] };
      await tryToSend(context, `revealProof:${claimId}`, reveal);
    } else if (own !== undefined) {
      const call = { ...protocol.game, functionName: "prove", args: [own.challengeId, kind, proof] };
      await tryToSend(context, `prove:${own.challengeId}`, call);
    }
  }

  async function close({ challengeId }: Challenge): Promise<void> {
    await tryToSend(context, `close:${challengeId}`, { ...protocol.game, functionName: "close", args: [challengeId] });
  }

  // A bounty is held for a while when somebody else committed earlier; then it is this node's.
  async function settleBounties(claims: ReadonlyMap<Hex, Claim>, head: Head): Promise<void> {
    const settled = await settledBounties(database);
    for (const { claimId, status } of claims.values()) {
      if (status !== "slashed" || settled.has(claimId)) continue;
      if ((await getFact(database, `proof:${claimId}`)) === undefined) continue;
      await apart(context, { claim: claimId }, async () => {
        const bounty = await client.readContract({ ...protocol.game, functionName: "bountyOf", args: [claimId] });
        if (bounty.winner.toLowerCase() !== me || head.time <= Number(bounty.settleAfter)) return;
        const call = { ...protocol.game, functionName: "settleBounty", args: [claimId] };
        await tryToSend(context, `settleBounty:${claimId}`, call);
      });
    }
  }

  return { name: "verifier", tick };
}

/**
 * The bytes of a proof that the referee will accept: they are decoded and checked under the claim's roots as it does, since a
 * proof that fails costs its bond. Throws what `checkProof` throws. A program's flaw was found by validating its bytes.
 */
export function encodeChecked(claim: ClaimView, fraud: FraudProof): Hex {
  const bytes = encodeProof(fraud);
  const sent = decodeProof(fraud.kind, bytes);
  if (sent.kind !== FRAUD.badRecord) checkProof(claim, sent);
  return bytes;
}

/** What a committed proof is bound to: chain, game, claim and sender, so that it can't be shown elsewhere or by another. */
function commitmentOf(
  chainId: number,
  game: Hex,
  claimId: Hex,
  account: Hex,
  salt: Hex,
  kind: number,
  proof: Hex,
): Hex {
  return keccak256(
    encodeAbiParameters(parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32"), [
      BigInt(chainId),
      game,
      claimId,
      account,
      salt,
      kind,
      keccak256(proof),
    ]),
  );
}

/** Every opening made for a claim, in any of its challenges: one published opening serves every challenger. */
export function openingsOf(challenges: ReadonlyMap<Hex, Challenge>, claimId: Hex): Opening[] {
  return [...challenges.values()]
    .filter((challenge) => challenge.claimId === claimId)
    .flatMap((challenge) => challenge.moves)
    .flatMap((made): Opening[] => {
      const position = made.position as Position;
      if (made.kind === "open") return [{ position, kind: "nodes", nodes: made.nodes }];
      return made.kind === "openChunk" ? [{ position, kind: "chunk", chunk: hexToBytes(made.chunk) }] : [];
    });
}
