// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Counter} from "../src/Counter.sol";
import {Child, Factory} from "../src/Factory.sol";

/// What this script needs of forge's cheatcodes.
interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// Deploys two contracts and calls them, as a deployment would: seven transactions.
contract Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_SCRIPT = true;

    event Done(address counter, address factory, address child);

    function run() external returns (Counter counter, Factory factory, address child) {
        vm.startBroadcast();
        counter = new Counter();
        counter.set(40);
        counter.increment();
        counter.increment();
        factory = new Factory();
        child = factory.deploy{value: 5}(bytes32(uint256(1)), 6);
        payable(address(0xc0ffee)).transfer(7);
        vm.stopBroadcast();
        require(counter.number() == 42, "the counter counts");
        require(child == factory.predict(bytes32(uint256(1)), 6), "the child is where it should be");
        require(Child(child).value() == 6 && child.balance == 5, "the child has its value");
    }
}
