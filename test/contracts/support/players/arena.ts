// A whole dispute on the contracts with their real referees: players move in turn, time passes when nobody can, and in the
// end every coin is counted. A player sees what the chain shows; what it knows beside that is its own.
import assert from "node:assert/strict";

import { bytesToHex, hexToBytes, keccak256, type Abi, type Address, type Hex } from "viem";

import { outputsShownOf } from "@lockstep/node/engine/dispute/proofs";
import type { Opening } from "@lockstep/node/engine/dispute/types";
import type { Run } from "@lockstep/node/engine/execute";
import { inputsRootOf } from "@lockstep/node/engine/inputs";
import type { Position } from "@lockstep/node/engine/position";
import { outputRootsOf, traceRootOf } from "@lockstep/node/engine/trace";
import { encodeProgram } from "@lockstep/node/ir/encode";
import type { Program } from "@lockstep/node/ir/program";
import { claimNameOf, stepOpenings, type GameCall, type GameOpening, type GamePosition } from "@lockstep/node/players";

import {
  assertSolvent,
  BOND,
  CHALLENGE,
  CLAIM,
  createWorld,
  FEE,
  outputsHashOf,
  PARAMETERS,
  revealByOf,
  sealOf,
  SINK,
  type Claim,
  type Terms,
  type World,
} from "../world.ts";
import { ZERO } from "../trace.ts";

export type { World };

/** The contracts as they are deployed, with short times. */
export function createArena(): Promise<World> {
  return createWorld({
    deployReferees: async (viem) => {
      const elements = await viem.deployContract("Referee");
      const structure = await viem.deployContract("StructureReferee");
      return [elements.address, structure.address];
    },
  });
}

/** What register takes. */
export function registrationOfProgram(program: Program): [Hex, Hex, Hex[], Hex[][], Hex[], string[]] {
  const hex = (parts: readonly Uint8Array[]): Hex[] => parts.map((bytes) => bytesToHex(bytes));
  const { summary, interfaceTable, bindings, records, scalars } = encodeProgram(program);
  return [bytesToHex(summary), bytesToHex(interfaceTable), hex(bindings), records.map(hex), hex(scalars), []];
}

/** What a claimant claims: a run's roots, or others. */
export interface Claimed {
  traceRoot: Hex;
  outputRoots: readonly Hex[];
  shown: ReturnType<typeof outputsShownOf>;
  terms: Terms;
}

export function claimedOf(run: Run, operator: Address, changes: Partial<Terms> = {}): Claimed {
  return {
    traceRoot: traceRootOf(run),
    outputRoots: outputRootsOf(run),
    shown: outputsShownOf(run),
    terms: {
      programRoot: keccak256(encodeProgram(run.program).summary),
      inputsRoot: inputsRootOf(run.inputs),
      steps: run.steps,
      traceMode: run.trace === "deferred" ? 1 : 0,
      operator,
      taskId: ZERO,
      moveFeeWei: FEE,
      ...changes,
    },
  };
}

/** A challenge as the chain shows it. */
export interface SeenChallenge {
  challengeId: Hex;
  challenger: Address;
  nonce: bigint;
  status: number;
  deadline: bigint;
  demands: number;
  position: GamePosition;
}

/** One dispute. */
export interface Match {
  world: World;
  claim: Claim;
  claimId: Hex;
  body: Hex;
  challengeUntil: bigint;
  /** Wei that each account paid for gas. */
  gasWei: Map<Address, bigint>;
  before: Map<Address, bigint>;
}

/** Somebody who moves when it can; true if it did. */
export interface Player {
  account: Address;
  turn(match: Match): Promise<boolean>;
}

