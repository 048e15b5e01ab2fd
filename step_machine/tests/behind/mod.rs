//! Random code, much of it where nothing is reached and the stack holds whatever is taken from it.

use crate::decoded::Random;

/// Functions, tables, globals and segments of all kinds, and one body of a function: a type, locals of all
/// types, code.
const AROUND: &str = r#"(module
  (type (func))
  (type (func (param i32) (result i64)))
  (type (func (param funcref externref) (result v128)))
  (type (func (param v128 i32) (result funcref)))
  (import "smart_rollup_core" "store_has" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table 3 funcref) (table 2 externref)
  (global (mut i32) (i32.const 1)) (global i64 (i64.const 2)) (global (mut v128) (v128.const i64x2 3 4))
  (global (mut funcref) (ref.func 2)) (global (mut externref) (ref.null extern))
  (elem func 1 2) (elem externref (ref.null extern))
  (data "abc")
  (func (export "kernel_run"))
  (func (type 1) unreachable)
  (func (type 2) unreachable)
  (func (type 3) unreachable))"#;

/// The sections of [`AROUND`] before its code and behind.
pub(crate) struct Around {
    before: Vec<u8>,
    behind: Vec<u8>,
}

impl Around {
    pub(crate) fn new() -> Self {
        let wasm = wat::parse_str(AROUND).unwrap();
        let (mut before, mut behind) = (wasm[..8].to_vec(), Vec::new());
        let mut at = 8;
        while at < wasm.len() {
            // All are short.
            let end = at + 2 + usize::from(wasm[at + 1]);
            match wasm[at] {
                0..=9 => before.extend(&wasm[at..end]),
                11 => behind.extend(&wasm[at..end]),
                _ => {}
            }
            at = end;
        }
        before.extend(b"\x0c\x01\x01");
        Self { before, behind }
    }

    /// A kernel with random bodies.
    pub(crate) fn kernel(&self, random: &mut Random) -> Vec<u8> {
        let mut code = vec![4];
        let random_one = random.below(4);
        for number in 0..4 {
            let body = match number == random_one {
                true => body(random),
                false => vec![0, 0, 0x0b],
            };
            code.extend(crate::kernels::leb(body.len() as u32));
            code.extend(body);
        }
        let size = crate::kernels::leb(code.len() as u32);
        [&self.before[..], &[10], &size, &code, &self.behind].concat()
    }
}

const KINDS: [u8; 5] = [0x7f, 0x7e, 0x7b, 0x70, 0x6f];

/// Takes and gives what it says: values of the kinds above.
const OPERATORS: [&[u8]; 40] = [
    b"\x01",
    b"\x1a",
    b"\x1a",
    b"\x1b",
    b"\x1c\x01\x7f",
    b"\x1c\x01\x70",
    b"\x1c\x01\x7b",
    b"\x45",
    b"\x50",
    b"\x6a",
    b"\x7c",
    b"\xa7",
    b"\xac",
    b"\xa8",
    b"\xb1",
    b"\xbc",
    b"\xfc\x03",
    b"\x28\x02\x04",
    b"\x37\x03\0",
    b"\x3f\0",
    b"\x40\0",
    b"\xd1",
    b"\xd0\x70",
    b"\xd0\x6f",
    b"\xd2\x02",
    b"\xd2\x03",
    b"\xfc\x08\0\0",
    b"\xfc\x09\0",
    b"\xfc\x0a\0\0",
    b"\xfc\x0b\0",
    b"\xfc\x0c\0\0",
    b"\xfc\x0c\x01\x01",
    b"\xfc\x0e\0\0",
    b"\xfc\x0f\x01",
    b"\xfc\x10\0",
    b"\xfc\x11\0",
    b"\xfd\x15\x03",
    b"\xfd\x52",
    b"\xfd\x6e",
    b"\xfd\x57\x03\0\x01",
];

fn body(random: &mut Random) -> Vec<u8> {
    let mut code = vec![5];
    for kind in KINDS {
        code.extend([2, kind]);
    }
    if random.below(4) > 0 {
        code.push(0);
    }
    let mut open = Vec::new();
    for _ in 0..random.below(14) {
        step(random, &mut code, &mut open);
    }
    for _ in open {
        code.extend(b"\0\x0b");
    }
    code.extend(b"\0\x0b");
    code
}

fn step(random: &mut Random, code: &mut Vec<u8>, open: &mut Vec<bool>) {
    if random.below(8) > 0 {
        code.push(0);
    }
    let depth = open.len() + 1;
    let kind = KINDS[random.below(5)];
    match random.below(20) {
        0 => code.extend(b"\x41\0\x04\x40\0\x0b"),
        1..=2 => {
            let opcode = [2, 3, 4][random.below(3)];
            code.extend([opcode, [0x40, kind][random.below(2)]]);
            open.push(opcode == 4);
        }
        3 => {
            if let Some(conditional @ true) = open.last_mut() {
                *conditional = false;
                code.push(5);
            }
        }
        4 => {
            if open.pop().is_some() {
                code.push(0x0b);
            }
        }
        5 => code.extend([0x0c + random.below(2) as u8, random.below(depth) as u8]),
        6 => {
            let targets = random.below(4);
            code.extend([0x0e, targets as u8]);
            for _ in 0..=targets {
                code.push(random.below(depth) as u8);
            }
        }
        7 => code.push(0x0f),
        8 => code.extend([0x10, random.below(5) as u8]),
        9 => code.extend([0x11, random.below(4) as u8, 0]),
        10..=11 => code.extend([0x20 + random.below(3) as u8, random.below(10) as u8]),
        12 => code.extend([0x23 + random.below(2) as u8, random.below(5) as u8]),
        13 => code.extend([0x25 + random.below(2) as u8, random.below(2) as u8]),
        14 => match kind {
            0x7f => code.extend([0x41, 5]),
            0x7e => code.extend([0x42, 5]),
            0x7b => code.extend([&[0xfd, 0x0c][..], &[7; 16]].concat()),
            _ => code.extend([0xd0, kind]),
        },
        _ => code.extend(OPERATORS[random.below(OPERATORS.len())]),
    }
}
