//! Plain revm on accounts in memory: for traces, for new tests, and to compare
//! the kernel with.
//!
//! It shares nothing with the kernel's execution but the engine: its own
//! transaction environment from the decoded fields, its own state.

use crate::Revision;
use crate::rollup::Surroundings;
use crate::trace::Tracer;
use crate::world::{AccountState, World};
use alloy_primitives::{Address, Bytes, Log, U256};
use ethereum::SignedTransaction;
use revm::context::result::ExecutionResult;
use revm::context::{BlockEnv, CfgEnv, Context, Journal, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::context_interface::either::Either;
use revm::context_interface::transaction::{
    AccessList, RecoveredAuthority, RecoveredAuthorization,
};
use revm::database::InMemoryDB;
use revm::primitives::hardfork::SpecId;
use revm::state::{AccountInfo, Bytecode};
use revm::{ExecuteCommitEvm, ExecuteEvm, InspectEvm, MainBuilder, MainnetEvm};
use std::io::{BufWriter, Write};

type Memory = Context<BlockEnv, TxEnv, CfgEnv, InMemoryDB, Journal<InMemoryDB>, ()>;

/// The result of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// True if it succeeded.
    pub success: bool,
    /// The gas that it used.
    pub gas_used: u64,
    /// Its logs.
    pub logs: Vec<Log>,
    /// The bytes that it returned or reverted with.
    pub output: Bytes,
    /// The contract that it created.
    pub created: Option<Address>,
}

/// Plain revm, block by block.
#[derive(Debug)]
pub struct Reference {
    engine: MainnetEvm<Memory>,
}

impl Reference {
    /// These accounts, under the rules of `revision`.
    #[must_use]
    pub fn new(world: &World, revision: Revision, chain_id: u64) -> Self {
        Self::with_database(world.database(), spec(revision), chain_id)
    }

    fn with_database(database: InMemoryDB, spec: SpecId, chain_id: u64) -> Self {
        Self {
            engine: context(database, spec, chain_id).build_mainnet(),
        }
    }

    /// A second world that starts as this one is.
    #[must_use]
    pub fn fork(&self) -> Self {
        let context = &self.engine.ctx;
        let database = context.journaled_state.database.clone();
        Self::with_database(database, context.cfg.spec, context.cfg.chain_id)
    }

    /// Enters a block.
    pub fn enter(&mut self, surroundings: &Surroundings) {
        let cache = &mut self.engine.ctx.journaled_state.database.cache;
        let hashes = surroundings.hashes.iter();
        cache
            .block_hashes
            .extend(hashes.map(|(number, hash)| (U256::from(*number), *hash)));
        self.engine.set_block(block(surroundings));
    }

    /// Runs a transaction and keeps what it changed.
    ///
    /// # Errors
    /// The engine's words, if it refuses the transaction.
    pub fn transact(
        &mut self,
        signed: &SignedTransaction,
        sender: Address,
    ) -> Result<Executed, String> {
        let result = self.engine.transact_commit(environment(signed, sender));
        result.map(outcome).map_err(|error| error.to_string())
    }

    /// Runs transactions as one block would, and keeps what they changed; gives
    /// the gas that they used.
    ///
    /// # Errors
    /// The engine's words, if it refuses one.
    pub fn transact_all<'t>(
        &mut self,
        transactions: impl Iterator<Item = (&'t SignedTransaction, Address)>,
    ) -> Result<u64, String> {
        let mut gas_used = 0;
        for (signed, sender) in transactions {
            let result = self.engine.transact_one(environment(signed, sender));
            gas_used += result.map_err(|error| error.to_string())?.tx_gas_used();
        }
        let state = self.engine.finalize();
        self.engine.commit(state);
        Ok(gas_used)
    }

    /// All accounts that are not empty.
    #[must_use]
    pub fn world(&self) -> World {
        let cache = &self.engine.ctx.journaled_state.database.cache;
        let accounts = cache.accounts.iter();
        let accounts = accounts.filter(|(_, account)| !account.info.is_empty());
        let state = accounts.map(|(address, account)| {
            let info = &account.info;
            let code = info.code.as_ref();
            let code = code.or_else(|| cache.contracts.get(&info.code_hash));
            let slots = account.storage.iter();
            let state = AccountState {
                nonce: U256::from(info.nonce),
                balance: info.balance,
                code: code.map(Bytecode::original_bytes).unwrap_or_default(),
                storage: slots
                    .filter(|(_, value)| !value.is_zero())
                    .map(|(slot, value)| (*slot, *value))
                    .collect(),
            };
            (*address, state)
        });
        World(state.collect())
    }
}

/// Runs a signed transaction: what it did, and the accounts after it.
///
/// # Errors
/// Why the transaction is refused.
pub fn execute(
    world: &World,
    surroundings: &Surroundings,
    raw: &[u8],
) -> Result<(Executed, World), String> {
    let mut reference = Reference::new(world, surroundings.revision, surroundings.chain_id);
    reference.enter(surroundings);
    let (signed, sender) = decoded(raw)?;
    let outcome = reference.transact(&signed, sender)?;
    Ok((outcome, reference.world()))
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
    let mut reference = Reference::new(world, surroundings.revision, surroundings.chain_id);
    reference.enter(surroundings);
    let mut engine = reference.engine.ctx.build_mainnet_with_inspector(tracer);
    let (signed, sender) = decoded(raw)?;
    let executed = engine.inspect_one_tx(environment(&signed, sender));
    executed.map_err(|error| error.to_string())
}

/// A signed transaction as the engine takes it.
#[must_use]
pub fn environment(signed: &SignedTransaction, sender: Address) -> TxEnv {
    let transaction = &signed.transaction;
    let authorizations = transaction.authorization_list().iter().map(|signed| {
        let authority = ethereum::authority(signed)
            .map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
        Either::Right(RecoveredAuthorization::new_unchecked(
            signed.inner().clone(),
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
        access_list: AccessList(transaction.access_list().to_vec()),
        gas_priority_fee: transaction
            .max_priority_fee_per_gas()
            .map(|fee| fee.saturating_to()),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations.collect(),
    }
}

fn decoded(raw: &[u8]) -> Result<(SignedTransaction, Address), String> {
    let signed = ethereum::transaction::decode(raw).map_err(|error| error.to_string())?;
    match ethereum::senders([&signed]).pop() {
        Some(Ok(sender)) => Ok((signed, sender)),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("no sender".to_owned()),
    }
}

fn outcome(result: ExecutionResult) -> Executed {
    let output = result.output().cloned().unwrap_or_default();
    Executed {
        success: result.is_success(),
        gas_used: result.tx_gas_used(),
        created: result.created_address(),
        logs: if result.is_success() {
            result.into_logs()
        } else {
            Vec::new()
        },
        output,
    }
}

fn context(database: InMemoryDB, spec: SpecId, chain_id: u64) -> Memory {
    let mut context = Context::new(database, spec);
    context.cfg.chain_id = chain_id;
    context
}

fn block(surroundings: &Surroundings) -> BlockEnv {
    BlockEnv {
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
    }
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
    fn database(&self) -> InMemoryDB {
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
        database
    }
}
