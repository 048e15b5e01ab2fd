//! `snapshot`, `replay`, `prove` and `check`, as they are typed: what comes out, and what is said of
//! files that are not what they should be.

use crate::support::shell::{Checkout, script};
use crate::support::{
    Folder, INPUTS, Process, code, command, double_of_setup, kernel, node_of, object, passes,
    stderr, stdout, until,
};
use alloy_primitives::{Bytes, TxKind, U256, hex};
use e2e_tests::User;
use serde_json::{Value, json};

/// The command ends with this code and these words, and prints no result.
fn refuses(args: &[&str], expected: i32, words: &str) {
    let output = command(args);
    let said = stderr(&output);
    assert_eq!(code(&output), Some(expected), "{args:?}: {said}");
    assert!(said.contains(words), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    assert_eq!(stdout(&output), "", "{args:?}");
}

/// The roots after the levels of the purse.
fn roots(purse: &str, inputs: &str) -> Vec<String> {
    let ran = object(&["run", purse, "--inputs", inputs, "--json"]);
    let levels = ran["levels"].as_array().unwrap().iter();
    let root = |level: &Value| level["durable_root"].as_str().unwrap().to_owned();
    levels.map(root).collect()
}

#[test]
fn a_run_is_taken_up_at_a_snapshot_and_comes_out_the_same() {
    let folder = Folder::new("snapshots");
    let (purse, inputs) = (kernel("purse.wasm"), folder.file("purse.json", INPUTS));
    let roots = roots(&purse, &inputs);
    let snapshots = folder.path("snapshots");
    std::fs::create_dir(&snapshots).unwrap();
    passes(&[
        "run",
        &purse,
        "--inputs",
        &inputs,
        "--snapshot-every",
        "1",
        "--snapshots",
        &snapshots,
    ]);
    for level in 1..3_usize {
        let file = folder.path(&format!("snapshots/{level}.snapshot"));
        for engine in ["fast", "interpreter", "both"] {
            let replayed = object(&[
                "replay", "--from", &file, "--inputs", &inputs, "--engine", engine, "--json",
                "--root", &roots[2],
            ]);
            let levels = replayed["levels"].as_array().unwrap();
            let found: Vec<_> = levels.iter().map(|level| &level["durable_root"]).collect();
            assert_eq!(found, roots[level..].iter().collect::<Vec<_>>());
        }
    }
    // The same by hand: exported, shown, imported, written anew.
    let file = folder.path("at 2");
    let start = ["--kernel", &purse, "--inputs", &inputs];
    passes(
        &[
            &["snapshot", "export"][..],
            &start,
            &["--level", "2", &file],
        ]
        .concat(),
    );
    let written = std::fs::read(&file).unwrap();
    assert_eq!(
        written,
        std::fs::read(folder.path("snapshots/2.snapshot")).unwrap()
    );
    let facts = object(&["snapshot", "info", "--json", &file]);
    assert_eq!(
        (&facts["level"], &facts["durable_root"]),
        (&json!(2), &json!(roots[1]))
    );
    let text = passes(&["snapshot", "info", &file]);
    assert!(
        text.contains(&format!("durable_root: {}\n", roots[1])),
        "{text}"
    );
    let copy = folder.path("copy");
    let said = passes(&[
        "snapshot", "import", &file, "--root", &roots[1], "-o", &copy,
    ]);
    assert!(said.contains("whole, with the root"), "{said}");
    assert_eq!(written, std::fs::read(&copy).unwrap());
    // What is found wrong, and what cannot be.
    refuses(
        &["snapshot", "import", &file, "--root", &roots[0]],
        2,
        "the snapshot has the root",
    );
    let replay = ["replay", "--from", &file, "--inputs", &inputs];
    let wrong = command(&[&replay[..], &["--root", &roots[0]]].concat());
    assert_eq!(code(&wrong), Some(1));
    assert!(stderr(&wrong).contains("the root is"), "{}", stderr(&wrong));
    refuses(
        &[&replay[..], &["--to", "1"]].concat(),
        2,
        "it starts at level 2, which is after level 1",
    );
    refuses(
        &[&replay[..], &["--kernel", &purse]].concat(),
        2,
        "cannot be used with",
    );
    refuses(
        &["replay", "--inputs", &inputs],
        2,
        "--kernel FILE, or --from SNAPSHOT",
    );
    refuses(&["replay", "--from", &file], 2, "--inputs FILE");
    let past = command(&[&replay[..], &["--to", "3"]].concat());
    assert_eq!(code(&past), Some(2));
    assert!(
        stderr(&past).contains("the inputs have no level 3"),
        "{}",
        stderr(&past)
    );
}

#[test]
fn a_level_is_proved_and_checked() {
    let folder = Folder::new("levels");
    let (purse, inputs) = (kernel("purse.wasm"), folder.file("purse.json", INPUTS));
    let roots = roots(&purse, &inputs);
    let file = folder.path("witness");
    let prove = [
        "prove", "level", "1", "--inputs", &inputs, "--kernel", &purse, "-o", &file,
    ];
    let said = passes(&prove);
    assert!(
        said.contains(&format!("from root {} to {}", roots[0], roots[1])),
        "{said}"
    );
    let proved = object(&[&prove[..], &["--json"]].concat());
    assert_eq!(
        (&proved["before"], &proved["after"]),
        (&json!(roots[0]), &json!(roots[1]))
    );
    let text = passes(&["check", &file, "--kernel", &purse]);
    assert!(text.contains("level 1, 5 messages: yielded"), "{text}");
    assert!(text.contains(&format!("to root   {}", roots[1])), "{text}");
    for engine in ["fast", "interpreter", "both"] {
        let root = format!("0x{}", roots[0]);
        let checked = object(&[
            "check", &file, "--kernel", &purse, "--json", "--root", &root, "--engine", engine,
        ]);
        assert_eq!(checked["after"], json!(roots[1]));
    }
    refuses(
        &[
            "check",
            &file,
            "--kernel",
            &purse,
            "--root",
            &"00".repeat(32),
        ],
        1,
        "neither its root before the level",
    );
    refuses(
        &["check", &file, "--kernel", &purse, "--root", "00"],
        2,
        "32 bytes in hex",
    );
    let other = kernel("tx_kernel.wasm");
    refuses(&["check", &file, "--kernel", &other], 1, "not of this one");
    refuses(
        &[
            "prove", "level", "3", "--inputs", &inputs, "--kernel", &purse, "-o", &file,
        ],
        2,
        "the inputs have no level 3",
    );
    let nowhere = folder.path("no/where");
    refuses(
        &[
            "prove", "level", "1", "--inputs", &inputs, "--kernel", &purse, "-o", &nowhere,
        ],
        2,
        "cannot write",
    );
    refuses(
        &["prove", "level", "1", "-o", &file],
        2,
        "--kernel FILE, or --from SNAPSHOT",
    );
    refuses(
        &["prove", "level", "1", "--data-dir", &nowhere, "-o", &file],
        2,
        "there is no store in",
    );
    let both = ["--data-dir", &nowhere, "--inputs", &inputs, "-o", &file];
    refuses(
        &[&["prove", "level", "1"][..], &both].concat(),
        2,
        "cannot be used with",
    );
}

/// Invalid files, in place of each that is read.
#[test]
fn files_that_are_none_are_refused_with_words() {
    let folder = Folder::new("odd-files");
    let (purse, inputs) = (kernel("purse.wasm"), folder.file("purse.json", INPUTS));
    let (snapshot, witness) = (folder.path("snapshot"), folder.path("witness"));
    let start = ["--kernel", &purse, "--inputs", &inputs];
    passes(
        &[
            &["snapshot", "export"][..],
            &start,
            &["--level", "1", &snapshot],
        ]
        .concat(),
    );
    passes(&[&["prove", "level", "1"][..], &start, &["-o", &witness]].concat());
    let (snapshot, witness) = (
        std::fs::read(snapshot).unwrap(),
        std::fs::read(witness).unwrap(),
    );
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let pipe = folder.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let dangling = folder.path("dangling");
    std::os::unix::fs::symlink(folder.path("nothing"), &dangling).unwrap();
    // A head that is right, and records without end.
    let frame = snapshot
        .windows(4)
        .position(|four| four == [0x28, 0xb5, 0x2f, 0xfd]);
    let head = &snapshot[..frame.unwrap()];
    // A frame in which a record declares 4 GB: raw, one block, the last.
    let huge = [
        head,
        &[
            0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 0x21, 0, 0, 0xff, 0xff, 0xff, 0xff,
        ],
    ];
    let mut another_form = snapshot.clone();
    another_form[8] = 9;
    let file = |name: &str, bytes: &[u8]| folder.file(name, bytes);
    let snapshots = [
        (file("empty", &[]), "this is not a snapshot"),
        (file("text", b"hello"), "this is not a snapshot"),
        (file("a witness", &witness), "this is not a snapshot"),
        (file("form 9", &another_form), "a snapshot of form 9"),
        (file("half a head", &snapshot[..50]), "it ends too early"),
        (
            file("half", &snapshot[..snapshot.len() / 2]),
            "it ends too early",
        ),
        (
            file("all but one", &snapshot[..snapshot.len() - 1]),
            "the snapshot is corrupt",
        ),
        (
            file("more", &[&snapshot[..], &[0]].concat()),
            "something follows",
        ),
        (
            file("head", &changed(&snapshot, 30)),
            "its head was changed",
        ),
        (
            file("records", &changed(&snapshot, snapshot.len() - 40)),
            "the snapshot is corrupt",
        ),
        (file("huge", &huge.concat()), "a record is too long"),
        (folder.path(""), "not a regular file"),
        (pipe.clone(), "not a regular file"),
        (dangling.clone(), "No such file"),
        (folder.path("nothing"), "No such file"),
        ("/dev/zero".to_owned(), "not a regular file"),
    ];
    for (path, words) in &snapshots {
        refuses(&["snapshot", "import", path], 2, words);
        refuses(&["replay", "--from", path, "--inputs", &inputs], 2, words);
        let to = folder.path("to");
        let prove = [
            "prove", "level", "1", "--from", path, "--inputs", &inputs, "-o", &to,
        ];
        refuses(&prove, 2, words);
        assert!(!std::path::Path::new(&to).exists());
    }
    refuses(&["snapshot", "info", &pipe], 2, "not a regular file");
    refuses(
        &["snapshot", "info", &snapshots[0].0],
        2,
        "this is not a snapshot",
    );
    let good = file("good", &snapshot);
    refuses(
        &["snapshot", "import", "--most", "100", &good],
        2,
        "more than 100 bytes",
    );
    let mut form = witness.clone();
    form[8] = 9;
    for (name, bytes, words) in [
        ("empty", &[][..], "this is not a witness"),
        ("snapshot", &snapshot[..], "this is not a witness"),
        ("form", &form[..], "a witness of form 9"),
        (
            "half",
            &witness[..witness.len() / 2],
            "it was changed, or is not whole",
        ),
        (
            "all but one",
            &witness[..witness.len() - 1],
            "it was changed, or is not whole",
        ),
        (
            "more",
            &[&witness[..], &[0]].concat(),
            "it was changed, or is not whole",
        ),
        (
            "level",
            &changed(&witness, 10),
            "it was changed, or is not whole",
        ),
        (
            "end",
            &changed(&witness, witness.len() - 1),
            "it was changed, or is not whole",
        ),
    ] {
        let path = file(&format!("witness {name}"), bytes);
        refuses(&["check", &path, "--kernel", &purse], 1, words);
        refuses(&["check", &path, "--kernel", &purse, "--json"], 1, words);
    }
    for odd in [&pipe, &dangling, &folder.path(""), &"/dev/zero".to_owned()] {
        let refused = command(&["check", odd, "--kernel", &purse]);
        assert_eq!(code(&refused), Some(2), "{odd}: {}", stderr(&refused));
        let good = file("good witness", &witness);
        let refused = command(&["check", &good, "--kernel", odd]);
        assert_eq!(code(&refused), Some(2), "{odd}: {}", stderr(&refused));
    }
}

/// Links never redirect a written file.
#[test]
fn what_is_written_goes_nowhere_else() {
    let folder = Folder::new("links");
    let (purse, inputs) = (kernel("purse.wasm"), folder.file("purse.json", INPUTS));
    let precious = folder.file("precious", b"keep me");
    let (out, part) = (folder.path("witness"), folder.path("witness.part"));
    std::os::unix::fs::symlink(&precious, &part).unwrap();
    std::os::unix::fs::symlink(&precious, &out).unwrap();
    let first = [
        "prove", "level", "1", "--inputs", &inputs, "--kernel", &purse, "-o", &out,
    ];
    // A link, or a device, is neither followed nor replaced.
    refuses(&first, 2, "not a regular file: name another");
    assert!(std::path::Path::new(&out).is_symlink());
    std::fs::remove_file(&out).unwrap();
    passes(&first);
    assert_eq!(std::fs::read(&precious).unwrap(), b"keep me");
    passes(&["check", &out, "--kernel", &purse]);
    assert!(!std::path::Path::new(&part).exists());
    // What is half is not there under its name.
    std::fs::create_dir(&part).unwrap();
    let prove = [
        "prove", "level", "2", "--inputs", &inputs, "--kernel", &purse, "-o", &out,
    ];
    let before = std::fs::read(&out).unwrap();
    refuses(&prove, 2, "cannot write");
    assert_eq!(std::fs::read(&out).unwrap(), before);
}

/// A genesis with these accounts, and a level with a transfer of one to the other, with its hash.
fn transfer(folder: &Folder) -> (String, String, String) {
    let mut alice = User::new("alice");
    let bob = User::new("bob").address;
    let genesis = json!({
        "config": { "chainId": 1337 },
        "alloc": { alice.address.to_string(): { "balance": "0x3635c9adc5dea00000" } },
    });
    let genesis = folder.file("genesis.json", genesis.to_string());
    let setup = folder.path("setup.yaml");
    passes(&["genesis", "--alloc", &genesis, "-o", &setup]);
    let first = alice.send(1337, TxKind::Call(bob), U256::from(7), Bytes::new(), 21_000);
    // It creates a contract whose code traps.
    let code = Bytes::from(vec![0xfe]);
    let second = alice.send(1337, TxKind::Create, U256::ZERO, code, 60_000);
    let raws = [first.encode(), second.encode()]
        .map(hex::encode)
        .join("\n");
    let raws = folder.file("raws", raws);
    let encoded = object(&["batch", "encode", &raws, "--json"]);
    let inputs = json!([[], encoded["levels"][0], []]);
    let inputs = folder.file("inputs.json", inputs.to_string());
    let hash = |raw: Vec<u8>| alloy_primitives::keccak256(raw).to_string();
    (
        setup,
        inputs,
        format!("{} {}", hash(first.encode()), hash(second.encode())),
    )
}

#[test]
fn a_payment_is_proved_to_a_stranger() {
    let folder = Folder::new("payments");
    let (setup, inputs, hashes) = transfer(&folder);
    let (hash, failed) = hashes.split_once(' ').unwrap();
    let evm = kernel("evm_kernel.wasm");
    let file = folder.path("payment");
    let start = [
        "--kernel", &evm, "--setup", &setup, "--inputs", &inputs, "-o", &file,
    ];
    let prove = |hash: &str| passes(&[&["prove", "transaction", hash][..], &start].concat());
    let said = prove(hash);
    let root = said.trim().rsplit(' ').next().unwrap().to_owned();
    let check = ["check", &file, "--kernel", &evm, "--root", &root];
    let text = passes(&check);
    let (alice, bob) = (User::new("alice").address, User::new("bob").address);
    for line in [
        format!("transaction {hash}: succeeded"),
        format!("from {alice}"),
        format!("to {bob}"),
        "value 7 wei".to_owned(),
        "level 1, 4 messages: yielded".to_owned(),
        format!("to root   {root}"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(text.contains(", transaction 0 of 2"), "{text}");
    let checked = object(&[&check[..], &["--json"]].concat());
    assert_eq!(checked["after"], json!(root));
    let transaction = &checked["transaction"];
    assert_eq!(transaction["status"], "succeeded");
    assert_eq!(transaction["value"], "7");
    assert_eq!(transaction["to"], json!(bob));
    assert_eq!(transaction["block"], 1);
    // Any other byte is refused, and so is another kernel.
    let bytes = std::fs::read(&file).unwrap();
    let places = [
        0,
        9,
        20,
        50,
        bytes.len() / 2,
        bytes.len() - 40,
        bytes.len() - 1,
    ];
    for at in places {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = folder.file("changed", changed);
        refuses(&["check", &changed, "--kernel", &evm], 1, "error: ");
    }
    for len in [0, 8, 10, 42, 60, bytes.len() - 1] {
        let cut = folder.file("cut", &bytes[..len]);
        refuses(&["check", &cut, "--kernel", &evm], 1, "error: ");
    }
    refuses(
        &["check", &file, "--kernel", &kernel("purse.wasm")],
        1,
        "not of this one",
    );
    // One that failed is proved to have failed.
    prove(failed);
    let checked = object(&["check", &file, "--kernel", &evm, "--json"]);
    assert_eq!(checked["transaction"]["status"], "failed");
    assert_eq!(checked["transaction"]["to"], json!(null));
    let none = format!("0x{}", "11".repeat(32));
    let output = command(&[&["prove", "transaction", &none][..], &start].concat());
    assert_eq!(code(&output), Some(2));
    assert!(
        stderr(&output).contains("includes transaction"),
        "{}",
        stderr(&output)
    );
    refuses(
        &[&["prove", "transaction", "0x11"][..], &start].concat(),
        2,
        "invalid value",
    );
}

#[test]
fn a_devnets_folder_proves_its_levels_and_payments() {
    let folder = Folder::new("data-dirs");
    let evm = kernel("evm_kernel.wasm");
    let mut devnet = Process::devnet(&folder.0, &["--kernel", &evm]);
    let accounts = devnet.call("eth_accounts", &json!([]))["result"].clone();
    let mut hashes = Vec::new();
    for value in 1..4 {
        let sent =
            json!([{ "from": accounts[0], "to": accounts[1], "value": format!("{value:#x}") }]);
        let sent = devnet.call("eth_sendTransaction", &sent);
        hashes.push(sent["result"].as_str().expect("a hash").to_owned());
        until("a receipt", || {
            !devnet.call("eth_getTransactionReceipt", &json!([hashes.last()]))["result"].is_null()
        });
    }
    let (data, file) = (folder.path("data"), folder.path("proof"));
    let prove = |hash: &str| {
        vec![
            "prove".to_owned(),
            "transaction".into(),
            hash.into(),
            "--data-dir".into(),
            data.clone(),
            "-o".into(),
            file.clone(),
        ]
    };
    let run = |args: &[String]| command(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let busy = run(&prove(&hashes[0]));
    assert_eq!(code(&busy), Some(2));
    assert!(
        stderr(&busy).contains("a running node uses the store"),
        "{}",
        stderr(&busy)
    );
    devnet.signal("TERM");
    assert_eq!(devnet.ended(), Some(0));
    let mut before = None;
    for (value, hash) in (1..).zip(&hashes) {
        let proved = run(&prove(hash));
        assert_eq!(code(&proved), Some(0), "{}", stderr(&proved));
        let checked = object(&["check", &file, "--kernel", &evm, "--json"]);
        let transaction = &checked["transaction"];
        assert_eq!(transaction["value"], json!(value.to_string()));
        assert_eq!(transaction["hash"], json!(hash));
        // One level leads to the next.
        assert!(before.is_none_or(|before| before == checked["before"]));
        before = Some(checked["after"].clone());
        let level = checked["level"].to_string();
        passes(&["prove", "level", &level, "--data-dir", &data, "-o", &file]);
        let again = object(&["check", &file, "--kernel", &evm, "--json"]);
        assert_eq!(again["after"], checked["after"]);
    }
    let none = format!("0x{}", "11".repeat(32));
    let refused = run(&prove(&none));
    assert_eq!(code(&refused), Some(2));
    assert!(
        stderr(&refused).contains("no block has the transaction"),
        "{}",
        stderr(&refused)
    );
    let later = ["prove", "level", "1000", "--data-dir", &data, "-o", &file];
    refuses(&later, 2, "level 1000 did not run yet");
    let first = ["prove", "level", "0", "--data-dir", &data, "-o", &file];
    refuses(&first, 2, "the state before level 0 is not kept");
}

/// docs/witnesses.md works word by word, at another port.
#[test]
fn the_page_works_word_by_word() {
    let page = include_str!("../../docs/witnesses.md");
    let ran = Checkout::new("witnesses-page").run(&script(page));
    let text = stdout(&ran);
    assert_eq!(code(&ran), Some(0), "{text}{}", stderr(&ran));
    // The page shows what is printed, but for what differs each time.
    let shown = page.lines().filter_map(|line| line.strip_prefix("    "));
    let shown: Vec<&str> = shown.collect();
    assert!(shown.len() > 9, "{shown:?}");
    for line in shown {
        let parts: Vec<&str> = line.split('…').collect();
        let found = text
            .lines()
            .any(|found| found.starts_with(parts[0]) && found.ends_with(parts[parts.len() - 1]));
        assert!(found, "{line}: {text}");
    }
}

#[test]
fn a_nodes_folder_proves_its_levels() {
    let folder = Folder::new("node-data-dirs");
    passes(&[
        "genesis",
        "--chain-id",
        "421337",
        "-o",
        &folder.path("setup.yaml"),
    ]);
    let double = double_of_setup(&folder.0, &[]);
    double.post("/double/levels?count=5", &json!({}));
    let mut node = node_of(&folder.0, &double, &["--data-dir", "data"]);
    until("all levels ran", || {
        let status = node.call("rollup_status", &json!([]));
        status["result"]["level"].as_u64() >= Some(1005)
    });
    node.signal("TERM");
    assert_eq!(node.ended(), Some(0));
    let (data, file, evm) = (
        folder.path("data"),
        folder.path("proof"),
        kernel("evm_kernel.wasm"),
    );
    let mut before = None;
    for level in ["1003", "1004"] {
        passes(&["prove", "level", level, "--data-dir", &data, "-o", &file]);
        let checked = object(&["check", &file, "--kernel", &evm, "--json"]);
        assert_eq!(checked["level"].to_string(), level);
        assert!(before.is_none_or(|before| before == checked["before"]));
        before = Some(checked["after"].clone());
    }
}
