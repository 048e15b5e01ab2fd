//! The errors of JSON-RPC, with the codes of go-ethereum.

use super::{json, words};
use crate::chain::ChainError;
use crate::error::{MinerError, NodeError, is_unavailable};
use crate::node::Node;
use crate::simulate::CallError;
use crate::store::StoreError;
use evm_kernel::KernelError;
use evm_kernel::native::simulate::Rejection;
use serde_json::Value;
use std::fmt::Display;
use storage::StorageError;

/// The error of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// The code: see the constants here.
    pub code: i64,
    /// The message, in go-ethereum's words.
    pub message: String,
    /// More, such as the bytes of a revert.
    pub data: Option<Value>,
}

impl RpcError {
    /// The text is not JSON.
    pub const PARSE: i64 = -32700;
    /// The JSON is not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// There is no such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters are not those of the method.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The node failed.
    pub const INTERNAL: i64 = -32603;
    /// The call is refused.
    pub const SERVER: i64 = -32000;
    /// No place was free in time.
    pub const TIMED_OUT: i64 = -32002;
    /// The answer would be over 25 MB.
    pub const TOO_LARGE: i64 = -32003;
    /// The request is over a limit.
    pub const LIMIT: i64 = -32005;
    /// A transaction was taken and no block came in time (EIP-7966).
    pub const TIMEOUT: i64 = 4;
    /// A transaction was taken and waits for another nonce (EIP-7966).
    pub const NONCE_GAP: i64 = 6;
    /// The EVM reverted; the data are what it returned.
    pub const REVERTED: i64 = 3;

    pub(super) fn new(code: i64, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            data: None,
        }
    }

    /// An error of code [`RpcError::INVALID_REQUEST`].
    #[must_use]
    pub fn invalid_request(message: impl Display) -> Self {
        Self::new(Self::INVALID_REQUEST, message)
    }

    /// An error of code [`RpcError::METHOD_NOT_FOUND`]; clients fall back on it.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(
            Self::METHOD_NOT_FOUND,
            format_args!("the method {method} does not exist/is not available"),
        )
    }

    /// An error of code [`RpcError::INVALID_PARAMS`].
    #[must_use]
    pub fn invalid_params(message: impl Display) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// An error of code [`RpcError::INTERNAL`].
    #[must_use]
    pub fn internal(message: impl Display) -> Self {
        Self::new(Self::INTERNAL, message)
    }

    /// An error of code [`RpcError::LIMIT`].
    #[must_use]
    pub fn limit(message: impl Display) -> Self {
        Self::new(Self::LIMIT, message)
    }

    /// An error of code [`RpcError::SERVER`].
    #[must_use]
    pub fn server(message: impl Display) -> Self {
        Self::new(Self::SERVER, message)
    }

    /// The other chain could not be asked; [`RpcError::with_reason`] says why.
    pub(super) fn unavailable() -> Self {
        Self::server("fork: the other chain's node does not give what is missing")
    }

    /// The same with the reason, if it is [`RpcError::unavailable`].
    pub(super) fn with_reason(self, node: &Node) -> Self {
        let reason = node.fork().and_then(|fork| fork.trouble().1);
        match reason {
            Some(reason) if self == Self::unavailable() => Self::server(reason),
            _ => self,
        }
    }

    /// True if there was too much to tell: less may be asked for.
    pub(super) fn is_size(&self) -> bool {
        [Self::LIMIT, Self::TOO_LARGE].contains(&self.code)
    }

    pub(super) fn to_json(&self) -> Value {
        let mut error = serde_json::json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        error
    }
}

impl From<NodeError> for RpcError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Call(error) => error.into(),
            error if is_unavailable(&error) => Self::unavailable(),
            NodeError::Store(late @ StoreError::Late(_)) => Self::limit(late),
            NodeError::Layer1(_)
            | NodeError::Execute(_)
            | NodeError::NoFastWithdrawal
            | NodeError::FastWithdrawalAmount(_)
            | NodeError::UnknownBlock(_)
            | NodeError::Depth { .. }
            | NodeError::BeforeFork(_)
            | NodeError::Waiting(_)
            | NodeError::NotCemented(_)
            | NodeError::DevnetAlone
            | NodeError::RollupAlone
            | NodeError::RollupNode(_)
            | NodeError::Busy
            | NodeError::Store(_)
            | NodeError::NotKept(_)
            | NodeError::KeptFork
            | NodeError::TooLate(_)
            | NodeError::Interrupted
            | NodeError::Miner(MinerError::Waiting(_))
            | NodeError::Chain(ChainError::Pruned { .. })
            | NodeError::UnknownAccount(_)
            | NodeError::Admission(_)
            | NodeError::Pool(_)
            | NodeError::Dropped(_)
            | NodeError::Fork(_)
            | NodeError::Stopped => Self::server(words::node(&error)),
            NodeError::NoTokenWrapper
            | NodeError::NoGovernance
            | NodeError::Miner(_)
            | NodeError::Chain(_)
            | NodeError::Kernel(_)
            | NodeError::Storage(_)
            | NodeError::Signature(_) => Self::internal(error),
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Reverted(output) => Self {
                code: Self::REVERTED,
                message: words::revert(&output),
                data: Some(json::data(output)),
            },
            CallError::Kernel(error) => error.into(),
            CallError::Storage(error) => error.into(),
            error => Self::server(words::call(&error)),
        }
    }
}

/// A call that the kernel does not execute.
pub(super) fn rejected(why: Rejection) -> RpcError {
    CallError::from(why).into()
}

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        NodeError::from(error).into()
    }
}

impl From<StorageError> for RpcError {
    fn from(error: StorageError) -> Self {
        match is_unavailable(&error) {
            true => Self::unavailable(),
            false => Self::internal(error),
        }
    }
}

impl From<KernelError> for RpcError {
    fn from(error: KernelError) -> Self {
        match is_unavailable(&error) {
            true => Self::unavailable(),
            false => Self::internal(error),
        }
    }
}
