import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { bytesToHex, type Hex } from "viem";
import { openDatabase, type NodeDatabase } from "../chain/database.ts";
import { silent, temporaryFolder } from "../chain/test-chain.ts";
import { LockstepError } from "../float/errors.ts";
import { buildScalar, encodeProgram, programRoot as programRootOf, scalarHash, type Program } from "../ir/index.ts";
import { UNCHANGED } from "../ir/program.ts";
import type { Hash } from "../merkle/index.ts";
import type { ContentExchange } from "../net/content.ts";
import { floats, int64s, modelOf } from "../onnx/fixtures.ts";
import { eachConstant, serializeModel } from "../onnx/index.ts";
import { gpt2Model } from "../models/gpt2.ts";
import { drawnWeights } from "../models/weights.ts";
import { ContentStore } from "./content-store.ts";
import { constantLengths, RunTooLargeError } from "./limits.ts";
import { constantSupplies } from "./players/index.ts";
import { Programs, ProgramUnavailableError, type LoweredProgram } from "./programs.ts";
import { hashOf, writeEvent } from "./test-events.ts";
import { joinInputs } from "./words.ts";

// y = x + w; another w is another program.
const modelWith = (value: number) =>
  serializeModel(
    modelOf({
      nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
      inputs: { x: { dtype: "float32", shape: [2, 3] } },
      initializers: { w: floats([3], [1, 2, value]) },
      outputs: ["y"],
    }),
  );
const PLAIN = { dims: {}, state: [] };
const MODEL_OF_TEN = { model: { root: hashOf("m"), bytes: 10 }, ...PLAIN };

