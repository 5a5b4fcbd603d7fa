import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { LockstepError } from "./errors.ts";

class LengthMismatchError extends LockstepError {
  constructor(expected: number, found: bigint, cause?: unknown) {
    super("LengthMismatchError", `expected ${expected}, found ${found}`, { expected, found }, { cause });
  }
}

describe("LockstepError", () => {
  it("carries its name, values and cause", () => {
    const cause = new Error("below");
    const error = new LengthMismatchError(3, 4n, cause);
    assert.equal(error.name, "LengthMismatchError");
    assert.deepEqual(error.values, { expected: 3, found: 4n });
    assert.equal(error.cause, cause);
    assert.ok(error instanceof Error);
  });

  it("serialises bigints, bytes and nested errors", () => {
    const inner = new LengthMismatchError(1, 2n);
    const error = new LockstepError("Outer", "outer", { inner, bytes: new Uint8Array([1, 2]), list: [5n], none: null });
    assert.deepEqual(JSON.parse(JSON.stringify(error)), {
      name: "Outer",
      message: "outer",
      values: { inner: inner.toJSON(), bytes: [1, 2], list: ["5"], none: null },
    });
    assert.equal(inner.toJSON().values.found, "2");
  });

  it("has no cause unless one is given", () => {
    assert.equal("cause" in new LockstepError("Bare", "bare", {}), false);
  });
});
