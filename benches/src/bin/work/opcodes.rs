//! Every opcode that a program can repeat, with the operands that take longest.

use crate::code::{op, push, repeat};
use crate::row::{Kind, Row};
use alloy_primitives::U256;
use e2e_tests::lab::{Lab, Sample};

/// An opcode in a loop.
struct Case {
    name: String,
    /// The stack's initial contents, for all rounds.
    before: Vec<u8>,
    /// The opcode with what brings its operands and takes its results away.
    body: Vec<u8>,
    /// The same without the opcode, which leaves `left` words too many for the
    /// results: they are popped.
    without: Vec<u8>,
    /// The number of extra POPs in `without`.
    pops: i64,
    unrolled: usize,
    rounds: u32,
}

const UNROLLED: usize = 40;

impl Case {
    /// An opcode that takes `operands`, the first from the top, and gives
    /// `results` words.
    fn of(name: &str, code: &[u8], operands: &[U256], results: usize, rounds: u32) -> Self {
        let count = operands.len();
        let before: Vec<u8> = operands.iter().rev().flat_map(|word| push(*word)).collect();
        let dups = vec![op::DUP1 + count as u8; count];
        let body = [&dups[..], code, &vec![op::POP; results]].concat();
        let without = [&dups[..], &vec![op::POP; count]].concat();
        Self {
            name: name.to_owned(),
            before,
            body,
            without,
            pops: count as i64 - results as i64,
            unrolled: UNROLLED,
            rounds,
        }
    }

    /// A body that uses the number of the round, beside one without the opcode.
    fn raw(name: &str, body: &[u8], without: &[u8], pops: i64, rounds: u32) -> Self {
        Self {
            name: name.to_owned(),
            before: Vec::new(),
            body: body.to_vec(),
            without: without.to_vec(),
            pops,
            unrolled: 1,
            rounds,
        }
    }

    fn before(mut self, before: &[u8]) -> Self {
        self.before = [before, &self.before].concat();
        self
    }

    fn measure(&self, lab: &Lab, balance: &Balance) -> Row {
        let run =
            |body: &[u8]| lab.program(&repeat(&self.before, body, self.unrolled, self.rounds));
        let whole = run(&self.body);
        let rest = run(&self.without);
        let times = self.unrolled as i64 * i64::from(self.rounds);
        // The opcode with those that keep the stack's height, which it cannot do
        // without: POPs for what it gives, PUSH0s for what it takes. They were measured
        // a thousand at a time.
        let net = |of: fn(&Sample) -> u64| {
            let thousands = |one: &Sample| times * self.pops * of(one) as i64 / 1000;
            let balance = match (self.unrolled, self.pops) {
                (1, _) => thousands(&balance.pop),
                (_, 1..) => thousands(&balance.pop) + thousands(&balance.push),
                _ => 0,
            };
            (of(&whole) as i64 - of(&rest) as i64 + balance).max(0) as u64
        };
        Row {
            kind: Kind::Opcode,
            name: self.name.clone(),
            succeeded: whole.succeeded == 1,
            alone: Some((net(|one| one.instructions), net(|one| one.work))),
            sample: whole,
        }
    }
}

/// The opcodes that cost least and change the stack's height, a thousand of each.
struct Balance {
    push: Sample,
    pop: Sample,
}

impl Balance {
    fn measure(lab: &Lab) -> Self {
        let (push, pop) = ([0x5f; 1000], [op::POP; 1000]);
        let run = |code: [&[u8]; 3]| lab.program(&code.concat());
        let stop = &[op::STOP][..];
        let none = run([stop, &push, &pop]);
        let pushed = run([&push, stop, &pop]);
        let both = run([&push, &pop, stop]);
        let net = |with: &Sample, without: &Sample| Sample {
            instructions: with.instructions - without.instructions,
            work: with.work - without.work,
            gas: with.gas - without.gas,
            ..Sample::default()
        };
        Self {
            push: net(&pushed, &none),
            pop: net(&both, &pushed),
        }
    }
}

