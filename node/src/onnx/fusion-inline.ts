/**
 * One primitive written into another (spec, "Lowering"): where a consumer reads a producer at addresses whose digits are
 * known, the loads become the producer's own computation. Bits do not change: each word is computed by the same instructions
 * from the same words. Refuses, by null, what the caps or the form of either program do not allow.
 */

import { chunkBound, gasBound, isDotProduct } from "../ir/bounds.ts";
import { buildScalar, LiteralError, LoadError, ValueSectionError } from "../ir/build.ts";
import type { ScalarBuilder, Value as Register } from "../ir/build.ts";
import { outputLength, SCALAR_LIMITS } from "../ir/scalar.ts";
import type { Instruction, ScalarProgram } from "../ir/scalar.ts";
import { InvalidScalarProgramError } from "../ir/validate.ts";
import { cutsOf, digitsOf, formsOf, rangeOf, stridesOfExtents, walksOf } from "./fusion-address.ts";
import type { DigitForm, Form, Forms, Walk } from "./fusion-address.ts";
import { affine, joinedDigits, readsOf, replay, usesDigits } from "./fusion-replay.ts";
import { PART_GAS, sameTensor } from "./primitives.ts";
import { WORD_TYPE } from "./values.ts";
import type { Value } from "./values.ts";

/** A scalar program and the tensors it reads. */
export interface Applied {
  readonly scalar: ScalarProgram;
  readonly operands: readonly Value[];
}

/**
 * What a merged primitive may need. A loop that is no dot product may have what one that is not merged has. A dot product of
 * rows of 768 reads up to eight chunks, and a proof about its element shows each: one word beside it is what may be merged.
 */
const MERGED = { gas: 1_000_000, dotGas: 1_150_000, loopGas: PART_GAS, chunks: 32, dotChunks: 9 } as const;

/** A producer without a loop may be computed in a loop's body up to this many instructions. */
const MOST_IN_BODY = 6;

/** The operand that a program without a loop copies, and the place of each element in it; null if it does anything else. */
export function copyOf({ scalar }: Applied): { readonly operand: number; readonly form: Form } | null {
  if (scalar.loop !== null) return null;
  const { layout, of } = formsOf(scalar);
  const at =
    scalar.result < layout.epilogue
      ? scalar.prologue[scalar.result - layout.prologue]
      : scalar.epilogue[scalar.result - layout.epilogue];
  if (at?.op !== "load") return null;
  const form = of[at.a] ?? null;
  if (form === null || scalar.operandTypes[at.imm] !== scalar.outputType) return null;
  return { operand: at.imm, form };
}

/** A load of the producer by the consumer: an affine place, perhaps only where a condition holds and elsewhere zero. */
interface Reading {
  readonly instruction: Instruction;
  readonly form: Form;
  /** The register of the condition, or null. */
  readonly guard: number | null;
  readonly pattern: readonly Walk[];
}

function readingOf(program: ScalarProgram, forms: Forms, instruction: Instruction): Reading | null {
  const { op, a, b } = instruction;
  if (op === "gather") return null;
  const pattern = b === 0 ? [] : program.patterns[b - 1].filter(({ extent }) => extent > 1);
  const form = forms.of[a] ?? null;
  if (form !== null) return { instruction, form, guard: null, pattern };
  const address = program.prologue[a - forms.layout.prologue];
  if (address?.op !== "select" || pattern.length > 0) return null;
  const outside = forms.of[address.c] ?? null;
  const inside = forms.of[address.b] ?? null;
  const isBeyond = outside?.constant === -1 && outside.coefficients.every((coefficient) => coefficient === 0);
  return inside === null || !isBeyond ? null : { instruction, form: inside, guard: address.a, pattern };
}

/** Digits cut so that none crosses a digit of another program. */
interface Cut {
  readonly extents: readonly number[];
  /** Per old digit its parts: new digits and how much each counts. */
  readonly parts: readonly (readonly (readonly [digit: number, weight: number])[])[];
}

