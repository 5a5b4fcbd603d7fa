// A text generator as work: its program is registered with what it is made of, one solver continues the prompts rightly and is
// paid, another changes one number on the way to a token and is slashed.
import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { drawnWeights, gpt2Model } from "@lockstep/node/models";
import { int64s } from "@lockstep/node/onnx/fixtures";
import { serializeModel } from "@lockstep/node/onnx/serialize";
import { serializeTensorFile } from "@lockstep/node/onnx/tensor";
import type { Hex } from "viem";
import { openWorld } from "../actors/world.ts";

test("text is asked for, claimed, and disputed where it is wrong", { timeout: 240_000 }, async (t) => {
  const world = await openWorld(t, { window: 25, proofReveal: 3, clock: 45 });
  const [requester, honest, cheat, verifier] = [
    await world.actor("requester"),
    await world.actor("honest"),
    await world.actor("cheat"),
    await world.actor("verifier"),
  ];
  await world.mint(requester.address);
  const file = (name: string, bytes: Uint8Array) => {
    const path = join(requester.home, name);
    writeFileSync(path, bytes);
    return path;
  };
  const shape = { layers: 1, heads: 2, width: 32, hidden: 48, vocabulary: 61, positions: 320, epsilon: 1e-5 };
  const decoder = file("decoder.onnx", serializeModel(gpt2Model(shape, drawnWeights({ seed: 5 }), { caches: true })));
  const making = ["--generate", "4", "--prompt-length", "3"];
  const register = ["program", "register", decoder, ...making];
  const { programRoot } = await world.lockstep<{ programRoot: Hex }>(requester.home, ...register);
  for (const { home } of [honest, cheat, verifier]) {
    cpSync(join(requester.home, "content"), join(home, "content"), { recursive: true });
  }
  const prompt = file("prompt.pb", serializeTensorFile(int64s([1, 3], [0, 7, 9])));
  const lengths = file("lengths.pb", serializeTensorFile(int64s([1], [2])));
  for (const { address } of [honest, cheat]) {
    const inputs = ["--input", prompt, "--input", lengths, "--steps", "4", "--pay", "5", "--solver", address];
    await world.lockstep(requester.home, "task", "request", programRoot, ...inputs);
  }
  await Promise.all([
    world.start(honest, "solver"),
    world.start(cheat, "solver", "--lie", "random:3"),
    world.start(verifier, "verifier"),
  ]);
  const of = (address: string) => (claim: { claimant: string }) => claim.claimant === address;
  await world.until("the cheat is slashed", ({ claims }) => claims.find(of(cheat.address))?.status === "slashed", 100);
  await world.until(
    "the honest claim is final",
    ({ claims }) => claims.find(of(honest.address))?.status === "final",
    100,
  );
  assert.equal((await world.events("ClaimSlashed")).length, 1);
  await world.until("the honest solver is paid", ({ tasks }) => tasks.some(({ status }) => status === "paid"), 60);
});
