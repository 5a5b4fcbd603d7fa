/**
 * Valid random scalar programs and directed operands for differential tests of the readers: every opcode, loops with and
 * without lanes, single and continued loops, gathers, load patterns, and the dot product form. All is a function of the
 * stream it draws from.
 */

import { below, DIRECTED_CLASSES, drawOperands, ordinary, pick } from "../float/directed.ts";
import type { Random } from "../float/directed.ts";
import { canonical } from "../float/words.ts";
import { chunkBound, gasBound } from "./bounds.ts";
import { OPCODE_NAMES, OPCODES, WORD_TYPES } from "./opcodes.ts";
import type { ArgumentClass, WordType } from "./opcodes.ts";
import { BLOCK_SIZE, registerLayout, SCALAR_LIMITS } from "./scalar.ts";
import type { Carried, Constant, Instruction, LoadPattern, Loop, PatternDigit, ScalarProgram } from "./scalar.ts";

/** Elements of the largest output that {@link randomScalar} gives. */
export const RANDOM_OUTPUT_LENGTH = 60;

const COUNTS = [1, 2, 3, 17, 31, 32, 33, 64, 65, 200, 255, 256, 257, 289, 300, 511, 512, 513, 700, 1024];
const STARTS = [0, 0, 0, 256, 512, 1024, 65536];

/** A program that `validateScalar` accepts. */
export function randomScalar(random: Random): ScalarProgram {
  return below(random, 8) === 0 ? randomDotProduct(random) : randomForm(random);
}

/**
 * Words to feed an operand of `type`: values at which arithmetic goes wrong, NaN payloads and odd masks included, or (half
 * the time, for f32) ordinary values, which do not drown a long computation in NaN.
 */
export function randomWords(random: Random, type: WordType, length: number): Uint32Array {
  const tame = type === "f32" && below(random, 2) === 0;
  return Uint32Array.from({ length }, () => (tame ? ordinary(random) : randomWord(random, type)));
}

/** One tensor per operand of `program`, of random length: many addresses hit, some miss. */
export function randomOperands(random: Random, program: ScalarProgram): { type: WordType; words: Uint32Array }[] {
  return program.operandTypes.map((type) => {
    const length = below(random, 4) === 0 ? 1 + below(random, 20) : 1 + below(random, 1500);
    return { type, words: randomWords(random, type, length) };
  });
}

const ARITHMETIC = ["add", "sub", "mul", "fma", "max", "min", "select", "addI", "mulI"] as const;
const CLASS_NAMES = Object.keys(DIRECTED_CLASSES);
const INTEGERS = [0, 1, 2, 3, 7, 31, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x00ff00ff];
const MASKS = [0, 0xffffffff, 0, 0xffffffff, 1, 0x80000000];

function randomWord(random: Random, type: WordType): number {
  switch (type) {
    case "f32":
      return drawOperands(random, pick(random, CLASS_NAMES), 1)[0];
    case "i32":
      return below(random, 3) === 0 ? pick(random, INTEGERS) : below(random, 2) === 0 ? below(random, 64) : random();
    case "bool":
      return pick(random, MASKS);
  }
}

function randomConstant(random: Random, type: WordType): Constant {
  const word = randomWord(random, type);
  return { type, word: type === "f32" ? canonical(word) : type === "bool" && word !== 0 ? 0xffffffff : word };
}

