//! A search for what costs the machine most beside what the kernel counts: programs,
//! inputs and mixtures of both, through the `.wasm`, mutated towards more
//! instructions for a unit of work.

use crate::program::{Pool, program};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use arbitrary::{Result, Unstructured};
use e2e_tests::lab::{Lab, MAX_GAS, Sample, contract};
use e2e_tests::layer1::{self, DELAYED_BRIDGE, TICKETER};
use evm_kernel::inputs::encode;
use std::time::{Duration, Instant};
use storage::Config;

/// The most instructions for a unit of work.
pub const BOUND: u64 = 80;

/// Less work than this says little: what every level does is not counted.
const LEAST: u64 = 300_000;

/// The cases that are mutated.
const KEPT: usize = 24;

/// The bytes of a case.
const LEN: usize = 1_200;

const ROLLUP: [u8; 20] = [7; 20];
/// The program that is called again and again, and who calls it.
const CALLED: Address = Address::repeat_byte(0xca);
const CALLER: Address = Address::repeat_byte(0xcb);
/// A contract of 24 kB, all of it jump destinations.
const LARGE: Address = Address::repeat_byte(0xcc);

/// A case and what it cost.
#[derive(Clone, Debug)]
pub struct Found {
    /// Bytes that the case is made of.
    pub bytes: Vec<u8>,
    /// What it cost.
    pub sample: Sample,
}

impl Found {
    /// Instructions of a unit of work, in hundredths.
    #[must_use]
    pub fn hundredths(&self) -> u64 {
        if self.sample.work < LEAST {
            return 0;
        }
        self.sample.hundredths()
    }
}

/// The rollup that cases run on.
///
/// # Panics
/// Where the kernel is missing.
#[must_use]
pub fn lab() -> Lab {
    let mut lab = Lab::new(Config {
        ticketer: Some(TICKETER),
        delayed_bridge: Some(DELAYED_BRIDGE),
        ..Config::default()
    });
    lab.change(|rollup| contract(rollup, LARGE, &[0x5b; 24_576]));
    lab
}

/// Runs the case that `bytes` stand for.
#[must_use]
pub fn run(lab: &Lab, bytes: &[u8]) -> Sample {
    let mut choices = Unstructured::new(bytes);
    // What the bytes do not say is the first choice: no case is refused.
    case(lab, &mut choices).unwrap_or_default()
}

fn case(lab: &Lab, choices: &mut Unstructured<'_>) -> Result<Sample> {
    let kind = choices.int_in_range(0..=3_u8)?;
    let mut rollup = lab.rollup();
    let mut messages = Vec::new();
    if kind > 0 {
        let called = program(choices, &pool(), 2)?;
        contract(&mut rollup, CALLED, &called);
        contract(&mut rollup, CALLER, &caller(choices)?);
        let mut user = lab.user.clone();
        let input = vec![0xff; choices.int_in_range(0..=2_000_usize)?];
        let call = TxKind::Call(CALLER);
        let raw = user.send(1337, call, U256::ZERO, input.into(), MAX_GAS / 8);
        messages.extend(encode::messages(&ROLLUP, &raw.encode()));
    }
    if kind % 2 == 0 {
        for _ in 0..choices.int_in_range(1..=6_u8)? {
            crowd(lab, choices, &mut messages)?;
        }
    }
    Ok(lab.run(&mut rollup, messages).0)
}

fn pool() -> Pool {
    let precompiles = (1..=0x11).chain([0x100]);
    let low = precompiles.map(|number: u64| Address::from_word(U256::from(number).into()));
    Pool {
        addresses: low
            .chain([CALLED, CALLER, LARGE, Address::repeat_byte(0xdd)])
            .collect(),
    }
}

/// A loop without end over a call of the program, with some gas.
fn caller(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let gas = choices.int_in_range(500..=400_000_u32)?;
    let [_, a, b, c] = gas.to_be_bytes();
    let call = choices.choose(&[0xf1_u8, 0xf4, 0xfa])?;
    let mut code = vec![0x5b, 0x5f, 0x5f, 0x36, 0x5f];
    if *call == 0xf1 {
        code.push(0x5f);
    }
    code.push(0x73);
    code.extend(CALLED);
    code.extend([0x62, a, b, c, *call, 0x50, 0x5f, 0x56]);
    Ok(code)
}

