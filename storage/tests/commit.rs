//! A block lands whole or not at all, whatever traps: random blocks against a
//! model, with a trap after every host call of every commit.

use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use host::mock::MockHost;
use proptest::collection::vec;
use proptest::prelude::*;
use rollup::Cursor;
use std::collections::{BTreeMap, BTreeSet};
use storage::block::{Receipts, StoredHeader, StoredReceipt, StoredTransaction, Transactions};
use storage::commit::{self, Block};
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::{
    ACCOUNTS, CHUNKED, CODE, CONFIG, HEAD, HEADERS, OUTGOING, RECEIPTS, SLOTS, TRANSACTIONS,
};
use storage::{Account, Config, Diff, Head, Overlay, Piece};

const ADDRESSES: u8 = 4;
const SLOTS_EACH: u8 = 4;
const CODES: u8 = 3;
const PIECES: u8 = 3;

/// Everything that blocks write, as plain maps.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    accounts: BTreeMap<Address, Account>,
    slots: BTreeMap<(Address, U256), U256>,
    code: BTreeMap<B256, Bytes>,
    headers: BTreeMap<u64, StoredHeader>,
    transactions: BTreeMap<u64, Transactions>,
    receipts: BTreeMap<u64, Receipts>,
    chunked: BTreeMap<Piece, Bytes>,
    messages: Vec<Bytes>,
    head: Option<Head>,
    config: Option<Config>,
}

impl Model {
    /// A second implementation of a block's changes.
    fn apply(&mut self, block: &Block) {
        for (hash, code) in &block.diff.code {
            self.code.insert(*hash, code.clone());
        }
        for change in &block.diff.accounts {
            if change.cleared || change.account == AccountChange::Delete {
                self.accounts.remove(&change.address);
                self.slots
                    .retain(|(address, _), _| *address != change.address);
            }
            if let AccountChange::Set(account) = change.account {
                self.accounts.insert(change.address, account);
            }
            for (slot, value) in &change.slots {
                self.slots.insert((change.address, *slot), *value);
            }
        }
        self.slots.retain(|_, value| !value.is_zero());
        let number = block.head.number;
        let gone = &block.outdated;
        self.headers.retain(|number, _| !gone.contains(number));
        self.transactions.retain(|number, _| !gone.contains(number));
        self.receipts.retain(|number, _| !gone.contains(number));
        self.headers
            .extend(block.header.clone().map(|header| (number, header)));
        if !block.transactions.0.is_empty() {
            self.transactions.insert(number, block.transactions.clone());
            self.receipts.insert(number, block.receipts.clone());
        }
        for (piece, bytes) in &block.chunked {
            match bytes {
                Some(bytes) => self.chunked.insert(*piece, bytes.clone()),
                None => self.chunked.remove(piece),
            };
        }
        self.messages.extend(block.messages.iter().cloned());
        self.head = Some(block.head);
        self.config = block.config.clone().or_else(|| self.config.take());
    }

    /// All that the tables hold, read one by one.
    fn read(host: &MockHost, numbers: u64) -> Self {
        let mut model = Self {
            head: HEAD.get(host, &()).unwrap(),
            config: CONFIG.get(host, &()).unwrap(),
            ..Self::default()
        };
        for address in (0..ADDRESSES).map(address) {
            let account = ACCOUNTS.get(host, &address).unwrap();
            model
                .accounts
                .extend(account.map(|account| (address, account)));
            for slot in (0..SLOTS_EACH).map(U256::from) {
                let key = (address, slot);
                let value = SLOTS.get(host, &key).unwrap();
                model.slots.extend(value.map(|value| (key, value)));
            }
        }
        for (hash, _) in (0..CODES).map(code) {
            let code = CODE.get(host, &hash).unwrap();
            model.code.extend(code.map(|code| (hash, code)));
        }
        for piece in (0..PIECES).map(piece) {
            let bytes = CHUNKED.get(host, &piece).unwrap();
            model.chunked.extend(bytes.map(|bytes| (piece, bytes)));
        }
        for number in 0..OUTGOING.len(host).unwrap() {
            let path = format!("/evm/state/x/m/{number}");
            let bytes = host.values().get(path.as_bytes()).cloned();
            model.messages.extend(bytes.map(Bytes::from));
        }
        for number in 0..=numbers {
            let header = HEADERS.get(host, &number).unwrap();
            let hash = Overlay::new(host).block_hash(number).unwrap();
            assert_eq!(
                hash,
                header.as_ref().map_or(B256::ZERO, |header| header.hash)
            );
            model.headers.extend(header.map(|header| (number, header)));
            let transactions = TRANSACTIONS.get(host, &number).unwrap();
            model
                .transactions
                .extend(transactions.map(|all| (number, all)));
            let receipts = RECEIPTS.get(host, &number).unwrap();
            model.receipts.extend(receipts.map(|all| (number, all)));
        }
        model
    }

