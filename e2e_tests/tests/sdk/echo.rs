//! The kernels of `docs/writing_a_kernel.md`.

use e2e_tests::module;
use host::Metadata;
use host::mock::{Level, MockHost};
use messages::{external, inbox, micheline, outbox};
use pvm::{Inbox, Machine, Options};

#[path = "../../../host/examples/echo_and_count.rs"]
mod echo_and_count;

#[path = "../../../host/examples/guestbook.rs"]
mod guestbook;

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
fn the_guides_guestbook_takes_its_own_messages_and_answers_contracts() {
    let (rollup, contract) = ([7; 20], [9; 20]);
    let framed = |rollup| external::frame(rollup, b"I was here");
    let asks = |name: &str, destination| {
        let mut payload = Vec::new();
        micheline::write::string(&mut payload, name);
        let transfer = inbox::Transfer {
            payload: &payload,
            sender: &contract,
            source: &[0; 21],
            destination,
        };
        inbox::Message::Transfer(transfer).encode()
    };
    let messages = [
        [&[1][..], &framed(&rollup)].concat(),
        // Of another rollup, and for nobody.
        [&[1][..], &framed(&contract)].concat(),
        b"\x01I was here".to_vec(),
        asks("counted", &contract),
        asks("no entrypoint", &rollup),
        asks("counted", &rollup),
    ];
    let answer = |message: &[u8]| {
        let Ok(outbox::Message::Batch(calls)) = outbox::Message::parse(message) else {
            panic!("{message:?}");
        };
        let call = calls[0];
        assert_eq!((calls.len(), call.destination), (1, contract));
        assert_eq!(call.entrypoint.as_str(), "counted");
        assert_eq!(call.parameters.as_bytes(), [0, 1]);
    };
    let options = Options {
        rollup,
        ..Options::default()
    };
    let mut machine = Machine::new(&module("guestbook.wasm"), options).unwrap();
    let report = machine
        .run_level(&Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: messages.to_vec(),
        })
        .unwrap();
    assert_eq!((report.outbox.len(), report.unread), (1, 0));
    answer(&report.outbox[0]);
    let newest = machine.durable().get("/newest").unwrap().unwrap();
    assert_eq!(newest.to_vec(), b"I was here");

    let mut host = MockHost::default().with_metadata(Metadata {
        address: rollup,
        origination_level: 0,
    });
    let mut level = Level::default();
    for message in messages {
        level.raw(&message);
    }
    let ended = host.run_level(&level, guestbook::mock_kernel_run);
    assert_eq!((ended.runs, ended.outbox.len()), (1, 1));
    answer(&ended.outbox[0]);
}

#[test]
fn the_guide_shows_the_kernels_that_run() {
    let read = |file: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(file);
        std::fs::read_to_string(path).unwrap()
    };
    for name in ["echo_and_count", "guestbook"] {
        let example = read(&format!("host/examples/{name}.rs"));
        let code = example.split_once("\n").unwrap().1;
        assert!(read("docs/writing_a_kernel.md").contains(code), "{name}");
    }
}
