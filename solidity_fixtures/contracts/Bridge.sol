// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What the kernel does for the two bridges, and for nobody else: a precompile.
/// A message that layer 1 would not take, or an address that is none, reverts.
interface IOutbox {
    /// Burns the value and pays it out of the exchanger to `target` (tz or KT1).
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
    ) external returns (bytes22 receiver, bytes22 proxy, uint256 withdrawalId);
}

/// What both bridges know of the kernel.
abstract contract Bridge {
    /// Who calls when layer 1 does.
    address internal constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    IOutbox internal constant OUTBOX = IOutbox(0xFF00000000000000000000000000000000000003);

    /// How many deposits governance has assigned: each of its payloads counts once.
    uint256 public assigned;

    error OnlyKernel();
    error WrongCounter(uint256 expected, uint256 actual);
    error NoSuchDeposit();
    error NotTheReceiver(address receiver);

    modifier onlyKernel() {
        if (msg.sender != SYSTEM) revert OnlyKernel();
        _;
    }

    function count(uint256 counter) internal {
        if (counter != assigned) revert WrongCounter(assigned, counter);
        assigned = counter + 1;
    }
}
