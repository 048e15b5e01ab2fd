//! A block as the kernel wrote it, read from durable storage.
//!
//! Nothing here knows a rule of Ethereum that the kernel has applied already;
//! what is derived (log numbers, prices) follows from what was stored.

use alloy_primitives::{Address, B256, Log, TxKind, U256, keccak256};
use ethereum::transaction::Transaction;
use ethereum::{Header, SignedTransaction};
use evm_kernel::bridge::{FA_BRIDGE, NATIVE_BRIDGE};
use pvm::Durable;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use storage::block::{StoredHeader, StoredReceipt, StoredTransaction};
use storage::layout::{HEAD, HEADERS};
use storage::{Head, StorageError, history};

/// A block with the state after it.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its hash.
    pub hash: B256,
    /// Its header.
    pub header: Header,
    /// Its bytes in RLP.
    pub size: u64,
    /// Its transactions, in order.
    pub transactions: Vec<Included>,
    /// Durable storage after it; `None`: it is no longer kept.
    pub state: Option<Durable>,
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub struct Included {
    /// The transaction.
    pub transaction: SignedTransaction,
    /// The signer.
    pub sender: Address,
    /// Its receipt.
    pub receipt: StoredReceipt,
    /// Gas used in the block up to and with it.
    pub cumulative_gas_used: u64,
    /// The number in the block of its first log.
    pub first_log: u64,
}

/// Why a block cannot be read from durable storage.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A table cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The kernel has made no block.
    #[error("the kernel made no block; it may not be an EVM kernel")]
    NoHead,
    /// The state after a block is no longer kept.
    #[error("the state {root} after block {number} is no longer kept")]
    Pruned {
        /// The block's number.
        number: u64,
        /// The state's commitment.
        root: B256,
    },
    /// A part of a block is missing.
    #[error("block {number} has no {part}")]
    Missing {
        /// The block's number.
        number: u64,
        /// The part.
        part: &'static str,
    },
    /// A part of a block is invalid.
    #[error("block {number} has an unreadable {part}: {reason}")]
    Unreadable {
        /// The block's number.
        number: u64,
        /// The part.
        part: &'static str,
        /// Why.
        reason: String,
    },
}

impl Block {
    /// The newest block in `state`.
    ///
    /// # Errors
    /// If it is incomplete.
    pub fn read(state: Durable) -> Result<Self, ChainError> {
        let head = head(&state)?;
        Self::read_number(head.number, state)
    }

    /// Block `number` as `state` has it.
    ///
    /// # Errors
    /// If it is incomplete.
    pub fn read_number(number: u64, state: Durable) -> Result<Self, ChainError> {
        let stored = HEADERS.get(&state, &number)?.ok_or(ChainError::Missing {
            number,
            part: "header",
        })?;
        let transactions = history::transactions(&state, number)?.0;
        let receipts = history::receipts(&state, number)?.0;
        Self::of_parts(number, (stored, transactions, receipts), Some(state))
    }

    /// A block as its parts were stored.
    ///
    /// # Errors
    /// If one is unreadable.
    pub(crate) fn of_parts(
        number: u64,
        (stored, transactions, receipts): (
            StoredHeader,
            Vec<StoredTransaction>,
            Vec<StoredReceipt>,
        ),
        state: Option<Durable>,
    ) -> Result<Self, ChainError> {
        let header = Header::decode(&stored.rlp).map_err(|error| ChainError::Unreadable {
            number,
            part: "header",
            reason: error.to_string(),
        })?;
        if transactions.len() != receipts.len() {
            return Err(ChainError::Missing {
                number,
                part: "receipt",
            });
        }
        let bodies: Vec<&[u8]> = transactions.iter().map(|stored| &stored.raw[..]).collect();
        let size = size(&stored.rlp, &bodies);
        let mut included = Vec::with_capacity(transactions.len());
        let (mut cumulative_gas_used, mut first_log) = (0, 0);
        for (stored, receipt) in transactions.into_iter().zip(receipts) {
            let transaction =
                ethereum::transaction::decode_included(&stored.raw).map_err(|error| {
                    ChainError::Unreadable {
                        number,
                        part: "transaction",
                        reason: error.to_string(),
                    }
                })?;
            cumulative_gas_used += receipt.gas_used;
            let logs = receipt.logs.len() as u64;
            included.push(Included {
                transaction,
                sender: stored.sender,
                receipt,
                cumulative_gas_used,
                first_log,
            });
            first_log += logs;
        }
        Ok(Self {
            hash: stored.hash,
            header,
            size,
            transactions: included,
            state,
        })
    }

