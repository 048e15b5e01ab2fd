//! The instructions that the machine's decoder refuses.

use wasmparser::Operator;

/// Why a type or an instruction is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is about floating-point numbers.
    Float,
    /// The machine does not have it.
    Unknown,
    /// It gives several values, which the fast path of the machine refuses.
    SeveralValues,
    /// The fast path of the machine refuses it, though it is of a kind that it has.
    Unfit,
}

/// Why an instruction is refused, with its name; `None` if it is not. The types within it are not
/// looked at.
#[must_use]
pub fn refusal(operator: &Operator<'_>) -> Option<(Refusal, &'static str)> {
    macro_rules! refusals {
        ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*) )*) => {
            match operator {
                $( Operator::$op { .. } => const { of(stringify!($proposal), stringify!($op)) }, )*
                _ => Some((Refusal::Unknown, "an instruction")),
            }
        };
    }
    wasmparser::for_each_operator!(refusals)
}

const fn of(proposal: &str, opcode: &'static str) -> Option<(Refusal, &'static str)> {
    if !is_any(proposal, &PROPOSALS) {
        return Some((Refusal::Unknown, opcode));
    }
    if (contains(opcode, "F32") || contains(opcode, "F64")) && !is_any(opcode, &UNREACHABLE) {
        return Some((Refusal::Float, opcode));
    }
    None
}

/// The extensions of WebAssembly that the machine has.
const PROPOSALS: [&str; 6] = [
    "mvp",
    "sign_extension",
    "saturating_float_to_int",
    "bulk_memory",
    "reference_types",
    "simd",
];

/// The machine's decoder lets these pass. They take floats, so that they stand in valid code only
/// where nothing is executed.
const UNREACHABLE: [&str; 18] = [
    "I32TruncF32S",
    "I32TruncF32U",
    "I32TruncF64S",
    "I32TruncF64U",
    "I64TruncF32S",
    "I64TruncF32U",
    "I64TruncF64S",
    "I64TruncF64U",
    "I32ReinterpretF32",
    "I64ReinterpretF64",
    "I32TruncSatF32S",
    "I32TruncSatF32U",
    "I32TruncSatF64S",
    "I32TruncSatF64U",
    "I64TruncSatF32S",
    "I64TruncSatF32U",
    "I64TruncSatF64S",
    "I64TruncSatF64U",
];

const fn is_any(name: &str, names: &[&str]) -> bool {
    let mut index = 0;
    while index < names.len() {
        if names[index].len() == name.len() && contains(name, names[index]) {
            return true;
        }
        index += 1;
    }
    false
}

const fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let mut start = 0;
    while start + part.len() <= text.len() {
        let mut index = 0;
        while index < part.len() && text[start + index] == part[index] {
            index += 1;
        }
        if index == part.len() {
            return true;
        }
        start += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_and_what_the_machine_lacks_are_refused() {
        let refused = [
            (Operator::F64Neg, Refusal::Float),
            (Operator::F32ConvertI32S, Refusal::Float),
            (Operator::F64x2Floor, Refusal::Float),
            (Operator::I32x4TruncSatF32x4S, Refusal::Float),
            (Operator::ReturnCall { function_index: 0 }, Refusal::Unknown),
            (Operator::AtomicFence, Refusal::Unknown),
            (Operator::I8x16RelaxedSwizzle, Refusal::Unknown),
        ];
        for (operator, why) in refused {
            let found = refusal(&operator).map(|(refusal, _)| refusal);
            assert_eq!(found, Some(why), "{operator:?}");
        }
        for operator in [
            Operator::I32Add,
            Operator::I32Extend8S,
            Operator::I32TruncF32S,
            Operator::I64TruncSatF64U,
            Operator::MemoryFill { mem: 0 },
            Operator::RefIsNull,
            Operator::I32x4Add,
        ] {
            assert_eq!(refusal(&operator), None, "{operator:?}");
        }
    }
}
