// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScalarValidator} from "../libraries/ScalarValidator.sol";

/// @title Entry to ScalarValidator for tests
contract ScalarValidatorHarness {
    /// @notice A verdict and the static bounds.
    struct Inspection {
        uint256 reason;
        uint256 chunks;
        uint256 gasBound;
    }

    /// @return inspections One per program.
    function inspect(bytes[] calldata programs) external pure returns (Inspection[] memory inspections) {
        inspections = new Inspection[](programs.length);
        for (uint256 i = 0; i < programs.length; ++i) {
            (uint256 reason, uint256 chunks, uint256 gasBound) = ScalarValidator.inspect(programs[i]);
            inspections[i] = Inspection(reason, chunks, gasBound);
        }
    }

    /// @return gasUsed Gas of one verdict.
    function gasOf(bytes calldata program) external view returns (uint256 gasUsed) {
        gasUsed = gasleft();
        ScalarValidator.flawOf(program);
        gasUsed -= gasleft();
    }
}
