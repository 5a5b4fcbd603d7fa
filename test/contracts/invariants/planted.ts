// Bugs planted in the contracts, one at a time: each a text of a source and what takes its place. They are compiled as the
// project compiles, so that the play can show that it notices them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, posix } from "node:path";

import type { Hex } from "viem";

const ROOT = join(import.meta.dirname, "../../..");
const solc = createRequire(import.meta.url)("solc") as { compile: (input: string) => string };

export interface PlantedBug {
  name: string;
  contract: "ClaimRegistry" | "DisputeGame";
  /** Stands once in the contract's source. */
  from: string;
  to: string;
}

const inGame = (name: string, from: string, to: string): PlantedBug => ({ name, contract: "DisputeGame", from, to });
const inRegistry = (name: string, from: string, to: string): PlantedBug => ({
  name,
  contract: "ClaimRegistry",
  from,
  to,
});

export const PLANTED_BUGS: PlantedBug[] = [
  inGame("a fee is paid twice", "+ word.paidDemandsOf() * moveFeeWei", "+ 2 * word.paidDemandsOf() * moveFeeWei"),
  inGame(
    "an answer gives the claimant its time back",
    "Clock.used(word.turnStartedOf(), word.claimantUsedOf(), block.timestamp)",
    "Clock.used(word.turnStartedOf(), 0, block.timestamp)",
  ),
  inGame(
    "a demand gives the challenger its time back",
    "Clock.used(word.turnStartedOf(), word.challengerUsedOf(), block.timestamp)",
    "Clock.used(word.turnStartedOf(), 0, block.timestamp)",
  ),
  inGame("a lost challenge keeps its share of the bond", "dispute.paidDemands -= uint24(word.paidDemandsOf());", ""),
  inGame("a refunded challenge stays counted", "_disputes[claimId].openChallenges -= 1;", ""),
  inGame("a nonce serves twice", "if (stored.word != 0) revert ChallengeExists(challengeId);", ""),
  inGame(
    "anyone posts the scratch root",
    "msg.sender != claim.claimant && msg.sender != claim.terms.operator",
    "false",
  ),
  inGame("another root is posted", "if (posted != 0) revert PostedRootMismatch(posted, scratchRoot);", ""),
  inGame("the clock runs out a second early", "if (block.timestamp <= deadline)", "if (block.timestamp < deadline)"),
  inGame("any later reveal takes the bounty", "sequence >= bounty.sequence", "sequence == bounty.sequence"),
  inRegistry("a claim is final with challenges open", "if (open != 0) revert ChallengesOpen(claimId, open);", ""),
  inRegistry("a claim is final before its time", "block.timestamp <= finalAfter", "block.timestamp + 3 <= finalAfter"),
  inRegistry(
    "an audit's fee comes from nowhere",
    "_credit(claimant, bondWei - feeWei);",
    "_credit(claimant, bondWei);",
  ),
];

/** The creation code of a contract with a bug, or as it is. Throws where the text does not stand there once. */
export function compileWith(contract: PlantedBug["contract"], bug: PlantedBug | null): Hex {
  const file = `contracts/${contract}.sol`;
  const sources: Record<string, { content: string }> = {};
  const add = (path: string): void => {
    if (path in sources) return;
    let content = readFileSync(join(ROOT, path), "utf8");
    if (path === file && bug !== null) content = plant(content, bug);
    sources[path] = { content };
    for (const [, imported] of content.matchAll(/from "(\.[^"]+)";/g)) add(posix.join(posix.dirname(path), imported));
  };
  add(file);
  const settings = {
    evmVersion: "osaka",
    viaIR: true,
    optimizer: { enabled: true, runs: 1_000_000 },
    outputSelection: { [file]: { [contract]: ["evm.bytecode.object"] } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings }))) as {
    errors?: { severity: string; formattedMessage: string }[];
    contracts?: Record<string, Record<string, { evm: { bytecode: { object: string } } }>>;
  };
  const error = output.errors?.find(({ severity }) => severity === "error");
  if (error !== undefined) throw new Error(error.formattedMessage);
  return `0x${output.contracts?.[file][contract].evm.bytecode.object}`;
}

function plant(content: string, { name, from, to }: PlantedBug): string {
  const parts = content.split(from);
  if (parts.length !== 2) throw new Error(`${name}: the text stands ${parts.length - 1} times in the source`);
  return parts.join(to);
}
