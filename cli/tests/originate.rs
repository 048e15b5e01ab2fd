//! `evm-rollup originate`: from options to the last step, and the comparison with what is
//! there. Layer 1 and the rollup node are stand-ins that answer what real ones would.

use crate::support::{Folder, command, kernel};
use michelson::{Contract, Node, encoding};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

const NETWORK: &str = "NetXdQprcVkpaWU";
const DEPLOYER: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
const KEY: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
const OTHER_KEY: &str = "edpkthKSgqEffKMjuAqPfuAEJinqwC16RQMjyyqttLkFDQaShXBLak";
const EXCHANGER: &str = "KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2";
const DELAYED: &str = "KT1N4WaY6a1daQXqyMBTmnUWgkffrfgQ3sPG";
const GOVERNANCE: &str = "KT1LzC7jMi6Q4K1Sfy9CJcDAnWm8JLEE2JmZ";
const BRIDGE: &str = "KT1R1uQo9xSdbawauCPn7XnmFReYq5HR1EbE";
const WRAPPER: &str = "KT1VhEMtE6Jk91efTJzDmYYYU9ManSEKPqWu";
const FAST: &str = "KT1D8Dmh5ezvTpF2WP1zUmMNaaheGZxa7hbb";
const TOKEN: &str = "KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq";
const ROLLUP: &str = "sr1UX4Euo29Fd5bhmZypQffZJwy9M3A1D4Mb";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn passes(args: &[&str]) -> String {
    let output = command(args);
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    text(&output.stdout)
}

/// The options of a plan, but one.
fn plan<'a>(but: &'a str, value: Option<&'a str>) -> Vec<&'a str> {
    let good = [
        ("--network", NETWORK),
        ("--deployer", DEPLOYER),
        ("--chain-id", "271828"),
        (
            "--fee-recipient",
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        ),
        ("--governance-key", KEY),
        ("--threshold", "2"),
        ("--token", ""),
    ];
    let mut args = vec!["originate", "plan", "--governance-key", OTHER_KEY];
    for (name, default) in good {
        match value {
            _ if name != but && default.is_empty() => {}
            _ if name != but => args.extend([name, default]),
            Some(value) => args.extend([name, value]),
            None => {}
        }
    }
    args
}