function cutDigits(extents: readonly number[], readings: readonly Reading[], tensor: readonly number[]): Cut | null {
  const cut: number[] = [];
  const parts: (readonly [number, number])[][] = [];
  for (const [digit, extent] of extents.entries()) {
    const sizes = new Set<number>([1]);
    for (const { form } of readings) {
      let size = 1;
      for (const part of cutsOf({ extent, stride: form.coefficients[digit] }, tensor).slice(1).toReversed()) {
        size *= part;
        sizes.add(size);
      }
    }
    const weights = [...sizes].toSorted((x, y) => y - x);
    const own: (readonly [number, number])[] = [];
    let outer = extent;
    for (const weight of weights) {
      if (outer % weight !== 0) return null;
      own.push([cut.length, weight]);
      cut.push(outer / weight);
      outer = weight;
    }
    parts.push(own);
  }
  return { extents: cut, parts };
}

/**
 * A producer's digits cut where conditions of the consumer are on parts of them: a border of rows and columns, say, around
 * what the producer counts as one digit.
 */
function cutTensor(extents: readonly number[], readings: readonly Reading[]): Cut {
  const steps = readings.flatMap(({ form, guard }) => (guard === null ? [] : form.coefficients.map(Math.abs)));
  const strides = stridesOfExtents(extents);
  const cut: number[] = [];
  const parts = extents.map((extent, digit) => {
    const sizes = steps.length === 0 ? [extent] : cutsOf({ extent, stride: strides[digit] }, steps);
    const weights = stridesOfExtents(sizes);
    return sizes.map((size, part) => [cut.push(size) - 1, weights[part]] as const);
  });
  return { extents: cut, parts };
}

/** A reading with the producer's digits: first multiples of the consumer's cut digits, then of the pattern's. */
interface Placed extends Reading {
  readonly digits: readonly DigitForm[];
  /** The pattern, cut where the producer's digits end. */
  readonly cutPattern: readonly Walk[];
}

function placed(
  consumer: ScalarProgram,
  forms: Forms,
  reading: Reading,
  cut: Cut,
  extents: readonly number[],
): Placed | null {
  const strides = stridesOfExtents(extents);
  const walks = new Array<Walk>(cut.extents.length);
  cut.parts.forEach((parts, old) => {
    for (const [digit, weight] of parts) {
      walks[digit] = { extent: cut.extents[digit], stride: reading.form.coefficients[old] * weight };
    }
  });
  const cutPattern = reading.pattern.flatMap(({ extent, stride }): Walk[] => {
    const sizes = cutsOf({ extent, stride }, strides);
    const inner = stridesOfExtents(sizes);
    return sizes.map((size, index) => ({ extent: size, stride: stride * inner[index] }));
  });
  if (cutPattern.length > 3) return null;
  const all = [...walks, ...cutPattern];
  const digits = digitsOf(extents, reading.form.constant, all, reading.guard !== null);
  if (digits === null) return null;
  if (reading.guard !== null) {
    const isHeld = digits.every((form, digit) => {
      const range = rangeOf(form.constant, walksOf(form, all));
      return isGuarded(consumer, forms, reading.guard!, oldForm(form, cut), range, extents[digit]);
    });
    if (!isHeld) return null;
  }
  return { ...reading, digits, cutPattern };
}

/** A producer's digit as a form of the consumer's old digits, or null where it needs their parts. */
function oldForm({ constant, multiples }: DigitForm, { parts }: Cut): Form | null {
  const coefficients: number[] = [];
  for (const own of parts) {
    const perUnit = own.map(([digit, weight]) => multiples[digit] / weight);
    if (perUnit.some((multiple) => multiple !== perUnit[0])) return null;
    coefficients.push(perUnit[0]);
  }
  return { constant, coefficients };
}

/** Whether the condition, where it does not hold anyway, keeps a digit within 0 .. extent - 1. */
function isGuarded(
  program: ScalarProgram,
  { layout, of }: Forms,
  guard: number,
  form: Form | null,
  { low, high }: { readonly low: number; readonly high: number },
  extent: number,
): boolean {
  if (low >= 0 && high < extent) return true;
  if (form === null) return false;
  const conditions: { least: number; most: number }[] = [];
  const same = (other: Form | null | undefined): boolean =>
    other?.constant === form.constant && other.coefficients.every((value, digit) => value === form.coefficients[digit]);
  const constantOf = (register: number): number | null => {
    const found = of[register] ?? null;
    return found?.coefficients.every((value) => value === 0) === true ? found.constant : null;
  };
  const collect = (register: number): void => {
    const instruction = program.prologue[register - layout.prologue];
    if (instruction === undefined) return;
    const { op, a, b } = instruction;
    if (op === "and") [a, b].forEach(collect);
    if (op !== "leI" && op !== "ltI") return;
    const strict = op === "ltI" ? 1 : 0;
    const [left, right] = [constantOf(a), constantOf(b)];
    if (left !== null && same(of[b])) conditions.push({ least: left + strict, most: Infinity });
    if (right !== null && same(of[a])) conditions.push({ least: -Infinity, most: right - strict });
  };
  collect(guard);
  const least = Math.max(low, ...conditions.map((condition) => condition.least));
  const most = Math.min(high, ...conditions.map((condition) => condition.most));
  return least >= 0 && most < extent;
}

