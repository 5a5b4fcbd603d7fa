// The contracts on a simulated chain with referees that believe any proof, accounts by their roles, and the moves that
// tests of money and time make. `assertSolvent` accounts for every wei that the contracts hold.
import assert from "node:assert/strict";

import { network } from "hardhat";
import {
  encodeAbiParameters,
  getAddress,
  keccak256,
  parseAbiParameters,
  parseGwei,
  zeroAddress,
  type Address,
  type Hex,
} from "viem";

import { claimNameOf } from "@lockstep/node/players";

import {
  chunkOf,
  demandOf,
  makeProgram,
  makeTrace,
  openingOf,
  outputsShown,
  SECTION,
  stateRootOf,
  ZERO,
  type Position,
  type Trace,
} from "./trace.ts";

export const PARAMETERS = {
  minBondWei: parseGwei("512000"),
  minMoveFeeWei: parseGwei("1000"),
  revealSeconds: 100n,
  windowSeconds: 1_000n,
  proofRevealSeconds: 300n,
  challengeFloorWei: parseGwei("5000"),
  proofBondWei: parseGwei("7000"),
  clockSeconds: 200,
  acceptSeconds: 500n,
};
export const SINK = "0x000000000000000000000000000000000000dEaD";
export const MAX_DEMANDS = 16;
export const BOND = parseGwei("6400001");
export const FEE = parseGwei("2000");
/** The highest fee: the bond pays for 128 demands in all. */
export const HIGH_FEE = BOND / 512n;
export const DEPOSIT = BigInt(MAX_DEMANDS) * FEE + PARAMETERS.challengeFloorWei;

/** Claim statuses and challenge statuses by name, in the order of the contracts' enums; a live commitment's is none. */
export const CLAIM = { none: 0, committed: 1, revealed: 2, final: 3, slashed: 4, forfeited: 5, voided: 6 } as const;
export const CHALLENGE = { none: 0, challengerTurn: 1, claimantTurn: 2, won: 3, lost: 4, refunded: 5 } as const;

const SMALL_PROGRAM = makeProgram({
  segments: [
    { steps: 1, lengths: [300, 256 * 70 - 1, 5], constants: [0, 256 * 40, 3] },
    { steps: 0, lengths: [256 * 3, 9] },
  ],
  inputs: [12, 256 * 33],
  slots: [600, 1],
  outputs: [256 * 2, 7, 1],
});

/** Small trees of every kind: two segments, a tensor of 70 chunks, one of a single chunk, slots and outputs, constants. */
export const SMALL_TRACE = makeTrace(SMALL_PROGRAM, 3, 0x5eed);
/** The same words of the same program under a root that commits to states alone. */
export const DEFERRED_TRACE = makeTrace(SMALL_PROGRAM, 3, 0x5eed, true);

export interface Terms {
  programRoot: Hex;
  inputsRoot: Hex;
  steps: number;
  traceMode: number;
  operator: Address;
  taskId: Hex;
  moveFeeWei: bigint;
}

/** The preimage of a claim's id. */
export interface Claim {
  claimant: Address;
  terms: Terms;
  bondWei: bigint;
  traceRoot: Hex;
  outputsHash: Hex;
  salt: Hex;
}

export interface Commitment {
  claimId: Hex;
  /** What the id hashes beside the program. */
  body: Hex;
  claim: Claim;
  claimant: Address;
  terms: Terms;
  salt: Hex;
  seal: Hex;
  bondWei: bigint;
  trace: Trace;
}

/** A challenge, with what every call about it takes. */
export interface ChallengeInPlay {
  challengeId: Hex;
  claimId: Hex;
  body: Hex;
  claim: Claim;
  challenger: Address;
  nonce: bigint;
  trace: Trace;
}

export interface Fault {
  step: number;
  primitive: number;
  element: number;
  claimed: number;
  computed: number;
}

export const FAULT: Fault = { step: 1, primitive: 2, element: 3, claimed: 4, computed: 5 };

export type World = Awaited<ReturnType<typeof createWorld>>;

type Viem = Awaited<ReturnType<typeof network.create>>["viem"];

/** Deploys the two referees of a game: of elements, and of all else. */
type DeployReferees = (viem: Viem) => Promise<[Address, Address]>;

