import assert from "node:assert/strict";
import { test } from "node:test";
import { harnessFile, withoutMetadata } from "./harness.ts";

test("cuts the compiler's metadata off the code, and nothing else", () => {
  const metadata = `a264697066735822${"00".repeat(43)}`;
  const length = (metadata.length / 2).toString(16).padStart(4, "0");
  assert.equal(withoutMetadata(`0x6001600201${metadata}${length}`), "0x6001600201");
  assert.equal(withoutMetadata("0x60016002010003"), "0x60016002010003");
});

test("writes the ABI and the code as constants", () => {
  const { path, content } = harnessFile({ abi: [{ type: "error", name: "Late" }], deployedBytecode: "0x6001" });
  assert.equal(path, "node/src/cli/conformance/generated/scalar-machine-harness.ts");
  assert.match(content, /export const scalarMachineHarnessAbi = \[\n[^]*\] as const;\n/);
  assert.match(content, /export const scalarMachineHarnessCode =\n {2}"0x6001";\n$/);
});
