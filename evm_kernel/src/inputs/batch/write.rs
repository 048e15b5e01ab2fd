//! Transactions → batches, for whoever posts them.

use super::words::{Words, put_bytes, put_leb, put_number};
use super::{MAX_UNFOLDED, POINTS, follows, shape};
use crate::inputs::format::{BATCH, EXTERNAL, TARGETED};
use alloc::vec::Vec;
use alloy_primitives::{Address, TxKind, U256};
use ethereum::rlp;
use ethereum::signature::{self, known_keys};
use ethereum::{SignedTransaction, Transaction};
use host::MAX_MESSAGE;

/// The name of a sender's key in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderKey {
    /// The table of known keys has it, with this index: of the account with this address.
    Known(u64, Address),
    /// x and y, 32 bytes each, big-endian.
    Given([u8; 64]),
}

impl SenderKey {
    /// The account of the key.
    #[must_use]
    pub fn address(&self) -> Address {
        match self {
            Self::Known(_, address) => *address,
            Self::Given(key) => signature::address(key),
        }
    }
}

/// Why a transaction is not put into a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The batch is full: the transaction may fit the next one.
    #[error("the batch is full")]
    Full,
    /// It has another chain id than the batch, or is of a type that nobody signs.
    #[error("no transaction of the batch's chain")]
    Foreign,
    /// No point has the signature's r as its x.
    #[error("invalid signature")]
    Signature,
}

/// A batch that grows.
#[derive(Clone, Debug)]
pub struct Writer {
    rollup: [u8; 20],
    points: bool,
    chain_id: u64,
    unfolded: usize,
    count: u64,
    keys: Vec<SenderKey>,
    /// The nonce after the last one of each key.
    next_nonces: Vec<u64>,
    rows: Vec<u8>,
    words: Words,
    fees: [U256; 2],
    gas_limit: u64,
    receiver: TxKind,
}

impl Writer {
    /// An empty batch for the rollup with this address (the 20 bytes behind `sr1…`).
    /// With `points`, it has y of each signature's point: 32 bytes more, and a
    /// quarter less work for the kernel.
    #[must_use]
    pub fn new(rollup: &[u8; 20], chain_id: u64, points: bool) -> Self {
        Self {
            rollup: *rollup,
            points,
            chain_id,
            unfolded: 0,
            count: 0,
            keys: Vec::new(),
            next_nonces: Vec::new(),
            rows: Vec::new(),
            words: Words::default(),
            fees: [U256::ZERO; 2],
            gas_limit: 0,
            receiver: TxKind::Create,
        }
    }

    /// Adds a transaction that was signed by this key.
    ///
    /// # Errors
    /// If it cannot be in this batch, which is then as it was.
    pub fn push(&mut self, signed: &SignedTransaction, key: &SenderKey) -> Result<(), Unfit> {
        let raw = signed.encode();
        let mut next = self.clone();
        next.row(signed, key)?;
        next.unfolded += raw.len();
        next.count += 1;
        if next.message_len() > MAX_MESSAGE || next.unfolded > MAX_UNFOLDED {
            return Err(Unfit::Full);
        }
        *self = next;
        Ok(())
    }

    /// The number of transactions.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// True if there is no transaction yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The length of the inbox message, its tag included.
    #[must_use]
    pub fn message_len(&self) -> usize {
        self.head().len() + self.rows.len()
    }