    /// The paths of durable storage that hold a value: these and no others.
    fn paths(&self) -> BTreeSet<Vec<u8>> {
        let mut paths = BTreeSet::new();
        let mut add = |path: Result<storage::key::KeyPath, storage::StorageError>| {
            paths.insert(path.unwrap().as_path().as_bytes().to_vec());
        };
        self.accounts.keys().for_each(|key| add(ACCOUNTS.path(key)));
        self.slots.keys().for_each(|key| add(SLOTS.path(key)));
        self.code.keys().for_each(|key| add(CODE.path(key)));
        self.headers.keys().for_each(|key| add(HEADERS.path(key)));
        self.transactions
            .keys()
            .for_each(|key| add(TRANSACTIONS.path(key)));
        self.receipts.keys().for_each(|key| add(RECEIPTS.path(key)));
        self.chunked.keys().for_each(|key| add(CHUNKED.path(key)));
        self.head.iter().for_each(|_| add(HEAD.path(&())));
        self.config.iter().for_each(|_| add(CONFIG.path(&())));
        let queued = (0..self.messages.len()).map(|number| format!("m/{number}"));
        let count = (!self.messages.is_empty()).then(|| "n".to_owned());
        let queue = queued.chain(count);
        paths.extend(queue.map(|step| format!("/evm/state/x/{step}").into_bytes()));
        paths
    }
}

fn address(index: u8) -> Address {
    Address::repeat_byte(0xa0 + index)
}

fn piece(index: u8) -> Piece {
    let transaction = B256::repeat_byte(7);
    match index {
        0 => Piece::Open,
        1 => Piece::Announcement {
            transaction,
            id: B256::ZERO,
        },
        _ => Piece::Chunk {
            transaction,
            hash: B256::ZERO,
        },
    }
}

/// Codes of no chunk, part of one, and several.
fn code(index: u8) -> (B256, Bytes) {
    let bytes = vec![index + 1; [1, 700, 5000][usize::from(index)]];
    (keccak256(&bytes), bytes.into())
}

/// The paths below `root` that hold a value.
fn paths_below(host: &MockHost, root: &str) -> BTreeSet<Vec<u8>> {
    let paths = host.values().into_keys();
    paths
        .filter(|path| path.starts_with(root.as_bytes()))
        .collect()
}

/// A block before it is known what it builds on.
#[derive(Clone, Debug)]
struct Draft {
    accounts: BTreeMap<u8, AccountDraft>,
    chunked: BTreeMap<u8, Option<usize>>,
    raws: Vec<usize>,
    header: Option<usize>,
    config: Option<Vec<u64>>,
    numbers: [u64; 4],
    outdated: u64,
}

#[derive(Clone, Debug)]
enum AccountDraft {
    Keep(Vec<(u8, u64)>),
    Set {
        nonce: u64,
        balance: [u8; 32],
        code: Option<u8>,
        cleared: bool,
        slots: Vec<(u8, u64)>,
    },
    Delete,
}

