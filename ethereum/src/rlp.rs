//! Recursive Length Prefix: the strict, canonical form (Yellow Paper, appendix B).
//!
//! [`Decoder`] walks a byte slice without copying. It accepts only what
//! [`Encode`] would have written: shortest prefixes, integers without leading
//! zeros, nothing behind the last item.

mod decode;
mod encode;

pub use decode::{Decoder, Error, ErrorKind, Item};
pub use encode::{
    EMPTY_LIST, EMPTY_STRING, Encode, List, Prefix, Raw, Str, encode, encode_list, prefix_length,
};

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use alloy_primitives::U256;
    use core::fmt;
    use proptest::prelude::*;

    fn kind<T: fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
        result.expect_err("accepted").kind
    }

    #[test]
    fn examples_of_the_yellow_paper() {
        assert_eq!(encode(&Str(b"dog")), b"\x83dog");
        assert_eq!(
            encode_list(&[&Str(b"cat"), &Str(b"dog")]),
            b"\xc8\x83cat\x83dog"
        );
        assert_eq!(encode(&Str(b"")), [0x80]);
        assert_eq!(encode_list(&[]), [0xc0]);
        assert_eq!(encode(&0u64), [0x80]);
        assert_eq!(encode(&15u64), [0x0f]);
        assert_eq!(encode(&1024u64), [0x82, 0x04, 0x00]);
        let nested = encode_list(&[
            &List(&[]),
            &List(&[&List(&[])]),
            &List(&[&List(&[]), &List(&[&List(&[])])]),
        ]);
        assert_eq!(nested, [0xc7, 0xc0, 0xc1, 0xc0, 0xc3, 0xc0, 0xc1, 0xc0]);
    }

    #[test]
    fn a_string_of_56_bytes_has_a_long_prefix() {
        let text = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit";
        assert_eq!(text.len(), 56);
        assert_eq!(encode(&Str(text))[..2], [0xb8, 0x38]);
    }

    #[test]
    fn longer_prefixes_than_needed_are_refused() {
        for bytes in [
            &[0x81, 0x7f][..],
            &[0xb8, 1, 0x80],
            &[0xb9, 0, 56],
            &[0xf8, 0],
            &[0xf9, 0, 60],
        ] {
            let mut padded = bytes.to_vec();
            padded.resize(80, 0);
            assert_eq!(
                kind(Decoder::new(&padded).item()),
                ErrorKind::NonCanonicalPrefix
            );
        }
    }

    #[test]
    fn integers_with_leading_zeros_are_refused() {
        assert_eq!(kind(Decoder::new(&[0]).u64()), ErrorKind::LeadingZero);
        assert_eq!(
            kind(Decoder::new(&[0x82, 0, 1]).u256()),
            ErrorKind::LeadingZero
        );
    }

    #[test]
    fn integers_too_large_for_their_field_are_refused() {
        let bytes = [0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            kind(Decoder::new(&bytes).u64()),
            ErrorKind::Overflow { limit: 8 }
        );
        assert!(Decoder::new(&bytes).u256().is_ok());
    }

    #[test]
    fn cut_items_are_refused() {
        for bytes in [
            &[][..],
            &[0x83, 1, 2],
            &[0xb8],
            &[0xb9, 1],
            &[0xc2, 1],
            &[0xff; 9],
            &[0xbf; 9],
        ] {
            assert_eq!(kind(Decoder::new(bytes).item()), ErrorKind::UnexpectedEnd);
        }
    }

    #[test]
    fn an_error_tells_where() {
        let bytes = encode_list(&[&1u64, &List(&[&2u64, &Str(b"not an address")])]);
        let mut items = Decoder::new(&bytes).list().unwrap();
        items.u64().unwrap();
        let mut inner = items.list().unwrap();
        inner.u64().unwrap();
        assert_eq!(
            inner.address(),
            Err(Error {
                offset: 4,
                kind: ErrorKind::WrongLength {
                    expected: 20,
                    actual: 14
                }
            })
        );
    }

    #[test]
    fn lists_are_not_strings_nor_strings_lists() {
        assert_eq!(
            kind(Decoder::new(&[0xc0]).string()),
            ErrorKind::UnexpectedList
        );
        assert_eq!(
            kind(Decoder::new(&[0x80]).list()),
            ErrorKind::UnexpectedString
        );
        assert_eq!(
            kind(Decoder::new(&[0xc0]).kind()),
            ErrorKind::UnexpectedList
        );
    }

    /// A tree of items.
    #[derive(Clone, Debug, PartialEq)]
    enum Tree {
        String(Vec<u8>),
        List(Vec<Tree>),
    }

    impl Encode for Tree {
        fn length(&self) -> usize {
            match self {
                Self::String(bytes) => Str(bytes).length(),
                Self::List(items) => items.length(),
            }
        }

        fn encode(&self, out: &mut Vec<u8>) {
            match self {
                Self::String(bytes) => Str(bytes).encode(out),
                Self::List(items) => items.encode(out),
            }
        }
    }

    fn tree(decoder: &mut Decoder<'_>) -> Result<Tree, Error> {
        match decoder.item()? {
            Item::String(bytes) => Ok(Tree::String(bytes.to_vec())),
            Item::List(mut items) => {
                let mut trees = vec![];
                while !items.is_empty() {
                    trees.push(tree(&mut items)?);
                }
                Ok(Tree::List(trees))
            }
        }
    }

    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = prop::collection::vec(any::<u8>(), 0..70).prop_map(Tree::String);
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop::collection::vec(inner, 0..8).prop_map(Tree::List)
        })
    }

    proptest! {
        #[test]
        fn trees_come_back_from_their_bytes(original in trees()) {
            let bytes = encode(&original);
            prop_assert_eq!(bytes.len(), original.length());
            let mut decoder = Decoder::new(&bytes);
            prop_assert_eq!(tree(&mut decoder), Ok(original));
            prop_assert!(decoder.finish().is_ok());
        }

        #[test]
        fn what_decodes_is_what_would_be_encoded(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut decoder = Decoder::new(&bytes);
            if let Ok(decoded) = tree(&mut decoder) {
                let read = bytes.len() - decoder.rest().len();
                prop_assert_eq!(decoder.offset(), read);
                prop_assert_eq!(&encode(&decoded), &bytes[..read]);
            }
        }

        #[test]
        fn integers_come_back(small: u64, limbs: [u64; 4], shift in 0usize..256) {
            let bytes = encode(&small);
            prop_assert_eq!(bytes.len(), small.length());
            prop_assert_eq!(Decoder::new(&bytes).u64(), Ok(small));
            let large = U256::from_limbs(limbs) >> shift;
            let bytes = encode(&large);
            prop_assert_eq!(bytes.len(), large.length());
            prop_assert_eq!(Decoder::new(&bytes).u256(), Ok(large));
        }
    }
}
