import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { pino } from "pino";
import { temporaryFolder } from "../chain/test-chain.ts";
import { ContentStore } from "./content-store.ts";
import { hashOf } from "./test-events.ts";

describe("content store", () => {
  const folder = temporaryFolder("content");
  after(() => folder.remove());
  const path = join(folder.path, "deep", "content");
  const store = new ContentStore(path);

  it("gives back what was put, by its root, also to another store on the same folder", async () => {
    for (const length of [0, 1, 1024, 1025, 5000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (7 * index) % 251);
      const root = await store.put(bytes);
      assert.deepEqual(new Uint8Array((await new ContentStore(path).get(root, length)) ?? []), bytes);
    }
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  it("keeps files apart that share a root, as zeros at the end do not change it", async () => {
    const short = new Uint8Array(1056).fill(5);
    const long = new Uint8Array(1060);
    long.set(short);
    const root = await store.put(short);
    assert.equal(await store.put(long), root);
    assert.deepEqual(new Uint8Array((await store.get(root, 1056)) ?? []), short);
    assert.deepEqual(new Uint8Array((await store.get(root, 1060)) ?? []), long);
    assert.equal(await store.get(root, 1064), undefined);
  });

  it("finds a file that is named by its root alone where its length is the one asked for", async () => {
    const bytes = new Uint8Array(1500).fill(6);
    const root = await store.put(bytes);
    renameSync(join(path, `${root.slice(2)}-1500`), join(path, root.slice(2)));
    assert.deepEqual(new Uint8Array((await store.get(root, 1500)) ?? []), bytes);
    assert.equal(await store.get(root, 1504), undefined);
    await store.put(Uint8Array.from({ length: 1504 }, (_, index) => (index < 1500 ? 6 : 0)));
    assert.equal((await store.get(root, 1500))?.length, 1500);
    assert.equal((await store.get(root, 1504))?.length, 1504);
  });

  it("does not have what nobody put there", async () => {
    assert.equal(await store.get(hashOf("nothing"), 4), undefined);
  });

  it("takes the same bytes many times at once", async () => {
    const bytes = new Uint8Array(3000).fill(9);
    const roots = await Promise.all(Array.from({ length: 20 }, () => store.put(bytes)));
    assert.equal(new Set(roots).size, 1);
    assert.deepEqual(
      readdirSync(path).filter((name) => name.endsWith(".part")),
      [],
    );
  });

  it("does not have a file that was changed: deletes it, says so, and takes it back", async () => {
    const lines: string[] = [];
    const logging = new ContentStore(path, pino({ base: undefined }, { write: (line: string) => lines.push(line) }));
    const bytes = new Uint8Array(2000).fill(3);
    const root = await logging.put(bytes);
    const file = join(path, `${root.slice(2)}-2000`);
    const changed = readFileSync(file);
    changed[1999] ^= 1;
    for (const content of [changed, changed.subarray(0, 1024), new Uint8Array(0)]) {
      writeFileSync(file, content);
      assert.equal(await logging.get(root, 2000), undefined);
      assert.equal(existsSync(file), false);
      assert.deepEqual(pick(lines.pop()), [file, root]);
      await logging.put(bytes);
      assert.equal((await logging.get(root, 2000))?.length, 2000);
    }
    writeFileSync(file, changed);
    assert.equal(await store.get(root, 2000), undefined); // without a log too
    assert.deepEqual(lines, []);
  });

  it("does not hide what is wrong with the folder", async () => {
    mkdirSync(join(path, hashOf("a folder").slice(2)));
    await assert.rejects(store.get(hashOf("a folder"), 4), { code: "EISDIR" });
  });
});

function pick(line: string | undefined): unknown[] {
  const { path, root } = JSON.parse(line ?? "{}") as Record<string, unknown>;
  return [path, root];
}
