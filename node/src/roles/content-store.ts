/**
 * What a node holds and serves: files named by the Merkle root of their bytes, in one folder. Whatever is read back is
 * what was put there or an error: the root is checked again, since disks and people change files.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LockstepError } from "../float/errors.ts";
import { treeRoot, type Hash } from "../merkle/index.ts";
import { bytesTree } from "../net/content.ts";

/** Files by root under one folder. */
export class ContentStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Stores bytes and returns their root. Atomic: a kill leaves the old file or the new one. */
  async put(bytes: Uint8Array): Promise<Hash> {
    const root = treeRoot(bytesTree(bytes));
    const path = this.#path(root);
    // The same bytes may be put twice at once.
    const unfinished = `${path}.${randomUUID()}.part`;
    await writeFile(unfinished, bytes, { mode: 0o600 });
    await rename(unfinished, path);
    return root;
  }

  /** The bytes under a root, or undefined when they are not held. */
  async get(root: Hash): Promise<Uint8Array | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(this.#path(root));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
    const found = treeRoot(bytesTree(bytes));
    if (found !== root) throw new ContentChangedError(this.#path(root), root, found);
    return bytes;
  }

  #path(root: Hash): string {
    return join(this.#folder, root.slice(2));
  }
}

/** A stored file no longer has the root it is named by. */
export class ContentChangedError extends LockstepError {
  constructor(path: string, root: Hash, found: Hash) {
    super("ContentChangedError", `${path} changed on disk: its root is ${found}; delete it to fetch it again`, {
      path,
      root,
      found,
    });
  }
}
