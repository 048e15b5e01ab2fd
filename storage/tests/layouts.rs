//! Images of earlier layouts are still read, and today's code still writes the
//! same bytes.
//!
//! Images (path → hex) stay as they are. A change that breaks this test is a new
//! layout: it needs a migration and an image of its own. An image is written by this
//! test with `WRITE_LAYOUT_IMAGE=1`.

use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use host::mock::MockHost;
use rollup::queue::{Entries, Page};
use rollup::{Calls, Cursor, Level};
use std::collections::BTreeMap;
use storage::block::{Receipts, StoredHeader, StoredReceipt, StoredTransaction, Transactions};
use storage::commit::{self, Block};
use storage::config::{Config, Revision};
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::{
    ACCOUNTS, CHUNKED, CODE, CONFIG, HEAD, HEADERS, LAYOUT, OUTGOING, SETTINGS, SLOTS, UPGRADE,
    VERSION,
};
use storage::{Account, Diff, Head, Overlay, Piece, Upgrade, Version, history, migration};

/// Today's.
const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/v2.json");

/// Of layout 2, too, before heads said who wrote them and levels the rollup's address.
const UNSIGNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/v2_unsigned.json");

/// Layout 1: transactions and receipts beside the headers, nothing pruned.
const FIRST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/v1.json");

/// The values below `/evm` by path, both as text.
type Image = BTreeMap<String, String>;

fn image(host: &MockHost) -> Image {
    let values = host.values().into_iter();
    values
        .filter(|(path, _)| path.starts_with(b"/evm/"))
        .map(|(path, value)| {
            let path = String::from_utf8(path).unwrap();
            (path, hex::encode(value))
        })
        .collect()
}

fn stored(image: &str) -> Image {
    let text = std::fs::read_to_string(image).expect("the image is committed");
    serde_json::from_str(&text).unwrap()
}

/// A host that holds a stored image.
fn opened(image: &str) -> MockHost {
    let mut host = MockHost::default();
    for (path, value) in stored(image) {
        host.set(path.as_bytes(), &hex::decode(value).unwrap());
    }
    host
}

const PLAIN: Address = Address::repeat_byte(0x11);
const CONTRACT: Address = Address::repeat_byte(0x22);
const UNDELEGATED: Address = Address::repeat_byte(0x33);
const PIECES: [Piece; 4] = [
    Piece::Open,
    Piece::Delayed,
    Piece::Announcement {
        transaction: B256::repeat_byte(0x55),
        id: B256::repeat_byte(0x56),
    },
    Piece::Chunk {
        transaction: B256::repeat_byte(0x55),
        hash: B256::repeat_byte(0x57),
    },
];

fn runtime() -> Bytes {
    Bytes::from_static(&[0x60, 0x01, 0x60, 0x00, 0x55, 0x00])
}

fn config() -> Config {
    Config {
        chain_id: 1337,
        block_gas_limit: 30_000_000,
        run_budget: 100_000_000,
        level_budget: 200_000_000,
        queue_bytes: 1 << 26,
        fee_recipient: Address::repeat_byte(0xfe),
        base_fee_floor: 1_000_000_000,
        genesis_state_root: B256::repeat_byte(0x99),
        ticketer: Some([0x71; 20]),
        delayed_bridge: None,
        kernel_governance: Some([0x73; 20]),
        reassign_after: 201_600,
        kept_blocks: 600,
        data_fee: 1_000,
        revisions: vec![(0, Revision::Prague), (9, Revision::Osaka)],
    }
}

fn plain() -> Account {
    Account {
        nonce: 258,
        balance: U256::from(10).pow(U256::from(18)),
        ..Account::default()
    }
}

fn contract() -> Account {
    Account {
        nonce: 1,
        balance: U256::MAX,
        code_hash: keccak256(runtime()),
    }
}

