//! Calls by contracts of layer 1, as inbox bytes.

use messages::contract::Contract;
use messages::inbox::{Message, Transfer};
use messages::micheline::{prim, write};
use messages::ticket;

/// The contract whose tickets are the native token, in tests.
pub const TICKETER: [u8; 20] = [0x71; 20];

/// The contract that forces transactions in.
pub const DELAYED_BRIDGE: [u8; 20] = [0x72; 20];

/// The contract that governs.
pub const GOVERNANCE: [u8; 20] = [0x73; 20];

/// `Pair 0 None`: what the exchanger's tickets say.
pub const CONTENT: [u8; 6] = [7, 7, 0, 0, 3, 6];

/// A call of the rollup `destination` by the contract `sender`.
#[must_use]
pub fn transfer(destination: [u8; 20], sender: [u8; 20], payload: &[u8]) -> Vec<u8> {
    Message::Transfer(Transfer {
        payload,
        sender: &sender,
        source: &[0; 21],
        destination: &destination,
    })
    .encode()
}

/// `Left (Left (Pair routing (Pair ticketer (Pair content amount))))`.
#[must_use]
pub fn deposit(routing: &[u8], ticketer: Contract, content: &[u8], amount: &[u8]) -> Vec<u8> {
    let mut payload = vec![5, prim::LEFT, 5, prim::LEFT];
    write::pair(
        &mut payload,
        |out| write::bytes(out, routing),
        |out| {
            ticket::put(out, &ticketer, content, |out| {
                write::int(out, false, amount);
            });
        },
    );
    payload
}

/// A deposit of `mutez` by a bridge contract.
#[must_use]
pub fn native_deposit(destination: [u8; 20], routing: &[u8], mutez: u64) -> Vec<u8> {
    let ticketer = Contract::Originated(TICKETER);
    let payload = deposit(routing, ticketer, &CONTENT, &mutez.to_be_bytes());
    transfer(destination, [0x70; 20], &payload)
}

/// `Left (Right bytes)`, by the contract that forces transactions in.
#[must_use]
pub fn delayed(destination: [u8; 20], sender: [u8; 20], bytes: &[u8]) -> Vec<u8> {
    let mut payload = vec![5, prim::LEFT, 5, prim::RIGHT];
    write::bytes(&mut payload, bytes);
    transfer(destination, sender, &payload)
}

/// `Right bytes`, by the contract that governs.
#[must_use]
pub fn governance(destination: [u8; 20], sender: [u8; 20], bytes: &[u8]) -> Vec<u8> {
    let mut payload = vec![5, prim::RIGHT];
    write::bytes(&mut payload, bytes);
    transfer(destination, sender, &payload)
}

/// Governance's decision for the kernel with this root hash, as of `time`
/// (seconds since 1970): RLP of both.
#[must_use]
pub fn upgrade(destination: [u8; 20], sender: [u8; 20], root: &[u8; 33], time: i64) -> Vec<u8> {
    let payload = [&[0xeb, 0xa1], &root[..], &[0x88], &time.to_le_bytes()].concat();
    governance(destination, sender, &payload)
}
