//! Growth of durable storage under transfers between the same accounts.

use crate::{Rollup, Setup, User};
use alloy_primitives::{B256, Bytes, TxKind, U256};
use evm_kernel::HISTORY_ADDRESS;
use pvm::LevelReport;
use storage::Config;
use storage::layout::SLOTS;

/// The slots that the history contract uses in turn (EIP-2935): after as many blocks
/// all are there.
const HISTORY: u64 = 8_191;

/// The size of durable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The number of values.
    pub values: usize,
    /// Their total length in bytes.
    pub bytes: usize,
}

/// A rollup on which two accounts send each other wei.
#[derive(Debug)]
pub struct Growth {
    /// The rollup.
    pub rollup: Rollup,
    users: [User; 2],
    /// The transfers so far.
    pub transfers: u64,
}

impl Growth {
    /// A rollup that keeps `kept` blocks, with the slots that 8,191 blocks leave.
    ///
    /// # Panics
    /// If the kernel is missing or invalid.
    #[must_use]
    pub fn new(kept: u64) -> Self {
        let users = [User::new("one of two"), User::new("the other")];
        let mut rollup = Rollup::new(&Setup {
            config: Config {
                kept_blocks: kept,
                ..Config::default()
            },
            ..Setup::funded(&[&users[0], &users[1]])
        });
        rollup.empty_level();
        for slot in 0..HISTORY {
            let path = SLOTS.path(&(HISTORY_ADDRESS, U256::from(slot)));
            let path = path.expect("a legal path").as_path().to_string();
            rollup.set(&path, B256::repeat_byte(0xaa).as_slice());
        }
        Self {
            rollup,
            users,
            transfers: 0,
        }
    }

    /// Makes a level with `transfers` of them, which must all succeed.
    ///
    /// # Panics
    /// If a transfer fails.
    pub fn level(&mut self, transfers: usize) -> LevelReport {
        let addresses = self.users.each_ref().map(|user| user.address);
        let raws: Vec<Vec<u8>> = (0..transfers)
            .map(|index| {
                let place = index % 2;
                let to = TxKind::Call(addresses[1 - place]);
                let user = &mut self.users[place];
                let sent = user.send(1337, to, U256::from(1_000), Bytes::new(), 21_000);
                sent.encode()
            })
            .collect();
        let before = self.rollup.head().number;
        let report = self.rollup.level(&raws);
        let included = self.rollup.since(before);
        assert_eq!(included.len(), transfers, "{:?}", report.debug);
        assert!(included.iter().all(|included| included.receipt.success));
        self.transfers += transfers as u64;
        report
    }

    /// The size of the state.
    #[must_use]
    pub fn size(&self) -> Size {
        let values = self
            .rollup
            .durable()
            .values("/evm")
            .expect("all is in memory");
        Size {
            values: values.len(),
            bytes: values.iter().map(|(_, value)| value.len()).sum(),
        }
    }
}

impl Size {
    /// True if both are as large: as many values, and bytes that differ by at most a
    /// hundredth (later nonces and block numbers are a byte or two longer).
    #[must_use]
    pub fn is_as_large_as(&self, other: &Self) -> bool {
        self.values == other.values && self.bytes.abs_diff(other.bytes) <= other.bytes / 100
    }
}
