/** Backends that run single primitives, and the living definition as one of them. */
import { evaluatePrimitive, wordsOperand } from "../../ir/interpret.ts";
import type { ScalarProgram } from "../../ir/scalar.ts";

/** A backend: the interpreter, or anything with its exact bits. */
export interface PrimitiveRunner {
  /** Writes output[e] = scalar(e, step, operands) for every element e. Operands are never written. */
  run(scalar: ScalarProgram, step: number, operands: readonly Uint32Array[], output: Uint32Array): void;
}

/** The living definition as a backend: slow, and equal to every other. */
export const interpreterRunner: PrimitiveRunner = {
  run(scalar, step, operands, output) {
    const typed = operands.map((words, index) => wordsOperand(scalar.operandTypes[index], words));
    output.set(evaluatePrimitive(scalar, step, typed, output.length));
  },
};