function randomForm(random: Random): ScalarProgram {
  const operandTypes = list(1 + below(random, 4), () => pick(random, WORD_TYPES));
  const extents = randomExtents(random);
  const constants: Constant[] = [
    ...WORD_TYPES.map((type) => randomConstant(random, type)),
    ...list(below(random, 6), () => randomConstant(random, pick(random, WORD_TYPES))),
    // There is always a divisor, and an odd factor for the digest.
    { type: "i32", word: 1 + 2 * below(random, 40) },
  ];
  const types: WordType[] = [...constants.map(({ type }) => type), "i32", ...extents.map((): WordType => "i32")];
  const small = extents.map((_, digit) => constants.length + 1 + digit);
  const draft: Draft = { random, operandTypes, constants, types, small, patterns: [], loads: 0 };
  const prologue = randomSection(draft, below(random, 12), { prologueEnd: Infinity, own: 0 });
  const prologueEnd = types.length;
  const loop = below(random, 4) === 0 ? null : randomLoop(draft, prologueEnd);
  const finals = types.length - (loop?.carried.length ?? 0);
  const epilogueScope = { prologueEnd, own: finals };
  const epilogue = randomSection(draft, below(random, 12), epilogueScope);
  if (below(random, 2) === 0) epilogue.push(...digest(draft, epilogueScope));
  // The newest registers depend on the most; a constant would hide everything.
  const outputType = below(random, 8) === 0 ? pick(random, WORD_TYPES) : types[types.length - 1];
  const result = newest(draft, outputType, epilogueScope);
  return withinBounds({
    outputType,
    operandTypes,
    extents,
    constants,
    patterns: draft.patterns,
    prologue,
    loop,
    epilogue,
    result,
  });
}

/** Instructions that mix the newest visible registers into one i32, so that no wrong bit among them stays hidden. */
function digest(draft: Draft, scope: Scope): Instruction[] {
  const { types, constants } = draft;
  const section: Instruction[] = [];
  const push = (op: "bitsOf" | "boolToI32" | "addI" | "mulI", a: number, b = 0): number => {
    section.push({ op, imm: 0, a, b, c: 0 });
    types.push("i32");
    return types.length - 1;
  };
  const factor = constants.length - 1;
  let mixed = newest(draft, "i32", scope);
  for (const type of WORD_TYPES) {
    for (const register of visible(draft, type, scope).slice(-3)) {
      const word = type === "f32" ? push("bitsOf", register) : type === "bool" ? push("boolToI32", register) : register;
      mixed = push("addI", push("mulI", mixed, factor), word);
    }
  }
  return section;
}

interface Draft {
  readonly random: Random;
  readonly operandTypes: readonly WordType[];
  readonly constants: readonly Constant[];
  /** Of every register so far. */
  readonly types: WordType[];
  /** Digits and, in the body, the counter: small integers, which make addresses that hit. */
  readonly small: readonly number[];
  readonly patterns: LoadPattern[];
  /** Loads so far: few enough that a loop of one iteration keeps within the chunk bound. */
  loads: number;
}

interface Scope {
  readonly prologueEnd: number;
  readonly own: number;
}

function randomLoop(draft: Draft, prologueEnd: number): Loop {
  const { random, constants, types } = draft;
  const count = pick(random, COUNTS);
  const inits = list(1 + below(random, 3), () => below(random, constants.length));
  const carriedTypes = inits.map((init) => constants[init].type);
  const continued = below(random, 3) === 0;
  const totalInits = carriedTypes.map((type) => newest(draft, type, { prologueEnd, own: 0 }));

  const bodyScope = { prologueEnd, own: types.length };
  types.push("i32", ...carriedTypes);
  const inBody = { ...draft, small: [...draft.small, bodyScope.own] };
  const body = randomSection(inBody, 1 + below(random, 10), { ...bodyScope, patterned: true });
  const bodyOuts = carriedTypes.map((type) => newest(draft, type, bodyScope));
  const combineScope = { prologueEnd, own: types.length };
  types.push(...carriedTypes, ...carriedTypes);
  const combine = randomSection(draft, below(random, 5), combineScope);
  const combineOuts = carriedTypes.map((type) => newest(draft, type, combineScope));
  types.push(...carriedTypes);
  const carried = inits.map((init, index): Carried => ({
    init,
    bodyOut: bodyOuts[index],
    combineOut: combineOuts[index],
    totalInit: continued ? totalInits[index] : 0,
  }));
  const single = count > BLOCK_SIZE && below(random, 3) === 0;
  const lanes = below(random, 3) === 0 ? 32 : 1;
  return { start: pick(random, STARTS), count, single, lanes, continued, carried, body, combine };
}

