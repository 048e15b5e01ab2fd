//! Mistakes of operators: none passes in silence. Each is refused before anything is
//! written, or warned of where somebody might mean it.

use crate::support::{Folder, PROGRAM, command, kernel, stderr as errors};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The expected reaction to a mistake; its message contains the text.
enum Answer {
    Refused(&'static str),
    Warned(&'static str),
}
use Answer::{Refused, Warned};

const TICKETER: &str = "KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2";
const DELAYED: &str = "KT1N4WaY6a1daQXqyMBTmnUWgkffrfgQ3sPG";
const GOVERNANCE: &str = "KT1LzC7jMi6Q4K1Sfy9CJcDAnWm8JLEE2JmZ";
const ACCOUNT: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
const ROLLUP: &str = "sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb";
const RECIPIENT: &str = "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe";

/// Options of `genesis`, over those of a rollup without mistakes.
const OPTIONS: &[(&str, &str, Answer)] = &[
    (
        "--ticketer",
        ACCOUNT,
        Refused("an account with a key; expected KT1"),
    ),
    ("--ticketer", ROLLUP, Refused("a rollup; expected KT1")),
    (
        "--ticketer",
        "KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC3",
        Refused("checksum"),
    ),
    (
        "--ticketer",
        "KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2%burn",
        Refused("names an entrypoint"),
    ),
    (
        "--kernel-governance",
        "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT",
        Refused("null address"),
    ),
    (
        "--delayed-bridge",
        RECIPIENT,
        Refused("an account of the rollup"),
    ),
    ("--delayed-bridge", TICKETER, Warned("are one contract")),
    (
        "--ticketer",
        "KT1FzjiMRCrhrvu57X2L4B9kHzoNTc4q3Ap5",
        Warned("one byte over and over"),
    ),
    ("--kernel-governance", TICKETER, Warned("are one contract")),
    (
        "--fee-recipient",
        TICKETER,
        Refused("not an account of the rollup"),
    ),
    (
        "--fee-recipient",
        "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        Refused("EIP-55"),
    ),
    (
        "--fee-recipient",
        "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BA",
        Refused("40 hex digits"),
    ),
    (
        "--fee-recipient",
        "0xff00000000000000000000000000000000000001",
        Warned("keeps for itself"),
    ),
    ("--chain-id", "0", Refused("chain_id")),
    ("--chain-id", "-1", Refused("chain-id")),
    ("--chain-id", "1", Warned("that of Ethereum")),
    ("--chain-id", "42793", Warned("that of Etherlink")),
    ("--chain-id", "128123", Warned("Etherlink testnet")),
    ("--chain-id", "31337", Warned("many devnets")),
    ("--chain-id", "4503599627370477", Warned("EIP-2294")),
    ("--base-fee-floor", "0", Warned("pays nothing")),
    (
        "--base-fee-floor",
        "100000000000000",
        Warned("more than a tez"),
    ),
    ("--block-gas-limit", "20999", Refused("21,000")),
    (
        "--block-gas-limit",
        "55000001",
        Refused("does not fit a run"),
    ),
    (
        "--block-gas-limit",
        "45000000",
        Warned("larger than any that was measured"),
    ),
    ("--block-gas-limit", "21000", Warned("hardly a contract")),
    (
        "--queue-bytes",
        "18446744073709551615",
        Warned("which all nodes keep"),
    ),
    (
        "--kept-blocks",
        "18446744073709551615",
        Warned("over a year of levels"),
    ),
    (
        "--queue-bytes",
        "4096",
        Warned("what does not fit is dropped"),
    ),
    ("--reassign-after", "10", Warned("less than a day")),
    (
        "--reassign-after",
        "18446744073709551615",
        Warned("over ten years"),
    ),
    ("--kept-blocks", "511", Refused("at least 512")),
];

/// Options that are left out.
const MISSING: &[(&str, &str)] = &[
    ("--chain-id", "the chain id is 1337"),
    ("--ticketer", "no bridge"),
    ("--delayed-bridge", "no delayed inbox"),
    ("--kernel-governance", "no governance"),
    ("--fee-recipient", "zero address"),
];

/// Files for `genesis`: the option, the text.
const FILES: &[(&str, &str, Answer)] = &[
    ("--settings", "chainid = 7", Refused("chainid")),
    ("--settings", "ticketer = 7", Refused("ticketer")),
    ("--settings", "chain_id = ", Refused("settings")),
    (
        "--settings",
        "delayed_bridge = \"sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb\"",
        Refused("a rollup; expected KT1"),
    ),
    (
        "--alloc",
        r#"{"alloc": {"0x12": {"balance": 1}}}"#,
        Refused("20 bytes"),
    ),
    ("--alloc", r#"{"alloc": {}"#, Refused("line")),
    (
        "--alloc",
        r#"{"alloc": {"0x00000000000000000000000000000000000000aa": {"balance": "1000000000000000000"}}}"#,
        Warned("1 tez that nobody deposited"),
    ),
    (
        "--alloc",
        r#"{"alloc": {"0xff00000000000000000000000000000000000004": {"balance": 1}}}"#,
        Refused("the bridge's own contract"),
    ),
];

/// Setup files for the EVM kernel, as `verify` and `installer` see them.
const SETUPS: &[(&str, &str)] = &[
    (
        "- set: { value: '0000000000000007', to: /evm/config/chainid }",
        "did you mean chain_id?",
    ),
    (
        "- set: { value: '07', to: /evm/config/chain_id }",
        "8 bytes",
    ),
    (
        "- set: { value: '0000000000000000', to: /evm/config/chain_id }",
        "other than 0",
    ),
    (
        "- set: { value: '4b54314b', to: /evm/config/ticketer }",
        "the hash in a KT1 address",
    ),
    (
        "- set: { value: '00', to: /evm/config/revisions }",
        "revision",
    ),
    (
        "- set: { value: '0000000000000007', to: /evm/config/chain_id }\n\
         - set: { value: '0000000000000008', to: /evm/config/chain_id }",
        "written twice",
    ),
    (
        "- reveal: '000000000000000000000000000000000000000000000000000000000000000000'\n  \
         to: /evm/config/chain_id",
        "is to be `set`",
    ),
    (
        "- move: { from: /a, to: /evm/config/ticketer }",
        "is to be `set`",
    ),
    (
        "- set: { value: '00', to: /evn/config/chain_id }",
        "nothing here",
    ),
    ("- set: { value: '00', to: /evm/state/h }", "only accounts"),
    (
        "- set: { value: '0061736d', to: /kernel/boot.wasm }",
        "puts the kernel",
    ),
    (
        "- set: { value: '00', to: /evm/state/a/AAAAAAAAAAAAAAAAAAAAAAAAAAA }",
        "not 1 bytes",
    ),
    (
        "- set: { value: '00', to: /evm/state/c/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA }",
        "another hash",
    ),
    (
        "- set: { value: '0', to: /evm/config/chain_id }",
        "instruction 0",
    ),
    ("- set: { value: '00', to: evm }", "evm"),
    ("- sett: { value: '00', to: /evm }", "sett"),
];

/// Setup files that the kernel starts on, as `verify` sees them.
const ODD_SETUPS: &[(&str, &str)] = &[
    (
        "- set: { value: 'ffffffffffffffff', to: /evm/config/level_budget }",
        "(level_budget)",
    ),
    (
        "- set: { value: 'ffffffffffffffff', to: /evm/config/run_budget }\n\
         - set: { value: 'ffffffffffffffff', to: /evm/config/level_budget }",
        "(run_budget)",
    ),
    (
        "- set: { value: 'ffffffffffffffff', to: /evm/config/reassign_after }",
        "over ten years",
    ),
    (
        "- set: { value: '0000000000000000', to: /evm/config/reassign_after }",
        "less than a day",
    ),
];

/// Yields at once: a kernel, but no installer.
const MINIMAL: &str = "0061736d01000000010401600000030201000503010001071402036d656d02000a6b65726e656c5f72756e00000a040102000b";
/// Traps after having written 2 bytes at /x.
const TRAPS: &str = "0061736d01000000010d0260057f7f7f7f7f017f60000002210111736d6172745f726f6c6c75705f636f72650b73746f72655f77726974650000030201010503010001071402036d656d02000a6b65726e656c5f72756e00010a120110004100410241004100410210001a000b0b08010041000b022f78";
/// A float.
const FLOAT: &str = "0061736d01000000010401600000030201000503010001071402036d656d02000a6b65726e656c5f72756e00000a0e010c0044000000000000f03f1a0b";

fn check(what: &str, output: &Output, answer: &Answer) {
    let said = errors(output);
    match answer {
        Refused(word) => {
            assert!(!output.status.success(), "{what} passes");
            assert!(
                said.contains("error") && said.contains(word),
                "{what}: {said}"
            );
            assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{what}");
        }
        Warned(word) => {
            assert!(output.status.success(), "{what}: {said}");
            let warned = said
                .lines()
                .any(|line| line.starts_with("warning: ") && line.contains(word));
            assert!(warned, "{what}: {said}");
        }
    }
}

/// The options of a rollup without mistakes, but one.
fn options<'a>(but: &str, value: Option<&'a str>) -> Vec<&'a str> {
    let good = [
        ("--chain-id", "271828"),
        ("--ticketer", TICKETER),
        ("--delayed-bridge", DELAYED),
        ("--kernel-governance", GOVERNANCE),
        ("--fee-recipient", RECIPIENT),
        ("--base-fee-floor", "1000000000"),
        ("--block-gas-limit", "30000000"),
        ("--queue-bytes", "67108864"),
        ("--reassign-after", "201600"),
        ("--kept-blocks", "1024"),
    ];
    let mut args = vec!["genesis"];
    for (name, default) in good {
        let value = if name == but { value } else { Some(default) };
        if let Some(value) = value {
            args.extend([name, value]);
        }
    }
    args
}

fn good() -> Output {
    command(&options("", None))
}

#[test]
fn every_option_that_is_wrong_or_missing_is_told() {
    for (name, value, answer) in OPTIONS {
        let args = options(name, Some(value));
        // clap would take a minus for an option.
        let joined = format!("{name}={value}");
        let mut args: Vec<&str> = args.into_iter().collect();
        let at = args.iter().position(|arg| arg == name).unwrap();
        args.splice(at..at + 2, [joined.as_str()]);
        check(&joined, &command(&args), answer);
    }
    assert_eq!(errors(&good()), "");
    for (name, word) in MISSING {
        let output = command(&options(name, None));
        check(name, &output, &Warned(word));
    }
}

#[test]
fn every_file_that_is_wrong_is_told() {
    let folder = Folder::new("misconfigured-files");
    for (option, text, answer) in FILES {
        let path = folder.file("settings", text);
        let mut args = options("", None);
        if *option == "--settings" {
            // Options come before the file.
            args = options("--delayed-bridge", None);
        }
        args.extend([*option, &path]);
        check(text, &command(&args), answer);
    }
}

#[test]
fn every_setup_that_is_wrong_is_refused_by_verify_and_by_the_installer() {
    let folder = Folder::new("misconfigured-setups");
    let evm = kernel("evm_kernel.wasm");
    let (output, pages) = (folder.path("installer.hex"), folder.path("pages"));
    for (text, word) in SETUPS {
        let setup = folder.file("setup.yaml", format!("instructions:\n{text}\n"));
        let verified = command(&["verify", &evm, "--setup-file", &setup]);
        check(text, &verified, &Refused(word));
        let installed = command(&[
            "installer",
            "--kernel",
            &evm,
            "--setup-file",
            &setup,
            "--output",
            &output,
            "--preimages-dir",
            &pages,
        ]);
        check(text, &installed, &Refused(word));
        assert!(!Path::new(&output).exists(), "{text}");
    }
}

#[test]
fn what_cannot_boot_is_not_installed() {
    let folder = Folder::new("misconfigured-kernels");
    let evm = kernel("evm_kernel.wasm");
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let minimal = folder.file("minimal.hex", MINIMAL);
    let traps = folder.file("traps.hex", TRAPS);
    let float = folder.file("float.hex", FLOAT);
    let empty = folder.file("empty", "");
    let frame = folder.file(
        "frame.yaml",
        "instructions: [{set: {value: '02', to: /tx/config/frame}}]",
    );
    let other = folder.file(
        "other.yaml",
        "instructions: [{set: {value: '0000000000000007', to: /evm/config/chain_id}}]",
    );
    let long: String = (0..900)
        .map(|index| {
            format!(
                "- set: {{ value: '{}', to: /long/{index} }}\n",
                "00".repeat(30)
            )
        })
        .collect();
    let long = folder.file("long.yaml", format!("instructions:\n{long}"));
    let tx = kernel("tx_kernel.wasm");
    for (args, word) in [
        (&["--kernel", readme][..], "is not a wasm module"),
        (&["--kernel", &empty], "is not a wasm module"),
        (
            &["--kernel", &float],
            "not a kernel that the machine accepts",
        ),
        (&["--kernel", "nowhere.wasm"], "nowhere.wasm"),
        (&["--kernel", &traps], "would not boot"),
        (
            &["--kernel", &minimal, "--installer-kernel", readme],
            "is not a wasm module",
        ),
        (
            &["--kernel", &evm, "--installer-kernel", &minimal],
            "does not install",
        ),
        (&["--kernel", &evm, "--installer-kernel", &evm], "at most"),
        (
            &["--kernel", &evm, "--parameters-type", "bytes"],
            "no others",
        ),
        (
            &[
                "--kernel",
                &minimal,
                "--parameters-type",
                "or (bytes %a) nat",
            ],
            "no entrypoints",
        ),
        (
            &[
                "--kernel",
                &minimal,
                "--parameters-type",
                "pair nat (list natural)",
            ],
            "not made of Michelson's types",
        ),
        (
            &["--kernel", &minimal, "--parameters-type", "or (bytes"],
            "is not a type",
        ),
        (
            &["--kernel", &minimal, "--parameters-type", ""],
            "is not a type",
        ),
        (&["--kernel", &minimal, "--setup-file", &long], "shorten"),
        (
            &["--kernel", &tx, "--setup-file", &frame],
            "expected 00 (optional)",
        ),
        (
            &["--kernel", &tx, "--setup-file", &other],
            "nothing outside /tx",
        ),
        (&["--kernel", &tx, "--setup-file", readme], "README.md"),
    ] {
        let (output, pages) = (folder.path("installer.hex"), folder.path("pages"));
        let rest = ["--output", &output, "--preimages-dir", &pages];
        let installed = command(&[&["installer"], args, &rest].concat());
        check(&args.join(" "), &installed, &Refused(word));
        assert!(!Path::new(&output).exists(), "{args:?}");
    }
    let same = command(&[
        "installer",
        "--kernel",
        &minimal,
        "--output",
        &minimal,
        "--preimages-dir",
        "pages",
    ]);
    check(
        "the kernel as output",
        &same,
        &Refused("overwrite the kernel"),
    );
}

#[test]
fn setups_that_nobody_can_mean_are_warned_of() {
    let folder = Folder::new("odd-setups");
    let evm = kernel("evm_kernel.wasm");
    for (text, word) in ODD_SETUPS {
        let setup = folder.file("setup.yaml", format!("instructions:\n{text}\n"));
        let verified = command(&["verify", &evm, "--setup-file", &setup]);
        check(text, &verified, &Warned(word));
    }
}

/// Anybody can stop a rollup that runs one.
#[test]
fn builds_for_tests_are_told() {
    let folder = Folder::new("test-builds");
    for name in ["evm_kernel_traps.wasm", "evm_kernel_evaluation.wasm"] {
        let build = kernel(name);
        let verified = command(&["verify", &build]);
        check(name, &verified, &Warned("a build for tests"));
        let output = folder.path("installer.hex");
        let pages = folder.path("pages");
        let installed = command(&[
            "installer",
            "--kernel",
            &build,
            "--output",
            &output,
            "--preimages-dir",
            &pages,
        ]);
        check(name, &installed, &Refused("a build for tests"));
        assert!(!Path::new(&output).exists(), "{name}");
    }
}

/// A pipe that nobody writes or reads would keep a command for ever.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused() {
    let folder = Folder::new("pipes");
    let pipe = folder.path("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let (evm, pages) = (kernel("evm_kernel.wasm"), folder.path("pages"));
    let out = folder.path("installer.hex");
    for odd in [pipe.as_str(), "/dev/zero"] {
        for args in [
            &["verify", odd][..],
            &["verify", &evm, "--setup-file", odd],
            &["genesis", "--settings", odd],
            &["genesis", "--alloc", odd],
            &["originate", "next", odd],
            &["installer", "-k", odd, "-o", &out, "-p", &pages],
        ] {
            check(
                &args.join(" "),
                &command(args),
                &Refused("not a regular file"),
            );
        }
    }
    let good = options("", None);
    let genesis = [&good[..], &["-o", &pipe]].concat();
    let installer = ["installer", "-k", &evm, "-o", &pipe, "-p", &pages];
    for args in [&genesis[..], &installer] {
        check(&args.join(" "), &command(args), &Refused("a named pipe"));
    }
}

/// Whoever reads may leave: nothing panics.
#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    use std::io::Read;
    use std::process::Stdio;
    let evm = kernel("evm_kernel.wasm");
    for args in [
        &["verify", &evm][..],
        &["genesis", "--template"],
        &["--help"],
        &["originate", "--help"],
    ] {
        let mut child = Command::new(PROGRAM)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Gone before the first byte.
        drop(child.stdout.take());
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(said, "", "{args:?}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

/// Of what is no module no rule is said to be kept.
#[test]
fn rules_that_cannot_be_checked_do_not_pass() {
    let folder = Folder::new("no-modules");
    let cut = folder.file("cut.hex", &MINIMAL[..60]);
    let shown = command(&["verify", &cut]);
    assert_eq!(shown.status.code(), Some(1));
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(
        text.contains("FAIL") && text.contains("not checked"),
        "{text}"
    );
    assert!(!text.contains("pass"), "{text}");
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let shown = command(&["verify", readme, "--json"]);
    assert_eq!(shown.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let rules = report["rules"].as_array().unwrap();
    let checked = rules.iter().filter(|rule| rule["checked"] == true).count();
    assert_eq!(checked, 1, "{report}");
}

#[test]
fn a_setup_can_be_had_as_json() {
    let folder = Folder::new("genesis-json");
    let setup = folder.path("setup.yaml");
    let mut args = options("--chain-id", Some("1"));
    args.extend(["--json", "-o", &setup]);
    let made = command(&args);
    assert!(made.status.success(), "{}", errors(&made));
    let object: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(object["setup_file"], setup.as_str());
    assert!(Path::new(&setup).is_file());
    let warning = object["warnings"][0].as_str().unwrap();
    assert!(warning.contains("that of Ethereum"), "{object}");
    let sets = object["sets"].as_array().unwrap();
    let chain_id = sets.iter().find(|set| set["to"] == "/evm/config/chain_id");
    assert_eq!(chain_id.unwrap()["value"], "0000000000000001");
}

/// The other way round: without mistakes there is not a word, and the rollup boots.
#[test]
fn what_has_no_mistakes_is_installed_without_a_warning() {
    let folder = Folder::new("configured");
    let setup = folder.path("setup.yaml");
    let mut args = options("", None);
    args.extend(["-o", &setup]);
    let made = command(&args);
    assert!(made.status.success(), "{}", errors(&made));
    assert_eq!(errors(&made), "");
    let output = folder.path("installer.hex");
    let pages = folder.path("pages");
    let installed = command(&[
        "installer",
        "--kernel",
        &kernel("evm_kernel.wasm"),
        "--setup-file",
        &setup,
        "--output",
        &output,
        "--preimages-dir",
        &pages,
        "--json",
    ]);
    assert!(installed.status.success(), "{}", errors(&installed));
    assert_eq!(errors(&installed), "");
    let all: Value = serde_json::from_slice(&installed.stdout).unwrap();
    assert_eq!(all["warnings"], Value::Array(Vec::new()));
    for key in [
        "root_hash",
        "kernel_hash",
        "parameters_type",
        "originate",
        "kind",
    ] {
        assert!(all[key].is_string(), "{key} in {all}");
    }
    let count = std::fs::read_dir(&pages).unwrap().count();
    assert_eq!(all["pages"], count);
    assert!(Path::new(&output).is_file());
}

/// The measure: mistakes in the tables above.
#[test]
fn there_are_forty_mistakes_and_more() {
    let count = OPTIONS.len() + MISSING.len() + FILES.len() + SETUPS.len();
    assert!(count >= 40, "{count}");
}
