//! Durations of disputes about a level of 200 ERC-20 transfers, and about many small ones:
//! `disputes [TRANSFERS] [GAMES]`; the games are of all faults in turn.

use alloy_primitives::{TxKind, U256};
use dispute::{Event, Fault, Level, Operator, PlayError, Side, play};
use e2e_tests::{Rollup, Setup, User};
use pvm::{Inbox, Machine, Options, engine};
use solidity_fixtures::erc20;
use std::error::Error;
use std::time::{Duration, Instant};

const GAS: u64 = 100_000;

/// The most steps of a level.
const MOST: u64 = 1 << 40;

fn main() -> Result<(), Box<dyn Error>> {
    let mut asked = std::env::args().skip(1);
    let transfers: usize = asked.next().map_or(Ok(200), |text| text.parse())?;
    let games: u64 = asked.next().map_or(Ok(10), |text| text.parse())?;
    let level = level(transfers)?;
    let start = Instant::now();
    let operator = Operator::new(level, &mut |_| true)?;
    let player = operator.player();
    println!(
        "{transfers} ERC-20 transfers: {} steps in {} runs, {} calls of the host; run once in {:.1?}",
        player.total(),
        player.runs(),
        player.calls().len(),
        start.elapsed(),
    );
    let (mut won, mut played, mut rounds, mut bytes) = (0, 0, 0, 0);
    let mut slowest = Duration::ZERO;
    for game in 0..games {
        let fault = Fault::ALL[(game % Fault::ALL.len() as u64) as usize];
        let start = Instant::now();
        let mut proof = String::new();
        let report = play(&operator, fault, game + 1, &mut |event| {
            if let Event::Proved { what, .. } = event {
                proof.clone_from(what);
            }
            true
        });
        let report = match report {
            Err(PlayError::NoPlace(_)) => continue,
            report => report?,
        };
        let took = start.elapsed();
        played += 1;
        won += u64::from(report.winner == Side::Honest && report.false_messages == 0);
        rounds = rounds.max(report.rounds);
        bytes = bytes.max(report.proof_bytes.unwrap_or_default());
        slowest = slowest.max(took);
        if games <= 100 {
            println!(
                "{:>8}: {} rounds, step {} of {} ({proof}), a proof of {} bytes; {} and {} steps \
                 made; {took:.1?}",
                fault.name(),
                report.rounds,
                report.step.unwrap_or_default(),
                report.steps,
                report.proof_bytes.unwrap_or_default(),
                report.honest_work,
                report.faulty_work,
            );
        }
    }
    println!(
        "the honest operator won {won} of {played}: {rounds} rounds, proofs of {bytes} bytes, {slowest:.1?} at \
         most; {}",
        memory()
    );
    Ok(())
}

/// A level of so many transfers, of as many senders.
fn level(transfers: usize) -> Result<Level, Box<dyn Error>> {
    let mut owner = User::new("disputes owner");
    let mut senders: Vec<User> = (0..transfers)
        .map(|index| User::new(&format!("disputes {index}")))
        .collect();
    let everyone: Vec<&User> = senders.iter().chain([&owner]).collect();
    let mut rollup = Rollup::new(&Setup::funded(&everyone));
    let token = owner.address.create(0);
    let deploy = erc20::deploy(U256::from(1_000_000_000));
    let deploy = owner.send(1337, TxKind::Create, U256::ZERO, deploy, 3_000_000);
    rollup.level(&[deploy.encode()]);
    let send = |user: &mut User, to, value: u64| {
        let data = erc20::transfer(to, U256::from(value));
        let sent = user.send(1337, TxKind::Call(token), U256::ZERO, data, GAS);
        sent.encode()
    };
    for some in senders.chunks(50) {
        let raws: Vec<Vec<u8>> = some
            .iter()
            .map(|sender| send(&mut owner, sender.address, 1_000))
            .collect();
        rollup.level(&raws);
    }
    let receiver = User::new("disputes receiver").address;
    let raws: Vec<Vec<u8>> = senders
        .iter_mut()
        .map(|sender| send(sender, receiver, 5))
        .collect();
    let inbox = Inbox {
        timestamp: rollup.timestamp() + 1,
        predecessor: [9; 32],
        messages: rollup.messages(&raws),
    };
    let options = Options {
        rollup: Setup::default().address,
        first_level: rollup.head().level + 1,
        engine: engine::step(),
        ..Options::default()
    };
    let machine = |storage| Machine::from_durable(storage, options.clone());
    // All of them are included: the level is what it is said to be.
    let mut plain = machine(rollup.durable().clone())?;
    let report = plain.run_level(&inbox)?;
    let after = Rollup::from_durable(report.durable, &Setup::default());
    let included = after.since(rollup.head().number);
    assert_eq!(included.len(), transfers);
    assert!(included.iter().all(|included| included.receipt.success));
    Ok(Level {
        machine: machine(rollup.durable().clone())?,
        messages: inbox.wrapped(),
        most_steps: MOST,
    })
}

/// The most memory that was taken, as Linux tells.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let size = line.and_then(|line| line.split_once(':'));
    size.map_or("memory unknown".to_owned(), |(_, size)| {
        format!("{} of memory", size.trim())
    })
}
