// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import "@openzeppelin/contracts/access/AccessControl.sol";

/// The token of the transfers that are measured.
contract BenchToken is ERC20 {
    constructor() ERC20("Bench", "BEN") {}

    function mintMany(address[] calldata to, uint256 amount) external {
        for (uint256 i = 0; i < to.length; i++) _mint(to[i], amount);
    }
}

/// One kind of work at a time: arithmetic, hashes, storage.
contract Bench {
    uint256 public result; // slot 0
    mapping(uint256 => uint256) public data; // slot 1

    /// `n` steps of a generator of random numbers, with a multiplication and a remainder more.
    function compute(uint256 n, uint256 seed) external {
        uint256 x = seed | 1;
        unchecked {
            for (uint256 i = 0; i < n; i++) {
                x = x * 6364136223846793005 + 1442695040888963407;
                x = (x ^ (x >> 33)) + (i * i) % 1000003;
            }
        }
        result = x;
    }

    /// A chain of `n` hashes of 64 bytes.
    function hashes(uint256 n, uint256 seed) external {
        bytes32 h = bytes32(seed);
        for (uint256 i = 0; i < n; i++) h = keccak256(abi.encode(h, i));
        result = uint256(h);
    }

    /// Fills `n` slots from `start` on.
    function fill(uint256 start, uint256 n) external {
        for (uint256 i = 0; i < n; i++) data[start + i] = i + 1;
    }
}

/// A large contract, to deploy: about 9 kB of code.
contract BigToken is ERC20, ERC20Permit, ERC20Burnable, ERC20Pausable, ERC20Votes, AccessControl {
    bytes32 public constant MINTER = keccak256("MINTER");

    constructor(address admin) ERC20("BigToken", "BIG") ERC20Permit("BigToken") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER, admin);
        _mint(admin, 1e24);
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER) {
        _mint(to, amount);
    }

    function pause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    function _update(address from, address to, uint256 value)
        internal
        override(ERC20, ERC20Pausable, ERC20Votes)
    {
        super._update(from, to, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }
}
