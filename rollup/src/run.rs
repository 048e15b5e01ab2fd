//! One run, and its lines in the operator's log.

use crate::Layout;
use alloc::string::String;
use core::fmt::{self, Display, Write};
use host::{Debug, HostError, Runtime};

/// The progress of a level: finished, or with another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No.
    Done,
    /// Yes: the reboot flag stays.
    More,
}

/// One run of `work`.
///
/// The reboot flag is set before anything else, so that a trap costs one reboot
/// and not the rest of the level's inputs; it is taken back at a clean end
/// without more work. So it is where `work` errs: what was read is durable, and
/// another run at this level would fail alike.
pub fn run<H: Runtime, E: Display + From<HostError>>(
    host: &mut H,
    layout: &Layout,
    work: impl FnOnce(&mut H) -> Result<Progress, E>,
) {
    let progress = match host.mark_for_reboot() {
        Ok(()) => work(host),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = &progress {
        line(host, layout, format_args!("the run is given up: {error}"));
    }
    if matches!(progress, Ok(Progress::More)) {
        return;
    }
    if let Err(error) = host.clear_reboot() {
        let text = format_args!("the reboot flag cannot be cleared: {error}");
        line(host, layout, text);
    }
}

/// Writes one line for the operator, with a newline at its end.
pub fn line(host: &impl Debug, layout: &Layout, text: fmt::Arguments<'_>) {
    let mut line = String::new();
    if writeln!(line, "[{}] {text}", layout.name).is_ok() {
        host.write_debug(&line);
    }
}
