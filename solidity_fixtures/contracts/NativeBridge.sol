// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bridge} from "./Bridge.sol";

/// The bridge of the native token, at 0xff00000000000000000000000000000000000001.
/// One mutez on layer 1 is 10^12 wei here.
contract NativeBridge is Bridge {
    uint256 private constant WEI_PER_MUTEZ = 10 ** 12;
    /// What a receiver's code may use of the kernel's gas.
    uint256 private constant STIPEND = 100_000;

    struct Claimable {
        address receiver;
        uint256 amount;
    }

    /// Deposits that could not be delivered, by inbox level and message id. No
    /// receiver: nobody could read who it is, and governance may name one.
    mapping(uint256 level => mapping(uint256 messageId => Claimable)) public claimable;

    event Deposit(uint256 amount, address receiver, uint256 inboxLevel, uint256 inboxMsgId);
    event DepositKept(uint256 amount, address receiver, uint256 inboxLevel, uint256 inboxMsgId);
    event DepositAssigned(address receiver, uint256 inboxLevel, uint256 inboxMsgId);
    event Withdrawal(uint256 amount, address sender, bytes22 receiver, uint256 withdrawalId);
    event FastWithdrawal(
        bytes22 receiver, uint256 withdrawalId, uint256 amount, uint256 timestamp, bytes payload, address l2Caller
    );

    error AmountNotInMutez(uint256 amount);
    error NotPaid();

    modifier inMutez() {
        if (msg.value == 0 || msg.value % WEI_PER_MUTEZ != 0) revert AmountNotInMutez(msg.value);
        _;
    }

    function withdraw_base58(string calldata target) external payable inMutez returns (uint256 withdrawalId) {
        bytes22 receiver;
        (receiver, withdrawalId) = OUTBOX.pushNative{value: msg.value}(target);
        emit Withdrawal(msg.value, msg.sender, receiver, withdrawalId);
    }

    function fast_withdraw_base58(
        string calldata target,
        string calldata fastWithdrawalContract,
        bytes calldata payload
    ) external payable inMutez returns (uint256 withdrawalId) {
        bytes22 receiver;
        (receiver, withdrawalId) =
            OUTBOX.pushFastNative{value: msg.value}(target, fastWithdrawalContract, payload, msg.sender);
        emit FastWithdrawal(receiver, withdrawalId, msg.value, block.timestamp, payload, msg.sender);
    }

    /// Pays a kept deposit to its receiver, who asks for it.
    function claimDeposit(uint256 level, uint256 messageId) external {
        Claimable memory kept = claimable[level][messageId];
        if (kept.amount == 0) revert NoSuchDeposit();
        if (msg.sender != kept.receiver) revert NotTheReceiver(kept.receiver);
        delete claimable[level][messageId];
        if (!pay(kept.receiver, kept.amount, gasleft())) revert NotPaid();
        emit Deposit(kept.amount, kept.receiver, level, messageId);
    }

    /// A deposit came; `deliver` is false where its receiver must ask for it.
    function deposit(address receiver, uint256 level, uint256 messageId, bool deliver) external payable onlyKernel {
        if (deliver && receiver != address(0) && pay(receiver, msg.value, STIPEND)) {
            emit Deposit(msg.value, receiver, level, messageId);
        } else {
            claimable[level][messageId] = Claimable(receiver, msg.value);
            emit DepositKept(msg.value, receiver, level, messageId);
        }
    }

    /// Governance names who may claim a deposit that names nobody.
    function assign(uint256 counter, uint256 level, uint256 messageId, address receiver) external onlyKernel {
        count(counter);
        Claimable storage kept = claimable[level][messageId];
        if (kept.amount == 0 || kept.receiver != address(0)) revert NoSuchDeposit();
        kept.receiver = receiver;
        emit DepositAssigned(receiver, level, messageId);
    }

    /// Calls with value and no data; what comes back is not copied.
    function pay(address receiver, uint256 amount, uint256 stipend) private returns (bool paid) {
        assembly ("memory-safe") {
            paid := call(stipend, receiver, amount, 0, 0, 0, 0)
        }
    }
}
