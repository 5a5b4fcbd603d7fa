/**
 * The players of a dispute as pure functions of what is on the chain and of a run: no chain, no input or output, no clock of
 * their own. The node's roles send what they say; fuzzers and tests play with them, a dishonest player being an honest
 * one with a run that holds a lie.
 */
export * from "./moves.ts";
export * from "./claimant.ts";
export * from "./challenger.ts";
export * from "./supply.ts";
export * from "./watchtower.ts";
