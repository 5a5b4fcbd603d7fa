// Programs that compiled machines once ran wrongly, and graphs that merging once changed, by the hundreds on every tier and on
// one to three threads, from fixed seeds. A few of each run always, beside the code. LOCKSTEP_FUZZ_SEED moves the seeds.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { awaitHelpers, createWasmEngine, type WasmEngine, type WasmEngineOptions } from "@lockstep/node/engine";
import { FUZZERS } from "@lockstep/node/engine/machine/fuzz";
import { nativeSet } from "@lockstep/node/host/native";
import { attachNative } from "@lockstep/node/host/native-code";
import { startThreads, type StartedThreads } from "@lockstep/node/host/threads";
import { checkRawGraph } from "@lockstep/node/onnx/fusion-fixtures";

const PROGRAMS = 300;
/** Seeds of machines in turns, which take many times as long as others. */
const TURNS = 60;
const GRAPHS = 30_000;
const first = Number(process.env["LOCKSTEP_FUZZ_SEED"] ?? 1000);

const set = nativeSet();
// The last one changes how V8 compiles all that follows.
const TIERS: Readonly<Record<string, WasmEngineOptions>> = {
  wasm: { tier: "wasm" },
  "wasm, emulated fma": { tier: "wasm", emulateFma: true },
  ...(set === null ? {} : { addon: { tier: "addon", native: { set, attach: attachNative } } }),
  revec: { tier: "revec" },
};

for (const [tier, options] of Object.entries(TIERS)) {
  describe(`the engine with tier ${tier} on 1 to 3 threads`, () => {
    let helpers: StartedThreads[];
    let engines: Record<string, WasmEngine>;
    before(() => {
      helpers = [startThreads(1), startThreads(2)];
      if (tier === "revec") ["--experimental-wasm-revectorize", "--no-liftoff"].forEach(setFlagsFromString);
      for (const threads of helpers) assert.ok(awaitHelpers(threads, 60_000));
      // Everything that can be cut is cut, however small.
      const together = helpers.map((threads) => createWasmEngine({ ...options, threads, grain: 1 }));
      engines = { "1 thread": createWasmEngine(options), "2 threads": together[0], "3 threads": together[1] };
    });
    after(() => Promise.all(helpers.map((threads) => threads.stop())));

    for (const [name, fuzz] of Object.entries(FUZZERS)) {
      const count = name === "machines in turns" ? TURNS : PROGRAMS;
      it(`runs ${name} as the interpreter does (${count} seeds from ${first})`, () => {
        for (let seed = first; seed < first + count; seed++) fuzz(seed, engines);
      });
    }
  });
}

it(`merging changes no word of raw graphs (${GRAPHS} seeds from ${first})`, () => {
  for (let seed = first; seed < first + GRAPHS; seed++) checkRawGraph(seed);
});
