//! A thread with a stack as large as kernels need. It waits between jobs:
//! starting one costs more than many a level.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::thread::Builder;

type Job = Box<dyn FnOnce() + Send>;

/// The thread; it ends with this handle.
#[derive(Debug)]
pub(crate) struct BigStack {
    jobs: Sender<Job>,
}

impl BigStack {
    /// Starts it with a stack of `size` bytes.
    pub(crate) fn start(size: usize) -> io::Result<Self> {
        let (jobs, waiting) = channel::<Job>();
        Builder::new()
            .name("kernel".to_owned())
            .stack_size(size)
            .spawn(move || waiting.into_iter().for_each(|job| job()))?;
        Ok(Self { jobs })
    }

    /// Does the job there, and waits for it. A panic goes on here.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (done, result) = sync_channel::<Result<T, Box<dyn Any + Send>>>(1);
        let job = move || {
            // The receiver waits below.
            let _ = done.send(catch_unwind(AssertUnwindSafe(job)));
        };
        let gone = || io::Error::other("the kernel's thread is gone");
        self.jobs.send(Box::new(job)).map_err(|_| gone())?;
        match result.recv().map_err(|_| gone())? {
            Ok(value) => Ok(value),
            Err(panic) => resume_unwind(panic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_have_the_whole_stack() {
        fn deep(frames: u64) -> u64 {
            let page = std::hint::black_box([frames; 512]);
            if frames == 0 {
                0
            } else {
                deep(frames - 1) + page[7] / frames
            }
        }
        let stack = BigStack::start(64 << 20).unwrap();
        for _ in 0..2 {
            assert_eq!(stack.run(|| deep(4_000)).unwrap(), 4_000);
        }
    }

    #[test]
    fn a_panic_goes_on_in_the_caller_and_the_thread_lives() {
        let stack = BigStack::start(1 << 20).unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| stack.run(|| panic!("job"))));
        assert!(caught.is_err());
        assert_eq!(stack.run(|| 7).unwrap(), 7);
    }
}
