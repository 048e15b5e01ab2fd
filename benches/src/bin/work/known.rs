//! Well-known contracts, called through Multicall3: a block of them fits one run, and a
//! transaction of all gas that one may have is not refused for its work.

use crate::row::{Kind, Row};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use e2e_tests::User;
use e2e_tests::lab::{Lab, MAX_GAS, Sample, contract};
use solidity_fixtures::known;
use std::error::Error;
use storage::Config;

/// The gas of a block.
const BLOCK: u64 = 30_000_000;

/// The calls of a transaction of which a block holds several.
const TOGETHER: u64 = 8;

/// Creates a contract of 100 times STOP.
const STOPS: &[u8] = &[0x60, 100, 0x5f, 0xf3];

/// A contract, and a call of it that differs with its number.
struct Program {
    name: &'static str,
    to: Address,
    call: fn(u64) -> Bytes,
}

/// The token that the others move; whoever created the contracts did so in this order.
fn token() -> Address {
    owner().create(0)
}

fn owner() -> Address {
    User::new("lab").address
}

/// Somebody who is not there yet.
fn nobody(number: u64) -> Address {
    Address::from_word(U256::from(number + (1 << 43)).into())
}

fn programs() -> [Program; 8] {
    let deploy = |number: u64| -> Bytes {
        [&U256::from(number).to_be_bytes::<32>()[..], STOPS]
            .concat()
            .into()
    };
    [
        Program {
            name: "Multicall3, balances",
            to: token(),
            call: |number| known::erc20_balance(nobody(number)),
        },
        Program {
            name: "OpenZeppelin 4.9 ERC-20, transfers",
            to: token(),
            call: |number| known::erc20_transfer(nobody(number), U256::ONE),
        },
        Program {
            name: "OpenZeppelin 4.9 ERC-721, mints",
            to: owner().create(1),
            call: |number| known::erc721_mint(nobody(number)),
        },
        Program {
            name: "OpenZeppelin 4.9 ERC-1155, mints",
            to: owner().create(2),
            call: |number| known::erc1155_mint(nobody(number), U256::from(number), U256::from(5)),
        },
        Program {
            name: "Permit2, transfers",
            to: known::PERMIT2,
            call: |number| known::permitted_transfer(token(), known::MULTICALL3, nobody(number)),
        },
        Program {
            name: "deterministic deployment proxy",
            to: known::DETERMINISTIC_DEPLOYER,
            call: deploy,
        },
        Program {
            name: "Safe's singleton factory",
            to: known::SINGLETON_FACTORY,
            call: deploy,
        },
        Program {
            name: "Create2Deployer",
            to: known::CREATE2_DEPLOYER,
            call: |number| known::deploy(B256::from(U256::from(number)), STOPS.into()),
        },
    ]
}

/// Measures all of them.
pub(crate) fn rows(done: &mut impl FnMut(Row)) -> Result<(), Box<dyn Error>> {
    let mut lab = Lab::new(Config::default());
    let mut user = User::new("lab");
    let setup = setup(&mut user);
    lab.change(|rollup| {
        for (address, code) in [
            (known::MULTICALL3, known::multicall3()),
            (known::PERMIT2, known::permit2()),
            (
                known::DETERMINISTIC_DEPLOYER,
                known::deterministic_deployer(),
            ),
            (known::SINGLETON_FACTORY, known::singleton_factory()),
            (known::CREATE2_DEPLOYER, known::create2_deployer()),
        ] {
            contract(rollup, address, &code);
        }
        for raw in &setup {
            rollup.level(&[raw]);
        }
        rollup.empty_level();
    });
    for program in programs() {
        program.measure(&lab, &user, done)?;
    }
    Ok(())
}

