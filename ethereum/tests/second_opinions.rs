//! Second opinions on random values, both ways and on refusals: RLP by `rlp`,
//! hashes by `sha3`, numbers by `primitive-types`, recovery by `libsecp256k1`.

use alloy_primitives::{B256, U256};
use ethereum::keccak256_of;
use ethereum::rlp::{self, Decoder, Encode, Item, Str};
use ethereum::signature::{self, SignatureError};
use proptest::collection::vec;
use proptest::prelude::*;
use sha3::Digest;

/// A tree of items.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    String(Vec<u8>),
    List(Vec<Self>),
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

impl parity_rlp::Encodable for Tree {
    fn rlp_append(&self, stream: &mut parity_rlp::RlpStream) {
        match self {
            Self::String(bytes) => stream.encoder().encode_value(bytes),
            Self::List(items) => {
                stream.begin_list(items.len());
                for item in items {
                    stream.append(item);
                }
            }
        }
    }
}

/// The one item in `bytes`, all of them, by our reader.
fn ours(bytes: &[u8]) -> Option<Tree> {
    fn tree(decoder: &mut Decoder<'_>) -> Result<Tree, rlp::Error> {
        match decoder.item()? {
            Item::String(bytes) => Ok(Tree::String(bytes.to_vec())),
            Item::List(mut items) => {
                let mut trees = Vec::new();
                while !items.is_empty() {
                    trees.push(tree(&mut items)?);
                }
                Ok(Tree::List(trees))
            }
        }
    }
    let mut decoder = Decoder::new(bytes);
    let tree = tree(&mut decoder).ok()?;
    decoder.finish().ok().map(|()| tree)
}

/// The same by the crate `rlp`. It reads lazily: nothing says whether bytes are
/// left behind an item, so lengths are compared here.
fn theirs(bytes: &[u8]) -> Option<Tree> {
    let item = parity_rlp::Rlp::new(bytes);
    if item.payload_info().ok()?.total() != bytes.len().max(1) {
        return None;
    }
    if item.is_data() {
        return item.as_val::<Vec<u8>>().ok().map(Tree::String);
    }
    let mut rest = &bytes[item.payload_info().ok()?.header_len..];
    let mut trees = Vec::new();
    while !rest.is_empty() {
        let len = parity_rlp::Rlp::new(rest).payload_info().ok()?;
        // A byte below 0x80 has no header, and is itself the value.
        let (inner, behind) = rest.split_at(len.total());
        trees.push(theirs(inner)?);
        rest = behind;
    }
    Some(Tree::List(trees))
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = vec(any::<u8>(), 0..70).prop_map(Tree::String);
    leaf.prop_recursive(4, 64, 8, |inner| vec(inner, 0..8).prop_map(Tree::List))
}

/// Numbers of all sizes.
fn numbers() -> impl Strategy<Value = U256> {
    (any::<[u64; 4]>(), 0..256_usize).prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift)
}

fn parity_number(number: U256) -> primitive_types::U256 {
    primitive_types::U256::from_big_endian(&number.to_be_bytes::<32>())
}

/// Values that a part of a signature may have, those at the edges often.
fn scalars() -> impl Strategy<Value = U256> {
    let order = U256::from_be_bytes(libsecp256k1_order());
    let edges = vec![U256::ZERO, order >> 1, order, U256::MAX];
    let near = (proptest::sample::select(edges), 0..3_u8).prop_map(|(edge, add)| {
        edge.wrapping_add(U256::from(add))
            .wrapping_sub(U256::from(1))
    });
    prop_oneof![1 => near, 5 => any::<[u64; 4]>().prop_map(U256::from_limbs)]
}

/// The order of the curve: one more than the largest secret key.
fn libsecp256k1_order() -> [u8; 32] {
    let mut largest = libsecp256k1::curve::Scalar::from_int(1);
    largest = -largest;
    let mut bytes = largest.b32();
    bytes[31] += 1;
    bytes
}

