/**
 * A dispute as people read it: the walk level by level with the gas of each move, and the number it ended at. Made from
 * the mirrored events, receipts and the lowered program.
 */
import type { Hex, PublicClient } from "viem";
import { z } from "zod";
import type { NodeDatabase } from "../chain/database.ts";
import { eventsOf } from "../chain/reader.ts";
import { segmentOfStep, type Program, type WordType } from "../ir/index.ts";
import type { GamePosition } from "../roles/players/index.ts";
import { challengesOf } from "../roles/views.ts";
import { short, wordHex, wordValue } from "./format.ts";

/** One transaction of a dispute. `level` counts the openings above it. */
export const moveSchema = z.object({
  kind: z.enum(["challenge", "demand", "open", "openStep", "openChunk", "commitProof", "prove", "timeout"]),
  level: z.int(),
  where: z.string(),
  tx: z.string(),
  gas: z.string(),
});

const wordSchema = z.object({ hex: z.string(), value: z.string() });

/** Where a claim is wrong, and both words. */
export const lieSchema = z.object({
  step: z.int(),
  primitive: z.int(),
  operator: z.string(),
  element: z.int(),
  claimed: wordSchema,
  computed: wordSchema,
});

export type MoveView = z.infer<typeof moveSchema>;
export type LieView = z.infer<typeof lieSchema>;

export interface DisputeView {
  challengeId: Hex | null;
  moves: MoveView[];
  /** Demands that were answered. */
  rounds: number;
  fraud:
    { kind: number; step: number; primitive: number; element: number; claimed: number; computed: number } | undefined;
  gas: bigint;
}

const SECTIONS = ["steps", "scratch", "state", "tensor", "state tensor", "input", "constant", "inputs"];
const SHOWN = new Set(["open", "openStep", "openChunk"]);

/** The dispute that ended a claim, or the longest one so far. */
export async function disputeOf(client: PublicClient, database: NodeDatabase, claimId: Hex): Promise<DisputeView> {
  const challenges = [...(await challengesOf(database, claimId)).values()];
  const [proven] = await eventsOf(database, ["FraudProven"], { claimId });
  const [timedOut] = await eventsOf(database, ["ChallengeTimedOut"], { claimId });
  const decisive = (proven ?? timedOut)?.args["challengeId"];
  const prover = proven?.args["prover"];
  const challenge =
    challenges.find(({ challengeId }) => challengeId === decisive) ??
    challenges.find(({ challenger }) => challenger === prover) ??
    challenges.toSorted((one, other) => other.moves.length - one.moves.length)[0];
  const moves: MoveView[] = [];
  let level = 0;
  const add = async (kind: MoveView["kind"], where: string, tx: Hex) => {
    const { gasUsed } = await client.getTransactionReceipt({ hash: tx });
    moves.push({ kind, level, where, tx, gas: gasUsed.toString() });
  };
  if (challenge !== undefined) {
    for (const [index, move] of challenge.moves.entries()) {
      // A challenge is opened with its first demand.
      const [kind, tx] = index === 0 ? (["challenge", challenge.openedIn] as const) : [move.kind, move.transaction];
      await add(kind, placeOf(move.position), tx);
      if (SHOWN.has(move.kind)) level += 1;
    }
  }
  if (timedOut !== undefined && proven === undefined) await add("timeout", "clock", timedOut.transactionHash);
  const committed = (await eventsOf(database, ["ProofCommitted"], { claimId })).find(
    ({ args }) => args["committer"] === prover,
  );
  if (committed !== undefined) await add("commitProof", "proof, sealed", committed.transactionHash);
  if (proven !== undefined) await add("prove", "leaf", proven.transactionHash);
  const number = (key: string) => Number(proven?.args[key]);
  return {
    challengeId: challenge?.challengeId ?? null,
    moves,
    rounds: moves.filter(({ kind }) => SHOWN.has(kind)).length,
    fraud:
      proven === undefined
        ? undefined
        : {
            kind: number("kind"),
            step: number("step"),
            primitive: number("primitive"),
            element: number("element"),
            claimed: number("claimed"),
            computed: number("computed"),
          },
    gas: moves.reduce((sum, { gas }) => sum + BigInt(gas), 0n),
  };
}

/** The lie in terms of the model: the operator that the wrong number belongs to. */
export function lieOf(program: Program, fraud: NonNullable<DisputeView["fraud"]>): LieView {
  const segment = segmentOfStep(program, fraud.step);
  const record = program.segments[segment]?.records[fraud.primitive];
  const note = program.notes?.primitives[segment]?.[fraud.primitive];
  const word = (value: number) => ({
    hex: wordHex(value),
    value: wordValue(value, (record?.type ?? "i32") as WordType),
  });
  return {
    step: fraud.step,
    primitive: fraud.primitive,
    operator: note?.operator ?? "unknown",
    element: fraud.element,
    claimed: word(fraud.claimed),
    computed: word(fraud.computed),
  };
}

/** The walk as lines of text, one level deeper with each opening. */
export function drawDispute(view: DisputeView, lie: LieView | undefined): string {
  const width = Math.max(...view.moves.map(({ level, kind, where }) => 2 * level + kind.length + where.length + 4), 20);
  const lines = view.moves.map(({ kind, level, where, tx, gas }) => {
    const asks = kind === "challenge" || kind === "demand";
    const label = `${"│ ".repeat(level)}${asks ? "├╴" : "└╴"}${kind} ${where}`;
    return `  ${label.padEnd(width)} ${gas.padStart(9)} gas  ${short(tx)}`;
  });
  const total = `  ${"whole dispute".padEnd(width)} ${view.gas.toString().padStart(9)} gas`;
  if (lie === undefined) return [...lines, total].join("\n");
  return [
    ...lines,
    total,
    "",
    `  step ${lie.step}, primitive ${lie.primitive} (${lie.operator}), element ${lie.element}`,
    `    claimed   ${lie.claimed.hex}  ${lie.claimed.value}`,
    `    computed  ${lie.computed.hex}  ${lie.computed.value}`,
  ].join("\n");
}

function placeOf({ section, height, step, item, index }: GamePosition): string {
  const name = SECTIONS[section] ?? `section ${section}`;
  if (section === 0) return height === 0 ? `step ${index}` : `${name} ${range(index, height)}`;
  if (section === 1 || section === 2) return `step ${step} ${name} ${range(index, height)}`;
  if (section === 7) return `${name} ${range(index, height)}`;
  const part = height === 0 ? `chunk ${index}` : `chunks ${range(index, height)}`;
  if (section === 5) return `${name} ${item} ${part}`;
  if (section === 6) return `${name} ${step} of primitive ${item % 2 ** 16} ${part}`;
  return `step ${step} ${section === 3 ? "primitive" : "slot"} ${item} ${part}`;
}

function range(index: number, height: number): string {
  const width = 2 ** height;
  return `${index * width}..${(index + 1) * width - 1}`;
}
