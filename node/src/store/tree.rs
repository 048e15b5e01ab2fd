//! The newest state's tree in the store, and what dies when another one takes its place.
//!
//! Each record is one row of `nodes` as long as the newest state has it. When it no longer
//! does, it goes to `dead`, with the version that it was in first and the first that it was
//! not in any more, and its hash to the list of that version in `deaths`; it goes
//! for good with the last kept version between the two. When versions around it go and one that
//! has it stays, the list goes to `settled`: its records are whole from then on.
//!
//! The changes of a new state are found from the two roots: a record that only the new one names
//! adds one to the count of each that it names, a record that only the old one had takes one
//! off. What both name comes out even without being read, so that a change costs what it
//! changes. Only counts above one have a row (`shared`).

use super::bounds::WRITTEN_BYTES;
use super::delta;
use super::error::StoreError;
use super::rows::{Dead, Live, unpacked};
use super::tables::{DEAD, DEATHS, NODES, SETTLED, SHARED, seal, unseal};
use pvm::durable::{NodeHash, references};
use redb::{ReadableTable, Table, WriteTransaction};
use std::collections::{HashMap, HashSet};
use std::ops::RangeBounds;

type Rows<'t> = Table<'t, NodeHash, &'static [u8]>;

/// The tables of records, to be changed.
pub(super) struct Tree<'t> {
    nodes: Rows<'t>,
    dead: Rows<'t>,
    deaths: Lists<'t>,
    settled: Lists<'t>,
    shared: Table<'t, NodeHash, u64>,
}

impl<'t> Tree<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            nodes: transaction.open_table(NODES)?,
            dead: transaction.open_table(DEAD)?,
            deaths: transaction.open_table(DEATHS)?,
            settled: transaction.open_table(SETTLED)?,
            shared: transaction.open_table(SHARED)?,
        })
    }

    pub(super) fn live(&self, hash: &NodeHash) -> Result<Option<Live>, StoreError> {
        let row = self.nodes.get(hash)?;
        row.map(|row| Live::unseal(hash, row.value())).transpose()
    }

    pub(super) fn dead(&self, hash: &NodeHash) -> Result<Option<Dead>, StoreError> {
        let row = self.dead.get(hash)?;
        row.map(|row| Dead::unseal(hash, row.value())).transpose()
    }

    /// The bytes of a record that died.
    fn unpacked(&self, hash: &NodeHash, dead: Dead) -> Result<Vec<u8>, StoreError> {
        unpacked(&self.nodes, &self.dead, hash, dead)
    }

    /// The number of times that the newest state names a record that it has.
    fn count(&self, hash: &NodeHash) -> Result<i64, StoreError> {
        let count = self.shared.get(hash)?;
        Ok(count.map_or(1, |count| count.value().try_into().unwrap_or(i64::MAX)))
    }
}

/// A record that a new version does not have any more.
struct Dying {
    live: Live,
    /// A similar record in its place.
    successor: Option<NodeHash>,
}

/// Records that were written for a version, and were not there. Their bytes are kept for the
/// next look at them, as far as there is room.
#[derive(Default)]
struct Written {
    records: HashMap<NodeHash, Option<Box<[u8]>>>,
    bytes: usize,
}

impl Written {
    fn insert(&mut self, hash: &NodeHash, record: &[u8]) {
        let kept = (self.bytes < WRITTEN_BYTES).then(|| {
            self.bytes += record.len();
            record.into()
        });
        self.records.insert(*hash, kept);
    }

    fn contains(&self, hash: &NodeHash) -> bool {
        self.records.contains_key(hash)
    }

    fn get(&self, hash: &NodeHash) -> Option<&[u8]> {
        self.records.get(hash)?.as_deref()
    }
}

/// A step from the newest state to another one.
pub(super) struct Turnover<'a, 't> {
    tree: &'a mut Tree<'t>,
    /// The version that begins.
    version: u64,
    written: Written,
    /// By how much the counts change.
    changes: HashMap<NodeHash, i64>,
    /// Its records that the newest state does not have.
    born: HashSet<NodeHash>,
    /// The newest state's records that it does not have.
    dying: HashMap<NodeHash, Dying>,
}

