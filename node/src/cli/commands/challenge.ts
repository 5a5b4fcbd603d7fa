/** `lockstep challenge`: look at disputes move by move, and end one whose clock has run out. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hex } from "viem";
import { z } from "zod";
import { getFact } from "../../chain/database.ts";
import { sharedHost } from "../../host/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { startDaemon } from "../../roles/daemon.ts";
import type { NodeContext } from "../../roles/node-context.ts";
import { createVerifier } from "../../roles/verifier.ts";
import { challengesOf, claimsOf, preimageOf } from "../../roles/views.ts";
import { defineCommand } from "../command.ts";
import { disputeOf, drawDispute, lieOf, lieSchema, moveSchema } from "../dispute-view.ts";
import { short, table } from "../format.ts";
import { NETWORK_FLAGS, openNetwork } from "../network.ts";
import { StoppedError } from "../stop.ts";
import { homeOf, openAccount, openSender, WALLET_FLAGS } from "../wallet.ts";
import { openWorkbench, readMirror } from "../workbench.ts";
import { hashArgument, NotFoundError } from "./task.ts";

// ClaimStatus.Revealed of IClaimRegistry.
const REVEALED = 2;

export const challengeList = defineCommand({
  path: ["challenge", "list"],
  summary: "list the challenges",
  flags: NETWORK_FLAGS,
  result: z.object({
    challenges: z.array(
      z.object({
        challengeId: z.string(),
        claimId: z.string(),
        challenger: z.string(),
        moves: z.int(),
        ended: z.boolean(),
      }),
    ),
  }),
  async run(input) {
    const { database } = await readMirror(await openNetwork(input), input);
    const challenges = [...(await challengesOf(database)).values()].map((challenge) => ({
      challengeId: challenge.challengeId,
      claimId: challenge.claimId,
      challenger: challenge.challenger,
      moves: challenge.moves.length,
      ended: challenge.ended,
    }));
    await database.destroy();
    const rows = challenges.map((one) => [
      one.challengeId,
      short(one.claimId),
      String(one.moves),
      one.ended ? "ended" : "open",
    ]);
    return { result: { challenges }, text: table(["challenge", "claim", "moves", "state"], rows) };
  },
});

export const challengeShow = defineCommand({
  path: ["challenge", "show"],
  summary: "draw the dispute of a claim, level by level, with the gas of each move",
  args: [{ name: "<claim>", summary: "id of the disputed claim" }],
  flags: [...WALLET_FLAGS, ...NETWORK_FLAGS],
  result: z.object({
    claimId: z.string(),
    status: z.string(),
    rounds: z.int(),
    gas: z.string(),
    moves: z.array(moveSchema),
    lie: lieSchema.nullable(),
  }),
  async run(input) {
    const claimId = hashArgument(input.args[0] ?? "", "claim");
    const network = await openNetwork(input);
    const bench = await openWorkbench(network, input);
    try {
      const claim = (await claimsOf(bench.database)).get(claimId);
      if (claim === undefined) throw new NotFoundError("claim", claimId);
      const view = await disputeOf(network.client, bench.database, claimId);
      const lie =
        view.fraud?.kind === 0 ? lieOf((await bench.programs.get(claim.programRoot)).program, view.fraud) : undefined;
      const { rounds, moves, gas } = view;
      return {
        result: { claimId, status: claim.status, rounds, gas: gas.toString(), moves, lie: lie ?? null },
        text: drawDispute(view, lie),
      };
    } finally {
      await bench.close();
    }
  },
});

export const challengeStart = defineCommand({
  path: ["challenge", "start"],
  summary: "run a claim yourself and, if it is wrong, dispute it to the end; exit 1 when it is right",
  args: [{ name: "<claim>", summary: "id of a revealed claim" }],
  flags: [
    ...WALLET_FLAGS,
    ...NETWORK_FLAGS,
    { flag: "--walk-only", summary: "dispute move by move even where the claimant serves its trace" },
  ],
  result: z.object({ claimId: z.string(), verdict: z.enum(["right", "wrong"]), status: z.string() }),
  async run(input) {
    const claimId = hashArgument(input.args[0] ?? "", "claim");
    const network = await openNetwork(input);
    const account = await openAccount(input);
    const daemon = await startDaemon(
      {
        // A home of its own in the account's: a node may be running there. Started again, it goes on where it was.
        home: join(homeOf(input), "challenges", claimId),
        client: network.client,
        deployment: network.deployment,
        account,
        listen: ["/ip4/127.0.0.1/tcp/0"],
        peers: network.peers,
        engine: sharedHost().engine,
        log: input.log,
      },
      (context) => [createVerifier(context, { only: claimId, walkOnly: input.flags["walkOnly"] === true })],
    );
    try {
      const result = await outcomeOf(daemon.context, claimId, input.signal);
      const right = result.verdict === "right";
      return { result, text: `the claim is ${result.verdict}: ${result.status}`, exitCode: right ? 1 : 0 };
    } finally {
      await daemon.stop();
    }
  },
});

// Until the claim was found right, or its dispute has ended.
async function outcomeOf({ client, database, protocol }: NodeContext, claimId: Hex, signal: AbortSignal) {
  const status = await client.readContract({ ...protocol.claims, functionName: "statusOf", args: [claimId] });
  if (status !== REVEALED) throw new ClaimNotOpenError(claimId, status);
  for (;;) {
    const claim = (await claimsOf(database)).get(claimId);
    const verdict = await getFact(database, `verdict:${claimId}`);
    if (verdict === "agree") return { claimId, verdict: "right" as const, status: claim?.status ?? "revealed" };
    if (claim !== undefined && claim.status !== "revealed") {
      return { claimId, verdict: "wrong" as const, status: claim.status };
    }
    if (signal.aborted) throw new StoppedError();
    await sleep(250);
  }
}

export const challengeTimeout = defineCommand({
  path: ["challenge", "timeout"],
  summary: "end a challenge whose side to move has run out of time; anyone may",
  args: [{ name: "<challenge>", summary: "its id" }],
  flags: [...WALLET_FLAGS, ...NETWORK_FLAGS],
  result: z.object({ challengeId: z.string(), transaction: z.string(), gas: z.string() }),
  async run(input) {
    const challengeId: Hex = hashArgument(input.args[0] ?? "", "challenge");
    const network = await openNetwork(input);
    const sender = await openSender(input, network);
    const { database } = await readMirror(network, input);
    const challenge = (await challengesOf(database)).get(challengeId);
    const claim = challenge === undefined ? undefined : (await claimsOf(database)).get(challenge.claimId);
    await database.destroy();
    if (challenge === undefined || claim === undefined) throw new NotFoundError("challenge", challengeId);
    const args = [preimageOf(claim), challenge.challenger, challenge.nonce];
    const call = { ...network.protocol.game, functionName: "timeout", args };
    const receipt = await sender.send(`timeout:${challengeId}`, call);
    const result = { challengeId, transaction: receipt.transactionHash, gas: receipt.gasUsed.toString() };
    return { result, text: `ended in ${result.transaction}` };
  },
});

/** The claim is not open to challenges: unknown, not revealed, or ended. */
export class ClaimNotOpenError extends LockstepError {
  constructor(claimId: Hex, status: number) {
    super("ClaimNotOpenError", `Claim ${claimId} is not open to challenges (status ${status})`, { claimId, status });
  }
}
