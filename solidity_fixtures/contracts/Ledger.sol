// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Storage in every shape, and much of it.
contract Ledger {
    struct Entry {
        uint128 debit;
        uint64 time;
        bool open;
        address owner;
        string note;
    }

    uint256[] public list;
    mapping(address => mapping(uint256 => Entry)) private _entries;
    uint8[64] public packed;
    bytes public blob;

    function push(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) list.push(list.length + 1);
    }

    function overwrite(uint256 from, uint256 count, uint256 value) external {
        for (uint256 i = from; i < from + count; ++i) list[i] = value;
    }

    function pop(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) list.pop();
    }

    /// Every slot is cleared: the refund is capped at a fifth of the gas (EIP-3529).
    function clear() external {
        delete list;
    }

    /// Dirty slots in all orders of EIP-2200: 0→1→0, 1→2→1, 1→0→2, 1→0→1.
    function churn(uint256 place) external {
        uint256 old = list[place];
        list[place] = old + 1;
        list[place] = old;
        list[place] = 0;
        list[place] = old + 2;
        list[place] = 0;
        list[place] = old;
        list.push(7);
        list.pop();
    }

    function enter(address who, uint256 id, uint128 debit, string calldata note) external {
        _entries[who][id] = Entry(debit, uint64(block.timestamp), true, msg.sender, note);
    }

    function entry(address who, uint256 id) external view returns (Entry memory) {
        return _entries[who][id];
    }

    function remove(address who, uint256 id) external {
        delete _entries[who][id];
    }

    function pack(uint8 step) external {
        for (uint256 i = 0; i < packed.length; ++i) {
            unchecked {
                packed[i] += step;
            }
        }
    }

    function write(bytes calldata data) external {
        blob = data;
    }

    function sum() external view returns (uint256 total) {
        for (uint256 i = 0; i < list.length; ++i) total += list[i];
    }
}
