//! A call that is being made, as a part of the state: its hash, and its bytes in a proof.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1, 1 | how many parts of the call are done; whether the way is gone back |
//! | 2, 32 | how many bytes of paths lie before the focus; its root |
//! | 32 | the root of what is held to be copied |
//! | 8 | the answer |
//! | 1 and 32, or more | the way: 0 and its hash; or 1, its last piece (root, bytes of paths before, parts of the tree), and the hash of those before |
//! | 1 | whether names are listed; if so: |
//! | 1, 1, 8 | whether there is anything, whether the value is still to come, the count |
//! | 2, and as many | the last name |
//! | 1 and 32, or more | where the next names are, likewise: root, length of the name before (2), whether it begins with a `/` that is behind |
//!
//! The hash is that of `24` and this, with the hashes of way and stack alone. Numbers are little-endian.

use super::{Frame, Hash, Listing, SHOWN, Walk};
use crate::durable::{Durable, Pending};
use crate::steps::chain::Chain;
use crate::steps::proof::{Reader, StepProofError, shown};
use crate::steps::state::hashed;
use std::array::from_fn;

impl Walk {
    pub(in crate::steps) fn hash(&self) -> Hash {
        hashed(0x24, &[&self.bytes(false)])
    }

    /// As a part of a proof.
    pub(in crate::steps) fn encode(&self) -> Vec<u8> {
        self.bytes(true)
    }

    fn bytes(&self, shown: bool) -> Vec<u8> {
        let mut bytes = vec![self.part, self.back.into()];
        bytes.extend((self.focus.skipped() as u16).to_le_bytes());
        bytes.extend(self.focus.root_hash());
        bytes.extend(self.held.root_hash());
        bytes.extend(self.answer.to_le_bytes());
        bytes.extend(self.way.encode(shown && self.back));
        bytes.push(self.listing.is_some().into());
        if let Some(listing) = &self.listing {
            bytes.extend([u8::from(listing.any), u8::from(listing.value)]);
            bytes.extend(listing.count.to_le_bytes());
            bytes.extend((listing.name.len() as u16).to_le_bytes());
            bytes.extend(&listing.name);
            bytes.extend(listing.open.encode(shown));
        }
        bytes
    }

    /// Back from its bytes, with what is shown of storage.
    pub(in crate::steps) fn decode(
        bytes: &[u8],
        storage: [&[u8]; SHOWN],
    ) -> Result<Self, StepProofError> {
        let mut from = Reader(bytes);
        let [part] = from.array()?;
        let back = from.flag()?;
        let skip = usize::from(u16::from_le_bytes(from.array()?));
        let (focus, held): (Hash, Hash) = (from.array()?, from.array()?);
        let answer = i64::from_le_bytes(from.array()?);
        let way = from.chain(|from| {
            let storage = shown(&from.array()?, storage[0])?;
            let skip = u16::from_le_bytes(from.array()?);
            Ok(Frame {
                storage: storage.behind_bytes(skip.into()),
                parts: u32::from_le_bytes(from.array()?),
            })
        })?;
        let listing = match from.flag()? {
            true => Some(listing(&mut from, storage[0])?),
            false => None,
        };
        from.end()?;
        let (of_focus, of_held) = match (&listing, back) {
            (Some(_), _) => (&[][..], &[][..]),
            (None, true) => (storage[1], &[][..]),
            (None, false) => (storage[0], storage[1]),
        };
        Ok(Self {
            part,
            back,
            focus: shown(&focus, of_focus)?.behind_bytes(skip),
            way,
            held: shown(&held, of_held)?,
            answer,
            listing,
        })
    }

    /// The same, of which it is noted what is looked at of the storage that is shown.
    pub(in crate::steps) fn watched(&self) -> (Self, [Option<Durable>; SHOWN]) {
        let mut walk = self.clone();
        let parts = match &mut walk.listing {
            Some(listing) => [listing.open.top_mut().map(|top| &mut top.below), None],
            None if self.back => {
                let top = walk.way.top_mut().map(|top| &mut top.storage);
                [top, Some(&mut walk.focus)]
            }
            None => [Some(&mut walk.focus), Some(&mut walk.held)],
        };
        let watched = parts.map(|part| {
            part.map(|part| {
                *part = part.watched();
                part.clone()
            })
        });
        (walk, watched)
    }
}

/// The records that were read.
pub(in crate::steps) fn touched(parts: &[Option<Durable>; SHOWN]) -> [Vec<u8>; SHOWN] {
    from_fn(|at| parts[at].as_ref().map(Durable::touched).unwrap_or_default())
}

fn listing(from: &mut Reader<'_>, storage: &[u8]) -> Result<Listing, StepProofError> {
    let begun = (from.flag()?, from.flag()?);
    let count = u64::from_le_bytes(from.array()?);
    let name = from.short()?;
    let open = from.chain(|from| {
        Ok(Pending {
            below: shown(&from.array()?, storage)?,
            named: u16::from_le_bytes(from.array()?).into(),
            first: from.flag()?,
        })
    })?;
    Ok(Listing::of(begun, (count, name), open))
}

impl Reader<'_> {
    fn flag(&mut self) -> Result<bool, StepProofError> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(StepProofError::Malformed("neither yes nor no")),
        }
    }

    fn chain<T>(
        &mut self,
        top: impl FnOnce(&mut Self) -> Result<T, StepProofError>,
    ) -> Result<Chain<T>, StepProofError> {
        let top = match self.flag()? {
            true => Some(top(self)?),
            false => None,
        };
        Ok(Chain::of(self.array()?, top))
    }
}
