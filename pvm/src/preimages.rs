//! Trees of pages: how bytes of any length are revealed (docs/machine.md, "Setup files and the
//! installer").

use crate::reveal::{self, RevealHash};

/// The most content of a page, in bytes: 4,096 less the header.
pub const PAGE_CONTENT: usize = 4091;

/// The most hashes of a page.
pub const PAGE_HASHES: usize = PAGE_CONTENT / 33;

/// A payload cut into pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageTree {
    /// The hash of the root page.
    pub root: RevealHash,
    /// All pages with their hashes: content first, the root last.
    pub pages: Vec<(RevealHash, Vec<u8>)>,
}

/// Cuts `payload` into pages. An empty one is a page without content, by our
/// own convention.
#[must_use]
pub fn page_tree(payload: &[u8]) -> PageTree {
    let mut pages = Vec::new();
    let mut add = |tag: u8, body: &[u8]| {
        let page = [&[tag], &(body.len() as u32).to_be_bytes()[..], body].concat();
        let hash = reveal::hash(&page);
        pages.push((hash, page));
        hash
    };
    let mut hashes: Vec<RevealHash> = match payload {
        [] => vec![add(0, &[])],
        _ => payload
            .chunks(PAGE_CONTENT)
            .map(|chunk| add(0, chunk))
            .collect(),
    };
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(PAGE_HASHES)
            .map(|hashes| add(1, &hashes.concat()))
            .collect();
    }
    PageTree {
        root: hashes[0],
        pages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn trees_are_those_of_the_vectors() {
        let file: Value =
            serde_json::from_str(include_str!("../tests/vectors/preimages.json")).unwrap();
        let mut compared = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let (Some(len), Some(root)) = (
                vector["fields"]["payload_bytes"].as_u64(),
                vector["root_hash"].as_str(),
            ) else {
                continue;
            };
            let payload: Vec<u8> = (0..len).map(|byte| (byte * 7 + 3) as u8).collect();
            let tree = page_tree(&payload);
            assert_eq!(hex::encode(tree.root), root, "{}", vector["name"]);
            assert_eq!(
                vector["total_pages"],
                tree.pages.len(),
                "{}",
                vector["name"]
            );
            assert_eq!(tree.pages.last().map(|(hash, _)| *hash), Some(tree.root));
            compared += 1;
        }
        assert_eq!(compared, 15);
    }
}