/// Creates the tokens; Multicall3 has of the first, and may mint the others.
fn setup(user: &mut User) -> Vec<Vec<u8>> {
    let created = |code: Bytes, texts: &[&str]| -> (TxKind, Bytes) {
        let data = [&code[..], &known::texts(texts)].concat();
        (TxKind::Create, data.into())
    };
    let grant = known::let_mint(known::MULTICALL3);
    let supply = U256::from(10).pow(U256::from(30));
    let mint = known::erc20_mint(known::MULTICALL3, supply);
    let multicall = |to: Address, input: Bytes| {
        let call = known::aggregate(vec![(to, input)]);
        (TxKind::Call(known::MULTICALL3), call)
    };
    let text = "known";
    let steps = [
        created(known::erc20_preset(), &[text, text]),
        created(known::erc721_preset(), &[text, text, text]),
        created(known::erc1155_preset(), &[text]),
        (TxKind::Call(token()), mint),
        (TxKind::Call(owner().create(1)), grant.clone()),
        (TxKind::Call(owner().create(2)), grant),
        multicall(token(), known::erc20_approve(known::PERMIT2, supply)),
        multicall(known::PERMIT2, known::permit(token(), known::MULTICALL3)),
    ];
    let sent = steps
        .into_iter()
        .map(|(to, input)| user.send(1337, to, U256::ZERO, input, 10_000_000).encode());
    sent.collect()
}

impl Program {
    /// A transaction of some calls, the first with this number.
    fn transaction(&self, user: &mut User, calls: (u64, u64), gas: u64) -> Vec<u8> {
        let (first, count) = calls;
        let calls: Vec<_> = (first..first + count)
            .map(|number| (self.to, (self.call)(number)))
            .collect();
        let to = TxKind::Call(known::MULTICALL3);
        user.send(1337, to, U256::ZERO, known::aggregate(calls), gas)
            .encode()
    }

    /// The gas of a transaction of so many calls.
    fn gas(&self, lab: &Lab, user: &User, calls: (u64, u64)) -> Result<u64, Box<dyn Error>> {
        let raw = self.transaction(&mut user.clone(), calls, MAX_GAS);
        let (sample, included) = lab.transactions(&[raw]);
        match included.first() {
            Some(first) if sample.succeeded == 1 => Ok(first.receipt.gas_used),
            _ => Err(format!("{}: {} calls fail", self.name, calls.1).into()),
        }
    }

    fn measure(
        &self,
        lab: &Lab,
        user: &User,
        done: &mut impl FnMut(Row),
    ) -> Result<(), Box<dyn Error>> {
        let row = |name: String, sample: Sample, succeeded: bool| Row {
            kind: Kind::Ordinary,
            name,
            sample,
            alone: None,
            succeeded,
        };
        let several = self.gas(lab, user, (0, TOGETHER))?;
        let count = (BLOCK - several) / several;
        let mut sender = user.clone();
        let raws: Vec<_> = (0..count)
            .map(|number| {
                let calls = (number * TOGETHER, TOGETHER);
                self.transaction(&mut sender, calls, several + several / 10)
            })
            .collect();
        let (sample, _) = lab.transactions(&raws);
        let fits = sample.succeeded == raws.len() && sample.levels == 1 && sample.runs == 1;
        let name = format!("{}, {}", self.name, count * TOGETHER);
        done(row(name, sample, fits));

        // One transaction of nearly all gas that there is for one, in what fits 128 kB.
        let each = self.gas(lab, user, (0, 2 * TOGETHER))? - several;
        let len = self
            .transaction(&mut user.clone(), (0, TOGETHER), MAX_GAS)
            .len() as u64;
        let most = (110_000 / (len / TOGETHER)).min(MAX_GAS * 9 / 10 * TOGETHER / each);
        let raw = self.transaction(&mut user.clone(), (0, most), MAX_GAS);
        let (sample, _) = lab.transactions(&[raw]);
        let name = format!("{}, {most} in one transaction", self.name);
        done(row(name, sample, sample.succeeded == 1));
        Ok(())
    }
}
