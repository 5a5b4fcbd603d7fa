/**
 * What a node holds and serves: files named by the Merkle root and the length of their bytes, in one folder. The length is
 * part of the name because zeros at the end of the last chunk are the same to the root: a file never takes another's
 * place. The root is checked again when a file is read, and a file that changed is not held.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { treeRoot, type Hash } from "../merkle/index.ts";
import { bytesTree } from "../net/content.ts";

/** Files by root and length under one folder. */
export class ContentStore {
  /** Where the files are. */
  readonly folder: string;
  readonly #log: Logger | undefined;

  constructor(folder: string, log?: Logger) {
    this.folder = folder;
    this.#log = log;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Stores bytes and returns their root. Atomic: a kill or a power cut leaves the old file or the new one. */
  async put(bytes: Uint8Array): Promise<Hash> {
    const root = treeRoot(bytesTree(bytes));
    await this.keep(root, bytes);
    return root;
  }

  /** Stores bytes whose root was checked before. */
  async keep(root: Hash, bytes: Uint8Array): Promise<void> {
    const path = this.#path(root, bytes.length);
    // The same bytes may be put twice at once.
    const unfinished = `${path}.${randomUUID()}.part`;
    await writeFile(unfinished, bytes, { mode: 0o600, flush: true });
    await rename(unfinished, path);
  }

  /** Whether there is a file of that name and length; only reading it shows whether it is unchanged. */
  async has(root: Hash, length: number): Promise<boolean> {
    for (const path of this.#paths(root, length)) {
      try {
        if ((await stat(path)).size === length) return true;
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    }
    return false;
  }

  /**
   * The `length` bytes under a root, or undefined when they are not held. A file that changed is deleted, to be fetched
   * again.
   */
  async get(root: Hash, length: number): Promise<Uint8Array | undefined> {
    for (const path of this.#paths(root, length)) {
      const bytes = await this.#read(path, root);
      if (bytes?.length === length) return bytes;
    }
    return undefined;
  }

  async #read(path: string, root: Hash): Promise<Uint8Array | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
    const found = treeRoot(bytesTree(bytes));
    if (found === root) return bytes;
    this.#log?.warn({ path, root, found }, "a stored file changed on disk; deleting it");
    await rm(path, { force: true });
    return undefined;
  }

  // Files were named by their root alone once: such a file is found where its length is the one asked for.
  #paths(root: Hash, length: number): string[] {
    return [this.#path(root, length), join(this.folder, root.slice(2))];
  }

  #path(root: Hash, length: number): string {
    return join(this.folder, `${root.slice(2)}-${length}`);
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
