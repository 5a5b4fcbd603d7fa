/**
 * The trees of a trace: hashing, Merkle trees with paths and range proofs, tensors as chunks (spec, "Trees"). Portable.
 */
export * from "./hash.ts";
export * from "./tree.ts";
export * from "./tensor.ts";
export * from "./hash-jobs.ts";
export * from "./wasm-hasher.ts";
