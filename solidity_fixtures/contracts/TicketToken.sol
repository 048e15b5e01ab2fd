// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An ERC-20 that stands for one ticket of layer 1: the bridge mints and burns it.
contract TicketToken is ERC20 {
    address private constant BRIDGE = 0xff00000000000000000000000000000000000002;

    uint256 public immutable ticketHash;

    error OnlyBridge();
    error OtherTicket(uint256 hash);

    constructor(string memory name, string memory symbol, uint256 hash) ERC20(name, symbol) {
        ticketHash = hash;
    }

    modifier fromBridge(uint256 hash) {
        if (msg.sender != BRIDGE) revert OnlyBridge();
        if (hash != ticketHash) revert OtherTicket(hash);
        _;
    }

    function deposit(address target, uint256 amount, uint256 hash) external fromBridge(hash) {
        _mint(target, amount);
    }

    function withdraw(address target, uint256 amount, uint256 hash) external fromBridge(hash) {
        _burn(target, amount);
    }
}
