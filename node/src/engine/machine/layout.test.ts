import assert from "node:assert/strict";
import { test } from "node:test";
import { below, createRandom } from "../../float/directed.ts";
import { createRoom } from "./layout.ts";

test("createRoom_takenAndGiven_neverOverlapsAndIsUsedAgain", () => {
  const random = createRandom(1);
  const room = createRoom(100);
  const held: { address: number; bytes: number }[] = [];
  let most = 0;
  for (let turn = 0; turn < 3000; turn++) {
    if (held.length > 0 && below(random, 2) === 0) {
      const [{ address, bytes }] = held.splice(below(random, held.length), 1);
      room.give(address, bytes);
    } else {
      const bytes = 1 + below(random, 5000);
      const address = room.take(bytes);
      assert.ok(address >= 100 && address % 64 === 0 && address + bytes <= room.end);
      for (const other of held) {
        assert.ok(address + bytes <= other.address || other.address + other.bytes <= address, `turn ${turn}`);
      }
      held.push({ address, bytes });
    }
    most = Math.max(
      most,
      held.reduce((sum, { bytes }) => sum + bytes + 64, 0),
    );
  }
  assert.ok(room.end < 3 * most, `${room.end} bytes for at most ${most}`);
  for (const { address, bytes } of held) room.give(address, bytes);
  const { end } = room;
  assert.equal(room.take(end - 128), 128);
  assert.equal(room.end, end);
});