    /// The inbox message, its tag included.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut message = self.head();
        message.extend_from_slice(&self.rows);
        message
    }

    fn head(&self) -> Vec<u8> {
        let mut head = Vec::from([EXTERNAL, TARGETED]);
        head.extend_from_slice(&self.rollup);
        head.extend([BATCH, if self.points { POINTS } else { 0 }]);
        put_leb(&mut head, self.chain_id);
        put_leb(&mut head, self.unfolded as u64);
        put_leb(&mut head, self.count);
        put_leb(&mut head, self.keys.len() as u64);
        for key in &self.keys {
            match key {
                SenderKey::Known(index, _) => put_leb(&mut head, index + 1),
                SenderKey::Given(key) => {
                    head.push(0);
                    head.extend_from_slice(key);
                }
            }
        }
        head
    }

    fn row(&mut self, signed: &SignedTransaction, key: &SenderKey) -> Result<(), Unfit> {
        let SignedTransaction {
            transaction,
            signature,
            ..
        } = signed;
        let mut first = match (transaction, transaction.chain_id()) {
            (Transaction::Deposit(_), _) => return Err(Unfit::Foreign),
            (Transaction::Legacy(_), None) => shape::UNPROTECTED,
            (_, chain_id) if chain_id != Some(self.chain_id) => return Err(Unfit::Foreign),
            _ => transaction.tx_type(),
        };
        let mut second = 0;
        let mut row = Vec::new();
        if signature.y_parity {
            first |= shape::PARITY;
        }
        first |= self.put_key(&mut row, key, transaction.nonce());
        second |= self.put_fees(&mut row, transaction);
        first |= self.put_receiver(&mut row, transaction.kind());
        second |= self.put_call(&mut row, transaction, key);
        if let Transaction::SetCode(transaction) = transaction {
            put_bytes(&mut row, &rlp::encode(&transaction.authorization_list[..]));
        }
        row.extend(signature.r.to_be_bytes::<32>());
        row.extend(signature.s.to_be_bytes::<32>());
        if self.points {
            row.extend(known_keys::point(signature).ok_or(Unfit::Signature)?);
        }
        self.rows.extend([first, second]);
        self.rows.extend(row);
        Ok(())
    }

    /// The signer, and the nonce.
    fn put_key(&mut self, row: &mut Vec<u8>, key: &SenderKey, nonce: u64) -> u8 {
        let mut bits = 0;
        let at = self.keys.iter().position(|other| other == key);
        let at = match at {
            Some(at) => {
                put_leb(row, at as u64);
                at
            }
            None => {
                bits |= shape::NEXT_KEY;
                self.keys.push(*key);
                self.next_nonces.push(0);
                self.keys.len() - 1
            }
        };
        if let Some(next) = self.next_nonces.get_mut(at) {
            if *next == nonce {
                bits |= shape::NEXT_NONCE;
            } else {
                put_leb(row, nonce);
            }
            *next = nonce.saturating_add(1);
        }
        bits
    }

    fn put_fees(&mut self, row: &mut Vec<u8>, transaction: &Transaction) -> u8 {
        let mut bits = 0;
        let most = transaction.max_fee_per_gas();
        let priority = transaction.max_priority_fee_per_gas();
        let fees = [most, priority.unwrap_or(self.fees[1])];
        if fees != self.fees {
            bits |= follows::FEES;
            put_number(row, most);
            if let Some(priority) = priority {
                put_number(row, priority);
            }
            self.fees = fees;
        }
        let gas_limit = transaction.gas_limit();
        if gas_limit != self.gas_limit {
            bits |= follows::GAS;
            put_number(row, U256::from(gas_limit));
            self.gas_limit = gas_limit;
        }
        bits
    }

    fn put_receiver(&mut self, row: &mut Vec<u8>, receiver: TxKind) -> u8 {
        let bits = match receiver {
            TxKind::Create => shape::CREATE,
            TxKind::Call(_) if receiver == self.receiver => shape::SAME,
            TxKind::Call(address) => match self.words.find_receiver(&address) {
                Some(at) => {
                    put_leb(row, at);
                    shape::WORD
                }
                None => {
                    row.extend_from_slice(address.as_slice());
                    self.words.push_receiver(&address);
                    shape::ADDRESS
                }
            },
        };
        self.receiver = receiver;
        bits
    }

    /// Value, data and access list.
    fn put_call(&mut self, row: &mut Vec<u8>, transaction: &Transaction, key: &SenderKey) -> u8 {
        let mut bits = 0;
        if !transaction.value().is_zero() {
            bits |= follows::VALUE;
            put_number(row, transaction.value());
        }
        let data = transaction.input();
        if !data.is_empty() {
            bits |= follows::DATA;
            if transaction.kind() == TxKind::Create {
                put_bytes(row, data);
            } else {
                self.words.put_data(row, data, &key.address());
            }
        }
        let access_list = transaction.access_list();
        if !access_list.is_empty() {
            bits |= follows::ACCESS;
            put_bytes(row, &rlp::encode(access_list));
        }
        bits
    }
}
