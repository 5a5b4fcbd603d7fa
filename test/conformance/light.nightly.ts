// The suite's whole networks, ResNet-50 at 224 x 224 among them, as they are and with drawn weights. Skipped without
// LOCKSTEP_CONFORMANCE.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { conformanceOnnx } from "@lockstep/node/cli/commands/conformance";
import { CONFORMANCE, runCommand, SKIPPED } from "./command.ts";

interface Result {
  passed: string[];
  failed: unknown[];
  unsupported: unknown[];
  distinct?: Record<string, number>;
}

const LIGHT = join(CONFORMANCE, "onnx/light");

it("passes the light networks", { skip: SKIPPED }, async () => {
  const outcome = await runCommand(conformanceOnnx, [LIGHT]);
  const result = outcome.result as Result;
  assert.deepEqual(result.failed, []);
  assert.deepEqual(result.unsupported, []);
  assert.ok(result.passed.length > 0);
});

it("agrees with onnxruntime on the light networks with drawn weights", { skip: SKIPPED }, async () => {
  const outcome = await runCommand(conformanceOnnx, [LIGHT], { weights: "normal", seed: "1" });
  const result = outcome.result as Result;
  assert.deepEqual(result.failed, []);
  for (const [id, distinct] of Object.entries(result.distinct ?? {})) assert.ok(distinct >= 900, `${id}: ${distinct}`);
  assert.equal(Object.keys(result.distinct ?? {}).length, result.passed.length);
});
