// ClaimRegistry: parameters, binding, commitments, reveals, finality and forfeits. Slashing by the game is in
// dispute-money.test.ts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  concatHex,
  encodeFunctionData,
  keccak256,
  parseGwei,
  stringToHex,
  zeroAddress,
  type Address,
  type Hex,
} from "viem";

import { outputsShown, ZERO } from "./support/trace.ts";
import {
  assertSolvent,
  at,
  BOND,
  CLAIM,
  commit,
  createWorld,
  FEE,
  HIGH_FEE,
  now,
  openChallenge,
  PARAMETERS,
  prepare,
  reveal,
  revealedClaim,
  SINK,
  SMALL_TRACE,
  type Terms,
} from "./support/world.ts";

const UNKNOWN = keccak256("0xff");
const MAX_BOND = (2n ** 48n - 1n) * parseGwei("1");

describe("ClaimRegistry", async () => {
  const world = await createWorld();
  const { viem, programs, claims, game, accounts, networkHelpers, client } = world;
  const { claimant, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;
  const fixture = () => networkHelpers.loadFixture(begin);
  async function begin(): Promise<void> {}

  describe("deployment", () => {
    const good: [Address, bigint, bigint, number, number, number] = [programs.address, 512n, 1n, 1, 1, 1];

    for (const [name, index, floor] of [
      ["minMoveFeeWei", 2, 1n],
      ["revealSeconds", 3, 1n],
      ["windowSeconds", 4, 1n],
      ["proofRevealSeconds", 5, 1n],
    ] as const) {
      it(`refuses ${name} of zero`, async () => {
        const parameters = good.with(index, index === 2 ? 0n : 0) as typeof good;
        const encoded = stringToHex(name, { size: 32 });
        await fails(viem.deployContract("ClaimRegistry", parameters), claims, "ParameterBelowFloor", [
          encoded,
          0n,
          floor,
        ]);
      });
    }

    it("refuses a minimal bond that allows no move fee", async () => {
      await viem.assertions.revertWithCustomError(
        viem.deployContract("ClaimRegistry", [programs.address, 511n, 1n, 1, 1, 1]),
        claims,
        "ParameterBelowFloor",
      );
    });

    it("binds one dispute game, by the deployer, that has code", async () => {
      await fixture();
      const unbound = await viem.deployContract("ClaimRegistry", good);
      const { terms, seal } = await prepare(world);
      await fails(unbound.write.commit([terms, seal], { value: BOND }), unbound, "DisputeGameNotBound", []);
      await fails(unbound.write.bindDisputeGame([game.address], { account: stranger }), unbound, "NotDeployer", [
        stranger,
      ]);
      await fails(unbound.write.bindDisputeGame([stranger]), unbound, "DisputeGameWithoutCode", [stranger]);
      await emits(unbound.write.bindDisputeGame([game.address]), unbound, "DisputeGameBound", [game.address]);
      await fails(unbound.write.bindDisputeGame([game.address]), unbound, "DisputeGameAlreadyBound", [game.address]);
    });
  });

  describe("commit", () => {
    const termCases: [string, Partial<Terms>, bigint, string, readonly unknown[]][] = [
      ["a deferred trace", { traceMode: 1 }, BOND, "TraceModeUnsupported", [1]],
      ["no steps", { steps: 0 }, BOND, "StepsOutOfRange", [0, 2 ** 20]],
      ["more than 2^20 steps", { steps: 2 ** 20 + 1 }, BOND, "StepsOutOfRange", [2 ** 20 + 1, 2 ** 20]],
      [
        "a bond below the minimum",
        {},
        PARAMETERS.minBondWei - 1n,
        "BondOutOfRange",
        [PARAMETERS.minBondWei - 1n, PARAMETERS.minBondWei, MAX_BOND],
      ],
      ["a bond that is no whole number of gwei", {}, BOND + 1n, "BondNotWholeGwei", [BOND + 1n]],
      [
        "a move fee below the minimum",
        { moveFeeWei: PARAMETERS.minMoveFeeWei - 1n },
        BOND,
        "MoveFeeOutOfRange",
        [PARAMETERS.minMoveFeeWei - 1n, PARAMETERS.minMoveFeeWei, HIGH_FEE],
      ],
      [
        "a move fee that would price challengers out",
        { moveFeeWei: HIGH_FEE + 1n },
        BOND,
        "MoveFeeOutOfRange",
        [HIGH_FEE + 1n, PARAMETERS.minMoveFeeWei, HIGH_FEE],
      ],
    ];
    for (const [name, changes, bondWei, error, args] of termCases) {
      it(`refuses ${name}`, async () => {
        await fixture();
        const commitment = await prepare(world, changes, { bondWei });
        await fails(commit(world, commitment), claims, error as "StepsOutOfRange", args as [number, number]);
      });
    }

    it("refuses a program that is not registered", async () => {
      await fixture();
      const commitment = await prepare(world, { programRoot: UNKNOWN });
      await fails(commit(world, commitment), claims, "ProgramNotRegistered", [UNKNOWN]);
    });

    it("refuses a bond above what it can count", async () => {
      await fixture();
      await networkHelpers.setBalance(claimant, 2n * MAX_BOND);
      const bondWei = MAX_BOND + parseGwei("1");
      const commitment = await prepare(world, {}, { bondWei });
      await fails(commit(world, commitment), claims, "BondOutOfRange", [bondWei, PARAMETERS.minBondWei, MAX_BOND]);
    });

    it("keeps one unrevealed commitment per claimant, program, inputs and steps", async () => {
      await fixture();
      const first = await prepare(world);
      const rival = await prepare(world, {}, { salt: UNKNOWN });
      await commit(world, first);
      await fails(commit(world, rival), claims, "CommitmentLive", [first.claimId]);
      await commit(world, await prepare(world, { inputsRoot: UNKNOWN }));
      await commit(world, await prepare(world, {}, { claimant: stranger }));
      await reveal(world, first);
      await commit(world, rival);
      await assertSolvent(world);
    });

    it("refuses the same claim twice, even after its end", async () => {
      await fixture();
      const claim = await revealedClaim(world);
      await fails(commit(world, claim), claims, "ClaimExists", [claim.claimId]);
    });

    it("locks the bond and says everything but the roots", async () => {
      await fixture();
      const commitment = await prepare(world, { operator: stranger, taskId: UNKNOWN });
      const { claimId, terms, seal } = commitment;
      const revealBy = (await now(world)) + 10n + PARAMETERS.revealSeconds;
      await at(world, revealBy - PARAMETERS.revealSeconds);
      await emits(commit(world, commitment), claims, "ClaimCommitted", [
        claimId,
        claimant,
        terms.programRoot,
        terms.inputsRoot,
        terms.steps,
        0,
        stranger,
        UNKNOWN,
        BOND,
        FEE,
        seal,
        revealBy,
      ]);
      const claim = await claims.read.claimOf([claimId]);
      assert.deepEqual(
        [claim.status, claim.claimant, claim.revealBy, claim.challengeUntil, claim.bondWei],
        [CLAIM.committed, claimant, revealBy, 0n, BOND],
      );
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.committed);
      await assertSolvent(world);
    });

    it("binds the id to the chain, the registry, the claimant and every term", async () => {
      const { terms, seal } = await prepare(world);
      const ids = new Set<Hex>();
      const changes: Partial<Terms>[] = [
        {},
        { programRoot: UNKNOWN },
        { inputsRoot: UNKNOWN },
        { steps: 2 },
        { traceMode: 1 },
        { operator: stranger },
        { taskId: UNKNOWN },
        { moveFeeWei: 1n },
      ];
      for (const change of changes)
        ids.add(await claims.read.claimIdOf([claimant, { ...terms, ...change }, seal, BOND]));
      ids.add(await claims.read.claimIdOf([stranger, terms, seal, BOND]));
      ids.add(await claims.read.claimIdOf([claimant, terms, ZERO, BOND]));
      ids.add(await claims.read.claimIdOf([claimant, terms, seal, BOND + 1n]));
      assert.equal(ids.size, changes.length + 3);
    });
  });

  describe("reveal", () => {
    const shown = outputsShown(SMALL_TRACE);
    const { traceRoot, outputRoots, program } = SMALL_TRACE;

    async function committed() {
      await fixture();
      const commitment = await prepare(world);
      await commit(world, commitment);
      return commitment;
    }

    it("refuses a claim that is not committed", async () => {
      const claim = await committed();
      const other = { ...claim, claimId: UNKNOWN };
      await fails(reveal(world, other), claims, "ClaimStatusMismatch", [UNKNOWN, CLAIM.committed, CLAIM.none]);
      await reveal(world, claim);
      await fails(reveal(world, claim), claims, "ClaimStatusMismatch", [
        claim.claimId,
        CLAIM.committed,
        CLAIM.revealed,
      ]);
    });

    it("refuses a reveal that is late by a second", async () => {
      const claim = await committed();
      const { revealBy } = await claims.read.claimOf([claim.claimId]);
      await at(world, revealBy + 1n);
      await fails(reveal(world, claim), claims, "RevealTooLate", [claim.claimId, revealBy]);
    });

    it("refuses anything but what was committed", async () => {
      const claim = await committed();
      const { claimId, terms, salt } = claim;
      for (const args of [
        [claimId, { ...terms, steps: 2 }, traceRoot, outputRoots, salt, shown],
        [claimId, { ...terms, taskId: UNKNOWN }, traceRoot, outputRoots, salt, shown],
        [claimId, terms, UNKNOWN, outputRoots, salt, shown],
        [claimId, terms, traceRoot, outputRoots.toReversed(), salt, shown],
        [claimId, terms, traceRoot, outputRoots, UNKNOWN, shown],
      ] as const) {
        await viem.assertions.revertWithCustomError(claims.write.reveal(args), claims, "ClaimIdMismatch");
      }
    });

    it("refuses a summary that is not the claimed program", async () => {
      const claim = await committed();
      const summary = concatHex([program.summary, "0x00"]);
      const args = [claim.claimId, claim.terms, traceRoot, outputRoots, claim.salt, { ...shown, summary }] as const;
      await fails(claims.write.reveal(args), claims, "ProgramRootMismatch", [program.programRoot, keccak256(summary)]);
    });

    it("refuses outputs that are not the last step's", async () => {
      await fixture();
      const fewer = await prepare(world, {}, { trace: { ...SMALL_TRACE, outputRoots: outputRoots.slice(1) } });
      await commit(world, fewer);
      await fails(reveal(world, fewer), claims, "OutputCountMismatch", [3n, 2n]);

      await fixture();
      const swapped = await prepare(world, {}, { trace: { ...SMALL_TRACE, outputRoots: outputRoots.toReversed() } });
      await commit(world, swapped);
      await viem.assertions.revertWithCustomError(reveal(world, swapped), claims, "OutputsMismatch");

      await fixture();
      const zero = await prepare(
        world,
        {},
        { trace: { ...SMALL_TRACE, outputRoots: [ZERO, ...outputRoots.slice(1)] } },
      );
      await commit(world, zero);
      await fails(reveal(world, zero), claims, "ZeroLeaf", [2n]);
    });

    it("refuses paths that do not lead to the trace root or have another length", async () => {
      const claim = await committed();
      const call = (changes: Partial<typeof shown>) =>
        claims.write.reveal([claim.claimId, claim.terms, traceRoot, outputRoots, claim.salt, { ...shown, ...changes }]);
      const mismatch = { scratchRoot: UNKNOWN };
      await viem.assertions.revertWithCustomError(call(mismatch), claims, "OutputsMismatch");
      await viem.assertions.revertWithCustomError(call({ stateRoot: UNKNOWN }), claims, "OutputsMismatch");
      const short = shown.stepSiblings.slice(1);
      await fails(call({ stepSiblings: short }), claims, "SiblingCountMismatch", [2n, 1n]);
      const long = [...shown.outputSiblings, ZERO];
      await fails(call({ outputSiblings: long }), claims, "SiblingCountMismatch", [
        BigInt(shown.outputSiblings.length),
        BigInt(long.length),
      ]);
    });

    it("starts the challenge window, in the last second too", async () => {
      const claim = await committed();
      const { revealBy } = await claims.read.claimOf([claim.claimId]);
      await at(world, revealBy);
      const until = revealBy + PARAMETERS.windowSeconds;
      await emits(reveal(world, claim), claims, "ClaimRevealed", [claim.claimId, traceRoot, outputRoots, until]);
      assert.deepEqual(await claims.read.claimOf([claim.claimId]), {
        status: CLAIM.revealed,
        claimant,
        revealBy: 0n,
        challengeUntil: until,
        steps: 3,
        bondWei: BOND,
        moveFeeWei: FEE,
        programRoot: program.programRoot,
        inputsRoot: claim.terms.inputsRoot,
        traceRoot,
        taskId: ZERO,
      });
      assert.deepEqual(await claims.read.viewOf([claim.claimId]), {
        programRoot: program.programRoot,
        inputsRoot: claim.terms.inputsRoot,
        traceRoot,
        steps: 3,
      });
    });
  });

  describe("finalize", () => {
    it("refuses before T + R has passed, while a challenge is open, and twice", async () => {
      await fixture();
      const { claimId } = await revealedClaim(world);
      const { challengeUntil } = await claims.read.claimOf([claimId]);
      const finalAfter = challengeUntil + PARAMETERS.proofRevealSeconds;
      await at(world, challengeUntil);
      const challengeId = await openChallenge(world, claimId, stranger);
      await at(world, finalAfter);
      await fails(claims.write.finalize([claimId]), claims, "FinalityTooEarly", [claimId, finalAfter]);
      await at(world, finalAfter + 1n);
      await fails(claims.write.finalize([claimId]), claims, "ChallengesOpen", [claimId, 1n]);
      await game.write.timeout([challengeId]);
      await emits(claims.write.finalize([claimId]), claims, "ClaimFinalized", [claimId, claimant]);
      await fails(claims.write.finalize([claimId]), claims, "ClaimStatusMismatch", [
        claimId,
        CLAIM.revealed,
        CLAIM.final,
      ]);
      await assertSolvent(world);
    });

    it("returns the bond to the claimant", async () => {
      await fixture();
      const { claimId } = await revealedClaim(world);
      const { challengeUntil } = await claims.read.claimOf([claimId]);
      await at(world, challengeUntil + PARAMETERS.proofRevealSeconds + 1n);
      await emits(claims.write.finalize([claimId], { account: stranger }), claims, "Credited", [claimant, BOND]);
      assert.equal(await claims.read.creditOf([claimant]), BOND);
      await viem.assertions.balancesHaveChanged(claims.write.withdraw({ account: claimant }), [
        { address: claimant, amount: BOND },
        { address: claims.address, amount: -BOND },
      ]);
      await fails(claims.write.withdraw({ account: claimant }), claims, "NothingToWithdraw", [claimant]);
      await assertSolvent(world);
    });
  });

  describe("forfeit", () => {
    it("refuses what can still be revealed and what was", async () => {
      await fixture();
      const claim = await prepare(world);
      await commit(world, claim);
      const { revealBy } = await claims.read.claimOf([claim.claimId]);
      await at(world, revealBy);
      await fails(claims.write.forfeit([claim.claimId]), claims, "RevealPending", [claim.claimId, revealBy]);

      await fixture();
      const { claimId } = await revealedClaim(world);
      await fails(claims.write.forfeit([claimId]), claims, "ClaimStatusMismatch", [
        claimId,
        CLAIM.committed,
        CLAIM.revealed,
      ]);
    });

    it("burns the bond and frees the program, inputs and steps", async () => {
      await fixture();
      const claim = await prepare(world);
      await commit(world, claim);
      const { revealBy } = await claims.read.claimOf([claim.claimId]);
      await at(world, revealBy + 1n);
      const hash = await claims.write.forfeit([claim.claimId], { account: stranger });
      await emits(hash, claims, "ClaimForfeited", [claim.claimId, claimant, BOND]);
      assert.equal(await client.getBalance({ address: SINK }), BOND);
      assert.equal(await claims.read.statusOf([claim.claimId]), CLAIM.forfeited);
      await commit(world, await prepare(world, {}, { salt: UNKNOWN }));
      await assertSolvent(world);
    });
  });

  describe("slash", () => {
    it("obeys the dispute game alone", async () => {
      await fixture();
      const { claimId } = await revealedClaim(world);
      await fails(claims.write.slash([claimId, stranger, 0n], { account: stranger }), claims, "NotDisputeGame", [
        stranger,
      ]);
    });

    it("refuses more compensation than a quarter, and a game that takes no coin", async () => {
      await fixture();
      const own = await viem.deployContract("ClaimRegistry", [programs.address, 512n, 1n, 100, 100, 100]);
      const account = await viem.deployContract("MockAccount");
      await own.write.bindDisputeGame([account.address]);
      const { terms, salt, seal } = await prepare(world);
      const claimId = await own.read.claimIdOf([claimant, terms, seal, BOND]);
      await own.write.commit([terms, seal], { value: BOND, account: claimant });
      await own.write.reveal([
        claimId,
        terms,
        SMALL_TRACE.traceRoot,
        SMALL_TRACE.outputRoots,
        salt,
        outputsShown(SMALL_TRACE),
      ]);
      const slash = (compensationWei: bigint) =>
        account.write.execute([
          own.address,
          encodeFunctionData({
            abi: own.abi,
            functionName: "slash",
            args: [claimId, zeroAddress, compensationWei],
          }),
        ]);
      await fails(slash(BOND / 4n + 1n), own, "CompensationTooHigh", [BOND / 4n + 1n, BOND / 4n]);
      await account.write.onPayment([true, zeroAddress, "0x"]);
      await fails(slash(BOND / 4n), own, "PaymentRefused", [account.address, 2n * (BOND / 4n)]);
    });
  });

  describe("withdraw", () => {
    async function creditedAccount() {
      await fixture();
      const account = await viem.deployContract("MockAccount");
      const commitment = await prepare(world, {}, { claimant: account.address });
      const { terms, seal, claimId } = commitment;
      const data = encodeFunctionData({ abi: claims.abi, functionName: "commit", args: [terms, seal] });
      await account.write.execute([claims.address, data], { value: BOND });
      await reveal(world, { ...commitment, claimant });
      const { challengeUntil } = await claims.read.claimOf([claimId]);
      await at(world, challengeUntil + PARAMETERS.proofRevealSeconds + 1n);
      await claims.write.finalize([claimId]);
      return account;
    }
    const withdrawData = encodeFunctionData({ abi: claims.abi, functionName: "withdraw" });

    it("keeps the credit of an account that refuses coin", async () => {
      const account = await creditedAccount();
      await account.write.onPayment([true, zeroAddress, "0x"]);
      await fails(account.write.execute([claims.address, withdrawData]), claims, "WithdrawalRefused", [
        account.address,
        BOND,
      ]);
      assert.equal(await claims.read.creditOf([account.address]), BOND);
      await assertSolvent(world);
    });

    it("pays once when the account calls back", async () => {
      const account = await creditedAccount();
      await account.write.onPayment([false, claims.address, withdrawData]);
      await emits(account.write.execute([claims.address, withdrawData]), claims, "Withdrawn", [account.address, BOND]);
      assert.equal(await account.read.calledBack(), false);
      assert.equal(await client.getBalance({ address: account.address }), BOND);
      await assertSolvent(world);
    });
  });
});
