//! The contracts and accounts of a devnet. Addresses are the same on every run.

use crate::account::{Account, Mutez};
use crate::call::Call;
use crate::chain::Layer1;
use crate::contracts::{
    Bridge, Code, DelayedInbox, Exchanger, FastWithdrawal, Governance, Token, TokenWrapper, public,
};
use crate::failure::Failure;
use crate::outbox::Parameters;
use ed25519_compact::{KeyPair, Seed};
use messages::contract::Contract;
use messages::hash::{blake2b_160, blake2b_256};
use std::collections::BTreeMap;

/// The initial balance of each account.
pub const BALANCE: Mutez = Mutez::tez(1_000_000);

/// The number of tokens that each account has at first.
pub const TOKENS: u128 = 1_000_000_000;

/// The accounts that exist: those of Tezos' sandboxes.
pub const ACCOUNTS: [&str; 3] = [
    "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
    "tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN",
    "tz1faswCTDciRzE4oJ9jn2Vm2dvjeyA9fUzU",
];

/// The contracts' addresses: hashes behind `KT1…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// Makes and takes tickets for tez: the ticketer.
    pub exchanger: [u8; 20],
    /// Takes deposits of tez.
    pub bridge: [u8; 20],
    /// A token.
    pub token: [u8; 20],
    /// Takes deposits of the token, and pays withdrawals out.
    pub token_wrapper: [u8; 20],
    /// Takes fast withdrawals.
    pub fast_withdrawal: [u8; 20],
    /// Forces transactions.
    pub delayed_inbox: [u8; 20],
    /// Speaks for governance.
    pub governance: [u8; 20],
}

impl Contracts {
    /// Each with its name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, [u8; 20]); 7] {
        [
            ("exchanger", self.exchanger),
            ("bridge", self.bridge),
            ("token", self.token),
            ("tokenWrapper", self.token_wrapper),
            ("fastWithdrawal", self.fast_withdrawal),
            ("delayedInbox", self.delayed_inbox),
            ("governance", self.governance),
        ]
    }
}

impl Contracts {
    /// The contracts' addresses on `layer1`; contracts that it does not have stay where they are by
    /// default.
    #[must_use]
    pub fn of(layer1: &Layer1) -> Self {
        let mut at = Self::default();
        for (hash, code) in layer1.contracts() {
            let place = match code {
                Code::Exchanger(_) => &mut at.exchanger,
                Code::Bridge(_) => &mut at.bridge,
                Code::Token(_) => &mut at.token,
                Code::TokenWrapper(_) => &mut at.token_wrapper,
                Code::FastWithdrawal(_) => &mut at.fast_withdrawal,
                Code::DelayedInbox(_) => &mut at.delayed_inbox,
                Code::Governance(_) => &mut at.governance,
            };
            *place = *hash;
        }
        at
    }
}

impl Default for Contracts {
    fn default() -> Self {
        let hash = |name: &str| blake2b_160(format!("evm-rollup devnet {name}").as_bytes());
        Self {
            exchanger: hash("exchanger"),
            bridge: hash("bridge"),
            token: hash("token"),
            token_wrapper: hash("token wrapper"),
            fast_withdrawal: hash("fast withdrawal"),
            delayed_inbox: hash("delayed inbox"),
            governance: hash("governance"),
        }
    }
}

/// The accounts, as operations name their source.
#[must_use]
pub fn accounts() -> Vec<[u8; 21]> {
    let account = |text: &&str| match Contract::from_base58(text) {
        Ok(Contract::Implicit(account)) => Some(account),
        _ => None,
    };
    ACCOUNTS.iter().filter_map(account).collect()
}

/// The number of [`governors`] that must sign.
pub const THRESHOLD: usize = 2;

/// The keys that govern, which everybody knows.
#[must_use]
pub fn governors() -> [KeyPair; 3] {
    [1, 2, 3].map(|number: u8| {
        let seed = blake2b_256(&[b"evm-rollup devnet governor ".as_slice(), &[number]].concat());
        KeyPair::from_seed(Seed::new(seed))
    })
}

/// The call that has the governance contract send `payload` to the rollup, signed by
/// [`THRESHOLD`] of [`governors`]; none if there is no such contract.
#[must_use]
pub fn say(layer1: &Layer1, payload: Vec<u8>) -> Option<Call> {
    let at = Contracts::of(layer1).governance;
    let Some(Code::Governance(code)) = layer1.contract(&at) else {
        return None;
    };
    let keys = governors();
    let keys = keys.get(..THRESHOLD)?;
    Some(code.say(at, (layer1.rollup(), payload), layer1.now(), keys))
}

/// A layer 1 with all contracts, and rich accounts; [`THRESHOLD`] of [`governors`] govern.
///
/// # Errors
/// Never: the sums are small.
pub fn layer1(rollup: [u8; 20], parameters: Parameters) -> Result<Layer1, Failure> {
    layer1_with(rollup, parameters, &Contracts::default())
}

/// The same, with the contracts at other addresses.
///
/// # Errors
/// Never: the sums are small.
pub fn layer1_with(
    rollup: [u8; 20],
    parameters: Parameters,
    at: &Contracts,
) -> Result<Layer1, Failure> {
    let mut layer1 = Layer1::new(rollup, parameters);
    let mut token = Token::default();
    for account in accounts() {
        layer1.fund(Contract::Implicit(account), BALANCE)?;
        let owner = Account::from(Contract::Implicit(account));
        token.balances.insert(owner, TOKENS);
    }
    let code = [
        (at.exchanger, Code::Exchanger(Exchanger)),
        (
            at.bridge,
            Code::Bridge(Bridge {
                exchanger: at.exchanger,
                request: None,
            }),
        ),
        (at.token, Code::Token(token)),
        (
            at.token_wrapper,
            Code::TokenWrapper(TokenWrapper { token: at.token }),
        ),
        (
            at.fast_withdrawal,
            Code::FastWithdrawal(FastWithdrawal {
                exchanger: at.exchanger,
                rollup,
                paid: BTreeMap::new(),
            }),
        ),
        (
            at.delayed_inbox,
            Code::DelayedInbox(DelayedInbox { rollup }),
        ),
        (
            at.governance,
            Code::Governance(Governance {
                counter: 0,
                threshold: THRESHOLD as u64,
                keys: governors().iter().map(public).collect(),
            }),
        ),
    ];
    for (hash, code) in code {
        layer1.originate(hash, code);
    }
    Ok(layer1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_are_there_and_the_contracts_are_seven() {
        assert_eq!(accounts().len(), ACCOUNTS.len());
        let layer1 = layer1([0; 20], Parameters::default()).unwrap();
        for (name, hash) in Contracts::default().named() {
            assert!(layer1.contract(&hash).is_some(), "{name}");
        }
        let first = Contract::Implicit(accounts()[0]);
        assert_eq!(layer1.ledger().balance(&first), BALANCE);
    }

    #[test]
    fn contracts_are_found_where_they_were_put() {
        let at = Contracts {
            exchanger: [1; 20],
            governance: [2; 20],
            ..Contracts::default()
        };
        let layer1 = layer1_with([0; 20], Parameters::default(), &at).unwrap();
        assert_eq!(Contracts::of(&layer1), at);
    }
}
