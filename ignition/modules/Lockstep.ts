// Deploys the contracts of section 6 and binds the dispute game to the claim registry. Every parameter has a default sized
// for a rollup at 0.05 gwei with fivefold headroom; amounts are in wei, times in seconds. The constructors refuse
// parameters below their floors, and the calibration refuses a referee that answers known leaves wrongly or too dearly here.
import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { calibrationLeaves } from "../../scripts/calibration.ts";

const GWEI = 10n ** 9n;
const HOUR = 3_600n;
const NOBODY = `0x${"0".repeat(40)}`;

export default buildModule("Lockstep", (m) => {
  const token = m.contract("TestToken");
  const programRegistry = m.contract("ProgramRegistry");
  const referee = m.contract("Referee");
  const leaves = calibrationLeaves().map(({ claim, proof }) => ({ claim: { ...claim }, proof }));
  const calibration = m.contract("Calibration", [referee, leaves]);
  const structureReferee = m.contract("StructureReferee");
  const claimRegistry = m.contract("ClaimRegistry", [
    programRegistry,
    m.getParameter("minBondWei", 12_500_000n * GWEI),
    m.getParameter("minMoveFeeWei", 20_000n * GWEI),
    m.getParameter("revealSeconds", HOUR),
    m.getParameter("windowSeconds", 24n * HOUR),
    m.getParameter("proofRevealSeconds", 6n * HOUR),
    m.getParameter("auditor", NOBODY),
  ]);
  const disputeGame = m.contract(
    "DisputeGame",
    [
      claimRegistry,
      referee,
      structureReferee,
      m.getParameter("challengeFloorWei", 100_000n * GWEI),
      m.getParameter("proofBondWei", 500_000n * GWEI),
      m.getParameter("clockSeconds", 24n * HOUR),
    ],
    { after: [calibration] },
  );
  const taskMarket = m.contract("TaskMarket", [claimRegistry, token, m.getParameter("acceptSeconds", 2n * HOUR)]);
  m.call(claimRegistry, "bindDisputeGame", [disputeGame]);
  return { token, programRegistry, referee, structureReferee, claimRegistry, disputeGame, taskMarket };
});
