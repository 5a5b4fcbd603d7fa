/** How a demanded node is opened on chain: by a claimant for its own claim, by a watchtower for one that is away. */
import { bytesToHex, type Hex } from "viem";
import type { Call } from "../chain/sender.ts";
import { openingOf, type Position, type Run } from "../engine/index.ts";
import type { NodeContext } from "./node-context.ts";

/** The call that opens a demanded node from a run. */
export function openingCall(
  { protocol }: NodeContext,
  challengeId: Hex,
  demand: { position: object; node: Hex },
  run: Run,
): Call {
  const opened = openingOf(run, demand.position as Position);
  return opened.kind === "chunk"
    ? { ...protocol.game, functionName: "openChunk", args: [challengeId, demand.node, bytesToHex(opened.chunk)] }
    : { ...protocol.game, functionName: "open", args: [challengeId, demand.node, opened.nodes] };
}
