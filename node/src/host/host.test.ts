import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createHost, sharedHost } from "./index.ts";

describe("host", () => {
  it("runs compiled programs where this process can", () => {
    assert.notEqual(createHost().tier, "interpreted");
    assert.equal(sharedHost(), sharedHost());
  });
});
