/**
 * Scalar programs and the programs made of them: the opcode table, types, builder, canonical encoding, validation and the
 * interpreter that defines what each bit is.
 */
export * from "./opcodes.ts";
export * from "./scalar.ts";
export * from "./program.ts";
export * from "./bounds.ts";
export * from "./build.ts";
export * from "./encode.ts";
export * from "./decode.ts";
export * from "./validate.ts";
export * from "./validate-program.ts";
export * from "./interpret.ts";
