// Attacks on identity: what belongs to one claim, challenge or node and is passed off as another's. Each test is a row of
// docs/attacks.md, named after the incident it comes from. The referees believe any proof here: what a proof may say is not
// the question, but whom it can hit.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { concatHex, encodeFunctionData, keccak256, numberToHex, pad, size, sliceHex, type Hex } from "viem";

import {
  chunkOf,
  demandOf,
  makeTrace,
  nodeAt,
  openingOf,
  outputsShown,
  pathBetween,
  scratchRootAt,
  SECTION,
  stateRootOf,
  type Position,
} from "../support/trace.ts";
import {
  answerAt,
  CHALLENGE,
  challengeUntilOf,
  CLAIM,
  commit,
  commitmentOf,
  createWorld,
  DEFERRED_TRACE,
  demandTop,
  DEPOSIT,
  openChallenge,
  openTop,
  PARAMETERS,
  prepare,
  proofOfFault,
  prove,
  reveal,
  revealByOf,
  revealedClaim,
  SMALL_TRACE,
  timeOut,
  topOf,
  type Claim,
} from "../support/world.ts";

const OTHER = keccak256("0xff");
const SALT = keccak256("0x53");
const PROOF = proofOfFault();
const TOP = topOf(SMALL_TRACE);
const place = (section: number, height: number, step: number, item: number, index: number): Position => ({
  section,
  height,
  step,
  item,
  index,
});
const stepAt = (step: number): Position => place(SECTION.steps, 0, 0, 0, step);
const ROOT = place(SECTION.scratchTensor, 7, 0, 1, 0);

