//! Lines for the operator's log.

use alloc::string::String;
use core::fmt::{self, Write};
use host::Debug;

/// Writes one line, with a newline at its end.
pub(crate) fn line(host: &impl Debug, text: fmt::Arguments<'_>) {
    let mut line = String::from("[evm_kernel] ");
    if line.write_fmt(text).is_ok() {
        line.push('\n');
        host.write_debug(&line);
    }
}
