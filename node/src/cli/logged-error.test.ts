import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { pino } from "pino";
import { createPublicClient, http } from "viem";
import { LockstepError } from "../float/errors.ts";
import { loggedError } from "./logged-error.ts";

const SECRET = "0123456789abcdef";

// Everything that a log line would hold of an error.
function logged(error: unknown): Record<string, unknown> {
  let line = "";
  const log = pino({ serializers: { error: loggedError } }, { write: (text: string) => (line += text) });
  log.error({ error });
  assert.ok(!line.includes(SECRET), line);
  return (JSON.parse(line) as { error: Record<string, unknown> }).error;
}

async function failureOf(url: string): Promise<unknown> {
  const client = createPublicClient({ transport: http(url, { retryCount: 0, timeout: 1_000 }) });
  return client.getBlockNumber().then(
    () => assert.fail("an answer"),
    (error: unknown) => error,
  );
}

describe("logged errors", () => {
  it("say what an endpoint answered, never its address", async () => {
    const server = createServer((_request, response) => response.writeHead(403).end("no more credits")).listen(0);
    const { port } = server.address() as AddressInfo;
    const error = logged(await failureOf(`http://127.0.0.1:${port}/v2/${SECRET}`));
    server.close();
    assert.deepEqual(Object.keys(error).sort(), ["details", "name", "shortMessage"]);
    assert.equal(error["name"], "HttpRequestError");
    assert.match(String(error["details"]), /no more credits/);
  });

  it("say that an endpoint is away or has no address at all", async () => {
    for (const url of [`http://127.0.0.1:1/${SECRET}`, `http://[${SECRET}`, `http://127.0.0.1:99999/${SECRET}`]) {
      assert.equal(logged(await failureOf(url))["name"], "HttpRequestError");
    }
  });

  it("keep causes, with the same care", async () => {
    const cause = await failureOf(`http://127.0.0.1:1/${SECRET}`);
    const error = logged(new Error(`no answer of https://host/${SECRET}`, { cause }));
    assert.deepEqual([error["name"], error["message"]], ["Error", "no answer of [address]"]);
    assert.equal((error["cause"] as Record<string, unknown>)["name"], "HttpRequestError");
  });

  it("end where causes go round", () => {
    const error = new Error("round");
    error.cause = error;
    assert.equal(logged(error)["message"], "round");
  });

  it("keep the values of typed errors, and what is no error", () => {
    const typed = new LockstepError("SomeError", "some", { wei: 7n });
    assert.deepEqual(logged(typed), { name: "SomeError", message: "some", values: { wei: "7" } });
    assert.deepEqual(loggedError({ a: 1 }), { a: 1 });
  });
});
