/**
 * Runs programs, commits to what they compute, and decides the moves and proofs of disputes (spec, "Trees" and "Positions
 * and moves"). Portable.
 */
export * from "./position.ts";
export * from "./inputs.ts";
export * from "./execute.ts";
export { snapshotBytesOf } from "./kept-snapshots.ts";
export * from "./tamper.ts";
export * from "./machine/index.ts";
export * from "./trace.ts";
export * from "./dispute/types.ts";
export * from "./dispute/abi.ts";
export * from "./dispute/evidence.ts";
export * from "./dispute/view.ts";
export * from "./dispute/path.ts";
export * from "./dispute/proofs.ts";
export * from "./dispute/check.ts";
export * from "./dispute/flaw.ts";
export * from "./dispute/walk.ts";
export * from "./wasm/index.ts";
