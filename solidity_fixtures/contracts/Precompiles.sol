// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Calls precompiles, by address and as the language offers them.
contract Precompiles {
    bytes32 public last;

    event Answered(uint256 indexed precompile, bool done, bytes output, uint256 gasUsed);
    event Built(address signer, bytes32 sha, bytes20 ripemd);

    /// Up to `gas_` for the precompile; a failed one takes all of it.
    function ask(uint256 precompile, uint256 gas_, bytes calldata input) external returns (bool done, bytes memory output) {
        uint256 before = gasleft();
        (done, output) = address(uint160(precompile)).staticcall{gas: gas_}(input);
        uint256 used = before - gasleft();
        last = keccak256(output);
        emit Answered(precompile, done, output, used);
    }

    /// By CALL with ether and by DELEGATECALL: the answer is the same, the ether stays there.
    function askOtherwise(uint256 precompile, bytes calldata input) external payable returns (bool same) {
        address there = address(uint160(precompile));
        (bool called, bytes memory first) = there.call{value: msg.value}(input);
        (bool delegated, bytes memory second) = there.delegatecall(input);
        same = called == delegated && keccak256(first) == keccak256(second);
        last = keccak256(first);
    }

    /// Solidity's own words for the first three.
    function built(uint8 v, bytes32 r, bytes32 s, bytes calldata data) external {
        emit Built(ecrecover(keccak256(data), v, r, s), sha256(data), ripemd160(data));
    }
}
