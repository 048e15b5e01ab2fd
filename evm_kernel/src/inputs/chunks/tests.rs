use super::*;
use host::mock::MockHost;
use proptest::prelude::*;
use storage::Head;
use storage::commit;
use storage::layout::HEAD;

fn announce(hash: B256, chunks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = hash.to_vec();
    bytes.extend_from_slice(&(chunks.len() as u16).to_le_bytes());
    for chunk in chunks {
        bytes.extend_from_slice(keccak256(chunk).as_slice());
    }
    bytes
}

fn chunk(hash: B256, index: u16, chunk: &[u8]) -> Vec<u8> {
    [
        hash.as_slice(),
        &index.to_le_bytes(),
        keccak256(chunk).as_slice(),
        chunk,
    ]
    .concat()
}

/// Blocks over a store; a whole transaction is done at once.
#[derive(Default)]
struct Blocks {
    host: MockHost,
    level: u32,
}

impl Blocks {
    fn at(level: u32) -> Self {
        Self {
            level,
            ..Self::default()
        }
    }

    /// One block of the next level; `act` gets its pieces.
    fn block<T>(&mut self, act: impl FnOnce(&MockHost, &mut Chunks) -> T) -> T {
        let head = HEAD.get(&self.host, &()).unwrap().unwrap_or_default();
        let mut chunks = Chunks::new(self.level, head.chunks_since);
        chunks.expire(&self.host).unwrap();
        let result = act(&self.host, &mut chunks);
        let (chunked, chunks_since) = chunks.into_changes();
        let block = commit::Block {
            head: Head {
                chunks_since,
                ..Head::default()
            },
            chunked,
            ..commit::Block::default()
        };
        commit::block(&mut self.host, &block).unwrap();
        self.level += 1;
        result
    }

