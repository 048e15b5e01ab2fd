//! What the kernel said of transactions that it dropped.

use alloy_primitives::B256;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most transactions of which it is remembered.
const MOST: usize = 1_024;

/// The most characters of a reason.
const LONGEST: usize = 300;

/// Transactions and reasons, oldest first.
type Said = VecDeque<(B256, String)>;

/// What the kernel said of transactions that it dropped: of the newest, since the node started.
/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Dropped(Arc<Mutex<Said>>);

impl Dropped {
    /// Takes note of a line of the kernel's log, if it says why a transaction is dropped.
    pub(crate) fn hear(&self, line: &str) {
        // The kernel names itself at the start of a line.
        let said = line.split_once("transaction ").and_then(|(_, rest)| {
            let (hash, why) = rest.split_once(" dropped: ")?;
            Some((hash.parse().ok()?, why))
        });
        if let Some((hash, why)) = said {
            self.tell(hash, why);
        }
    }

    /// Takes note of why a transaction is dropped.
    pub(crate) fn tell(&self, hash: B256, why: &str) {
        let why: String = why.trim_end().chars().take(LONGEST).collect();
        let mut said = self.said();
        said.retain(|(known, _)| *known != hash);
        said.push_back((hash, why));
        if said.len() > MOST {
            said.pop_front();
        }
    }

    /// Why the kernel dropped a transaction.
    #[must_use]
    pub fn why(&self, hash: &B256) -> Option<String> {
        let said = self.said();
        let found = said.iter().rev().find(|(known, _)| known == hash);
        found.map(|(_, why)| why.clone())
    }

    /// The newest, newest first.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<(B256, String)> {
        self.said().iter().rev().take(most).cloned().collect()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_of_a_transaction_is_kept_and_no_other_line() {
        let dropped = Dropped::default();
        let hash = B256::repeat_byte(7);
        dropped.hear(&format!(
            "[evm] transaction {hash} dropped: nonce 3 instead of 5\n"
        ));
        dropped.hear("[evm] input dropped: no batch");
        dropped.hear("[evm] transaction 0x12 dropped: x");
        assert_eq!(dropped.why(&hash).as_deref(), Some("nonce 3 instead of 5"));
        assert_eq!(dropped.newest(9).len(), 1);
        for number in 0..MOST as u64 + 3 {
            dropped.tell(
                B256::left_padding_from(&number.to_be_bytes()),
                &"é".repeat(900),
            );
        }
        let newest = dropped.newest(usize::MAX);
        assert_eq!(newest.len(), MOST);
        assert_eq!(newest[0].1.chars().count(), LONGEST);
        assert_eq!(dropped.why(&hash), None);
    }
}
