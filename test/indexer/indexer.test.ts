// Runs the indexer on PGlite against a local chain with a written history: what it answers, what it refuses, and that
// nothing of a removed block stays.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ClaimConnection, Query } from "@lockstep/schema";
import type { Hex } from "viem";
import { startChain, type Chain } from "./chain.ts";
import { ACCOUNTS, BOND, CROWD, INPUTS, PROGRAM, SUMMARY, WALK } from "./history.ts";
import { challenged, committed, demanded, finalized, hashOf, revealed, writeHistory } from "./history.ts";
import { startIndexer, type Answered, type Indexer } from "./indexer.ts";

const { honest, cheat, challenger, other, publisher, requester } = ACCOUNTS;

describe("indexer", () => {
  let chain: Chain;
  let indexer: Indexer;
  const ask = async <T = Query>(text: string, variables: Record<string, unknown> = {}): Promise<Answered<T>> => {
    const { data, errors } = await indexer.query<T>(text, variables);
    assert.equal(errors, undefined, JSON.stringify(errors));
    assert.ok(data !== undefined);
    return data;
  };

  before(async () => {
    chain = await startChain();
    await writeHistory(chain);
    // Beyond Ponder's 30 blocks the history is final and is read as one; what tests write later is read block by block.
    await chain.mine(40);
    indexer = await startIndexer(chain);
    await indexer.caughtUp();
  });
  after(async () => {
    await indexer?.stop();
    await chain?.stop();
  });

  it("answers the deployment, its totals and that it is synced", async () => {
    const { deployment, totals } = await ask(`{
      deployment { chainId startBlock indexedBlock claimRegistry }
      totals { programs tasks claims finalClaims slashedClaims forfeitedClaims voidedClaims disputes openDisputes moves burntWei }
    }`);
    assert.deepEqual(deployment, {
      chainId: 31337,
      startBlock: 0,
      indexedBlock: String(await chain.client.getBlockNumber()),
      claimRegistry: chain.addresses.ClaimRegistry,
    });
    assert.deepEqual(totals, {
      programs: 1,
      tasks: 4,
      claims: 7 + CROWD,
      finalClaims: 2,
      slashedClaims: 3,
      forfeitedClaims: 1,
      voidedClaims: 1,
      disputes: 4,
      openDisputes: 0,
      moves: 13,
      burntWei: String((3n * BOND) / 2n + BOND),
    });
    assert.equal((await fetch(`${indexer.url}/synced`)).status, 200);
    assert.equal((await fetch(`${indexer.url}/health`)).status, 200);
  });

  it("answers a program with its valid mirrors only", async () => {
    const { program } = await ask(
      `query ($id: Hash!) { program(id: $id) {
        id programRoot publisher { address } summary interfaceTable bindings contentHash mirrors inputCount slotCount
        outputCount segments { steps primitives } registered { blockNumber gasUsed } claims(first: 2) { nodes { program { id } } }
      } }`,
      { id: PROGRAM },
    );
    const { registered, claims, ...rest } = program;
    assert.ok(BigInt(registered.gasUsed) > 21_000n);
    assert.deepEqual(claims.nodes, [{ program: { id: PROGRAM } }, { program: { id: PROGRAM } }]);
    assert.deepEqual(rest, {
      id: PROGRAM,
      programRoot: PROGRAM,
      publisher: { address: publisher },
      summary: SUMMARY,
      interfaceTable: "0x0102",
      bindings: ["0x03", "0x04"],
      contentHash: hashOf("content"),
      mirrors: ["https://example.com/copy", `lockstep:0x${"ab".repeat(32)}:99`, "https://example.org/program"],
      inputCount: 2,
      slotCount: 3,
      outputCount: 1,
      segments: [
        { steps: "2", primitives: 10 },
        { steps: "0", primitives: 7 },
      ],
    });
  });

  it("answers tasks from request to their end", async () => {
    const { tasks } = await ask(`{ tasks { nodes {
      id status requester { id } onlySolver solver { id } steps price deadline claim { id } reopenings inputData
      program { id } requested { blockNumber } accepted { blockNumber } delivered { blockNumber } ended { blockNumber }
    } } }`);
    const [refunded, cancelled, reopened, paid] = tasks.nodes;
    assert.deepEqual(
      tasks.nodes.map(({ id, status }) => [id, status]),
      [
        [hashOf("refunded"), "REFUNDED"],
        [hashOf("cancelled"), "CANCELLED"],
        [hashOf("reopened"), "OPEN"],
        [hashOf("paid"), "PAID"],
      ],
    );
    assert.equal(cancelled.steps, "4294967295");
    assert.notEqual(refunded.ended, null);
    assert.deepEqual([reopened.solver, reopened.claim, reopened.onlySolver], [null, null, cheat]);
    assert.equal(reopened.reopenings, 1);
    assert.equal(reopened.accepted, null);
    assert.equal(paid.requester.id, requester);
    assert.deepEqual([paid.solver.id, paid.claim.id, paid.onlySolver], [honest, hashOf("honest"), null]);
    assert.deepEqual([paid.price, paid.deadline, paid.inputData], ["77", String(2n ** 64n - 1n), "0x3f80000040000000"]);
    assert.equal(paid.program.id, PROGRAM);
    const moments = [paid.requested, paid.delivered, paid.ended].map(({ blockNumber }) => Number(blockNumber));
    assert.deepEqual(
      moments,
      moments.toSorted((a, b) => a - b),
    );
  });

  it("answers a claim with the dispute that ended it, move by move", async () => {
    const { claim } = await ask(
      `query ($id: Hash!) { claim(id: $id) {
        status claimant { id } programRoot traceRoot outputRoots salt seal traceMode bondWei work bountyWei bountyTo { id } slashedBy { id }
        openDisputes task { id } operator
        fraud { kind step primitive element claimed computed prover { id } dispute { id } }
        disputes { nodes {
          id status challenger { id } nonce depositWei payoutWei deadline demands gasUsed fraud { kind } opened { gasUsed }
          moves { order level kind actor { id } position { section height step item index } node nodes stateRoot scratchRoot chunk loser deadline
            transactionHash gasUsed blockNumber timestamp }
        } }
      } }`,
      { id: hashOf("walked").toUpperCase().replace("0X", "0x") },
    );
    const { disputes, ...rest } = claim;
    assert.deepEqual(rest, {
      status: "SLASHED",
      claimant: { id: cheat },
      programRoot: PROGRAM,
      traceRoot: hashOf("trace of walked"),
      outputRoots: [hashOf("output of walked")],
      salt: hashOf("salt of walked"),
      seal: hashOf("seal of walked"),
      traceMode: 0,
      bondWei: String(BOND),
      work: "41",
      bountyWei: String(BOND / 4n),
      bountyTo: { id: challenger },
      slashedBy: { id: challenger },
      openDisputes: 0,
      task: null,
      operator: null,
      fraud: {
        kind: "ELEMENT",
        step: 3,
        primitive: 6,
        element: 300,
        claimed: "0x3f800001",
        computed: "0xbf800000",
        prover: { id: challenger },
        dispute: { id: hashOf("won") },
      },
    });
    const [{ moves, gasUsed, opened, ...dispute }] = disputes.nodes;
    assert.deepEqual(dispute, {
      id: hashOf("won"),
      status: "WON",
      challenger: { id: challenger },
      nonce: String(2n ** 64n - 1n),
      depositWei: "1700",
      payoutWei: "1900",
      deadline: null,
      demands: 3,
      fraud: { kind: "ELEMENT" },
    });
    assert.deepEqual(
      moves.map(({ order, level, kind, actor }) => [order, level, kind, actor]),
      [
        [0, 0, "DEMAND", { id: challenger }],
        [1, 0, "OPEN", { id: cheat }],
        [2, 1, "DEMAND", { id: challenger }],
        [3, 1, "OPEN_STEP", { id: other }],
        [4, 2, "DEMAND", { id: challenger }],
        [5, 2, "OPEN_CHUNK", { id: other }],
        [6, 3, "PROVE", { id: challenger }],
      ],
    );
    assert.deepEqual(moves[0].position, { ...WALK[0], section: "STEPS" });
    assert.deepEqual(moves[3].position, { ...WALK[1], section: "STEPS" });
    assert.deepEqual(
      [moves[3].stateRoot, moves[3].scratchRoot, moves[3].nodes, moves[3].node],
      [hashOf("state"), hashOf("scratch"), [hashOf("primitive"), `0x${"0".repeat(64)}`], null],
    );
    assert.deepEqual(moves[5].position, { ...WALK[2], section: "SCRATCH_TENSOR" });
    assert.equal(moves[5].chunk, `0x${"3f800000".repeat(256)}`);
    assert.deepEqual(moves[1].nodes, [hashOf("left"), `0x${"0".repeat(64)}`]);
    assert.deepEqual([moves[6].position, moves[6].node, moves[6].deadline], [null, null, null]);
    for (const move of moves) {
      const receipt = await chain.client.getTransactionReceipt({ hash: move.transactionHash as Hex });
      assert.deepEqual([move.gasUsed, move.blockNumber], [String(receipt.gasUsed), String(receipt.blockNumber)]);
    }
    const sum = moves.reduce((total, move) => total + BigInt(move.gasUsed), 0n);
    // The opening's transaction is that of the first demand, and counts once.
    assert.equal(opened.gasUsed, moves[0].gasUsed);
    assert.equal(gasUsed, String(sum));
    const { claim: own } = await ask(
      `query ($id: Hash!) { claim(id: $id) { disputes { nodes { moves { position { section height step item index } } } } } }`,
      { id: hashOf("own") },
    );
    assert.deepEqual(own.disputes.nodes[0].moves[0].position, { ...INPUTS, section: "INPUTS" });
  });

  it("answers how disputes end: won, lost, refunded, against oneself", async () => {
    const { disputes } = await ask(
      `{ disputes { nodes { id status claim { id status } fraud { kind } moves { kind loser } } } }`,
    );
    assert.deepEqual(disputes.nodes, [
      {
        id: hashOf("self"),
        status: "WON",
        claim: { id: hashOf("own"), status: "SLASHED" },
        fraud: null,
        moves: [
          { kind: "DEMAND", loser: null },
          { kind: "TIMEOUT", loser: other },
        ],
      },
      {
        id: hashOf("lost"),
        status: "LOST",
        claim: { id: hashOf("stood"), status: "FINAL" },
        fraud: null,
        moves: [
          { kind: "DEMAND", loser: null },
          { kind: "OPEN", loser: null },
          { kind: "TIMEOUT", loser: cheat },
        ],
      },
      {
        id: hashOf("refunded"),
        status: "REFUNDED",
        claim: { id: hashOf("proven"), status: "SLASHED" },
        fraud: null,
        moves: [{ kind: "DEMAND", loser: null }],
      },
      {
        id: hashOf("won"),
        status: "WON",
        claim: { id: hashOf("walked"), status: "SLASHED" },
        fraud: { kind: "ELEMENT" },
        moves: ["DEMAND", "OPEN", "DEMAND", "OPEN_STEP", "DEMAND", "OPEN_CHUNK", "PROVE"].map((kind) => ({
          kind,
          loser: null,
        })),
      },
    ]);
  });

  it("answers a deferred claim that the auditor ended", async () => {
    const { claim } = await ask(
      `query ($id: Hash!) { claim(id: $id) { status traceMode salt voidFeeWei burntWei slashedBy { id } ended { gasUsed } } }`,
      { id: hashOf("voided") },
    );
    const { ended, ...rest } = claim;
    assert.ok(BigInt(ended.gasUsed) > 21_000n);
    const nothing = { salt: null, burntWei: null, slashedBy: null };
    assert.deepEqual(rest, { status: "VOIDED", traceMode: 1, voidFeeWei: String(BOND / 8n), ...nothing });
  });

  it("answers direct proofs", async () => {
    const { claim } = await ask(
      `query ($id: Hash!) { claim(id: $id) {
        program { id } work fraud { kind dispute { id } }
        proofs { nodes { sequence status committer { id } commitment } }
      } }`,
      { id: hashOf("proven") },
    );
    assert.deepEqual([claim.program, claim.work], [null, null]);
    assert.deepEqual(claim.fraud, { kind: "SLOT", dispute: null });
    assert.deepEqual(claim.proofs.nodes, [
      { sequence: 2, status: "FORFEITED", committer: { id: other }, commitment: hashOf("commitment 2") },
      { sequence: 1, status: "REVEALED", committer: { id: challenger }, commitment: hashOf("commitment 1") },
    ]);
  });

  it("ranks the leaderboard by final claims alone, and pages keep the ranks", async () => {
    const text = `query ($first: Int, $after: String) { leaderboard(first: $first, after: $after) {
      nodes { rank account { address rank } finalClaims slashed workVerified disputesWon disputesLost slashedWei }
      pageInfo { hasNextPage hasPreviousPage endCursor }
    } }`;
    const { leaderboard } = await ask(text);
    const expected = [
      {
        address: honest,
        finalClaims: 1,
        slashed: 0,
        workVerified: "41",
        disputesWon: 0,
        disputesLost: 0,
        slashedWei: "0",
      },
      {
        address: challenger,
        finalClaims: 1,
        slashed: 0,
        workVerified: "41",
        disputesWon: 2,
        disputesLost: 0,
        slashedWei: "0",
      },
      {
        address: other,
        finalClaims: 0,
        slashed: 1,
        workVerified: "0",
        disputesWon: 1,
        disputesLost: 1,
        slashedWei: String(BOND),
      },
      {
        address: cheat,
        finalClaims: 0,
        slashed: 2,
        workVerified: "0",
        disputesWon: 0,
        disputesLost: 2,
        slashedWei: String(3n * BOND),
      },
    ].map(({ address, ...entry }, i) => ({ rank: i + 1, account: { address, rank: i + 1 }, ...entry }));
    assert.deepEqual(leaderboard.nodes, expected);
    assert.equal(leaderboard.pageInfo.hasNextPage, false);

    const top = (await ask(text, { first: 3 })).leaderboard;
    const rest = (await ask(text, { first: 3, after: top.pageInfo.endCursor })).leaderboard;
    assert.deepEqual([...top.nodes, ...rest.nodes], expected);
    assert.deepEqual([top.pageInfo.hasNextPage, rest.pageInfo.hasPreviousPage], [true, true]);
  });

  it("answers what accounts earned", async () => {
    const text = `query ($id: Address!) { account(id: $id) {
      rank claimsMade finalClaims slashed forfeited proofsRevealed bountiesWei creditedWei withdrawnWei tasksPaid earned
      claims(first: 1) { nodes { status } } disputes { nodes { id } } tasks { nodes { id } }
    } }`;
    const { account } = await ask(text, { id: challenger });
    assert.deepEqual(account, {
      rank: 2,
      claimsMade: 1,
      finalClaims: 1,
      slashed: 0,
      forfeited: 0,
      proofsRevealed: 1,
      bountiesWei: String(BOND / 2n),
      creditedWei: String(BOND / 2n + BOND + 5n),
      withdrawnWei: "5",
      tasksPaid: 0,
      earned: "0",
      claims: { nodes: [{ status: "FINAL" }] },
      disputes: { nodes: [{ id: hashOf("won") }] },
      tasks: { nodes: [] },
    });
    const asked = (await ask(text, { id: requester })).account;
    assert.deepEqual([asked.rank, asked.tasks.nodes.length], [null, 4]);
    assert.equal((await ask(text, { id: `0x${"9".repeat(40)}` })).account, null);
  });

  it("pages through all claims without a gap or a repetition", async () => {
    const seen: string[] = [];
    let after: string | null = null;
    for (let pages = 0; pages < 10; pages++) {
      const { claims }: Answered<Query> = await ask(
        `query ($after: String) { claims(first: 4, after: $after) {
          edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        } }`,
        { after },
      );
      assert.deepEqual(
        claims.edges.map((edge) => edge.node),
        claims.nodes,
      );
      assert.equal(claims.pageInfo.startCursor, claims.edges[0]?.cursor);
      assert.equal(claims.pageInfo.hasPreviousPage, after !== null);
      seen.push(...claims.nodes.map(({ id }) => id));
      after = claims.pageInfo.endCursor;
      if (!claims.pageInfo.hasNextPage) break;
    }
    assert.equal(seen.length, 7 + CROWD);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(seen[0], hashOf(`crowd ${CROWD - 1}`));
    assert.equal(seen.at(-1), hashOf("honest"));
  });

  it("filters, and finds any node by its id", async () => {
    const { slashed, mine, tasks, disputes, programs } = await ask<Query & Record<"slashed" | "mine", ClaimConnection>>(
      `query ($cheat: Address!, $honest: Address!, $task: Hash!, $program: Hash!) {
        slashed: claims(where: { status: SLASHED, claimant: $cheat }) { nodes { id } }
        mine: claims(where: { claimant: $honest, task: $task, program: $program, status: null }) { nodes { id } }
        tasks(where: { solver: $honest }) { nodes { id } }
        disputes(where: { claimant: $cheat, status: WON }) { nodes { id } }
        programs(publisher: $cheat) { nodes { id } pageInfo { startCursor endCursor hasNextPage } }
      }`,
      { cheat, honest, task: hashOf("paid"), program: PROGRAM },
    );
    assert.deepEqual(slashed.nodes, [{ id: hashOf("proven") }, { id: hashOf("walked") }]);
    assert.deepEqual(mine.nodes, [{ id: hashOf("honest") }]);
    assert.deepEqual(tasks.nodes, [{ id: hashOf("paid") }]);
    assert.deepEqual(disputes.nodes, [{ id: hashOf("won") }]);
    assert.deepEqual(programs, { nodes: [], pageInfo: { startCursor: null, endCursor: null, hasNextPage: false } });

    for (const [id, type] of [
      [hashOf("walked"), "Claim"],
      [hashOf("won"), "Dispute"],
      [hashOf("paid"), "Task"],
      [PROGRAM, "Program"],
      [cheat, "Account"],
    ] as const) {
      const { node } = await ask(`query ($id: ID!) { node(id: $id) { __typename id } }`, { id });
      assert.deepEqual(node, { __typename: type, id });
    }
    assert.equal((await ask(`query ($id: ID!) { node(id: $id) { id } }`, { id: hashOf("nothing") })).node, null);
  });

  for (const [what, text, variables, values] of [
    ["a hash that is too short", `{ claim(id: "0x12") { id } }`, {}, { argument: "Hash", value: "0x12" }],
    ["a hash that is a number", `{ claim(id: 12) { id } }`, {}, { argument: "Hash" }],
    [
      "a malformed hash in a variable",
      `query ($id: Hash!) { claim(id: $id) { id } }`,
      { id: "zz" },
      { argument: "Hash" },
    ],
    [
      "a malformed address in a filter",
      `{ claims(where: { claimant: "0x1g" }) { nodes { id } } }`,
      {},
      { argument: "Address" },
    ],
    ["a node id of neither kind", `{ node(id: "1") { id } }`, {}, { argument: "id", value: "1" }],
    ["an empty page", `{ claims(first: 0) { nodes { id } } }`, {}, { argument: "first", value: "0" }],
    ["a negative page", `{ accounts(first: -1) { nodes { id } } }`, {}, { argument: "first" }],
    [
      "a page that is too long",
      `{ leaderboard(first: 101) { nodes { rank } } }`,
      {},
      { argument: "first", value: "101" },
    ],
    ["a cursor that is none", `{ claims(after: "%%") { nodes { id } } }`, {}, { argument: "after", value: "%%" }],
    ["an empty cursor", `{ claims(after: "") { nodes { id } } }`, {}, { argument: "after" }],
    [
      "a cursor of another list",
      `query ($c: String) { tasks(after: $c) { nodes { id } } }`,
      { c: "Y2xhaW1zOjE" },
      { argument: "after" },
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { errors } = await indexer.query(text, variables);
      const extensions = errors?.[0]?.extensions;
      assert.equal(extensions?.name, "InvalidArgumentError", JSON.stringify(errors));
      assert.deepEqual({ ...extensions?.values, ...values }, extensions?.values);
    });
  }

  it("refuses queries that ask for too much", async () => {
    const deep = `{ claims { nodes { ${"claimant { claims { nodes { ".repeat(4)} id ${"} } }".repeat(4)} } } }`;
    const aliases = `{ ${Array.from({ length: 40 }, (_, i) => `a${i}: totals { claims }`).join(" ")} }`;
    const costly = `{ ${Array.from({ length: 15 }, (_, i) => `a${i}: claims { ${"nodes { id } ".repeat(40)} }`).join(" ")} }`;
    const long = `{ ${"totals { claims } ".repeat(1000)} }`;
    for (const text of [deep, aliases, costly, long]) {
      const { data, errors } = await indexer.query(text);
      assert.equal(data, undefined);
      assert.match(errors?.[0]?.message ?? "", /limit|Syntax Error/i);
    }
    // The cost of a page is known before it is read only when its length is written out.
    const page = (inner: string) => `claims(first: $n) { nodes { ${inner} } }`;
    const wide = `query ($n: Int) { ${page(`program { ${page(`program { ${page("id")} }`)} }`)} }`;
    const { errors } = await indexer.query(wide, { n: 100 });
    assert.equal(errors?.[0]?.extensions?.name, "QueryTooLargeError", JSON.stringify(errors?.[0]));
  });

  it("refuses what is no query", async () => {
    for (const text of ["", "{", "{ nothing }", "{ claim { id } }", "mutation { claims }", "subscription { claims }"]) {
      const { data, errors } = await indexer.query(text);
      assert.equal(data ?? null, null, text);
      assert.ok((errors?.length ?? 0) > 0, text);
    }
    for (const body of ["", "{", "[]", "null"]) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${indexer.url}/graphql`, { method: "POST", headers, body });
      assert.equal(response.status, 400, body);
    }
  });

  it("serves a page to try queries that loads nothing from elsewhere", async () => {
    const response = await fetch(`${indexer.url}/graphiql`, { headers: { accept: "text/html" } });
    assert.equal(response.status, 200);
    const page = await response.text();
    assert.match(page, /YogaGraphiQL/);
    // What scripts may load is limited by the policy below.
    const markup = page.slice(0, page.indexOf("<script"));
    assert.doesNotMatch(markup, /(src|href)\s*=\s*["']?\s*(https?:)?\/\/|@import\s|url\(\s*["']?(https?:)?\/\//i);
    assert.doesNotMatch(page, /<script[^>]*\ssrc\s*=/i);
    assert.doesNotMatch(page, /unpkg\.com|jsdelivr\.net|cdnjs\.|esm\.sh|fonts\.googleapis/i);
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'self'/);
  });

  const everything = `{
    totals { programs tasks claims finalClaims slashedClaims forfeitedClaims voidedClaims disputes openDisputes moves burntWei }
    claims(first: 100) { nodes { id status traceRoot outputRoots challengeUntil openDisputes fraud { kind } ended { transactionHash } } }
    disputes(first: 100) { nodes { id status demands deadline moves { order kind } } }
    tasks(first: 100) { nodes { id status } }
    accounts(first: 100) { nodes { id claimsMade finalClaims slashed workVerified creditedWei disputesWon firstSeen } }
    leaderboard(first: 100) { nodes { rank account { id } finalClaims slashed firstFinalBlock } }
  }`;

  for (const depth of [1, 2, 3]) {
    it(`forgets ${depth} blocks that a re-org removes`, async () => {
      const earlier = await ask(everything);
      const newcomer = `0x${String(depth).repeat(2)}${"e".repeat(38)}` as const;
      const blocks = [
        () =>
          chain.write([
            committed(`late ${depth}`, newcomer),
            revealed(`late ${depth}`),
            ...finalized(`late ${depth}`, newcomer),
          ]),
        () => chain.write([revealed("crowd 0")], challenged(`open ${depth}`, "crowd 0", newcomer)),
        () => chain.write([demanded(`open ${depth}`, "crowd 0", WALK[0]!)], finalized("crowd 1", honest)),
      ];
      for (const block of blocks.slice(0, depth)) await block();
      await indexer.caughtUp();
      const later = await ask(everything);
      assert.equal(later.totals.claims, earlier.totals.claims + 1);
      assert.notDeepEqual(later.leaderboard, earlier.leaderboard);
      assert.equal(later.disputes.nodes.length, earlier.disputes.nodes.length + (depth > 1 ? 1 : 0));

      await chain.reorg(depth);
      await chain.mine(1);
      await indexer.caughtUp();
      assert.deepEqual(await ask(everything), earlier);
    });
  }

  it("indexes what follows a re-org", async () => {
    await chain.write([committed("afterwards", honest), revealed("afterwards"), ...finalized("afterwards", honest)]);
    await indexer.caughtUp();
    const { leaderboard } = await ask(`{ leaderboard(first: 1) { nodes { account { id } finalClaims } } }`);
    assert.deepEqual(leaderboard.nodes, [{ account: { id: honest }, finalClaims: 2 }]);
  });

  it("resumes where it was stopped", async () => {
    const earlier = await ask(everything);
    const { folder } = indexer;
    await indexer.stop(true);
    await chain.write([committed("meanwhile", honest)]);
    indexer = await startIndexer(chain, folder);
    await indexer.caughtUp();
    assert.match(indexer.output(), /crash recovery/);
    const later = await ask(everything);
    assert.equal(later.totals.claims, earlier.totals.claims + 1);
    assert.deepEqual(
      { ...later, totals: null, claims: later.claims.nodes.slice(1), accounts: null },
      { ...earlier, totals: null, claims: earlier.claims.nodes, accounts: null },
    );
  });
});
