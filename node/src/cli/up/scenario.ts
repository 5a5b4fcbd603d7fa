/**
 * What a new local network does first: two programs are registered, two tasks asked for, an honest solver's claim becomes
 * final, and a cheat's claim is walked down to its lie and slashed. Watches until both have ended and reads the
 * leaderboard from GraphQL.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { parseEther, type Hex } from "viem";
import { openDatabase, type NodeDatabase } from "../../chain/database.ts";
import { watchedContracts } from "../../chain/protocol.ts";
import { ChainReader, eventsOf } from "../../chain/reader.ts";
import { LockstepError } from "../../float/errors.ts";
import { importModel, parseModel } from "../../onnx/index.ts";
import { ContentStore } from "../../roles/content-store.ts";
import { chooseLie, lieText, type LieChoice } from "../../roles/lie.ts";
import type { ProgramOptions } from "../../roles/lower.ts";
import { Programs, type LoweredProgram } from "../../roles/programs.ts";
import { claimsOf, tasksOf, type Claim, type ClaimStatus } from "../../roles/views.ts";
import { queryLeaderboard } from "../commands/leaderboard.ts";
import { registerProgram } from "../commands/program.ts";
import { requestTask } from "../commands/task.ts";
import type { upResult } from "../commands/up.ts";
import { disputeOf, drawDispute, lieOf } from "../dispute-view.ts";
import { table } from "../format.ts";
import { readInputs } from "../tensors.ts";
import type { LocalNetwork } from "./local-network.ts";
import type { z } from "zod";

const EXAMPLES = resolve(import.meta.dirname, "../../../../examples");
// The network that runs in steps: a lie in it has steps, primitives and chunks to be found in.
const CHEATED = { model: "mlp/mlp.onnx", input: "mlp/state.npy", steps: 4 } as const;
const CHEATED_STATE = [{ input: "state", output: "next" }];
const PRICE = parseEther("5");
const TASK_SECONDS = 24 * 3600;

export interface ScenarioOptions {
  say(line: string): void;
  signal: AbortSignal;
  log: Logger;
}

export interface ScenarioOutcome {
  result: z.infer<typeof upResult>;
  text: string;
}

/** The lie as it will be told to the cheat; refuses one that is not in the program it will run. */
export function checkLie(choice: LieChoice): string {
  const model = parseModel(readFileSync(join(EXAMPLES, CHEATED.model)));
  chooseLie(choice, importModel(model, { state: CHEATED_STATE }).program, CHEATED.steps);
  return lieText(choice);
}

/** Asks for the first tasks, unless that was done before, and waits for the first verdict of each kind. */
export async function runScenario(network: LocalNetwork, options: ScenarioOptions): Promise<ScenarioOutcome> {
  const { say, signal, log } = options;
  const { client, protocol, deployment } = network;
  const database = await openDatabase(":memory:");
  const contracts = watchedContracts(protocol);
  const reader = new ChainReader({ client, database, contracts, startBlock: deployment.startBlock, log });
  try {
    await reader.advance();
    const program = await requestWork(network, database, log);
    const claims = await watch(database, reader, network, { say, signal });
    await indexed(network, claims, signal);
    return await conclude(network, database, program, claims);
  } finally {
    await database.destroy();
  }
}

async function requestWork(network: LocalNetwork, database: NodeDatabase, log: Logger): Promise<LoweredProgram> {
  const store = new ContentStore(join(network.home("requester"), "content"), log);
  const programs = new Programs({ database, store, log });
  const mlp = await addExample(programs, CHEATED.model, { dims: {}, state: CHEATED_STATE });
  const digits = await addExample(programs, "digits/digits.onnx", { dims: {}, state: [] });
  if ((await tasksOf(database)).size > 0) return mlp; // started again in the same folder
  const connection = { ...network, peers: [] };
  for (const program of [mlp, digits]) await registerProgram(connection, network.requester, program);
  const { honest, cheat } = network.accounts;
  const wishes = [
    { program: digits, input: "digits/samples/input-3.npy", steps: 1, solver: honest },
    { program: mlp, input: CHEATED.input, steps: CHEATED.steps, solver: cheat },
  ];
  for (const { program, input, steps, solver } of wishes) {
    const inputs = readInputs(program, [join(EXAMPLES, input)]);
    await requestTask(connection, network.requester, {
      program,
      inputs,
      steps,
      solver,
      price: PRICE,
      seconds: TASK_SECONDS,
    });
  }
  return mlp;
}

