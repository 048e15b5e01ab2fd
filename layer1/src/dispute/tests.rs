use super::*;
use crate::outbox::Parameters;

/// A machine that adds the messages of a level up, byte by byte, each number of steps told by the
/// inbox; its states are their own hashes.
#[derive(Clone, Debug)]
struct Adder;

/// The adder's state after so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sum {
    level: u32,
    sum: u64,
    sent: u8,
}

/// The steps of each level.
const STEPS: u64 = 30_000;

fn hash(left: u64, sum: u64, sent: u8) -> Hash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&left.to_le_bytes());
    hash[8..16].copy_from_slice(&sum.to_le_bytes());
    hash[16] = sent;
    hash
}

fn state(hash: &Hash) -> (u64, u64, u8) {
    let number = |at: usize| u64::from_le_bytes(hash[at..at + 8].try_into().unwrap());
    (number(0), number(8), hash[16])
}

fn next(hash_before: &Hash) -> Hash {
    match state(hash_before) {
        (0, ..) => *hash_before,
        (left, sum, sent) => hash(left - 1, sum.wrapping_mul(31).wrapping_add(left), sent),
    }
}

impl Rules for Adder {
    type Claim = Sum;
    type Evidence = Hash;
    type Refused = &'static str;

    fn level(&self, claim: &Sum) -> u32 {
        claim.level
    }

    fn first_state(&self, before: &Sum, inbox: &[Vec<u8>]) -> Hash {
        hash(STEPS, before.sum, inbox.len() as u8)
    }

    fn last_state(&self, claim: &Sum, _: &[Vec<u8>]) -> Hash {
        hash(0, claim.sum, claim.sent)
    }

    fn follow(&self, evidence: &Hash, before: &Hash) -> Result<Hash, &'static str> {
        match evidence == before {
            true => Ok(next(evidence)),
            false => Err("of another state"),
        }
    }

    fn has_outbox(&self, claim: &Sum, messages: &[Vec<u8>]) -> bool {
        messages.len() == usize::from(claim.sent)
    }
}

/// All states of a level, from one on with an error, and none but the last as they ought to be.
struct Side {
    states: Vec<Hash>,
}

impl Side {
    fn new(first: Hash, wrong_from: Option<usize>) -> Self {
        let mut states = vec![first];
        for at in 0..STEPS as usize {
            let mut after = next(&states[at]);
            if wrong_from == Some(at) {
                after[8] ^= 1;
            }
            states.push(after);
        }
        Self { states }
    }

    fn at(&self, step: u64) -> Hash {
        let last = self.states.len() - 1;
        self.states[(step as usize).min(last)]
    }

    fn claim(&self, level: u32) -> Sum {
        let (_, sum, sent) = state(&self.states[self.states.len() - 1]);
        Sum { level, sum, sent }
    }
}

const HONEST: Staker = [1; 21];
const FALSE: Staker = [2; 21];
const OTHER: Staker = [3; 21];

struct Scene {
    layer1: Layer1,
    disputes: Disputes<Adder>,
    first: CommitmentId,
}

fn scene() -> Scene {
    let mut layer1 = Layer1::new([0; 20], Parameters::default());
    for staker in [HONEST, FALSE, OTHER] {
        let funded = layer1.fund(Contract::Implicit(staker), Mutez(15_000_000_000));
        funded.unwrap();
    }
    layer1.end_level(0, Vec::new(), Vec::new());
    layer1.end_level(1, vec![vec![1], vec![2]], Vec::new());
    let begin = Sum {
        level: 0,
        sum: 7,
        sent: 0,
    };
    let disputes = Disputes::new(Adder, Terms::default(), begin, 1);
    let first = disputes.cemented();
    Scene {
        layer1,
        disputes,
        first,
    }
}

impl Scene {
    fn side(&self, wrong_from: Option<usize>) -> Side {
        let inbox = self.layer1.inbox(1).unwrap();
        let begin = self.disputes.commitment(self.first).unwrap().claim;
        Side::new(Adder.first_state(&begin, inbox), wrong_from)
    }

    fn publish(&mut self, staker: &Staker, side: &Side) -> CommitmentId {
        let claim = (side.claim(1), STEPS);
        self.commit(staker, self.first, claim).unwrap()
    }

    fn commit(
        &mut self,
        staker: &Staker,
        before: CommitmentId,
        claim: (Sum, u64),
    ) -> Result<CommitmentId, DisputeError> {
        self.disputes
            .publish(&mut self.layer1, staker, before, claim)
    }

