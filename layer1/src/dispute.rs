//! Commitments to the rollup's state by stakers, and the game that decides between two of them: both sides
//! narrow their disagreement down to one step, one of them proves that step, and layer 1, which has
//! none of the state, judges.
//!
//! States, steps and proofs are defined by [`Rules`].

mod failure;
mod finality;
mod game;
mod rules;

pub use failure::DisputeError;
pub use game::{Game, MAX_STEPS, POINTS, Point, Why, points};
pub use rules::{Hash, Rules};

use crate::account::Mutez;
use crate::chain::Layer1;
use game::Outcome;
use messages::contract::Contract;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The 21 bytes of an account (`tz…`) that stakes on commitments.
pub type Staker = [u8; 21];

/// The number of a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitmentId(u32);

/// The fixed terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The stake of a staker.
    pub stake: Mutez,
    /// The levels that a commitment stands before it can be cemented, and those after the first commitment to a
    /// level in which others can be published: so nobody puts off for ever that it is cemented.
    pub window: u32,
    /// The levels that a player has for a move.
    pub turn: u32,
}

impl Default for Terms {
    /// 10,000 tez, 16 levels, 8 levels: short, for a devnet.
    fn default() -> Self {
        Self {
            stake: Mutez(10_000_000_000),
            window: 16,
            turn: 8,
        }
    }
}

/// A commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment<C> {
    /// The commitment below; `None` for the first, which nobody disputes.
    pub predecessor: Option<CommitmentId>,
    /// The claim about a level's end.
    pub claim: C,
    /// The level that it was published at.
    pub published: u32,
}

/// The commitments of a staker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stake {
    commitment: CommitmentId,
    amount: Mutez,
}

/// The end of a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The side that keeps its stake, and gets half of the other.
    pub winner: Staker,
    /// The side that loses its stake.
    pub loser: Staker,
    /// Why.
    pub why: Why,
    /// The number of dissections.
    pub rounds: u32,
}

/// Commitments, stakes, and disputes about them.
#[derive(Clone, Debug)]
pub struct Disputes<R: Rules> {
    rules: R,
    terms: Terms,
    commitments: BTreeMap<CommitmentId, Commitment<R::Claim>>,
    /// After how many steps each claims that the level of a commitment is over.
    steps: BTreeMap<(Staker, CommitmentId), u64>,
    /// Of the levels that can be disputed: layer 1 forgets them.
    inboxes: BTreeMap<u32, Arc<[Vec<u8>]>>,
    stakes: BTreeMap<Staker, Stake>,
    games: BTreeMap<[Staker; 2], Game>,
    cemented: CommitmentId,
    /// Those that are final and not forgotten yet.
    last: BTreeSet<CommitmentId>,
    /// When the first commitment to each open level was published.
    opened: BTreeMap<u32, u32>,
    burned: Mutez,
}

type Done<T> = Result<T, DisputeError>;

impl<R: Rules> Disputes<R> {
    /// Nobody doubts `claim`.
    pub fn new(rules: R, terms: Terms, claim: R::Claim, level: u32) -> Self {
        let first = CommitmentId(0);
        let commitment = Commitment {
            predecessor: None,
            claim,
            published: level,
        };
        Self {
            rules,
            terms,
            commitments: BTreeMap::from([(first, commitment)]),
            steps: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            stakes: BTreeMap::new(),
            games: BTreeMap::new(),
            cemented: first,
            last: BTreeSet::from([first]),
            opened: BTreeMap::new(),
            burned: Mutez::ZERO,
        }
    }

    /// The newest commitment that is final.
    #[must_use]
    pub const fn cemented(&self) -> CommitmentId {
        self.cemented
    }

    /// The part of the losers' stakes that nobody gained.
    #[must_use]
    pub const fn burned(&self) -> Mutez {
        self.burned
    }

    /// A commitment that somebody stands for, or that is cemented.
    #[must_use]
    pub fn commitment(&self, id: CommitmentId) -> Option<&Commitment<R::Claim>> {
        self.commitments.get(&id)
    }

    /// True if somebody has a stake.
    #[must_use]
    pub fn is_staker(&self, staker: &Staker) -> bool {
        self.stakes.contains_key(staker)
    }

    /// The game of two stakers.
    #[must_use]
    pub fn game(&self, one: &Staker, other: &Staker) -> Option<&Game> {
        self.games.get(&pair(one, other))
    }

