// Writes what the calibration of a deployed referee must find, from the leaves that the deployment shows it.
import { calibrationLeaves, leafHash } from "../calibration.ts";
import type { Generator } from "./generator.ts";

const PATH = "contracts/generated/CalibrationLeaves.sol";

export const calibrationGenerator: Generator = {
  name: "calibration",
  stage: "before-build",
  owns: [PATH],
  outputs: () => [{ path: PATH, content: calibrationLibrary() }],
};

function calibrationLibrary(): string {
  const leaves = calibrationLeaves();
  const cases = leaves.map((leaf, index) => {
    const { step, primitive, element, claimed, computed } = leaf.fault;
    const fault = [step, primitive, element, hex(claimed), hex(computed)].join(", ");
    return [
      `        // ${leaf.name}`,
      `        if (index == ${index}) return Expected(${leafHash(leaf)}, Fault(${fault}), ${leaf.estimate});`,
    ].join("\n");
  });
  return `// SPDX-License-Identifier: Apache-2.0
// Generated from scripts/calibration.ts by scripts/generate.ts. Do not edit.
pragma solidity 0.8.37;

import {Fault} from "../types/Types.sol";

/// @title CalibrationLeaves
/// @notice The leaves that a deployed referee must judge, by their hashes.
library CalibrationLeaves {
    /// @param leafHash keccak256(abi.encode(claim, keccak256(proof))).
    /// @param gasEstimate Static estimate of the leaf's scalar program.
    struct Expected {
        bytes32 leafHash;
        Fault fault;
        uint256 gasEstimate;
    }

    error NoSuchLeaf(uint256 index);

    uint256 internal constant COUNT = ${leaves.length};

    function expected(uint256 index) internal pure returns (Expected memory) {
${cases.join("\n")}
        revert NoSuchLeaf(index);
    }
}
`;
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, "0")}`;