    /// The section at whose beginning a side agrees, and at whose end it does not.
    fn section(&self, side: &Side) -> usize {
        let points = self.disputes.game(&HONEST, &FALSE).unwrap().points();
        let agreed = points
            .iter()
            .take_while(|point| side.at(point.step) == point.hash);
        agreed.count().saturating_sub(1)
    }

    /// The move of an honest side.
    fn play(&mut self, player: &Staker, other: &Staker, side: &Side) -> Option<Verdict> {
        let section = self.section(side);
        let points = self.disputes.game(player, other).unwrap().points();
        let (from, to) = (points[section].step, points[section + 1].step);
        if to - from == 1 {
            let evidence = side.at(from);
            let (layer1, players) = (&mut self.layer1, (player, other));
            return Some(
                self.disputes
                    .prove(layer1, players, section, &evidence)
                    .unwrap(),
            );
        }
        let steps = super::points(from, to);
        let hashes: Vec<Hash> = steps[1..].iter().map(|step| side.at(*step)).collect();
        let done = self
            .disputes
            .dissect(&self.layer1, (player, other), section, &hashes);
        done.unwrap();
        None
    }

    fn later(&mut self, levels: u32) {
        let level = self.layer1.level();
        self.layer1.resume_at(level + levels);
    }

    fn tez(&self, staker: &Staker) -> u64 {
        self.layer1.ledger().balance(&Contract::Implicit(*staker)).0
    }
}

#[test]
fn the_honest_side_wins_whoever_begins_and_wherever_the_error_is() {
    for (number, wrong) in [0, 1, 31, 4_711, 29_998, 29_999].into_iter().enumerate() {
        let mut scene = scene();
        let (honest, wrong) = (scene.side(None), scene.side(Some(wrong)));
        let id = scene.publish(&HONEST, &honest);
        let other = scene.publish(&FALSE, &wrong);
        assert_ne!(id, other);
        let (mut player, mut second) = ((&HONEST, &honest), (&FALSE, &wrong));
        if number % 2 == 1 {
            std::mem::swap(&mut player, &mut second);
        }
        let accused = scene.disputes.accuse(&scene.layer1, player.0, second.0);
        accused.unwrap();
        let verdict = loop {
            if let Some(verdict) = scene.play(player.0, second.0, player.1) {
                break verdict;
            }
            scene.later(1);
            std::mem::swap(&mut player, &mut second);
        };
        assert_eq!((verdict.winner, verdict.loser), (HONEST, FALSE));
        assert!(verdict.rounds <= 5, "{verdict:?}");
        assert_eq!(scene.tez(&HONEST), 10_000_000_000);
        assert_eq!(scene.tez(&FALSE), 5_000_000_000);
        assert_eq!(scene.disputes.burned(), Mutez(5_000_000_000));
        assert!(!scene.disputes.is_staker(&FALSE));
        assert_eq!(scene.disputes.commitment(other), None);
        // Alone it is cemented, once its time has come.
        scene.later(16);
        assert_eq!(scene.disputes.cement(&scene.layer1), Ok(id));
        let staked = scene.disputes.withdraw(&mut scene.layer1, &HONEST);
        assert_eq!(staked, Ok(Mutez(10_000_000_000)));
        assert_eq!(scene.tez(&HONEST), 20_000_000_000);
    }
}

#[test]
fn the_outbox_of_a_commitment_that_lost_is_never_brought() {
    let mut scene = scene();
    let honest = scene.side(None);
    let id = scene.publish(&HONEST, &honest);
    let mut claim = honest.claim(1);
    claim.sent = 3;
    let lie = (claim, STEPS);
    let lie = scene.commit(&FALSE, scene.first, lie).unwrap();
    let messages = vec![vec![1], vec![2], vec![3]];
    let bring = |scene: &mut Scene, id, messages: &[Vec<u8>]| {
        scene.disputes.bring_outbox(&mut scene.layer1, id, messages)
    };
    assert_eq!(
        bring(&mut scene, lie, &messages),
        Err(DisputeError::NotCemented)
    );
    scene.later(100);
    assert_eq!(
        scene.disputes.cement(&scene.layer1),
        Err(DisputeError::Contested)
    );
    let accused = scene.disputes.accuse(&scene.layer1, &HONEST, &FALSE);
    accused.unwrap();
    scene.play(&HONEST, &FALSE, &honest);
    // The liar has nothing to say.
    scene.later(9);
    let verdict = scene.disputes.timeout(&mut scene.layer1, &HONEST, &FALSE);
    assert_eq!(verdict.unwrap().why, Why::Late);
    assert_eq!(scene.disputes.cement(&scene.layer1), Ok(id));
    assert_eq!(
        bring(&mut scene, lie, &messages),
        Err(DisputeError::NotCemented)
    );
    assert_eq!(
        bring(&mut scene, id, &messages),
        Err(DisputeError::OtherOutbox)
    );
    assert_eq!(bring(&mut scene, id, &messages[..2]), Ok(()));
    assert_eq!(scene.layer1.outbox().of_level(1).count(), 2);
}

