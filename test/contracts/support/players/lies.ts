// The single lies of dishonest claimants: each gives the honest run with one thing wrong, claimed for the honest program and
// inputs. Lies about values are told right after the honest value was computed and everything that follows is computed from
// them as usual, so that only one thing in the whole trace can be proven wrong first.
import type { ExecuteOptions, Run } from "@lockstep/node/engine/execute";
import { recurrent, runFixture, type Fixture } from "@lockstep/node/engine/fixtures";
import type { Tamper } from "@lockstep/node/engine/tamper";
import { buildScalar } from "@lockstep/node/ir/build";
import { scalarHash } from "@lockstep/node/ir/encode";
import type { PrimitiveRecord, Program } from "@lockstep/node/ir/program";

/** Kinds of fraud proofs. */
export const KIND = { badElement: 0, badSlot: 1, badPadding: 2, badRecord: 3 } as const;

/** Two segments, every operand kind, both initial values, an unchanged slot, tensors of three chunks. */
export const FIXTURE = recurrent(600, 2);
export const STEPS = 4;

/** What a run commits to. */
export type TraceMode = "full" | "deferred";

/** A lie: its run, and the kind and place of the first fault that it makes provable. */
export interface Lie {
  readonly name: string;
  readonly kind: number;
  readonly step: number;
  /** The primitive, or the slot or slot count + output. */
  readonly item: number;
  run(trace: TraceMode): Run;
}

/** The honest run of the fixture. */
export function honestRun(trace: TraceMode = "full"): Run {
  return runFixture(FIXTURE, STEPS, { trace });
}

const told = (name: string, kind: number, tamper: Tamper): Lie => ({
  name,
  kind,
  step: tamper.step,
  item: "primitive" in tamper ? tamper.primitive : tamper.item,
  run: (trace) => runFixture(FIXTURE, STEPS, { trace, tamper }),
});

/** A run of something else that is claimed as one of the fixture. */
const disguised = (
  name: string,
  kind: number,
  step: number,
  item: number,
  change: Partial<Fixture>,
  options: Partial<ExecuteOptions> = {},
): Lie => ({
  name,
  kind,
  step,
  item,
  run(trace) {
    const { program, inputs, inputsTree } = runFixture(FIXTURE, 1, { trace });
    return { ...runFixture({ ...FIXTURE, ...change }, STEPS, { trace, ...options }), program, inputs, inputsTree };
  },
});

const [OPENING_SEGMENT, STEADY_SEGMENT] = FIXTURE.program.segments;

function withSteady(change: Partial<Program["segments"][number]>, scalars = FIXTURE.program.scalars): Program {
  return { ...FIXTURE.program, scalars, segments: [OPENING_SEGMENT, { ...STEADY_SEGMENT, ...change }] };
}

function withRecord(primitive: number, change: Partial<PrimitiveRecord>): PrimitiveRecord[] {
  return STEADY_SEGMENT.records.map((record, index) => (index === primitive ? { ...record, ...change } : record));
}

// The steady segment's primitive 4 subtracts; this one adds.
const ADDING = buildScalar({ operands: ["f32", "f32"], output: "f32", extents: [600] }, (b) =>
  b.add(b.load(0, b.index), b.load(1, b.index)),
);
const ADDING_HASH = scalarHash(ADDING);

const OTHER_INPUT = FIXTURE.inputs.map((words, input) => (input === 0 ? words.with(7, words[7] ^ 0x00400000) : words));

/** One lie of every kind that a claimant of a valid program can tell about its run. */
export const LIES: readonly Lie[] = [
  told("a wrong element", KIND.badElement, { step: 2, primitive: 2, element: 599, xor: 2 }),
  // Primitive 0 of step 0 subtracts the input from itself, so that primitive 1 is the first to differ.
  disguised("a wrong input", KIND.badElement, 0, 1, { inputs: OTHER_INPUT }),
  told("a wrong carried state", KIND.badSlot, { step: 1, item: 0, element: 5, xor: 1 }),
  told("an unchanged slot that changed", KIND.badSlot, { step: 2, item: 2, element: 4, xor: 1 }),
  told("a wrong output", KIND.badSlot, { step: 3, item: 3, element: 1, xor: 1 }),
  disguised("a wrong slot binding", KIND.badSlot, 1, 0, { program: withSteady({ slotBindings: [2, 3, 0xffffffff] }) }),
  told("padding that is not zero", KIND.badPadding, { step: 1, primitive: 4, element: 700, xor: 1 }),
  disguised("another record", KIND.badElement, 1, 4, {
    program: withSteady({
      records: withRecord(4, {
        operands: [STEADY_SEGMENT.records[2].operands[0], STEADY_SEGMENT.records[4].operands[1]],
      }),
    }),
  }),
  disguised("another scalar program", KIND.badElement, 1, 4, {
    program: withSteady(
      { records: withRecord(4, { scalar: ADDING_HASH }) },
      new Map([...FIXTURE.program.scalars, [ADDING_HASH, ADDING]]),
    ),
  }),
];
