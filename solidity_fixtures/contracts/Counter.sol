// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Counts, says so, and refuses in each of the ways that a contract can.
contract Counter {
    /// Above this, `set` refuses.
    uint256 public constant MOST = 1_000_000;

    uint256 public number;

    event Incremented(address indexed by, uint256 number);
    event Set(address indexed by, uint256 from, uint256 to);

    error TooLarge(uint256 given, uint256 most);

    function increment() external {
        number += 1;
        emit Incremented(msg.sender, number);
    }

    /// Refuses zero with a revert string.
    function decrement() external {
        require(number > 0, "already zero");
        number -= 1;
    }

    /// Refuses what is above MOST with a custom error.
    function set(uint256 to) external {
        if (to > MOST) revert TooLarge(to, MOST);
        emit Set(msg.sender, number, to);
        number = to;
    }

    /// Panics with code 0x12.
    function divide(uint256 by) external view returns (uint256) {
        return number / by;
    }
}
