/**
 * The node's libp2p host: TCP, noise, yamux, identify, ping and a list of peers to stay connected to. The peer key is
 * Ed25519 and lives beside the node's state; it signs nothing but connections.
 */
import { bootstrap } from "@libp2p/bootstrap";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { identify } from "@libp2p/identify";
import type { Libp2p, PrivateKey } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { existsSync, readFileSync } from "node:fs";
import { LockstepError } from "../float/errors.ts";
import { createWholeFile } from "../host/whole-file.ts";

export interface PeerOptions {
  /** File of the peer key; made on first use. */
  keyFile: string;
  /** Multiaddresses to listen on, such as /ip4/127.0.0.1/tcp/0. */
  listen: readonly string[];
  /** Multiaddresses of peers to connect to, with their /p2p/ id. */
  peers: readonly string[];
}

/** Starts a host. Stop it with its own `stop`. */
export async function startPeer(options: PeerOptions): Promise<Libp2p> {
  const { keyFile, listen, peers } = options;
  return createLibp2p({
    privateKey: await loadKey(keyFile),
    addresses: { listen: [...listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    peerDiscovery: peers.length === 0 ? [] : [bootstrap({ list: [...peers], timeout: 0 })],
    // Many peers may stand behind one address (a home, a data centre, this machine in a test): libp2p's default of 5 new
    // connections a second from one address turns them away.
    connectionManager: { inboundConnectionThreshold: 64 },
    services: { identify: identify(), ping: ping() },
  });
}

/** The peer id that a key file stands for; the key is made if the file is not there. */
export async function peerIdOf(keyFile: string): Promise<string> {
  return peerIdFromPrivateKey(await loadKey(keyFile)).toString();
}

async function loadKey(path: string): Promise<PrivateKey> {
  if (!existsSync(path)) createWholeFile(path, privateKeyToProtobuf(await generateKeyPair("Ed25519")));
  try {
    return privateKeyFromProtobuf(readFileSync(path));
  } catch (cause) {
    throw new PeerKeyError(path, cause);
  }
}

/** The file of a peer key can't be read or holds no key. The message never holds its content. */
export class PeerKeyError extends LockstepError {
  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.name : "unknown";
    super("PeerKeyError", `${path} holds no peer key; delete it to get a new one`, { path, reason });
  }
}
