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
    function bodyOf(address registry, Claim calldata claim) internal view returns (bytes32) {
        bytes32 seal = keccak256(abi.encode(claim.claimant, claim.traceRoot, claim.outputsHash, claim.salt));
        return bodyOfSealed(registry, claim.claimant, claim.terms, claim.bondWei, seal);
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
