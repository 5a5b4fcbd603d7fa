/** Engines and the machines they give: what a run executes on. Portable. */
export * from "./types.ts";
export { interpreterRunner, type PrimitiveRunner } from "./runner.ts";
export { interpreterEngine, runnerEngine } from "./runner-engine.ts";
export { createWasmEngine, type EngineTier, type WasmEngine, type WasmEngineOptions } from "./wasm-engine.ts";
export {
  areLost,
  awaitHelpers,
  CONTROL_WORDS,
  serveThread,
  ThreadLostError,
  type ThreadMessage,
  type Threads,
  type ThreadServices,
} from "./threads.ts";
export type { AttachNative, NativeCode } from "./executor.ts";