    /// Publishes what a level came to, `steps` steps long, and stakes on it; or stakes on what another
    /// published alike. Whoever builds on what is not final has staked on that before, so that it is
    /// known how long the staker says that each level is.
    ///
    /// # Errors
    /// Why not; nothing has happened then.
    pub fn publish(
        &mut self,
        layer1: &mut Layer1,
        staker: &Staker,
        predecessor: CommitmentId,
        (claim, steps): (R::Claim, u64),
    ) -> Done<CommitmentId> {
        let before = self.commitments.get(&predecessor);
        let before = before.filter(|_| self.path(predecessor).first() == Some(&self.cemented));
        let before = before.ok_or(DisputeError::NoCommitment)?;
        let level = self.rules.level(&claim);
        // What nobody doubts may be of before level 0.
        if level != self.rules.level(&before.claim).wrapping_add(1) {
            return Err(DisputeError::OtherLevel(level));
        }
        let inbox = self.inbox(layer1, level)?;
        if steps > MAX_STEPS {
            return Err(DisputeError::TooManySteps);
        }
        let staked = self.stakes.get(staker).copied();
        let follows = |at| self.path(predecessor).contains(&at) || self.is_cemented(at);
        if staked.is_some_and(|stake| !follows(stake.commitment)) {
            return Err(DisputeError::OtherBranch);
        }
        if predecessor != self.cemented && !self.steps.contains_key(&(*staker, predecessor)) {
            return Err(DisputeError::NotYourPredecessor);
        }
        let opened = self.opened.get(&level).copied();
        let opened = opened.unwrap_or_else(|| layer1.level());
        let curfew = opened.saturating_add(self.terms.window);
        if layer1.level() > curfew {
            return Err(DisputeError::PastCurfew(curfew));
        }
        let amount = match staked {
            Some(stake) => stake.amount,
            None => {
                let ledger = layer1.ledger_mut();
                ledger.take(Contract::Implicit(*staker), self.terms.stake)?;
                self.terms.stake
            }
        };
        let commitment = self.find_or_add(predecessor, claim, layer1.level());
        self.inboxes.insert(level, inbox);
        self.opened.insert(level, opened);
        self.steps.insert((*staker, commitment), steps);
        self.stakes.insert(*staker, Stake { commitment, amount });
        Ok(commitment)
    }

    /// The inbox of a level that is over.
    fn inbox(&self, layer1: &Layer1, level: u32) -> Done<Arc<[Vec<u8>]>> {
        let inbox = self.inboxes.get(&level).or_else(|| layer1.inbox(level));
        inbox.cloned().ok_or(DisputeError::NoInbox(level))
    }

    fn find_or_add(
        &mut self,
        predecessor: CommitmentId,
        claim: R::Claim,
        published: u32,
    ) -> CommitmentId {
        let commitment = Commitment {
            predecessor: Some(predecessor),
            claim,
            published,
        };
        let mut known = self.commitments.iter();
        let same = known.find(|(_, known)| {
            known.predecessor == commitment.predecessor && known.claim == commitment.claim
        });
        if let Some((id, _)) = same {
            return *id;
        }
        let last = self.commitments.last_key_value();
        let id = CommitmentId(last.map_or(0, |(last, _)| last.0.saturating_add(1)));
        self.commitments.insert(id, commitment);
        id
    }

    /// A commitment and those that it builds on, up to the cemented one, the oldest first.
    fn path(&self, id: CommitmentId) -> Vec<CommitmentId> {
        let mut path = vec![id];
        let mut at = id;
        while at != self.cemented
            && let Some(before) = self.commitments.get(&at).and_then(|one| one.predecessor)
        {
            path.push(before);
            at = before;
        }
        path.reverse();
        path
    }

    /// Opens a dispute: `refuter` makes the first move.
    ///
    /// # Errors
    /// If the two do not contradict each other, or a dispute of theirs is open.
    pub fn accuse(&mut self, layer1: &Layer1, refuter: &Staker, other: &Staker) -> Done<()> {
        let key = pair(refuter, other);
        if self.games.contains_key(&key) {
            return Err(DisputeError::GameOpen);
        }
        let stake = |who| self.stakes.get(who).ok_or(DisputeError::NoStake);
        let (mine, theirs) = (
            self.path(stake(refuter)?.commitment),
            self.path(stake(other)?.commitment),
        );
        // Whoever stands for what is final alone contradicts nobody.
        let open = |path: &[CommitmentId]| path.first() == Some(&self.cemented);
        if !open(&mine) || !open(&theirs) {
            return Err(DisputeError::NoConflict);
        }
        let mut both = mine.iter().zip(&theirs);
        let (mine, theirs) = both
            .find(|(mine, theirs)| mine != theirs)
            .ok_or(DisputeError::NoConflict)?;
        let commitment = |id| self.commitments.get(id).ok_or(DisputeError::NoCommitment);
        let (my_claim, their_claim) = (&commitment(mine)?.claim, &commitment(theirs)?.claim);
        let before = commitment(mine)?.predecessor;
        let before = before.ok_or(DisputeError::NoCommitment)?;
        let level = self.rules.level(my_claim);
        let inbox = &self.inbox(layer1, level)?;
        let steps = |who: &Staker, id: &CommitmentId| self.steps.get(&(*who, *id)).copied();
        let total = steps(refuter, mine).max(steps(other, theirs));
        let game = Game::new(
            [*refuter, *other],
            self.rules.first_state(&commitment(&before)?.claim, inbox),
            [my_claim, their_claim].map(|claim| self.rules.last_state(claim, inbox)),
            total.unwrap_or_default().max(1),
            layer1.level().saturating_add(self.terms.turn),
        );
        self.games.insert(key, game);
        Ok(())
    }

