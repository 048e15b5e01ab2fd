// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Code for accounts with a key (EIP-7702): does several things in one transaction.
contract Wallet {
    uint256 public runs;

    event Ran(address indexed self, address indexed by, uint256 runs);
    event Looked(address indexed there, uint256 codeSize, bytes32 codeHash, bytes code);

    error NotMyself(address caller);
    error NotPaid();

    /// Pays `value` to both, if the account itself asks.
    function payBoth(address payable first, address payable second, uint256 value) external {
        require(msg.sender == address(this), NotMyself(msg.sender));
        (bool one,) = first.call{value: value}("");
        (bool other,) = second.call{value: value}("");
        require(one && other, NotPaid());
        emit Ran(address(this), msg.sender, ++runs);
    }

    /// Anyone's.
    function run() external payable {
        emit Ran(address(this), msg.sender, ++runs);
    }

    /// What EXTCODESIZE, EXTCODEHASH and EXTCODECOPY say of an account: the pointer, not what it points to.
    function look(address there) external {
        emit Looked(there, there.code.length, there.codehash, there.code);
    }

    /// Calls an account's `run`, forwarding what came.
    function relay(address to) external payable returns (bool done) {
        (done,) = to.call{value: msg.value}(abi.encodeCall(this.run, ()));
    }

    receive() external payable {}
}

/// Another wallet, with the same first slot.
contract OtherWallet {
    uint256 public runs;

    event Other(address indexed self, uint256 runs);

    function run() external payable {
        runs += 100;
        emit Other(address(this), runs);
    }
}
