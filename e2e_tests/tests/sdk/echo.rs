//! The kernel of `docs/writing_a_kernel.md`.

use crate::module;
use host::mock::{Level, MockHost};
use pvm::{Inbox, Machine, Options};

#[path = "../../../host/examples/echo_and_count.rs"]
mod echo_and_count;

fn inbox(messages: &[&[u8]]) -> Inbox {
    Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages: messages
            .iter()
            .map(|contents| [&[1], *contents].concat())
            .collect(),
    }
}

#[test]
fn the_guides_kernel_echoes_and_counts() {
    let mut machine = Machine::new(&module("echo_and_count.wasm"), Options::default()).unwrap();
    let report = machine.run_level(&inbox(&[b"one", b"two"])).unwrap();
    assert_eq!(report.outbox, [b"one", b"two"]);
    let report = machine.run_level(&inbox(&[b"three"])).unwrap();
    assert_eq!(report.outbox, [b"three"]);
    let count = machine.durable().get("/count").unwrap().to_vec();
    assert_eq!(count, 3_u64.to_be_bytes());
}

#[test]
fn the_guides_kernel_can_be_tested_without_wasm() {
    let mut host = MockHost::default();
    let level = Level::default().external(b"one").external(b"two").clone();
    let ended = host.run_level(&level, echo_and_count::mock_kernel_run);
    assert_eq!((ended.runs, ended.outbox.concat()), (1, b"onetwo".to_vec()));
    assert_eq!(
        host.durable().get(b"/count"),
        Some(&2_u64.to_be_bytes()[..])
    );
}
