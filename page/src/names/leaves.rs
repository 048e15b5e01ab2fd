//! All values of a call, a log or an answer, one a line: by pages, since there may be many.

use super::called::Called;
use super::decode::Decoded;
use super::show::{label, leaf};
use alloy_dyn_abi::DynSolValue;
use alloy_json_abi::Param;
use maud::{Markup, html};

/// The lines of a page.
const PAGE: usize = 100;

/// The bytes of a page's lines, about.
const BYTES: usize = 40_000;

/// Values that are not made of others: a page of them, and how many there are.
#[derive(Debug)]
pub(crate) struct Leaves {
    skip: usize,
    /// Their number.
    pub(crate) count: usize,
    /// Table rows.
    pub(crate) rows: Vec<Markup>,
    bytes: usize,
}

impl Leaves {
    /// Those behind the first `skip`.
    pub(super) fn of(decoded: &Decoded, called: &Called, skip: usize) -> Self {
        let mut leaves = Self {
            skip,
            count: 0,
            rows: Vec::new(),
            bytes: 0,
        };
        for (place, named) in decoded.values.iter().enumerate() {
            let mut path = label(place, &named.name);
            leaves.walk(called, &named.value, &named.components, &mut path);
        }
        leaves
    }

    fn walk(&mut self, called: &Called, value: &DynSolValue, parts: &[Param], path: &mut String) {
        let (items, is_struct) = match value {
            DynSolValue::Tuple(items) => (items, parts.len() == items.len()),
            DynSolValue::Array(items) | DynSolValue::FixedArray(items) => (items, false),
            _ => return self.push(called, value, path),
        };
        if items.is_empty() {
            return self.push(called, value, path);
        }
        let length = path.len();
        for (place, item) in items.iter().enumerate() {
            let part = parts.get(place).filter(|_| is_struct);
            // Deep names would be long ones.
            if path.len() < 400 {
                match part {
                    Some(part) => path.push_str(&format!(".{}", label(place, &part.name))),
                    None => path.push_str(&format!("[{place}]")),
                }
            }
            let inner = match (part, value) {
                (Some(part), _) => &part.components[..],
                (None, DynSolValue::Tuple(_)) => &[],
                (None, _) => parts,
            };
            self.walk(called, item, inner, path);
            path.truncate(length);
        }
    }

    fn push(&mut self, called: &Called, value: &DynSolValue, path: &str) {
        let place = self.count;
        self.count += 1;
        let is_full = self.rows.len() >= PAGE || self.bytes >= BYTES;
        if place < self.skip || is_full {
            return;
        }
        let row = html! {
            tr { td.number { (place) } th scope="row" { code { (super::text::plain(path)) } } td { (leaf(called, value)) } }
        };
        self.bytes += row.0.len();
        self.rows.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;
    use alloy_primitives::U256;
    use node::abis;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn each_value_is_on_a_page_by_its_path() {
        let part = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        let mut pairs = part("pairs", "tuple[]");
        pairs["components"] = json!([part("who", "uint256"), part("all", "uint256[]")]);
        let function = json!([{ "type": "function", "name": "f", "outputs": [], "stateMutability": "view",
            "inputs": [pairs, part("", "uint256[]")] }]);
        let abi: alloy_json_abi::JsonAbi = serde_json::from_value(function).unwrap();
        let number = |number: usize| DynSolValue::Uint(U256::from(number), 256);
        let list = |from: usize, to: usize| DynSolValue::Array((from..to).map(number).collect());
        let pairs = (0..60).map(|at| DynSolValue::Tuple(vec![number(at), list(0, 3)]));
        let values = DynSolValue::Tuple(vec![DynSolValue::Array(pairs.collect()), list(0, 0)]);
        let input = [
            abi.functions().next().unwrap().selector().to_vec(),
            values.abi_encode_params(),
        ];
        let mut given = abis::Names::default();
        given.add("A", None, abis::Artefact::of(abi)).unwrap();
        let names = Names::new(Arc::new(given), &[]);
        let decoded = names.input(&input.concat()).unwrap();
        let (mut skip, mut seen) = (0, Vec::new());
        loop {
            let leaves = names.leaves(&decoded, skip);
            assert_eq!(leaves.count, 60 * 4 + 1);
            seen.extend(leaves.rows.iter().map(|row| row.0.clone()));
            skip += leaves.rows.len();
            if skip == leaves.count {
                break;
            }
            assert!(!leaves.rows.is_empty());
        }
        assert_eq!(seen.len(), 241);
        assert!(seen[0].contains("pairs[0].who"), "{}", seen[0]);
        assert!(seen[7].contains("pairs[1].all[2]"), "{}", seen[7]);
        assert!(
            seen[240].contains("#1") && seen[240].contains("empty"),
            "{}",
            seen[240]
        );
    }
}