/** Deploys everything; the dispute game is bound. Without other referees it believes any proof. */
export async function createWorld({
  auditor = zeroAddress,
  deployAuditor,
  deployReferees,
}: { auditor?: Address; deployAuditor?: (viem: Viem) => Promise<Address>; deployReferees?: DeployReferees } = {}) {
  const connection = await network.create();
  const { viem, networkHelpers } = connection;
  const wallets = await viem.getWalletClients();
  const [deployer, claimant, challenger, second, third, stranger, operator] = wallets.map(({ account }) =>
    getAddress(account.address),
  );
  const programs = await viem.deployContract("ProgramRegistry");
  await programs.write.register(registrationOf(SMALL_TRACE));
  const claims = await viem.deployContract("ClaimRegistry", [
    programs.address,
    PARAMETERS.minBondWei,
    PARAMETERS.minMoveFeeWei,
    Number(PARAMETERS.revealSeconds),
    Number(PARAMETERS.windowSeconds),
    Number(PARAMETERS.proofRevealSeconds),
    (await deployAuditor?.(viem)) ?? auditor,
  ]);
  const referee = await viem.deployContract("MockReferee");
  const referees = (await deployReferees?.(viem)) ?? [referee.address, referee.address];
  const game = await viem.deployContract("DisputeGame", [
    claims.address,
    ...referees,
    PARAMETERS.challengeFloorWei,
    PARAMETERS.proofBondWei,
    PARAMETERS.clockSeconds,
  ]);
  await claims.write.bindDisputeGame([game.address]);
  const client = await viem.getPublicClient();
  const { time } = networkHelpers;
  const accounts = { deployer, claimant, challenger, second, third, stranger, operator };
  return { viem, networkHelpers, time, client, accounts, programs, claims, referee, game };
}

/** What register takes. */
export function registrationOf({ program }: Trace): [Hex, Hex, Hex[], Hex[][], Hex[], string[]] {
  const { summary, interfaceTable, bindings, records, scalars } = program;
  return [summary, interfaceTable, bindings, records, scalars, []];
}

export function termsOf(trace: Trace, changes: Partial<Terms> = {}): Terms {
  return {
    programRoot: trace.program.programRoot,
    inputsRoot: trace.inputsRoot,
    steps: trace.steps.length,
    traceMode: trace.deferred ? 1 : 0,
    operator: zeroAddress,
    taskId: ZERO,
    moveFeeWei: FEE,
    ...changes,
  };
}

/** keccak256(abi.encode(outputRoots)). */
export function outputsHashOf(outputRoots: readonly Hex[]): Hex {
  return keccak256(encodeAbiParameters(parseAbiParameters("bytes32[]"), [outputRoots]));
}

/** What hides a claim's roots until they are revealed, and is of no use to another claimant. */
export function sealOf({ claimant, traceRoot, outputsHash, salt }: Omit<Claim, "terms" | "bondWei">): Hex {
  const types = parseAbiParameters("address, bytes32, bytes32, bytes32");
  return keccak256(encodeAbiParameters(types, [claimant, traceRoot, outputsHash, salt]));
}

/** What commit takes, the preimage of the claim, and the id it gives. */
export async function prepare(
  world: World,
  changes: Partial<Terms> = {},
  { trace = SMALL_TRACE, salt = keccak256("0x02"), bondWei = BOND, claimant = world.accounts.claimant } = {},
): Promise<Commitment> {
  const terms = termsOf(trace, changes);
  const { traceRoot } = trace;
  const claim = { claimant, terms, bondWei, traceRoot, outputsHash: outputsHashOf(trace.outputRoots), salt };
  const claimId = await world.claims.read.idOf([claim]);
  const { body } = claimNameOf(await world.client.getChainId(), world.claims.address, claim);
  return { claimId, body, claim, claimant, terms, salt, seal: sealOf(claim), bondWei, trace };
}

/** Commits to a claim, of a program that is registered first. */
export async function commit(world: World, commitment: Commitment): Promise<Hex> {
  const { trace } = commitment;
  const registered = await world.programs.read.isRegistered([trace.program.programRoot]);
  if (!registered) await world.programs.write.register(registrationOf(trace));
  const { terms, seal, bondWei, claimant } = commitment;
  return world.claims.write.commit([terms, seal], { value: bondWei, account: claimant });
}