/// A dispute in which it is the liar's turn.
fn opened() -> (Scene, Side, Side) {
    let mut scene = scene();
    let (honest, wrong) = (scene.side(None), scene.side(Some(4_711)));
    scene.publish(&HONEST, &honest);
    scene.publish(&FALSE, &wrong);
    let accused = scene.disputes.accuse(&scene.layer1, &HONEST, &FALSE);
    accused.unwrap();
    scene.play(&HONEST, &FALSE, &honest);
    (scene, honest, wrong)
}

fn try_dissect(scene: &mut Scene, section: usize, hashes: &[Hash]) -> Result<(), DisputeError> {
    let before = scene.disputes.game(&HONEST, &FALSE).cloned();
    let done = scene
        .disputes
        .dissect(&scene.layer1, (&FALSE, &HONEST), section, hashes);
    if done.is_err() {
        assert_eq!(scene.disputes.game(&HONEST, &FALSE).cloned(), before);
    }
    done
}

#[test]
fn bad_dissections_are_no_moves() {
    let (mut scene, honest, _) = opened();
    let points = scene
        .disputes
        .game(&FALSE, &HONEST)
        .unwrap()
        .points()
        .to_vec();
    assert_eq!(points.len(), POINTS);
    let end = points[2].hash;
    let count = |found| DisputeError::OtherCount {
        expected: 31,
        found,
    };
    for (section, hashes, why) in [
        (31, vec![[9; 32]; 31], DisputeError::NoSection),
        (usize::MAX, vec![[9; 32]; 31], DisputeError::NoSection),
        (1, vec![[9; 32]; 32], count(32)),
        (1, vec![[9; 32]; 30], count(30)),
        (1, Vec::new(), count(0)),
        (1, vec![end; 31], DisputeError::SameEnd),
        (30, vec![[9; 32]; 31], DisputeError::OtherClaim),
    ] {
        assert_eq!(try_dissect(&mut scene, section, &hashes), Err(why));
    }
    // Not the liar's game, and not the honest side's turn.
    let hashes = [[9; 32]; 31];
    let (disputes, layer1) = (&mut scene.disputes, &scene.layer1);
    let other = disputes.dissect(layer1, (&OTHER, &HONEST), 1, &hashes);
    assert_eq!(other, Err(DisputeError::NoGame));
    let again = disputes.dissect(layer1, (&HONEST, &FALSE), 1, &hashes);
    assert_eq!(again, Err(DisputeError::NotYourTurn));
    let section = scene.section(&honest);
    assert_eq!(section, 31, "all points are the honest side's own");
    let proved = scene
        .disputes
        .prove(&mut scene.layer1, (&FALSE, &HONEST), 1, &[9; 32]);
    assert_eq!(proved, Err(DisputeError::SeveralSteps));
}

#[test]
fn arbitrary_hashes_lose() {
    let (mut scene, honest, _) = opened();
    let mut seed = 5_u64;
    let verdict = loop {
        // The liar: any section, any hashes.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let points = scene
            .disputes
            .game(&FALSE, &HONEST)
            .unwrap()
            .points()
            .to_vec();
        let section = (seed >> 33) as usize % (points.len() - 2);
        let (from, to) = (points[section].step, points[section + 1].step);
        if to - from == 1 {
            let evidence = points[section].hash;
            let (layer1, players) = (&mut scene.layer1, (&FALSE, &HONEST));
            break scene
                .disputes
                .prove(layer1, players, section, &evidence)
                .unwrap();
        }
        let hashes: Vec<Hash> = (1..super::points(from, to).len())
            .map(|at| [(seed as u8).wrapping_add(at as u8); 32])
            .collect();
        try_dissect(&mut scene, section, &hashes).unwrap();
        if let Some(verdict) = scene.play(&HONEST, &FALSE, &honest) {
            break verdict;
        }
    };
    assert_eq!(verdict.winner, HONEST);
}

