/**
 * A running node: one key, one database, one mirror of the chain, one peer, and the roles that decide. Started and stopped
 * as a whole; everything it must remember is in its home folder.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import type { Logger } from "pino";
import type { PublicClient } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { openDatabase } from "../chain/database.ts";
import type { Deployment } from "../chain/deployment.ts";
import { protocolOf, watchedContracts } from "../chain/protocol.ts";
import { ChainReader, type Head } from "../chain/reader.ts";
import { Sender } from "../chain/sender.ts";
import type { Engine } from "../engine/index.ts";
import { ContentExchange } from "../net/content.ts";
import { startPeer } from "../net/peer.ts";
import { ContentStore } from "./content-store.ts";
import { lockHome } from "./home-lock.ts";
import type { NodeContext, Role } from "./node-context.ts";
import { Programs } from "./programs.ts";
import { Runs, ServedContent } from "./runs.ts";

export interface DaemonOptions {
  /** Folder of the database, the content and the peer key. */
  home: string;
  client: PublicClient;
  deployment: Deployment;
  account: PrivateKeyAccount;
  /** Multiaddresses; none for a node without a network. */
  listen: readonly string[];
  peers: readonly string[];
  engine: Engine;
  log: Logger;
}

/** A started node. */
export interface Daemon {
  context: NodeContext;
  /** Its own multiaddresses. */
  addresses: readonly string[];
  stop(): Promise<void>;
}

// Seconds between attempts to reach peers that are not connected.
const REDIAL_MILLISECONDS = 3_000;
// Without a new block a role looks again this often: what it computes in the background may be done.
const IDLE_MILLISECONDS = 1_000;

/** Starts a node with the roles that `rolesOf` makes. */
export async function startDaemon(options: DaemonOptions, rolesOf: (context: NodeContext) => Role[]): Promise<Daemon> {
  const { home, client, deployment, account, engine, log } = options;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const unlock = lockHome(home);
  const database = await openDatabase(join(home, "state.db"));
  const protocol = protocolOf(deployment);
  const store = new ContentStore(join(home, "content"), log);
  const served = new ServedContent(store);
  const peer =
    options.listen.length === 0
      ? undefined
      : await startPeer({ keyFile: join(home, "peer.key"), listen: options.listen, peers: options.peers });
  const exchange = peer === undefined ? undefined : new ContentExchange({ libp2p: peer, source: served, log });
  await exchange?.start();
  const programs = new Programs({ database, store, log, ...(exchange === undefined ? {} : { exchange }) });
  const runs = new Runs({ database, programs, store, engine, ...(exchange === undefined ? {} : { exchange }) });
  const sender = new Sender({ client, account, database, log });
  const context: NodeContext = {
    client,
    database,
    protocol,
    sender,
    programs,
    runs,
    served,
    log,
    ...(exchange === undefined ? {} : { exchange }),
  };
  const reader = new ChainReader({
    client,
    database,
    contracts: watchedContracts(protocol),
    startBlock: deployment.startBlock,
    log,
  });
  const running = rolesOf(context).map((role) => {
    const loop = independently(role, log);
    reader.onHead(loop.onHead);
    return loop;
  });
  const redial = peer === undefined ? undefined : keepConnected(peer, options.peers, log);
  reader.start();
  return {
    context,
    addresses: (peer?.getMultiaddrs() ?? []).map(String),
    async stop() {
      clearInterval(redial);
      programs.stop();
      await reader.stop();
      await Promise.all(running.map(({ settled }) => settled()));
      await exchange?.stop();
      await peer?.stop();
      await database.destroy();
      unlock();
    },
  };
}

// Each role goes at its own pace: one that waits for a transaction or a peer holds up neither the mirror nor the others. A
// failed tick (an endpoint away, a full disk) is logged and tried again.
function independently(role: Role, log: Logger) {
  let tick: Promise<void> | undefined;
  let last: { number: number; at: number } = { number: -1, at: 0 };
  return {
    onHead(head: Head): Promise<void> {
      const idle = head.number === last.number && Date.now() - last.at < IDLE_MILLISECONDS;
      if (tick !== undefined || idle) return Promise.resolve();
      last = { number: head.number, at: Date.now() };
      tick = role
        .tick(head)
        .catch((error: unknown) => log.error({ role: role.name, error }, "a role failed; trying again"))
        .finally(() => {
          tick = undefined;
        });
      return Promise.resolve();
    },
    settled: async () => tick,
  };
}

// A peer that restarts is reached again.
function keepConnected(peer: Libp2p, addresses: readonly string[], log: Logger): NodeJS.Timeout {
  const dialAll = () => {
    const connected = new Set(peer.getPeers().map(String));
    for (const address of addresses) {
      const id = address.split("/p2p/")[1] ?? "";
      if (connected.has(id) || id === peer.peerId.toString()) continue;
      peer.dial(multiaddr(address), { signal: AbortSignal.timeout(REDIAL_MILLISECONDS) }).catch((error: unknown) => {
        log.debug({ address, error }, "a peer is not reachable");
      });
    }
  };
  dialAll();
  return setInterval(dialAll, REDIAL_MILLISECONDS);
}