/// The next round of a step.
#[derive(Default)]
struct Round {
    /// New records that are still to be examined.
    born: Vec<NodeHash>,
    /// Dying records, and perhaps the records in their places.
    dying: Vec<(NodeHash, Option<NodeHash>)>,
}

impl<'a, 't> Turnover<'a, 't> {
    pub(super) fn new(tree: &'a mut Tree<'t>, version: u64) -> Self {
        Self {
            tree,
            version,
            written: Written::default(),
            changes: HashMap::new(),
            born: HashSet::new(),
            dying: HashMap::new(),
        }
    }

    /// Writes a record; one that is there stays as it is.
    pub(super) fn put(&mut self, hash: &NodeHash, record: &[u8]) -> Result<(), StoreError> {
        if self.tree.dead.get(hash)?.is_some() {
            return Ok(());
        }
        let row = Live::sealed(hash, self.version, record);
        let old = self.tree.nodes.insert(hash, &row[..])?;
        let Some(old) = old.map(|old| old.value().to_vec()) else {
            self.written.insert(hash, record);
            return Ok(());
        };
        self.tree.nodes.insert(hash, &old[..])?;
        Ok(())
    }

    /// Goes from one root to the other, all of whose records are there.
    pub(super) fn run(mut self, old: Option<NodeHash>, new: NodeHash) -> Result<(), StoreError> {
        let mut touched = HashSet::from([new]);
        self.change(&new, 1);
        if let Some(old) = old {
            self.change(&old, -1);
            touched.insert(old);
        }
        let mut successors = HashMap::from_iter(old.map(|old| (old, new)));
        loop {
            let round = self.decide(touched, &successors)?;
            if round.born.is_empty() && round.dying.is_empty() {
                break;
            }
            (touched, successors) = self.look_into(round)?;
        }
        self.write()
    }

    fn change(&mut self, hash: &NodeHash, by: i64) {
        *self.changes.entry(*hash).or_default() += by;
    }

    /// Births and deaths among the records whose count has changed.
    fn decide(
        &mut self,
        mut touched: HashSet<NodeHash>,
        successors: &HashMap<NodeHash, NodeHash>,
    ) -> Result<Round, StoreError> {
        self.spare(&mut touched)?;
        let mut round = Round::default();
        for hash in touched {
            let by = self.changes.get(&hash).copied().unwrap_or_default();
            if by == 0 || self.born.contains(&hash) || self.dying.contains_key(&hash) {
                continue;
            }
            if by > 0 {
                if !self.is_live(&hash)? {
                    self.born.insert(hash);
                    round.born.push(hash);
                }
                continue;
            }
            match self.tree.count(&hash)? + by {
                0 => round.dying.push((hash, successors.get(&hash).copied())),
                1.. => {}
                _ => return Err(StoreError::record(&hash)),
            }
        }
        Ok(round)
    }

    /// A record that is named again does not die, and neither do those that it names.
    fn spare(&mut self, touched: &mut HashSet<NodeHash>) -> Result<(), StoreError> {
        let mut next: Vec<NodeHash> = touched.iter().copied().collect();
        while let Some(hash) = next.pop() {
            let by = self.changes.get(&hash).copied().unwrap_or_default();
            if !self.dying.contains_key(&hash) || self.tree.count(&hash)? + by <= 0 {
                continue;
            }
            let Some(spared) = self.dying.remove(&hash) else {
                continue;
            };
            // What its successor names as well was not taken off, and is named twice now.
            for name in names(&hash, &spared.live.record)? {
                self.change(&name, 1);
                touched.insert(name);
                next.push(name);
            }
        }
        Ok(())
    }

