//! Whoever plays a dispute about a level: the hashes of its states, and proofs of its steps, with states
//! that are kept so that little is run again.

use super::{Change, Claim, Evidence, Hash, Saved, Steps, Stuck};
use kernel_module::imports::IMPORTS;
use std::collections::BTreeMap;

/// The most states that are kept of the whole level, and of the stretch that is in dispute.
const KEPT: usize = 64;

/// The steps between two states that are kept at first.
const APART: u64 = 1 << 20;

/// The most calls of the host that are noted.
const CALLS: usize = 1 << 16;

/// A call of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The step that makes it: the number of steps before.
    pub step: u64,
    /// The function's name.
    pub name: &'static str,
    /// The first of its arguments, as cells of the stack.
    pub args: [u64; 4],
}

/// A side of a dispute about a level: it knows the hash of each state that it claims.
#[derive(Debug)]
pub struct Player {
    steps: Steps,
    kept: BTreeMap<u64, Saved>,
    /// A change of the state behind so many steps.
    change: Option<(u64, Change)>,
    /// After so many steps the level is said to be over.
    most: u64,
    claim: Claim,
    total: u64,
    calls: Vec<Call>,
    runs: u32,
    decoding: (u64, u64),
    /// Steps that were made, those that were made again counted again.
    work: u64,
}