/** The last second to reveal a commitment, as it was announced. */
export async function revealByOf(world: World, claimId: Hex): Promise<bigint> {
  const events = await world.claims.getEvents.ClaimCommitted({ claimId }, { fromBlock: 0n });
  const last = events.at(-1);
  assert.ok(last !== undefined, `${claimId} was never committed`);
  return last.args.revealBy!;
}

export async function reveal(world: World, { claimId, claim, trace, claimant }: Commitment): Promise<Hex> {
  const args = [claim, await revealByOf(world, claimId), trace.outputRoots, outputsShown(trace)] as const;
  return world.claims.write.reveal(args, { account: claimant });
}

export async function forfeit(world: World, { claimId, claimant, terms, bondWei, seal }: Commitment): Promise<Hex> {
  return world.claims.write.forfeit([claimant, terms, bondWei, seal, await revealByOf(world, claimId)]);
}

/** A claim in its challenge window. */
export async function revealedClaim(world: World, ...args: [Partial<Terms>?, Parameters<typeof prepare>[2]?]) {
  const commitment = await prepare(world, ...args);
  await commit(world, commitment);
  await reveal(world, commitment);
  return commitment;
}

/** The last second of a claim's window. */
export async function challengeUntilOf(world: World, claimId: Hex): Promise<bigint> {
  return (await world.claims.read.headOf([claimId]))[1];
}

/** The root of a trace, which any challenge can ask for again and again. */
export function topOf({ stepTree }: Trace): Position {
  return { section: 0, height: stepTree.depth, step: 0, item: 0, index: 0 };
}

let lastNonce = 0n;

/** Opens a challenge by `account` with a demand for the trace root. */
export async function openChallenge(
  world: World,
  { claimId, body, claim, trace }: Pick<Commitment, "claimId" | "body" | "claim" | "trace">,
  account: Address,
  demand = demandOf(trace, topOf(trace)),
): Promise<ChallengeInPlay> {
  const nonce = ++lastNonce;
  const value = await world.game.read.depositOf([claim.terms.moveFeeWei]);
  await world.game.write.challenge([claim, nonce, demand], { account, value });
  const challengeId = await world.game.read.challengeIdOf([claimId, account, nonce]);
  return { challengeId, claimId, body, claim, challenger: account, nonce, trace };
}

/** Demands the trace root (again). */
export async function demandTop(world: World, challenge: ChallengeInPlay, account?: Address): Promise<Hex> {
  const { claim, nonce, challenger, trace } = challenge;
  const args = [claim, nonce, demandOf(trace, topOf(trace))] as const;
  return world.game.write.demand(args, { account: account ?? challenger });
}

/** Opens the trace root. */
export async function openTop(world: World, challenge: ChallengeInPlay, account: Address): Promise<Hex> {
  const { claimId, challenger, nonce, trace } = challenge;
  return world.game.write.open([claimId, challenger, nonce, openingOf(trace, topOf(trace))], { account });
}

/** Opens the node that is demanded, which stands at `position`. */
export async function answerAt(
  { game }: Pick<World, "game">,
  { claim, claimId, challenger, nonce, trace }: ChallengeInPlay,
  position: Position,
  account: Address,
): Promise<Hex> {
  const { section, height, index } = position;
  if (section === SECTION.steps && height === 0) {
    const args = [claim, challenger, nonce, stateRootOf(trace, index), openingOf(trace, position)] as const;
    return game.write.openStep(args, { account });
  }
  if (section > SECTION.state && height === 0) {
    return game.write.openChunk([claimId, challenger, nonce, chunkOf(trace, position)], { account });
  }
  return game.write.open([claimId, challenger, nonce, openingOf(trace, position)], { account });
}

/** Makes `count` demands, each answered at once; one that waits for its answer counts as the first. */
export async function walk(world: World, challenge: ChallengeInPlay, count: number): Promise<void> {
  const { status } = await world.game.read.challengeOf([challenge.challengeId]);
  for (let i = 0; i < count; i++) {
    if (i > 0 || status !== CHALLENGE.claimantTurn) await demandTop(world, challenge);
    await openTop(world, challenge, challenge.challenger);
  }
}

