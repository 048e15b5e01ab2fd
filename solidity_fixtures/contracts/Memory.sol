// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Memory: much of it, copied every way.
contract Memory {
    event Hashed(uint256 size, bytes32 hash);

    /// Grows memory to `size` bytes and hashes all of it.
    function grow(uint256 size) external returns (bytes32 hash) {
        assembly {
            let at := mload(0x40)
            mstore8(add(at, sub(size, 1)), 7)
            hash := keccak256(at, size)
        }
        emit Hashed(size, hash);
    }

    /// Overlapping MCOPY (EIP-5656) both ways.
    function slide(uint256 size, uint256 by) external returns (bytes32 hash) {
        assembly {
            let at := mload(0x40)
            for { let i := 0 } lt(i, size) { i := add(i, 32) } { mstore(add(at, i), add(i, 1)) }
            mcopy(add(at, by), at, size)
            mcopy(at, add(at, by), size)
            mcopy(add(at, div(size, 2)), at, size)
            hash := keccak256(at, add(size, by))
        }
        emit Hashed(size, hash);
    }

    /// Gives back so many bytes.
    function give(uint256 size) public pure returns (bytes memory data) {
        data = new bytes(size);
        for (uint256 i = 0; i < size; i += 32) data[i] = bytes1(uint8(i / 32));
    }

    /// Calldata, code, another's code and returned data, all in memory at once.
    function gather(uint256 size, bytes calldata data) external returns (bytes32 hash) {
        bytes memory all = abi.encode(data, address(this).code, this.give(size));
        assembly {
            let at := mload(0x40)
            codecopy(at, 0, add(codesize(), 64))
            hash := keccak256(at, add(codesize(), 64))
        }
        hash = keccak256(abi.encode(hash, all));
        emit Hashed(all.length, hash);
    }

    /// Mergesort in memory.
    function sort(uint256 count) external returns (uint256[] memory numbers) {
        numbers = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) numbers[i] = uint256(keccak256(abi.encode(i))) % 1000;
        numbers = _sort(numbers);
        emit Hashed(count, keccak256(abi.encode(numbers)));
    }

    function _sort(uint256[] memory numbers) private pure returns (uint256[] memory sorted) {
        if (numbers.length < 2) return numbers;
        uint256 half = numbers.length / 2;
        uint256[] memory left = new uint256[](half);
        uint256[] memory right = new uint256[](numbers.length - half);
        for (uint256 i = 0; i < numbers.length; ++i) {
            if (i < half) left[i] = numbers[i];
            else right[i - half] = numbers[i];
        }
        (left, right) = (_sort(left), _sort(right));
        sorted = new uint256[](numbers.length);
        (uint256 l, uint256 r) = (0, 0);
        for (uint256 i = 0; i < sorted.length; ++i) {
            sorted[i] = r == right.length || (l < left.length && left[l] <= right[r]) ? left[l++] : right[r++];
        }
    }
}
