// The real contracts and referees on a simulated chain, with actors that one contract plays many calls a block for. Encodes the
// calls of the model, and reports of each what came of it and what the contracts hold after it.
import assert from "node:assert/strict";

import { network } from "hardhat";
import {
  concatHex,
  encodeAbiParameters,
  encodeFunctionData,
  decodeAbiParameters,
  keccak256,
  numberToHex,
  parseAbiParameters,
  parseEther,
  parseGwei,
  toEventSelector,
  toFunctionSelector,
  zeroAddress,
  type Abi,
  type AbiFunction,
  type Address,
  type Hex,
} from "viem";

import { ZERO } from "../support/trace.ts";
import type { Case } from "./cases.ts";
import type { Call, Challenge, Claim, Parameters, Pledge } from "./model.ts";

export const ACTORS = 8;
export const SINK: Address = "0x000000000000000000000000000000000000dEaD";
export const START_WEI = parseEther("1000000");
const GAS = 1_000_000_000n;
/** Floors and spans as small as they get, so that random play meets every boundary of a second. */
export const PARAMETERS: Parameters = {
  minBondWei: parseGwei("512"),
  minMoveFeeWei: parseGwei("1"),
  revealSeconds: 15,
  windowSeconds: 40,
  proofRevealSeconds: 12,
  challengeFloorWei: parseGwei("3"),
  proofBondWei: parseGwei("7"),
  clockSeconds: 25,
};

export interface Outcome {
  ok: boolean;
  /** Name of the error it ended with; empty if it did not. */
  refusal: string;
  registryWei: bigint;
  gameWei: bigint;
  logs: Log[];
}

export interface Log {
  address: Address;
  topics: Hex[];
  data: Hex;
}

export type Arena = Awaited<ReturnType<typeof createArena>>;

/** Contracts other than those compiled, under their names, for play against contracts with a planted bug. */
export type Substitutes = Partial<Record<"ClaimRegistry" | "DisputeGame", Hex>>;

/** Deploys everything. `auditor` names the actor that audits; null deploys without one. */
export async function createArena(cases: Case[], auditor: number | null, substitutes: Substitutes = {}) {
  const { viem, provider } = await network.create({
    network: "default",
    override: {
      blockGasLimit: GAS,
      transactionGasCap: GAS,
      allowBlocksWithSameTimestamp: true,
      // A contract with a bug may be longer than it would be without.
      allowUnlimitedContractSize: Object.keys(substitutes).length > 0,
    },
  });
  const [wallet] = await viem.getWalletClients();
  const batch = await viem.deployContract("CallBatch", [BigInt(ACTORS)]);
  const actors = await batch.read.actors();
  const p = PARAMETERS;
  const programs = await viem.deployContract("ProgramRegistry");
  const deploy = async (name: "ClaimRegistry" | "DisputeGame", args: readonly unknown[]) => {
    const code = substitutes[name];
    if (code === undefined) return viem.deployContract(name as string, args as unknown[]);
    const { abi } = await viem.getContractAt(name, zeroAddress);
    const hash = await wallet.deployContract({ abi: abi as Abi, bytecode: code, args: args as unknown[] });
    const client = await viem.getPublicClient();
    const { contractAddress } = await client.getTransactionReceipt({ hash });
    return viem.getContractAt(name as string, contractAddress!);
  };
  const registry = await deploy("ClaimRegistry", [
    programs.address,
    p.minBondWei,
    p.minMoveFeeWei,
    p.revealSeconds,
    p.windowSeconds,
    p.proofRevealSeconds,
    auditor === null ? zeroAddress : actors[auditor],
  ]);
  const referee = await viem.deployContract("Referee");
  const structureReferee = await viem.deployContract("StructureReferee");
  const game = await deploy("DisputeGame", [
    registry.address,
    referee.address,
    structureReferee.address,
    p.challengeFloorWei,
    p.proofBondWei,
    p.clockSeconds,
  ]);
  const client = await viem.getPublicClient();
  await wallet.writeContract({ ...registry, functionName: "bindDisputeGame", args: [game.address] } as never);
  await batch.write.watch([registry.address, game.address]);
  for (const { registration } of new Map(cases.map((each) => [each.programRoot, each])).values()) {
    await programs.write.register(registration);
  }
  for (const actor of actors) {
    await provider.request({ method: "hardhat_setBalance", params: [actor, numberToHex(START_WEI)] });
  }
  const abis = { registry: registry.abi as Abi, game: game.abi as Abi };
  const { abi: structureAbi } = structureReferee;
  const errors = errorNames([
    abis.registry,
    abis.game,
    referee.abi,
    structureAbi,
    programs.abi,
    batch.abi,
    ACTOR_ERRORS,
  ]);
  const block = await client.getBlock();
  return {
    provider,
    client,
    batch,
    from: wallet.account.address,
    actors,
    registry: registry.address,
    game: game.address,
    abis,
    errors,
    chainId: BigInt(await client.getChainId()),
    start: { now: Number(block.timestamp), block: Number(block.number) },
  };
}

