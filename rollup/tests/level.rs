//! The key of a level hangs on all that nobody knows before its inputs are made.

use host::Path;
use host::mock::MockHost;
use rollup::{Layout, Level};

const LAYOUT: Layout = Layout {
    name: "level",
    state: Path::literal("/k/state"),
    staging: Path::literal("/k/staging"),
    queue: Path::literal("/k/queue"),
    calls: Path::literal("/k/calls"),
    level: Path::literal("/k/level"),
    quarantine: Path::literal("/k/careful"),
    dead_letters: Path::literal("/k/aside"),
};

#[test]
fn the_key_hangs_on_the_predecessor_and_on_every_byte_that_came() {
    let key = |predecessor, absorbed: &[&[u8]]| {
        let mut host = MockHost::default();
        let mut level = Level {
            predecessor,
            ..Level::default()
        };
        for names in absorbed {
            level.absorb(&mut host, &LAYOUT, names).unwrap();
        }
        level.save(&mut host, &LAYOUT).unwrap();
        assert_eq!(Level::load(&host, &LAYOUT), Ok(Some(level)));
        level.key()
    };
    let keys = [
        key([1; 32], &[]),
        key([2; 32], &[]),
        key([1; 32], &[b"abc"]),
        key([1; 32], &[b"abd"]),
        key([2; 32], &[b"abc"]),
        key([1; 32], &[b"ab", b"c"]),
        key([1; 32], &[b"c", b"ab"]),
    ];
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "{at}");
    }
    assert_eq!(key([1; 32], &[b"abc"]), keys[2]);
}
