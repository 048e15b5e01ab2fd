//! Messages to layer 1 that wait for their turn: a level takes at most
//! [`crate::MAX_OUTBOX_MESSAGES`].
//!
//! The queue is durable, and a trap neither loses a message silently nor sends it
//! twice. Before a message is written its number is marked as leaving, after it
//! as sent. A run that finds the mark but not the end of it cannot know whether
//! layer 1 has the message: it is kept as *doubtful*, for somebody to look.
//! Between `write_output` and the mark that follows there is only straight code.
//!
//! Below the queue's path lie `m/NUMBER` (waiting), `d/NUMBER` (doubtful), `n`
//! (the number of the next message, u64 big-endian) and `s` (the number of the
//! next one to send, u64 big-endian, and `01` while it is leaving).
//!
//! ```
//! use host::mock::{Level, MockHost};
//! use host::outbox_queue::OutboxQueue;
//! use host::Path;
//!
//! const QUEUE: OutboxQueue<'static> = OutboxQueue::new(Path::literal("/queue"));
//!
//! fn kernel(host: &mut MockHost) {
//!     QUEUE.flush(host).unwrap();
//! }
//!
//! let mut host = MockHost::default();
//! for number in 0..150_u8 {
//!     QUEUE.push(&mut host, &[number]).unwrap();
//! }
//! let first = host.run_level(&Level::default(), kernel);
//! assert_eq!((first.outbox.len(), QUEUE.len(&host)), (100, Ok(50)));
//! let second = host.run_level(&Level::default(), kernel);
//! assert_eq!((second.outbox.len(), QUEUE.len(&host)), (50, Ok(0)));
//! ```

use crate::{HostError, MAX_MESSAGE, Outbox, Path, PathBuf, ReadStore, Store};
use alloc::vec::Vec;
use core::ops::Range;

/// A queue of messages below a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxQueue<'p> {
    root: Path<'p>,
}

/// The result of [`OutboxQueue::flush`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// The number of messages that were written.
    pub sent: u64,
    /// The message that a trap left in doubt, now kept as such.
    pub doubtful: Option<u64>,
    /// The number of messages that still wait.
    pub waiting: u64,
}

/// The next message to send, and whether it was leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sending {
    number: u64,
    leaving: bool,
}

impl<'p> OutboxQueue<'p> {
    /// The queue below `root`, which nothing else uses.
    #[must_use]
    pub const fn new(root: Path<'p>) -> Self {
        Self { root }
    }

    /// The number of messages that wait.
    ///
    /// # Errors
    /// Errors of the machine.
    pub fn len(&self, store: &impl ReadStore) -> Result<u64, HostError> {
        Ok(self
            .pushed(store)?
            .saturating_sub(self.sending(store)?.number))
    }

    /// True if none waits.
    ///
    /// # Errors
    /// Errors of the machine.
    pub fn is_empty(&self, store: &impl ReadStore) -> Result<bool, HostError> {
        Ok(self.len(store)? == 0)
    }

    /// Appends a message of at most [`MAX_MESSAGE`] bytes; gives its number.
    ///
    /// # Errors
    /// [`HostError::TooLarge`].
    pub fn push(&self, store: &mut impl Store, message: &[u8]) -> Result<u64, HostError> {
        if message.len() > MAX_MESSAGE {
            return Err(HostError::TooLarge);
        }
        let number = self.pushed(store)?;
        let path = self.entry(b"m", number)?;
        // What a trap left of an earlier try is replaced.
        store.write_alone(path.as_path(), message)?;
        self.set_pushed(store, number.saturating_add(1))?;
        Ok(number)
    }

