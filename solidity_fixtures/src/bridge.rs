//! `NativeBridge.sol`, `FaBridge.sol`, `TicketToken.sol`: the contracts that the
//! kernel brings along, and an ERC-20 that stands for a ticket.

/// The bridge of the native token.
pub mod native {
    use crate::abi::{Argument, Word};
    use crate::fixture::artifact;
    use alloy_primitives::{Address, B256, Bytes, U256, address};

    artifact!(FIXTURE, fixture, "NativeBridge");

    /// Where it lies.
    pub const ADDRESS: Address = address!("ff00000000000000000000000000000000000001");

    /// Burns the value and pays it out on layer 1, to `tz…` or `KT1…`.
    #[must_use]
    pub fn withdraw(target: &str) -> Bytes {
        FIXTURE.call_with("withdraw_base58(string)", &[], &[target.as_bytes()])
    }

    /// As [`withdraw`], by way of a contract that pays earlier.
    #[must_use]
    pub fn fast_withdraw(target: &str, contract: &str, payload: &[u8]) -> Bytes {
        let arguments = [target.as_bytes(), contract.as_bytes(), payload].map(Argument::Bytes);
        FIXTURE.call_mixed("fast_withdraw_base58(string,string,bytes)", &arguments)
    }

    /// Pays `amount` out on layer 1; the value beyond it pays the price of the place
    /// in the outbox, and the rest comes back.
    #[must_use]
    pub fn withdraw_exact(target: &str, amount: U256) -> Bytes {
        let signature = "withdraw_exact_base58(string,uint256)";
        let target = Argument::Bytes(target.as_bytes());
        FIXTURE.call_mixed(signature, &[target, Argument::Word(amount.word())])
    }

    /// As [`withdraw_exact`], by way of a contract that pays earlier.
    #[must_use]
    pub fn fast_withdraw_exact(
        target: &str,
        contract: &str,
        payload: &[u8],
        amount: U256,
    ) -> Bytes {
        let signature = "fast_withdraw_exact_base58(string,string,bytes,uint256)";
        let [target, contract, payload] =
            [target.as_bytes(), contract.as_bytes(), payload].map(Argument::Bytes);
        let amount = Argument::Word(amount.word());
        FIXTURE.call_mixed(signature, &[target, contract, payload, amount])
    }

    /// Returns what the next place in the outbox costs, in wei.
    #[must_use]
    pub fn outbox_price() -> Bytes {
        FIXTURE.call("outboxPrice()", &[])
    }

    /// The revert data of a withdrawal that does not pay the price.
    #[must_use]
    pub fn price_not_paid(price: U256, offered: U256) -> Bytes {
        let arguments = [price.word(), offered.word()];
        FIXTURE.error("PriceNotPaid(uint256,uint256)", &arguments)
    }

    /// The revert data of a withdrawal whose sender does not take the rest back.
    #[must_use]
    pub fn refund_refused() -> Bytes {
        FIXTURE.error("RefundRefused()", &[])
    }

    /// Pays a kept deposit to its receiver.
    #[must_use]
    pub fn claim(level: u64, message: u64) -> Bytes {
        FIXTURE.call(
            "claimDeposit(uint256,uint256)",
            &[level.word(), message.word()],
        )
    }

    /// Gives a kept deposit another receiver, if the sender is the one before.
    #[must_use]
    pub fn redirect(level: u64, message: u64, receiver: Address) -> Bytes {
        FIXTURE.call(
            "redirectDeposit(uint256,uint256,address)",
            &[level.word(), message.word(), receiver.word()],
        )
    }

    /// Returns how many deposits governance has assigned, of either bridge.
    #[must_use]
    pub fn assigned() -> Bytes {
        FIXTURE.call("assigned()", &[])
    }

    /// Receiver and amount of a kept deposit.
    #[must_use]
    pub fn claimable(level: u64, message: u64) -> Bytes {
        FIXTURE.call(
            "claimable(uint256,uint256)",
            &[level.word(), message.word()],
        )
    }

    /// What only the kernel may call.
    #[must_use]
    pub fn deposit(receiver: Address, level: u64, message: u64) -> Bytes {
        FIXTURE.call(
            "deposit(address,uint256,uint256,bool)",
            &[receiver.word(), level.word(), message.word(), true.word()],
        )
    }

