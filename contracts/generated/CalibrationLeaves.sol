// SPDX-License-Identifier: Apache-2.0
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

    uint256 internal constant COUNT = 3;

    function expected(uint256 index) internal pure returns (Expected memory) {
        // ordinary dot product
        if (index == 0) return Expected(0xd9d8a9d8e71ddc6130a33cd55c89c5148a7e5ed31c3b525d38dcc713aab9f48a, Fault(0, 0, 0, 0x42367fed, 0x42367fec), 1021360);
        // dot product of vanishing terms
        if (index == 1) return Expected(0x9dd5c8f2c1dde8f147955e774eb1cd821619d7a050f71897fdbb39bdb61640e7, Fault(0, 1, 0, 0x80000001, 0x80000000), 1021360);
        // power of a sum of exponentials
        if (index == 2) return Expected(0x7cbb34f9fc8dfacd2470af1bc87f8b7c23e50f280f590d088e9c610a36957950, Fault(0, 2, 0, 0x3ec18be8, 0x3ec18be9), 1815630);
        revert NoSuchLeaf(index);
    }
}
