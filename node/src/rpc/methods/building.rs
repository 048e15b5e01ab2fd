//! `testing_buildBlockV1`.

use crate::node::Node;
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::objects::Fields;
use crate::rpc::params::{Param, Params};
use crate::rpc::text;
use crate::rpc::words;
use crate::simulate::building::{Attributes, BuildError, Built, Content};
use alloy_primitives::{B256, Bytes, U256};
use evm_kernel::native::simulate::{Call, Interrupt};
use serde_json::{Value, json};

/// `testing_buildBlockV1(parent's hash, payload attributes, transactions, extra data)`: the
/// block after a block, as `engine_getPayloadV4` gives it. It is made and not kept. Without a
/// list of transactions it has those that wait in the pool.
pub(super) fn build(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let parent: B256 = params.required(0)?;
    let attributes: Attributes = params.required(1)?;
    let content = match params.optional::<Vec<Bytes>>(2)? {
        Some(transactions) => Content::Exactly(transactions),
        None => Content::Pool,
    };
    let extra = params.optional::<Bytes>(3)?.unwrap_or_default();
    if !extra.is_empty() {
        return Err(RpcError::invalid_params(
            "extraData is not supported: blocks of this chain have none",
        ));
    }
    let parent = node.block(BlockId::Hash(parent))?;
    let built = node.build(&parent, &attributes, content, interrupt)?;
    text::value(&payload(&built))
}

/// The block as `engine_getPayloadV4` gives it. There are no blobs, and no requests to
/// validators.
fn payload(built: &Built) -> Value {
    let header = &built.block.header;
    let transactions = built.block.transactions.iter();
    let transactions: Vec<Value> = transactions
        .map(|included| json::data(included.transaction.encode()))
        .collect();
    json!({
        "executionPayload": {
            "parentHash": json::data(header.parent_hash),
            "feeRecipient": json::address(&header.beneficiary),
            "stateRoot": json::data(header.state_root),
            "receiptsRoot": json::data(header.receipts_root),
            "logsBloom": json::data(header.logs_bloom),
            "prevRandao": json::data(header.mix_hash),
            "blockNumber": json::quantity(header.number),
            "gasLimit": json::quantity(header.gas_limit),
            "gasUsed": json::quantity(header.gas_used),
            "timestamp": json::quantity(header.timestamp),
            "extraData": json::data(&header.extra_data),
            "baseFeePerGas": json::quantity(header.base_fee_per_gas),
            "blockHash": json::data(built.block.hash),
            "transactions": transactions,
            "withdrawals": [],
            "blobGasUsed": json::quantity(header.blob_gas_used),
            "excessBlobGas": json::quantity(header.excess_blob_gas),
        },
        "blockValue": json::word(built.value),
        "blobsBundle": { "commitments": [], "proofs": [], "blobs": [] },
        "executionRequests": [],
        "shouldOverrideBuilder": false,
    })
}

impl From<BuildError> for RpcError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Node(error) => error.into(),
            BuildError::Rejected {
                rejection,
                sender,
                max_fee,
                base_fee,
            } => {
                let call = Call {
                    from: sender,
                    gas_price: max_fee,
                    ..Call::default()
                };
                Self::server(words::rejected_call(
                    &rejection,
                    &call,
                    U256::from(base_fee),
                ))
            }
            BuildError::Time { .. } | BuildError::BlockGas { .. } => Self::server(error),
        }
    }
}

impl Param for Attributes {
    fn read(value: &Value) -> Result<Self, String> {
        let fields = Fields::new(value, "PayloadAttributes")?;
        let withdrawals = fields.optional::<Vec<Value>>("withdrawals")?;
        if withdrawals.is_some_and(|list| !list.is_empty()) {
            return Err("withdrawals is not supported: there are no validators".into());
        }
        // The header's stays zero: there is no beacon chain.
        fields.optional::<B256>("parentBeaconBlockRoot")?;
        Ok(Self {
            timestamp: fields.required("timestamp")?,
            prevrandao: fields.required("prevRandao")?,
            fee_recipient: fields.required("suggestedFeeRecipient")?,
        })
    }
}
