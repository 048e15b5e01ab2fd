//! The initial state of a devnet: a new chain, or that of its folder.

use super::error::DevnetError;
use super::options::Options;
use crate::accounts::Account;
use crate::chain::{Chain, ChainError};
use crate::error::MinerError;
use crate::genesis::{Genesis, GenesisError};
use crate::predeploys;
use crate::state_file::Dump;
use crate::store::{Identity, SavedDevnet, Store, StoreError, Words};
use alloy_primitives::{B256, Keccak256, keccak256};
use evm_kernel::native::code_size;
use layer1::Layer1;
use layer1::devnet::Contracts;
use messages::hash::blake2b_256;
use pvm::Durable;
use std::sync::Arc;
use storage::Config;
use storage::layout::CONFIG;

/// The kernel's path in durable storage.
const KERNEL: &str = "/kernel/boot.wasm";

/// The initial state of a devnet.
pub(super) struct Start {
    pub(super) storage: Durable,
    config: Config,
}

impl Start {
    /// The planned rollup, or else the kernel in its place with rich accounts.
    pub(super) fn of(
        options: &Options,
        kernel: &[u8],
        accounts: &[Account],
    ) -> Result<Self, GenesisError> {
        let mut start = Self::as_ever(options, kernel, accounts)?;
        if let Some(limit) = options.code_size_limit {
            let wrote = start.storage.write(code_size::PATH, limit.to_be_bytes());
            wrote.map_err(|why| storage::StorageError::from(host::HostError::from(why)))?;
        }
        Ok(start)
    }

    fn as_ever(
        options: &Options,
        kernel: &[u8],
        accounts: &[Account],
    ) -> Result<Self, GenesisError> {
        if let Some(plan) = &options.plan {
            let mut storage = Durable::new();
            let wrote = storage.write(KERNEL, &plan.installer);
            wrote.map_err(|why| storage::StorageError::from(host::HostError::from(why)))?;
            return Ok(Self {
                storage,
                config: plan.config.clone(),
            });
        }
        let genesis = genesis(options, accounts);
        Ok(Self {
            storage: durable(kernel, &genesis)?,
            config: genesis.config,
        })
    }
}

impl Start {
    /// Opens the store of this chain.
    fn store(&self, options: &Options, rollup: [u8; 20]) -> Result<Arc<Store>, StoreError> {
        let Some(folder) = &options.data_dir else {
            return Store::passing();
        };
        let (mut kernel, mut genesis) = (B256::ZERO, Keccak256::new());
        let mut hash = String::new();
        for (path, value) in self.storage.values("")? {
            if path == KERNEL {
                let module = value.bytes();
                kernel = keccak256(&module);
                hash = hex::encode(blake2b_256(&module));
                continue;
            }
            // The chain keeps that which it was made with, whatever the options say.
            if path == code_size::PATH {
                continue;
            }
            for part in [path.as_bytes(), &value.bytes()] {
                genesis.update((part.len() as u64).to_be_bytes());
                genesis.update(part);
            }
        }
        let genesis = genesis.finalize();
        let identity = Identity {
            kind: "devnet",
            rollup: Some(rollup),
            kernel,
            genesis,
            words: Words {
                kernel: format!("blake2b {hash}"),
                genesis: format!(
                    "chain id {}, settings and accounts with the keccak-256 hash {genesis}",
                    self.config.chain_id
                ),
            },
        };
        Store::open(folder, &identity)
    }
}

/// The state that a devnet continues from, or begins with.
pub(super) struct Kept {
    pub(super) chain: Chain,
    pub(super) chain_id: u64,
    pub(super) layer1: Layer1,
    /// `None`: it begins.
    pub(super) saved: Option<SavedDevnet>,
}

