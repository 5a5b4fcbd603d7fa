/**
 * Puts a program into a memory: plans it, makes the memory, takes in constants one by one (packed where nothing but columns
 * reads them, in half the room where no bit is lost), and builds the operations. Refuses what does not fit.
 */
import type { Program } from "../../ir/program.ts";
import type { Hash } from "../../merkle/hash.ts";
import { EngineMemoryError, PAGE_BYTES } from "../wasm/memory.ts";
import { bindMultiplier, isNarrowable } from "../wasm/multiply.ts";
import type { BoundMultiplier, MultiplierModules } from "../wasm/multiply.ts";
import { buildCode } from "./code.ts";
import type { MachineCode, PlacedConstant, PlacedPanels } from "./code.ts";
import type { Compiler } from "./compile.ts";
import { constantSource } from "./constants.ts";
import type { ConstantSource } from "./constants.ts";
import { tensorBytes } from "./layout.ts";
import { packConstant } from "./packing.ts";
import { planMachine } from "./plan.ts";
import type { MachinePlan } from "./plan.ts";
import type { LoadOptions } from "./types.ts";

export interface EngineParts {
  readonly compiler: Compiler;
  readonly multiplier: MultiplierModules;
  /** The instruction set of native code, or null. */
  readonly native: string | null;
  readonly isFused: boolean;
  readonly isShared: boolean;
  readonly threads: number;
  readonly grain: number;
  readonly maxPages: number;
  readonly firstAddress: number;
}

/** A program in memory. */
export interface LoadedProgram {
  readonly memory: WebAssembly.Memory;
  readonly plan: MachinePlan;
  readonly code: MachineCode;
}

/** Loads everything but the slots. Throws EngineMemoryError where it does not fit. */
export function loadProgram(program: Program, options: LoadOptions, parts: EngineParts): LoadedProgram {
  const { compiler, threads, isShared, isFused, grain, maxPages, firstAddress } = parts;
  const plan = planMachine(program, { trace: options.trace, threads, compiler, firstAddress });
  // Packed words take at least half of their room.
  const least = [...plan.constants.values()].reduce(
    (sum, { length, panels }) => sum + (panels.size === 0 ? 4 : 2) * length,
    0,
  );
  requireRoom(plan.room.end + least, maxPages);
  const memory = createMemory(pagesFor(plan.room.end), maxPages, isShared);
  program.inputs.forEach((_, input) => {
    if (plan.inputs[input] !== 0)
      wordsAt(memory, plan.inputs[input], options.inputs[input].length).set(options.inputs[input]);
  });
  const constants = loadConstants(memory, plan, constantSource(program, options), parts);
  const code = buildCode(plan, constants, { threads, isFused, compiler, grain });
  reserve(memory, plan.room.end, maxPages);
  for (const { address, words } of code.uploads) wordsAt(memory, address, words.length).set(words);
  return { memory, plan, code };
}

/** Words of a memory; a view that a later growth makes useless. */
export function wordsAt(memory: WebAssembly.Memory, address: number, length: number): Uint32Array {
  return new Uint32Array(memory.buffer, address, length);
}

function loadConstants(
  memory: WebAssembly.Memory,
  { constants, room }: MachinePlan,
  source: ConstantSource,
  { multiplier, maxPages }: EngineParts,
): Map<Hash, PlacedConstant> {
  const placed = new Map<Hash, PlacedConstant>();
  let packer: BoundMultiplier | undefined;
  // Words lie behind everything else while they are packed: the longest first leaves the least room unused in the end.
  for (const use of [...constants.values()].toSorted((one, other) => other.length - one.length)) {
    const words = source.wordsOf(use.root).subarray(0, use.length);
    if (use.panels.size === 0) {
      const address = room.take(tensorBytes(use.length));
      reserve(memory, room.end, maxPages);
      wordsAt(memory, address, use.length).set(words);
      placed.set(use.root, { address, length: use.length, panels: new Map() });
      continue;
    }
    packer ??= bindMultiplier(memory, multiplier);
    const isNarrow = isNarrowable(words);
    const panels = new Map<string, PlacedPanels>();
    for (const [layout, plan] of use.panels) {
      const size = isNarrow ? plan.narrowWords : plan.packedWords;
      const address = room.take(4 * size);
      const { count, columnCount } = plan.cut;
      panels.set(layout, { address, words: size, isNarrow, count, length: count * columnCount });
      const place = {
        panels: address,
        isNarrow,
        free: room.end,
        reserve: (bytes: number) => reserve(memory, bytes, maxPages),
      };
      packConstant(memory, packer, plan, words, place);
    }
    placed.set(use.root, { address: 0, length: use.length, panels });
  }
  return placed;
}

// --- Memory ---

/** Kernels read a vector at the last word of a tensor. */
const SPARE = 64;

function pagesFor(bytes: number): number {
  return Math.ceil((bytes + SPARE) / PAGE_BYTES);
}

function requireRoom(bytes: number, maxPages: number): void {
  if (pagesFor(bytes) > maxPages) throw new EngineMemoryError(bytes, maxPages * PAGE_BYTES);
}

function createMemory(pages: number, maxPages: number, isShared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: maxPages, shared: isShared });
  } catch (error) {
    throw new EngineMemoryError(pages * PAGE_BYTES, maxPages * PAGE_BYTES, error);
  }
}

function reserve(memory: WebAssembly.Memory, bytes: number, maxPages: number): void {
  requireRoom(bytes, maxPages);
  const missing = pagesFor(bytes) - memory.buffer.byteLength / PAGE_BYTES;
  if (missing <= 0) return;
  try {
    memory.grow(missing);
  } catch (error) {
    throw new EngineMemoryError(bytes, maxPages * PAGE_BYTES, error);
  }
}
