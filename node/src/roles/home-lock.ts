/**
 * One process a home: two would share a peer id, a database and an account's nonces. The lock is an open transaction on a
 * file of its own, so the kernel frees it however the process ends.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LockstepError } from "../float/errors.ts";

/** Takes the home for this process until the returned function is called. Throws HomeInUseError. */
export function lockHome(home: string): () => void {
  const file = new DatabaseSync(join(home, "lock.db"));
  try {
    file.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
  } catch (cause) {
    file.close();
    throw new HomeInUseError(home, cause);
  }
  return () => file.close();
}

/** Another process works in this home. */
export class HomeInUseError extends LockstepError {
  constructor(home: string, cause: unknown) {
    super("HomeInUseError", `A node is running in ${home}; stop it, or choose another --home`, { home }, { cause });
  }
}
