// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What travellers know of `NativeBridge.sol`.
interface INativeBridge {
    function withdraw_base58(string calldata target) external payable returns (uint256);
    function claimDeposit(uint256 level, uint256 messageId) external;
}

INativeBridge constant BRIDGE = INativeBridge(0xff00000000000000000000000000000000000001);

/// Uses the native bridge in ways that must not work, and in some that must.
contract Traveller {
    /// What happens when wei arrive without data.
    enum Mood {
        Takes,
        Refuses,
        BurnsGas,
        Withdraws
    }

    Mood public mood;
    string private home;

    error Refused();

    function set(Mood next, string calldata target) external payable {
        mood = next;
        home = target;
    }

    receive() external payable {
        if (mood == Mood.Refuses) revert Refused();
        if (mood == Mood.Withdraws) BRIDGE.withdraw_base58{value: msg.value}(home);
        while (mood == Mood.BurnsGas) {}
    }

    /// Withdraws, and reverts.
    function regret(string calldata target) external payable {
        BRIDGE.withdraw_base58{value: msg.value}(target);
        revert Refused();
    }

    /// Withdraws twice below frames that revert, and once for good: `amount` each time.
    function half(string calldata target, uint256 amount) external payable {
        try this.regret{value: amount}(target) {} catch {}
        BRIDGE.withdraw_base58{value: amount}(target);
        try this.deep{value: amount}(target, 3) {} catch {}
    }

    /// Withdraws, then goes some frames down and reverts there.
    function deep(string calldata target, uint256 frames) external payable {
        if (frames == 0) revert Refused();
        if (msg.value > 0) BRIDGE.withdraw_base58{value: msg.value}(target);
        this.deep(target, frames - 1);
    }

    /// Creates a contract that withdraws in its constructor, and one that then reverts.
    function create(string calldata target, uint256 amount) external payable {
        new Constructed{value: amount}(target, false);
        try new Constructed{value: amount}(target, true) {} catch {}
    }

    /// The bridge's code in this contract's place.
    function delegate(bytes calldata data) external payable returns (bool done) {
        (done,) = address(BRIDGE).delegatecall(data);
    }

    /// As `delegate`, by CALLCODE.
    function callcode_(bytes memory data) external payable returns (bool done) {
        address to = address(BRIDGE);
        assembly ("memory-safe") {
            done := callcode(gas(), to, callvalue(), add(data, 32), mload(data), 0, 0)
        }
    }

    /// The bridge without the right to change anything.
    function look(bytes calldata data) external view returns (bool done) {
        (done,) = address(BRIDGE).staticcall(data);
    }

    /// Any contract, by an ordinary call that may fail.
    function call_(address to, bytes calldata data) external payable returns (bool done) {
        (done,) = to.call{value: msg.value}(data);
    }

    /// Claims a deposit that this contract did not take.
    function claim(uint256 level, uint256 message) external {
        BRIDGE.claimDeposit(level, message);
    }
}

/// Withdraws while it is created.
contract Constructed {
    error Refused();

    constructor(string memory target, bool fails) payable {
        BRIDGE.withdraw_base58{value: msg.value}(target);
        if (fails) revert Refused();
    }
}

/// A proxy that takes no deposit, until it is told to.
contract FickleProxy {
    bool public willing;
    uint256 public taken;

    error NotYet();

    function please() external {
        willing = true;
    }

    function deposit(address, uint256 amount, uint256) external {
        if (!willing) revert NotYet();
        taken += amount;
    }

    function withdraw(address, uint256, uint256) external view {
        if (!willing) revert NotYet();
    }
}
