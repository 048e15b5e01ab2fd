//! A call of the host, as it is compared and looked at.

use kernel_module::imports::IMPORTS;
use std::fmt;

/// A host call: what the kernel gave, and what it got.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) place: usize,
    pub(crate) args: Vec<i64>,
    /// The bytes that it gave, by pointer and length.
    pub(crate) given: Vec<Vec<u8>>,
    pub(crate) answer: i64,
}

impl Logged {
    /// The function's name.
    pub(crate) fn name(&self) -> &'static str {
        IMPORTS[self.place].name
    }
}

/// `store_read("/evm/head", 0, 1024, 2048) = 32`.
impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name())?;
        for given in &self.given {
            match std::str::from_utf8(given) {
                Ok(text) if !text.contains(char::is_control) => write!(f, "{text:?}, ")?,
                _ => write!(f, "0x{}, ", hex::encode(given))?,
            }
        }
        let args: Vec<String> = self.args.iter().map(i64::to_string).collect();
        write!(f, "{}) = {}", args.join(", "), self.answer)
    }
}

impl fmt::Debug for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