impl Player {
    /// Whoever says that this level goes as it goes. `tell` is told now and then how many steps are made,
    /// and says whether to go on.
    ///
    /// # Errors
    /// If a step cannot be made, or the level takes more than `most` steps, or is to be aborted.
    pub fn honest(
        steps: Steps,
        most: u64,
        tell: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Self, Stuck> {
        let mut steps = steps;
        let kept = BTreeMap::from([(0, steps.save())]);
        let player = Self::new((steps, kept), most, None, tell)?;
        if player.total >= most {
            return Err(Stuck(format!("the level takes more than {most} steps")));
        }
        Ok(player)
    }

    /// Whoever says what `honest` says up to a step, not the first state and not one behind the last, and
    /// then goes on from a changed state. After `most` steps the level is said to be over.
    ///
    /// # Errors
    /// If a step cannot be made, or the level is to be aborted.
    pub fn faulty(
        honest: &Self,
        most: u64,
        (at, change): (u64, Change),
        tell: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Self, Stuck> {
        let before = honest.kept.range(..at);
        let kept = before.map(|(at, state)| (*at, state.clone())).collect();
        let steps = honest.steps.twin();
        Self::new((steps, kept), most, Some((at, change)), tell)
    }

    fn new(
        (steps, kept): (Steps, BTreeMap<u64, Saved>),
        most: u64,
        change: Option<(u64, Change)>,
        tell: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Self, Stuck> {
        let mut player = Self {
            steps,
            kept,
            change,
            most,
            claim: Claim {
                level: 0,
                durable: [0; 32],
                sent: 0,
                outbox: [0; 32],
                stuck: false,
            },
            total: 0,
            calls: Vec::new(),
            runs: 0,
            decoding: (0, 0),
            work: 0,
        };
        player.whole(tell)?;
        Ok(player)
    }

    /// The same side once more, to play another dispute.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            steps: self.steps.twin(),
            kept: self.kept.clone(),
            change: self.change.clone(),
            most: self.most,
            claim: self.claim,
            total: self.total,
            calls: Vec::new(),
            runs: self.runs,
            decoding: self.decoding,
            work: self.work,
        }
    }

    /// Runs the whole level once, from the last state on that is kept.
    fn whole(&mut self, tell: &mut dyn FnMut(u64) -> bool) -> Result<(), Stuck> {
        let mut places = self.kept.keys().rev();
        let mut at = places.next().copied().unwrap_or_default();
        let apart = places.next().map_or(APART, |before| at - before);
        let mut apart = apart.next_power_of_two().max(APART);
        self.go_back(at);
        while !self.is_over(at) {
            at = (at / apart + 1) * apart;
            self.run_to(at, true)?;
            if !tell(self.steps.count().min(at)) {
                return Err(Stuck("aborted".to_owned()));
            }
            let state = self.steps.save();
            self.kept.insert(at, state);
            if self.kept.len() > KEPT {
                // Every other one, so that they stay as far apart from each other.
                apart *= 2;
                self.kept.retain(|at, _| at % apart == 0);
            }
        }
        self.total = self.steps.count();
        self.runs = self.steps.runs();
        self.decoding = self.steps.first_decoding();
        let claim = self.steps.claim();
        self.claim = claim.ok_or_else(|| Stuck("the level is not over".to_owned()))?;
        Ok(())
    }

    /// True if nothing follows a state that is so many steps from the beginning.
    fn is_over(&self, at: u64) -> bool {
        let changes = self.change.as_ref().is_some_and(|(change, _)| *change > at);
        self.steps.phase().is_over() && !changes
    }

    /// The claim about the level's end.
    #[must_use]
    pub const fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The outbox that is claimed.
    ///
    /// # Errors
    /// If a step cannot be made.
    pub fn outbox(&mut self) -> Result<Vec<Vec<u8>>, Stuck> {
        self.go_to(self.total)?;
        Ok(self.steps.outbox().to_vec())
    }

    /// After how many steps the level is over, as is claimed.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Steps that were made, those that were made again counted again.
    #[must_use]
    pub const fn work(&self) -> u64 {
        self.work
    }

    /// The calls of the host, as far as there was room for them.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The steps in which the level's first kernel is decoded: how many come before, and how many they are.
    #[must_use]
    pub const fn first_decoding(&self) -> (u64, u64) {
        self.decoding
    }

    /// The number of runs of the kernel.
    #[must_use]
    pub const fn runs(&self) -> u32 {
        self.runs
    }

    /// The hash of the state after so many steps; the last one where there are fewer.
    ///
    /// # Errors
    /// If a step cannot be made.
    pub fn hash(&mut self, at: u64) -> Result<Hash, Stuck> {
        self.go_to(at)?;
        Ok(self.steps.root())
    }

    /// The hashes of the states after so many steps each, in ascending order; the states are kept.
    ///
    /// # Errors
    /// As [`Player::hash`].
    pub fn hashes(&mut self, points: &[u64]) -> Result<Vec<Hash>, Stuck> {
        let mut hashes = Vec::with_capacity(points.len());
        for at in points {
            hashes.push(self.hash(*at)?);
            let state = self.steps.save();
            self.kept.insert(*at, state);
        }
        Ok(hashes)
    }

    /// A description of the step that follows so many others.
    ///
    /// # Errors
    /// As [`Player::hash`].
    pub fn about(&mut self, at: u64) -> Result<String, Stuck> {
        self.go_to(at)?;
        Ok(self.steps.about())
    }

    /// Forgets states that are kept outside of a stretch, but for the first.
    pub fn forget_outside(&mut self, from: u64, to: u64) {
        self.kept
            .retain(|at, _| *at == 0 || (from..=to).contains(at));
    }

    /// Proves the step that follows so many others.
    ///
    /// # Errors
    /// As [`Player::hash`].
    pub fn prove(&mut self, at: u64) -> Result<Evidence, Stuck> {
        self.go_to(at)?;
        let proof = self.steps.prove();
        // The change behind this step, if there is one, was not made.
        self.go_back(at);
        proof
    }

    fn go_to(&mut self, at: u64) -> Result<(), Stuck> {
        self.go_back(at);
        self.run_to(at, false)
    }

    /// Goes back to the last state that is kept up to a step.
    fn go_back(&mut self, at: u64) {
        if let Some((_, state)) = self.kept.range(..=at).next_back() {
            self.steps.restore(state);
        }
    }

    /// Makes steps up to a step of the claimed level.
    fn run_to(&mut self, at: u64, note: bool) -> Result<(), Stuck> {
        let from = self.steps.count();
        let change = self.change.clone();
        if let Some((place, change)) = change
            && from < place
            && place <= at
        {
            self.advance(place, note)?;
            self.steps.change(&change)?;
        }
        let end = at.min(self.most);
        let advanced = self.advance(end, note);
        match &self.change {
            // One that errs asks for what nobody has: it says that the level is over then.
            Some(_) if advanced.is_err() => self.most = self.steps.count(),
            _ => advanced?,
        }
        if at >= self.most && !self.steps.phase().is_over() {
            self.steps.change(&Change::Finish)?;
        }
        Ok(())
    }

    fn advance(&mut self, to: u64, note: bool) -> Result<(), Stuck> {
        let from = self.steps.count();
        let calls = &mut self.calls;
        self.steps
            .advance_with(to.saturating_sub(from), &mut |call| {
                if note && calls.len() < CALLS {
                    calls.push(call);
                }
            })?;
        self.work += self.steps.count() - from;
        Ok(())
    }
}

impl Call {
    pub(super) fn new(step: u64, import: u32, cells: &[u64]) -> Self {
        Self {
            step,
            name: IMPORTS
                .get(import as usize)
                .map_or("unknown", |import| import.name),
            args: std::array::from_fn(|at| cells.get(at).copied().unwrap_or_default()),
        }
    }
}
