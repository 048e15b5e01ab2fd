//! A store with a long history: what it takes, how fast logs are found, how fast it is there.
//!
//! `benches --bin history [TRANSACTIONS]` (1,000,000 ERC-20 transfers by default, 250 in a
//! block) in a folder of temporary files. The transactions are not executed: what is measured
//! is the store, with the size and the logs that such transfers have.

use alloy_primitives::{Address, B256, Bytes, Log, LogData, TxKind, U256, b256, keccak256};
use ethereum::transaction::Eip1559;
use ethereum::{Header, Signature, Transaction};
use node::chain::{Block, Chain, Included, LogFilter};
use node::rpc::json;
use node::store::{Identity, Store};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use storage::block::StoredReceipt;

/// Transfers of a block.
const EACH: u64 = 250;

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

fn block(number: u64) -> Block {
    let numbers = number * EACH..(number + 1) * EACH;
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

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |count| count.parse::<u64>())?;
    let name = format!("evm-rollup-history-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    let identity = Identity {
        kind: "devnet",
        rollup: Some([0; 20]),
        kernel: B256::ZERO,
        genesis: B256::ZERO,
    };
    let store = Store::open(&folder.0, &identity)?;
    let start = Instant::now();
    let blocks = count.div_ceil(EACH);
    for number in 0..blocks {
        let block = block(number);
        store.write(|batch| batch.put_block(&block))?;
    }
    let took = start.elapsed();
    println!(
        "{count} transfers in {blocks} blocks written in {took:.1?}, memory {}",
        memory()
    );
    let taken = store.size().unwrap_or_default();
    println!("the file takes {taken} bytes, {} a transfer", taken / count);
    store.close();
    drop(store);
    let start = Instant::now();
    let store = Store::open(&folder.0, &identity)?;
    let chain = Chain::new(Arc::clone(&store), 1)?;
    let newest = chain.latest()?.ok_or("no block")?;
    println!(
        "opened, block {} read, in {:.1?}",
        newest.number(),
        start.elapsed()
    );
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
    println!("memory {}", memory());
    Ok(())
}
