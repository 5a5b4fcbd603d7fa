import { describe, it } from "node:test";
import { createWasmEngine } from "../wasm-engine.ts";
import { FUZZERS } from "./index.ts";

const ENGINES = { wasm: createWasmEngine() };

/** Seeds of each: a few seconds in all, and enough to have found what each was written for. Nightly tests run many more. */
const SEEDS: Readonly<Record<string, number>> = {
  "hostile contractions": 110,
  "shared constants": 100,
  "aliased slots": 60,
  "row updates": 30,
  "machines in turns": 3,
};

describe("the compiled engine equals the interpreter", () => {
  for (const [name, fuzz] of Object.entries(FUZZERS)) {
    it(`${name}, seeds 1 to ${SEEDS[name]}`, () => {
      for (let seed = 1; seed <= SEEDS[name]; seed++) fuzz(seed, ENGINES);
    });
  }
});
