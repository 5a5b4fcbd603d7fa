/**
 * Content by Merkle root: what a node asks another for, and how every chunk of the answer is checked before it is kept.
 * Bytes (a model file, a tensor) are chunks of 1 KiB under the tree of docs/spec.md; a list (the nodes of a trace) is
 * its 32-byte leaves. An answer that does not hash to the root asked for is refused as it arrives, so a peer can waste
 * one frame, never plant a byte.
 */
import { lpStream, type LengthPrefixedStream } from "@libp2p/utils";
import type { Connection, Libp2p, PeerId, Stream } from "@libp2p/interface";
import type { Logger } from "pino";
import { LockstepError } from "../float/errors.ts";
import {
  buildTree,
  chunkHash,
  CHUNK_BYTES,
  fromHash,
  HASH_BYTES,
  rangeProofLength,
  rangeProofOf,
  sharedHasher,
  toHash,
  verifyRange,
  type Hash,
  type Tree,
} from "../merkle/index.ts";

export const CONTENT_PROTOCOL = "/lockstep/content/2.0.0";

/** Where a node finds what it serves. Each method answers undefined for what it does not hold. */
export interface ContentSource {
  /** The `length` bytes whose chunk tree has this root: files that differ in zeros at the end share it. */
  bytes(root: Hash, length: number): Promise<Uint8Array | undefined>;
  /** The leaves of the tree with this root: step nodes, the two roots of a step, tensor roots, chunk hashes. */
  leaves(root: Hash): Promise<readonly Hash[] | undefined>;
}

// Requests: kind, root, total (bytes or leaves), first item, item count. Answers: status, total (bytes or leaves), siblings, items.
const KIND_BYTES = 0;
const KIND_LEAVES = 1;
const REQUEST_BYTES = 1 + HASH_BYTES + 8 + 4 + 4;
const STATUS_FOUND = 0;
const STATUS_ABSENT = 1;
const STATUS_REFUSED = 2;
const ANSWER_HEADER_BYTES = 1 + 8 + 2;

/** Items of one frame: 256 chunks are 256 KiB, 8,192 leaves as much. */
const FRAME_ITEMS = { [KIND_BYTES]: 256, [KIND_LEAVES]: 8_192 } as const;
const MAX_FRAME_BYTES = 256 * CHUNK_BYTES + 64 * HASH_BYTES + ANSWER_HEADER_BYTES;
const TIMEOUT_MILLISECONDS = 15_000;

type Kind = typeof KIND_BYTES | typeof KIND_LEAVES;

export interface ContentComponents {
  libp2p: Libp2p;
  source: ContentSource;
  log: Logger;
}

/** Serves a source to peers and fetches from them. */
export class ContentExchange {
  readonly #components: ContentComponents;
  // Trees of what was last served: a large file is asked for in many frames.
  readonly #trees = new Map<
    string,
    { tree: Tree; total: number; items: (first: number, count: number) => Uint8Array }
  >();

  // Connected peers whose last answer broke a rule or never came: they are asked after the others, so that one that never
  // answers does not cost every fetch its time.
  readonly #failing = new Set<string>();

  constructor(components: ContentComponents) {
    this.#components = components;
  }

