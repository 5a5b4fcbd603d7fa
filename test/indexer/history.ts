// A history with every event of every contract: what a deployment goes through, in the order the contracts write it.
import { keccak256, pad, toHex, type Address, type Hex } from "viem";
import { event, type Chain, type Emission } from "./chain.ts";

/** A hash that is told apart by its name. */
export const hashOf = (name: string): Hex => keccak256(toHex(name));
const accountOf = (digit: string): Address => `0x${digit.repeat(40)}`;
const ZERO = pad("0x", { size: 32 });
const NOBODY: Address = `0x${"0".repeat(40)}`;

export const ACCOUNTS = {
  publisher: accountOf("1"),
  requester: accountOf("2"),
  honest: accountOf("a"),
  cheat: accountOf("b"),
  challenger: accountOf("c"),
  other: accountOf("d"),
} as const;
const { publisher, requester, honest, cheat, challenger, other } = ACCOUNTS;

const u32 = (value: number) => value.toString(16).padStart(8, "0");
const segment = (steps: number, primitives: number) =>
  `${"5".repeat(128)}${u32(steps)}${u32(primitives)}${"0".repeat(48)}`;
/** Two inputs, three slots, one output; 2 steps of 10 primitives, then steps of 7. */
export const SUMMARY: Hex = `0x${Buffer.from("LOCKSTEP").toString("hex")}${[1, 2, 2, 3, 1, 0].map(u32).join("")}${"4".repeat(64)}${segment(2, 10)}${segment(0, 7)}`;
export const PROGRAM = keccak256(SUMMARY);
export const BOND = 1_000_000n;

export const committed = (
  name: string,
  claimant: Address,
  programRoot: Hex = PROGRAM,
  taskId: Hex = ZERO,
  traceMode = 0,
): Emission =>
  event("ClaimRegistry", "ClaimCommitted", {
    claimId: hashOf(name),
    claimant,
    programRoot,
    inputsRoot: hashOf("inputs"),
    steps: 5,
    traceMode,
    operator: NOBODY,
    taskId,
    bondWei: BOND,
    moveFeeWei: 100n,
    seal: hashOf(`seal of ${name}`),
    revealBy: 2_000_000_000n,
  });

export const revealed = (name: string): Emission =>
  event("ClaimRegistry", "ClaimRevealed", {
    claimId: hashOf(name),
    traceRoot: hashOf(`trace of ${name}`),
    outputRoots: [hashOf(`output of ${name}`)],
    salt: hashOf(`salt of ${name}`),
    challengeUntil: 2_000_000_100n,
  });

export const finalized = (name: string, claimant: Address): Emission[] => [
  event("ClaimRegistry", "ClaimFinalized", { claimId: hashOf(name), claimant }),
  event("ClaimRegistry", "Credited", { account: claimant, amountWei: BOND }),
];

const slashed = (name: string, claimant: Address, prover: Address): Emission =>
  event("ClaimRegistry", "ClaimSlashed", {
    claimId: hashOf(name),
    claimant,
    prover,
    bountyWei: BOND / 4n,
    burntWei: BOND / 2n,
  });

/** A challenge as the game opens it: with its first demand. */
export const challenged = (name: string, claim: string, by: Address, first: Place = TOP): Emission[] => [
  event("DisputeGame", "ChallengeOpened", {
    challengeId: hashOf(name),
    claimId: hashOf(claim),
    challenger: by,
    nonce: 2n ** 64n - 1n,
    depositWei: 1_700n,
  }),
  demanded(name, claim, first),
];

/** The walk of the lost claim: the root, a step, a chunk. */
export const WALK: readonly Place[] = [
  { section: 0, height: 3, step: 0, item: 0, index: 0 },
  { section: 0, height: 0, step: 0, item: 0, index: 3 },
  { section: 3, height: 0, step: 3, item: 6, index: 1 },
];
/** The first demand of those who lack the inputs. */
export const INPUTS: Place = { section: 7, height: 1, step: 0, item: 0, index: 0 };
const [TOP, STEP, CHUNK] = WALK as [Place, Place, Place];

interface Place {
  section: number;
  height: number;
  step: number;
  item: number;
  index: number;
}

