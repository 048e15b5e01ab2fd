//! The table of methods: name → what answers it.

mod abis;
mod blocks;
mod building;
mod calls;
mod configuration;
pub(super) mod debug;
mod development;
mod dispute;
mod execution;
mod explorer;
mod fees;
mod filters;
pub(super) mod general;
mod layer1;
mod otterscan;
mod parity;
mod posted;
mod proofs;
mod settings;
mod simulation;
mod state;
mod states;
mod tokens;
mod transactions;
mod txpool;
mod wallet;
mod witness;

use super::error::RpcError;
use super::json::quantity;
use super::params::Params;
use super::subscriptions::Subscriptions;
use crate::miner::MinerHandle;
use crate::node::Node;
use evm_kernel::native::simulate::Interrupt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A function that answers a method.
type Method = fn(&Node, &Params) -> Result<Value, RpcError>;

/// A function that answers a method of subscriptions.
pub(super) type Subscribe = fn(&Subscriptions, &Params) -> Result<Value, RpcError>;

/// The kinds of answers.
pub(super) enum Answer {
    /// In a few microseconds.
    AtOnce(Method),
    /// On a thread that may block.
    Blocking(Method),
    /// On a thread that may block, for seconds.
    Long(Method),
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

/// Writes an answer.
type Write = dyn FnOnce(&Node) -> Result<String, RpcError> + Send;

/// An answer, or how a large one is written.
pub(super) enum Reply {
    /// It is there.
    Small(Value),
    /// It is written on a thread that may block.
    Large(Box<Write>),
}

use Answer::{AtOnce, Blocking, Calling, Subscription, Tracing, Waiting};

/// The method's name as the table has it: there are no more of these than methods.
pub(super) fn known(name: &str) -> Option<&'static str> {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let rows = METHODS.iter();
        rows.flat_map(|(names, _)| names.iter().copied()).collect()
    });
    NAMES.get(name).copied()
}

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
    (&["eth_accounts", "eth_requestAccounts", "personal_listAccounts"], AtOnce(general::accounts)),
    (&["eth_coinbase"], AtOnce(general::coinbase)),
    (&["eth_syncing"], AtOnce(|_, _| Ok(Value::Bool(false)))),
    (&["eth_mining"], AtOnce(general::mining)),
    (&["eth_config"], AtOnce(configuration::config)),
    (&["eth_capabilities"], AtOnce(configuration::capabilities)),
    (&["eth_hashrate", "net_peerCount"], AtOnce(|_, _| Ok(quantity(0)))),
    (&["eth_protocolVersion"], AtOnce(|_, _| Ok(quantity(68)))),
    (&["net_version", "eth_networkId"], AtOnce(general::network)),
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
    (&["eth_getStorageValues"], Blocking(state::slots)),
    (&["eth_getAccountInfo"], AtOnce(state::info)),
    (&["eth_getTransactionCount"], AtOnce(state::nonce)),
    (&["eth_getAccount"], Answer::Long(proofs::account)),
    (&["eth_getProof"], Answer::Long(proofs::prove)),
    (&["rollup_getProof"], Answer::Long(proofs::prove_with_root)),
    (&["rollup_stateRoot"], Answer::Long(proofs::state_root)),

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
    (&["eth_getRawTransactionByBlockNumberAndIndex", "eth_getRawTransactionByBlockHashAndIndex"], AtOnce(blocks::raw_transaction)),
    (&["eth_getTransactionBySenderAndNonce"], Blocking(otterscan::transaction_by_sender_and_nonce)),
    (&["eth_pendingTransactions"], Blocking(wallet::pending)),
    (&["eth_sendUnsignedTransaction"], Waiting(|miner, params| Box::pin(wallet::send_unsigned(miner, params)))),
    (&["eth_sendRawTransaction"], Waiting(|miner, params| Box::pin(transactions::send_raw(miner, params)))),
    (&["eth_sendRawTransactionSync"], Waiting(|miner, params| Box::pin(transactions::send_raw_sync(miner, params)))),
    (&["eth_sendTransaction"], Waiting(|miner, params| Box::pin(transactions::send(miner, params)))),
    (&["eth_fillTransaction"], Calling(transactions::filled)),
    (&["eth_signTransaction"], Calling(transactions::signed)),
    (&["eth_sign"], AtOnce(wallet::sign)),
    (&["personal_sign"], AtOnce(wallet::personal_sign)),
    (&["eth_signTypedData", "eth_signTypedData_v3", "eth_signTypedData_v4"], Blocking(wallet::sign_typed_data)),
    (&["txpool_status"], AtOnce(txpool::status)),
    (&["txpool_content"], Answer::Large(txpool::content)),
    (&["txpool_contentFrom"], Answer::Large(txpool::content_from)),
    (&["txpool_inspect"], Answer::Large(txpool::inspect)),

    // Calls.
    (&["eth_simulateV1"], Tracing(simulation::simulate_v1)),
    (&["testing_buildBlockV1"], Tracing(building::build)),
    (&["eth_call"], Calling(execution::call)),
    (&["eth_estimateGas"], Calling(execution::estimate)),
    (&["eth_createAccessList"], Calling(execution::create_access_list)),

    // Traces.
    (&["debug_traceTransaction"], Tracing(debug::transaction)),
    (&["debug_traceBlockByNumber", "debug_traceBlockByHash"], Tracing(debug::block)),
    (&["debug_traceCall"], Tracing(debug::call)),
    (&["debug_codeByHash"], AtOnce(state::code_by_hash)),
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
    (&["evm_setBalance", "hardhat_setBalance", "anvil_setBalance", "tenderly_setBalance"], Waiting(|miner, params| Box::pin(development::set_balance(miner, params)))),
    (&["evm_setCode", "hardhat_setCode", "anvil_setCode"], Waiting(|miner, params| Box::pin(development::set_code(miner, params)))),
    (&["evm_setNonce", "evm_setAccountNonce", "hardhat_setNonce", "anvil_setNonce"], Waiting(|miner, params| Box::pin(development::set_nonce(miner, params)))),
    (&["evm_setStorageAt", "hardhat_setStorageAt", "anvil_setStorageAt"], Waiting(|miner, params| Box::pin(development::set_slot(miner, params)))),
    (&["evm_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas", "anvil_setNextBlockBaseFeePerGas"], Waiting(|miner, params| Box::pin(development::set_next_base_fee(miner, params)))),
    (&["evm_addBalance", "hardhat_addBalance", "anvil_addBalance", "tenderly_addBalance"], Waiting(|miner, params| Box::pin(development::add_balance(miner, params)))),
    (&["evm_mine_detailed", "anvil_mine_detailed"], Waiting(|miner, params| Box::pin(development::mine_detailed(miner, params)))),
    (&["evm_setIntervalMining", "hardhat_setIntervalMining", "anvil_setIntervalMining"], AtOnce(settings::set_interval_mining)),
    (&["evm_getIntervalMining", "hardhat_getIntervalMining", "anvil_getIntervalMining"], AtOnce(settings::interval_mining)),
    (&["evm_setTime", "hardhat_setTime", "anvil_setTime"], AtOnce(settings::set_time)),
    (&["evm_setBlockTimestampInterval", "anvil_setBlockTimestampInterval"], AtOnce(settings::set_timestamp_interval)),
    (&["hardhat_setBlockTimestampInterval"], AtOnce(settings::set_timestamp_milliseconds)),
    (&["evm_removeBlockTimestampInterval", "hardhat_removeBlockTimestampInterval", "anvil_removeBlockTimestampInterval"], AtOnce(settings::remove_timestamp_interval)),
    (&["evm_setBlockGasLimit", "hardhat_setBlockGasLimit", "anvil_setBlockGasLimit"], Waiting(|miner, params| Box::pin(settings::set_gas_limit(miner, params)))),
    (&["evm_setCoinbase", "hardhat_setCoinbase", "anvil_setCoinbase"], Waiting(|miner, params| Box::pin(settings::set_coinbase(miner, params)))),
    (&["evm_setMinGasPrice", "hardhat_setMinGasPrice", "anvil_setMinGasPrice"], Waiting(|miner, params| Box::pin(settings::set_min_gas_price(miner, params)))),
    (&["evm_setPrevRandao", "hardhat_setPrevRandao", "anvil_setPrevRandao"], Waiting(|miner, params| Box::pin(settings::set_prevrandao(miner, params)))),
    (&["evm_setChainId", "hardhat_setChainId", "anvil_setChainId"], Waiting(|miner, params| Box::pin(settings::set_chain_id(miner, params)))),
    (&["evm_setLoggingEnabled", "hardhat_setLoggingEnabled", "anvil_setLoggingEnabled"], AtOnce(settings::set_logging)),
    (&["anvil_dropTransaction"], Blocking(settings::drop_transaction)),
    (&["evm_dropTransaction", "hardhat_dropTransaction"], Blocking(settings::was_dropped)),
    (&["evm_dropAllTransactions", "hardhat_dropAllTransactions", "anvil_dropAllTransactions"], Blocking(settings::drop_all)),
    (&["evm_removePoolTransactions", "hardhat_removePoolTransactions", "anvil_removePoolTransactions"], Blocking(settings::drop_sender)),
    (&["evm_reset", "hardhat_reset", "anvil_reset"], Waiting(|miner, params| Box::pin(states::reset(miner, params)))),
    (&["evm_rollback", "hardhat_rollback", "anvil_rollback"], Waiting(|miner, params| Box::pin(states::rollback(miner, params)))),
    (&["evm_reorg", "hardhat_reorg", "anvil_reorg"], Waiting(|miner, params| Box::pin(states::reorg(miner, params)))),
    (&["evm_dumpState", "hardhat_dumpState", "anvil_dumpState"], Answer::Large(states::dump)),
    (&["evm_loadState", "hardhat_loadState", "anvil_loadState"], Waiting(|miner, params| Box::pin(states::load(miner, params)))),
    (&["evm_dealERC20", "hardhat_dealERC20", "anvil_dealERC20", "anvil_setERC20Balance"], Waiting(|miner, params| Box::pin(tokens::deal(miner, params)))),
    (&["evm_setERC20Allowance", "hardhat_setERC20Allowance", "anvil_setERC20Allowance"], Waiting(|miner, params| Box::pin(tokens::set_allowance(miner, params)))),
    (&["hardhat_setRpcUrl", "anvil_setRpcUrl"], Waiting(|miner, params| Box::pin(states::set_url(miner, params)))),
    // Traces are there for who asks.
    (&["anvil_enableTraces"], AtOnce(|_, _| Ok(Value::Null))),
    (&["wallet_getCapabilities"], AtOnce(|_, _| Ok(serde_json::json!({})))),
    // Nobody looks for proofs of work, and there are no blobs.
    (&["eth_getWork"], AtOnce(|_, _| Err(RpcError::server("there is no proof of work")))),
    (&["eth_submitWork", "eth_submitHashrate"], AtOnce(|_, _| Ok(Value::Bool(false)))),
    (&["anvil_getBlobByHash", "anvil_getBlobsByTransactionHash"], AtOnce(|_, _| Ok(Value::Null))),
    (&["anvil_getGenesisTime"], AtOnce(general::genesis_time)),
    (&["debug_dbGet"], AtOnce(state::database)),
    (&["hardhat_intervalMine"], Waiting(|miner, _| Box::pin(development::interval_mine(miner)))),
    (&["hardhat_getStackTraceFailuresCount"], AtOnce(|_, _| Ok(Value::from(0)))),
    // Hardhat tells what it compiled, for traces of its own.
    (&["hardhat_addCompilationResult"], AtOnce(|_, _| Ok(Value::Bool(false)))),
    (&["evm_impersonateAccount", "hardhat_impersonateAccount", "anvil_impersonateAccount"], AtOnce(development::impersonate)),
    (&["evm_stopImpersonatingAccount", "hardhat_stopImpersonatingAccount", "anvil_stopImpersonatingAccount"], AtOnce(development::stop_impersonating)),
    (&["evm_autoImpersonateAccount", "hardhat_autoImpersonateAccount", "anvil_autoImpersonateAccount"], AtOnce(development::impersonate_all)),

    // What explorers look for.
    (&["rollup_addAbi"], Blocking(abis::add)),
    (&["rollup_abis"], Blocking(abis::list)),
    (&["rollup_getTransactionsOf"], Blocking(explorer::transactions_of)),
    (&["rollup_getSlots"], Blocking(explorer::slots)),
    (&["rollup_getNewestLogs"], Blocking(explorer::newest_logs)),
    (&["rollup_getReceipt"], Blocking(explorer::receipt)),
    (&["rollup_getCalls"], Tracing(calls::of_transaction)),
    (&["rollup_getDropped"], Blocking(txpool::dropped)),
    (&["rollup_getWitness"], Waiting(|miner, params| Box::pin(witness::of_transaction(miner, params)))),
    (&["rollup_getBlockFigures"], AtOnce(explorer::block_figures)),
    (&["rollup_getLevelOf"], AtOnce(explorer::level_of)),
    (&["rollup_getLevelFigures"], AtOnce(explorer::level_figures)),
    (&["rollup_getBlocksOf"], Blocking(explorer::blocks_of)),

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
    (&["rollup_getMessage"], Waiting(|miner, params| Box::pin(layer1::message(miner, params)))),
    (&["rollup_getMessageOf"], Waiting(|miner, params| Box::pin(posted::message_of(miner, params)))),
    (&["rollup_outbox"], Waiting(|miner, params| Box::pin(layer1::outbox(miner, params)))),
    (&["rollup_dispute"], Waiting(|miner, params| Box::pin(dispute::begin(miner, params)))),
    (&["rollup_disputeStatus"], AtOnce(dispute::status)),
    (&["rollup_layer1"], Waiting(|miner, _| Box::pin(layer1::overview(miner)))),
    (&["rollup_layer1Balance"], Waiting(|miner, params| Box::pin(layer1::balance(miner, params)))),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The methods that anvil 1.7.1 answers to, and those of Hardhat's network.
    const OF_OTHERS: &str = include_str!("methods/names.txt");

    /// Fees of another chain (Tempo) that anvil can play.
    const LEFT_OUT: [&str; 2] = ["anvil_setFeeAmmLiquidity", "anvil_setValidatorFeeToken"];

    /// A node in front of a rollup answers all methods but those for development. Of the others
    /// only these wait for the thread that owns the machine, and may change something.
    #[test]
    fn who_follows_a_rollup_is_changed_by_signed_transactions_alone() {
        let waiting = METHODS
            .iter()
            .filter(|(_, answer)| matches!(answer, Waiting(_)));
        let names = waiting.flat_map(|(names, _)| names.iter().copied());
        let names: Vec<&str> = names
            .filter(|name| !super::super::dispatch::is_development(name))
            .filter(|name| !name.starts_with("rollup_"))
            .collect();
        let expected = [
            "eth_sendRawTransaction",
            "eth_sendRawTransactionSync",
            "eth_sendTransaction",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_anvil_and_hardhat_answer_to_is_there() {
        let missing: Vec<&str> = OF_OTHERS
            .lines()
            .filter(|name| find(name).is_none())
            .collect();
        assert_eq!(missing, LEFT_OUT);
        assert!(OF_OTHERS.lines().count() >= 178);
    }

    #[test]
    fn no_name_has_two_methods() {
        let names = METHODS.iter().map(|(names, _)| names.len()).sum::<usize>();
        let distinct: HashSet<_> = METHODS.iter().flat_map(|(names, _)| *names).collect();
        assert_eq!(distinct.len(), names);
    }
}
