//! The code that a compiler made of a contract, and whether an account has it.
//!
//! A compiler leaves places open: immutables, which the constructor sets, and the addresses of
//! libraries. Each is pushed (`PUSH20`, `PUSH32`), and zero until then. An artefact of Hardhat's does
//! not say where immutables are: there each pushed word of zeros is one. Behind the code stands
//! Solidity's metadata, in CBOR behind which its length stands: a hash of the sources and settings.

use alloy_primitives::hex;
use serde_json::Value;
use std::ops::Range;

/// The most bytes of code that are kept of a contract.
pub const MAX_CODE: usize = 128 << 10;

/// The most places that are open.
const MAX_OPEN: usize = 1_000;

/// Code as a compiler made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    code: Vec<u8>,
    /// The places whose bytes come later.
    open: Vec<Range<usize>>,
}

/// The degree to which an account's code matches a compiler's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// They are the same, but for immutables and addresses of libraries.
    Same,
    /// The metadata differs, too: comments, names of local variables or settings may be others.
    ButMetadata,
}

impl Deployed {
    /// The code in an artefact, or of a contract in build information: `deployedBytecode`, a text
    /// or an object with `object`; `immutableReferences` beside or in it, if they are said. `None`: there is none, it
    /// is too long, or it is none.
    #[must_use]
    pub fn of(contract: &Value) -> Option<Self> {
        let within = contract.pointer("/evm/deployedBytecode");
        let given = within.or_else(|| contract.get("deployedBytecode"))?;
        let (text, immutables) = match given {
            Value::String(text) => (text.as_str(), contract.get("immutableReferences")),
            object => (
                object.get("object")?.as_str()?,
                object.get("immutableReferences"),
            ),
        };
        let (code, mut open) = parse(text)?;
        let told = immutables.and_then(Value::as_object);
        if told.is_none() {
            open.extend(pushed_zeros(&code));
        }
        let places = told.into_iter().flat_map(|all| all.values());
        for place in places.filter_map(Value::as_array).flatten() {
            open.push(immutable(&code, place)?);
        }
        if is_library(&code) {
            open.push(1..21);
        }
        (open.len() <= MAX_OPEN).then_some(Self { code, open })
    }

    /// The bytes of it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.code.len()
    }

    /// True if there are none, which [`Deployed::of`] never gives.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// How closely an account's code matches this one; `None` if they are of different contracts.
    #[must_use]
    pub fn likeness(&self, code: &[u8]) -> Option<Likeness> {
        if self.is_same(&self.code, code, &[]) {
            return Some(Likeness::Same);
        }
        let (own, other) = (without_metadata(&self.code), without_metadata(code));
        // Contracts that it creates are in it, with theirs.
        let hashes = hashes(own);
        let alike = hashes == self::hashes(other) && self.is_same(own, other, &hashes);
        alike.then_some(Likeness::ButMetadata)
    }

    /// Returns `true` if the bytes are equal outside of open parts and of the ranges `but`.
    fn is_same(&self, own: &[u8], other: &[u8], but: &[Range<usize>]) -> bool {
        if own.len() != other.len() || own.is_empty() {
            return false;
        }
        let mut other = other.to_vec();
        for place in self.open.iter().chain(but) {
            if let (Some(to), Some(from)) = (other.get_mut(place.clone()), own.get(place.clone())) {
                to.copy_from_slice(from);
            }
        }
        own == other
    }
}

/// Code in hex, with the places of libraries that are not known yet: `__`, a name or a part of its
/// hash, 40 characters in all.
fn parse(text: &str) -> Option<(Vec<u8>, Vec<Range<usize>>)> {
    const PLACE: usize = 40;
    const PUSH20: u8 = 0x73;
    let text = text.strip_prefix("0x").unwrap_or(text);
    if text.is_empty() || text.len() > 2 * MAX_CODE || !text.is_ascii() {
        return None;
    }
    let (mut code, mut open, mut rest) = (Vec::with_capacity(text.len() / 2), Vec::new(), text);
    while let Some(at) = rest.find("__") {
        let (before, place) = rest.split_at(at);
        code.extend(hex::decode(before).ok()?);
        rest = place.get(PLACE..)?;
        if code.last() != Some(&PUSH20) {
            return None;
        }
        open.push(code.len()..code.len() + PLACE / 2);
        code.resize(code.len() + PLACE / 2, 0);
    }
    code.extend(hex::decode(rest).ok()?);
    Some((code, open))
}

