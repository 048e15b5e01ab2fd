//! Forced inclusion: a contract of layer 1 brings a transaction that operators
//! could leave out otherwise. It says `00 ++ n`, then n times `01 ++ bytes`.

use crate::bridge::incoming::BadCall;
use crate::error::KernelError;
use crate::inputs::assembly::{Assembly, Whole};
use crate::inputs::format::MAX_TRANSACTION;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use alloy_primitives::Bytes;
use ethereum::keccak::keccak256;
use host::ReadStore;
use storage::key::Piece;
use storage::layout::CHUNKED;

/// The transaction that comes in, as far as this block knows.
#[derive(Debug, Default)]
pub(crate) struct Forced {
    /// The messages so far; `None` while nobody asked.
    state: Option<State>,
    /// The state before the last bytes, which may be put back.
    before: Option<State>,
    changed: bool,
}

/// The number of missing messages, and the bytes of the others.
#[derive(Clone, Debug, Default)]
struct State {
    missing: u8,
    bytes: Vec<u8>,
}

impl Forced {
    /// Takes a message.
    pub(crate) fn take(
        &mut self,
        store: &impl ReadStore,
        message: &[u8],
    ) -> Result<Assembly<BadCall>, KernelError> {
        let mut state = match self.state.take() {
            Some(state) => state,
            None => load(store)?,
        };
        self.before = Some(state.clone());
        let mut taken = Assembly::Pending;
        match message {
            [0, count] => {
                state = State {
                    missing: *count,
                    bytes: Vec::new(),
                };
            }
            [1, bytes @ ..] if state.missing > 0 => {
                state.missing -= 1;
                state.bytes.extend_from_slice(bytes);
                if state.bytes.len() > MAX_TRANSACTION {
                    state = State::default();
                    taken = refused(&format!("a transaction over {MAX_TRANSACTION} bytes"));
                } else if state.missing == 0 {
                    let raw = core::mem::take(&mut state.bytes);
                    let hash = keccak256(&raw);
                    taken = Assembly::Whole(Whole { hash, raw });
                }
            }
            _ => {
                self.state = Some(state);
                return Ok(refused(match message {
                    [1, ..] => "bytes of a transaction that nobody announced",
                    _ => "neither an announcement nor bytes of a transaction",
                }));
            }
        }
        self.state = Some(state);
        self.changed = true;
        Ok(taken)
    }

    /// The last message will be taken again.
    pub(crate) fn put_back(&mut self) {
        self.state = self.before.take();
    }

    /// The block's change.
    pub(crate) fn into_change(self) -> Option<(Piece, Option<Bytes>)> {
        let state = self.state.filter(|_| self.changed)?;
        let bytes = (state.missing > 0).then(|| {
            let mut bytes = Vec::with_capacity(1 + state.bytes.len());
            bytes.push(state.missing);
            bytes.extend_from_slice(&state.bytes);
            bytes.into()
        });
        Some((Piece::Delayed, bytes))
    }
}

fn refused(reason: &str) -> Assembly<BadCall> {
    Assembly::Refused(BadCall::Payload(reason.to_string()))
}

fn load(store: &impl ReadStore) -> Result<State, KernelError> {
    let stored = CHUNKED.get(store, &Piece::Delayed)?.unwrap_or_default();
    Ok(match stored.split_first() {
        Some((missing, bytes)) => State {
            missing: *missing,
            bytes: bytes.to_vec(),
        },
        None => State::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::mock::MockHost;

    fn take(forced: &mut Forced, message: &[u8]) -> Result<Option<Vec<u8>>, BadCall> {
        match forced.take(&MockHost::default(), message).unwrap() {
            Assembly::Pending => Ok(None),
            Assembly::Whole(Whole { hash, raw }) => {
                assert_eq!(hash, keccak256(&raw));
                Ok(Some(raw))
            }
            Assembly::Refused(refused) => Err(refused),
        }
    }

    #[test]
    fn bytes_come_in_order() {
        let mut forced = Forced::default();
        assert_eq!(take(&mut forced, &[0, 2]), Ok(None));
        assert_eq!(take(&mut forced, &[1, 7]), Ok(None));
        assert_eq!(take(&mut forced, &[1, 8]), Ok(Some(vec![7, 8])));
        forced.put_back();
        assert_eq!(take(&mut forced, &[1, 9]), Ok(Some(vec![7, 9])));
        assert_eq!(forced.into_change(), Some((Piece::Delayed, None)));
    }

    #[test]
    fn what_nobody_announced_is_refused() {
        let mut forced = Forced::default();
        assert!(take(&mut forced, &[1, 7]).is_err());
        assert!(take(&mut forced, &[]).is_err());
        assert!(take(&mut forced, &[0, 1, 2]).is_err());
        assert_eq!(forced.into_change(), None);
    }

    #[test]
    fn a_new_announcement_starts_over() {
        let mut forced = Forced::default();
        take(&mut forced, &[0, 3]).unwrap();
        take(&mut forced, &[1, 7]).unwrap();
        take(&mut forced, &[0, 2]).unwrap();
        take(&mut forced, &[1, 8]).unwrap();
        let kept = Bytes::from_static(&[1, 8]);
        assert_eq!(forced.into_change(), Some((Piece::Delayed, Some(kept))));
    }

    #[test]
    fn a_transaction_has_an_end() {
        let mut forced = Forced::default();
        take(&mut forced, &[0, 255]).unwrap();
        let chunk = [&[1][..], &[0; 4000]].concat();
        let taken = (0..200)
            .map(|_| take(&mut forced, &chunk))
            .find(Result::is_err);
        assert!(taken.is_some());
        assert_eq!(forced.into_change(), Some((Piece::Delayed, None)));
    }
}