/// Opcodes without operands that give a word, for the least gas.
const PUSHING: [(&str, &[u8]); 17] = [
    ("ADDRESS", &[0x30]),
    ("ORIGIN", &[0x32]),
    ("CALLER", &[0x33]),
    ("CALLVALUE", &[0x34]),
    ("CALLDATASIZE", &[0x36]),
    ("CODESIZE", &[0x38]),
    ("GASPRICE", &[0x3a]),
    ("RETURNDATASIZE", &[0x3d]),
    ("COINBASE", &[0x41]),
    ("TIMESTAMP", &[0x42]),
    ("NUMBER", &[0x43]),
    ("BASEFEE", &[0x48]),
    ("PC", &[0x58]),
    ("MSIZE", &[0x59]),
    ("GAS", &[0x5a]),
    ("PUSH0", &[0x5f]),
    ("PUSH1", &[0x60, 1]),
];

/// Repetitions of such an opcode in a program without a loop, whose counter would be on the
/// stack.
const IN_A_ROW: usize = 6_000;

/// An opcode that gives a word and POP, which takes it: the stack is as empty as can be.
fn on_an_empty_stack(lab: &Lab, name: &str, opcode: &[u8]) -> Row {
    let code = [opcode, &[op::POP]].concat().repeat(IN_A_ROW);
    let whole = lab.program(&code);
    let none = lab.program(&[&[op::STOP], &code[..]].concat());
    Row {
        kind: Kind::Opcode,
        name: format!("{name}, POP on an empty stack"),
        succeeded: whole.succeeded == 1,
        alone: Some((
            whole.instructions.saturating_sub(none.instructions),
            whole.work.saturating_sub(none.work),
        )),
        sample: whole,
    }
}

/// Measures all of them.
pub(crate) fn rows(lab: &Lab, mut done: impl FnMut(Row)) {
    let balance = Balance::measure(lab);
    for (name, sample) in [("PUSH0 alone", balance.push), ("POP alone", balance.pop)] {
        done(Row {
            kind: Kind::Opcode,
            name: name.to_owned(),
            succeeded: true,
            alone: None,
            sample,
        });
    }
    for (name, opcode) in PUSHING {
        done(on_an_empty_stack(lab, name, opcode));
    }
    let cases = [
        arithmetic(),
        environment(),
        memory(),
        state(),
        stack(),
        creation(),
    ];
    for case in cases.into_iter().flatten() {
        done(case.measure(lab, &balance));
    }
}

fn word(number: u64) -> U256 {
    U256::from(number)
}

/// 2^bits − 1.
fn ones(bits: usize) -> U256 {
    if bits == 256 {
        U256::MAX
    } else {
        (U256::ONE << bits) - U256::ONE
    }
}

