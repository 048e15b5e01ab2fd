//! Commands that install kernels work with any of them.

use e2e_tests::folder::Folder;
use e2e_tests::tickets::{
    CONTENT, balance, deposit, framed, give, inbox, key, options, reveal, signed,
};
use pvm::installer::Installer;
use pvm::setup::Instruction;
use pvm::{Durable, Machine};

#[test]
fn the_installed_kernel_sees_its_first_level_whole() {
    let (alice, bob) = (key(1), key(2));
    let setup = [Instruction::Set {
        value: vec![1],
        to: "/tx/config/frame".to_owned(),
    }];
    let installer = Installer::new(
        &e2e_tests::module("installer_kernel.wasm"),
        &e2e_tests::module("tx_kernel.wasm"),
        &setup,
    )
    .unwrap();
    let pages = Folder::new("tx-pages");
    for (hash, page) in &installer.pages {
        pages.put(hash, page);
    }
    let mut durable = Durable::new();
    durable
        .write("/kernel/boot.wasm", &installer.module)
        .unwrap();
    let options = pvm::Options {
        preimages: Some(pages.0.clone()),
        ..options()
    };
    let rollup = options.rollup;
    let mut machine = Machine::from_durable(durable, options).unwrap();
    let batch = [signed(&[(&alice, reveal(&alice, 0, &[give(&bob, 4)]))])];
    let messages = [
        deposit(&alice.to_base58(), CONTENT, 10),
        framed(&rollup, &rollup, &batch),
    ];
    let report = machine.run_level(&inbox(&messages)).unwrap();
    assert_eq!(report.debug.concat(), "");
    assert_eq!(balance(machine.durable(), &alice, CONTENT), 6);
    assert_eq!(balance(machine.durable(), &bob, CONTENT), 4);
}

/// On the interpreter as on the fast VM, host call by host call.
#[test]
fn both_engines_agree() {
    let (alice, bob) = (key(1), key(2));
    let options = pvm::Options {
        check: Some(pvm::engine::interpreter()),
        ..options()
    };
    let durable = e2e_tests::tickets::durable();
    let mut machine = Machine::from_durable(durable, options).unwrap();
    let batch = [signed(&[(&alice, reveal(&alice, 0, &[give(&bob, 4)]))])];
    let messages = [
        deposit(&alice.to_base58(), CONTENT, 10),
        e2e_tests::tickets::post(&batch),
    ];
    machine.run_level(&inbox(&messages)).unwrap();
    assert_eq!(balance(machine.durable(), &bob, CONTENT), 4);
}
