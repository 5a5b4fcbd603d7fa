/**
 * The one module of a multiplier: tiles for both forms of panels, rows by unpacked columns, packing and copying. The same for
 * all programs, so that a process compiles it once.
 */

import { assembleModule } from "./emit.ts";
import { emulatedFma } from "./fma.ts";
import type { FmaMode } from "./fma.ts";
import { panelFunctions } from "./panels.ts";
import { rowFunctions } from "./rows.ts";
import { tileFunctions } from "./tiles.ts";
import { widenedFunctions } from "./widened.ts";

/** Compiled code, to be sent to every thread. */
export interface MultiplierModules {
  readonly tiles: WebAssembly.Module;
  /** Whether the module has tiles for a compiler that widens vectors. */
  readonly isWidened: boolean;
}

export interface ModuleOptions {
  readonly isFused: boolean;
  /** Whether the memory is shared between threads. */
  readonly isShared: boolean;
  /**
   * Whether to multiply in tiles for a compiler that joins vectors of 128 bits to wider ones: V8, after
   * `v8.setFlagsFromString("--experimental-wasm-revectorize")`. Elsewhere they are slow. False unless given.
   */
  readonly isWidened?: boolean;
}

/** The bytes of the module that every tier needs. */
export function multiplierModule({ isFused, isShared, isWidened = false }: ModuleOptions): Uint8Array {
  const helpers = isFused ? [] : [emulatedFma()];
  const fma: FmaMode = isFused ? { kind: "fused" } : { kind: "emulated", functionIndex: 0 };
  const functions = [...helpers];
  functions.push(...tileFunctions(fma, "wide", functions.length));
  functions.push(...tileFunctions(fma, "narrow", functions.length));
  if (isWidened) {
    const indexOf = (wanted: string): number => functions.findIndex(({ name }) => name === wanted);
    const plain = { multiply: indexOf("multiply"), multiplyNarrow: indexOf("multiplyNarrow") };
    functions.push(...widenedFunctions(fma, plain, functions.length));
  }
  return assembleModule([...functions, ...rowFunctions(fma), ...panelFunctions()], isShared);
}

/** Compiles it. */
export function compileMultiplier(options: ModuleOptions): MultiplierModules {
  const tiles = new WebAssembly.Module(multiplierModule(options) as BufferSource);
  return { tiles, isWidened: options.isWidened === true };
}
