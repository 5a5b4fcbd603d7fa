// Cursors, page sizes and scalars.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cursorOf, InvalidArgumentError, readPage, scalars } from "./arguments.ts";

describe("arguments", () => {
  it("reads back every cursor it gave", () => {
    for (const order of [0n, 1n, 2n ** 64n, 2n ** 256n - 1n]) {
      assert.deepEqual(readPage("claims", { first: 100, after: cursorOf("claims", order) }), {
        first: 100,
        after: order,
      });
    }
    assert.deepEqual(readPage("claims", { first: null, after: null }), { first: 20, after: undefined });
  });

  const encoded = (text: string) => Buffer.from(text).toString("base64url");
  for (const after of [
    "",
    "claims:1",
    encoded("claims:"),
    encoded("claims:-1"),
    encoded("claims:01"),
    encoded("tasks:1"),
  ]) {
    it(`refuses the cursor ${JSON.stringify(after)}`, () => {
      assert.throws(() => readPage("claims", { after }), InvalidArgumentError);
    });
  }
  it("refuses a cursor beyond the database's numbers, and one in another spelling", () => {
    assert.throws(() => readPage("claims", { after: encoded(`claims:${"9".repeat(79)}`) }), InvalidArgumentError);
    assert.throws(() => readPage("claims", { after: `${cursorOf("claims", 1n)}=` }), InvalidArgumentError);
  });

  it("refuses pages of other than 1 to 100", () => {
    for (const first of [0, -1, 101, 1.5, Number.NaN, "5"]) {
      assert.throws(() => readPage("claims", { first }), InvalidArgumentError);
    }
  });

  it("cuts a long value in what it answers", () => {
    assert.throws(
      () => scalars.Hash.parseValue("x".repeat(1000)),
      (error) =>
        error instanceof InvalidArgumentError &&
        JSON.stringify(error.extensions).length < 300 &&
        error.extensions["name"] === "InvalidArgumentError",
    );
  });

  it("serialises numbers beyond doubles, and refuses other forms", () => {
    assert.equal(scalars.BigInt.serialize(2n ** 256n - 1n), String(2n ** 256n - 1n));
    assert.equal(scalars.Address.parseValue(`0x${"AB".repeat(20)}`), `0x${"ab".repeat(20)}`);
    for (const value of [-1n, 1.5, "0x1"]) assert.throws(() => scalars.BigInt.serialize(value), InvalidArgumentError);
    for (const value of ["0x", `0x${"0".repeat(63)}`, "0".repeat(64), 7, null, {}]) {
      assert.throws(() => scalars.Hash.parseValue(value), InvalidArgumentError);
    }
  });
});
