//! The log as people read it, or as JSON.

use clap::ValueEnum;
use std::fmt;
use std::io::IsTerminal;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Messages alone, in colour on a terminal.
    #[default]
    Text,
    /// Objects of JSON with `timestamp`, `level`, `target` and `message`.
    Json,
}

/// Prints log lines.
pub(crate) fn log_lines(format: LogFormat, (quiet, verbose): (bool, bool), writer: NonBlocking) {
    let default = match (quiet, verbose) {
        (true, _) => "error",
        (_, true) => "info,node=debug",
        _ => "info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stdout().is_terminal())
        .with_writer(writer);
    // A second subscriber, as in tests, stays without effect.
    let _ = match format {
        LogFormat::Text => lines.event_format(Lines).try_init(),
        LogFormat::Json => {
            // A panic is a line like all others.
            std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
            lines.json().flatten_event(true).try_init()
        }
    };
}

/// One line for an event: its message, grey for calls, red for errors.
struct Lines;

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