const ACTOR_ERRORS: Abi = [{ type: "error", name: "AuditRunning", inputs: [] }];

function errorNames(abis: Abi[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const item of abis.flat()) {
    if (item.type !== "error") continue;
    const signature = `${item.name}(${item.inputs.map(typeName).join(",")})`;
    names.set(toFunctionSelector(signature), item.name);
  }
  return names;
}

/** A type as signatures spell it. */
function typeName(parameter: { type: string; components?: readonly unknown[] }): string {
  if (!parameter.type.startsWith("tuple")) return parameter.type;
  const inner = (parameter.components as { type: string }[]).map(typeName).join(",");
  return `(${inner})${parameter.type.slice("tuple".length)}`;
}

// ---------------------------------------------------------------- ids

const SEAL = parseAbiParameters("address, bytes32, bytes32, bytes32");
const TERMS = "(bytes32, bytes32, uint32, uint8, address, bytes32, uint256)";
const CLAIM_BODY = parseAbiParameters(`uint256, address, uint256, address, ${TERMS}, uint256, bytes32`);
const CHALLENGE_ID = parseAbiParameters("uint256, address, bytes32, address, uint64");
const COMMITMENT = parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32");
const PROTOCOL_VERSION = 2n;

export const outputsHashOf = ({ outputRoots }: Case): Hex =>
  keccak256(encodeAbiParameters(parseAbiParameters("bytes32[]"), [outputRoots]));

export function termsOf({ actors }: Arena, { of, operator, moveFeeWei }: Claim) {
  return {
    programRoot: of.programRoot,
    inputsRoot: of.inputsRoot,
    steps: of.steps,
    traceMode: of.deferred ? 1 : 0,
    operator: operator === null ? zeroAddress : actors[operator],
    taskId: ZERO,
    moveFeeWei,
  };
}

/** Fills in the seal, the body and the id of a claim. */
export function sealClaim(arena: Arena, claim: Claim): Claim {
  const { of, salt, claimant, bondWei } = claim;
  const seal = keccak256(encodeAbiParameters(SEAL, [arena.actors[claimant], of.traceRoot, outputsHashOf(of), salt]));
  const { programRoot, inputsRoot, steps, traceMode, operator, taskId, moveFeeWei } = termsOf(arena, claim);
  const terms = [programRoot, inputsRoot, steps, traceMode, operator, taskId, moveFeeWei] as const;
  const { chainId, registry, actors } = arena;
  const packed = [chainId, registry, PROTOCOL_VERSION, actors[claimant], terms, bondWei, seal] as const;
  claim.seal = seal;
  claim.body = keccak256(encodeAbiParameters(CLAIM_BODY, packed));
  claim.id = keccak256(concatHex([programRoot, claim.body]));
  return claim;
}

export function challengeIdOf({ chainId, game, actors }: Arena, { claim, challenger, nonce }: Challenge): Hex {
  return keccak256(encodeAbiParameters(CHALLENGE_ID, [chainId, game, claim.id, actors[challenger], nonce]));
}

export function commitmentOf({ chainId, game, actors }: Arena, pledge: Pledge): Hex {
  const { claim, committer, salt, proof } = pledge;
  if (proof === null) return salt;
  const packed = [chainId, game, claim.id, actors[committer], salt, proof.kind, keccak256(proof.bytes)] as const;
  return keccak256(encodeAbiParameters(COMMITMENT, packed));
}

