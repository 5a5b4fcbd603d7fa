// Deploys the contracts to the chain of RPC_URL with the key in DEPLOYER_KEY and writes where they are:
//   node scripts/deploy.ts [--network local] [--out deployments/<chainId>.json] [--parameters <ignition parameters file>]
// Running it again changes nothing while the contracts are there; a deployment that broke off is taken up where it was
// (on a local chain: made anew). Prints the file's content on stdout, all else on stderr.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import type { Address } from "viem";

import hardhatConfig from "../hardhat.config.ts";
import lockstep from "../ignition/modules/Lockstep.ts";

const ROOT = join(import.meta.dirname, "..");
const LOCAL_CHAIN_ID = 31_337;

/** What node, indexer and dashboard read: names of contracts and the block before the first of them. */
interface Deployment {
  chainId: number;
  startBlock: number;
  contracts: Record<string, Address>;
}

interface Options {
  network: string;
  out?: string;
  parameters?: string;
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
  const written = readDeployment(out);
  if (written?.chainId === chainId && (await allThere(written, (address) => client.getCode({ address })))) {
    console.error(`Deployed before: ${out}`);
    return written;
  }

  await plain.tasks.getTask("build").run({ quiet: true });
  // A local chain may have forgotten what a journal of an earlier run says.
  const isLocal = chainId === LOCAL_CHAIN_ID;
  const journals = isLocal ? temporaryJournals : join(ROOT, "ignition");
  const hre = await createHardhatRuntimeEnvironment(
    { ...hardhatConfig, paths: { ...hardhatConfig.paths, ignition: journals } },
    {},
    ROOT,
  );
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

/** The block of the first attempt, kept beside the journal of a deployment that may break off. */
function firstBlock(journal: string, current: number): number {
  const path = join(journal, "start-block");
  const kept = readIfThere(path);
  if (kept !== undefined) return Number(kept);
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

function readDeployment(path: string): Deployment | undefined {
  const text = readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as Deployment);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function writeAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}

const { values } = parseArgs({
  options: {
    network: { type: "string", default: "local" },
    out: { type: "string" },
    parameters: { type: "string" },
  },
});
await main(values);
