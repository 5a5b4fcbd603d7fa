/**
 * The verifier: runs every revealed claim and disputes one whose trace root is not its own, or whose program is not valid.
 * With the claimant's trace at hand it proves the first wrong number at once; without, it walks down the claimant's tree
 * move by move. Either way the proof is committed to before it is shown, so that nobody can copy it and take the bounty.
 * It decides from the mirrored events and what it stored, so a restart goes on where the stop was.
 */
import { randomBytes } from "node:crypto";
import { bytesToHex, encodeAbiParameters, keccak256, parseAbiParameters, zeroHash, type Hex } from "viem";
import { getFact, setFact } from "../chain/database.ts";
import type { Head } from "../chain/reader.ts";
import {
  checkProof,
  decodeProof,
  demandBound,
  encodeProof,
  FRAUD,
  traceRootOf,
  type ClaimView,
  type FraudProof,
  type Run,
} from "../engine/index.ts";
import { ContentRefusedError, ContentUnavailableError } from "../net/content.ts";
import { chooseLie, type LieChoice } from "./lie.ts";
import { apart, callTimeout, tryToSend, type NodeContext, type Role } from "./node-context.ts";
import { openingsOf, standingOf } from "./openings.ts";
import { isClosing, nextNonce, openOf, openReserve, sendMove, usableOf } from "./own-challenge.ts";
import { challengerMove, isSupply, provenStep } from "./players/index.ts";
import { ProgramUnavailableError } from "./programs.ts";
import { fetchFraud } from "./remote-trace.ts";
import { DEFERRED, InputsUnavailableError } from "./runs.ts";
import {
  challengesOf,
  claimsOf,
  deadlineOf,
  pendingDemand,
  preimageOf,
  settledBounties,
  tasksOf,
  type Challenge,
  type Claim,
} from "./views.ts";
import { createWordsDemander, DEFAULT_BUDGET, DEFAULT_DEMANDED_CHUNKS, type DepositBudget } from "./withheld.ts";
import { creditsToWithdraw } from "./withdraw.ts";

export interface VerifierOptions {
  /** Only walk, even where the claimant serves its trace. */
  walkOnly?: boolean;
  /**
   * The most chunks of inputs and constants that it demands under the clock where nobody serves them; 8 unless given, 0 for
   * none. A claim that withholds more is reported and can't be checked.
   */
  demandedChunks?: number;
  /** The most deposits that it has at risk for such words. */
  depositBudget?: Partial<DepositBudget>;
  /** The one claim it checks; every claim unless given. */
  only?: Hex;
  /** Makes it a dishonest challenger: its own run holds this lie, so that it disputes claims that are right. */
  lie?: LieChoice;
}

/** What it found: the same trace root, another one, or a program that nobody may claim. */
type Verdict = "agree" | "differ" | "invalid";

/** A proof it stands by, stored before its commitment is sent: without the salt the commitment's bond would be lost. */
interface StoredProof {
  kind: number;
  proof: Hex;
  salt: Hex;
  /** The step whose posted scratch root it shows, and that root: a re-org may take it back, and another may be posted. */
  postedStep: number;
  postedRoot: Hex;
  /** Of the challenge that it wins, or of none: the nonce is part of the commitment as the game keeps it. */
  nonce: string;
}

/** What a check ends with where nobody serves the words of a claim: alone for these is a deposit paid. */
const UNSERVED = [
  InputsUnavailableError,
  ProgramUnavailableError,
  ContentUnavailableError,
  ContentRefusedError,
] as const;

// Until a claim that could not be checked is looked at again: its inputs may be served later.
const RETRY_MILLISECONDS = 2_000;
// The most time spent on a claimant's trace before the walk begins, and the part of the window it may take.
const TRACE_MILLISECONDS = 10_000;
const TRACE_PART_OF_WINDOW = 4;

