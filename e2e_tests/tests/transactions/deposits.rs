//! Tickets that come in.

use e2e_tests::layer1::transfer;
use e2e_tests::tickets::{CONTENT, ROLLUP, Rollup, TICKETER, deposit, give, key, one, reveal};
use messages::micheline::write;
use messages::number;
use tx_kernel::encoding::string_ticket;

#[test]
fn a_deposit_credits_the_account() {
    let alice = key(1);
    let mut rollup = Rollup::new();
    assert_eq!(rollup.account(&alice), None);
    let log = rollup.log(&[deposit(&alice.to_base58(), CONTENT, 500)]);
    assert_eq!((rollup.balance(&alice), log.as_str()), (500, ""));
    rollup.level(&[deposit(&alice.to_base58(), CONTENT, 1)]);
    assert_eq!(rollup.balance(&alice), 501);
    let account = rollup.account(&alice).unwrap();
    assert_eq!((account.counter, account.public_key), (0, None));
}

/// The bytes that layer 1 wrote once, to the rollup that they name.
#[test]
fn the_recorded_deposit_and_withdrawal_do_what_they_did() {
    let vectors = include_str!("../../../tx_kernel/tests/vectors/tx_kernel.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let message = |index: usize| {
        let hex = vectors["vectors"][index]["hex"].as_str().unwrap();
        let digits: Vec<char> = hex.chars().collect();
        let byte = |pair: &[char]| {
            let text: String = pair.iter().collect();
            u8::from_str_radix(&text, 16).unwrap()
        };
        digits.chunks(2).map(byte).collect::<Vec<u8>>()
    };
    let rollup: [u8; 20] = message(0)[message(0).len() - 20..].try_into().unwrap();
    let options = pvm::Options {
        rollup,
        ..e2e_tests::tickets::options()
    };
    let mut machine = pvm::Machine::from_durable(e2e_tests::tickets::durable(), options).unwrap();
    let inbox = e2e_tests::tickets::inbox(&[message(0), message(1)]);
    let report = machine.run_level(&inbox).unwrap();
    assert_eq!(report.debug, Vec::<String>::new());
    assert_eq!(report.outbox.len(), 1);
    let dump = machine.durable().values("/tx/state/a").unwrap();
    // 500 came, 450 left.
    let account = dump[0].1.to_vec();
    assert_eq!(account[..8], 1_i64.to_be_bytes());
    assert_eq!(account[136..], 50_u64.to_be_bytes());
}

#[test]
fn tickets_of_several_kinds_are_told_apart() {
    let alice = key(1);
    let kinds = ["a", "b", "c"];
    let mut rollup = Rollup::new();
    let all: Vec<_> = (1..)
        .zip(kinds)
        .map(|(amount, kind)| deposit(&alice.to_base58(), kind, amount))
        .collect();
    rollup.level(&all);
    rollup.level(&all);
    for (amount, kind) in (1..).zip(kinds) {
        assert_eq!(rollup.balance_of(&alice, kind), 2 * amount, "{kind}");
    }
    // What a ticket is can be read, once for each kind.
    assert_eq!(
        rollup
            .machine
            .durable()
            .values("/tx/state/t")
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn a_deposit_that_cannot_be_credited_changes_nothing() {
    let alice = key(1);
    let mut rollup = Rollup::funded(&[(&alice, u64::MAX - 1)]);
    let before = rollup.machine.durable().values("/tx/state/a").unwrap();
    let receiver = alice.to_base58();
    let with_amount = |negative: bool, magnitude: &[u8]| {
        let mut ticket = string_ticket(&TICKETER, CONTENT, 0);
        ticket.truncate(ticket.len() - 1);
        number::put_z(&mut ticket, negative, magnitude);
        let mut payload = Vec::new();
        write::pair(
            &mut payload,
            |out| write::string(out, &receiver),
            |out| out.extend(&ticket),
        );
        transfer(ROLLUP, [0x70; 20], &payload)
    };
    for (message, reason) in [
        (deposit(&receiver, CONTENT, 2), "cannot hold so many"),
        (deposit(&receiver, CONTENT, 0), "not in 1 to"),
        (with_amount(true, &[5]), "not in 1 to"),
        (
            with_amount(false, &[1, 0, 0, 0, 0, 0, 0, 0, 0]),
            "not in 1 to",
        ),
        (
            deposit("tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU", CONTENT, 1),
            "receiver",
        ),
        (deposit("tz4nonsense", CONTENT, 1), "receiver"),
        (transfer(ROLLUP, [0x70; 20], &[3, 11]), "not of type"),
    ] {
        let log = rollup.log(&[message]);
        assert!(log.contains(reason), "{reason}: {log}");
        assert_eq!(
            rollup.machine.durable().values("/tx/state/a").unwrap(),
            before
        );
    }
    rollup.level(&[deposit(&receiver, CONTENT, 1)]);
    assert_eq!(rollup.balance(&alice), u64::MAX);
}

#[test]
fn deposits_for_another_rollup_are_not_ours() {
    let alice = key(1);
    let mut rollup = Rollup::new();
    let mut message = deposit(&alice.to_base58(), CONTENT, 500);
    let end = message.len();
    message[end - 20..].copy_from_slice(&[0x12; 20]);
    rollup.level(&[message]);
    assert_eq!(rollup.account(&alice), None);
}

#[test]
fn what_came_at_one_level_is_spent_at_the_same() {
    let (alice, bob) = (key(1), key(2));
    let mut rollup = Rollup::new();
    rollup.level(&[
        deposit(&alice.to_base58(), CONTENT, 10),
        one(&alice, reveal(&alice, 0, &[give(&bob, 10)])),
    ]);
    assert_eq!((rollup.balance(&alice), rollup.balance(&bob)), (0, 10));
}
