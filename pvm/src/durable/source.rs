//! A source of values that a storage does not have itself: a function from a path to a value.
//!
//! The storage remembers what is no longer to be asked for (deleted values, subtrees) and
//! where subtrees were moved or copied to, so that it behaves as if everything had been in it
//! from the start. It knows nothing of what the values mean.

use super::Durable;
use super::edit::Cut;
use crate::node_source::Unavailable;
use crate::value::Value;
use host::HostError;
use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

/// A source of values that a storage does not have.
pub trait Source: Debug + Send + Sync {
    /// The value at `path`, or `None` if there is none: always the same answer.
    ///
    /// # Errors
    /// [`Unavailable`] if that cannot be known now.
    fn value(&self, path: &[u8]) -> Result<Option<Value>, Unavailable>;
}

/// The code of the error that a store gives for [`Unavailable`]. No kernel sees it: its run
/// ends.
pub const UNAVAILABLE: i32 = i32::MIN;

impl From<Unavailable> for HostError {
    fn from(_: Unavailable) -> Self {
        Self::Unknown(UNAVAILABLE)
    }
}

/// The source behind a storage.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    source: Arc<dyn Source>,
    /// The knowledge about paths; for a path without a mark, the nearest marked path above it decides.
    marks: Durable,
}

/// The meaning of a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    /// The value here is gone, whatever stands below.
    no_value: bool,
    /// The node here, value and subtree; `None`: as above.
    node: Option<Origin>,
}

/// The origin of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// From nowhere: it is all here.
    Here,
    /// Missing parts are below this path of the source.
    At(Vec<u8>),
}

impl Mark {
    const fn node(origin: Origin) -> Self {
        Self {
            no_value: false,
            node: Some(origin),
        }
    }

    fn read(value: &Value) -> Self {
        let bytes = value.bytes();
        let (flags, at) = bytes.split_first().unwrap_or((&0, &[]));
        Self {
            no_value: flags & 1 != 0,
            node: match flags >> 1 {
                0 => None,
                1 => Some(Origin::Here),
                _ => Some(Origin::At(at.to_vec())),
            },
        }
    }

    fn write(&self) -> Value {
        let (kind, at): (u8, &[u8]) = match &self.node {
            None => (0, &[]),
            Some(Origin::Here) => (1, &[]),
            Some(Origin::At(at)) => (2, at),
        };
        let flags = u8::from(self.no_value) | kind << 1;
        Value::new(&[&[flags], at].concat())
    }
}

impl Behind {
    /// The mark at `key` itself.
    fn mark(&self, key: &[u8]) -> Known<Option<Mark>> {
        Ok(self.marks.value(key)?.map(Mark::read))
    }

    fn set(&mut self, key: &[u8], mark: &Mark) -> Known<()> {
        self.marks.set(key, mark.write())
    }

    /// The origin of the node at `key`, by the marks above it; `None`: nowhere.
    fn inherited(&self, key: &[u8]) -> Known<Option<Vec<u8>>> {
        let mut end = key.len();
        while let Some(slash) = key[..end].iter().rposition(|byte| *byte == b'/') {
            end = slash;
            let above = self.mark(&key[..end])?.and_then(|mark| mark.node);
            match above {
                None => {}
                Some(Origin::Here) => return Ok(None),
                Some(Origin::At(at)) => return Ok(Some([&at, &key[end..]].concat())),
            }
        }
        Ok(None)
    }

    /// The origin of the node at `key`; `None`: nowhere.
    fn node(&self, key: &[u8]) -> Known<Option<Vec<u8>>> {
        match self.mark(key)?.and_then(|mark| mark.node) {
            Some(Origin::Here) => Ok(None),
            Some(Origin::At(at)) => Ok(Some(at)),
            None => self.inherited(key),
        }
    }

    /// The value at `key`, which is not in the storage.
    fn value(&self, key: &[u8]) -> Known<Option<Value>> {
        if self.mark(key)?.is_some_and(|mark| mark.no_value) {
            return Ok(None);
        }
        match self.node(key)? {
            Some(at) => self.source.value(&at),
            None => Ok(None),
        }
    }

    fn cut(&mut self, key: &[u8], what: Cut) -> Known<()> {
        match what {
            Cut::Value => {
                let mark = self.mark(key)?;
                if self.node(key)?.is_some() {
                    let node = mark.and_then(|mark| mark.node);
                    let no_value = true;
                    self.set(key, &Mark { no_value, node })?;
                }
            }
            Cut::Subtree => {
                self.marks.cut(key, Cut::Subtree)?;
                if self.inherited(key)?.is_some() {
                    self.set(key, &Mark::node(Origin::Here))?;
                }
            }
        }
        Ok(())
    }