    /// Topic of `Deposit(uint256 amount, address receiver, uint256 inboxLevel, uint256 inboxMsgId)`.
    #[must_use]
    pub fn deposited() -> B256 {
        FIXTURE.topic("Deposit(uint256,address,uint256,uint256)")
    }

    /// Topic of the event that a deposit waits for its receiver.
    #[must_use]
    pub fn kept() -> B256 {
        FIXTURE.topic("DepositKept(uint256,address,uint256,uint256)")
    }

    /// Topic of the event of the price that a withdrawal burned, of either bridge.
    #[must_use]
    pub fn outbox_paid() -> B256 {
        FIXTURE.topic("OutboxPaid(uint256,uint256)")
    }

    /// Topic of `Withdrawal(uint256 amount, address sender, bytes22 receiver, uint256 withdrawalId)`.
    #[must_use]
    pub fn withdrawn() -> B256 {
        FIXTURE.topic("Withdrawal(uint256,address,bytes22,uint256)")
    }

    /// Topic of `FastWithdrawal(…)`.
    #[must_use]
    pub fn fast_withdrawn() -> B256 {
        FIXTURE.topic("FastWithdrawal(bytes22,uint256,uint256,uint256,bytes,address)")
    }
}

/// The bridge of all other tickets.
pub mod fa {
    use crate::abi::{Argument, Word};
    use crate::fixture::artifact;
    use alloy_primitives::{Address, B256, Bytes, U256, address};

    artifact!(FIXTURE, fixture, "FaBridge");

    /// Where it lies.
    pub const ADDRESS: Address = address!("ff00000000000000000000000000000000000002");

    /// Whose tickets go where.
    #[derive(Clone, Copy, Debug)]
    pub struct Withdrawal<'a> {
        /// Who owns them in the bridge's table.
        pub owner: Address,
        /// Receiver (22 bytes) and proxy (22 bytes) on layer 1.
        pub routing: &'a [u8],
        /// How many.
        pub amount: U256,
        /// Who made them, 22 bytes.
        pub ticketer: [u8; 22],
        /// What they say, in Micheline.
        pub content: &'a [u8],
    }

    impl<'a> Withdrawal<'a> {
        fn arguments(&self) -> [Argument<'a>; 5] {
            let mut ticketer = [0; 32];
            ticketer[..22].copy_from_slice(&self.ticketer);
            [
                Argument::Word(self.owner.word()),
                Argument::Bytes(self.routing),
                Argument::Word(self.amount.word()),
                Argument::Word(ticketer.into()),
                Argument::Bytes(self.content),
            ]
        }

        /// Gives the tickets back to layer 1.
        #[must_use]
        pub fn call(&self) -> Bytes {
            let signature = "withdraw(address,bytes,uint256,bytes22,bytes)";
            FIXTURE.call_mixed(signature, &self.arguments())
        }

        /// As [`Withdrawal::call`], by way of a contract that pays earlier.
        #[must_use]
        pub fn fast(&self, contract: &str, payload: &[u8]) -> Bytes {
            let signature = "fa_fast_withdraw(address,bytes,uint256,bytes22,bytes,string,bytes)";
            let more = [contract.as_bytes(), payload].map(Argument::Bytes);
            FIXTURE.call_mixed(signature, &[&self.arguments()[..], &more].concat())
        }
    }

    /// Hands a queued deposit to its proxy, or to its receiver.
    #[must_use]
    pub fn claim(deposit: u64) -> Bytes {
        FIXTURE.call("claim(uint256)", &[deposit.word()])
    }

    /// Gives a queued deposit another receiver and proxy, if the sender is the
    /// receiver.
    #[must_use]
    pub fn redirect(deposit: u64, receiver: Address, proxy: Address) -> Bytes {
        FIXTURE.call(
            "redirect(uint256,address,address)",
            &[deposit.word(), receiver.word(), proxy.word()],
        )
    }

    /// Returns what waits with this number: ticket hash, receiver, proxy, amount, inbox
    /// level, message id.
    #[must_use]
    pub fn queue(deposit: u64) -> Bytes {
        FIXTURE.call("queued(uint256)", &[deposit.word()])
    }

    /// How many tickets came to an owner without a proxy.
    #[must_use]
    pub fn direct(ticket: B256, owner: Address) -> Bytes {
        FIXTURE.call("direct(uint256,address)", &[ticket, owner.word()])
    }

    /// How many tickets a proxy holds for others.
    #[must_use]
    pub fn proxied(ticket: B256, proxy: Address) -> Bytes {
        FIXTURE.call("proxied(uint256,address)", &[ticket, proxy.word()])
    }

    /// How many of an owner's tickets older code credited.
    #[must_use]
    pub fn older(ticket: B256, owner: Address) -> Bytes {
        FIXTURE.call("older(uint256,address)", &[ticket, owner.word()])
    }

    /// How many tickets an owner has.
    #[must_use]
    pub fn balance_of(ticket: B256, owner: Address) -> Bytes {
        FIXTURE.call("balanceOf(uint256,address)", &[ticket, owner.word()])
    }

    /// Topic of `Deposit(uint256 indexed ticketHash, …)`.
    #[must_use]
    pub fn deposited() -> B256 {
        FIXTURE.topic("Deposit(uint256,address,address,uint256,uint256,uint256)")
    }

    /// Topic of `QueuedDeposit(uint256 indexed ticketHash, address indexed proxy, …)`.
    #[must_use]
    pub fn queued() -> B256 {
        FIXTURE.topic("QueuedDeposit(uint256,address,uint256,address,uint256,uint256,uint256)")
    }

    /// Topic of `Withdrawal(uint256 indexed ticketHash, …)`.
    #[must_use]
    pub fn withdrawn() -> B256 {
        FIXTURE.topic("Withdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256)")
    }

    /// Topic of `FastFaWithdrawal(uint256 indexed ticketHash, …)`.
    #[must_use]
    pub fn fast_withdrawn() -> B256 {
        FIXTURE.topic(
            "FastFaWithdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256,uint256,bytes)",
        )
    }
}

