// Attacks on money: whose it is, who may take it, and who could change the rules. Each test is a row of docs/attacks.md, named
// after the incident it comes from. The referees believe any proof here, so that coin is all that matters.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { artifacts } from "hardhat";
import { encodeFunctionData, hexToBytes, keccak256, numberToHex, parseGwei, type Address, type Hex } from "viem";

import { openingOf, outputsShown } from "../support/trace.ts";
import {
  assertSolvent,
  at,
  BOND,
  challengeUntilOf,
  CLAIM,
  close,
  commit,
  commitmentOf,
  createWorld,
  demandTop,
  DEPOSIT,
  FEE,
  HIGH_FEE,
  MAX_DEMANDS,
  openChallenge,
  openTop,
  outputsHashOf,
  PARAMETERS,
  prepare,
  proofOfFault,
  prove,
  revealByOf,
  revealedClaim,
  sealOf,
  SINK,
  SMALL_TRACE,
  termsOf,
  timeOut,
  topOf,
  walk,
  type ChallengeInPlay,
  type Commitment,
} from "../support/world.ts";

const R = PARAMETERS.proofRevealSeconds;
const CLOCK = BigInt(PARAMETERS.clockSeconds);
const BOUNTY = BOND / 4n;
const SALT = keccak256("0x53");
const PROOF = proofOfFault();
const { proofBondWei } = PARAMETERS;

