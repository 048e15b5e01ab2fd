//! Plain revm with its state in memory: what the rollup is compared with.
//!
//! It shares nothing with the kernel's execution but the engine: its own
//! transaction environment from the decoded fields, its own state.

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use conformance::reference::environment;
use ethereum::SignedTransaction;
use ethereum::header::Header;
use revm::context::result::ExecutionResult;
use revm::context::{BlockEnv, CfgEnv, Context, Journal, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::database::InMemoryDB;
use revm::primitives::hardfork::SpecId;
use revm::state::AccountInfo;
use revm::{ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainnetEvm};

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it succeeded.
    pub success: bool,
    /// The gas that it used.
    pub gas_used: u64,
    /// Its logs.
    pub logs: Vec<Log>,
    /// What it returned or reverted with.
    pub output: Bytes,
    /// The contract that it created.
    pub created: Option<Address>,
}

type Engine = MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, InMemoryDB, Journal<InMemoryDB>, ()>>;

/// Plain revm at Osaka.
#[derive(Debug)]
pub struct Reference {
    engine: Engine,
}

impl Reference {
    /// A world with these balances.
    #[must_use]
    pub fn new(chain_id: u64, balances: &[(Address, U256)]) -> Self {
        let mut database = InMemoryDB::default();
        for (address, balance) in balances {
            database.insert_account_info(
                *address,
                AccountInfo {
                    balance: *balance,
                    ..AccountInfo::default()
                },
            );
        }
        Self::with_database(chain_id, database)
    }

    fn with_database(chain_id: u64, database: InMemoryDB) -> Self {
        let mut context = Context::new(database, SpecId::OSAKA);
        context.cfg.chain_id = chain_id;
        Self {
            engine: context.build_mainnet(),
        }
    }

    /// A second world that starts as this one is.
    #[must_use]
    pub fn fork(&self) -> Self {
        let database = self.engine.ctx.journaled_state.database.clone();
        Self::with_database(self.engine.ctx.cfg.chain_id, database)
    }

    /// Enters the block of `header`.
    pub fn enter(&mut self, header: &Header) {
        self.engine.set_block(BlockEnv {
            number: U256::from(header.number),
            beneficiary: header.beneficiary,
            timestamp: U256::from(header.timestamp),
            gas_limit: header.gas_limit,
            basefee: header.base_fee_per_gas,
            difficulty: U256::ZERO,
            prevrandao: Some(header.mix_hash),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
                excess_blob_gas: 0,
                blob_gasprice: 1,
            }),
            slot_num: header.number,
        });
    }

    /// Runs a transaction and keeps what it changed.
    ///
    /// # Errors
    /// The engine's words, where it refuses the transaction.
    pub fn transact(
        &mut self,
        signed: &SignedTransaction,
        sender: Address,
    ) -> Result<Outcome, String> {
        let result = self
            .engine
            .transact_commit(environment(signed, sender))
            .map_err(|error| error.to_string())?;
        Ok(outcome(result))
    }

    /// Runs transactions as one block would, and keeps what they changed.
    ///
    /// # Errors
    /// The engine's words, where it refuses one.
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

    /// An account's balance and nonce.
    #[must_use]
    pub fn account(&self, address: Address) -> (U256, u64) {
        let accounts = &self.engine.ctx.journaled_state.database.cache.accounts;
        accounts.get(&address).map_or((U256::ZERO, 0), |account| {
            (account.info.balance, account.info.nonce)
        })
    }

    /// All accounts that were ever looked at, in order.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        let accounts = &self.engine.ctx.journaled_state.database.cache.accounts;
        let mut addresses: Vec<_> = accounts.keys().copied().collect();
        addresses.sort_unstable();
        addresses
    }

    /// All non-zero slots of an account.
    #[must_use]
    pub fn slots(&self, address: Address) -> Vec<(U256, U256)> {
        let accounts = &self.engine.ctx.journaled_state.database.cache.accounts;
        let Some(account) = accounts.get(&address) else {
            return Vec::new();
        };
        let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
        let mut slots: Vec<_> = slots.map(|(slot, value)| (*slot, *value)).collect();
        slots.sort_unstable();
        slots
    }

    /// The hash of an account's code.
    #[must_use]
    pub fn code_hash(&self, address: Address) -> Option<B256> {
        let accounts = &self.engine.ctx.journaled_state.database.cache.accounts;
        accounts.get(&address).map(|account| account.info.code_hash)
    }
}

fn outcome(result: ExecutionResult) -> Outcome {
    let output = result.output().cloned().unwrap_or_default();
    Outcome {
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
