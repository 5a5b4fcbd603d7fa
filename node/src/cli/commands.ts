/** Every command, in the order the help lists them. */
import type { Command } from "./command.ts";
import { challengeList, challengeShow, challengeStart, challengeTimeout } from "./commands/challenge.ts";
import { claimFinalize, claimList, claimShow, claimVerify } from "./commands/claim.ts";
import { conformanceFloat32, conformanceOnnx } from "./commands/conformance.ts";
import { disputeFuzz } from "./commands/dispute.ts";
import { leaderboard } from "./commands/leaderboard.ts";
import { modelCheck, modelInspect, modelRun } from "./commands/model.ts";
import { modelExport, modelGenerate } from "./commands/model-text.ts";
import { nodeKey, nodeStart } from "./commands/node.ts";
import { programList, programRegister } from "./commands/program.ts";
import { taskCancel, taskList, taskRefund, taskRequest, taskShow } from "./commands/task.ts";
import { up } from "./commands/up.ts";

export const COMMANDS: readonly Command[] = [
  up,
  nodeStart,
  nodeKey,
  modelInspect,
  modelCheck,
  modelRun,
  modelGenerate,
  modelExport,
  programRegister,
  programList,
  taskRequest,
  taskList,
  taskShow,
  taskCancel,
  taskRefund,
  claimList,
  claimShow,
  claimVerify,
  claimFinalize,
  challengeList,
  challengeShow,
  challengeStart,
  challengeTimeout,
  disputeFuzz,
  leaderboard,
  conformanceFloat32,
  conformanceOnnx,
];

/** What each group of commands is about. */
export const GROUPS: Readonly<Record<string, string>> = {
  node: "run a solver, a verifier or a watchtower",
  model: "look at, check, run and write ONNX files",
  program: "publish models as programs",
  task: "have programs run for a price",
  claim: "look at, verify and end claims",
  challenge: "look at and end disputes",
  dispute: "trials of whole disputes on a chain of their own",
  conformance: "run others' test vectors",
};
