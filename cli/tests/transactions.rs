//! `docs/transactions.md` works word by word.

use crate::support::shell::{Checkout, script};
use crate::support::{Folder, PROGRAM};
use std::process::Command;

#[test]
fn the_page_works_word_by_word() {
    let commands = script(include_str!("../../docs/transactions.md"));
    assert!(commands.contains("evm-rollup tx balances"), "{commands}");
    let folder = Checkout::new("transactions-page");
    let ran = folder.run(&commands);
    let out = String::from_utf8(ran.stdout).unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{out}{errors}");
    // Both ways end alike, as the page says.
    for (who, what) in [
        (
            "(alice), counter 2",
            "90 \"Hello, Ticket!\" of KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq",
        ),
        ("(bob), counter 3", ""),
    ] {
        assert_eq!(out.matches(who).count(), 2, "{out}");
        assert!(out.contains(what), "{out}");
    }
    assert_eq!(out.matches("Hello, Ticket!").count(), 2, "{out}");
    // One message with three calls.
    let report = std::fs::read_to_string(folder.0.0.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let outbox = |level: usize| report["levels"][level]["outbox"].as_array().unwrap().len();
    assert_eq!((outbox(0), outbox(1), outbox(2)), (0, 0, 1));
}

#[test]
fn what_cannot_be_signed_is_named() {
    let folder = Folder::new("unsigned");
    let tx = |args: &[&str]| {
        let ran = Command::new(PROGRAM)
            .arg("tx")
            .args(args)
            .current_dir(&folder.0)
            .output()
            .unwrap();
        let text = [ran.stdout, ran.stderr].concat();
        (ran.status.code(), String::from_utf8(text).unwrap())
    };
    let seed = "01".repeat(32);
    let (code, address) = tx(&["key", "alice.json", "--seed", &seed]);
    // The vectors' key of 32 times 01.
    assert_eq!(
        (code, address.trim()),
        (Some(0), "tz4KgLG5kuN3xjp9EjZLsQv8TFtjXeZvE4X4")
    );
    // No key is written over.
    let (code, text) = tx(&["key", "alice.json"]);
    assert!(
        code == Some(2) && text.contains("cannot create alice.json"),
        "{text}"
    );
    let (code, text) = tx(&["key", "--seed", "0102"]);
    assert!(code == Some(2) && text.contains("2 bytes"), "{text}");
    for (batch, reason) in [
        (
            r#"[[{"signer": "bob", "counter": 0, "contents": []}]]"#,
            "\"bob\" is neither a tz4 address",
        ),
        (
            r#"[[{"signer": "alice", "contents": []}]]"#,
            "missing \"counter\"",
        ),
        (
            r#"[[{"signer": "alice", "counter": 0, "contents": [{"give": 1}]}]]"#,
            "neither",
        ),
        ("[]", "no signers"),
        ("{}", "not an array of transactions"),
        ("[", "is not JSON"),
    ] {
        folder.file("batch.json", batch);
        let (code, text) = tx(&["batch", "batch.json", "--key", "alice.json"]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(reason), "{text}");
    }
}