#[test]
fn a_proof_of_another_step_loses_and_so_does_one_of_what_the_other_says() {
    for (evidence, why) in [
        ([7; 32], Why::Refused("of another state".to_owned())),
        ([0; 32], Why::ProvedTheOther),
    ] {
        let (mut scene, honest, _) = opened();
        let verdict = loop {
            let points = scene
                .disputes
                .game(&FALSE, &HONEST)
                .unwrap()
                .points()
                .to_vec();
            if points[1].step - points[0].step == 1 {
                let evidence = match why {
                    Why::ProvedTheOther => points[0].hash,
                    _ => evidence,
                };
                let (layer1, players) = (&mut scene.layer1, (&FALSE, &HONEST));
                break scene.disputes.prove(layer1, players, 0, &evidence).unwrap();
            }
            let expected = super::points(points[0].step, points[1].step).len() - 1;
            try_dissect(&mut scene, 0, &vec![[9; 32]; expected]).unwrap();
            assert_eq!(scene.play(&HONEST, &FALSE, &honest), None);
        };
        assert_eq!((verdict.winner, verdict.why), (HONEST, why));
    }
}

#[test]
fn late_moves_are_none_and_whoever_is_late_loses() {
    let (mut scene, _, wrong) = opened();
    let deadline = scene.disputes.game(&HONEST, &FALSE).unwrap().deadline();
    assert_eq!(deadline, scene.layer1.level() + 8);
    scene.later(8);
    let early = scene.disputes.timeout(&mut scene.layer1, &FALSE, &HONEST);
    assert_eq!(early, Err(DisputeError::TimeLeft(deadline)));
    scene.later(1);
    let points = scene
        .disputes
        .game(&HONEST, &FALSE)
        .unwrap()
        .points()
        .to_vec();
    let section = scene.section(&wrong);
    let steps = super::points(points[section].step, points[section + 1].step);
    let hashes: Vec<Hash> = steps[1..].iter().map(|step| wrong.at(*step)).collect();
    let late = try_dissect(&mut scene, section, &hashes);
    assert_eq!(late, Err(DisputeError::Late(deadline)));
    // In either order of the two.
    let verdict = scene.disputes.timeout(&mut scene.layer1, &FALSE, &HONEST);
    let verdict = verdict.unwrap();
    assert_eq!((verdict.winner, verdict.why), (HONEST, Why::Late));
    let again = scene.disputes.timeout(&mut scene.layer1, &HONEST, &FALSE);
    assert_eq!(again, Err(DisputeError::NoGame));
}

#[test]
fn a_stake_is_needed_and_stays_on_its_branch() {
    let mut scene = scene();
    let (honest, wrong) = (scene.side(None), scene.side(Some(3)));
    let id = scene.publish(&HONEST, &honest);
    let mut publish = |staker: &Staker, before, claim| scene.commit(staker, before, claim);
    let first = CommitmentId(0);
    let claim = honest.claim(1);
    // Alike: the same commitment.
    assert_eq!(publish(&OTHER, first, (claim, STEPS)), Ok(id));
    let other = (wrong.claim(1), STEPS);
    assert_eq!(
        publish(&HONEST, first, other),
        Err(DisputeError::OtherBranch)
    );
    let poor = publish(&[9; 21], first, (claim, STEPS));
    assert!(matches!(poor, Err(DisputeError::Ledger(_))), "{poor:?}");
    let later = Sum { level: 2, ..claim };
    let skipped = publish(&FALSE, first, (later, STEPS));
    assert_eq!(skipped, Err(DisputeError::OtherLevel(2)));
    assert_eq!(
        publish(&FALSE, id, (later, STEPS)),
        Err(DisputeError::NoInbox(2))
    );
    let unknown = publish(&FALSE, CommitmentId(8), (claim, STEPS));
    assert_eq!(unknown, Err(DisputeError::NoCommitment));
    let long = publish(&FALSE, first, (claim, MAX_STEPS + 1));
    assert_eq!(long, Err(DisputeError::TooManySteps));
    assert_eq!(scene.tez(&FALSE), 15_000_000_000);
    let none = scene.disputes.accuse(&scene.layer1, &HONEST, &OTHER);
    assert_eq!(none, Err(DisputeError::NoConflict));
    let none = scene.disputes.accuse(&scene.layer1, &HONEST, &FALSE);
    assert_eq!(none, Err(DisputeError::NoStake));
    let needed = scene.disputes.withdraw(&mut scene.layer1, &HONEST);
    assert_eq!(needed, Err(DisputeError::AtStake));
    assert!(matches!(
        scene.disputes.cement(&scene.layer1),
        Err(DisputeError::TimeLeft(_))
    ));
}

