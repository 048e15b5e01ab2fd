//! `evm-rollup double` and `evm-rollup node` as processes, as docs/operating.md has them.

use crate::support::{
    Folder, GENESIS, PROGRAM, Process, command, double, kernel, stderr, stdout, until,
};
use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use e2e_tests::User;
use messages::hash::blake2b_256;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const RECEIVER: &str = "0x4242424242424242424242424242424242424242";

fn node(folder: &Path, double: &Process, more: &[&str]) -> Process {
    let args = ["node", "--rollup-node", &double.url, "--port", "0"];
    Process::start(folder, &[&args[..], more].concat())
}

#[test]
fn a_rollup_is_served_from_its_genesis_and_from_a_copy() {
    let folder = Folder::new("node command");
    let double = double(&folder.0);
    let mut first = node(&folder.0, &double, &GENESIS);
    let deposit = json!({ "routing": RECEIVER, "mutez": 7 });
    double.post("/double/deposit", &deposit);
    double.post("/double/levels?count=3", &json!({}));
    let balance = |node: &Process| {
        let answer = node.call("eth_getBalance", &json!([RECEIVER, "safe"]));
        answer["result"].clone()
    };
    until("the deposit is final", || {
        balance(&first) == "0x65dd0837000"
    });
    // The level of the deposit may be final before the newest one has run.
    until("all levels ran", || {
        first.call("rollup_status", &json!([]))["result"]["level"] == 1004
    });
    // Levels are layer 1's, the block is the rollup's.
    let mut health = ureq::get(format!("{}/health", first.url)).call().unwrap();
    assert_eq!(health.status(), 200);
    let health = health.body_mut().read_to_string().unwrap();
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    let expected = json!({
        "ready": true, "block": health["block"], "level": 1004, "headLevel": 1004, "lag": 0,
        "trouble": null,
    });
    assert_eq!(health, expected);
    assert!(
        health["block"].as_u64().is_some_and(|block| block < 10),
        "{health}"
    );
    assert_eq!(first.call("eth_chainId", &json!([]))["result"], "0x66dd9");
    first.signal("TERM");
    assert_eq!(first.ended(), Some(0));

    let copy = node(
        &folder.0,
        &double,
        &["--from-storage", "--preimages", "double/wasm_2_0_0"],
    );
    until("the copy is there", || balance(&copy) != "0x0");
}

/// The pages of a node in front of a rollup: a withdrawal with its command, no controls, and no
/// names by strangers.
fn check_pages(node: &Process) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let get = |path: &str| {
        let mut answer = agent.get(format!("{}{path}", node.url)).call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), text)
    };
    let (status, bridge) = get("/bridge");
    assert_eq!(status, 200, "{bridge}");
    for expected in [
        "3 tez",
        "Anybody can execute it now",
        "octez-client",
        "credited",
    ] {
        assert!(bridge.contains(expected), "{expected}: {bridge}");
    }
    assert!(!bridge.contains("rollup_deposit"), "{bridge}");
    let rollup = &node.call("rollup_status", &json!([]))["result"];
    let cemented = rollup["cemented"].as_u64().unwrap();
    for expected in [
        rollup["rollup"].as_str().unwrap(),
        &format!("Cemented up to</dt><dd><a href=\"/level/{cemented}\""),
    ] {
        assert!(bridge.contains(expected), "{expected}: {bridge}");
    }
    let (status, level) = get("/level/newest");
    assert_eq!(status, 200, "{level}");
    assert!(level.contains("end of the level"), "{level}");
    let (status, home) = get("/");
    assert_eq!(status, 200, "{home}");
    assert!(!home.contains("/control"), "{home}");
    assert_eq!(get("/control").0, 404);
    let refused = node.call("rollup_addAbi", &json!([[], "Token"]));
    assert_eq!(refused["error"]["code"], -32000, "{refused}");
}