    /// A move: one of the sections that the other published is dissected. `hashes` are those of the
    /// states at its [`points`] but for the first, on which both agree.
    ///
    /// # Errors
    /// Why the move is none; nothing has happened then.
    pub fn dissect(
        &mut self,
        layer1: &Layer1,
        players: (&Staker, &Staker),
        section: usize,
        hashes: &[Hash],
    ) -> Done<()> {
        let deadline = layer1.level().saturating_add(self.terms.turn);
        let game = self.turn(layer1, players)?;
        game.dissect(section, hashes)?;
        game.set_deadline(deadline);
        Ok(())
    }

    /// The last move: a section of one step does not lead where the other says. A proof that does not show
    /// it loses.
    ///
    /// # Errors
    /// Why the move is none; nothing has happened then.
    pub fn prove(
        &mut self,
        layer1: &mut Layer1,
        players: (&Staker, &Staker),
        section: usize,
        evidence: &R::Evidence,
    ) -> Done<Verdict> {
        let game = self.turn(layer1, players)?;
        let (before, after) = game.step(section)?;
        let outcome = match self.rules.follow(evidence, &before) {
            Ok(found) if found != after => Outcome::Won(Why::Proved { found, after }),
            Ok(_) => Outcome::Lost(Why::ProvedTheOther),
            Err(why) => Outcome::Lost(Why::Refused(why.to_string())),
        };
        self.end(layer1, players, outcome)
    }

    /// Ends a dispute in which the time of a move is over: whose turn it is loses. Anybody may call it.
    ///
    /// # Errors
    /// If there is time left.
    pub fn timeout(&mut self, layer1: &mut Layer1, one: &Staker, other: &Staker) -> Done<Verdict> {
        let game = self.game(one, other).ok_or(DisputeError::NoGame)?;
        if layer1.level() <= game.deadline() {
            return Err(DisputeError::TimeLeft(game.deadline()));
        }
        let late = game.turn();
        let players = if late == *one {
            (one, other)
        } else {
            (other, one)
        };
        self.end(layer1, players, Outcome::Lost(Why::Late))
    }

    /// The game of two, in which it is the turn of the first, in time.
    fn turn(&mut self, layer1: &Layer1, (player, other): (&Staker, &Staker)) -> Done<&mut Game> {
        let game = self.games.get_mut(&pair(player, other));
        let game = game.ok_or(DisputeError::NoGame)?;
        if game.turn() != *player {
            return Err(DisputeError::NotYourTurn);
        }
        if layer1.level() > game.deadline() {
            return Err(DisputeError::Late(game.deadline()));
        }
        Ok(game)
    }

    /// Whoever made the last move has won or lost.
    fn end(
        &mut self,
        layer1: &mut Layer1,
        (player, other): (&Staker, &Staker),
        outcome: Outcome,
    ) -> Done<Verdict> {
        let game = self.game(player, other).ok_or(DisputeError::NoGame)?;
        let rounds = game.rounds();
        let (winner, loser, why) = match outcome {
            Outcome::Won(why) => (*player, *other, why),
            Outcome::Lost(why) => (*other, *player, why),
        };
        let lost = self.stakes.get(&loser).ok_or(DisputeError::NoStake)?.amount;
        let reward = Mutez(lost.0 / 2);
        layer1
            .ledger_mut()
            .fund(Contract::Implicit(winner), reward)?;
        self.burned.0 = self.burned.0.saturating_add(lost.0 - reward.0);
        self.stakes.remove(&loser);
        self.steps.retain(|(staker, _), _| *staker != loser);
        self.games.retain(|players, _| !players.contains(&loser));
        self.forget();
        Ok(Verdict {
            winner,
            loser,
            why,
            rounds,
        })
    }
}

/// The key of the game of two.
fn pair(one: &Staker, other: &Staker) -> [Staker; 2] {
    let (first, second) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    [*first, *second]
}

#[cfg(test)]
mod tests;
