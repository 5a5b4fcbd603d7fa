/**
 * One run of `lockstep dispute fuzz`, played out on the chain. A liar claims a run with a lie in it and is caught by a walk,
 * by a direct proof, or because it falls silent; then an honest claim over the same program is attacked with whatever an
 * accuser without a case can send. Throws FuzzFailure where the liar keeps its bond or the honest claimant does not.
 */
import {
  bytesToHex,
  encodeAbiParameters,
  hexToBytes,
  keccak256,
  numberToHex,
  parseAbiParameters,
  parseEventLogs,
  zeroHash,
  type Hex,
  type TransactionReceipt,
} from "viem";
import {
  answerDemand,
  encodeProof,
  findFlaw,
  findFraud,
  inputsRootOf,
  nextAction,
  outputRootsOf,
  outputsShownOf,
  traceRootOf,
  type FraudProof,
  type Opening,
  type Position,
  type Run,
} from "../../engine/index.ts";
import { LockstepError } from "../../float/errors.ts";
import { below, type Random } from "../../float/directed.ts";
import { encodeProgram, type EncodedProgram } from "../../ir/index.ts";
import { keccak } from "../../merkle/index.ts";
import type { FuzzChain, Party } from "./chain.ts";
import type { FuzzLie } from "./lies.ts";
import {
  checked,
  commitmentOf,
  expectFault,
  expectStatus,
  FINAL,
  FuzzFailure,
  garbageProof,
  proveCommitted,
  REVEALED,
  SLASHED,
  wrongDemand,
  type Claimed,
} from "./proofs.ts";

/** How the liar is caught. */
export const ENDINGS = ["walk", "walk without commitment", "direct proof", "silence"] as const;
export type Ending = (typeof ENDINGS)[number];

/** What the verifier showed of a lie; what the referee found is read from the chain. */
export interface Caught {
  readonly moves: number;
  /** Of the fraud proof; null when the liar fell silent. */
  readonly proofKind: number | null;
  readonly fraud: FraudProof | null;
}

/** Publishes a program unless it was before. */
export async function register({ protocol, send, read }: FuzzChain, parts: EncodedProgram): Promise<Hex> {
  const programRoot = keccak(parts.summary);
  if (await read<boolean>({ ...protocol.programs, functionName: "isRegistered", args: [programRoot] }))
    return programRoot;
  const hexes = (list: readonly Uint8Array[]) => list.map((bytes) => bytesToHex(bytes));
  const args = [
    bytesToHex(parts.summary),
    bytesToHex(parts.interfaceTable),
    hexes(parts.bindings),
    parts.records.map(hexes),
    hexes(parts.scalars),
    [],
  ];
  await send("bystander", { ...protocol.programs, functionName: "register", args });
  return programRoot;
}

/** Commits to a claim of a run, for another program with the same interface where `parts` says so, and reveals it. */
export async function claim(chain: FuzzChain, party: Party, run: Run, salt: Hex, parts?: EncodedProgram) {
  const { protocol, send, read } = chain;
  const programRoot = await register(chain, parts ?? encodeProgram(run.program));
  const bondWei = await read<bigint>({ ...protocol.claims, functionName: "minBondWei", args: [] });
  const moveFeeWei = await read<bigint>({ ...protocol.claims, functionName: "minMoveFeeWei", args: [] });
  const [traceRoot, outputRoots] = [traceRootOf(run), outputRootsOf(run)];
  const terms = {
    programRoot,
    inputsRoot: inputsRootOf(run.inputs),
    steps: run.steps,
    traceMode: 0,
    operator: chain.address(party),
    taskId: zeroHash,
    moveFeeWei,
  };
  const seal = keccak256(
    encodeAbiParameters(parseAbiParameters("bytes32, bytes32[], bytes32"), [traceRoot, outputRoots, salt]),
  );
  const account = chain.address(party);
  const claimId = await read<Hex>({
    ...protocol.claims,
    functionName: "claimIdOf",
    args: [account, terms, seal, bondWei],
  });
  await send(party, { ...protocol.claims, functionName: "commit", args: [terms, seal], valueWei: bondWei });
  const shown = outputsShownOf(run);
  const opening = parts === undefined ? shown : { ...shown, summary: bytesToHex(parts.summary) };
  const args = [claimId, terms, traceRoot, outputRoots, salt, opening];
  await send(party, { ...protocol.claims, functionName: "reveal", args });
  const { challengeUntil } = await read<{ challengeUntil: bigint }>({
    ...protocol.claims,
    functionName: "claimOf",
    args: [claimId],
  });
  return { claimId, traceRoot, bondWei, challengeUntil: Number(challengeUntil) } satisfies Claimed;
}

