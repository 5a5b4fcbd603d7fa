/**
 * The verifier: runs every revealed claim of a program it can lower, and disputes one whose trace root is not its own. With
 * the claimant's trace at hand it proves the first wrong number in a direct proof; without, it walks down the claimant's
 * tree move by move. It decides from the mirrored events alone, so a restart goes on where the stop was.
 */
import { randomBytes } from "node:crypto";
import { bytesToHex, encodeAbiParameters, hexToBytes, keccak256, type Hex } from "viem";
import { getFact, setFact } from "../chain/database.ts";
import type { Head } from "../chain/reader.ts";
import { encodeProof, nextAction, traceRootOf, type Opening, type Position, type Run } from "../engine/index.ts";
import { chooseLie, type LieChoice } from "./lie.ts";
import { apart, callTimeout, tryToSend, type NodeContext, type Role } from "./node-context.ts";
import { fetchFraud } from "./remote-trace.ts";
import { challengesOf, claimsOf, pendingDemand, type Challenge, type Claim } from "./views.ts";
import { creditsToWithdraw } from "./withdraw.ts";

export interface VerifierOptions {
  /** Only walk, even where the claimant serves its trace. */
  walkOnly?: boolean;
  /** Makes it dishonest: it runs with this lie, and so disputes claims that are right. */
  lie?: LieChoice;
  /** The one claim it checks; every claim unless given. */
  only?: Hex;
}

type Verdict = "agree" | "differ";