export function createVerifier(context: NodeContext, options: VerifierOptions): Role {
  const { database, protocol, sender, client, log, runs, programs } = context;
  const me = sender.address.toLowerCase();
  const { demandedChunks = DEFAULT_DEMANDED_CHUNKS, depositBudget = {} } = options;
  const demandWords = createWordsDemander(context, demandedChunks, { ...DEFAULT_BUDGET, ...depositBudget });
  // Claims being checked or disputed in the background; one job a claim.
  const busy = new Set<Hex>();

  async function tick(head: Head): Promise<void> {
    const claims = await claimsOf(database);
    const challenges = await challengesOf(database);
    for (const claim of claims.values()) {
      const { claimId } = claim;
      if (busy.has(claimId) || claim.claimant.toLowerCase() === me) continue;
      if (options.only !== undefined && claimId !== options.only) continue;
      if (claim.status === "revealed") inBackground(claimId, () => pursue(claim, challenges, head));
    }
    for (const challenge of challenges.values()) {
      if (challenge.challenger.toLowerCase() !== me || challenge.ended) continue;
      // Another proof ended the claim: this deposit comes back.
      const claim = claims.get(challenge.claimId);
      if (claim?.status === "slashed") await close(claim, challenge);
    }
    await settleBounties(claims, head);
    for (const { key, call } of await creditsToWithdraw(context)) await tryToSend(context, key, call);
  }

  function inBackground(claimId: Hex, work: () => Promise<void>): void {
    busy.add(claimId);
    work().then(
      () => busy.delete(claimId),
      (error: unknown) => {
        log.warn({ claim: claimId, error }, "the claim can't be checked now; trying again");
        setTimeout(() => busy.delete(claimId), RETRY_MILLISECONDS).unref();
      },
    );
  }

  // One step for a revealed claim: find out whether it is right, then whatever comes next against one that is not.
  async function pursue(claim: Claim, challenges: ReadonlyMap<Hex, Challenge>, head: Head): Promise<void> {
    const { claimId } = claim;
    const verdict = (await getFact(database, `verdict:${claimId}`)) as Verdict | undefined;
    if (verdict === "agree") return;
    const opened = [...challenges.values()].filter(
      (challenge) => challenge.claimId === claimId && challenge.challenger.toLowerCase() === me,
    );
    if (verdict === undefined) return check(claim, opened, challenges, head);
    const own = usableOf(opened);
    const stored = await getFact(database, `proof:${claimId}`);
    if (stored !== undefined) {
      const proof = JSON.parse(stored) as StoredProof;
      if ((await postedRootOf(claim, proof.postedStep)) === proof.postedRoot) return prove(claim, proof, opened);
      log.warn({ claim: claimId, step: proof.postedStep }, "what a proof stands on is posted no more; walking again");
    }
    if (verdict === "invalid") return store(claim, await flawOf(claim), opened);
    await keepReserve(claim, opened, head);
    const waiting = opened.filter((challenge) => pendingDemand(challenge) !== undefined);
    for (const challenge of waiting) if (await callTimeout(context, claim, challenge, head)) return;
    if (own !== undefined && waiting.includes(own)) return;
    if (waiting.some((challenge) => isNeeded(challenge, challenges))) return;
    const left = (own === undefined ? (claim.challengeUntil ?? 0) : deadlineOf(own)) - head.time;
    if (own === undefined && left < 0) return;
    const timeout = Math.min(TRACE_MILLISECONDS, (1000 * Math.max(0, left)) / TRACE_PART_OF_WINDOW);
    if (!(await tryTrace(claim, opened, timeout))) await play(claim, opened, own, challenges);
  }

  // The words of a claim that is wrong took demands that its walk may need.
  async function keepReserve(claim: Claim, opened: readonly Challenge[], head: Head): Promise<void> {
    const moves = opened.filter(({ ended }) => !ended).flatMap((challenge) => challenge.moves);
    const words = moves.filter(({ kind, position }) => kind === "demand" && isSupply(position)).length;
    if (words === 0 || !(await isClosing(context, claim, head))) return;
    const program = await programs.decoded(claim.programRoot);
    await openReserve(context, claim, program, opened, words + demandBound({ program, steps: claim.steps }));
  }

  async function check(
    claim: Claim,
    opened: readonly Challenge[],
    challenges: ReadonlyMap<Hex, Challenge>,
    head: Head,
  ): Promise<void> {
    let verdict: Verdict;
    try {
      verdict = await verdictOf(claim);
    } catch (error) {
      // What nobody serves is the claimant's to show; what else failed is tried again. What is open is played on.
      if (opened.length === 0 && !UNSERVED.some((type) => error instanceof type)) throw error;
      const known = { claims: await claimsOf(database), tasks: await tasksOf(database) };
      if (!(await demandWords(claim, opened, challenges, head, known))) throw error;
      return;
    }
    log.info({ claim: claim.claimId, verdict }, "checked a claim");
    await setFact(database, `verdict:${claim.claimId}`, verdict);
  }

  async function verdictOf(claim: Claim): Promise<Verdict> {
    try {
      return traceRootOf(await runOf(claim)) === claim.traceRoot ? "agree" : "differ";
    } catch (error) {
      if ((await programs.flawOf(claim.programRoot)) === null) throw error;
      return "invalid";
    }
  }

  async function runOf(claim: Claim): Promise<Run> {
    if (options.lie === undefined) return runs.get(claim);
    const { program } = await programs.runnable(claim.programRoot);
    return runs.get(claim, chooseLie(options.lie, program, claim.steps));
  }

  async function flawOf({ programRoot }: Claim): Promise<FraudProof> {
    const proof = await programs.flawOf(programRoot);
    if (proof === null) throw new RangeError(`program ${programRoot} has no flaw any more`);
    return { kind: 3, proof };
  }

  // Asks the claimant for its trace, once. Whether a proof came of it: of a deferred trace none can.
  async function tryTrace(claim: Claim, opened: readonly Challenge[], timeoutMilliseconds: number): Promise<boolean> {
    const { claimId, traceRoot, traceMode } = claim;
    const tried = `traced:${claimId}`;
    const { exchange } = context;
    if (options.walkOnly === true || traceMode === DEFERRED) return false;
    if (exchange === undefined || traceRoot === undefined) return false;
    if ((await getFact(database, tried)) !== undefined) return false;
    const fraud = await fetchFraud(exchange, await runOf(claim), traceRoot, log, timeoutMilliseconds);
    await setFact(database, tried, fraud === undefined ? "not served" : "proven");
    if (fraud === undefined) return false;
    await store(claim, fraud, opened);
    return true;
  }

  // Opens its challenge, or makes the next move of it.
  async function play(
    claim: Claim,
    opened: readonly Challenge[],
    own: Challenge | undefined,
    challenges: ReadonlyMap<Hex, Challenge>,
  ): Promise<void> {
    const run = await runOf(claim);
    const { claimId, traceRoot = zeroHash } = claim;
    const openings = openingsOf(run, challenges, claimId);
    const standing = own === undefined ? null : standingOf(run, own);
    const move = challengerMove(run, { traceRoot, openings, challenging: own !== undefined, standing });
    if (move.kind === "agree") return;
    if (move.kind === "prove") await store(claim, move.fraud, opened);
    else await sendMove(context, claim, opened, move);
  }

  async function store(claim: Claim, fraud: FraudProof, opened: readonly Challenge[]): Promise<void> {
    const { claimId, traceRoot = zeroHash } = claim;
    const postedStep = provenStep(fraud);
    const deferred = claim.traceMode === DEFERRED;
    const postedRoot = await postedRootOf(claim, postedStep);
    const bytes = encodeChecked({ ...claim, traceRoot, deferred, postedStep, postedRoot }, fraud);
    const known = await getFact(database, `proof:${claimId}`);
    // What it is committed to under the salt of then stays.
    if (known !== undefined && (JSON.parse(known) as StoredProof).proof === bytes) return;
    const nonce = (openOf(opened)?.nonce ?? nextNonce(opened)).toString();
    const salt = bytesToHex(randomBytes(32));
    const proof: StoredProof = { kind: fraud.kind, proof: bytes, salt, postedStep, postedRoot, nonce };
    await setFact(database, `proof:${claimId}`, JSON.stringify(proof));
  }

  // Zero where none is, and for a full trace, which posts none.
  async function postedRootOf({ claimId, traceMode }: Claim, step: number): Promise<Hex> {
    if (traceMode !== DEFERRED) return zeroHash;
    return client.readContract({ ...protocol.game, functionName: "scratchRootOf", args: [claimId, step] });
  }

  // Commits to the proof, and shows it in a later block. Where no commitment is taken (no coin for its bond), a challenger
  // still proves in its challenge.
  async function prove(
    claim: Claim,
    { kind, proof, salt, postedStep, nonce }: StoredProof,
    opened: readonly Challenge[],
  ): Promise<void> {
    const { claimId } = claim;
    const own = openOf(opened);
    const commitment = commitmentOf(
      await client.getChainId(),
      protocol.game.address,
      claimId,
      sender.address,
      salt,
      kind,
      proof,
    );
    const commit = { ...protocol.game, functionName: "commitProof", args: [claimId, BigInt(nonce), commitment] };
    const bond = await client.readContract({ ...protocol.game, functionName: "proofBondWei" });
    const committed = await tryToSend(context, `commitProof:${commitment}`, { ...commit, valueWei: bond });
    if (committed) {
      const args = [preimageOf(claim), kind, proof, postedStep, salt];
      await tryToSend(context, `revealProof:${commitment}`, { ...protocol.game, functionName: "revealProof", args });
    } else if (own !== undefined) {
      const args = [preimageOf(claim), own.nonce, kind, proof, postedStep];
      const call = { ...protocol.game, functionName: "prove", args };
      await tryToSend(context, `prove:${own.challengeId}`, call);
    }
  }

  async function close(claim: Claim, { challengeId, challenger, nonce }: Challenge): Promise<void> {
    const args = [preimageOf(claim), challenger, nonce];
    await tryToSend(context, `close:${challengeId}`, { ...protocol.game, functionName: "close", args });
  }

  // A bounty is held for a while when somebody else committed earlier; then it is this node's.
  async function settleBounties(claims: ReadonlyMap<Hex, Claim>, head: Head): Promise<void> {
    const settled = await settledBounties(database);
    for (const { claimId, status } of claims.values()) {
      if (status !== "slashed" || settled.has(claimId)) continue;
      if ((await getFact(database, `proof:${claimId}`)) === undefined) continue;
      await apart(context, { claim: claimId }, async () => {
        const bounty = await client.readContract({ ...protocol.game, functionName: "bountyOf", args: [claimId] });
        if (bounty.winner.toLowerCase() !== me || head.time <= Number(bounty.settleAfter)) return;
        const call = { ...protocol.game, functionName: "settleBounty", args: [claimId] };
        await tryToSend(context, `settleBounty:${claimId}`, call);
      });
    }
  }

  return { name: "verifier", tick };
}