/** A liar claims; the verifier, with its own run, catches it. */
export async function catchLiar(
  chain: FuzzChain,
  honest: Run,
  lying: Run,
  lie: FuzzLie,
  ending: Ending,
  salt: Hex,
): Promise<Caught> {
  const [liarBefore, verifierBefore] = [await chain.worth("liar"), await chain.worth("verifier")];
  const claimed = await claim(chain, "liar", lying, salt, lie.place === "flaw" ? lie.parts : undefined);
  const caught = await disputed(chain, claimed, honest, lying, lie, ending, salt);
  await expectStatus(chain, claimed, SLASHED, "the lie was not slashed");
  const lost = liarBefore - (await chain.worth("liar"));
  if (lost !== claimed.bondWei) throw new FuzzFailure("lie", `the liar lost ${lost} of ${claimed.bondWei} wei`);
  const won = (await chain.worth("verifier")) - verifierBefore;
  if (won < claimed.bondWei / 4n) throw new FuzzFailure("lie", `the verifier won ${won} wei`);
  return caught;
}

async function disputed(
  chain: FuzzChain,
  claimed: Claimed,
  honest: Run,
  lying: Run,
  lie: FuzzLie,
  ending: Ending,
  salt: Hex,
): Promise<Caught> {
  if (lie.place === "flaw") {
    const proof = findFlaw(lie.parts);
    if (proof === null) throw new FuzzFailure("lie", "no flaw was found in an invalid program");
    const fraud: FraudProof = { kind: 3, proof };
    const receipt = await proveCommitted(chain, claimed, fraud, encodeProof(fraud), salt);
    expectFault(chain, receipt, lie);
    return { moves: 0, proofKind: 3, fraud };
  }
  if (ending === "direct proof") {
    const fraud = findFraud(honest, lying);
    if (fraud === null) throw new FuzzFailure("lie", "no fraud was found in a lying run");
    const receipt = await proveCommitted(chain, claimed, fraud, checked(claimed, lying, fraud), salt);
    expectFault(chain, receipt, lie);
    return { moves: 0, proofKind: fraud.kind, fraud };
  }
  const challengeId = await challenge(chain, "verifier", claimed);
  const { fraud, moves } = await walk(chain, "verifier", claimed, challengeId, honest, lying, ending === "silence");
  if (fraud === null) {
    const { protocol, read, send, pass } = chain;
    await pass(1 + Number(await read({ ...protocol.game, functionName: "clockSeconds", args: [] })));
    await send("bystander", { ...protocol.game, functionName: "timeout", args: [challengeId] });
    return { moves, proofKind: null, fraud: null };
  }
  const bytes = checked(claimed, lying, fraud);
  const receipt =
    ending === "walk"
      ? await proveCommitted(chain, claimed, fraud, bytes, salt)
      : await chain.send("verifier", {
          ...chain.protocol.game,
          functionName: "prove",
          args: [challengeId, fraud.kind, bytes],
        });
  expectFault(chain, receipt, lie);
  return { moves, proofKind: fraud.kind, fraud };
}

/** Attacks an honest claim in every way an accuser without a case has, then lets it end. Returns the attacks made. */
export async function attackHonest(
  chain: FuzzChain,
  random: Random,
  honest: Run,
  accuser: Run,
  stolen: FraudProof | null,
  salt: Hex,
): Promise<number> {
  const { protocol, read, send, isRefused } = chain;
  const before = await chain.worth("honest");
  const claimed = await claim(chain, "honest", honest, salt);
  const { claimId } = claimed;
  const challengeId = await challenge(chain, "accuser", claimed);
  let attacks = 1;
  const refuse = async (what: string, party: Party, functionName: string, args: readonly unknown[]): Promise<void> => {
    attacks++;
    const refused = await isRefused(party, { ...protocol.game, functionName, args });
    if (!refused) throw new FuzzFailure("honest", `${what} was taken`);
  };

  const garbage = garbageProof(random, stolen);
  const other = keccak256(salt);
  await refuse("a proof of nothing", "accuser", "prove", [challengeId, garbage.kind, garbage.bytes]);
  if (stolen !== null) {
    const bytes = encodeProof(stolen);
    await refuse("the proof of another claim", "accuser", "prove", [challengeId, stolen.kind, bytes]);
  }
  await refuse("an early time-out", "accuser", "timeout", [challengeId]);
  await refuse("a move of a stranger", "bystander", "prove", [challengeId, garbage.kind, garbage.bytes]);
  await refuse("a demand for another node", "accuser", "demand", wrongDemand(random, claimed, challengeId, honest));

  const isWalking = below(random, 2) === 0;
  if (isWalking) {
    const { fraud } = await walk(chain, "accuser", claimed, challengeId, accuser, honest, false);
    if (fraud !== null) {
      await refuse("a proof of what is right", "accuser", "prove", [challengeId, fraud.kind, encodeProof(fraud)]);
    }
  }
  const isCommitting = below(random, 2) === 0;
  const commitment = await commitmentOf(chain, claimed, "accuser", garbage.kind, garbage.bytes, other);
  if (isCommitting) {
    attacks++;
    const bond = await read<bigint>({ ...protocol.game, functionName: "proofBondWei", args: [] });
    const commit = { ...protocol.game, functionName: "commitProof", args: [claimId, commitment], valueWei: bond };
    await send("accuser", commit);
    await refuse("a committed proof of nothing", "accuser", "revealProof", [
      claimId,
      garbage.kind,
      garbage.bytes,
      other,
    ]);
  }
  // What its own clock allows: the accuser is called out, the claim ends.
  await chain.pass(1 + Number(await read({ ...protocol.game, functionName: "clockSeconds", args: [] })));
  await expectStatus(chain, claimed, REVEALED, "an honest claim did not stand");
  const deposit = await read<bigint>({ ...protocol.game, functionName: "depositOf", args: [claimId] });
  await send("honest", { ...protocol.game, functionName: "timeout", args: [challengeId] });
  const revealSeconds = await read<bigint>({ ...protocol.claims, functionName: "proofRevealSeconds", args: [] });
  await chain.passUntil(claimed.challengeUntil + Number(revealSeconds) + 1);
  await send("bystander", { ...protocol.claims, functionName: "finalize", args: [claimId] });
  if (isCommitting) {
    const args = [claimId, chain.address("accuser"), commitment];
    await send("bystander", { ...protocol.game, functionName: "forfeitProof", args });
  }
  await expectStatus(chain, claimed, FINAL, "an honest claim was lost");
  const gained = (await chain.worth("honest")) - before;
  if (gained !== deposit) throw new FuzzFailure("honest", `the honest claimant gained ${gained} instead of ${deposit}`);
  return attacks;
}