export function createVerifier(context: NodeContext, options: VerifierOptions): Role {
  const { database, protocol, sender, client, log, runs } = context;
  const me = sender.address.toLowerCase();
  const checking = new Set<Hex>();
  const proving = new Set<Hex>();

  async function tick(head: Head): Promise<void> {
    const claims = await claimsOf(database);
    const challenges = await challengesOf(database);
    for (const claim of claims.values()) {
      if (claim.status !== "revealed" || claim.claimant.toLowerCase() === me) continue;
      if (options.only !== undefined && claim.claimId !== options.only) continue;
      await apart(context, { claim: claim.claimId }, async () => {
        const verdict = (await getFact(database, `verdict:${claim.claimId}`)) as Verdict | undefined;
        if (verdict === undefined) check(claim);
        else if (verdict === "differ") await dispute(claim, challenges, head);
      });
    }
    for (const challenge of challenges.values()) {
      if (challenge.challenger.toLowerCase() !== me) continue;
      await apart(context, { challenge: challenge.challengeId }, () => play(challenge, claims, challenges, head));
    }
    for (const { key, call } of await creditsToWithdraw(context)) await tryToSend(context, key, call);
  }

  // Runs the claim in the background and remembers what came out.
  function check(claim: Claim): void {
    if (checking.has(claim.claimId)) return;
    checking.add(claim.claimId);
    runOf(claim).then(
      async (run) => {
        const verdict: Verdict = traceRootOf(run) === claim.traceRoot ? "agree" : "differ";
        log.info({ claim: claim.claimId, verdict }, "checked a claim");
        await setFact(database, `verdict:${claim.claimId}`, verdict);
        checking.delete(claim.claimId);
      },
      (error: unknown) => {
        // Tried again after a while: the program or the inputs may be served later, and the window is open.
        log.warn({ claim: claim.claimId, error }, "the claim can't be checked");
        setTimeout(() => checking.delete(claim.claimId), 2_000);
      },
    );
  }

  async function runOf(claim: Claim): Promise<Run> {
    if (options.lie === undefined) return runs.get(claim);
    const { program } = await context.programs.get(claim.programRoot);
    return runs.get(claim, chooseLie(options.lie, program, claim.steps));
  }

  // Starts a dispute: a direct proof where the trace can be had, else a challenge.
  async function dispute(claim: Claim, challenges: ReadonlyMap<Hex, Challenge>, head: Head): Promise<void> {
    const own = [...challenges.values()].some(
      ({ claimId, challenger }) => claimId === claim.claimId && challenger.toLowerCase() === me,
    );
    if (own || proving.has(claim.claimId)) return;
    const committed = await getFact(database, `direct:${claim.claimId}`);
    if (committed !== undefined) return revealDirect(claim, committed);
    if (head.time > (claim.challengeUntil ?? 0)) return;
    if (options.walkOnly !== true && (await getFact(database, `nodirect:${claim.claimId}`)) === undefined) {
      proving.add(claim.claimId);
      try {
        return await commitDirect(claim);
      } finally {
        proving.delete(claim.claimId);
      }
    }
    const deposit = await client.readContract({ ...protocol.game, functionName: "depositOf", args: [claim.claimId] });
    await tryToSend(context, `challenge:${claim.claimId}`, {
      ...protocol.game,
      functionName: "challenge",
      args: [claim.claimId],
      valueWei: deposit,
    });
  }

  // The commitment and its salt are stored before they are sent: without them the proof's bond would be lost.
  async function commitDirect(claim: Claim): Promise<void> {
    const { exchange } = context;
    const run = await runOf(claim);
    const fraud = exchange === undefined ? undefined : await fetchFraud(exchange, run, claim.traceRoot ?? "0x", log);
    if (fraud === undefined) {
      await setFact(database, `nodirect:${claim.claimId}`, "the trace is not served");
      return;
    }
    const proof = encodeProof(fraud);
    const salt = bytesToHex(randomBytes(32));
    await setFact(database, `direct:${claim.claimId}`, JSON.stringify({ kind: fraud.kind, proof, salt }));
    const commitment = keccak256(
      encodeAbiParameters(
        [
          { type: "uint256" },
          { type: "address" },
          { type: "bytes32" },
          { type: "address" },
          { type: "bytes32" },
          { type: "uint8" },
          { type: "bytes32" },
        ],
        [
          BigInt(await client.getChainId()),
          protocol.game.address,
          claim.claimId,
          sender.address,
          salt,
          fraud.kind,
          keccak256(proof),
        ],
      ),
    );
    await tryToSend(context, `commitProof:${claim.claimId}`, {
      ...protocol.game,
      functionName: "commitProof",
      args: [claim.claimId, commitment],
      valueWei: await client.readContract({ ...protocol.game, functionName: "proofBondWei" }),
    });
  }

  async function revealDirect(claim: Claim, stored: string): Promise<void> {
    const { kind, proof, salt } = JSON.parse(stored) as { kind: number; proof: Hex; salt: Hex };
    const call = { ...protocol.game, functionName: "revealProof", args: [claim.claimId, kind, proof, salt] };
    await tryToSend(context, `revealProof:${claim.claimId}`, call);
  }

  // The next move of one of its own challenges.
  async function play(
    challenge: Challenge,
    claims: ReadonlyMap<Hex, Claim>,
    challenges: ReadonlyMap<Hex, Challenge>,
    head: Head,
  ): Promise<void> {
    const claim = claims.get(challenge.claimId);
    if (claim === undefined || challenge.closed) return;
    const { challengeId } = challenge;
    if (claim.status !== "revealed") {
      if (challenge.ended) return;
      // Another proof ended the claim: this deposit comes back.
      await tryToSend(context, `close:${challengeId}`, {
        ...protocol.game,
        functionName: "close",
        args: [challengeId],
      });
      return;
    }
    if (challenge.ended) return;
    if (pendingDemand(challenge) !== undefined) {
      await callTimeout(context, challenge, head);
      return;
    }
    const run = await runOf(claim);
    await move(challenge, run, claim, openingsOf(challenges, claim.claimId));
  }

  async function move(challenge: Challenge, run: Run, claim: Claim, openings: readonly Opening[]): Promise<void> {
    const { challengeId, moves } = challenge;
    const action = nextAction(run, claim.traceRoot ?? "0x", openings);
    if (action.kind === "demand") {
      const { node, position, path, shown } = action.demand;
      await tryToSend(context, `demand:${challengeId}:${moves.length}`, {
        ...protocol.game,
        functionName: "demand",
        args: [challengeId, node, position, path, shown],
      });
    } else if (action.kind === "prove") {
      await tryToSend(context, `prove:${challengeId}`, {
        ...protocol.game,
        functionName: "prove",
        args: [challengeId, action.fraud.kind, encodeProof(action.fraud)],
      });
    }
  }

  return { name: "verifier", tick };
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
