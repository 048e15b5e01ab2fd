//! Reads the output of a reverted call: `Error(string)` and `Panic(uint256)`.

use alloy_primitives::U256;

/// Selector of `Error(string)`.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Selector of `Panic(uint256)`.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// Why a call reverted, in the forms that Solidity makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevertReason {
    /// The argument of `Error(string)`.
    Error(String),
    /// The code of `Panic(uint256)`.
    Panic(U256),
}

impl RevertReason {
    /// Reads a revert's output; `None` for any other form.
    #[must_use]
    pub fn read(output: &[u8]) -> Option<Self> {
        let (selector, arguments) = output.split_first_chunk::<4>()?;
        match *selector {
            ERROR => text(arguments).map(Self::Error),
            PANIC => Some(Self::Panic(U256::from_be_slice(arguments.get(..32)?))),
            _ => None,
        }
    }
}

/// The first argument, a text.
fn text(arguments: &[u8]) -> Option<String> {
    let number = |at: usize| -> Option<usize> {
        let word = U256::from_be_slice(arguments.get(at..at.checked_add(32)?)?);
        usize::try_from(word).ok()
    };
    let at = number(0)?;
    let start = at.checked_add(32)?;
    let bytes = arguments.get(start..start.checked_add(number(at)?)?)?;
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn an_error_text_is_read() {
        let output = hex!(
            "08c379a00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000000a75736572206572726f7200000000000000000000000000000000000000000000"
        );
        let expected = RevertReason::Error("user error".into());
        assert_eq!(RevertReason::read(&output), Some(expected));
    }

    #[test]
    fn a_panic_code_is_read() {
        let output =
            hex!("4e487b710000000000000000000000000000000000000000000000000000000000000001");
        let expected = RevertReason::Panic(U256::ONE);
        assert_eq!(RevertReason::read(&output), Some(expected));
    }

    #[test]
    fn a_custom_error_and_a_text_past_the_output_have_no_reason() {
        let mut past = ERROR.to_vec();
        past.extend_from_slice(&[0xff; 64]);
        for output in [&[1, 2, 3, 4][..], &[], &past] {
            assert_eq!(RevertReason::read(output), None);
        }
    }
}