/** Commits and reveals a claim, of a program that is registered first, and remembers what everybody has before. */
export async function startMatch(world: World, claimant: Address, claimed: Claimed, run: Run): Promise<Match> {
  const { terms, traceRoot, outputRoots, shown } = claimed;
  if (!(await world.programs.read.isRegistered([terms.programRoot]))) {
    await world.programs.write.register(registrationOfProgram(run.program));
  }
  const salt = keccak256("0x5a");
  const claim = { claimant, terms, bondWei: BOND, traceRoot, outputsHash: outputsHashOf(outputRoots), salt };
  const claimId = await world.claims.read.idOf([claim]);
  const before = new Map<Address, bigint>();
  for (const address of [...Object.values(world.accounts), SINK as Address]) {
    before.set(address, await world.client.getBalance({ address }));
  }
  const { body } = claimNameOf(await world.client.getChainId(), world.claims.address, claim);
  const match = { world, claim, claimId, body, challengeUntil: 0n, gasWei: new Map<Address, bigint>(), before };
  await paid(match, claimant, world.claims.write.commit([terms, sealOf(claim)], { account: claimant, value: BOND }));
  const revealBy = await revealByOf(world, claimId);
  const reveal = world.claims.write.reveal([claim, revealBy, outputRoots, shown], { account: claimant });
  await paid(match, claimant, reveal);
  match.challengeUntil = (await world.claims.read.headOf([claimId]))[1];
  return match;
}

/** Waits for a transaction and notes what its sender paid for gas. */
export async function paid({ world, gasWei }: Match, account: Address, sent: Promise<Hex>): Promise<void> {
  const { gasUsed, effectiveGasPrice } = await world.client.getTransactionReceipt({ hash: await sent });
  gasWei.set(account, (gasWei.get(account) ?? 0n) + gasUsed * effectiveGasPrice);
}

/** Sends a call of the game. */
export async function send(match: Match, account: Address, call: GameCall, value = 0n): Promise<void> {
  const { viem, game } = match.world;
  const wallet = await viem.getWalletClient(account);
  const { functionName, args } = call;
  await paid(
    match,
    account,
    wallet.writeContract({ address: game.address, abi: game.abi as Abi, functionName, args, value }),
  );
}

export async function statusOf({ world, claimId }: Match): Promise<number> {
  return world.claims.read.statusOf([claimId]);
}

export async function challengesOf({ world, claimId }: Match): Promise<SeenChallenge[]> {
  const { game } = world;
  const events = await game.getEvents.ChallengeOpened({ claimId }, { fromBlock: 0n });
  return Promise.all(
    events.map(async ({ args }) => {
      const challengeId = args.challengeId!;
      const { status, demands, position } = await game.read.challengeOf([challengeId]);
      const deadline = await game.read.deadlineOf([challengeId]);
      return { challengeId, challenger: args.challenger!, nonce: args.nonce!, status, deadline, demands, position };
    }),
  );
}

/** All that anyone opened for the claim: of the trace, and of what stands beside it. */
export async function openingsOf(
  { world, claimId }: Match,
  own: Run,
): Promise<{ trace: Opening[]; all: GameOpening[] }> {
  const { game } = world;
  const filter = { fromBlock: 0n } as const;
  const all: GameOpening[] = [
    ...(await game.getEvents.NodeOpened({ claimId }, filter)).map(({ args }): GameOpening => ({
      position: args.position!,
      kind: "nodes",
      nodes: args.nodes!,
    })),
    ...(await game.getEvents.ChunkOpened({ claimId }, filter)).map(({ args }): GameOpening => ({
      position: args.position!,
      kind: "chunk",
      chunk: hexToBytes(args.chunk!),
    })),
  ];
  const trace = all
    .filter(({ position }) => position.section < 5)
    .map((opening) => ({ ...opening, position: opening.position as Position }));
  for (const { args } of await game.getEvents.StepOpened({ claimId }, filter)) {
    const [stateRoot, scratchRoot, nodes] = [args.stateRoot!, args.scratchRoot!, args.nodes!];
    trace.push(...stepOpenings(own, args.step!, { kind: "openStep", stateRoot, scratchRoot, nodes }));
  }
  return { trace, all };
}

export async function nowOf({ world }: Match): Promise<bigint> {
  return BigInt(await world.time.latest());
}

const isOpen = ({ status }: SeenChallenge): boolean =>
  status === CHALLENGE.claimantTurn || status === CHALLENGE.challengerTurn;

