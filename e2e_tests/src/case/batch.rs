//! Batches for a load.

use super::{Crowd, Kind, ROLLUP, number};
use crate::rollup::Rollup;
use crate::user::User;
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use ethereum::SignedTransaction;
use evm_kernel::inputs::batch::write::{SenderKey, Unfit, Writer};
use std::collections::HashMap;
use std::sync::LazyLock;
use storage::KeyPlace;
use storage::layout::KNOWN_KEYS;

/// The number of accounts with a known key, and of strangers.
const KNOWN: usize = 1_000;

/// The distance between known keys of consecutive accounts.
const FAR: usize = 331;

/// The bytes in front of a batch in its message: tags and the rollup's address.
const FRAME: usize = 23;

/// An account without money, and its key.
#[derive(Debug)]
struct Account {
    user: User,
    key: [u8; 64],
}

static KNOWN_ACCOUNTS: LazyLock<Vec<Account>> = LazyLock::new(|| accounts("known"));
static STRANGERS: LazyLock<Vec<Account>> = LazyLock::new(|| accounts("stranger"));

fn accounts(name: &str) -> Vec<Account> {
    let users: Vec<User> = (0..KNOWN)
        .map(|number| User::new(&format!("lab, {name} {number}")))
        .collect();
    users.into_iter().map(keyed).collect()
}

fn keyed(user: User) -> Account {
    let to = TxKind::Call(Address::ZERO);
    let signed = user.clone().send(1337, to, U256::ZERO, Bytes::new(), 0);
    let signer = ethereum::signers([&signed]).remove(0).expect("a signature");
    Account {
        user,
        key: signer.key,
    }
}

/// Makes the keys of some accounts known.
///
/// # Panics
/// Never: paths are legal.
pub(super) fn known_keys(rollup: &mut Rollup) {
    let entries = KNOWN_ACCOUNTS
        .iter()
        .flat_map(|account| [account.user.address.as_slice(), &account.key].concat());
    let values = [
        (KeyPlace::Page(0), entries.collect::<Vec<u8>>()),
        (KeyPlace::Count, (KNOWN as u64).to_be_bytes().to_vec()),
    ];
    for (place, value) in values {
        let path = KNOWN_KEYS.path(&place).expect("a legal path");
        rollup.set(&path.as_path().to_string(), &value);
    }
}

/// The batches of a crowd, as inbox messages.
pub(super) fn messages(user: &mut User, crowd: &Crowd) -> Vec<Vec<u8>> {
    // One batch holds 60 at most.
    let count = match crowd.kind {
        Kind::SameBatch => crowd.count.min(60),
        _ => crowd.count,
    };
    let mut packer = Packer::new(crowd);
    let owner = keyed(user.clone());
    let mut signers = Signers {
        owner: (owner.user, SenderKey::Given(owner.key)),
        nonces: HashMap::new(),
        salt: crowd.salt,
    };
    for one in 0..count {
        let (mut sender, key) = signers.sender(one as usize);
        let to = match crowd.fill & 8 {
            0 => TxKind::Call(Address::from_word(number(1 << 42 | one))),
            _ => TxKind::Call(Address::repeat_byte(0xbb)),
        };
        let gas = 21_000 + 40 * crowd.len as u64;
        let signed = sender.send(1337, to, U256::ZERO, data(crowd, one), gas);
        signers.sent(sender);
        packer.push(&signed, &key);
    }
    user.nonce = signers.owner.0.nonce;
    let messages = packer.finish();
    match (crowd.kind, messages.into_iter()) {
        (Kind::SameBatch, mut messages) => {
            let first = messages.next();
            let times = (crowd.count as usize).min(2_000);
            first.map_or_else(Vec::new, |first| vec![first; times])
        }
        (_, messages) => messages
            .enumerate()
            .map(|one| changed(crowd, one))
            .collect(),
    }
}

/// Words of data: the same one, some, or each another; numbers or all of their bytes.
fn data(crowd: &Crowd, one: u64) -> Bytes {
    let words = (0..).map(|word: u64| match crowd.fill >> 4 & 3 {
        0 => number(u64::from(crowd.fill)),
        1 => keccak256([crowd.fill]),
        2 => keccak256((word % 7).to_be_bytes()),
        _ => keccak256([one.to_be_bytes(), word.to_be_bytes()].concat()),
    });
    let selector = [crowd.fill; 4].into_iter();
    let bytes = selector.chain(words.flat_map(|word| word.0));
    // More than a batch unfolds to fits none.
    bytes.take(crowd.len.min(3_500)).collect()
}

/// The signers.
struct Signers {
    owner: (User, SenderKey),
    /// Of the others that signed already.
    nonces: HashMap<Address, u64>,
    salt: u64,
}

impl Signers {
    fn sender(&self, one: usize) -> (User, SenderKey) {
        let known = |place: usize| {
            let account = &KNOWN_ACCOUNTS[place];
            let user = account.user.clone();
            let key = SenderKey::Known(place as u64, user.address);
            (user, key)
        };
        let (mut user, key) = match self.salt % 4 {
            0 => return self.owner.clone(),
            1 => known(one % KNOWN),
            2 => known(one * FAR % KNOWN),
            _ => {
                let account = &STRANGERS[one % KNOWN];
                (account.user.clone(), SenderKey::Given(account.key))
            }
        };
        user.nonce = self.nonces.get(&user.address).copied().unwrap_or_default();
        (user, key)
    }

    fn sent(&mut self, user: User) {
        if user.address == self.owner.0.address {
            self.owner.0 = user;
        } else {
            self.nonces.insert(user.address, user.nonce);
        }
    }
}

/// Fills batches.
struct Packer {
    writer: Writer,
    points: bool,
    messages: Vec<Vec<u8>>,
}

impl Packer {
    fn new(crowd: &Crowd) -> Self {
        let points = crowd.fill & 1 == 1;
        Self {
            writer: Writer::new(&ROLLUP, 1337, points),
            points,
            messages: Vec::new(),
        }
    }

    fn push(&mut self, signed: &SignedTransaction, key: &SenderKey) {
        if let Err(Unfit::Full) = self.writer.push(signed, key) {
            self.flush();
            // What fits no batch is left out.
            let _ = self.writer.push(signed, key);
        }
    }

    fn flush(&mut self) {
        let next = Writer::new(&ROLLUP, 1337, self.points);
        let full = std::mem::replace(&mut self.writer, next);
        if !full.is_empty() {
            self.messages.push(full.message());
        }
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        self.flush();
        self.messages
    }
}

/// The batch as its kind has it.
fn changed(crowd: &Crowd, (place, mut message): (usize, Vec<u8>)) -> Vec<u8> {
    let len = message.len();
    match crowd.kind {
        Kind::WrongBatch => message[len - 1] ^= 1,
        Kind::BrokenBatch => {
            for change in 0..=crowd.salt {
                let seed = [place as u64, change, u64::from(crowd.fill)].map(u64::to_be_bytes);
                let noise = keccak256(seed.as_flattened());
                let at = u16::from_be_bytes([noise[0], noise[1]]);
                message[FRAME + usize::from(at) % (len - FRAME)] = noise[2];
            }
        }
        _ => {}
    }
    message
}
