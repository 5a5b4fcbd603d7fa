/**
 * Runs the cases of the ONNX backend test suite on a backend and sorts them: every case on disk is passed, failed or
 * unsupported, and one whose files can't be read is failed. The tolerances are the suite's own.
 */
import { readFileSync } from "node:fs";
import type { Engine } from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import type { Host } from "../../host/index.ts";
import { runCase, runLightCase, SUITE_TOLERANCE, withErrata } from "../../onnx/conformance.ts";
import type { CaseResult, Tolerance } from "../../onnx/conformance.ts";
import { readDataSets, readExpected } from "./cases.ts";
import type { ConformanceCase } from "./cases.ts";
import { runNormalCase } from "./normal-weights.ts";

export interface OnnxReport {
  passed: string[];
  /** The passed cases whose float64 tensors were run as float32. */
  narrowed: string[];
  failed: { id: string; reason: string }[];
  unsupported: { id: string; operator: string; opset: number; reason: string }[];
  /** Of each network whose weights were drawn: how many different words its outputs hold. */
  distinct?: Record<string, number>;
}

/** Hears of each case once it is done. */
export type Progress = (done: number, report: OnnxReport) => void;

// The suite's runner allows this one network more.
const DENSENET_TOLERANCE: Tolerance = { ...SUITE_TOLERANCE, relative: 2e-3 };

/** Runs the cases in order; `progress` hears of each once it is done. */
export function runCases(cases: readonly ConformanceCase[], engine: Engine, progress: Progress): OnnxReport {
  const report: OnnxReport = { passed: [], narrowed: [], failed: [], unsupported: [] };
  cases.forEach((one, index) => {
    const result = tryOne(one, engine);
    const { id } = one;
    if (result.status === "passed") {
      report.passed.push(id);
      if (result.narrowed) report.narrowed.push(id);
    } else if (result.status === "failed") report.failed.push({ id, reason: result.reason });
    else {
      const { operator, opset, reason } = result;
      report.unsupported.push({ id, operator, opset, reason });
    }
    progress(index + 1, report);
  });
  return report;
}

/** Runs the light models among the cases with normal weights, here and in onnxruntime. Refuses folders that have none. */
export async function runNormalCases(
  cases: readonly ConformanceCase[],
  seed: number,
  host: Host,
  progress: Progress,
): Promise<OnnxReport> {
  const light = cases.filter((one) => one.kind === "light");
  if (light.length === 0) throw new NoLightModelError(cases.length);
  const distinct: Record<string, number> = {};
  const report: OnnxReport = { passed: [], narrowed: [], failed: [], unsupported: [], distinct };
  for (const [index, { id, model }] of light.entries()) {
    try {
      const result = await runNormalCase(model, seed, host, toleranceOf(id));
      distinct[id] = result.distinct;
      if (result.failure === null) report.passed.push(id);
      else report.failed.push({ id, reason: result.failure });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      report.failed.push({ id, reason: `${error.name}: ${error.message}` });
    }
    progress(index + 1, report);
  }
  return report;
}

// What is wrong with the files of one case is that case's failure; the others are run all the same.
function tryOne(one: ConformanceCase, engine: Engine): CaseResult {
  try {
    return runOne(one, engine);
  } catch (error) {
    if (error instanceof Error) return { status: "failed", reason: error.message };
    throw error;
  }
}

function runOne(one: ConformanceCase, engine: Engine): CaseResult {
  const tolerance = toleranceOf(one.id);
  if (one.kind === "light") {
    const expected = readExpected(one.model);
    if (expected.length === 0) return { status: "failed", reason: "no expected output beside the model" };
    return runLightCase(readFileSync(one.model), expected, engine, tolerance);
  }
  const data = readDataSets(one.folder);
  if (data.length === 0) return { status: "failed", reason: "no test_data_set_0" };
  const model = readFileSync(`${one.folder}/model.onnx`);
  return withErrata(one.id, model, runCase(model, data, engine, tolerance));
}

function toleranceOf(id: string): Tolerance {
  return id.includes("densenet") ? DENSENET_TOLERANCE : SUITE_TOLERANCE;
}

/** Weights are drawn for light models only, and there is none. */
export class NoLightModelError extends LockstepError {
  constructor(cases: number) {
    super("NoLightModelError", `None of the ${cases} cases is a light model: an .onnx file with no data of its own`, {
      cases,
    });
  }
}
