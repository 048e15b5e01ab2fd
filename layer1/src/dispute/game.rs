//! The game of two who contradict each other: in turns, each dissects a section of what the other
//! published, at whose beginning they agree and at whose end they do not, until a section is one step.

use super::{DisputeError, Hash, Staker};

/// The most points of a dissection, both ends included.
pub const POINTS: usize = 32;

/// The most steps of a level.
pub const MAX_STEPS: u64 = 1 << 60;

/// A point of a dissection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The number of steps before it.
    pub step: u64,
    /// The hash of the state there.
    pub hash: Hash,
}

/// The steps of the points of a section's dissection, both ends included: as many as [`POINTS`], or all,
/// evenly.
#[must_use]
pub fn points(from: u64, to: u64) -> Vec<u64> {
    let len = u128::from(to.saturating_sub(from));
    let parts = len.min(POINTS as u128 - 1).max(1);
    let place = |part: u128| from + (len * part / parts) as u64;
    (0..=parts).map(place).collect()
}

/// Why somebody won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The winner proved that the step leads elsewhere.
    Proved {
        /// The state that it leads to.
        found: Hash,
        /// The state that the loser claimed.
        after: Hash,
    },
    /// The loser's proof shows what the winner said.
    ProvedTheOther,
    /// The loser's proof is none.
    Refused(String),
    /// The loser let time pass.
    Late,
}

/// The end of the game for the side that made the last move.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Won(Why),
    Lost(Why),
}

/// A game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Game {
    players: [Staker; 2],
    /// Whose turn it is.
    turn: usize,
    /// The other side's points: the first is agreed on.
    points: Vec<Point>,
    /// The last states that the players committed to.
    last: [Hash; 2],
    total: u64,
    deadline: u32,
    rounds: u32,
}

impl Game {
    /// The first of the players makes the first move, on what the second committed to.
    pub(super) fn new(
        players: [Staker; 2],
        first: Hash,
        last: [Hash; 2],
        total: u64,
        deadline: u32,
    ) -> Self {
        Self {
            players,
            turn: 0,
            points: vec![
                Point {
                    step: 0,
                    hash: first,
                },
                Point {
                    step: total,
                    hash: last[1],
                },
            ],
            last,
            total,
            deadline,
            rounds: 0,
        }
    }

    /// Whose turn it is.
    #[must_use]
    pub const fn turn(&self) -> Staker {
        self.players[self.turn]
    }

    /// The other side's points.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The last level at which the move can be made.
    #[must_use]
    pub const fn deadline(&self) -> u32 {
        self.deadline
    }

    /// The number of dissections.
    #[must_use]
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    pub(super) const fn set_deadline(&mut self, deadline: u32) {
        self.deadline = deadline;
    }

    fn section(&self, section: usize) -> Result<(Point, Point), DisputeError> {
        match self.points.get(section..) {
            Some([from, to, ..]) => Ok((*from, *to)),
            _ => Err(DisputeError::NoSection),
        }
    }

    /// The hashes before and behind the one step of a section.
    pub(super) fn step(&self, section: usize) -> Result<(Hash, Hash), DisputeError> {
        let (from, to) = self.section(section)?;
        match to.step - from.step {
            1 => Ok((from.hash, to.hash)),
            _ => Err(DisputeError::SeveralSteps),
        }
    }

    pub(super) fn dissect(&mut self, section: usize, hashes: &[Hash]) -> Result<(), DisputeError> {
        let (from, to) = self.section(section)?;
        if to.step - from.step < 2 {
            return Err(DisputeError::OneStep);
        }
        let steps = points(from.step, to.step);
        let expected = steps.len() - 1;
        let last = match hashes.last() {
            Some(last) if hashes.len() == expected => *last,
            _ => {
                return Err(DisputeError::OtherCount {
                    expected,
                    found: hashes.len(),
                });
            }
        };
        if last == to.hash {
            return Err(DisputeError::SameEnd);
        }
        if to.step == self.total && last != self.last[self.turn] {
            return Err(DisputeError::OtherClaim);
        }
        let first = std::iter::once(&from.hash);
        let all = steps.iter().zip(first.chain(hashes));
        self.points = all
            .map(|(step, hash)| Point {
                step: *step,
                hash: *hash,
            })
            .collect();
        self.turn = 1 - self.turn;
        self.rounds += 1;
        Ok(())
    }
}
