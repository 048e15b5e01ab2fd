//! A batch's bytes → transactions.

use super::error::BadBatch;
use super::words::{Reader, Words};
use super::{MAX_UNFOLDED, POINTS, follows, shape};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use ethereum::rlp::{self, Encode, List, Raw, Str};
use ethereum::transaction::tx_type;
use ethereum::{Signature, SignedTransaction};

/// A key that signed transactions of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'b> {
    /// The one with this index in the table of known keys.
    Known(u64),
    /// x and y, 32 bytes each, big-endian.
    Given(&'b [u8; 64]),
}

/// A batch of which only the head is read yet.
#[derive(Debug)]
pub struct Batch<'b> {
    points: bool,
    chain_id: u64,
    unfolded: usize,
    count: usize,
    keys: Vec<Key<'b>>,
    rest: Reader<'b>,
}

/// A transaction of a batch; nobody has checked who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfolded {
    /// The transaction.
    pub transaction: Box<SignedTransaction>,
    /// Its bytes, as whoever signed it made them.
    pub raw: Bytes,
    /// y of the signature's point, if the batch has it.
    pub y: Option<[u8; 32]>,
    /// Which of the batch's keys is said to have signed it.
    pub key: usize,
    /// The bytes that it takes in the batch.
    pub weight: usize,
}

/// The most bytes that one of a batch unfolds to: a word that is named. What is counted
/// before anything unfolds is bounded by what was posted.
const MOST_EACH: usize = 32;

/// The fewest bytes of a transaction in a batch.
const LEAST: usize = 2 + 64;

impl<'b> Batch<'b> {
    /// Reads the head of what stands behind the tag.
    ///
    /// # Errors
    /// If it is invalid, or says that the batch holds more than it can.
    pub fn open(bytes: &'b [u8]) -> Result<Self, BadBatch> {
        let mut rest = Reader(bytes);
        let flags = rest.byte()?;
        if flags & !POINTS != 0 {
            return Err(BadBatch::Flags(flags));
        }
        let chain_id = rest.leb()?;
        let unfolded = rest.leb()?;
        if unfolded > MAX_UNFOLDED.min(MOST_EACH * bytes.len()) as u64 {
            return Err(BadBatch::TooLong(unfolded));
        }
        let (transactions, keys) = (rest.leb()?, rest.leb()?);
        if transactions == 0 {
            return Err(BadBatch::Empty);
        }
        if transactions > (bytes.len() / LEAST) as u64 || keys > transactions {
            return Err(BadBatch::TooMany { transactions, keys });
        }
        let keys = (0..keys).map(|_| {
            Ok(match rest.leb()?.checked_sub(1) {
                Some(index) => Key::Known(index),
                None => Key::Given(rest.array()?),
            })
        });
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Self {
            points: flags & POINTS != 0,
            chain_id,
            unfolded: unfolded as usize,
            count: transactions as usize,
            keys,
            rest,
        })
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[Key<'b>] {
        &self.keys
    }

    /// The number of transactions.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Never: [`Batch::open`] refuses a batch without transactions.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of all raw transactions together.
    #[must_use]
    pub const fn unfolded(&self) -> usize {
        self.unfolded
    }

    /// The transactions, whose keys belong to `senders`.
    ///
    /// # Errors
    /// If one is invalid, or they have other bytes than the head says.
    pub fn unfold(self, senders: &[Address]) -> Result<Vec<Unfolded>, BadBatch> {
        let mut unfolding = Unfolding {
            points: self.points,
            chain_id: self.chain_id,
            senders,
            left: self.unfolded,
            reader: self.rest,
            words: Words::default(),
            next_key: 0,
            next_nonces: vec![0; self.keys.len()],
            fees: [U256::ZERO; 2],
            gas_limit: 0,
            receiver: TxKind::Create,
        };
        let mut transactions = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            transactions.push(unfolding.transaction().map_err(|error| match error {
                BadBatch::WrongLength(_) => BadBatch::WrongLength(self.unfolded),
                error => error,
            })?);
        }
        match unfolding.reader.0.len() {
            0 if unfolding.left == 0 => Ok(transactions),
            0 => Err(BadBatch::WrongLength(self.unfolded)),
            trailing => Err(BadBatch::Trailing(trailing)),
        }
    }
}

/// The state while transactions are unfolded.
struct Unfolding<'b, 's> {
    points: bool,
    chain_id: u64,
    senders: &'s [Address],
    /// The bytes that transactions may still have.
    left: usize,
    reader: Reader<'b>,
    words: Words,
    /// The first key that was not used.
    next_key: usize,
    /// The nonce after the last one of each key.
    next_nonces: Vec<u64>,
    /// Most price of a unit of gas, most for the producer; of the last transaction.
    fees: [U256; 2],
    gas_limit: u64,
    receiver: TxKind,
}

/// A transaction's parts, as its type takes them.
struct Parts<'b> {
    tx_type: u8,
    nonce: u64,
    value: U256,
    data: Vec<u8>,
    access_list: &'b [u8],
    authorizations: &'b [u8],
    signature: Signature,
}

