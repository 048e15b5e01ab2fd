// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What the factory makes: remembers who made it and with what.
contract Child {
    address public immutable creator;
    uint256 public value;

    constructor(uint256 value_) payable {
        creator = msg.sender;
        value = value_;
    }

    /// Sends all it holds to `heir` (EIP-6780: the code stays).
    function close(address payable heir) external {
        selfdestruct(heir);
    }
}

/// Deploys children by CREATE2, at addresses known beforehand.
contract Factory {
    event Deployed(address indexed child, bytes32 indexed salt, uint256 value);

    /// The same salt and value a second time reverts.
    function deploy(bytes32 salt, uint256 value) external payable returns (address child) {
        child = address(new Child{salt: salt, value: msg.value}(value));
        emit Deployed(child, salt, value);
    }

    function predict(bytes32 salt, uint256 value) external view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(Child).creationCode, abi.encode(value)));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, code)))));
    }
}
