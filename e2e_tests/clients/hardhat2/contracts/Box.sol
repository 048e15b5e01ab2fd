// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";
import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";

/// Keeps a number behind a proxy.
contract Box is Initializable {
    uint256 public value;

    function initialize(uint256 first) public initializer {
        value = first;
    }
}

/// The same, with a step.
contract BoxTwo is Initializable {
    uint256 public value;

    function initialize(uint256 first) public initializer {
        value = first;
    }

    function increment() public {
        value += 1;
    }
}

/// What no proxy of Box may become: its slot is another.
contract BoxMoved is Initializable {
    address public somebody;
    uint256 public value;

    function initialize(uint256 first) public initializer {
        value = first;
    }
}

/// Upgrades itself, where its owner says so.
contract OwnedBox is Initializable, OwnableUpgradeable, UUPSUpgradeable {
    uint256 public value;

    function initialize(uint256 first) public initializer {
        __Ownable_init(msg.sender);
        value = first;
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}
}

/// The next one.
contract OwnedBoxTwo is Initializable, OwnableUpgradeable, UUPSUpgradeable {
    uint256 public value;

    function initialize(uint256 first) public initializer {
        __Ownable_init(msg.sender);
        value = first;
    }

    function version() public pure returns (uint256) {
        return 2;
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}
}