#[allow(clippy::too_many_lines, reason = "a flat list")]
fn arithmetic() -> Vec<Case> {
    let max = U256::MAX;
    let low = U256::ONE << 255;
    // A modulus whose upper limbs are all in use, and one that needs most
    // corrections of a digit.
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        .parse()
        .unwrap_or_default();
    let two = |name: &str, code: u8, a: U256, b: U256| Case::of(name, &[code], &[a, b], 1, 100);
    let mut cases = vec![
        two("ADD", 0x01, max, max),
        two("MUL", 0x02, max, max),
        two("SUB", 0x03, word(1), max),
        two("EQ", 0x14, max, max),
        two("AND", 0x16, max, max),
        two("OR", 0x17, max, max),
        two("XOR", 0x18, max, max),
        two("LT", 0x10, max, max),
        two("GT", 0x11, max, max),
        two("SLT", 0x12, max, max),
        two("SGT", 0x13, max, max),
        two("BYTE", 0x1a, word(15), max),
        two("SHL", 0x1b, word(67), max),
        two("SHR", 0x1c, word(67), max),
        two("SAR, negative", 0x1d, word(67), max),
        two("SAR, all bits", 0x1d, word(300), max),
        two("SIGNEXTEND", 0x0b, word(15), max),
        Case::of("ISZERO", &[0x15], &[max], 1, 100),
        Case::of("NOT", &[0x19], &[max], 1, 100),
        Case::of("CLZ", &[0x1e], &[word(1)], 1, 100),
        Case::of("CLZ of 0", &[0x1e], &[word(0)], 1, 100),
    ];
    for bits in [64, 65, 128, 129, 192, 193, 256] {
        let by = if bits == 256 {
            order
        } else {
            ones(bits) - word(12)
        };
        cases.push(two(&format!("DIV by {bits} bits"), 0x04, max, by));
        cases.push(two(&format!("MOD by {bits} bits"), 0x06, max, by));
        cases.push(two(
            &format!("SDIV by {bits} bits"),
            0x05,
            low + word(1),
            by,
        ));
        cases.push(two(
            &format!("SMOD by {bits} bits"),
            0x07,
            low + word(1),
            by,
        ));
        for (name, code) in [("ADDMOD", 0x08), ("MULMOD", 0x09)] {
            let operands = [max - word(5), max, by];
            cases.push(Case::of(
                &format!("{name} by {bits} bits"),
                &[code],
                &operands,
                1,
                50,
            ));
        }
    }
    cases.push(two("SDIV by a negative", 0x05, low, U256::ZERO - ones(129)));
    cases.push(two("SMOD by a negative", 0x07, low, U256::ZERO - ones(129)));
    for bytes in [0, 1, 2, 4, 8, 16, 32] {
        let exponent = ones(8 * bytes);
        let name = format!("EXP, exponent of {bytes} bytes");
        cases.push(Case::of(&name, &[0x0a], &[max - word(2), exponent], 1, 20));
    }
    cases
}

fn environment() -> Vec<Case> {
    const NONE: [(u8, &str); 20] = [
        (0x30, "ADDRESS"),
        (0x32, "ORIGIN"),
        (0x33, "CALLER"),
        (0x34, "CALLVALUE"),
        (0x36, "CALLDATASIZE"),
        (0x38, "CODESIZE"),
        (0x3a, "GASPRICE"),
        (0x3d, "RETURNDATASIZE"),
        (0x41, "COINBASE"),
        (0x42, "TIMESTAMP"),
        (0x43, "NUMBER"),
        (0x44, "PREVRANDAO"),
        (0x45, "GASLIMIT"),
        (0x46, "CHAINID"),
        (0x47, "SELFBALANCE"),
        (0x48, "BASEFEE"),
        (0x4a, "BLOBBASEFEE"),
        (0x58, "PC"),
        (0x59, "MSIZE"),
        (0x5a, "GAS"),
    ];
    let none = NONE.map(|(code, name)| Case::of(name, &[code], &[], 1, 100));
    let mut cases: Vec<_> = none.into();
    cases.push(Case::of("BLOBHASH", &[0x49], &[word(0)], 1, 100));
    cases.push(Case::of("BLOCKHASH of 0", &[0x40], &[word(0)], 1, 100));
    cases.push(Case::of(
        "BLOCKHASH of nothing",
        &[0x40],
        &[word(1 << 40)],
        1,
        100,
    ));
    cases.push(Case::of("CALLDATALOAD", &[0x35], &[word(0)], 1, 100));
    cases.push(Case::of("BALANCE, warm", &[0x31], &[word(0xdead)], 1, 20));
    cases.push(Case::of(
        "EXTCODESIZE, warm",
        &[0x3b],
        &[word(0xdead)],
        1,
        20,
    ));
    cases.push(Case::of(
        "EXTCODEHASH, warm",
        &[0x3f],
        &[word(0xdead)],
        1,
        20,
    ));
    cases.push(Case::of("JUMPDEST", &[op::JUMPDEST], &[], 0, 200));
    cases
}

