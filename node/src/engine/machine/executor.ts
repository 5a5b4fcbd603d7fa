/**
 * Executes operations in one thread. Each operation becomes a function of the step and a unit, bound to this thread's
 * instances of the modules and to its own scratch memory, so that a step allocates nothing.
 */
import { CHUNK_JOB_WORDS, HASH_GROUP, PAIR_JOB_WORDS, bindHashJobs } from "../../merkle/hash-jobs.ts";
import type { HashJobs } from "../../merkle/hash-jobs.ts";
import { CHUNK_WORDS, HASH_BYTES } from "../../merkle/hash.ts";
import { bindMultiplier } from "../wasm/multiply.ts";
import type { BoundMultiplier, MultiplierModules, NativeTiles } from "../wasm/multiply.ts";
import { CHANGED, HASHED } from "./operations.ts";
import type {
  CopyOperation,
  DirtyTree,
  HashOperation,
  JobsOperation,
  KernelCall,
  KernelOperation,
  MultiplyOperation,
  Operation,
  RootsOperation,
  RowsOperation,
} from "./operations.ts";

/** What a thread needs to execute the operations of a machine. Structured-clonable where the memory is shared. */
export interface ExecutorParts {
  readonly memory: WebAssembly.Memory;
  readonly kernels: readonly WebAssembly.Module[];
  readonly multiplier: MultiplierModules;
  readonly hashing: WebAssembly.Module | null;
  /** The instruction set of native code, or null. */
  readonly native: string | null;
  /** Each thread's own: `stride` bytes from `address + thread * stride` on. */
  readonly scratch: ScratchPlaces;
}

/** Code outside WebAssembly that multiplies and hashes over a shared memory, with the same bits. */
export type NativeCode = NativeTiles & HashJobs;

/** Binds such code to a memory, by the name of an instruction set. */
export type AttachNative = (memory: WebAssembly.Memory, set: string) => NativeCode;

export interface ScratchPlaces {
  readonly address: number;
  readonly stride: number;
  /** Bytes from the start of a thread's part. */
  readonly kernels: number;
  readonly multiplier: number;
  readonly hashing: number;
}

/** Runs a unit of an operation in a step. */
export type BoundOperation = (step: number, unit: number) => void;

/** Binds operations to a thread. Throws RangeError where native code is asked for and there is no way to it. */
export function createBinder(
  parts: ExecutorParts,
  thread: number,
  attach: AttachNative | null,
): (operation: Operation) => BoundOperation {
  const { memory, kernels, scratch } = parts;
  const own = scratch.address + thread * scratch.stride;
  const instances = new Map<number, KernelFunction>();
  const kernel = (index: number): KernelFunction => {
    const known = instances.get(index);
    if (known !== undefined) return known;
    const { exports } = new WebAssembly.Instance(kernels[index], { host: { memory } });
    const run = exports["run"] as KernelFunction;
    instances.set(index, run);
    return run;
  };
  let multiplier: BoundMultiplier | undefined;
  if (parts.native !== null && attach === null) throw new RangeError("this thread has no native code");
  const native = parts.native === null ? null : (attach?.(memory, parts.native) ?? null);
  const compiled = parts.hashing === null ? null : bindHashJobs(parts.hashing, memory, own + scratch.hashing);
  native?.refresh();
  const hashing = compiled === null ? null : (native ?? compiled);
  const words = new Uint32Array(memory.buffer);
  return (operation) => {
    switch (operation.kind) {
      case "kernel":
        return bindKernel(kernel(operation.call.module), own + scratch.kernels, operation);
      case "multiply":
        multiplier ??= bindMultiplier(memory, parts.multiplier, native);
        return bindMultiply(multiplier, own + scratch.multiplier, operation);
      case "rows":
        return bindRows(kernel, own + scratch.kernels, words, operation);
      case "copy":
        return bindCopy(words, operation);
      case "chunks":
      case "pairs":
        if (hashing === null) throw new RangeError("this machine commits to nothing");
        return bindHash(hashing, words, operation);
      case "jobs":
        return bindJobs(words, operation);
      case "roots":
        return bindRoots(words, operation);
    }
  };
}

