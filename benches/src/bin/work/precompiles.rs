//! Every precompile, with the inputs that take longest and with invalid ones.

use crate::code::{op, push, repeat};
use crate::row::{Kind, Row};
use alloy_primitives::{Bytes, U256};
use e2e_tests::lab::Lab;
use std::error::Error;

/// An input for a precompile.
struct Case {
    address: u64,
    name: String,
    input: Vec<u8>,
    /// The gas of each call.
    gas: u64,
    rounds: u32,
}

/// Known calls: those that other implementations answered.
const VECTORS: &str = include_str!("../../../../e2e_tests/tests/fixtures/precompiles.json");

/// Measures all of them.
pub(crate) fn rows(lab: &Lab, mut done: impl FnMut(Row)) -> Result<(), Box<dyn Error>> {
    for case in cases()? {
        let sample = lab.program(&case.program());
        done(Row {
            kind: Kind::Precompile,
            name: format!("{:#04x}, {}", case.address, case.name),
            succeeded: sample.succeeded == 1,
            sample,
            alone: None,
        });
    }
    Ok(())
}

impl Case {
    /// A program that calls the precompile with the input, which is its end.
    fn program(&self) -> Vec<u8> {
        let len = self.input.len() as u64;
        let call = [
            &[0x5f, 0x5f][..],
            &push(len),
            &[0x5f],
            &push(self.address),
            &push(self.gas),
            &[0xfa, op::POP],
        ];
        let with = |start: u64| {
            let copy = [
                push(len),
                push(U256::from(start) | U256::from(1 << 16)),
                vec![0x5f, 0x39],
            ];
            let mut code = repeat(&copy.concat(), &call.concat(), 1, self.rounds);
            // The place of the input takes three bytes, whatever it is.
            let at = push(len).len() + 1;
            code[at] = (start >> 16) as u8;
            code
        };
        let start = with(0).len() as u64;
        [with(start), self.input.clone()].concat()
    }
}

/// A call of a precompile: its number, what it is for, the input.
type Vector = (u64, String, Vec<u8>);

fn vectors() -> Result<Vec<Vector>, Box<dyn Error>> {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(VECTORS)?;
    let vectors = vectors.iter().map(|vector| {
        let input: Bytes = vector["input"].as_str().unwrap_or_default().parse()?;
        let address = vector["precompile"].as_u64().unwrap_or_default();
        let name = vector["name"].as_str().unwrap_or_default();
        Ok((address, name.to_owned(), input.to_vec()))
    });
    vectors.collect()
}

