// Where PGlite keeps the tables of one history: one folder for each combination of chain, deployment and code. Ponder
// refuses a database that other code wrote, and cannot see that a local chain with the same contracts began anew; both
// just start an empty database here, since everything in it follows from the chain.
import { createHash } from "node:crypto";
import { existsSync, globSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createPublicClient, http } from "viem";
import { IndexerSettingsError, type Settings } from "./settings.ts";

/** Name of a database's folder; others in the directory are left alone. */
const FOLDER = /^pglite-[0-9a-f]{16}$/;

/** The database for Ponder's configuration. `abis` and the files of `root` that Ponder hashes tell the code's version. */
export async function chooseDatabase({ database, deployment, rpcUrl }: Settings, root: string, abis: unknown) {
  const identity = await readIdentity(rpcUrl, deployment);
  if (database.kind === "postgres") return database;
  const hash = createHash("sha256").update(JSON.stringify([identity, deployment, abis]));
  for (const file of globSync("{ponder.schema.ts,src/*.ts}", { cwd: root }).toSorted()) {
    hash.update(readFileSync(join(root, file)));
  }
  const folder = `pglite-${hash.digest("hex").slice(0, 16)}`;
  if (existsSync(database.directory)) {
    const stale = readdirSync(database.directory).filter((name) => FOLDER.test(name) && name !== folder);
    for (const name of stale) rmSync(join(database.directory, name), { recursive: true, force: true });
  }
  return { kind: "pglite", directory: join(database.directory, folder) } as const;
}

/** Hash of the start block: it has the time of the deployment in it. */
async function readIdentity(rpcUrl: string, { chainId, startBlock }: Settings["deployment"]): Promise<string> {
  const client = createPublicClient({ transport: http(rpcUrl) });
  let found: number;
  let head: bigint;
  try {
    [found, head] = await Promise.all([client.getChainId(), client.getBlockNumber()]);
  } catch (cause) {
    throw new IndexerSettingsError("RPC_URL", "must answer", cause);
  }
  if (found !== chainId) throw new IndexerSettingsError("RPC_URL", `must be of chain ${chainId}, is of ${found}`);
  if (head < BigInt(startBlock)) {
    throw new IndexerSettingsError("startBlock", `must be on the chain, which ends at block ${head}`);
  }
  return (await client.getBlock({ blockNumber: BigInt(startBlock) })).hash;
}
