//! A rollup that governance may upgrade.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::folder::Folder;
use e2e_tests::layer1::{self, GOVERNANCE, TICKETER};
use e2e_tests::{Rollup, Setup, User};
use pvm::{Durable, LevelReport, Metering};
use storage::layout::{UPGRADE, VERSION};
use storage::{Config, Upgrade, Version};

/// The rollup's address.
pub(crate) const ROLLUP: [u8; 20] = [7; 20];

pub(crate) const SOMEBODY: Address = Address::repeat_byte(0xbb);

pub(crate) struct Scene {
    pub(crate) pages: Folder,
    pub(crate) rollup: Rollup,
    pub(crate) user: User,
}

impl Scene {
    /// After its first level. `name` is the test's.
    pub(crate) fn new(name: &str) -> Self {
        Self::metered(name, Metering::Off)
    }

    pub(crate) fn metered(name: &str, metering: Metering) -> Self {
        let pages = Folder::new(&format!("upgrade-{name}"));
        let user = User::new("somebody who stays");
        let mut rollup = Rollup::new(&setup(&pages, &user, metering));
        rollup.empty_level();
        Self {
            pages,
            rollup,
            user,
        }
    }

    /// A rollup with the same pages that goes on from `durable`.
    pub(crate) fn again(&self, durable: Durable) -> Rollup {
        Rollup::from_durable(durable, &setup(&self.pages, &self.user, Metering::Off))
    }

    /// The call of layer 1 that decides for this kernel, all of whose pages are
    /// published.
    pub(crate) fn decide(&self, kernel: &[u8], time: i64) -> Vec<u8> {
        decision(GOVERNANCE, &self.pages.publish(kernel), time)
    }

    /// The message of a transfer of 1 wei to somebody.
    pub(crate) fn pay(&mut self) -> Vec<u8> {
        let to = TxKind::Call(SOMEBODY);
        let sent = self
            .user
            .send(1337, to, U256::ONE, Bytes::new(), 21_000)
            .encode();
        self.rollup.simple(&sent)
    }

    /// A level that pays somebody, which must work.
    pub(crate) fn goes_on(&mut self) {
        let before = self.rollup.account(SOMEBODY).balance;
        let pay = self.pay();
        let report = self.rollup.level_of(vec![pay]);
        assert_eq!(report.runs.len(), 1, "{:?}", report.debug);
        let after = self.rollup.account(SOMEBODY).balance;
        assert_eq!(after, before + U256::ONE, "{:?}", report.debug);
    }

    pub(crate) fn kernel(&self) -> Vec<u8> {
        self.value("/kernel/boot.wasm").expect("a kernel")
    }

    pub(crate) fn value(&self, path: &str) -> Option<Vec<u8>> {
        let value = self.rollup.durable().get(path).unwrap()?;
        Some(value.to_vec())
    }

    pub(crate) fn known(&self) -> Option<Upgrade> {
        UPGRADE.get(self.rollup.durable(), &()).unwrap()
    }

    pub(crate) fn version(&self) -> Version {
        VERSION.get(self.rollup.durable(), &()).unwrap().unwrap()
    }
}

fn setup(pages: &Folder, user: &User, metering: Metering) -> Setup {
    Setup {
        config: Config {
            ticketer: Some(TICKETER),
            kernel_governance: Some(GOVERNANCE),
            ..Config::default()
        },
        preimages: Some(pages.0.clone()),
        metering,
        ..Setup::funded(&[user])
    }
}

/// `Right (RLP [root hash, activation time])`, by the contract `sender`.
pub(crate) fn decision(sender: [u8; 20], root: &[u8; 33], time: i64) -> Vec<u8> {
    layer1::upgrade(ROLLUP, sender, root, time)
}

/// A deposit of one mutez for somebody.
pub(crate) fn deposit() -> Vec<u8> {
    layer1::native_deposit(ROLLUP, SOMEBODY.as_slice(), 1)
}

/// True if the kernel said so.
pub(crate) fn said(report: &LevelReport, text: &str) -> bool {
    report.debug.iter().any(|line| line.contains(text))
}

/// The module with a custom section at its end: other bytes that do the same.
pub(crate) fn other_bytes(kernel: &[u8]) -> Vec<u8> {
    [kernel, &[0, 6, 5], b"other"].concat()
}

/// The module with one name replaced, which must be there once.
pub(crate) fn renamed(kernel: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut kernel = kernel.to_vec();
    let places: Vec<_> = kernel
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(at, _)| at)
        .collect();
    let [at] = places[..] else {
        panic!("{} times", places.len());
    };
    kernel[at..at + to.len()].copy_from_slice(to);
    kernel
}
