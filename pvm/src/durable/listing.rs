//! Names page by page, in an order that who asks chooses.

use super::link::View;
use super::{AsPath, Durable};
use crate::node_source::Unavailable;
use std::cmp::Ordering;

/// The rank of a byte among others.
type Rank = fn(u8) -> u8;

impl Durable {
    /// The names of at most `most` direct children of `path`, from the one behind `after` on, in
    /// the order of `rank`, which no two bytes of names share. What lies before and behind them
    /// is not looked at, so that a page of many takes about as long as one of few.
    ///
    /// # Errors
    /// Where one of them cannot be loaded.
    pub fn children_after(
        &self,
        path: impl AsPath,
        after: Option<&[u8]>,
        most: usize,
        rank: Rank,
    ) -> Result<Vec<Vec<u8>>, Unavailable> {
        let mut listing = Listing {
            after,
            most,
            rank,
            step: Vec::new(),
            found: Vec::new(),
        };
        if let Some(below) = self.subtree(path.path_bytes())?.below
            && let Some(view) = below.view()?
        {
            listing.see(view, 1)?;
        }
        Ok(listing.found)
    }
}

/// Names as they are found.
struct Listing<'a> {
    after: Option<&'a [u8]>,
    most: usize,
    rank: Rank,
    /// The bytes of a name on the way to the node that is looked at.
    step: Vec<u8>,
    found: Vec<Vec<u8>>,
}

impl Listing<'_> {
    /// Looks at a node, of whose edge `skip` bytes are behind already.
    fn see(&mut self, view: View<'_>, skip: usize) -> Result<(), Unavailable> {
        if self.found.len() >= self.most {
            return Ok(());
        }
        let start = self.step.len();
        let edge = view.edge.get(skip..).unwrap_or_default();
        let end = edge.iter().position(|byte| *byte == b'/');
        let more = edge.get(..end.unwrap_or(edge.len())).unwrap_or_default();
        self.step.extend_from_slice(more);
        if self.may_be_behind() {
            let is_name = end.is_some() || view.value.is_some() || view.has_below()?;
            if is_name && self.is_behind() {
                self.found.push(self.step.clone());
            }
            if end.is_none() {
                self.inside(view)?;
            }
        }
        self.step.truncate(start);
        Ok(())
    }

    /// Looks at the nodes below one whose edge ends within a name.
    fn inside(&mut self, view: View<'_>) -> Result<(), Unavailable> {
        let Some(below) = view.below else {
            return Ok(());
        };
        let mut children = Vec::new();
        below.children(&mut |child| {
            if child.edge.first() != Some(&b'/') {
                children.push(child);
            }
            Ok(())
        })?;
        children.sort_by_key(|child| child.edge.first().map(|first| (self.rank)(*first)));
        children
            .into_iter()
            .try_for_each(|child| self.see(child, 0))
    }

    /// Returns `true` if a name that begins so can come after `after`.
    fn may_be_behind(&self) -> bool {
        let Some(after) = self.after else {
            return true;
        };
        let start = after.get(..self.step.len()).unwrap_or(after);
        self.compare(&self.step, start) != Ordering::Less
    }

    fn is_behind(&self) -> bool {
        let after = self.after;
        after.is_none_or(|after| self.compare(&self.step, after) == Ordering::Greater)
    }

    fn compare(&self, one: &[u8], other: &[u8]) -> Ordering {
        let ranks =
            |name: &[u8]| -> Vec<u8> { name.iter().map(|byte| (self.rank)(*byte)).collect() };
        ranks(one).cmp(&ranks(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The order of digits behind letters.
    fn rank(byte: u8) -> u8 {
        match byte {
            b'0'..=b'9' => byte + 128,
            _ => byte,
        }
    }

    fn ranked(name: &str) -> Vec<u8> {
        name.bytes().map(rank).collect()
    }

    proptest! {
        #[test]
        fn pages_together_are_all_children_in_their_order(
            paths in prop::collection::btree_set("/x(/[a1b2]{1,3}){0,2}", 0..20),
            most in 1_usize..5,
        ) {
            let mut storage = Durable::new();
            for path in &paths {
                storage.write(path, [1]).unwrap();
            }
            let mut expected = storage.children("/x").unwrap();
            expected.sort_by_key(|name| ranked(name));
            let mut found: Vec<String> = Vec::new();
            loop {
                let after = found.last().map(|last| last.clone().into_bytes());
                let page = storage.children_after("/x", after.as_deref(), most, rank).unwrap();
                prop_assert!(page.len() <= most);
                if page.is_empty() {
                    break;
                }
                found.extend(page.into_iter().map(|name| String::from_utf8(name).unwrap()));
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_name_that_is_not_there_is_a_place_too() {
        let mut storage = Durable::new();
        let names: BTreeSet<String> = (0..500)
            .map(|number| format!("{:03}", number * 2))
            .collect();
        for name in &names {
            storage.write(format!("/x/{name}").as_str(), [1]).unwrap();
        }
        let page = storage
            .children_after("/x", Some(b"101"), 2, |byte| byte)
            .unwrap();
        assert_eq!(page, [b"102".to_vec(), b"104".to_vec()]);
        assert!(
            storage
                .children_after("/x", Some(b"998"), 2, |byte| byte)
                .unwrap()
                .is_empty()
        );
        assert!(
            storage
                .children_after("/y", None, 2, |byte| byte)
                .unwrap()
                .is_empty()
        );
    }
}
