// Gas of every kind of transaction that users send, and of whole disputes, from receipts on a chain with the rules of
// mainnet (Osaka). Gas is exact: the snapshot is compared for equality. A row is the most that any of its transactions used, and
// rows of disputes the most over the position of the lie: of every kind of primitive and of carried tensor, in the first, a
// middle and the last step and element, those that are estimated to cost most are played.
import type { Hex } from "viem";
import type { Run } from "@lockstep/node/engine";
import { openChain, type GasChain } from "./gas-chain.ts";
import { disputesOn, judgeCall, type Dispute, type Disputes } from "./gas-disputes.ts";
import { dearest, lieAt, liesIn, LIE, priced, type PricedLie } from "./gas-lies.ts";
import { digitsSubject, gpt2Subject, mlpSubject, subjectOf, type Subject } from "./gas-subjects.ts";
import { dotWorkload } from "./workloads.ts";

/** The most that was measured for a row. */
export interface Most {
  readonly value: number;
  /** Of the transaction, if it is one. */
  readonly tx?: Hex;
  /** The lie that the dispute was about, if it was one. */
  readonly place?: string;
}

export interface Gas {
  readonly rows: ReadonlyMap<string, Most>;
  /** The rows as they are without GPT-2. */
  readonly small: ReadonlyMap<string, Most>;
  unit(row: string): string;
}

/** Snapshots of all rows, and of the rows without GPT-2. */
export const SNAPSHOTS = { rows: "gas", small: "gas-small" } as const;

/** Walks and direct proofs that are played of each model, the dearest by their estimates. */
const PLAYED = { walks: 8, directs: 4 } as const;

const LEAVES = [64, 768, 1024, 4096] as const;

export interface GasOptions {
  readonly isLarge?: boolean;
  /** Hears what each dispute used, move by move. */
  readonly log?: (line: string) => void;
}

const noLog = (): void => {};

/** Measures every row, or all but those of GPT-2, which take a few minutes. */
export async function gas({ isLarge = true, log = noLog }: GasOptions = {}): Promise<Gas> {
  const rows = new Map<string, Most>();
  let place: string | undefined;
  const most = (row: string, value: number, tx?: Hex): void => {
    if (value <= (rows.get(row)?.value ?? -1)) return;
    rows.set(row, { value, ...(tx === undefined ? {} : { tx }), ...(place === undefined ? {} : { place }) });
  };
  const chain = await openChain((row, used, tx) => most(row, Number(used), tx));
  const disputes = disputesOn(chain, (row, used, moves) => {
    const split = moves === undefined ? "" : ` = ${moves.join(" + ")}`;
    log(`${row} ${used}${split}${place === undefined ? "" : `: ${place}`}`);
    most(row, used);
  });
  const executed = await executionOn(chain);

  /** Plays the dearest lies in the subject's run; the dearest of all. */
  async function playDearest(subject: Subject): Promise<Dispute> {
    const own = subject.run();
    const [dearestOfAll, ...others] = dearest(await pricesOf(own, executed), PLAYED.walks, PLAYED.directs);
    for (const lie of [dearestOfAll, ...others]) {
      const dispute = disputeOf(subject, own, lie);
      place = lie.place;
      await disputes.walk(dispute);
      await disputes.direct(dispute);
    }
    place = dearestOfAll.place;
    const dispute = disputeOf(subject, own, dearestOfAll);
    await disputes.joined(dispute);
    place = undefined;
    return dispute;
  }

  const mlp = mlpSubject();
  await chain.honest("mlp", mlp.run());
  const dispute = await playDearest(mlp);
  await playDearest(digitsSubject());
  await deferred(mlp, disputes);
  await leaves(disputes, executed, most);
  await disputes.heldBounty(dispute);
  await disputes.timeouts(dispute);
  await chain.abandoned("mlp", mlp.run());
  const small = new Map(rows);
  if (isLarge) await playDearest(gpt2Subject());
  return { rows, small, unit: (row) => (row.startsWith("dispute-openings") ? "openings" : "gas") };
}

/** What a referee executes for a lie. */
type Executed = (lie: Parameters<typeof judgeCall>[1]) => Promise<number>;

async function executionOn({ contracts, probe }: GasChain): Promise<Executed> {
  const ofElements = await probe(contracts.referee.address);
  const ofStructure = await probe(contracts.structureReferee.address);
  return (lie) => (lie.fraud.kind === 0 ? ofElements : ofStructure)(judgeCall(contracts, lie));
}

async function pricesOf(own: Run, executed: Executed): Promise<PricedLie[]> {
  const lies: PricedLie[] = [];
  for (const lie of liesIn(own)) lies.push(priced(own, lie, await executed(lie)));
  return lies;
}

function disputeOf({ name, run }: Subject, own: Run, { tamper }: { tamper: PricedLie["tamper"] }): Dispute {
  return { name, own, lying: run({ tamper }) };
}

/** A walk through a deferred trace, in which the claimant posts the root over a step's primitives. */
async function deferred(subject: Subject, { walk }: Disputes): Promise<void> {
  const tamper = { step: 31, primitive: 0, element: 0, xor: LIE };
  const [own, lying] = [subject.run({ trace: "deferred" }), subject.run({ trace: "deferred", tamper })];
  await walk({ name: `${subject.name}-deferred`, own, lying });
}

/** Dense dot products, each as a transaction to the referee, and what one more fused step in them executes. */
async function leaves(
  disputes: Disputes,
  executed: Executed,
  most: (row: string, value: number) => void,
): Promise<void> {
  const execution = new Map<number, number>();
  for (const length of LEAVES) {
    const own = subjectOf("dot", dotWorkload(length)).run();
    const lie = lieAt(own, { step: 0, primitive: 0, element: 2_100, xor: LIE });
    await disputes.leaf(`leaf-dot-${length}`, lie);
    execution.set(length, await executed(lie));
  }
  const [shorter, longer] = [1024, 4096];
  most("fma-step", Math.ceil((execution.get(longer)! - execution.get(shorter)!) / (longer - shorter)));
}
