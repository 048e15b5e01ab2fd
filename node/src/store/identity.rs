//! Whose store it is.

use super::error::StoreError;
use alloy_primitives::{B256, hex};
use messages::address::{self, Kind};

/// The row with the words for the kernel.
const KERNEL_WORDS: &str = "kernel in words";

/// The file that was originated stands for the kernel, not what it installs.
const ORIGINATED: &str = "installer or kernel at the origination";

/// The row with the words for all else that the chain started from.
const GENESIS_WORDS: &str = "genesis in words";

/// Whose store it is. One of another is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The command: `devnet` or `node`.
    pub kind: &'static str,
    /// The rollup's address: the 20 bytes behind `sr1…`.
    /// `None`: that of the store, which is there.
    pub rollup: Option<[u8; 20]>,
    /// keccak-256 of the kernel that was originated.
    pub kernel: B256,
    /// A hash of all else that the chain started from.
    pub genesis: B256,
    /// The last two as people know them.
    pub words: Words,
}

/// The origin of a chain in words for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The kernel: its blake2b-256 hash.
    pub kernel: String,
    /// All else, such as the level of the origination.
    pub genesis: String,
}

impl Identity {
    /// The rows that have to be the same.
    pub(super) fn parts(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut parts = vec![
            ("kind", self.kind.into()),
            ("kernel", self.kernel.to_vec()),
            ("genesis", self.genesis.to_vec()),
        ];
        parts.extend(self.rollup.map(|rollup| ("rollup", rollup.to_vec())));
        parts
    }

    /// The rows with words.
    pub(super) fn told(&self) -> [(&'static str, &str); 2] {
        [
            (KERNEL_WORDS, &self.words.kernel),
            (GENESIS_WORDS, &self.words.genesis),
        ]
    }

    /// The row with the words for a part; `None`: its bytes are told.
    pub(super) fn words_of(part: &str) -> Option<&'static str> {
        match part {
            "kernel" => Some(KERNEL_WORDS),
            "genesis" => Some(GENESIS_WORDS),
            _ => None,
        }
    }

    /// The error for the store `name` of another chain: its part `what` is `found`, in its own
    /// `words` where it has any.
    pub(super) fn refused(
        &self,
        name: String,
        what: &'static str,
        (found, words): (&[u8], Option<&[u8]>),
    ) -> StoreError {
        let hash = |bytes: &[u8]| format!("keccak-256 {}", hex::encode(bytes));
        let sr1 = |bytes: &[u8]| address::print(Kind::Sr1, bytes).unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (what, found, wanted) = match (what, words) {
            ("kind", _) => ("command", text(found), self.kind.to_owned()),
            ("rollup", _) => ("rollup", sr1(found), sr1(&self.rollup.unwrap_or_default())),
            ("kernel", Some(words)) => (ORIGINATED, text(words), self.words.kernel.clone()),
            ("kernel", None) => (ORIGINATED, hash(found), hash(&self.kernel[..])),
            (_, Some(words)) => ("genesis", text(words), self.words.genesis.clone()),
            (_, None) => ("genesis", hash(found), hash(&self.genesis[..])),
        };
        StoreError::Other {
            name,
            what,
            found,
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_another_chain_is_told_in_words() {
        let own = Identity {
            kind: "node",
            rollup: Some([1; 20]),
            kernel: B256::repeat_byte(2),
            genesis: B256::repeat_byte(3),
            words: Words {
                kernel: "blake2b 22".into(),
                genesis: "origination level 1001".into(),
            },
        };
        let said = |what, found: (&[u8], Option<&[u8]>)| {
            own.refused("data".into(), what, found).to_string()
        };
        let level = said("genesis", (&[4; 32], Some(b"origination level 1000")));
        assert!(
            level.contains("origination level 1000 there, origination level 1001 here"),
            "{level}"
        );
        let kernel = said("kernel", (&[4; 32], Some(b"blake2b 44")));
        assert!(
            kernel.contains("of another installer or kernel at the origination: blake2b 44 there, blake2b 22 here"),
            "{kernel}"
        );
        let old = said("kernel", (&[4; 32], None));
        assert!(old.contains("keccak-256 0404"), "{old}");
        let rollup = said("rollup", (&[0; 20], None));
        assert!(
            rollup.contains("sr163Lv22CdE8QagCwf48PWDTquk6isQwv57 there"),
            "{rollup}"
        );
        let command = said("kind", (b"devnet", None));
        assert!(
            command.contains("another command: devnet there, node here"),
            "{command}"
        );
    }
}
