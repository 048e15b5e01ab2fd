//! Decisions of governance for operators: the kernel's own reading, and its reverse.

pub use crate::bridge::governance::{Assignment, Decision};

use crate::bridge::governance;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes};
use ethereum::rlp::{Encode, Raw, Str, encode_list};

/// The decision in a payload (`Right bytes`), as the kernel reads it.
///
/// # Errors
/// Why the kernel would refuse it.
pub fn read(payload: &[u8]) -> Result<Decision, String> {
    governance::read(payload).map_err(|refused| refused.to_string())
}

/// A setting's name and its value as [`Decision::Settings`] has them: a number, or the
/// address of the fee recipient.
#[must_use]
pub fn change(name: &str, value: &dyn Value) -> (Bytes, Bytes) {
    (Bytes::copy_from_slice(name.as_bytes()), value.bytes())
}

/// The value of a setting.
pub trait Value {
    /// As RLP has it, without its header.
    fn bytes(&self) -> Bytes;
}

impl Value for u64 {
    fn bytes(&self) -> Bytes {
        let bytes = self.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Bytes::copy_from_slice(bytes.get(zeros..).unwrap_or_default())
    }
}

impl Value for Address {
    fn bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.as_slice())
    }
}

/// The payload of a decision.
#[must_use]
pub fn encode(decision: &Decision) -> Vec<u8> {
    match decision {
        Decision::Upgrade(upgrade) => {
            let time = upgrade.time.to_le_bytes();
            encode_list(&[&Str(&upgrade.root), &Str(&time)])
        }
        Decision::AssignDeposit(assignment) => assign(b"assign-deposit", assignment),
        Decision::AssignTickets(assignment) => assign(b"assign-tickets", assignment),
        Decision::Settings { rollup, changes } => {
            let pairs: Vec<Vec<u8>> = changes
                .iter()
                .map(|(name, value)| encode_list(&[name, value]))
                .collect();
            let pairs: Vec<Raw<'_>> = pairs.iter().map(|pair| Raw(pair)).collect();
            let (name, rollup) = (Str(b"change-settings"), Str(rollup));
            let mut items: Vec<&dyn Encode> = alloc::vec![&name, &rollup];
            items.extend(pairs.iter().map(|pair| pair as &dyn Encode));
            encode_list(&items)
        }
        Decision::Requeue { rollup, number } => {
            encode_list(&[&Str(b"requeue-message"), &Str(rollup), number])
        }
    }
}

fn assign<const LEN: usize>(name: &[u8], assignment: &Assignment<[u64; LEN]>) -> Vec<u8> {
    let (name, rollup) = (Str(name), Str(&assignment.rollup));
    let mut items: Vec<&dyn Encode> = alloc::vec![&name, &rollup, &assignment.counter];
    items.extend(assignment.place.iter().map(|number| number as &dyn Encode));
    items.push(&assignment.receiver);
    let proxy: Option<&Address> = assignment.proxy.as_ref();
    items.extend(proxy.map(|proxy| proxy as &dyn Encode));
    encode_list(&items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use storage::Upgrade;

    fn assignment<const LEN: usize>(
        place: [u64; LEN],
        proxy: Option<[u8; 20]>,
    ) -> Assignment<[u64; LEN]> {
        Assignment {
            rollup: [7; 20],
            counter: 3,
            place,
            receiver: Address::repeat_byte(9),
            proxy: proxy.map(Address::new),
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_what_the_kernel_reads(
            numbers: [u64; 2],
            hash: [u8; 20],
            proxy: Option<[u8; 20]>,
            time: i64,
        ) {
            let mut root = [1; 33];
            root[0] = 0;
            for decision in [
                Decision::Upgrade(Upgrade { root, time, pending: true }),
                Decision::AssignDeposit(assignment(numbers, None)),
                Decision::AssignTickets(assignment([numbers[0]], proxy)),
                Decision::Requeue { rollup: hash, number: numbers[1] },
                Decision::Settings {
                    rollup: hash,
                    changes: vec![
                        change("base_fee_floor", &numbers[0]),
                        change("fee_recipient", &Address::new(hash)),
                    ],
                },
                Decision::Settings { rollup: hash, changes: vec![] },
            ] {
                prop_assert_eq!(read(&encode(&decision)), Ok(decision));
            }
        }
    }
}
