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
import type { PrimitiveRunner } from "../machine/runner.ts";
import { assembleModule, draftFunction, V128, v128Const } from "./emit.ts";
import { isFusedHost } from "./fma.ts";
import { recogniseContraction } from "./contraction.ts";
import type { Contraction } from "./contraction.ts";
import { compileKernel } from "./kernel.ts";
import type { Totals } from "./kernel.ts";
import { loadModule } from "./load.ts";
import { SCRATCH_BYTES } from "./loop.ts";
import { createArena } from "./memory.ts";
import type { Arena } from "./memory.ts";
import { createMultiplier } from "./multiply.ts";
import type { PlacedOperand } from "./multiply.ts";

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
  const multiplier = createMultiplier(arena, isFused);
  const planOf = createPlans(arena, isFused);
  const runPlan = (plan: Plan, step: number, operands: readonly Uint32Array[], output: Uint32Array): void => {
    arena.reset();
    const placed = placeOperands(arena, operands);
    const target = arena.reserve(output.length);
    const scratch = arena.reserve(SCRATCH_BYTES / 4);
    const tensors = placed.flatMap(({ address, length }) => [address, length]);
    if (plan.kind === "kernel") runKernel(plan.kernel, [target, scratch, 0, step], tensors);
    else {
      const { contraction, before, after } = plan;
      const totals = after === null ? target : arena.reserve(output.length);
      if (before !== null) runKernel(before, [totals, scratch, 0, step], tensors);
      multiplier.multiply({ contraction, operands: placed, step, target: totals });
      if (after !== null) runKernel(after, [target, scratch, totals, step], tensors);
    }
    output.set(arena.words().subarray(target / 4, target / 4 + output.length));
  };
  return {
    isFused,
    run(scalar, step, operands, output) {
      checkArguments(scalar, step, operands, output);
      const plan = planOf(
        scalar,
        operands.map((words) => words.length),
      );
      runPlan(plan, step | 0, operands, output);
    },
  };
}

/** Whether this host's WebAssembly has SIMD128. */
export function hasSimd(): boolean {
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

/** Copies in the operands; the same array once. */
function placeOperands(arena: Arena, operands: readonly Uint32Array[]): PlacedOperand[] {
  const addresses = new Map<Uint32Array, number>();
  for (const words of operands) if (!addresses.has(words)) addresses.set(words, arena.reserve(words.length));
  for (const [words, address] of addresses) arena.words().set(words, address / 4);
  return operands.map((words) => ({ address: addresses.get(words)!, length: words.length }));
}

interface LoadedKernel {
  readonly rows: number;
  readonly rowLength: number;
  /** Iterations of one group of four elements. */
  readonly groupWork: number;
  run(...parameters: number[]): void;
}

/** How a program runs: one kernel, or tiles between a kernel for the totals to start from and one for the epilogue. */
type Plan =
  | { readonly kind: "kernel"; readonly kernel: LoadedKernel }
  | {
      readonly kind: "tiles";
      readonly contraction: Contraction;
      readonly before: LoadedKernel | null;
      readonly after: LoadedKernel | null;
    };

/** Modules held at a time; a network of a few hundred primitives has fewer distinct ones. */
const MOST_PLANS = 1024;

type PlanLookup = (scalar: ScalarProgram, lengths: readonly number[]) => Plan;

// Which checks a kernel makes depends on the lengths of the operands, so they are part of its key.
function createPlans(arena: Arena, isFused: boolean): PlanLookup {
  const bytesOf = new WeakMap<ScalarProgram, string>();
  const plans = new Map<string, Plan>();
  return (scalar, lengths) => {
    let bytes = bytesOf.get(scalar);
    if (bytes === undefined) {
      bytes = String.fromCharCode(...encodeScalar(scalar));
      bytesOf.set(scalar, bytes);
    }
    const key = `${lengths.join()}:${bytes}`;
    const plan = plans.get(key) ?? makePlan(arena, isFused, scalar, lengths);
    // Entered anew, so that the first of the map is the one unused for longest.
    plans.delete(key);
    plans.set(key, plan);
    if (plans.size > MOST_PLANS) plans.delete(plans.keys().next().value ?? key);
    return plan;
  };
}

function makePlan(arena: Arena, isFused: boolean, program: ScalarProgram, lengths: readonly number[]): Plan {
  const kernel = (totals: Totals, result: number, groupWork: number): LoadedKernel => {
    const { bytes, rows, rowLength } = compileKernel({ program, lengths, isFused, totals, result });
    const { run } = loadModule(bytes, arena.memory) as unknown as Pick<LoadedKernel, "run">;
    return { rows, rowLength, groupWork, run };
  };
  const contraction = recogniseContraction(program, lengths);
  if (contraction === null) {
    return { kind: "kernel", kernel: kernel("computed", program.result, program.loop?.count ?? 1) };
  }
  return {
    kind: "tiles",
    contraction,
    before: contraction.totalInit === null ? null : kernel("given", contraction.totalInit, 1),
    after: contraction.isBare ? null : kernel("given", program.result, 1),
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
