// A seeded search for what costs most beside its static gas estimate: a run of a scalar program is changed bit by bit, in its
// words and in its instructions, and what costs more is kept. Operands are tiles that repeat, so that few bits say much. What is
// shown of them is what a fraud proof would show: the chunks that the element touches.
import { bytesToHex, hexToBytes } from "viem";
import type { Hex } from "viem";

import { below, DIRECTED_CLASSES, drawOperands, pick, wordOf } from "@lockstep/node/float/directed";
import type { Random } from "@lockstep/node/float/directed";
import { LockstepError } from "@lockstep/node/float/errors";
import { gasBound } from "@lockstep/node/ir/bounds";
import { decodeScalar } from "@lockstep/node/ir/decode";
import { encodeScalar } from "@lockstep/node/ir/encode";
import { evaluateElement } from "@lockstep/node/ir/interpret";
import { OPCODE_NAMES, OPCODES } from "@lockstep/node/ir/opcodes";
import type { WordType } from "@lockstep/node/ir/opcodes";
import { randomOperands, randomScalar } from "@lockstep/node/ir/random";
import { outputLength } from "@lockstep/node/ir/scalar";
import type { Instruction, LoadPattern, ScalarProgram } from "@lockstep/node/ir/scalar";
import { validateScalar } from "@lockstep/node/ir/validate";
import { bigEndian, dotProgram, polynomialLoop, reductionProgram, straightProgram } from "./scalars.ts";
import type { WordRange } from "./scalars.ts";

const CHUNK = 256;
const MOST_TILE_WORDS = 64;
const CLASSES = Object.keys(DIRECTED_CLASSES);

/** One run of a program; word i of an operand is word i of its tile, which repeats. */
export interface Candidate {
  readonly program: ScalarProgram;
  readonly element: number;
  readonly step: number;
  readonly operands: readonly { readonly length: number; readonly tile: Uint32Array }[];
}

/** A run as the harness takes it, and the word it must give. */
export interface Call {
  readonly program: Hex;
  readonly element: number;
  readonly step: number;
  readonly lengths: number[];
  readonly ranges: WordRange[];
  readonly expected: number;
}

/** A run as it is written to a file. */
export interface StoredCandidate {
  readonly name: string;
  readonly program: Hex;
  readonly element: number;
  readonly step: number;
  readonly operands: readonly { readonly length: number; readonly tile: string }[];
}

/** What a run costs beside its estimate. */
export interface Found {
  readonly candidate: Candidate;
  readonly gas: number;
  readonly share: number;
}

export function store(name: string, { program, element, step, operands }: Candidate): StoredCandidate {
  const tiles = operands.map(({ length, tile }) => ({
    length,
    tile: Array.from(tile, (word) => word.toString(16).padStart(8, "0")).join(" "),
  }));
  return { name, program: bytesToHex(encodeScalar(program)), element, step, operands: tiles };
}

export function load({ program, element, step, operands }: StoredCandidate): Candidate {
  const read = operands.map(({ length, tile }) => ({
    length,
    tile: Uint32Array.from(tile.split(" "), (digits) => Number.parseInt(digits, 16)),
  }));
  return { program: decodeScalar(hexToBytes(program)), element, step, operands: read };
}

/** The chunks that the run touches, neighbours in one range, as in a proof. */
export function callOf({ program, element, step, operands }: Candidate): Call {
  const touched = operands.map(() => new Set<number>());
  const expected = evaluateElement(
    program,
    element,
    step,
    operands.map(({ length, tile }, index) => ({
      type: program.operandTypes[index],
      length,
      read: (word: number) => {
        touched[index].add(Math.floor(word / CHUNK));
        return tile[word % tile.length];
      },
    })),
  );
  const ranges = operands.flatMap(({ length, tile }, operand) => {
    const chunks = [...touched[operand]].sort((one, other) => one - other);
    const runs: [first: number, end: number][] = [];
    for (const chunk of chunks) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === chunk) last[1] = chunk + 1;
      else runs.push([chunk, chunk + 1]);
    }
    return runs.map(([first, end]): WordRange => {
      const words = Uint32Array.from({ length: CHUNK * (end - first) }, (_, index) => {
        const word = CHUNK * first + index;
        return word < length ? tile[word % tile.length] : 0;
      });
      return { operand, first: CHUNK * first, words: bigEndian(words) };
    });
  });
  const lengths = operands.map(({ length }) => length);
  return { program: bytesToHex(encodeScalar(program)), element, step, lengths, ranges, expected };
}