/// The public key that signed, by `libsecp256k1`.
fn recovered(hash: &[u8; 32], signature: &[u8; 64], parity: u8) -> Option<[u8; 64]> {
    let id = libsecp256k1::RecoveryId::parse(parity).ok()?;
    let signature = libsecp256k1::Signature::parse_standard(signature).ok()?;
    let message = libsecp256k1::Message::parse(hash);
    let key = libsecp256k1::recover(&message, &signature, &id).ok()?;
    let [_, coordinates @ ..] = key.serialize();
    Some(coordinates)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn rlp_writes_and_reads_the_same(tree in trees()) {
        let bytes = rlp::encode(&tree);
        prop_assert_eq!(&parity_rlp::encode(&tree)[..], &bytes[..]);
        prop_assert_eq!(ours(&bytes), Some(tree.clone()));
        prop_assert_eq!(theirs(&bytes), Some(tree));
    }

    #[test]
    fn rlp_refuses_the_same_changed_bytes(tree in trees(), changes in vec(any::<(usize, u8)>(), 1..4), cut: bool) {
        let mut bytes = rlp::encode(&tree);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if cut {
            bytes.pop();
        }
        prop_assert_eq!(ours(&bytes), theirs(&bytes));
    }

    #[test]
    fn rlp_refuses_the_same_random_bytes(first: u8, second: u8, rest in vec(any::<u8>(), 0..80)) {
        for bytes in [&[first, second][..], &[first, second % 60], &[first]] {
            let bytes = [bytes, &rest].concat();
            prop_assert_eq!(ours(&bytes), theirs(&bytes));
        }
    }

    #[test]
    fn numbers_are_the_same_in_rlp(number in numbers(), small: u64, shift in 0..64_u32) {
        let small = small >> shift;
        let bytes = rlp::encode(&number);
        prop_assert_eq!(&parity_rlp::encode(&parity_number(number))[..], &bytes[..]);
        let read: primitive_types::U256 = parity_rlp::decode(&bytes).unwrap();
        prop_assert_eq!(read, parity_number(number));
        prop_assert_eq!(&parity_rlp::encode(&small)[..], rlp::encode(&small));
    }

    #[test]
    fn numbers_are_refused_the_same_in_rlp(first in 0x7e..0xa2_u8, rest in vec(any::<u8>(), 0..34), zero: bool) {
        let mut bytes = [&[first], &rest[..]].concat();
        if let (true, Some(second)) = (zero, bytes.get_mut(1)) {
            *second = 0;
        }
        bytes.truncate(1 + usize::from(first.saturating_sub(0x80)));
        let large: Option<primitive_types::U256> = parity_rlp::Rlp::new(&bytes).as_val().ok();
        prop_assert_eq!(Decoder::new(&bytes).u256().ok().map(parity_number), large);
        let small: Option<u64> = parity_rlp::Rlp::new(&bytes).as_val().ok();
        prop_assert_eq!(Decoder::new(&bytes).u64().ok(), small);
    }

    #[test]
    fn keccak_is_the_same(pieces in vec(vec(any::<u8>(), 0..300), 0..5)) {
        let mut theirs = sha3::Keccak256::new();
        for piece in &pieces {
            theirs.update(piece);
        }
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(&keccak256_of(&pieces).0[..], &theirs.finalize()[..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_signature_is_the_same_and_gives_the_same_key(hash: [u8; 32], secret: [u8; 32]) {
        let theirs = libsecp256k1::SecretKey::parse(&secret);
        let ours = signature::sign(&B256::new(hash), &secret);
        let Ok(secret) = theirs else {
            prop_assert_eq!(ours, Err(SignatureError::InvalidSecret));
            return Ok(());
        };
        let ours = ours.unwrap();
        let (signature, id) = libsecp256k1::sign(&libsecp256k1::Message::parse(&hash), &secret);
        let compact = signature.serialize();
        let (r, s) = compact.split_at(32);
        prop_assert_eq!((U256::from_be_slice(r), U256::from_be_slice(s)), (ours.r, ours.s));
        prop_assert_eq!(id.serialize() == 1, ours.y_parity);
        let key = libsecp256k1::PublicKey::from_secret_key(&secret).serialize();
        let read = signature::public_key(&hash, &compact, id.serialize());
        prop_assert_eq!(read.as_ref().map(|read| &read[..]), Ok(&key[1..]));
        prop_assert_eq!(recovered(&hash, &compact, id.serialize()), read.ok());
    }

    #[test]
    fn any_signature_gives_the_same_key_or_none(
        hash: [u8; 32], r in scalars(), s in scalars(), parity in 0..2_u8,
    ) {
        let compact = [r.to_be_bytes::<32>(), s.to_be_bytes()].concat().try_into().unwrap();
        let ours = signature::public_key(&hash, &compact, parity);
        prop_assert_eq!(ours.ok(), recovered(&hash, &compact, parity));
    }
}

/// Both answers occur, or the comparison would say little.
#[test]
fn some_random_signatures_give_a_key_and_some_none() {
    let hash = [7; 32];
    let key = |byte: u8| signature::public_key(&hash, &[byte; 64], 0).is_ok();
    let keys = (1..=0xfe).filter(|byte| key(*byte)).count();
    assert!((50..200).contains(&keys), "{keys}");
}
