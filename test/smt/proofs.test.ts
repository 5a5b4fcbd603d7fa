// What is proved of the contracts' clocks, bonds and coin (sections 5 and 6), and that the prover refutes what is false: a
// proof that cannot fail shows nothing. Skipped where z3 is not installed, never passed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { PROOFS, ProofError, hasSolver, unseenAssertions, vacuousFunctions, verdictsOf } from "../../scripts/smt.ts";
import type { Proof, Verdict } from "../../scripts/smt.ts";

const FALSE: Proof = { file: "test/smt/FalseProof.sol", engine: "chc", targets: ["assert"] };

const outcomesOf = (verdicts: Verdict[]) => verdicts.map(({ line, outcome }) => `${line}: ${outcome}`).sort();

describe("proofs", { skip: hasSolver() ? false : "z3 is not installed" }, () => {
  for (const proof of PROOFS) {
    it(`test_${proof.file}_everyCondition_isProved`, () => {
      const verdicts = verdictsOf(proof);
      assert.deepEqual(
        verdicts.filter(({ outcome }) => outcome !== "proved"),
        [],
      );
      assert.ok(verdicts.length > 0);
      assert.deepEqual(unseenAssertions(proof, verdicts), []);
    });

    it(`test_${proof.file}_everyFunction_reachesItsEnd`, () => {
      assert.deepEqual(vacuousFunctions(proof), []);
    });
  }

  for (const engine of ["chc", "bmc"] as const) {
    it(`test_${engine}_falseAssertions_areRefuted`, () => {
      const lines = outcomesOf(verdictsOf({ ...FALSE, engine }));
      assert.deepEqual(lines, ["14: refuted", "22: refuted", "29: refuted", "36: proved"]);
    });
  }

  it("test_vacuousFunctions_assumptionsThatExcludeEachOther_areNamed", () => {
    const text = readFileSync(FALSE.file, "utf8").replace(
      "moveFeeWei < 1 << 64);\n",
      "moveFeeWei < 1 && moveFeeWei > 1);\n",
    );
    assert.deepEqual(vacuousFunctions(FALSE, text), ["allowsLess"]);
  });

  it("test_unseenAssertions_aContractNotAskedFor_areListed", () => {
    const other = `abstract contract Other {\n    function f(uint256 x) external pure {\n        assert(x > 1);\n    }\n}\n`;
    const text = readFileSync(FALSE.file, "utf8") + other;
    assert.deepEqual(unseenAssertions(FALSE, verdictsOf(FALSE, text), text), [text.indexOf("assert(x > 1)")]);
  });

  it("test_verdictsOf_textThatDoesNotCompile_isRefused", () => {
    assert.throws(() => verdictsOf(FALSE, "contract FalseProof { function }"), ProofError);
  });
});
