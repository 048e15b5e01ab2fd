//! The command as a process: how it starts, ends, and what it does with its output.

use crate::support::{Folder, PROGRAM, Process, kernel, until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The time in which a devnet has to end, with some for a busy machine.
const STOP_TIME: Duration = Duration::from_secs(6);

fn command() -> Command {
    Command::new(PROGRAM)
}

/// A devnet whose output nobody reads.
struct Devnet {
    process: Process,
    address: String,
}

impl Devnet {
    /// Starts one and waits until it listens; its further output is not read.
    fn start(options: &[&str]) -> Self {
        let mut child = command()
            .args(["devnet", "--port", "0"])
            .args(["--kernel", &kernel("evm_kernel.wasm")])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the devnet starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(output.read_line(&mut line).expect("text") > 0, "it ended");
            if let Some(rest) = line.strip_prefix("Listening on ") {
                break rest.split(' ').next().expect("an address").to_owned();
            }
        };
        // Kept open, and not read.
        child.stdout = Some(output.into_inner());
        let url = format!("http://{address}");
        Self {
            process: Process {
                child,
                url,
                said: Arc::default(),
            },
            address,
        }
    }

    fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Its exit code, if it ends in time.
    fn ended(&mut self) -> Option<i32> {
        crate::support::ended(&mut self.process.child, STOP_TIME)
    }

    fn send(&self, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let head = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all((head + body).as_bytes())
            .expect("it reads");
        stream
    }

    fn call(&self, body: &str) -> String {
        let mut answer = String::new();
        self.send(body).read_to_string(&mut answer).expect("text");
        answer
    }
}

const CHAIN_ID: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;

#[test]
fn a_signal_ends_it() {
    for signal in ["INT", "TERM"] {
        let mut devnet = Devnet::start(&[]);
        devnet.signal(signal);
        assert_eq!(devnet.ended(), Some(0), "SIG{signal}");
    }
}

