//! `evm-rollup dispute`, as it is typed, and `rollup_dispute` of a devnet.

use crate::support::{
    Folder, INPUTS, Process, code, command, kernel, object, passes, stderr, until,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn refuses(args: &[&str], words: &str) {
    let output = command(args);
    let said = stderr(&output);
    assert_eq!(code(&output), Some(2), "{args:?}: {said}");
    assert!(said.contains(words), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
}

#[test]
fn an_honest_operator_wins_whatever_the_fault_is() {
    let folder = Folder::new("disputes");
    let (purse, inputs) = (kernel("purse.wasm"), folder.file("purse.json", INPUTS));
    let start = ["dispute", "--kernel", &purse, "--inputs", &inputs];
    let with = |more: &[&str]| object(&[&start[..], more, &["--json"]].concat());
    for level in ["0", "1", "2"] {
        let played = with(&["--level", level]);
        assert_eq!(played["level"], level.parse::<u64>().unwrap());
        assert_eq!(played["won"], played["played"]);
        let disputes = played["disputes"].as_array().unwrap();
        let left_out = played["left_out"].as_array().unwrap();
        assert_eq!(disputes.len() + left_out.len(), 11);
        assert!(disputes.len() >= 4, "{played}");
        for dispute in disputes {
            assert_eq!(dispute["winner"], "honest");
            assert_eq!(dispute["cemented"], true);
            assert_eq!(dispute["false_messages"], 0);
            let part = dispute["fault_step"].as_u64().unwrap() - 1;
            assert_eq!(dispute["step"], part);
        }
    }
    // The root is that of a run.
    let ran = object(&["run", &purse, "--inputs", &inputs, "--json"]);
    let last = with(&["--fault", "root"]);
    assert_eq!(last["level"], 2);
    assert_eq!(last["durable_root"], ran["levels"][2]["durable_root"]);
    // The same seed, the same dispute; another, another.
    let played = |seed: &str| {
        let mut dispute = with(&["--level", "1", "--fault", "stack", "--seed", seed]);
        dispute["disputes"][0]["milliseconds"] = json!(0);
        dispute["disputes"][0].clone()
    };
    assert_eq!(played("5"), played("5"));
    assert_ne!(played("5")["step"], played("6")["step"]);
    let many = with(&["--level", "1", "--fault", "memory", "--games", "20"]);
    assert_eq!((&many["played"], &many["won"]), (&json!(20), &json!(20)));
    // As people read it.
    let shown = passes(&[&start[..], &["--level", "1", "--fault", "skipped"]].concat());
    for words in [
        "commits to root",
        "dissects steps 0 to",
        "proves step",
        "the judge decides for the honest side",
        "won 1 of 1 disputes",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
}

#[test]
fn what_cannot_be_disputed_is_said() {
    let folder = Folder::new("no-disputes");
    let (purse, inputs) = (kernel("purse.wasm"), folder.file("purse.json", INPUTS));
    let start = ["dispute", "--kernel", &purse, "--inputs", &inputs];
    for (more, words) in [
        (
            &["--fault", "roots"][..],
            "it is one of root, state, outbox",
        ),
        (&["--fault", "preimage"], "no place for this fault"),
        (&["--level", "3"], "the inputs have no level 3"),
        (&["--games", "0"], "invalid value"),
        (&["--most-steps", "100"], "more than 100 steps"),
        (&["--data-dir", "data"], "cannot be used with"),
    ] {
        refuses(&[&start[..], more].concat(), words);
    }
    refuses(&["dispute"], "--kernel FILE, or --from SNAPSHOT");
    let nowhere = folder.path("nowhere");
    refuses(&["dispute", "--data-dir", &nowhere], "there is no store in");
}

/// An installer reveals the pages of its kernel: a level with preimages.
#[test]
fn a_false_preimage_is_refuted() {
    let folder = Folder::new("preimages");
    let (purse, pages) = (kernel("purse.wasm"), folder.path("pages"));
    let installer = folder.path("installer.wasm");
    passes(&[
        "installer",
        "--kernel",
        &purse,
        "--output",
        &installer,
        "--preimages-dir",
        &pages,
    ]);
    let inputs = folder.file("inputs.json", "[[]]");
    let played = object(&[
        "dispute",
        "--kernel",
        &installer,
        "--preimages",
        &pages,
        "--inputs",
        &inputs,
        "--fault",
        "preimage",
        "--games",
        "5",
        "--json",
    ]);
    assert_eq!((&played["played"], &played["won"]), (&json!(5), &json!(5)));
}

fn settled(devnet: &Process, id: &Value) -> Value {
    let mut status = Value::Null;
    until("a verdict", || {
        status = devnet.call("rollup_disputeStatus", &json!([id]))["result"].clone();
        status["status"] != "running"
    });
    status
}

#[test]
fn a_devnet_plays_disputes_and_so_does_its_folder() {
    let folder = Folder::new("devnet-disputes");
    let evm = kernel("evm_kernel.wasm");
    let mut devnet = Process::devnet(&folder.0, &["--kernel", &evm]);
    let call = |method: &str, params: Value| devnet.call(method, &params);
    let refused = |params: Value| call("rollup_dispute", params)["error"]["message"].clone();
    assert_eq!(
        call("rollup_disputeStatus", json!([]))["result"],
        json!(null)
    );
    let accounts = call("eth_accounts", json!([]))["result"].clone();
    let send = json!([{ "from": accounts[0], "to": accounts[1], "value": "0x7" }]);
    let hash = call("eth_sendTransaction", send)["result"].clone();
    until("a receipt", || {
        !call("eth_getTransactionReceipt", json!([hash]))["result"].is_null()
    });
    let first = call("rollup_dispute", json!([{ "fault": "memory", "seed": 3 }]))["result"].clone();
    assert_eq!(first["id"], 1, "{first}");
    // One at a time: it is decided in some seconds.
    let busy = refused(json!([{ "fault": "root" }]));
    assert_eq!(busy, "dispute 1 is being played");
    let status = settled(&devnet, &first["id"]);
    assert_eq!(status["status"], "decided", "{status}");
    assert_eq!(status["level"], first["level"]);
    assert_eq!(status["report"]["winner"], "honest");
    assert_eq!(status["report"]["false_messages"], 0);
    let moves = status["moves"].as_array().unwrap();
    assert_eq!(moves[0]["kind"], "committed");
    assert_eq!(moves[moves.len() - 1]["kind"], "judged");
    let second = call("rollup_dispute", json!([{ "fault": "outbox" }]))["result"].clone();
    assert_eq!(second["id"], 2);
    assert_eq!(settled(&devnet, &json!(2))["report"]["winner"], "honest");
    assert_eq!(
        call("rollup_disputeStatus", json!([1]))["result"],
        json!(null)
    );
    for (params, words) in [
        (json!([]), "missing value"),
        (json!([{ "fault": "roots" }]), "fault: one of root"),
        (
            json!([{ "fault": "root", "level": 1_000 }]),
            "level 1000 made no block",
        ),
        (json!([{ "fault": "root", "level": 0 }]), "level 0"),
        (json!([{ "fault": "root", "level": "x" }]), "level"),
    ] {
        let said = refused(params.clone());
        let said = said.as_str().unwrap_or_default();
        assert!(said.contains(words), "{params}: {said}");
    }
    devnet.signal("TERM");
    assert_eq!(devnet.ended(), Some(0));
    let data = folder.path("data");
    let played = object(&["dispute", "--data-dir", &data, "--fault", "inbox", "--json"]);
    assert_eq!(played["level"], first["level"]);
    assert_eq!((&played["played"], &played["won"]), (&json!(1), &json!(1)));
}

/// The memory of a process, in bytes.
fn memory(devnet: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", devnet.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.unwrap().parse::<u64>().unwrap() << 10
}

/// Strangers that ask for disputes all the time do not keep a devnet from what it does besides, nor from its end.
#[test]
fn a_devnet_that_is_asked_for_many_disputes_answers_and_stops() {
    let folder = Folder::new("many-disputes");
    let evm = kernel("evm_kernel.wasm");
    let mut devnet = Process::devnet(&folder.0, &["--kernel", &evm, "--block-time", "0.2"]);
    let begun = AtomicU64::new(0);
    let end = Instant::now() + Duration::from_secs(15);
    let mut waits = Vec::new();
    let mut most = 0;
    std::thread::scope(|scope| {
        for asker in 0..8_u64 {
            let (devnet, begun) = (&devnet, &begun);
            scope.spawn(move || {
                let mut number = asker;
                while Instant::now() < end {
                    number = number
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(9);
                    let levels = [json!(null), json!(number % 40), json!(u32::MAX), json!(1)];
                    let faults = ["memory", "state", "skipped", "global"];
                    let level = &levels[(number >> 40) as usize % levels.len()];
                    let fault = faults[(number >> 50) as usize % faults.len()];
                    let wanted = json!([{ "fault": fault, "level": level, "seed": number >> 12 }]);
                    let answer = devnet.call("rollup_dispute", &wanted);
                    let is_one = answer["result"]["id"].is_u64();
                    assert!(is_one || answer["error"]["message"].is_string(), "{answer}");
                    begun.fetch_add(is_one.into(), Ordering::Relaxed);
                }
            });
        }
        while Instant::now() < end {
            let asked = Instant::now();
            assert!(devnet.call("eth_blockNumber", &json!([]))["result"].is_string());
            waits.push(asked.elapsed());
            most = most.max(memory(&devnet));
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    waits.sort_unstable();
    let late = waits[waits.len() * 99 / 100];
    let begun = begun.into_inner();
    eprintln!(
        "{begun} disputes, {} calls, p99 {late:?}, {most} bytes",
        waits.len()
    );
    assert!(begun > 0 && waits.len() > 100);
    assert!(most <= 400 << 20, "{most} bytes");
    // It stops in the middle of one.
    devnet.call("rollup_dispute", &json!([{ "fault": "stack" }]));
    devnet.signal("TERM");
    let asked = Instant::now();
    assert_eq!(devnet.ended(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
}
