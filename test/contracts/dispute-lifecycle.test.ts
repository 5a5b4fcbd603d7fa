// Whole disputes on the contracts as they are deployed, real referees included: a requester's task, a claimant with a single
// lie, a challenger that knows nothing of the claimant's run but what the chain shows, the proof, and an honest second run
// that is paid. A claimant that answers honestly outlasts a challenger without a case.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import {
  bytesToHex,
  encodeAbiParameters,
  getAddress,
  hexToBytes,
  keccak256,
  parseAbiParameters,
  parseEther,
  parseGwei,
  zeroAddress,
  type Abi,
  type Address,
  type Hex,
} from "viem";

import lockstep from "../../ignition/modules/Lockstep.ts";
import { encodeProof } from "@lockstep/node/engine/dispute/abi";
import { outputsShownOf } from "@lockstep/node/engine/dispute/proofs";
import type { FraudProof, Opening } from "@lockstep/node/engine/dispute/types";
import { demandAt, findFraud, nextAction } from "@lockstep/node/engine/dispute/walk";
import { viewOfRun } from "@lockstep/node/engine/dispute/view";
import type { Run } from "@lockstep/node/engine/execute";
import { recurrent, runFixture } from "@lockstep/node/engine/fixtures";
import { inputsRootOf } from "@lockstep/node/engine/inputs";
import { traceRootPosition, type Position } from "@lockstep/node/engine/position";
import type { Tamper } from "@lockstep/node/engine/tamper";
import { outputRootsOf, traceRootOf } from "@lockstep/node/engine/trace";
import { encodeProgram } from "@lockstep/node/ir/encode";
import {
  challengerCall,
  challengerMove,
  claimantCall,
  claimantMove,
  claimNameOf,
  outputsHashOf,
  provenStep,
  sealOf,
  stepOpenings,
  type ClaimPreimage,
  type GameCall,
} from "@lockstep/node/players";

const STEPS = 4;
const FIXTURE = recurrent(600, 2);
const BOND = parseEther("1");
const FEE = parseGwei("100000");
const PRICE = 5_000n;
const SALT = keccak256("0x5a");
const NONCE = 7n;
const KIND = { badElement: 0, badSlot: 1, badPadding: 2 } as const;
const CLAIM = { revealed: 2, final: 3, slashed: 4 } as const;

/** One lie each in the first and the last step, deep in a tensor, in its padding, and in the state. */
const LIES: [name: string, kind: number, tamper: Tamper][] = [
  ["the first word", KIND.badElement, { step: 0, primitive: 0, element: 0, xor: 1 }],
  ["a word of the last chunk", KIND.badElement, { step: 2, primitive: 2, element: 599, xor: 2 }],
  ["a word of the last step", KIND.badElement, { step: 3, primitive: 4, element: 400, xor: 0x80000000 }],
  ["the padding of a tensor", KIND.badPadding, { step: 1, primitive: 0, element: 700, xor: 1 }],
  ["a slot", KIND.badSlot, { step: 1, item: 0, element: 5, xor: 1 }],
  ["an output of the last step", KIND.badSlot, { step: 3, item: 3, element: 1, xor: 1 }],
];

