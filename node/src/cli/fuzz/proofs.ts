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
  checkProof,
  claimViewOf,
  decodeProof,
  encodeProof,
  FRAUD,
  type FraudProof,
  type Hex as ProofBytes,
  type Run,
} from "../../engine/index.ts";
import { below, type Random } from "../../float/directed.ts";
import { provenStep } from "../../roles/players/index.ts";
import type { FuzzChain, Party } from "./chain.ts";
import { FuzzFailure, type Claimed } from "./claims.ts";
import type { FuzzLie } from "./lies.ts";

/** Of commitments without a challenge. */
export const NO_CHALLENGE = 0n;

/** The bytes of a proof that the referee in TypeScript took, as it will see the claim. */
export async function checked(
  { protocol, read }: FuzzChain,
  { claim, claimId }: Claimed,
  lying: Run,
  fraud: FraudProof,
): Promise<ProofBytes> {
  const bytes = encodeProof(fraud);
  const sent = decodeProof(fraud.kind, bytes);
  if (sent.kind === FRAUD.badRecord) return bytes;
  const step = provenStep(fraud);
  const posted = { ...protocol.game, functionName: "scratchRootOf", args: [claimId, step] };
  const { inputsRoot } = claim.terms;
  const root = lying.trace === "deferred" ? { step, root: await read<Hex>(posted) } : undefined;
  checkProof({ ...claimViewOf(lying, root), inputsRoot }, sent);
  return bytes;
}

/** A proof as it is shown. */
export interface ShownProof {
  readonly kind: number;
  readonly bytes: ProofBytes;
  /** Whose posted scratch root it stands on, of a deferred trace. */
  readonly step: number;
}

/** Commits to a proof, for a challenge of the verifier or for none, and shows it then. */
export async function proveCommitted(
  chain: FuzzChain,
  claimed: Claimed,
  proof: ShownProof,
  nonce: bigint,
  salt: Hex,
): Promise<TransactionReceipt> {
  const { game } = chain.protocol;
  await commit(chain, claimed, "verifier", proof, nonce, salt);
  const args = [claimed.claim, proof.kind, proof.bytes, proof.step, salt];
  return chain.send("verifier", { ...game, functionName: "revealProof", args });
}

/** Commits to a proof; the commitment. */
export async function commit(
  chain: FuzzChain,
  { claimId }: Claimed,
  party: Party,
  { kind, bytes }: ShownProof,
  nonce: bigint,
  salt: Hex,
): Promise<Hex> {
  const { chainId, protocol, address, constant } = chain;
  const { game } = protocol;
  const types = parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32");
  const values = [BigInt(chainId), game.address, claimId, address(party), salt, kind, keccak256(bytes)] as const;
  const commitment = keccak256(encodeAbiParameters(types, values));
  const valueWei = await constant<bigint>({ ...game, functionName: "proofBondWei", args: [] });
  const args = [claimId, nonce, commitment];
  await chain.send(party, { ...game, functionName: "commitProof", args, valueWei });
  return commitment;
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
  if (lie.place === "input") {
    // Whatever read it first: a primitive, or a slot that starts as that input.
    if (kind > 1) throw new FuzzFailure("lie", `${found} was proven of a wrong input`);
    return;
  }
  const { tamper } = lie;
  const told = "item" in tamper ? tamper.item : tamper.primitive;
  const isThere = step === tamper.step && primitive === told;
  const isExact =
    "item" in tamper ? kind === 1 : element === tamper.element && (claimed ^ computed) >>> 0 === tamper.xor;
  if (!isThere || !isExact) throw new FuzzFailure("lie", `${found} was proven of ${JSON.stringify(tamper)}`);
}

/** A proof of another claim with some bytes changed, or bytes of no meaning. */
export function garbageProof(random: Random, stolen: FraudProof | null): ShownProof {
  if (stolen !== null && below(random, 3) > 0) {
    const bytes = hexToBytes(encodeProof(stolen));
    for (let change = 1 + below(random, 4); change > 0; change--)
      bytes[below(random, bytes.length)] ^= 1 << below(random, 8);
    return { kind: stolen.kind, bytes: bytesToHex(bytes), step: provenStep(stolen) };
  }
  const bytes = Uint8Array.from({ length: below(random, 600) }, () => random());
  return { kind: below(random, 5), bytes: bytesToHex(bytes), step: 0 };
}