fn head() -> Head {
    Head {
        number: 2,
        hash: B256::repeat_byte(0x42),
        state_root: B256::repeat_byte(0x43),
        timestamp: 1_700_000_000,
        gas_limit: 30_000_000,
        gas_used: 63_000,
        base_fee: 1_000_000_001,
        level: 7,
        level_work: 153_000,
        paid_work: 77_000,
        cursor: Cursor {
            level: 8,
            offset: 40,
        },
        oldest_page: 7,
        backlog: 77,
        chunks_since: 6,
        outgoing: true,
        upgrade: true,
        settings: true,
        calls: Calls {
            backlog: 18,
            ..Calls::first(8)
        },
        oldest: 1,
        nested: 0,
        writer: Some(WRITER),
    }
}

/// The values that governance set, from the next level on.
fn settings() -> Config {
    Config {
        kept_blocks: 700,
        ..config()
    }
}

/// As the first image has it.
const FIRST_WRITER: Version = Version {
    layout: 1,
    ..WRITER
};

/// As the first image has it.
fn first_config() -> Config {
    Config {
        kept_blocks: 1_024,
        data_fee: 0,
        ..config()
    }
}

/// As the first image has it.
fn first_head() -> Head {
    Head {
        paid_work: 0,
        settings: false,
        // There was one lane: what is not there means the same as this.
        calls: Calls::of_one_lane(
            Cursor {
                level: 8,
                offset: 40,
            },
            7,
        ),
        oldest: 0,
        writer: None,
        ..head()
    }
}

fn header(number: u8) -> StoredHeader {
    StoredHeader {
        hash: B256::repeat_byte(0x40 + number),
        rlp: vec![0xf9, 0x02, number].into(),
    }
}

fn transactions() -> Transactions {
    let raws: [&[u8]; 2] = [&[0x02, 0xc0], &[0x77; 200]];
    let stored = raws.map(|raw| StoredTransaction {
        sender: PLAIN,
        raw: Bytes::copy_from_slice(raw),
    });
    Transactions(stored.into())
}

fn receipts() -> Receipts {
    let topics = vec![B256::repeat_byte(0xdd), B256::with_last_byte(9), B256::ZERO];
    let logs = vec![
        Log::new_unchecked(CONTRACT, topics, vec![0xab; 130].into()),
        Log::new_unchecked(CONTRACT, vec![], Bytes::new()),
    ];
    Receipts(vec![
        StoredReceipt {
            success: true,
            gas_used: 42_000,
            data_gas: 0,
            logs,
        },
        StoredReceipt {
            success: false,
            gas_used: 21_000,
            data_gas: 0,
            logs: vec![],
        },
    ])
}

fn level() -> Level {
    Level {
        number: 8,
        timestamp: 1_700_000_008,
        predecessor: [0x88; 32],
        inputs: [0; 32],
        rollup: Some([0x77; 20]),
    }
}

/// As kernels wrote it that asked the machine for the rollup's address.
fn old_level() -> Level {
    Level {
        rollup: None,
        ..level()
    }
}

const UPGRADED: Upgrade = Upgrade {
    root: [0x66; 33],
    time: 1_700_000_100,
    pending: true,
};

const WRITER: Version = Version {
    layout: 2,
    contracts: 0x0102_0304_0506_0708,
};

const WAITING: [&[u8]; 2] = [&[0xaa; 36], b"\x02waiting"];