/** Climbs from one run by `evaluations` changes, each kept where it costs no less; every word given is compared. */
export async function climb(
  random: Random,
  start: Candidate,
  evaluations: number,
  measure: (candidate: Candidate) => Promise<number>,
): Promise<Found> {
  const score = async (candidate: Candidate): Promise<Found> => {
    const gas = await measure(candidate);
    return { candidate, gas, share: gas / gasBound(candidate.program) };
  };
  let best = await score(start);
  for (let left = evaluations; left > 0; left--) {
    const candidate = changed(random, best.candidate);
    if (candidate === undefined) continue;
    const found = await score(candidate);
    if (found.share >= best.share) best = found;
  }
  return best;
}

/**
 * Climbs from many starting points a little, then from the better half of them twice as far, and so on to one. Returns what
 * was found, the dearest first.
 */
export async function search(
  random: Random,
  starts: readonly Candidate[],
  evaluations: number,
  measure: (candidate: Candidate) => Promise<number>,
): Promise<Found[]> {
  let candidates = starts;
  const ended: Found[] = [];
  for (let climbed = evaluations; candidates.length > 0; climbed *= 2) {
    const round: Found[] = [];
    for (const candidate of candidates) round.push(await climb(random, candidate, climbed, measure));
    round.sort(dearestFirst);
    const kept = Math.floor(round.length / 2);
    candidates = round.slice(0, kept).map(({ candidate }) => candidate);
    ended.push(...round.slice(kept));
  }
  return ended.sort(dearestFirst);
}

const dearestFirst = (one: Found, other: Found): number => other.share - one.share;

/** Runs to climb from: random ones, and the loops that have ways of their own. */
export function startingPoint(random: Random): Candidate {
  const kind = below(random, 6);
  if (kind < 2) {
    const program = randomScalar(random);
    const operands = randomOperands(random, program).map(({ words }) => ({
      length: words.length,
      tile: words.slice(0, MOST_TILE_WORDS),
    }));
    return { program, element: below(random, outputLength(program)), step: below(random, 50), operands };
  }
  let program: ScalarProgram;
  do {
    if (kind === 2) program = dotProgram(runs(random), runs(random), 512, [-20, 0, 0][below(random, 3)], false);
    else if (kind === 3) program = straightProgram(random, 100);
    else if (kind === 4) program = polynomialLoop(pick(random, [256, 512]));
    else program = reductionProgram(random);
  } while (!isValid(program));
  const operands = program.operandTypes.map((type) => ({
    length: 1 + below(random, 4096),
    tile: Uint32Array.from({ length: 8 }, () => directedWord(random, type)),
  }));
  return { program, element: 0, step: 0, operands };
}

function runs(random: Random): LoadPattern {
  const unused = { extent: 1, stride: 0 };
  const extent = pick(random, [5, 16, 17, 31, 100, 256, 4096]);
  return [unused, unused, { extent, stride: 1 }];
}

function isValid(program: ScalarProgram): boolean {
  try {
    validateScalar(program);
    return true;
  } catch (error) {
    if (error instanceof LockstepError) return false;
    throw error;
  }
}

function directedWord(random: Random, type: WordType): number {
  if (type === "bool") return pick(random, [0, 0xffffffff, 1]);
  if (type === "i32") return pick(random, [0, 1, 2, 0xffffffff, 0x7fffffff, 0x80000000, 255, 256, random()]);
  if (below(random, 3) === 0)
    return wordOf(random(), pick(random, [0, 1, 2, 32, 33, 96, 160, 254, below(random, 255)]), random());
  return drawOperands(random, pick(random, CLASSES), 3)[below(random, 3)];
}

/** One change; undefined where none of a few tries is valid. */
function changed(random: Random, candidate: Candidate): Candidate | undefined {
  for (let tries = 0; tries < 20; tries++) {
    if (below(random, 5) < 3) return withWords(random, candidate);
    const program = withInstructions(random, candidate.program);
    if (program !== undefined && isValid(program)) return { ...candidate, program };
  }
  return undefined;
}