describe("attacks on money", async () => {
  const world = await createWorld();
  const { viem, game, claims, accounts, networkHelpers, client } = world;
  const { claimant, challenger, second, third, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const failsWith = viem.assertions.revertWithCustomError;

  async function begin() {
    const claim = await revealedClaim(world);
    const until = await challengeUntilOf(world, claim.claimId);
    return { claim, until };
  }
  const fixture = () => networkHelpers.loadFixture(begin);
  const credit = (account: Address) => game.read.creditOf([account]);
  const burnt = () => client.getBalance({ address: SINK });

  async function commitProof({ claimId }: Commitment, account: Address, nonce = 0n): Promise<Hex> {
    const commitment = await commitmentOf(world, claimId, account, SALT, 0, PROOF);
    await game.write.commitProof([claimId, nonce, commitment], { account, value: proofBondWei });
    return commitment;
  }
  const revealProof = ({ claim }: Commitment, account: Address) =>
    game.write.revealProof([claim, 0, PROOF, 0, SALT], { account });

  it("incident 4 (Spearbit 5.1.3, resource exhaustion): being attacked earns, on either side", async () => {
    const { claim, until } = await fixture();
    const flood: ChallengeInPlay[] = [];
    for (const account of [stranger, second, third]) {
      const challenge = await openChallenge(world, claim, account);
      await walk(world, challenge, MAX_DEMANDS);
      flood.push(challenge);
    }
    await at(world, until + R + CLOCK + 1n);
    for (const challenge of flood) await timeOut(world, challenge);
    assert.equal(await credit(claimant), 3n * DEPOSIT);
    await claims.write.finalize([claim.claim]);
    await assertSolvent(world);

    // Many wrong claims at once: a verifier that holds one deposit and one bond ends all of them.
    const wrong: Commitment[] = [];
    for (let i = 1; i <= 4; i++) {
      wrong.push(await revealedClaim(world, { inputsRoot: numberToHex(i, { size: 32 }) }, { claimant: stranger }));
    }
    const purse = DEPOSIT + proofBondWei;
    for (const [i, one] of wrong.entries()) {
      const challenge = await openChallenge(world, one, challenger);
      await walk(world, challenge, 5);
      await commitProof(one, challenger, challenge.nonce);
      await revealProof(one, challenger);
      assert.equal(await credit(challenger), BigInt(i + 1) * (purse + BOUNTY + 5n * FEE));
    }
    assert.equal(await burnt(), 4n * (BOND - BOUNTY - 5n * FEE));
    await assertSolvent(world);
  });

  it("incident 18 (Optimism M-3, ToB-17 and ToB-29, front-running): a copy of what is pending earns its copier nothing", async () => {
    const { claim } = await fixture();
    // Of a commitment to a proof: the hash is of no use to another sender.
    const honest = await openChallenge(world, claim, challenger);
    const commitment = await commitmentOf(world, claim.claimId, challenger, SALT, 0, PROOF);
    await game.write.commitProof([claim.claimId, 0n, commitment], { account: stranger, value: proofBondWei });
    await commitProof(claim, challenger, honest.nonce);
    const copied = await commitmentOf(world, claim.claimId, stranger, SALT, 0, PROOF);
    await fails(revealProof(claim, stranger), game, "ProofNotCommitted", [claim.claimId, stranger, copied]);
    // Of a reveal: shown first in a challenge of the copier's own.
    const thief = await openChallenge(world, claim, second);
    await prove(world, thief);
    assert.equal((await game.read.bountyOf([claim.claimId])).winner, second);
    await revealProof(claim, challenger);
    assert.equal((await game.read.bountyOf([claim.claimId])).winner, challenger);
    await close(world, honest);
    await at(world, (await game.read.bountyOf([claim.claimId])).settleAfter + 1n);
    await game.write.settleBounty([claim.claimId], { account: stranger });
    assert.equal(await credit(challenger), BOUNTY + proofBondWei + DEPOSIT + FEE);
    // The thief has its own money back, the squatter lost its bond.
    assert.equal(await credit(second), DEPOSIT + FEE);
    await at(world, (await challengeUntilOf(world, claim.claimId)) + R + 1n);
    await game.write.forfeitProof([claim.claimId, stranger, commitment]);
    assert.equal(await credit(stranger), 0n);
    await assertSolvent(world);
  });

  it("incident 19 (Optimism M-08, reward capture): whoever calls, the party is paid", async () => {
    const account = stranger;
    // Revealed, opened, called out, finalized and closed by a stranger.
    await fixture();
    const mine = await prepare(world, { inputsRoot: SALT });
    await commit(world, mine);
    const revealBy = await revealByOf(world, mine.claimId);
    await claims.write.reveal([mine.claim, revealBy, SMALL_TRACE.outputRoots, outputsShown(SMALL_TRACE)], { account });
    const until = await challengeUntilOf(world, mine.claimId);
    const lost = await openChallenge(world, mine, challenger);
    await openTop(world, lost, account);
    await at(world, until + R + 1n);
    await timeOut(world, lost, account);
    await claims.write.finalize([mine.claim], { account });
    assert.equal(await credit(claimant), DEPOSIT);
    assert.equal(await claims.read.creditOf([claimant]), BOND);

    const { claim } = await fixture();
    const winner = await openChallenge(world, claim, challenger);
    const other = await openChallenge(world, claim, second);
    await game.write.commitProof([claim.claimId, 0n, SALT], { account: third, value: proofBondWei });
    await at(world, (await game.read.deadlineOf([winner.challengeId])) + 1n);
    await timeOut(world, winner, account);
    await close(world, other, account);
    await at(world, (await game.read.bountyOf([claim.claimId])).settleAfter + 1n);
    await game.write.settleBounty([claim.claimId], { account });
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT + FEE);
    assert.equal(await credit(second), DEPOSIT + FEE);
    assert.deepEqual([await credit(stranger), await claims.read.creditOf([stranger])], [0n, 0n]);
    await assertSolvent(world);
  });

  it("incident 20 (Spearbit 5.1.4, self-rescue): a challenge against oneself saves nothing and stops nobody", async () => {
    const { claim } = await fixture();
    const own = await openChallenge(world, claim, claimant);
    const honest = await openChallenge(world, claim, challenger);
    await walk(world, own, MAX_DEMANDS);
    await walk(world, honest, 3);
    await prove(world, honest);
    await close(world, own);
    const fees = BigInt(MAX_DEMANDS) * FEE;
    assert.equal(await credit(challenger), BOUNTY + DEPOSIT + 3n * FEE);
    assert.equal(await credit(claimant), DEPOSIT + fees);
    assert.equal(await burnt(), BOND - BOUNTY - 3n * FEE - fees);

    // Being the first to prove it, with the fees of all demands that the bond pays for, burns half.
    await fixture();
    const worst = await revealedClaim(world, { moveFeeWei: HIGH_FEE, inputsRoot: SALT });
    await commitProof(worst, claimant);
    const walks: ChallengeInPlay[] = [];
    for (let i = 0; i < 8; i++) {
      walks.push(await openChallenge(world, worst, claimant));
      await walk(world, walks[i], MAX_DEMANDS);
    }
    const before = await burnt();
    await revealProof(worst, claimant);
    for (const challenge of walks) await close(world, challenge);
    const deposits = 8n * (BigInt(MAX_DEMANDS) * HIGH_FEE + PARAMETERS.challengeFloorWei);
    assert.ok((await credit(claimant)) - deposits - proofBondWei <= BOND / 2n);
    assert.ok((await burnt()) - before >= BOND / 2n);
    await assertSolvent(world);
  });

  it("incident 22 (BoLD H-01, changed stakes): every claim pays from its own bond, by its own fee", async () => {
    await fixture();
    const bonds = [PARAMETERS.minBondWei, BOND, 3n * BOND];
    const opened: [Commitment, ChallengeInPlay][] = [];
    for (const [i, bondWei] of bonds.entries()) {
      const changes = { moveFeeWei: bondWei / 512n, inputsRoot: numberToHex(i + 1, { size: 32 }) };
      const claim = await revealedClaim(world, changes, { bondWei });
      opened.push([claim, await openChallenge(world, claim, [challenger, second, third][i])]);
    }
    await assertSolvent(world);
    for (const [{ claim, claimId }, challenge] of opened.toReversed()) {
      const { bondWei, terms } = claim;
      const held = await client.getBalance({ address: claims.address });
      await prove(world, challenge);
      assert.equal(held - (await client.getBalance({ address: claims.address })), bondWei);
      const deposit = BigInt(MAX_DEMANDS) * terms.moveFeeWei + PARAMETERS.challengeFloorWei;
      assert.equal(await credit(challenge.challenger), bondWei / 4n + deposit + terms.moveFeeWei);
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.slashed);
      await assertSolvent(world);
    }
  });

  it("incident 24 (ORA opML, reentrancy): who asks again while being paid is paid once", async () => {
    const { claim, until } = await fixture();
    const bank = await viem.deployContract("Reentrant", [claims.address]);
    const terms = termsOf(SMALL_TRACE);
    const outputsHash = outputsHashOf(SMALL_TRACE.outputRoots);
    const { traceRoot } = SMALL_TRACE;
    const own = { claimant: bank.address, terms, bondWei: BOND, traceRoot, outputsHash, salt: SALT };
    const data = encodeFunctionData({ abi: claims.abi, functionName: "commit", args: [terms, sealOf(own)] });
    await bank.write.play([data], { value: BOND });
    const revealBy = await revealByOf(world, await claims.read.idOf([own]));
    await claims.write.reveal([own, revealBy, SMALL_TRACE.outputRoots, outputsShown(SMALL_TRACE)]);
    await at(world, until + R + 100n);
    await claims.write.finalize([own]);
    await claims.write.finalize([claim.claim]);
    await bank.write.withdraw();
    assert.deepEqual([await bank.read.attempts(), await bank.read.refusals()], [1n, 1n]);
    assert.equal(await client.getBalance({ address: bank.address }), BOND);
    assert.equal(await client.getBalance({ address: claims.address }), BOND);
    await assertSolvent(world);
    await fails(bank.write.withdraw(), claims, "NothingToWithdraw", [bank.address]);
  });

  const STATE_CHANGING: Record<string, string[]> = {
    ProgramRegistry: ["mirror", "register"],
    ClaimRegistry: ["bindDisputeGame", "commit", "finalize", "forfeit", "reveal", "slash", "void", "withdraw"],
    DisputeGame: [
      "challenge",
      "close",
      "commitProof",
      "demand",
      "descend",
      "enter",
      "forfeitProof",
      "open",
      "openChunk",
      "openStep",
      "prove",
      "revealProof",
      "settleBounty",
      "timeout",
      "withdraw",
    ],
    TaskMarket: ["accept", "cancel", "deliver", "refund", "request", "requestWithPermit", "settle"],
    Referee: [],
    StructureReferee: [],
  };

  it("incident 25 (Truebit and opML, unauthenticated administration): there is nothing to administer", async () => {
    const { claim } = await fixture();
    for (const [name, expected] of Object.entries(STATE_CHANGING)) {
      const { abi } = await artifacts.readArtifact(name);
      const found = (abi as readonly { type: string; name?: string; stateMutability?: string }[])
        .filter(
          ({ type, stateMutability }) =>
            type === "function" && stateMutability !== "view" && stateMutability !== "pure",
        )
        .map((entry) => entry.name);
      assert.deepEqual(new Set(found), new Set(expected), name);
    }
    // The three that not everybody may call: the game's, the deployer's once, the auditor's (here there is none).
    for (const account of [accounts.deployer, claimant, stranger]) {
      await fails(claims.write.slash([claim.claim, account, 0n], { account }), claims, "NotDisputeGame", [account]);
      const { terms, bondWei, seal } = claim;
      const voided = claims.write.void([claimant, terms, bondWei, seal, 0n, 0n], { account });
      await fails(voided, claims, "NotAuditor", [account]);
    }
    await fails(claims.write.bindDisputeGame([claims.address]), claims, "DisputeGameAlreadyBound", [game.address]);
    await fails(claims.write.bindDisputeGame([game.address], { account: stranger }), claims, "NotDeployer", [stranger]);
    assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.revealed);
  });

  it("incident 29 (Optimism, fallback to permissioned): no code that is deployed runs or makes other code", async () => {
    // DELEGATECALL, CALLCODE, CREATE, CREATE2, SELFDESTRUCT.
    const forbidden = new Set([0xf4, 0xf2, 0xf0, 0xf5, 0xff]);
    for (const name of Object.keys(STATE_CHANGING)) {
      const { deployedBytecode } = await artifacts.readArtifact(name);
      const code = hexToBytes(deployedBytecode as Hex);
      const end = code.length - 2 - ((code[code.length - 2] << 8) | code[code.length - 1]);
      assert.ok(end > 1_000 && end < code.length, name);
      for (let pc = 0; pc < end; pc++) {
        const opcode = code[pc];
        assert.ok(!forbidden.has(opcode), `${name}: 0x${opcode.toString(16)} at ${pc}`);
        if (opcode >= 0x60 && opcode <= 0x7f) pc += opcode - 0x5f;
      }
    }
  });

  it("attack i (commitments as insurance or delay): an insured cheat burns half, and a commitment delays no claim", async () => {
    const { claim } = await fixture();
    await commitProof(claim, claimant);
    const honest = await openChallenge(world, claim, challenger);
    await walk(world, honest, 4);
    await prove(world, honest);
    await revealProof(claim, claimant);
    await game.write.settleBounty([claim.claimId]);
    assert.equal(await credit(claimant), BOUNTY + proofBondWei);
    assert.equal(await credit(challenger), DEPOSIT + 4n * FEE);
    assert.ok((await burnt()) >= BOND / 2n);

    const { claim: right, until } = await fixture();
    for (let i = 1; i <= 9; i++) {
      const value = proofBondWei;
      await game.write.commitProof([right.claimId, 0n, numberToHex(i, { size: 32 })], { account: stranger, value });
    }
    await at(world, until + R + 1n);
    await claims.write.finalize([right.claim]);
    for (let i = 1; i <= 9; i++) await game.write.forfeitProof([right.claimId, stranger, numberToHex(i, { size: 32 })]);
    assert.equal(await burnt(), 9n * proofBondWei);
    await assertSolvent(world);
  });

  it("attack j (drained refunds, stolen openings): an opening pays its opener nothing, at any gas price, and serves all the same", async () => {
    const ends: bigint[][] = [];
    for (const isStolen of [false, true]) {
      const { claim, until } = await fixture();
      const challenge = await openChallenge(world, claim, challenger);
      if (isStolen) {
        const { claimId, nonce } = challenge;
        const fee = { maxFeePerGas: parseGwei("5000"), maxPriorityFeePerGas: parseGwei("4000") };
        const nodes = openingOf(SMALL_TRACE, topOf(SMALL_TRACE));
        await game.write.open([claimId, challenger, nonce, nodes], { account: stranger, ...fee });
        await failsWith(openTop(world, challenge, claimant), game, "WrongTurn");
      } else {
        await openTop(world, challenge, claimant);
      }
      await demandTop(world, challenge);
      await openTop(world, challenge, claimant);
      await at(world, until + R + 1n);
      await timeOut(world, challenge);
      await claims.write.finalize([claim.claim]);
      ends.push([await credit(claimant), await credit(stranger), await credit(challenger), await burnt()]);
      await assertSolvent(world);
    }
    assert.deepEqual(ends[1], ends[0]);
    assert.deepEqual(ends[0], [DEPOSIT, 0n, 0n, 0n]);
  });
});
