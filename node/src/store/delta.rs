//! The bytes of a record that died: whole, or as what differs from the record that stands in
//! its place since, which is nearly the same: one hash of sixteen, mostly.
//!
//! | bytes | what |
//! | --- | --- |
//! | `00` | the record follows |
//! | `01`, 32 | the hash of the other record; then, until the end: so many bytes as there, length of the bytes that follow instead of as many there (LEB128 each), these bytes |
//!
//! Behind the last piece all is as there, and the length is the other's. Records of different lengths are compared
//! from the start, and the last piece has all that is left; the other's is not used from there
//! on (`02` instead of `01`).
//!
//! The other record dies later, if at all, so that there is no circle.

use super::bounds::DELTAS;
use super::error::StoreError;
use super::tables::{put_bytes, put_number, take_bytes, take_number};
use pvm::durable::NodeHash;

const WHOLE: u8 = 0;
const SAME_LENGTH: u8 = 1;
const CUT: u8 = 2;

/// True if what dies with this version is packed; now and then it is not, so that not too many
/// hang on each other.
pub(super) const fn is_wanted(version: u64) -> bool {
    !version.is_multiple_of(DELTAS)
}

/// The form with all bytes.
pub(super) fn whole(mut record: Vec<u8>) -> Vec<u8> {
    record.insert(0, WHOLE);
    record
}

pub(super) fn is_whole(packed: &[u8]) -> bool {
    packed.first() == Some(&WHOLE)
}

/// The shorter form of a record.
pub(super) fn pack(record: &[u8], base: Option<(NodeHash, Vec<u8>)>) -> Vec<u8> {
    if let Some((hash, base)) = base {
        let kind = match base.len() == record.len() {
            true => SAME_LENGTH,
            false => CUT,
        };
        let mut packed = vec![kind];
        packed.extend(hash);
        put_pieces(&mut packed, record, &base);
        if packed.len() < record.len() {
            return packed;
        }
    }
    whole(record.to_vec())
}

fn put_pieces(packed: &mut Vec<u8>, record: &[u8], base: &[u8]) {
    /// So many equal bytes are not worth the end of a piece.
    const FEW: usize = 3;
    let (cut, mut at) = (record.len() != base.len(), 0);
    loop {
        let same = record[at..].iter().zip(&base[at.min(base.len())..]);
        let same = same.take_while(|(a, b)| a == b).count();
        let start = at + same;
        if start == record.len() && !cut {
            return;
        }
        let mut end = start;
        let mut equal = 0;
        while end < record.len() && equal <= FEW {
            equal = match base.get(end) == Some(&record[end]) {
                true => equal + 1,
                false => 0,
            };
            end += 1;
        }
        if end == record.len() && cut {
            put_number(packed, same as u64);
            put_bytes(packed, &record[start..]);
            return;
        }
        end -= equal;
        put_number(packed, same as u64);
        put_bytes(packed, &record[start..end]);
        at = end;
    }
}

/// Gives the packed bytes of a record.
type PackedOf<'p> = dyn FnMut(&NodeHash) -> Result<Option<Vec<u8>>, StoreError> + 'p;

/// The record with this hash. `packed_of` gives the packed bytes of another one.
pub(super) fn unpack(
    hash: &NodeHash,
    packed: Vec<u8>,
    packed_of: &mut PackedOf<'_>,
) -> Result<Vec<u8>, StoreError> {
    let mut chain = vec![packed];
    let mut record = loop {
        let packed = chain.last().map_or(&[][..], |packed| packed);
        match packed.split_first() {
            Some((&WHOLE, record)) => break record.to_vec(),
            Some((&(SAME_LENGTH | CUT), rest)) if chain.len() < MOST => {
                let base = rest.first_chunk().ok_or_else(|| StoreError::record(hash))?;
                let next = packed_of(base)?.ok_or_else(|| StoreError::record(hash))?;
                chain.push(next);
            }
            _ => return Err(StoreError::record(hash)),
        }
    };
    chain.pop();
    while let Some(packed) = chain.pop() {
        record = apply(&packed, &record).ok_or_else(|| StoreError::record(hash))?;
    }
    Ok(record)
}

/// More records do not hang on each other: a store where they do is damaged.
const MOST: usize = 100_000;

fn apply(packed: &[u8], base: &[u8]) -> Option<Vec<u8>> {
    let (kind, rest) = packed.split_first()?;
    let (_, mut rest) = rest.split_first_chunk::<32>()?;
    let mut record = Vec::with_capacity(base.len() + 64);
    while !rest.is_empty() {
        let same = usize::try_from(take_number(&mut rest)?).ok()?;
        let end = record.len().checked_add(same)?;
        record.extend(base.get(record.len()..end)?);
        record.extend(take_bytes(&mut rest)?);
    }
    if *kind == SAME_LENGTH {
        record.extend(base.get(record.len()..)?);
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_survives_its_packing(
            base in prop::collection::vec(0_u8..3, 0..200),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3), 0..5),
            cut in prop::option::of(0_usize..200),
            more in prop::collection::vec(0_u8..3, 0..5),
        ) {
            let mut record = base.clone();
            for (at, byte) in &changes {
                if !record.is_empty() {
                    let at = at.index(record.len());
                    record[at] = *byte;
                }
            }
            if let Some(cut) = cut {
                record.truncate(cut);
                record.extend(&more);
            }
            let packed = pack(&record, Some(([7; 32], base.clone())));
            prop_assert!(packed.len() <= record.len() + 1);
            let unpacked = unpack(&[1; 32], packed, &mut |hash| {
                assert_eq!(*hash, [7; 32]);
                Ok(Some(whole(base.clone())))
            });
            prop_assert_eq!(unpacked.unwrap(), record);
        }

        #[test]
        fn other_bytes_are_refused_or_another_record(packed: Vec<u8>) {
            let _ = unpack(&[1; 32], packed, &mut |_| Ok(Some(whole(vec![1; 100]))));
        }
    }

    #[test]
    fn what_hangs_on_itself_is_refused() {
        let circle = [&[SAME_LENGTH][..], &[1; 32]].concat();
        let unpacked = unpack(&[1; 32], circle.clone(), &mut |_| Ok(Some(circle.clone())));
        assert!(unpacked.is_err());
    }

    #[test]
    fn a_hash_of_sixteen_takes_little() {
        let base: Vec<u8> = (0..600).map(|byte| (byte * 7 % 251) as u8).collect();
        let mut record = base.clone();
        record[100..132].fill(0xff);
        let packed = pack(&record, Some(([7; 32], base)));
        assert!(packed.len() < 80, "{}", packed.len());
    }
}