/// The rehearsal of docs/operating.md: a transfer, a withdrawal with the command for layer 1, an
/// upgrade whose pages come late, a crash and a restart.
#[test]
fn what_an_operator_rehearses_works() {
    let folder = Folder::new("node rehearsal");
    let double = double(&folder.0);
    let own = folder.0.join("pages");
    std::fs::create_dir(&own).unwrap();
    let copy = |from: &Path, to: &Path| {
        for page in std::fs::read_dir(from).unwrap() {
            let page = page.unwrap();
            std::fs::copy(page.path(), to.join(page.file_name())).unwrap();
        }
    };
    copy(&folder.0.join("double/wasm_2_0_0"), &own);
    let settings = format!(
        "rollup_node = \"{}\"\nkernel = \"double/installer.wasm\"\norigination_level = 1000\n\
         preimages = \"pages\"\ndata_dir = \"data\"\nport = 0\n",
        double.url
    );
    std::fs::write(folder.0.join("node.toml"), settings).unwrap();
    let start = || Process::start(&folder.0, &["node", "--config", "node.toml"]);
    let mut node = start();
    let mut user = User::new("rehearsal");
    let tez = U256::from(10).pow(U256::from(18));
    let deposit = json!({ "routing": user.address, "mutez": 50_000_000 });
    double.post("/double/deposit", &deposit);
    let level = || double.post("/double/levels?count=1", &json!({}));
    level();
    let settled = |node: &Process, signed: &ethereum::SignedTransaction| {
        let raw = hex::encode_prefixed(signed.encode());
        let sent = node.call("eth_sendRawTransaction", &json!([raw]));
        assert_eq!(sent["result"], json!(signed.hash), "{sent}");
        until("it is included", || {
            level();
            let receipt = node.call("eth_getTransactionReceipt", &json!([signed.hash]));
            receipt["result"]["status"] == "0x1"
        });
    };
    until("the deposit is there", || {
        let balance = node.call("eth_getBalance", &json!([user.address, "latest"]));
        balance["result"] == json!(U256::from(50) * tez)
    });
    let to = Address::repeat_byte(0x42);
    let transfer = user.send(421_337, TxKind::Call(to), tez, Bytes::new(), 21_000);
    settled(&node, &transfer);

    let bridge = TxKind::Call(solidity_fixtures::bridge::native::ADDRESS);
    let data = solidity_fixtures::bridge::native::withdraw(layer1::devnet::ACCOUNTS[1]);
    let withdrawal = user.send(421_337, bridge, U256::from(3) * tez, data, 1_000_000);
    settled(&node, &withdrawal);
    let l1 = |args: &[&str]| {
        let program = Command::new(PROGRAM)
            .arg("l1")
            .args(args)
            .args(["--url", &node.url])
            .output();
        let program = program.expect("it runs");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (text(&program.stdout), text(&program.stderr))
    };
    let listed = l1(&["withdrawals"]).0;
    let place: Vec<&str> = listed.split_whitespace().collect();
    let ["level", outbox, "index", index, ..] = place[..] else {
        panic!("{listed}");
    };
    let early = l1(&["execute", outbox, index]).1;
    assert!(early.contains("not cemented yet"), "{early}");
    until("it can be executed", || {
        level();
        l1(&["withdrawals"]).0.contains("executable")
    });
    let command = l1(&["execute", outbox, index]).0;
    let start_of_it = "octez-client execute outbox message of smart rollup sr1";
    assert!(command.starts_with(start_of_it), "{command}");
    // It is the only one.
    assert_eq!(l1(&["execute"]).0, command);
    check_pages(&node);
    let place = format!("/double/execute?level={outbox}&index={index}");
    double.post(&place, &json!({}));
    level();
    until("it is executed", || {
        l1(&["withdrawals"]).0.contains("executed")
    });
    let (again, why) = l1(&["execute", outbox, index]);
    assert!(
        why.contains("is executed already") && again.is_empty(),
        "{again}{why}"
    );
    let none = l1(&["execute"]).1;
    assert!(none.contains("no message can be executed"), "{none}");

    let kernel = std::fs::read(kernel("evm_kernel.wasm")).unwrap();
    let new = [&kernel[..], &[0, 6, 5], b"other"].concat();
    let there = Folder::new("node rehearsal, new pages");
    let root = there.publish(&new);
    copy(&there.0, &folder.0.join("double/wasm_2_0_0"));
    let payload = [&[0xeb, 0xa1], &root[..], &[0x88], &[0; 8]].concat();
    double.post("/double/govern", &json!({ "bytes": hex::encode(payload) }));
    level();
    until("it waits for pages", || {
        let health = ureq::get(format!("{}/health", node.url)).call();
        health.is_err_and(|error| error.to_string().contains("503"))
    });
    copy(&there.0, &own);
    until("levels run again", || {
        node.says("the missing preimage is there: levels run again")
    });
    let [old, replaced] = [&kernel, &new].map(|kernel| hex::encode(blake2b_256(kernel)));
    assert!(node.says(&format!("the kernel with the blake2b hash {old}")));
    assert!(node.says(&format!(": blake2b {old} → {replaced}")));
    assert!(!node.says("answers again"));
    let status = node.call("rollup_status", &json!([]));
    let running = &status["result"]["kernel"];
    assert_eq!(running["blake2b"], json!(replaced), "{status}");
    assert_eq!(running["bytes"], new.len(), "{status}");
    let mut metrics = ureq::get(format!("{}/metrics", node.url)).call().unwrap();
    let metrics = metrics.body_mut().read_to_string().unwrap();
    let machine = running["machine"].as_str().unwrap();
    let info =
        format!("kernel_info{{blake2b=\"{replaced}\",machine=\"{machine}\",layout=\"2\"}} 1");
    assert!(metrics.contains(&info), "{metrics}");
    node.child.kill().unwrap();
    node.child.wait().unwrap();
    let node = start();
    let again = user.send(421_337, TxKind::Call(to), tez, Bytes::new(), 21_000);
    settled(&node, &again);
    let balance = node.call("eth_getBalance", &json!([to, "latest"]));
    assert_eq!(balance["result"], json!(U256::from(2) * tez), "{balance}");
    until("it has caught up", || {
        ureq::get(format!("{}/health", node.url)).call().is_ok()
    });
}

