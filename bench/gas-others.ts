// What a dispute costs elsewhere, as far as it is public: moves and gas of a move without what decides the dispute at its end.
// Optimism's and BoLD's gas was measured by compiling their contracts at the versions named; the others' numbers are their own.

/** A protocol of disputes. */
export interface OtherProtocol {
  readonly name: string;
  /** In one dispute, by both sides together; of BoLD by each side. */
  readonly moves: number;
  /** Of a move, least and most. */
  readonly gas: readonly [number, number];
  readonly source: string;
}

export const OTHERS: readonly OtherProtocol[] = [
  {
    name: "Optimism fault dispute game",
    moves: 73,
    gas: [254_000, 254_000],
    source: "FaultDisputeGame.sol and deploy-config/mainnet.json of ethereum-optimism/optimism at d317e96",
  },
  {
    name: "Arbitrum BoLD",
    moves: 68,
    gas: [387_000, 478_000],
    source: "EdgeChallengeManager.sol and scripts/files/configs/arb1.ts of OffchainLabs/nitro-contracts at 6748733",
  },
  {
    name: "Cartesi Dave",
    moves: 92,
    gas: [90_175, 90_175],
    source: "Gas.sol and ArbitrationConstants.sol of cartesi/dave at a4249a5",
  },
];

/** Our dispute of GPT-2 beside theirs, a line each. */
export function besideOthers(ours: { openings: number; gas: number }): string[] {
  const millions = (gas: number): string => (gas / 1e6).toFixed(1).padStart(5);
  const row = (name: string, moves: string, total: string, source: string): string =>
    `${name.padEnd(28)} ${moves.padEnd(40)} ${total.padStart(14)}  ${source}`.trimEnd();
  return [
    row("a dispute to its end", "moves", "gas, millions", ""),
    row(
      "Lockstep, GPT-2 (124M)",
      `${ours.openings} openings, ${ours.openings} demands and a proof`,
      millions(ours.gas),
      "",
    ),
    ...OTHERS.map(({ name, moves, gas: [least, most], source }) => {
      const each = least === most ? `${least}` : `${least} to ${most}`;
      const total =
        least === most ? millions(moves * least) : `${millions(moves * least)} to ${millions(moves * most)}`;
      return row(name, `${moves} of ${each}, and a proof`, total, source);
    }),
  ];
}
