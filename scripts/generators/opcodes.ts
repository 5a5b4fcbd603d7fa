// Writes the opcode table of scalar programs in Solidity, from the table the interpreter runs by.
import { solidityOpcodes } from "@lockstep/node/ir/solidity";
import type { Generator } from "./generator.ts";

const PATH = "contracts/generated/Opcodes.sol";

export const opcodesGenerator: Generator = {
  name: "opcodes",
  stage: "before-build",
  owns: [PATH],
  outputs: () => [{ path: PATH, content: solidityOpcodes() }],
};