/**
 * The bytes of a proof that the referee will accept: they are decoded and checked under the claim's roots as it does, since a
 * proof that fails costs its bond. Throws what `checkProof` throws. A program's flaw was found by validating its bytes.
 */
export function encodeChecked(claim: ClaimView, fraud: FraudProof): Hex {
  const bytes = encodeProof(fraud);
  const sent = decodeProof(fraud.kind, bytes);
  if (sent.kind !== FRAUD.badRecord) checkProof(claim, sent);
  return bytes;
}

// Whether a walk waits for the answer to a challenge's demand: a node of the trace that nobody has opened.
function isNeeded(challenge: Challenge, challenges: ReadonlyMap<Hex, Challenge>): boolean {
  const asked = pendingDemand(challenge)?.position;
  if (asked === undefined || isSupply(asked)) return false;
  const { section, height, step, item, index } = asked;
  const isThere = ({ kind, position: to }: Challenge["moves"][number]) =>
    kind !== "demand" &&
    to.section === section &&
    to.height === height &&
    to.step === step &&
    to.item === item &&
    to.index === index;
  return ![...challenges.values()].some((one) => one.claimId === challenge.claimId && one.moves.some(isThere));
}

/** What a committed proof is bound to: chain, game, claim and sender, so that it can't be shown elsewhere or by another. */
function commitmentOf(
  chainId: number,
  game: Hex,
  claimId: Hex,
  account: Hex,
  salt: Hex,
  kind: number,
  proof: Hex,
): Hex {
  return keccak256(
    encodeAbiParameters(parseAbiParameters("uint256, address, bytes32, address, bytes32, uint8, bytes32"), [
      BigInt(chainId),
      game,
      claimId,
      account,
      salt,
      kind,
      keccak256(proof),
    ]),
  );
}