function randomSection(draft: Draft, length: number, scope: Scope & { patterned?: boolean }): Instruction[] {
  const section: Instruction[] = [];
  while (section.length < length) section.push(randomInstruction(draft, scope));
  return section;
}

function randomInstruction(draft: Draft, scope: Scope & { patterned?: boolean }): Instruction {
  const { random, types, operandTypes } = draft;
  const reads = draft.loads < 20 && below(random, 4) === 0;
  const pure = below(random, 3) === 0 ? ARITHMETIC : OPCODE_NAMES.slice(2);
  const op = pick(random, reads ? OPCODE_NAMES.slice(0, 2) : pure);
  if (reads) draft.loads++;
  const row = OPCODES[op];
  const imm = { none: 0, operand: below(random, operandTypes.length), shift: below(random, 32) }[row.immediate];
  const shared = row.arguments.includes("bits") ? pick(random, ["i32", "bool"] as const) : pick(random, WORD_TYPES);
  const [a = 0, b = 0, c = 0] = row.arguments.map((argument) => randomArgument(draft, argument, shared, scope));
  const near = op === "gather" && below(random, 2) === 0;
  const result = row.result === "operand" ? operandTypes[imm] : row.result;
  types.push(result === "any" || result === "bits" ? shared : result);
  return { op, imm, a: near ? pick(random, draft.small) : a, b, c };
}

function randomArgument(
  draft: Draft,
  argument: ArgumentClass,
  shared: WordType,
  scope: Scope & { patterned?: boolean },
): number {
  const { random, constants } = draft;
  switch (argument) {
    case "pattern":
      return scope.patterned && below(random, 3) > 0 ? randomPatternField(draft) : 0;
    case "divisor": {
      const divisors = [...constants.keys()].filter(
        (index) => constants[index].type === "i32" && constants[index].word !== 0,
      );
      return pick(random, divisors);
    }
    case "base": {
      const last = Math.min(scope.prologueEnd, draft.types.length);
      const bases = visible(draft, "i32", { prologueEnd: last, own: Infinity });
      return pick(random, below(random, 4) > 0 ? bases.filter((base) => draft.small.includes(base)) : bases);
    }
    case "any":
    case "bits":
      return randomRegister(draft, shared, scope);
    default:
      return randomRegister(draft, argument, scope);
  }
}

function randomRegister(draft: Draft, type: WordType, scope: Scope): number {
  const registers = visible(draft, type, scope);
  const recent = registers.slice(-4);
  return pick(draft.random, below(draft.random, 2) === 0 ? recent : registers);
}

function newest(draft: Draft, type: WordType, scope: Scope): number {
  const registers = visible(draft, type, scope);
  return registers[registers.length - 1];
}

function visible({ types }: Draft, type: WordType, { prologueEnd, own }: Scope): number[] {
  return [...types.keys()].filter(
    (register) => types[register] === type && (register < prologueEnd || register >= own),
  );
}

function randomPatternField({ random, patterns }: Draft): number {
  if (patterns.length > 0 && (patterns.length === SCALAR_LIMITS.patterns || below(random, 3) === 0)) {
    return 1 + below(random, patterns.length);
  }
  const unused: PatternDigit = { extent: 1, stride: 0 };
  const digit = (): PatternDigit => ({
    extent: pick(random, [1, 2, 3, 5, 7, 16, 100, 256, 1000, 4096, 0xffffffff]),
    stride: pick(random, [1, 1, 1, 2, 3, 17, 300, 0, -1, -5, 0x7fffffff]),
  });
  const digits = 1 + below(random, 3);
  const pattern: LoadPattern = [digits > 2 ? digit() : unused, digits > 1 ? digit() : unused, digit()];
  const known = patterns.findIndex((other) => JSON.stringify(other) === JSON.stringify(pattern));
  if (known >= 0) return known + 1;
  patterns.push(pattern);
  return patterns.length;
}

