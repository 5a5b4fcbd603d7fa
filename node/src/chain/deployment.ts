/**
 * Where the contracts of a chain are: `deployments/<chainId>.json`, written by the deployment script and read by node
 * and indexer at run time.
 */
import { readFileSync } from "node:fs";
import { isAddress, type Address } from "viem";
import { z } from "zod";
import { LockstepError } from "../float/errors.ts";

const address = z.string().refine((text): text is Address => isAddress(text, { strict: false }), "not an address");

const schema = z.object({
  chainId: z.int().positive(),
  startBlock: z.int().nonnegative(),
  contracts: z.object({
    Token: address,
    ProgramRegistry: address,
    ClaimRegistry: address,
    DisputeGame: address,
    TaskMarket: address,
    Referee: address,
    StructureReferee: address,
  }),
});

/** The contracts of one chain and the block from which their events are read. */
export type Deployment = z.infer<typeof schema>;

/** Reads and checks a deployment file. */
export function readDeployment(path: string): Deployment {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new DeploymentError(path, "it can't be read", cause);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DeploymentError(path, "it is not JSON", cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new DeploymentError(path, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

/** A deployment file is missing or malformed. */
export class DeploymentError extends LockstepError {
  constructor(path: string, rule: string, cause: unknown) {
    super("DeploymentError", `Deployment file ${path}: ${rule}`, { path, rule }, { cause });
  }
}
