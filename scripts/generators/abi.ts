// Turns the artifacts of the project's own contracts into TypeScript constants, so that viem types every call, event and
// error. Takes the contracts in files directly under contracts/, in which what libraries and interfaces declare shows, and
// the token of test networks.
import { globSync, readFileSync } from "node:fs";
import type { GeneratedFile, Generator } from "./generator.ts";

const FOLDER = "node/src/abi";
const HEADER = "// Generated from the contracts by scripts/generators/abi.ts; do not edit.\n";

export const abiGenerator: Generator = {
  name: "abi",
  stage: "after-build",
  owns: [`${FOLDER}/*.ts`],
  outputs: () => {
    const paths = globSync(["artifacts/contracts/*.sol/*.json", "artifacts/contracts/mocks/TestToken.sol/*.json"]);
    return abiFiles(paths.map((path) => JSON.parse(readFileSync(path, "utf8")) as Artifact));
  },
};

export interface Artifact {
  contractName: string;
  abi: unknown[];
}

/** One file per contract that has an ABI, and an index of them, in the order of the contracts' names. */
export function abiFiles(artifacts: Artifact[]): GeneratedFile[] {
  const kept = artifacts.filter(({ abi }) => abi.length > 0).sort((a, b) => (a.contractName < b.contractName ? -1 : 1));
  const files = kept.map(({ contractName, abi }) => ({
    path: `${FOLDER}/${contractName}.ts`,
    content: `${HEADER}export const ${constantName(contractName)} = ${JSON.stringify(abi, null, 2)} as const;\n`,
  }));
  const lines = kept.map(({ contractName }) => `export { ${constantName(contractName)} } from "./${contractName}.ts";`);
  return [...files, { path: `${FOLDER}/index.ts`, content: `${HEADER}${lines.join("\n")}\n` }];
}

/** `TaskMarket` becomes `taskMarketAbi`, `ERC20Faucet` becomes `erc20FaucetAbi`. */
export function constantName(contractName: string): string {
  const head = /^[A-Z]+(?=[A-Z][a-z]|[^A-Za-z]|$)|^./.exec(contractName)?.[0] ?? "";
  return `${head.toLowerCase()}${contractName.slice(head.length)}Abi`;
}
