// ClaimRegistry: parameters, binding, commitments, reveals, finality and forfeits. Slashing by the game is in
// dispute-money.test.ts, the auditor's part in auditor.test.ts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  concatHex,
  encodeAbiParameters,
  encodeFunctionData,
  keccak256,
  numberToHex,
  parseAbiParameters,
  parseGwei,
  stringToHex,
  zeroAddress,
  type Address,
  type Hex,
} from "viem";

import { outputsShown, ZERO } from "./support/trace.ts";
import {
  answerAt,
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
  HIGH_FEE,
  now,
  openChallenge,
  PARAMETERS,
  prepare,
  reveal,
  revealByOf,
  revealedClaim,
  SINK,
  SMALL_TRACE,
  timeOut,
  topOf,
  type Commitment,
  type Terms,
} from "./support/world.ts";

const UNKNOWN = keccak256("0xff");
/** What a run's slot holds once a commitment ended. */
const ENDED = numberToHex(1, { size: 32 });
const MAX_BOND = (2n ** 48n - 1n) * parseGwei("1");

describe("ClaimRegistry", async () => {
  const world = await createWorld();
  const { viem, programs, claims, game, accounts, networkHelpers, client } = world;
  const { claimant, stranger } = accounts;
  const fails = viem.assertions.revertWithCustomErrorWithArgs;
  const emits = viem.assertions.emitWithArgs;
  const fixture = () => networkHelpers.loadFixture(begin);
  async function begin(): Promise<void> {}
  const liveOf = ({ claimant: by, terms: { programRoot, inputsRoot, steps } }: Commitment) =>
    claims.read.commitmentOf([by, programRoot, inputsRoot, steps]);
  const commitmentHash = (claimId: Hex, revealBy: bigint) =>
    keccak256(encodeAbiParameters(parseAbiParameters("bytes32, uint64"), [claimId, revealBy]));

  describe("deployment", () => {
    const good: [Address, bigint, bigint, number, number, number, Address] = [
      programs.address,
      512n,
      1n,
      1,
      1,
      1,
      zeroAddress,
    ];

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
        viem.deployContract("ClaimRegistry", [programs.address, 511n, 1n, 1, 1, 1, zeroAddress]),
        claims,
        "ParameterBelowFloor",
      );
    });

    it("refuses an auditor without code", async () => {
      const parameters = good.with(6, stranger) as typeof good;
      await fails(viem.deployContract("ClaimRegistry", parameters), claims, "AuditorWithoutCode", [stranger]);
    });

    it("binds one dispute game, by the deployer, that has code", async () => {
      await fixture();
      const unbound = await viem.deployContract("ClaimRegistry", good);
      const { claim, terms, seal } = await prepare(world);
      await unbound.write.commit([terms, seal], { value: BOND, account: claimant });
      const early = unbound.write.reveal([claim, 0n, SMALL_TRACE.outputRoots, outputsShown(SMALL_TRACE)]);
      await fails(early, unbound, "DisputeGameNotBound", []);
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
      ["a trace that is neither full nor deferred", { traceMode: 2 }, BOND, "TraceModeUnsupported", [2]],
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
      await fails(commit(world, rival), claims, "CommitmentLive", [await liveOf(first)]);
      await commit(world, await prepare(world, { inputsRoot: UNKNOWN }));
      await commit(world, await prepare(world, {}, { claimant: stranger }));
      await reveal(world, first);
      assert.equal(await liveOf(first), ZERO);
      await commit(world, rival);
      assert.notEqual(await liveOf(first), ZERO);
      await fails(commit(world, first), claims, "CommitmentLive", [await liveOf(rival)]);
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
      assert.equal(await liveOf(commitment), commitmentHash(claimId, revealBy));
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.none);
      await assertSolvent(world);
    });

    it("binds the id to the chain, the registry, the claimant and every term", async () => {
      const { claim, claimId, terms, seal } = await prepare(world);
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
        ids.add(await claims.read.claimIdOf([claimant, { ...terms, ...change }, BOND, seal]));
      ids.add(await claims.read.claimIdOf([stranger, terms, BOND, seal]));
      ids.add(await claims.read.claimIdOf([claimant, terms, BOND, ZERO]));
      ids.add(await claims.read.claimIdOf([claimant, terms, BOND + 1n, seal]));
      const elsewhere = await viem.deployContract("ClaimRegistry", [programs.address, 512n, 1n, 1, 1, 1, zeroAddress]);
      ids.add(await elsewhere.read.claimIdOf([claimant, terms, BOND, seal]));
      assert.equal(ids.size, changes.length + 4);

      const sealed = [{ traceRoot: UNKNOWN }, { outputsHash: UNKNOWN }, { salt: UNKNOWN }, { claimant: stranger }];
      for (const change of sealed) ids.add(await claims.read.idOf([{ ...claim, ...change }]));
      assert.equal(ids.size, changes.length + 4 + sealed.length);
      assert.equal(await claims.read.idOf([claim]), claimId);
      const body = keccak256(
        encodeAbiParameters(
          parseAbiParameters(
            "uint256, address, uint256, address, (bytes32, bytes32, uint32, uint8, address, bytes32, uint256), uint256, bytes32",
          ),
          [
            BigInt(await client.getChainId()),
            claims.address,
            await claims.read.VERSION(),
            claimant,
            [
              terms.programRoot,
              terms.inputsRoot,
              terms.steps,
              terms.traceMode,
              terms.operator,
              terms.taskId,
              terms.moveFeeWei,
            ],
            BOND,
            seal,
          ],
        ),
      );
      assert.equal(await claims.read.bodyOf([claim]), body);
      assert.equal(claimId, keccak256(concatHex([terms.programRoot, body])));
    });

    it("takes the full trace and the deferred one", async () => {
      await fixture();
      await revealedClaim(world);
      await revealedClaim(world, { inputsRoot: UNKNOWN }, { trace: DEFERRED_TRACE });
      await assertSolvent(world);
    });

    it("refuses terms that are not canonically encoded", async () => {
      await fixture();
      const { terms, seal } = await prepare(world);
      const data = encodeFunctionData({ abi: claims.abi, functionName: "commit", args: [terms, seal] });
      // The third word of the terms holds the steps: bits above them would give one run two ids.
      const at = 2 + 8 + 2 * 64;
      const dirty = `${data.slice(0, at)}01${data.slice(at + 2)}` as Hex;
      const [wallet] = await viem.getWalletClients();
      const sent = { to: claims.address, value: BOND, gas: 500_000n };
      await assert.rejects(wallet.sendTransaction({ ...sent, data: dirty }));
      await wallet.sendTransaction({ ...sent, data });
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
      const commitment = await committed();
      const revealBy = await revealByOf(world, commitment.claimId);
      const other = { ...commitment.claim, salt: UNKNOWN };
      const otherId = await claims.read.idOf([other]);
      const computed = commitmentHash(otherId, revealBy);
      const stranger = claims.write.reveal([other, revealBy, outputRoots, shown]);
      await fails(stranger, claims, "CommitmentMismatch", [otherId, await liveOf(commitment), computed]);
      const live = await liveOf(commitment);
      await reveal(world, commitment);
      await fails(reveal(world, commitment), claims, "CommitmentMismatch", [commitment.claimId, ENDED, live]);
    });

    it("refuses a reveal that is late by a second, and another time to reveal", async () => {
      const commitment = await committed();
      const revealBy = await revealByOf(world, commitment.claimId);
      const longer = claims.write.reveal([commitment.claim, revealBy + 1n, outputRoots, shown]);
      await viem.assertions.revertWithCustomError(longer, claims, "CommitmentMismatch");
      await at(world, revealBy + 1n);
      await fails(reveal(world, commitment), claims, "RevealTooLate", [commitment.claimId, revealBy]);
    });

    it("refuses anything but what was committed", async () => {
      const { claim, claimId, terms } = await committed();
      const revealBy = await revealByOf(world, claimId);
      for (const changed of [
        { ...claim, terms: { ...terms, steps: 2 } },
        { ...claim, terms: { ...terms, taskId: UNKNOWN } },
        { ...claim, traceRoot: UNKNOWN },
        { ...claim, outputsHash: UNKNOWN },
        { ...claim, salt: UNKNOWN },
        { ...claim, bondWei: BOND + 1n },
        { ...claim, claimant: stranger },
      ]) {
        const call = claims.write.reveal([changed, revealBy, outputRoots, shown]);
        await viem.assertions.revertWithCustomError(call, claims, "CommitmentMismatch");
      }
      const swapped = claims.write.reveal([claim, revealBy, outputRoots.toReversed(), shown]);
      await viem.assertions.revertWithCustomError(swapped, claims, "OutputsHashMismatch");
    });

    it("refuses the seal that another claimant made", async () => {
      const commitment = await committed();
      const { claim, terms, seal } = commitment;
      await claims.write.commit([terms, seal], { value: BOND, account: stranger });
      const copied = await claims.read.claimIdOf([stranger, terms, BOND, seal]);
      const revealBy = await revealByOf(world, copied);
      await reveal(world, commitment);
      const copy = claims.write.reveal([{ ...claim, claimant: stranger }, revealBy, outputRoots, shown]);
      await viem.assertions.revertWithCustomError(copy, claims, "CommitmentMismatch");
    });

    it("refuses a summary that is not the claimed program", async () => {
      const { claim, claimId } = await committed();
      const summary = concatHex([program.summary, "0x00"]);
      const call = claims.write.reveal([claim, await revealByOf(world, claimId), outputRoots, { ...shown, summary }]);
      await fails(call, claims, "ProgramRootMismatch", [program.programRoot, keccak256(summary)]);
    });

    it("refuses a scratch root beside a deferred trace", async () => {
      await fixture();
      const { claim, claimId, trace } = await prepare(world, {}, { trace: DEFERRED_TRACE });
      await claims.write.commit([claim.terms, (await prepare(world, {}, { trace })).seal], {
        value: BOND,
        account: claimant,
      });
      const args = { ...outputsShown(trace), scratchRoot: UNKNOWN };
      const call = claims.write.reveal([claim, await revealByOf(world, claimId), trace.outputRoots, args]);
      await fails(call, claims, "ScratchRootShown", [UNKNOWN]);
    });

    it("refuses an inputs root of zero for a program with inputs", async () => {
      await fixture();
      const zero = await prepare(world, { inputsRoot: ZERO });
      await commit(world, zero);
      await fails(reveal(world, zero), claims, "InputsRootUnfit", [ZERO, 2n]);
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
      const { claim, claimId } = await committed();
      const revealBy = await revealByOf(world, claimId);
      const call = (changes: Partial<typeof shown>) =>
        claims.write.reveal([claim, revealBy, outputRoots, { ...shown, ...changes }]);
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
      const commitment = await committed();
      const { claimId, salt } = commitment;
      const revealBy = await revealByOf(world, claimId);
      await at(world, revealBy);
      const until = revealBy + PARAMETERS.windowSeconds;
      await emits(reveal(world, commitment), claims, "ClaimRevealed", [claimId, traceRoot, outputRoots, salt, until]);
      assert.deepEqual(await claims.read.headOf([claimId]), [CLAIM.revealed, until]);
      assert.equal(await liveOf(commitment), ZERO);
    });

    it("can be done by anyone who knows the claim", async () => {
      const { claim, claimId } = await committed();
      const args = [claim, await revealByOf(world, claimId), outputRoots, shown] as const;
      await claims.write.reveal(args, { account: stranger });
      assert.equal(await claims.read.statusOf([claimId]), CLAIM.revealed);
    });
  });

  describe("finalize", () => {
    it("refuses before T + R has passed, while a challenge is open, and twice", async () => {
      await fixture();
      const commitment = await revealedClaim(world);
      const { claim, claimId } = commitment;
      const challengeUntil = await challengeUntilOf(world, claimId);
      const finalAfter = challengeUntil + PARAMETERS.proofRevealSeconds;
      await at(world, challengeUntil);
      const challenge = await openChallenge(world, commitment, stranger);
      await answerAt(world, challenge, topOf(SMALL_TRACE), claimant);
      await at(world, finalAfter);
      await fails(claims.write.finalize([claim]), claims, "FinalityTooEarly", [claimId, finalAfter]);
      await at(world, finalAfter + 1n);
      await fails(claims.write.finalize([claim]), claims, "ChallengesOpen", [claimId, 1n]);
      await timeOut(world, challenge);
      await emits(claims.write.finalize([claim]), claims, "ClaimFinalized", [claimId, claimant]);
      await fails(claims.write.finalize([claim]), claims, "ClaimStatusMismatch", [
        claimId,
        CLAIM.revealed,
        CLAIM.final,
      ]);
      await assertSolvent(world);
    });

    it("returns the bond to the claimant", async () => {
      await fixture();
      const { claim, claimId } = await revealedClaim(world);
      await at(world, (await challengeUntilOf(world, claimId)) + PARAMETERS.proofRevealSeconds + 1n);
      await emits(claims.write.finalize([claim], { account: stranger }), claims, "Credited", [claimant, BOND]);
      assert.equal(await claims.read.creditOf([claimant]), BOND);
      await viem.assertions.balancesHaveChanged(claims.write.withdraw({ account: claimant }), [
        { address: claimant, amount: BOND },
        { address: claims.address, amount: -BOND },
      ]);
      await fails(claims.write.withdraw({ account: claimant }), claims, "NothingToWithdraw", [claimant]);
      await assertSolvent(world);
    });

    it("refuses a claim that differs in anything from the revealed one", async () => {
      await fixture();
      const { claim, claimId, terms } = await revealedClaim(world);
      await at(world, (await challengeUntilOf(world, claimId)) + PARAMETERS.proofRevealSeconds + 1n);
      for (const changed of [
        { ...claim, claimant: stranger },
        { ...claim, bondWei: 2n * BOND },
        { ...claim, traceRoot: UNKNOWN },
        { ...claim, outputsHash: UNKNOWN },
        { ...claim, salt: UNKNOWN },
        { ...claim, terms: { ...terms, moveFeeWei: FEE + 1n } },
      ]) {
        const id = await claims.read.idOf([changed]);
        const args: [Hex, number, number] = [id, CLAIM.revealed, CLAIM.none];
        await fails(claims.write.finalize([changed]), claims, "ClaimStatusMismatch", args);
      }
    });
  });

  describe("forfeit", () => {
    it("refuses what can still be revealed and what was", async () => {
      await fixture();
      const commitment = await prepare(world);
      const { claimId } = commitment;
      await commit(world, commitment);
      const revealBy = await revealByOf(world, claimId);
      const live = await liveOf(commitment);
      await at(world, revealBy);
      await fails(forfeit(world, commitment), claims, "RevealPending", [claimId, revealBy]);

      await fixture();
      const { claimant: by, terms, bondWei, seal } = commitment;
      await fails(claims.write.forfeit([by, terms, bondWei, seal, revealBy]), claims, "CommitmentMismatch", [
        claimId,
        ZERO,
        live,
      ]);
      await commit(world, commitment);
      await reveal(world, commitment);
      const again = commitmentHash(claimId, await revealByOf(world, claimId));
      await fails(forfeit(world, commitment), claims, "CommitmentMismatch", [claimId, ENDED, again]);
    });

    it("burns the bond and frees the program, inputs and steps", async () => {
      await fixture();
      const commitment = await prepare(world);
      await commit(world, commitment);
      await at(world, (await revealByOf(world, commitment.claimId)) + 1n);
      await emits(forfeit(world, commitment), claims, "ClaimForfeited", [commitment.claimId, claimant, BOND]);
      assert.equal(await client.getBalance({ address: SINK }), BOND);
      assert.equal(await claims.read.statusOf([commitment.claimId]), CLAIM.forfeited);
      await fails(commit(world, commitment), claims, "ClaimExists", [commitment.claimId]);
      await commit(world, await prepare(world, {}, { salt: UNKNOWN }));
      await assertSolvent(world);
    });
  });

  describe("slash", () => {
    it("obeys the dispute game alone", async () => {
      await fixture();
      const { claim } = await revealedClaim(world);
      const call = claims.write.slash([claim, stranger, 0n], { account: stranger });
      await fails(call, claims, "NotDisputeGame", [stranger]);
    });

    it("refuses more compensation than a quarter, and a game that takes no coin", async () => {
      await fixture();
      const own = await viem.deployContract("ClaimRegistry", [programs.address, 512n, 1n, 100, 100, 100, zeroAddress]);
      const account = await viem.deployContract("MockAccount");
      await own.write.bindDisputeGame([account.address]);
      const { claim, terms, seal } = await prepare(world);
      await own.write.commit([terms, seal], { value: BOND, account: claimant });
      const revealBy = (await now(world)) + 100n;
      await own.write.reveal([claim, revealBy, SMALL_TRACE.outputRoots, outputsShown(SMALL_TRACE)]);
      const slash = (compensationWei: bigint) =>
        account.write.execute([
          own.address,
          encodeFunctionData({
            abi: own.abi,
            functionName: "slash",
            args: [claim, zeroAddress, compensationWei],
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
      const { claim, terms, seal, claimId } = commitment;
      const data = encodeFunctionData({ abi: claims.abi, functionName: "commit", args: [terms, seal] });
      await account.write.execute([claims.address, data], { value: BOND });
      await reveal(world, { ...commitment, claimant });
      await at(world, (await challengeUntilOf(world, claimId)) + PARAMETERS.proofRevealSeconds + 1n);
      await claims.write.finalize([claim]);
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