    /// Durable storage after it.
    ///
    /// # Errors
    /// [`ChainError::Pruned`].
    pub fn state(&self) -> Result<&Durable, ChainError> {
        self.state.as_ref().ok_or(ChainError::Pruned {
            number: self.number(),
            root: self.header.state_root,
        })
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.header.number
    }

    /// Its bytes in RLP: header, transactions, no ommers, no withdrawals.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        use ethereum::rlp::{Encode, List, Raw, Str, encode_list};
        let raws: Vec<Vec<u8>> = self
            .transactions
            .iter()
            .map(|included| included.transaction.encode())
            .collect();
        let items: Vec<Box<dyn Encode + '_>> = raws
            .iter()
            .map(|raw| match raw.first() {
                // A typed transaction is a byte string of the list.
                Some(first) if *first < 0xc0 => Box::new(Str(raw)) as Box<dyn Encode>,
                _ => Box::new(Raw(raw)),
            })
            .collect();
        let items: Vec<&dyn Encode> = items.iter().map(|item| &**item).collect();
        let header = self.header.encode();
        encode_list(&[&Raw(&header), &List(&items), &List(&[]), &List(&[])])
    }

    /// The log with this number in the block, with the index of its transaction.
    #[must_use]
    pub fn log(&self, number: u64) -> Option<(usize, &Log)> {
        let after = |included: &Included| included.first_log <= number;
        let index = self.transactions.partition_point(after).checked_sub(1)?;
        let included = self.transactions.get(index)?;
        let offset = usize::try_from(number - included.first_log).ok()?;
        Some((index, included.receipt.logs.get(offset)?))
    }

    /// Its logs, each with the index of its transaction and its own number in
    /// the block.
    pub fn logs(&self) -> impl Iterator<Item = (usize, u64, &Log)> {
        self.transactions
            .iter()
            .enumerate()
            .flat_map(|(index, included)| {
                (included.first_log..)
                    .zip(&included.receipt.logs)
                    .map(move |(number, log)| (index, number, log))
            })
    }
}

impl Included {
    /// Wei paid for a unit of gas, in a block with this base fee.
    #[must_use]
    pub fn gas_price(&self, base_fee: u64) -> U256 {
        self.transaction.transaction.effective_gas_price(base_fee)
    }

    /// The contract that it created, whether that worked or not.
    #[must_use]
    pub fn created(&self) -> Option<Address> {
        let transaction = &self.transaction.transaction;
        transaction
            .kind()
            .is_create()
            .then(|| self.sender.create(transaction.nonce()))
    }
}

/// The accounts that have to do with a transaction: who sent it, who got it, the contract that it
/// created, those that logged in it; where layer 1's bridges logged, also who got what came.
#[must_use]
pub fn parties(
    sender: Address,
    transaction: &Transaction,
    receipt: &StoredReceipt,
) -> BTreeSet<Address> {
    let mut parties = BTreeSet::from([sender]);
    match transaction.kind() {
        TxKind::Call(to) => parties.insert(to),
        TxKind::Create => parties.insert(sender.create(transaction.nonce())),
    };
    for log in &receipt.logs {
        parties.insert(log.address);
        parties.extend(receiver(log));
    }
    parties
}

/// Events of the bridges for a deposit: the receiver is the second word of each.
const DEPOSITS: [&str; 4] = [
    "Deposit(uint256,address,uint256,uint256)",
    "DepositKept(uint256,address,uint256,uint256)",
    "Deposit(uint256,address,address,uint256,uint256,uint256)",
    "QueuedDeposit(uint256,address,uint256,address,uint256,uint256,uint256)",
];