    fn announce(&mut self, bytes: &[u8]) -> Result<Option<Whole>, BadPiece> {
        self.block(|host, chunks| done(chunks.announce(host, bytes).unwrap(), chunks))
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<Option<Whole>, BadPiece> {
        self.block(|host, chunks| done(chunks.chunk(host, bytes).unwrap(), chunks))
    }

    /// A block that has no room for the transaction that a piece makes whole.
    fn without_room(
        &mut self,
        take: impl FnOnce(&MockHost, &mut Chunks) -> Taken,
    ) -> Result<Option<Whole>, BadPiece> {
        self.block(|host, chunks| result(take(host, chunks).unwrap()))
    }

    /// The values that are kept of chunked transactions.
    fn kept(&self) -> usize {
        let paths = self.host.values().into_keys();
        paths
            .filter(|path| path.starts_with(b"/evm/state/k/"))
            .count()
    }
}

fn done(taken: Assembly<BadPiece>, chunks: &mut Chunks) -> Result<Option<Whole>, BadPiece> {
    let taken = result(taken);
    if let Ok(Some(whole)) = &taken {
        chunks.done(whole.hash);
    }
    taken
}

fn whole(hash: B256, raw: &[u8]) -> Result<Option<Whole>, BadPiece> {
    let raw = raw.to_vec();
    Ok(Some(Whole { hash, raw }))
}

fn result(taken: Assembly<BadPiece>) -> Result<Option<Whole>, BadPiece> {
    match taken {
        Assembly::Pending => Ok(None),
        Assembly::Whole(whole) => Ok(Some(whole)),
        Assembly::Refused(error) => Err(error),
    }
}

#[test]
fn chunks_in_any_order_make_the_transaction() {
    let hash = keccak256(b"onetwo");
    let mut blocks = Blocks::at(7);
    assert_eq!(
        blocks.announce(&announce(hash, &[b"one", b"two"])),
        Ok(None)
    );
    assert_eq!(blocks.chunk(&chunk(hash, 1, b"two")), Ok(None));
    assert_eq!(
        blocks.chunk(&chunk(hash, 1, b"two")),
        Err(BadPiece::Repeated)
    );
    assert_eq!(
        blocks.chunk(&chunk(hash, 0, b"one")),
        whole(hash, b"onetwo")
    );
    assert_eq!(blocks.kept(), 0);
    assert_eq!(
        blocks.chunk(&chunk(hash, 0, b"one")),
        Err(BadPiece::NotAnnounced)
    );
}

#[test]
fn a_transaction_in_one_block_touches_no_storage() {
    let hash = keccak256(b"oneone");
    let mut chunks = Chunks::new(7, 0);
    let host = MockHost::default();
    let announcement = announce(hash, &[b"one", b"one"]);
    let announced = chunks.announce(&host, &announcement).unwrap();
    assert_eq!(announced, Assembly::Pending);
    let taken = chunks.chunk(&host, &chunk(hash, 0, b"one")).unwrap();
    assert_eq!(result(taken), whole(hash, b"oneone"));
    chunks.done(hash);
    assert_eq!(chunks.into_changes(), (Vec::new(), 0));
}

#[test]
fn false_announcements_block_nobody() {
    let hash = keccak256(b"onetwo");
    let mut blocks = Blocks::at(7);
    for lie in 0..100_u8 {
        assert_eq!(
            blocks.announce(&announce(hash, &[&[lie], b"one"])),
            Ok(None)
        );
        blocks.level -= 1;
    }
    // All of them, with the list.
    assert_eq!(blocks.kept(), 100 + 1);
    // What the liar brings does not have to come again.
    assert_eq!(blocks.chunk(&chunk(hash, 0, b"one")), Ok(None));
    assert_eq!(
        blocks.chunk(&chunk(hash, 0, &[95])),
        Err(BadPiece::Assembled { expected: hash })
    );
    assert_eq!(
        blocks.announce(&announce(hash, &[b"one", b"two"])),
        Ok(None)
    );
    assert_eq!(
        blocks.chunk(&chunk(hash, 0, b"one")),
        Err(BadPiece::Repeated)
    );
    assert_eq!(
        blocks.chunk(&chunk(hash, 1, b"two")),
        whole(hash, b"onetwo")
    );
    assert_eq!(blocks.kept(), 0);
}

#[test]
fn an_announcement_of_what_is_here_makes_the_transaction() {
    let hash = keccak256(b"onetwo");
    let mut blocks = Blocks::at(7);
    let lie = announce(hash, &[b"two", b"one", b"lie"]);
    assert_eq!(blocks.announce(&lie), Ok(None));
    assert_eq!(blocks.chunk(&chunk(hash, 0, b"two")), Ok(None));
    assert_eq!(blocks.chunk(&chunk(hash, 0, b"one")), Ok(None));
    let truth = announce(hash, &[b"one", b"two"]);
    let expected = whole(hash, b"onetwo");
    // A block that has no room for it puts it back.
    let first = blocks.without_room(|host, chunks| chunks.announce(host, &truth));
    assert_eq!(first, expected);
    assert_eq!(blocks.announce(&truth), expected);
    assert_eq!(blocks.kept(), 0);
}

#[test]
fn the_last_chunk_can_come_again() {
    let hash = keccak256(b"onetwo");
    let mut blocks = Blocks::at(7);
    let expected = whole(hash, b"onetwo");
    blocks.announce(&announce(hash, &[b"one", b"two"])).unwrap();
    blocks.chunk(&chunk(hash, 0, b"one")).unwrap();
    let last = chunk(hash, 1, b"two");
    let first = blocks.without_room(|host, chunks| chunks.chunk(host, &last));
    assert_eq!(first, expected);
    assert_eq!(blocks.chunk(&last), expected);
    assert_eq!(blocks.kept(), 0);
}

#[test]
fn what_nobody_announced_is_dropped() {
    let hash = keccak256(b"x");
    let mut blocks = Blocks::at(7);
    assert_eq!(
        blocks.chunk(&chunk(hash, 0, b"x")),
        Err(BadPiece::NotAnnounced)
    );
    assert_eq!(
        blocks.announce(&announce(hash, &[])),
        Err(BadPiece::Malformed)
    );
    assert_eq!(
        blocks.announce(&announce(hash, &[&b"x"[..]; MAX_CHUNKS + 1])),
        Err(BadPiece::TooManyChunks(MAX_CHUNKS + 1))
    );
    assert_eq!(blocks.announce(&announce(hash, &[b"x", b"y"])), Ok(None));
    let mut wrong = chunk(hash, 0, b"x");
    wrong.push(b'x');
    assert_eq!(blocks.chunk(&wrong), Err(BadPiece::WrongHash));
    assert_eq!(
        blocks.announce(&announce(hash, &[b"x", b"y"])),
        Err(BadPiece::Repeated)
    );
}

#[test]
fn what_stays_open_expires() {
    let hash = keccak256(b"onetwo");
    let mut blocks = Blocks::at(7);
    blocks.announce(&announce(hash, &[b"one", b"two"])).unwrap();
    blocks.chunk(&chunk(hash, 0, b"one")).unwrap();
    // A later announcement keeps the chunk, which it names too.
    blocks.level = 7 + LIFETIME;
    blocks.announce(&announce(hash, &[b"one", b"lie"])).unwrap();
    assert_eq!(blocks.kept(), 4);
    assert_eq!(
        blocks.announce(&announce(hash, &[b"one", b"two"])),
        Ok(None)
    );
    assert_eq!(
        blocks.chunk(&chunk(hash, 0, b"one")),
        Err(BadPiece::Repeated)
    );
    blocks.level = 7 + 2 * LIFETIME + 2;
    blocks.block(|_, _| ());
    assert_eq!(blocks.kept(), 0);
}

#[test]
fn a_thousand_may_be_open() {
    let mut blocks = Blocks::at(7);
    let nth = |n: u32| announce(keccak256(n.to_be_bytes()), &[b"x"]);
    blocks.block(|host, chunks| {
        for n in 0..MAX_OPEN as u32 {
            let announced = chunks.announce(host, &nth(n)).unwrap();
            assert_eq!(announced, Assembly::Pending);
        }
    });
    assert_eq!(blocks.kept(), MAX_OPEN + 1);
    // One more: the oldest gives way.
    assert_eq!(blocks.announce(&nth(MAX_OPEN as u32)), Ok(None));
    assert_eq!(blocks.kept(), MAX_OPEN + 1);
    let x = |n: u32| chunk(keccak256(n.to_be_bytes()), 0, b"x");
    assert_eq!(blocks.chunk(&x(0)), Err(BadPiece::NotAnnounced));
    // They expire some at a time.
    blocks.level = 7 + LIFETIME + 2;
    for _ in 0..MAX_OPEN / MAX_EXPIRED + 1 {
        blocks.block(|_, _| ());
    }
    assert_eq!(blocks.kept(), 0);
}

/// An announcement with a chunk stays, however many come after it.
#[test]
fn what_makes_progress_gives_way_last() {
    let mut blocks = Blocks::at(7);
    let hash = keccak256(b"onetwo");
    blocks.announce(&announce(hash, &[b"one", b"two"])).unwrap();
    blocks.chunk(&chunk(hash, 0, b"one")).unwrap();
    for lie in 0..=255_u8 {
        blocks.announce(&announce(hash, &[&[lie]])).unwrap();
        blocks.level -= 1;
    }
    blocks.block(|host, chunks| {
        for n in 0..2 * MAX_OPEN as u32 {
            let other = announce(keccak256(n.to_be_bytes()), &[b"x"]);
            assert_eq!(chunks.announce(host, &other).unwrap(), Assembly::Pending);
        }
    });
    assert_eq!(
        blocks.chunk(&chunk(hash, 1, b"two")),
        whole(hash, b"onetwo")
    );
}

/// An attacker repeats an honest announcement with rubbish, chunks and all: eight of these
/// once pushed it out.
#[test]
fn rubbish_with_chunks_pushes_nobody_out_of_its_transaction() {
    let mut blocks = Blocks::at(7);
    let hash = keccak256(b"onetwo");
    blocks.announce(&announce(hash, &[b"one", b"two"])).unwrap();
    blocks.chunk(&chunk(hash, 0, b"one")).unwrap();
    for lie in 0..100_u8 {
        blocks
            .announce(&announce(hash, &[b"one", &[lie], b"lie"]))
            .unwrap();
        blocks.chunk(&chunk(hash, 0, &[lie])).unwrap();
        blocks.level -= 2;
    }
    assert_eq!(
        blocks.chunk(&chunk(hash, 1, b"two")),
        whole(hash, b"onetwo")
    );
    assert_eq!(blocks.kept(), 0);
}

/// Many false announcements may be whole with one chunk: they are tried some at a time, and
/// the true one has its turn, with a piece that comes again.
#[test]
fn what_is_whole_is_tried_some_at_a_time() {
    let mut blocks = Blocks::at(7);
    let big = [1_u8; 4_000];
    let raw = [&big[..]; 33].concat();
    let hash = keccak256(&raw);
    for lie in 0..20_u8 {
        let mut chunks = [&big[..]; 33];
        chunks[usize::from(lie)] = b"lie";
        blocks.announce(&announce(hash, &chunks)).unwrap();
    }
    blocks.chunk(&chunk(hash, 0, b"lie")).unwrap();
    blocks.announce(&announce(hash, &[&big[..]; 33])).unwrap();
    let last = chunk(hash, 0, &big);
    let mut times = 0;
    loop {
        let (taken, work) = blocks.block(|host, chunks| {
            let taken = chunks.chunk(host, &last).unwrap();
            let work = chunks.take_work();
            (done(taken, chunks), work)
        });
        times += 1;
        assert!(work < 13_000_000, "{work}");
        if taken == whole(hash, &raw) {
            break;
        }
        assert_eq!(taken, Err(BadPiece::Assembled { expected: hash }));
        assert!(times < 5, "it has no turn");
    }
    assert!(times > 1, "all at once");
    assert_eq!(blocks.kept(), 0);
}

#[test]
fn an_announcement_survives_a_round_trip() {
    let known = Announcement {
        hashes: alloc::vec![B256::repeat_byte(1), B256::repeat_byte(2)],
        here: 2,
        stored: true,
        saved: true,
    };
    assert_eq!(Announcement::decode(&known.encode()), Some(known));
    let open = Open {
        id: B256::repeat_byte(1),
        transaction: B256::repeat_byte(2),
        level: 3,
        progress: false,
    };
    assert_eq!(Open::decode(&open.encode()), open);
    let open = Open {
        progress: true,
        ..open
    };
    assert_eq!(Open::decode(&open.encode()), open);
}

/// Pieces of two transactions, true and false, of which some are cut short.
fn any_piece() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let parts = ["one", "two", "six"].map(str::as_bytes);
    let part = proptest::sample::select(parts.to_vec());
    let hash = proptest::sample::select(alloc::vec![keccak256(b"onetwo"), keccak256(b"sixone")]);
    let named = proptest::collection::vec(part.clone(), 0..4);
    prop_oneof![
        (hash.clone(), named).prop_map(|(hash, named)| (true, announce(hash, &named))),
        (hash, part).prop_map(|(hash, part)| (false, chunk(hash, 0, part))),
        (any::<bool>(), any::<Vec<u8>>()),
    ]
}

proptest! {
    /// However pieces come, and wherever blocks end, whatever is made is a
    /// transaction that was meant, and nothing of it stays.
    #[test]
    fn only_whole_transactions_are_made(
        pieces in proptest::collection::vec((any_piece(), any::<bool>(), 0..8_u32), 1..40)
    ) {
        let mut blocks = Blocks::at(7);
        for ((announces, bytes), puts_back, levels) in pieces {
            let take = |host: &MockHost, chunks: &mut Chunks| {
                if announces { chunks.announce(host, &bytes) } else { chunks.chunk(host, &bytes) }.unwrap()
            };
            let taken = blocks.block(|host, chunks| {
                let taken = take(host, chunks);
                if puts_back && matches!(taken, Assembly::Whole(_)) {
                    // It comes again, and is made again.
                    assert_eq!(take(host, chunks), taken);
                }
                done(taken, chunks)
            });
            if let Ok(Some(Whole { hash, raw })) = taken {
                prop_assert_eq!(keccak256(&raw), hash);
            }
            blocks.level += levels;
        }
        blocks.level += LIFETIME + 1;
        blocks.block(|_, _| ());
        prop_assert_eq!(blocks.kept(), 0);
    }
}
