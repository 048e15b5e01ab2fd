//! Plain revm on accounts in memory: for traces, for new tests, and to compare
//! the kernel with.
//!
//! It shares nothing with the kernel's execution but the engine.

use crate::Revision;
use crate::rollup::Surroundings;
use crate::trace::Tracer;
use crate::world::{AccountState, World};
use alloy_primitives::{Address, U256};
use ethereum::SignedTransaction;
use revm::context::result::ExecutionResult;
use revm::context::{BlockEnv, CfgEnv, Context, Journal, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::context_interface::either::Either;
use revm::context_interface::transaction::{
    AccessList, AccessListItem, Authorization, RecoveredAuthority, RecoveredAuthorization,
};
use revm::database::InMemoryDB;
use revm::primitives::hardfork::SpecId;
use revm::state::{AccountInfo, Bytecode, EvmState};
use revm::{ExecuteEvm, InspectEvm, MainBuilder};
use std::io::{BufWriter, Write};

type Memory = Context<BlockEnv, TxEnv, CfgEnv, InMemoryDB, Journal<InMemoryDB>, ()>;

/// Runs a signed transaction: what it did, and the accounts after it.
///
/// # Errors
/// Why the transaction is refused.
pub fn execute(
    world: &World,
    surroundings: &Surroundings,
    raw: &[u8],
) -> Result<(ExecutionResult, World), String> {
    let mut engine = context(world, surroundings).build_mainnet();
    let executed = engine.transact(decoded(raw)?);
    let executed = executed.map_err(|error| error.to_string())?;
    let mut after = world.clone();
    after.apply(executed.state);
    Ok((executed.result, after))
}

/// Runs a signed transaction and writes each step to `out`, as lines of JSON
/// (EIP-3155).
///
/// # Errors
/// Why the transaction is refused.
pub fn trace(
    world: &World,
    surroundings: &Surroundings,
    raw: &[u8],
    out: impl Write,
) -> Result<ExecutionResult, String> {
    let tracer = Tracer::new(BufWriter::new(out));
    let mut engine = context(world, surroundings).build_mainnet_with_inspector(tracer);
    let executed = engine.inspect_one_tx(decoded(raw)?);
    executed.map_err(|error| error.to_string())
}

/// A signed transaction as the engine takes it.
#[must_use]
pub fn environment(signed: &SignedTransaction, sender: Address) -> TxEnv {
    let transaction = &signed.transaction;
    let access_list = transaction.access_list().iter().map(|item| AccessListItem {
        address: item.address,
        storage_keys: item.storage_keys.clone(),
    });
    let authorizations = transaction.authorization_list().iter().map(|signed| {
        let authorization = Authorization {
            chain_id: signed.chain_id,
            address: signed.address,
            nonce: signed.nonce,
        };
        let authority = ethereum::authority(signed)
            .map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
        Either::Right(RecoveredAuthorization::new_unchecked(
            authorization,
            authority,
        ))
    });
    TxEnv {
        tx_type: transaction.tx_type(),
        caller: sender,
        gas_limit: transaction.gas_limit(),
        gas_price: transaction.max_fee_per_gas().saturating_to(),
        kind: transaction.kind(),
        value: transaction.value(),
        data: transaction.input().clone(),
        nonce: transaction.nonce(),
        chain_id: transaction.chain_id(),
        access_list: AccessList(access_list.collect()),
        gas_priority_fee: transaction
            .max_priority_fee_per_gas()
            .map(|fee| fee.saturating_to()),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations.collect(),
    }
}

fn decoded(raw: &[u8]) -> Result<TxEnv, String> {
    let signed = ethereum::transaction::decode(raw).map_err(|error| error.to_string())?;
    match ethereum::senders([&signed]).pop() {
        Some(Ok(sender)) => Ok(environment(&signed, sender)),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("no sender".to_owned()),
    }
}

fn context(world: &World, surroundings: &Surroundings) -> Memory {
    let mut context = Context::new(world.database(surroundings), spec(surroundings.revision));
    context.cfg.chain_id = surroundings.chain_id;
    context.block = BlockEnv {
        number: U256::from(surroundings.number),
        beneficiary: surroundings.beneficiary,
        timestamp: U256::from(surroundings.timestamp),
        gas_limit: surroundings.gas_limit,
        basefee: surroundings.base_fee,
        difficulty: U256::ZERO,
        prevrandao: Some(surroundings.prevrandao),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
            excess_blob_gas: 0,
            blob_gasprice: surroundings.blob_base_fee,
        }),
        slot_num: surroundings.number,
    };
    context
}

/// The engine's name for a revision.
#[must_use]
pub const fn spec(revision: Revision) -> SpecId {
    match revision {
        Revision::Cancun => SpecId::CANCUN,
        Revision::Prague => SpecId::PRAGUE,
        Revision::Osaka => SpecId::OSAKA,
        Revision::Amsterdam => SpecId::AMSTERDAM,
    }
}

impl World {
    fn database(&self, surroundings: &Surroundings) -> InMemoryDB {
        let mut database = InMemoryDB::default();
        for (address, state) in &self.0 {
            let info = AccountInfo {
                nonce: state.nonce.saturating_to(),
                balance: state.balance,
                code_hash: state.code_hash(),
                code: Some(Bytecode::new_raw(state.code.clone())),
                account_id: None,
            };
            database.insert_account_info(*address, info);
            for (slot, value) in &state.storage {
                // A database in memory cannot fail.
                let Ok(()) = database.insert_account_storage(*address, *slot, *value);
            }
        }
        for (number, hash) in &surroundings.hashes {
            database
                .cache
                .block_hashes
                .insert(U256::from(*number), *hash);
        }
        database
    }

    /// Lets what the engine changed hold.
    fn apply(&mut self, changes: EvmState) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() || account.info.is_empty() {
                self.0.remove(&address);
                continue;
            }
            let state: &mut AccountState = self.0.entry(address).or_default();
            if account.is_created() {
                state.storage.clear();
            }
            state.nonce = U256::from(account.info.nonce);
            state.balance = account.info.balance;
            if let Some(code) = &account.info.code {
                state.code = code.original_bytes();
            }
            for (slot, value) in account.storage {
                state.storage.insert(slot, value.present_value());
            }
            state.storage.retain(|_, value| !value.is_zero());
        }
    }
}