// ---------------------------------------------------------------- calls

interface Encoded {
  actor: number;
  target: Address;
  valueWei: bigint;
  data: Hex;
}

/** A claim as calls carry it. */
export function claimArgument(arena: Arena, claim: Claim) {
  const { of, claimant, bondWei, salt } = claim;
  return {
    claimant: arena.actors[claimant],
    terms: termsOf(arena, claim),
    bondWei,
    traceRoot: of.traceRoot,
    outputsHash: outputsHashOf(of),
    salt,
  };
}

const functions = new Map<string, AbiFunction>();

/** Calldata of a call of the registry or the game. */
export function dataOf({ abis }: Arena, where: "registry" | "game", name: string, args: readonly unknown[]): Hex {
  const key = `${where}.${name}`;
  let item = functions.get(key);
  if (item === undefined) {
    item = abis[where].find((each): each is AbiFunction => each.type === "function" && each.name === name);
    assert.ok(item !== undefined, `no function ${key}`);
    functions.set(key, item);
  }
  return encodeFunctionData({ abi: [item], functionName: name, args });
}

/** The arguments of a call, and where it goes. */
function partsOf(arena: Arena, call: Call): ["registry" | "game", readonly unknown[], bigint] {
  const { actors } = arena;
  const claimOf = (claim: Claim) => claimArgument(arena, claim);
  switch (call.name) {
    case "commit":
      return ["registry", [termsOf(arena, call.claim), call.claim.seal], call.valueWei ?? call.claim.bondWei];
    case "reveal": {
      const { claim } = call;
      return ["registry", [claimOf(claim), BigInt(claim.revealBy), claim.of.outputRoots, claim.of.outputsShown], 0n];
    }
    case "forfeit":
    case "void": {
      const { claim } = call;
      const args = [actors[claim.claimant], termsOf(arena, claim), claim.bondWei, claim.seal, BigInt(claim.revealBy)];
      return ["registry", call.name === "void" ? [...args, call.feeWei] : args, 0n];
    }
    case "finalize":
      return ["registry", [claimOf(call.claim)], 0n];
    case "challenge": {
      const { claim, nonce, site } = call.challenge;
      return ["game", [claimOf(claim), nonce, site.demand], call.valueWei];
    }
    case "demand":
      return ["game", [claimOf(call.challenge.claim), call.challenge.nonce, call.site.demand], 0n];
    case "descend": {
      const { to, index, path } = call.move;
      return ["game", [call.challenge.claim.id, call.challenge.nonce, to.node, index, path], 0n];
    }
    case "enter": {
      const { to, index, path, shown } = call.move;
      return ["game", [call.challenge.claim.body, call.challenge.nonce, to.node, index, path, shown], 0n];
    }
    case "open":
    case "openChunk":
    case "openStep":
      return ["game", answerArguments(arena, call.challenge, call.site), 0n];
    case "prove": {
      const { challenge, proof, postedStep } = call;
      return ["game", [claimOf(challenge.claim), challenge.nonce, proof.kind, proof.bytes, postedStep], 0n];
    }
    case "timeout":
    case "close": {
      const { claim, challenger, nonce } = call.challenge;
      return ["game", [claimOf(claim), actors[challenger], nonce], 0n];
    }
    case "commitProof":
      return ["game", [call.pledge.claim.id, call.pledge.nonce, call.pledge.hash], call.valueWei];
    case "revealProof": {
      const { claim, proof, postedStep, salt } = call.pledge;
      return ["game", [claimOf(claim), proof?.kind ?? 0, proof?.bytes ?? "0x", postedStep, salt], 0n];
    }
    case "forfeitProof": {
      const { claim, committer, hash } = call.pledge;
      return ["game", [claim.id, actors[committer], hash], 0n];
    }
    case "settleBounty":
      return ["game", [call.claim.id], 0n];
    case "withdraw":
      return [call.from, [], 0n];
    case "hold":
      throw new RangeError("no contract of the project is called");
  }
}

