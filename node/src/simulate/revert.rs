//! What a reverted call says: `Error(string)` and `Panic(uint256)` in words.

use crate::rpc::RpcError;
use crate::rpc::json;
use alloy_primitives::U256;

/// Selector of `Error(string)`.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Selector of `Panic(uint256)`.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// The error of a call that reverted with `output`.
#[must_use]
pub fn error(output: &[u8]) -> RpcError {
    let message = match reason(output) {
        Some(reason) => format!("execution reverted: {reason}"),
        None => "execution reverted".into(),
    };
    RpcError {
        code: RpcError::REVERTED,
        message,
        data: Some(json::data(output)),
    }
}

/// The reason in a revert's output, where it has one that Solidity makes itself.
#[must_use]
pub fn reason(output: &[u8]) -> Option<String> {
    let (selector, arguments) = output.split_first_chunk::<4>()?;
    match *selector {
        ERROR => text(arguments),
        PANIC => Some(panic(U256::from_be_slice(arguments.get(..32)?))),
        _ => None,
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

/// Solidity's panic codes in go-ethereum's words.
fn panic(code: U256) -> String {
    let words = match u64::try_from(code) {
        Ok(0x00) => "generic panic",
        Ok(0x01) => "assert(false)",
        Ok(0x11) => "arithmetic underflow or overflow",
        Ok(0x12) => "division or modulo by zero",
        Ok(0x21) => "enum overflow",
        Ok(0x22) => "invalid encoded storage byte array accessed",
        Ok(0x31) => "out-of-bounds array access; popping on an empty array",
        Ok(0x32) => "out-of-bounds access of an array or bytesN",
        Ok(0x41) => "out of memory",
        Ok(0x51) => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;
    use serde_json::json;

    #[test]
    fn an_error_text_is_read() {
        let output = hex!(
            "08c379a00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000000a75736572206572726f7200000000000000000000000000000000000000000000"
        );
        let error = error(&output);
        assert_eq!(error.code, 3);
        assert_eq!(error.message, "execution reverted: user error");
        assert_eq!(error.data, Some(json!(hex::encode_prefixed(output))));
    }

    #[test]
    fn a_panic_is_put_in_words() {
        let output =
            hex!("4e487b710000000000000000000000000000000000000000000000000000000000000001");
        assert_eq!(reason(&output).as_deref(), Some("assert(false)"));
    }

    #[test]
    fn a_custom_error_has_no_reason_but_its_data() {
        assert_eq!(error(&[1, 2, 3, 4]).message, "execution reverted");
        assert_eq!(error(&[]).data, Some(json!("0x")));
    }

    #[test]
    fn a_text_that_reaches_past_the_output_is_no_reason() {
        let mut output = ERROR.to_vec();
        output.extend_from_slice(&[0xff; 64]);
        assert_eq!(reason(&output), None);
    }
}
