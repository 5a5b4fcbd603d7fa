/**
 * The chain of `lockstep up`: anvil with the rules of mainnet (Osaka, the transaction gas cap) and one-second blocks, or
 * `hardhat node` where anvil has no binary. Time is never warped.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { createPublicClient, http, type PublicClient } from "viem";
import { mnemonicToAccount, type HDAccount } from "viem/accounts";
import { LockstepError } from "../../float/errors.ts";
import type { ProcessOptions } from "./processes.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../../..");

/** Chain id of local chains. */
export const LOCAL_CHAIN_ID = 31_337;

// The mnemonic that every development chain starts with. Public: accounts made from it hold nothing anywhere else.
const DEVELOPMENT_MNEMONIC = "test test test test test test test test test test test junk";

/** The funded account that deploys, funds the nodes and asks for work on a local chain. */
export function developmentAccount(index = 0): HDAccount {
  return mnemonicToAccount(DEVELOPMENT_MNEMONIC, { addressIndex: index });
}

/** How to start the chain; its blocks are kept in `stateFile` across stops where the program can. */
export function chainProcess(port: number, stateFile: string): ProcessOptions {
  const anvil = anvilBinary();
  if (anvil === undefined) {
    const args = [hardhat(), "node", "--network", "localNode", "--hostname", "127.0.0.1", "--port", String(port)];
    return { name: "chain", command: process.execPath, args, workingDirectory: REPOSITORY };
  }
  const args = ["--host", "127.0.0.1", "--port", String(port), "--chain-id", String(LOCAL_CHAIN_ID)];
  args.push("--hardfork", "osaka", "--enable-tx-gas-limit", "--block-time", "1");
  // Saved every few seconds, so that a crash of the whole costs a few blocks at most.
  args.push("--state", stateFile, "--state-interval", "5", "--preserve-historical-states", "--quiet");
  return { name: "chain", command: anvil, args };
}

/** A chain that makes a block for each transaction and keeps nothing: for commands that move its clock by hand. */
export function instantChainProcess(port: number): ProcessOptions {
  const anvil = anvilBinary();
  if (anvil === undefined) return chainProcess(port, "");
  const args = ["--host", "127.0.0.1", "--port", String(port), "--chain-id", String(LOCAL_CHAIN_ID)];
  args.push("--hardfork", "osaka", "--enable-tx-gas-limit", "--quiet");
  return { name: "chain", command: anvil, args };
}

/** Waits until the endpoint answers. */
export async function connect(rpcUrl: string, timeoutMilliseconds = 30_000): Promise<PublicClient> {
  const client = createPublicClient({ transport: http(rpcUrl), pollingInterval: 250 });
  const deadline = Date.now() + timeoutMilliseconds;
  for (;;) {
    try {
      await client.getChainId();
      return client;
    } catch (cause) {
      if (Date.now() > deadline) throw new EndpointSilentError(rpcUrl, cause);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

// The command line of the Hardhat that npm installed; its configuration is the repository's.
function hardhat(): string {
  return join(dirname(createRequire(import.meta.url).resolve("hardhat/package.json")), "dist", "src", "cli.js");
}

function anvilBinary(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve("@foundry-rs/anvil-linux-amd64/package.json");
    const path = join(dirname(manifest), "bin", "anvil");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined; // the optional package is not installed on this system
  }
}

/** An endpoint does not answer. */
export class EndpointSilentError extends LockstepError {
  constructor(rpcUrl: string, cause: unknown) {
    super("EndpointSilentError", `No answer from ${rpcUrl}`, { rpcUrl }, { cause });
  }
}
