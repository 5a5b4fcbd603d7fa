import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { peerIdOf, startPeer } from "./peer.ts";

describe("peer key", () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-peer-"));
  after(() => rmSync(folder, { recursive: true }));

  it("is made once and stays the same, for one that asks later and for many at once", async () => {
    const path = join(folder, "home", "peer.key");
    const ids = await Promise.all(Array.from({ length: 5 }, () => peerIdOf(path)));
    assert.deepEqual(new Set(ids), new Set([await peerIdOf(path)]));
    assert.match(ids[0] ?? "", /^12D3KooW/);
  });

  it("is refused when its file is empty, cut short or something else, and is left as it is", async () => {
    const path = join(folder, "peer.key");
    await peerIdOf(path);
    const whole = readFileSync(path);
    for (const bytes of [
      new Uint8Array(0),
      whole.subarray(0, 20),
      Buffer.from("no key"),
      new Uint8Array(68).fill(255),
    ]) {
      writeFileSync(path, bytes);
      const rule = { name: "PeerKeyError", message: `${path} holds no peer key; delete it to get a new one` };
      await assert.rejects(peerIdOf(path), rule);
      await assert.rejects(startPeer({ keyFile: path, listen: [], peers: [] }), rule);
      assert.deepEqual(readFileSync(path), Buffer.from(bytes));
    }
  });

  it("is refused when its file is a folder", async () => {
    const path = join(folder, "folder.key");
    mkdirSync(path);
    await assert.rejects(peerIdOf(path), { name: "PeerKeyError" });
  });
});