#[test]
fn commitments_that_follow_others_are_disputed_where_they_part() {
    let mut scene = scene();
    let (honest, wrong) = (scene.side(None), scene.side(Some(3)));
    let id = scene.publish(&HONEST, &honest);
    let lie = scene.publish(&FALSE, &wrong);
    scene.layer1.end_level(2, vec![vec![3]], Vec::new());
    for (staker, before, side) in [(HONEST, id, &honest), (FALSE, lie, &wrong)] {
        let inbox = scene.layer1.inbox(2).unwrap().to_vec();
        let follows = Side::new(Adder.first_state(&side.claim(1), &inbox), None);
        let claim = (follows.claim(2), STEPS);
        scene.commit(&staker, before, claim).unwrap();
    }
    let accused = scene.disputes.accuse(&scene.layer1, &HONEST, &FALSE);
    accused.unwrap();
    let first = scene.disputes.game(&HONEST, &FALSE).unwrap().points()[0];
    assert_eq!(first.hash, honest.at(0));
    let open = scene.disputes.accuse(&scene.layer1, &FALSE, &HONEST);
    assert_eq!(open, Err(DisputeError::GameOpen));
    scene.later(9);
    // The one who accused is late: it loses, whoever is right.
    let verdict = scene.disputes.timeout(&mut scene.layer1, &HONEST, &FALSE);
    assert_eq!(verdict.unwrap().loser, HONEST);
    assert_eq!(scene.disputes.commitment(id), None);
    scene.later(16);
    assert_eq!(scene.disputes.cement(&scene.layer1), Ok(lie));
    assert!(scene.disputes.cement(&scene.layer1).is_ok());
    let none = scene.disputes.cement(&scene.layer1);
    assert_eq!(none, Err(DisputeError::NoCommitment));
}

/// Whoever stands for a commitment has said how long it is: otherwise a liar says it, and an honest
/// staker has one step for all of the level.
#[test]
fn who_builds_on_the_commitment_of_another_stands_for_it_first() {
    let mut scene = scene();
    let (honest, wrong) = (scene.side(None), scene.side(Some(3)));
    let id = scene.publish(&OTHER, &honest);
    scene.layer1.end_level(2, vec![vec![3]], Vec::new());
    let inbox = scene.layer1.inbox(2).unwrap().to_vec();
    let follows = Side::new(Adder.first_state(&honest.claim(1), &inbox), None);
    let claim = (follows.claim(2), STEPS);
    let publish = |scene: &mut Scene, before, claim| scene.commit(&HONEST, before, claim);
    let alone = publish(&mut scene, id, claim);
    assert_eq!(alone, Err(DisputeError::NotYourPredecessor));
    assert_eq!(scene.tez(&HONEST), 15_000_000_000);
    let first = scene.first;
    let claimed = publish(&mut scene, first, (honest.claim(1), STEPS));
    assert_eq!(claimed, Ok(id));
    assert!(publish(&mut scene, id, claim).is_ok());
    // The liar says that the level has one step.
    let lie = (wrong.claim(1), 1);
    scene.commit(&FALSE, scene.first, lie).unwrap();
    let (disputes, layer1) = (&mut scene.disputes, &mut scene.layer1);
    disputes.accuse(layer1, &FALSE, &HONEST).unwrap();
    let evidence = honest.at(0);
    let proved = disputes.prove(layer1, (&FALSE, &HONEST), 0, &evidence);
    assert_eq!(proved, Err(DisputeError::SeveralSteps));
}

