/** Pull payments: bonds, fees and bounties are credited by two contracts and fetched when there are any. */
import type { Call } from "../chain/sender.ts";
import type { NodeContext } from "./node-context.ts";

/** The withdrawals that are due for this node's account. */
export async function creditsToWithdraw(context: NodeContext): Promise<{ key: string; call: Call }[]> {
  const { client, protocol, sender } = context;
  const due: { key: string; call: Call }[] = [];
  for (const { address } of [protocol.claims, protocol.game]) {
    const contract = { address, abi: protocol.claims.abi }; // both have the same functions for pull payments
    const creditWei = await client.readContract({ ...contract, functionName: "creditOf", args: [sender.address] });
    if (creditWei === 0n) continue;
    const nonce = await client.getTransactionCount({ address: sender.address });
    due.push({
      key: `withdraw:${contract.address}:${nonce}`,
      call: { ...contract, functionName: "withdraw", args: [] },
    });
  }
  return due;
}
