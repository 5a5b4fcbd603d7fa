/** `lockstep node`: the daemon, and the key it works with. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAddress, type Address } from "viem";
import { z } from "zod";
import { sharedHost } from "../../host/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { parseLie } from "../../roles/lie.ts";
import { startDaemon } from "../../roles/daemon.ts";
import type { NodeContext, Role } from "../../roles/node-context.ts";
import { createSolver } from "../../roles/solver.ts";
import { createVerifier } from "../../roles/verifier.ts";
import { createWatchtower } from "../../roles/watchtower.ts";
import { amount, defineCommand, integer, list, OptionError, requiredText, text, type Input } from "../command.ts";
import { NETWORK_FLAGS, openNetwork } from "../network.ts";
import { homeOf, openAccount, WALLET_FLAGS } from "../wallet.ts";

const ROLES = ["solver", "verifier", "watchtower"] as const;

// Of a verifier alone.
const DEMAND_OPTIONS = [
  ["demand-chunks", "demandChunks"],
  ["demand-deposits", "demandDeposits"],
  ["demand-deposits-each", "demandDepositsEach"],
] as const;

/** What a started node writes to `<home>/node.json`. */
export const nodeFile = z.object({
  role: z.enum(ROLES),
  account: z.string(),
  addresses: z.array(z.string()),
  pid: z.int(),
});

export const nodeStart = defineCommand({
  path: ["node", "start"],
  summary: "run a node until it is stopped",
  flags: [
    { flag: "--role <role>", summary: `what it does: ${ROLES.join(", ")}` },
    ...WALLET_FLAGS,
    ...NETWORK_FLAGS,
    {
      flag: "--listen <multiaddr>",
      summary: "where peers reach it, e.g. /ip4/0.0.0.0/tcp/4001; repeatable",
      repeat: true,
    },
    { flag: "--peer <multiaddr>", summary: "a peer to stay connected to, with its /p2p/ id; repeatable", repeat: true },
    { flag: "--bond <wei>", summary: "solver: wei locked with each claim (default: the registry's least)" },
    {
      flag: "--trace <mode>",
      summary: "solver: what its claims commit to: full (the default), or deferred (the state of each step alone)",
    },
    {
      flag: "--operator <account>",
      summary: "solver: a watchtower's account, which may answer for a deferred trace too (default: none)",
    },
    { flag: "--least-price <amount>", summary: "solver: least price it works for (default: 0)" },
    {
      flag: "--lie <lie>",
      summary: "solver or verifier: cheat: run with primitive:element:xor[:step], random or random:seed",
    },
    {
      flag: "--demand-chunks <count>",
      summary: "verifier: most chunks of withheld inputs and weights it demands under the clock (default: 8)",
    },
    {
      flag: "--demand-deposits <count>",
      summary:
        "verifier: most deposits at risk in a day for such words, half of them for claims of tasks (default: 64)",
    },
    {
      flag: "--demand-deposits-each <count>",
      summary: "verifier: most deposits at risk in a day for such words of one claimant (default: 8)",
    },
    { flag: "--walk-only", summary: "verifier: dispute move by move even where the claimant serves its trace" },
  ],
  examples: [
    "lockstep node start --role verifier --home ~/.lockstep/verifier --rpc https://rpc.example.org --deployment deployments/1.json",
  ],
  result: nodeFile,
  async run(input) {
    const role = roleOf(requiredText(input, "role"));
    const rolesOf = roleFactory(role, input);
    const home = homeOf(input);
    const network = await openNetwork(input);
    const account = await openAccount(input);
    const daemon = await startDaemon(
      {
        home,
        client: network.client,
        deployment: network.deployment,
        account,
        listen: list(input, "listen").length > 0 ? list(input, "listen") : ["/ip4/127.0.0.1/tcp/0"],
        peers: [...network.peers, ...list(input, "peer")],
        engine: sharedHost().engine,
        log: input.log,
      },
      rolesOf,
    );
    const started = { role, account: account.address, addresses: [...daemon.addresses], pid: process.pid };
    writeAtomically(join(home, "node.json"), JSON.stringify(started));
    input.log.info(started, "node started");
    await aborted(input.signal);
    await daemon.stop();
    return { result: started, text: "stopped" };
  },
});