function randomDotProduct(random: Random): ScalarProgram {
  const extents = randomExtents(random);
  const count = pick(random, COUNTS);
  const start = pick(random, STARTS.slice(0, 6));
  const digit = (): PatternDigit => ({ extent: pick(random, [1, 3, 10, 2048]), stride: below(random, 40) });
  const pattern = (): LoadPattern => {
    const fast = { extent: pick(random, [4, 16, 300, 4096]), stride: 1 };
    return below(random, 2) === 0
      ? [{ extent: 1, stride: 0 }, { extent: 1, stride: 0 }, fast]
      : [digit(), digit(), fast];
  };
  const left = pattern();
  const right = below(random, 3) === 0 ? left : pattern();
  const patterns = JSON.stringify(left) === JSON.stringify(right) ? [left] : [left, right];
  const continued = below(random, 2) === 0;
  const shape: ScalarProgram = {
    outputType: "f32",
    operandTypes: ["f32", "f32", "f32"],
    extents,
    constants: [
      { type: "f32", word: 0 },
      { type: "i32", word: 1 + below(random, 50) },
    ],
    patterns,
    // Bases of both operands, and the value the totals continue from.
    prologue: list(3, () => ({ op: "load", imm: 2, a: 2, b: 0, c: 0 })),
    loop: null,
    epilogue: [],
    result: 0,
  };
  const { step, digits, prologue } = registerLayout(shape);
  const lastDigit = digits + extents.length - 1;
  const counter = prologue + 3;
  const product = counter + 2;
  const loop: Loop = {
    start,
    count,
    single: false,
    lanes: 1,
    continued,
    carried: [{ init: 0, bodyOut: product + 2, combineOut: product + 5, totalInit: continued ? prologue + 2 : 0 }],
    body: [
      { op: "load", imm: 0, a: prologue, b: 1, c: 0 },
      { op: "load", imm: 1, a: prologue + 1, b: patterns.length, c: 0 },
      { op: "fma", imm: 0, a: product, b: product + 1, c: counter + 1 },
    ],
    combine: [{ op: "add", imm: 0, a: product + 3, b: product + 4, c: 0 }],
  };
  return withinBounds({
    ...shape,
    prologue: [
      { op: "mulI", imm: 0, a: digits, b: 1, c: 0 },
      { op: "addI", imm: 0, a: lastDigit, b: step, c: 0 },
      { op: "load", imm: 2, a: lastDigit, b: 0, c: 0 },
    ],
    loop,
    epilogue: [{ op: "add", imm: 0, a: product + 6, b: prologue + 2, c: 0 }],
    result: product + 7,
  });
}

/** The same program with as many iterations as the static bounds allow. */
function withinBounds(program: ScalarProgram): ScalarProgram {
  let bounded = program;
  while (chunkBound(bounded) > SCALAR_LIMITS.chunks || gasBound(bounded) > SCALAR_LIMITS.gas) {
    if (bounded.loop === null || bounded.loop.count === 1) throw new RangeError("a random program has too many loads");
    const count = Math.ceil(bounded.loop.count / 2);
    bounded = { ...bounded, loop: { ...bounded.loop, count, single: bounded.loop.single && count > BLOCK_SIZE } };
  }
  return bounded;
}

function randomExtents(random: Random): number[] {
  const extents: number[] = [];
  let length = 1;
  do {
    const extent = 1 + below(random, Math.min(9, Math.floor(RANDOM_OUTPUT_LENGTH / length)));
    extents.push(extent);
    length *= extent;
  } while (extents.length < SCALAR_LIMITS.digits && below(random, 2) === 0);
  return extents;
}

function list<T>(length: number, make: () => T): T[] {
  return Array.from({ length }, make);
}