/// Where an immutable is: pushed, and zero. Anything else would let an artefact say that its code
/// is everybody's.
fn immutable(code: &[u8], place: &Value) -> Option<Range<usize>> {
    const PUSH0: usize = 0x5f;
    let number = |field| usize::try_from(place.get(field)?.as_u64()?).ok();
    let (start, length) = (number("start")?, number("length")?);
    let end = start.checked_add(length)?;
    let push = usize::from(*code.get(start.checked_sub(1)?)?);
    let is_pushed = (1..=32).contains(&length) && push == PUSH0 + length;
    let is_zero = code.get(start..end)?.iter().all(|byte| *byte == 0);
    (is_pushed && is_zero).then_some(start..end)
}

/// The words of zeros that code pushes: immutables, where nobody says which these are. A compiler
/// pushes any other zero in a byte or none.
fn pushed_zeros(code: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(&first) = code.get(at) {
        let pushes = usize::from(first).saturating_sub(0x5f);
        let pushes = if pushes <= 32 { pushes } else { 0 };
        let word = at + 1..at + 1 + pushes;
        at = word.end;
        let is_zero = code.get(word.clone());
        if pushes == 32 && is_zero.is_some_and(|word| word.iter().all(|byte| *byte == 0)) {
            found.push(word);
        }
    }
    found
}

/// Returns `true` if code begins as a library's does, which compares its own address, set when it is created.
fn is_library(code: &[u8]) -> bool {
    const ADDRESS: u8 = 0x30;
    const EQ: u8 = 0x14;
    code.split_first_chunk::<21>().is_some_and(|(first, rest)| {
        let zero = first
            .get(1..)
            .is_some_and(|own| own.iter().all(|byte| *byte == 0));
        first.first() == Some(&0x73) && zero && rest.starts_with(&[ADDRESS, EQ])
    })
}

/// The names in metadata, as CBOR has them.
const NAMES: [&[u8]; 5] = [
    b"\x64ipfs",
    b"\x65bzzr0",
    b"\x65bzzr1",
    b"\x64solc",
    b"\x6cexperimental",
];

/// Code without the metadata behind it.
fn without_metadata(code: &[u8]) -> &[u8] {
    let cut = || {
        let (rest, length) = code.split_last_chunk::<2>()?;
        let start = rest.len().checked_sub(u16::from_be_bytes(*length).into())?;
        let (before, metadata) = rest.split_at_checked(start)?;
        // A map of up to four entries.
        let is_map = metadata
            .first()
            .is_some_and(|first| (0xa1..=0xa4).contains(first));
        let is_known = NAMES
            .iter()
            .any(|name| metadata.get(1..).is_some_and(|map| map.starts_with(name)));
        (is_map && is_known).then_some(before)
    };
    cut().unwrap_or(code)
}

