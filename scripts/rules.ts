// Which rules a chain runs by, asked with code that only they can run. The contracts need CLZ (EIP-7939, Osaka) or, compiled
// without it, MCOPY (EIP-5656). Refuses a chain on which neither works.
import type { Hex, PublicClient } from "viem";
import { LockstepError } from "@lockstep/node/float/errors";

/** The two builds of the contracts, by the rules they need; the newer first. */
export const RULES = ["osaka", "prague"] as const;
export type Rules = (typeof RULES)[number];

export const isRules = (text: string): text is Rules => RULES.some((rules) => rules === text);

/** Init codes that return what the opcode gives as the contract's code, and what that must be. */
const PROBES: readonly { rules: Rules; code: Hex; answer: Hex }[] = [
  // PUSH1 1 CLZ PUSH0 MSTORE PUSH1 32 PUSH0 RETURN: one has 255 leading zeros.
  { rules: "osaka", code: "0x60011e5f5260205ff3", answer: `0x${"00".repeat(31)}ff` },
  // PUSH1 5 PUSH0 MSTORE, MCOPY of that word to 32, and back out.
  { rules: "prague", code: "0x60055f5260205f60205e60206020f3", answer: `0x${"00".repeat(31)}05` },
];

/** The newest rules that the chain runs. */
export async function rulesOf(client: Pick<PublicClient, "call" | "getChainId">): Promise<Rules> {
  const causes: unknown[] = [];
  for (const { rules, code, answer } of PROBES) {
    try {
      const { data } = await client.call({ data: code });
      if (data === answer) return rules;
      causes.push(data);
    } catch (error) {
      // An endpoint that does not answer at all is not a chain without the opcode.
      await client.getChainId();
      causes.push(error);
    }
  }
  throw new RulesUnsupportedError(await client.getChainId(), causes);
}

/** The build to deploy: the one asked for if the chain runs it, else the newest that it runs. */
export async function chooseRules(client: Pick<PublicClient, "call" | "getChainId">, wanted?: Rules): Promise<Rules> {
  const there = await rulesOf(client);
  if (wanted === "osaka" && there !== "osaka") throw new RulesNotThereError(await client.getChainId(), wanted, there);
  return wanted ?? there;
}

/** The chain lacks the opcode that the build asked for needs. */
export class RulesNotThereError extends LockstepError {
  constructor(chainId: number, wanted: Rules, there: Rules) {
    const message = `Chain ${chainId} runs the ${there} build of the contracts, not the ${wanted} one`;
    super("RulesNotThereError", message, { chainId, wanted, there });
  }
}

/** The chain runs neither build of the contracts. */
export class RulesUnsupportedError extends LockstepError {
  constructor(chainId: number, causes: unknown[]) {
    const message = `Chain ${chainId} has neither CLZ (EIP-7939) nor MCOPY (EIP-5656): the contracts cannot run there`;
    super("RulesUnsupportedError", message, { chainId }, { cause: causes });
  }
}
