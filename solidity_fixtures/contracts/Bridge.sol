// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What the kernel does for the two bridges, and for nobody else: a precompile.
/// A message that layer 1 would not take, or an address that is none, reverts.
/// All value is burned; it must be exactly what is withdrawn and the price.
interface IOutbox {
    /// What the next message costs, in wei: a whole number of mutez that rises with
    /// the messages that wait.
    function price() external view returns (uint256);

    /// Pays the value, less the price, out of the exchanger to `target` (tz or KT1).
    function pushNative(string calldata target) external payable returns (bytes22 receiver, uint256 withdrawalId);

    /// As `pushNative`, by way of a contract that pays earlier.
    function pushFastNative(
        string calldata target,
        string calldata fastWithdrawalContract,
        bytes calldata payload,
        address caller
    ) external payable returns (bytes22 receiver, uint256 withdrawalId);

    /// Gives tickets back to the contract that `routingInfo` names behind the receiver.
    function pushTicket(bytes calldata routingInfo, uint256 amount, bytes22 ticketer, bytes calldata content)
        external
        payable
        returns (bytes22 receiver, bytes22 proxy, uint256 withdrawalId);

    /// As `pushTicket`, by way of a contract that pays earlier.
    function pushFastTicket(
        bytes calldata routingInfo,
        uint256 amount,
        bytes22 ticketer,
        bytes calldata content,
        string calldata fastWithdrawalContract,
        bytes calldata payload,
        address caller
    ) external payable returns (bytes22 receiver, bytes22 proxy, uint256 withdrawalId);
}

/// What both bridges know of the kernel.
abstract contract Bridge {
    /// Who calls when layer 1 does.
    address internal constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    IOutbox internal constant OUTBOX = IOutbox(0xFF00000000000000000000000000000000000003);

    /// What somebody who claims for another must have left, in gas: no less than the
    /// kernel lets a receiver have.
    uint256 internal constant LEAST_GAS = 150_000;

    /// How many deposits governance has assigned: each of its payloads counts once.
    uint256 public assigned;

    /// Wei that a withdrawal burned for its place in the outbox.
    event OutboxPaid(uint256 withdrawalId, uint256 price);

    error OnlyKernel();
    error WrongCounter(uint256 expected, uint256 actual);
    error NoSuchDeposit();
    error NotTheReceiver(address receiver);
    error NoReceiver();
    error TooEarly(uint256 inboxLevel, uint256 settled);
    error NotEnoughGas(uint256 least);
    error PriceNotPaid(uint256 price, uint256 offered);
    error RefundRefused();

    modifier onlyKernel() {
        if (msg.sender != SYSTEM) revert OnlyKernel();
        _;
    }

    /// What a withdrawal costs beside its amount, in wei, if it is the next: it
    /// rises with the messages that wait for layer 1, and falls as they leave.
    function outboxPrice() public view returns (uint256) {
        return OUTBOX.price();
    }

    function count(uint256 counter) internal {
        if (counter != assigned) revert WrongCounter(assigned, counter);
        assigned = counter + 1;
    }

    /// Whether a deposit of `inboxLevel` may be assigned by governance: one that
    /// names nobody at once, others if they are older than the level `settled`.
    function mayAssign(address receiver, uint256 inboxLevel, uint256 settled) internal pure {
        if (receiver != address(0) && inboxLevel >= settled) revert TooEarly(inboxLevel, settled);
    }

    /// Refuses to run a receiver's code short of gas, except for the receiver.
    function enoughGas(address receiver) internal view {
        if (receiver == address(0)) revert NotTheReceiver(receiver);
        if (msg.sender != receiver && gasleft() < LEAST_GAS) revert NotEnoughGas(LEAST_GAS);
    }

    /// Tells the price that was burned, and gives back what was sent beyond it.
    function settle(uint256 withdrawalId, uint256 price, uint256 rest) internal {
        if (price > 0) emit OutboxPaid(withdrawalId, price);
        if (rest > 0 && !pay(msg.sender, rest, gasleft())) revert RefundRefused();
    }

    /// Calls with value and no data; what comes back is not copied.
    function pay(address receiver, uint256 amount, uint256 stipend) internal returns (bool paid) {
        assembly ("memory-safe") {
            paid := call(stipend, receiver, amount, 0, 0, 0, 0)
        }
    }
}
