import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { temporaryFolder } from "../chain/test-chain.ts";
import { ContentChangedError, ContentStore } from "./content-store.ts";
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
      assert.deepEqual(new Uint8Array((await new ContentStore(path).get(root)) ?? []), bytes);
    }
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  it("does not have what nobody put there", async () => {
    assert.equal(await store.get(hashOf("nothing")), undefined);
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

  it("refuses a file that was changed, and takes it back when it is put again", async () => {
    const bytes = new Uint8Array(2000).fill(3);
    const root = await store.put(bytes);
    const file = join(path, root.slice(2));
    const changed = readFileSync(file);
    changed[1999] ^= 1;
    for (const content of [changed, changed.subarray(0, 1024), new Uint8Array(0)]) {
      writeFileSync(file, content);
      await assert.rejects(store.get(root), (error: unknown) => {
        assert.ok(error instanceof ContentChangedError);
        assert.deepEqual([error.values["path"], error.values["root"]], [file, root]);
        return true;
      });
    }
    await store.put(bytes);
    assert.equal((await store.get(root))?.length, 2000);
  });

  it("does not hide what is wrong with the folder", async () => {
    mkdirSync(join(path, hashOf("a folder").slice(2)));
    await assert.rejects(store.get(hashOf("a folder")), { code: "EISDIR" });
  });
});