    /// Makes the node at `to` come from where that at `from` does; `moved`: nothing is left
    /// there.
    fn copy(&mut self, from: &[u8], to: &[u8], moved: bool) -> Known<()> {
        let node = self.node(from)?;
        let no_value = self.mark(from)?.is_some_and(|mark| mark.no_value);
        let taken = match moved {
            true => self.marks.move_node(from, to),
            false => self.marks.copy_node(from, to),
        };
        if taken.is_err() {
            self.marks.cut(to, Cut::Subtree)?;
        }
        self.marks.cut(to, Cut::Value)?;
        if moved && self.inherited(from)?.is_some() {
            self.set(from, &Mark::node(Origin::Here))?;
        }
        let node = if node == self.inherited(to)? {
            None
        } else {
            Some(node.map_or(Origin::Here, Origin::At))
        };
        if node.is_some() || no_value {
            self.set(to, &Mark { no_value, node })?;
        }
        Ok(())
    }
}

/// Marks are in memory: they can always be known.
type Known<T> = Result<T, Unavailable>;

impl Durable {
    /// Lets what is absent at `prefix` and below come from `source`. What the storage has
    /// there goes first.
    #[must_use]
    pub fn with_source(mut self, prefix: &[u8], source: Arc<dyn Source>) -> Self {
        let mut behind = Behind {
            source,
            marks: Self::new(),
        };
        let here = Mark::node(Origin::At(prefix.to_vec()));
        // Into what is in memory.
        let _ = behind.set(prefix, &here);
        self.behind = Some(Arc::new(behind));
        self
    }

    /// The same storage without what it would have from elsewhere.
    #[must_use]
    pub fn without_source(mut self) -> Self {
        self.behind = None;
        self
    }

    /// True if some of it comes from elsewhere.
    #[must_use]
    pub fn has_source(&self) -> bool {
        self.behind.is_some()
    }

