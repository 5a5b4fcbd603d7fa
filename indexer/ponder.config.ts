// Tells Ponder which contracts to read, from where and into which database. All of it comes from the environment and the
// deployment file, so that one build serves every chain.
import { claimRegistryAbi, disputeGameAbi, programRegistryAbi, taskMarketAbi } from "@lockstep/node/abi";
import { createConfig } from "ponder";
import { LOCAL_CHAIN_ID, readSettings } from "./src/deployment.ts";

const { rpcUrl, deployment, database } = readSettings(process.env);
const local = deployment.chainId === LOCAL_CHAIN_ID;
const { contracts, startBlock } = deployment;
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
