//! Settings of `evm-rollup node` and `devnet` by source, and the forms of the log.

use crate::support::{Folder, PROGRAM};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn node(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    run("node", folder, args, variables)
}

fn run(name: &str, folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(PROGRAM)
        .arg(name)
        .args(args)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .expect("it runs")
}

fn printed(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> String {
    let args = [args, &["--print-config"]].concat();
    let shown = node(folder, &args, variables);
    let errors = String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success(), "{errors}");
    String::from_utf8(shown.stdout).expect("text")
}

fn refused(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> String {
    let ran = node(folder, args, variables);
    assert_eq!(ran.status.code(), Some(2), "{args:?}");
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

const FILE: &str = r#"
rollup_node = "http://127.0.0.1:1"
kernel = "installer.hex"
origination_level = 1000
port = 1
host = "127.0.0.2"
verify_every = 2
cors = "http://localhost:3000"
log_format = "json"
quiet = true
"#;

#[test]
fn options_win_over_variables_and_these_over_the_file() {
    let folder = Folder::new("layers");
    std::fs::write(folder.0.join("node.toml"), FILE).unwrap();
    let variables = [
        ("EVM_ROLLUP_CONFIG", "node.toml"),
        ("EVM_ROLLUP_PORT", "2"),
        ("EVM_ROLLUP_HOST", "127.0.0.3"),
        ("EVM_ROLLUP_QUIET", "false"),
    ];
    let shown = printed(&folder.0, &["--port", "3", "--verbose"], &variables);
    for line in [
        "rollup_node = \"http://127.0.0.1:1\" # file: \"node.toml\"",
        "# rollup is not set",
        "kernel = \"installer.hex\" # file: \"node.toml\"",
        "origination_level = 1000 # file: \"node.toml\"",
        "from_storage = false # default",
        "verify_every = 2 # file: \"node.toml\"",
        "host = \"127.0.0.3\" # environment: EVM_ROLLUP_HOST",
        "port = 3 # option: --port",
        "post = \"batches\" # default",
        "log_format = \"json\" # file: \"node.toml\"",
        "quiet = false # environment: EVM_ROLLUP_QUIET",
        "verbose = true # option: --verbose",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    // What is printed is a file that says the same.
    std::fs::write(folder.0.join("printed.toml"), &shown).unwrap();
    let again = printed(&folder.0, &["--config", "printed.toml"], &[]);
    let values = |text: &str| {
        let lines = text.lines().map(|line| line.split(" # ").next());
        lines
            .map(Option::unwrap)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&shown));
    assert!(
        !again.contains("option:") && !again.contains("environment:"),
        "{again}"
    );
}

#[test]
fn a_devnet_has_a_file_and_variables_too() {
    let folder = Folder::new("devnet layers");
    let words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    let file = format!("port = 0\naccounts = 3\nbase_fee = 7\nmnemonic = \"{words}\"\n");
    std::fs::write(folder.0.join("devnet.toml"), file).unwrap();
    let variables = [
        ("EVM_ROLLUP_CONFIG", "devnet.toml"),
        ("EVM_ROLLUP_CHAIN_ID", "99"),
        ("EVM_ROLLUP_BASE_FEE", "8"),
        ("EVM_ROLLUP_ALLOWED_HOSTS", "a.example,b.example"),
        // Of the other command.
        ("EVM_ROLLUP_ROLLUP_NODE", "http://127.0.0.1:1"),
    ];
    let args = ["--balance", "5", "--print-config"];
    let shown = run("devnet", &folder.0, &args, &variables);
    let errors = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(shown.status.success(), "{errors}");
    let shown = String::from_utf8(shown.stdout).expect("text");
    for line in [
        "port = 0 # file: \"devnet.toml\"",
        "accounts = 3 # file: \"devnet.toml\"",
        "base_fee = 8 # environment: EVM_ROLLUP_BASE_FEE",
        "chain_id = 99 # environment: EVM_ROLLUP_CHAIN_ID",
        "balance = 5 # option: --balance",
        "block_time = \"auto\" # default",
        "allowed_hosts = \"a.example,b.example\" # environment: EVM_ROLLUP_ALLOWED_HOSTS",
        "# mnemonic is set # file: \"devnet.toml\"; its secret is not printed",
        "# fork_url is not set",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(!shown.contains("legal"), "{shown}");
    std::fs::write(folder.0.join("devnet.toml"), "rollup_node = \"http://a\"").unwrap();
    let refused = run("devnet", &folder.0, &["--config", "devnet.toml"], &[]);
    assert_eq!(refused.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        errors.contains("`rollup_node` is not a setting"),
        "{errors}"
    );
}

#[test]
fn secrets_are_not_printed() {
    let folder = Folder::new("secrets");
    let url = ("EVM_ROLLUP_ROLLUP_NODE", "http://me:hush@127.0.0.1:1");
    let shown = printed(&folder.0, &[], &[url]);
    let line = "# rollup_node = \"http://***@127.0.0.1:1\" # environment: EVM_ROLLUP_ROLLUP_NODE; \
                its secret is not printed";
    assert_eq!(shown.lines().next(), Some(line));
    let help = node(&folder.0, &["--help"], &[url]);
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("EVM_ROLLUP_ROLLUP_NODE"), "{help}");
    let wrong = ("EVM_ROLLUP_ROLLUP_NODE", "ftp://me:hush@127.0.0.1");
    let errors = refused(&folder.0, &["--from-storage"], &[wrong]);
    assert!(errors.contains("expected http://HOST:PORT"), "{errors}");
    std::fs::write(
        folder.0.join("broken.toml"),
        "port = 1\nrollup_node = http://me:hush@127.0.0.1",
    )
    .unwrap();
    let broken = refused(&folder.0, &["--config", "broken.toml"], &[]);
    assert!(broken.contains("broken.toml, line 2: "), "{broken}");
    for text in [shown, help, errors, broken] {
        assert!(!text.contains("hush"), "{text}");
    }
}

#[test]
fn what_is_no_setting_is_refused_with_what_may_be_meant() {
    let folder = Folder::new("no settings");
    for (file, why) in [
        ("prot = 1", "`prot` is not a setting: did you mean port?"),
        ("rollup-node = \"\"", "did you mean rollup_node?"),
        ("[node]\nport = 1", "`node` is not a setting: settings are "),
        (
            "something_else = 1",
            "settings are rollup_node, rollup, kernel",
        ),
        ("config = \"a.toml\"", "`config` is not a setting"),
        ("port = 1\nport = 2", "line 2: duplicate key"),
        ("port = true", "`port` is a text or a number"),
        ("port = 1.5", "`port` is a text or a number"),
        ("port = [1]", "`port` is a text or a number"),
        ("quiet = \"yes\"", "`quiet` is true or false"),
        ("port = 70000", "70000 is not in 0..=65535"),
        ("port = 70000", "node.toml has `port`"),
        ("post = \"mail\"", "expected `batches` or `raw`"),
        (
            "log_format = \"xml\"",
            "[possible values: text, time, json]",
        ),
        ("kernel = \"k\"\nfrom_storage = true", "exclude each other"),
        ("kernel = \"k\"", "needs --origination-level"),
        ("quiet = true\nverbose = true", "exclude each other"),
    ] {
        std::fs::write(folder.0.join("node.toml"), file).unwrap();
        let args = [
            "--rollup-node",
            "http://127.0.0.1:1",
            "--config",
            "node.toml",
        ];
        let errors = refused(&folder.0, &args, &[]);
        assert!(errors.contains(why), "{file}: {errors}");
    }
    let errors = refused(&folder.0, &["--config", "nowhere.toml"], &[]);
    assert!(errors.contains("cannot read nowhere.toml"), "{errors}");
    let errors = refused(&folder.0, &["--print-config"], &[("EVM_ROLLUP_PROT", "1")]);
    let why = "EVM_ROLLUP_PROT, which is not a setting: did you mean EVM_ROLLUP_PORT?";
    assert!(errors.contains(why), "{errors}");
    let errors = refused(&folder.0, &["--print-config"], &[("EVM_ROLLUP_PORT", "x")]);
    assert!(errors.contains("--port"), "{errors}");
    let named = "the environment has EVM_ROLLUP_PORT";
    assert!(errors.contains(named), "{errors}");
    // An option is at fault before a variable.
    let args = ["--print-config", "--port=y"];
    let errors = refused(&folder.0, &args, &[("EVM_ROLLUP_PORT", "x")]);
    assert!(
        errors.contains("'y'") && !errors.contains(named),
        "{errors}"
    );
}

/// The lines that a command prints until one passes; each is an object of JSON.
fn objects(mut command: Command, last: impl Fn(&Value) -> bool) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut found = false;
    for line in lines {
        let line = line.expect("text");
        let object: Value = serde_json::from_str(&line).expect(&line);
        assert!(object.is_object(), "{line}");
        if last(&object) {
            found = true;
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    assert!(found, "it ended before");
}

#[test]
fn each_line_of_the_log_is_json() {
    let folder = Folder::new("log format");
    let evm_rollup = || {
        let mut command = Command::new(PROGRAM);
        command.current_dir(&folder.0).env("RUST_LOG", "debug");
        command
    };
    let message = |object: &Value, part: &str| {
        let form = object["level"] == "WARN" || object["level"] == "ERROR";
        let has = object["message"]
            .as_str()
            .is_some_and(|text| text.contains(part));
        form && has && object["timestamp"].is_string() && object["target"].is_string()
    };
    let mut waits = evm_rollup();
    waits.args([
        "node",
        "--rollup-node",
        "http://127.0.0.1:1",
        "--from-storage",
    ]);
    waits.args(["--port", "0", "--log-format", "json"]);
    objects(waits, |object| message(object, "waiting: the rollup node"));
    let mut fails = evm_rollup();
    fails.args([
        "node",
        "--rollup-node",
        "http://127.0.0.1:1",
        "--kernel",
        "none",
    ]);
    fails.args(["--origination-level", "1", "--log-format", "json"]);
    objects(fails, |object| message(object, "cannot read none"));
    let mut devnet = evm_rollup();
    devnet.args([
        "devnet",
        "--port",
        "0",
        "--log-format",
        "json",
        "--host",
        "127.0.0.1",
    ]);
    objects(devnet, |object| {
        object["url"].is_string() && object["chainId"] == 1337
    });
}
