//! The table of methods: name → what answers it.

mod blocks;
pub(super) mod debug;
mod development;
mod execution;
mod fees;
mod filters;
pub(super) mod general;
mod layer1;
mod otterscan;
mod parity;
mod proofs;
mod simulation;
mod state;
mod transactions;
mod txpool;

use super::error::RpcError;
use super::json::quantity;
use super::params::Params;
use super::subscriptions::Subscriptions;
use crate::miner::MinerHandle;
use crate::node::Node;
use evm_kernel::native::simulate::Interrupt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What answers a method.
type Method = fn(&Node, &Params) -> Result<Value, RpcError>;

/// What answers a method of subscriptions.
pub(super) type Subscribe = fn(&Subscriptions, &Params) -> Result<Value, RpcError>;

/// How a method is answered.
pub(super) enum Answer {
    /// In a few microseconds.
    AtOnce(Method),
    /// On a thread that may block.
    Blocking(Method),
    /// As text, on a thread that may block.
    Large(fn(&Node, &Params) -> Result<String, RpcError>),
    /// At once, or on a thread that may block where the answer is large.
    Sized(fn(&Node, &Params) -> Result<Reply, RpcError>),
    /// By calls that are tried, each of which can be ended.
    Calling(fn(&Node, &Params, &Interrupt) -> Result<Value, RpcError>),
    /// By calls whose answer may be large.
    Tracing(fn(&Node, &Params, &Interrupt) -> Result<String, RpcError>),
    /// After waiting for the miner.
    Waiting(for<'a> fn(&'a MinerHandle, &'a Params) -> BoxFuture<'a, Result<Value, RpcError>>),
    /// By a WebSocket connection alone.
    Subscription(Subscribe),
}

/// An answer, or how a large one is written.
pub(super) enum Reply {
    /// It is there.
    Small(Value),
    /// It is written on a thread that may block.
    Large(Box<dyn FnOnce() -> Result<String, RpcError> + Send>),
}

use Answer::{AtOnce, Blocking, Calling, Subscription, Tracing, Waiting};

/// The method with this name.
pub(super) fn find(name: &str) -> Option<&'static Answer> {
    static BY_NAME: LazyLock<HashMap<&str, &Answer>> = LazyLock::new(|| {
        let rows = METHODS.iter();
        rows.flat_map(|(names, answer)| names.iter().map(move |name| (*name, answer)))
            .collect()
    });
    BY_NAME.get(name).copied()
}