    /// True if the newest state has it. If it is dead, it lives again.
    fn is_live(&mut self, hash: &NodeHash) -> Result<bool, StoreError> {
        if self.written.contains(hash) {
            return Ok(false);
        }
        if self.tree.nodes.get(hash)?.is_some() {
            return Ok(true);
        }
        let dead = self
            .tree
            .dead(hash)?
            .ok_or_else(|| StoreError::record(hash))?;
        let live = Live {
            born: dead.born,
            record: self.tree.unpacked(hash, dead)?,
        };
        self.tree.nodes.insert(hash, &live.seal(hash)[..])?;
        self.tree.dead.remove(hash)?;
        Ok(false)
    }

    fn live(&self, hash: &NodeHash) -> Result<Live, StoreError> {
        let live = self.tree.live(hash)?;
        live.ok_or_else(|| StoreError::record(hash))
    }

    /// The names in a new record.
    fn names_of_born(&self, hash: &NodeHash) -> Result<Vec<NodeHash>, StoreError> {
        match self.written.get(hash) {
            Some(record) => names(hash, record),
            None => names(hash, &self.live(hash)?.record),
        }
    }

    /// Counts what the records of a round name. Gives what that changed, and what stands in
    /// whose place. What a record and the one in its place both name is not counted: it comes
    /// out even.
    fn look_into(
        &mut self,
        round: Round,
    ) -> Result<(HashSet<NodeHash>, HashMap<NodeHash, NodeHash>), StoreError> {
        let (mut touched, mut successors) = (HashSet::new(), HashMap::new());
        let mut born = HashMap::new();
        for hash in round.born {
            born.insert(hash, self.names_of_born(&hash)?);
        }
        for (hash, successor) in round.dying {
            let live = self.live(&hash)?;
            let mut names = names(&hash, &live.record)?;
            if let Some(others) = successor.and_then(|successor| born.get_mut(&successor)) {
                leave_common(&mut names, others);
                let pairs = names.iter().zip(others.iter());
                successors.extend(pairs.filter(|(a, b)| a != b).map(|(a, b)| (*a, *b)));
            }
            for name in &names {
                self.change(name, -1);
                touched.insert(*name);
            }
            self.dying.insert(hash, Dying { live, successor });
        }
        for name in born.values().flatten() {
            self.change(name, 1);
            touched.insert(*name);
        }
        Ok((touched, successors))
    }

    /// The form of a dead record.
    fn buried(&self, dying: &Dying) -> Result<Dead, StoreError> {
        let base = match dying.successor {
            Some(base) if delta::is_wanted(self.version) => match self.written.get(&base) {
                Some(record) => Some((base, record.to_vec())),
                None => self.tree.live(&base)?.map(|live| (base, live.record)),
            },
            _ => None,
        };
        Ok(Dead {
            born: dying.live.born,
            death: self.version,
            packed: delta::pack(&dying.live.record, base),
        })
    }

    fn write(mut self) -> Result<(), StoreError> {
        for hash in self.written.records.keys() {
            if !self.born.contains(hash) {
                self.tree.nodes.remove(hash)?;
            }
        }
        for (hash, by) in std::mem::take(&mut self.changes) {
            if by == 0 {
                continue;
            }
            let old = match self.born.contains(&hash) {
                true => 0,
                false => self.tree.count(&hash)?,
            };
            match (old, old + by) {
                (_, ..0) => return Err(StoreError::record(&hash)),
                (0 | 1, 0 | 1) => {}
                (_, 0 | 1) => drop(self.tree.shared.remove(&hash)?),
                (_, new) => drop(self.tree.shared.insert(&hash, new.unsigned_abs())?),
            }
        }
        let mut dying: Vec<_> = std::mem::take(&mut self.dying).into_iter().collect();
        dying.sort_unstable_by_key(|(hash, _)| *hash);
        let mut rows = Vec::with_capacity(dying.len());
        for (hash, dying) in dying {
            rows.push((hash, self.buried(&dying)?));
        }
        let list: Vec<NodeHash> = rows.iter().map(|(hash, _)| *hash).collect();
        for (hash, dead) in rows {
            self.tree.nodes.remove(&hash)?;
            self.tree.dead.insert(&hash, &dead.seal(&hash)[..])?;
        }
        put_list(&mut self.tree.deaths, self.version, &list)
    }
}

