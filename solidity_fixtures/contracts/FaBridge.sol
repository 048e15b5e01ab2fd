// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bridge} from "./Bridge.sol";

/// What an ERC-20 that stands for a ticket implements.
interface IProxy {
    function deposit(address target, uint256 amount, uint256 ticketHash) external;
    function withdraw(address target, uint256 amount, uint256 ticketHash) external;
}

/// The bridge of all other tickets, at 0xff00000000000000000000000000000000000002.
/// A ticket hash is keccak256(ticketer (22 bytes) ++ content (Micheline)).
contract FaBridge is Bridge {
    struct Queued {
        uint256 ticketHash;
        address receiver;
        address proxy;
        uint256 amount;
        uint256 inboxLevel;
        uint256 inboxMsgId;
    }

    /// What older code credited, to owners and to proxies alike: it only shrinks.
    mapping(uint256 ticketHash => mapping(address owner => uint256)) public older;
    /// Deposits that wait for somebody to claim them.
    mapping(uint256 depositId => Queued) public queued;
    uint256 public nextDeposit;
    /// Tickets that came without a proxy: nobody but their owner takes them.
    mapping(uint256 ticketHash => mapping(address owner => uint256)) public direct;
    /// Tickets that proxies hold for others, as these proxies say.
    mapping(uint256 ticketHash => mapping(address proxy => uint256)) public proxied;

    event Deposit(
        uint256 indexed ticketHash,
        address ticketOwner,
        address receiver,
        uint256 amount,
        uint256 inboxLevel,
        uint256 inboxMsgId
    );
    event QueuedDeposit(
        uint256 indexed ticketHash,
        address indexed proxy,
        uint256 nonce,
        address receiver,
        uint256 amount,
        uint256 inboxLevel,
        uint256 inboxMsgId
    );
    event DepositAssigned(uint256 depositId, address receiver, address proxy);
    event Withdrawal(
        uint256 indexed ticketHash,
        address sender,
        address ticketOwner,
        bytes22 receiver,
        bytes22 proxy,
        uint256 amount,
        uint256 withdrawalId
    );
    event FastFaWithdrawal(
        uint256 indexed ticketHash,
        address sender,
        address ticketOwner,
        bytes22 receiver,
        bytes22 proxy,
        uint256 amount,
        uint256 withdrawalId,
        uint256 timestamp,
        bytes payload
    );

    error NotTheOwner(address owner);
    error NotEnoughTickets(uint256 balance, uint256 amount);
    error NoAmount();
    error TooManyTickets();

    function withdraw(
        address ticketOwner,
        bytes calldata routingInfo,
        uint256 amount,
        bytes22 ticketer,
        bytes calldata content
    ) external payable {
        uint256 ticketHash = debit(ticketOwner, amount, ticketer, content);
        uint256 price = offered();
        (bytes22 receiver, bytes22 proxy, uint256 withdrawalId) =
            OUTBOX.pushTicket{value: price}(routingInfo, amount, ticketer, content);
        emit Withdrawal(ticketHash, msg.sender, ticketOwner, receiver, proxy, amount, withdrawalId);
        settle(withdrawalId, price, msg.value - price);
    }

    function fa_fast_withdraw(
        address ticketOwner,
        bytes calldata routingInfo,
        uint256 amount,
        bytes22 ticketer,
        bytes calldata content,
        string calldata fastWithdrawalContract,
        bytes calldata payload
    ) external payable {
        uint256 ticketHash = debit(ticketOwner, amount, ticketer, content);
        uint256 price = offered();
        (bytes22 receiver, bytes22 proxy, uint256 withdrawalId) = OUTBOX.pushFastTicket{value: price}(
            routingInfo, amount, ticketer, content, fastWithdrawalContract, payload, msg.sender
        );
        emit FastFaWithdrawal(
            ticketHash, msg.sender, ticketOwner, receiver, proxy, amount, withdrawalId, block.timestamp, payload
        );
        settle(withdrawalId, price, msg.value - price);
    }

    /// Hands a queued deposit to its proxy, or to its receiver if it names no proxy,
    /// whoever asks for it. If there is no code at the proxy, only the receiver may
    /// ask: somebody may yet deploy one.
    function claim(uint256 depositId) external {
        Queued memory entry = queued[depositId];
        if (entry.amount == 0) revert NoSuchDeposit();
        enoughGas(entry.receiver);
        delete queued[depositId];
        bool hasProxy = !codeless(entry.proxy);
        if (!hasProxy && entry.proxy != address(0) && msg.sender != entry.receiver) {
            revert NotTheReceiver(entry.receiver);
        }
        address owner = hasProxy ? entry.proxy : entry.receiver;
        credit(hasProxy ? proxied : direct, entry.ticketHash, owner, entry.amount);
        emit Deposit(
            entry.ticketHash, owner, entry.receiver, entry.amount, entry.inboxLevel, entry.inboxMsgId
        );
        if (hasProxy) IProxy(entry.proxy).deposit(entry.receiver, entry.amount, entry.ticketHash);
    }

    /// The receiver names another one, or another proxy (zero: none), for a queued
    /// deposit.
    function redirect(uint256 depositId, address receiver, address proxy) external {
        Queued storage entry = queued[depositId];
        if (entry.amount == 0) revert NoSuchDeposit();
        if (msg.sender != entry.receiver) revert NotTheReceiver(entry.receiver);
        name(entry, depositId, receiver, proxy);
    }

    /// A deposit came; `deliver` is false where somebody must claim it in any case.
    function deposit(
        uint256 ticketHash,
        address receiver,
        address proxy,
        uint256 amount,
        uint256 level,
        uint256 messageId,
        bool deliver
    ) external onlyKernel {
        uint256 room = type(uint256).max - balanceOf(ticketHash, receiver);
        if (deliver && proxy == address(0) && receiver != address(0) && amount <= room) {
            direct[ticketHash][receiver] += amount;
            emit Deposit(ticketHash, receiver, receiver, amount, level, messageId);
        } else {
            uint256 nonce = nextDeposit++;
            queued[nonce] = Queued(ticketHash, receiver, proxy, amount, level, messageId);
            emit QueuedDeposit(ticketHash, proxy, nonce, receiver, amount, level, messageId);
        }
    }

    /// Governance names who may claim a deposit that names nobody, or that nobody
    /// claimed although it is older than the level `settled`; and which proxy it goes
    /// to (zero: none), if it says so.
    function assign(
        uint256 counter,
        uint256 depositId,
        address receiver,
        uint256 settled,
        bool otherProxy,
        address proxy
    ) external onlyKernel {
        count(counter);
        Queued storage entry = queued[depositId];
        if (entry.amount == 0) revert NoSuchDeposit();
        mayAssign(entry.receiver, entry.inboxLevel, settled);
        name(entry, depositId, receiver, otherProxy ? proxy : entry.proxy);
    }

    /// All tickets that `owner` has here, whoever may take them.
    function balanceOf(uint256 ticketHash, address owner) public view returns (uint256) {
        return older[ticketHash][owner] + direct[ticketHash][owner] + proxied[ticketHash][owner];
    }

    function name(Queued storage entry, uint256 depositId, address receiver, address proxy) private {
        if (receiver == address(0)) revert NoReceiver();
        entry.receiver = receiver;
        entry.proxy = proxy;
        emit DepositAssigned(depositId, receiver, proxy);
    }

    /// Credits a table; all of an owner's tickets together stay below 2^256.
    function credit(
        mapping(uint256 => mapping(address => uint256)) storage table,
        uint256 ticketHash,
        address owner,
        uint256 amount
    ) private {
        if (amount > type(uint256).max - balanceOf(ticketHash, owner)) revert TooManyTickets();
        table[ticketHash][owner] += amount;
    }

    /// Takes tickets from their owner, who may take all; or from a proxy, which says
    /// whether the caller may have what it holds for others.
    function debit(address owner, uint256 amount, bytes22 ticketer, bytes calldata content)
        private
        returns (uint256 ticketHash)
    {
        if (amount == 0) revert NoAmount();
        ticketHash = uint256(keccak256(abi.encodePacked(ticketer, content)));
        uint256 missing = amount;
        if (msg.sender == owner) {
            missing = take(direct, ticketHash, owner, missing);
            missing = take(older, ticketHash, owner, missing);
            missing = take(proxied, ticketHash, owner, missing);
            if (missing > 0) revert NotEnoughTickets(amount - missing, amount);
            return ticketHash;
        }
        if (codeless(owner)) revert NotTheOwner(owner);
        missing = take(proxied, ticketHash, owner, missing);
        if (missing > 0) {
            missing = take(older, ticketHash, owner, missing);
            if (missing > 0) revert NotEnoughTickets(amount - missing, amount);
            if (!isProxy(owner, ticketHash)) revert NotTheOwner(owner);
        }
        IProxy(owner).withdraw(msg.sender, amount, ticketHash);
    }

    /// Takes up to `amount` and gives what is missing.
    function take(
        mapping(uint256 => mapping(address => uint256)) storage table,
        uint256 ticketHash,
        address owner,
        uint256 amount
    ) private returns (uint256 missing) {
        if (amount == 0) return 0;
        uint256 balance = table[ticketHash][owner];
        if (balance >= amount) {
            table[ticketHash][owner] = balance - amount;
            return 0;
        }
        if (balance > 0) table[ticketHash][owner] = 0;
        return amount - balance;
    }

    /// Whether a contract that has older tickets holds them for others: then it
    /// refuses to burn more than anybody can have, of somebody who has nothing. One
    /// whose fallback takes any call does not.
    function isProxy(address owner, uint256 ticketHash) private returns (bool) {
        try IProxy(owner).withdraw(address(this), type(uint256).max, ticketHash) {
            return false;
        } catch {
            return true;
        }
    }

    /// The price, if the value pays it.
    function offered() private view returns (uint256 price) {
        price = outboxPrice();
        if (price > msg.value) revert PriceNotPaid(price, msg.value);
    }

    /// Without code, or with nothing but a delegation (EIP-7702).
    function codeless(address account) private view returns (bool) {
        bytes memory code = account.code;
        return code.length == 0
            || (code.length == 23 && code[0] == 0xef && code[1] == 0x01 && code[2] == 0x00);
    }
}
