// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Test token
/// @notice An ERC-20 with permit for local and test networks: anyone may mint to anyone, so it is worth nothing.
contract TestToken is ERC20Permit {
    constructor() ERC20("Lockstep Test Token", "LST") ERC20Permit("Lockstep Test Token") {}

    /// @notice Mints `amount` (18 decimals) to `account`.
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }
}