/// The names in a record, in order, one as often as it is named.
fn names(hash: &NodeHash, record: &[u8]) -> Result<Vec<NodeHash>, StoreError> {
    references(record).map_err(|_| StoreError::record(hash))
}

/// Takes what both begin and end with out of both.
fn leave_common(names: &mut Vec<NodeHash>, others: &mut Vec<NodeHash>) {
    let same = |(a, b): &(&NodeHash, &NodeHash)| a == b;
    let end = names.iter().rev().zip(others.iter().rev());
    let end = end.take_while(same).count();
    names.truncate(names.len() - end);
    others.truncate(others.len() - end);
    let start = names.iter().zip(others.iter()).take_while(same).count();
    names.drain(..start);
    others.drain(..start);
}

type Lists<'t> = Table<'t, u64, &'static [u8]>;

/// The lists of some versions, in order.
fn lists(
    table: &Lists<'_>,
    versions: impl RangeBounds<u64>,
) -> Result<Vec<(u64, Vec<NodeHash>)>, StoreError> {
    let read = table.range(versions)?.map(|found| {
        let (version, row) = found?;
        let version = version.value();
        let list = unseal(&version.to_be_bytes(), row.value());
        let list = list.ok_or_else(|| StoreError::Row {
            table: "list of records that died",
            key: version.to_string(),
        })?;
        let hashes = list.chunks_exact(32);
        Ok((
            version,
            hashes.filter_map(|hash| hash.try_into().ok()).collect(),
        ))
    });
    read.collect()
}

fn put_list(table: &mut Lists<'_>, version: u64, list: &[NodeHash]) -> Result<(), StoreError> {
    if list.is_empty() {
        table.remove(version)?;
        return Ok(());
    }
    let row = seal(&version.to_be_bytes(), list.concat());
    table.insert(version, &row[..])?;
    Ok(())
}

impl Tree<'_> {
    /// Lets the records of a version that is dropped go which neither the kept version `before` it
    /// nor the one after it (`next`) has. Those of `before` that are gone in `next` no longer hang on others.
    pub(super) fn free(
        &mut self,
        before: Option<u64>,
        dropped: u64,
        next: u64,
    ) -> Result<(), StoreError> {
        let first = before.map_or(0, |before| before + 1);
        // In this order: what hangs on a record is made whole before that goes.
        let mut settled = lists(&self.settled, dropped + 1..=next)?;
        settled.extend(lists(&self.deaths, first..=next)?);
        settled.sort_by_key(|(death, _)| *death);
        for (death, list) in settled {
            let list = self.settle(death, list, before)?;
            self.deaths.remove(death)?;
            put_list(&mut self.settled, death, &list)?;
        }
        Ok(())
    }

    /// Makes the records of a list whole that a version up to `before` has, and lets the
    /// others go. Gives those that are left.
    fn settle(
        &mut self,
        death: u64,
        list: Vec<NodeHash>,
        before: Option<u64>,
    ) -> Result<Vec<NodeHash>, StoreError> {
        let (mut left, mut gone) = (Vec::new(), Vec::new());
        for hash in list {
            // It may live again, or have died again.
            let Some(dead) = self.dead(&hash)?.filter(|dead| dead.death == death) else {
                continue;
            };
            if before.is_none_or(|before| dead.born > before) {
                gone.push(hash);
                continue;
            }
            left.push(hash);
            if !delta::is_whole(&dead.packed) {
                let (born, record) = (dead.born, self.unpacked(&hash, dead)?);
                let packed = delta::whole(record);
                let dead = Dead {
                    born,
                    death,
                    packed,
                };
                self.dead.insert(&hash, &dead.seal(&hash)[..])?;
            }
        }
        for hash in gone {
            self.dead.remove(&hash)?;
        }
        Ok(left)
    }
}
