import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom } from "../../float/directed.ts";
import { OPCODE_NAMES, validateProgram } from "../../ir/index.ts";
import { findFlaw, FLAW, TamperError, checkTamper } from "../../engine/index.ts";
import { drawRun, kindOfRun } from "./fuzz.ts";
import { LIE_PLACES } from "./lies.ts";
import { FUZZ_KINDS } from "./models.ts";
import { PRIMITIVE_KINDS, primitiveKindOf } from "./primitive-kinds.ts";

const RUNS = 150;

describe("fuzz models", () => {
  it("have between them every form of loop and every instruction", () => {
    const forms = new Set<string>();
    const opcodes = new Set<string>();
    const primitives = new Set<string>();
    for (const [index, make] of Object.values(FUZZ_KINDS).entries()) {
      const turns = Object.keys(FUZZ_KINDS)[index] === "random program" ? 12 : 1;
      for (let turn = 0; turn < turns; turn++) {
        const { program, inputs } = make(createRandom(100 * index + turn));
        validateProgram(program);
        assert.deepEqual(
          inputs.map(({ length }) => length),
          program.inputs.map(({ length }) => length),
        );
        forms.add(`${program.segments.length} segments`).add(program.slots.length > 0 ? "slots" : "no slots");
        for (const scalar of program.scalars.values()) {
          const { loop, prologue, epilogue, outputType } = scalar;
          primitives.add(primitiveKindOf(scalar));
          forms.add(outputType).add(loop === null ? "no loop" : `${loop.lanes} lanes`);
          if (loop !== null && loop.single) forms.add("one block");
          if (loop !== null && loop.continued) forms.add("continued");
          for (const { op } of [...prologue, ...(loop?.body ?? []), ...(loop?.combine ?? []), ...epilogue])
            opcodes.add(op);
        }
      }
    }
    const expected = ["1 lanes", "1 segments", "2 segments", "32 lanes", "bool", "continued", "f32", "i32"];
    expected.push("no loop", "no slots", "one block", "slots");
    assert.deepEqual([...forms].toSorted(), expected);
    assert.deepEqual([...opcodes].toSorted(), [...OPCODE_NAMES].toSorted());
    assert.deepEqual([...primitives].toSorted(), [...PRIMITIVE_KINDS].toSorted());
  });
});

describe("fuzz runs", () => {
  it("take turns over all kinds, in an order of the seed", () => {
    const kinds = Object.keys(FUZZ_KINDS);
    const turn = (seed: number) => kinds.map((_, run) => kindOfRun(seed, run));
    assert.deepEqual(turn(1).toSorted(), kinds.toSorted());
    assert.notDeepEqual(turn(1), turn(2));
    assert.equal(kindOfRun(1, kinds.length), kindOfRun(1, 0));
  });

  it("draw the same lie again, at places that the run has, and programs with the flaw they name", () => {
    const places = new Set<string>();
    for (let run = 0; run < RUNS; run++) {
      const { lie, model } = drawRun(3, run);
      places.add(lie.place);
      if (lie.place === "flaw") {
        const proof = findFlaw(lie.parts);
        assert.ok(proof !== null, `run ${run}: ${lie.flaw}`);
        assert.ok(Object.values(FLAW).includes(proof.flaw as never));
      } else if (lie.place === "input") {
        assert.ok(lie.element < model.program.inputs[lie.input].length && lie.xor !== 0);
      } else {
        assert.doesNotThrow(() => checkTamper(model.program, model.steps, lie.tamper), TamperError);
        assert.deepEqual(drawRun(3, run).lie, lie);
      }
    }
    assert.deepEqual([...places].toSorted(), [...LIE_PLACES].toSorted());
  });
});
