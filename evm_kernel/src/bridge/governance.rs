//! Decisions of the governing contract: `Right bytes`, in RLP.

use crate::bridge::incoming::BadCall;
use alloc::string::ToString;
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes};
use ethereum::rlp::Decoder;
use storage::Upgrade;

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "simulate"),
    expect(unreachable_pub, reason = "public for nodes only")
)]
pub enum Decision {
    /// The kernel is replaced: `[root hash (33 bytes), activation time (i64,
    /// little-endian)]`.
    Upgrade(Upgrade),
    /// A deposit that names nobody, or that nobody claimed in time, gets a receiver:
    /// `["assign-deposit", rollup (20), counter, level, message id, receiver (20)]`.
    AssignDeposit(Assignment<[u64; 2]>),
    /// The same of other tickets: `["assign-tickets", rollup (20), counter,
    /// deposit id, receiver (20)]`, and another proxy (20, zeros: none) behind it
    /// if the deposit shall go another way.
    AssignTickets(Assignment<[u64; 1]>),
    /// The configuration changes with the next level: `["change-settings", rollup
    /// (20), [name, value]…]`, see [`storage::settings`].
    Settings {
        /// The rollup that is meant (`sr1…`).
        rollup: [u8; 20],
        /// Names, as a setup file has them, and values.
        changes: Vec<(Bytes, Bytes)>,
    },
    /// A message to layer 1 that is in doubt is sent again: `["requeue-message",
    /// rollup (20), number]`.
    Requeue {
        /// The rollup that is meant (`sr1…`).
        rollup: [u8; 20],
        /// The message's number.
        number: u64,
    },
}

/// The receiver of a deposit that nobody claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "simulate"),
    expect(unreachable_pub, reason = "public for nodes only")
)]
pub struct Assignment<P> {
    /// The rollup that is meant (`sr1…`): one contract may govern several.
    pub rollup: [u8; 20],
    /// The number of deposits that the bridge has assigned: each decision counts once.
    pub counter: u64,
    /// Which deposit.
    pub place: P,
    /// Whom it is for now.
    pub receiver: Address,
    /// The proxy that it goes to, if that changes; zeros: none. For tickets only.
    pub proxy: Option<Address>,
}

/// The list, and the strings in it: their lengths are fixed, so their headers are.
const LIST: u8 = 0xc0 + 1 + 33 + 1 + 8;
const ROOT: u8 = 0x80 + 33;
const TIME: u8 = 0x80 + 8;

/// Reads a decision.
pub(crate) fn read(bytes: &[u8]) -> Result<Decision, BadCall> {
    named(bytes).map_or_else(|| upgrade(bytes), Ok)
}

/// Decisions that begin with their name.
fn named(bytes: &[u8]) -> Option<Decision> {
    let mut outer = Decoder::new(bytes);
    let mut items = outer.list().ok()?;
    outer.finish().ok()?;
    let decision = match items.string().ok()? {
        b"assign-deposit" => Decision::AssignDeposit(assignment(&mut items)?),
        b"assign-tickets" => Decision::AssignTickets(assignment(&mut items)?),
        b"change-settings" => Decision::Settings {
            rollup: items.array().ok()?,
            changes: changes(&mut items)?,
        },
        b"requeue-message" => Decision::Requeue {
            rollup: items.array().ok()?,
            number: items.u64().ok()?,
        },
        _ => return None,
    };
    items.finish().ok()?;
    Some(decision)
}

fn assignment<const LEN: usize>(items: &mut Decoder<'_>) -> Option<Assignment<[u64; LEN]>> {
    let (rollup, counter) = (items.array().ok()?, items.u64().ok()?);
    let mut place = [0; LEN];
    for number in &mut place {
        *number = items.u64().ok()?;
    }
    let receiver = items.address().ok()?;
    let proxy = if LEN == 1 && !items.is_empty() {
        Some(items.address().ok()?)
    } else {
        None
    };
    Some(Assignment {
        rollup,
        counter,
        place,
        receiver,
        proxy,
    })
}

/// Names with their values, to the end.
fn changes(items: &mut Decoder<'_>) -> Option<Vec<(Bytes, Bytes)>> {
    let mut changes = Vec::new();
    while !items.is_empty() {
        let mut pair = items.list().ok()?;
        changes.push((pair.bytes().ok()?, pair.bytes().ok()?));
        pair.finish().ok()?;
    }
    Some(changes)
}

