/**
 * Fuzzers of engines by name: each makes a program of the seed, runs it on every engine, and throws where a word or a root is
 * not the interpreter's. What they aim at are the places where compiled machines went wrong before.
 */
import type { Fixture } from "../../fixtures.ts";
import { randomProgram } from "../fixtures.ts";
import { assertSameRun } from "../same-run.ts";
import type { Engine } from "../types.ts";
import { hostileContractions } from "./contractions.ts";
import { assertSameTurns } from "./interleaved.ts";
import { rowUpdates } from "./rows.ts";
import { sharedConstants } from "./shared-constants.ts";
import { aliasedSlots } from "./slots.ts";

export type Engines = Readonly<Record<string, Engine>>;
export type Fuzzer = (seed: number, engines: Engines) => void;

export const FUZZERS: Readonly<Record<string, Fuzzer>> = {
  "hostile contractions": whole("contractions", hostileContractions, 2),
  "shared constants": whole("constants", sharedConstants, 2),
  "aliased slots": whole("slots", aliasedSlots, 4),
  "row updates": (seed, engines) => assertSameTurns([rowUpdates(seed)], engines, seed),
  "machines in turns": (seed, engines) => {
    const [one, other] = [randomProgram(seed), randomProgram(seed + 1)];
    assertSameTurns([one, { ...other, steps: other.steps + 3 }, rowUpdates(seed)], engines, seed);
  },
};

/** Runs whole programs in every trace mode. */
function whole(label: string, make: (seed: number) => Fixture, steps: number): Fuzzer {
  return (seed, engines) => {
    const fixture = make(seed);
    for (const [name, engine] of Object.entries(engines)) {
      try {
        // The label names the program, so that the interpreter runs it once for all engines.
        assertSameRun(fixture, steps, engine, `${label} of seed ${seed}`);
      } catch (error) {
        throw new Error(`${name} differs`, { cause: error });
      }
    }
  };
}
