//! What the governing contract decides: `Right bytes`, in RLP.

use crate::bridge::incoming::Refused;
use alloc::string::ToString;
use storage::Upgrade;

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The kernel is replaced: `[root hash (33 bytes), activation time (i64,
    /// little-endian)]`.
    Upgrade(Upgrade),
}

/// The list, and the strings in it: their lengths are fixed, so their headers are.
const LIST: u8 = 0xc0 + 1 + 33 + 1 + 8;
const ROOT: u8 = 0x80 + 33;
const TIME: u8 = 0x80 + 8;

/// Reads a decision.
pub(crate) fn read(bytes: &[u8]) -> Result<Decision, Refused> {
    let refused = || Refused::Payload("it is no decision that this kernel knows".to_string());
    let [LIST, ROOT, rest @ ..] = bytes else {
        return Err(refused());
    };
    let (root, rest) = rest.split_first_chunk::<33>().ok_or_else(refused)?;
    let [TIME, time @ ..] = rest else {
        return Err(refused());
    };
    let time = i64::from_le_bytes(time.try_into().map_err(|_| refused())?);
    if !root.starts_with(&[0]) {
        return Err(Refused::Payload("no hash of pages starts so".to_string()));
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
