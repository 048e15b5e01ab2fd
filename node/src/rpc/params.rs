//! Parameters: JSON → what a method takes, with go-ethereum's words for what is
//! wrong.

use crate::chain::LogFilter;
use crate::rpc::RpcError;
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use ethereum::transaction::{AccessListItem, SignedAuthorization};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The positional parameters of a call.
#[derive(Clone, Debug)]
pub struct Params(Vec<Value>);

/// What can be read from a parameter.
pub trait Param: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn read(value: &Value) -> Result<Self, String>;
}

impl Params {
    /// The parameters in these values.
    #[must_use]
    pub const fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The parameter at `index`.
    ///
    /// # Errors
    /// −32602 where it is absent, null or wrong.
    pub fn required<T: Param>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?.ok_or_else(|| {
            RpcError::invalid_params(format_args!("missing value for required argument {index}"))
        })
    }

    /// The parameter at `index`; none where it is absent or null.
    ///
    /// # Errors
    /// −32602 where it is wrong.
    pub fn optional<T: Param>(&self, index: usize) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value).map(Some).map_err(|why| {
                RpcError::invalid_params(format_args!("invalid argument {index}: {why}"))
            }),
        }
    }
}

/// Which block is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockId {
    /// The newest; also `safe` and `finalized`: the devnet never goes back.
    #[default]
    Latest,
    /// The newest with what the pool holds.
    Pending,
    /// The one with this number; `earliest` is 0.
    Number(u64),
    /// The one with this hash.
    Hash(B256),
}

/// What `eth_call`, `eth_estimateGas` and `eth_sendTransaction` take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// Who calls.
    pub from: Option<Address>,
    /// What is called; none: a creation.
    pub to: Option<Address>,
    /// Most gas.
    pub gas: Option<u64>,
    /// Wei for a unit of gas.
    pub gas_price: Option<U256>,
    /// Most wei for a unit of gas.
    pub max_fee_per_gas: Option<U256>,
    /// Most wei for a unit of gas to the fee recipient.
    pub max_priority_fee_per_gas: Option<U256>,
    /// Wei sent along.
    pub value: U256,
    /// Call data, or initcode.
    pub input: Bytes,
    /// The sender's nonce.
    pub nonce: Option<u64>,
    /// The chain's number.
    pub chain_id: Option<u64>,
    /// Accounts and slots that are warm from the start.
    pub access_list: Option<Vec<AccessListItem>>,
    /// Who delegates to which code.
    pub authorization_list: Option<Vec<SignedAuthorization>>,
}

/// What `eth_getLogs` and its like take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Which blocks.
    pub blocks: BlockRange,
    /// Which of their logs.
    pub filter: LogFilter,
}

/// The blocks of a log query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockRange {
    /// From one to another, both included.
    FromTo(BlockId, BlockId),
    /// One alone, by its hash.
    Hash(B256),
}

impl Default for BlockRange {
    fn default() -> Self {
        Self::FromTo(BlockId::Latest, BlockId::Latest)
    }
}

/// What a call should find other than it is, by account.
pub type StateOverrides = BTreeMap<Address, AccountOverride>;

/// What of an account is other than it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountOverride {
    /// Its balance in wei.
    pub balance: Option<U256>,
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Bytes>,
    /// All its slots.
    pub state: Option<BTreeMap<U256, U256>>,
    /// Some of its slots.
    pub state_diff: BTreeMap<U256, U256>,
}

/// What of its block a call should find other than it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockOverrides {
    /// Its number.
    pub number: Option<u64>,
    /// Its timestamp, in seconds since 1970.
    pub time: Option<u64>,
    /// Its gas limit.
    pub gas_limit: Option<u64>,
    /// Who gets the priority fees.
    pub fee_recipient: Option<Address>,
    /// PREVRANDAO.
    pub prevrandao: Option<B256>,
    /// Its base fee, in wei per gas.
    pub base_fee: Option<u64>,
}

