/**
 * The lies of `lockstep dispute fuzz`: one wrong word at any place of a run that a proof knows (an element, the words past
 * a tensor's end, what is carried, a slot, an output), a run on another input, or a program that is not valid. Every lie is drawn from the run's
 * stream.
 */
import { below, type Random } from "../../float/directed.ts";
import { encodeProgram, encodeScalar, segmentOfStep, UNCHANGED } from "../../ir/index.ts";
import type { EncodedProgram, OperandRef, PrimitiveRecord, Program, Segment } from "../../ir/index.ts";
import { CHUNK_WORDS, chunkCount, keccak } from "../../merkle/index.ts";
import { FLAW, type Tamper } from "../../engine/index.ts";
import { primitiveKindOf } from "./primitive-kinds.ts";

/** Where a lie can be. */
export const LIE_PLACES = ["element", "padding", "carried", "slot", "output", "input", "flaw"] as const;
export type LiePlace = (typeof LIE_PLACES)[number];

/** A wrong word of the run. */
export interface TamperLie {
  readonly place: Exclude<LiePlace, "flaw" | "input">;
  readonly tamper: Tamper;
}

/** A run on another input than the claim says. */
export interface InputLie {
  readonly place: "input";
  readonly input: number;
  readonly element: number;
  readonly xor: number;
}

export type FuzzLie =
  TamperLie | InputLie | { readonly place: "flaw"; readonly flaw: keyof typeof FLAW; readonly parts: EncodedProgram };

/** Draws a lie for a run of the program: among the places that the model has, each as likely as another. */
export function drawLie(random: Random, program: Program, steps: number): FuzzLie {
  const step = below(random, steps);
  const segment = program.segments[segmentOfStep(program, step)]!;
  const possible = LIE_PLACES.flatMap((place): (() => FuzzLie)[] => {
    if (place === "flaw") return [() => drawFlaw(random, program)];
    if (place === "input") return program.inputs.length === 0 ? [] : [() => drawInput(random, program)];
    const lie = atPlace(random, program, segment, step, place);
    return lie === undefined ? [] : [() => lie];
  });
  return possible[below(random, possible.length)]!();
}

/** A wrong word of an output, which every trace shows: for a run in which a drawn lie changes nothing that is committed to. */
export function drawOutput(random: Random, program: Program, steps: number): TamperLie {
  const step = below(random, steps);
  const output = below(random, program.outputs.length);
  const element = below(random, program.outputs[output]!.length);
  const item = program.slots.length + output;
  return { place: "output", tamper: { step, item, element, xor: drawXor(random) } };
}

function drawInput(random: Random, { inputs }: Program): InputLie {
  const input = below(random, inputs.length);
  const { length, type } = inputs[input]!;
  return { place: "input", input, element: below(random, length), xor: type === "bool" ? 0xffffffff : drawXor(random) };
}

function atPlace(
  random: Random,
  program: Program,
  segment: Segment,
  step: number,
  place: TamperLie["place"],
): TamperLie | undefined {
  const xor = drawXor(random);
  switch (place) {
    case "element": {
      const primitive = pickPrimitive(random, program, [...segment.records.keys()], segment)!;
      const element = below(random, segment.records[primitive]!.length);
      return { place, tamper: { step, primitive, element, xor } };
    }
    case "padding": {
      const padded = [...segment.records.keys()].filter((index) => room(segment.records[index]!) > 0);
      const primitive = pickPrimitive(random, program, padded, segment);
      if (primitive === undefined) return undefined;
      const { length } = segment.records[primitive]!;
      const element = length + below(random, room(segment.records[primitive]!));
      return { place, tamper: { step, primitive, element, xor } };
    }
    case "carried": {
      const primitive = pick(
        random,
        segment.slotBindings.filter((bound) => bound !== UNCHANGED),
      );
      if (primitive === undefined) return undefined;
      const element = below(random, segment.records[primitive]!.length);
      return { place, tamper: { step, primitive, element, xor } };
    }
    case "slot":
    case "output": {
      const { slots, outputs } = program;
      const [first, count] = place === "slot" ? [0, slots.length] : [slots.length, outputs.length];
      if (count === 0) return undefined;
      const item = first + below(random, count);
      const tensor = [...slots, ...outputs][item]!;
      return { place, tamper: { step, item, element: below(random, tensor.length + room(tensor)), xor } };
    }
  }
}

