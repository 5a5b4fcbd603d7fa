// The totals of a deployment before its first event.
import type { totals } from "../ponder.schema.ts";

export const NO_TOTALS: Omit<typeof totals.$inferSelect, "id"> = {
  programs: 0,
  tasks: 0,
  claims: 0,
  finalClaims: 0,
  slashedClaims: 0,
  forfeitedClaims: 0,
  voidedClaims: 0,
  disputes: 0,
  openDisputes: 0,
  moves: 0,
  burntWei: 0n,
};