#[allow(clippy::too_many_lines, reason = "a flat list")]
fn memory() -> Vec<Case> {
    const BIG: u64 = 100_000;
    let mut cases = vec![
        Case::of("MLOAD", &[0x51], &[word(0)], 1, 100),
        Case::of("MSTORE", &[0x52], &[word(0), U256::MAX], 0, 100),
        Case::of("MSTORE8", &[0x53], &[word(31), word(7)], 0, 100),
    ];
    for len in [0, 1, 32, 33, 1024, BIG] {
        let rounds = if len > 5_000 { 4 } else { 50 };
        let three = [word(0), word(0), word(len)];
        let from = [word(0), word(32), word(len)];
        for (code, name) in [(0x37, "CALLDATACOPY"), (0x39, "CODECOPY")] {
            cases.push(Case::of(
                &format!("{name}, {len} bytes"),
                &[code],
                &three,
                0,
                rounds,
            ));
        }
        cases.push(Case::of(
            &format!("MCOPY, {len} bytes"),
            &[0x5e],
            &from,
            0,
            rounds,
        ));
        let two = [word(0), word(len)];
        cases.push(Case::of(
            &format!("KECCAK256, {len} bytes"),
            &[0x20],
            &two,
            1,
            rounds,
        ));
        for (code, topics) in [(0xa0, 0), (0xa1, 1), (0xa4, 4)] {
            let words = [&two[..], &[U256::MAX; 4][..topics]].concat();
            let mut case = Case::of(&format!("LOG{topics}, {len} bytes"), &[code], &words, 0, 1);
            (case.unrolled, case.rounds) = (4, if len > 5_000 { 2 } else { 250 });
            cases.push(case);
        }
        // Returned by the identity: what RETURNDATACOPY copies.
        let call = [
            push(0),
            push(0),
            push(len),
            push(0),
            push(4),
            vec![0x5a, 0xfa, op::POP],
        ];
        let copy = Case::of(
            &format!("RETURNDATACOPY, {len} bytes"),
            &[0x3e],
            &three,
            0,
            rounds,
        );
        cases.push(copy.before(&call.concat()));
    }
    for len in [135, 136, 200] {
        let two = [word(0), word(len)];
        cases.push(Case::of(
            &format!("KECCAK256, {len} bytes"),
            &[0x20],
            &two,
            1,
            50,
        ));
    }
    // Another topic each time: the bloom filter remembers what it saw.
    let dup = [op::DUP1; 4];
    let log = [&dup[..], &[0x5f, 0x5f, 0xa4]].concat();
    let without = [&dup[..], &[0x5f, 0x5f], &[op::POP; 6]].concat();
    cases.push(Case::raw("LOG4, new topics", &log, &without, 6, 2_000));
    cases
}

#[allow(clippy::too_many_lines, reason = "a flat list")]
fn state() -> Vec<Case> {
    let pop = [op::DUP1, op::POP];
    let mut cases = vec![
        Case::of("SLOAD, warm", &[0x54], &[word(0)], 1, 50),
        Case::of("SSTORE, the same", &[0x55], &[word(0), word(0)], 0, 50),
        Case::of("TLOAD", &[0x5c], &[word(0)], 1, 50),
        Case::of("TSTORE, the same", &[0x5d], &[word(0), word(1)], 0, 50),
        Case::raw("SLOAD, cold", &[op::DUP1, 0x54, op::POP], &pop, 0, 4_000),
        Case::raw(
            "BALANCE, cold, absent",
            &[op::DUP1, 0x31, op::POP],
            &pop,
            0,
            4_000,
        ),
        Case::raw(
            "EXTCODEHASH, cold, absent",
            &[op::DUP1, 0x3f, op::POP],
            &pop,
            0,
            4_000,
        ),
        Case::raw(
            "EXTCODESIZE, cold, absent",
            &[op::DUP1, 0x3b, op::POP],
            &pop,
            0,
            4_000,
        ),
    ];
    let two = [op::DUP1, op::DUP1];
    let popped = [op::DUP1, op::DUP1, op::POP, op::POP];
    let store = |code: u8| [&two[..], &[code]].concat();
    cases.push(Case::raw(
        "SSTORE, a new slot",
        &store(0x55),
        &popped,
        2,
        700,
    ));
    cases.push(Case::raw(
        "TSTORE, a new slot",
        &store(0x5d),
        &popped,
        2,
        20_000,
    ));
    // On, off and on again: 20,000 once, then refunds.
    let dance = [0x60, 1, 0x5f, 0x55, 0x5f, 0x5f, 0x55];
    let still = [
        0x60,
        1,
        0x5f,
        op::POP,
        op::POP,
        0x5f,
        0x5f,
        op::POP,
        op::POP,
    ];
    cases.push(Case::raw("SSTORE, to and fro", &dance, &still, 4, 8_000));
    cases
}

