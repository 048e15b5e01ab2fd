//! The log as people read it, or as JSON.

use clap::ValueEnum;
use std::fmt;
use std::io::IsTerminal;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Messages alone, in colour on a terminal.
    #[default]
    Text,
    /// The same, each behind its time (RFC 3339, UTC).
    Time,
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
        LogFormat::Text | LogFormat::Time => {
            let is_timed = format == LogFormat::Time;
            lines.event_format(Lines { is_timed }).try_init()
        }
        LogFormat::Json => {
            // A panic is a line like all others.
            std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
            lines.json().flatten_event(true).try_init()
        }
    };
}

/// One line for an event: its message, grey for calls, red for errors.
struct Lines {
    /// Its time stands first.
    is_timed: bool,
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
        if self.is_timed {
            SystemTime.format_time(&mut writer)?;
            write!(writer, " ")?;
        }
        if writer.has_ansi_escapes() {
            write!(writer, "{colour}{indent}")?;
            context
                .field_format()
                .format_fields(writer.by_ref(), event)?;
            writeln!(writer, "\x1b[0m")
        } else {
            let severity = match *metadata.level() {
                Level::ERROR => "error: ",
                Level::WARN => "warning: ",
                _ => "",
            };
            write!(writer, "{indent}{severity}")?;
            context
                .field_format()
                .format_fields(writer.by_ref(), event)?;
            writeln!(writer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    /// The bytes that a subscriber wrote.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line(is_timed: bool) -> String {
        lines(is_timed, || {
            tracing::info!(target: "node::rpc", "eth_call");
        })
    }

    fn lines(is_timed: bool, events: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .event_format(Lines { is_timed })
            .finish();
        tracing::subscriber::with_default(lines, events);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_without_colours_says_how_bad_it_is() {
        let text = lines(false, || {
            tracing::error!("bad");
            tracing::warn!("odd");
            tracing::info!("fine");
        });
        assert_eq!(text, "    error: bad\n    warning: odd\n    fine\n");
    }

    #[test]
    fn a_line_has_its_time_where_somebody_wants_it() {
        assert_eq!(line(false), "eth_call\n");
        let timed = line(true);
        let (time, rest) = timed.split_once(' ').unwrap();
        let time: jiff::Timestamp = time.parse().unwrap();
        assert!(jiff::Timestamp::now().duration_since(time).as_secs() < 60);
        assert_eq!(rest, "eth_call\n");
    }
}