export const demanded = (name: string, claim: string, position: Place): Emission =>
  event("DisputeGame", "NodeDemanded", {
    challengeId: hashOf(name),
    claimId: hashOf(claim),
    position,
    node: hashOf(`node ${JSON.stringify(position)}`),
    claimantDeadline: 1_900_000_000n,
  });

const opened = (name: string, claim: string, position: Place, opener: Address): Emission =>
  event("DisputeGame", "NodeOpened", {
    challengeId: hashOf(name),
    claimId: hashOf(claim),
    position,
    node: hashOf(`node ${JSON.stringify(position)}`),
    nodes: [hashOf("left"), ZERO],
    opener,
    challengerDeadline: 1_900_000_001n,
  });

const stepOpened = (name: string, claim: string, step: number, opener: Address): Emission =>
  event("DisputeGame", "StepOpened", {
    challengeId: hashOf(name),
    claimId: hashOf(claim),
    step,
    stateRoot: hashOf("state"),
    scratchRoot: hashOf("scratch"),
    nodes: [hashOf("primitive"), ZERO],
    opener,
    challengerDeadline: 1_900_000_001n,
  });

const chunkOpened = (name: string, claim: string, position: Place, opener: Address): Emission =>
  event("DisputeGame", "ChunkOpened", {
    challengeId: hashOf(name),
    claimId: hashOf(claim),
    position,
    node: hashOf(`node ${JSON.stringify(position)}`),
    chunk: `0x${"3f800000".repeat(256)}`,
    opener,
    challengerDeadline: 1_900_000_002n,
  });

const fraudProven = (claim: string, challengeId: Hex, prover: Address, kind: number): Emission =>
  event("DisputeGame", "FraudProven", {
    claimId: hashOf(claim),
    challengeId,
    prover,
    kind,
    step: 3,
    primitive: 6,
    element: 300,
    claimed: 0x3f800001,
    computed: 0xbf800000,
  });

const closed = (name: string, claim: string, claimStands: boolean): Emission =>
  event("DisputeGame", "ChallengeClosed", {
    challengeId: hashOf(name),
    claimId: hashOf(claim),
    claimStands,
    payoutWei: 1_900n,
  });

const timedOut = (name: string, claim: string, loser: Address): Emission =>
  event("DisputeGame", "ChallengeTimedOut", { challengeId: hashOf(name), claimId: hashOf(claim), loser });

const proofCommitted = (claim: string, committer: Address, sequence: bigint): Emission =>
  event("DisputeGame", "ProofCommitted", {
    claimId: hashOf(claim),
    committer,
    commitment: hashOf(`commitment ${sequence}`),
    sequence,
  });

const bountySettled = (claim: string, winner: Address): Emission[] => [
  event("DisputeGame", "BountySettled", { claimId: hashOf(claim), winner, amountWei: BOND / 4n }),
  event("DisputeGame", "Credited", { account: winner, amountWei: BOND / 4n }),
];

const requested = (name: string, solver: Address, steps = 5): Emission =>
  event("TaskMarket", "TaskRequested", {
    taskId: hashOf(name),
    requester,
    programRoot: PROGRAM,
    inputsRoot: hashOf("inputs"),
    steps,
    price: 77n,
    deadline: 2n ** 64n - 1n,
    solver,
    inputData: "0x3f80000040000000",
  });

const accepted = (name: string, solver: Address): Emission =>
  event("TaskMarket", "TaskAccepted", { taskId: hashOf(name), solver, deliverBy: 1_800_000_000n });

const delivered = (name: string, claim: string, solver: Address): Emission =>
  event("TaskMarket", "TaskDelivered", { taskId: hashOf(name), claimId: hashOf(claim), solver });

/** Claims that are only committed, for pages. */
export const CROWD = 25;

