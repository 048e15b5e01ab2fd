//! Parameters: JSON → arguments of methods, with go-ethereum's words for errors.

use super::error::RpcError;
use crate::request::BlockId;
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde_json::Value;

/// The positional parameters of a call.
#[derive(Clone, Debug)]
pub struct Params(Vec<Value>);

/// A type that can be read from a parameter.
pub trait Param: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The words for an invalid value.
    fn read(value: &Value) -> Result<Self, String>;
}

impl Params {
    /// The parameters in these values.
    #[must_use]
    pub const fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// All of them.
    pub(super) fn values(&self) -> &[Value] {
        &self.0
    }

    /// True if one of them is the block to come.
    pub(super) fn name_pending(&self) -> bool {
        let pending = |value: &Value| value.as_str() == Some("pending");
        self.0
            .iter()
            .any(|value| pending(value) || value.get("blockNumber").is_some_and(pending))
    }

    /// True if the options at `index` name a tracer.
    pub(super) fn names_tracer(&self, index: usize) -> bool {
        self.tracer(index).is_some_and(|name| !name.is_empty())
    }

    /// The tracer that the options at `index` name.
    pub(super) fn tracer(&self, index: usize) -> Option<&str> {
        let options = self.0.get(index)?;
        options.get("tracer")?.as_str()
    }

    /// The parameter at `index`.
    ///
    /// # Errors
    /// −32602 if it is absent, null or invalid.
    pub fn required<T: Param>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?.ok_or_else(|| {
            RpcError::invalid_params(format_args!("missing value for required argument {index}"))
        })
    }

    /// The parameter at `index`; `None` if it is absent or null.
    ///
    /// # Errors
    /// −32602 if it is invalid.
    pub fn optional<T: Param>(&self, index: usize) -> Result<Option<T>, RpcError> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value).map(Some).map_err(|why| {
                RpcError::invalid_params(format_args!("invalid argument {index}: {why}"))
            }),
        }
    }
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
            Some("latest") => Ok(Self::Latest),
            Some("safe") => Ok(Self::Safe),
            Some("finalized") => Ok(Self::Finalized),
            Some("pending") => Ok(Self::Pending),
            Some("earliest") => Ok(Self::Number(0)),
            Some(hash) if hash.len() == 66 => B256::read(value).map(Self::Hash),
            Some(number) => quantity(number).map(Self::Number),
            None => Err(mismatch(value, "block number")),
        }
    }
}

/// The id of a block whose number may be a JSON number, as Otterscan sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyBlock(pub BlockId);

impl Param for AnyBlock {
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_u64() {
            Some(number) => Ok(Self(BlockId::Number(number))),
            None => BlockId::read(value).map(Self),
        }
    }
}

/// A quantity as go-ethereum wants it: no leading zeros.
fn quantity(text: &str) -> Result<u64, String> {
    let digits = digits(text)?;
    match digits {
        "" => Err("hex string \"0x\"".into()),
        _ if digits.starts_with('0') && digits.len() > 1 => {
            Err("hex number with leading zero digits".into())
        }
        _ if digits.len() > 16 => Err("hex number > 64 bits".into()),
        _ => u64::from_str_radix(digits, 16).map_err(|_| "invalid hex string".into()),
    }
}

/// A storage key: at most 32 bytes, leading zeros may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageKey(pub U256);

impl StorageKey {
    /// Reads it; its errors stand alone in go-ethereum's answer.
    ///
    /// # Errors
    /// −32602 if it is absent or invalid.
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

pub(super) fn mismatch(value: &Value, wanted: &str) -> String {
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
            (json!("finalized"), BlockId::Finalized),
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
        for (value, why) in [
            (json!(16), "cannot read number as block number"),
            (json!("0x01"), "hex number with leading zero digits"),
            (json!("0x"), "hex string \"0x\""),
            (json!("16"), "hex string without 0x prefix"),
            (json!("0x10000000000000000"), "hex number > 64 bits"),
        ] {
            assert_eq!(BlockId::read(&value), Err(why.into()), "{value}");
        }
        let number = AnyBlock(BlockId::Number(16));
        assert_eq!(AnyBlock::read(&json!(16)), Ok(number));
        assert_eq!(AnyBlock::read(&json!("0x10")), Ok(number));
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