#[allow(clippy::too_many_lines, reason = "a flat list")]
fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    let vectors = vectors()?;
    let mut cases = Vec::new();
    let mut add = |address, name: &str, input: Vec<u8>, gas, rounds| {
        cases.push(Case {
            address,
            name: name.to_owned(),
            input,
            gas,
            rounds,
        });
    };
    for (address, name, input) in &vectors {
        add(*address, name, input.clone(), 200_000, 4);
    }
    let named = |address: u64, name: &str| -> Vec<u8> {
        let mut found = vectors
            .iter()
            .filter(|one| one.0 == address && one.1 == name);
        found.next().map(|one| one.2.clone()).unwrap_or_default()
    };
    for len in [0, 1, 32, 55, 64, 10_000, 100_000] {
        for (address, name) in [(2, "SHA-256"), (3, "RIPEMD-160"), (4, "identity")] {
            let rounds = if len > 1_000 { 8 } else { 300 };
            add(
                address,
                &format!("{name}, {len} bytes"),
                vec![7; len],
                1_000_000,
                rounds,
            );
        }
    }
    modexp(&mut add);
    for rounds in [0, 1, 12, 1_000, 100_000_u32] {
        let input = [&rounds.to_be_bytes()[..], &[7; 208], &[1]].concat();
        let times = if rounds < 1_000 { 300 } else { 5 };
        add(9, &format!("{rounds} rounds"), input, 1_000_000, times);
    }
    let scalar = [0xff; 32];
    let g = [U256::ONE.to_be_bytes_vec(), U256::from(2).to_be_bytes_vec()].concat();
    add(
        7,
        "G times 2^256 - 1",
        [&g[..], &scalar].concat(),
        100_000,
        20,
    );
    add(6, "G + G", [&g[..], &g].concat(), 100_000, 50);
    add(6, "G + nothing", g, 100_000, 50);
    let pairs = named(8, "e(6 G, H) = e(2 G, 3 H)");
    let bls_pairs = named(15, "e(6 G, H) = e(2 G, 3 H)");
    for count in [1, 2, 4, 8, 16_usize] {
        let (one, bls) = (&pairs[..192], &bls_pairs[..384]);
        add(
            8,
            &format!("{count} pairs"),
            one.repeat(count),
            1_000_000,
            2,
        );
        add(
            15,
            &format!("{count} pairs"),
            bls.repeat(count),
            1_000_000,
            2,
        );
    }
    let zeros = |len: usize, count: usize| vec![0; len * count];
    for count in [1, 10_usize] {
        add(
            8,
            &format!("{count} pairs of nothing"),
            zeros(192, count),
            1_000_000,
            3,
        );
        add(
            15,
            &format!("{count} pairs of nothing"),
            zeros(384, count),
            1_000_000,
            3,
        );
    }
    for (address, point, name) in [(12, 128, "G1"), (14, 256, "G2")] {
        let two = named(address, "two terms");
        let term = [&two[..point], &scalar].concat();
        for count in [1, 2, 8, 32, 128_usize] {
            let name = format!("{count} terms in {name}");
            add(address, &name, term.repeat(count), 8_000_000, 1);
        }
        add(
            address,
            "a term of nothing",
            zeros(point + 32, 1),
            1_000_000,
            10,
        );
    }
    for (address, _, input) in &vectors {
        // A bit less than whole: what is refused is refused early.
        if [8, 11, 12, 13, 14, 15, 16, 17].contains(address) && input.len() > 40 {
            let cut = input[..input.len() - 1].to_vec();
            add(*address, "a byte short", cut, 400_000, 3);
        }
    }
    Ok(cases)
}

/// Sizes and shapes of EIP-198, priced by EIP-7883.
fn modexp(add: &mut impl FnMut(u64, &str, Vec<u8>, u64, u32)) {
    let input = |base: usize, exponent: &[u8], modulus: &[u8]| {
        let lens = [base, exponent.len(), modulus.len()];
        let lens = lens
            .into_iter()
            .flat_map(|len| U256::from(len).to_be_bytes_vec());
        let mut input: Vec<u8> = lens.collect();
        input.extend(vec![0xfe; base]);
        input.extend(exponent);
        input.extend(modulus);
        input
    };
    for len in [1, 8, 16, 32, 33, 64, 128, 256, 512, 1_024] {
        let mut odd = vec![0xff; len];
        odd[0] = 0xf1;
        let mut even = odd.clone();
        even[len - 1] = 0xfe;
        let mut power = vec![0; len];
        power[0] = 0x80;
        for (modulus, name) in [(odd, "odd"), (even, "even"), (power, "a power of two")] {
            let exponents: [(&[u8], &str); 5] = [
                (&[0], "0"),
                (&[3], "3"),
                (&[0xff; 3], "2^24 - 1"),
                (&[0xff; 32], "2^256 - 1"),
                (&[0xff; 64], "2^512 - 1"),
            ];
            for (exponent, power) in exponents {
                let rounds = if len > 200 { 1 } else { 3 };
                let name = format!("{len} bytes, {name}, to {power}");
                add(5, &name, input(len, exponent, &modulus), 14_000_000, rounds);
            }
        }
    }
    add(
        5,
        "a base of 1,024 bytes, a modulus of 1",
        input(1_024, &[3], &[7]),
        1_000_000,
        10,
    );
    add(
        5,
        "a base of 1, a modulus of 1,024 bytes",
        input(1, &[3], &[0xf3; 1_024]),
        1_000_000,
        10,
    );
}
