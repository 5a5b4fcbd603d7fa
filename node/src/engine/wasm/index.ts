/** The compiled backend: scalar programs as WebAssembly SIMD. Portable. */
export * from "./runner.ts";
export { EngineMemoryError } from "./memory.ts";
export { isFusedHost } from "./fma.ts";