/// An ERC-20 that stands for a ticket: the bridge mints and burns it.
pub mod token {
    use crate::abi::Word;
    use crate::fixture::artifact;
    use alloy_primitives::{B256, Bytes};

    artifact!(FIXTURE, fixture, "TicketToken");

    /// The data of the transaction that deploys it for one ticket.
    #[must_use]
    pub fn deploy(ticket: B256) -> Bytes {
        let (name, symbol) = (&b"Ticket"[..], &b"TCK"[..]);
        let arguments = [name, symbol].map(crate::abi::Argument::Bytes);
        let hash = crate::abi::Argument::Word(ticket.word());
        let arguments = crate::abi::mixed(&[arguments[0], arguments[1], hash]);
        [&FIXTURE.creation_code[..], &arguments].concat().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, U256, hex};

    /// The selectors and topics that bridge tooling knows (Etherlink's).
    #[test]
    fn the_interface_is_the_one_that_tooling_knows() {
        let withdrawal = fa::Withdrawal {
            owner: Address::ZERO,
            routing: &[],
            amount: U256::ZERO,
            ticketer: [0; 22],
            content: &[],
        };
        for (data, selector) in [
            (native::withdraw(""), hex!("cda4fee2")),
            (native::fast_withdraw("", "", &[]), hex!("67a32cd7")),
            (withdrawal.call(), hex!("80fc1fe3")),
            (withdrawal.fast("", &[]), hex!("fff7ca5f")),
            (fa::claim(0), hex!("379607f5")),
        ] {
            assert_eq!(data[..4], selector);
        }
        for (topic, known) in [
            (
                native::deposited(),
                hex!("d36a2f67d06d285786f61a32b052b9ace6b0b7abef5177b54358abdc83a0b69b"),
            ),
            (
                native::withdrawn(),
                hex!("2d5ad793181f5b6bd727c0c216461e019ecfe466353fdde9ccf813f45b84fa82"),
            ),
            (
                native::fast_withdrawn(),
                hex!("62e8e01e31b83084b97c32b1b11ad5a2042382f5f65ee4106ad4a0d0f8b9942c"),
            ),
            (
                fa::withdrawn(),
                hex!("ab68450c9e546f6062a861eebf8ec5bbd41b4425e26b20199c91227c7f9038ca"),
            ),
            (
                fa::fast_withdrawn(),
                hex!("7e40c982e82bccb5e8bbd29f38bcfa3996f341ef9f51e2a9cffe086ec87a11c7"),
            ),
            (
                fa::deposited(),
                hex!("7ee7a1de9c18ce695c95b8b19fbdf26cce3544e3ca9e08c9f487776783d7599f"),
            ),
            (
                fa::queued(),
                hex!("b02d79c5657e344e23d91529b954c3087c60a974d598939583904a4f0b959614"),
            ),
        ] {
            assert_eq!(topic, B256::from(known));
        }
    }
}
