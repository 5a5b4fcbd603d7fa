// The errors of reading files of the ONNX format, and how they are made. Refuses nothing itself.

import { LockstepError } from "../float/errors.ts";

/** The message of whatever was thrown. */
export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** A MalformedModelError; `rule` is a short stable name of the broken rule. */
export function malformed(
  rule: string,
  message: string,
  values: Record<string, unknown>,
  options?: { cause?: unknown },
): MalformedModelError {
  return new MalformedModelError(message, { rule, ...values }, options);
}

/** The bytes are no valid model or tensor; `values.rule` names the broken rule. Retrying cannot help. */
export class MalformedModelError extends LockstepError {
  constructor(message: string, values: Record<string, unknown>, options?: { cause?: unknown }) {
    super("MalformedModelError", message, values, options);
  }
}

/** The file ends inside a field: `expected` bytes are needed at least, `length` are there. A fresh copy may help. */
export class TruncatedFileError extends LockstepError {
  constructor(length: number, expected: number) {
    super("TruncatedFileError", `the file is cut off: ${length} bytes of at least ${expected}`, { length, expected });
  }
}