function answerArguments(
  arena: Arena,
  { claim, challenger, nonce }: Challenge,
  { answer }: Challenge["site"],
): unknown[] {
  const who = [arena.actors[challenger], nonce];
  switch (answer.kind) {
    case "nodes":
      return [claim.id, ...who, answer.nodes];
    case "chunk":
      return [claim.id, ...who, answer.chunk];
    case "step":
      return [claimArgument(arena, claim), ...who, answer.stateRoot, answer.nodes];
  }
}

/** The name of the function that answers a site. */
export const answerName = ({ answer }: Challenge["site"]): "open" | "openChunk" | "openStep" =>
  (({ nodes: "open", chunk: "openChunk", step: "openStep" }) as const)[answer.kind];

const HOLD = toFunctionSelector("hold(bool)");

export function encodeCall(arena: Arena, call: Call): Encoded {
  if (call.name === "hold") {
    const data: Hex = `${HOLD}${call.holding ? "1".padStart(64, "0") : "0".repeat(64)}`;
    return { actor: call.actor, target: arena.actors[call.actor], valueWei: 0n, data };
  }
  const [where, args, valueWei] = partsOf(arena, call);
  const data = dataOf(arena, where, call.name, call.mangled === true ? mangled(call.name, args) : args);
  return { actor: call.actor, target: arena[where], valueWei, data };
}

/** Where each call's arguments hold a word that must be just so. */
const PLACES: Partial<Record<Call["name"], (number | string)[]>> = {
  reveal: [2, 0],
  challenge: [2, "node"],
  demand: [2, "node"],
  descend: [2],
  enter: [2],
  open: [3, 0],
  openChunk: [3],
  openStep: [3],
  finalize: [0, "salt"],
  timeout: [0, "salt"],
  close: [0, "salt"],
};

/** Whether a call can be changed so that it breaks a rule of form. */
export const isMangleable = (name: Call["name"]): boolean => name in PLACES;

function mangled(name: Call["name"], args: readonly unknown[]): readonly unknown[] {
  const change = (value: unknown, [key, ...rest]: (number | string)[]): unknown => {
    if (key === undefined) return flip(value as Hex);
    if (Array.isArray(value)) return value.with(key as number, change(value[key as number], rest));
    return { ...(value as object), [key]: change((value as Record<string, unknown>)[key], rest) };
  };
  return change(args, PLACES[name] ?? []) as readonly unknown[];
}

/** The bytes with their lowest bit flipped. */
const flip = (bytes: Hex): Hex =>
  `${bytes.slice(0, -1)}${(Number.parseInt(bytes.slice(-1), 16) ^ 1).toString(16)}` as Hex;

const OUTCOME = toEventSelector("Outcome(bool,bytes4,uint256,uint256)");
const OUTCOME_DATA = parseAbiParameters("bool, bytes4, uint256, uint256");

/** Makes the calls in one block at `now`, and returns what came of each. */
export async function playBlock(arena: Arena, now: number, calls: Encoded[]): Promise<Outcome[]> {
  const { provider, batch, from, errors } = arena;
  const data = encodeFunctionData({ abi: batch.abi, functionName: "run", args: [calls] });
  await provider.request({ method: "evm_setNextBlockTimestamp", params: [numberToHex(now)] });
  const transaction = { from, to: batch.address, data, gas: numberToHex(GAS) };
  const hash = await provider.request({ method: "eth_sendTransaction", params: [transaction] });
  const receipt = (await provider.request({ method: "eth_getTransactionReceipt", params: [hash] })) as {
    status: Hex;
    logs: Log[];
  };
  assert.equal(receipt.status, "0x1", "the batch itself failed");
  const outcomes: Outcome[] = [];
  let logs: Log[] = [];
  for (const log of receipt.logs) {
    if (log.topics[0] !== OUTCOME) {
      logs.push(log);
      continue;
    }
    const [ok, selector, registryWei, gameWei] = decodeAbiParameters(OUTCOME_DATA, log.data);
    const refusal = ok ? "" : (errors.get(selector) ?? selector);
    outcomes.push({ ok, refusal, registryWei, gameWei, logs });
    logs = [];
  }
  assert.equal(outcomes.length, calls.length);
  return outcomes;
}