// Of each kind of primitive among them as likely as of another: the rare ones are the hard ones.
function pickPrimitive(
  random: Random,
  program: Program,
  primitives: readonly number[],
  { records }: Segment,
): number | undefined {
  const kinds = Map.groupBy(primitives, (index) => primitiveKindOf(program.scalars.get(records[index]!.scalar)!));
  const alike = pick(random, [...kinds.values()]);
  return alike === undefined ? undefined : pick(random, alike);
}

// The least bit, the sign, or anything.
function drawXor(random: Random): number {
  const choice = below(random, 4);
  return choice === 0 ? 1 : choice === 1 ? 0x80000000 : random() || 1;
}

// Words of the last chunk past the tensor's end.
function room({ length }: { length: number }): number {
  return chunkCount(length) * CHUNK_WORDS - length;
}

// --- Programs that are not valid, which the registry takes: it checks hashes and lengths alone ---

function drawFlaw(random: Random, program: Program): FuzzLie {
  const names = Object.keys(FLAW) as (keyof typeof FLAW)[];
  const flaw = names[below(random, names.length)] ?? "record";
  return { place: "flaw", flaw, parts: flawed(random, program, flaw) };
}

function flawed(random: Random, program: Program, flaw: keyof typeof FLAW): EncodedProgram {
  const at = below(random, program.segments.length);
  const segment = program.segments[at]!;
  const withSegment = (change: Partial<Segment>): Program => ({
    ...program,
    segments: program.segments.with(at, { ...segment, ...change }),
  });
  const withRecord = (primitive: number, change: Partial<PrimitiveRecord>): Program => {
    const record = segment.records[primitive]!;
    return withSegment({ records: segment.records.with(primitive, { ...record, ...change }) });
  };
  const withOperand = (primitive: number, operand: number, change: Partial<OperandRef>): Program => {
    const { operands } = segment.records[primitive]!;
    const changed = { ...operands[operand]!, ...change } as OperandRef;
    return withRecord(primitive, { operands: operands.with(operand, changed) });
  };
  const primitive = below(random, segment.records.length);
  const record = segment.records[primitive]!;
  // A primitive that reads something with an index; a program that reads constants alone gets another flaw.
  const reading = pick(
    random,
    segment.records.flatMap(({ operands }, index) =>
      operands.flatMap(({ kind }, operand) => (kind === "constant" ? [] : [[index, operand] as const])),
    ),
  );
  switch (flaw) {
    case "record":
      return encodeProgram(withRecord(primitive, { length: 0 }));
    case "scalar": {
      const scalar = program.scalars.get(record.scalar)!;
      const bytes = encodeScalar(scalar);
      // The result is a register that nobody defines.
      bytes.fill(0xff, 26, 28);
      const parts = encodeProgram(withRecord(primitive, { scalar: keccak(bytes) }));
      const scalars = [...parts.scalars, bytes].toSorted((one, other) => (keccak(one) < keccak(other) ? -1 : 1));
      return { ...parts, scalars };
    }
    case "signature":
      return encodeProgram(withRecord(primitive, { length: record.length + 1 + below(random, 9) }));
    case "operandIndex": {
      if (reading === undefined) return flawed(random, program, "record");
      const index = segment.records[reading[0]]!.operands[reading[1]]!.kind === "primitive" ? reading[0] : 300;
      return encodeProgram(withOperand(reading[0], reading[1], { index }));
    }
    case "operandTensor": {
      if (reading === undefined) return flawed(random, program, "record");
      const { length } = segment.records[reading[0]]!.operands[reading[1]]!;
      return encodeProgram(withOperand(reading[0], reading[1], { length: length + 1 }));
    }
    case "binding": {
      const output = below(random, program.outputs.length);
      return encodeProgram(
        withSegment({ outputBindings: segment.outputBindings.with(output, segment.records.length) }),
      );
    }
    case "interface": {
      const output = below(random, program.outputs.length);
      const outputs = program.outputs.with(output, { ...program.outputs[output]!, length: 0 });
      return encodeProgram({ ...program, outputs });
    }
  }
}

function pick<T>(random: Random, choices: readonly T[]): T | undefined {
  return choices.length === 0 ? undefined : choices[below(random, choices.length)];
}
