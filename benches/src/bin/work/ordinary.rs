//! Ordinary code: a block of it fits one run, and no transaction is refused for
//! its work.

use crate::row::{Kind, Row};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::User;
use e2e_tests::lab::{Lab, MAX_GAS};
use solidity_fixtures::{amm, erc20, erc721, factory, ledger, memory, recursion, uups};
use std::error::Error;
use storage::Config;

/// The gas of a block.
const BLOCK: u64 = 30_000_000;

/// A program: what prepares it, and a call that is repeated until the block is
/// full.
struct Program {
    name: &'static str,
    setup: Vec<(TxKind, Bytes)>,
    to: Address,
    call: Box<dyn Fn(u64) -> Bytes>,
    gas: u64,
}

/// Measures all of them.
pub(crate) fn rows(done: &mut impl FnMut(Row)) -> Result<(), Box<dyn Error>> {
    for program in programs() {
        done(program.measure()?);
    }
    done(transfers());
    Ok(())
}

fn transfers() -> Row {
    let lab = Lab::new(Config::default());
    let mut user = lab.user.clone();
    let to = |number: u64| TxKind::Call(Address::from_word(U256::from(number + (1 << 40)).into()));
    let raws: Vec<_> = (0..BLOCK / 21_000)
        .map(|number| {
            user.send(1337, to(number), U256::ONE, Bytes::new(), 21_000)
                .encode()
        })
        .collect();
    let (sample, _) = lab.transactions(&raws);
    Row {
        kind: Kind::Ordinary,
        name: "transfers to new accounts".to_owned(),
        sample,
        alone: None,
        succeeded: sample.succeeded == raws.len() && sample.levels == 1 && sample.runs == 1,
    }
}

impl Program {
    fn measure(&self) -> Result<Row, Box<dyn Error>> {
        let mut lab = Lab::new(Config::default());
        let mut user = User::new("lab");
        let setup: Vec<_> = self
            .setup
            .iter()
            .map(|(to, input)| {
                user.send(1337, *to, U256::ZERO, input.clone(), 10_000_000)
                    .encode()
            })
            .collect();
        lab.change(|rollup| {
            for raw in &setup {
                rollup.level(&[raw]);
            }
            rollup.empty_level();
        });
        let one = |number: u64, user: &mut User| {
            let to = TxKind::Call(self.to);
            user.send(1337, to, U256::ZERO, (self.call)(number), self.gas)
                .encode()
        };
        let (first, included) = lab.transactions(&[one(0, &mut user.clone())]);
        let Some(first) = included.first().filter(|_| first.succeeded == 1) else {
            return Err(format!("{}: the first call fails", self.name).into());
        };
        let gas = first.receipt.gas_used;
        let count = (BLOCK.saturating_sub(self.gas) / gas + 1).min(1_500);
        let raws: Vec<_> = (0..count).map(|number| one(number, &mut user)).collect();
        let (sample, _) = lab.transactions(&raws);
        Ok(Row {
            kind: Kind::Ordinary,
            name: format!("{}, {count} times", self.name),
            sample,
            alone: None,
            succeeded: sample.succeeded == raws.len() && sample.levels == 1 && sample.runs == 1,
        })
    }
}

/// The contracts in `solidity_fixtures/contracts`, each with a call that it is for.
#[allow(clippy::too_many_lines, reason = "a flat list")]
fn programs() -> Vec<Program> {
    let owner = User::new("lab").address;
    let at = |nonce: u64| owner.create(nonce);
    let create = |code: Bytes| (TxKind::Create, code);
    let to = |number: u64| Address::from_word(U256::from(number + (1 << 41)).into());
    let supply = U256::from(10).pow(U256::from(30));
    let program =
        |name, setup: Vec<(TxKind, Bytes)>, call: Box<dyn Fn(u64) -> Bytes>, gas| Program {
            name,
            setup,
            to: at(0),
            call,
            gas,
        };
    let mut programs = vec![
        program(
            "ERC-20 transfer",
            vec![create(erc20::deploy(supply))],
            Box::new(move |number| erc20::transfer(to(number), U256::ONE)),
            100_000,
        ),
        program(
            "ERC-721 mint",
            vec![create(erc721::deploy())],
            Box::new(move |number| erc721::mint(to(number), U256::from(number))),
            200_000,
        ),
        program(
            "contract factory (CREATE2)",
            vec![create(factory::deploy())],
            Box::new(|number| factory::deploy_child(U256::from(number).into(), U256::ONE)),
            500_000,
        ),
        program(
            "sort in memory",
            vec![create(memory::deploy())],
            Box::new(|_| memory::sort(64)),
            MAX_GAS,
        ),
        program(
            "hash of data",
            vec![create(memory::deploy())],
            Box::new(|_| memory::gather(4_000, &[7; 2_000])),
            MAX_GAS,
        ),
        program(
            "tree of calls",
            vec![create(recursion::deploy())],
            Box::new(|_| recursion::tree(100)),
            MAX_GAS,
        ),
    ];
    let _ = (amm::deploy_router(), ledger::deploy(), uups::deploy_v1());
    programs.push(Program {
        to: at(1),
        ..program(
            "UUPS proxy",
            vec![
                create(uups::deploy_v1()),
                create(uups::deploy_proxy(at(0), &uups::initialise(owner))),
            ],
            Box::new(uups::store),
            100_000,
        )
    });
    programs
}
