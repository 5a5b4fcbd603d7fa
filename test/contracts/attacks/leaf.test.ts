// Attacks on what the chain recomputes: a referee that disagrees with its specification, or cannot run, or can be made to say
// what is not so. Each test is a row of docs/attacks.md, named after the incident it comes from. All referees are real.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { bytesToHex, concatHex, encodeFunctionData, getAddress, keccak256, sliceHex, type Hex } from "viem";

import { encodeProof } from "@lockstep/node/engine/dispute/abi";
import { FLAW, findFlaw } from "@lockstep/node/engine/dispute/flaw";
import { buildElementProof } from "@lockstep/node/engine/dispute/proofs";
import type { FraudProof } from "@lockstep/node/engine/dispute/types";
import { viewOfRun } from "@lockstep/node/engine/dispute/view";
import { demandAt, findFraud } from "@lockstep/node/engine/dispute/walk";
import type { Run } from "@lockstep/node/engine/execute";
import { runFixture } from "@lockstep/node/engine/fixtures";
import { traceRootPosition } from "@lockstep/node/engine/position";
import { createRandom, DIRECTED_CLASSES, drawOperands } from "@lockstep/node/float/directed";
import { encodeProgram, encodeScalar, scalarHash, type EncodedProgram } from "@lockstep/node/ir/encode";
import type { ScalarProgram } from "@lockstep/node/ir/scalar";
import { buildTree, rootFromPath, treeRoot } from "@lockstep/node/merkle";
import { provenStep } from "@lockstep/node/players";

import {
  assertFinal,
  assertSlashed,
  claimedOf,
  createArena,
  play,
  startMatch,
  statusOf,
  type Claimed,
  type Match,
  type Player,
} from "../support/players/arena.ts";
import { refusal, untilRefused } from "../support/players/dishonest.ts";
import { honestChallenger, honestClaimant, showProof } from "../support/players/honest.ts";
import { dense, instructions } from "../support/players/leaves.ts";
import { FIXTURE, honestRun, LIES, STEPS } from "../support/players/lies.ts";
import { BOND, CHALLENGE, CLAIM, DEPOSIT, FEE } from "../support/world.ts";

const BOUNTY = BOND / 4n;
const OTHER = keccak256("0xff");
const MAX_TRANSACTION_BYTES = 131_072;
const MAX_TRANSACTION_GAS = 2n ** 24n;
const PANIC = "0x4e487b71";
const NAN = 0x7fc00000;

/** 0 an ordinary word, 1 a zero, 2 a subnormal, 3 a NaN. */
function kindOf(word: number): number {
  if (word === NAN) return 3;
  if (word << 1 === 0) return 1;
  return (word & 0x7f800000) === 0 ? 2 : 0;
}