/// The image as today's code writes it.
fn written() -> MockHost {
    let mut host = MockHost::default();
    for (name, value) in config().to_setup() {
        host.set(format!("/evm/config/{name}").as_bytes(), &value);
    }
    let set = |address, account, slots: &[(u64, u64)]| AccountDiff {
        address,
        account: AccountChange::Set(account),
        had_code: false,
        cleared: false,
        slots: slots
            .iter()
            .map(|(slot, value)| (U256::from(*slot), U256::from(*value)))
            .collect(),
    };
    let genesis = Block {
        head: Head {
            number: 1,
            ..Head::default()
        },
        header: Some(header(1)),
        diff: Diff {
            accounts: vec![
                set(PLAIN, Account::default(), &[]),
                set(CONTRACT, contract(), &[(0, 1), (5, 6)]),
                set(UNDELEGATED, contract(), &[]),
            ],
            code: vec![(contract().code_hash, runtime())],
        },
        config: Some(config()),
        ..Block::default()
    };
    commit::block(&mut host, &genesis).unwrap();
    let block = Block {
        keys: Vec::new(),
        partly: None,
        head: head(),
        outdated: 0..1,
        header: Some(header(2)),
        transactions: transactions(),
        receipts: receipts(),
        requeued: vec![],
        messages: vec![Bytes::from_static(b"to layer 1")],
        diff: Diff {
            accounts: vec![
                set(PLAIN, plain(), &[]),
                AccountDiff {
                    account: AccountChange::Keep,
                    ..set(CONTRACT, contract(), &[(0, 0), (7, u64::MAX)])
                },
                AccountDiff {
                    had_code: true,
                    ..set(UNDELEGATED, plain(), &[])
                },
            ],
            code: vec![],
        },
        chunked: PIECES
            .map(|piece| (piece, Some(vec![0x56; 9].into())))
            .to_vec(),
        config: None,
        settings: Some(settings()),
        upgrade: Some(UPGRADED),
        version: Some(WRITER),
    };
    commit::block(&mut host, &block).unwrap();
    level().save(&mut host, &LAYOUT).unwrap();
    let mut page = Page::open(&host, LAYOUT.queue, 8).unwrap();
    for entry in WAITING {
        let mut framed = [&[0; 4], entry].concat();
        page.append(&mut host, &mut framed).unwrap();
    }
    host
}

#[test]
fn todays_code_writes_the_same_bytes() {
    let today = image(&written());
    if std::env::var_os("WRITE_LAYOUT_IMAGE").is_some() {
        let text = serde_json::to_string_pretty(&today).unwrap();
        std::fs::write(IMAGE, text + "\n").unwrap();
    }
    assert_eq!(today, stored(IMAGE));
}

#[test]
fn the_stored_images_open() {
    let host = opened(IMAGE);
    opens(&host, WRITER, (config(), head()), level());
    assert_eq!(SETTINGS.get(&host, &()).unwrap(), Some(settings()));
    let unsigned = Head {
        writer: None,
        ..head()
    };
    opens(&opened(UNSIGNED), WRITER, (config(), unsigned), old_level());
    let first = (first_config(), first_head());
    opens(&opened(FIRST), FIRST_WRITER, first, old_level());
}

