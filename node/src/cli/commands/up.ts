/** `lockstep up`: a whole network on this machine, with real processes and real time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { parseLie } from "../../roles/lie.ts";
import { defineCommand, integer, text } from "../command.ts";
import { lieSchema, moveSchema } from "../dispute-view.ts";
import { startLocalNetwork, type LocalNetwork } from "../up/local-network.ts";
import { checkLie, runScenario } from "../up/scenario.ts";
import { leaderboardEntry } from "./leaderboard.ts";

export const upResult = z.object({
  chain: z.object({ id: z.int(), rpc: z.string() }),
  honest: z.object({ claimId: z.string(), status: z.string(), txs: z.array(z.string()) }),
  dishonest: z.object({
    claimId: z.string(),
    status: z.string(),
    rounds: z.int(),
    gas: z.string(),
    moves: z.array(moveSchema),
    lie: lieSchema,
  }),
  leaderboard: z.array(leaderboardEntry),
});

// Drawn from a seed, so that everybody who tries it sees the same lie.
const DEFAULT_LIE = "random:1";
// Runs that step every model through a dispute end within this; a machine that needs longer is told so.
const ONCE_MILLISECONDS = 8 * 60_000;

export const up = defineCommand({
  path: ["up"],
  summary: "start a local network: chain, contracts, nodes, indexer; a cheat is caught before your eyes",
  flags: [
    { flag: "--once", summary: "stop after the first honest claim is final and the first dishonest one is slashed" },
    { flag: "--dir <folder>", summary: "where its state lives (default: .lockstep; with --once a temporary folder)" },
    { flag: "--port <port>", summary: "first of the ports it listens on (default: 8545; with --once free ones)" },
    { flag: "--lie <lie>", summary: "the cheat's lie: primitive:element:xor[:step], random or random:seed" },
  ],
  examples: ["npm start", "npm start -- --once --json", "npm start -- --once --lie random:7"],
  result: upResult,
  async run(input) {
    // Refused before anything is started.
    const lie = checkLie(parseLie(text(input, "lie") ?? DEFAULT_LIE));
    const port = integer(input, "port", 1024, 65_000);
    const once = input.flags["once"] === true;
    const given = text(input, "dir");
    const dir = resolve(given ?? (once ? mkdtempSync(join(tmpdir(), "lockstep-")) : ".lockstep"));
    const say = (line: string) => process.stderr.write(`${line}\n`);
    let network: LocalNetwork | undefined;
    try {
      say(`lie        ${lie}`);
      const options = { dir, port: port ?? (once ? 0 : 8545), lie, say, log: input.log, signal: input.signal };
      network = await startLocalNetwork(options);
      const timeout = once ? AbortSignal.timeout(ONCE_MILLISECONDS) : undefined;
      const signal = timeout === undefined ? input.signal : AbortSignal.any([input.signal, timeout]);
      const outcome = await Promise.race([runScenario(network, { say, signal, log: input.log }), network.failure]);
      if (!once) {
        say(`${outcome.text}\n\n${network.addresses()}\nRunning until it is stopped (Ctrl-C).`);
        await Promise.race([stopped(input.signal), network.failure]);
      }
      return { result: outcome.result, text: once ? `${outcome.text}\n\n${network.addresses()}` : "" };
    } finally {
      await network?.stop();
      if (once && given === undefined) rmSync(dir, { recursive: true, force: true });
    }
  },
});

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