fn stack() -> Vec<Case> {
    let mut cases = vec![Case::of("PUSH0", &[0x5f], &[], 1, 100)];
    for bytes in [1, 2, 4, 8, 16, 20, 32] {
        let code = [&[0x5f + bytes as u8][..], &vec![0xff; bytes]].concat();
        cases.push(Case::of(&format!("PUSH{bytes}"), &code, &[], 1, 100));
    }
    let deep: Vec<u8> = (0..16).flat_map(|_| push(U256::MAX)).collect();
    for number in [1, 2, 8, 16_u8] {
        let dup = Case::of(
            &format!("DUP{number}"),
            &[op::DUP1 + number - 1],
            &[],
            1,
            100,
        );
        cases.push(dup.before(&deep));
        // Twice, so that the number of rounds is on top again.
        let swap = op::SWAP1 + number - 1;
        let swap = Case::of(&format!("SWAP{number}, twice"), &[swap, swap], &[], 0, 100);
        cases.push(swap.before(&deep));
    }
    // To the next instruction, and nowhere.
    cases.push(Case::of(
        "JUMPI, not taken",
        &[op::JUMPI],
        &[word(3), word(0)],
        0,
        100,
    ));
    let jump = [0x60, 3, 0x58, 0x01, 0x56, op::JUMPDEST];
    cases.push(Case::of(
        "JUMP, with PUSH, PC, ADD, JUMPDEST",
        &jump,
        &[],
        0,
        100,
    ));
    cases
}

fn creation() -> Vec<Case> {
    let mut cases = Vec::new();
    for (len, rounds) in [(0_u64, 300), (1, 300), (1_000, 200), (49_152, 50)] {
        // Initcode that stops at once: zeros.
        let create = [&push(len)[..], &[0x5f, 0x5f, 0xf0, op::POP]].concat();
        let without = [&push(len)[..], &[0x5f, 0x5f], &[op::POP; 3]].concat();
        cases.push(Case::raw(
            &format!("CREATE, {len} zeros"),
            &create,
            &without,
            2,
            rounds,
        ));
        let create = [&[op::DUP1][..], &push(len), &[0x5f, 0x5f, 0xf5, op::POP]].concat();
        let without = [&[op::DUP1][..], &push(len), &[0x5f, 0x5f], &[op::POP; 4]].concat();
        cases.push(Case::raw(
            &format!("CREATE2, {len} zeros"),
            &create,
            &without,
            3,
            rounds,
        ));
    }
    // Memory full of JUMPDEST behind a STOP, from the program's own end.
    let body = |code: &[u8]| [&push(49_152_u64)[..], &[0x5f, 0x5f], code].concat();
    let fill: Vec<u8> = (1..1536_u64)
        .flat_map(|place| {
            [
                push(U256::from_be_bytes([op::JUMPDEST; 32])),
                push(32 * place),
                vec![0x52],
            ]
            .concat()
        })
        .collect();
    cases.push(
        Case::raw(
            "CREATE, 49,120 JUMPDEST",
            &body(&[0xf0, op::POP]),
            &body(&[op::POP; 3]),
            2,
            100,
        )
        .before(&fill),
    );
    cases
}
