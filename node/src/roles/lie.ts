/**
 * A cheating solver is the honest one with one injected lie: after one primitive of one step was computed, one word of its
 * output is changed and the run goes on from there. Given as `primitive:element:xor`, with `:step` after it for a step
 * other than the first, or drawn from a printed seed.
 */
import type { PrimitiveTamper } from "../engine/index.ts";
import { LockstepError } from "../float/errors.ts";
import { segmentOfStep, type Program } from "../ir/index.ts";

/** How a lie is chosen. */
export type LieChoice = { kind: "given"; lie: PrimitiveTamper } | { kind: "drawn"; seed: number };

/** The text of a choice: what parseLie reads as the same. */
export function lieText(choice: LieChoice): string {
  if (choice.kind === "drawn") return `random:${choice.seed}`;
  const { primitive, element, xor, step } = choice.lie;
  return `${primitive}:${element}:0x${xor.toString(16)}:${step}`;
}

/** Reads `--lie`: `12:7:0x400000`, `12:7:0x400000:1`, `random` or `random:<seed>`. */
export function parseLie(text: string): LieChoice {
  const drawn = /^random(?::(\d{1,9}))?$/.exec(text);
  if (drawn !== null)
    return { kind: "drawn", seed: drawn[1] === undefined ? Date.now() % 1_000_000_000 : Number(drawn[1]) };
  const given = /^(\d{1,5}):(\d{1,10}):(0x[0-9a-fA-F]{1,8}|\d{1,10})(?::(\d{1,7}))?$/.exec(text);
  if (given === null) throw new LieFormatError(text, "primitive:element:xor[:step], random or random:seed");
  const [, primitive = "", element = "", xor = "", step = "0"] = given;
  const lie = { primitive: Number(primitive), element: Number(element), xor: Number(xor), step: Number(step) };
  if (lie.xor < 1 || lie.xor > 0xffffffff) throw new LieFormatError(text, "a change from 1 to 0xffffffff");
  return { kind: "given", lie };
}

/** The lie to tell in a run of `steps` steps; refuses one that is not in the program. */
export function chooseLie(choice: LieChoice, program: Program, steps: number): PrimitiveTamper {
  if (choice.kind === "given") {
    const { step, primitive, element } = choice.lie;
    const length =
      step < steps ? program.segments[segmentOfStep(program, step)]?.records[primitive]?.length : undefined;
    if (length === undefined || element >= length) throw new LieOutsideProgramError(choice.lie, length);
    return choice.lie;
  }
  const random = mulberry32(choice.seed);
  const below = (count: number) => Math.floor(random() * count);
  const step = below(steps);
  const records = program.segments[segmentOfStep(program, step)]?.records ?? [];
  const primitive = below(records.length);
  return { step, primitive, element: below(records[primitive]?.length ?? 1), xor: 1 + below(0xffffffff) };
}

// A small generator with a 32-bit seed: the lie only has to be the same for the same seed.
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `--lie` is not of the form it must have. */
export class LieFormatError extends LockstepError {
  constructor(value: string, rule: string) {
    super("LieFormatError", `--lie ${value}: expected ${rule}`, { value, rule });
  }
}

/** The program has no such primitive or element. */
export class LieOutsideProgramError extends LockstepError {
  constructor(lie: PrimitiveTamper, length: number | undefined) {
    const rule = length === undefined ? "the run has no such primitive" : `its output has ${length} elements`;
    super(
      "LieOutsideProgramError",
      `Lie at step ${lie.step}, primitive ${lie.primitive}, element ${lie.element}: ${rule}`,
      {
        ...lie,
        rule,
      },
    );
  }
}