impl Param for Value {
    fn read(value: &Value) -> Result<Self, String> {
        Ok(value.clone())
    }
}

impl Param for bool {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| mismatch(value, "bool"))
    }
}

impl Param for String {
    fn read(value: &Value) -> Result<Self, String> {
        text(value, "string").map(Into::into)
    }
}

impl Param for u64 {
    fn read(value: &Value) -> Result<Self, String> {
        if let Some(number) = value.as_u64() {
            return Ok(number);
        }
        let number = U256::read(value)?;
        Self::try_from(number).map_err(|_| "hex number > 64 bits".into())
    }
}

impl Param for U256 {
    fn read(value: &Value) -> Result<Self, String> {
        if let Some(number) = value.as_u64() {
            return Ok(Self::from(number));
        }
        let digits = digits(text(value, "hex number")?)?;
        match digits {
            "" => Err("hex string \"0x\"".into()),
            _ if digits.len() > 64 => Err("hex number > 256 bits".into()),
            _ => Self::from_str_radix(digits, 16).map_err(|_| "invalid hex string".into()),
        }
    }
}

impl Param for Bytes {
    fn read(value: &Value) -> Result<Self, String> {
        let digits = digits(text(value, "hex bytes")?)?;
        if digits.len() % 2 == 1 {
            return Err("hex string of odd length".into());
        }
        hex::decode(digits)
            .map(Into::into)
            .map_err(|_| "invalid hex string".into())
    }
}

impl Param for Address {
    fn read(value: &Value) -> Result<Self, String> {
        fixed::<20>(value, "common.Address").map(Self::new)
    }
}

impl Param for B256 {
    fn read(value: &Value) -> Result<Self, String> {
        fixed::<32>(value, "common.Hash").map(Self::new)
    }
}

impl<T: Param> Param for Vec<T> {
    fn read(value: &Value) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(|| mismatch(value, "list"))?;
        items.iter().map(T::read).collect()
    }
}

impl Param for f64 {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_f64().ok_or_else(|| mismatch(value, "number"))
    }
}

impl Param for BlockId {
    fn read(value: &Value) -> Result<Self, String> {
        if let Value::Object(object) = value {
            // EIP-1898.
            return match (object.get("blockNumber"), object.get("blockHash")) {
                (Some(number), None) => Self::read(number),
                (None, Some(hash)) => B256::read(hash).map(Self::Hash),
                (Some(_), Some(_)) => Err(
                    "cannot specify both BlockHash and BlockNumber, choose one or the other".into(),
                ),
                (None, None) => Err("invalid arguments; neither block nor hash specified".into()),
            };
        }
        match value.as_str() {
            Some("latest" | "safe" | "finalized") => Ok(Self::Latest),
            Some("pending") => Ok(Self::Pending),
            Some("earliest") => Ok(Self::Number(0)),
            Some(hash) if hash.len() == 66 => B256::read(value).map(Self::Hash),
            _ => u64::read(value).map(Self::Number),
        }
    }
}

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
        Ok(Self {
            chain_id: fields.required("chainId")?,
            address: fields.required("address")?,
            nonce: fields.required("nonce")?,
            y_parity: u8::try_from(parity).map_err(|_| "yParity > 8 bits")?,
            r: fields.required("r")?,
            s: fields.required("s")?,
        })
    }
}

impl Param for CallRequest {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "TransactionArgs")?;
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
        let topics = fields
            .optional::<Vec<Alternatives<B256>>>("topics")?
            .unwrap_or_default();
        if topics.len() > 4 {
            return Err("exceed max topics".into());
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
        if fields.0.contains_key("movePrecompileToAddress") {
            return Err("movePrecompileToAddress is not supported: the kernel's precompiles stay where they are".into());
        }
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
pub struct StorageRequests(pub Vec<(Address, Vec<U256>)>);

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

/// A storage key: at most 32 bytes, leading zeros may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageKey(pub U256);

impl StorageKey {
    /// Reads it; its errors stand alone in go-ethereum's answer.
    ///
    /// # Errors
    /// −32602 where it is absent or wrong.
    pub fn required(params: &Params, index: usize) -> Result<Self, RpcError> {
        let text: String = params.required(index)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        if digits.len() > 64 {
            return Err(RpcError::invalid_params(format_args!(
                "storage key too long (want at most 32 bytes): {text:?}"
            )));
        }
        if digits.is_empty() {
            return Ok(Self(U256::ZERO));
        }
        U256::from_str_radix(digits, 16).map(Self).map_err(|_| {
            RpcError::invalid_params(format_args!("unable to decode storage key: {text:?}"))
        })
    }
}

/// The fields of an object, by name; null counts as absent.
struct Fields<'v>(&'v Map<String, Value>);

