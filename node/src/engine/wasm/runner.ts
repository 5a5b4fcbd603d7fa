/**
 * The compiled backend: runs primitives in WebAssembly with exactly the interpreter's bits (numerics, "The scalar program:
 * one definition, three readers"). Portable: it needs WebAssembly with SIMD128 and nothing else; without a fused
 * relaxed_madd it emulates fma. Refuses hosts without SIMD, operands that do not fit the program, and tensors beyond memory.
 */

import { LockstepError } from "../../float/errors.ts";
import { EvaluationError } from "../../ir/interpret.ts";
import { encodeScalar } from "../../ir/encode.ts";
import { outputLength } from "../../ir/scalar.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import type { PrimitiveRunner } from "../execute.ts";
import { assembleModule, draftFunction, V128, v128Const } from "./emit.ts";
import { isFusedHost } from "./fma.ts";
import { compileKernel } from "./kernel.ts";
import { SCRATCH_BYTES } from "./loop.ts";
import { createArena } from "./memory.ts";
import type { Arena } from "./memory.ts";

export interface WasmRunnerOptions {
  /** Computes fma by emulation even where the host fuses. */
  readonly emulateFma?: boolean;
  /** Pages of 64 KiB that the runner's memory may have; 65,536 unless given. */
  readonly maxPages?: number;
}

/** A runner and what it found about its host. */
export interface WasmRunner extends PrimitiveRunner {
  /** Whether fma is the host's instruction. */
  readonly isFused: boolean;
}

/** The host's WebAssembly has no SIMD128. */
export class SimdUnavailableError extends LockstepError {
  constructor() {
    super("SimdUnavailableError", "this host's WebAssembly has no SIMD128", {});
  }
}

/** A runner with its own memory and modules. Calls must not overlap, so one instance belongs to one thread. */
export function createWasmRunner(options: WasmRunnerOptions = {}): WasmRunner {
  if (!hasSimd()) throw new SimdUnavailableError();
  const isFused = options.emulateFma !== true && isFusedHost();
  const arena = createArena(options.maxPages);
  const compiled = createKernels(arena, isFused);
  return {
    isFused,
    run(scalar, step, operands, output) {
      checkArguments(scalar, step, operands, output);
      const kernel = compiled(
        scalar,
        operands.map((words) => words.length),
      );
      arena.reset();
      const scratch = arena.reserve(SCRATCH_BYTES / 4);
      const addresses = placeOperands(arena, operands);
      const target = arena.reserve(output.length);
      const tensors = operands.flatMap((words, index) => [addresses[index], words.length]);
      runKernel(kernel, [target, scratch, 0, step | 0], tensors);
      output.set(arena.words().subarray(target / 4, target / 4 + output.length));
    },
  };
}

function hasSimd(): boolean {
  const draft = draftFunction(null, [], [V128]);
  draft.body = v128Const([0]);
  return WebAssembly.validate(assembleModule([draft]) as BufferSource);
}

function checkArguments(
  scalar: ScalarProgram,
  step: number,
  operands: readonly Uint32Array[],
  output: Uint32Array,
): void {
  if (operands.length !== scalar.operandTypes.length) {
    throw new EvaluationError(`the program has ${scalar.operandTypes.length} operands`, { given: operands.length });
  }
  const expected = outputLength(scalar);
  if (output.length !== expected) {
    throw new EvaluationError(`the output has ${expected} elements`, { length: output.length, expected });
  }
  if (!Number.isInteger(step) || step < 0 || step > 0xffffffff) throw new EvaluationError("step is a u32", { step });
}

/** Copies every operand in once; gives their byte addresses. */
function placeOperands(arena: Arena, operands: readonly Uint32Array[]): number[] {
  const placed = new Map<Uint32Array, number>();
  for (const words of operands) if (!placed.has(words)) placed.set(words, arena.reserve(words.length));
  for (const [words, address] of placed) arena.words().set(words, address / 4);
  return operands.map((words) => placed.get(words)!);
}

interface LoadedKernel {
  readonly rows: number;
  readonly rowLength: number;
  /** Iterations of one group of four elements. */
  readonly groupWork: number;
  run(...parameters: number[]): void;
}

type KernelLookup = (scalar: ScalarProgram, lengths: readonly number[]) => LoadedKernel;

// Which checks a kernel makes depends on the lengths of the operands, so they are part of its key.
function createKernels(arena: Arena, isFused: boolean): KernelLookup {
  const bytesOf = new WeakMap<ScalarProgram, string>();
  const kernels = new Map<string, LoadedKernel>();
  return (scalar, lengths) => {
    let bytes = bytesOf.get(scalar);
    if (bytes === undefined) {
      bytes = String.fromCharCode(...encodeScalar(scalar));
      bytesOf.set(scalar, bytes);
    }
    const key = `${lengths.join()}:${bytes}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      const made = compileKernel({ program: scalar, lengths, isFused, totals: "computed", result: scalar.result });
      const module = new WebAssembly.Module(made.bytes as BufferSource);
      const { exports } = new WebAssembly.Instance(module, { host: { memory: arena.memory } });
      kernel = {
        rows: made.rows,
        rowLength: made.rowLength,
        groupWork: scalar.loop?.count ?? 1,
        run: exports["run"] as LoadedKernel["run"],
      };
      kernels.set(key, kernel);
    }
    return kernel;
  };
}

/**
 * Iterations of one call. The host compiles a function better after a few calls but never in the midst of one, so long work
 * comes in pieces.
 */
const CALL_WORK = 1 << 15;

function runKernel(kernel: LoadedKernel, fixed: readonly number[], tensors: readonly number[]): void {
  const { rows, rowLength, groupWork, run } = kernel;
  const callGroups = Math.max(1, Math.floor(CALL_WORK / groupWork));
  const rowGroups = Math.ceil(rowLength / 4);
  if (rowGroups >= callGroups) {
    const width = 4 * callGroups;
    for (let row = 0; row < rows; row++) {
      for (let lane = 0; lane < rowLength; lane += width) {
        run(...fixed, row, row + 1, lane, Math.min(rowLength, lane + width), ...tensors);
      }
    }
    return;
  }
  const callRows = Math.floor(callGroups / rowGroups);
  for (let row = 0; row < rows; row += callRows) {
    run(...fixed, row, Math.min(rows, row + callRows), 0, rowLength, ...tensors);
  }
}