#[test]
fn what_is_wrong_in_a_plan_is_refused_or_warned_of() {
    let folder = Folder::new("plans");
    let kernel = kernel("evm_kernel.wasm");
    for (index, (name, value, word)) in [
        ("--network", Some("NetX"), "--network"),
        ("--network", Some(EXCHANGER), "--network"),
        ("--deployer", Some(EXCHANGER), "--deployer"),
        (
            "--deployer",
            Some("tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU"),
            "null address",
        ),
        ("--governance-key", Some("edpk"), "--governance-key"),
        ("--governance-key", Some(DEPLOYER), "--governance-key"),
        ("--governance-key", Some(OTHER_KEY), "named twice"),
        ("--threshold", Some("0"), "must sign? --threshold"),
        ("--threshold", Some("3"), "--threshold 3"),
        ("--threshold", None, "must sign? --threshold"),
        ("--token", Some("fa3:KT1"), "not a token"),
        ("--token", Some(DEPLOYER), "not a token"),
        (
            "--token",
            Some("fa12:tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx"),
            "expected KT1…",
        ),
        (
            "--token",
            Some("fa2:KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq:x"),
            "not a token id",
        ),
        ("--chain-id", Some("0"), "chain_id"),
        (
            "--kernel-governance",
            Some(GOVERNANCE),
            "its keys are its own",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let output = folder.path(&format!("plan-{index}"));
        let mut args = plan(name, value);
        args.extend(["--kernel", &kernel, "--output", &output]);
        if name == "--kernel-governance" {
            args.extend([name, GOVERNANCE]);
        }
        let refused = command(&args);
        let errors = text(&refused.stderr);
        assert!(!refused.status.success(), "{name} {value:?} passes");
        assert!(errors.contains(word), "{name} {value:?}: {errors}");
        assert!(!Path::new(&output).exists(), "{name} {value:?}");
    }
    let token = "fa2:KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq:7";
    let output = folder.path("twice");
    let mut args = plan("--token", Some(token));
    args.extend(["--token", token, "--kernel", &kernel, "--output", &output]);
    let twice = command(&args);
    assert!(!twice.status.success() && text(&twice.stderr).contains("named twice"));
    let output = folder.path("unknown-network");
    let mut args = plan("--network", Some("NetXHAoG8TyXu4i"));
    args.extend(["--kernel", &kernel, "--output", &output]);
    let unknown = command(&args);
    let warned = text(&unknown.stderr);
    assert!(unknown.status.success(), "{warned}");
    assert!(
        warned.contains("warning: NetXHAoG8TyXu4i is none of"),
        "{warned}"
    );
    let output = folder.path("warned");
    let mut args = plan("--threshold", Some("1"));
    args.extend(["--kernel", &kernel, "--output", &output]);
    let warned = command(&args);
    assert!(text(&warned.stderr).contains("one key alone"));
    let again = command(&args);
    assert!(text(&again.stderr).contains("a plan is made once"));
}

#[test]
fn a_plan_is_for_the_evm_kernel_alone() {
    let folder = Folder::new("other-kernels");
    for (other, word) in [
        ("installer_kernel", "is not an EVM kernel"),
        ("tx_kernel", "is not an EVM kernel"),
        ("probe", "is not an EVM kernel"),
        ("echo_and_count", "is not an EVM kernel"),
        ("evm_kernel_traps", "a build for tests"),
        ("evm_kernel_evaluation", "a build for tests"),
    ] {
        let kernel = kernel(&format!("{other}.wasm"));
        let output = folder.path(other);
        let mut args = plan("--threshold", Some("2"));
        args.extend(["--kernel", &kernel, "--output", &output]);
        let refused = command(&args);
        let errors = text(&refused.stderr);
        assert!(!refused.status.success(), "{other} passes");
        assert!(errors.contains(word), "{other}: {errors}");
    }
}

/// Each step, with what it gives.
const STEPS: [(&str, &str); 10] = [
    ("exchanger", EXCHANGER),
    ("bridge", BRIDGE),
    ("delayed_inbox", DELAYED),
    ("governance", GOVERNANCE),
    ("token_wrapper_0", WRAPPER),
    ("fast_withdrawal", FAST),
    ("rollup", ROLLUP),
    ("wire_delayed_inbox", ""),
    ("wire_fast_withdrawal", ""),
    ("", ""),
];

/// Carries a plan out; gives the plan's path and the JSON of each step.
fn carry_out(folder: &Folder) -> (String, Vec<Value>) {
    let output = folder.path("origination");
    let token = format!("fa2:{TOKEN}:7");
    let kernel = kernel("evm_kernel.wasm");
    let mut args = plan("--token", Some(&token));
    args.extend(["--kernel", &kernel, "--output", &output]);
    let shown = passes(&args);
    assert!(shown.contains(" 9. wire_fast_withdrawal"), "{shown}");
    assert!(
        shown.contains("running") && shown.contains("--init 'Unit'"),
        "{shown}"
    );
    let plan = format!("{output}/plan.json");
    let mut steps = Vec::new();
    for pair in STEPS.windows(2) {
        let [(name, gives), (next, _)] = pair else {
            continue;
        };
        let before: Value =
            serde_json::from_str(&passes(&["originate", "next", &plan, "--json"])).unwrap();
        assert_eq!(before["next"]["name"], *name);
        steps.push(before["next"].clone());
        let mut url = String::new();
        if *name == "exchanger" {
            let token = command(&["originate", "next", &plan, "--address", TOKEN]);
            assert!(text(&token.stderr).contains("is a token"));
            url = contracts_are_compared(&plan, &before["next"]);
        } else if *name == "rollup" {
            url = rollups_are_compared(folder, &plan);
        }
        let note = match *name {
            _ if gives.is_empty() => vec!["--done"],
            "exchanger" => vec!["--address", gives, "--layer1-node", &url],
            "rollup" => vec!["--address", gives, "--rollup-node", &url],
            _ => vec!["--address", gives],
        };
        let args = [&["originate", "next", &plan, "--json"], &note[..]].concat();
        let after: Value = serde_json::from_str(&passes(&args)).unwrap();
        if next.is_empty() {
            assert!(after["next"].is_null());
        } else {
            assert_eq!(after["next"]["name"], *next);
        }
    }
    (plan, steps)
}

/// An address is not noted if another contract is there, or none; gives a node of layer 1
/// where the right one is.
fn contracts_are_compared(plan: &str, step: &Value) -> String {
    let script = format!("/chains/main/blocks/head/context/contracts/{EXCHANGER}/script");
    let right = step["operation"]["script"].clone();
    let mut other = right.clone();
    other["code"] = json!([]);
    let answers = |chain: &str, script_there: Option<&Value>| {
        let mut answers = BTreeMap::from([("/chains/main/chain_id".to_owned(), json!(chain))]);
        answers.extend(script_there.map(|found| (script.clone(), found.clone())));
        stand_in(answers)
    };
    for (url, word) in [
        (answers(NETWORK, None), "is not there"),
        (answers(NETWORK, Some(&other)), "its code is another"),
        (answers("NetXnHfVqm9iesp", Some(&right)), "another network"),
    ] {
        let args = ["originate", "next", plan, "--address", EXCHANGER];
        let refused = command(&[&args[..], &["--layer1-node", &url]].concat());
        let said = text(&refused.stderr);
        assert!(!refused.status.success(), "{word}");
        assert!(said.contains(word) && said.contains("not noted"), "{said}");
    }
    answers(NETWORK, Some(&right))
}

/// A rollup's address is not noted unseen, nor if it is another's, for contracts are wired
/// to it for good; gives a rollup node that runs the one of the plan.
fn rollups_are_compared(folder: &Folder, plan: &str) -> String {
    let next = |rest: &[&str]| {
        let args = ["originate", "next", plan, "--address"];
        command(&[&args[..], rest].concat())
    };
    let origination = |name: &str| folder.path(&format!("origination/{name}"));
    let dump = dump(
        folder,
        (&origination("installer.hex"), &origination("preimages")),
        "before.json",
    );
    let other = "sr1Nztbb5igoR5wAg2Wv5aw3EHAhX6xDLpnK";
    let mut wrong = rollup_node(&dump, ROLLUP);
    let chain_id = "/global/block/head/durable/wasm_2_0_0/value?key=%2Fevm%2Fconfig%2Fchain_id";
    let known = wrong.insert(chain_id.to_owned(), json!("0000000000000001"));
    assert!(known.is_some());
    let null = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57";
    for (rest, word) in [
        (vec![ROLLUP], "--rollup-node"),
        (vec![null, "--unchecked"], "null address"),
        (
            vec![
                other,
                "--rollup-node",
                &stand_in(rollup_node(&dump, ROLLUP)),
            ],
            "is not what was planned",
        ),
        (
            vec![ROLLUP, "--rollup-node", &stand_in(wrong)],
            "setting chain_id (/evm/config/chain_id): 1, not 271828",
        ),
        (
            vec![ROLLUP, "--rollup-node", "http://127.0.0.1:9"],
            "no answer",
        ),
    ] {
        let refused = next(&rest);
        let said = text(&refused.stderr);
        assert!(!refused.status.success(), "{rest:?} passes");
        assert!(said.contains(word), "{rest:?}: {said}");
    }
    stand_in(rollup_node(&dump, ROLLUP))
}

/// Runs an installer with its pages, here, and dumps what the rollup is then into a file.
fn dump(folder: &Folder, (installer, pages): (&str, &str), to: &str) -> String {
    let inputs = folder.path("inputs.json");
    std::fs::write(&inputs, "[[]]").unwrap();
    let dump = passes(&[
        "run",
        installer,
        "--inputs",
        &inputs,
        "--preimages",
        pages,
        "--json",
        "--dump",
        "/",
    ]);
    let to = folder.path(to);
    std::fs::write(&to, dump).unwrap();
    to
}

/// A rollup node that serves the rollup of a dump.
fn rollup_node(dump: &str, address: &str) -> BTreeMap<String, Value> {
    let dump: Value = serde_json::from_str(&std::fs::read_to_string(dump).unwrap()).unwrap();
    let values = dump["dump"].as_object().unwrap().iter();
    let values = values.map(|(path, value)| {
        let key = path.replace('/', "%2F");
        let path = format!("/global/block/head/durable/wasm_2_0_0/value?key={key}");
        (path, value.clone())
    });
    let mut node: BTreeMap<String, Value> = values.collect();
    node.insert("/global/smart_rollup_address".into(), json!(address));
    node
}

#[test]
fn a_plan_is_carried_out_step_by_step_and_compared_with_what_is_there() {
    let folder = Folder::new("carried-out");
    let (plan, steps) = carry_out(&folder);
    for step in &steps {
        let command = step["command"].as_str().unwrap();
        assert!(command.starts_with("octez-client "), "{command}");
        assert!(
            !command.contains("ALIAS") && !command.contains("SOURCE"),
            "{command}"
        );
        assert_eq!(step["operation"]["source"], DEPLOYER);
        if step["operation"]["kind"] == "origination" {
            // The storage is one of the script's.
            let script = &step["operation"]["script"];
            let code = Node::from_json(&script["code"]).unwrap().to_string();
            let contract = Contract::parse(&code).unwrap();
            let storage = Node::from_json(&script["storage"]).unwrap();
            encoding::read(&storage, contract.storage()).unwrap();
        }
    }
    assert_eq!(steps[6]["operation"]["kind"], "smart_rollup_originate");
    let installer = steps[6]["operation"]["kernel"].as_str().unwrap();
    assert!(installer.starts_with("0061736d"), "{}", &installer[..8]);
    assert_eq!(
        steps[7]["operation"]["parameters"],
        json!({ "entrypoint": "wire", "value": { "string": ROLLUP } })
    );
    checks_of_a_dump(&folder, &plan);
    checks_of_nodes(&folder, &plan, &steps);
}

/// The rollup that the plan makes, run here, is as planned; with another setting it is not.
fn checks_of_a_dump(folder: &Folder, plan: &str) {
    let run = |installer: &str, pages: &str, to: &str| dump(folder, (installer, pages), to);
    let (installer, pages) = (
        folder.path("origination/installer.hex"),
        folder.path("origination/preimages"),
    );
    let dump = run(&installer, &pages, "dump.json");
    let same = passes(&["originate", "check", plan, "--dump", &dump]);
    for line in [
        "same  kernel",
        "same  setting ticketer (/evm/config/ticketer)",
        "as the kernel compiled",
    ] {
        assert!(same.contains(line), "{same}");
    }
    assert!(!same.contains("FAIL"), "{same}");

    let setup = std::fs::read_to_string(folder.path("origination/setup.yaml")).unwrap();
    let other = folder.path("other.yaml");
    std::fs::write(
        &other,
        setup.replace("00000000000425d4", "00000000000425d5"),
    )
    .unwrap();
    let (installer, pages) = (folder.path("other.hex"), folder.path("pages"));
    passes(&[
        "installer",
        "--kernel",
        &kernel("evm_kernel.wasm"),
        "--setup-file",
        &other,
        "--output",
        &installer,
        "--preimages-dir",
        &pages,
    ]);
    let dump = run(&installer, &pages, "other.json");
    let differs = command(&["originate", "check", plan, "--dump", &dump]);
    assert_eq!(differs.status.code(), Some(1));
    let said = text(&differs.stdout);
    assert!(
        said.contains("FAIL  setting chain_id (/evm/config/chain_id): 271829, not "),
        "{said}"
    );
    assert!(said.contains("same  kernel"), "{said}");
}

/// Answers GET requests by their paths; 404 for others.
fn stand_in(answers: BTreeMap<String, Value>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(Mutex::new(answers));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap_or_default();
            // The rest of the head.
            for line in lines.map_while(Result::ok) {
                if line.is_empty() {
                    break;
                }
            }
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            let found = answers.lock().unwrap().get(&path).map(Value::to_string);
            let (code, body) = match found {
                Some(body) => ("200 OK", body),
                None => ("404 Not Found", "[]".to_owned()),
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {code}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    url
}

fn checks_of_nodes(folder: &Folder, plan: &str, steps: &[Value]) {
    let mut node = rollup_node(&folder.path("dump.json"), ROLLUP);
    let url = stand_in(node.clone());
    let same = passes(&["originate", "check", plan, "--rollup-node", &url]);
    assert!(same.contains("same  rollup address"), "{same}");
    // Another rollup.
    let other = "sr1Nztbb5igoR5wAg2Wv5aw3EHAhX6xDLpnK";
    node.insert("/global/smart_rollup_address".into(), json!(other));
    let url = stand_in(node);
    let differs = command(&["originate", "check", plan, "--rollup-node", &url]);
    assert_eq!(differs.status.code(), Some(1));
    assert!(text(&differs.stdout).contains(other));

    let script =
        |address: &str| format!("/chains/main/blocks/head/context/contracts/{address}/script");
    let mut layer1 = BTreeMap::from([("/chains/main/chain_id".to_owned(), json!(NETWORK))]);
    for ((_, address), step) in STEPS.iter().zip(steps) {
        if address.starts_with("KT1") {
            layer1.insert(script(address), step["operation"]["script"].clone());
        }
    }
    // Before they are wired, two are not as planned.
    let differs = command(&[
        "originate",
        "check",
        plan,
        "--layer1-node",
        &stand_in(layer1.clone()),
    ]);
    let said = text(&differs.stdout);
    assert_eq!(said.matches("FAIL").count(), 2, "{said}");
    let right = json!({ "prim": "Right", "args": [{ "string": ROLLUP }] });
    layer1.get_mut(&script(DELAYED)).unwrap()["storage"] = right.clone();
    let fast = &mut layer1.get_mut(&script(FAST)).unwrap()["storage"];
    fast["args"][0]["args"][0] = right;
    fast["args"][1] = json!({ "int": "4711" });
    let counted = &mut layer1.get_mut(&script(GOVERNANCE)).unwrap()["storage"];
    counted["args"][0] = json!({ "int": "9" });
    let all = passes(&[
        "originate",
        "check",
        plan,
        "--layer1-node",
        &stand_in(layer1.clone()),
    ]);
    assert_eq!(all.matches("same").count(), 7, "{all}");

    for (path, change, word) in [
        (
            "/chains/main/chain_id".to_owned(),
            json!("NetXnHfVqm9iesp"),
            "contracts of another network",
        ),
        (
            script(EXCHANGER),
            json!({ "code": [], "storage": { "prim": "Unit" } }),
            "its code is another",
        ),
        (script(BRIDGE), Value::Null, "cannot be read"),
    ] {
        let mut changed = layer1.clone();
        if change.is_null() {
            changed.get_mut(&path).unwrap()["storage"] = json!({ "none": 1 });
        } else {
            changed.insert(path, change);
        }
        let differs = command(&[
            "originate",
            "check",
            plan,
            "--layer1-node",
            &stand_in(changed),
        ]);
        assert_eq!(differs.status.code(), Some(1));
        assert!(
            text(&differs.stdout).contains(word),
            "{}",
            text(&differs.stdout)
        );
    }
    let mut changed = layer1.clone();
    changed.get_mut(&script(BRIDGE)).unwrap()["storage"] = json!({ "prim": "Unit" });
    changed.remove(&script(WRAPPER));
    let differs = command(&[
        "originate",
        "check",
        plan,
        "--layer1-node",
        &stand_in(changed),
    ]);
    let said = text(&differs.stdout);
    assert!(
        said.contains("of another type") && said.contains("is not there"),
        "{said}"
    );
}

#[test]
fn steps_take_what_they_give_and_nothing_else() {
    let folder = Folder::new("steps");
    let output = folder.path("origination");
    let kernel = kernel("evm_kernel.wasm");
    let mut args = plan("", None);
    args.extend([
        "--kernel",
        &kernel,
        "--output",
        &output,
        "--ticketer",
        EXCHANGER,
    ]);
    passes(&args);
    let plan = format!("{output}/plan.json");
    // The exchanger is there: the bridge is the first step.
    for (note, word) in [
        (["--address", DEPLOYER], "an account with a key"),
        (["--address", ROLLUP], "a rollup; expected KT1"),
        (["--address", EXCHANGER], "is what the step exchanger gave"),
        (["--address", "KT1"], "checksum"),
        (["--done", "--json"], "gives an address"),
    ] {
        let refused = command(&[&["originate", "next", &plan], &note[..]].concat());
        let errors = text(&refused.stderr);
        assert!(
            !refused.status.success() && errors.contains(word),
            "{note:?}: {errors}"
        );
    }
    // A plan that somebody edited is looked at again.
    let text_of = std::fs::read_to_string(&plan).unwrap();
    for (from, to, word) in [
        (NETWORK, "NetX", "--network"),
        ("\"threshold\": 2", "\"threshold\": 5", "--threshold 5"),
        (DEPLOYER, BRIDGE, "--deployer"),
    ] {
        let edited = folder.path("edited.json");
        std::fs::write(&edited, text_of.replace(from, to)).unwrap();
        let refused = command(&["originate", "next", &edited]);
        let errors = text(&refused.stderr);
        assert!(
            !refused.status.success() && errors.contains(word),
            "{to}: {errors}"
        );
    }
    let early = command(&["originate", "check", &plan, "--dump", &plan]);
    assert!(text(&early.stderr).contains("no setup yet"));
    std::fs::write(folder.path("no-plan.json"), "{}").unwrap();
    let none = command(&["originate", "next", &folder.path("no-plan.json")]);
    assert!(text(&none.stderr).contains("is not a plan"));
}
