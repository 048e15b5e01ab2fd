//! `evm-rollup l1`, as it is called, against a devnet.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const ACCOUNT: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
const RECEIVER: &str = "0x4242424242424242424242424242424242424242";

/// A message is to be sent again by the rollup whose hash is 07 again and again.
const FOREIGN: &str = "0xe68f726571756575652d6d657373616765940707070707070707070707070707070707070707\
05";

fn l1(url: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
        .args(["l1", "--url", url])
        .args(args)
        .output()
        .expect("the program runs")
}

fn printed(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

#[test]
fn the_devnets_layer_1_is_asked_and_told() {
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let devnet = runtime.block_on(node::devnet(node::Options::new(kernel)));
    let devnet = devnet.expect("the devnet starts");
    let url = devnet.url();

    let deposited = l1(&url, &["deposit", RECEIVER, "1.5"]);
    assert_eq!(printed(&deposited), "level 1, message 2\n");
    assert_eq!(deposited.status.code(), Some(0));
    let balance = l1(&url, &["balance", ACCOUNT]);
    assert_eq!(printed(&balance), "999998.5 tez\n1000000000 tokens\n");
    // Hex is taken without 0x, too.
    let wrapped = l1(&url, &["fa-deposit", &RECEIVER[2..], "700"]);
    assert_eq!(printed(&wrapped), "level 2, message 2\n");
    // The deterministic deployer takes no money that brings no code.
    let deployer = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
    let kept = l1(&url, &["deposit", deployer, "1"]);
    assert!(
        printed(&kept).starts_with("level 3, message 2\nits receiver does not take it"),
        "{}",
        printed(&kept)
    );
    assert_eq!(printed(&l1(&url, &["withdrawals"])), "none\n");
    let advanced = l1(&url, &["advance", "3"]);
    assert_eq!(printed(&advanced), "3 levels ran; at level 7\n");
    let inbox = l1(&url, &["inbox", "1", "--json"]);
    let inbox: Value = serde_json::from_slice(&inbox.stdout).unwrap();
    assert_eq!(inbox["messages"][2]["kind"], "transfer");

    // The devnet refuses: 1. What was typed is wrong: 2.
    for (args, code, words) in [
        (
            &["execute", "0", "0"][..],
            1,
            "there is no message 0 in the outbox of level 0",
        ),
        (
            &[
                "deposit",
                RECEIVER,
                "5",
                "--from",
                "tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN",
                "--routing",
                "0x",
            ],
            0,
            "",
        ),
        (&["deposit", RECEIVER, "0"], 2, "more than no tez"),
        (&["fa-deposit", RECEIVER, "0"], 2, "more than none"),
        (&["deposit", RECEIVER, "1.1234567"], 2, "six digits"),
        (
            &["deposit", "somebody", "1"],
            2,
            "not an account of the rollup",
        ),
        (&["govern", "0x00"], 1, "would refuse it"),
        (&["govern", "0xzz"], 1, "not hex"),
        // For another rollup: the kernel reads it.
        (&["govern", FOREIGN], 1, ""),
        (&["balance", "tz1oops"], 2, "checksum"),
    ] {
        let output = l1(&url, args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {complaint}");
        assert!(complaint.contains(words), "{args:?}: {complaint}");
    }
    // The same by `govern --send`, for this rollup, and no such message.
    let sent = Command::new(env!("CARGO_BIN_EXE_evm-rollup"))
        .args(["govern", "requeue", "--number", "5", "--rollup"])
        .args([
            "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57",
            "--send",
            "--url",
            &url,
        ])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&sent.stderr);
    assert_eq!(sent.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("the kernel refuses it"), "{complaint}");
    devnet.stop();
}

#[test]
fn without_a_devnet_it_says_so() {
    // Port 1 is nobody's.
    let output = l1("http://127.0.0.1:1", &["info"]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("no devnet at"), "{complaint}");
}
