// The suite's whole networks, ResNet-50 at 224 x 224 among them. Skipped without LOCKSTEP_CONFORMANCE.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { conformanceOnnx } from "@lockstep/node/cli/commands/conformance";
import { CONFORMANCE, runCommand, SKIPPED } from "./command.ts";

interface Result {
  passed: string[];
  failed: unknown[];
  unsupported: unknown[];
}

it("passes the light networks", { skip: SKIPPED }, async () => {
  const outcome = await runCommand(conformanceOnnx, [join(CONFORMANCE, "onnx/light")]);
  const result = outcome.result as Result;
  assert.deepEqual(result.failed, []);
  assert.deepEqual(result.unsupported, []);
  assert.ok(result.passed.length > 0);
});
