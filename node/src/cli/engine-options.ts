/** The flags that choose what runs execute on. All tiers and numbers of threads give the same bits. */
import { availableParallelism } from "node:os";
import { LockstepError } from "../float/errors.ts";
import { createHost, TIERS, type Host } from "../host/index.ts";
import { integer, OptionError, text, type Flag, type Input } from "./command.ts";

export const ENGINE_FLAGS: readonly Flag[] = [
  { flag: "--tier <tier>", summary: `${TIERS.join(", ")} (default: the fastest that passes its test here)` },
  { flag: "--threads <count>", summary: "threads of large runs (default: as many as the processor has)" },
];

/** The host that the flags name. Throws TierUnavailableError where it is not there: another would be another measurement. */
export function hostOf(input: Input): Host {
  const given = text(input, "tier");
  const tier = TIERS.find((one) => one === given);
  if (given !== undefined && tier === undefined) throw new OptionError("tier", given, TIERS.join(", "));
  const threads = integer(input, "threads", 1, 256) ?? availableParallelism();
  const host = createHost(tier === undefined ? { threads } : { tier, threads });
  if (tier !== undefined && host.tier !== tier) throw new TierUnavailableError(tier, host.tier);
  return host;
}

/** A tier that was asked for has no code on this machine, or does not give the interpreter's bits here. */
export class TierUnavailableError extends LockstepError {
  constructor(tier: string, instead: string) {
    super("TierUnavailableError", `The tier ${tier} is not to be had on this machine; ${instead} is`, {
      tier,
      instead,
    });
  }
}
