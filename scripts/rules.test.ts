// What a chain's answers to the probes say about its rules.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hex } from "viem";
import { chooseRules, RulesNotThereError, rulesOf, RulesUnsupportedError } from "./rules.ts";

const word = (last: string): Hex => `0x${last.padStart(64, "0")}`;

/** A chain that answers each probe in turn; undefined is an opcode it lacks. */
function chainOf(...answers: (Hex | undefined)[]) {
  let asked = 0;
  return {
    call: () => {
      const data = answers[asked++];
      return data === undefined ? Promise.reject(new Error("invalid opcode")) : Promise.resolve({ data });
    },
    getChainId: () => Promise.resolve(7),
  };
}

describe("rules", () => {
  it("follow from what the probes return", async () => {
    assert.equal(await rulesOf(chainOf(word("ff"))), "osaka");
    assert.equal(await rulesOf(chainOf(undefined, word("5"))), "prague");
    assert.equal(await chooseRules(chainOf(word("ff"))), "osaka");
    assert.equal(await chooseRules(chainOf(word("ff")), "prague"), "prague");
    assert.equal(await chooseRules(chainOf(undefined, word("5")), "prague"), "prague");
  });

  it("take no wrong answer for an opcode", async () => {
    assert.equal(await rulesOf(chainOf(word("fe"), word("5"))), "prague");
    await assert.rejects(rulesOf(chainOf("0x", "0x")), RulesUnsupportedError);
    await assert.rejects(rulesOf(chainOf(word("fe"), word("6"))), RulesUnsupportedError);
  });

  it("refuse a chain that runs neither build, or not the one asked for", async () => {
    await assert.rejects(rulesOf(chainOf(undefined, undefined)), /RulesUnsupportedError|Chain 7 has neither/);
    await assert.rejects(chooseRules(chainOf(undefined, word("5")), "osaka"), RulesNotThereError);
  });

  it("do not take a silent endpoint for an old chain", async () => {
    const silent = { ...chainOf(), getChainId: () => Promise.reject(new Error("connect ECONNREFUSED")) };
    await assert.rejects(rulesOf(silent), /ECONNREFUSED/);
  });
});