function withWords(random: Random, candidate: Candidate): Candidate {
  const { operands, program } = candidate;
  if (operands.length === 0) return { ...candidate, step: below(random, 50) };
  const at = below(random, operands.length);
  const { length, tile } = operands[at];
  const type = program.operandTypes[at];
  const placed = (changedOperand: (typeof operands)[number]): Candidate => ({
    ...candidate,
    operands: operands.with(at, changedOperand),
  });
  const kind = below(random, 12);
  if (kind === 0)
    return placed({ length: pick(random, [1, 5, 16, 20, 256, 1024, 4096, 1 + below(random, 5000)]), tile });
  if (kind === 1) {
    const words = 1 + below(random, MOST_TILE_WORDS);
    return placed({ length, tile: Uint32Array.from({ length: words }, (_, index) => tile[index % tile.length]) });
  }
  if (kind === 2) return { ...candidate, element: below(random, outputLength(program)) };
  const index = below(random, tile.length);
  const word = tile[index];
  const change =
    kind < 7
      ? directedWord(random, type)
      : kind < 8
        ? tile[below(random, tile.length)]
        : (word ^ (1 << below(random, 32))) >>> 0;
  // Often all words of a class at once: one dear step among many does not show.
  const everywhere = below(random, 3) === 0;
  return placed({ length, tile: everywhere ? tile.map(() => change) : tile.with(index, change) });
}

function withInstructions(random: Random, program: ScalarProgram): ScalarProgram | undefined {
  const kind = below(random, 8);
  const { loop } = program;
  if (kind === 0 && program.constants.length > 0) {
    const at = below(random, program.constants.length);
    const { type } = program.constants[at];
    const drawn = directedWord(random, type);
    const word =
      type === "f32" && (drawn & 0x7fffffff) > 0x7f800000
        ? 0x7fc00000
        : type === "bool" && drawn !== 0
          ? 0xffffffff
          : drawn;
    return { ...program, constants: program.constants.with(at, { type, word: word >>> 0 }) };
  }
  if (kind === 1 && program.patterns.length > 0) {
    const at = below(random, program.patterns.length);
    const [slow, middle, fast] = program.patterns[at];
    const digit = {
      extent: pick(random, [1, 2, 5, 15, 16, 17, 32, 255, 256, 4096]),
      stride: pick(random, [0, 1, 1, 1, -1, 2, 7, 8, 255, 256, 300, 0x7fffffff]),
    };
    const place = below(random, 3);
    const pattern: LoadPattern =
      place === 0 ? [digit, middle, fast] : place === 1 ? [slow, digit, fast] : [slow, middle, digit];
    return { ...program, patterns: program.patterns.with(at, pattern) };
  }
  if (kind === 2 && loop !== null) {
    const count = pick(random, [1, 2, 31, 32, 33, 64, 255, 256, 257, 512, 513, 1024]);
    const change = pick(random, [{ count }, { start: 256 * below(random, 4) }, { single: !loop.single }]);
    return { ...program, loop: { ...loop, ...change } };
  }
  if (kind === 3 && loop !== null) return { ...program, loop: { ...loop, lanes: loop.lanes === 1 ? 32 : 1 } };
  const sections = [program.prologue, loop?.body ?? [], loop?.combine ?? [], program.epilogue];
  const which = below(random, 4);
  const section = sections[which];
  if (section.length === 0) return undefined;
  const at = below(random, section.length);
  const instruction = below(random, 2) === 0 ? otherOpcode(random, section[at]) : otherArgument(random, section[at]);
  const next = section.with(at, instruction);
  if (which === 0) return { ...program, prologue: next };
  if (which === 3) return { ...program, epilogue: next };
  if (loop === null) return undefined;
  return { ...program, loop: { ...loop, ...(which === 1 ? { body: next } : { combine: next }) } };
}

/** An instruction of the same arguments and the same result. */
function otherOpcode(random: Random, instruction: Instruction): Instruction {
  const { arguments: args, result, immediate } = OPCODES[instruction.op];
  const alike = OPCODE_NAMES.filter((name) => {
    const row = OPCODES[name];
    return row.result === result && row.immediate === immediate && row.arguments.join() === args.join();
  });
  return { ...instruction, op: pick(random, alike) };
}

function otherArgument(random: Random, instruction: Instruction): Instruction {
  const field = pick(random, ["a", "b", "c", "imm"] as const);
  if (field === "imm") return { ...instruction, imm: below(random, 4) };
  const near = instruction[field] + below(random, 7) - 3;
  return { ...instruction, [field]: Math.max(0, below(random, 2) === 0 ? near : below(random, 40)) };
}
