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

    /// Withdraws the value, less the price: while the price is a hundredth of the
    /// value at most.
    function withdraw_base58(string calldata target) external payable returns (uint256 withdrawalId) {
        uint256 price = fair();
        withdrawalId = push(target, msg.value - price, price);
        settle(withdrawalId, price, 0);
    }

    /// As `withdraw_base58`, by way of a contract that pays earlier.
    function fast_withdraw_base58(
        string calldata target,
        string calldata fastWithdrawalContract,
        bytes calldata payload
    ) external payable returns (uint256 withdrawalId) {
        uint256 price = fair();
        withdrawalId = pushFast(target, fastWithdrawalContract, payload, msg.value - price, price);
        settle(withdrawalId, price, 0);
    }

    /// Withdraws `amount`; the value pays the price on top, and the rest comes back.
    function withdraw_exact_base58(string calldata target, uint256 amount)
        external
        payable
        returns (uint256 withdrawalId)
    {
        uint256 price = offered(amount);
        withdrawalId = push(target, amount, price);
        settle(withdrawalId, price, msg.value - amount - price);
    }

    /// As `withdraw_exact_base58`, by way of a contract that pays earlier.
    function fast_withdraw_exact_base58(
        string calldata target,
        string calldata fastWithdrawalContract,
        bytes calldata payload,
        uint256 amount
    ) external payable returns (uint256 withdrawalId) {
        uint256 price = offered(amount);
        withdrawalId = pushFast(target, fastWithdrawalContract, payload, amount, price);
        settle(withdrawalId, price, msg.value - amount - price);
    }

    /// Pays a kept deposit to its receiver, whoever asks for it, with all the gas
    /// that there is.
    function claimDeposit(uint256 level, uint256 messageId) external {
        Claimable memory kept = claimable[level][messageId];
        if (kept.amount == 0) revert NoSuchDeposit();
        enoughGas(kept.receiver);
        delete claimable[level][messageId];
        if (!pay(kept.receiver, kept.amount, gasleft())) revert NotPaid();
        emit Deposit(kept.amount, kept.receiver, level, messageId);
    }

    /// The receiver names another one for a kept deposit.
    function redirectDeposit(uint256 level, uint256 messageId, address receiver) external {
        Claimable storage kept = claimable[level][messageId];
        if (kept.amount == 0) revert NoSuchDeposit();
        if (msg.sender != kept.receiver) revert NotTheReceiver(kept.receiver);
        name(kept, level, messageId, receiver);
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

    /// Governance names who may claim a deposit that names nobody, or that nobody
    /// claimed although it is older than the level `settled`.
    function assign(uint256 counter, uint256 level, uint256 messageId, address receiver, uint256 settled)
        external
        onlyKernel
    {
        count(counter);
        Claimable storage kept = claimable[level][messageId];
        if (kept.amount == 0) revert NoSuchDeposit();
        mayAssign(kept.receiver, level, settled);
        name(kept, level, messageId, receiver);
    }

    function name(Claimable storage kept, uint256 level, uint256 messageId, address receiver) private {
        if (receiver == address(0)) revert NoReceiver();
        kept.receiver = receiver;
        emit DepositAssigned(receiver, level, messageId);
    }

    /// The price, if it is a hundredth of the value at most.
    function fair() private view returns (uint256 price) {
        price = outboxPrice();
        if (price > msg.value / 100) revert PriceNotPaid(price, msg.value / 100);
    }

    /// The price, if the value pays it beside `amount`.
    function offered(uint256 amount) private view returns (uint256 price) {
        price = outboxPrice();
        uint256 rest = msg.value < amount ? 0 : msg.value - amount;
        if (msg.value < amount || price > rest) revert PriceNotPaid(price, rest);
    }

    function push(string calldata target, uint256 amount, uint256 price) private returns (uint256 withdrawalId) {
        inMutez(amount);
        bytes22 receiver;
        (receiver, withdrawalId) = OUTBOX.pushNative{value: amount + price}(target);
        emit Withdrawal(amount, msg.sender, receiver, withdrawalId);
    }

    function pushFast(
        string calldata target,
        string calldata fastWithdrawalContract,
        bytes calldata payload,
        uint256 amount,
        uint256 price
    ) private returns (uint256 withdrawalId) {
        inMutez(amount);
        bytes22 receiver;
        (receiver, withdrawalId) = OUTBOX.pushFastNative{value: amount + price}(
            target, fastWithdrawalContract, payload, msg.sender
        );
        emit FastWithdrawal(receiver, withdrawalId, amount, block.timestamp, payload, msg.sender);
    }

    function inMutez(uint256 amount) private pure {
        if (amount == 0 || amount % WEI_PER_MUTEZ != 0) revert AmountNotInMutez(amount);
    }
}
