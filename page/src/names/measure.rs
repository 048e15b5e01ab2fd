//! Measures the values in bytes before they are decoded: offsets may lead to the same place again and
//! again, so that few bytes say that there are more values than memory holds.

use alloy_dyn_abi::DynSolType;

/// True if values of these types, as the bytes have them, are read from no more than twice the
/// words that there are. What an honest encoder wrote reads each word once.
pub(super) fn is_bounded<'k>(kinds: impl Iterator<Item = &'k DynSolType>, data: &[u8]) -> bool {
    let left = data.len() / 16 + 2;
    Measure { data, left }.sequence(kinds, 0).is_some()
}

struct Measure<'d> {
    data: &'d [u8],
    /// The words that may still be read.
    left: usize,
}

impl Measure<'_> {
    fn take(&mut self, words: usize) -> Option<()> {
        self.left = self.left.checked_sub(words)?;
        Some(())
    }

    /// A length or an offset.
    fn word(&mut self, at: usize) -> Option<usize> {
        self.take(1)?;
        let word = self.data.get(at..at.checked_add(32)?)?;
        let (zeros, number) = word.split_at(24);
        let number = u64::from_be_bytes(number.try_into().ok()?);
        usize::try_from(number)
            .ok()
            .filter(|_| zeros.iter().all(|byte| *byte == 0))
    }

    /// Values one after the other, with offsets from `base`.
    fn sequence<'k>(
        &mut self,
        kinds: impl Iterator<Item = &'k DynSolType>,
        base: usize,
    ) -> Option<()> {
        let mut head = base;
        for kind in kinds {
            if is_dynamic(kind) {
                let offset = self.word(head)?;
                self.value(kind, base.checked_add(offset)?)?;
                head = head.checked_add(32)?;
            } else {
                let words = kind.minimum_words();
                self.take(words)?;
                head = head.checked_add(words.checked_mul(32)?)?;
            }
        }
        Some(())
    }

    fn value(&mut self, kind: &DynSolType, at: usize) -> Option<()> {
        match kind {
            DynSolType::Bytes | DynSolType::String => {
                let length = self.word(at)?;
                self.take(length.div_ceil(32))
            }
            DynSolType::Array(inner) => {
                let count = self.word(at)?;
                self.sequence(std::iter::repeat_n(&**inner, count), at.checked_add(32)?)
            }
            DynSolType::FixedArray(inner, count) => {
                self.sequence(std::iter::repeat_n(&**inner, *count), at)
            }
            DynSolType::Tuple(parts) => self.sequence(parts.iter(), at),
            other => self.take(other.minimum_words()),
        }
    }
}

fn is_dynamic(kind: &DynSolType) -> bool {
    match kind {
        DynSolType::Bytes | DynSolType::String | DynSolType::Array(_) => true,
        DynSolType::FixedArray(inner, _) => is_dynamic(inner),
        DynSolType::Tuple(parts) => parts.iter().any(is_dynamic),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_dyn_abi::DynSolValue;
    use alloy_primitives::U256;
    use proptest::prelude::*;

    fn word(number: usize) -> [u8; 32] {
        U256::from(number).to_be_bytes()
    }

    #[test]
    fn offsets_to_one_place_do_not_make_values_without_end() {
        // Six levels of lists, each of thirteen offsets to one next level.
        let mut data = word(32).to_vec();
        for level in 0..6 {
            data.extend(word(13));
            let next = if level == 5 { 0 } else { 13 * 32 };
            for _ in 0..13 {
                data.extend(word(next));
            }
        }
        let kind = DynSolType::parse("uint256[][][][][][]").unwrap();
        assert!(data.len() < 3_000);
        assert!(!is_bounded(std::iter::once(&kind), &data));
        // A large part that many name.
        let kind = DynSolType::parse("(bool,bytes)[]").unwrap();
        let mut data = [word(32), word(1_000)].concat();
        for _ in 0..1_000 {
            data.extend(word(32_000));
        }
        data.extend([word(1), word(64), word(30_000)].concat());
        data.extend(vec![7; 30_016]);
        assert!(!is_bounded(std::iter::once(&kind), &data));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_taken(
            texts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..100)), 0..20),
            numbers in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..5), 0..5),
        ) {
            let number = |number: u64| DynSolValue::Uint(U256::from(number), 256);
            let pairs = texts.into_iter().map(|(yes, bytes)| {
                DynSolValue::Tuple(vec![DynSolValue::Bool(yes), DynSolValue::Bytes(bytes)])
            });
            let lists = numbers.into_iter().map(|list| {
                DynSolValue::Array(list.into_iter().map(number).collect())
            });
            let values = DynSolValue::Tuple(vec![
                DynSolValue::Array(pairs.collect()),
                number(7),
                DynSolValue::Array(lists.collect()),
                DynSolValue::FixedArray(vec![number(1), number(2)]),
            ]);
            let kinds = ["(bool,bytes)[]", "uint256", "uint256[][]", "uint256[2]"];
            let kinds = kinds.map(|kind| DynSolType::parse(kind).unwrap());
            let data = values.abi_encode_params();
            prop_assert!(is_bounded(kinds.iter(), &data));
        }

        #[test]
        fn any_bytes_are_measured_in_time(data: Vec<u8>, deep in 1_usize..12) {
            let kind = DynSolType::parse(&format!("(bytes,uint8[3]){}", "[]".repeat(deep))).unwrap();
            let _ = is_bounded(std::iter::once(&kind), &data);
        }
    }
}
