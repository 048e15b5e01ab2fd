//! Calls and creations, and what looks at other accounts' code.

use crate::code::{op, push, push_address, repeat};
use crate::row::{Kind, Row};
use alloy_primitives::{Address, U256};
use e2e_tests::lab::Lab;

/// The largest code (EIP-170).
const CODE: usize = 24_576;

/// Contracts whose addresses follow each other.
#[derive(Clone, Copy)]
struct Crowd(u64);

impl Crowd {
    /// Fills the accounts 1 to `count` behind the crowd's first.
    fn fill(self, lab: &mut Lab, count: u64, code: impl Fn(u64) -> Vec<u8>) {
        lab.change(|rollup| {
            for number in 1..=count {
                e2e_tests::lab::contract(rollup, self.address(number), &code(number));
            }
        });
    }

    fn address(self, number: u64) -> Address {
        Address::from_word(U256::from(self.0 + number).into())
    }

    /// The address of the round's number, which stands `depth` words deep.
    fn of_round(self, depth: u8) -> Vec<u8> {
        [&[op::DUP1 + depth][..], &push(self.0), &[0x01]].concat()
    }
}

/// The same code for all.
const SAME: Crowd = Crowd(1 << 40);
/// Another code for each.
const OTHER: Crowd = Crowd(2 << 40);
/// Short codes.
const SHORT: Crowd = Crowd(3 << 40);
/// Accounts that are not there.
const ABSENT: Crowd = Crowd(4 << 40);

/// Codes that end in all ways.
const ENDS: Crowd = Crowd(5 << 40);

/// Operands of calls besides gas and address.
const CALLS: [(u8, &str, usize); 4] = [
    (0xf1, "CALL", 5),
    (0xf2, "CALLCODE", 5),
    (0xf4, "DELEGATECALL", 4),
    (0xfa, "STATICCALL", 4),
];

fn largest(number: u64) -> Vec<u8> {
    let mut code = vec![op::STOP];
    code.resize(CODE - 8, op::JUMPDEST);
    code.extend(number.to_be_bytes());
    code
}

/// Measures all of them.
pub(crate) fn rows(lab: &mut Lab, mut done: impl FnMut(Row)) {
    const SAME_COUNT: u64 = 3_000;
    SAME.fill(lab, SAME_COUNT, |_| largest(0));
    OTHER.fill(lab, 300, largest);
    SHORT.fill(lab, 3_000, |number| {
        [&[op::STOP][..], &number.to_be_bytes()].concat()
    });
    ENDS.fill(lab, ENDS_CODES.len() as u64, |number| {
        ENDS_CODES[number as usize - 1].1.to_vec()
    });
    let lab = &*lab;
    let mut row = |name: &str, before: &[u8], body: &[u8], unrolled: usize, rounds: u32| {
        let sample = lab.program(&repeat(before, body, unrolled, rounds));
        done(Row {
            kind: Kind::Call,
            name: name.to_owned(),
            succeeded: sample.succeeded == 1,
            sample,
            alone: None,
        });
    };
    looks(&mut row);
    calls(&mut row);
    ends(&mut row);
}

type Measure<'m> = dyn FnMut(&str, &[u8], &[u8], usize, u32) + 'm;

fn looks(row: &mut Measure<'_>) {
    let crowds = [
        (SAME, "one code of 24 kB", 3_000),
        (OTHER, "codes of 24 kB", 300),
        (SHORT, "short codes", 3_000),
    ];
    for (crowd, name, rounds) in crowds {
        for (code, look) in [
            (0x31, "BALANCE"),
            (0x3b, "EXTCODESIZE"),
            (0x3f, "EXTCODEHASH"),
        ] {
            let body = [&crowd.of_round(0)[..], &[code, op::POP]].concat();
            row(&format!("{look}, cold, {name}"), &[], &body, 1, rounds);
        }
        for len in [0_u64, 32, 24_576] {
            // EXTCODECOPY(address, 0, 0, len)
            let body = [&push(len)[..], &[0x5f, 0x5f], &crowd.of_round(3), &[0x3c]].concat();
            let name = format!("EXTCODECOPY, cold, {name}, {len} bytes");
            row(&name, &[], &body, 1, rounds.min(2_000));
        }
    }
    let body = |len: u64| {
        let address = push_address(SAME.address(1));
        [&push(len)[..], &[0x5f, 0x5f], &address, &[0x3c]].concat()
    };
    for (len, rounds) in [(0_u64, 50), (32, 50), (24_576, 25)] {
        row(
            &format!("EXTCODECOPY, warm, {len} bytes"),
            &[],
            &body(len),
            40,
            rounds,
        );
    }
}

#[allow(clippy::too_many_lines, reason = "a flat list")]
fn calls(row: &mut Measure<'_>) {
    for (code, name, zeros) in CALLS {
        let call = |address: &[u8]| [&vec![0x5f; zeros], address, &[0x5a, code, op::POP]].concat();
        let targets = [
            (push(0xdead_u64), "nobody"),
            (push_address(SHORT.address(1)), "STOP"),
            (push_address(SAME.address(1)), "24 kB"),
        ];
        for (address, target) in targets {
            row(
                &format!("{name}, warm, {target}"),
                &[],
                &call(&address),
                20,
                100,
            );
        }
        let crowds = [
            (SAME, "one code of 24 kB", 3_000),
            (OTHER, "codes of 24 kB", 300),
            (SHORT, "short codes", 3_000),
            (ABSENT, "nobody", 3_000),
        ];
        for (crowd, target, rounds) in crowds {
            let address = crowd.of_round(zeros as u8);
            row(
                &format!("{name}, cold, {target}"),
                &[],
                &call(&address),
                1,
                rounds,
            );
        }
    }
    // With one wei for somebody new each time.
    let new = [
        &[0x5f; 4][..],
        &[0x60, 1],
        &ABSENT.of_round(5),
        &[0x5a, 0xf1, op::POP],
    ]
    .concat();
    row("CALL, a wei for somebody new", &[], &new, 1, 350);
    // Data in and out of memory of 100,000 bytes.
    for len in [1_000_u64, 100_000] {
        let call = [
            push(len),
            push(0),
            push(len),
            push(0),
            push_address(SHORT.address(1)),
            vec![0x5a, 0xfa, op::POP],
        ];
        row(
            &format!("STATICCALL, {len} bytes of data"),
            &[],
            &call.concat(),
            10,
            50,
        );
    }
}

/// Opcodes that end a frame; its caller goes on.
const ENDS_CODES: [(&str, &[u8]); 7] = [
    ("INVALID", &[0xfe]),
    ("an empty stack", &[op::POP]),
    ("REVERT", &[0x5f, 0x5f, 0xfd]),
    ("RETURN of 32 bytes", &[0x60, 32, 0x5f, 0xf3]),
    ("RETURN of 50,000 bytes", &[0x61, 0xc3, 0x50, 0x5f, 0xf3]),
    ("REVERT with 50,000 bytes", &[0x61, 0xc3, 0x50, 0x5f, 0xfd]),
    ("SELFDESTRUCT", &[0x30, 0xff]),
];

fn ends(row: &mut Measure<'_>) {
    for (number, (name, _)) in (1..).zip(ENDS_CODES) {
        let address = push_address(ENDS.address(number));
        let call = [
            &[0x5f; 5][..],
            &address,
            &push(40_000_u64),
            &[0xf1, op::POP],
        ]
        .concat();
        row(&format!("CALL that ends by {name}"), &[], &call, 10, 20);
    }
}
