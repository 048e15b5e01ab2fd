// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Calls itself: as deep as it can, or a given number of times.
///
/// Each call hands on 63/64 of its gas (EIP-150), so depth is bought exponentially: the transaction
/// gas cap of Osaka (16,777,216) reaches about 450 frames; EVM depth 1,024 takes some 10^11 gas,
/// which an eth_call or a chain without the cap can give.
contract Recursion {
    /// Frames below the first that the last `dive` reached.
    uint256 public reached;

    event Reached(uint256 wanted, uint256 reached);

    /// Calls itself in itself `wanted` times, or until gas or depth ends; gives how often it did.
    function dive(uint256 wanted) external returns (uint256 deep) {
        deep = _below(wanted);
        reached = deep;
        emit Reached(wanted, deep);
    }

    /// `dive` without the record.
    function plumb(uint256 wanted) external returns (uint256) {
        return _below(wanted);
    }

    /// Makes exactly `calls` calls to itself, two below each: 1,024 calls fit any gas limit.
    function tree(uint256 calls) external returns (uint256 made) {
        if (calls == 0) return 0;
        uint256 left = (calls - 1) / 2;
        made = 1 + this.tree(left) + this.tree(calls - 1 - left);
    }

    /// One frame of the dive: a word of calldata without a selector comes here, the shortest way.
    fallback() external {
        uint256 wanted;
        assembly ("memory-safe") {
            wanted := calldataload(0)
        }
        uint256 deep = _below(wanted);
        assembly ("memory-safe") {
            mstore(0, deep)
            return(0, 32)
        }
    }

    function _below(uint256 wanted) private returns (uint256 deep) {
        if (wanted == 0) return 0;
        assembly ("memory-safe") {
            mstore(0, sub(wanted, 1))
            if call(gas(), address(), 0, 0, 32, 0, 32) { deep := add(mload(0), 1) }
        }
    }
}