/// Some messages of a kind.
fn crowd(lab: &Lab, choices: &mut Unstructured<'_>, out: &mut Vec<Vec<u8>>) -> Result<()> {
    let kind = choices.int_in_range(0..=9_u8)?;
    let count = choices.int_in_range(1..=200_u64)?;
    let len = choices.int_in_range(0..=3_900_usize)?;
    let salt = choices.int_in_range(0..=3_u64)?;
    let fill: u8 = choices.arbitrary()?;
    let number = |number: u64| B256::from(U256::from(number));
    let framed = |contents: &[u8]| [&[1, 0][..], &ROLLUP, contents].concat();
    let mut user = lab.user.clone();
    user.nonce = salt;
    for one in 0..count {
        let body = vec![fill; len];
        out.push(match kind {
            0 => vec![1; len + 1],
            1 => framed(&body),
            2 => framed(&[&[0], keccak256(&body).as_slice(), &body].concat()),
            3 => {
                let to = TxKind::Call(Address::from_word(number(one)));
                let raw = user.send(1337, to, U256::ONE, Bytes::new(), 21_000);
                framed(&[&[0], keccak256(raw.encode()).as_slice(), &raw.encode()].concat())
            }
            4 => {
                user.nonce = 1_000 + one;
                let to = TxKind::Call(Address::ZERO);
                let raw = user
                    .send(1337, to, U256::ONE, body.into(), 200_000)
                    .encode();
                framed(&[&[0], keccak256(&raw).as_slice(), &raw].concat())
            }
            5 => {
                let hashes = (0..len as u64 / 120).flat_map(|place| number(one << 20 | place).0);
                let hashes: Vec<u8> = hashes.collect();
                let places = (hashes.len() as u16 / 32).to_le_bytes();
                framed(&[&[1], number(salt).as_slice(), &places, &hashes].concat())
            }
            6 => {
                let chunk = [&body[..], &one.to_be_bytes()].concat();
                let hash = keccak256(&chunk);
                let head = [&[2], number(salt).as_slice(), &[0, 0], hash.as_slice()].concat();
                framed(&[&head, &chunk[..chunk.len().min(3_900)]].concat())
            }
            7 => layer1::native_deposit(ROLLUP, number(one << (8 * salt)).as_slice(), 1 + one),
            8 => layer1::delayed(ROLLUP, DELAYED_BRIDGE, &body),
            _ => layer1::transfer(ROLLUP, [9; 20], &body),
        });
    }
    Ok(())
}

/// A source of numbers: the same seed, the same numbers.
#[derive(Debug)]
struct Numbers(u64);

impl Numbers {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Searches for so long; `better` hears of each case that costs more than all
/// before. Gives the worst cases, the worst first, and how many ran.
pub fn search(time: Duration, seed: u64, mut better: impl FnMut(&Found)) -> (Vec<Found>, u64) {
    let lab = lab();
    let end = Instant::now() + time;
    let mut numbers = Numbers(seed);
    let mut kept: Vec<Found> = Vec::new();
    let mut runs = 0;
    while Instant::now() < end {
        let bytes = if kept.len() < KEPT / 2 || numbers.below(8) == 0 {
            (0..LEN).map(|_| numbers.next() as u8).collect()
        } else {
            mutated(&mut numbers, &kept)
        };
        let sample = run(&lab, &bytes);
        runs += 1;
        let found = Found { bytes, sample };
        if kept
            .first()
            .is_none_or(|best| found.hundredths() > best.hundredths())
        {
            better(&found);
        }
        let place = kept.partition_point(|one| one.hundredths() > found.hundredths());
        let known = kept
            .get(place)
            .is_some_and(|one| one.hundredths() == found.hundredths());
        if !known {
            kept.insert(place, found);
            kept.truncate(KEPT);
        }
    }
    (kept, runs)
}

/// One of the kept cases, changed in some places or crossed with another.
fn mutated(numbers: &mut Numbers, kept: &[Found]) -> Vec<u8> {
    let pick = |numbers: &mut Numbers| {
        // The worst are picked more often.
        let place = numbers.below(kept.len()).min(numbers.below(kept.len()));
        kept[place].bytes.clone()
    };
    let mut bytes = pick(numbers);
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] = numbers.next() as u8,
            1 => bytes[at] ^= 1 << numbers.below(8),
            2 => {
                bytes.remove(at);
                bytes.push(numbers.next() as u8);
            }
            3 => {
                bytes.insert(at, numbers.next() as u8);
                bytes.truncate(LEN);
            }
            4 => {
                let len = numbers.below(64).min(bytes.len() - at);
                let from = numbers.below(bytes.len() - len);
                bytes.copy_within(from..from + len, at);
            }
            _ => {
                let other = pick(numbers);
                let len = numbers.below(400).min(bytes.len() - at).min(other.len());
                let from = numbers.below(other.len() - len + 1);
                bytes[at..at + len].copy_from_slice(&other[from..from + len]);
            }
        }
    }
    bytes
}