fn account_draft() -> impl Strategy<Value = AccountDraft> {
    // Zero is as likely as all else together: slots come and go.
    let value = prop_oneof![Just(0), any::<u64>()];
    let slots = vec((0..SLOTS_EACH, value), 0..4);
    let set = (
        any::<u64>(),
        any::<[u8; 32]>(),
        proptest::option::of(0..CODES),
        any::<bool>(),
        slots.clone(),
    );
    prop_oneof![
        slots.prop_map(AccountDraft::Keep),
        set.prop_map(|(nonce, balance, code, cleared, slots)| AccountDraft::Set {
            nonce,
            balance,
            code,
            cleared,
            slots
        }),
        Just(AccountDraft::Delete),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    (
        proptest::collection::btree_map(0..ADDRESSES, account_draft(), 0..4),
        proptest::collection::btree_map(0..PIECES, proptest::option::of(0..5000_usize), 0..3),
        vec(1..3000_usize, 0..3),
        proptest::option::of(500..700_usize),
        proptest::option::weighted(0.2, vec(any::<u64>(), 0..3)),
        any::<[u64; 4]>(),
        0..3_u64,
    )
        .prop_map(
            |(accounts, chunked, raws, header, config, numbers, outdated)| Draft {
                accounts,
                chunked,
                raws,
                header,
                config,
                numbers,
                outdated,
            },
        )
}

impl Draft {
    /// Block `number` on top of `before`.
    fn block(&self, number: u64, before: &Model) -> Block {
        let accounts = self.accounts.iter();
        let accounts = accounts.filter_map(|(index, draft)| draft.diff(address(*index), before));
        let [timestamp, gas_used, level_work, backlog] = self.numbers;
        let mut new: Vec<_> = self
            .accounts
            .values()
            .filter_map(|draft| match draft {
                AccountDraft::Set { code, .. } => *code,
                _ => None,
            })
            .map(code)
            .collect();
        new.sort_unstable();
        new.dedup();
        let oldest = before.head.map_or(0, |head| head.oldest);
        let kept = (oldest + self.outdated).min(number);
        Block {
            outdated: oldest..kept,
            keys: Vec::new(),
            partly: None,
            upgrade: None,
            settings: None,
            version: None,
            head: Head {
                number,
                hash: B256::from(U256::from(number)),
                timestamp,
                gas_used,
                level_work,
                backlog,
                cursor: Cursor {
                    level: number as u32,
                    offset: 7,
                },
                oldest: kept,
                ..Head::default()
            },
            header: self.header.map(|len| StoredHeader {
                hash: B256::from(U256::from(number)),
                rlp: vec![number as u8; len].into(),
            }),
            requeued: Vec::new(),
            messages: self.raws.iter().map(|len| vec![3; *len].into()).collect(),
            transactions: Transactions(
                self.raws
                    .iter()
                    .map(|len| StoredTransaction {
                        sender: address(1),
                        raw: vec![2; *len].into(),
                    })
                    .collect(),
            ),
            receipts: Receipts(
                self.raws
                    .iter()
                    .map(|len| StoredReceipt {
                        success: len % 2 == 0,
                        gas_used: *len as u64,
                        data_gas: *len as u64 % 3,
                        logs: vec![Log::new_unchecked(
                            address(2),
                            vec![B256::with_last_byte(3)],
                            vec![4; *len].into(),
                        )],
                    })
                    .collect(),
            ),
            diff: Diff {
                accounts: accounts.collect(),
                code: new,
            },
            chunked: self
                .chunked
                .iter()
                .map(|(index, len)| {
                    let piece = piece(*index);
                    // Only the list of all changes its length.
                    let sized = |len| if piece == Piece::Open { len } else { 2_500 };
                    (piece, len.map(|len| vec![5; sized(len)].into()))
                })
                .collect(),
            config: self.config.as_ref().map(|revisions| {
                let mut froms: Vec<u64> = revisions.clone();
                froms.push(0);
                froms.sort_unstable();
                froms.dedup();
                let revision = storage::config::Revision::Prague;
                Config {
                    chain_id: number,
                    revisions: froms.into_iter().map(|from| (from, revision)).collect(),
                    ..Config::default()
                }
            }),
        }
    }
}

impl AccountDraft {
    fn diff(&self, address: Address, before: &Model) -> Option<AccountDiff> {
        let old = before.accounts.get(&address);
        let base = AccountDiff {
            address,
            account: AccountChange::Keep,
            had_code: old.is_some_and(Account::has_code),
            cleared: false,
            slots: vec![],
        };
        let slots = |slots: &[(u8, u64)]| {
            let slots: BTreeMap<_, _> = slots.iter().copied().collect();
            let word = |(slot, value)| (U256::from::<u8>(slot), U256::from::<u64>(value));
            slots.into_iter().map(word).collect()
        };
        match self {
            // There are no slots without an account.
            Self::Keep(changed) => old.map(|_| AccountDiff {
                slots: slots(changed),
                ..base
            }),
            Self::Set {
                nonce,
                balance,
                code,
                cleared,
                slots: changed,
            } => Some(AccountDiff {
                account: AccountChange::Set(Account {
                    nonce: *nonce,
                    balance: U256::from_be_bytes(*balance),
                    code_hash: code
                        .map_or(Account::default().code_hash, |index| self::code(index).0),
                }),
                cleared: *cleared,
                slots: slots(changed),
                ..base
            }),
            Self::Delete => old.map(|_| AccountDiff {
                account: AccountChange::Delete,
                ..base
            }),
        }
    }
}

/// Commits `block`, with a trap after the `call`-th host call.
fn commit_with_trap(host: &mut MockHost, block: &Block, call: u64) {
    host.trap_after(call);
    let outcome = host.until_trap(|host| commit::block(host, block));
    assert!(outcome.is_none(), "call {call} was never made");
}

fn state_of(host: &MockHost, model: &Model, numbers: u64) {
    assert_eq!(Model::read(host, numbers), *model);
    assert_eq!(paths_below(host, "/evm/state"), model.paths());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn a_trap_leaves_the_old_block_or_the_new_block(
        drafts in vec((draft(), any::<prop::sample::Index>()), 1..6)
    ) {
        let mut host = MockHost::default();
        let mut model = Model::default();
        let last = drafts.len() as u64;
        for (number, (draft, trap)) in (1..).zip(drafts) {
            let block = draft.block(number, &model);
            let before = model.clone();
            model.apply(&block);

            let mut whole = host.clone();
            commit::block(&mut whole, &block).unwrap();
            let calls = whole.total_calls() - host.total_calls();
            state_of(&whole, &model, last);
            prop_assert!(paths_below(&whole, "/evm/staging").is_empty());

            for call in 1..=calls {
                let mut trapped = host.clone();
                commit_with_trap(&mut trapped, &block, call);
                // The last call publishes; until then nothing shows.
                let visible = if call == calls { &model } else { &before };
                state_of(&trapped, visible, last);

                // A retry succeeds on whatever lies in staging, swept or not.
                let mut swept = trapped.clone();
                rollup::state::discard(&mut swept, &storage::layout::LAYOUT).unwrap();
                prop_assert!(paths_below(&swept, "/evm/staging").is_empty());
                state_of(&swept, visible, last);
                // Nobody retries what is published: messages would be queued twice.
                let unpublished = [trapped, swept].into_iter().filter(|_| call < calls);
                for mut retried in unpublished {
                    commit::block(&mut retried, &block).unwrap();
                    prop_assert_eq!(retried.values(), whole.values());
                }
            }

            // The next block builds on a state that has seen a trap.
            commit_with_trap(&mut host, &block, trap.index(calls as usize - 1) as u64 + 1);
            commit::block(&mut host, &block).unwrap();
            state_of(&host, &model, last);
        }
    }
}

/// Commits one account and gives back its stored bytes' length.
fn set(host: &mut MockHost, number: u64, account: Account, had_code: bool) -> usize {
    let block = Block {
        head: Head {
            number,
            ..Head::default()
        },
        diff: Diff {
            accounts: vec![AccountDiff {
                address: address(0),
                account: AccountChange::Set(account),
                had_code,
                cleared: false,
                slots: vec![],
            }],
            code: vec![],
        },
        ..Block::default()
    };
    commit::block(host, &block).unwrap();
    let path = ACCOUNTS.path(&address(0)).unwrap();
    host.values()[path.as_path().as_bytes()].len()
}

#[test]
fn an_account_that_loses_its_code_keeps_no_stale_hash() {
    let mut host = MockHost::default();
    let plain = Account {
        nonce: 1,
        ..Account::default()
    };
    let delegated = Account {
        code_hash: code(0).0,
        ..plain
    };
    assert_eq!(set(&mut host, 1, plain, false), 40);
    assert_eq!(set(&mut host, 2, delegated, false), 72);
    assert_eq!(set(&mut host, 3, plain, true), 72);
    assert_eq!(ACCOUNTS.get(&host, &address(0)).unwrap(), Some(plain));
    // Short bytes over the long form: what stays behind is the hash of no code.
    assert_eq!(set(&mut host, 4, plain, false), 72);
    assert_eq!(ACCOUNTS.get(&host, &address(0)).unwrap(), Some(plain));
}

#[test]
fn known_code_is_not_written_again() {
    let mut host = MockHost::default();
    let block = |number| Block {
        head: Head {
            number,
            ..Head::default()
        },
        diff: Diff {
            accounts: vec![],
            code: vec![code(2)],
        },
        ..Block::default()
    };
    commit::block(&mut host, &block(1)).unwrap();
    let written = host.bytes_written();
    commit::block(&mut host, &block(2)).unwrap();
    let head = HEAD.path(&()).unwrap();
    let head = host.values()[head.as_path().as_bytes()].len() as u64;
    assert_eq!(host.bytes_written() - written, head);
}
