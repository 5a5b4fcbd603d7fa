/**
 * The models of `lockstep dispute fuzz`: small ones that together lower to every kind of primitive there is, networks of the
 * known families, hand-built programs for forms that no operator lowers to, and random programs. A kind makes a model anew for
 * every run, from that run's stream alone.
 */
import type { Kind } from "./model.ts";
import { NETWORK_KINDS } from "./networks.ts";
import { OPERATOR_KINDS } from "./operators.ts";
import { PROGRAM_KINDS } from "./programs.ts";

/** Every kind, by its name in the report. */
export const FUZZ_KINDS: Readonly<Record<string, Kind>> = { ...OPERATOR_KINDS, ...NETWORK_KINDS, ...PROGRAM_KINDS };
