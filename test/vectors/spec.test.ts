// What docs/spec.md says of the example: a reader who gets other roots has found a difference.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { it } from "node:test";
import { main } from "@lockstep/node/cli/main";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const EXAMPLE = join(REPOSITORY, "examples/digits");

async function answer(...words: string[]): Promise<Record<string, string>> {
  let stdout = "";
  const streams = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => true } };
  assert.equal(await main([...words, "--json"], streams), 0);
  return JSON.parse(stdout) as Record<string, string>;
}

it("names the roots of the example", async () => {
  const text = readFileSync(join(REPOSITORY, "docs/spec.md"), "utf8");
  const [, program] = /model inspect examples\/digits\/digits\.onnx +program +(0x[0-9a-f]{64})/.exec(text) ?? [];
  const [, trace] = /trace root (0x[0-9a-f]{64})/.exec(text) ?? [];
  const model = join(EXAMPLE, "digits.onnx");
  const run = await answer("model", "run", model, "--input", join(EXAMPLE, "samples/input-3.npy"));
  assert.deepEqual({ program, trace }, { program: run["programRoot"], trace: run["traceRoot"] });
});
