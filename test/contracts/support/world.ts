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

import {
  makeProgram,
  makeTrace,
  nodeAt,
  openingOf,
  outputsShown,
  pathOf,
  tensorShown,
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

/** Claim statuses and challenge statuses by name, in the order of the contracts' enums. */
export const CLAIM = { none: 0, committed: 1, revealed: 2, final: 3, slashed: 4, forfeited: 5 } as const;
export const CHALLENGE = { none: 0, challengerTurn: 1, claimantTurn: 2, won: 3, lost: 4, refunded: 5 } as const;

/** Small trees of every kind: two segments, a tensor of 70 chunks, one of a single chunk, slots and outputs. */
export const SMALL_TRACE = makeTrace(
  makeProgram({
    segments: [
      { steps: 1, lengths: [300, 256 * 70 - 1, 5] },
      { steps: 0, lengths: [256 * 3, 9] },
    ],
    inputs: [12],
    slots: [600, 1],
    outputs: [256 * 2, 7, 1],
  }),
  3,
  0x5eed,
);

export interface Terms {
  programRoot: Hex;
  inputsRoot: Hex;
  steps: number;
  traceMode: number;
  operator: Address;
  taskId: Hex;
  moveFeeWei: bigint;
}

export interface Commitment {
  claimId: Hex;
  claimant: Address;
  terms: Terms;
  salt: Hex;
  seal: Hex;
  bondWei: bigint;
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

/** Deploys everything; the dispute game is bound. */
export async function createWorld() {
  const connection = await network.create();
  const { viem, networkHelpers } = connection;
  const wallets = await viem.getWalletClients();
  const [deployer, claimant, challenger, second, third, stranger] = wallets.map(({ account }) =>
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
  ]);
  const referee = await viem.deployContract("MockReferee");
  const game = await viem.deployContract("DisputeGame", [
    claims.address,
    referee.address,
    referee.address,
    PARAMETERS.challengeFloorWei,
    PARAMETERS.proofBondWei,
    PARAMETERS.clockSeconds,
  ]);
  await claims.write.bindDisputeGame([game.address]);
  const client = await viem.getPublicClient();
  const { time } = networkHelpers;
  const accounts = { deployer, claimant, challenger, second, third, stranger };
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
    inputsRoot: keccak256("0x01"),
    steps: trace.steps.length,
    traceMode: 0,
    operator: zeroAddress,
    taskId: ZERO,
    moveFeeWei: FEE,
    ...changes,
  };
}

/** What commit takes, and the id it gives. */
export async function prepare(
  world: World,
  changes: Partial<Terms> = {},
  { trace = SMALL_TRACE, salt = keccak256("0x02"), bondWei = BOND, claimant = world.accounts.claimant } = {},
): Promise<Commitment> {
  const terms = termsOf(trace, changes);
  const seal = keccak256(
    encodeAbiParameters(parseAbiParameters("bytes32, bytes32[], bytes32"), [trace.traceRoot, trace.outputRoots, salt]),
  );
  const claimId = await world.claims.read.claimIdOf([claimant, terms, seal, bondWei]);
  return { claimId, claimant, terms, salt, seal, bondWei, trace };
}

/** Commits to a claim, of a program that is registered first. */
export async function commit(world: World, commitment: Commitment): Promise<Hex> {
  const { trace } = commitment;
  const registered = await world.programs.read.isRegistered([trace.program.programRoot]);
  if (!registered) await world.programs.write.register(registrationOf(trace));
  const { terms, seal, bondWei, claimant } = commitment;
  return world.claims.write.commit([terms, seal], { value: bondWei, account: claimant });
}

export async function reveal(world: World, { claimId, terms, trace, salt, claimant }: Commitment): Promise<Hex> {
  const args = [claimId, terms, trace.traceRoot, trace.outputRoots, salt, outputsShown(trace)] as const;
  return world.claims.write.reveal(args, { account: claimant });
}

/** A claim in its challenge window. */
export async function revealedClaim(world: World, ...args: [Partial<Terms>?, Parameters<typeof prepare>[2]?]) {
  const commitment = await prepare(world, ...args);
  await commit(world, commitment);
  await reveal(world, commitment);
  return commitment;
}

/** Opens a challenge by `account` and returns its id. */
export async function openChallenge(world: World, claimId: Hex, account: Address): Promise<Hex> {
  const value = await world.game.read.depositOf([claimId]);
  const hash = await world.game.write.challenge([claimId], { account, value });
  const { logs } = await world.client.getTransactionReceipt({ hash });
  return logs[0].topics[1] as Hex;
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
export async function commitmentOf(world: World, claimId: Hex, sender: Address, salt: Hex, kind: number, proof: Hex) {
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
 * Both contracts hold exactly what they owe: bonds of claims neither final, slashed nor forfeited; deposits of open
 * challenges with the fees that a slashed claim left for them; bonds of pending proofs; held bounties; credits.
 */
export async function assertSolvent(world: World): Promise<void> {
  const { claims, game, client } = world;
  const all = { fromBlock: 0n } as const;
  let owedByClaims = await creditsOf(claims);
  for (const { args } of await claims.getEvents.ClaimCommitted({}, all)) {
    const claim = await claims.read.claimOf([args.claimId!]);
    if (claim.status === CLAIM.committed || claim.status === CLAIM.revealed) owedByClaims += claim.bondWei;
  }
  assert.equal(await client.getBalance({ address: claims.address }), owedByClaims, "claim registry");

  let owedByGame = await creditsOf(game);
  for (const { args } of await game.getEvents.ChallengeOpened({}, all)) {
    const { status, paidDemands } = await game.read.challengeOf([args.challengeId!]);
    if (status !== CHALLENGE.challengerTurn && status !== CHALLENGE.claimantTurn) continue;
    const claim = await claims.read.claimOf([args.claimId!]);
    owedByGame += args.depositWei!;
    if (claim.status === CLAIM.slashed) owedByGame += BigInt(paidDemands) * claim.moveFeeWei;
  }
  for (const { args } of await game.getEvents.ProofCommitted({}, all)) {
    const { sequence } = await game.read.proofOf([args.claimId!, args.committer!, args.commitment!]);
    if (sequence !== 0n) owedByGame += PARAMETERS.proofBondWei;
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

/** The root of a claim, which any challenge can ask for again and again. */
const TOP: Position = { section: 0, height: 2, step: 0, item: 0, index: 0 };
const TOP_NODE = nodeAt(SMALL_TRACE, TOP);

export async function demandTop(world: World, challengeId: Hex, account: Address): Promise<Hex> {
  const args = [challengeId, TOP_NODE, TOP, pathOf(SMALL_TRACE, TOP), tensorShown(SMALL_TRACE, TOP)] as const;
  return world.game.write.demand(args, { account });
}

export async function openTop(world: World, challengeId: Hex, account: Address): Promise<Hex> {
  return world.game.write.open([challengeId, TOP_NODE, openingOf(SMALL_TRACE, TOP)], { account });
}

/** Makes `count` demands, each answered at once. */
export async function walk(world: World, challengeId: Hex, account: Address, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await demandTop(world, challengeId, account);
    await openTop(world, challengeId, account);
  }
}
