/**
 * The claims of `lockstep dispute fuzz`: a program published and a run of it committed to and revealed, by a party that may lie
 * about what it ran on. Throws FuzzFailure for a claim that does not stand as it should.
 */
import { bytesToHex, parseEventLogs, zeroHash, type Hex } from "viem";
import { inputsRootOf, outputRootsOf, outputsShownOf, traceRootOf, type Run } from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { encodeProgram, type EncodedProgram } from "../../ir/index.ts";
import { keccak, type Hash } from "../../merkle/index.ts";
import { claimNameOf, outputsHashOf, sealOf, type ClaimName, type ClaimPreimage } from "../../roles/players/index.ts";
import type { FuzzChain, Party } from "./chain.ts";

// What the contracts call the states of a claim.
export const REVEALED = 2;
export const FINAL = 3;
export const SLASHED = 4;

/** A revealed claim. */
export interface Claimed {
  readonly claim: ClaimPreimage;
  readonly name: ClaimName;
  readonly claimId: Hex;
  readonly challengeUntil: number;
}

/** What a claimant says. */
export interface ClaimedRun {
  readonly run: Run;
  readonly salt: Hex;
  /** Other parts than the run's program has, with the same interface. */
  readonly parts?: EncodedProgram;
  /** Another root than that of the run's inputs: whoever claims this ran on other inputs than it says. */
  readonly inputsRoot?: Hash;
}

/** Publishes a program unless it was before. */
export async function register({ protocol, send, read }: FuzzChain, parts: EncodedProgram): Promise<Hex> {
  const programRoot = keccak(parts.summary);
  if (await read<boolean>({ ...protocol.programs, functionName: "isRegistered", args: [programRoot] }))
    return programRoot;
  const hexes = (list: readonly Uint8Array[]) => list.map((bytes) => bytesToHex(bytes));
  const args = [
    bytesToHex(parts.summary),
    bytesToHex(parts.interfaceTable),
    hexes(parts.bindings),
    parts.records.map(hexes),
    hexes(parts.scalars),
    [],
  ];
  await send("bystander", { ...protocol.programs, functionName: "register", args });
  return programRoot;
}

/** Commits to a claim and reveals it. The bystander is its operator. */
export async function claim(chain: FuzzChain, party: Party, said: ClaimedRun): Promise<Claimed> {
  const { protocol, send, constant, address } = chain;
  const { run, salt, parts } = said;
  const { claims } = protocol;
  const terms = {
    programRoot: await register(chain, parts ?? encodeProgram(run.program)),
    inputsRoot: said.inputsRoot ?? inputsRootOf(run.inputs),
    steps: run.steps,
    traceMode: run.trace === "deferred" ? 1 : 0,
    operator: address("bystander"),
    taskId: zeroHash,
    moveFeeWei: await constant<bigint>({ ...claims, functionName: "minMoveFeeWei", args: [] }),
  };
  const outputRoots = outputRootsOf(run);
  const hidden = {
    claimant: address(party),
    traceRoot: traceRootOf(run),
    outputsHash: outputsHashOf(outputRoots),
    salt,
  };
  const bondWei = await constant<bigint>({ ...claims, functionName: "minBondWei", args: [] });
  const preimage: ClaimPreimage = { ...hidden, terms, bondWei };
  const commit = { ...claims, functionName: "commit", args: [terms, sealOf(hidden)], valueWei: bondWei };
  const committed = await send(party, commit);
  const [{ args: promised } = missing("ClaimCommitted")] = parseEventLogs({
    abi: claims.abi,
    eventName: "ClaimCommitted",
    logs: committed.logs,
  });
  const { claimId, revealBy } = promised;
  const shown = outputsShownOf(run);
  const opening = parts === undefined ? shown : { ...shown, summary: bytesToHex(parts.summary) };
  const args = [preimage, revealBy, outputRoots, opening];
  const { logs } = await send(party, { ...claims, functionName: "reveal", args });
  const [revealed = missing("ClaimRevealed")] = parseEventLogs({ abi: claims.abi, eventName: "ClaimRevealed", logs });
  const name = claimNameOf(chain.chainId, claims.address, preimage);
  return { claim: preimage, name, claimId, challengeUntil: Number(revealed.args.challengeUntil) };
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

function missing(event: string): never {
  throw new FuzzFailure("lie", `no ${event} was emitted`);
}

/** A lie went unpunished (`lie`), or an honest party lost something (`honest`). */
export class FuzzFailure extends LockstepError {
  readonly side: "lie" | "honest";
  constructor(side: "lie" | "honest", reason: string) {
    super("FuzzFailure", reason, { side });
    this.side = side;
  }
}