  async start(): Promise<void> {
    await this.#components.libp2p.handle(CONTENT_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: 16,
    });
  }

  async stop(): Promise<void> {
    await this.#components.libp2p.unhandle(CONTENT_PROTOCOL);
  }

  /**
   * The `length` bytes under `root`, from any connected peer. The length must be known: zeros at the end of the last chunk
   * are the same to the tree. Throws ContentUnavailableError when no peer gives them; a peer that lies is left and the
   * next is asked for the rest.
   */
  async fetchBytes(root: Hash, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const items = await this.#fetch(KIND_BYTES, root, length, signal);
    if (items.subarray(length).some((byte) => byte !== 0))
      throw new ContentRefusedError(root, "its padding is not zero");
    return items.subarray(0, length);
  }

  /**
   * The `count` leaves of the tree with this root. The count must be known: the inner nodes of a tree are the leaves of
   * a smaller one with the same root. Errors as {@link fetchBytes}.
   */
  async fetchLeaves(root: Hash, count: number, signal?: AbortSignal): Promise<Hash[]> {
    const items = await this.#fetch(KIND_LEAVES, root, count, signal);
    return Array.from({ length: count }, (_, index) => toHash(items, index * HASH_BYTES));
  }

  async #fetch(kind: Kind, root: Hash, total: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { libp2p, log } = this.#components;
    const count = itemCount(kind, total);
    const progress: Progress = { kind, root, total, count, items: new Uint8Array(count * itemBytes(kind)), done: 0 };
    const tried: { peer: string; reason: string }[] = [];
    const peers = libp2p.getPeers();
    const connected = new Set(peers.map(String));
    for (const peer of this.#failing) if (!connected.has(peer)) this.#failing.delete(peer);
    const isFailing = (peer: PeerId) => this.#failing.has(peer.toString());
    for (const peer of [...peers.filter((one) => !isFailing(one)), ...peers.filter(isFailing)]) {
      if (signal?.aborted === true) break;
      try {
        await this.#fetchFrom(peer, progress, signal);
        this.#failing.delete(peer.toString());
        return progress.items;
      } catch (error) {
        // Whatever a peer did wrong is this peer's failure only; what arrived and was checked stays.
        if (!(error instanceof ContentAbsentError)) this.#failing.add(peer.toString());
        const reason = error instanceof Error ? error.message : String(error);
        log.debug({ peer: peer.toString(), root, reason }, "content not had from this peer");
        tried.push({ peer: peer.toString(), reason });
      }
    }
    throw new ContentUnavailableError(root, tried);
  }

  async #fetchFrom(peer: PeerId, progress: Progress, outer: AbortSignal | undefined): Promise<void> {
    const signalOf = () => {
      const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
      return outer === undefined ? timeout : AbortSignal.any([outer, timeout]);
    };
    const stream = await this.#components.libp2p.dialProtocol(peer, CONTENT_PROTOCOL, { signal: signalOf() });
    try {
      const frames = lpStream(stream, { maxDataLength: MAX_FRAME_BYTES });
      while (progress.done < progress.count) {
        const signal = signalOf();
        const wanted = Math.min(FRAME_ITEMS[progress.kind], progress.count - progress.done);
        const { kind, root, total, done } = progress;
        await frames.write(encodeRequest({ kind, root, total, first: done, count: wanted }), { signal });
        takeAnswer(progress, (await frames.read({ signal })).subarray());
      }
    } finally {
      await stream.close().catch(() => stream.abort(new Error("content stream")));
    }
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const { log } = this.#components;
    const frames = lpStream(stream, { maxDataLength: REQUEST_BYTES });
    try {
      await this.#answerAll(frames);
    } catch (error) {
      // A closed stream ends here too; a malformed request costs the sender its stream, never the node.
      log.debug({ peer: connection.remotePeer.toString(), error }, "content stream ended");
      stream.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #answerAll(frames: LengthPrefixedStream): Promise<void> {
    for (;;) {
      const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
      const request = decodeRequest((await frames.read({ signal })).subarray());
      await frames.write(await this.#answer(request), { signal });
    }
  }

  async #answer({ kind, root, total, first, count }: Request): Promise<Uint8Array> {
    const held = await this.#held(kind, root, total);
    if (held === undefined) return encodeAnswer(STATUS_ABSENT, 0, [], new Uint8Array(0));
    const available = Math.min(count, held.tree.count - first);
    if (available < 1) return encodeAnswer(STATUS_REFUSED, held.total, [], new Uint8Array(0));
    const siblings = rangeProofOf(held.tree, first, available);
    return encodeAnswer(STATUS_FOUND, held.total, siblings, held.items(first, available));
  }

  async #held(kind: Kind, root: Hash, total: number) {
    // The leaves under a root are those of one list, the bytes those of as many files as there are lengths.
    const key = kind === KIND_BYTES ? `${kind}:${root}:${total}` : `${kind}:${root}`;
    const cached = this.#trees.get(key);
    if (cached !== undefined) return cached;
    const held = kind === KIND_BYTES ? await this.#heldBytes(root, total) : await this.#heldLeaves(root);
    if (held === undefined) return undefined;
    if (this.#trees.size >= 8) this.#trees.delete(this.#trees.keys().next().value ?? "");
    this.#trees.set(key, held);
    return held;
  }

  async #heldBytes(root: Hash, length: number) {
    const bytes = await this.#components.source.bytes(root, length);
    if (bytes === undefined) return undefined;
    const tree = bytesTree(bytes);
    const items = (first: number, count: number) => paddedChunks(bytes, first, count);
    return { tree, total: bytes.length, items };
  }

  async #heldLeaves(root: Hash) {
    const leaves = await this.#components.source.leaves(root);
    if (leaves === undefined) return undefined;
    const flat = new Uint8Array(leaves.length * HASH_BYTES);
    leaves.forEach((leaf, index) => flat.set(fromHash(leaf), index * HASH_BYTES));
    const items = (first: number, count: number) => flat.subarray(first * HASH_BYTES, (first + count) * HASH_BYTES);
    return { tree: buildTree(flat), total: leaves.length, items };
  }
}

