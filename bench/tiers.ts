// The engines that are measured, as far as this host has them.
import { createWasmEngine, type Engine } from "@lockstep/node/engine";

export const TIERS = ["wasm", "revec", "addon"] as const;
export type Tier = (typeof TIERS)[number];

export const THREADS = [1, 2] as const;

/** An engine of a tier, or null where this host has none. */
export async function engineOf(tier: Tier, threads: number): Promise<Engine | null> {
  return tier === "wasm" && threads === 1 ? createWasmEngine() : null;
}