/// True if all of an image is read.
fn opens(host: &MockHost, writer: Version, (config, head): (Config, Head), level: Level) {
    assert_eq!(Config::from_setup(host).unwrap(), config);
    assert_eq!(CONFIG.get(host, &()).unwrap(), Some(config));
    assert_eq!(HEAD.get(host, &()).unwrap(), Some(head));
    assert_eq!(Level::load(host, &LAYOUT).unwrap(), Some(level));
    assert_eq!(UPGRADE.get(host, &()).unwrap(), Some(UPGRADED));
    assert_eq!(VERSION.get(host, &()).unwrap(), Some(writer));

    assert_eq!(ACCOUNTS.get(host, &PLAIN).unwrap(), Some(plain()));
    assert_eq!(ACCOUNTS.get(host, &CONTRACT).unwrap(), Some(contract()));
    assert_eq!(ACCOUNTS.get(host, &UNDELEGATED).unwrap(), Some(plain()));
    assert_eq!(ACCOUNTS.get(host, &Address::ZERO).unwrap(), None);
    for (slot, value) in [(0, None), (5, Some(6)), (7, Some(u64::MAX))] {
        let key = (CONTRACT, U256::from(slot));
        assert_eq!(SLOTS.get(host, &key).unwrap(), value.map(U256::from));
    }
    let hash = contract().code_hash;
    assert_eq!(CODE.get(host, &hash).unwrap(), Some(runtime()));

    for number in [1, 2] {
        let stored = header(number);
        let number = u64::from(number);
        let hash = Overlay::new(host).block_hash(number).unwrap();
        assert_eq!(hash, stored.hash);
        assert_eq!(HEADERS.get(host, &number).unwrap(), Some(stored));
    }
    let none = Transactions::default();
    assert_eq!(history::transactions(host, 1).unwrap(), none);
    assert_eq!(history::transactions(host, 2).unwrap(), transactions());
    assert_eq!(history::receipts(host, 1).unwrap(), Receipts::default());
    assert_eq!(history::receipts(host, 2).unwrap(), receipts());
    for piece in PIECES {
        let bytes = CHUNKED.get(host, &piece).unwrap();
        assert_eq!(bytes, Some(vec![0x56; 9].into()));
    }

    assert_eq!(OUTGOING.len(host), Ok(1));

    // The cursor stands behind the first entry.
    let mut entries = Entries::load(host, LAYOUT.queue, head.cursor, 1 << 20)
        .unwrap()
        .unwrap();
    assert_eq!(entries.next_entry(), Some((head.cursor, WAITING[1])));
    assert_eq!(entries.next_entry(), None);
}

#[test]
fn storage_of_layout_1_is_taken_over_and_pruned() {
    let mut host = opened(FIRST);
    migration::run(&mut host, &FIRST_WRITER, &WRITER, |_| Ok(None)).unwrap();
    assert_eq!(VERSION.get(&host, &()).unwrap(), Some(WRITER));
    let migrated = Head {
        nested: 3,
        writer: Some(WRITER),
        ..first_head()
    };
    assert_eq!(HEAD.get(&host, &()).unwrap(), Some(migrated));
    // What governed the old blocks goes on; nothing is gone yet.
    assert_eq!(history::receipts(&host, 2).unwrap(), receipts());

    let paths = |host: &MockHost, table: &str| {
        let root = format!("/evm/state/{table}/");
        let paths = host.values().into_keys();
        paths
            .filter(|path| path.starts_with(root.as_bytes()))
            .count()
    };
    assert_eq!([paths(&host, "t"), paths(&host, "r")], [1, 1]);
    let block = Block {
        head: Head {
            number: 3,
            oldest: 3,
            ..migrated
        },
        outdated: 0..3,
        header: Some(header(3)),
        transactions: transactions(),
        receipts: receipts(),
        ..Block::default()
    };
    commit::block(&mut host, &block).unwrap();
    assert_eq!([paths(&host, "t"), paths(&host, "r")], [0, 0]);
    assert_eq!(history::receipts(&host, 2).unwrap(), Receipts::default());
    assert_eq!(history::transactions(&host, 3).unwrap(), transactions());
    // The newest block is all that is left: its header with both below.
    assert_eq!(paths(&host, "b"), 3);
}

#[test]
fn the_layout_page_names_every_path_and_setup_value() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/layout.md");
    let page = std::fs::read_to_string(page).unwrap();
    for path in stored(FIRST).into_keys().chain(stored(IMAGE).into_keys()) {
        // Keys stand in the page by their kind; names stand as they are.
        let steps: Vec<_> = path.split('/').collect();
        let table = match steps[2] {
            "state" => steps[..4].join("/"),
            "config" => steps[3].to_owned(),
            _ => steps[..3].join("/"),
        };
        let named =
            page.contains(&format!("| `{table}`")) || page.contains(&format!("| `{table}/"));
        assert!(named, "{table}");
    }
    for path in ["/evm/staging", "/evm/careful"] {
        assert!(page.contains(&format!("| `{path}`")), "{path}");
    }
}
