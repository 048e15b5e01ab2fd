//! Calls of the node's own methods, and reading what they answer.

use alloy_primitives::{Address, Bytes, U256};
use node::miner::MinerHandle;
use node::rpc::params::Params;
use node::rpc::{RpcError, call_within};
use serde_json::Value;

/// The most bytes of an answer that a page is made of.
const MOST: usize = 6 << 20;

/// The most bytes of an answer that becomes a file.
const MOST_OF_FILE: usize = 25_000_000;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no such thing.
    NotFound(String),
    /// The address is none that the page has.
    Invalid(String),
    /// The node answers with an error.
    Node(RpcError),
}

impl From<RpcError> for Trouble {
    fn from(error: RpcError) -> Self {
        Self::Node(error)
    }
}

/// The node, as the pages see it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    miner: MinerHandle,
}

impl Ask {
    pub(crate) const fn new(miner: MinerHandle) -> Self {
        Self { miner }
    }

    pub(crate) fn node(&self) -> &node::node::Node {
        self.miner.node()
    }

    /// True if it is a devnet, where everybody may do everything.
    pub(crate) fn is_devnet(&self) -> bool {
        !self.node().follows()
    }

    /// The answer of a method; `params` is a list.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        self.within(MOST, method, params).await
    }

    /// As [`Ask::call`], for an answer that becomes a file.
    pub(crate) async fn file(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        self.within(MOST_OF_FILE, method, params).await
    }

    async fn within(&self, most: usize, method: &str, params: Value) -> Result<Value, RpcError> {
        let params = match params {
            Value::Array(params) => params,
            other => vec![other],
        };
        call_within(&self.miner, method, Params::new(params), most).await
    }

    /// The number of the block that has a transaction.
    pub(crate) async fn block_of(&self, hash: &str) -> Option<u64> {
        let found = self.call("eth_getTransactionByHash", serde_json::json!([hash]));
        found.await.ok()?.get("blockNumber").and_then(number_of)
    }

    /// The answer to an `eth_call` of the newest block; `None` if it fails.
    pub(crate) async fn view(&self, to: &Address, input: &[u8]) -> Option<Bytes> {
        let request =
            serde_json::json!([{ "to": to, "data": hex_of(input), "gas": "0x493e0" }, "latest"]);
        let answer = self.call("eth_call", request).await.ok()?;
        bytes(&answer)
    }
}

/// Bytes as digits with `0x`.
pub(crate) fn hex_of(bytes: impl AsRef<[u8]>) -> String {
    alloy_primitives::hex::encode_prefixed(bytes)
}

/// A text field; empty if it is absent.
pub(crate) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A number, as a quantity or a JSON number; 0 if it is absent.
pub(crate) fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(number_of).unwrap_or_default()
}

pub(crate) fn number_of(value: &Value) -> Option<u64> {
    match value.as_u64() {
        Some(number) => Some(number),
        None => u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok(),
    }
}

/// A word, as a quantity; 0 if it is absent.
pub(crate) fn word(value: &Value, field: &str) -> U256 {
    let digits = text(value, field).trim_start_matches("0x");
    U256::from_str_radix(digits, 16).unwrap_or_default()
}

/// The items of a list; none if it is absent.
pub(crate) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    let items = value.get(field).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

/// Bytes as data has them.
pub(crate) fn bytes(value: &Value) -> Option<Bytes> {
    let digits = value.as_str()?;
    alloy_primitives::hex::decode(digits).ok().map(Bytes::from)
}

/// The bytes of a field; none if it is absent.
pub(crate) fn data(value: &Value, field: &str) -> Bytes {
    value.get(field).and_then(bytes).unwrap_or_default()
}

/// The address in a field.
pub(crate) fn address(value: &Value, field: &str) -> Option<Address> {
    text(value, field).parse().ok()
}
