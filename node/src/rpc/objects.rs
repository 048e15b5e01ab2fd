//! Objects among the parameters: JSON → requests.

use super::params::{Param, mismatch};
use crate::chain::LogFilter;
use crate::request::{
    AccountOverride, BlockId, BlockOverrides, BlockRange, CallRequest, LogQuery, StateOverrides,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use ethereum::transaction::{AccessListItem, Authorization, SignedAuthorization};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Param for AccessListItem {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "access list entry")?;
        Ok(Self {
            address: fields.required("address")?,
            storage_keys: fields.optional("storageKeys")?.unwrap_or_default(),
        })
    }
}

impl Param for SignedAuthorization {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "authorization")?;
        let parity: u64 = match fields.optional("yParity")? {
            Some(parity) => parity,
            None => fields.required("v")?,
        };
        let authorization = Authorization {
            chain_id: fields.required("chainId")?,
            address: fields.required("address")?,
            nonce: fields.required("nonce")?,
        };
        Ok(Self::new_unchecked(
            authorization,
            u8::try_from(parity).map_err(|_| "yParity > 8 bits")?,
            fields.required("r")?,
            fields.required("s")?,
        ))
    }
}

/// The fields of transactions with blobs (EIP-4844).
const BLOB_FIELDS: [&str; 5] = [
    "maxFeePerBlobGas",
    "blobVersionedHashes",
    "blobs",
    "commitments",
    "proofs",
];

impl Param for CallRequest {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "TransactionArgs")?;
        for name in BLOB_FIELDS {
            // A cap of zero says no more than none.
            let says = fields.optional::<Value>(name)?;
            if says.is_some_and(|value| value != "0x0") {
                return Err(format!(
                    "{name} is not supported: there are no blobs on this chain"
                ));
            }
        }
        let (input, data): (Option<Bytes>, Option<Bytes>) =
            (fields.optional("input")?, fields.optional("data")?);
        if let (Some(input), Some(data)) = (&input, &data)
            && input != data
        {
            return Err(r#"both "data" and "input" are set and not equal. Please use "input" to pass transaction call data"#.into());
        }
        let request = Self {
            from: fields.optional("from")?,
            to: fields.optional("to")?,
            gas: fields.optional("gas")?,
            gas_price: fields.optional("gasPrice")?,
            max_fee_per_gas: fields.optional("maxFeePerGas")?,
            max_priority_fee_per_gas: fields.optional("maxPriorityFeePerGas")?,
            value: fields.optional("value")?.unwrap_or_default(),
            input: input.or(data).unwrap_or_default(),
            nonce: fields.optional("nonce")?,
            chain_id: fields.optional("chainId")?,
            access_list: fields.optional("accessList")?,
            authorization_list: fields.optional("authorizationList")?,
        };
        let dynamic =
            request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
        if request.gas_price.is_some() && dynamic {
            return Err(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".into(),
            );
        }
        Ok(request)
    }
}

impl Param for LogQuery {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "filters.input")?;
        let (from, to): (Option<BlockId>, Option<BlockId>) =
            (fields.optional("fromBlock")?, fields.optional("toBlock")?);
        let blocks = match fields.optional("blockHash")? {
            Some(_) if from.is_some() || to.is_some() => {
                return Err(
                    "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
                        .into(),
                );
            }
            Some(hash) => BlockRange::Hash(hash),
            None => BlockRange::FromTo(from.unwrap_or_default(), to.unwrap_or_default()),
        };
        let addresses = fields.optional::<Alternatives<Address>>("address")?;
        if addresses.as_ref().is_some_and(Alternatives::are_too_many) {
            return Err(Alternatives::<Address>::TOO_MANY.into());
        }
        let topics = fields
            .optional::<Vec<Alternatives<B256>>>("topics")?
            .unwrap_or_default();
        if topics.len() > 4 {
            return Err("exceed max topics".into());
        }
        if topics.iter().any(Alternatives::are_too_many) {
            return Err(Alternatives::<B256>::TOO_MANY.into());
        }
        Ok(Self {
            blocks,
            filter: LogFilter::new(
                addresses
                    .map(|Alternatives(addresses)| addresses)
                    .unwrap_or_default(),
                topics
                    .into_iter()
                    .map(|Alternatives(words)| words)
                    .collect(),
            ),
        })
    }
}

/// One thing, several that will do as well, or null for any.
struct Alternatives<T>(Vec<T>);

impl<T> Alternatives<T> {
    /// The most of them, as in go-ethereum.
    const MOST: usize = 1_000;
    /// The words for more.
    const TOO_MANY: &'static str = "exceed max addresses or topics per search position";

    fn are_too_many(&self) -> bool {
        self.0.len() > Self::MOST
    }
}

impl<T: Param> Param for Alternatives<T> {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self(Vec::new())),
            // A null among the alternatives makes them all moot.
            Value::Array(items) if items.iter().any(Value::is_null) => Ok(Self(Vec::new())),
            Value::Array(items) => items
                .iter()
                .map(T::read)
                .collect::<Result<_, _>>()
                .map(Self),
            one => T::read(one).map(|one| Self(vec![one])),
        }
    }
}

