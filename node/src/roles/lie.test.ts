import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recurrent } from "../engine/fixtures.ts";
import { segmentOfStep } from "../ir/index.ts";
import { chooseLie, LieFormatError, LieOutsideProgramError, parseLie } from "./lie.ts";

describe("a lie", () => {
  const { program } = recurrent(300, 2);

  it("is read from its text", () => {
    const given: [string, object][] = [
      ["2:5:0x00400000", { primitive: 2, element: 5, xor: 0x400000, step: 0 }],
      ["0:0:1", { primitive: 0, element: 0, xor: 1, step: 0 }],
      ["12:299:0xFFFFFFFF:3", { primitive: 12, element: 299, xor: 0xffffffff, step: 3 }],
    ];
    for (const [text, lie] of given) assert.deepEqual(parseLie(text), { kind: "given", lie });
    assert.deepEqual(parseLie("random:7"), { kind: "drawn", seed: 7 });
    assert.equal(parseLie("random").kind, "drawn");
  });

  for (const text of [
    "",
    "2",
    "2:5",
    "2:5:",
    "2:5:0",
    "2:5:0x0",
    "2:5:0x100000000",
    "2:5:4294967296",
    "-1:5:1",
    "2:5:1:",
    "2:5:1:2:3",
    "2:5:1.5",
    "123456:0:1",
    "random:",
    "random:x",
    " 2:5:1",
  ]) {
    it(`is not read from ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseLie(text),
        (error: unknown) => error instanceof LieFormatError && error.values["value"] === text,
      );
    });
  }

  it("is told where the program has it", () => {
    const lie = { step: 1, primitive: 0, element: 2, xor: 1 };
    assert.equal(chooseLie({ kind: "given", lie }, program, 2), lie);
  });

  it("is refused outside the program, naming what there is", () => {
    const { length } = program.segments[0].records[0];
    const outside: [object, RegExp][] = [
      [{ step: 2 }, /no such primitive/],
      [{ primitive: 99 }, /no such primitive/],
      [{ element: length }, new RegExp(`${length} elements`)],
    ];
    for (const [change, rule] of outside) {
      const lie = { step: 0, primitive: 0, element: 0, xor: 1, ...change };
      assert.throws(
        () => chooseLie({ kind: "given", lie }, program, 2),
        (error: unknown) => error instanceof LieOutsideProgramError && rule.test(String(error.values["rule"])),
      );
    }
  });

  it("is the same for the same seed, and always in the program", () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const lie = chooseLie({ kind: "drawn", seed }, program, 5);
      assert.deepEqual(chooseLie({ kind: "drawn", seed }, program, 5), lie);
      const record = program.segments[segmentOfStep(program, lie.step)].records[lie.primitive];
      assert.ok(lie.step < 5 && lie.element < record.length && lie.xor >= 1 && lie.xor <= 0xffffffff);
      seen.add(JSON.stringify(lie));
    }
    assert.ok(seen.size > 190, "seeds give different lies");
  });
});