/** The next second at which somebody may do what nobody could before; zero if nothing is left to wait for. */
async function nextSecond(match: Match): Promise<bigint> {
  const { world, claimId, challengeUntil } = match;
  const now = await nowOf(match);
  const seconds = (await challengesOf(match)).filter(isOpen).map(({ deadline }) => deadline + 1n);
  // Of a slashed claim the commitments that were not shown end later.
  seconds.push(challengeUntil + PARAMETERS.proofRevealSeconds + 1n);
  if ((await statusOf(match)) === CLAIM.revealed) seconds.push(challengeUntil + 1n);
  const { settleAfter } = await world.game.read.bountyOf([claimId]);
  if (settleAfter > 0n) seconds.push(settleAfter + 1n);
  const later = seconds.filter((second) => second > now);
  return later.length === 0 ? 0n : later.reduce((one, other) => (one < other ? one : other));
}

const ROUNDS = 400;

/** Plays until nobody moves and nothing is left to wait for, and has everybody withdraw. */
export async function play(match: Match, players: readonly Player[]): Promise<void> {
  const { world } = match;
  for (let round = 0; ; round++) {
    assert.ok(round < ROUNDS, "the dispute does not end");
    let moved = false;
    for (const player of players) moved = (await player.turn(match)) || moved;
    await assertSolvent(world);
    if (moved) continue;
    const next = await nextSecond(match);
    if (next === 0n) break;
    // The second before it: the move that is made then is mined in it.
    await world.time.increaseTo(next);
  }
  for (const account of Object.values(world.accounts)) {
    for (const contract of [world.claims, world.game] as World["claims"][]) {
      if ((await contract.read.creditOf([account])) > 0n)
        await paid(match, account, contract.write.withdraw({ account }));
    }
  }
}

/** What the dispute changed, in wei and without gas: of every account, and what was burnt. Nothing else holds anything. */
export async function endOf(match: Match): Promise<Record<string, bigint>> {
  const { world, before, gasWei } = match;
  const changes: Record<string, bigint> = {};
  for (const [name, address] of [...Object.entries(world.accounts), ["burnt", SINK as Address] as const]) {
    const after = await world.client.getBalance({ address });
    const change = after - before.get(address)! + (gasWei.get(address) ?? 0n);
    if (change !== 0n) changes[name] = change;
  }
  for (const { address } of [world.claims, world.game]) {
    assert.equal(await world.client.getBalance({ address }), 0n, "coin left behind");
  }
  assert.equal(
    Object.values(changes).reduce((sum, change) => sum + change, 0n),
    0n,
    "coin made or lost",
  );
  return changes;
}

/** What an account demanded in all its challenges. */
export async function demandsOf(match: Match, account: Address): Promise<bigint> {
  const mine = (await challengesOf(match)).filter(({ challenger }) => challenger === account);
  return mine.reduce((sum, { demands }) => sum + BigInt(demands), 0n);
}

/** The claim was slashed; these won so much, the claimant got back so much of its bond, and the rest burnt: half or more. */
export async function assertSlashed(match: Match, won: Record<string, bigint>, claimantGets = 0n): Promise<void> {
  assert.equal(await statusOf(match), CLAIM.slashed);
  const shared = Object.values(won).reduce((sum, wei) => sum + wei, claimantGets);
  assert.ok(2n * (BOND - shared) >= BOND, "less than half of the bond burnt");
  assert.deepEqual(await endOf(match), { claimant: claimantGets - BOND, ...won, burnt: BOND - shared });
}

/** The claim stands; what these lost went to the claimant, except for what burnt. */
export async function assertFinal(match: Match, lost: Record<string, bigint>, burnt = 0n): Promise<void> {
  assert.equal(await statusOf(match), CLAIM.final);
  const gained = Object.values(lost).reduce((sum, wei) => sum + wei, -burnt);
  const expected: Record<string, bigint> = Object.fromEntries(Object.entries(lost).map(([name, wei]) => [name, -wei]));
  if (gained !== 0n) expected.claimant = gained;
  if (burnt !== 0n) expected.burnt = burnt;
  assert.deepEqual(await endOf(match), expected);
}
