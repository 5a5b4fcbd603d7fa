/** binary32: words, instructions on words, and the base of every typed error (spec, "Words and instructions"). */
export * from "./errors.ts";
export * from "./words.ts";
export * as float32 from "./ops.ts";
