// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Terms} from "../types/Types.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @title Ids of claims
/// @notice A claim's id hashes all that is claimed, so whoever carries a claim's preimage carries the truth of it or another id
/// (section 6). Terms that are not canonically encoded revert.
library ClaimId {
    /// @notice Of the protocol; a claim of another version has another id.
    uint256 internal constant VERSION = 2;

    /// @notice The id of a claim of a program: who shows the program needs nothing else of the claim but its body.
    function join(bytes32 programRoot, bytes32 body) internal pure returns (bytes32) {
        return MerkleTree.hashPair(programRoot, body);
    }

    /// @notice The body of a claim whose trace root and outputs are sealed.
    function bodyOfSealed(
        address registry,
        address claimant,
        Terms calldata terms,
        uint256 bondWei,
        bytes32 seal
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, registry, VERSION, claimant, terms, bondWei, seal));
    }

    /// @notice The body of a claim. The seal hashes the claimant, so that nobody can commit to a seal that another made, and
    /// learn what is in it from the other's reveal.
    /// @dev The same as hashing abi.encode of the parts, without checking that they are canonical: a claim that is not has
    /// a body that nobody could commit to.
    function bodyOf(address registry, Claim calldata claim) internal view returns (bytes32 body) {
        uint256 version = VERSION;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            // The seal: claimant, then trace root, outputs' hash and salt, which end the claim.
            calldatacopy(buffer, claim, 0x20)
            calldatacopy(add(buffer, 0x20), add(claim, 0x120), 0x60)
            let seal := keccak256(buffer, 0x80)
            mstore(buffer, chainid())
            mstore(add(buffer, 0x20), and(registry, 0xffffffffffffffffffffffffffffffffffffffff))
            mstore(add(buffer, 0x40), version)
            // Claimant, terms (7 words) and bond follow each other in the claim as in its body.
            calldatacopy(add(buffer, 0x60), claim, 0x120)
            mstore(add(buffer, 0x180), seal)
            body := keccak256(buffer, 0x1a0)
        }
    }

    /// @notice The id of a claim whose trace root and outputs are sealed.
    function ofSealed(
        address registry,
        address claimant,
        Terms calldata terms,
        uint256 bondWei,
        bytes32 seal
    ) internal view returns (bytes32) {
        return join(terms.programRoot, bodyOfSealed(registry, claimant, terms, bondWei, seal));
    }

    /// @notice The id of a claim.
    function ofClaim(address registry, Claim calldata claim) internal view returns (bytes32) {
        return join(claim.terms.programRoot, bodyOf(registry, claim));
    }
}