/** The tree over the 1 KiB chunks of a file; its root names the file on the network. At least one byte. */
export function bytesTree(bytes: Uint8Array): Tree {
  const count = Math.max(1, Math.ceil(bytes.length / CHUNK_BYTES));
  const leaves = new Uint8Array(count * HASH_BYTES);
  for (let first = 0; first < count; first += HASHED_CHUNKS) {
    const held = Math.min(HASHED_CHUNKS, count - first);
    const chunks = paddedChunks(bytes, first, held);
    // The hasher takes words, and hashes them as big-endian bytes.
    const view = new DataView(chunks.buffer);
    const words = new Uint32Array(chunks.length / 4);
    for (let word = 0; word < words.length; word++) words[word] = view.getUint32(4 * word);
    sharedHasher().hashChunks(words, leaves.subarray(first * HASH_BYTES, (first + held) * HASH_BYTES));
  }
  return buildTree(leaves, sharedHasher());
}

/** Chunks that are laid out for the hasher at once. */
const HASHED_CHUNKS = 256;

interface Progress {
  readonly kind: Kind;
  readonly root: Hash;
  /** Bytes or leaves. */
  readonly total: number;
  /** Chunks or leaves. */
  readonly count: number;
  readonly items: Uint8Array;
  /** Items that arrived and were checked. */
  done: number;
}

interface Request {
  kind: Kind;
  root: Hash;
  /** Bytes or leaves of the whole. */
  total: number;
  first: number;
  count: number;
}

function itemCount(kind: Kind, total: number): number {
  return kind === KIND_BYTES ? Math.max(1, Math.ceil(total / CHUNK_BYTES)) : total;
}

function itemBytes(kind: Kind): number {
  return kind === KIND_BYTES ? CHUNK_BYTES : HASH_BYTES;
}

function paddedChunks(bytes: Uint8Array, first: number, count: number): Uint8Array {
  const chunks = new Uint8Array(count * CHUNK_BYTES);
  chunks.set(bytes.subarray(first * CHUNK_BYTES, (first + count) * CHUNK_BYTES));
  return chunks;
}