    /// The value at `key`, from here or from elsewhere.
    pub(crate) fn look(&self, key: &[u8]) -> Result<Option<Cow<'_, Value>>, Unavailable> {
        match (self.value(key)?, &self.behind) {
            (Some(value), _) => Ok(Some(Cow::Borrowed(value))),
            (None, None) => Ok(None),
            (None, Some(behind)) => Ok(behind.value(key)?.map(Cow::Owned)),
        }
    }

    /// Makes the value at `key`, if it is elsewhere, a part of the storage.
    pub(crate) fn bring(&mut self, key: &[u8]) -> Result<(), Unavailable> {
        if let Some(behind) = &self.behind
            && self.value(key)?.is_none()
            && let Some(value) = behind.value(key)?
        {
            self.set(key, value)?;
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, key: &[u8], what: Cut) -> Result<(), Unavailable> {
        match &mut self.behind {
            Some(behind) => Arc::make_mut(behind).cut(key, what),
            None => Ok(()),
        }
    }

    pub(super) fn follow(&mut self, from: &[u8], to: &[u8]) -> Result<(), Unavailable> {
        match &mut self.behind {
            Some(behind) => Arc::make_mut(behind).copy(from, to, false),
            None => Ok(()),
        }
    }

    pub(super) fn follow_move(&mut self, from: &[u8], to: &[u8]) -> Result<(), Unavailable> {
        match &mut self.behind {
            Some(behind) => Arc::make_mut(behind).copy(from, to, true),
            None => Ok(()),
        }
    }

    /// A hash of what is not to be asked for; `None` without a source.
    pub(super) fn marks_hash(&self) -> Option<[u8; 32]> {
        self.behind.as_ref().map(|behind| behind.marks.root_hash())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::StoreError;
    use crate::store::{self, Key};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The values of a source, and whether it answers.
    #[derive(Debug)]
    struct Map(BTreeMap<String, u8>, bool);

    impl Source for Map {
        fn value(&self, path: &[u8]) -> Result<Option<Value>, Unavailable> {
            if !self.1 {
                return Err(Unavailable::Elsewhere("away".into()));
            }
            let path = std::str::from_utf8(path).unwrap();
            Ok(self.0.get(path).map(|byte| Value::new(&[*byte; 3])))
        }
    }

    fn key(path: &str) -> Key<'_> {
        Key::new(path.as_bytes()).unwrap()
    }

    fn value(storage: &Durable, path: &str) -> Option<Vec<u8>> {
        match store::read(storage, key(path), 0, 100) {
            Ok((value, _, _)) => Some(value.to_vec()),
            Err(StoreError::Host(HostError::NotAValue)) => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Below `/s`, which a source is behind, and `/t`, where it may be moved to.
    fn paths() -> Vec<String> {
        let steps = ["a", "b", "a/c", "a/c/d", "b/e", "ab"];
        let below = |root: &'static str| steps.iter().map(move |step| format!("{root}/{step}"));
        below("/s").chain(below("/t")).collect()
    }

    #[derive(Clone, Debug)]
    enum Change {
        Write(usize, usize, u8),
        Create(usize),
        Delete(usize),
        DeleteValue(usize),
        Copy(bool),
        Move(bool),
        Look(usize),
    }

    fn change() -> impl Strategy<Value = Change> {
        let place = 0..paths().len();
        prop_oneof![
            (place.clone(), 0..3_usize, any::<u8>())
                .prop_map(|(at, offset, byte)| Change::Write(at, offset, byte)),
            place.clone().prop_map(Change::Create),
            place.clone().prop_map(Change::Delete),
            place.clone().prop_map(Change::DeleteValue),
            any::<bool>().prop_map(Change::Copy),
            any::<bool>().prop_map(Change::Move),
            place.prop_map(Change::Look),
        ]
    }

    fn apply(storage: &mut Durable, change: &Change) -> Result<(), StoreError> {
        let paths = paths();
        let ends = |there: bool| match there {
            true => (key("/s"), key("/t")),
            false => (key("/t"), key("/s")),
        };
        match *change {
            Change::Write(at, offset, byte) => {
                let bytes = [byte];
                store::write(storage, key(&paths[at]), offset as i32, 1, || Ok(&bytes))
            }
            Change::Create(at) => store::create(storage, key(&paths[at]), 2),
            Change::Delete(at) => Ok(store::delete(storage, key(&paths[at]))?),
            Change::DeleteValue(at) => Ok(store::delete_value(storage, key(&paths[at]))?),
            Change::Copy(there) => {
                let (from, to) = ends(there);
                store::copy(storage, from, to)
            }
            Change::Move(there) => {
                let (from, to) = ends(there);
                store::move_(storage, from, to)
            }
            Change::Look(at) => Ok(storage.bring(paths[at].as_bytes())?),
        }
    }

    proptest! {
        #[test]
        fn a_storage_in_front_of_a_source_is_one_that_holds_everything(
            there in prop::collection::btree_map(0..6_usize, any::<u8>(), 0..6),
            changes in prop::collection::vec(change(), 0..24),
        ) {
            let paths = paths();
            let there: BTreeMap<String, u8> =
                there.into_iter().map(|(at, byte)| (paths[at].clone(), byte)).collect();
            let mut whole = Durable::new();
            for (path, byte) in &there {
                whole.write(path, [*byte; 3]).unwrap();
            }
            // A part of it that is always here, so that it can be moved.
            whole.write("/s/here", [1]).unwrap();
            let mut storage = Durable::new();
            storage.write("/s/here", [1]).unwrap();
            let mut storage = storage.with_source(b"/s", Arc::new(Map(there, true)));
            for change in &changes {
                let expected = apply(&mut whole, change);
                prop_assert_eq!(apply(&mut storage, change), expected, "{:?}", change);
                for path in &paths {
                    prop_assert_eq!(value(&storage, path), value(&whole, path), "{}", path);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_asked_is_an_error_and_never_absent() {
        let source = Arc::new(Map(BTreeMap::new(), false));
        let mut storage = Durable::new().with_source(b"/s", source);
        let away = StoreError::Unavailable(Unavailable::Elsewhere("away".into()));
        assert_eq!(store::has(&storage, key("/s/a")), Err(away.clone()));
        assert_eq!(store::value_size(&storage, key("/s/a")), Err(away.clone()));
        assert_eq!(store::read(&storage, key("/s/a"), 0, 9), Err(away.clone()));
        let write = store::write(&mut storage, key("/s/a"), 0, 1, || Ok(&[1]));
        assert_eq!(write, Err(away.clone()));
        assert_eq!(store::create(&mut storage, key("/s/a"), 1), Err(away));
        // Nothing stands behind other paths, and what is deleted is known.
        assert_eq!(store::has(&storage, key("/t")), Ok(0));
        store::delete(&mut storage, key("/s/a")).unwrap();
        assert_eq!(store::has(&storage, key("/s/a")), Ok(0));
        assert_eq!(store::has(&storage, key("/s/a/b")), Ok(0));
    }

    #[test]
    fn what_was_deleted_is_a_part_of_the_hash() {
        let source = Arc::new(Map(BTreeMap::from([("/s/a".into(), 1)]), true));
        let storage = Durable::new().with_source(b"/s", source);
        let mut other = storage.clone();
        assert_eq!(storage, other);
        other.delete("/s/a").unwrap();
        assert_ne!(storage, other);
        assert!(!storage.ptr_eq(&other));
    }
}
