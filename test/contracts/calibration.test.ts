// The calibration at deployment: the real referee passes, one that answers wrong, fails or burns gas does not, and neither do
// other leaves than the known ones.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { parseEventLogs } from "viem";
import type { Address } from "viem";

import { calibrationLeaves } from "../../scripts/calibration.ts";

const TRANSACTION_GAS = 2n ** 24n;
const DEPLOYMENT_GAS = 8_000_000n;

describe("Calibration", async () => {
  const { viem } = await network.create();
  const leaves = calibrationLeaves();
  const shown = leaves.map(({ claim, proof }) => ({ claim, proof }));
  const referee = await viem.deployContract("Referee");
  // What refuses a deployment says so by the errors of this contract.
  const calibration = await viem.deployContract("Calibration", [referee.address, shown]);

  const limitOf = (index: number): bigint =>
    BigInt(2 * leaves[index].estimate + 32 * (leaves[index].proof.length / 2 - 1));
  const calibrate = (address: Address, given = shown): Promise<unknown> =>
    viem.deployContract("Calibration", [address, given], { gas: DEPLOYMENT_GAS });
  const refuses = (deployment: Promise<unknown>, error: string, values: unknown[]): Promise<void> =>
    viem.assertions.revertWithCustomErrorWithArgs(deployment as never, calibration, error as never, values as never);
  const anything = (): boolean => true;

  it("test_constructor_realReferee_isWithinEveryLimit", async (t) => {
    const { contract, deploymentTransaction } = await viem.sendDeploymentTransaction("Calibration", [
      referee.address,
      shown,
    ]);
    const client = await viem.getPublicClient();
    const receipt = await client.getTransactionReceipt({ hash: deploymentTransaction.hash });
    const judged = parseEventLogs({ abi: contract.abi, logs: receipt.logs, eventName: "LeafJudged" });
    assert.deepEqual(
      judged.map(({ args }) => args.leaf),
      leaves.map((_, index) => BigInt(index)),
    );
    judged.forEach(({ args }, index) => {
      assert.equal(args.limit, limitOf(index));
      assert.ok(args.gasUsed <= args.limit);
      const { name, estimate } = leaves[index];
      t.diagnostic(`${name}: ${args.gasUsed} gas of ${args.limit}, estimated ${estimate} for its program`);
    });
    t.diagnostic(`the deployment used ${receipt.gasUsed} gas`);
    assert.ok(receipt.gasUsed < TRANSACTION_GAS);
  });

  it("test_constructor_wrongWord_reverts", async () => {
    const wrong = await viem.deployContract("TwistedReferee", [referee.address, 4, 0n]);
    const [{ fault }] = leaves;
    await refuses(calibrate(wrong.address), "FaultMismatch", [
      0n,
      fault,
      { ...fault, computed: (fault.computed ^ 4) >>> 0 },
    ]);
  });

  it("test_constructor_burningReferee_reverts", async () => {
    const near = await viem.deployContract("TwistedReferee", [referee.address, 0, 100_000n]);
    await calibrate(near.address);
    const dear = await viem.deployContract("TwistedReferee", [referee.address, 0, limitOf(0)]);
    await refuses(calibrate(dear.address), "LeafTooDear", [0n, (used: bigint) => used > limitOf(0), limitOf(0)]);
  });

  it("test_constructor_refereeThatTakesAllGas_reverts", async () => {
    const endless = await viem.deployContract("TwistedReferee", [referee.address, 0, 2n ** 64n]);
    await refuses(calibrate(endless.address), "LeafTooDear", [0n, anything, limitOf(0)]);
  });

  it("test_constructor_refereeThatDoesNotJudge_reverts", async () => {
    const structure = await viem.deployContract("StructureReferee");
    await refuses(calibrate(structure.address), "LeafNotJudged", [0n, anything]);
    // No code at all answers every call, with nothing.
    await refuses(calibrate(`0x${"7".repeat(40)}`), "LeafNotJudged", [0n, "0x"]);
    // One that believes every proof finds what its first words say.
    const credulous = await viem.deployContract("MockReferee");
    await refuses(calibrate(credulous.address), "FaultMismatch", [0n, leaves[0].fault, anything]);
  });

  it("test_constructor_otherLeaves_reverts", async () => {
    await refuses(calibrate(referee.address, shown.slice(1)), "LeafCountMismatch", [3n, 2n]);
    await refuses(calibrate(referee.address, [...shown, shown[0]]), "LeafCountMismatch", [3n, 4n]);
    await refuses(calibrate(referee.address, [shown[1], shown[0], shown[2]]), "LeafUnknown", [0n, anything, anything]);
    const [first, second, last] = shown;
    const longer = { ...last, proof: `${last.proof}00` as const };
    await refuses(calibrate(referee.address, [first, second, longer]), "LeafUnknown", [2n, anything, anything]);
    const other = { ...second, claim: { ...second.claim, steps: 2 } };
    await refuses(calibrate(referee.address, [first, other, last]), "LeafUnknown", [1n, anything, anything]);
  });
});
