/** Files that users name. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { LockstepError } from "../float/errors.ts";

/** Reads a file named by a user. */
export function readUserFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new FileUnreadableError(path, cause);
  }
}

/** Refuses a file named by a user that can't be read, before it is read in parts. */
export function requireReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw new FileUnreadableError(path, cause);
  }
}

/** Writes a file where a user wants it, with the folders above it; replaces one that is there. */
export function writeUserFile(path: string, bytes: Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  } catch (cause) {
    throw new FileUnwritableError(path, cause);
  }
}

/** A file that a user named can't be read. */
export class FileUnreadableError extends LockstepError {
  constructor(path: string, cause: unknown) {
    const reason = reasonOf(cause);
    super("FileUnreadableError", `${path} can't be read (${reason})`, { path, reason }, { cause });
  }
}

/** A file can't be written where a user wants it. */
export class FileUnwritableError extends LockstepError {
  constructor(path: string, cause: unknown) {
    const reason = reasonOf(cause);
    super("FileUnwritableError", `${path} can't be written (${reason})`, { path, reason }, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
}
