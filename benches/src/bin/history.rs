//! A store with a long history: what it takes, how fast logs are found, how fast it is there.
//!
//! `benches --bin history [TRANSACTIONS] [EACH] [ACCOUNTS] [STATES]` (1,000,000 ERC-20 transfers
//! by default, 250 in a block) in a folder of temporary files. The transactions are not
//! executed: what is measured is the store, with the size and the logs that such transfers
//! have. With a number of accounts (and of kept states, 4,096 by default) the states of the blocks are kept, too: what the kernel
//! writes for such a block, in its own layout, over a state with so many accounts.

use alloy_primitives::{Address, B256, Bytes, Log, LogData, TxKind, U256, b256, keccak256};
use ethereum::transaction::Eip1559;
use ethereum::{Header, Signature, Transaction};
use node::chain::{Block, Chain, Included, LogFilter};
use node::rpc::json;
use node::store::{Identity, StateName, Store, Words};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::block::StoredReceipt;
use storage::layout::ACCOUNTS;

/// One in so many goes to the receiver that is looked for.
const RARE: u64 = 1_000;

const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
const TOKEN: Address = Address::repeat_byte(0x70);

/// A folder that is deleted at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An address that looks like any.
fn somebody(number: u64) -> Address {
    Address::from_slice(&keccak256(number.to_be_bytes())[12..])
}

fn block(number: u64, each: u64) -> Block {
    let numbers = number * each..(number + 1) * each;
    let transactions = numbers.zip(0..).map(|(transfer, index)| {
        let from = somebody(transfer % 10_007);
        let to = somebody(match transfer % RARE {
            0 => 0,
            _ => 1 + transfer % 100_003,
        });
        let amount = U256::from(transfer + 1).to_be_bytes::<32>();
        let call = [&[0xa9, 0x05, 0x9c, 0xbb][..], &to.into_word()[..], &amount].concat();
        let signed = Transaction::DynamicFee(Eip1559 {
            chain_id: 1337,
            nonce: transfer,
            max_priority_fee_per_gas: U256::from(1_000_000_000),
            max_fee_per_gas: U256::from(20_000_000_000_u64),
            gas_limit: 60_000,
            to: TxKind::Call(TOKEN),
            input: call.into(),
            ..Eip1559::default()
        });
        let hash = keccak256(transfer.to_le_bytes());
        let transaction = signed.with_signature(Signature {
            r: hash.into(),
            s: U256::from_be_bytes(hash.0) >> 1,
            y_parity: false,
        });
        let topics = vec![TRANSFER, from.into_word(), to.into_word()];
        Included {
            transaction,
            sender: from,
            receipt: StoredReceipt {
                success: true,
                gas_used: 51_000,
                data_gas: 0,
                logs: vec![Log {
                    address: TOKEN,
                    data: LogData::new_unchecked(topics, Bytes::copy_from_slice(&amount)),
                }],
            },
            cumulative_gas_used: (index + 1) * 51_000,
            first_log: index,
        }
    });
    let header = Header {
        number,
        timestamp: number,
        ..Header::default()
    };
    Block {
        hash: header.hash(),
        header,
        size: 0,
        transactions: transactions.collect(),
        state: None,
    }
}

/// The kilobytes of memory that this process has.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or_default()
        .replace("VmRSS:", "")
        .trim()
        .to_owned()
}

/// The arguments.
struct Asked {
    transfers: u64,
    each: u64,
    accounts: u64,
    states: u64,
}

