import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { interpreterRunner } from "../engine/index.ts";
import { createHost, equalsInterpreter, sharedHost } from "./index.ts";

describe("host", () => {
  it("runs compiled programs where this process can", () => {
    assert.notEqual(createHost().tier, "interpreted");
    assert.equal(sharedHost(), sharedHost());
  });

  it("refuses a backend that differs in one bit", () => {
    assert.equal(equalsInterpreter(interpreterRunner), true);
    const wrong: typeof interpreterRunner = {
      run(scalar, step, operands, output) {
        interpreterRunner.run(scalar, step, operands, output);
        output[output.length - 1] ^= 1;
      },
    };
    assert.equal(equalsInterpreter(wrong), false);
  });
});
