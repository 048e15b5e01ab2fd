//! The queue's pages: what was appended is read back, also behind an entry that
//! a trap cut short.

use host::Path;
use host::mock::MockHost;
use proptest::collection::vec;
use proptest::prelude::*;
use rollup::queue::{self, ENTRY_OVERHEAD, Entries, Page};
use rollup::{Cursor, Layout};

const LEVEL: u32 = 7;

const LAYOUT: Layout = Layout {
    name: "queue",
    state: Path::literal("/k/state"),
    staging: Path::literal("/k/staging"),
    queue: Path::literal("/k/queue"),
    calls: Path::literal("/k/calls"),
    level: Path::literal("/k/level"),
    quarantine: Path::literal("/k/careful"),
    dead_letters: Path::literal("/k/aside"),
};

fn framed(entry: &[u8]) -> Vec<u8> {
    // The first four bytes are whatever stood in front of the entry.
    [&[0xee; ENTRY_OVERHEAD], entry].concat()
}

/// All entries of the page, read in steps of about `most` bytes.
fn entries(host: &MockHost, most: usize) -> Vec<(Cursor, Vec<u8>)> {
    let mut cursor = Cursor {
        level: LEVEL,
        offset: 0,
    };
    let mut all = Vec::new();
    while let Some(mut entries) = Entries::load(host, LAYOUT.queue, cursor, most).unwrap() {
        assert!(entries.holds_one(), "no whole entry at {cursor:?}");
        while let Some((at, bytes)) = entries.next_entry() {
            all.push((at, bytes.to_vec()));
        }
        cursor = entries.cursor();
    }
    all
}

/// Entries of one write, of two, and around the border between them.
fn entry() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0..300_usize, 2036..2052_usize, 4060..=4074_usize];
    (len, 1..=255_u8).prop_map(|(len, byte)| vec![byte; len])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_appended_is_read_back(all in vec(entry(), 0..12), most in 5000..20_000_usize) {
        let mut host = MockHost::default();
        let mut page = Page::open(&host, LAYOUT.queue, LEVEL).unwrap();
        let mut expected = Vec::new();
        for entry in &all {
            let mut framed = framed(entry);
            let end = page.end();
            let before = host.total_calls();
            prop_assert_eq!(page.append(&mut host, &mut framed).unwrap(), end);
            prop_assert_eq!(host.total_calls() - before, framed.len().div_ceil(2048) as u64);
            expected.push((end, entry.clone()));
            // What a later run would find.
            prop_assert_eq!(Page::open(&host, LAYOUT.queue, LEVEL).unwrap().end(), page.end());
        }
        prop_assert_eq!(entries(&host, most), expected.clone());
        // Repairing a sound page changes nothing.
        let values = host.values();
        prop_assert_eq!(Page::repair(&mut host, LAYOUT.queue, LEVEL).unwrap().end(), page.end());
        prop_assert_eq!(host.values(), values);

        // An entry can be read from its own cursor.
        for (cursor, bytes) in &expected {
            let mut from_here = Entries::load(&host, LAYOUT.queue, *cursor, most).unwrap().unwrap();
            prop_assert_eq!(from_here.next_entry(), Some((*cursor, &bytes[..])));
        }
        queue::delete(&mut host, LAYOUT.queue, LEVEL).unwrap();
        prop_assert_eq!(entries(&host, most), vec![]);
        prop_assert!(host.values().into_keys().all(|path| !path.starts_with(b"/k")));
    }

    #[test]
    fn entries_after_a_torn_one_are_still_read(
        first in vec(entry(), 0..3),
        torn in entry(),
        later in vec(entry(), 1..4),
    ) {
        let mut sound = MockHost::default();
        let mut page = Page::open(&sound, LAYOUT.queue, LEVEL).unwrap();
        for entry in &first {
            page.append(&mut sound, &mut framed(entry)).unwrap();
        }
        let writes = (ENTRY_OVERHEAD + torn.len()).div_ceil(2048) as u64;
        for call in 1..=writes {
            let mut host = sound.clone();
            let mut page = Page::open(&host, LAYOUT.queue, LEVEL).unwrap();
            host.trap_after(call);
            let outcome = host.until_trap(|host| page.append(host, &mut framed(&torn)));
            prop_assert!(outcome.is_none());

            let mut page = Page::repair(&mut host, LAYOUT.queue, LEVEL).unwrap();
            for entry in &later {
                page.append(&mut host, &mut framed(entry)).unwrap();
            }
            let mut expected = first.clone();
            // What was written of it, and zeros for the rest.
            let mut left = torn.clone();
            let written = call as usize * 2048 - ENTRY_OVERHEAD;
            if let Some(rest) = left.get_mut(written..) {
                rest.fill(0);
            }
            expected.push(left);
            expected.extend(later.clone());
            let read: Vec<_> = entries(&host, 1 << 20).into_iter().map(|(_, bytes)| bytes).collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn any_bytes_are_entries_up_to_a_torn_one(bytes in vec(prop_oneof![Just(0), any::<u8>()], 0..64)) {
        let mut host = MockHost::default();
        host.set(b"/k/queue/7", &bytes);
        let start = Cursor { level: LEVEL, offset: 0 };
        let Some(mut entries) = Entries::load(&host, LAYOUT.queue, start, 1 << 20).unwrap() else {
            prop_assert!(bytes.is_empty());
            return Ok(());
        };
        let mut taken = 0;
        while entries.holds_one() {
            let (at, entry) = entries.next_entry().unwrap();
            prop_assert_eq!(at.offset as usize, taken);
            taken += ENTRY_OVERHEAD + entry.len();
        }
        prop_assert_eq!(entries.next_entry(), None);
        prop_assert_eq!(entries.remaining(), bytes.len() - taken);
    }
}

#[test]
fn a_level_without_inputs_has_no_page() {
    let mut host = MockHost::default();
    assert_eq!(
        Page::open(&host, LAYOUT.queue, LEVEL).unwrap().end().offset,
        0
    );
    assert_eq!(
        Page::repair(&mut host, LAYOUT.queue, LEVEL)
            .unwrap()
            .end()
            .offset,
        0
    );
    assert_eq!(entries(&host, 5000), vec![]);
    assert!(
        host.values()
            .into_keys()
            .all(|path| !path.starts_with(b"/k"))
    );
}
