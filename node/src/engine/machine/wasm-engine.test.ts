import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { below, createRandom } from "../../float/directed.ts";
import { buildScalar } from "../../ir/build.ts";
import { scalarHash } from "../../ir/encode.ts";
import { segmentOfStep, ZERO_HASH } from "../../ir/program.ts";
import type { Program } from "../../ir/program.ts";
import { validateProgram } from "../../ir/validate-program.ts";
import { sharedHasher } from "../../merkle/wasm-hasher.ts";
import { execute } from "../execute.ts";
import { chain, longerLookUp, recurrent, rowCache, singleWord, wrappingColumns } from "../fixtures.ts";
import type { Fixture } from "../fixtures.ts";
import type { Tamper } from "../tamper.ts";
import { traceRootOf } from "../trace.ts";
import { EngineMemoryError } from "../wasm/memory.ts";
import { randomProgram } from "./fixtures.ts";
import { interpreterEngine } from "./runner-engine.ts";
import { assertSameRun } from "./same-run.ts";
import type { Engine } from "./types.ts";
import { createWasmEngine } from "./wasm-engine.ts";

const ENGINES: Record<string, Engine> = {
  "the host's fma": createWasmEngine(),
  "emulated fma": createWasmEngine({ emulateFma: true }),
};
const PROGRAMS = 30;
const MODES = ["full", "deferred"] as const;

for (const [name, engine] of Object.entries(ENGINES)) {
  describe(`the compiled engine, ${name}`, () => {
    it("runs small programs as the interpreter does", () => {
      const fixtures: [string, Fixture, number][] = [
        ["singleWord", singleWord(), 3],
        ["recurrent", recurrent(300), 5],
        ["two segments", recurrent(300, 2), 5],
        ["rowCache", rowCache(21), 6],
        ["chain", chain(35, 3000), 2],
        ["wrappingColumns", wrappingColumns(), 1],
        ["longerLookUp", longerLookUp(), 1],
      ];
      for (const [label, fixture, steps] of fixtures) assertSameRun(fixture, steps, engine, label);
    });

    it("runs random programs as the interpreter does", () => {
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const { steps, ...fixture } = randomProgram(seed);
        validateProgram(fixture.program);
        assertSameRun(fixture, steps, engine, `seed ${seed}`);
      }
    });
  });
}

describe("the memory of a machine", () => {
  it("may lie above 2 GiB", () => {
    const engine = createWasmEngine({ firstAddress: 0xd0000000 });
    for (let seed = 1; seed <= 8; seed++) {
      const { steps, ...fixture } = randomProgram(seed);
      assertSameRun(fixture, steps, engine, `seed ${seed}`);
    }
  });

  const megabytes = (count: number): Fixture => chain(3, count * 2 ** 18);

  it("is refused before anything runs where it would be too large", () => {
    const small = createWasmEngine({ maxPages: 64 });
    const { program, inputs } = megabytes(2);
    const constants = (): Uint32Array => assert.fail("no constant is asked for");
    const load = { inputs, constants, hasher: sharedHasher() };
    assert.throws(() => small.load(program, { ...load, trace: "full" }), EngineMemoryError);
    assert.throws(() => small.load(program, { ...load, trace: "none" }), EngineMemoryError);
    assert.ok(createWasmEngine({ maxPages: 256 }).load(program, { ...load, trace: "full" }));
  });

  it("is refused where all tensors of a program would not fit 4 GiB", () => {
    const length = 2 ** 29;
    const tensor = { type: "i32", length } as const;
    const scalar = buildScalar({ operands: ["i32"], output: "i32", extents: [length] }, (b) => b.load(0, b.index));
    const hash = scalarHash(scalar);
    const program: Program = {
      inputs: [],
      slots: [
        { ...tensor, initial: { kind: "constant", root: ZERO_HASH } },
        { ...tensor, initial: { kind: "constant", root: ZERO_HASH } },
      ],
      outputs: [tensor],
      segments: [
        {
          records: [{ scalar: hash, ...tensor, operands: [{ kind: "slot", ...tensor, index: 0 }] }],
          steps: 0,
          slotBindings: [0, 0],
          outputBindings: [0],
        },
      ],
      scalars: new Map([[hash, scalar]]),
    };
    const constants = (): Uint32Array => assert.fail("no constant is asked for");
    const options = { inputs: [], constants, hasher: sharedHasher(), trace: "none" } as const;
    assert.throws(() => createWasmEngine().load(program, options), EngineMemoryError);
  });
});

describe("a lie", () => {
  it("is told alike on every engine", () => {
    for (let seed = 1; seed <= 6; seed++) {
      const { steps, program, inputs, constants } = randomProgram(seed);
      const random = createRandom(seed);
      const step = below(random, steps);
      const { records } = program.segments[segmentOfStep(program, step)];
      const primitive = below(random, records.length);
      const state = [...program.slots, ...program.outputs];
      const item = below(random, state.length);
      const xor = 1 + below(random, 2 ** 31);
      for (const padded of [0, 1]) {
        const element = (length: number): number => padded * (Math.ceil(length / 256) * 256 - 1);
        const lies: Tamper[] = [
          { step, primitive, element: element(records[primitive].length), xor },
          { step, item, element: element(state[item].length), xor },
        ];
        for (const [tamper, trace] of lies.flatMap((lie) => MODES.map((mode) => [lie, mode] as const))) {
          const made = [interpreterEngine, ...Object.values(ENGINES)].map((engine) =>
            execute(program, { inputs, constants, steps, engine, tamper, trace, snapshotSteps: 2 }),
          );
          for (const run of made.slice(1)) {
            assert.equal(traceRootOf(run), traceRootOf(made[0]), `seed ${seed}, ${trace}`);
            assert.deepEqual(run.outputs, made[0].outputs);
            assert.deepEqual(run.tensorsAt(steps - 1), made[0].tensorsAt(steps - 1));
          }
        }
      }
    }
  });
});
