// Random models of every operator against onnxruntime: hundreds of each, from fixed seeds. A few of each run always, beside the
// code; this finds what rare combinations of attributes do. LOCKSTEP_FUZZ_SEED moves the seeds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareCase, describeCase, drawFrom } from "@lockstep/node/onnx/differential/compare";
import { GENERATORS } from "@lockstep/node/onnx/differential/index";
import { runOnnxruntime } from "@lockstep/node/onnx/differential/onnxruntime";

const CASES = 300;
const first = Number(process.env["LOCKSTEP_FUZZ_SEED"] ?? 1000);

for (const [name, generate] of GENERATORS) {
  test(`${name}: ${CASES} random models (seeds from ${first})`, { skip: runOnnxruntime === undefined }, async () => {
    const wrong: string[] = [];
    let equal = 0;
    for (let seed = first; seed < first + CASES; seed++) {
      const drawn = generate(drawFrom(seed));
      const result = await compareCase(drawn, runOnnxruntime!);
      if (result.status === "equal") equal += 1;
      if (result.status === "differs") wrong.push(`seed ${seed}: ${result.reason}: ${describeCase(drawn)}`);
    }
    assert.deepEqual(wrong, []);
    assert.equal(equal > 0, true, "no case ran on both sides");
  });
}
