/**
 * Keys at rest: encrypted JSON keystores (Web3 Secret Storage v3, scrypt), through ethers. A private key exists in
 * memory only; passwords come from a file, never from an argument.
 */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Wallet } from "ethers";
import type { Hex } from "viem";
import { privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { LockstepError } from "../float/errors.ts";

/** Makes a new key, writes its keystore (mode 0600) and returns the account. Refuses to overwrite. */
export async function createKeystore(path: string, password: string): Promise<PrivateKeyAccount> {
  const key: Hex = `0x${randomBytes(32).toString("hex")}`;
  const json = await new Wallet(key).encrypt(password);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Linked in place once it is whole: a kill leaves no half of a keystore, and a link never replaces a file.
  const unfinished = `${path}.${randomBytes(8).toString("hex")}.part`;
  try {
    writeFileSync(unfinished, json, { mode: 0o600, flag: "wx", flush: true });
    linkSync(unfinished, path);
  } catch (cause) {
    throw new KeystoreError(path, "it exists already or can't be written", cause);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return privateKeyToAccount(key);
}

/** Decrypts a keystore. */
export async function openKeystore(path: string, password: string): Promise<PrivateKeyAccount> {
  let json: string;
  try {
    json = readFileSync(path, "utf8");
  } catch (cause) {
    throw new KeystoreError(path, "it can't be read", cause);
  }
  try {
    const wallet = await Wallet.fromEncryptedJson(json, password);
    return privateKeyToAccount(wallet.privateKey as Hex);
  } catch (cause) {
    throw new KeystoreError(path, "the password is wrong or the file is no keystore", cause);
  }
}

/** Reads the password from the file named by the setting LOCKSTEP_PASSWORD_FILE or the option that overrides it. */
export function readPassword(path: string | undefined): string {
  if (path === undefined) throw new PasswordMissingError();
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new KeystoreError(path, "the password file can't be read", cause);
  }
}

/** A keystore or password file can't be used. The message never holds its content. */
export class KeystoreError extends LockstepError {
  constructor(path: string, rule: string, cause: unknown) {
    // ethers puts what it was given in its errors; only the class of the cause is kept.
    const reason = cause instanceof Error ? cause.name : "unknown";
    super("KeystoreError", `Keystore ${path}: ${rule}`, { path, rule, reason });
  }
}

/** No password file is named. */
export class PasswordMissingError extends LockstepError {
  constructor() {
    super("PasswordMissingError", "Name the file that holds the keystore's password in LOCKSTEP_PASSWORD_FILE", {});
  }
}