describe("attacks on identity", async () => {
  const world = await createWorld();
  const { viem, game, claims, accounts, networkHelpers } = world;
  const { claimant, challenger, second, stranger, operator } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const failsWith = viem.assertions.revertWithCustomError;
  const account = challenger;

  async function begin() {
    const claim = await revealedClaim(world);
    return { claim, until: await challengeUntilOf(world, claim.claimId) };
  }
  const fixture = () => networkHelpers.loadFixture(begin);

  it("incident 7 (BoLD H-02, cross-tree credit): nothing shown for one claim counts for another", async () => {
    const { claim } = await fixture();
    // A claim of the same program whose words differ, and one of the same words with other inputs.
    const trace = makeTrace(SMALL_TRACE.program, 3, 0xbad);
    const other = await revealedClaim(world, {}, { trace });
    const twin = await revealedClaim(world, { inputsRoot: OTHER });
    const mine = await openChallenge(world, claim, challenger);
    await openTop(world, mine, claimant);

    // Its nodes do not stand under this claim's root, by an absolute demand or a relative one.
    const foreign = demandOf(trace, ROOT);
    await failsWith(game.write.demand([claim.claim, mine.nonce, foreign], { account }), game, "TraceRootMismatch");
    const lower = { ...TOP, height: 1 };
    const args = [claim.claimId, mine.nonce, nodeAt(trace, lower), 0, pathBetween(trace, TOP, lower)] as const;
    await failsWith(game.write.descend(args, { account }), game, "OpenedNodeMismatch");
    // Its openings answer nothing here.
    await demandTop(world, mine);
    const opening = game.write.open([claim.claimId, challenger, mine.nonce, openingOf(trace, TOP)]);
    await failsWith(opening, game, "OpeningMismatch");
    // A challenge of it neither times out nor proves this one, and its number names none.
    for (const wrong of [other, twin]) {
      const named: [Hex, number] = [
        await game.read.challengeIdOf([wrong.claimId, challenger, mine.nonce]),
        CHALLENGE.none,
      ];
      const mixed = { ...mine, claim: wrong.claim, claimId: wrong.claimId };
      await fails(timeOut(world, mixed), game, "WrongTurn", named);
      await fails(prove(world, mixed), game, "WrongTurn", named);
      await fails(openTop(world, mixed, claimant), game, "WrongTurn", named);
    }
    // A committed proof is of the claim whose id it hashes.
    const commitment = await commitmentOf(world, twin.claimId, challenger, SALT, 0, PROOF);
    const value = PARAMETERS.proofBondWei;
    await game.write.commitProof([claim.claimId, mine.nonce, commitment], { account, value });
    const needed = await commitmentOf(world, claim.claimId, challenger, SALT, 0, PROOF);
    const revealed = game.write.revealProof([claim.claim, 0, PROOF, 0, SALT], { account });
    await fails(revealed, game, "ProofNotCommitted", [claim.claimId, challenger, needed]);
    const elsewhere = game.write.revealProof([twin.claim, 0, PROOF, 0, SALT], { account });
    await fails(elsewhere, game, "ProofNotCommitted", [twin.claimId, challenger, commitment]);
    for (const { claimId } of [claim, other, twin]) assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
  });

  it("incident 14 (second preimages, node as leaf): no node passes for one of another height, kind or length", async () => {
    const { claim } = await fixture();
    const mine = await openChallenge(world, claim, challenger, demandOf(SMALL_TRACE, ROOT));
    await answerAt(world, mine, ROOT, claimant);
    const { nonce, claimId } = mine;
    const demand = (position: Position, node: Hex, path: Hex[]) =>
      game.write.demand([claim.claim, nonce, { node, position, path, shown: demandOf(SMALL_TRACE, ROOT).shown }], {
        account,
      });
    const inner = { ...ROOT, height: 2, index: 3 };
    const { node, path } = demandOf(SMALL_TRACE, inner);
    // An inner node as a chunk: with its own, shorter path, and with one that is filled up.
    for (const shown of [path, [OTHER, OTHER, ...path]]) {
      const leaf = { ...ROOT, height: 0, index: 12 };
      await failsWith(demand(leaf, node, shown), game, shown === path ? "PathLengthMismatch" : "TraceRootMismatch");
    }
    // A leaf as an inner node.
    const chunk = demandOf(SMALL_TRACE, { ...ROOT, height: 0, index: 3 });
    await failsWith(demand({ ...ROOT, height: 1, index: 3 }, chunk.node, chunk.path), game, "PathLengthMismatch");
    // 64 bytes are no chunk, and 1,024 bytes no node.
    await demand(inner, node, path);
    const children = openingOf(SMALL_TRACE, { ...inner, height: 1, index: 6 });
    const asChunk = game.write.openChunk([claimId, challenger, nonce, concatHex(children)]);
    await fails(asChunk, game, "OpeningKindMismatch", [SECTION.scratchTensor, 2]);
    const short = game.write.open([claimId, challenger, nonce, children]);
    await fails(short, game, "OpeningLengthMismatch", [4n, 2n]);
    await answerAt(world, mine, inner, claimant);
    const leaf = { ...ROOT, height: 0, index: 12 };
    await game.write.demand([claim.claim, nonce, demandOf(SMALL_TRACE, leaf)], { account });
    for (const bytes of [concatHex(children), chunkOf(SMALL_TRACE, leaf).slice(0, -2) as Hex]) {
      const opened = game.write.openChunk([claimId, challenger, nonce, bytes]);
      await fails(opened, game, "OpeningLengthMismatch", [1024n, BigInt(size(bytes))]);
    }
    await answerAt(world, mine, leaf, claimant);
  });

  it("incident 15 (Optimism, unbound parameters): values that do not fit their type or the claim are refused", async () => {
    const { claim } = await fixture();
    for (const steps of [0, 2 ** 20 + 1, 2 ** 32 - 1]) {
      await fails(commit(world, await prepare(world, { steps })), claims, "StepsOutOfRange", [steps, 2 ** 20]);
    }
    const maxFee = claim.bondWei / 512n;
    const min = PARAMETERS.minMoveFeeWei;
    for (const moveFeeWei of [0n, min - 1n, maxFee + 1n, 2n ** 256n - 1n]) {
      const bad = await prepare(world, { moveFeeWei });
      await fails(commit(world, bad), claims, "MoveFeeOutOfRange", [moveFeeWei, min, maxFee]);
    }
    // A field with bits above its type: the game reads no truncated section, height, index, step, kind or number.
    const mine = await openChallenge(world, claim, challenger);
    await openTop(world, mine, claimant);
    const demanded = encodeFunctionData({
      abi: game.abi,
      functionName: "demand",
      args: [claim.claim, mine.nonce, demandOf(SMALL_TRACE, ROOT)],
    });
    const proven = encodeFunctionData({
      abi: game.abi,
      functionName: "prove",
      args: [claim.claim, mine.nonce, 0, PROOF, 0],
    });
    const wallet = await viem.getWalletClient(challenger);
    const before = await game.read.challengeOf([mine.challengeId]);
    const dirty = (data: Hex, word: number): Hex => {
      const offset = 4 + 32 * word;
      return concatHex([sliceHex(data, 0, offset), "0x01", sliceHex(data, offset + 1)]);
    };
    // The claim has 12 words (its operator in the sixth, the steps in the fourth), then the number; the demand's struct starts
    // after 14 words, its position in its second to sixth.
    const attempts: [Hex, number][] = [
      [demanded, 0],
      [demanded, 3],
      [demanded, 4],
      [demanded, 5],
      [demanded, 12],
      ...[15, 16, 17, 18, 19].map((word): [Hex, number] => [demanded, word]),
      [proven, 12],
      [proven, 13],
      [proven, 15],
    ];
    for (const [data, word] of attempts) {
      await assert.rejects(
        wallet.sendTransaction({ to: game.address, data: dirty(data, word), gas: 5_000_000n }),
        `word ${word}`,
      );
    }
    assert.deepEqual(await game.read.challengeOf([mine.challengeId]), before);
    assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.revealed);
    // Without those bits both calls are taken.
    await wallet.sendTransaction({ to: game.address, data: demanded });
    await wallet.sendTransaction({ to: game.address, data: proven });
    assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.slashed);
  });

  it("incident 16 (Optimism, replay and squatting of ids): nobody takes another's id, and no tail mints a second", async () => {
    const { claim } = await fixture();
    // The same terms and seal by somebody else are another claim; the same claim twice is one.
    const mine = await prepare(world, { inputsRoot: OTHER });
    const squat = await claims.read.claimIdOf([stranger, mine.terms, mine.bondWei, mine.seal]);
    assert.notEqual(squat, mine.claimId);
    await claims.write.commit([mine.terms, mine.seal], { account: stranger, value: mine.bondWei });
    await commit(world, mine);
    const data = encodeFunctionData({ abi: claims.abi, functionName: "commit", args: [mine.terms, mine.seal] });
    const wallet = await viem.getWalletClient(claimant);
    const tail = { to: claims.address, data: concatHex([data, "0xdeadbeef"]), value: mine.bondWei };
    await assert.rejects(wallet.sendTransaction(tail), /CommitmentLive/);
    await reveal(world, mine);
    await assert.rejects(wallet.sendTransaction(tail), /ClaimExists/);
    // A challenge's number belongs to its challenger.
    const first = demandOf(SMALL_TRACE, TOP);
    await game.write.challenge([claim.claim, 7n, first], { account: stranger, value: DEPOSIT });
    await game.write.challenge([claim.claim, 7n, first], { account: challenger, value: DEPOSIT });
    const again = game.write.challenge([claim.claim, 7n, first], { account: challenger, value: DEPOSIT });
    const challengeId = await game.read.challengeIdOf([claim.claimId, challenger, 7n]);
    await fails(again, game, "ChallengeExists", [challengeId]);
    // Another registry of the same code gives other ids, and its game another challenge.
    const registry = await viem.deployContract("ClaimRegistry", [
      world.programs.address,
      PARAMETERS.minBondWei,
      PARAMETERS.minMoveFeeWei,
      100,
      1_000,
      300,
      pad("0x", { size: 20 }),
    ]);
    assert.notEqual(await registry.read.idOf([claim.claim]), claim.claimId);
    assert.equal(await claims.read.idOf([claim.claim]), claim.claimId);
  });

  it("incident 17 (Optimism, re-org retargeting): a move that was meant for another node or claim fails", async () => {
    const { claim } = await fixture();
    const { claimId } = claim;
    const [left, right] = [3, 4].map((index) => ({ ...ROOT, height: 2, index }));
    const demand = (position: Position) =>
      game.write.demand([claim.claim, 1n, demandOf(SMALL_TRACE, position)], { account });
    const answer = (position: Position) =>
      game.write.open([claimId, challenger, 1n, openingOf(SMALL_TRACE, position)], { account: claimant });
    await game.write.challenge([claim.claim, 1n, demandOf(SMALL_TRACE, ROOT)], { account, value: DEPOSIT });
    await answer(ROOT);
    const fork = await networkHelpers.takeSnapshot();

    // One node is demanded, and answered, and the challenger goes on below it.
    await demand(left);
    await answer(left);
    const chunk = { ...ROOT, height: 0, index: 12 };
    const path = pathBetween(SMALL_TRACE, left, chunk);
    const descend = (index: number) =>
      game.write.descend([claimId, 1n, nodeAt(SMALL_TRACE, chunk), index, path], { account });
    await descend(chunk.index);
    await fork.restore();

    // After the re-org the next one was demanded: the same answer, and the same move below, hit nothing.
    await demand(right);
    await failsWith(answer(left), game, "OpeningMismatch");
    await answer(right);
    await failsWith(descend(chunk.index), game, "NodeNotBelow");
    await failsWith(descend(4 * right.index), game, "OpenedNodeMismatch");

    // A claim that no longer exists: its moves name its hash, and so nothing. The next claim in its place is another.
    const gone = await networkHelpers.takeSnapshot();
    const lost = await revealedClaim(world, { inputsRoot: OTHER });
    await gone.restore();
    const instead = await revealedClaim(world, { inputsRoot: OTHER }, { salt: keccak256("0x04") });
    assert.notEqual(instead.claimId, lost.claimId);
    const opening = game.write.challenge([lost.claim, 2n, demandOf(SMALL_TRACE, TOP)], { account, value: DEPOSIT });
    await fails(opening, game, "ClaimStatusUnfit", [lost.claimId, CLAIM.none]);
    assert.equal(await game.read.openChallengesOf([instead.claimId]), 0n);
  });

  it("incident 23 (Optimism, data of a long process): one changed bit of a claim is another claim", async () => {
    const { claim, until } = await fixture();
    const mine = await openChallenge(world, claim, challenger);
    const { terms } = claim.claim;
    const changed: Claim[] = [
      { ...claim.claim, claimant: stranger },
      { ...claim.claim, bondWei: claim.bondWei + 10n ** 9n },
      { ...claim.claim, traceRoot: OTHER },
      { ...claim.claim, outputsHash: OTHER },
      { ...claim.claim, salt: OTHER },
      { ...claim.claim, terms: { ...terms, programRoot: OTHER } },
      { ...claim.claim, terms: { ...terms, inputsRoot: OTHER } },
      { ...claim.claim, terms: { ...terms, steps: terms.steps + 1 } },
      { ...claim.claim, terms: { ...terms, traceMode: 1 } },
      { ...claim.claim, terms: { ...terms, operator: stranger } },
      { ...claim.claim, terms: { ...terms, taskId: OTHER } },
      { ...claim.claim, terms: { ...terms, moveFeeWei: terms.moveFeeWei + 1n } },
    ];
    const undo = await networkHelpers.takeSnapshot();
    for (const other of changed) {
      const claimId = await claims.read.idOf([other]);
      assert.notEqual(claimId, claim.claimId);
      const named: [Hex, number] = [await game.read.challengeIdOf([claimId, challenger, mine.nonce]), CHALLENGE.none];
      const moves = [
        game.write.timeout([other, challenger, mine.nonce]),
        game.write.close([other, challenger, mine.nonce]),
        game.write.prove([other, mine.nonce, 0, PROOF, 0], { account }),
        game.write.demand([other, mine.nonce, demandOf(SMALL_TRACE, TOP)], { account }),
        game.write.openStep([other, challenger, mine.nonce, OTHER, [OTHER]]),
      ];
      for (const move of moves) await fails(move, game, "WrongTurn", named);
      const value = await game.read.depositOf([other.terms.moveFeeWei]);
      const opened = game.write.challenge([other, 9n, demandOf(SMALL_TRACE, TOP)], { account, value });
      await fails(opened, game, "ClaimStatusUnfit", [claimId, CLAIM.none]);
      await networkHelpers.time.increaseTo(until + 10_000n);
      const final = claims.write.finalize([other]);
      await fails(final, claims, "ClaimStatusMismatch", [claimId, CLAIM.revealed, CLAIM.none]);
      await undo.restore();
    }
    // Nothing that anyone calls moves the end of the window.
    await openTop(world, mine, claimant);
    await game.write.commitProof([claim.claimId, mine.nonce, SALT], { account, value: PARAMETERS.proofBondWei });
    assert.equal(await challengeUntilOf(world, claim.claimId), until);
    const revealBy = await revealByOf(world, claim.claimId);
    const twice = claims.write.reveal([claim.claim, revealBy, SMALL_TRACE.outputRoots, outputsShown(SMALL_TRACE)]);
    await failsWith(twice, claims, "CommitmentMismatch");
    assert.equal(await challengeUntilOf(world, claim.claimId), until);
    // Nor a step that was posted.
    const deferred = await revealedClaim(world, { operator }, { trace: DEFERRED_TRACE });
    const asked = await openChallenge(world, deferred, second, demandOf(DEFERRED_TRACE, stepAt(1)));
    await answerAt(world, asked, stepAt(1), operator);
    const again = await openChallenge(world, deferred, second, demandOf(DEFERRED_TRACE, stepAt(1)));
    const nodes = openingOf(DEFERRED_TRACE, stepAt(1)).with(0, numberToHex(1, { size: 32 }));
    const args = [deferred.claim, second, again.nonce, stateRootOf(DEFERRED_TRACE, 1), nodes] as const;
    await failsWith(game.write.openStep(args, { account: operator }), game, "PostedRootMismatch");
    const posted = await game.read.scratchRootOf([deferred.claimId, 1]);
    assert.equal(posted, nodeAt(DEFERRED_TRACE, scratchRootAt(DEFERRED_TRACE, 1)));
  });
});