/** The consumer with its loads of operand `position` replaced by what the producer computes; null where that is not possible. */
export function inlined(consumer: Applied, position: number, producer: Applied): Applied | null {
  const [outer, inner] = [consumer.scalar, producer.scalar];
  const forms = formsOf(outer);
  const readings = readsOf(outer, position).map((instruction) => readingOf(outer, forms, instruction));
  if (readings.length === 0 || !readings.every((reading) => reading !== null)) return null;
  const isCopy = copyOf(producer) !== null;
  const tensor = cutTensor(inner.extents, readings);
  const cut = cutDigits(outer.extents, readings, stridesOfExtents(tensor.extents));
  if (cut === null) return null;
  const places = readings.map((reading) => placed(outer, forms, reading, cut, tensor.extents));
  if (!places.every((place) => place !== null)) return null;
  const isPatterned = places.some(({ pattern }) => pattern.length > 0);
  if (isPatterned && !isCopy && (inner.loop !== null || usesDigits(inner) || workOf(inner) > MOST_IN_BODY)) return null;
  if (isPatterned && readsOf(inner).some(({ op, a }) => op === "gather" || (formsOf(inner).of[a] ?? null) === null))
    return null;
  if (inner.loop !== null) {
    // A border would make the loop read beyond its operands, and it is cheaper to copy than to compute.
    const isGuardless = places.every(({ guard }) => guard === null);
    const isOnce = places.every(({ digits }) => JSON.stringify(digits) === JSON.stringify(places[0].digits));
    const isMore = outputLength(outer) > outputLength(inner);
    if (outer.loop !== null || !isGuardless || !isOnce || isMore) return null;
  }

  const operands: Value[] = [];
  const placeOf = (value: Value): number => {
    const found = operands.findIndex((other) => sameTensor(other, value));
    return found >= 0 ? found : operands.push(value) - 1;
  };
  // A tensor that only the producer's other loads need would be an operand nothing reads.
  const used = (program: ScalarProgram): Set<number> => new Set(readsOf(program).map(({ imm }) => imm));
  const [outerUses, innerUses] = [used(outer), used(inner)];
  const outerPlaces = consumer.operands.map((value, index) =>
    index === position || !outerUses.has(index) ? -1 : placeOf(value),
  );
  const innerPlaces = producer.operands.map((value, index) => (innerUses.has(index) ? placeOf(value) : -1));
  if (operands.length > SCALAR_LIMITS.operands) return null;

  const draft: Draft = { outer, inner, position, places, cut, tensor, outerPlaces, innerPlaces, isCopy };
  const scalar = attempt(() => {
    const signature = {
      operands: operands.map(({ elementType }) => WORD_TYPE[elementType]),
      output: outer.outputType,
      extents: cut.extents,
    };
    return joinedDigits(buildScalar(signature, (b) => written(b, draft)));
  });
  return scalar === null || !isWithinCaps(scalar, outer, inner) ? null : { scalar, operands };
}

interface Draft {
  readonly outer: ScalarProgram;
  readonly inner: ScalarProgram;
  readonly position: number;
  readonly places: readonly Placed[];
  readonly cut: Cut;
  readonly tensor: Cut;
  readonly outerPlaces: readonly number[];
  readonly innerPlaces: readonly number[];
  readonly isCopy: boolean;
}

