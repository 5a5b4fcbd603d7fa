import assert from "node:assert/strict";
import { it } from "node:test";
import { main } from "../main.ts";

it("refuses a count of runs beside the one run to repeat, and runs out of range", async () => {
  for (const words of [
    ["--only", "9", "--runs", "2"],
    ["--only", "-1"],
    ["--only", "1.5"],
    ["--runs", "0"],
    ["--seed", "x"],
  ]) {
    let stdout = "";
    const stream = { write: (text: string) => (stdout += text) };
    const code = await main(["dispute", "fuzz", ...words, "--json"], { stdout: stream, stderr: { write: () => "" } });
    const { error } = JSON.parse(stdout) as { error: { name: string } };
    assert.deepEqual([code, error.name], [1, "OptionError"], words.join(" "));
  }
});

it("takes one run to repeat without a count", async () => {
  let stdout = "";
  const stream = { write: (text: string) => (stdout += text) };
  await main(["dispute", "fuzz", "--only", "100001", "--json"], { stdout: stream, stderr: { write: () => "" } });
  const { error } = JSON.parse(stdout) as { error: { message: string } };
  assert.doesNotMatch(error.message, /--runs/);
});
