// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Ends itself in all the ways that EIP-6780 tells apart.
contract Mortal {
    uint256 public value = 7;

    constructor(address payable heir) payable {
        if (heir != address(0)) selfdestruct(heir);
    }

    function end(address payable heir) external payable {
        selfdestruct(heir);
    }

    receive() external payable {}
}

/// Makes and ends mortals in one transaction.
contract Reaper {
    event Made(address indexed mortal);
    event Seen(uint256 balance, uint256 codeSize, uint256 value);

    error Undone();

    constructor() payable {}

    function make(bytes32 salt, uint256 endowment) public returns (Mortal mortal) {
        mortal = new Mortal{salt: salt, value: endowment}(payable(address(0)));
        emit Made(address(mortal));
    }

    /// Made and ended in one transaction: it goes, with its storage; its ether goes to the heir.
    /// Until the transaction's end its code still answers.
    function makeAndEnd(bytes32 salt, address payable heir) external {
        Mortal mortal = make(salt, 5);
        mortal.end(heir);
        emit Seen(address(mortal).balance, address(mortal).code.length, mortal.value());
    }

    /// It is its own heir: the ether is burned.
    function makeAndBurn(bytes32 salt) external {
        Mortal mortal = make(salt, 5);
        mortal.end(payable(address(mortal)));
        emit Seen(address(mortal).balance, address(mortal).code.length, mortal.value());
    }

    /// Ether that comes after the end is burned with it.
    function makeEndAndPay(bytes32 salt, address payable heir) external {
        Mortal mortal = make(salt, 5);
        mortal.end(heir);
        (bool paid,) = address(mortal).call{value: 3}("");
        require(paid);
        emit Seen(address(mortal).balance, address(mortal).code.length, 0);
    }

    /// Twice: the second time it has only what came between.
    function makeAndEndTwice(bytes32 salt, address payable heir) external {
        Mortal mortal = make(salt, 5);
        mortal.end(heir);
        mortal.end{value: 2}(heir);
        emit Seen(address(mortal).balance, address(mortal).code.length, 0);
    }

    /// Ended in its constructor: there is never any code.
    function endInConstructor(address payable heir) external {
        Mortal mortal = new Mortal{value: 5}(heir);
        emit Made(address(mortal));
        emit Seen(address(mortal).balance, address(mortal).code.length, 0);
    }

    /// The end is undone with the frame it happened in.
    function makeAndUndoTheEnd(bytes32 salt, address payable heir) external {
        Mortal mortal = make(salt, 5);
        try this.endAndRevert(mortal, heir) {} catch {}
        emit Seen(address(mortal).balance, address(mortal).code.length, mortal.value());
    }

    function endAndRevert(Mortal mortal, address payable heir) external {
        mortal.end(heir);
        revert Undone();
    }

    /// The same address cannot be taken again before the transaction ends.
    function makeEndAndMake(bytes32 salt, address payable heir) external {
        make(salt, 5).end(heir);
        try this.make(salt, 5) returns (Mortal) {
            emit Seen(1, 1, 1);
        } catch {
            emit Seen(0, 0, 0);
        }
    }

    /// Another's code ends this contract: it was made in an earlier transaction, so it stays.
    function endMyself(Mortal code, address payable heir) external {
        (bool done,) = address(code).delegatecall(abi.encodeCall(Mortal.end, (heir)));
        require(done);
    }

    /// No ending in a static call.
    function endStatically(Mortal mortal, address payable heir) external view {
        (bool done,) = address(mortal).staticcall{gas: 100_000}(abi.encodeCall(Mortal.end, (heir)));
        require(!done);
    }

    receive() external payable {}
}
