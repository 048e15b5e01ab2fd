//! The kernel of `docs/writing_a_kernel.md`.

use e2e_tests::module;
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
    let count = machine.durable().get("/count").unwrap().unwrap().to_vec();
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

#[test]
fn the_guide_shows_the_kernel_that_runs() {
    let read = |file: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(file);
        std::fs::read_to_string(path).unwrap()
    };
    let example = read("host/examples/echo_and_count.rs");
    let code = example.split_once("\n").unwrap().1;
    assert!(read("docs/writing_a_kernel.md").contains(code));
}
