//! A block's changes of the world, as a value.

use crate::account::Account;
use crate::codec::{put_number, put_word};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256};

/// The change of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// Nonce, balance and code stay as they are.
    Keep,
    /// They become these.
    Set(Account),
    /// The account is gone, with its slots.
    Delete,
}

/// The changes of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDiff {
    /// Whose changes.
    pub address: Address,
    /// The change of the account.
    pub account: AccountChange,
    /// True if the account had code before the block.
    pub had_code: bool,
    /// True if all slots from before the block are gone.
    pub cleared: bool,
    /// The changed slots in slot order; zero means no entry.
    pub slots: Vec<(U256, U256)>,
}

/// All changes of a block, in address order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// The changed accounts, in address order.
    pub accounts: Vec<AccountDiff>,
    /// Code that may be new, by hash.
    pub code: Vec<(B256, Bytes)>,
}

impl Diff {
    /// The encoding that the state commitment hashes (`docs/layout.md`, "State
    /// commitment").
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.accounts.len() * 40);
        for diff in &self.accounts {
            out.extend_from_slice(diff.address.as_slice());
            out.push(diff.flags());
            if let AccountChange::Set(account) = &diff.account {
                put_number(&mut out, account.nonce);
                put_word(&mut out, &account.balance.to_be_bytes());
                if account.has_code() {
                    out.extend_from_slice(account.code_hash.as_slice());
                }
            }
            put_number(&mut out, diff.slots.len() as u64);
            for (slot, value) in &diff.slots {
                put_word(&mut out, &slot.to_be_bytes());
                put_word(&mut out, &value.to_be_bytes());
            }
        }
        out
    }
}

impl AccountDiff {
    /// Bit 0: deleted; 1: set; 2: set, with code; 3: slots cleared.
    fn flags(&self) -> u8 {
        let account = match &self.account {
            AccountChange::Keep => 0,
            AccountChange::Delete => 1,
            AccountChange::Set(account) if account.has_code() => 2 | 4,
            AccountChange::Set(_) => 2,
        };
        account | if self.cleared { 8 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn the_encoding_is_that_of_the_layout_page() {
        let diff = Diff {
            accounts: alloc::vec![
                AccountDiff {
                    address: Address::repeat_byte(1),
                    account: AccountChange::Set(Account {
                        nonce: 300,
                        balance: U256::from(0x0102),
                        ..Account::default()
                    }),
                    had_code: false,
                    cleared: false,
                    slots: alloc::vec![],
                },
                AccountDiff {
                    address: Address::repeat_byte(2),
                    account: AccountChange::Delete,
                    had_code: true,
                    cleared: true,
                    slots: alloc::vec![(U256::from(5), U256::ZERO)],
                },
            ],
            code: alloc::vec![],
        };
        let expected = [
            &[1; 20][..],
            &hex!("02 ac02 020102 00"),
            &[2; 20],
            &hex!("09 01 0105 00"),
        ]
        .concat();
        assert_eq!(diff.encode(), expected);
    }
}