/// The places of hashes within code, in the metadata of contracts that it creates.
fn hashes(code: &[u8]) -> Vec<Range<usize>> {
    /// A name, the byte strings' head, and the bytes of the hash.
    const FORMS: [(&[u8], usize); 3] = [
        (b"\x64ipfs\x58\x22", 34),
        (b"\x65bzzr0\x58\x20", 32),
        (b"\x65bzzr1\x58\x20", 32),
    ];
    let mut found = Vec::new();
    for at in 0..code.len() {
        let rest = code.get(at..).unwrap_or_default();
        if !matches!(rest.first(), Some(0x64 | 0x65)) {
            continue;
        }
        for (head, length) in FORMS {
            let start = at + head.len();
            if rest.starts_with(head) && code.len() >= start + length {
                found.push(start..start + length);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// `PUSH1 0`, an immutable, a library's address, STOP; then metadata with this hash.
    fn code(immutable: u8, library: u8, hash: u8) -> Vec<u8> {
        let mut code = vec![0x60, 0, 0x7f];
        code.extend([immutable; 32]);
        code.push(0x73);
        code.extend([library; 20]);
        code.push(0);
        code.extend(metadata(hash));
        code
    }

    fn metadata(hash: u8) -> Vec<u8> {
        let mut metadata = b"\xa2\x64ipfs\x58\x22\x12\x20".to_vec();
        metadata.extend([hash; 32]);
        metadata.extend(b"\x64solc\x43\x00\x08\x1c\x00\x33");
        metadata
    }

    /// As solc gives it.
    fn artefact(hash: u8) -> Value {
        let text = hex::encode(code(0, 0, hash));
        let (before, behind) = text.split_at(2 * 36);
        let text = format!("{before}__${}$__{}", "a".repeat(34), &behind[40..]);
        json!({ "evm": { "deployedBytecode": { "object": text,
            "immutableReferences": { "7": [{ "start": 3, "length": 32 }] } } } })
    }

    #[test]
    fn immutables_libraries_and_metadata_are_told_from_code() {
        let deployed = Deployed::of(&artefact(1)).unwrap();
        assert_eq!(deployed.len(), code(0, 0, 1).len());
        assert_eq!(deployed.likeness(&code(9, 8, 1)), Some(Likeness::Same));
        assert_eq!(
            deployed.likeness(&code(9, 8, 2)),
            Some(Likeness::ButMetadata)
        );
        // Without any, or with longer.
        let bare = &code(9, 8, 1)[..57];
        assert_eq!(deployed.likeness(bare), Some(Likeness::ButMetadata));
        let mut longer = bare.to_vec();
        longer.extend(b"\xa1\x65bzzr0\x58\x20");
        longer.extend([5; 32]);
        longer.extend([0, 41]);
        assert_eq!(deployed.likeness(&longer), Some(Likeness::ButMetadata));
        let mut other = code(9, 8, 1);
        other[1] = 1;
        assert_eq!(deployed.likeness(&other), None);
        assert_eq!(deployed.likeness(&[]), None);
        assert_eq!(deployed.likeness(&code(9, 8, 1)[1..]), None);
    }

    #[test]
    fn artefacts_of_several_tools_have_their_code() {
        let text = hex::encode_prefixed(code(0, 0, 1));
        let places = json!({ "7": [{ "start": 3, "length": 32 }] });
        let hardhat = json!({ "deployedBytecode": text, "immutableReferences": places });
        let foundry =
            json!({ "deployedBytecode": { "object": text, "immutableReferences": places } });
        // Where nobody says them, words of zeros are.
        let older = json!({ "deployedBytecode": text });
        for artefact in [hardhat, foundry, older] {
            let deployed = Deployed::of(&artefact).unwrap();
            assert_eq!(deployed.likeness(&code(9, 0, 1)), Some(Likeness::Same));
            assert_eq!(deployed.likeness(&code(9, 8, 1)), None);
        }
        for none in [
            json!({}),
            json!({ "deployedBytecode": "0x" }),
            json!({ "deployedBytecode": "0x6" }),
            json!({ "deployedBytecode": "zz" }),
            json!({ "deployedBytecode": { "object": 1 } }),
            json!({ "deployedBytecode": "60".repeat(MAX_CODE + 1) }),
            json!([]),
        ] {
            assert_eq!(Deployed::of(&none), None);
        }
    }

    #[test]
    fn what_is_no_immutable_is_not_open() {
        for (start, length) in [(0, 3), (2, 32), (3, 31), (3, 33), (36, 20), (400, 32)] {
            let mut artefact = artefact(1);
            artefact["evm"]["deployedBytecode"]["immutableReferences"] =
                json!({ "7": [{ "start": start, "length": length }] });
            let is_open = (start, length) == (36, 20);
            assert_eq!(
                Deployed::of(&artefact).is_some(),
                is_open,
                "{start} {length}"
            );
        }
        // A library's place that nothing pushes.
        let text = format!("6000__${}$__", "a".repeat(34));
        assert_eq!(Deployed::of(&json!({ "deployedBytecode": text })), None);
    }

    #[test]
    fn a_librarys_own_address_and_the_metadata_of_what_it_creates_are_masked() {
        let library = |own: u8, inner: u8, hash: u8| {
            let mut code = vec![0x73];
            code.extend([own; 20]);
            code.extend([0x30, 0x14, 0x50]);
            code.extend(metadata(inner));
            code.push(0);
            code.extend(metadata(hash));
            code
        };
        let artefact = json!({ "deployedBytecode": hex::encode(library(0, 1, 1)) });
        let deployed = Deployed::of(&artefact).unwrap();
        assert_eq!(deployed.likeness(&library(7, 1, 1)), Some(Likeness::Same));
        assert_eq!(
            deployed.likeness(&library(7, 2, 3)),
            Some(Likeness::ButMetadata)
        );
        let mut other = library(7, 2, 3);
        other[23] = 0x51;
        assert_eq!(deployed.likeness(&other), None);
    }

    proptest! {
        #[test]
        fn any_artefact_and_code_are_compared_or_refused(text: String, code: Vec<u8>, bytes: Vec<u8>) {
            let _ = Deployed::of(&json!({ "deployedBytecode": text }));
            let own = json!({ "deployedBytecode": hex::encode(&bytes) });
            if let Some(deployed) = Deployed::of(&own) {
                prop_assert_eq!(deployed.likeness(&bytes), Some(Likeness::Same));
                if let Some(likeness) = deployed.likeness(&code) {
                    prop_assert_eq!(likeness == Likeness::Same, code == bytes);
                }
            }
        }
    }
}
