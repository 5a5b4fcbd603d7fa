// Generated from the contracts by scripts/generators/abi.ts; do not edit.
export { calibrationAbi } from "./Calibration.ts";
export { claimRegistryAbi } from "./ClaimRegistry.ts";
export { disputeGameAbi } from "./DisputeGame.ts";
export { programRegistryAbi } from "./ProgramRegistry.ts";
export { refereeAbi } from "./Referee.ts";
export { structureRefereeAbi } from "./StructureReferee.ts";
export { taskMarketAbi } from "./TaskMarket.ts";
export { testTokenAbi } from "./TestToken.ts";
