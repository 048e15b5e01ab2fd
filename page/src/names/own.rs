//! Names that everybody knows: a list of our own making.

use alloy_json_abi::JsonAbi;
use node::abis::{Artefact, Names};
use std::sync::LazyLock;

/// Groups behind `#`; then the first four bytes of the hash of a signature, and the signature as
/// Solidity has it.
const LIST: &str = include_str!("list.txt");

/// The list.
pub(super) fn names() -> &'static Names {
    static NAMES: LazyLock<Names> = LazyLock::new(|| read(LIST));
    &NAMES
}

fn read(list: &str) -> Names {
    let mut names = Names::default();
    for group in list.split("# ").filter(|group| !group.is_empty()) {
        let (title, lines) = group.split_once('\n').unwrap_or((group, ""));
        let items = lines.lines().filter_map(|line| line.split_once(' '));
        // A test reads each line by itself: none is lost here.
        if let Ok(abi) = JsonAbi::parse(items.map(|(_, item)| item)) {
            let _ = names.add(title, None, Artefact::of(abi));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Selector, hex, keccak256};
    use serde_json::Value;

    /// The types alone of what stands between brackets.
    fn types(text: &str) -> String {
        let (mut out, mut word, mut done) = (String::new(), String::new(), false);
        for letter in text.chars() {
            match letter {
                ' ' => done = !word.is_empty() || out.ends_with([')', ']']),
                ',' | '(' | ')' => {
                    out.push_str(&word);
                    out.push(letter);
                    word.clear();
                    done = false;
                }
                _ if done && !matches!(letter, '[' | ']') => {}
                _ => word.push(letter),
            }
        }
        out + &word
    }

    #[test]
    fn each_selector_is_the_hash_of_its_signature() {
        let mut count = 0;
        for line in LIST.lines().filter(|line| !line.starts_with('#')) {
            let (selector, item) = line.split_once(' ').unwrap();
            let (_, signature) = item.split_once(' ').unwrap();
            let mut depth = 0;
            let end = signature.char_indices().find(|(_, letter)| {
                depth += i32::from(*letter == '(') - i32::from(*letter == ')');
                *letter == ')' && depth == 0
            });
            let signature = &signature[..=end.unwrap().0];
            let (name, params) = signature.split_once('(').unwrap();
            let hash = keccak256(format!("{name}({}", types(params)));
            assert_eq!(selector, hex::encode(&hash[..4]), "{line}");
            let own = names();
            let found = match item.split_once(' ').unwrap().0 {
                "function" => own.functions(&Selector::from_slice(&hash[..4])).len(),
                "event" => own.events(&hash).len(),
                "error" => own.errors(&Selector::from_slice(&hash[..4])).len(),
                other => panic!("{other}"),
            };
            assert!(found > 0, "{line}");
            count += 1;
        }
        assert!(count > 200, "{count}");
    }

    #[test]
    fn selectors_are_those_that_the_compiler_gives() {
        let artefacts = [
            include_str!("../../../solidity_fixtures/artifacts/NativeBridge.json"),
            include_str!("../../../solidity_fixtures/artifacts/FaBridge.json"),
            include_str!("../../../solidity_fixtures/artifacts/TicketToken.json"),
        ];
        for text in artefacts {
            let artefact: Value = serde_json::from_str(text).unwrap();
            let abi = artefact.get("abi").unwrap_or(&artefact).to_string();
            let abi: JsonAbi = serde_json::from_str(&abi).unwrap();
            for function in abi.functions() {
                let known = names().functions(&function.selector());
                assert!(
                    known
                        .iter()
                        .any(|known| known.signature() == function.signature()),
                    "{}",
                    function.signature()
                );
            }
            for event in abi.events() {
                assert!(
                    !names().events(&event.selector()).is_empty(),
                    "{}",
                    event.signature()
                );
            }
            for error in abi.errors() {
                assert!(
                    !names().errors(&error.selector()).is_empty(),
                    "{}",
                    error.signature()
                );
            }
        }
        assert!(names().contract("ERC-20").is_some());
    }
}
