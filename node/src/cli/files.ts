/** Files that users name. */
import { readFileSync } from "node:fs";
import { LockstepError } from "../float/errors.ts";

/** Reads a file named by a user. */
export function readUserFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new FileUnreadableError(path, cause);
  }
}

/** A file that a user named can't be read. */
export class FileUnreadableError extends LockstepError {
  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    super("FileUnreadableError", `${path} can't be read (${reason})`, { path, reason }, { cause });
  }
}
