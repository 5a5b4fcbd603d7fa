/**
 * The proofs of `lockstep dispute fuzz`: those of a verifier with a case, as they are committed to, shown and found, and what
 * an accuser without a case sends instead.
 */
import {
  bytesToHex,
  encodeAbiParameters,
  hexToBytes,
  keccak256,
  parseAbiParameters,
  parseEventLogs,
  type Hex,
  type TransactionReceipt,
} from "viem";
import {
  claimViewOf,
  encodeProof,
  nextAction,
  type Demand,
  type FraudProof,
  type Hex as ProofBytes,
  type Position,
  type Run,
} from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { below, type Random } from "../../float/directed.ts";
import { encodeChecked } from "../../roles/verifier.ts";
import type { FuzzChain, Party } from "./chain.ts";
import type { FuzzLie } from "./lies.ts";

/** A revealed claim. */
export interface Claimed {
  readonly claimId: Hex;
  readonly traceRoot: Hex;
  readonly bondWei: bigint;
  readonly challengeUntil: number;
}

// What the contracts call the states of a claim.
export const REVEALED = 2;
export const FINAL = 3;
export const SLASHED = 4;

/** The bytes of a proof that the referee in TypeScript took. */
export function checked({ traceRoot }: Claimed, lying: Run, fraud: FraudProof): ProofBytes {
  return encodeChecked({ ...claimViewOf(lying), traceRoot }, fraud);
}

/** Commits to a proof and shows it then. */
export async function proveCommitted(
  chain: FuzzChain,
  claimed: Claimed,
  { kind }: FraudProof,
  bytes: ProofBytes,
  salt: Hex,
): Promise<TransactionReceipt> {
  const { game } = chain.protocol;
  const valueWei = await chain.read<bigint>({ ...game, functionName: "proofBondWei", args: [] });
  const commitment = await commitmentOf(chain, claimed, "verifier", kind, bytes, salt);
  const args = [claimed.claimId, commitment];
  await chain.send("verifier", { ...game, functionName: "commitProof", args, valueWei });
  return chain.send("verifier", {
    ...game,
    functionName: "revealProof",
    args: [claimed.claimId, kind, bytes, salt],
  });
}

/** What a party commits to for a proof. */
export async function commitmentOf(
  { client, protocol, address }: FuzzChain,
  { claimId }: Claimed,
  party: Party,
  kind: number,
  bytes: ProofBytes,
  salt: Hex,
): Promise<Hex> {
  const types = parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32");
  const chainId = BigInt(await client.getChainId());
  const values = [chainId, protocol.game.address, claimId, address(party), salt, kind, keccak256(bytes)] as const;
  return keccak256(encodeAbiParameters(types, values));
}

/** The proof that slashed the claim names the lie and nothing else. */
export function expectFault({ protocol }: FuzzChain, { logs }: TransactionReceipt, lie: FuzzLie): void {
  const [proven] = parseEventLogs({ abi: protocol.game.abi, eventName: "FraudProven", logs });
  if (proven === undefined) throw new FuzzFailure("lie", "no fraud was proven");
  const { kind, step, primitive, element, claimed, computed } = proven.args;
  const found = `kind ${kind}, step ${step}, primitive ${primitive}, element ${element}`;
  if (lie.place === "flaw") {
    if (kind !== 3) throw new FuzzFailure("lie", `${found} was proven of an invalid program`);
    return;
  }
  const { tamper } = lie;
  const told = "item" in tamper ? tamper.item : tamper.primitive;
  const isThere = step === tamper.step && primitive === told;
  const isExact =
    "item" in tamper ? kind === 1 : element === tamper.element && (claimed ^ computed) >>> 0 === tamper.xor;
  if (!isThere || !isExact) throw new FuzzFailure("lie", `${found} was proven of ${JSON.stringify(tamper)}`);
}

/** Throws FuzzFailure for a claim in another state. */
export async function expectStatus(
  { protocol, read }: FuzzChain,
  { claimId }: Claimed,
  status: number,
  reason: string,
) {
  const found = await read<number>({ ...protocol.claims, functionName: "statusOf", args: [claimId] });
  if (found !== status) throw new FuzzFailure(status === SLASHED ? "lie" : "honest", `${reason} (status ${found})`);
}

// --- What an accuser without a case sends ---

/** A proof of another claim with some bytes changed, or bytes of no meaning. */
export function garbageProof(random: Random, stolen: FraudProof | null): { kind: number; bytes: ProofBytes } {
  if (stolen !== null && below(random, 3) > 0) {
    const bytes = hexToBytes(encodeProof(stolen));
    for (let change = 1 + below(random, 4); change > 0; change--)
      bytes[below(random, bytes.length)] ^= 1 << below(random, 8);
    return { kind: stolen.kind, bytes: bytesToHex(bytes) };
  }
  const bytes = Uint8Array.from({ length: below(random, 600) }, () => random());
  return { kind: below(random, 5), bytes: bytesToHex(bytes) };
}

/** Arguments of a demand for a node that was not opened, or for a right one elsewhere. */
export function wrongDemand(random: Random, { traceRoot }: Claimed, challengeId: Hex, honest: Run): readonly unknown[] {
  const action = nextAction(honest, keccak256(traceRoot), []) as { demand: Demand };
  const { node, position, path, shown } = action.demand;
  const changed: Position = { ...position, index: position.index + 1 + below(random, 9) };
  return below(random, 2) === 0
    ? [challengeId, node, position, path, shown]
    : [challengeId, traceRoot, changed, path, shown];
}

/** A lie went unpunished (`lie`), or an honest party lost something (`honest`). */
export class FuzzFailure extends LockstepError {
  readonly side: "lie" | "honest";
  constructor(side: "lie" | "honest", reason: string) {
    super("FuzzFailure", reason, { side });
    this.side = side;
  }
}
