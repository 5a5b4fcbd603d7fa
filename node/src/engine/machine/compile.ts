/**
 * Compiles primitives for machines: one module for each scalar program and lengths of operands, kept while they are used.
 * A contraction is tiles with a kernel for the totals to start from and one for the epilogue; all else is one kernel.
 */
import { createCache } from "../cache.ts";
import { encodeScalar } from "../../ir/encode.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";
import { isWorthTiles, recogniseContraction } from "../wasm/contraction.ts";
import type { Contraction } from "../wasm/contraction.ts";
import { compileKernel } from "../wasm/kernel.ts";
import type { Totals } from "../wasm/kernel.ts";
import { withSharedMemory } from "../wasm/load.ts";

/** A kernel's module and the shape of its iteration space. */
export interface CompiledKernel {
  readonly module: WebAssembly.Module;
  readonly rows: number;
  readonly rowLength: number;
  /** Instructions and iterations of one group of four elements, about. */
  readonly groupWork: number;
}

export type CompiledPrimitive =
  | { readonly kind: "kernel"; readonly kernel: CompiledKernel }
  | {
      readonly kind: "tiles";
      readonly contraction: Contraction;
      readonly before: CompiledKernel | null;
      readonly after: CompiledKernel | null;
    };

export interface Compiler {
  primitive(program: ScalarProgram, lengths: readonly number[]): CompiledPrimitive;
  /** A kernel of a program whose result needs nothing of its loop. */
  register(program: ScalarProgram, lengths: readonly number[]): CompiledKernel;
}

export interface CompilerOptions {
  readonly isFused: boolean;
  readonly isShared: boolean;
}

/** Programs held at a time; a network of a few hundred primitives has fewer distinct ones. */
const MOST_PROGRAMS = 1024;

/** A compiler with an empty memory. */
export function createCompiler({ isFused, isShared }: CompilerOptions): Compiler {
  const bytesOf = new WeakMap<ScalarProgram, string>();
  const kernels = createCache<CompiledKernel>(MOST_PROGRAMS);
  const primitives = createCache<CompiledPrimitive>(MOST_PROGRAMS);
  const keyOf = (program: ScalarProgram, lengths: readonly number[]): string => {
    let bytes = bytesOf.get(program);
    if (bytes === undefined) {
      bytes = String.fromCharCode(...encodeScalar(program));
      bytesOf.set(program, bytes);
    }
    return `${lengths.join()}:${bytes}`;
  };
  const kernel = (
    program: ScalarProgram,
    lengths: readonly number[],
    totals: Totals,
    result: number,
  ): CompiledKernel => {
    const { bytes, rows, rowLength } = compileKernel({ program, lengths, isFused, totals, result });
    const module = new WebAssembly.Module((isShared ? withSharedMemory(bytes) : bytes) as BufferSource);
    const { prologue, epilogue, loop } = program;
    const looped = totals === "computed" && loop !== null ? loop.count * loop.body.length : 0;
    return { module, rows, rowLength, groupWork: looped + prologue.length + epilogue.length + 1 };
  };
  return {
    primitive: (program, lengths) =>
      primitives.get(keyOf(program, lengths), () => {
        const contraction = recogniseContraction(program, lengths);
        if (contraction === null || !isWorthTiles(contraction))
          return { kind: "kernel", kernel: kernel(program, lengths, "computed", program.result) };
        const { totalInit, isBare } = contraction;
        return {
          kind: "tiles",
          contraction,
          before: totalInit === null ? null : kernel(program, lengths, "given", totalInit),
          after: isBare ? null : kernel(program, lengths, "given", program.result),
        };
      }),
    register: (program, lengths) =>
      kernels.get(keyOf(program, lengths), () => kernel(program, lengths, "given", program.result)),
  };
}