describe("programs", () => {
  let folder: { path: string; remove(): void };
  let database: NodeDatabase;
  let publisher: { store: ContentStore; programs: Programs };
  let program: LoweredProgram;

  beforeEach(async () => {
    folder = temporaryFolder("programs");
    database = await openDatabase(":memory:");
    const store = new ContentStore(`${folder.path}/publisher`);
    publisher = { store, programs: new Programs({ database, store, log: silent }) };
    program = await publisher.programs.add(modelWith(3), PLAIN);
  });
  afterEach(async () => {
    await database.destroy();
    folder.remove();
  });

  // Another node, which gets from peers what the publisher's store holds.
  function other(fetched: Hash[] = [], asked: Hash[] = []) {
    const store = new ContentStore(`${folder.path}/other`);
    const exchange: Pick<ContentExchange, "fetchBytes"> = {
      async fetchBytes(root, length) {
        asked.push(root);
        const bytes = await publisher.store.get(root, length);
        if (bytes === undefined) throw new LockstepError("ContentUnavailableError", `nobody has ${root}`, { root });
        fetched.push(root);
        return bytes;
      },
    };
    return { store, programs: new Programs({ database, store, exchange: exchange as ContentExchange, log: silent }) };
  }

  const register = (mirrors: string[], { programRoot }: { programRoot: Hex } = program) =>
    writeEvent(database, "ProgramRegistered", { programRoot, mirrors });

  async function publish({ program: plain, programRoot }: { program: Program; programRoot: Hex }) {
    const { summary, interfaceTable, bindings, records, scalars } = encodeProgram(plain);
    const hexes = (list: readonly Uint8Array[]) => list.map((bytes) => bytesToHex(bytes));
    await writeEvent(database, "ProgramRegistered", {
      programRoot,
      mirrors: [],
      summary: bytesToHex(summary),
      interfaceTable: bytesToHex(interfaceTable),
      bindings: hexes(bindings),
    });
    const bytes = { records: records.map(hexes), scalars: hexes(scalars) };
    await writeEvent(database, "ProgramPublished", { programRoot, ...bytes });
  }

  async function unavailable(programs: Programs, rule: RegExp, programRoot = program.programRoot): Promise<void> {
    await assert.rejects(programs.get(programRoot), (error: unknown) => {
      assert.ok(error instanceof ProgramUnavailableError);
      assert.equal(error.values["programRoot"], programRoot);
      assert.match((error.values["problems"] as string[]).join("\n") || error.message, rule);
      return true;
    });
  }

  it("come from a mirror's manifest and model, are lowered here and served on", async () => {
    await register([program.mirror]);
    const { store, programs } = other();
    const found = await programs.get(program.programRoot);
    assert.equal(found.programRoot, program.programRoot);
    assert.deepEqual(new Map(eachConstant(found.constants)), new Map(eachConstant(program.constants)));
    const [, root = "", length] = program.mirror.split(":");
    assert.ok(await store.get(root as Hash, Number(length)), "the manifest is held now");
    assert.equal(await programs.get(program.programRoot), found, "lowered once");
  });

  it("come from the store alone when it holds them", async () => {
    await register([program.mirror]);
    const { store } = publisher;
    const found = await new Programs({ database, store, log: silent }).get(program.programRoot);
    assert.equal(found.programRoot, program.programRoot);
  });

  it("come with the inputs that they are bound to", async () => {
    const model = serializeModel(
      modelOf({
        nodes: [{ op: "Tile", inputs: ["x", "times"], outputs: ["y"] }],
        inputs: { x: { dtype: "float32", shape: [2] }, times: { dtype: "int64", shape: [1] } },
        outputs: ["y"],
      }),
    );
    const bound = (count: number) => ({ ...PLAIN, bind: { times: int64s([1], [count]) } });
    const twice = await publisher.programs.add(model, bound(2));
    assert.notEqual((await publisher.programs.add(model, bound(3))).programRoot, twice.programRoot);
    await register([twice.mirror], twice);
    const found = await other().programs.get(twice.programRoot);
    assert.deepEqual(
      found.outputs.map(({ shape }) => shape),
      [[4]],
    );
    assert.deepEqual(
      found.inputs.map(({ name }) => name),
      ["x"],
    );
  });

  it("make tokens where the manifest says so", async () => {
    const shape = { layers: 1, heads: 2, width: 32, hidden: 48, vocabulary: 61, positions: 320, epsilon: 1e-5 };
    const model = serializeModel(gpt2Model(shape, drawnWeights({ seed: 5 }), { caches: true }));
    const sampling = { mode: "gumbel", topK: 9 } as const;
    const generate = { batch: 2, prompt: 4, tokens: 3, endTokens: [60], sampling };
    const made = await publisher.programs.add(model, { ...PLAIN, generate });
    await register([made.mirror], made);
    const found = await other().programs.get(made.programRoot);
    assert.deepEqual(
      found.inputs.map(({ name }) => name),
      ["prompt", "lengths", "seed"],
    );
  });

  it("are refused where the manifest asks for more than the command line takes", async () => {
    const shape = { layers: 1, heads: 2, width: 32, hidden: 48, vocabulary: 61, positions: 320, epsilon: 1e-5 };
    const model = serializeModel(gpt2Model(shape, drawnWeights({ seed: 5 }), { caches: true }));
    const generate = { batch: 1, prompt: 4, tokens: 3, endTokens: [], sampling: { mode: "greedy" } } as const;
    const made = await publisher.programs.add(model, { ...PLAIN, generate: { ...generate, endTokens: [] } });
    const [, root = "", length] = made.mirror.split(":");
    const manifest = new TextDecoder().decode(await publisher.store.get(root as Hash, Number(length)));
    const changes: [RegExp, string, string][] = [
      [/"batch":1/, '"batch":4097', "batch"],
      [/"prompt":4/, '"prompt":65537', "prompt"],
      [/"tokens":3/, '"tokens":65537', "tokens"],
      [/"endTokens":\[\]/, `"endTokens":[${new Array(65).fill(1).join()}]`, "endTokens"],
      [/"dims":\{\}/, '"dims":{"n":1000000000}', "dims"],
    ];
    for (const [from, to, name] of changes) {
      const changed = new TextEncoder().encode(manifest.replace(from, to));
      const programRoot = hashOf(`asks for too much: ${name}`);
      await register([`lockstep:${await publisher.store.put(changed)}:${changed.length}`], { programRoot });
      await unavailable(other().programs, new RegExp(`Too big[^]*${name}`), programRoot);
    }
  });

  it("come from a mirror that somebody else added", async () => {
    await register([]);
    await unavailable(other().programs, /no mirror/);
    await writeEvent(database, "ProgramMirrored", { programRoot: program.programRoot, mirrors: [program.mirror] });
    assert.equal((await other().programs.get(program.programRoot)).programRoot, program.programRoot);
  });

  it("are not to be had when nobody registered or serves them", async () => {
    await unavailable(other().programs, /no mirror/);
    await register([program.mirror]);
    const store = new ContentStore(`${folder.path}/alone`);
    await unavailable(new Programs({ database, store, log: silent }), /no network/);
    const [, , bytes = ""] = program.mirror.split(":");
    await register([`lockstep:${hashOf("lost")}:${bytes}`], { programRoot: hashOf("lost program") });
    await unavailable(other().programs, /nobody has/, hashOf("lost program"));
  });

  it("are refused when the model lowers to another program", async () => {
    const wrong = await publisher.programs.add(modelWith(4), PLAIN);
    await register([wrong.mirror]);
    const fetched: Hash[] = [];
    const { programs } = other(fetched);
    const rule = new RegExp(`lowers to program ${wrong.programRoot}`);
    await unavailable(programs, rule);
    // Asked again, it is neither fetched nor lowered again.
    const { length } = fetched;
    const start = performance.now();
    for (let time = 0; time < 50; time++) await unavailable(programs, rule);
    assert.ok(performance.now() - start < 2000);
    assert.equal(fetched.length, length);
  });

  it("are found behind mirrors that are wrong", async () => {
    const wrong = await publisher.programs.add(modelWith(4), PLAIN);
    const root = hashOf("x");
    const junk = ["", "https://example.org", "lockstep:", `lockstep:${root}`, `lockstep:${root}:0`];
    await register([...junk, `lockstep:${root}:999999`, `lockstep:${root}:100`, wrong.mirror, program.mirror]);
    assert.equal((await other().programs.get(program.programRoot)).programRoot, program.programRoot);
  });

  it("are found behind more wrong mirrors than are tried, when their own is the newest", async () => {
    await register(Array.from({ length: 50 }, (_, index) => `lockstep:${hashOf(`junk ${index}`)}:100`));
    await writeEvent(database, "ProgramMirrored", { programRoot: program.programRoot, mirrors: [program.mirror] });
    const found = await other().programs.get(program.programRoot);
    assert.equal(found.programRoot, program.programRoot);
  });

  it("are not asked for again at once where a file of theirs can't be fetched", async () => {
    const { root, bytes } = MODEL_OF_TEN.model;
    const held = new Uint8Array(40).fill(1);
    const bind = { a: { root: await publisher.store.put(held), bytes: 40 }, b: { root, bytes } };
    const model = { root: hashOf("later"), bytes: 40 };
    const text = new TextEncoder().encode(JSON.stringify({ ...MODEL_OF_TEN, model, bind }));
    await register([`lockstep:${await publisher.store.put(text)}:${text.length}`]);
    const asked: Hash[] = [];
    const { programs } = other([], asked);
    for (let time = 0; time < 3; time++) await unavailable(programs, /nobody has/);
    assert.equal(asked.filter((one) => one === model.root).length, 1);
  });

  const manifests: [string, unknown, RegExp][] = [
    ["is no JSON", "{", /not JSON/],
    ["is no object", "[]", /expected object/],
    ["has a key too many", { model: { root: hashOf("m"), bytes: 10 }, ...PLAIN, extra: 1 }, /extra/],
    ["has no model", { ...PLAIN }, /model/],
    ["names a root that is none", { model: { root: "0x12", bytes: 10 }, ...PLAIN }, /root/],
    ["announces too large a model", { model: { root: hashOf("m"), bytes: 2 ** 40 }, ...PLAIN }, /bytes/],
    ["has a dimension of size -1", { model: { root: hashOf("m"), bytes: 10 }, dims: { n: -1 }, state: [] }, /dims/],
    [
      "has a dimension of half a size",
      { model: { root: hashOf("m"), bytes: 10 }, dims: { n: 0.5 }, state: [] },
      /dims/,
    ],
    ["binds what has no root", { model: { root: hashOf("m"), bytes: 10 }, ...PLAIN, bind: { x: {} } }, /bind/],
    [
      "binds more names than any model needs",
      {
        ...MODEL_OF_TEN,
        bind: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x${i}`, MODEL_OF_TEN.model])),
      },
      /at most 64 inputs are bound/,
    ],
    [
      "asks for more bytes than a model may have, by one file under many names",
      { ...MODEL_OF_TEN, bind: { x: { root: hashOf("m"), bytes: 2 ** 27 }, y: { root: hashOf("m"), bytes: 2 ** 27 } } },
      /at most 268435456 bytes together/,
    ],
    ["draws tokens in no way", { model: { root: hashOf("m"), bytes: 10 }, ...PLAIN, generate: {} }, /generate/],
    ["names a model that nobody has", { model: { root: hashOf("m"), bytes: 10 }, ...PLAIN }, /nobody has/],
  ];
  for (const [what, manifest, rule] of manifests) {
    it(`are refused with a manifest that ${what}`, async () => {
      const bytes = new TextEncoder().encode(typeof manifest === "string" ? manifest : JSON.stringify(manifest));
      await register([`lockstep:${await publisher.store.put(bytes)}:${bytes.length}`]);
      await unavailable(other().programs, rule);
    });
  }

  it("are run from their published bytes where there is no model", async () => {
    await publish(program);
    const { programs } = other();
    await unavailable(programs, /no mirror/);
    const { program: found, constants } = await programs.runnable(program.programRoot);
    assert.deepEqual(encodeProgram(found).summary, encodeProgram(program.program).summary);
    assert.deepEqual(new Map(eachConstant(constants)), new Map(eachConstant(program.constants)));
    assert.equal(await programs.flawOf(program.programRoot), null);
  });

  it("are run from published bytes where two of their weights share a root", async () => {
    const model = serializeModel(
      modelOf({
        nodes: [
          { op: "Add", inputs: ["a", "short"], outputs: ["c"] },
          { op: "Add", inputs: ["b", "long"], outputs: ["d"] },
        ],
        inputs: { a: { dtype: "float32", shape: [2] }, b: { dtype: "float32", shape: [3] } },
        initializers: { short: floats([2], [1, 2]), long: floats([3], [1, 2, 0]) },
        outputs: ["c", "d"],
      }),
    );
    const made = await publisher.programs.add(model, PLAIN);
    await publish(made);
    const { constants } = await other().programs.runnable(made.programRoot);
    assert.deepEqual(
      [...eachConstant(constants)].map(([, words]) => [...words]),
      [[0x3f800000, 0x40000000, 0]],
    );
  });

  it("can't be run where a weight's root stands for two numbers of chunks, and all that can be had is fetched", async () => {
    const [segment] = program.program.segments;
    const constants = constantLengths(program.program);
    for (const length of [257, 2 ** 20]) {
      // First of all records, so that everything else is asked for after it.
      const operands = constants.map(({ root }) => ({ kind: "constant", type: "f32", length, root }) as const);
      const scalar = buildScalar({ operands: operands.map(() => "f32"), output: "f32", extents: [1] }, (b) => b.f32(1));
      const records = [...segment.records, { scalar: scalarHash(scalar), type: "f32", length: 1, operands } as const];
      const slots = [{ type: "f32", length, initial: { kind: "constant", root: constants[0].root } } as const];
      const scalars = new Map(program.program.scalars).set(scalarHash(scalar), scalar);
      const asOperand = { ...program.program, segments: [{ ...segment, records }], scalars };
      const asSlot = { ...program.program, slots, segments: [{ ...segment, slotBindings: [UNCHANGED] }] };
      for (const [two, supplies] of [
        [asOperand, constants.length],
        [asSlot, 1],
      ] as const) {
        const programRoot = programRootOf(two);
        await publish({ program: two, programRoot });
        const fetched: Hash[] = [];
        const { store, programs } = other(fetched);
        rmSync(store.folder, { recursive: true });
        mkdirSync(store.folder);
        await assert.rejects(programs.runnable(programRoot), ProgramUnavailableError);
        assert.deepEqual(new Set(fetched), new Set(constants.map(({ root }) => root)));
        assert.equal(await programs.isRunnable(programRoot), false);
        await assert.rejects(programs.runnable(programRoot, true), ProgramUnavailableError);
        // What is left to demand is what nobody can show.
        const missing: number[] = [];
        for (const supply of constantSupplies(two)) {
          if (!(await programs.holdsConstant(supply.root, supply.length))) missing.push(supply.length);
        }
        assert.deepEqual(
          missing,
          Array.from({ length: supplies }, () => length),
        );
      }
    }
  });

  it("are run from published and stored bytes for own work, and lowered only where a part is not held", async () => {
    await publish(program);
    await register([program.mirror]);
    const asked: Hash[] = [];
    const { store, programs } = other([], asked);
    const weights = [...eachConstant(program.constants)];
    for (const [, words] of weights) await store.put(joinInputs([words]));
    const { program: found, constants } = await programs.runnable(program.programRoot, true);
    assert.deepEqual(encodeProgram(found), encodeProgram(program.program));
    assert.deepEqual(new Map(eachConstant(constants)), new Map(weights));
    assert.deepEqual(asked, [], "no model is fetched");
    for (const [root, words] of weights) rmSync(`${store.folder}/${root.slice(2)}-${words.byteLength}`);
    const lowered = await programs.runnable(program.programRoot, true);
    assert.deepEqual(encodeProgram(lowered.program), encodeProgram(program.program));
    assert.ok(asked.length > 0);
  });

  it("can't be run from published bytes whose weights no run could hold: none is fetched", async () => {
    const [segment] = program.program.segments;
    const records = segment.records.map((record) => ({
      ...record,
      operands: record.operands.map((one) => (one.kind === "constant" ? { ...one, length: 2 ** 31 - 1 } : one)),
    }));
    const huge: Program = { ...program.program, segments: [{ ...segment, records }] };
    const programRoot = programRootOf(huge);
    await publish({ program: huge, programRoot });
    const fetched: Hash[] = [];
    await assert.rejects(other(fetched).programs.runnable(programRoot), RunTooLargeError);
    assert.deepEqual(fetched, []);
  });

  it("can't be run from published bytes without their weights", async () => {
    await publish(program);
    const store = new ContentStore(`${folder.path}/alone`);
    const programs = new Programs({ database, store, log: silent });
    await assert.rejects(programs.runnable(program.programRoot), ProgramUnavailableError);
  });

  it("have a flaw that can be proven when their bytes are not valid", async () => {
    const [segment] = program.program.segments;
    const [record] = segment.records;
    // One element more than the scalar program's extents give.
    const records = [{ ...record, length: record.length + 1 }, ...segment.records.slice(1)];
    const flawed = { ...program.program, segments: [{ ...segment, records }] } as unknown as Program;
    const programRoot = hashOf("flawed");
    await publish({ program: flawed, programRoot });
    const { programs } = other();
    const proof = await programs.flawOf(programRoot);
    assert.notEqual(proof, null);
    await assert.rejects(programs.runnable(programRoot));
  });

  it("are not published by nobody", async () => {
    await assert.rejects(other().programs.flawOf(program.programRoot), ProgramUnavailableError);
  });
});