/** Writes it all; the last block is followed by nothing. */
export async function writeHistory({ write }: Pick<Chain, "write">): Promise<void> {
  await write([
    event("ProgramRegistry", "ProgramRegistered", {
      programRoot: PROGRAM,
      publisher,
      summary: SUMMARY,
      interfaceTable: "0x0102",
      bindings: ["0x03", "0x04"],
      contentHash: hashOf("content"),
      mirrors: ["https://example.org/program", "javascript:alert(1)", "ipfs://bafy\u0000x", "\u0000"],
    }),
    event("ProgramRegistry", "ProgramPublished", { programRoot: PROGRAM, records: [["0x05"], []], scalars: ["0x06"] }),
  ]);
  await write([
    event("ProgramRegistry", "ProgramMirrored", {
      programRoot: PROGRAM,
      publisher: other,
      mirrors: [
        "https://example.com/copy",
        "data:,x",
        `lockstep:0x${"ab".repeat(32)}:99`,
        "https://example.org/program",
      ],
    }),
  ]);
  // An honest task: accepted, claimed, delivered, final, paid.
  await write([requested("paid", NOBODY), accepted("paid", honest)]);
  await write([committed("honest", honest, PROGRAM, hashOf("paid"))]);
  await write([revealed("honest")], [delivered("paid", "honest", honest)]);
  // A lie that a walk finds.
  await write(
    [requested("reopened", cheat), accepted("reopened", cheat)],
    [committed("walked", cheat), revealed("walked")],
  );
  await write([delivered("reopened", "walked", cheat)], challenged("won", "walked", challenger));
  await write([opened("won", "walked", TOP, cheat)]);
  await write([demanded("won", "walked", STEP)]);
  await write([stepOpened("won", "walked", STEP.index, other)]);
  await write([demanded("won", "walked", CHUNK)]);
  await write([chunkOpened("won", "walked", CHUNK, other)]);
  await write(
    [
      fraudProven("walked", hashOf("won"), challenger, 0),
      closed("won", "walked", false),
      ...bountySettled("walked", challenger),
    ],
    [slashed("walked", cheat, challenger)],
    [event("TaskMarket", "TaskReopened", { taskId: hashOf("reopened"), claimId: hashOf("walked") })],
  );
  await write(finalized("honest", honest), [
    event("TaskMarket", "TaskPaid", { taskId: hashOf("paid"), solver: honest, amount: 77n }),
  ]);
  // A lie that a direct proof finds while a challenge is open; of a program that nobody registered.
  await write([committed("proven", cheat, hashOf("unknown")), revealed("proven")]);
  await write([
    ...challenged("refunded", "proven", other),
    proofCommitted("proven", challenger, 1n),
    proofCommitted("proven", other, 2n),
  ]);
  await write(
    [
      event("DisputeGame", "ProofRevealed", { claimId: hashOf("proven"), committer: challenger, sequence: 1n }),
      fraudProven("proven", ZERO, challenger, 1),
      ...bountySettled("proven", challenger),
    ],
    [slashed("proven", cheat, challenger)],
    [
      closed("refunded", "proven", false),
      event("DisputeGame", "ProofForfeited", {
        claimId: hashOf("proven"),
        committer: other,
        sequence: 2n,
        amountWei: 10n,
      }),
    ],
  );
  // A challenger that gives up, and one account on both sides whose clock as claimant runs out.
  await write([committed("stood", challenger), revealed("stood"), committed("own", other), revealed("own")]);
  await write([
    ...challenged("lost", "stood", cheat),
    opened("lost", "stood", TOP, challenger),
    timedOut("lost", "stood", cheat),
    closed("lost", "stood", true),
    ...challenged("self", "own", other, INPUTS),
    timedOut("self", "own", other),
    closed("self", "own", false),
  ]);
  await write([slashed("own", other, other)], finalized("stood", challenger), [
    event("DisputeGame", "Withdrawn", { account: challenger, amountWei: 5n }),
    event("DisputeGame", "Credited", { account: challenger, amountWei: 5n }),
  ]);
  // What else becomes of claims and tasks.
  await write([
    committed("forfeited", cheat),
    event("ClaimRegistry", "ClaimForfeited", { claimId: hashOf("forfeited"), claimant: cheat, burntWei: BOND }),
    event("ClaimRegistry", "Withdrawn", { account: cheat, amountWei: 9n }),
    committed("voided", honest, PROGRAM, ZERO, 1),
    event("ClaimRegistry", "ClaimVoided", { claimId: hashOf("voided"), claimant: honest, feeWei: BOND / 8n }),
  ]);
  await write([
    requested("cancelled", NOBODY, 2 ** 32 - 1),
    event("TaskMarket", "TaskCancelled", { taskId: hashOf("cancelled") }),
    requested("refunded", NOBODY),
    event("TaskMarket", "TaskRefunded", { taskId: hashOf("refunded"), requester, amount: 77n }),
  ]);
  await write(Array.from({ length: CROWD }, (_, i) => committed(`crowd ${i}`, honest)));
}