/// A node writes snapshots while it goes on, from which another one begins.
#[test]
fn snapshots_are_written_while_a_node_goes_on() {
    let folder = Folder::new("node snapshots");
    let double = double(&folder.0);
    let store = ["--data-dir", "data"];
    let often = ["--snapshot-every", "2", "--snapshots-kept", "2"];
    let mut first = node(&folder.0, &double, &[&GENESIS[..], &store, &often].concat());
    let newest = || {
        let names = std::fs::read_dir(folder.0.join("data/snapshots")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut levels: Vec<u32> = names
            .filter_map(|name| name.strip_suffix(".snapshot")?.parse().ok())
            .collect();
        levels.sort_unstable();
        levels
    };
    let deposit = json!({ "routing": RECEIVER, "mutez": 7 });
    double.post("/double/deposit", &deposit);
    for _ in 0..6 {
        let level = first.call("rollup_status", &json!([]))["result"]["level"].clone();
        double.post("/double/levels?count=1", &json!({}));
        until(
            "the level has run, and is written if it is its turn",
            || {
                let now = first.call("rollup_status", &json!([]))["result"]["level"].clone();
                let ended = now.as_u64() == level.as_u64().map(|level| level + 1);
                let due = now.as_u64().is_some_and(|level| level.is_multiple_of(2));
                ended && (!due || newest().last().map(|level| u64::from(*level)) == now.as_u64())
            },
        );
    }
    until("older ones are gone", || newest() == [1004, 1006]);
    let file = folder.path("data/snapshots/1006.snapshot");
    let facts = stdout(&command(&["snapshot", "info", "--json", &file]));
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    assert_eq!(facts["level"], 1007, "{facts}");
    let rollup = first.call("rollup_status", &json!([]))["result"]["rollup"].clone();
    assert_eq!(facts["rollup"], rollup, "{facts}");
    let root = facts["durable_root"].as_str().unwrap();
    first.signal("TERM");
    assert_eq!(first.ended(), Some(0));
    let (data, own) = (folder.path("data"), folder.path("data/store.redb"));
    let export = command(&["snapshot", "export", "--data-dir", &data, &own]);
    assert!(stderr(&export).contains("is in the folder that is written"));
    let imported = command(&[
        "snapshot",
        "import",
        "--data-dir",
        &folder.path("other"),
        &file,
        "--root",
        root,
    ]);
    assert!(imported.status.success(), "{}", stderr(&imported));
    let second = node(
        &folder.0,
        &double,
        &[&GENESIS[..], &["--data-dir", "other"]].concat(),
    );
    let balance = second.call("eth_getBalance", &json!([RECEIVER, "latest"]));
    assert_eq!(balance["result"], "0x65dd0837000", "{balance}");
}

#[test]
fn a_chain_that_goes_back_below_what_is_final_has_its_exit_code() {
    let folder = Folder::new("node betrayed");
    let double = double(&folder.0);
    let mut node = node(&folder.0, &double, &GENESIS);
    double.post("/double/levels?count=8", &json!({}));
    until("it knows what is final", || {
        node.call("rollup_status", &json!([]))["result"]["finalized"] == 1_007
    });
    double.post("/double/reorganise?depth=6&final=true", &json!({}));
    assert_eq!(node.ended(), Some(4));
}

/// A level at which the rollup was not originated is told, where it is not waited for in vain.
#[test]
fn a_wrong_level_of_origination_is_told() {
    let folder = Folder::new("node origination");
    let double = double(&folder.0);
    double.post("/double/levels?count=6", &json!({}));
    let run = |level: &str| {
        let args = ["node", "--rollup-node", &double.url, "--port", "0"];
        let ran = Command::new(PROGRAM)
            .args(args)
            .args(&GENESIS[..4])
            .args(["--origination-level", level])
            .current_dir(&folder.0)
            .output()
            .expect("it runs");
        (ran.status.code(), stdout(&ran) + &stderr(&ran))
    };
    for (level, why) in [
        ("900", "the oldest level that the rollup node has is 1000"),
        ("999", "the oldest level that the rollup node has is 1000"),
        ("1100", "the newest level that the rollup node has is 1007"),
    ] {
        let (code, said) = run(level);
        assert_eq!(code, Some(2), "{said}");
        let told = format!("--origination-level {level} cannot be right: {why}");
        assert!(said.contains(&told), "{said}");
    }
    // One that it has: the results differ.
    let (code, said) = run("1003");
    assert_eq!(code, Some(3), "{said}");
    let cause = "--kernel, --preimages or --origination-level are not those of this rollup";
    let (before, _) = said.split_once("They differ in").expect("both values");
    assert!(before.contains(cause), "{said}");
}

#[test]
fn a_node_that_cannot_start_says_why() {
    let folder = Folder::new("node refused");
    let run = |args: &[&str]| {
        let ran = Command::new(PROGRAM)
            .arg("node")
            .args(args)
            .current_dir(&folder.0)
            .output()
            .expect("it runs");
        assert_eq!(ran.status.code(), Some(2), "{args:?}");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    let http = "http://127.0.0.1:1";
    folder.file("plain", "");
    for (args, why) in [
        (&["--rollup-node", http][..], "--kernel <FILE>"),
        (
            &["--rollup-node", "ftp://example.org", "--from-storage"],
            "expected http://HOST:PORT or https://HOST:PORT",
        ),
        (
            &["--rollup-node", "127.0.0.1:8932", "--from-storage"],
            "expected http://HOST:PORT",
        ),
        (
            &["--rollup-node", http, "--kernel", "k.wasm"],
            "--origination-level",
        ),
        (
            &[
                "--rollup-node",
                http,
                "--kernel",
                "k.wasm",
                "--origination-level",
                "1",
            ],
            "k.wasm",
        ),
        (
            &[
                "--rollup-node",
                http,
                "--from-storage",
                "--preimages",
                "nowhere",
            ],
            "no such folder",
        ),
        (
            &[
                "--rollup-node",
                http,
                "--from-storage",
                "--verify-every",
                "0",
            ],
            "0 is not in 1..",
        ),
        (
            &[
                "--rollup-node",
                http,
                "--from-storage",
                "--data-dir",
                "plain/folder",
            ],
            "cannot make the folder plain/folder",
        ),
    ] {
        let said = run(args);
        assert!(said.contains(why), "{args:?}: {said}");
    }
}

#[test]
fn a_node_that_waits_for_its_rollup_node_ends_at_a_signal() {
    let folder = Folder::new("node waits");
    let mut child = Command::new(PROGRAM)
        .args([
            "node",
            "--rollup-node",
            "http://127.0.0.1:1",
            "--from-storage",
            "--port",
            "0",
        ])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = lines.next().expect("a line").expect("text");
    assert!(
        line.contains("warning: waiting: the rollup node does not answer")
            && line.contains(" at 127.0.0.1:1: "),
        "{line}"
    );
    let mut process = Process {
        child,
        url: String::new(),
        said: Arc::default(),
    };
    process.signal("TERM");
    assert_eq!(process.ended(), Some(0));
}