// Checks one answer against the root and adds its items to what is there.
function takeAnswer(progress: Progress, frame: Uint8Array): void {
  const { kind, root, total, count } = progress;
  if (frame.length < ANSWER_HEADER_BYTES) throw new MalformedFrameError("an answer", frame.length);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const status = view.getUint8(0);
  if (status !== STATUS_FOUND) throw new ContentAbsentError(root, status);
  if (view.getBigUint64(1) !== BigInt(total))
    throw new ContentRefusedError(root, "its length is not the one announced");
  const width = itemBytes(kind);
  const siblingCount = view.getUint16(9);
  const items = frame.subarray(ANSWER_HEADER_BYTES + siblingCount * HASH_BYTES);
  const length = items.length / width;
  if (!Number.isInteger(length) || length < 1 || progress.done + length > count) {
    throw new MalformedFrameError("an answer", frame.length);
  }
  if (siblingCount !== rangeProofLength(count, progress.done, length)) {
    throw new MalformedFrameError("a proof", siblingCount);
  }
  const siblings = Array.from({ length: siblingCount }, (_, index) =>
    toHash(frame, ANSWER_HEADER_BYTES + index * HASH_BYTES),
  );
  const leaves = Array.from({ length }, (_, index) => {
    const item = items.subarray(index * width, (index + 1) * width);
    return kind === KIND_BYTES ? chunkHash(item) : toHash(item);
  });
  if (!verifyRange(root, leaves, progress.done, count, siblings)) {
    throw new ContentRefusedError(root, "it does not hash to the root asked for");
  }
  progress.items.set(items, progress.done * width);
  progress.done += length;
}

function encodeRequest({ kind, root, total, first, count }: Request): Uint8Array {
  const frame = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(frame.buffer);
  view.setUint8(0, kind);
  frame.set(fromHash(root), 1);
  view.setBigUint64(1 + HASH_BYTES, BigInt(total));
  view.setUint32(9 + HASH_BYTES, first);
  view.setUint32(13 + HASH_BYTES, count);
  return frame;
}

function decodeRequest(frame: Uint8Array): Request {
  if (frame.length !== REQUEST_BYTES) throw new MalformedFrameError("a request", frame.length);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const kind = view.getUint8(0);
  if (kind !== KIND_BYTES && kind !== KIND_LEAVES) throw new MalformedFrameError("a request kind", kind);
  const total = Number(view.getBigUint64(1 + HASH_BYTES));
  const count = view.getUint32(13 + HASH_BYTES);
  if (count < 1 || count > FRAME_ITEMS[kind]) throw new MalformedFrameError("a request count", count);
  return { kind, root: toHash(frame, 1), total, first: view.getUint32(9 + HASH_BYTES), count };
}

function encodeAnswer(status: number, total: number, siblings: readonly Hash[], items: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ANSWER_HEADER_BYTES + siblings.length * HASH_BYTES + items.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, status);
  view.setBigUint64(1, BigInt(total));
  view.setUint16(9, siblings.length);
  siblings.forEach((sibling, index) => frame.set(fromHash(sibling), ANSWER_HEADER_BYTES + index * HASH_BYTES));
  frame.set(items, ANSWER_HEADER_BYTES + siblings.length * HASH_BYTES);
  return frame;
}

/** No connected peer gave the content. Trying later, or with more peers, can help. */
export class ContentUnavailableError extends LockstepError {
  constructor(root: Hash, tried: readonly { peer: string; reason: string }[]) {
    super("ContentUnavailableError", `None of ${tried.length} connected peers gave the content ${root}`, {
      root,
      tried,
    });
  }
}

/** The peer does not hold the content, or refuses the range. */
export class ContentAbsentError extends LockstepError {
  constructor(root: Hash, status: number) {
    super("ContentAbsentError", `The peer does not give ${root} (status ${status})`, { root, status });
  }
}

/** What a peer sent breaks a rule: of another length, not padded with zeros, or not under the root. */
export class ContentRefusedError extends LockstepError {
  constructor(root: Hash, rule: string) {
    super("ContentRefusedError", `Content ${root} refused: ${rule}`, { root, rule });
  }
}

/** A frame that is not of the protocol's form. */
export class MalformedFrameError extends LockstepError {
  constructor(what: string, value: number) {
    super("MalformedFrameError", `Malformed frame: ${what} of ${value}`, { what, value });
  }
}
