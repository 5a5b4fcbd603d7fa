import assert from "node:assert/strict";
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { LockstepError } from "./errors.ts";
import { checkTestFloat, findTestFloatOperation, readTestFloat } from "./testfloat.ts";
import type { TestFloatCase } from "./testfloat.ts";

async function* pieces(...texts: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array, void, undefined> {
  yield* texts;
}

async function collect(file: string, ...texts: string[]): Promise<TestFloatCase[]> {
  const cases: TestFloatCase[] = [];
  for await (const batch of readTestFloat(file, pieces(...texts))) cases.push(...batch);
  return cases;
}

describe("readTestFloat", () => {
  const malformed: [file: string, text: string, line: number][] = [
    ["f32_add.txt", "3F800000 3F800000 40000000\n", 1],
    ["f32_add.txt", "3F800000 3F800000 40000000 00\n\n", 2],
    ["f32_add.txt", "3F800000 3F800000 40000000 00 00", 1],
    ["f32_add.txt", "3F80000G 3F800000 40000000 00", 1],
    ["f32_add.txt", "3F800000 3F800000 4000000 00", 1],
    ["f32_lt.txt", "3F800000 3F800000 00000001 00", 1],
    ["f32_sqrt.txt", "3F800000 3F800000 0", 1],
    ["f32_sqrt.txt", "3F800000 3F800000 00\n" + "0".repeat(300), 2],
  ];
  for (const [file, text, line] of malformed) {
    it(`refuses ${JSON.stringify(text.slice(0, 44))} in ${file}`, async () => {
      await assert.rejects(collect(file, text), (error: unknown) => {
        assert.ok(error instanceof LockstepError);
        assert.equal(error.name, "TestFloatLineError");
        assert.equal(error.values.file, file);
        assert.equal(error.values.line, line);
        assert.ok(error.message.startsWith(`${file}:${line}: a line of f32_`));
        return true;
      });
    });
  }

  it("refuses a file of an operation it does not know", async () => {
    await assert.rejects(collect("f64_add.txt", ""), { name: "UnknownTestFloatFileError" });
    assert.equal(findTestFloatOperation("f64_add.txt"), undefined);
  });

  it("reads lines however the text is cut, with or without a last newline", async () => {
    const text = "8683F7FF C07F3FFF C07F3FFF 01\r\n3F800000 3F800000 40000000 00";
    const whole = await collect("vectors/f32_add.txt", text);
    assert.deepEqual(whole[1], { line: 2, operands: [0x3f800000, 0x3f800000], expected: 0x40000000, excluded: false });
    for (let cut = 0; cut < text.length; cut++) {
      assert.deepEqual(await collect("f32_add.txt", text.slice(0, cut), text.slice(cut)), whole);
    }
  });

  it("makes a NaN result canonical, a bool a mask, and excludes f32_to_i32 of NaN", async () => {
    assert.equal((await collect("f32_sqrt.txt", "FFC00000 FFC00001 00"))[0].expected, 0x7fc00000);
    assert.equal((await collect("f32_lt.txt", "00000000 3F800000 1 00"))[0].expected, 0xffffffff);
    assert.equal((await collect("f32_to_i32_rne.txt", "7FC00000 7FFFFFFF 10"))[0].excluded, true);
    assert.equal((await collect("i32_to_f32.txt", "7FC00000 4EFF8000 00"))[0].excluded, false);
  });
});

describe("checkTestFloat", () => {
  it("counts and keeps the first mismatches of a wrong implementation", async () => {
    const text = "3F800000 3F800000 40000000 00\n".repeat(12);
    const report = await checkTestFloat("f32_add.txt", pieces(new TextEncoder().encode(text)), () => 0);
    assert.equal(report.failed, 12);
    assert.equal(report.passed, 0);
    assert.equal(report.mismatches.length, 10);
    assert.deepEqual(report.mismatches[0].actual, 0);
  });

  it("reads two hundred thousand lines within bounded memory and time", async () => {
    const block = "3F800000 3F800000 40000000 00\n".repeat(1_000);
    const report = await checkTestFloat("f32_add.txt", pieces(...new Array<string>(200).fill(block)));
    assert.equal(report.passed, 200_000);
  });
});

const conformance = process.env.LOCKSTEP_CONFORMANCE;
describe("TestFloat vectors", { skip: conformance === undefined ? "LOCKSTEP_CONFORMANCE is not set" : false }, () => {
  if (conformance === undefined) return;
  const directory = join(conformance, "float32");
  for (const file of readdirSync(directory).filter((name) => findTestFloatOperation(name) !== undefined)) {
    it(file, async (t) => {
      const report = await checkTestFloat(file, createReadStream(join(directory, file)));
      t.diagnostic(`${report.cases} cases, ${report.excluded} excluded (NaN to integer)`);
      assert.deepEqual(report.mismatches, []);
      assert.ok(report.passed > 0);
    });
  }
});
