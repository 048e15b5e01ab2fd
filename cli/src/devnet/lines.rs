//! The log as people read it, or as JSON.

use serde_json::json;
use std::fmt;
use std::io::IsTerminal;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Prints log lines: messages alone, in colour on a terminal.
pub(crate) fn log_lines(lines: Lines, (quiet, verbose): (bool, bool), writer: NonBlocking) {
    let default = match (quiet, verbose) {
        (true, _) => "error",
        (_, true) => "info,node=debug",
        _ => "info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second subscriber, as in tests, stays without effect.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stdout().is_terminal())
        .with_writer(writer)
        .event_format(lines)
        .try_init();
}

/// One line for an event: its message, grey for calls, red for errors; or a JSON object.
pub(crate) struct Lines {
    pub(crate) json: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        if self.json {
            let mut message = String::new();
            let fields = context.field_format();
            fields.format_fields(Writer::new(&mut message), event)?;
            let level = metadata.level().as_str().to_lowercase();
            let line = json!({ "level": level, "target": metadata.target(), "message": message });
            return writeln!(writer, "{line}");
        }
        let colour = match (*metadata.level(), metadata.target()) {
            (Level::ERROR, _) => "\x1b[31m",
            (Level::WARN, _) => "\x1b[33m",
            (Level::DEBUG | Level::TRACE, _) | (_, "node::rpc") => "\x1b[2m",
            _ => "\x1b[32m",
        };
        let indent = if metadata.target() == "node::rpc" {
            ""
        } else {
            "    "
        };
        if writer.has_ansi_escapes() {
            write!(writer, "{colour}{indent}")?;
            context
                .field_format()
                .format_fields(writer.by_ref(), event)?;
            writeln!(writer, "\x1b[0m")
        } else {
            write!(writer, "{indent}")?;
            context
                .field_format()
                .format_fields(writer.by_ref(), event)?;
            writeln!(writer)
        }
    }
}
