//! Ctrl-C stops a run and asks for commands, where somebody types them.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// After how many instructions a run looks whether somebody wants to stop it.
pub(super) const LOOK: u64 = 1_000_000;

/// Takes the signal from now on.
pub(super) fn listen() {
    let wait = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        // Without it the signal ends the command, as ever.
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                ASKED.store(true, Ordering::Relaxed);
            }
        });
    };
    std::thread::spawn(wait);
}

/// True if an interrupt was requested since the last call.
pub(super) fn asked() -> bool {
    ASKED.swap(false, Ordering::Relaxed)
}
