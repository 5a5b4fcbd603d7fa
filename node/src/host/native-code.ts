/** The addon's functions as engines take them: bound to a memory by the name of an instruction set. */
import type { AttachNative } from "../engine/index.ts";
import { hasTiles, loadNative } from "./native.ts";

/** Throws RangeError where this installation has no addon, or one without that set. */
export const attachNative: AttachNative = (memory, set) => {
  const code = loadNative()?.attach(memory, set);
  if (code === undefined || !hasTiles(code)) throw new RangeError(`no native code for ${set}`);
  return code;
};
