/** `lockstep claim`: look at claims, check one by running it, end one that is due. */
import { z } from "zod";
import { traceRootOf } from "../../engine/index.ts";
import { DEFERRED } from "../../roles/runs.ts";
import { claimsOf, preimageOf, type Claim } from "../../roles/views.ts";
import { defineCommand } from "../command.ts";
import { ether, short, table } from "../format.ts";
import { NETWORK_FLAGS, openNetwork } from "../network.ts";
import { openSender, WALLET_FLAGS } from "../wallet.ts";
import { openWorkbench, readMirror } from "../workbench.ts";
import { hashArgument, NotFoundError } from "./task.ts";

const claimSchema = z.object({
  claimId: z.string(),
  status: z.string(),
  claimant: z.string(),
  programRoot: z.string(),
  inputsRoot: z.string(),
  steps: z.int(),
  /** What it commits to: all that every step computed, or its state alone. */
  trace: z.enum(["full", "deferred"]),
  taskId: z.string(),
  traceRoot: z.string().nullable(),
  outputRoots: z.array(z.string()),
  bondWei: z.string(),
  challengeUntil: z.int().nullable(),
});

export const claimList = defineCommand({
  path: ["claim", "list"],
  summary: "list the claims",
  flags: NETWORK_FLAGS,
  result: z.object({ claims: z.array(claimSchema) }),
  async run(input) {
    const { database } = await readMirror(await openNetwork(input), input);
    const claims = [...(await claimsOf(database)).values()].map(toResult);
    await database.destroy();
    const rows = claims.map((claim) => [claim.claimId, claim.status, short(claim.claimant), ether(claim.bondWei)]);
    return { result: { claims }, text: table(["claim", "status", "claimant", "bond"], rows) };
  },
});

export const claimShow = defineCommand({
  path: ["claim", "show"],
  summary: "show one claim",
  args: [{ name: "<claim>", summary: "its id" }],
  flags: NETWORK_FLAGS,
  result: claimSchema,
  async run(input) {
    const claimId = hashArgument(input.args[0] ?? "", "claim");
    const { database } = await readMirror(await openNetwork(input), input);
    const claim = (await claimsOf(database)).get(claimId);
    await database.destroy();
    if (claim === undefined) throw new NotFoundError("claim", claimId);
    const result = toResult(claim);
    const rows = Object.entries(result).map(([key, value]) => [key, String(value ?? "-")]);
    return { result, text: table(["field", "value"], rows) };
  },
});

export const claimVerify = defineCommand({
  path: ["claim", "verify"],
  summary: "run what a claim is about and compare every bit; exit 1 when it is wrong",
  args: [{ name: "<claim>", summary: "its id" }],
  flags: [...WALLET_FLAGS, ...NETWORK_FLAGS],
  result: z.object({
    claimId: z.string(),
    right: z.boolean(),
    claimed: z.string(),
    computed: z.string(),
  }),
  async run(input) {
    const claimId = hashArgument(input.args[0] ?? "", "claim");
    const network = await openNetwork(input);
    const bench = await openWorkbench(network, input);
    try {
      const claim = (await claimsOf(bench.database)).get(claimId);
      if (claim?.traceRoot === undefined) throw new NotFoundError("revealed claim", claimId);
      const computed = traceRootOf(await bench.runs.get(claim));
      const right = computed === claim.traceRoot;
      const text = right ? `right: trace root ${computed}` : `wrong: claimed ${claim.traceRoot}, computed ${computed}`;
      return { result: { claimId, right, claimed: claim.traceRoot, computed }, text, exitCode: right ? 0 : 1 };
    } finally {
      await bench.close();
    }
  },
});

export const claimFinalize = defineCommand({
  path: ["claim", "finalize"],
  summary: "end a claim that survived its challenge window; anyone may",
  args: [{ name: "<claim>", summary: "its id" }],
  flags: [...WALLET_FLAGS, ...NETWORK_FLAGS],
  result: z.object({ claimId: z.string(), transaction: z.string(), gas: z.string() }),
  async run(input) {
    const claimId = hashArgument(input.args[0] ?? "", "claim");
    const network = await openNetwork(input);
    const sender = await openSender(input, network);
    const { database } = await readMirror(network, input);
    const claim = (await claimsOf(database)).get(claimId);
    await database.destroy();
    if (claim === undefined) throw new NotFoundError("claim", claimId);
    const call = { ...network.protocol.claims, functionName: "finalize", args: [preimageOf(claim)] };
    const receipt = await sender.send(`finalize:${claimId}`, call);
    const result = { claimId, transaction: receipt.transactionHash, gas: receipt.gasUsed.toString() };
    return { result, text: `final in ${result.transaction}` };
  },
});

function toResult(claim: Claim): z.infer<typeof claimSchema> {
  return {
    claimId: claim.claimId,
    status: claim.status,
    claimant: claim.claimant,
    programRoot: claim.programRoot,
    inputsRoot: claim.inputsRoot,
    steps: claim.steps,
    trace: claim.traceMode === DEFERRED ? "deferred" : "full",
    taskId: claim.taskId,
    traceRoot: claim.traceRoot ?? null,
    outputRoots: [...claim.outputRoots],
    bondWei: claim.bondWei.toString(),
    challengeUntil: claim.challengeUntil ?? null,
  };
}
