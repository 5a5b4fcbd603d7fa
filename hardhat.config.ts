// The Hardhat project of the contracts. Every profile compiles with the same settings: the referee does not compile
// without viaIR, and fewer optimizer runs cost a quarter more gas. The compiler is the one npm installed; nothing is
// downloaded. RPC_URL and DEPLOYER_KEY choose the chain and the account of the `local` network.
import { createRequire } from "node:module";
import toolboxViem from "@nomicfoundation/hardhat-toolbox-viem";
import { defineConfig } from "hardhat/config";

const compiler = {
  version: "0.8.37",
  path: createRequire(import.meta.url).resolve("solc/soljson.js"),
  settings: { evmVersion: "osaka", viaIR: true, optimizer: { enabled: true, runs: 1_000_000 } },
};
const deployerKey = process.env.DEPLOYER_KEY;

export default defineConfig({
  plugins: [toolboxViem],
  solidity: { profiles: { default: compiler, production: compiler } },
  paths: { sources: "contracts", tests: { nodejs: "test/contracts" } },
  networks: {
    default: { type: "edr-simulated", chainType: "l1", hardfork: "osaka" },
    // What `hardhat node` serves where there is no anvil: a block every second, so that time passes.
    localNode: {
      type: "edr-simulated",
      chainType: "l1",
      hardfork: "osaka",
      chainId: 31_337,
      mining: { auto: false, interval: 1_000 },
    },
    local: {
      type: "http",
      chainType: "l1",
      url: process.env.RPC_URL ?? "http://127.0.0.1:8545",
      accounts: deployerKey === undefined ? "remote" : [deployerKey],
    },
  },
});