type KernelFunction = (...parameters: number[]) => void;

/** How a kernel's iteration space falls into calls: ranges of rows, or of lanes where a row is long. */
export interface Pieces {
  readonly count: number;
  /** Rows of a call where lanes are whole, else 0. */
  readonly rows: number;
  readonly width: number;
  readonly perRow: number;
}

/** The pieces of a kernel: at least one. */
export function piecesOf({ rows, rowLength, groupWork, callWork }: KernelCall): Pieces {
  const callGroups = Math.max(1, Math.floor(callWork / groupWork));
  const rowGroups = Math.ceil(rowLength / 4);
  if (rowGroups >= callGroups) {
    const width = 4 * callGroups;
    const perRow = Math.ceil(rowLength / width);
    return { count: rows * perRow, rows: 0, width, perRow };
  }
  const callRows = Math.floor(callGroups / rowGroups);
  return { count: Math.ceil(rows / callRows), rows: callRows, width: rowLength, perRow: 1 };
}

const [STEP, ROW, ROW_END, LANE, LANE_END] = [3, 4, 5, 6, 7];

function parametersOf({ output, totals, tensors }: KernelCall, scratch: number): number[] {
  return [output, scratch, totals, 0, 0, 0, 0, 0, ...tensors];
}

function bindKernel(run: KernelFunction, scratch: number, { call, units }: KernelOperation): BoundOperation {
  const parameters = parametersOf(call, scratch);
  const { rows, rowLength } = call;
  const pieces = piecesOf(call);
  return (step, unit) => {
    const end = Math.floor((pieces.count * (unit + 1)) / units);
    parameters[STEP] = step;
    for (let piece = Math.floor((pieces.count * unit) / units); piece < end; piece++) {
      if (pieces.rows > 0) {
        parameters[ROW] = piece * pieces.rows;
        parameters[ROW_END] = Math.min(rows, (piece + 1) * pieces.rows);
        parameters[LANE_END] = rowLength;
      } else {
        const row = Math.floor(piece / pieces.perRow);
        parameters[ROW] = row;
        parameters[ROW_END] = row + 1;
        parameters[LANE] = (piece - row * pieces.perRow) * pieces.width;
        parameters[LANE_END] = Math.min(rowLength, parameters[LANE] + pieces.width);
      }
      run(...parameters);
    }
  };
}

function bindMultiply(
  multiplier: BoundMultiplier,
  scratch: number,
  { plan, placement, units }: MultiplyOperation,
): BoundOperation {
  return (step, unit) => {
    const first = Math.floor((plan.units * unit) / units);
    const end = Math.floor((plan.units * (unit + 1)) / units);
    multiplier.run(plan, placement, step, first, end, scratch);
  };
}

function bindRows(
  kernel: (index: number) => KernelFunction,
  scratch: number,
  words: Uint32Array,
  operation: RowsOperation,
): BoundOperation {
  const { condition, writesWhere, call, firstRows, offsets, runRows, whole, dirty } = operation;
  const evaluate = kernel(condition.module);
  const conditionParameters = parametersOf(condition, scratch);
  conditionParameters[ROW_END] = condition.rows;
  conditionParameters[LANE_END] = condition.rowLength;
  const run = kernel(call.module);
  const parameters = parametersOf(call, scratch);
  parameters[LANE_END] = call.rowLength;
  const masks = words.subarray(condition.output / 4, condition.output / 4 + firstRows.length);
  const flags = new Uint8Array(words.buffer);
  const { rowLength } = call;
  const write = (row: number, rows: number): void => {
    parameters[ROW] = row;
    parameters[ROW_END] = row + rows;
    run(...parameters);
    if (dirty === 0) return;
    const first = Math.floor((row * rowLength) / CHUNK_WORDS);
    const last = Math.floor(((row + rows) * rowLength - 1) / CHUNK_WORDS);
    flags.fill(CHANGED, dirty + first, dirty + last + 1);
  };
  return (step) => {
    parameters[STEP] = step;
    if (words[whole / 4] !== 0) {
      words[whole / 4] = 0;
      write(0, call.rows);
      return;
    }
    conditionParameters[STEP] = step;
    evaluate(...conditionParameters);
    for (let index = 0; index < masks.length; index++) {
      if ((masks[index] !== 0) !== writesWhere) continue;
      const first = firstRows[index];
      let rows = runRows;
      // Neighbouring rows that are all written are one call.
      while (
        index + 1 < masks.length &&
        (masks[index + 1] !== 0) === writesWhere &&
        firstRows[index + 1] === first + rows
      ) {
        rows += runRows;
        index++;
      }
      for (let offset = 0; offset < offsets.length; offset++) write(first + offsets[offset], rows);
    }
  };
}

