/** What a command needs to read the chain and run programs once: a mirror in memory, the home's content, known peers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { multiaddr } from "@multiformats/multiaddr";
import { openDatabase, type NodeDatabase } from "../chain/database.ts";
import { watchedContracts } from "../chain/protocol.ts";
import { ChainReader, type Head } from "../chain/reader.ts";
import { sharedHost } from "../host/index.ts";
import { ContentExchange } from "../net/content.ts";
import { startPeer } from "../net/peer.ts";
import { ContentStore } from "../roles/content-store.ts";
import { Programs } from "../roles/programs.ts";
import { Runs } from "../roles/runs.ts";
import type { Input } from "./command.ts";
import type { Network } from "./network.ts";
import { homeOf } from "./wallet.ts";

/** Mirrors the chain up to its head into memory. */
export async function readMirror(network: Network, input: Input): Promise<{ database: NodeDatabase; head: Head }> {
  const database = await openDatabase(":memory:");
  const { client, deployment, protocol } = network;
  const contracts = watchedContracts(protocol);
  const reader = new ChainReader({ client, database, contracts, startBlock: deployment.startBlock, log: input.log });
  return { database, head: await reader.advance() };
}

export interface Workbench {
  database: NodeDatabase;
  programs: Programs;
  runs: Runs;
  close(): Promise<void>;
}

/** Opens a workbench; close it to leave the network. */
export async function openWorkbench(network: Network, input: Input): Promise<Workbench> {
  const { database } = await readMirror(network, input);
  const store = new ContentStore(join(homeOf(input), "content"), input.log);
  const folder = mkdtempSync(join(tmpdir(), "lockstep-peer-"));
  const peer = await startPeer({ keyFile: join(folder, "peer.key"), listen: [], peers: [] });
  await Promise.allSettled(
    network.peers.map((address) => peer.dial(multiaddr(address), { signal: AbortSignal.timeout(3_000) })),
  );
  const exchange = new ContentExchange({
    libp2p: peer,
    source: { bytes: () => Promise.resolve(undefined), leaves: () => Promise.resolve(undefined) },
    log: input.log,
  });
  const programs = new Programs({ database, store, exchange, log: input.log });
  return {
    database,
    programs,
    runs: new Runs({ database, programs, store, exchange, engine: sharedHost().engine }),
    async close() {
      programs.stop();
      await peer.stop();
      await database.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
