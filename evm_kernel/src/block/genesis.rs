//! Block 0: what the setup file left becomes the first state.

use crate::block::seal::{self, Body, Parent};
use crate::bridge;
use crate::environment::Environment;
use crate::environment::history::{HISTORY_ADDRESS, HISTORY_CODE};
use crate::error::KernelError;
use crate::upgrade;
use alloy_primitives::Bytes;
use ethereum::keccak::keccak256;
use host::Store;
use rollup::{Calls, Cursor, Level};
use storage::diff::{AccountChange, AccountDiff};
use storage::{Account, Config, Diff, Head, commit};

/// Commits block 0 and the compiled configuration.
pub(crate) fn create(
    host: &mut impl Store,
    level: &Level,
    config: &Config,
) -> Result<Head, KernelError> {
    let environment = Environment {
        timestamp: level.timestamp,
        ..Environment::of_config(0, config)
    };
    let sealed = seal::with_state_root(
        &Parent::default(),
        &environment,
        Body::default(),
        config.genesis_state_root,
    );
    let cursor = Cursor {
        level: level.number,
        offset: 0,
    };
    let head = sealed.head(
        &environment,
        Head {
            level: level.number,
            cursor,
            oldest_page: level.number,
            calls: Calls::first(level.number),
            writer: Some(upgrade::OURS),
            ..Head::default()
        },
    );
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
    Ok(head)
}
