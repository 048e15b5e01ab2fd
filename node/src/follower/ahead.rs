//! The levels that come next, asked for while others run.

use super::answers::Block as Level;
use super::client::{At, Client, ClientError, form};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Builder;

/// The levels that are held ready at most, each of at most the bytes of an answer.
const READY: usize = 4;

/// A level, and what was asked about it beforehand.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) level: Level,
    /// The rollup node's value at the path that is compared; `None`: nobody has asked.
    pub(super) theirs: Option<Option<Vec<u8>>>,
}

impl From<Level> for Next {
    fn from(level: Level) -> Self {
        Self {
            level,
            theirs: None,
        }
    }
}

/// Questions about each level.
#[derive(Debug)]
pub(super) struct Questions {
    /// The path whose value is compared.
    pub(super) path: String,
    /// It is compared at every so many levels.
    pub(super) every: u32,
    /// The levels since it was compared last.
    pub(super) since: u32,
}

impl Questions {
    fn ask(&mut self, client: &Client, number: u32) -> Result<Next, ClientError> {
        // The number is a hint: whoever runs it checks that it is the next block.
        let hash = client.hash(At::Level(number))?;
        let level = client.block(At::Hash(&hash))?;
        self.since += 1;
        let theirs = match self.since >= self.every {
            true => {
                self.since = 0;
                Some(client.value(At::Hash(&hash), &self.path)?)
            }
            false => None,
        };
        Ok(Next { level, theirs })
    }
}

/// Asks for levels one after the other, a few ahead of who takes them. It ends with this.
#[derive(Debug)]
pub(super) struct Ahead(Receiver<Result<Next, ClientError>>);

impl Ahead {
    /// Begins with the level `first`.
    ///
    /// # Errors
    /// If there is no thread for it.
    pub(super) fn start(
        client: Client,
        first: u32,
        mut questions: Questions,
    ) -> Result<Self, ClientError> {
        let (ready, levels) = sync_channel(READY);
        let run = move || {
            for number in first.. {
                let next = questions.ask(&client, number);
                let failed = next.is_err();
                if ready.send(next).is_err() || failed {
                    return;
                }
            }
        };
        match Builder::new().name("ahead".into()).spawn(run) {
            Ok(_) => Ok(Self(levels)),
            Err(error) => Err(form("the next levels", &error)),
        }
    }

    /// The next level.
    ///
    /// # Errors
    /// An error if the rollup node answered something else; the thread has ended then.
    pub(super) fn next(&self) -> Result<Next, ClientError> {
        let ended = || form("the next levels", &"nobody asks any more");
        self.0.recv().map_err(|_| ended())?
    }
}
