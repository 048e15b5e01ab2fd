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

    /// The ticket table.
    mapping(uint256 ticketHash => mapping(address owner => uint256)) public balanceOf;
    /// Deposits that wait for somebody to claim them.
    mapping(uint256 depositId => Queued) public queued;
    uint256 public nextDeposit;

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
    event DepositAssigned(uint256 depositId, address receiver);
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

    function withdraw(
        address ticketOwner,
        bytes calldata routingInfo,
        uint256 amount,
        bytes22 ticketer,
        bytes calldata content
    ) external {
        uint256 ticketHash = debit(ticketOwner, amount, ticketer, content);
        (bytes22 receiver, bytes22 proxy, uint256 withdrawalId) =
            OUTBOX.pushTicket(routingInfo, amount, ticketer, content);
        emit Withdrawal(ticketHash, msg.sender, ticketOwner, receiver, proxy, amount, withdrawalId);
    }

    function fa_fast_withdraw(
        address ticketOwner,
        bytes calldata routingInfo,
        uint256 amount,
        bytes22 ticketer,
        bytes calldata content,
        string calldata fastWithdrawalContract,
        bytes calldata payload
    ) external {
        uint256 ticketHash = debit(ticketOwner, amount, ticketer, content);
        (bytes22 receiver, bytes22 proxy, uint256 withdrawalId) = OUTBOX.pushFastTicket(
            routingInfo, amount, ticketer, content, fastWithdrawalContract, payload, msg.sender
        );
        emit FastFaWithdrawal(
            ticketHash, msg.sender, ticketOwner, receiver, proxy, amount, withdrawalId, block.timestamp, payload
        );
    }

    /// Hands a queued deposit to its proxy, or to its receiver where there is no
    /// proxy to hand it to: then only the receiver may say so, since somebody may
    /// yet deploy one.
    function claim(uint256 depositId) external {
        Queued memory entry = queued[depositId];
        if (entry.amount == 0) revert NoSuchDeposit();
        delete queued[depositId];
        bool direct = codeless(entry.proxy);
        if (direct && msg.sender != entry.receiver) revert NotTheReceiver(entry.receiver);
        if (entry.receiver == address(0)) revert NotTheReceiver(entry.receiver);
        address owner = direct ? entry.receiver : entry.proxy;
        balanceOf[entry.ticketHash][owner] += entry.amount;
        emit Deposit(
            entry.ticketHash, owner, entry.receiver, entry.amount, entry.inboxLevel, entry.inboxMsgId
        );
        if (!direct) IProxy(entry.proxy).deposit(entry.receiver, entry.amount, entry.ticketHash);
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
        uint256 balance = balanceOf[ticketHash][receiver];
        if (deliver && proxy == address(0) && receiver != address(0) && amount <= type(uint256).max - balance) {
            balanceOf[ticketHash][receiver] = balance + amount;
            emit Deposit(ticketHash, receiver, receiver, amount, level, messageId);
        } else {
            uint256 nonce = nextDeposit++;
            queued[nonce] = Queued(ticketHash, receiver, proxy, amount, level, messageId);
            emit QueuedDeposit(ticketHash, proxy, nonce, receiver, amount, level, messageId);
        }
    }

    /// Governance names who may claim a deposit that names nobody.
    function assign(uint256 counter, uint256 depositId, address receiver) external onlyKernel {
        count(counter);
        Queued storage entry = queued[depositId];
        if (entry.amount == 0 || entry.receiver != address(0)) revert NoSuchDeposit();
        entry.receiver = receiver;
        emit DepositAssigned(depositId, receiver);
    }

    /// Takes tickets from their owner. A proxy that owns them for others says
    /// whether the caller may have them; who has no code speaks for itself only.
    function debit(address owner, uint256 amount, bytes22 ticketer, bytes calldata content)
        private
        returns (uint256 ticketHash)
    {
        if (amount == 0) revert NoAmount();
        ticketHash = uint256(keccak256(abi.encodePacked(ticketer, content)));
        uint256 balance = balanceOf[ticketHash][owner];
        if (balance < amount) revert NotEnoughTickets(balance, amount);
        balanceOf[ticketHash][owner] = balance - amount;
        if (msg.sender != owner) {
            if (codeless(owner)) revert NotTheOwner(owner);
            IProxy(owner).withdraw(msg.sender, amount, ticketHash);
        }
    }

    /// Without code, or with nothing but a delegation (EIP-7702).
    function codeless(address account) private view returns (bool) {
        bytes memory code = account.code;
        return code.length == 0
            || (code.length == 23 && code[0] == 0xef && code[1] == 0x01 && code[2] == 0x00);
    }
}
