import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { after, before, describe, it } from "node:test";
import { createKeystore, KeystoreError, openKeystore, PasswordMissingError, readPassword } from "./keystore.ts";
import { temporaryFolder } from "./test-chain.ts";

const PASSWORD = "correct horse battery staple";

describe("keystore", () => {
  const folder = temporaryFolder("keystore");
  const path = join(folder.path, "deep", "keystore.json");
  let address: string;

  before(async () => {
    address = (await createKeystore(path, PASSWORD)).address;
  });
  after(() => folder.remove());

  it("gives back the account, from a file that only its owner may read", async () => {
    const account = await openKeystore(path, PASSWORD);
    assert.equal(account.address, address);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const { crypto, version } = lowerKeys(JSON.parse(readFileSync(path, "utf8")));
    assert.equal(version, 3);
    assert.equal((crypto as { kdf: string }).kdf, "scrypt");
  });

  it("refuses to overwrite and leaves the key that was there", async () => {
    const before = readFileSync(path, "utf8");
    await assert.rejects(createKeystore(path, "another"), KeystoreError);
    assert.equal(readFileSync(path, "utf8"), before);
    assert.deepEqual(readdirSync(join(folder.path, "deep")), ["keystore.json"], "no half-written file is left");
  });

  it("refuses a wrong password without a word about it or the key", async () => {
    const content = readFileSync(path, "utf8");
    await assert.rejects(openKeystore(path, "not it, secret"), (error: unknown) => {
      assert.ok(error instanceof KeystoreError);
      assert.match(error.message, /the password is wrong or the file is no keystore/);
      const shown = inspect(error, { depth: 10 }) + JSON.stringify(error.toJSON());
      assert.ok(!shown.includes("not it, secret") && !shown.includes(PASSWORD));
      const { ciphertext } = lowerKeys(JSON.parse(content)).crypto as { ciphertext: string };
      assert.ok(!shown.includes(ciphertext));
      return true;
    });
  });

  it("refuses a file that is no keystore, or is not there, without its content", async () => {
    const other = join(folder.path, "other.json");
    writeFileSync(other, "private key 0xdeadbeef");
    await assert.rejects(openKeystore(other, PASSWORD), (error: unknown) => {
      assert.ok(error instanceof KeystoreError);
      assert.ok(!inspect(error, { depth: 10 }).includes("deadbeef"));
      return true;
    });
    await assert.rejects(openKeystore(join(folder.path, "none.json"), PASSWORD), KeystoreError);
  });

  it("reads a password up to its line end, from a named file only", () => {
    const file = join(folder.path, "password");
    writeFileSync(file, " with spaces \r\n");
    assert.equal(readPassword(file), " with spaces ");
    assert.throws(() => readPassword(undefined), PasswordMissingError);
    assert.throws(() => readPassword(join(folder.path, "none")), KeystoreError);
    mkdirSync(join(folder.path, "folder"));
    assert.throws(() => readPassword(join(folder.path, "folder")), KeystoreError);
  });
});

// Some writers capitalise `Crypto`.
function lowerKeys(value: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key.toLowerCase(), item]));
}
