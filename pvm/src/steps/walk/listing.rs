//! The names below a path, in pieces.

use super::Called;
use crate::durable::{Pending, Unavailable};
use crate::steps::chain::{Chain, Link};
use crate::store::Listed;
use kernel_module::imports::{HostCall as Function, IMPORTS};

/// The name of the path's own value.
const VALUE: &[u8] = b"@";

/// Names that are being listed.
#[derive(Clone, Debug)]
pub(in crate::steps) struct Listing {
    /// `true` if there is anything at the path.
    pub(super) any: bool,
    /// `true` while the path's own value is still to come.
    pub(super) value: bool,
    /// Number of names so far.
    pub(super) count: u64,
    /// The last name, of which the next has the beginning.
    pub(super) name: Vec<u8>,
    /// The places of the next names.
    pub(super) open: Chain<Pending>,
    /// The name that is looked for.
    found: Option<Vec<u8>>,
}

impl Listing {
    /// Starts a listing: `value` is true if the path has a value, `below` has the subtrees.
    pub(super) fn new((value, below): (bool, Option<Pending>)) -> Self {
        let mut open = Chain::default();
        let any = value || below.is_some();
        below.into_iter().for_each(|below| open.push(below));
        Self::of((any, value), (0, Vec::new()), open)
    }

    pub(super) fn of(
        (any, value): (bool, bool),
        (count, name): (u64, Vec<u8>),
        open: Chain<Pending>,
    ) -> Self {
        Self {
            any,
            value,
            count,
            name,
            open,
            found: None,
        }
    }

    /// Lists more names; gives whether no more are needed.
    pub(super) fn go_on(&mut self, called: Called<'_>) -> Result<bool, Unavailable> {
        let function = IMPORTS.get(called.place).and_then(|import| import.call);
        let index = called.args.get(2).copied().unwrap_or_default();
        let wanted = match (function, index) {
            (Some(Function::StoreGetNthKey), i64::MIN) => Some(0),
            (Some(Function::StoreGetNthKey), index) => match u64::try_from(index) {
                Ok(index) => Some(index),
                Err(_) => return Ok(true),
            },
            _ => None,
        };
        let Self {
            value,
            count,
            name,
            found,
            ..
        } = self;
        let mut see = |name: &[u8]| {
            if *value && name > VALUE {
                *value = false;
                if wanted == Some(*count) {
                    *found = Some(Vec::new());
                    return true;
                }
                *count = count.wrapping_add(1);
            }
            if wanted == Some(*count) {
                *found = Some(name.to_vec());
                return true;
            }
            *count = count.wrapping_add(1);
            false
        };
        if !self.open.is_empty() {
            let pending = self.open.pop()?;
            let left = pending.names(name, called.most, &mut see)?;
            left.into_iter().for_each(|left| self.open.push(left));
        }
        if self.found.is_none() && self.open.is_empty() && self.value {
            self.value = false;
            self.found = (wanted == Some(self.count)).then(Vec::new);
            self.count = self.count.wrapping_add(1);
        }
        Ok(self.found.is_some() || self.open.is_empty())
    }

    /// The finished listing.
    pub(super) fn listed(self) -> Listed {
        Listed {
            any: self.any,
            count: self.count,
            name: self.found,
        }
    }
}

impl Link for Pending {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.below.root_hash().to_vec();
        bytes.extend((self.named as u16).to_le_bytes());
        bytes.push(self.first.into());
        bytes
    }
}
