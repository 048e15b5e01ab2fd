//! Hashes as Tezos writes them: base58check with a prefix for each kind
//! (`src/lib_base58`, `src/lib_smart_rollup` of Octez).

/// The kind of a hash of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `B…`: a block of layer 1.
    Block,
    /// `o…`: an operation of layer 1.
    Operation,
    /// `scmsg…`: a message of the batcher.
    Message,
    /// `src1…`: a commitment.
    Commitment,
    /// `srs1…`: a state.
    State,
}

impl Kind {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Block => &[1, 52],
            Self::Operation => &[5, 116],
            Self::Message => &[3, 250, 179, 247, 196],
            Self::Commitment => &[17, 165, 134, 138],
            Self::State => &[17, 165, 235, 240],
        }
    }

    /// The text of a hash.
    pub(crate) fn text(self, hash: &[u8; 32]) -> String {
        let bytes = [self.prefix(), hash].concat();
        bs58::encode(bytes).with_check().into_string()
    }

    /// The hash of a text of this kind.
    pub(crate) fn read(self, text: &str) -> Option<[u8; 32]> {
        if text.len() > 64 {
            return None;
        }
        let bytes = bs58::decode(text).with_check(None).into_vec().ok()?;
        bytes.strip_prefix(self.prefix())?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_begin_as_tezos_has_them() {
        for (kind, start, length) in [
            (Kind::Block, "B", 51),
            (Kind::Operation, "o", 51),
            (Kind::Message, "scmsg", 55),
            (Kind::Commitment, "src1", 54),
            (Kind::State, "srs1", 54),
        ] {
            for hash in [[0; 32], [0x5a; 32], [0xff; 32]] {
                let text = kind.text(&hash);
                assert!(text.starts_with(start), "{text}");
                assert_eq!(text.len(), length, "{text}");
                assert_eq!(kind.read(&text), Some(hash));
            }
        }
        assert_eq!(Kind::Block.read(&Kind::State.text(&[0; 32])), None);
        assert_eq!(Kind::Block.read("B"), None);
    }
}