impl<'b> Unfolding<'b, '_> {
    fn transaction(&mut self) -> Result<Unfolded, BadBatch> {
        let before = self.reader.0.len();
        let (first, second) = (self.reader.byte()?, self.reader.byte()?);
        let tx_type = first & shape::TYPE;
        if tx_type > tx_type::SET_CODE || second & !follows::ALL != 0 {
            return Err(BadBatch::Shape(first, second));
        }
        let key = self.key(first)?;
        let nonce = self.nonce(first, key)?;
        self.fees(tx_type, second)?;
        self.receiver(first)?;
        let value = if second & follows::VALUE == 0 {
            U256::ZERO
        } else {
            self.reader.number()?
        };
        let data = if second & follows::DATA == 0 {
            Vec::new()
        } else {
            self.data(key)?
        };
        let access_list = if second & follows::ACCESS == 0 {
            &[rlp::EMPTY_LIST]
        } else {
            self.reader.bytes()?
        };
        let authorizations = match tx_type {
            tx_type::SET_CODE => self.reader.bytes()?,
            _ => &[],
        };
        let signature = Signature {
            y_parity: first & shape::PARITY != 0,
            r: U256::from_be_bytes::<32>(*self.reader.array()?),
            s: U256::from_be_bytes::<32>(*self.reader.array()?),
        };
        let y = match self.points {
            true => Some(*self.reader.array()?),
            false => None,
        };
        let raw = self.raw(&Parts {
            tx_type,
            nonce,
            value,
            data,
            access_list,
            authorizations,
            signature,
        })?;
        let hash = ethereum::keccak256(&raw);
        let transaction =
            ethereum::transaction::decode_with_hash(&raw, hash).map_err(BadBatch::Transaction)?;
        Ok(Unfolded {
            transaction: Box::new(transaction),
            raw: raw.into(),
            y,
            key,
            weight: before - self.reader.0.len(),
        })
    }

    fn key(&mut self, first: u8) -> Result<usize, BadBatch> {
        let key = if first & shape::NEXT_KEY == 0 {
            let index = self.reader.leb()?;
            usize::try_from(index).map_err(|_| BadBatch::Index(index))?
        } else {
            self.next_key
        };
        if key >= self.next_nonces.len() {
            return Err(BadBatch::Index(key as u64));
        }
        self.next_key = self.next_key.max(key + 1);
        Ok(key)
    }

    fn nonce(&mut self, first: u8, key: usize) -> Result<u64, BadBatch> {
        let next = self.next_nonces.get_mut(key);
        let next = next.ok_or(BadBatch::Index(key as u64))?;
        let nonce = if first & shape::NEXT_NONCE == 0 {
            self.reader.leb()?
        } else {
            *next
        };
        *next = nonce.checked_add(1).ok_or(BadBatch::Number)?;
        Ok(nonce)
    }

    fn fees(&mut self, tx_type: u8, second: u8) -> Result<(), BadBatch> {
        if second & follows::FEES != 0 {
            self.fees[0] = self.reader.number()?;
            if let tx_type::DYNAMIC_FEE | tx_type::SET_CODE = tx_type {
                self.fees[1] = self.reader.number()?;
            }
        }
        if second & follows::GAS != 0 {
            let gas_limit = self.reader.number()?;
            self.gas_limit = u64::try_from(gas_limit).map_err(|_| BadBatch::Number)?;
        }
        Ok(())
    }

    fn receiver(&mut self, first: u8) -> Result<(), BadBatch> {
        self.receiver = match first & shape::RECEIVER {
            shape::CREATE => TxKind::Create,
            shape::ADDRESS => {
                let address = Address::new(*self.reader.array()?);
                self.words.push_receiver(&address);
                TxKind::Call(address)
            }
            shape::WORD => TxKind::Call(self.words.receiver(&mut self.reader)?),
            _ => self.receiver,
        };
        Ok(())
    }

    fn data(&mut self, key: usize) -> Result<Vec<u8>, BadBatch> {
        let len = usize::try_from(self.reader.leb()?).unwrap_or(usize::MAX);
        if len > self.left {
            return Err(BadBatch::WrongLength(0));
        }
        if self.receiver == TxKind::Create {
            return Ok(self.reader.take(len)?.to_vec());
        }
        let sender = self.senders.get(key).copied().unwrap_or_default();
        self.words.data(&mut self.reader, len, &sender)
    }

    /// The transaction's bytes: an envelope, or a legacy list.
    fn raw(&mut self, parts: &Parts<'_>) -> Result<Vec<u8>, BadBatch> {
        let Parts { signature, .. } = parts;
        let [most, priority] = &self.fees;
        let v = signature.v((parts.tx_type == tx_type::LEGACY).then_some(self.chain_id));
        let data = Str(&parts.data);
        let (access, authorizations) = (Raw(parts.access_list), Raw(parts.authorizations));
        let head: &[&dyn Encode] = match parts.tx_type {
            tx_type::LEGACY | shape::UNPROTECTED => &[&parts.nonce, most],
            tx_type::ACCESS_LIST => &[&self.chain_id, &parts.nonce, most],
            _ => &[&self.chain_id, &parts.nonce, priority, most],
        };
        let call: &[&dyn Encode] = &[&self.gas_limit, &self.receiver, &parts.value, &data];
        let tail: &[&dyn Encode] = match parts.tx_type {
            tx_type::LEGACY | shape::UNPROTECTED => &[&v],
            tx_type::SET_CODE => &[&access, &authorizations, &signature.y_parity],
            _ => &[&access, &signature.y_parity],
        };
        let proof: &[&dyn Encode] = &[&signature.r, &signature.s];
        let items = [head, call, tail, proof].concat();
        let list = List(&items);
        let envelope = match parts.tx_type {
            tx_type::LEGACY | shape::UNPROTECTED => None,
            tx_type => Some(tx_type),
        };
        let len = list.length() + usize::from(envelope.is_some());
        self.left = self.left.checked_sub(len).ok_or(BadBatch::WrongLength(0))?;
        let mut raw = Vec::with_capacity(len);
        raw.extend(envelope);
        list.encode(&mut raw);
        Ok(raw)
    }
}
