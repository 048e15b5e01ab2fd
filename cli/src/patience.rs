//! Tells after a while that a level still runs, so that nobody takes a kernel that never ends for a
//! program that hangs.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The time after which it is told, again and again.
const WHILE: Duration = Duration::from_secs(10);

/// Tells while it is there.
pub(crate) struct Patience(Sender<u32>);

impl Patience {
    /// `advice`: what ends it.
    pub(crate) fn new(advice: &'static str) -> Self {
        let (sender, receiver) = channel();
        let told = move || {
            let (mut level, mut turns) = (0, 0);
            loop {
                match receiver.recv_timeout(WHILE) {
                    Ok(next) => (level, turns) = (next, 0),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        turns += 1;
                        let seconds = turns * WHILE.as_secs();
                        eprintln!("level {level} runs for {seconds} s: {advice}");
                    }
                }
            }
        };
        // Without it nothing is told.
        let _ = std::thread::Builder::new().spawn(told);
        Self(sender)
    }

    /// This level runs now.
    pub(crate) fn level(&self, level: u32) {
        let _ = self.0.send(level);
    }
}
