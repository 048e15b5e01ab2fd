//! Lines for the operator's log.

use core::fmt;
use host::Debug;
use storage::layout::LAYOUT;

/// Writes one line, with a newline at its end.
pub(crate) fn line(host: &impl Debug, text: fmt::Arguments<'_>) {
    rollup::run::line(host, &LAYOUT, text);
}