impl Asked {
    fn read() -> Result<Self, Box<dyn Error>> {
        let numbers: Result<Vec<u64>, _> =
            std::env::args().skip(1).map(|text| text.parse()).collect();
        let numbers = numbers?;
        let number = |place: usize, default| numbers.get(place).copied().unwrap_or(default);
        Ok(Self {
            transfers: number(0, 1_000_000),
            each: number(1, 250).max(1),
            accounts: number(2, 0),
            states: number(3, 4_096),
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked = Asked::read()?;
    let name = format!("evm-rollup-history-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    let identity = Identity {
        kind: "devnet",
        rollup: Some([0; 20]),
        kernel: B256::ZERO,
        genesis: B256::ZERO,
        words: Words::default(),
    };
    let store = Store::open(&folder.0, &identity)?;
    write(&store, &asked)?;
    let taken = store.size().unwrap_or_default();
    println!(
        "the file takes {taken} bytes, {} a transfer",
        taken / asked.transfers
    );
    for (table, rows, bytes) in store.tables()? {
        println!("  {table}: {rows} rows, {bytes} bytes");
    }
    store.close();
    drop(store);
    let start = Instant::now();
    let store = Store::open(&folder.0, &identity)?;
    let chain = Chain::new(Arc::clone(&store), asked.states)?;
    let newest = chain.latest()?.ok_or("no block")?;
    let state = newest.state.as_ref();
    let found = state
        .map(|state| ACCOUNTS.get(state, &somebody(0)))
        .transpose()?;
    println!(
        "opened, block {} and an account ({}) read, in {:.1?}",
        newest.number(),
        found.flatten().is_some(),
        start.elapsed()
    );
    if asked.accounts > 0 {
        old_states(&chain, &asked)?;
    }
    find_logs(&store)?;
    println!("memory {}", memory());
    Ok(())
}

fn write(store: &Store, asked: &Asked) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut state = match asked.accounts {
        0 => None,
        accounts => Some(states::start(accounts)?),
    };
    if state.is_some() {
        println!(
            "a state of {} accounts made in {:.1?}, memory {}",
            asked.accounts,
            start.elapsed(),
            memory()
        );
    }
    let start = Instant::now();
    let (mut executed, mut kept) = (Duration::ZERO, Duration::ZERO);
    let blocks = asked.transfers.div_ceil(asked.each);
    for number in 0..blocks {
        let block = block(number, asked.each);
        if let Some(state) = &mut state {
            let start = Instant::now();
            states::apply(state, &block, asked.accounts)?;
            executed += start.elapsed();
        }
        let begin = Instant::now();
        state = store.write(|batch| {
            batch.put_block(&block)?;
            let Some(state) = &state else {
                return Ok(None);
            };
            let oldest = (number + 1).saturating_sub(asked.states);
            let state = batch.put_state(StateName::Block(number), state)?;
            batch.remove_states_before(StateName::Block(oldest))?;
            Ok(Some(state))
        })?;
        kept += begin.elapsed();
        if number == 0 {
            println!("the first block kept in {kept:.1?}, memory {}", memory());
        }
    }
    let each = |took: Duration| took / u32::try_from(blocks.max(1)).unwrap_or(u32::MAX);
    println!(
        "{} transfers in {blocks} blocks written in {:.1?} (a block: state changed in {:.1?}, committed in {:.1?}), memory {}",
        asked.transfers,
        start.elapsed(),
        each(executed),
        each(kept),
        memory()
    );
    Ok(())
}

/// Reads an account in states of every age.
fn old_states(chain: &Chain, asked: &Asked) -> Result<(), Box<dyn Error>> {
    let newest = chain.newest().unwrap_or_default();
    let oldest = (newest + 1).saturating_sub(asked.states);
    for part in 0..=4 {
        let number = oldest + (newest - oldest) * part / 4;
        let start = Instant::now();
        let block = chain.number(number)?.ok_or("no block")?;
        let state = block.state.as_ref().ok_or("no state")?;
        let mut found = 0;
        for account in 0..10 {
            let address = somebody(account * 997 % asked.accounts);
            found += usize::from(ACCOUNTS.get(state, &address)?.is_some());
        }
        println!(
            "{found} accounts in the state of block {number}: {:.1?}",
            start.elapsed()
        );
    }
    Ok(())
}

fn find_logs(store: &Store) -> Result<(), Box<dyn Error>> {
    let topics = vec![vec![], vec![], vec![somebody(0).into_word()]];
    let filter = LogFilter::new(vec![TOKEN], topics);
    for round in ["cold", "warm"] {
        let start = Instant::now();
        let (mut found, mut bytes) = (0, 0);
        let searched = store.for_each_log(&filter, (0, u64::MAX >> 24), |place, log| {
            found += 1;
            bytes += json::log(&place, log).to_string().len();
            Ok::<_, std::convert::Infallible>(())
        });
        searched??;
        let took = start.elapsed();
        println!(
            "{found} logs of one address and topic ({bytes} bytes of JSON), {round}: {took:.1?}"
        );
    }
    Ok(())
}

/// The kernel's writes for a block.
mod states {
    use super::{TOKEN, somebody};
    use alloy_primitives::{U256, keccak256};
    use node::chain::Block;
    use pvm::{AsPath, Durable};
    use std::error::Error;
    use storage::account::Account;
    use storage::block::{Receipts, StoredHeader, StoredTransaction, Transactions};
    use storage::key::Key;
    use storage::layout::{ACCOUNTS, HEADERS, RECEIPTS, SLOTS, TRANSACTIONS};
    use storage::table::{Table, Value};

    /// The blocks that the kernel keeps.
    const RING: u64 = 1_024;

    type Done = Result<(), Box<dyn Error>>;

    fn put<K: Key, V: Value>(state: &mut Durable, table: &Table<K, V>, key: &K, value: &V) -> Done {
        let path = table.path(key)?;
        state.write(path.path_bytes(), value.encode())?;
        Ok(())
    }

    fn slot(holder: u64) -> U256 {
        let word = [somebody(holder).into_word().0, [0; 32]].concat();
        keccak256(word).into()
    }

    pub(super) fn start(accounts: u64) -> Result<Durable, Box<dyn Error>> {
        let mut state = Durable::new();
        for number in 0..accounts {
            let account = Account {
                nonce: number % 7,
                balance: U256::from(number) << 60,
                ..Account::default()
            };
            put(&mut state, &ACCOUNTS, &somebody(number), &account)?;
        }
        Ok(state)
    }

    pub(super) fn apply(state: &mut Durable, block: &Block, accounts: u64) -> Done {
        let number = block.number();
        let mut transactions = Vec::new();
        for (index, included) in (0..).zip(&block.transactions) {
            let transfer = number * block.transactions.len() as u64 + index;
            let (from, to) = (transfer * 7_919 % accounts, transfer * 104_729 % accounts);
            let sender = somebody(from);
            let mut account = ACCOUNTS.get(state, &sender)?.unwrap_or_default();
            account.nonce += 1;
            account.balance = account.balance.saturating_sub(U256::from(51_000));
            put(state, &ACCOUNTS, &sender, &account)?;
            for holder in [from, to] {
                let key = (TOKEN, slot(holder));
                let held = SLOTS.get(state, &key)?.unwrap_or_default();
                put(state, &SLOTS, &key, &(held + U256::from(transfer + 1)))?;
            }
            transactions.push(StoredTransaction {
                sender,
                raw: included.transaction.encode().into(),
            });
        }
        let header = StoredHeader {
            hash: block.hash,
            rlp: block.header.encode().into(),
        };
        put(state, &HEADERS, &number, &header)?;
        put(state, &TRANSACTIONS, &number, &Transactions(transactions))?;
        let receipts = block
            .transactions
            .iter()
            .map(|included| included.receipt.clone());
        put(state, &RECEIPTS, &number, &Receipts(receipts.collect()))?;
        if let Some(old) = number.checked_sub(RING) {
            state.delete(HEADERS.path(&old)?.path_bytes())?;
        }
        Ok(())
    }
}
