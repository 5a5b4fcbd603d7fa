// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScalarValidator} from "../libraries/ScalarValidator.sol";

/// @title Entry to ScalarValidator for tests
contract ScalarValidatorHarness {
    /// @return reasons Per program: 0 valid, else the reason.
    function flawsOf(bytes[] calldata programs) external pure returns (uint256[] memory reasons) {
        reasons = new uint256[](programs.length);
        for (uint256 i = 0; i < programs.length; ++i) reasons[i] = ScalarValidator.flawOf(programs[i]);
    }

    /// @return gasUsed Gas of one verdict.
    function gasOf(bytes calldata program) external view returns (uint256 gasUsed) {
        gasUsed = gasleft();
        ScalarValidator.flawOf(program);
        gasUsed -= gasleft();
    }
}
