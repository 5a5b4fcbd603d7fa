// What is mutated, what is compiled with each mutant of it, and the tests that should notice.

export interface Target {
  /** The source that is mutated. */
  file: string;
  /** What runs its code in the tests: source and contract. The smallest harness, since every mutant compiles it. */
  artifacts: [source: string, contract: string][];
  tests: string[];
}

const harness = (name: string): [string, string] => [`contracts/mocks/${name}.sol`, name];
const contract = (name: string): [string, string] => [`contracts/${name}.sol`, name];
const library = (name: string) => `contracts/libraries/${name}.sol`;
const tests = (...names: string[]) => names.map((name) => `test/contracts/${name}.test.ts`);

const DISPUTES = tests(
  "dispute-clocks",
  "dispute-money",
  "dispute-walk",
  "dispute-relative",
  "dispute-lifecycle",
  "dispute-availability",
  "dispute-deferred",
  "dispute-proofs",
);

export const TARGETS: Target[] = [
  { file: library("Clock"), artifacts: [harness("RulesHarness")], tests: tests("mutation/rules") },
  { file: library("Bonds"), artifacts: [harness("RulesHarness")], tests: tests("mutation/rules") },
  {
    file: library("MerkleTree"),
    artifacts: [harness("MerkleTreeHarness")],
    tests: tests("merkle-tree", "mutation/merkle-tree"),
  },
  { file: library("Float32"), artifacts: [harness("Float32Harness")], tests: tests("float32", "float-dot") },
  {
    file: library("DotProduct"),
    artifacts: [harness("Float32Harness")],
    tests: tests("float-dot", "mutation/float-dot"),
  },
  { file: library("ScalarCode"), artifacts: [harness("ScalarMachineHarness")], tests: tests("scalar-machine") },
  { file: library("ScalarMachine"), artifacts: [harness("ScalarMachineHarness")], tests: tests("scalar-machine") },
  {
    file: library("Evidence"),
    artifacts: [contract("StructureReferee"), contract("Referee")],
    tests: tests("structure-referee", "referee"),
  },
  {
    file: "contracts/StructureReferee.sol",
    artifacts: [contract("StructureReferee")],
    tests: tests("structure-referee"),
  },
  { file: library("Walk"), artifacts: [contract("DisputeGame")], tests: DISPUTES },
  { file: library("ChallengeWord"), artifacts: [contract("DisputeGame")], tests: DISPUTES },
  { file: "contracts/DisputeGame.sol", artifacts: [contract("DisputeGame")], tests: DISPUTES },
  {
    file: "contracts/ClaimRegistry.sol",
    artifacts: [contract("ClaimRegistry")],
    tests: [...tests("claims"), ...DISPUTES],
  },
];
