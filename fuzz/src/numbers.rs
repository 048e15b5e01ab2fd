//! Second opinions on the numbers of the EVM: random words through the opcodes that take words
//! and give one, by the kernel, by the crate `evm`, and by its numbers (`primitive-types`) here.

use crate::case::Case;
use crate::evm_crate;
use crate::kernel::kernel;
use crate::opinion::differences;
use alloy_primitives::{Address, TxKind, U256};
use conformance::Revision;
use conformance::world::AccountState;
use e2e_tests::User;
use evm::uint::{U256 as Number, U256Ext};
use proptest::collection::vec;
use proptest::prelude::*;

/// The number of operations in a transaction.
const OPERATIONS: usize = 500;

/// An opcode with its words, that on top first.
#[derive(Clone, Debug)]
struct Operation {
    opcode: u8,
    words: [U256; 3],
}

/// ADD to SIGNEXTEND, LT to SAR.
const OPCODES: [u8; 25] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14,
    0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d,
];

impl Operation {
    /// The number of words that the opcode takes.
    const fn takes(&self) -> usize {
        match self.opcode {
            0x08 | 0x09 => 3,
            0x15 | 0x19 => 1,
            _ => 2,
        }
    }

    /// Puts the words on the stack, and the result into a log.
    fn code(&self) -> Vec<u8> {
        let words = self.words[..self.takes()].iter().rev();
        let pushes = words.flat_map(|word| [&[0x7f][..], &word.to_be_bytes::<32>()].concat());
        // MSTORE at 0; LOG0 of 32 bytes at 0.
        let keep = [self.opcode, 0x5f, 0x52, 0x60, 32, 0x5f, 0xa0];
        pushes.chain(keep).collect()
    }

    /// The result by `primitive-types`; none for opcodes on signed numbers and on more than
    /// 256 bits, which only the engines compute.
    fn expected(&self) -> Option<Number> {
        let [a, b, _] = self
            .words
            .map(|word| Number::from_big_endian(&word.to_be_bytes::<32>()));
        let truth = |holds: bool| if holds { Number::ONE } else { Number::ZERO };
        // Shifts of 256 bits or more leave nothing.
        let shift = |by: Number| usize::try_from(by).unwrap_or(usize::MAX).min(256);
        Some(match self.opcode {
            0x01 => a.overflowing_add(b).0,
            0x02 => a.overflowing_mul(b).0,
            0x03 => a.overflowing_sub(b).0,
            0x04 => a.checked_div(b).unwrap_or_default(),
            0x06 => a.checked_rem(b).unwrap_or_default(),
            0x0a => a.overflowing_pow(b).0,
            0x10 => truth(a < b),
            0x11 => truth(a > b),
            0x14 => truth(a == b),
            0x15 => truth(a.is_zero()),
            0x16 => a & b,
            0x17 => a | b,
            0x18 => a ^ b,
            0x19 => !a,
            0x1b => b << shift(a),
            0x1c => b >> shift(a),
            _ => return None,
        })
    }
}

/// Words of all sizes, those at the edges often.
fn word() -> impl Strategy<Value = U256> {
    let small = (0..300_u64).prop_map(U256::from);
    let any = (any::<[u64; 4]>(), 0..256_usize);
    let any = any.prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift);
    let edge = (0..256_usize, 0..3_u64).prop_map(|(bit, add)| {
        let edge = (U256::from(1) << bit).wrapping_add(U256::from(add));
        edge.wrapping_sub(U256::from(2))
    });
    prop_oneof![2 => small, 4 => any, 2 => edge]
}

fn operation() -> impl Strategy<Value = Operation> {
    let opcode = proptest::sample::select(&OPCODES[..]);
    (opcode, [word(), word(), word()]).prop_map(|(opcode, words)| Operation { opcode, words })
}

/// A case whose one transaction does these.
fn case(operations: &[Operation]) -> Case {
    let mut case = Case::new(&[]);
    case.revision = Revision::Cancun;
    let address = Address::repeat_byte(0xc9);
    let contract = AccountState {
        nonce: U256::from(1),
        code: operations
            .iter()
            .flat_map(Operation::code)
            .collect::<Vec<u8>>()
            .into(),
        ..AccountState::default()
    };
    case.world.0.insert(address, contract);
    let mut user = User::new("user 1");
    let call = user.send(
        crate::case::CHAIN,
        TxKind::Call(address),
        U256::ZERO,
        Vec::new().into(),
        5_000_000,
    );
    case.transactions = vec![call];
    case
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_are_the_same(operations in vec(operation(), OPERATIONS)) {
        let case = case(&operations);
        let made = kernel(&case).unwrap();
        let logs = made.opinion.outcomes[0].as_ref().map(|outcome| &outcome.logs[..]);
        let logs = logs.unwrap_or_default();
        prop_assert_eq!(logs.len(), OPERATIONS);
        for (operation, log) in operations.iter().zip(logs) {
            if let Some(expected) = operation.expected() {
                prop_assert_eq!(Number::from_big_endian(&log.data.data), expected, "{:?}", operation);
            }
        }
        let other = evm_crate::opinion(&case, &made).unwrap();
        prop_assert_eq!(differences(&made.opinion, &other), None);
    }
}