impl Start {
    /// Reads the store; the storage becomes that of the newest block there.
    pub(super) fn kept(&mut self, options: &Options) -> Result<Kept, DevnetError> {
        let at = contracts(&self.config);
        let rollup = pvm::Options::default().rollup;
        let mut layer1 = layer1::devnet::layer1_with(rollup, options.layer1, &at)?;
        let store = self.store(options, rollup)?;
        let saved = store.devnet(layer1.clone())?;
        let chain = Chain::new(store, options.keep_states)?;
        let mut chain_id = self.config.chain_id;
        if let Some(saved) = &saved {
            layer1 = saved.layer1.clone();
            let newest = chain.latest()?;
            let newest = newest.ok_or(MinerError::Chain(ChainError::NoHead))?;
            self.storage = newest.state().map_err(MinerError::from)?.clone();
            let config = CONFIG.get(&self.storage, &()).map_err(MinerError::from)?;
            chain_id = config.map_or(chain_id, |config| config.chain_id);
        }
        self.tell_code_size(options)?;
        Ok(Kept {
            chain,
            chain_id,
            layer1,
            saved,
        })
    }
}

impl Start {
    /// Says what the chain has for a limit of code size, if not Ethereum's or not that of the
    /// options.
    fn tell_code_size(&self, options: &Options) -> Result<(), MinerError> {
        let limit = code_size::limit(&self.storage).map_err(ChainError::from)?;
        let wanted = options.code_size_limit;
        if let Some(limit) = limit {
            tracing::warn!(
                "a contract may have {limit} bytes of code, and twice that of initcode (on \
                 Ethereum 24,576); blocks are made by the kernel's steps natively, not by its \
                 module. For transactions that come by layer 1 Ethereum's limit holds"
            );
        }
        if limit.map(|limit| limit as u64) != wanted
            && let Some(wanted) = wanted
        {
            let kept = limit.map_or_else(|| "Ethereum's".into(), |limit| limit.to_string());
            tracing::warn!(
                "--code-size-limit {wanted} has no effect: the chain of this folder keeps the \
                 limit that it was made with, {kept}"
            );
        }
        Ok(())
    }
}

/// The contracts of layer 1, at the addresses in the configuration.
fn contracts(config: &Config) -> Contracts {
    let default = Contracts::default();
    Contracts {
        exchanger: config.ticketer.unwrap_or(default.exchanger),
        delayed_inbox: config.delayed_bridge.unwrap_or(default.delayed_inbox),
        governance: config.kernel_governance.unwrap_or(default.governance),
        ..default
    }
}

/// The start of the chain, with rich accounts and the bridge of our layer 1.
fn genesis(options: &Options, accounts: &[Account]) -> Genesis {
    let mut genesis = options.genesis.clone();
    let contracts = Contracts::default();
    let config = &mut genesis.config;
    config.chain_id = options.chain_id;
    config.ticketer.get_or_insert(contracts.exchanger);
    config.delayed_bridge.get_or_insert(contracts.delayed_inbox);
    config.kernel_governance.get_or_insert(contracts.governance);
    for account in accounts {
        let account = genesis.alloc.entry(account.address).or_default();
        account.balance = account.balance.max(options.balance);
    }
    if options.predeploys {
        for (address, account) in predeploys::accounts(options.chain_id) {
            genesis.alloc.entry(address).or_insert(account);
        }
    }
    if let Some(Dump {
        accounts,
        chain: None,
    }) = &options.state
    {
        genesis.alloc.extend(accounts.clone());
    }
    genesis
}

/// The rollup's durable storage before its first level.
fn durable(kernel: &[u8], genesis: &Genesis) -> Result<Durable, GenesisError> {
    let mut storage = Durable::new();
    let put = |storage: &mut Durable, path: &str, value: &[u8]| {
        storage
            .write(path, value)
            .map_err(|why| storage::StorageError::from(host::HostError::from(why)))
    };
    put(&mut storage, KERNEL, kernel)?;
    for set in genesis.setup()? {
        put(&mut storage, &set.to, &set.value)?;
    }
    Ok(storage)
}
