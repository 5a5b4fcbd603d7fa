/** What a command throws that was told to stop. */
import { LockstepError } from "../float/errors.ts";

/** Stopped from outside before it was done. */
export class StoppedError extends LockstepError {
  constructor() {
    super("StoppedError", "Stopped before it was done", {});
  }
}