describe("Lockstep", async () => {
  const connection = await network.create();
  const { viem, networkHelpers, ignition } = connection;
  const {
    token,
    programRegistry,
    claimRegistry: claims,
    disputeGame: game,
    taskMarket: market,
  } = await ignition.deploy(lockstep);
  const client = await viem.getPublicClient();
  const wallets = await viem.getWalletClients();
  const [requester, cheat, challenger, solver, watchtower] = wallets.map(({ account }) => getAddress(account.address));
  const honest = runFixture(FIXTURE, STEPS);
  const shown = (bytes: readonly Uint8Array[]): Hex[] => bytes.map((part) => bytesToHex(part));
  const { summary, interfaceTable, bindings, records, scalars } = encodeProgram(FIXTURE.program);
  const programRoot = keccak256(summary);

  async function begin(): Promise<void> {
    await token.write.mint([requester, PRICE]);
    await token.write.approve([market.address, PRICE]);
    await programRegistry.write.register([
      bytesToHex(summary),
      bytesToHex(interfaceTable),
      shown(bindings),
      records.map(shown),
      shown(scalars),
      [],
    ]);
  }

  async function requestTask(): Promise<Hex> {
    await networkHelpers.loadFixture(begin);
    const deadline = BigInt(await networkHelpers.time.latest()) + 1_000_000n;
    const inputsRoot = inputsRootOf(FIXTURE.inputs);
    const terms = { programRoot, inputsRoot, steps: STEPS, price: PRICE, deadline, solver: zeroAddress };
    await market.write.request([terms, "0x"]);
    const [event] = await market.getEvents.TaskRequested({}, { fromBlock: "latest" });
    return event.args.taskId!;
  }

  /** Commits, reveals and delivers a run. */
  async function answerTask(taskId: Hex, run: Run, account: Address): Promise<{ claimId: Hex; claim: ClaimPreimage }> {
    await market.write.accept([taskId], { account });
    const [traceRoot, outputRoots] = [traceRootOf(run), outputRootsOf(run)];
    const terms = {
      programRoot,
      inputsRoot: inputsRootOf(run.inputs),
      steps: STEPS,
      traceMode: run.trace === "deferred" ? 1 : 0,
      operator: zeroAddress,
      taskId,
      moveFeeWei: FEE,
    };
    const outputsHash = outputsHashOf(outputRoots);
    const claim = { claimant: account, terms, bondWei: BOND, traceRoot, outputsHash, salt: SALT };
    await claims.write.commit([terms, sealOf(claim)], { account, value: BOND });
    const [event] = await claims.getEvents.ClaimCommitted({}, { fromBlock: "latest" });
    await claims.write.reveal([claim, event.args.revealBy!, outputRoots, outputsShownOf(run)], { account });
    await market.write.deliver([taskId, claim], { account });
    return { claimId: await claims.read.idOf([claim]), claim };
  }

  /** All that anyone opened for a claim, from the chain alone. */
  async function openingsOf(claimId: Hex): Promise<Opening[]> {
    const all = { fromBlock: 0n } as const;
    const nodes = await game.getEvents.NodeOpened({ claimId }, all);
    const chunks = await game.getEvents.ChunkOpened({ claimId }, all);
    const steps = await game.getEvents.StepOpened({ claimId }, all);
    return [
      ...nodes.map(({ args }): Opening => ({ position: args.position as Position, kind: "nodes", nodes: args.nodes! })),
      ...chunks.map(({ args }): Opening => ({
        position: args.position as Position,
        kind: "chunk",
        chunk: hexToBytes(args.chunk!),
      })),
      ...steps.flatMap(({ args }) => {
        const [stateRoot, scratchRoot, shownNodes] = [args.stateRoot!, args.scratchRoot!, args.nodes!];
        return stepOpenings(honest, args.step!, { kind: "openStep", stateRoot, scratchRoot, nodes: shownNodes });
      }),
    ];
  }

  async function call(account: Address, { functionName, args }: GameCall, value = 0n): Promise<Hex> {
    const wallet = await viem.getWalletClient(account);
    return wallet.writeContract({ address: game.address, abi: game.abi as Abi, functionName, args, value });
  }

  /** Answers the last demand from a run, by `account`. */
  async function answer(claimId: Hex, claim: ClaimPreimage, run: Run, account = watchtower): Promise<Hex> {
    const { position } = await game.read.challengeOf([await game.read.challengeIdOf([claimId, challenger, NONCE])]);
    return call(account, claimantCall(claim, claimId, challenger, NONCE, claimantMove(run, position)));
  }

  async function gasOf(hash: Hex): Promise<bigint> {
    return (await client.getTransactionReceipt({ hash })).gasUsed;
  }

  /** Commits to a proof and reveals it; returns the gas of both. */
  async function proveFraud(claimId: Hex, claim: ClaimPreimage, fraud: FraudProof): Promise<bigint> {
    const proof = encodeProof(fraud);
    const commitment = keccak256(
      encodeAbiParameters(parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32"), [
        BigInt(await client.getChainId()),
        game.address,
        claimId,
        challenger,
        SALT,
        fraud.kind,
        keccak256(proof),
      ]),
    );
    const account = challenger;
    const value = await game.read.proofBondWei();
    const committed = await gasOf(await game.write.commitProof([claimId, NONCE, commitment], { account, value }));
    const args = [claim, fraud.kind, proof, provenStep(fraud), SALT] as const;
    return committed + (await gasOf(await game.write.revealProof(args, { account })));
  }

  async function finalize(claimId: Hex, claim: ClaimPreimage): Promise<void> {
    const [, challengeUntil] = await claims.read.headOf([claimId]);
    const finalAfter = challengeUntil + (await claims.read.proofRevealSeconds());
    await networkHelpers.time.increaseTo(finalAfter + 1n);
    await claims.write.finalize([claim]);
  }

  for (const [name, kind, tamper] of LIES) {
    it(`finds, proves and punishes a lie in ${name}, and pays the honest run`, async (t) => {
      const taskId = await requestTask();
      const lying = runFixture(FIXTURE, STEPS, { tamper });
      const { claimId, claim } = await answerTask(taskId, lying, cheat);
      const { traceRoot } = claim;
      const deposit = await game.read.depositOf([FEE]);
      const challengeId = await game.read.challengeIdOf([claimId, challenger, NONCE]);
      let gas = 0n;
      let demands = 0;
      for (;;) {
        const { position: standing } = await game.read.challengeOf([challengeId]);
        const openings = await openingsOf(claimId);
        const challenging = demands > 0;
        const move = challengerMove(honest, {
          traceRoot,
          openings,
          challenging,
          standing: challenging ? standing : null,
        });
        assert.notEqual(move.kind, "agree");
        if (move.kind === "agree") break;
        if (move.kind === "prove") {
          assert.equal(move.fraud.kind, kind);
          gas += await proveFraud(claimId, claim, move.fraud);
          break;
        }
        const value = move.kind === "challenge" ? deposit : 0n;
        gas += await gasOf(
          await call(
            challenger,
            challengerCall(claim, claimNameOf(await client.getChainId(), claims.address, claim), NONCE, move),
            value,
          ),
        );
        gas += await gasOf(await answer(claimId, claim, lying));
        demands++;
      }
      t.diagnostic(`${demands} demands, ${gas} gas for walk and proof`);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
      const proofBond = await game.read.proofBondWei();
      assert.equal(await game.read.creditOf([challenger]), BOND / 4n + deposit + BigInt(demands) * FEE + proofBond);

      await market.write.settle([taskId]);
      const second = await answerTask(taskId, honest, solver);
      assert.equal(nextAction(honest, second.claim.traceRoot, []).kind, "agree");
      await finalize(second.claimId, second.claim);
      await market.write.settle([taskId]);
      assert.equal(await token.read.balanceOf([solver]), PRICE);
      assert.equal(await claims.read.creditOf([solver]), BOND);
    });

    it(`punishes a lie in ${name} with one direct proof`, async (t) => {
      const taskId = await requestTask();
      const lying = runFixture(FIXTURE, STEPS, { tamper });
      const { claimId, claim } = await answerTask(taskId, lying, cheat);
      const fraud = findFraud(honest, lying);
      assert.ok(fraud !== null);
      assert.equal(fraud.kind, kind);
      t.diagnostic(`${await proveFraud(claimId, claim, fraud)} gas, ${encodeProof(fraud).length / 2 - 1} bytes`);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
    });
  }

  /** Opens the challenge with an absolute demand for a position. */
  async function challenge(claim: ClaimPreimage, position: Position): Promise<void> {
    const value = await game.read.depositOf([FEE]);
    const demand = demandAt(viewOfRun(honest), position);
    await call(challenger, { functionName: "challenge", args: [claim, NONCE, demand] }, value);
  }

  it("slashes a claimant that withholds an opening", async () => {
    const taskId = await requestTask();
    const { claimId, claim } = await answerTask(taskId, honest, cheat);
    await challenge(claim, traceRootPosition(honest));
    const challengeId = await game.read.challengeIdOf([claimId, challenger, NONCE]);
    await networkHelpers.time.increaseTo((await game.read.deadlineOf([challengeId])) + 1n);
    await game.write.timeout([claim, challenger, NONCE], { account: watchtower });
    assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
  });

  it("lets an honest claimant outlast every demand and every proof against it", async () => {
    const taskId = await requestTask();
    const { claimId, claim } = await answerTask(taskId, honest, solver);
    const challengeId = await game.read.challengeIdOf([claimId, challenger, NONCE]);
    const view = viewOfRun(honest);
    const top = traceRootPosition(honest);
    const chunk: Position = { section: 3, height: 0, step: 2, item: 2, index: 1 };
    const step: Position = { section: 0, height: 0, step: 0, item: 0, index: 3 };
    await challenge(claim, top);
    await answer(claimId, claim, honest);
    for (const position of [step, chunk]) {
      await call(challenger, { functionName: "demand", args: [claim, NONCE, demandAt(view, position)] });
      await answer(claimId, claim, honest);
    }
    // Proofs that fit a lying run say nothing about this one.
    for (const [, kind, tamper] of LIES) {
      const fraud = findFraud(honest, runFixture(FIXTURE, STEPS, { tamper }));
      assert.ok(fraud !== null);
      const args = [claim, NONCE, kind, encodeProof(fraud), provenStep(fraud)] as const;
      await assert.rejects(game.write.prove(args, { account: challenger }), /HashMismatch/);
    }
    await networkHelpers.time.increaseTo((await game.read.deadlineOf([challengeId])) + 1n);
    await game.write.timeout([claim, challenger, NONCE]);
    assert.equal(await game.read.creditOf([solver]), await game.read.depositOf([FEE]));
    await finalize(claimId, claim);
    await market.write.settle([taskId]);
    assert.equal(await token.read.balanceOf([solver]), PRICE);
  });

  it("has no contract above the size limit", async (t) => {
    for (const { address } of [programRegistry, claims, game, market]) {
      const code = (await client.getCode({ address })) ?? "0x";
      const bytes = code.length / 2 - 1;
      t.diagnostic(`${address} ${bytes} bytes`);
      assert.ok(bytes < 24_576);
    }
  });
});
