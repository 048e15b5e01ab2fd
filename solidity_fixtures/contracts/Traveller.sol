// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What travellers know of `NativeBridge.sol`.
interface INativeBridge {
    function withdraw_base58(string calldata target) external payable returns (uint256);
    function withdraw_exact_base58(string calldata target, uint256 amount) external payable returns (uint256);
    function claimDeposit(uint256 level, uint256 messageId) external;
    function outboxPrice() external view returns (uint256);
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

/// Fills the outbox.
contract Flooder {
    receive() external payable {}

    /// Withdraws `amount` as often as `times` and the gas allow, while a place costs
    /// no more than `most`.
    function flood(string calldata target, uint256 amount, uint256 times, uint256 most) external payable {
        for (uint256 done = 0; done < times && gasleft() > 200_000; done++) {
            uint256 price = BRIDGE.outboxPrice();
            if (price > most) return;
            BRIDGE.withdraw_exact_base58{value: amount + price}(target, amount);
        }
    }

    /// Withdraws `amount` as if a place cost nothing, whether that works or not.
    function insist(string calldata target, uint256 amount, uint256 times) external payable {
        for (uint256 done = 0; done < times && gasleft() > 200_000; done++) {
            try BRIDGE.withdraw_base58{value: amount}(target) {} catch {}
        }
    }

    /// Fills the outbox, asks for the price, and takes it all back: the price before,
    /// in between and after.
    function feint(string calldata target, uint256 amount, uint256 times)
        external
        payable
        returns (uint256 before, uint256 between, uint256 behind)
    {
        before = BRIDGE.outboxPrice();
        try this.fill(target, amount, times) {}
        catch (bytes memory reason) {
            between = abi.decode(reason, (uint256));
        }
        behind = BRIDGE.outboxPrice();
    }

    /// Part of `feint`: reverts with the price.
    function fill(string calldata target, uint256 amount, uint256 times) external {
        this.flood(target, amount, times, type(uint256).max);
        uint256 price = BRIDGE.outboxPrice();
        assembly ("memory-safe") {
            mstore(0, price)
            revert(0, 32)
        }
    }
}

/// A wallet that takes any call of anybody, and does nothing.
contract Easygoing {
    receive() external payable {}

    fallback() external payable {}

    /// Calls for its owner: for anybody, in a test.
    function call_(address to, bytes calldata data) external payable returns (bool done) {
        (done,) = to.call{value: msg.value}(data);
    }
}

/// Needs more gas for a deposit than the kernel lets it have, and asks for the same
/// deposit again while it takes it.
contract Slow {
    uint256[8] private slots;
    uint256 public taken;
    uint256 public again;
    uint256 private level;
    uint256 private message;

    function expect(uint256 level_, uint256 message_) external {
        (level, message) = (level_, message_);
    }

    receive() external payable {
        for (uint256 slot = 0; slot < slots.length; slot++) {
            slots[slot] += msg.value;
        }
        taken++;
        try BRIDGE.claimDeposit(level, message) {
            again++;
        } catch {}
    }
}