    /// Appends messages to a queue that no trap has touched, for example in a
    /// copy that replaces the state at once: what an earlier try left would shine
    /// through. One host call each (two above 2,048 bytes), and two for the count.
    ///
    /// # Errors
    /// [`HostError::TooLarge`] for one over [`MAX_MESSAGE`] bytes; those before
    /// it then are not counted either.
    pub fn push_all<'m>(
        &self,
        store: &mut impl Store,
        messages: impl IntoIterator<Item = &'m [u8]>,
    ) -> Result<(), HostError> {
        let mut messages = messages.into_iter().peekable();
        if messages.peek().is_none() {
            return Ok(());
        }
        let mut number = self.pushed(store)?;
        for message in messages {
            if message.len() > MAX_MESSAGE {
                return Err(HostError::TooLarge);
            }
            store.write_chunks(self.entry(b"m", number)?.as_path(), 0, message)?;
            number = number.saturating_add(1);
        }
        self.set_pushed(store, number)
    }

    /// Writes what waits, in order, as far as the level's outbox takes it.
    ///
    /// # Errors
    /// Errors of the machine, except a full outbox.
    pub fn flush(&self, host: &mut (impl Store + Outbox)) -> Result<Flushed, HostError> {
        let mut flushed = Flushed::default();
        let mut at = self.sending(host)?;
        let end = self.pushed(host)?;
        if at.leaving {
            let doubtful = self.entry(b"d", at.number)?;
            match host.store_move(self.entry(b"m", at.number)?.as_path(), doubtful.as_path()) {
                // It was moved, and the trap came before the mark.
                Ok(()) | Err(HostError::NotANode) => {}
                Err(error) => return Err(error),
            }
            flushed.doubtful = Some(at.number);
            at = self.set_sending(host, at.number.saturating_add(1), false)?;
        }
        // A trap between a mark and the deletion leaves a message that was sent.
        if let Some(sent) = at.number.checked_sub(1) {
            host.store_delete(self.entry(b"m", sent)?.as_path())?;
        }
        while at.number < end {
            let path = self.entry(b"m", at.number)?;
            let message = host.read_all(path.as_path())?.unwrap_or_default();
            let next = at.number.saturating_add(1);
            let (leaving, sent) = (self.mark(at.number, true), self.mark(next, false));
            let mark = self.step(b"s")?;
            host.store_write(mark.as_path(), 0, &leaving)?;
            let written = host.write_output(&message);
            if written.is_ok() {
                host.store_write(mark.as_path(), 0, &sent)?;
            }
            if let Err(error) = written {
                // It did not leave.
                self.set_sending(host, at.number, false)?;
                if error == HostError::FullOutbox {
                    break;
                }
                return Err(error);
            }
            flushed.sent += 1;
            at.number = next;
            host.store_delete(path.as_path())?;
        }
        flushed.waiting = end.saturating_sub(at.number);
        Ok(flushed)
    }

    /// The numbers of the messages that wait, in order.
    ///
    /// # Errors
    /// Errors of the machine.
    pub fn waiting(&self, store: &impl ReadStore) -> Result<Range<u64>, HostError> {
        Ok(self.sending(store)?.number..self.pushed(store)?)
    }

    /// The waiting message with this number, if it is one.
    ///
    /// # Errors
    /// Errors of the machine.
    pub fn message(
        &self,
        store: &impl ReadStore,
        number: u64,
    ) -> Result<Option<Vec<u8>>, HostError> {
        if !self.waiting(store)?.contains(&number) {
            return Ok(None);
        }
        store.read_all(self.entry(b"m", number)?.as_path())
    }

    /// The doubtful message with this number, if it is one.
    ///
    /// # Errors
    /// Errors of the machine.
    pub fn doubtful(
        &self,
        store: &impl ReadStore,
        number: u64,
    ) -> Result<Option<Vec<u8>>, HostError> {
        store.read_all(self.entry(b"d", number)?.as_path())
    }

    /// Puts a doubtful message at the end of the queue, after somebody saw that
    /// it did not leave; `None` if there is none with this number.
    ///
    /// # Errors
    /// Errors of the machine.
    pub fn requeue(&self, store: &mut impl Store, number: u64) -> Result<Option<u64>, HostError> {
        let Some(message) = self.doubtful(store, number)? else {
            return Ok(None);
        };
        let again = self.push(store, &message)?;
        store.store_delete(self.entry(b"d", number)?.as_path())?;
        Ok(Some(again))
    }

    fn step(&self, name: &[u8]) -> Result<PathBuf, HostError> {
        let mut path = PathBuf::from_path(self.root);
        path.push(name).map_err(|_| HostError::KeyTooLarge)?;
        Ok(path)
    }

    fn entry(&self, name: &[u8], number: u64) -> Result<PathBuf, HostError> {
        let mut path = self.step(name)?;
        path.push_number(number)
            .map_err(|_| HostError::KeyTooLarge)?;
        Ok(path)
    }

    fn pushed(&self, store: &impl ReadStore) -> Result<u64, HostError> {
        let mut bytes = [0; 8];
        store.read_small(self.step(b"n")?.as_path(), &mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn set_pushed(&self, store: &mut impl Store, number: u64) -> Result<(), HostError> {
        store.store_write(self.step(b"n")?.as_path(), 0, &number.to_be_bytes())
    }

    fn sending(&self, store: &impl ReadStore) -> Result<Sending, HostError> {
        let mut bytes = [0; 9];
        store.read_small(self.step(b"s")?.as_path(), &mut bytes)?;
        let [number @ .., leaving] = bytes;
        Ok(Sending {
            number: u64::from_be_bytes(number),
            leaving: leaving == 1,
        })
    }

    fn set_sending(
        &self,
        store: &mut impl Store,
        number: u64,
        leaving: bool,
    ) -> Result<Sending, HostError> {
        let mark = self.mark(number, leaving);
        store.store_write(self.step(b"s")?.as_path(), 0, &mark)?;
        Ok(Sending { number, leaving })
    }

    fn mark(&self, number: u64, leaving: bool) -> [u8; 9] {
        let mut mark = [0; 9];
        let (digits, flag) = mark.split_at_mut(8);
        digits.copy_from_slice(&number.to_be_bytes());
        flag.fill(u8::from(leaving));
        mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Level, MockHost};

    const QUEUE: OutboxQueue<'static> = OutboxQueue::new(Path::literal("/q"));

    fn kernel(host: &mut MockHost) {
        host.mark_for_reboot().unwrap();
        QUEUE.flush(host).unwrap();
        host.clear_reboot().unwrap();
    }

    fn queued(messages: u8) -> MockHost {
        let mut host = MockHost::default();
        for number in 0..messages {
            let pushed = QUEUE.push(&mut host, &[number]);
            assert_eq!(pushed, Ok(number.into()));
        }
        host
    }

    fn calls_of_a_level(host: &MockHost) -> u64 {
        let mut host = host.clone();
        let before = host.total_calls();
        host.run_level(&Level::default(), kernel);
        host.total_calls() - before
    }

    #[test]
    fn a_message_may_be_as_long_as_the_machine_takes() {
        let mut host = queued(0);
        let longest = vec![1; MAX_MESSAGE];
        assert_eq!(QUEUE.push(&mut host, &longest), Ok(0));
        let longer = vec![1; MAX_MESSAGE + 1];
        assert_eq!(QUEUE.push(&mut host, &longer), Err(HostError::TooLarge));
        let ended = host.run_level(&Level::default(), kernel);
        assert_eq!(ended.outbox, [longest]);
    }

    /// A trap after any host call: each message leaves once, or is in doubt and
    /// does not leave until it is put back.
    #[test]
    fn a_trap_loses_no_message_and_sends_none_twice() {
        let start = queued(3);
        for trap in 1..=calls_of_a_level(&start) {
            let mut host = start.clone();
            host.trap_after(trap);
            let mut outbox = Vec::new();
            for _ in 0..3 {
                outbox.extend(host.run_level(&Level::default(), kernel).outbox);
            }
            let doubtful: Vec<u64> = (0..3)
                .filter(|number| QUEUE.doubtful(&host, *number).unwrap().is_some())
                .collect();
            assert!(doubtful.len() <= 1, "trap after {trap}");
            for number in 0..3_u8 {
                let sent = outbox
                    .iter()
                    .filter(|message| **message == [number])
                    .count();
                let in_doubt = doubtful.contains(&number.into());
                // One in doubt was written, or was not; the queue cannot know.
                assert!(
                    sent == 1 || in_doubt && sent == 0,
                    "trap after {trap}: {number}"
                );
            }
            for number in &doubtful {
                assert_eq!(QUEUE.requeue(&mut host, *number), Ok(Some(3)));
                assert_eq!(QUEUE.requeue(&mut host, *number), Ok(None));
                let ended = host.run_level(&Level::default(), kernel);
                assert_eq!(ended.outbox, [[*number as u8]]);
            }
            let paths: Vec<_> = host.values().into_keys().collect();
            let left = paths
                .iter()
                .filter(|path| path.starts_with(b"/q/m") || path.starts_with(b"/q/d"));
            assert!(left.count() <= 1, "trap after {trap}");
        }
    }

    #[test]
    fn what_the_level_does_not_take_waits_in_order() {
        let mut host = queued(250);
        let mut left = Vec::new();
        for waiting in [150, 50, 0] {
            left.extend(host.run_level(&Level::default(), kernel).outbox.concat());
            assert_eq!(QUEUE.len(&host), Ok(waiting));
            let sent = 250 - waiting;
            assert_eq!(QUEUE.waiting(&host), Ok(sent..250));
            let next = (waiting > 0).then(|| vec![sent as u8]);
            assert_eq!(QUEUE.message(&host, sent), Ok(next));
            assert_eq!(QUEUE.message(&host, sent - 1), Ok(None));
        }
        assert_eq!(left, (0..250).collect::<Vec<u8>>());
        assert_eq!(QUEUE.is_empty(&host), Ok(true));
    }
}