describe("attacks on what the chain recomputes", async () => {
  const arena = await createArena();
  const { accounts, networkHelpers, game, claims, programs, client } = arena;
  const { claimant, challenger, second, stranger, operator } = accounts;
  const own = honestRun();
  const [LIE] = LIES;
  async function begin(): Promise<void> {}

  async function start(run: Run, claimed: Claimed = claimedOf(run, operator)): Promise<Match> {
    await networkHelpers.loadFixture(begin);
    return startMatch(arena, claimant, claimed, run);
  }
  /** The challenger's challenge of a claim, with a demand for the trace root. */
  async function challenged(match: Match, run: Run, account = challenger): Promise<Hex> {
    const demand = demandAt(viewOfRun(run), traceRootPosition(run));
    await game.write.challenge([match.claim, 1n, { ...demand, node: match.claim.traceRoot }], {
      account,
      value: DEPOSIT,
    });
    // A call that is only tried is tried in the last block, and a proof needs a later one than the challenge.
    await networkHelpers.mine();
    return game.read.challengeIdOf([match.claimId, account, 1n]);
  }
  const proveArgs = ({ claim }: Match, fraud: FraudProof, proof = encodeProof(fraud)) =>
    [claim, 1n, fraud.kind, proof, provenStep(fraud)] as const;
  /** The proof about one element of a run that lies there. */
  const elementFraud = (lying: Run, step: number, primitive: number, element: number): FraudProof => ({
    kind: 0,
    proof: buildElementProof(viewOfRun(lying), step, primitive, element),
  });

  it("incident 8 (Optimism and Cantina, the leaf against its specification): directed words give the interpreter's bits", async (t) => {
    const random = createRandom(0x1ea5);
    const tuples = Object.keys(DIRECTED_CLASSES).flatMap((name) => [0, 1].map(() => drawOperands(random, name, 3)));
    const fixture = instructions([[NAN, 0xffc00001, 0x7f800001], [0, 0x80000000, 0x80000000], ...tuples]);
    const honest = runFixture(fixture, 1);
    const { scratch } = honest.tensorsAt(0);
    const found = [0, 0, 0, 0];
    for (const [primitive, words] of scratch.entries()) {
      const tamper = { step: 0, primitive, element: 0, xor: 1 };
      const lying = runFixture(fixture, 1, { tamper });
      const match = await start(lying);
      await challenged(match, lying);
      const fraud = elementFraud(lying, 0, primitive, 0);
      assert.ok(fraud.kind === 0);
      // All elements stand in the chunk that is shown, and all but the first are right.
      const kinds = words.map(kindOf);
      for (const [element, kind] of kinds.entries()) {
        // A handful of each kind of result will do.
        if (element === 0 || kinds.subarray(1, element).filter((other) => other === kind).length > 3) continue;
        const right: FraudProof = { kind: 0, proof: { ...fraud.proof, element } };
        const refused = game.simulate.prove(proveArgs(match, right), { account: challenger });
        await assert.rejects(refused, new RegExp(`ElementMatches\\(${element}, ${words[element]}\\)`));
        found[kind]++;
      }
      await game.write.prove(proveArgs(match, fraud), { account: challenger });
      assert.equal(await statusOf(match), CLAIM.slashed);
    }
    t.diagnostic(`${found} ordinary, zero, subnormal, NaN`);
    assert.ok(found.every((count) => count >= 10));
    // A payload that is kept, and a zero of the wrong sign, are lies.
    for (const [primitive, word] of [
      [0, NAN],
      [0, 0],
    ] as const) {
      const element = scratch[primitive].findIndex((value) => value === word);
      const lying = runFixture(fixture, 1, { tamper: { step: 0, primitive, element, xor: 0x80000000 } });
      const match = await start(lying);
      await challenged(match, lying);
      await game.write.prove(proveArgs(match, elementFraud(lying, 0, primitive, element)), { account: challenger });
      const [{ args }] = await game.getEvents.FraudProven({ claimId: match.claimId }, { fromBlock: "latest" });
      assert.deepEqual([args.claimed, args.computed], [(word | 0x80000000) >>> 0, word]);
    }
  });

  it("incident 9 (Kroma, a leaf behind its program): another version of the numbers cannot be claimed, and referees do not change", async () => {
    await networkHelpers.loadFixture(begin);
    const { summary, interfaceTable, bindings, records, scalars } = encodeProgram(FIXTURE.program);
    const hex = (parts: readonly Uint8Array[]): Hex[] => parts.map((bytes) => bytesToHex(bytes));
    const newer = summary.with(11, 2);
    const [shown] = hex([newer]);
    const registered = programs.write.register([
      shown,
      hex([interfaceTable])[0],
      hex(bindings),
      records.map(hex),
      hex(scalars),
      [],
    ]);
    await assert.rejects(registered, /SummaryFieldInvalid\(8\)/);
    const { terms } = claimedOf(own, operator);
    const bad = { ...terms, programRoot: keccak256(shown) };
    const claimed = claims.write.commit([bad, OTHER], { account: claimant, value: BOND });
    await assert.rejects(claimed, /ProgramNotRegistered/);
    // Version and referees are part of what a claim is judged by; nothing sets them (incident 25 lists all calls).
    const fixedAt = [await game.read.referee(), await game.read.structureReferee(), await claims.read.disputeGame()];
    assert.equal(fixedAt[2], getAddress(game.address));
    for (const address of fixedAt.slice(0, 2)) assert.ok((await client.getCode({ address }))!.length > 1_000);
    assert.equal(await claims.read.VERSION(), 2n);
  });

  it("incident 10 (Optimism H-04, provable off chain alone): the longest leaf fits a transaction, a longer program is fraud", async (t) => {
    const fixture = dense(4_096);
    const lying = runFixture(fixture, 1, { tamper: { step: 0, primitive: 0, element: 0, xor: 1 } });
    const match = await start(lying);
    await challenged(match, lying);
    const args = proveArgs(match, elementFraud(lying, 0, 0, 0));
    const data = encodeFunctionData({ abi: game.abi, functionName: "prove", args });
    const hash = await game.write.prove(args, { account: challenger });
    const { gasUsed } = await client.getTransactionReceipt({ hash });
    t.diagnostic(`${data.length / 2 - 1} bytes, ${gasUsed} gas`);
    assert.ok(data.length / 2 - 1 < MAX_TRANSACTION_BYTES && gasUsed < MAX_TRANSACTION_GAS / 4n);

    // Sixteen times as many turns: nobody could run it on chain. Whoever claims it has claimed an invalid program.
    const [record] = fixture.program.segments[0].records;
    const dot = fixture.program.scalars.get(record.scalar)!;
    const endless: ScalarProgram = { ...dot, loop: { ...dot.loop!, count: 65_535 } };
    const scalar = scalarHash(endless);
    await assertClaimingIsFraud(
      encodeProgram({
        ...fixture.program,
        segments: [{ ...fixture.program.segments[0], records: [{ ...record, scalar }] }],
        scalars: new Map([[scalar, endless]]),
      }),
      FLAW.scalar,
      runFixture(fixture, 1),
    );
  });

  /** Registers these bytes, claims them with the roots of another run, and is slashed for it. */
  async function assertClaimingIsFraud(parts: EncodedProgram, flaw: number, run: Run): Promise<void> {
    const proof = findFlaw(parts);
    assert.equal(proof?.flaw, flaw);
    await networkHelpers.loadFixture(begin);
    const hex = (bytes: readonly Uint8Array[]): Hex[] => bytes.map((part) => bytesToHex(part));
    const [summary, table] = hex([parts.summary, parts.interfaceTable]);
    const scalars = parts.scalars.toSorted((one, other) => (keccak256(one) < keccak256(other) ? -1 : 1));
    await programs.write.register([summary, table, hex(parts.bindings), parts.records.map(hex), hex(scalars), []]);
    const claimed = claimedOf(run, operator);
    const terms = { ...claimed.terms, programRoot: keccak256(summary) };
    const match = await startMatch(arena, claimant, { ...claimed, terms, shown: { ...claimed.shown, summary } }, run);
    const prover: Player = {
      account: challenger,
      turn: async (seen) =>
        (await statusOf(seen)) === CLAIM.revealed && showProof(seen, challenger, { kind: 3, proof: proof! }, 0n),
    };
    await play(match, [honestClaimant(claimant, run), prover]);
    await assertSlashed(match, { challenger: BOUNTY });
  }

  it("incident 11 (Spearbit 5.1.1, running out of gas): a proof that cannot finish changes nothing, whatever its gas", async () => {
    const lying = LIE.run("full");
    const match = await start(lying);
    const challengeId = await challenged(match, lying);
    const fraud = findFraud(own, lying)!;
    assert.ok(fraud.kind === 0);
    const right: FraudProof = { kind: 0, proof: { ...fraud.proof, element: fraud.proof.element - 1 } };
    const needed = await client.estimateContractGas({
      address: game.address,
      abi: game.abi,
      functionName: "prove",
      args: proveArgs(match, fraud),
      account: challenger,
    });
    const before = await game.read.challengeOf([challengeId]);
    for (let tenth = 3n; tenth < 10n; tenth++) {
      for (const one of [fraud, right]) {
        const gas = (needed * tenth) / 10n;
        await assert.rejects(game.write.prove(proveArgs(match, one), { account: challenger, gas }), `${gas} gas`);
      }
    }
    const enough = { account: challenger, gas: 4n * needed };
    assert.equal(await refusal(game.write.prove(proveArgs(match, right), enough)), "ElementMatches");
    assert.deepEqual(await game.read.challengeOf([challengeId]), before);
    assert.equal(await statusOf(match), CLAIM.revealed);
    await game.write.prove(proveArgs(match, fraud), { account: challenger, gas: (11n * needed) / 10n });
    assert.equal(await statusOf(match), CLAIM.slashed);
  });

  it("incident 12 (Optimism M-05, states that panic): garbage is refused without a panic, and leaves the claim challengeable", async (t) => {
    const match = await start(own);
    const challengeId = await challenged(match, own);
    const fraud = findFraud(own, LIE.run("full"))!;
    const slot = findFraud(own, LIES[2].run("full"))!;
    const view = viewOfRun(own);
    const chunk = { section: 3, height: 0, step: 2, item: 2, index: 1 } as const;
    const { claim, claimId } = match;
    const shown = demandAt(view, chunk);
    const calls: Hex[] = [
      encodeFunctionData({ abi: game.abi, functionName: "prove", args: proveArgs(match, fraud) }),
      encodeFunctionData({ abi: game.abi, functionName: "prove", args: proveArgs(match, slot) }),
      encodeFunctionData({ abi: game.abi, functionName: "challenge", args: [claim, 2n, shown] }),
      encodeFunctionData({
        abi: game.abi,
        functionName: "open",
        args: [claimId, challenger, 1n, [OTHER, OTHER, OTHER, OTHER]],
      }),
      encodeFunctionData({ abi: game.abi, functionName: "openStep", args: [claim, challenger, 1n, OTHER, [OTHER]] }),
    ];
    const random = createRandom(0x9a41c);
    let refused = 0;
    for (const data of calls) {
      for (let i = 0; i < 60; i++) {
        const at = 4 + (random() % (data.length / 2 - 1 - 4));
        const bytes: Hex = random() % 2 === 0 ? "0xff" : "0x00";
        const changed = concatHex([
          sliceHex(data, 0, at),
          bytes,
          ...(at + 1 < data.length / 2 - 1 ? [sliceHex(data, at + 1)] : []),
        ]);
        const value = data === calls[2] ? DEPOSIT : 0n;
        const result = await client
          .call({ account: challenger, to: game.address, data: changed, value, gas: 15_000_000n })
          .then(
            () => null,
            (error: Error) => error,
          );
        if (result === null) continue;
        refused++;
        assert.ok(!result.message.includes("panic") && !result.message.includes(PANIC), result.message);
      }
    }
    t.diagnostic(`${refused} of ${60 * calls.length} refused`);
    assert.ok(refused > 200);
    assert.equal((await game.read.challengeOf([challengeId])).status, CHALLENGE.claimantTurn);

    // A program whose table states no length for an output: its tensor cannot be demanded, and that is what convicts.
    const { program } = FIXTURE;
    const parts = encodeProgram({ ...program, outputs: [program.outputs[0], { type: "f32", length: 0 }] });
    await assertClaimingIsFraud(parts, FLAW.interface, own);
  });

  it("incident 13 (Optimism M-04 and Cantina, unchecked bounds): a proof that is cut off anywhere proves nothing", async () => {
    for (const lie of [LIE, LIES[2], LIES[6]]) {
      const lying = lie.run("full");
      const match = await start(lying);
      await challenged(match, lying);
      const fraud = findFraud(own, lying)!;
      const proof = encodeProof(fraud);
      const bytes = proof.length / 2 - 1;
      for (let length = 0; length < bytes; length += length < 256 ? 16 : 224) {
        const cut = length === 0 ? "0x" : sliceHex(proof, 0, length);
        const attempt = game.simulate.prove(proveArgs(match, fraud, cut), { account: challenger });
        await assert.rejects(
          attempt,
          (error: Error) => !error.message.includes("ProofTooEarly"),
          `${length} of ${bytes}`,
        );
      }
      assert.equal(await statusOf(match), CLAIM.revealed);
      await game.write.prove(proveArgs(match, fraud), { account: challenger });
      assert.equal(await statusOf(match), CLAIM.slashed);
    }
  });

  it("attack d (programs no call can decode or execute): what is too long is not registered, the rest is fraud to claim", async () => {
    const hex = (bytes: Uint8Array): Hex => bytesToHex(bytes);
    const parts = encodeProgram(FIXTURE.program);
    const tooLong = new Uint8Array(16_385).fill(1);
    const scalars = [...parts.scalars, tooLong].toSorted((one, other) => (keccak256(one) < keccak256(other) ? -1 : 1));
    await networkHelpers.loadFixture(begin);
    const registered = programs.write.register([
      hex(parts.summary),
      hex(parts.interfaceTable),
      parts.bindings.map(hex),
      parts.records.map((records) => records.map(hex)),
      scalars.map(hex),
      [],
    ]);
    await assert.rejects(registered, /ScalarTooLong/);

    const withRecord = (change: (bytes: Uint8Array) => Uint8Array): EncodedProgram => {
      const records = parts.records[1].with(1, change(parts.records[1][1]));
      const summary = parts.summary.slice();
      summary.set(Buffer.from(treeRoot(buildTree(records.map((bytes) => keccak256(bytes)))).slice(2), "hex"), 64 + 96);
      return { ...parts, summary, records: parts.records.with(1, records) };
    };
    await assertClaimingIsFraud(
      withRecord((bytes) => bytes.with(36, 3)),
      FLAW.record,
      own,
    );
    // An operand that is the primitive itself.
    await assertClaimingIsFraud(
      withRecord((bytes) => bytes.with(48 + 48 + 11, 1)),
      FLAW.operandIndex,
      own,
    );
    const [first] = parts.scalars;
    const unknown = first.with(first.length - 8, 99);
    const [, steady] = FIXTURE.program.segments;
    const named = steady.records.findIndex(({ scalar }) => scalar === keccak256(first));
    const renamed = steady.records.map((record, i) =>
      i === named ? { ...record, scalar: keccak256(unknown) } : record,
    );
    const program = { ...FIXTURE.program, segments: [FIXTURE.program.segments[0], { ...steady, records: renamed }] };
    const decoded = encodeProgram(program);
    await assertClaimingIsFraud({ ...decoded, scalars: [...decoded.scalars, unknown] }, FLAW.scalar, own);
    assert.ok(encodeScalar(FIXTURE.program.scalars.values().next().value!).length < 16_384);
  });

  it("attack e (planted NaN payloads): an honest solver outlasts them, one that keeps a payload does not", async () => {
    const x = FIXTURE.inputs[0].slice();
    for (const [i, word] of [0xffc00000, 0x7f800001, 0xffffffff, 0x80000000].entries()) x[150 * i + 7] = word;
    const planted = { ...FIXTURE, inputs: [x, FIXTURE.inputs[1]] };
    const honest = runFixture(planted, STEPS);
    const step = 1;
    const words = honest.tensorsAt(step).scratch[4];
    const element = words.indexOf(NAN);
    assert.ok(element >= 0, "no NaN reaches the primitive");
    const keeping = runFixture(planted, STEPS, { tamper: { step, primitive: 4, element, xor: 0x80000000 } });
    const right = await start(honest);
    const refusals: string[] = [];
    await play(right, [
      honestClaimant(claimant, honest),
      untilRefused(honestChallenger(challenger, keeping), refusals),
    ]);
    assert.match(refusals[0], /nothing is wrong/);
    await assertFinal(right, { challenger: DEPOSIT });
    // The proof that its authors would have liked to hold says nothing about the honest claim.
    const wrong = await start(keeping);
    await play(wrong, [honestClaimant(claimant, keeping), honestChallenger(challenger, honest)]);
    const [{ args }] = await game.getEvents.FraudProven({ claimId: wrong.claimId }, { fromBlock: 0n });
    assert.deepEqual([args.claimed, args.computed], [(NAN | 0x80000000) >>> 0, NAN]);
    assert.equal(await statusOf(wrong), CLAIM.slashed);
  });

  it("attack f (closing a challenge with a correct leaf): only a challenger proves, and what is right ends nothing", async () => {
    const lying = LIE.run("full");
    const match = await start(lying);
    const challengeId = await challenged(match, lying);
    const before = await game.read.challengeOf([challengeId]);
    const fraud = findFraud(own, lying)!;
    assert.ok(fraud.kind === 0);
    const right: FraudProof = { kind: 0, proof: { ...fraud.proof, element: fraud.proof.element - 1 } };
    for (const account of [claimant, stranger, operator]) {
      assert.equal(await refusal(game.write.prove(proveArgs(match, right), { account })), "WrongTurn");
      // In a challenge of its own it ends not even that one.
      await challenged(match, lying, account);
      assert.equal(await refusal(game.write.prove(proveArgs(match, right), { account })), "ElementMatches");
      const mine = await game.read.challengeIdOf([match.claimId, account, 1n]);
      assert.equal((await game.read.challengeOf([mine])).status, CHALLENGE.claimantTurn);
    }
    assert.deepEqual(await game.read.challengeOf([challengeId]), before);
    await game.write.prove(proveArgs(match, fraud), { account: challenger });
    assert.equal(await statusOf(match), CLAIM.slashed);
  });

  it("attack g (garbage past the end): words convict, nodes cannot be opened", async () => {
    // Words past a tensor's end: the only lie of the trace.
    const padded = LIES.find(({ kind }) => kind === 2)!;
    const lying = padded.run("full");
    const words = await start(lying);
    await play(words, [honestClaimant(claimant, lying), honestChallenger(challenger, own)]);
    assert.equal(await statusOf(words), CLAIM.slashed);
    // A node past the last of three steps.
    const three = runFixture(FIXTURE, 3);
    const claimed = claimedOf(three, operator);
    const { scratchRoot, stateRoot, stepSiblings } = claimed.shown;
    const last = keccak256(concatHex([scratchRoot, stateRoot]));
    const siblings = [OTHER, stepSiblings[1]];
    const traceRoot = rootFromPath(last, 2, 3, siblings);
    const match = await start(three, { ...claimed, traceRoot, shown: { ...claimed.shown, stepSiblings: siblings } });
    await challenged(match, three);
    const leaves = [0, 1, 2].map((index) => viewOfRun(three).node({ section: 0, height: 0, step: 0, item: 0, index }));
    for (const [past, error] of [
      [OTHER, "ZeroNodeRule"],
      [`0x${"00".repeat(32)}`, "OpeningMismatch"],
    ] as const) {
      const opening = game.write.open([match.claimId, challenger, 1n, [...leaves, past]], { account: claimant });
      assert.equal(await refusal(opening), error);
    }
    await networkHelpers.time.increase(201);
    await game.write.timeout([match.claim, challenger, 1n], { account: second });
    assert.equal(await statusOf(match), CLAIM.slashed);
    assert.equal(await game.read.creditOf([challenger]), BOUNTY + DEPOSIT + FEE);
  });
});
