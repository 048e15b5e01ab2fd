//! `docs/origination.md` works word by word, as far as no layer 1 is needed: the blocks in
//! their order, with a devnet where the page starts one.

use crate::support::shell::{self, PROGRAM};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::User;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

const ADDRESSES: [(&str, &str); 6] = [
    ("EXCHANGER", "KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2"),
    ("BRIDGE", "KT1R1uQo9xSdbawauCPn7XnmFReYq5HR1EbE"),
    ("DELAYED_INBOX", "KT1N4WaY6a1daQXqyMBTmnUWgkffrfgQ3sPG"),
    ("GOVERNANCE", "KT1LzC7jMi6Q4K1Sfy9CJcDAnWm8JLEE2JmZ"),
    ("FAST_WITHDRAWAL", "KT1D8Dmh5ezvTpF2WP1zUmMNaaheGZxa7hbb"),
    ("ROLLUP", "sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb"),
];

/// The rollup node that the page asks.
const NODE: &str = "--rollup-node http://127.0.0.1:8932";

/// The page's devnet, which the test starts by itself, by how its lines begin.
const NOT_HERE: [&str; 2] = ["evm-rollup devnet", "while ! grep"];

/// The lines of the page's blocks.
fn commands() -> Vec<String> {
    let page = include_str!("../../docs/origination.md");
    let script = shell::script(page);
    script.lines().map(str::to_owned).collect()
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("origination");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// Runs a part of the page.
    fn run(&self, lines: &[String], more: &[(&str, &str)]) -> String {
        let here = |line: &&String| !NOT_HERE.iter().any(|start| line.starts_with(start));
        let script: String = lines
            .iter()
            .filter(here)
            .map(|line| format!("{line}\n"))
            .collect();
        let path = std::env::var("PATH").unwrap_or_default();
        let programs = Path::new(PROGRAM).parent().unwrap();
        let ran = Command::new("bash")
            .args(["-e", "-u", "-o", "pipefail", "-c", &script])
            .current_dir(&self.0)
            .env("PATH", format!("{}:{path}", programs.display()))
            .envs(ADDRESSES)
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&ran.stdout).into_owned();
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{script}\n{out}\n{errors}");
        out
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running devnet; it ends with this value.
struct Devnet {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
}

impl Devnet {
    /// The page's own command, at any free port.
    fn start(folder: &Folder, command: &str) -> Self {
        let args = command.trim_start_matches("evm-rollup ");
        let args = args.split_once(" >").map_or(args, |(args, _)| args);
        let mut child = Command::new(PROGRAM)
            .args(args.split(' '))
            .args(["--port", "0"])
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let mut url = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            let address = line.strip_prefix("Listening on ");
            *log.lock().unwrap() += &format!("{line}\n");
            if let Some(address) = address.and_then(|text| text.split(' ').next()) {
                url = format!("http://{address}");
                break;
            }
        }
        assert!(!url.is_empty(), "{}", log.lock().unwrap());
        let rest = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *rest.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self { child, url, log }
    }

    fn ask(&self, method: &str, params: &Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut answer = ureq::post(&self.url)
            .content_type("application/json")
            .send(call.to_string())
            .unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn balance(&self, address: Address) -> U256 {
        let balance = self.ask("eth_getBalance", &json!([address.to_string(), "latest"]));
        balance.as_str().unwrap().parse().unwrap()
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_page_works_word_by_word_and_the_rehearsal_is_the_plan() {
    let folder = Folder::new();
    let commands = commands();
    let devnet = commands
        .iter()
        .position(|line| line.starts_with("evm-rollup devnet"))
        .expect("the page rehearses");
    let planned = folder.run(&commands[..devnet], &[]);
    assert!(planned.contains("step 1 of 8: exchanger"), "{planned}");
    assert!(planned.contains("step 6 of 8: rollup"), "{planned}");
    let root = root_of(&folder);

    let running = Devnet::start(&folder, &commands[devnet]);
    // Where the page asks the rollup node, one answers that runs the plan.
    let node = rollup_node(&folder);
    let rest_of_page: Vec<String> = commands[devnet..]
        .iter()
        .map(|line| match line.strip_suffix(NODE) {
            Some(start) => format!("{start}--rollup-node {node}"),
            None => line.clone(),
        })
        .collect();
    let environment = [
        ("ETH_RPC_URL", running.url.as_str()),
        ("ROOT", root.as_str()),
    ];
    let rest = folder.run(&rest_of_page, &environment);
    assert!(rest.contains("All 8 steps are done"), "{rest}");
    assert!(
        rest.contains("same  setting kernel_governance (/evm/config/kernel_governance)"),
        "{rest}"
    );
    assert!(rest.contains("octez-client sign bytes 0x05"), "{rest}");
    assert!(!rest.contains("FAIL"), "{rest}");

    // The devnet is the rollup of the plan.
    let overview = running.ask("rollup_layer1", &json!([]));
    for (name, role) in [(0, "exchanger"), (2, "delayedInbox"), (3, "governance")] {
        assert_eq!(overview["contracts"][role], ADDRESSES[name].1, "{role}");
    }
    assert_eq!(running.ask("eth_chainId", &json!([])), "0x425d4");
    // Nobody has anything but what was deposited.
    let receiver: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        .parse()
        .unwrap();
    let tez = U256::from(10).pow(U256::from(18));
    assert_eq!(running.balance(receiver), U256::from(50) * tez);
    assert_eq!(running.balance(Address::repeat_byte(1)), U256::ZERO);
    let log = running.log.lock().unwrap().clone();
    assert!(log.contains("(0 tez)"), "{log}");
    assert!(log.contains("the kernel is replaced"), "{log}");
    assert!(log.contains("an upgrade is decided"), "{log}");
    forces_a_transaction(&running, tez);
}

/// After the upgrade: deposit, then a transaction through the delayed inbox.
fn forces_a_transaction(running: &Devnet, tez: U256) {
    let mut user = User::new("rehearsal");
    let to = Address::repeat_byte(0xbb);
    let l1 = |args: &[&str]| {
        let ran = Command::new(PROGRAM)
            .arg("l1")
            .args(args)
            .env("ETH_RPC_URL", &running.url)
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    };
    l1(&["deposit", &user.address.to_string(), "7"]);
    assert_eq!(running.balance(user.address), U256::from(7) * tez);
    // Its bytes want some 250,000 at the page's price.
    let signed = user.send(271_828, TxKind::Call(to), tez, Bytes::new(), 500_000);
    l1(&["delayed", &Bytes::from(signed.encode()).to_string()]);
    assert_eq!(running.balance(to), tez);
}

/// The URL of a rollup node that runs the plan's installer.
fn rollup_node(folder: &Folder) -> String {
    let inputs = folder.0.join("first.json");
    std::fs::write(&inputs, "[[]]").unwrap();
    let ran = Command::new(PROGRAM)
        .args(["run", "origination/installer.hex", "--inputs", "first.json"])
        .args([
            "--preimages",
            "origination/preimages",
            "--json",
            "--dump",
            "/",
        ])
        .current_dir(&folder.0)
        .output()
        .unwrap();
    let dump: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap_or_default();
            let head = lines.map_while(Result::ok);
            head.take_while(|line| !line.is_empty()).for_each(drop);
            let path = first.split(' ').nth(1).unwrap_or_default();
            let answer = match path.split_once("?key=") {
                Some((_, key)) => dump["dump"][key.replace("%2F", "/")].to_string(),
                None => json!(ADDRESSES[5].1).to_string(),
            };
            let len = answer.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{answer}"
            );
        }
    });
    url
}

/// The root hash that the installer prints.
fn root_of(folder: &Folder) -> String {
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    let made = Command::new(PROGRAM)
        .args(["installer", "--kernel", kernel.to_str().unwrap(), "--json"])
        .args(["--setup-file", "origination/setup.yaml"])
        .args(["--output", "again.hex", "--preimages-dir", "again"])
        .current_dir(&folder.0)
        .output()
        .unwrap();
    assert!(made.status.success());
    // The same as the plan made.
    let again = std::fs::read(folder.0.join("again.hex")).unwrap();
    assert_eq!(
        again,
        std::fs::read(folder.0.join("origination/installer.hex")).unwrap()
    );
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    made["root_hash"].as_str().unwrap().to_owned()
}
