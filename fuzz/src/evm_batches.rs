//! Batches of the EVM kernel: what unfolds are transactions whose own bytes are what
//! the batch says, and these go into a batch again.

use crate::case::Case;
use alloy_primitives::Address;
use arbitrary::Unstructured;
use evm_kernel::inputs::batch::write::{SenderKey, Writer};
use evm_kernel::inputs::batch::{Batch, Unfolded};

/// The bytes in front of a batch in its message: tags and the rollup's address.
const FRAME: usize = 23;

/// Runs a case: transactions in a batch of which some bytes are changed.
///
/// # Errors
/// If what unfolds is not what the batch says.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let (choices, case) = bytes.split_at(bytes.len() / 10);
    let mut choices = Unstructured::new(choices);
    let case = Case::new(case);
    let chain_id = case
        .transactions
        .iter()
        .find_map(|signed| signed.transaction.chain_id());
    let chain_id = chain_id.unwrap_or(1);
    let mut writer = Writer::new(&[0; 20], chain_id, choices.arbitrary().unwrap_or_default());
    for (number, signed) in (0_u8..).zip(&case.transactions) {
        let key = SenderKey::Known(u64::from(number % 3), Address::repeat_byte(number % 3));
        let _ = writer.push(signed, &key);
    }
    let mut batch = writer.message().split_off(FRAME);
    if !writer.is_empty() && unfold(&batch).is_none() {
        return Err(format!(
            "a good batch does not unfold: {}",
            hex::encode(batch)
        ));
    }
    let changes = choices.int_in_range(0..=4).unwrap_or_default();
    for _ in 0..changes {
        let at = choices.choose_index(batch.len()).unwrap_or_default();
        batch[at] = choices.arbitrary().unwrap_or_default();
    }
    match unfold(&batch) {
        Some(unfolded) => check(&batch, &unfolded),
        None => Ok(()),
    }
}

/// The transactions of a batch, for senders that follow from the keys' places.
fn unfold(batch: &[u8]) -> Option<Vec<Unfolded>> {
    let batch = Batch::open(batch).ok()?;
    let senders: Vec<_> = (0..batch.keys().len() as u8)
        .map(Address::repeat_byte)
        .collect();
    batch.unfold(&senders).ok()
}

fn check(batch: &[u8], unfolded: &[Unfolded]) -> Result<(), String> {
    let says = Batch::open(batch).map(|batch| batch.unfolded());
    let sum: usize = unfolded.iter().map(|one| one.raw.len()).sum();
    if says != Ok(sum) {
        return Err(format!(
            "{sum} bytes unfold of {says:?}: {}",
            hex::encode(batch)
        ));
    }
    for one in unfolded {
        let again = ethereum::transaction::decode(&one.raw);
        if again.as_ref() != Ok(&*one.transaction) {
            return Err(format!("{again:?} is not {:?}", one.transaction));
        }
        let chain_id = one.transaction.transaction.chain_id().unwrap_or(1);
        let mut writer = Writer::new(&[0; 20], chain_id, false);
        let key = SenderKey::Known(0, Address::ZERO);
        if writer.push(&one.transaction, &key).is_ok() {
            let read = unfold(&writer.message()[FRAME..]);
            let read = read.as_deref().and_then(<[_]>::first);
            if read.map(|read| &read.raw) != Some(&one.raw) {
                return Err(format!("{:?} comes back as {read:?}", one.transaction));
            }
        }
    }
    Ok(())
}