async function addExample(programs: Programs, path: string, options: ProgramOptions): Promise<LoweredProgram> {
  return programs.add(readFileSync(join(EXAMPLES, path)), options);
}

interface Verdicts {
  honest: Claim;
  dishonest: Claim;
}

async function watch(
  database: NodeDatabase,
  reader: ChainReader,
  network: LocalNetwork,
  { say, signal }: { say(line: string): void; signal: AbortSignal },
): Promise<Verdicts> {
  const seen = new Map<Hex, ClaimStatus>();
  let moves = 0;
  for (;;) {
    if (signal.aborted) throw new NoVerdictError(Object.fromEntries(seen));
    await reader.advance();
    const claims = [...(await claimsOf(database)).values()];
    for (const { claimId, claimant, status } of claims) {
      if (seen.get(claimId) === status) continue;
      seen.set(claimId, status);
      const who = claimant.toLowerCase() === network.accounts.cheat.toLowerCase() ? "cheat" : "honest";
      say(`claim      ${claimId.slice(0, 10)}… of the ${who} solver: ${status}`);
    }
    const walked = (await eventsOf(database, ["NodeDemanded", "NodeOpened", "StepOpened", "ChunkOpened"])).length;
    if (walked > moves) say(`dispute    ${walked} moves`);
    moves = walked;
    const honest = claims.find(({ status }) => status === "final");
    const dishonest = claims.find(({ status }) => status === "slashed");
    if (honest !== undefined && dishonest !== undefined) return { honest, dishonest };
    await sleep(250);
  }
}

// The index follows the chain by some blocks; the leaderboard is read when both verdicts are in it.
async function indexed(network: LocalNetwork, { honest, dishonest }: Verdicts, signal: AbortSignal): Promise<void> {
  for (;;) {
    const entries = await queryLeaderboard(network.graphql, 20);
    const of = (claim: Claim) => entries.find(({ account }) => account.toLowerCase() === claim.claimant.toLowerCase());
    if ((of(honest)?.finalClaims ?? 0) > 0 && (of(dishonest)?.slashed ?? 0) > 0) return;
    if (signal.aborted) throw new NoVerdictError({ leaderboard: JSON.stringify(entries) });
    await sleep(250);
  }
}

async function conclude(
  network: LocalNetwork,
  database: NodeDatabase,
  mlp: LoweredProgram,
  { honest, dishonest }: Verdicts,
): Promise<ScenarioOutcome> {
  const { client, rpc } = network;
  const view = await disputeOf(client, database, dishonest.claimId);
  if (view.fraud === undefined) throw new NoVerdictError({ [dishonest.claimId]: "slashed without a proof" });
  const lie = lieOf(mlp.program, view.fraud);
  const leaderboard = await queryLeaderboard(network.graphql, 20);
  const honestEvents = ["ClaimCommitted", "ClaimRevealed", "ClaimFinalized"];
  const txs = (await eventsOf(database, honestEvents, { claimId: honest.claimId })).map(
    (event) => event.transactionHash,
  );
  const result = {
    chain: { id: await client.getChainId(), rpc },
    honest: { claimId: honest.claimId, status: honest.status, txs },
    dishonest: {
      claimId: dishonest.claimId,
      status: dishonest.status,
      rounds: view.rounds,
      gas: view.gas.toString(),
      moves: view.moves,
      lie,
    },
    leaderboard,
  };
  const rows = leaderboard.map((one) => [String(one.rank), one.account, String(one.finalClaims), String(one.slashed)]);
  const text = [
    "",
    `honest claim ${honest.claimId}: ${honest.status}`,
    `dishonest claim ${dishonest.claimId}: ${dishonest.status}`,
    "",
    `The dispute, ${view.rounds} rounds:`,
    drawDispute(view, lie),
    "",
    "The leaderboard, as GraphQL returned it:",
    table(["rank", "account", "final claims", "slashed"], rows),
  ].join("\n");
  return { result, text };
}

/** Time or patience ran out before both claims had ended. */
export class NoVerdictError extends LockstepError {
  constructor(seen: Record<string, string>) {
    super("NoVerdictError", "The claims had not ended when the time was over; see the logs", { seen });
  }
}
