//! Suggestions for misspelt names.

/// The most letters that may differ.
const MOST: usize = 3;

/// The name that is nearest to a word that is none of them, if one is near.
pub(crate) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let far = |name: &str| strsim::damerau_levenshtein(word, name);
    let near = names.into_iter().min_by_key(|name| far(name))?;
    (far(near) <= MOST && 2 * far(near) <= near.len()).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_if_few_letters_differ() {
        let names = ["chain_id", "port", "host"];
        assert_eq!(nearest("chainid", names), Some("chain_id"));
        assert_eq!(nearest("prot", names), Some("port"));
        assert_eq!(nearest("verify_every", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
