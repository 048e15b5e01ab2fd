//! Block 0: what the setup file left becomes the first state.

use crate::block::seal::{self, Body, Parent};
use crate::bridge;
use crate::environment::Environment;
use crate::environment::history::{HISTORY_ADDRESS, HISTORY_CODE};
use crate::error::KernelError;
use crate::upgrade;
use alloy_primitives::{B256, Bytes};
use ethereum::keccak::keccak256;
use host::Store;
use rollup::Cursor;
use rollup::Level;
use storage::diff::{AccountChange, AccountDiff};
use storage::{Account, Config, Diff, Head, commit};

/// Commits block 0 and the compiled configuration.
pub(crate) fn create(host: &mut impl Store, level: &Level) -> Result<(Head, Config), KernelError> {
    let config = Config::from_setup(host)?;
    let environment = Environment {
        number: 0,
        timestamp: level.timestamp,
        base_fee: config.base_fee_floor,
        gas_limit: config.block_gas_limit,
        prevrandao: B256::ZERO,
        beneficiary: config.fee_recipient,
        chain_id: config.chain_id,
        revision: config.revision(0),
        ticketer: config.ticketer,
    };
    let sealed = seal::with_state_root(
        &Parent::default(),
        &environment,
        Body::default(),
        config.genesis_state_root,
    );
    let head = Head {
        number: 0,
        hash: sealed.header.hash,
        state_root: sealed.state_root,
        timestamp: level.timestamp,
        gas_limit: config.block_gas_limit,
        gas_used: 0,
        base_fee: config.base_fee_floor,
        level: level.number,
        level_work: 0,
        cursor: Cursor {
            level: level.number,
            offset: 0,
        },
        oldest_page: level.number,
        backlog: 0,
        chunks_since: 0,
        outgoing: false,
        upgrade: false,
    };
    let code_hash = keccak256(HISTORY_CODE);
    let history = AccountDiff {
        address: HISTORY_ADDRESS,
        account: AccountChange::Set(Account {
            nonce: 1,
            code_hash,
            ..Account::default()
        }),
        had_code: false,
        cleared: false,
        slots: alloc::vec![],
    };
    let mut diff = Diff {
        accounts: alloc::vec![history],
        code: alloc::vec![(code_hash, Bytes::from_static(HISTORY_CODE))],
    };
    if config.ticketer.is_some() {
        bridge::predeploy(&mut diff);
    }
    let block = commit::Block {
        head,
        header: Some(sealed.header),
        diff,
        config: Some(config.clone()),
        version: Some(upgrade::OURS),
        ..commit::Block::default()
    };
    commit::block(host, &block)?;
    Ok((head, config))
}