// --- Moves ---

async function challenge({ protocol, read, send }: FuzzChain, party: Party, { claimId }: Claimed): Promise<Hex> {
  const { game } = protocol;
  const valueWei = await read<bigint>({ ...game, functionName: "depositOf", args: [claimId] });
  const { logs } = await send(party, { ...game, functionName: "challenge", args: [claimId], valueWei });
  const [opened] = parseEventLogs({ abi: game.abi, eventName: "ChallengeOpened", logs });
  if (opened === undefined) throw new FuzzFailure("lie", "no challenge was opened");
  return opened.args.challengeId;
}

/** Demands and answers until the challenger has its proof, has none (null), or is left without an answer (null). */
async function walk(
  { protocol: { game }, send }: FuzzChain,
  challenger: Party,
  { traceRoot }: Claimed,
  challengeId: Hex,
  own: Run,
  claimant: Run,
  fallsSilent: boolean,
): Promise<{ fraud: FraudProof | null; moves: number }> {
  const openings: Opening[] = [];
  const claimantParty = challenger === "verifier" ? "liar" : "honest";
  for (let moves = 0; ; moves += 2) {
    const action = decide(own, traceRoot, openings);
    if (action === null || action.kind === "agree") return { fraud: null, moves };
    if (action.kind === "prove") return { fraud: action.fraud, moves };
    const { node, position, path, shown } = action.demand;
    await send(challenger, {
      ...game,
      functionName: "demand",
      args: [challengeId, node, position, path, shown],
    });
    // A liar that sees where this goes stops answering.
    if (fallsSilent && moves >= 2) return { fraud: null, moves: moves + 1 };
    const answer = answerDemand(claimant, position);
    const call =
      answer.kind === "chunk"
        ? { ...game, functionName: "openChunk", args: [challengeId, node, bytesToHex(answer.chunk)] }
        : { ...game, functionName: "open", args: [challengeId, node, answer.nodes] };
    // Anyone may answer for an honest claimant.
    const opener = claimantParty === "honest" && moves % 4 === 2 ? "bystander" : claimantParty;
    openings.push(...openingsIn(await send(opener, call), game));
  }
}

// An accuser whose own run is the wrong one finds nothing to prove at the end of its walk.
function decide(own: Run, traceRoot: Hex, openings: readonly Opening[]) {
  try {
    return nextAction(own, traceRoot, openings);
  } catch (error) {
    if (error instanceof LockstepError && ["NothingToProveError", "DisagreedOperandError"].includes(error.name)) {
      return null;
    }
    throw error;
  }
}

// What a mirror would read of a move.
function openingsIn({ logs }: TransactionReceipt, game: FuzzChain["protocol"]["game"]): Opening[] {
  return [
    ...parseEventLogs({ abi: game.abi, eventName: "NodeOpened", logs }).map(({ args }): Opening => {
      return { position: args.position as Position, kind: "nodes", nodes: args.nodes };
    }),
    ...parseEventLogs({ abi: game.abi, eventName: "ChunkOpened", logs }).map(({ args }): Opening => {
      return { position: args.position as Position, kind: "chunk", chunk: hexToBytes(args.chunk) };
    }),
  ];
}

/** The salt of a claim, the same for the same run of the same seed. */
export function saltOf(seed: number, run: number, use: "lie" | "honest"): Hex {
  return keccak256(
    `${numberToHex(seed, { size: 8 })}${numberToHex(run, { size: 8 }).slice(2)}${use === "lie" ? "01" : "02"}`,
  );
}
