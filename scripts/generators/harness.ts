// Takes the entry to the on-chain reader of scalar programs into the node, so that `lockstep conformance` can run vectors
// through the libraries that referees are made of. The metadata at the end of the code, which changes with every comment,
// is cut off.
import { readFileSync } from "node:fs";
import type { GeneratedFile, Generator } from "./generator.ts";

const ARTIFACT = "artifacts/contracts/mocks/ScalarMachineHarness.sol/ScalarMachineHarness.json";
const FOLDER = "node/src/cli/conformance/generated";
const HEADER =
  "// Generated from contracts/mocks/ScalarMachineHarness.sol by scripts/generators/harness.ts; do not edit.\n";

export const harnessGenerator: Generator = {
  name: "harness",
  stage: "after-build",
  owns: [`${FOLDER}/*.ts`],
  outputs: () => [harnessFile(JSON.parse(readFileSync(ARTIFACT, "utf8")) as Artifact)],
};

export interface Artifact {
  abi: unknown[];
  /** Hex with prefix. */
  deployedBytecode: string;
}

/** The ABI and the runtime code as constants. */
export function harnessFile({ abi, deployedBytecode }: Artifact): GeneratedFile {
  const content = [
    HEADER,
    `export const scalarMachineHarnessAbi = ${JSON.stringify(abi, null, 2)} as const;\n\n`,
    `export const scalarMachineHarnessCode =\n  "${withoutMetadata(deployedBytecode)}";\n`,
  ];
  return { path: `${FOLDER}/scalar-machine-harness.ts`, content: content.join("") };
}

/** The code without the CBOR that solc appends, whose length stands in the last two bytes. */
export function withoutMetadata(code: string): string {
  const length = Number.parseInt(code.slice(-4), 16);
  const end = code.length - 2 * (length + 2);
  // The CBOR is a map of two or three entries; anything else is code.
  return /^a[1-3]64/.test(code.slice(end, end + 4)) ? code.slice(0, end) : code;
}
