// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Counter} from "../src/Counter.sol";

/// What this test needs of forge's cheatcodes.
interface Vm {
    function envAddress(string calldata name) external view returns (address);
}

/// Uses a contract that was deployed on the devnet, on forge's fork of it.
contract ForkTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function test_theDeployedCounterCounts() external {
        Counter counter = Counter(vm.envAddress("COUNTER"));
        uint256 before = counter.number();
        counter.increment();
        require(counter.number() == before + 1, "it counts");
        require(block.chainid == 1337 || block.chainid == 31337, "the devnet's chain");
    }
}
