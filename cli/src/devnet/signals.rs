//! SIGINT and SIGTERM, which end what listens.

use anyhow::Context;
use std::time::Duration;
use tokio::sync::oneshot;

/// The time to stop in; then the process ends whatever runs.
pub(crate) const STOP_TIME: Duration = Duration::from_millis(1_500);

/// The exit code after a second signal: it did not stop by itself.
const FORCED: i32 = 130;

/// Hears SIGINT and SIGTERM on a thread of its own, however much the others have to do.
/// Resolves at the first; the process ends some time after it whatever runs (a level may
/// take long, and an upgrade may never end), at a second one at once.
pub(crate) fn signals(patience: Duration) -> anyhow::Result<oneshot::Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for signals")?;
    let (first, heard) = oneshot::channel();
    let wait = move || {
        runtime.block_on(async {
            if interrupted().await.is_err() {
                return;
            }
            // Nobody may be left to be told.
            let _ = first.send(());
            match tokio::time::timeout(patience, interrupted()).await {
                Ok(_) => std::process::exit(FORCED),
                Err(_) => std::process::exit(0),
            }
        });
    };
    let thread = std::thread::Builder::new().name("signals".into());
    thread.spawn(wait).context("cannot wait for signals")?;
    Ok(heard)
}

/// Resolves at SIGINT or SIGTERM.
pub(crate) async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
