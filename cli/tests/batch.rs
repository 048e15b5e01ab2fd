//! `evm-rollup batch`, as people run it.

use alloy_primitives::{Bytes, TxKind, U256};
use e2e_tests::User;
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn batch(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
        .arg("batch")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Three transfers of two people.
fn raws() -> String {
    let [mut one, mut other] = ["one", "other"].map(User::new);
    let line = |user: &mut User| {
        let to = TxKind::Call(user.address);
        let signed = user.send(1337, to, U256::from(7), Bytes::new(), 21_000);
        format!("0x{}\n", hex::encode(signed.encode()))
    };
    [line(&mut one), line(&mut other), line(&mut one)].concat()
}

#[test]
fn what_is_encoded_is_decoded_and_shown() {
    let raws = raws();
    for option in ["--chain-id=1337", "--points"] {
        let messages = text(batch(&["encode", "-", option], &raws));
        assert_eq!(text(batch(&["decode", "-"], &messages)), raws);
        let shown = text(batch(&["show", "-"], &messages));
        assert!(shown.starts_with("message of "), "{shown}");
        assert!(shown.contains("3 transactions"), "{shown}");
        assert_eq!(shown.lines().count(), 4, "{shown}");
    }
}

#[test]
fn each_form_has_json_of_its_own() {
    let raws = raws();
    let object = |arguments: &[&str], input: &str| -> serde_json::Value {
        let printed = text(batch(arguments, input));
        assert_eq!(printed.lines().count(), 1, "{printed}");
        serde_json::from_str(&printed).unwrap()
    };
    let encoded = object(&["encode", "-", "--json"], &raws);
    assert_eq!(encoded["transactions"], 3);
    let messages = encoded["levels"].to_string();
    let decoded = object(&["decode", "-", "--json"], &messages);
    let all = decoded["transactions"].as_array().unwrap();
    let again: String = all
        .iter()
        .map(|one| format!("{}\n", one["raw"].as_str().unwrap()))
        .collect();
    assert_eq!(again, raws);
    let shown = object(&["show", "-", "--json"], &messages);
    let inside = shown["messages"][0]["transactions"].as_array().unwrap();
    assert_eq!(inside.len(), 3);
    assert_eq!(inside[0]["hash"], all[0]["hash"]);
}

#[test]
fn known_accounts_are_named_by_index() {
    let folder = e2e_tests::folder::Folder::new("batch_known");
    let file = folder.0.join("known.json");
    let [one, other] = ["one", "other"].map(|name| User::new(name).address);
    std::fs::write(&file, format!("{{\"{one}\": 3, \"{other}\": 0}}")).unwrap();
    let known = format!("--known={}", file.display());
    let full = text(batch(&["encode", "-"], &raws()));
    let short = text(batch(&["encode", "-", &known], &raws()));
    // Two keys of 64 bytes.
    assert_eq!(full.len() - short.len(), 2 * 2 * 64);
    assert_eq!(text(batch(&["decode", "-", &known], &short)), raws());
    let refused = batch(&["decode", "-"], &short);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(error.contains("is not among the known ones"), "{error}");
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |arguments: &[&str], input: &str| {
        let output = batch(arguments, input);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(wrong(&["encode", "-"], "").contains("no transactions"));
    assert!(wrong(&["encode", "-"], "0xzz").contains("line 1: not in hex"));
    assert!(wrong(&["encode", "-"], "0x01").contains("transaction 1: "));
    assert!(wrong(&["decode", "-"], "{}").contains("not what `batch encode` prints"));
    let messages = text(batch(&["encode", "-"], &raws()));
    // The last digit is one of the last signature's.
    let end = messages.rfind('"').unwrap();
    let mut spoilt = messages.into_bytes();
    spoilt[end - 1] = if spoilt[end - 1] == b'0' { b'1' } else { b'0' };
    let error = wrong(&["decode", "-"], &String::from_utf8(spoilt).unwrap());
    assert!(
        error.contains("signed by") || error.contains("signature"),
        "{error}"
    );
}
