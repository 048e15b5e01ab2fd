//! The output of `evm-rollup installer` boots into the kernel that it installs.

use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use e2e_tests::folder::Folder;
use e2e_tests::{User, module};
use pvm::installer::Installer;
use pvm::setup::Instruction;
use pvm::{DebugSink, Durable, Inbox, LevelReport, Machine, Options};
use storage::layout::{ACCOUNTS, HEAD, TRANSACTIONS};
use storage::table::Value;
use storage::{Account, Config};

const ROLLUP: [u8; 20] = [7; 20];
const CHAIN_ID: u64 = 271_828;

fn installer(user: &User) -> Installer {
    let funds = Account {
        balance: U256::from(10).pow(U256::from(18)),
        ..Account::default()
    };
    let config = Config {
        chain_id: CHAIN_ID,
        ..Config::default()
    };
    let mut setup: Vec<Instruction> = config
        .to_setup()
        .into_iter()
        .map(|(name, value)| Instruction::Set {
            value,
            to: format!("/evm/config/{name}"),
        })
        .collect();
    setup.push(Instruction::Set {
        value: funds.encode().as_ref().to_vec(),
        to: ACCOUNTS.path(&user.address).unwrap().as_path().to_string(),
    });
    Installer::new(
        &module("installer_kernel.wasm"),
        &e2e_tests::kernel(),
        &setup,
    )
    .unwrap()
}

fn originate(installer: &Installer, pages: &Folder) -> Machine {
    for (hash, page) in &installer.pages {
        pages.put(hash, page);
    }
    let mut durable = Durable::new();
    durable
        .write("/kernel/boot.wasm", &installer.module)
        .unwrap();
    let options = Options {
        rollup: ROLLUP,
        preimages: Some(pages.0.clone()),
        debug: DebugSink::Capture,
        ..Options::default()
    };
    Machine::from_durable(durable, options).unwrap()
}

fn level(machine: &mut Machine, raws: &[Vec<u8>]) -> Result<LevelReport, pvm::Error> {
    let messages = raws
        .iter()
        .flat_map(|raw| evm_kernel::inputs::encode::messages(&ROLLUP, raw));
    machine.run_level(&Inbox {
        timestamp: 1,
        predecessor: [9; 32],
        messages: messages.collect(),
    })
}

#[test]
fn the_installed_kernel_sees_its_first_level_whole() {
    let mut user = User::new("first");
    let installer = installer(&user);
    assert!(
        installer.module.len() < 10_000,
        "{}",
        installer.module.len()
    );
    let pages = Folder::new("boots");
    let mut machine = originate(&installer, &pages);
    let to = TxKind::Call(Address::repeat_byte(5));
    let sent = user.send(CHAIN_ID, to, U256::from(5), Bytes::new(), 21_000);
    let report = level(&mut machine, &[sent.encode()]).unwrap();
    assert_eq!(report.runs.len(), 2, "{:?}", report.debug);
    let durable = machine.durable();
    let head = HEAD.get(durable, &()).unwrap().unwrap();
    assert_eq!(head.number, 1);
    let included = TRANSACTIONS.get(durable, &1).unwrap().unwrap().0;
    assert_eq!(included[0].raw, sent.encode());
    let kernel = durable.get("/kernel/boot.wasm").unwrap().unwrap().to_vec();
    assert_eq!(kernel, e2e_tests::kernel());
    assert_eq!(
        durable.children("/__installer_kernel").unwrap(),
        [] as [&str; 0]
    );
}

#[test]
fn a_page_that_is_missing_or_tampered_with_is_named() {
    let installer = installer(&User::new("first"));
    let (hash, page) = installer.pages.iter().next().unwrap();
    let name = hex::encode(hash);
    let pages = Folder::new("pages");
    for spoil in [None, Some([page, &b"!"[..]].concat())] {
        let mut machine = originate(&installer, &pages);
        match spoil {
            None => std::fs::remove_file(pages.0.join(&name)).unwrap(),
            Some(bytes) => std::fs::write(pages.0.join(&name), bytes).unwrap(),
        }
        let error = level(&mut machine, &[]).unwrap_err().to_string();
        assert!(error.contains(&name), "{error}");
    }
}

/// Originated kernels run on every version of the machine.
#[test]
fn our_kernels_keep_every_rule_from_the_first_machine_on() {
    for name in [
        "evm_kernel.wasm",
        "installer_kernel.wasm",
        "tx_kernel.wasm",
        "echo_and_count.wasm",
    ] {
        for version in [pvm::Version::V0, pvm::Version::V5] {
            let broken: Vec<_> = pvm::report::report(&module(name), version)
                .rules
                .into_iter()
                .filter(|rule| !rule.faults.is_empty())
                .collect();
            assert!(broken.is_empty(), "{name} at {version}: {broken:?}");
        }
    }
}