impl<'v> Fields<'v> {
    fn new(value: &'v Value, what: &str) -> Result<Self, String> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| mismatch(value, what))
    }

    fn optional<T: Param>(&self, name: &str) -> Result<Option<T>, String> {
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

    fn required<T: Param>(&self, name: &str) -> Result<T, String> {
        self.optional(name)?
            .ok_or_else(|| format!("missing field {name}"))
    }
}

fn fixed<const LEN: usize>(value: &Value, what: &str) -> Result<[u8; LEN], String> {
    let digits = digits(text(value, what)?)?;
    let mut bytes = [0; LEN];
    if digits.len() != 2 * LEN {
        return Err(format!(
            "hex string has length {}, want {} for {what}",
            digits.len(),
            2 * LEN
        ));
    }
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| "invalid hex string")?;
    Ok(bytes)
}

fn text<'v>(value: &'v Value, what: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| mismatch(value, what))
}

fn digits(text: &str) -> Result<&str, String> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => Ok(digits),
        None if text.is_empty() => Err("empty hex string".into()),
        None => Err("hex string without 0x prefix".into()),
    }
}

fn mismatch(value: &Value, wanted: &str) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("cannot read {found} as {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(values: &Value) -> Params {
        Params::new(Vec::<Value>::read(values).unwrap())
    }

    #[test]
    fn block_ids_are_tags_numbers_hashes_and_objects() {
        let hash = format!("{:#x}", B256::repeat_byte(7));
        for (value, id) in [
            (json!("latest"), BlockId::Latest),
            (json!("finalized"), BlockId::Latest),
            (json!("pending"), BlockId::Pending),
            (json!("earliest"), BlockId::Number(0)),
            (json!("0x10"), BlockId::Number(16)),
            (json!(hash), BlockId::Hash(B256::repeat_byte(7))),
            (json!({"blockNumber": "0x2"}), BlockId::Number(2)),
            (
                json!({"blockHash": hash, "requireCanonical": true}),
                BlockId::Hash(B256::repeat_byte(7)),
            ),
        ] {
            assert_eq!(BlockId::read(&value), Ok(id), "{value}");
        }
        assert!(BlockId::read(&json!("newest")).is_err());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = params(&json!(["2", "0x12", null]));
        let message = |error: RpcError| (error.code, error.message);
        assert_eq!(
            message(wrong.required::<u64>(0).unwrap_err()),
            (
                -32602,
                "invalid argument 0: hex string without 0x prefix".into()
            )
        );
        assert_eq!(
            message(wrong.required::<Address>(1).unwrap_err()),
            (
                -32602,
                "invalid argument 1: hex string has length 2, want 40 for common.Address".into()
            )
        );
        assert_eq!(
            message(wrong.required::<bool>(2).unwrap_err()),
            (-32602, "missing value for required argument 2".into())
        );
    }

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

    #[test]
    fn a_storage_key_may_be_short_but_not_long() {
        let key = |text: &str| StorageKey::required(&params(&json!([text])), 0);
        assert_eq!(key("0x1"), Ok(StorageKey(U256::from(1))));
        let long = format!("0x{}", "0".repeat(65));
        assert_eq!(
            key(&long).unwrap_err().message,
            format!("storage key too long (want at most 32 bytes): \"{long}\"")
        );
    }
}