export async function timeOut(world: World, { claim, challenger, nonce }: ChallengeInPlay, account?: Address) {
  return world.game.write.timeout([claim, challenger, nonce], account === undefined ? {} : { account });
}

export async function close(world: World, { claim, challenger, nonce }: ChallengeInPlay, account?: Address) {
  return world.game.write.close([claim, challenger, nonce], account === undefined ? {} : { account });
}

/** Shows a proof in a challenge of one's own. */
export async function prove(world: World, { claim, nonce, challenger }: ChallengeInPlay, proof = proofOfFault()) {
  return world.game.write.prove([claim, nonce, 0, proof, 0], { account: challenger });
}

/** A proof that the mock referees believe. */
export function proofOfFault(fault: Fault = FAULT): Hex {
  const { step, primitive, element, claimed, computed } = fault;
  return encodeAbiParameters(parseAbiParameters("uint32, uint32, uint32, uint32, uint32"), [
    step,
    primitive,
    element,
    claimed,
    computed,
  ]);
}

/** The hash that binds a direct proof to its sender and claim. */
export async function commitmentOf(
  world: Pick<World, "client" | "game">,
  claimId: Hex,
  sender: Address,
  salt: Hex,
  kind: number,
  proof: Hex,
) {
  return keccak256(
    encodeAbiParameters(parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32"), [
      BigInt(await world.client.getChainId()),
      world.game.address,
      claimId,
      sender,
      salt,
      kind,
      keccak256(proof),
    ]),
  );
}

/** Seconds of the latest block. */
export async function now(world: World): Promise<bigint> {
  return BigInt(await world.time.latest());
}

/** Makes the next block's time `timestamp`. */
export async function at(world: World, timestamp: bigint): Promise<void> {
  await world.time.setNextBlockTimestamp(timestamp);
}

/**
 * Both contracts hold exactly what they owe: bonds of claims committed or revealed; deposits of open challenges with the
 * fees that a slashed claim left for them; bonds of pending proofs; held bounties; credits.
 */
export async function assertSolvent(world: Pick<World, "claims" | "game" | "client">): Promise<void> {
  const { claims, game, client } = world;
  const all = { fromBlock: 0n } as const;
  let owedByClaims = await creditsOf(claims);
  const [moveFees, proofBondWei] = [new Map<Hex, bigint>(), await game.read.proofBondWei()];
  for (const { args } of await claims.getEvents.ClaimCommitted({}, all)) {
    const status = await claims.read.statusOf([args.claimId!]);
    // A commitment that was neither revealed nor ended has no status of its own yet.
    if (status === CLAIM.none || status === CLAIM.revealed) owedByClaims += args.bondWei!;
    moveFees.set(args.claimId!, args.moveFeeWei!);
  }
  assert.equal(await client.getBalance({ address: claims.address }), owedByClaims, "claim registry");

  let owedByGame = await creditsOf(game);
  for (const { args } of await game.getEvents.ChallengeOpened({}, all)) {
    const { status, paidDemands } = await game.read.challengeOf([args.challengeId!]);
    if (status !== CHALLENGE.challengerTurn && status !== CHALLENGE.claimantTurn) continue;
    owedByGame += args.depositWei!;
    if ((await claims.read.statusOf([args.claimId!])) !== CLAIM.slashed) continue;
    owedByGame += BigInt(paidDemands) * moveFees.get(args.claimId!)!;
  }
  for (const { args } of await game.getEvents.ProofCommitted({}, all)) {
    const { sequence } = await game.read.proofOf([args.claimId!, args.committer!, args.commitment!]);
    if (sequence !== 0n) owedByGame += proofBondWei;
  }
  for (const { args } of await claims.getEvents.ClaimSlashed({}, all)) {
    owedByGame += (await game.read.bountyOf([args.claimId!])).amountWei;
  }
  assert.equal(await client.getBalance({ address: game.address }), owedByGame, "dispute game");
}

async function creditsOf(contract: World["claims"] | World["game"]): Promise<bigint> {
  // Both contracts have the same event and view; a union of their types has no common call signature.
  const credited = contract as World["claims"];
  const events = await credited.getEvents.Credited({}, { fromBlock: 0n });
  let sum = 0n;
  for (const account of new Set(events.map(({ args }) => args.account!)))
    sum += await credited.read.creditOf([account]);
  return sum;
}