export const nodeKey = defineCommand({
  path: ["node", "key"],
  summary: "make the node's key, or show the account of the one it has",
  flags: [...WALLET_FLAGS, { flag: "--dir <folder>", summary: "folder of a local network", default: ".lockstep" }],
  result: z.object({ account: z.string(), home: z.string() }),
  async run(input) {
    const account = await openAccount(input, true);
    return { result: { account: account.address, home: homeOf(input) }, text: account.address };
  },
});

function roleOf(name: string): (typeof ROLES)[number] {
  const role = ROLES.find((one) => one === name);
  if (role === undefined) throw new OptionError("role", name, `one of ${ROLES.join(", ")}`);
  return role;
}

// Options are checked before anything is opened.
function roleFactory(role: (typeof ROLES)[number], input: Input): (context: NodeContext) => Role[] {
  const lie = text(input, "lie");
  if (lie !== undefined && role === "watchtower") throw new RoleOptionError("lie", role);
  const choice = lie === undefined ? undefined : parseLie(lie);
  if (choice?.kind === "drawn") input.log.warn({ seed: choice.seed }, "the lie is drawn from this seed");
  if (text(input, "operator") !== undefined && role !== "solver") throw new RoleOptionError("operator", role);
  if (text(input, "trace") !== undefined && role !== "solver") throw new RoleOptionError("trace", role);
  for (const [option, key] of DEMAND_OPTIONS) {
    if (text(input, key) !== undefined && role !== "verifier") throw new RoleOptionError(option, role);
  }
  const cheat = choice === undefined ? {} : { lie: choice };
  switch (role) {
    case "solver": {
      const bondWei = amount(input, "bond");
      const leastPrice = amount(input, "leastPrice");
      const trace = traceOf(input);
      const operator = accountOf(input, "operator");
      return (context) =>
        createSolver(context, {
          ...(bondWei === undefined ? {} : { bondWei }),
          ...(leastPrice === undefined ? {} : { leastPrice }),
          ...(trace === undefined ? {} : { trace }),
          ...(operator === undefined ? {} : { operator }),
          ...cheat,
        });
    }
    case "verifier": {
      const demandedChunks = integer(input, "demandChunks", 0, 65_536);
      const all = integer(input, "demandDeposits", 0, 65_536);
      const each = integer(input, "demandDepositsEach", 0, 65_536);
      const depositBudget = { ...(all === undefined ? {} : { all }), ...(each === undefined ? {} : { each }) };
      const walkOnly = input.flags["walkOnly"] === true;
      return (context) => [
        createVerifier(context, {
          walkOnly,
          depositBudget,
          ...(demandedChunks === undefined ? {} : { demandedChunks }),
          ...cheat,
        }),
      ];
    }
    case "watchtower":
      return (context) => [createWatchtower(context, {})];
  }
}

function accountOf(input: Input, key: string): Address | undefined {
  const value = text(input, key);
  if (value === undefined || isAddress(value, { strict: false })) return value;
  throw new OptionError(key, value, "an address");
}

function traceOf(input: Input): "full" | "deferred" | undefined {
  const mode = text(input, "trace");
  if (mode === undefined || mode === "full" || mode === "deferred") return mode;
  throw new OptionError("trace", mode, "full or deferred");
}

function writeAtomically(path: string, content: string): void {
  writeFileSync(`${path}.part`, content, { mode: 0o600 });
  renameSync(`${path}.part`, path);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** An option belongs to another role. */
export class RoleOptionError extends LockstepError {
  constructor(option: string, role: string) {
    super("RoleOptionError", `--${option} is not for the role ${role}`, { option, role });
  }
}
