import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { multiaddr } from "@multiformats/multiaddr";
import type { Libp2p } from "@libp2p/interface";
import { silent, temporaryFolder } from "../chain/test-chain.ts";
import { recurrent, runFixture } from "../engine/fixtures.ts";
import { findFraud, FRAUD, traceRootOf, type Run, type Tamper } from "../engine/index.ts";
import { ContentExchange, type ContentSource } from "../net/content.ts";
import { startPeer } from "../net/peer.ts";
import { ContentStore } from "./content-store.ts";
import { fetchFraud } from "./remote-trace.ts";
import { ServedContent } from "./runs.ts";
import { serveTrace } from "./trace-content.ts";

const STEPS = 3;
const FIXTURE = recurrent(600);
const LIE: Tamper = { step: 1, primitive: 0, element: 300, xor: 1 };

describe("a trace fetched from its claimant", { timeout: 60_000 }, () => {
  const folder = temporaryFolder("remote-trace");
  const honest = runFixture(FIXTURE, STEPS);
  const lying = runFixture(FIXTURE, STEPS, { tamper: LIE });
  const traceRoot = traceRootOf(lying);
  const peers: Libp2p[] = [];
  let serving: Libp2p;

  before(async () => {
    serving = await serve(traceOf(lying));
  });
  after(async () => {
    for (const peer of peers) await peer.stop();
    folder.remove();
  });

  async function start(source: ContentSource): Promise<{ peer: Libp2p; exchange: ContentExchange }> {
    const keyFile = `${folder.path}/peer-${peers.length}.key`;
    const peer = await startPeer({ keyFile, listen: ["/ip4/127.0.0.1/tcp/0"], peers: [] });
    peers.push(peer);
    const exchange = new ContentExchange({ libp2p: peer, source, log: silent });
    await exchange.start();
    return { peer, exchange };
  }

  const serve = async (source: ContentSource) => (await start(source)).peer;

  function traceOf(run: Run): ServedContent {
    const served = new ServedContent(new ContentStore(`${folder.path}/content`));
    serveTrace(served.part("claim"), run);
    return served;
  }

  const nothing: ContentSource = { bytes: () => Promise.resolve(undefined), leaves: () => Promise.resolve(undefined) };

  // What a verifier with the honest run finds about a claim, asking these peers in this order.
  async function found(root: typeof traceRoot, from: readonly Libp2p[], milliseconds = 20_000) {
    const { peer, exchange } = await start(nothing);
    for (const one of from) await peer.dial(multiaddr(one.getMultiaddrs()[0]?.toString() ?? ""));
    return fetchFraud(exchange, honest, root, silent, milliseconds);
  }

  it("proves the first wrong number, wherever it is", async () => {
    assert.deepEqual(await found(traceRoot, [serving]), findFraud(honest, lying));
    const lies: [Tamper, number][] = [
      [{ step: 0, primitive: 2, element: 0, xor: 0x80000000 }, FRAUD.badElement],
      [{ step: 2, item: 0, element: 599, xor: 1 }, FRAUD.badSlot],
    ];
    for (const [tamper, kind] of lies) {
      const run = runFixture(FIXTURE, STEPS, { tamper });
      const fraud = await found(traceRootOf(run), [await serve(traceOf(run))]);
      assert.equal(fraud?.kind, kind);
      assert.deepEqual(fraud, findFraud(honest, run));
    }
  });

  it("finds nothing in a claim that is right, and needs no peer for it", async () => {
    assert.equal(await found(traceRootOf(honest), []), undefined);
    assert.equal(await found(traceRootOf(honest), [serving]), undefined);
  });

  it("finds nothing where nobody serves it, or only the trace of another run is served", async () => {
    assert.equal(await found(traceRoot, []), undefined);
    assert.equal(await found(traceRoot, [await serve(nothing), await serve(traceOf(honest))]), undefined);
  });

  it("takes nothing forged: a liar alone gives nothing, and beside the claimant it changes nothing", async () => {
    const right = traceOf(lying);
    const forgeries: ContentSource[] = [
      // The honest words under the lying roots, as if there were no lie.
      { bytes: (root, length) => right.bytes(root, length), leaves: () => traceOf(honest).leaves(traceRootOf(honest)) },
      {
        bytes: (root, length) => right.bytes(root, length),
        leaves: async (root) => (await right.leaves(root))?.toReversed(),
      },
      {
        bytes: (root, length) => right.bytes(root, length),
        leaves: async (root) => (await right.leaves(root))?.slice(1),
      },
      {
        bytes: async (root, length) => (await right.bytes(root, length))?.map((byte) => byte ^ 1),
        leaves: (root) => right.leaves(root),
      },
      {
        bytes: async (root, length) => (await right.bytes(root, length))?.slice(4),
        leaves: (root) => right.leaves(root),
      },
    ];
    for (const source of forgeries) {
      const liar = await serve(source);
      assert.equal(await found(traceRoot, [liar]), undefined);
      assert.deepEqual(await found(traceRoot, [liar, serving]), findFraud(honest, lying));
    }
  });

  it("gives up on a peer that never answers when its time is over", async () => {
    const never: ContentSource = { bytes: () => new Promise(() => {}), leaves: () => new Promise(() => {}) };
    const started = performance.now();
    assert.equal(await found(traceRoot, [await serve(never)], 500), undefined);
    assert.ok(performance.now() - started < 5_000);
  });

  it("is walked on chain when the claimant stops serving half way", async () => {
    const right = traceOf(lying);
    let answers = 0;
    const half: ContentSource = {
      bytes: () => Promise.resolve(undefined),
      leaves: (root) => (++answers > 2 ? Promise.resolve(undefined) : right.leaves(root)),
    };
    assert.equal(await found(traceRoot, [await serve(half)]), undefined);
    assert.equal(answers, 3);
  });
});
