//! `NativeBridge.sol`, `FaBridge.sol`, `TicketToken.sol`: the contracts that the
//! kernel brings along, and an ERC-20 that stands for a ticket.

/// The bridge of the native token.
#[allow(clippy::too_many_arguments, reason = "the fields of events")]
pub mod native {
    use alloy_primitives::{Address, U256, address};
    use alloy_sol_types::sol;

    use crate::typed::{calldata, revert_data};

    sol!(NativeBridge, "artifacts/NativeBridge.json");

    /// Its address.
    pub const ADDRESS: Address = address!("ff00000000000000000000000000000000000001");

    calldata! {
        /// Burns the value and pays it out on layer 1, to `tz…` or `KT1…`.
        fn withdraw(target: &str) => NativeBridge::withdraw_base58Call { target: target.into() };

        /// As [`withdraw`], by way of a contract that pays earlier.
        fn fast_withdraw(target: &str, contract: &str, payload: &[u8]) =>
            NativeBridge::fast_withdraw_base58Call {
                target: target.into(),
                fastWithdrawalContract: contract.into(),
                payload: payload.to_vec().into(),
            };

        /// Pays `amount` out on layer 1; the value beyond it pays the price of the place
        /// in the outbox, and the rest comes back.
        fn withdraw_exact(target: &str, amount: U256) => NativeBridge::withdraw_exact_base58Call {
            target: target.into(),
            amount,
        };

        /// As [`withdraw_exact`], by way of a contract that pays earlier.
        fn fast_withdraw_exact(target: &str, contract: &str, payload: &[u8], amount: U256) =>
            NativeBridge::fast_withdraw_exact_base58Call {
                target: target.into(),
                fastWithdrawalContract: contract.into(),
                payload: payload.to_vec().into(),
                amount,
            };

        /// Returns what the next place in the outbox costs, in wei.
        fn outbox_price() => NativeBridge::outboxPriceCall;

        /// Pays a kept deposit to its receiver.
        fn claim(level: u64, message: u64) => NativeBridge::claimDepositCall {
            level: U256::from(level),
            messageId: U256::from(message),
        };

        /// Gives a kept deposit another receiver, if the sender is the one before.
        fn redirect(level: u64, message: u64, receiver: Address) =>
            NativeBridge::redirectDepositCall {
                level: U256::from(level),
                messageId: U256::from(message),
                receiver,
            };

        /// Returns how many deposits governance has assigned, of either bridge.
        fn assigned() => NativeBridge::assignedCall;

        /// Returns receiver and amount of a kept deposit.
        fn claimable(level: u64, message: u64) => NativeBridge::claimableCall {
            level: U256::from(level),
            messageId: U256::from(message),
        };

        /// A function that only the kernel may call.
        fn deposit(receiver: Address, level: u64, message: u64) => NativeBridge::depositCall {
            receiver,
            level: U256::from(level),
            messageId: U256::from(message),
            deliver: true,
        };
    }

    revert_data! {
        /// The revert data of a withdrawal that does not pay the price.
        fn price_not_paid(price: U256, offered: U256) =>
            NativeBridge::PriceNotPaid { price, offered };

        /// The revert data of a withdrawal whose sender does not take the rest back.
        fn refund_refused() => NativeBridge::RefundRefused;
    }
}

/// The bridge of all other tickets.
#[allow(clippy::too_many_arguments, reason = "the fields of events")]
pub mod fa {
    use alloy_primitives::{Address, B256, Bytes, U256, address};
    use alloy_sol_types::{SolCall, sol};

    use crate::typed::calldata;

    sol!(FaBridge, "artifacts/FaBridge.json");

    /// Its address.
    pub const ADDRESS: Address = address!("ff00000000000000000000000000000000000002");

