//! Tickets that leave.

use e2e_tests::tickets::{
    CONTENT, Rollup, TAKER, TICKETER, deposit, give, key, one, operation, post, reveal, signed,
    withdraw,
};
use messages::outbox::Message;
use tx_kernel::encoding::string_ticket;
use tx_kernel::wallet::Key;

/// The amounts of a message's calls, each as it has to be.
fn amounts(message: &[u8]) -> Vec<u64> {
    let Ok(Message::Batch(calls)) = Message::parse(message) else {
        panic!("no batch");
    };
    let amounts = calls.iter().map(|call| {
        assert_eq!(call.destination, TAKER);
        assert_eq!(call.entrypoint.as_str(), "receive_tickets");
        let ticket = e2e_tests::tickets::ticket(call.parameters.as_bytes());
        let amount = ticket.amount.unwrap();
        let expected = string_ticket(&TICKETER, CONTENT, amount);
        assert_eq!(call.parameters.as_bytes(), expected);
        amount
    });
    amounts.collect()
}

/// Two deposits, transfers, withdrawals (docs/transactions.md, "Try it").
#[test]
fn tickets_come_in_move_and_leave() {
    let (alice, bob) = (key(1), key(2));
    let mut rollup = Rollup::funded(&[(&alice, 450)]);
    let report = rollup.level(&[
        post(&[
            signed(&[
                (&alice, reveal(&alice, 0, &[give(&bob, 60)])),
                (&bob, reveal(&bob, 0, &[give(&alice, 10)])),
            ]),
            signed(&[(&bob, operation(&bob, 1, &[give(&alice, 10)]))]),
        ]),
        post(&[signed(&[
            (
                &alice,
                operation(&alice, 1, &[withdraw(220), withdraw(100)]),
            ),
            (&bob, operation(&bob, 2, &[withdraw(40)])),
        ])]),
    ]);
    assert_eq!(report.debug, Vec::<String>::new());
    let sent: Vec<_> = report
        .outbox
        .iter()
        .map(|message| amounts(message))
        .collect();
    assert_eq!(sent, [[220, 100, 40]]);
    assert_eq!((rollup.balance(&alice), rollup.balance(&bob)), (90, 0));
}

/// The batch of `count` transactions, each of which withdraws one ticket.
fn single(key: &Key, first: i64, count: i64) -> Vec<u8> {
    let operations: Vec<_> = (first..first + count)
        .map(|counter| {
            let bytes = match counter {
                0 => reveal(key, counter, &[withdraw(1)]),
                _ => operation(key, counter, &[withdraw(1)]),
            };
            signed(&[(key, bytes)])
        })
        .collect();
    post(&operations)
}

#[test]
fn more_than_a_hundred_messages_wait_for_the_next_level() {
    let alice = key(1);
    let mut rollup = Rollup::funded(&[(&alice, 1000)]);
    let batches: Vec<_> = (0..5).map(|batch| single(&alice, batch * 25, 25)).collect();
    let report = rollup.level(&batches);
    assert_eq!(report.outbox.len(), 100);
    // What waits was debited.
    assert_eq!(rollup.balance(&alice), 875);
    // One hundred and one, of a later transaction.
    let report = rollup.level(&[single(&alice, 125, 1)]);
    assert_eq!(report.outbox.len(), 26);
    assert_eq!(rollup.level(&[]).outbox.len(), 0);
    assert_eq!(rollup.balance(&alice), 874);
}

/// Withdrawals of one ticket each that name no entrypoint, which is the default
/// one, are shorter in the inbox than in the outbox.
#[test]
fn a_transaction_withdraws_what_one_message_holds() {
    let alice = key(1);
    let start = || {
        let mut rollup = Rollup::new();
        rollup.level(&[deposit(&alice.to_base58(), "", 1000)]);
        rollup
    };
    let short = [&[0][..], &TAKER, &string_ticket(&TICKETER, "", 1), &[0; 4]].concat();
    let batch = |count: usize| one(&alice, reveal(&alice, 0, &vec![short.clone(); count]));
    let call = {
        let report = start().level(&[batch(2)]);
        (report.outbox[0].len() - 5) / 2
    };
    let most = (4096 - 5) / call;
    assert!(batch(most + 1).len() <= 4096, "it cannot be posted");
    let mut rollup = start();
    let report = rollup.level(&[batch(most + 1)]);
    assert!(
        report
            .debug
            .concat()
            .contains("refused: too many withdrawals")
    );
    assert_eq!(
        (rollup.balance_of(&alice, ""), report.outbox.len()),
        (1000, 0)
    );
    let report = rollup.level(&[batch(most)]);
    assert_eq!(report.outbox.len(), 1);
    assert!(report.outbox[0].len() > 4096 - call);
    assert_eq!(rollup.balance_of(&alice, ""), 1000 - most as u64);
}