/// All methods. A row has the names that one method goes by: development methods
/// have those of Ganache (`evm_`), Hardhat (`hardhat_`) and Foundry (`anvil_`).
#[rustfmt::skip]
static METHODS: &[(&[&str], Answer)] = &[
    // The node.
    (&["eth_chainId"], AtOnce(general::chain_id)),
    (&["eth_blockNumber"], AtOnce(general::block_number)),
    (&["eth_accounts"], AtOnce(general::accounts)),
    (&["eth_coinbase"], AtOnce(general::coinbase)),
    (&["eth_syncing", "eth_mining"], AtOnce(|_, _| Ok(Value::Bool(false)))),
    (&["eth_hashrate", "net_peerCount"], AtOnce(|_, _| Ok(quantity(0)))),
    (&["eth_protocolVersion"], AtOnce(|_, _| Ok(quantity(68)))),
    (&["net_version"], AtOnce(general::network)),
    (&["net_listening"], AtOnce(|_, _| Ok(Value::Bool(true)))),
    (&["web3_clientVersion"], AtOnce(general::version)),
    (&["web3_sha3"], AtOnce(general::hash)),
    (&["rpc_modules"], AtOnce(general::modules)),
    (&["hardhat_metadata", "anvil_metadata"], AtOnce(general::metadata)),
    (&["anvil_nodeInfo"], AtOnce(general::node_info)),

    // Fees. There are no blobs: their price stays at its least.
    (&["eth_gasPrice"], AtOnce(fees::gas_price)),
    (&["eth_baseFee"], AtOnce(fees::next_base_fee)),
    (&["eth_blobBaseFee"], AtOnce(|_, _| Ok(quantity(1)))),
    (&["eth_maxPriorityFeePerGas"], AtOnce(fees::priority_fee)),
    (&["eth_feeHistory"], Blocking(fees::history)),

    // State.
    (&["eth_getBalance"], AtOnce(state::balance)),
    (&["eth_getCode"], AtOnce(state::code)),
    (&["eth_getStorageAt"], AtOnce(state::slot)),
    (&["eth_getStorageValues"], AtOnce(state::slots)),
    (&["eth_getAccountInfo"], AtOnce(state::info)),
    (&["eth_getTransactionCount"], AtOnce(state::nonce)),
    (&["eth_getProof"], Blocking(proofs::prove)),
    (&["rollup_getProof"], Blocking(proofs::prove_with_root)),
    (&["rollup_stateRoot"], Blocking(proofs::state_root)),

    // Blocks.
    (&["eth_getBlockByNumber", "eth_getBlockByHash"], Answer::Sized(blocks::block)),
    (&["eth_getHeaderByNumber", "eth_getHeaderByHash"], AtOnce(blocks::header)),
    (&["eth_getBlockTransactionCountByNumber", "eth_getBlockTransactionCountByHash"], AtOnce(blocks::transaction_count)),
    (&["eth_getTransactionByBlockNumberAndIndex", "eth_getTransactionByBlockHashAndIndex"], AtOnce(blocks::transaction)),
    (&["eth_getBlockReceipts"], Answer::Sized(blocks::receipts)),
    (&["eth_getUncleCountByBlockNumber", "eth_getUncleCountByBlockHash"], AtOnce(blocks::ommer_count)),
    (&["eth_getUncleByBlockNumberAndIndex", "eth_getUncleByBlockHashAndIndex"], AtOnce(|_, _| Ok(Value::Null))),
    (&["eth_getLogs"], Answer::Sized(blocks::logs)),

    // Transactions.
    (&["eth_getTransactionByHash"], AtOnce(transactions::by_hash)),
    (&["eth_getTransactionReceipt"], Answer::Sized(transactions::receipt)),
    (&["eth_getRawTransactionByHash", "debug_getRawTransaction"], AtOnce(transactions::raw)),
    (&["eth_sendRawTransaction"], Waiting(|miner, params| Box::pin(transactions::send_raw(miner, params)))),
    (&["eth_sendRawTransactionSync"], Waiting(|miner, params| Box::pin(transactions::send_raw_sync(miner, params)))),
    (&["eth_sendTransaction"], Waiting(|miner, params| Box::pin(transactions::send(miner, params)))),
    (&["eth_fillTransaction"], Calling(transactions::filled)),
    (&["eth_signTransaction"], Calling(transactions::signed)),
    (&["eth_sign"], AtOnce(transactions::sign)),
    (&["personal_sign"], AtOnce(transactions::personal_sign)),
    (&["txpool_status"], AtOnce(txpool::status)),
    (&["txpool_content"], Answer::Large(txpool::content)),
    (&["txpool_contentFrom"], Answer::Large(txpool::content_from)),
    (&["txpool_inspect"], Answer::Large(txpool::inspect)),

    // Calls.
    (&["eth_simulateV1"], Tracing(simulation::simulate_v1)),
    (&["eth_call"], Calling(execution::call)),
    (&["eth_estimateGas"], Calling(execution::estimate)),
    (&["eth_createAccessList"], Calling(execution::create_access_list)),

    // Traces.
    (&["debug_traceTransaction"], Tracing(debug::transaction)),
    (&["debug_traceBlockByNumber", "debug_traceBlockByHash"], Tracing(debug::block)),
    (&["debug_traceCall"], Tracing(debug::call)),
    (&["debug_getRawHeader"], Blocking(debug::raw_header)),
    (&["debug_getRawBlock"], Blocking(debug::raw_block)),
    (&["debug_getRawReceipts"], Blocking(debug::raw_receipts)),
    (&["trace_transaction"], Tracing(parity::transaction)),
    (&["trace_get"], Tracing(parity::get)),
    (&["trace_block"], Tracing(parity::block)),
    (&["trace_filter"], Tracing(parity::filter)),
    (&["trace_call"], Tracing(parity::call)),
    (&["trace_replayTransaction"], Tracing(parity::replay_transaction)),
    (&["trace_replayBlockTransactions"], Tracing(parity::replay_block)),

    // Otterscan.
    (&["erigon_getHeaderByNumber"], AtOnce(otterscan::header)),
    (&["ots_getApiLevel"], AtOnce(otterscan::api_level)),
    (&["ots_hasCode"], AtOnce(otterscan::has_code)),
    (&["ots_getBlockDetails", "ots_getBlockDetailsByHash"], Blocking(otterscan::details)),
    (&["ots_getBlockTransactions"], Blocking(otterscan::block_transactions)),
    (&["ots_getTransactionBySenderAndNonce"], Blocking(otterscan::by_sender_and_nonce)),
    (&["ots_getInternalOperations"], Tracing(otterscan::internal_operations)),
    (&["ots_getTransactionError"], Tracing(otterscan::transaction_error)),
    (&["ots_traceTransaction"], Tracing(otterscan::trace_transaction)),
    (&["ots_searchTransactionsBefore"], Tracing(otterscan::search_before)),
    (&["ots_searchTransactionsAfter"], Tracing(otterscan::search_after)),
    (&["ots_getContractCreator"], Tracing(otterscan::contract_creator)),

    // Filters and subscriptions.
    (&["eth_newFilter"], AtOnce(filters::new_logs)),
    (&["eth_newBlockFilter"], AtOnce(filters::new_blocks)),
    (&["eth_newPendingTransactionFilter"], AtOnce(filters::new_arrivals)),
    (&["eth_uninstallFilter"], AtOnce(filters::uninstall)),
    (&["eth_getFilterLogs"], Answer::Sized(filters::logs)),
    (&["eth_getFilterChanges"], Answer::Sized(filters::changes)),
    (&["eth_subscribe"], Subscription(Subscriptions::subscribe)),
    (&["eth_unsubscribe"], Subscription(Subscriptions::unsubscribe)),

    // Development.
    (&["evm_snapshot", "hardhat_snapshot", "anvil_snapshot"], Waiting(|miner, _| Box::pin(development::snapshot(miner)))),
    (&["evm_revert", "hardhat_revert", "anvil_revert"], Waiting(|miner, params| Box::pin(development::revert(miner, params)))),
    (&["evm_mine"], Waiting(|miner, params| Box::pin(development::mine_one(miner, params)))),
    (&["hardhat_mine", "anvil_mine"], Waiting(|miner, params| Box::pin(development::mine(miner, params)))),
    (&["evm_increaseTime", "hardhat_increaseTime", "anvil_increaseTime"], AtOnce(development::increase_time)),
    (&["evm_setNextBlockTimestamp", "hardhat_setNextBlockTimestamp", "anvil_setNextBlockTimestamp"], AtOnce(development::set_next_timestamp)),
    (&["evm_setAutomine", "hardhat_setAutomine", "anvil_setAutomine"], AtOnce(development::set_automine)),
    (&["evm_getAutomine", "hardhat_getAutomine", "anvil_getAutomine"], AtOnce(development::automine)),
    (&["evm_setBalance", "hardhat_setBalance", "anvil_setBalance"], Waiting(|miner, params| Box::pin(development::set_balance(miner, params)))),
    (&["evm_setCode", "hardhat_setCode", "anvil_setCode"], Waiting(|miner, params| Box::pin(development::set_code(miner, params)))),
    (&["evm_setNonce", "hardhat_setNonce", "anvil_setNonce"], Waiting(|miner, params| Box::pin(development::set_nonce(miner, params)))),
    (&["evm_setStorageAt", "hardhat_setStorageAt", "anvil_setStorageAt"], Waiting(|miner, params| Box::pin(development::set_slot(miner, params)))),
    (&["evm_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas", "anvil_setNextBlockBaseFeePerGas"], Waiting(|miner, params| Box::pin(development::set_next_base_fee(miner, params)))),
    (&["evm_impersonateAccount", "hardhat_impersonateAccount", "anvil_impersonateAccount"], AtOnce(development::impersonate)),
    (&["evm_stopImpersonatingAccount", "hardhat_stopImpersonatingAccount", "anvil_stopImpersonatingAccount"], AtOnce(development::stop_impersonating)),
    (&["evm_autoImpersonateAccount", "hardhat_autoImpersonateAccount", "anvil_autoImpersonateAccount"], AtOnce(development::impersonate_all)),

    // Layer 1.
    (&["rollup_deposit"], Waiting(|miner, params| Box::pin(layer1::deposit(miner, params)))),
    (&["rollup_depositTokens"], Waiting(|miner, params| Box::pin(layer1::deposit_tokens(miner, params)))),
    (&["rollup_sendDelayed"], Waiting(|miner, params| Box::pin(layer1::send_delayed(miner, params)))),
    (&["rollup_govern"], Waiting(|miner, params| Box::pin(layer1::govern(miner, params)))),
    (&["rollup_withdrawals"], Waiting(|miner, _| Box::pin(layer1::withdrawals(miner)))),
    (&["rollup_executeOutboxMessage"], Waiting(|miner, params| Box::pin(layer1::execute(miner, params)))),
    (&["rollup_status"], Waiting(|miner, _| Box::pin(layer1::status(miner)))),
    (&["rollup_payOut"], Waiting(|miner, params| Box::pin(layer1::pay_out(miner, params)))),
    (&["rollup_advanceLevels"], Waiting(|miner, params| Box::pin(layer1::advance(miner, params)))),
    (&["rollup_inbox"], Waiting(|miner, params| Box::pin(layer1::inbox(miner, params)))),
    (&["rollup_outbox"], Waiting(|miner, params| Box::pin(layer1::outbox(miner, params)))),
    (&["rollup_layer1"], Waiting(|miner, _| Box::pin(layer1::overview(miner)))),
    (&["rollup_layer1Balance"], Waiting(|miner, params| Box::pin(layer1::balance(miner, params)))),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_has_two_methods() {
        let names = METHODS.iter().map(|(names, _)| names.len()).sum::<usize>();
        let distinct: std::collections::HashSet<_> =
            METHODS.iter().flat_map(|(names, _)| *names).collect();
        assert_eq!(distinct.len(), names);
    }
}
