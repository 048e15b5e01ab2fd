// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Storage that lasts one transaction (EIP-1153).
contract Transient {
    uint256 transient private _number;
    bool transient private _locked;
    uint256 public kept;

    event Saw(uint256 number);

    error Locked();

    function set(uint256 number) public {
        _number = number;
        emit Saw(_number);
    }

    /// Keeps what is there: zero at a transaction's start.
    function keep() external {
        kept = _number + 1;
        emit Saw(_number);
    }

    /// A call's change is seen after it.
    function setAndKeep(uint256 number) external {
        this.set(number);
        this.keep();
    }

    /// A reverted call's change is not.
    function setAndRevert(uint256 number) external {
        set(number);
        try this.revertAfter(number + 1) {} catch {}
        this.keep();
    }

    function revertAfter(uint256 number) external {
        set(number);
        revert();
    }

    /// Another contract's is its own; by DELEGATECALL it is ours.
    function share(Transient other) external {
        set(1);
        other.set(2);
        emit Saw(_number);
        (bool done,) = address(other).delegatecall(abi.encodeCall(this.set, (3)));
        require(done);
        this.keep();
    }

    /// No TSTORE in a static call.
    function setStatically() external view returns (bool done) {
        (done,) = address(this).staticcall{gas: 50_000}(abi.encodeCall(this.set, (1)));
    }

    /// Calls itself under a lock: the second time fails.
    function enter(uint256 times) external {
        require(!_locked, Locked());
        _locked = true;
        if (times > 0) this.enter(times - 1);
        _locked = false;
        kept += 1;
    }

    /// So many slots.
    function fill(uint256 count) external {
        uint256 total;
        assembly {
            for { let i := 0 } lt(i, count) { i := add(i, 1) } { tstore(add(i, 1000), add(i, 1)) }
            for { let i := 0 } lt(i, count) { i := add(i, 1) } { total := add(total, tload(add(i, 1000))) }
        }
        kept = total;
    }
}
