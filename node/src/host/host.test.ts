import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import {
  createWasmEngine,
  execute,
  interpreterEngine,
  traceRootOf,
  type Engine,
  type Tamper,
} from "../engine/index.ts";
import { chain } from "../engine/fixtures.ts";
import { engineEqualsInterpreter } from "./engine-test.ts";
import { createHost, sharedHost } from "./index.ts";

describe("host", () => {
  it("runs compiled programs where this process can", () => {
    assert.notEqual(createHost().tier, "interpreted");
    assert.equal(sharedHost(), sharedHost());
  });

  it("gives the tier asked for, or the next that is here", () => {
    assert.equal(createHost({ tier: "wasm" }).tier, "wasm");
    assert.equal(createHost({ tier: "interpreted" }).engine, interpreterEngine);
    assert.ok(["addon", "revec", "wasm"].includes(createHost({ tier: "addon" }).tier));
  });

  it("runs large programs on threads with the same bits", () => {
    const { program, inputs, constants } = chain(50, 100_000);
    const options = { inputs, constants, steps: 2 };
    const expected = traceRootOf(execute(program, { ...options, engine: createWasmEngine() }));
    for (const threads of [1, 3]) {
      const { engine } = createHost({ threads });
      assert.equal(traceRootOf(execute(program, { ...options, engine })), expected);
    }
  });

  it("emulates fma where the processor is said to have none, with the same bits on threads", () => {
    const script = `
      const { createHost } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
      const { execute, traceRootOf } = await import(${JSON.stringify(new URL("../engine/index.ts", import.meta.url).href)});
      const { chain } = await import(${JSON.stringify(new URL("../engine/fixtures.ts", import.meta.url).href)});
      const { program, inputs, constants } = chain(50, 100_000);
      const { tier, isFused, engine } = createHost({ threads: 2 });
      console.log(tier, isFused, traceRootOf(execute(program, { inputs, constants, steps: 1, engine })));`;
    const { program, inputs, constants } = chain(50, 100_000);
    const expected = traceRootOf(execute(program, { inputs, constants, steps: 1, engine: createWasmEngine() }));
    const flags = process.arch === "x64" ? ["--no-enable-fma3"] : [];
    const output = execFileSync(process.execPath, [...flags, "--input-type=module", "-e", script], { timeout: 60_000 });
    const [tier, isFused, root] = output.toString().trim().split(" ");
    assert.equal(root, expected);
    if (process.arch === "x64") assert.deepEqual([tier, isFused], ["wasm", "false"]);
  });

  it("meets the code of both of V8's compilers in its test, and compiles as usual then", () => {
    const script = `
      const { createHost } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
      const { execute } = await import(${JSON.stringify(new URL("../engine/index.ts", import.meta.url).href)});
      const { recurrent } = await import(${JSON.stringify(new URL("../engine/fixtures.ts", import.meta.url).href)});
      console.log("start");
      const { engine } = createHost({ tier: "wasm", threads: 1 });
      console.log("made");
      const { program, inputs, constants } = recurrent(300);
      execute(program, { inputs, constants, steps: 1, engine });`;
    const flags = ["--trace-wasm-compilation-times", "--input-type=module"];
    const output = execFileSync(process.execPath, [...flags, "-e", script], { timeout: 60_000 }).toString();
    const counts = output.split(/^start$|^made$/m).map((part) => ({
      first: part.match(/using Liftoff/g)?.length ?? 0,
      second: part.match(/using TurboFan/g)?.length ?? 0,
    }));
    assert.equal(counts.length, 3);
    assert.ok(counts[1].first >= 20 && counts[1].second >= 20, JSON.stringify(counts));
    assert.ok(counts[2].first > 0, JSON.stringify(counts));
  });

  it("lets no process wait for its threads", () => {
    const script = `
      const { createHost } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
      const { startThreads } = await import(${JSON.stringify(new URL("./threads.ts", import.meta.url).href)});
      startThreads(2);
      createHost();
      console.log("done");`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 30_000 });
    assert.equal(output.toString().trim(), "done");
  });
});

describe("test of an engine", () => {
  it("passes the interpreter and the compiled engine, fused or not, alone or widened", () => {
    assert.equal(engineEqualsInterpreter(interpreterEngine), true);
    assert.equal(engineEqualsInterpreter(createWasmEngine()), true);
    assert.equal(engineEqualsInterpreter(createWasmEngine({ emulateFma: true })), true);
    assert.equal(engineEqualsInterpreter(createWasmEngine({ tier: "revec" })), true);
  });

  it("refuses an engine that is wrong in one bit of one primitive, slot or step", () => {
    const lying = (tamperOf: (primitives: number) => Tamper): Engine => ({
      load(program, options) {
        const machine = createWasmEngine().load(program, options);
        const tamper = tamperOf(program.segments[0].records.length);
        return { ...machine, advance: (step) => machine.advance(step, { tamper }) };
      },
    });
    for (const primitive of [0, 5, 9]) {
      assert.equal(engineEqualsInterpreter(lying(() => ({ step: 1, primitive, element: 3, xor: 1 }))), false);
    }
    assert.equal(
      engineEqualsInterpreter(lying((count) => ({ step: 0, primitive: count - 4, element: 9, xor: 4 }))),
      false,
    );
    for (const item of [0, 1, 2, 3, 4, 6]) {
      assert.equal(engineEqualsInterpreter(lying(() => ({ step: 2, item, element: 0, xor: 1 }))), false);
    }
  });
});