/// The receiver of a deposit, from a bridge's log.
fn receiver(log: &Log) -> Option<Address> {
    static TOPICS: LazyLock<[B256; 4]> = LazyLock::new(|| DEPOSITS.map(keccak256));
    if ![NATIVE_BRIDGE, FA_BRIDGE].contains(&log.address) || !TOPICS.contains(log.topics().first()?)
    {
        return None;
    }
    let word = B256::try_from(log.data.data.get(32..64)?).ok()?;
    let is_address = word.iter().take(12).all(|byte| *byte == 0);
    is_address.then(|| Address::from_word(word))
}

/// A deposit that a bridge keeps until somebody claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Of tez: it is claimed by its level and message.
    Tez,
    /// Of tokens, by this number.
    Tokens(U256),
}

/// The deposit of a message that a bridge keeps, by the logs of a transaction.
pub(crate) fn kept(logs: &[Log], level: u32, message: u32) -> Option<Kept> {
    static KEPT: LazyLock<[B256; 2]> = LazyLock::new(|| [DEPOSITS[1], DEPOSITS[3]].map(keccak256));
    let place = [level, message].map(|number| U256::from(number).to_be_bytes::<32>());
    logs.iter().find_map(|log| {
        let (topic, data) = (log.topics().first()?, &log.data.data);
        if !data.ends_with(&place.concat()) {
            return None;
        }
        match log.address {
            NATIVE_BRIDGE if *topic == KEPT[0] => Some(Kept::Tez),
            FA_BRIDGE if *topic == KEPT[1] => {
                Some(Kept::Tokens(U256::try_from_be_slice(data.get(..32)?)?))
            }
            _ => None,
        }
    })
}

/// The newest block's facts and the cursor of the queue.
///
/// # Errors
/// [`ChainError::NoHead`] before block 0.
pub fn head(state: &Durable) -> Result<Head, ChainError> {
    HEAD.get(state, &())?.ok_or(ChainError::NoHead)
}

/// The blocks after number `newest` (`None`: from 0 on) in the states that the commits of
/// a level left.
///
/// # Errors
/// If one is incomplete.
pub fn read_new(
    newest: Option<u64>,
    states: &[Durable],
    end: &Durable,
) -> Result<Vec<Arc<Block>>, ChainError> {
    let mut next = newest.map_or(0, |number| number + 1);
    let last = head(end)?.number;
    let mut blocks: Vec<Arc<Block>> = Vec::with_capacity(states.len());
    for state in states {
        // A commit may bring no block, and the first may bring two.
        let number = head(state)?.number;
        // Behind the newest block messages to layer 1 left, or a new kernel came: the next one
        // sees that.
        let state = if number == last { end } else { state };
        while next <= number {
            blocks.push(Arc::new(Block::read_number(next, state.clone())?));
            next += 1;
        }
    }
    Ok(blocks)
}

/// Tells the operator of a block.
pub(crate) fn tell(block: &Block, took: Duration) {
    for included in &block.transactions {
        let hash = included.transaction.hash;
        let gas = included.receipt.gas_used;
        let outcome = if included.receipt.success {
            ""
        } else {
            "  failed"
        };
        match included.created() {
            Some(contract) => {
                tracing::info!("transaction {hash}  gas {gas}  contract {contract}{outcome}");
            }
            None => tracing::info!("transaction {hash}  gas {gas}{outcome}"),
        }
    }
    tracing::info!(
        "block {}  transactions {}  gas {}  {:.1?}",
        block.number(),
        block.transactions.len(),
        block.header.gas_used,
        took
    );
}

/// The length of a block in RLP: header, transactions, no ommers, no withdrawals.
fn size(header: &[u8], transactions: &[&[u8]]) -> u64 {
    use ethereum::rlp::prefix_length;
    let bodies: usize = transactions
        .iter()
        .map(|raw| match raw.first() {
            // A typed transaction is a byte string of the list.
            Some(first) if *first < 0xc0 => prefix_length(raw.len()) + raw.len(),
            _ => raw.len(),
        })
        .sum();
    let payload = header.len() + prefix_length(bodies) + bodies + 1 + 1;
    (prefix_length(payload) + payload) as u64
}
