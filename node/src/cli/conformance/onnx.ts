/**
 * Runs the cases of the ONNX backend test suite on a backend and sorts them: every case on disk is passed, failed or
 * unsupported, and one whose files can't be read is failed. The tolerances are the suite's own.
 */
import { readFileSync } from "node:fs";
import type { PrimitiveRunner } from "../../engine/index.ts";
import { runCase, runLightCase, SUITE_TOLERANCE } from "../../onnx/conformance.ts";
import type { CaseResult, Tolerance } from "../../onnx/conformance.ts";
import { readDataSets, readExpected } from "./cases.ts";
import type { ConformanceCase } from "./cases.ts";

export interface OnnxReport {
  passed: string[];
  failed: { id: string; reason: string }[];
  unsupported: { id: string; operator: string; opset: number; reason: string }[];
}

// The suite's runner allows this one network more.
const DENSENET_TOLERANCE: Tolerance = { ...SUITE_TOLERANCE, relative: 2e-3 };

/** Runs the cases in order; `progress` hears of each once it is done. */
export function runCases(
  cases: readonly ConformanceCase[],
  runner: PrimitiveRunner,
  progress: (done: number, report: OnnxReport) => void,
): OnnxReport {
  const report: OnnxReport = { passed: [], failed: [], unsupported: [] };
  cases.forEach((one, index) => {
    const result = tryOne(one, runner);
    const { id } = one;
    if (result.status === "passed") report.passed.push(id);
    else if (result.status === "failed") report.failed.push({ id, reason: result.reason });
    else {
      const { operator, opset, reason } = result;
      report.unsupported.push({ id, operator, opset, reason });
    }
    progress(index + 1, report);
  });
  return report;
}

// What is wrong with the files of one case is that case's failure; the others are run all the same.
function tryOne(one: ConformanceCase, runner: PrimitiveRunner): CaseResult {
  try {
    return runOne(one, runner);
  } catch (error) {
    if (error instanceof Error) return { status: "failed", reason: error.message };
    throw error;
  }
}

function runOne(one: ConformanceCase, runner: PrimitiveRunner): CaseResult {
  const tolerance = one.id.includes("densenet") ? DENSENET_TOLERANCE : SUITE_TOLERANCE;
  if (one.kind === "light") {
    const expected = readExpected(one.model);
    if (expected.length === 0) return { status: "failed", reason: "no expected output beside the model" };
    return runLightCase(readFileSync(one.model), expected, runner, tolerance);
  }
  const data = readDataSets(one.folder);
  if (data.length === 0) return { status: "failed", reason: "no test_data_set_0" };
  return runCase(readFileSync(`${one.folder}/model.onnx`), data, runner, tolerance);
}
