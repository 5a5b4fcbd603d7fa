// The engines that are measured, as far as this host has them.
import type { Engine } from "@lockstep/node/engine";
import { createHost } from "@lockstep/node/host";

export const TIERS = ["wasm", "revec", "addon"] as const;
export type Tier = (typeof TIERS)[number];

export const THREADS = [1, 2] as const;

/** An engine of a tier, or null where this host has none or it does not pass its test. */
export function engineOf(tier: Tier, threads: number): Engine | null {
  const host = createHost({ tier, threads });
  return host.tier === tier && host.threads === threads ? host.engine : null;
}