    /// Whose tickets go where.
    #[derive(Clone, Copy, Debug)]
    pub struct Withdrawal<'a> {
        /// Their owner in the bridge's table.
        pub owner: Address,
        /// Receiver (22 bytes) and proxy (22 bytes) on layer 1.
        pub routing: &'a [u8],
        /// Their number.
        pub amount: U256,
        /// Their issuer, 22 bytes.
        pub ticketer: [u8; 22],
        /// Their contents, in Micheline.
        pub content: &'a [u8],
    }

    impl Withdrawal<'_> {
        /// Gives the tickets back to layer 1.
        #[must_use]
        pub fn call(&self) -> Bytes {
            let call = FaBridge::withdrawCall {
                ticketOwner: self.owner,
                routingInfo: self.routing.to_vec().into(),
                amount: self.amount,
                ticketer: self.ticketer.into(),
                content: self.content.to_vec().into(),
            };
            call.abi_encode().into()
        }

        /// As [`Withdrawal::call`], by way of a contract that pays earlier.
        #[must_use]
        pub fn fast(&self, contract: &str, payload: &[u8]) -> Bytes {
            let call = FaBridge::fa_fast_withdrawCall {
                ticketOwner: self.owner,
                routingInfo: self.routing.to_vec().into(),
                amount: self.amount,
                ticketer: self.ticketer.into(),
                content: self.content.to_vec().into(),
                fastWithdrawalContract: contract.into(),
                payload: payload.to_vec().into(),
            };
            call.abi_encode().into()
        }
    }

    calldata! {
        /// Hands a queued deposit to its proxy, or to its receiver.
        fn claim(deposit: u64) => FaBridge::claimCall { depositId: U256::from(deposit) };

        /// Gives a queued deposit another receiver and proxy, if the sender is the
        /// receiver.
        fn redirect(deposit: u64, receiver: Address, proxy: Address) => FaBridge::redirectCall {
            depositId: U256::from(deposit),
            receiver,
            proxy,
        };

        /// Returns what waits with this number: ticket hash, receiver, proxy, amount, inbox
        /// level, message id.
        fn queue(deposit: u64) => FaBridge::queuedCall { depositId: U256::from(deposit) };

        /// Returns how many tickets came to an owner without a proxy.
        fn direct(ticket: B256, owner: Address) => FaBridge::directCall {
            ticketHash: ticket.into(),
            owner,
        };

        /// Returns how many tickets a proxy holds for others.
        fn proxied(ticket: B256, proxy: Address) => FaBridge::proxiedCall {
            ticketHash: ticket.into(),
            proxy,
        };

        /// Returns how many of an owner's tickets older code credited.
        fn older(ticket: B256, owner: Address) => FaBridge::olderCall {
            ticketHash: ticket.into(),
            owner,
        };

        /// Returns how many tickets an owner has.
        fn balance_of(ticket: B256, owner: Address) => FaBridge::balanceOfCall {
            ticketHash: ticket.into(),
            owner,
        };
    }
}

/// An ERC-20 that stands for a ticket: the bridge mints and burns it.
pub mod token {
    use alloy_primitives::B256;
    use alloy_sol_types::sol;

    use crate::typed::creation_code;

    sol!(TicketToken, "artifacts/TicketToken.json");

    creation_code! {
        /// The data of the transaction that deploys it for one ticket.
        fn deploy(ticket: B256) => TicketToken {
            name: "Ticket".into(),
            symbol: "TCK".into(),
            hash: ticket.into(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{fa::FaBridge, native::NativeBridge};
    use alloy_primitives::hex;
    use alloy_sol_types::{SolCall, SolEvent};

    /// The selectors and topics that bridge tooling knows (Etherlink's).
    #[test]
    fn the_interface_is_the_one_that_tooling_knows() {
        for (selector, known) in [
            (
                NativeBridge::withdraw_base58Call::SELECTOR,
                hex!("cda4fee2"),
            ),
            (
                NativeBridge::fast_withdraw_base58Call::SELECTOR,
                hex!("67a32cd7"),
            ),
            (FaBridge::withdrawCall::SELECTOR, hex!("80fc1fe3")),
            (FaBridge::fa_fast_withdrawCall::SELECTOR, hex!("fff7ca5f")),
            (FaBridge::claimCall::SELECTOR, hex!("379607f5")),
        ] {
            assert_eq!(selector, known);
        }
        for (topic, known) in [
            (
                NativeBridge::Deposit::SIGNATURE_HASH,
                hex!("d36a2f67d06d285786f61a32b052b9ace6b0b7abef5177b54358abdc83a0b69b"),
            ),
            (
                NativeBridge::Withdrawal::SIGNATURE_HASH,
                hex!("2d5ad793181f5b6bd727c0c216461e019ecfe466353fdde9ccf813f45b84fa82"),
            ),
            (
                NativeBridge::FastWithdrawal::SIGNATURE_HASH,
                hex!("62e8e01e31b83084b97c32b1b11ad5a2042382f5f65ee4106ad4a0d0f8b9942c"),
            ),
            (
                FaBridge::Withdrawal::SIGNATURE_HASH,
                hex!("ab68450c9e546f6062a861eebf8ec5bbd41b4425e26b20199c91227c7f9038ca"),
            ),
            (
                FaBridge::FastFaWithdrawal::SIGNATURE_HASH,
                hex!("7e40c982e82bccb5e8bbd29f38bcfa3996f341ef9f51e2a9cffe086ec87a11c7"),
            ),
            (
                FaBridge::Deposit::SIGNATURE_HASH,
                hex!("7ee7a1de9c18ce695c95b8b19fbdf26cce3544e3ca9e08c9f487776783d7599f"),
            ),
            (
                FaBridge::QueuedDeposit::SIGNATURE_HASH,
                hex!("b02d79c5657e344e23d91529b954c3087c60a974d598939583904a4f0b959614"),
            ),
        ] {
            assert_eq!(topic.0, known);
        }
    }
}
