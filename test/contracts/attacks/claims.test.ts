// Attacks on what a claim promises: that its roots were computed by the claimant, that its inputs and program can be had, that
// it says one thing to everybody. Each test is a row of docs/attacks.md, named after the incident it comes from.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, type Address, type Hex } from "viem";

import {
  demandOf,
  makeProgram,
  makeTrace,
  nodeAt,
  openingOf,
  outputsShown,
  SECTION,
  stateRootOf,
  ZERO,
  type Position,
  type Trace,
} from "../support/trace.ts";
import {
  assertSolvent,
  at,
  BOND,
  challengeUntilOf,
  CLAIM,
  commit,
  createWorld,
  DEFERRED_TRACE,
  FEE,
  forfeit,
  openChallenge,
  prepare,
  registrationOf,
  reveal,
  revealByOf,
  revealedClaim,
  SINK,
  SMALL_TRACE,
  timeOut,
  topOf,
  type Commitment,
} from "../support/world.ts";

const OTHER = keccak256("0xff");
const place = (section: number, height: number, step: number, item: number, index: number): Position => ({
  section,
  height,
  step,
  item,
  index,
});
const STEP = place(SECTION.steps, 0, 0, 0, 1);

describe("attacks on what a claim promises", async () => {
  const world = await createWorld();
  const { viem, game, claims, programs, accounts, networkHelpers, client } = world;
  const { claimant, challenger, second, stranger, operator } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const failsWith = viem.assertions.revertWithCustomError;

  async function begin(): Promise<void> {}
  const fixture = () => networkHelpers.loadFixture(begin);
  const revealOf = async ({ claim, trace }: Commitment, account: Address, claimId: Hex) =>
    claims.write.reveal([claim, await revealByOf(world, claimId), trace.outputRoots, outputsShown(trace)], { account });

  it("incident 27 (Felten and Truebit, lazy copying): a copied commitment cannot be revealed, and a reveal comes too late", async () => {
    await fixture();
    const original = await prepare(world);
    await commit(world, original);
    // The copier sees the seal in the pool and commits to it, before anything is revealed.
    const { terms, seal, bondWei } = original;
    await claims.write.commit([terms, seal], { account: stranger, value: bondWei });
    const copiedId = await claims.read.claimIdOf([stranger, terms, bondWei, seal]);
    await reveal(world, original);
    // Now it knows what the seal hides, and its own seal hides something else.
    const copied = { ...original, claim: { ...original.claim, claimant: stranger } };
    assert.notEqual(await claims.read.idOf([copied.claim]), copiedId);
    await failsWith(revealOf(copied, stranger, copiedId), claims, "CommitmentMismatch");
    await failsWith(revealOf(original, stranger, original.claimId), claims, "CommitmentMismatch");
    // What it computes from the reveal is a claim of its own, later, with a window of its own; and the copied one burns.
    await at(world, (await revealByOf(world, copiedId)) + 1n);
    await forfeit(world, { ...original, claimId: copiedId, claimant: stranger });
    assert.equal(await claims.read.statusOf([copiedId]), CLAIM.forfeited);
    assert.equal(await client.getBalance({ address: SINK }), bondWei);
    const late = await revealedClaim(world, {}, { claimant: stranger });
    const until = await challengeUntilOf(world, original.claimId);
    assert.ok((await challengeUntilOf(world, late.claimId)) > until);
    // Seals of the same result tell nothing: not that they are of the same one.
    const salted = await prepare(world, {}, { salt: OTHER });
    const ofAnother = await prepare(world, {}, { claimant: second });
    assert.equal(new Set([seal, salted.seal, ofAnother.seal]).size, 3);
    await assertSolvent(world);
  });

  it("attack a (withheld inputs or program): whatever a claim rests on can be demanded, or it cannot be claimed", async () => {
    await fixture();
    const shape = { segments: [{ steps: 0, lengths: [7] }], inputs: [], slots: [], outputs: [7] };
    const unpublished = makeTrace(makeProgram(shape, ["0x5eed"]), 1, 3);
    const { terms, seal } = await prepare(world, {}, { trace: unpublished });
    const early = claims.write.commit([terms, seal], { account: claimant, value: BOND });
    await fails(early, claims, "ProgramNotRegistered", [terms.programRoot]);
    // Registration needs every byte, and publishes it.
    const [summary, table, bindings, records, scalars, mirrors] = registrationOf(unpublished);
    const without = programs.write.register([summary, table, bindings, records, [], mirrors]);
    await failsWith(without, programs, "ScalarMissing");
    await programs.write.register([summary, table, bindings, records, scalars, mirrors]);
    const [published] = await programs.getEvents.ProgramPublished({}, { fromBlock: "latest" });
    assert.deepEqual([published.args.records, published.args.scalars], [records, scalars]);

    // Inputs that nobody ever saw: their roots, then each of their chunks, are demanded from who claimed them.
    for (const position of [
      place(SECTION.inputs, 1, 0, 0, 0),
      place(SECTION.table, 6, 0, 1, 0),
      place(SECTION.table, 0, 0, 1, 32),
      place(SECTION.table, 0, 0, 2, 1),
      place(SECTION.constant, 0, 0, 1, 39),
    ]) {
      await fixture();
      const claim = await revealedClaim(world);
      const challenge = await openChallenge(world, claim, challenger, demandOf(SMALL_TRACE, position));
      await at(world, (await game.read.deadlineOf([challenge.challengeId])) + 1n);
      await timeOut(world, challenge, stranger);
      assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.slashed);
      assert.equal(await client.getBalance({ address: SINK }), BOND - BOND / 4n - FEE);
      await assertSolvent(world);
    }
  });

  it("attack b (commit, look, abort): a commitment that is not revealed burns its whole bond", async () => {
    await fixture();
    const aborted = await prepare(world);
    await commit(world, aborted);
    const revealBy = await revealByOf(world, aborted.claimId);
    await fails(forfeit(world, aborted), claims, "RevealPending", [aborted.claimId, revealBy]);
    assert.equal(await client.getBalance({ address: claims.address }), BOND);
    await at(world, revealBy + 1n);
    await fails(reveal(world, aborted), claims, "RevealTooLate", [aborted.claimId, revealBy]);
    await forfeit(world, aborted);
    assert.equal(await client.getBalance({ address: SINK }), BOND);
    assert.equal(await claims.read.creditOf([claimant]), 0n);
    // It is gone for good: neither revealed, nor committed to, nor forfeited again.
    await failsWith(reveal(world, aborted), claims, "CommitmentMismatch");
    await failsWith(forfeit(world, aborted), claims, "CommitmentMismatch");
    await fails(commit(world, aborted), claims, "ClaimExists", [aborted.claimId]);
    await assertSolvent(world);
  });

  it("attack c (salt grinding): one live commitment for a run, and the next one costs the bond of the last", async () => {
    await fixture();
    const first = await prepare(world);
    await commit(world, first);
    const { programRoot, inputsRoot, steps } = first.terms;
    const live = await claims.read.commitmentOf([claimant, programRoot, inputsRoot, steps]);
    assert.notEqual(live, ZERO);
    // Another salt, bond, fee, task, operator or trace mode is the same run.
    const others = [
      await prepare(world, {}, { salt: OTHER }),
      await prepare(world, {}, { bondWei: 2n * BOND }),
      await prepare(world, { moveFeeWei: 2n * FEE }),
      await prepare(world, { taskId: OTHER }),
      await prepare(world, { operator: stranger }),
      await prepare(world, {}, { trace: DEFERRED_TRACE }),
    ];
    for (const other of others) await fails(commit(world, other), claims, "CommitmentLive", [live]);
    // Not even when its time is over: somebody must burn it first.
    await at(world, (await revealByOf(world, first.claimId)) + 1n);
    await fails(commit(world, others[0]), claims, "CommitmentLive", [live]);
    await forfeit(world, first);
    await commit(world, others[0]);
    assert.equal(await client.getBalance({ address: SINK }), BOND);
    await assertSolvent(world);
  });

  it("attack h (equivocated deferred roots): a step is posted once, to everybody, and what was posted convicts", async () => {
    await fixture();
    const claim = await revealedClaim(world, { operator }, { trace: DEFERRED_TRACE });
    const ask = (account: Address) => openChallenge(world, claim, account, demandOf(DEFERRED_TRACE, STEP));
    const [right, wrong] = [openingOf(DEFERRED_TRACE, STEP), openingOf(DEFERRED_TRACE, STEP).with(0, OTHER)];
    const post = (challenge: Awaited<ReturnType<typeof ask>>, nodes: Hex[], account: Address) => {
      const { claim: preimage, challenger: of, nonce } = challenge;
      return game.write.openStep([preimage, of, nonce, stateRootOf(DEFERRED_TRACE, 1), nodes], { account });
    };
    const [first, other, own] = [await ask(challenger), await ask(second), await ask(claimant)];
    // Posted to itself first, so that others are shown something else: they are not.
    await post(own, wrong, claimant);
    const posted = await game.read.scratchRootOf([claim.claimId, 1]);
    for (const account of [claimant, operator]) {
      await failsWith(post(first, right, account), game, "PostedRootMismatch");
      await failsWith(post(other, right, account), game, "PostedRootMismatch");
    }
    await post(first, wrong, stranger);
    await post(other, wrong, stranger);
    for (const challenge of [first, other]) {
      assert.equal((await game.read.challengeOf([challenge.challengeId])).node, posted);
    }
    // The node that was made up has no preimage, in whichever challenge it is demanded.
    const lie = { ...demandOf(DEFERRED_TRACE, place(SECTION.scratchTensor, 2, 1, 0, 0)), node: OTHER };
    await game.write.enter([first.body, first.nonce, OTHER, 0, [right[1]], lie.shown], { account: challenger });
    await at(world, (await game.read.deadlineOf([first.challengeId])) + 1n);
    await timeOut(world, first);
    assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.slashed);
  });

  it("attack k (unbound outputs, no steps): outputs are shown under the last step, and there is a last step", async () => {
    await fixture();
    const [program, zero] = [SMALL_TRACE.program, { ...SMALL_TRACE, steps: [] }];
    await fails(commit(world, await prepare(world, {}, { trace: zero })), claims, "StepsOutOfRange", [0, 2 ** 20]);

    const tryReveal = async (trace: Trace, shown: ReturnType<typeof outputsShown>): Promise<Hex> => {
      const claim = await prepare(world, {}, { trace });
      await commit(world, claim);
      const revealBy = await revealByOf(world, claim.claimId);
      return claims.write.reveal([claim.claim, revealBy, trace.outputRoots, shown], { account: claimant });
    };
    const shown = outputsShown(SMALL_TRACE);
    const { outputRoots, steps } = SMALL_TRACE;
    const early = outputsShown({ ...SMALL_TRACE, steps: steps.slice(0, 2) });
    for (const [name, trace, bad] of [
      ["other roots", { ...SMALL_TRACE, outputRoots: outputRoots.with(0, OTHER) }, shown],
      ["too few", { ...SMALL_TRACE, outputRoots: outputRoots.slice(1) }, shown],
      ["another order", { ...SMALL_TRACE, outputRoots: outputRoots.toReversed() }, shown],
      ["those of an earlier step", SMALL_TRACE, early],
      ["the root of another state", SMALL_TRACE, { ...shown, stateRoot: nodeAt(SMALL_TRACE, topOf(SMALL_TRACE)) }],
      ["another trace", { ...SMALL_TRACE, traceRoot: OTHER }, shown],
      ["another program", SMALL_TRACE, { ...shown, summary: `${program.summary}00` as Hex }],
    ] as const) {
      await fixture();
      await assert.rejects(tryReveal(trace, bad), /OutputsMismatch|OutputCountMismatch|ProgramRootMismatch/, name);
    }
    await fixture();
    await tryReveal(SMALL_TRACE, shown);
  });

  it("attack m (an inputs root of nothing): a root that no input can be demanded under is refused at the reveal", async () => {
    await fixture();
    // The trace may say anything of inputs under a zero: no node of theirs could be shown, and no proof read one.
    const nothing = await prepare(world, { inputsRoot: ZERO });
    await commit(world, nothing);
    await fails(reveal(world, nothing), claims, "InputsRootUnfit", [ZERO, 2n]);
    // And a program without inputs has no other root than zero, so that a run has one name.
    const shape = { segments: [{ steps: 0, lengths: [7] }], inputs: [], slots: [], outputs: [7] };
    const trace = makeTrace(makeProgram(shape, ["0x5eed"]), 1, 3);
    await programs.write.register(registrationOf(trace));
    const named = await prepare(world, { inputsRoot: OTHER }, { trace });
    await commit(world, named);
    await fails(reveal(world, named), claims, "InputsRootUnfit", [OTHER, 0n]);
    await revealedClaim(world, { inputsRoot: ZERO }, { trace });
    // What cannot be revealed burns.
    await at(world, (await revealByOf(world, named.claimId)) + 1n);
    for (const one of [nothing, named]) await forfeit(world, one);
    assert.equal(await client.getBalance({ address: SINK }), 2n * BOND);
    await assertSolvent(world);
  });
});
