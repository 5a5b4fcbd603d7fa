/**
 * Files that must never be half written: keys and passwords. A kill or a power cut at any moment leaves no file or a whole
 * one, and a file that is there is never replaced.
 */
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a file (mode 0600) and its folder (0700). Returns false, and writes nothing, when the file is there already. */
export function createWholeFile(path: string, content: string | Uint8Array): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${randomUUID()}.part`;
  try {
    writeFileSync(unfinished, content, { mode: 0o600, flag: "wx", flush: true });
    linkSync(unfinished, path); // unlike a rename it never replaces a file
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
}