function bindCopy(words: Uint32Array, { from, to, bytes }: CopyOperation): BoundOperation {
  return () => {
    words.copyWithin(to / 4, from / 4, (from + bytes) / 4);
  };
}

function bindHash(jobs: HashJobs, words: Uint32Array, operation: HashOperation): BoundOperation {
  const { kind, table, count, isCounted, units } = operation;
  const jobBytes = 4 * (kind === "chunks" ? CHUNK_JOB_WORDS : PAIR_JOB_WORDS);
  return (_step, unit) => {
    const all = isCounted ? count : words[count / 4];
    const groups = Math.ceil(all / HASH_GROUP);
    const first = Math.floor((groups * unit) / units) * HASH_GROUP;
    const end = Math.min(all, Math.floor((groups * (unit + 1)) / units) * HASH_GROUP);
    if (end > first) jobs[kind](table + first * jobBytes, end - first);
  };
}

function bindRoots(words: Uint32Array, { places }: RootsOperation): BoundOperation {
  return () => {
    for (let index = 0; index < places.length; index += 2) {
      const from = places[index] / 4;
      words.copyWithin(places[index + 1] / 4, from, from + HASH_BYTES / 4);
    }
  };
}

function bindJobs(words: Uint32Array, { trees, chunks, levels }: JobsOperation): BoundOperation {
  const counts = new Int32Array(levels.length);
  const bound = trees.map((tree) => ({
    tree,
    flags: new Uint8Array(words.buffer, tree.dirty, Math.ceil(tree.length / CHUNK_WORDS)),
    written: new Int32Array(tree.levels.length),
  }));
  const writeTree = ({ address, length, levels: nodes }: DirtyTree, flags: Uint8Array, written: Int32Array): number => {
    let jobs = 0;
    written.fill(-1);
    for (let chunk = flags.indexOf(CHANGED); chunk >= 0; chunk = flags.indexOf(CHANGED, chunk + 1)) {
      flags[chunk] = HASHED;
      const job = chunks.table / 4 + CHUNK_JOB_WORDS * (total + jobs++);
      words[job] = address + 4 * CHUNK_WORDS * chunk;
      words[job + 1] = Math.min(CHUNK_WORDS, length - CHUNK_WORDS * chunk);
      words[job + 2] = nodes[0] + HASH_BYTES * chunk;
      for (let level = 1; level < nodes.length; level++) {
        const parent = chunk >>> level;
        // Chunks ascend, so a parent and all above it were written just before, or not yet.
        if (written[level] === parent) break;
        written[level] = parent;
        const pair = levels[level - 1].table / 4 + PAIR_JOB_WORDS * counts[level - 1]++;
        words[pair] = nodes[level - 1] + 2 * HASH_BYTES * parent;
        words[pair + 1] = nodes[level] + HASH_BYTES * parent;
      }
    }
    return jobs;
  };
  let total = 0;
  return () => {
    counts.fill(0);
    total = 0;
    for (const { tree, flags, written } of bound) total += writeTree(tree, flags, written);
    words[chunks.count / 4] = total;
    for (let level = 0; level < levels.length; level++) words[levels[level].count / 4] = counts[level];
  };
}
