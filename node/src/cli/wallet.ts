/** The account a command acts with: the keystore in its home folder, opened with the password file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PrivateKeyAccount } from "viem/accounts";
import { openDatabase } from "../chain/database.ts";
import { createKeystore, openKeystore, readPassword } from "../chain/keystore.ts";
import { Sender } from "../chain/sender.ts";
import { text, type Flag, type Input } from "./command.ts";
import type { Network } from "./network.ts";

/** The flags of every command that signs. */
export const WALLET_FLAGS: readonly Flag[] = [
  { flag: "--home <folder>", summary: "the node's folder: keystore, state and content (setting LOCKSTEP_HOME)" },
  { flag: "--password-file <file>", summary: "file with the keystore's password (setting LOCKSTEP_PASSWORD_FILE)" },
];

/** The home folder of a command: its flag, the setting, or the requester's folder of a local network. */
export function homeOf(input: Input): string {
  const dir = text(input, "dir") ?? ".lockstep";
  return text(input, "home") ?? process.env["LOCKSTEP_HOME"] ?? join(dir, "nodes", "requester");
}

/** Opens the home's keystore, or makes one there first where `create` says so. */
export async function openAccount(input: Input, create = false): Promise<PrivateKeyAccount> {
  const home = homeOf(input);
  const path = join(home, "keystore.json");
  const password = readPassword(text(input, "passwordFile") ?? process.env["LOCKSTEP_PASSWORD_FILE"] ?? beside(home));
  return create && !existsSync(path) ? createKeystore(path, password) : openKeystore(path, password);
}

/** A sender for one command. Its record of sent transactions is kept in memory: a command waits for what it sends. */
export async function openSender(input: Input, network: Network): Promise<Sender> {
  const account = await openAccount(input);
  const database = await openDatabase(":memory:");
  return new Sender({ client: network.client, account, database, log: input.log });
}

// A local network keeps its throw-away password beside the keystore it is for.
function beside(home: string): string | undefined {
  const path = join(home, "password");
  return existsSync(path) ? path : undefined;
}
