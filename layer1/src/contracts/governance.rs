//! n of m keys decide on upgrades: the script itself runs here.

use super::frame::Frame;
use crate::account::{Account, Address, Mutez};
use crate::call::Call;
use crate::chain::CHAIN_ID;
use crate::failure::Failure;
use crate::value::{Type, Value};
use ed25519_compact::KeyPair;
use messages::micheline;
use michelson::run::{self, Context};
use michelson::signature::is_signed;
use michelson::{Contract, Node, encoding};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The script; none only if it is no contract.
static SCRIPT: LazyLock<Option<Contract>> = LazyLock::new(|| {
    let text = include_str!("../../../contracts/layer1/governance.tz");
    Contract::parse(text).ok()
});

/// Lifetime of a signature of the devnet's keys, in seconds.
const PATIENCE: i64 = 3_600;

/// The contract's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Governance {
    /// The number of decisions so far.
    pub counter: u64,
    /// The number of keys that must sign.
    pub threshold: u64,
    /// The keys, in binary: a tag and the key.
    pub keys: BTreeSet<Vec<u8>>,
}

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    let ty = SCRIPT.as_ref()?.entrypoint(name).ok()?;
    Some(Type::Script(ty))
}

/// Layer 1 as far as the script asks.
struct World {
    rollup: [u8; 20],
}

impl run::World for World {
    fn takes(&self, address: &[u8], ty: &michelson::Type) -> bool {
        let rollup = Address::from(Account::Rollup(self.rollup)).encode();
        let takes = michelson::Type::parse(&Type::rollup().to_string());
        address == rollup && takes.as_ref() == Ok(ty)
    }

    fn is_signed(&self, key: &[u8], signature: &[u8], message: &[u8]) -> bool {
        is_signed(key, signature, message)
    }
}

impl Governance {
    pub(super) fn call(
        &mut self,
        frame: &Frame<'_>,
        entrypoint: &str,
        parameter: Value,
    ) -> Result<Vec<Call>, Failure> {
        let (Some(script), Value::Script(argument)) = (&*SCRIPT, parameter) else {
            return Err(frame.fail("BAD_PARAMETER"));
        };
        let context = Context {
            own: Address::from(frame.account()).encode(),
            sender: Address::from(frame.sender).encode(),
            amount: frame.amount.0,
            now: frame.now,
            chain_id: CHAIN_ID,
        };
        let world = World {
            rollup: frame.rollup,
        };
        let called = script
            .call((entrypoint, argument), self.storage(), &context, &world)
            .map_err(|failure| match failure {
                run::Failure::With(Node::Text(word)) => frame.fail(word),
                other => frame.fail(other.to_string()),
            })?;
        *self = Self::stored(called.storage).ok_or_else(|| frame.fail("BAD_STORAGE"))?;
        let calls = called.transfers.iter().map(|sent| {
            let parameter = encoding::binary(&encoding::write(&sent.parameter)).ok()?;
            let parameter = micheline::Node::parse(&parameter).ok()?;
            Some(Call {
                destination: Address::decode(&sent.destination)?,
                amount: Mutez(sent.amount),
                parameter: Type::rollup().read(parameter)?,
            })
        });
        let calls: Option<Vec<Call>> = calls.collect();
        calls.ok_or_else(|| frame.fail("NOT_A_ROLLUP"))
    }

    fn storage(&self) -> michelson::Value {
        use michelson::Value;
        let keys = self.keys.iter().cloned().map(Value::Bytes);
        let number = |number: u64| Value::Int(number.into());
        let heeded = Value::pair(number(self.threshold), Value::Set(keys.collect()));
        Value::pair(number(self.counter), heeded)
    }

    fn stored(storage: michelson::Value) -> Option<Self> {
        use michelson::Value::{Bytes, Int, Pair, Set};
        let Pair(counter, heeded) = storage else {
            return None;
        };
        let (Int(counter), Pair(threshold, keys)) = (*counter, *heeded) else {
            return None;
        };
        let (Int(threshold), Set(keys)) = (*threshold, *keys) else {
            return None;
        };
        let keys = keys.into_iter().map(|key| match key {
            Bytes(key) => Some(key),
            _ => None,
        });
        Some(Self {
            counter: u64::try_from(counter).ok()?,
            threshold: u64::try_from(threshold).ok()?,
            keys: keys.collect::<Option<_>>()?,
        })
    }

    /// The call that has `rollup` hear `payload`, signed by these keys for the contract with
    /// this hash; it holds for an hour behind `now` (seconds since 1970).
    #[must_use]
    pub fn say(
        &self,
        contract: [u8; 20],
        (rollup, payload): ([u8; 20], Vec<u8>),
        now: i64,
        keys: &[KeyPair],
    ) -> Call {
        use michelson::Value;
        let address = |account: Account| Value::Bytes(Address::from(account).encode());
        let send = Value::pair(address(Account::Rollup(rollup)), Value::Bytes(payload));
        let expiry = now.saturating_add(PATIENCE);
        let order = Value::pair(Value::Int(self.counter.into()), Value::Int(expiry.into()));
        let decision = Value::pair(order, Value::left(send));
        let place = Value::pair(
            Value::Bytes(CHAIN_ID.to_vec()),
            address(Account::originated(contract)),
        );
        let signed = encoding::pack(&Value::pair(place, decision.clone())).unwrap_or_default();
        let hash = messages::hash::blake2b_256(&signed);
        let signatures = keys.iter().map(|key| {
            let signature = key.sk.sign(hash, None);
            (Value::Bytes(public(key)), Value::Bytes(signature.to_vec()))
        });
        let signatures: BTreeMap<Value, Value> = signatures.collect();
        Call {
            destination: Account::originated(contract).into(),
            amount: Mutez::ZERO,
            parameter: self::Value::Script(Value::pair(decision, Value::Map(signatures))),
        }
    }
}

/// A key as the contract knows it: the tag of ed25519, and its bytes.
#[must_use]
pub fn public(key: &KeyPair) -> Vec<u8> {
    [&[0], &key.pk[..]].concat()
}
