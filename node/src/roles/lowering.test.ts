import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { temporaryFolder } from "../chain/test-chain.ts";
import type { Hash } from "../merkle/index.ts";
import { serializeModel, serializeTensorFile } from "../onnx/index.ts";
import { importModel } from "../onnx/import.ts";
import { floats, int64s, modelOf } from "../onnx/fixtures.ts";
import type { Attribute, OnnxGraph, OnnxModel } from "../onnx/types.ts";
import { ContentStore } from "./content-store.ts";
import { lowerApart, LoweringBusyError, LoweringError } from "./lowering.ts";
import { hashOf } from "./test-events.ts";

// y = x + w, after loops of `turns` turns in `turns` turns that do nothing.
function looping(turns: number): OnnxModel {
  const loop = (limit: string, body: OnnxGraph): Record<string, Attribute> => ({
    body: { type: "graph", value: body },
    limit: { type: "string", value: limit },
  });
  const body = (level: number): OnnxGraph => ({
    name: `body ${level}`,
    inputs: [`i${level}`, `c${level}`].map((name) => ({ name, kind: "tensor" })),
    outputs: [{ name: `c${level}`, kind: "tensor" }],
    values: [],
    initializers: new Map(),
    sparseInitializers: new Map(),
    nodes:
      level === 0
        ? []
        : [
            {
              name: "",
              opType: "Loop",
              domain: "",
              inputs: ["turns"],
              outputs: [],
              attributes: new Map(Object.entries(loop("turns", body(level - 1)))),
            },
          ],
  });
  return modelOf({
    inputs: { x: { dtype: "float32", shape: [3] } },
    initializers: { turns: int64s([], [turns]), w: floats([3], [1, 2, 3]) },
    outputs: ["y"],
    nodes: [
      { op: "Loop", inputs: ["turns"], outputs: [], attributes: loop("turns", body(1)) },
      { op: "Add", inputs: ["x", "w"], outputs: ["y"] },
    ],
  });
}

describe("lowering in a thread of its own", () => {
  const folder = temporaryFolder("lowering");
  after(() => folder.remove());
  const store = new ContentStore(folder.path);

  async function requestFor(model: OnnxModel, programRoot = importModel(model).programRoot) {
    const file = serializeModel(model);
    const manifest = { model: { root: await store.put(file), bytes: file.length }, dims: {}, state: [] };
    return { folder: folder.path, programRoot, manifest };
  }

  it("gives the program with its weights, and stores them", async () => {
    const model = looping(2);
    const answer = await lowerApart(await requestFor(model));
    assert.ok(answer.kind === "lowered");
    const expected = importModel(model);
    assert.deepEqual(answer.model.program, expected.program);
    assert.deepEqual([answer.model.inputs, answer.model.outputs], [expected.inputs, expected.outputs]);
    const [root] = expected.constants.keys();
    assert.deepEqual(answer.model.constants.get(root), Uint32Array.of(0x3f800000, 0x40000000, 0x40400000));
    assert.equal((await store.get(root, 12))?.length, 12);
  });

  it("leaves this thread free", async () => {
    const request = await requestFor(looping(300));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const answer = await lowerApart(request);
    clearInterval(timer);
    assert.equal(answer.kind, "lowered");
    assert.ok(ticks > 10, `${ticks} ticks`);
  });

  it("says what the importer refuses, and which program another model is", async () => {
    const refused = await lowerApart(await requestFor(looping(1000), hashOf("too many turns")));
    assert.ok(refused.kind === "refused" && /nodes lowered/.test(refused.reason));
    const model = looping(2);
    const differs = await lowerApart(await requestFor(model, hashOf("another")));
    assert.deepEqual(differs, { kind: "differs", programRoot: importModel(model).programRoot });
    const absent = hashOf("x");
    const lost = {
      ...(await requestFor(model)),
      manifest: { model: { root: absent, bytes: 4 }, dims: {}, state: [] },
    };
    assert.deepEqual(await lowerApart(lost), { kind: "lost", root: absent });
  });

  it("ends at its deadline, and others have their turn", async () => {
    const request = await requestFor(looping(2));
    const late = await Promise.allSettled(Array.from({ length: 5 }, () => lowerApart(request, { milliseconds: 1 })));
    for (const one of late) assert.ok(one.status === "rejected" && one.reason instanceof LoweringError);
    assert.equal((await lowerApart(request)).kind, "lowered");
  });

  it("lowers own work before that of strangers, of whom only so many wait", async () => {
    const request = await requestFor(looping(2));
    const order: string[] = [];
    const one = async (who: string, own: boolean) => {
      await assert.rejects(lowerApart(request, { own, milliseconds: 1 }), LoweringError);
      order.push(who);
    };
    const all = [...Array.from({ length: 18 }, () => one("stranger", false)), one("own", true)];
    await assert.rejects(lowerApart(request), LoweringBusyError);
    await Promise.all(all);
    assert.ok(order.indexOf("own") < 6, order.join());
  });

  it("refuses a bound name that the model lacks before its file is read, and reads a file once", async () => {
    const model = modelOf({
      inputs: {
        x: { dtype: "float32", shape: [1] },
        a: { dtype: "float32", shape: [1] },
        b: { dtype: "float32", shape: [1] },
      },
      outputs: ["y"],
      nodes: [
        { op: "Add", inputs: ["x", "a"], outputs: ["c"] },
        { op: "Add", inputs: ["c", "b"], outputs: ["y"] },
      ],
    });
    const w = floats([1], [2]);
    const file = serializeTensorFile(w);
    const entry = { root: await store.put(file), bytes: file.length };
    const request = await requestFor(model, importModel(model, { bind: { a: w, b: w } }).programRoot);
    const bound = (bind: Record<string, { root: Hash; bytes: number }>) =>
      lowerApart({ ...request, manifest: { ...request.manifest, bind } });
    assert.equal((await bound({ a: entry, b: entry })).kind, "lowered");
    const refused = await bound({ z: { root: hashOf("absent"), bytes: 4 } });
    assert.ok(refused.kind === "refused" && /no such input/.test(refused.reason));
  });

  it("ends with the node, also what waits", async () => {
    const request = await requestFor(looping(2));
    const stopping = new AbortController();
    const pending = Array.from({ length: 5 }, () => lowerApart(request, { signal: stopping.signal }));
    const start = performance.now();
    stopping.abort();
    for (const one of await Promise.allSettled(pending)) assert.ok(one.status === "rejected");
    assert.ok(performance.now() - start < 2000);
    await assert.rejects(lowerApart(request, { signal: stopping.signal }), /the node stops/);
  });
});
