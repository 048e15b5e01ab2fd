//! Inbox messages that nobody vouches for: the kernel takes them, and goes on.

use crate::case::{CHAIN, Case};
use crate::choice::Choices;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::{User, layer1};
use host::Metadata;
use host::mock::{Level, MockHost};
use messages::contract::Contract;
use storage::layout::{ACCOUNTS, SETUP};
use storage::table::Value;
use storage::{Account, Config};

const ROLLUP: [u8; 20] = [7; 20];
const RECEIVER: Address = Address::repeat_byte(0xdd);

/// A message that is something, more or less.
fn message(choices: &mut Choices<'_>) -> Vec<u8> {
    let framed = |tag: u8, bytes: &[u8]| [&[1, 0][..], &ROLLUP, &[tag], bytes].concat();
    let mut message = match choices.below(9) {
        0 => choices.bytes(200),
        1 => framed(choices.byte(), &choices.bytes(200)),
        2 => {
            let signed = Case::new(&choices.bytes(120)).transactions.remove(0);
            let raw = signed.encode();
            framed(0, &[signed.hash.as_slice(), &raw].concat())
        }
        3 => {
            let count = choices.below(4) as u16;
            let hashes = vec![choices.byte(); 32 * usize::from(count)];
            let head = [&[choices.byte(); 32][..], &count.to_le_bytes()].concat();
            framed(1, &[head, hashes].concat())
        }
        4 => framed(2, &[&[choices.byte(); 66][..], &choices.bytes(90)].concat()),
        5 => layer1::native_deposit(ROLLUP, &choices.bytes(60), choices.u64()),
        6 => {
            let ticketer = Contract::Originated(choices.array());
            let amount = choices.array::<33>();
            let payload = layer1::deposit(&choices.bytes(75), ticketer, &layer1::CONTENT, &amount);
            layer1::transfer(ROLLUP, choices.array(), &payload)
        }
        7 => layer1::delayed(ROLLUP, layer1::DELAYED_BRIDGE, &choices.bytes(200)),
        _ => layer1::governance(ROLLUP, layer1::GOVERNANCE, &choices.bytes(200)),
    };
    if choices.chance(60) && !message.is_empty() {
        let at = choices.below(message.len() as u64) as usize;
        message[at] = choices.byte();
    }
    message.truncate(4_096);
    message
}

/// Some messages over some levels, then a good transaction, which must arrive.
///
/// # Errors
/// Where a run traps, or the good transaction does not arrive.
pub fn run(bytes: &[u8]) -> Result<(), String> {
    let mut choices = Choices::new(bytes);
    let mut good = User::new("good");
    let mut host = MockHost::default().with_metadata(Metadata {
        address: ROLLUP,
        origination_level: 0,
    });
    host.set_next_level(1);
    let config = Config {
        ticketer: Some(layer1::TICKETER),
        delayed_bridge: Some(layer1::DELAYED_BRIDGE),
        kernel_governance: Some(layer1::GOVERNANCE),
        ..Config::default()
    };
    for (name, value) in config.to_setup() {
        host.set(format!("{SETUP}/{name}").as_bytes(), &value);
    }
    let account = Account {
        balance: U256::from(10).pow(U256::from(18)),
        ..Account::default()
    };
    let path = ACCOUNTS
        .path(&good.address)
        .map_err(|error| error.to_string())?;
    host.set(path.as_path().as_bytes(), account.encode().as_ref());
    let mut levels: Vec<Vec<Vec<u8>>> = (0..1 + choices.below(2))
        .map(|_| {
            (0..choices.below(5))
                .map(|_| message(&mut choices))
                .collect()
        })
        .collect();
    let wei = U256::from(1);
    let signed = good.send(CHAIN, TxKind::Call(RECEIVER), wei, Bytes::new(), 21_000);
    levels.push(vec![
        [
            &[1, 0][..],
            &ROLLUP,
            &[0],
            signed.hash.as_slice(),
            &signed.encode(),
        ]
        .concat(),
    ]);
    for messages in &levels {
        let level = Level {
            timestamp: 1_700_000_000,
            predecessor: [9; 32],
            messages: messages.clone(),
        };
        let ended = host.run_level(&level, evm_kernel::mock_kernel_run);
        if ended.traps > 0 || ended.forced {
            return Err(format!("a trap: {}\n{levels:?}", host.debug_log()));
        }
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