impl Param for StateOverrides {
    fn read(value: &Value) -> Result<Self, String> {
        let accounts = value
            .as_object()
            .ok_or_else(|| mismatch(value, "state overrides"))?;
        accounts
            .iter()
            .map(|(address, account)| {
                Ok((
                    Address::read(&Value::String(address.clone()))?,
                    AccountOverride::read(account)?,
                ))
            })
            .collect()
    }
}

impl Param for AccountOverride {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "OverrideAccount")?;
        let (state, diff) = (
            fields.optional::<Slots>("state")?,
            fields.optional::<Slots>("stateDiff")?,
        );
        if state.is_some() && diff.is_some() {
            return Err("account has both 'state' and 'stateDiff'".into());
        }
        Ok(Self {
            balance: fields.optional("balance")?,
            nonce: fields.optional("nonce")?,
            code: fields.optional("code")?,
            state: state.map(|Slots(slots)| slots),
            state_diff: diff.map(|Slots(slots)| slots).unwrap_or_default(),
            move_precompile_to: fields.optional("movePrecompileToAddress")?,
        })
    }
}

impl Param for BlockOverrides {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "BlockOverrides")?;
        for (name, why) in [
            ("blobBaseFee", "there are no blobs on this chain"),
            ("beaconRoot", "there is no beacon chain behind this one"),
            ("withdrawals", "there are no withdrawals on this chain"),
            ("blockHash", "hashes of blocks cannot be overridden"),
        ] {
            if fields.optional::<Value>(name)?.is_some() {
                return Err(format!("{name} is not supported: {why}"));
            }
        }
        Ok(Self {
            number: fields.optional("number")?,
            time: fields.either("time", "timestamp")?,
            gas_limit: fields.optional("gasLimit")?,
            fee_recipient: fields.either("feeRecipient", "coinbase")?,
            prevrandao: fields.either("prevRandao", "random")?,
            base_fee: fields.either("baseFeePerGas", "baseFee")?,
        })
    }
}

struct Slots(BTreeMap<U256, U256>);

impl Param for Slots {
    fn read(value: &Value) -> Result<Self, String> {
        let slots = value.as_object().ok_or_else(|| mismatch(value, "slots"))?;
        slots
            .iter()
            .map(|(slot, value)| {
                Ok((
                    U256::read(&Value::String(slot.clone()))?,
                    U256::read(value)?,
                ))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Slots by account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StorageRequests(pub(super) Vec<(Address, Vec<U256>)>);

impl Param for StorageRequests {
    fn read(value: &Value) -> Result<Self, String> {
        let accounts = value.as_object().ok_or_else(|| mismatch(value, "slots"))?;
        accounts
            .iter()
            .map(|(address, slots)| {
                let address = Address::read(&Value::String(address.clone()))?;
                Ok((address, Vec::read(slots)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// The fields of an object, by name; null counts as absent.
pub(super) struct Fields<'v>(&'v Map<String, Value>);

impl<'v> Fields<'v> {
    pub(super) fn new(value: &'v Value, what: &str) -> Result<Self, String> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| mismatch(value, what))
    }

    pub(super) fn optional<T: Param>(&self, name: &str) -> Result<Option<T>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value)
                .map(Some)
                .map_err(|why| format!("{name}: {why}")),
        }
    }

    /// A field that clients call by one of two names.
    fn either<T: Param>(&self, name: &str, other: &str) -> Result<Option<T>, String> {
        match self.optional(name)? {
            None => self.optional(other),
            found => Ok(found),
        }
    }

    pub(super) fn required<T: Param>(&self, name: &str) -> Result<T, String> {
        self.optional(name)?
            .ok_or_else(|| format!("missing field {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_takes_data_or_input_but_not_two_of_them() {
        let call = |value| CallRequest::read(&value);
        assert_eq!(
            call(json!({"data": "0x01"})).unwrap().input,
            call(json!({"input": "0x01"})).unwrap().input
        );
        assert!(call(json!({"data": "0x01", "input": "0x02"})).is_err());
        assert!(call(json!({"gasPrice": "0x1", "maxFeePerGas": "0x1"})).is_err());
    }

    #[test]
    fn a_log_query_has_alternatives_and_open_positions() {
        let (a, b) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let query = LogQuery::read(&json!({
            "address": format!("{:#x}", Address::repeat_byte(3)),
            "topics": [null, format!("{a:#x}"), [format!("{a:#x}"), format!("{b:#x}")]],
            "fromBlock": "0x1",
        }))
        .unwrap();
        assert_eq!(
            query.blocks,
            BlockRange::FromTo(BlockId::Number(1), BlockId::Latest)
        );
        let filter = LogFilter::new(
            vec![Address::repeat_byte(3)],
            vec![vec![], vec![a], vec![a, b]],
        );
        assert_eq!(query.filter, filter);
    }

    #[test]
    fn a_log_query_has_a_hash_or_a_range() {
        let error =
            LogQuery::read(&json!({"blockHash": format!("{:#x}", B256::ZERO), "toBlock": "0x1"}));
        assert_eq!(
            error.unwrap_err(),
            "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
        );
    }
}
