//! The precompile of the outbox, `0xff…03`, called by others than the bridges and
//! with more than any message needs.

use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use e2e_tests::layer1::TICKETER;
use e2e_tests::{Rollup, Setup, User};
use pvm::{LevelReport, Metering};
use solidity_fixtures::bridge::native;
use storage::Config;

const OUTBOX: Address = address!("ff00000000000000000000000000000000000003");

/// One mutez in wei.
const MUTEZ: u64 = 1_000_000_000_000;

/// The largest gas limit of a transaction.
const GAS: u64 = 16_700_000;

/// Wasm instructions for a unit of gas, at most.
const INSTRUCTIONS: u64 = 80;

/// Runs `code` as a transaction that creates a contract: the gas that it used, and
/// the instructions of its level over those of an empty one.
fn measure(code: Vec<u8>) -> (u64, u64) {
    let mut eve = User::new("eve");
    let mut rollup = Rollup::new(&Setup {
        config: Config {
            ticketer: Some(TICKETER),
            ..Config::default()
        },
        metering: Metering::Full,
        ..Setup::funded(&[&eve])
    });
    rollup.empty_level();
    let instructions =
        |report: &LevelReport| -> u64 { report.runs.iter().map(|run| run.instructions).sum() };
    let empty = instructions(&rollup.empty_level());
    let wei = U256::from(MUTEZ);
    let raw = eve.send(1337, TxKind::Create, wei, Bytes::from(code), GAS);
    let report = rollup.level(&[raw.encode()]);
    let included = rollup.block(rollup.head().number);
    assert_eq!(report.outbox, Vec::<Vec<u8>>::new());
    (included[0].receipt.gas_used, instructions(&report) - empty)
}

/// Code that calls `to` for ever.
struct Calls<'a> {
    to: Address,
    /// The code that pushes the gas of each call.
    gas: &'a [u8],
    wei: u64,
    /// The length of its input in memory, which begins with `data`.
    memory: u32,
    data: &'a [u8],
}

impl Calls<'_> {
    fn code(&self) -> Vec<u8> {
        let len = [&[0x61][..], &(self.data.len() as u16).to_be_bytes()].concat();
        // CODECOPY(0, CODESIZE - len, len), MSTORE8(memory - 1, 0).
        let copy = [&len, &len[..], &[0x38, 0x03, 0x5f, 0x39]].concat();
        let last = (self.memory - 1).to_be_bytes();
        let touch = [&[0x5f, 0x63][..], &last, &[0x53]].concat();
        let start = (copy.len() + touch.len()) as u8;
        // CALL(gas, to, wei, 0, memory, 0, 0)
        let call = [
            &[0x5b, 0x5f, 0x5f, 0x63][..],
            &self.memory.to_be_bytes(),
            &[0x5f, 0x67],
            &self.wei.to_be_bytes(),
            &[0x73],
            self.to.as_slice(),
            self.gas,
            &[0xf1, 0x50, 0x60, start, 0x56, 0x00],
        ]
        .concat();
        [&copy, &touch, &call, self.data].concat()
    }
}

/// Before: 16.7 M gas, 0.017 tez, bought 142 G instructions, 8,500 a unit of gas.
#[test]
fn a_large_input_of_somebody_else_is_not_even_copied() {
    // All gas that is left; and little, so that there are many calls.
    for gas in [&[0x5a][..], &[0x61, 0x40, 0x00]] {
        for memory in [1 << 20, 3 << 19] {
            let calls = Calls {
                to: OUTBOX,
                gas,
                wei: 0,
                memory,
                data: &[],
            };
            let (used, instructions) = measure(calls.code());
            assert!(used > GAS / 2, "{used}");
            assert!(
                instructions < INSTRUCTIONS * used,
                "{instructions} instructions for {used} gas"
            );
        }
    }
}

/// A text that is no address of layer 1, as long as memory is cheap.
#[test]
fn a_long_text_through_the_bridge_is_not_decoded() {
    for len in [40, 128, 5_000, 60_000] {
        let data = native::withdraw(&"1".repeat(len));
        let data = &data[..data.len().min(6_000)];
        let calls = Calls {
            to: native::ADDRESS,
            gas: &[0x5a],
            wei: MUTEZ,
            memory: 4 + 64 + len as u32,
            data,
        };
        let (used, instructions) = measure(calls.code());
        assert!(
            instructions < INSTRUCTIONS * used,
            "{len} bytes: {instructions} instructions for {used} gas"
        );
    }
}
