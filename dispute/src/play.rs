//! A dispute from the commitments to the verdict.

use crate::fault::{Fault, Places, Random};
use crate::moves::{Event, Report, Reward, Side, Told, words};
use crate::rules::MachineRules;
use layer1::dispute::{CommitmentId, DisputeError, Disputes, Staker, Terms, Verdict, points};
use layer1::outbox::Parameters;
use layer1::{Layer1, Mutez};
use messages::contract::Contract;
use pvm::Machine;
use pvm::steps::{Hash, Judge, Player, Stuck};
use std::time::Instant;

/// The level in dispute.
#[derive(Debug)]
pub struct Level {
    /// The machine before it.
    pub machine: Machine,
    /// All of its messages, those of layer 1 included.
    pub messages: Vec<Vec<u8>>,
    /// The most steps that it may take.
    pub most_steps: u64,
}

/// Why a dispute is not played to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// The machine has no level that can be run.
    #[error(transparent)]
    Machine(#[from] pvm::Error),
    /// A step cannot be made.
    #[error(transparent)]
    Stuck(#[from] Stuck),
    /// Layer 1 refuses an operation.
    #[error("layer 1 refuses: {0}")]
    Refused(#[from] DisputeError),
    /// The level has no place for such a fault.
    #[error("the level has no place for this fault: {0}")]
    NoPlace(&'static str),
    /// Nothing came of the fault, wherever it was tried.
    #[error("nothing comes of the fault: tried {0} times, the level always ends as it ought to")]
    NoEffect(u32),
    /// Somebody says to stop.
    #[error("aborted")]
    Aborted,
}

/// The number of attempts to find a place at which a fault has consequences.
const TRIES: u32 = 32;

const HONEST: Staker = [1; 21];
const FAULTY: Staker = [2; 21];

/// The initial balance of both sides.
const TEZ: Mutez = Mutez(20_000_000_000);

const fn staker(side: Side) -> &'static Staker {
    match side {
        Side::Honest => &HONEST,
        Side::Faulty => &FAULTY,
    }
}

/// The honest operator of a level, which is run once; disputes about it can be played one after the
/// other.
#[derive(Debug)]
pub struct Operator {
    player: Player,
    level: Level,
}

impl Operator {
    /// Runs the level.
    ///
    /// # Errors
    /// If the level cannot be run.
    pub fn new(level: Level, told: Told<'_>) -> Result<Self, PlayError> {
        let steps = level.machine.steps(level.messages.clone())?;
        let player = Player::honest(steps, level.most_steps, &mut |steps| {
            told(&Event::Running {
                side: Side::Honest,
                steps,
            })
        })?;
        Ok(Self { player, level })
    }

    /// The honest side of the level.
    #[must_use]
    pub const fn player(&self) -> &Player {
        &self.player
    }

    /// The messages of the level.
    #[must_use]
    pub fn messages(&self) -> &[Vec<u8>] {
        &self.level.messages
    }
}

/// Plays a dispute about a level. `seed` says where the fault is, and who begins.
///
/// # Errors
/// If the level cannot be run, or the fault has no place in it.
pub fn play(
    operator: &Operator,
    fault: Fault,
    seed: u64,
    told: Told<'_>,
) -> Result<Report, PlayError> {
    let start = Instant::now();
    let (first, place, faulty) = faulty(operator, fault, seed, told)?;
    let mut table = Table::new(operator, faulty)?;
    table.commit(Side::Honest, told)?;
    table.commit(Side::Faulty, told)?;
    go_on(told, &Event::Fault { fault, step: place })?;
    let verdict = table.moves(first, told)?;
    let report = table.report(&verdict, (fault, place), told)?;
    Ok(Report {
        milliseconds: start.elapsed().as_millis() as u64,
        ..report
    })
}

/// The side that begins, the place of the faulty operator's error, chosen so that it matters, and that
/// operator.
fn faulty(
    operator: &Operator,
    fault: Fault,
    seed: u64,
    told: Told<'_>,
) -> Result<(Side, u64, Player), PlayError> {
    let honest = &operator.player;
    let mut random = Random(seed);
    let first = match random.below(2) {
        0 => Side::Honest,
        _ => Side::Faulty,
    };
    let mut places = Places {
        honest,
        messages: operator.level.messages.len(),
        random,
    };
    // A fault may go on for ever.
    let most = honest.total() + honest.total() / 4 + 100_000;
    for _ in 0..TRIES {
        let change = places.next(fault);
        let change = change.ok_or(PlayError::NoPlace(fault.about()))?;
        let place = change.0;
        let player = Player::faulty(honest, most, change, &mut |steps| {
            told(&Event::Running {
                side: Side::Faulty,
                steps,
            })
        })?;
        if player.claim() != honest.claim() {
            return Ok((first, place, player));
        }
    }
    Err(PlayError::NoEffect(TRIES))
}

fn go_on(told: Told<'_>, event: &Event) -> Result<(), PlayError> {
    match told(event) {
        true => Ok(()),
        false => Err(PlayError::Aborted),
    }
}

/// Both sides, and layer 1 between them.
struct Table {
    honest: Player,
    faulty: Player,
    layer1: Layer1,
    disputes: Disputes<MachineRules>,
    commitments: [Option<CommitmentId>; 2],
    /// The step that was proved, and the bytes of its proof.
    proved: Option<(u64, usize)>,
    level: u32,
}

impl Table {
    fn new(operator: &Operator, faulty: Player) -> Result<Self, PlayError> {
        let Operator { player, level } = operator;
        let facts = level.machine.facts();
        let parameters = Parameters {
            commitment_period: 1,
            ..Parameters::default()
        };
        let mut layer1 = Layer1::new(facts.rollup, parameters);
        for staker in [HONEST, FAULTY] {
            let funded = layer1.fund(Contract::Implicit(staker), TEZ);
            funded.map_err(DisputeError::from)?;
        }
        let before = level.machine.claim();
        let number = level.machine.level();
        layer1.end_level(number, level.messages.clone(), Vec::new());
        let rules = MachineRules(Judge { facts });
        let disputes = Disputes::new(rules, Terms::default(), before, layer1.level());
        Ok(Self {
            honest: player.fork(),
            faulty,
            layer1,
            disputes,
            commitments: [None; 2],
            proved: None,
            level: number,
        })
    }

    const fn player(&mut self, side: Side) -> &mut Player {
        match side {
            Side::Honest => &mut self.honest,
            Side::Faulty => &mut self.faulty,
        }
    }

    fn commit(&mut self, side: Side, told: Told<'_>) -> Result<(), PlayError> {
        let player = self.player(side);
        let (claim, steps) = (*player.claim(), player.total());
        let first = self.disputes.cemented();
        let (layer1, claimed) = (&mut self.layer1, (claim, steps));
        let id = self
            .disputes
            .publish(layer1, staker(side), first, claimed)?;
        self.commitments[side as usize] = Some(id);
        let event = Event::Committed {
            side,
            root: hex::encode(claim.durable),
            outbox: claim.sent,
            steps,
            stuck: claim.stuck,
        };
        go_on(told, &event)
    }

    /// Moves in turn, up to the verdict.
    fn moves(&mut self, first: Side, told: Told<'_>) -> Result<Verdict, PlayError> {
        let (one, other) = (staker(first), staker(first.other()));
        self.disputes.accuse(&self.layer1, one, other)?;
        let mut side = first;
        loop {
            if let Some(verdict) = self.next_move(side, told)? {
                return Ok(verdict);
            }
            let level = self.layer1.level();
            self.layer1.resume_at(level + 1);
            side = side.other();
        }
    }

    fn next_move(&mut self, side: Side, told: Told<'_>) -> Result<Option<Verdict>, PlayError> {
        let players = (staker(side), staker(side.other()));
        let game = self.disputes.game(players.0, players.1);
        let published = game.ok_or(DisputeError::NoGame)?.points().to_vec();
        // The first point at which this side says something else: it agrees with the one before.
        let player = self.player(side);
        let mut section = published.len() - 2;
        for (number, point) in published.iter().enumerate().skip(1) {
            if player.hashes(&[point.step])? != [point.hash] {
                section = number - 1;
                break;
            }
        }
        let (from, to) = (published[section].step, published[section + 1].step);
        player.forget_outside(from, to);
        if to - from == 1 {
            return self.last_move(side, (section, from), told).map(Some);
        }
        let hashes: Vec<Hash> = player.hashes(&points(from, to)[1..])?;
        let count = hashes.len();
        self.disputes
            .dissect(&self.layer1, players, section, &hashes)?;
        let event = Event::Dissected {
            by: side,
            from,
            to,
            hashes: count,
        };
        go_on(told, &event)?;
        Ok(None)
    }

    fn last_move(
        &mut self,
        side: Side,
        (section, step): (usize, u64),
        told: Told<'_>,
    ) -> Result<Verdict, PlayError> {
        let player = self.player(side);
        let what = player.about(step)?;
        let evidence = player.prove(step)?;
        let bytes = evidence.proof.len();
        self.proved = Some((step, bytes));
        let event = Event::Proved {
            by: side,
            step,
            bytes,
            what,
        };
        go_on(told, &event)?;
        let players = (staker(side), staker(side.other()));
        let verdict = self
            .disputes
            .prove(&mut self.layer1, players, section, &evidence)?;
        Ok(verdict)
    }

    fn tez(&self, side: Side) -> u64 {
        let account = Contract::Implicit(*staker(side));
        self.layer1.ledger().balance(&account).0
    }

    /// The verdict is carried out: the winner's commitment becomes final, and its outbox gets to layer 1.
    fn report(
        &mut self,
        verdict: &Verdict,
        (fault, fault_step): (Fault, u64),
        told: Told<'_>,
    ) -> Result<Report, PlayError> {
        let winner = match verdict.winner == HONEST {
            true => Side::Honest,
            false => Side::Faulty,
        };
        let why = words(&verdict.why);
        go_on(
            told,
            &Event::Judged {
                winner,
                why: why.clone(),
            },
        )?;
        let window = self.layer1.level() + Terms::default().window;
        self.layer1.resume_at(window);
        let cemented = self.disputes.cement(&self.layer1)?;
        for side in [winner.other(), winner] {
            let outbox = self.player(side).outbox()?;
            if let Some(id) = self.commitments[side as usize] {
                let (disputes, layer1) = (&self.disputes, &mut self.layer1);
                let brought = disputes.bring_outbox(layer1, id, &outbox);
                // That of the loser is refused.
                debug_assert_eq!(brought.is_ok(), side == winner);
            }
        }
        let honest = self.honest.outbox()?;
        let taken = self.layer1.outbox().of_level(self.level);
        let false_messages = taken.filter(|(place, message)| {
            honest.get(place.index as usize).map(Vec::as_slice) != Some(*message)
        });
        let false_messages = false_messages.count();
        self.disputes.withdraw(&mut self.layer1, &verdict.winner)?;
        let proved = self.proved;
        Ok(Report {
            level: self.level,
            fault,
            fault_step,
            steps: self.honest.total(),
            runs: self.honest.runs(),
            winner,
            why,
            rounds: verdict.rounds,
            step: proved.map(|(step, _)| step),
            proof_bytes: proved.map(|(_, bytes)| bytes),
            honest_work: self.honest.work(),
            faulty_work: self.faulty.work(),
            stakes: Reward {
                stake: Terms::default().stake.0,
                won: self.tez(winner).saturating_sub(TEZ.0),
                lost: TEZ.0.saturating_sub(self.tez(winner.other())),
                burned: self.disputes.burned().0,
            },
            cemented: self.commitments[winner as usize] == Some(cemented),
            false_messages,
            milliseconds: 0,
        })
    }
}