function written(b: ScalarBuilder, draft: Draft): Register {
  const { outer, inner, position, places, cut, tensor, outerPlaces, innerPlaces, isCopy } = draft;
  const own = cut.parts.map((parts) =>
    affine(
      b,
      0,
      parts.map(([digit, weight]) => [b.digits[digit], weight] as const),
    ),
  );
  const innerForms = formsOf(inner);
  const made = new Map<string, Register>();
  const compute = (place: Placed, registers: readonly Register[]): Register => {
    const wholes = tensor.parts.map((parts) => joinedParts(place.digits, parts));
    const digits = wholes.map(({ constant, multiples }) =>
      affine(
        b,
        constant,
        b.digits.map((digit, index) => [digit, multiples[index]] as const),
      ),
    );
    const guard = place.guard === null ? null : registers[place.guard];
    return replay(b, {
      program: inner,
      digits,
      operands: innerPlaces,
      read: ({ op, imm, a }, innerRegisters) => {
        if (op === "gather" || (place.pattern.length === 0 && (guard === null || !isCopy))) return null;
        if (place.pattern.length === 0) return b.load(innerPlaces[imm], b.select(guard!, innerRegisters[a], b.i32(-1)));
        const form = innerForms.of[a]!;
        const pattern = place.cutPattern.map(({ extent }, walk) => {
          const at = cut.extents.length + walk;
          const stride = form.coefficients.reduce(
            (words, coefficient, digit) => words + coefficient * wholes[digit].multiples[at],
            0,
          );
          return [extent, stride] as const;
        });
        return b.load(innerPlaces[imm], innerRegisters[a], pattern);
      },
    });
  };
  return replay(b, {
    program: outer,
    digits: own,
    operands: outerPlaces,
    read: (instruction, registers) => {
      if (instruction.imm !== position) return null;
      const place = places.find((candidate) => candidate.instruction === instruction)!;
      // A copy is read under its guard; what is computed is not.
      const key = JSON.stringify([place.digits, place.cutPattern, isCopy ? place.guard : null]);
      const value = made.get(key) ?? compute(place, registers);
      made.set(key, value);
      if (place.guard === null || isCopy) return value;
      return b.select(registers[place.guard], value, b.word(value.type, 0));
    },
  });
}

/** A digit from its parts. */
function joinedParts(digits: readonly DigitForm[], parts: Cut["parts"][number]): DigitForm {
  const total = (pick: (form: DigitForm) => number): number =>
    parts.reduce((result, [digit, weight]) => result + weight * pick(digits[digit]), 0);
  const [[first]] = parts;
  return {
    constant: total(({ constant }) => constant),
    multiples: digits[first].multiples.map((_, walk) => total(({ multiples }) => multiples[walk])),
  };
}

/** Instructions on values, those of addresses left out. */
function workOf({ prologue, epilogue }: ScalarProgram): number {
  return [...prologue, ...epilogue].filter(({ op }) => !["addI", "mulI", "load", "shl", "subI"].includes(op)).length;
}

const REFUSALS = [InvalidScalarProgramError, LiteralError, LoadError, ValueSectionError] as const;

/** What `build` gives, or null where the program breaks a bound. */
export function attempt(build: () => ScalarProgram): ScalarProgram | null {
  try {
    return build();
  } catch (error) {
    // More digits, instructions or chunks than one program may have, or an address beyond 32 bits or made in a loop.
    if (REFUSALS.some((refusal) => error instanceof refusal)) return null;
    throw error;
  }
}

function isWithinCaps(merged: ScalarProgram, outer: ScalarProgram, inner: ScalarProgram): boolean {
  const wasDot = isDotProduct(outer) || isDotProduct(inner);
  if (wasDot && !isDotProduct(merged)) return false;
  const mostChunks = wasDot ? MERGED.dotChunks : MERGED.chunks;
  if (chunkBound(merged) > Math.max(mostChunks, chunkBound(outer), wasDot ? chunkBound(inner) : 0)) return false;
  const mostGas = merged.loop === null ? MERGED.gas : wasDot ? MERGED.dotGas : MERGED.loopGas;
  if (gasBound(merged) > mostGas) return false;
  return contiguousLoads(merged) >= contiguousLoads(outer);
}

/** Loads of the body that walk neighbouring words: what vectors and Merkle proofs want. */
function contiguousLoads({ patterns, loop }: ScalarProgram): number {
  return (loop?.body ?? []).filter(({ op, b }) => op === "load" && b !== 0 && patterns[b - 1][2].stride === 1).length;
}
