// Summaries and the work of a claim.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSummary, SummaryError, workOf } from "../program.ts";

const u32 = (value: number) => value.toString(16).padStart(8, "0");
const segment = (steps: number, primitives: number) =>
  `${"5".repeat(128)}${u32(steps)}${u32(primitives)}${"0".repeat(48)}`;
const head = (segments: number) =>
  `0x${Buffer.from("LOCKSTEP").toString("hex")}${[1, segments, 2, 3, 1, 0].map(u32).join("")}${"4".repeat(64)}` as const;

describe("program", () => {
  const summary = readSummary(`${head(3)}${segment(2, 10)}${segment(3, 100)}${segment(0, 1000)}`);

  it("reads a summary", () => {
    assert.deepEqual(summary, {
      inputCount: 2,
      slotCount: 3,
      outputCount: 1,
      segments: [
        { steps: 2n, primitives: 10 },
        { steps: 3n, primitives: 100 },
        { steps: 0n, primitives: 1000 },
      ],
    });
  });

  it("counts work up to the claim's last step", () => {
    assert.deepEqual(
      [1, 2, 3, 5, 6, 1048576].map((steps) => workOf(summary, steps)),
      [10n, 20n, 120n, 320n, 1320n, 320n + 1048571n * 1000n],
    );
    assert.equal(workOf(readSummary(`${head(2)}${segment(0xffffffff, 7)}${segment(0, 9)}`), 4), 28n);
  });

  it("refuses what is no summary", () => {
    for (const bytes of ["0x", head(1), `${head(1)}${segment(0, 1)}00`, `0x${"0".repeat(320)}`] as const) {
      assert.throws(() => readSummary(bytes), SummaryError);
    }
  });
});
