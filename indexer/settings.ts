// What the indexer is told by its environment: the chain's RPC endpoint, the deployment file, where its database is.
// Everything is checked here, before Ponder starts; a missing or malformed value is an IndexerSettingsError.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";

/** Chain id of local development chains, which are reset at will. */
export const LOCAL_CHAIN_ID = 31337;

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "must be 0x and 40 hexadecimal digits")
  .transform((text) => text.toLowerCase() as `0x${string}`);

const deploymentSchema = z.object({
  chainId: z.number().int().positive(),
  startBlock: z.number().int().nonnegative(),
  contracts: z.object({
    Token: address,
    ProgramRegistry: address,
    ClaimRegistry: address,
    Referee: address,
    StructureReferee: address,
    DisputeGame: address,
    TaskMarket: address,
  }),
});

const environmentSchema = z.object({
  RPC_URL: z.string().regex(/^https?:\/\/./, "must be an http or https URL"),
  LOCKSTEP_DEPLOYMENT: z.string().min(1),
  LOCKSTEP_INDEXER_DIR: z.string().min(1).default(join(".lockstep", "indexer")),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/./, "must be a postgres URL")
    .optional(),
});

/** Contracts of one deployment and the first block that can hold their events. Addresses are in lower case. */
export type Deployment = z.infer<typeof deploymentSchema>;

export interface Settings {
  /** HTTP endpoint of the chain. */
  rpcUrl: string;
  deployment: Deployment;
  /** PostgreSQL if a connection string was given, else PGlite in a folder of `directory`. */
  database: { kind: "postgres"; connectionString: string } | { kind: "pglite"; directory: string };
}

/** A setting or the deployment file is missing or malformed; `values` names it and the rule. */
export class IndexerSettingsError extends Error {
  readonly values: { setting: string; rule: string };

  constructor(setting: string, rule: string, cause?: unknown) {
    super(`${setting}: ${rule}`, { cause });
    this.name = "IndexerSettingsError";
    this.values = { setting, rule };
  }
}

/** Reads the settings from RPC_URL, LOCKSTEP_DEPLOYMENT, LOCKSTEP_INDEXER_DIR (.lockstep/indexer) and DATABASE_URL. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) throw refusal(parsed.error);
  const { RPC_URL: rpcUrl, LOCKSTEP_DEPLOYMENT: path, LOCKSTEP_INDEXER_DIR: folder, DATABASE_URL: url } = parsed.data;
  return {
    rpcUrl,
    deployment: readDeployment(path),
    database:
      url === undefined ? { kind: "pglite", directory: resolve(folder) } : { kind: "postgres", connectionString: url },
  };
}

/** Reads deployments/<chainId>.json as the deployment script writes it. */
export function readDeployment(path: string): Deployment {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new IndexerSettingsError(path, "must be a readable JSON file", cause);
  }
  const parsed = deploymentSchema.safeParse(json);
  if (!parsed.success) throw refusal(parsed.error, path);
  return parsed.data;
}

function refusal(error: z.ZodError, path?: string): IndexerSettingsError {
  const issue = error.issues[0];
  const field = issue?.path.join(".") ?? "";
  return new IndexerSettingsError(
    path === undefined ? field : `${path} ${field}`,
    issue?.message ?? "is invalid",
    error,
  );
}