/// Messages that drive an inbox out of those that are kept do not keep a lie from being disputed.
#[test]
fn the_inbox_of_a_commitment_stays_as_long_as_it_can_be_disputed() {
    let mut scene = scene();
    let (honest, wrong) = (scene.side(None), scene.side(Some(3)));
    let lie = scene.publish(&FALSE, &wrong);
    for level in 2..4 {
        let flood = vec![vec![0; 4_096]; 4_096];
        scene.layer1.end_level(level, flood, Vec::new());
    }
    assert!(scene.layer1.inbox(1).is_none());
    let id = scene.publish(&HONEST, &honest);
    assert_ne!(id, lie);
    let accused = scene.disputes.accuse(&scene.layer1, &HONEST, &FALSE);
    assert_eq!(accused, Ok(()));
    scene.play(&HONEST, &FALSE, &honest);
    scene.later(16);
    let verdict = scene.disputes.timeout(&mut scene.layer1, &HONEST, &FALSE);
    assert_eq!(verdict.unwrap().winner, HONEST);
    assert_eq!(scene.disputes.cement(&scene.layer1), Ok(id));
}

/// Commits to the level behind what is final, waits, and makes it final, so many levels.
fn cement_levels(scene: &mut Scene, levels: std::ops::Range<u32>) -> Vec<CommitmentId> {
    let mut all = Vec::new();
    let now = scene.layer1.level();
    for level in levels.clone() {
        scene.layer1.end_level(level, vec![vec![1]], Vec::new());
    }
    scene.layer1.resume_at(now);
    for level in levels {
        let before = scene.disputes.cemented();
        let claim = scene.disputes.commitment(before).unwrap().claim;
        let next = Sum { level, ..claim };
        all.push(scene.commit(&HONEST, before, (next, 1)).unwrap());
        scene.later(16);
        scene.disputes.cement(&scene.layer1).unwrap();
    }
    all
}

/// A liar that is slashed stakes again, with another lie, but only for a while.
#[test]
fn nobody_puts_off_for_ever_that_a_level_is_cemented() {
    let mut scene = scene();
    let honest = scene.publish(&HONEST, &scene.side(None));
    let curfew = scene.layer1.level() + 16;
    let mut wrong = 3;
    loop {
        let claim = (scene.side(Some(wrong)).claim(1), STEPS);
        let published = scene.commit(&FALSE, CommitmentId(0), claim);
        let (disputes, layer1) = (&mut scene.disputes, &mut scene.layer1);
        if layer1.level() > curfew {
            assert_eq!(published, Err(DisputeError::PastCurfew(curfew)));
            break;
        }
        assert!(published.is_ok(), "{published:?}");
        disputes.accuse(layer1, &FALSE, &HONEST).unwrap();
        scene.later(9);
        let (disputes, layer1) = (&mut scene.disputes, &mut scene.layer1);
        let verdict = disputes.timeout(layer1, &FALSE, &HONEST).unwrap();
        assert_eq!(verdict.loser, FALSE);
        let more = Mutez(10_000_000_000);
        layer1.fund(Contract::Implicit(FALSE), more).unwrap();
        wrong += 1;
    }
    assert!(wrong > 3);
    assert_eq!(scene.disputes.cement(&scene.layer1), Ok(honest));
}

#[test]
fn what_has_been_final_for_long_is_forgotten() {
    let mut scene = scene();
    let all = cement_levels(&mut scene, 1..100);
    let newest = *all.last().unwrap();
    assert_eq!(scene.disputes.cemented(), newest);
    assert_eq!(scene.disputes.commitments.len(), 64);
    assert!(scene.disputes.steps.is_empty() && scene.disputes.opened.is_empty());
    assert!(scene.disputes.is_cemented(newest));
    assert!(!scene.disputes.is_cemented(all[0]));
    assert_eq!(scene.disputes.commitment(all[0]), None);
    let back = scene.disputes.withdraw(&mut scene.layer1, &HONEST);
    assert_eq!(back, Ok(Mutez(10_000_000_000)));
}

#[test]
fn a_stake_for_what_has_long_been_final_is_given_back() {
    let mut scene = scene();
    let claim = scene.disputes.commitment(scene.first).unwrap().claim;
    let first = (Sum { level: 1, ..claim }, 1);
    for staker in [OTHER, HONEST] {
        scene.commit(&staker, CommitmentId(0), first).unwrap();
    }
    scene.later(16);
    let kept = scene.disputes.cement(&scene.layer1).unwrap();
    cement_levels(&mut scene, 2..100);
    assert_eq!(scene.disputes.commitments.len(), 65);
    assert!(scene.disputes.is_cemented(kept));
    let back = scene.disputes.withdraw(&mut scene.layer1, &OTHER);
    assert_eq!(back, Ok(Mutez(10_000_000_000)));
    cement_levels(&mut scene, 100..101);
    assert!(!scene.disputes.is_cemented(kept));
}