#[test]
fn a_signal_ends_it_while_levels_run_and_connections_are_open() {
    let mut devnet = Devnet::start(&[]);
    let mine = r#"{"jsonrpc":"2.0","id":1,"method":"hardhat_mine","params":["0x186a0"]}"#;
    let _mining = devnet.send(mine);
    let mut half = TcpStream::connect(&devnet.address).unwrap();
    half.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{")
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    devnet.signal("INT");
    assert_eq!(devnet.ended(), Some(0));
}

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

#[test]
fn the_state_is_there_at_the_next_start() {
    let folder = Folder::new("devnet_state");
    let file = folder.0.join("state.json");
    let file = file.to_str().unwrap();
    let somebody = "0x4242424242424242424242424242424242424242";
    let balance = request("eth_getBalance", &format!(r#"["{somebody}","latest"]"#));
    let mut first = Devnet::start(&["--state", file]);
    let change = format!(r#"["{somebody}","0xabcdef"]"#);
    first.call(&request("anvil_setBalance", &change));
    first.signal("INT");
    assert_eq!(first.ended(), Some(0));
    let mut second = Devnet::start(&["--state", file]);
    let answer = second.call(&balance);
    assert!(answer.contains(r#""0xabcdef""#), "{answer}");
    second.signal("TERM");
    assert_eq!(second.ended(), Some(0));
    std::fs::write(file, "{}").unwrap();
    let kernel = &kernel("evm_kernel.wasm");
    let refused = command()
        .args(["devnet", "--port", "0", "--state", file, "--kernel", kernel])
        .output()
        .unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(error.contains("the dump has no accounts"), "{error}");
    // What cannot be written is refused at the start.
    for (options, words) in [
        (
            ["--state", "/nowhere/state.json"],
            "there is no folder /nowhere",
        ),
        (["--state", "/"], "it is a folder"),
        (["--keep-states", "0"], "0 is not in 1.."),
        (["--client-version", ""], "a value is required"),
        (
            ["--gas-limit", "18446744073709551615"],
            "is not in 21000..=",
        ),
        (["--accounts", "4000000000"], "is not in"),
        (["--code-size-limit", "131073"], "is not in 1..=131072"),
        (["--fork-block", "5"], "--fork-url"),
        (
            ["--fork-url", "ws://127.0.0.1:1"],
            "expected http://HOST:PORT or https://HOST:PORT",
        ),
        (["--fork-url", ""], "there is no host"),
        (["--fork-url", "localhost:99999"], "there is no port 99999"),
        (
            ["--fork-url=localhost@3", "--fork-block=5"],
            "the URL names a block, 3",
        ),
    ] {
        let refused = command().arg("devnet").args(options).output().unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{options:?}: {error}");
        assert!(error.contains(words), "{options:?}: {error}");
    }
}

#[test]
fn a_fork_goes_on_from_another_devnet_and_keeps_what_it_was_told() {
    let somebody = "0x4242424242424242424242424242424242424242";
    let balance = request("eth_getBalance", &format!(r#"["{somebody}","latest"]"#));
    let other = Devnet::start(&["--chain-id", "4242"]);
    let change = format!(r#"["{somebody}","0xabcdef"]"#);
    other.call(&request("anvil_setBalance", &change));
    other.call(&request("anvil_mine", r#"["0x3"]"#));
    let folder = std::env::temp_dir().join(format!("fork-process-{}", std::process::id()));
    let cache = folder.to_str().unwrap();
    let url = format!("http://{}@2", other.address);
    let options = [
        "--fork-url",
        &url,
        "--fork-cache",
        cache,
        "--fork-retries",
        "0",
    ];
    let mut fork = Devnet::start(&options);
    let answer = fork.call(&balance);
    assert!(answer.contains(r#""0xabcdef""#), "{answer}");
    let answer = fork.call(CHAIN_ID);
    assert!(answer.contains(r#""0x1092""#), "{answer}");
    let answer = fork.call(&request("eth_blockNumber", "[]"));
    assert!(answer.contains(r#""0x2""#), "{answer}");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let page = agent.get(format!("http://{}/block/1", fork.address)).call();
    let page = page.unwrap().body_mut().read_to_string().unwrap();
    assert!(
        page.contains("the chain that this one goes on from, with the id 4,242"),
        "{page}"
    );
    fork.signal("TERM");
    assert_eq!(fork.ended(), Some(0));
    // It does not begin with a block of its own.
    let silent = [
        "devnet",
        "--port",
        "0",
        "--fork-url",
        &url,
        "--no-fork-cache",
    ];
    let silent = Process::start(&std::env::temp_dir(), &silent);
    until("it listens", || silent.says("Listening on "));
    until("it names its pages", || {
        silent.says("Pages for browsers: http://127.0.0.1:")
    });
    assert!(silent.says("Block:             2") && !silent.says("block 0"));
    drop(silent);
    let kept = std::fs::read_dir(folder.join("4242")).unwrap();
    let kept: Vec<_> = kept
        .map(|file| file.unwrap().metadata().unwrap().len())
        .collect();
    assert!(kept.len() == 1 && kept[0] > 1_000, "{kept:?}");
    std::fs::remove_dir_all(&folder).unwrap();
    drop(other);
    // Nobody is there any more.
    let kernel = &kernel("evm_kernel.wasm");
    let refused = command()
        .args(["devnet", "--port", "0", "--kernel", kernel])
        .args(options)
        .output()
        .unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot fork: http://127.0.0.1:"), "{error}");
}

#[test]
fn its_options_are_those_that_tools_know() {
    let words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    let devnet = Devnet::start(&[
        "--mnemonic",
        words,
        "--balance",
        "7",
        "--base-fee",
        "5",
        "--no-mining",
        "--client-version",
        "mine",
        "--allowed-hosts",
        "devnet.test",
        "--no-transaction-gas-cap",
        "--gas-limit",
        "50000000",
    ]);
    let accounts = devnet.call(&request("eth_accounts", "[]"));
    assert!(!accounts.contains("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"));
    let start = accounts.find("0x").unwrap();
    let account = &accounts[start..start + 42];
    let ask = |method: &str, params: &str| devnet.call(&request(method, params));
    let balance = ask("eth_getBalance", &format!(r#"["{account}","latest"]"#));
    assert!(balance.contains(r#""0x6124fee993bc0000""#), "{balance}");
    assert!(ask("web3_clientVersion", "[]").contains(r#""mine""#));
    let block = ask("eth_getBlockByNumber", r#"["latest",false]"#);
    assert!(block.contains(r#""gasLimit":"0x2faf080""#), "{block}");
    assert!(block.contains(r#""baseFeePerGas":"0x5""#), "{block}");
    // More than a transaction may ask for since Osaka.
    let send = format!(r#"[{{"from":"{account}","to":"{account}","gas":"0x2000000"}}]"#);
    let sent = ask("eth_sendTransaction", &send);
    assert!(sent.contains(r#""result":"0x"#), "{sent}");
    assert!(ask("eth_blockNumber", "[]").contains(r#""0x0""#));
    let capped = Devnet::start(&[]);
    let block = capped.call(&request("eth_getBlockByNumber", r#"["latest",false]"#));
    assert!(block.contains(r#""gasLimit":"0x1000000""#), "{block}");
}

#[test]
fn a_folder_of_artefacts_names_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../solidity_fixtures/artifacts");
    let folder = folder.to_str().unwrap();
    let devnet = Devnet::start(&["--abis", folder]);
    let names = devnet.call(&request("rollup_abis", "[]"));
    for name in ["Router", "Erc721", "NativeBridge"] {
        assert!(names.contains(&format!(r#""name":"{name}""#)), "{names}");
    }
    let refused = devnet.call(&request("rollup_addAbi", r#"["nonsense", "N"]"#));
    assert!(
        refused.contains("expected an ABI (the list of functions"),
        "{refused}"
    );
    let missing = command()
        .args(["devnet", "--port", "0", "--abis", "/nowhere/artefacts"])
        .args(["--kernel", &kernel("evm_kernel.wasm")])
        .output()
        .unwrap();
    let error = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(2), "{error}");
    assert!(
        error.contains("--abis: cannot read the folder /nowhere/artefacts"),
        "{error}"
    );
}

#[test]
fn a_word_is_no_url_of_another_chain() {
    for text in ["mainnet", "foo.json", "eth.example/key"] {
        let refused = command()
            .args(["devnet", "--port", "0", "--fork-url", text])
            .output()
            .unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{error}");
        assert!(
            error.contains("--fork-url: expected http://HOST:PORT"),
            "{error}"
        );
    }
}

#[test]
fn its_start_and_its_log_are_json_if_that_is_wanted() {
    let mut child = command()
        .args(["devnet", "--port", "0", "--json", "--kernel"])
        .arg(kernel("evm_kernel.wasm"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut objects = lines.map(|line| {
        let line = line.unwrap();
        serde_json::from_str::<serde_json::Value>(&line).expect(&line)
    });
    // A line of the log may come first.
    let start = objects.find(|object| object["url"].is_string()).unwrap();
    assert_eq!(start["accounts"].as_array().unwrap().len(), 10);
    assert_eq!(start["chainId"], 1337);
    let url = start["url"].as_str().unwrap().to_owned();
    let devnet = Devnet {
        address: url.replace("http://", ""),
        process: Process {
            child,
            url,
            said: Arc::default(),
        },
    };
    devnet.call(CHAIN_ID);
    let line = objects
        .find(|object| object["message"] == "eth_chainId")
        .unwrap();
    assert_eq!(line["target"], "node::rpc");
}

#[test]
fn nobody_has_to_read_the_log() {
    let mut devnet = Devnet::start(&[]);
    let batch = format!("[{}]", vec![CHAIN_ID; 1_000].join(","));
    for _ in 0..20 {
        // Each call is a line; a pipe holds 64 kB.
        let answer = devnet.call(&batch);
        assert!(answer.contains("0x539"), "{}", answer.len());
    }
    devnet.signal("INT");
    assert_eq!(devnet.ended(), Some(0));
}

#[test]
fn the_log_says_why_a_transaction_failed_and_what_contracts_print() {
    let artefacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../solidity_fixtures/artifacts");
    let mut devnet = Devnet::start(&["--abis", artefacts.to_str().unwrap()]);
    let output = BufReader::new(devnet.process.child.stdout.take().expect("a pipe"));
    let (lines, log) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| lines.send(line))
    });
    let create = |code: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction","params":[{{"from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","data":"0x{code}","gas":"0x30000"}}]}}"#
        )
    };
    // Reverts; with a custom error of the artefacts, and with one that nobody knows; prints "it's"
    // by log(string), and stops.
    devnet.call(&create("60006000fd"));
    let expired = alloy_primitives::keccak256("Expired(uint256)");
    for selector in [&expired[..4], &[0xde, 0xad, 0xbe, 0xef]] {
        let selector = alloy_primitives::hex::encode(selector);
        let code = format!("63{selector}60e01b600052600760045260246000fd");
        devnet.call(&create(&code));
    }
    let text = "41304fac\
        0000000000000000000000000000000000000000000000000000000000000020\
        0000000000000000000000000000000000000000000000000000000000000004\
        6974277300000000000000000000000000000000000000000000000000000000";
    let print = "6064602760003960006000606460007300000000000000000063\
        6f6e736f6c652e6c6f675afa00";
    devnet.call(&create(&format!("{print}{text}")));
    for wanted in [
        "failed: execution reverted",
        "failed: execution reverted: Expired(deadline: 7)",
        "failed: execution reverted: custom error 0xdeadbeef (no ABI names it: rollup_addAbi takes one)",
        "console.log  it's",
    ] {
        loop {
            let line = log.recv_timeout(Duration::from_secs(20)).expect(wanted);
            if line.ends_with(wanted) {
                break;
            }
        }
    }
}

#[test]
fn who_reads_the_log_may_leave() {
    let mut devnet = Devnet::start(&[]);
    drop(devnet.process.child.stdout.take());
    for _ in 0..3 {
        assert!(devnet.call(CHAIN_ID).contains("0x539"));
    }
    devnet.signal("TERM");
    assert_eq!(devnet.ended(), Some(0));
}

#[test]
fn a_port_in_use_is_explained() {
    let devnet = Devnet::start(&[]);
    let port = devnet.address.rsplit(':').next().unwrap();
    let second = command()
        .args(["devnet", "--port", port])
        .args(["--kernel", &kernel("evm_kernel.wasm")])
        .output()
        .unwrap();
    let error = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(
        error.contains("is in use") && error.contains("--port"),
        "{error}"
    );
}

#[test]
fn an_output_that_nobody_takes_is_no_panic() {
    let kernel = &kernel("evm_kernel.wasm");
    let mut child = command()
        .args(["verify", kernel])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut error = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), error.as_str()),
        (Some(0), "")
    );
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let ended = command()
            .args(["verify", kernel])
            .stdout(full)
            .output()
            .unwrap();
        let error = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2));
        assert!(
            error.starts_with("error: cannot write the output"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_is_no_module_is_said_to_be_none() {
    let mut child = command()
        .args(["verify", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"no module").unwrap();
    let ended = child.wait_with_output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(error, "error: - is not a wasm module\n");
    assert_eq!(ended.stdout, b"");
}

#[test]
fn what_is_endless_is_not_read() {
    let ended = command().args(["verify", "/dev/zero"]).output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(error.contains("not a regular file"), "{error}");
}
