// Tells Ponder which contracts to read, from where and into which database. All of it comes from the environment and the
// deployment file, so that one build serves every chain.
import { claimRegistryAbi, disputeGameAbi, programRegistryAbi, taskMarketAbi } from "@lockstep/node/abi";
import { createConfig } from "ponder";
import { fileURLToPath } from "node:url";
import { chooseDatabase } from "./database.ts";
import { LOCAL_CHAIN_ID, readSettings } from "./settings.ts";

// Vite, which Ponder runs in, ends the process at SIGTERM before Ponder could unlock its database: the next start would
// wait for half a minute.
for (const listener of process.listeners("SIGTERM")) {
  if (listener.name === "closeServerAndExit") process.off("SIGTERM", listener);
}

const settings = readSettings(process.env);
const abis = { claimRegistryAbi, disputeGameAbi, programRegistryAbi, taskMarketAbi };
const database = await chooseDatabase(settings, fileURLToPath(new URL(".", import.meta.url)), abis);
const { rpcUrl, deployment } = settings;
const { contracts, startBlock } = deployment;
const local = deployment.chainId === LOCAL_CHAIN_ID;
// A move's gas is in its receipt only.
const common = { chain: "chain", startBlock, includeTransactionReceipts: true } as const;

export default createConfig({
  database,
  chains: {
    chain: {
      id: deployment.chainId,
      rpc: rpcUrl,
      pollingInterval: local ? 250 : 1_000,
      // The cache is keyed by the chain's id: after a reset of a local chain it would answer with the old chain's events.
      disableCache: local,
    },
  },
  contracts: {
    ProgramRegistry: { ...common, abi: programRegistryAbi, address: contracts.ProgramRegistry },
    ClaimRegistry: { ...common, abi: claimRegistryAbi, address: contracts.ClaimRegistry },
    DisputeGame: { ...common, abi: disputeGameAbi, address: contracts.DisputeGame },
    TaskMarket: { ...common, abi: taskMarketAbi, address: contracts.TaskMarket },
  },
});
