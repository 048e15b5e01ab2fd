//! Printing: like the macros of `std`, but a reader that leaves ends the command
//! quietly, and an output that fails is an error, not a panic.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::process::exit;

macro_rules! print {
    ($($text:tt)*) => {
        $crate::output::out(format_args!($($text)*))
    };
}

macro_rules! println {
    () => {
        $crate::output::out(format_args!("\n"))
    };
    ($($text:tt)*) => {
        $crate::output::out(format_args!("{}\n", format_args!($($text)*)))
    };
}

macro_rules! eprintln {
    ($($text:tt)*) => {
        $crate::output::err(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// A text of somebody else for a terminal: what is not printed, but for new lines and tabs, is
/// escaped, such as control characters and those that turn the text around.
pub(crate) fn plain(text: &str) -> String {
    let escaped = |c: char| match c {
        '\n' | '\t' | '\'' | '"' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    text.chars().map(escaped).collect()
}

/// Writes to the standard output.
pub(crate) fn out(text: Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    let written = output.write_fmt(text).and_then(|()| output.flush());
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(0),
        Err(error) => {
            eprintln!("error: cannot write the output: {error}");
            exit(i32::from(crate::BAD_USAGE));
        }
    }
}

/// Writes to the standard error; if that fails, there is nobody to tell.
pub(crate) fn err(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(text);
}