fn upgrade(bytes: &[u8]) -> Result<Decision, BadCall> {
    let refused = || BadCall::Payload("it is no decision that this kernel knows".to_string());
    let [LIST, ROOT, rest @ ..] = bytes else {
        return Err(refused());
    };
    let (root, rest) = rest.split_first_chunk::<33>().ok_or_else(refused)?;
    let [TIME, time @ ..] = rest else {
        return Err(refused());
    };
    let time = i64::from_le_bytes(time.try_into().map_err(|_| refused())?);
    if !root.starts_with(&[0]) {
        return Err(BadCall::Payload("no hash of pages starts so".to_string()));
    }
    Ok(Decision::Upgrade(Upgrade {
        root: *root,
        time,
        pending: true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(root: &[u8], time: &[u8]) -> Vec<u8> {
        let mut payload = vec![0xc0 + (2 + root.len() + time.len()) as u8];
        for field in [root, time] {
            payload.push(0x80 + field.len() as u8);
            payload.extend(field);
        }
        payload
    }

    #[test]
    fn an_upgrade_is_a_root_hash_and_a_time() {
        let mut root = [7; 33];
        root[0] = 0;
        let bytes = payload(&root, &1_700_000_000_i64.to_le_bytes());
        let upgrade = Upgrade {
            root,
            time: 1_700_000_000,
            pending: true,
        };
        assert_eq!(read(&bytes), Ok(Decision::Upgrade(upgrade)));
        // Another scheme, other lengths, more bytes.
        assert!(read(&payload(&[7; 33], &[0; 8])).is_err());
        assert!(read(&payload(&root[..32], &[0; 8])).is_err());
        assert!(read(&payload(&root, &[0; 7])).is_err());
        assert!(read(&[&bytes[..], &[0]].concat()).is_err());
        assert!(read(&bytes[..bytes.len() - 1]).is_err());
        assert!(read(&[]).is_err());
    }

    #[test]
    fn decisions_of_the_bridge_name_themselves() {
        use ethereum::rlp::{Encode, encode_list};
        let list = |items: &[&dyn Encode]| encode_list(items);
        let name = |name: &'static str| Bytes::from_static(name.as_bytes());
        let (rollup, receiver) = (Address::repeat_byte(7), Address::repeat_byte(9));
        let bytes = list(&[
            &name("assign-deposit"),
            &rollup,
            &1_u64,
            &2_u64,
            &3_u64,
            &receiver,
        ]);
        let assignment = Assignment {
            rollup: [7; 20],
            counter: 1,
            place: [2, 3],
            receiver,
            proxy: None,
        };
        assert_eq!(read(&bytes), Ok(Decision::AssignDeposit(assignment)));
        let tickets = name("assign-tickets");
        for proxy in [None, Some(Address::ZERO), Some(receiver)] {
            let mut items: Vec<&dyn Encode> = vec![&tickets, &rollup, &1_u64, &2_u64, &receiver];
            items.extend(proxy.as_ref().map(|proxy| proxy as &dyn Encode));
            let assignment = Assignment {
                rollup: [7; 20],
                counter: 1,
                place: [2],
                receiver,
                proxy,
            };
            let expected = Ok(Decision::AssignTickets(assignment));
            assert_eq!(read(&encode_list(&items)), expected);
        }
        let bytes = list(&[&name("requeue-message"), &rollup, &5_u64]);
        let requeue = Decision::Requeue {
            rollup: [7; 20],
            number: 5,
        };
        assert_eq!(read(&bytes), Ok(requeue));
        for wrong in [
            list(&[&name("assign-deposit"), &rollup, &1_u64, &2_u64, &receiver]),
            list(&[
                &name("assign-deposit"),
                &rollup,
                &1_u64,
                &2_u64,
                &3_u64,
                &receiver,
                &receiver,
            ]),
            list(&[&name("requeue-message"), &5_u64]),
            list(&[&name("requeue-message"), &rollup, &5_u64, &5_u64]),
            list(&[&name("requeue"), &rollup, &5_u64]),
            // A name without a value, and what is no pair.
            list(&[
                &name("change-settings"),
                &rollup,
                &vec![name("kept_blocks")],
            ]),
            list(&[&name("change-settings"), &rollup, &name("kept_blocks")]),
            list(&[&name("change-settings")]),
        ] {
            assert!(read(&wrong).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(root: [u8; 32], time: i64) {
            let root = [&[0], &root[..]].concat();
            let Ok(Decision::Upgrade(upgrade)) = read(&payload(&root, &time.to_le_bytes())) else {
                panic!("refused");
            };
            prop_assert_eq!((&upgrade.root[..], upgrade.time), (&root[..], time));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
