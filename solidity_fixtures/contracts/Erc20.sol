// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// OpenZeppelin's ERC-20; the deployer gets the whole supply.
contract Erc20 is ERC20 {
    constructor(uint256 supply) ERC20("Fixture Token", "FIX") {
        _mint(msg.sender, supply);
    }
}
