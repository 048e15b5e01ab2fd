//! Inbox messages that nobody vouches for: the kernel takes them, and goes on.

use crate::case::{CHAIN, Case};
use crate::random::some_bytes;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use arbitrary::Unstructured;
use e2e_tests::{User, layer1, native};
use host::mock::{Level, MockHost};
use messages::contract::Contract;
use storage::Config;
use storage::layout::ACCOUNTS;

const ROLLUP: [u8; 20] = [7; 20];
/// The price of a transaction's byte, in wei.
const DATA_FEES: [u64; 3] = [0, 1, 2_000_000_000_000];

const RECEIVER: Address = Address::repeat_byte(0xdd);

/// A message that is something, more or less.
fn message(choices: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let framed = |tag: u8, bytes: &[u8]| [&[1, 0][..], &ROLLUP, &[tag], bytes].concat();
    let mut message = match choices.int_in_range(0..=8)? {
        0 => some_bytes(choices, 200)?,
        1 => framed(choices.arbitrary()?, &some_bytes(choices, 200)?),
        2 => {
            let signed = Case::new(&some_bytes(choices, 120)?).transactions.remove(0);
            let raw = signed.encode();
            framed(0, &[signed.hash.as_slice(), &raw].concat())
        }
        3 => {
            let count: u16 = choices.int_in_range(0..=3)?;
            let hashes = vec![choices.arbitrary()?; 32 * usize::from(count)];
            let head = [&[choices.arbitrary()?; 32][..], &count.to_le_bytes()].concat();
            framed(1, &[head, hashes].concat())
        }
        4 => {
            let head = [choices.arbitrary()?; 66];
            framed(2, &[&head[..], &some_bytes(choices, 90)?].concat())
        }
        5 => {
            let routing = some_bytes(choices, 60)?;
            layer1::native_deposit(ROLLUP, &routing, choices.arbitrary()?)
        }
        6 => {
            let ticketer = Contract::Originated(choices.arbitrary()?);
            let amount: [u8; 33] = choices.arbitrary()?;
            let routing = some_bytes(choices, 75)?;
            let payload = layer1::deposit(&routing, ticketer, &layer1::CONTENT, &amount);
            layer1::transfer(ROLLUP, choices.arbitrary()?, &payload)
        }
        7 => layer1::delayed(ROLLUP, layer1::DELAYED_BRIDGE, &some_bytes(choices, 200)?),
        _ => layer1::governance(ROLLUP, layer1::GOVERNANCE, &some_bytes(choices, 200)?),
    };
    if choices.ratio(60, 256)? && !message.is_empty() {
        let at = choices.choose_index(message.len())?;
        message[at] = choices.arbitrary()?;
    }
    message.truncate(4_096);
    Ok(message)
}

/// One or two levels of a few messages.
fn levels(choices: &mut Unstructured<'_>) -> arbitrary::Result<Vec<Vec<Vec<u8>>>> {
    let count = choices.int_in_range(1..=2)?;
    let levels = (0..count).map(|_| {
        let count = choices.int_in_range(0..=4)?;
        (0..count).map(|_| message(choices)).collect()
    });
    levels.collect()
}

/// A rollup with its bridge, and a rich account.
fn rollup(rich: &Address, data_fee: u64) -> MockHost {
    let config = Config {
        ticketer: Some(layer1::TICKETER),
        delayed_bridge: Some(layer1::DELAYED_BRIDGE),
        kernel_governance: Some(layer1::GOVERNANCE),
        fee_recipient: Address::repeat_byte(0xfe),
        data_fee,
        ..Config::default()
    };
    let mut host = native::rollup(ROLLUP, 1, &config);
    native::fund(&mut host, rich, U256::from(10).pow(U256::from(18)));
    host
}

/// Some messages over some levels, then a good transaction, which must arrive.
///
/// # Errors
/// If a run traps, or the good transaction does not arrive.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let mut good = User::new("good");
    let mut choices = Unstructured::new(bytes);
    let (Ok(levels), Ok(data_fee)) = (levels(&mut choices), choices.choose(&DATA_FEES)) else {
        return Ok(());
    };
    let (mut levels, mut host) = (levels, rollup(&good.address, *data_fee));
    let wei = U256::from(1);
    // Enough for its bytes, too.
    let gas = 21_000 + if *data_fee == 0 { 0 } else { 500_000 };
    let signed = good.send(CHAIN, TxKind::Call(RECEIVER), wei, Bytes::new(), gas);
    levels.push(vec![[&[1], &native::simple(&ROLLUP, &signed)[..]].concat()]);
    for messages in &levels {
        let level = Level {
            timestamp: 1_700_000_000,
            predecessor: [9; 32],
            messages: messages.clone(),
        };
        native::run(&mut host, &level).map_err(|error| format!("{error}\n{levels:?}"))?;
    }
    let arrived = ACCOUNTS
        .get(&host, &RECEIVER)
        .map_err(|error| error.to_string())?;
    match arrived {
        Some(account) if account.balance == wei => Ok(()),
        other => Err(format!(
            "the good transaction is lost: {other:?}\n{levels:?}"
        )),
    }
}
