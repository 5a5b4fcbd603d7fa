// Deploys the contracts to the chain of RPC_URL with the key in DEPLOYER_KEY and writes where they are:
//   node scripts/deploy.ts [--network local] [--out deployments/<chainId>.json] [--parameters <ignition parameters file>]
//     [--rules osaka|prague]
// Running it again changes nothing while the contracts are there; a deployment that broke off is taken up where it was
// (on a local chain: made anew). The chain is asked whether it has the CLZ opcode; without it, or with --rules prague, the
// contracts are compiled without it. Prints the file's content on stdout, all else on stderr.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import { readDeployment, type Deployment } from "@lockstep/node/chain/deployment";
import { LockstepError } from "@lockstep/node/float/errors";
import type { Address } from "viem";

import hardhatConfig from "../hardhat.config.ts";
import lockstep from "../ignition/modules/Lockstep.ts";
import { chooseRules, isRules, RULES, type Rules } from "./rules.ts";
import { configWithoutClz } from "./without-clz.ts";

const ROOT = join(import.meta.dirname, "..");
const LOCAL_CHAIN_ID = 31_337;

interface Options {
  network: string;
  out?: string;
  parameters?: string;
  rules?: Rules;
}

async function main(options: Options): Promise<void> {
  const journals = mkdtempSync(join(tmpdir(), "lockstep-deploy-"));
  try {
    const deployment = await deploy(options, journals);
    console.log(JSON.stringify(deployment, null, 2));
  } finally {
    rmSync(journals, { recursive: true });
  }
}

/** Deploys what is not there yet and writes the file. */
async function deploy(options: Options, temporaryJournals: string): Promise<Deployment> {
  const plain = await createHardhatRuntimeEnvironment(hardhatConfig, {}, ROOT);
  const { viem } = await plain.network.create({ network: options.network });
  const client = await viem.getPublicClient();
  const chainId = await client.getChainId();
  const out = options.out ?? join(ROOT, "deployments", `${chainId}.json`);
  const written = existsSync(out) ? readDeployment(out) : undefined;
  if (written !== undefined && written.chainId !== chainId) throw new OtherChainError(out, written.chainId, chainId);
  if (written !== undefined && (await allThere(written, (address) => client.getCode({ address })))) {
    console.error(`Deployed before: ${out}`);
    return written;
  }
  if (options.parameters !== undefined && !existsSync(options.parameters)) {
    throw new ParametersMissingError(options.parameters);
  }

  const rules = await chooseRules(client, options.rules);
  console.error(`Rules: ${rules}`);
  const config = rules === "osaka" ? hardhatConfig : configWithoutClz(hardhatConfig, ROOT);
  // A local chain may have forgotten what a journal of an earlier run says.
  const isLocal = chainId === LOCAL_CHAIN_ID;
  const journals = isLocal ? temporaryJournals : join(ROOT, "ignition");
  const hre = await createHardhatRuntimeEnvironment(
    { ...config, paths: { ...config.paths, ignition: journals } },
    {},
    ROOT,
  );
  await build(() => hre.tasks.getTask("build").run({ quiet: true }));
  const startBlock = firstBlock(
    join(journals, "deployments", `chain-${chainId}`),
    Number(await client.getBlockNumber()),
  );
  const { ignition } = await hre.network.create({ network: options.network });
  const deployed = await ignition.deploy(lockstep, {
    parameters: options.parameters ?? (isLocal ? join(ROOT, "ignition", "parameters", "local.json") : {}),
    // A local chain does not re-organise.
    config: isLocal ? { requiredConfirmations: 1, blockPollingInterval: 100 } : {},
  });
  const deployment: Deployment = {
    chainId,
    startBlock,
    contracts: {
      Token: deployed.token.address,
      ProgramRegistry: deployed.programRegistry.address,
      ClaimRegistry: deployed.claimRegistry.address,
      Referee: deployed.referee.address,
      StructureReferee: deployed.structureReferee.address,
      DisputeGame: deployed.disputeGame.address,
      TaskMarket: deployed.taskMarket.address,
    },
  };
  writeAtomically(out, `${JSON.stringify(deployment, null, 2)}\n`);
  console.error(`Deployed: ${out}`);
  return deployment;
}

/** Builds; again where another build in this checkout wrote the compiler's cache at the same moment. */
async function build(run: () => Promise<unknown>): Promise<void> {
  for (let left = 5; ; left--) {
    try {
      await run();
      return;
    } catch (error) {
      if (left === 0 || !(error instanceof Error && error.message.includes("compile-cache.json"))) throw error;
      await sleep(200);
    }
  }
}

/** The block of the first attempt, kept beside the journal of a deployment that may break off. */
function firstBlock(journal: string, current: number): number {
  const path = join(journal, "start-block");
  if (existsSync(path)) return Number(readFileSync(path, "utf8"));
  writeAtomically(path, String(current));
  return current;
}

async function allThere(
  deployment: Deployment,
  codeOf: (address: Address) => Promise<string | undefined>,
): Promise<boolean> {
  const codes = await Promise.all(Object.values(deployment.contracts).map(codeOf));
  return codes.every((code) => code !== undefined);
}

function writeAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}

function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      network: { type: "string", default: "local" },
      out: { type: "string" },
      parameters: { type: "string" },
      rules: { type: "string" },
    },
  });
  const { rules, ...others } = values;
  if (rules === undefined) return others;
  if (!isRules(rules)) throw new TypeError(`--rules is one of ${RULES.join(", ")}, not ${rules}`);
  return { ...others, rules };
}

/** The file to write describes another chain than the endpoint's. */
class OtherChainError extends LockstepError {
  constructor(path: string, written: number, chainId: number) {
    const message = `${path} describes chain ${written}, RPC_URL answers for chain ${chainId}: choose another --out`;
    super("OtherChainError", message, { path, written, chainId });
  }
}

/** The file named by --parameters is not there. */
class ParametersMissingError extends LockstepError {
  constructor(path: string) {
    super("ParametersMissingError", `No parameters file at ${path}`, { path });
  }
}

/** A usage error ends with 2, any other with 1. */
async function run(): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
  try {
    await main(options);
    return 0;
  } catch (error) {
    console.error(error instanceof LockstepError ? `${error.name}: ${error.message}` : error);
    return 1;
  }
}

process.exitCode = await run();
