/**
 * The moves of a dispute as plain data, and as the calls that the game takes (spec, "Positions and moves"): shared by all
 * players, by the daemon that sends them, and by tests and fuzzers. Nothing here decides.
 */
import { bytesToHex, encodeAbiParameters, keccak256 } from "viem/utils";
import {
  encodeProof,
  SECTION,
  stepPosition,
  treeRootPosition,
  type Demand,
  type FraudProof,
  type Hex,
  type Opening,
  type TensorShown,
  type TraceShape,
} from "../../engine/index.ts";
import type { Hash } from "../../merkle/index.ts";

// Of the protocol, in the ids of its claims.
const VERSION = 2n;
const TERMS = [
  { name: "programRoot", type: "bytes32" },
  { name: "inputsRoot", type: "bytes32" },
  { name: "steps", type: "uint32" },
  { name: "traceMode", type: "uint8" },
  { name: "operator", type: "address" },
  { name: "taskId", type: "bytes32" },
  { name: "moveFeeWei", type: "uint256" },
] as const;
const BODY = [
  { type: "uint256" },
  { type: "address" },
  { type: "uint256" },
  { type: "address" },
  { type: "tuple", components: TERMS },
  { type: "uint256" },
  { type: "bytes32" },
] as const;
const ID = [{ type: "bytes32" }, { type: "bytes32" }] as const;

/** What a claimant commits to in public: the contracts' Terms. */
export interface Terms {
  readonly programRoot: Hash;
  readonly inputsRoot: Hash;
  readonly steps: number;
  /** 0 full, 1 deferred. */
  readonly traceMode: number;
  readonly operator: Hex;
  readonly taskId: Hex;
  readonly moveFeeWei: bigint;
}

/** The preimage of a claim's id, which every call about the claim carries: the contracts' Claim. */
export interface ClaimPreimage {
  readonly claimant: Hex;
  readonly terms: Terms;
  readonly bondWei: bigint;
  readonly traceRoot: Hash;
  readonly outputsHash: Hash;
  readonly salt: Hex;
}

/** A node of the claim's trees, as the game and its events name it; sections 5 and 6 are no part of the trace. */
export interface GamePosition {
  readonly section: number;
  readonly height: number;
  readonly step: number;
  readonly item: number;
  readonly index: number;
}

/** What a challenger sends in its turn. */
export type ChallengerMove =
  | { readonly kind: "challenge"; readonly demand: GameDemand }
  | { readonly kind: "demand"; readonly demand: GameDemand }
  | { readonly kind: "descend"; readonly node: Hash; readonly index: number; readonly path: readonly Hash[] }
  | {
      readonly kind: "enter";
      readonly node: Hash;
      /** Of the leaf that is entered. */
      readonly index: number;
      readonly path: readonly Hash[];
      readonly shown: TensorShown;
    }
  | { readonly kind: "prove"; readonly fraud: FraudProof };

/** A demand in any section. */
export type GameDemand = Omit<Demand, "position"> & { readonly position: GamePosition };

/** What answers a demand. */
export type ClaimantMove =
  | { readonly kind: "open"; readonly nodes: readonly Hash[] }
  | { readonly kind: "openChunk"; readonly chunk: Uint8Array }
  | {
      readonly kind: "openStep";
      readonly stateRoot: Hash;
      readonly scratchRoot: Hash;
      readonly nodes: readonly Hash[];
    };

/** A function of the game and what it takes; the deposit of a challenge comes with the call. */
export interface GameCall {
  readonly functionName: string;
  readonly args: readonly unknown[];
}

/** H(abi.encode(outputRoots)). */
export function outputsHashOf(outputRoots: readonly Hash[]): Hash {
  return keccak256(encodeAbiParameters([{ type: "bytes32[]" }], [outputRoots]));
}

/** What a commit hides: H(claimant, traceRoot, outputsHash, salt). */
export function sealOf({ claimant, traceRoot, outputsHash, salt }: Omit<ClaimPreimage, "terms" | "bondWei">): Hash {
  const types = [{ type: "address" }, { type: "bytes32" }, { type: "bytes32" }, { type: "bytes32" }] as const;
  return keccak256(encodeAbiParameters(types, [claimant, traceRoot, outputsHash, salt]));
}

/** The step whose posted scratch root a proof stands on: what `prove` and `revealProof` are told. */
export function provenStep(fraud: FraudProof): number {
  return fraud.kind === 3 ? 0 : fraud.proof.step.step;
}

/** The id of a claim, and the part of its preimage beside the program: what a call carries that needs no more of it. */
export interface ClaimName {
  readonly claimId: Hash;
  /** H(chainId, registry, version, claimant, terms, bondWei, seal). */
  readonly body: Hash;
}

/** The name of a claim in a registry. */
export function claimNameOf(chainId: number, registry: Hex, claim: ClaimPreimage): ClaimName {
  const { claimant, terms, bondWei } = claim;
  const values = [BigInt(chainId), registry, VERSION, claimant, terms, bondWei, sealOf(claim)] as const;
  const body = keccak256(encodeAbiParameters(BODY, values));
  return { claimId: keccak256(encodeAbiParameters(ID, [terms.programRoot, body])), body };
}

/** The call of a challenger's move in its challenge of this nonce. A proof may also be committed to and revealed. */
export function challengerCall(claim: ClaimPreimage, name: ClaimName, nonce: bigint, move: ChallengerMove): GameCall {
  switch (move.kind) {
    case "challenge":
    case "demand":
      return { functionName: move.kind, args: [claim, nonce, move.demand] };
    case "descend":
      return { functionName: "descend", args: [name.claimId, nonce, move.node, move.index, move.path] };
    case "enter":
      return { functionName: "enter", args: [name.body, nonce, move.node, move.index, move.path, move.shown] };
    case "prove": {
      const { fraud } = move;
      return { functionName: "prove", args: [claim, nonce, fraud.kind, encodeProof(fraud), provenStep(fraud)] };
    }
  }
}

/** The call of an answer in the challenge of this challenger and nonce. */
export function claimantCall(
  claim: ClaimPreimage,
  claimId: Hex,
  challenger: Hex,
  nonce: bigint,
  move: ClaimantMove,
): GameCall {
  switch (move.kind) {
    case "open":
      return { functionName: "open", args: [claimId, challenger, nonce, move.nodes] };
    case "openChunk":
      return { functionName: "openChunk", args: [claimId, challenger, nonce, bytesToHex(move.chunk)] };
    case "openStep":
      return { functionName: "openStep", args: [claim, challenger, nonce, move.stateRoot, move.nodes] };
  }
}

/** What an opened step shows: its two roots, and the top of the tree over its primitives where that has more than one. */
export function stepOpenings(
  shape: TraceShape,
  step: number,
  opened: Extract<ClaimantMove, { kind: "openStep" }>,
): Opening[] {
  const { stateRoot, scratchRoot, nodes } = opened;
  const roots: Opening = { position: stepPosition(step), kind: "nodes", nodes: [scratchRoot, stateRoot] };
  if (nodes.length === 1) return [roots];
  return [roots, { position: treeRootPosition(shape, SECTION.scratch, step), kind: "nodes", nodes }];
}
