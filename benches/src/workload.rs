//! The workloads: who has ether, the levels that prepare them, and the transactions that are measured.
//!
//! All of them are signed here, by keys that follow from names: the same bytes on every machine.
//! The first six are the shapes that other rollups were measured with, one sender a transaction.

use crate::amm::Amm;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::{MAX_FEE, Rollup, Setup, User};
use ethereum::transaction::{Eip1559, Transaction};
use pvm::probe::Probed;
use pvm::{Durable, Metering};
use solidity_fixtures::{bench, erc20};
use std::error::Error;
use storage::Config;
use storage::config::MIN_KEPT_BLOCKS;

/// Accounts that hold ether and tokens.
const SENDERS: usize = 1_000;
/// Accounts that one transaction mints tokens to.
const MINTED: usize = 100;
/// The number of transfers, of ether and of tokens.
const TRANSFERS: usize = 200;

/// All workloads and what they start from.
#[derive(Debug)]
pub(crate) struct Workloads {
    pub(crate) setup: Setup,
    pub(crate) setup_levels: Vec<Vec<Vec<u8>>>,
    pub(crate) named: Vec<(String, Vec<Vec<u8>>)>,
    /// The same kinds of transactions, posted in batches.
    pub(crate) batched: Vec<Batched>,
}

/// Raw transactions that are posted in batches.
#[derive(Debug)]
pub(crate) struct Batched {
    pub(crate) name: String,
    pub(crate) raws: Vec<Vec<u8>>,
    /// True if batches have the y coordinate of each signature's point.
    pub(crate) points: bool,
}

impl Workloads {
    /// Signs all of it.
    pub(crate) fn new() -> Self {
        let mut owner = User::new("bench owner");
        let mut senders: Vec<User> = (0..SENDERS)
            .map(|index| User::new(&format!("bench {index}")))
            .collect();
        let thousand = U256::from(10).pow(U256::from(21));
        let everyone = senders.iter().chain([&owner]);
        let balances: Vec<_> = everyone.map(|user| (user.address, thousand)).collect();
        let token = owner.address.create(0);
        let bench = owner.address.create(1);
        let mut setup_levels = setup_levels(&mut owner, &senders, token);
        setup_levels.push(introductions(&mut senders));
        let mut named = transfers(&senders, token);
        named.extend(work(&senders, bench));
        let amm = Amm::new();
        setup_levels.extend(amm.setup_levels);
        let batched = batched(&senders, token, &amm.swaps);
        named.push(("amm_50", amm.swaps));
        Self {
            setup: Setup {
                config: Config {
                    kept_blocks: MIN_KEPT_BLOCKS,
                    ..Config::default()
                },
                balances: balances.into_iter().chain(amm.balances).collect(),
                ..Setup::default()
            },
            setup_levels,
            named: named
                .into_iter()
                .map(|(name, raws)| (name.to_owned(), raws))
                .collect(),
            batched,
        }
    }

    /// Durable storage after the setup levels: what every workload starts from.
    pub(crate) fn start(&self) -> Result<Durable, Box<dyn Error>> {
        let mut rollup = Rollup::new(&self.setup);
        rollup.empty_level();
        let mut sent = 0;
        for level in &self.setup_levels {
            rollup.level(level);
            sent += level.len();
        }
        let included = rollup.since(0);
        if included.len() != sent || !included.iter().all(|included| included.receipt.success) {
            return Err(format!(
                "setup: {sent} transactions sent, {} included",
                included.len()
            )
            .into());
        }
        // From here on each block outdates one.
        while rollup.head().number < MIN_KEPT_BLOCKS {
            rollup.empty_level();
        }
        Ok(rollup.durable().clone())
    }

    /// A rollup that goes on from `start`.
    pub(crate) fn rollup(&self, start: &Durable, metering: Metering) -> Rollup {
        self.probed(start, metering, Probed::default())
    }

    /// The same, with somebody who looks into its runs.
    pub(crate) fn probed(&self, start: &Durable, metering: Metering, probe: Probed) -> Rollup {
        Rollup::from_durable(
            start.clone(),
            &Setup {
                metering,
                probe,
                ..self.setup.clone()
            },
        )
    }
}

/// Two levels: the contracts, then a million tokens for each sender.
fn setup_levels(owner: &mut User, senders: &[User], token: Address) -> Vec<Vec<Vec<u8>>> {
    let deploy = [
        (bench::deploy_token(), 1_500_000),
        (bench::deploy(), 500_000),
    ]
    .map(|(code, gas)| send(owner, TxKind::Create, U256::ZERO, code, gas));
    let million = U256::from(10).pow(U256::from(24));
    let addresses: Vec<Address> = senders.iter().map(|user| user.address).collect();
    let mint = addresses.chunks(MINTED).map(|part| {
        let call = bench::mint_many(part, million);
        send(owner, TxKind::Call(token), U256::ZERO, call, 2_900_000)
    });
    let mint = mint.collect();
    vec![deploy.into(), mint]
}

/// The first transaction of each who is measured: the kernel knows their keys then.
fn introductions(senders: &mut [User]) -> Vec<Vec<u8>> {
    let senders = senders.iter_mut().take(TRANSFERS);
    let introductions = senders.map(|user| {
        let to = TxKind::Call(user.address);
        send(user, to, U256::ZERO, Bytes::new(), 21_000)
    });
    introductions.collect()
}

/// Transfers of ether and of tokens, each to an account that does not exist yet.
fn transfers(senders: &[User], token: Address) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    vec![
        ("transfers_200", ether(senders, TRANSFERS)),
        ("erc20_200", tokens(senders, TRANSFERS, token)),
    ]
}

/// Transfers of ether by so many senders, each of which sends one after the other.
fn ether(senders: &[User], count: usize) -> Vec<Vec<u8>> {
    let milli = U256::from(10).pow(U256::from(15));
    each(senders, count, |user, receiver| {
        send(user, TxKind::Call(receiver), milli, Bytes::new(), 21_000)
    })
}

/// The same with tokens.
fn tokens(senders: &[User], count: usize, token: Address) -> Vec<Vec<u8>> {
    let unit = U256::from(10).pow(U256::from(18));
    each(senders, count, |user, receiver| {
        let call = erc20::transfer(receiver, unit);
        send(user, TxKind::Call(token), U256::ZERO, call, 60_000)
    })
}

fn each(
    senders: &[User],
    count: usize,
    mut send: impl FnMut(&mut User, Address) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let mut senders = senders.get(..count).unwrap_or_default().to_vec();
    let turns = TRANSFERS / count;
    (0..TRANSFERS)
        .map(|index| {
            let receiver = User::new(&format!("bench receiver {index}")).address;
            send(&mut senders[index / turns], receiver)
        })
        .collect()
}

/// Messages in batches: 200 senders with one transaction each, and 50 with four.
fn batched(senders: &[User], token: Address, swaps: &[Vec<u8>]) -> Vec<Batched> {
    let mut batched = Vec::new();
    let mut add = |name: &str, raws: Vec<Vec<u8>>| {
        for (end, points) in [("", false), ("_y", true)] {
            batched.push(Batched {
                name: format!("{name}_batched{end}"),
                raws: raws.clone(),
                points,
            });
        }
    };
    add("transfers_200", ether(senders, TRANSFERS));
    add("transfers_50_4", ether(senders, TRANSFERS / 4));
    add("erc20_200", tokens(senders, TRANSFERS, token));
    add("erc20_50_4", tokens(senders, TRANSFERS / 4, token));
    add("amm_50", swaps.to_vec());
    batched
}

/// One kind of work at a time.
fn work(senders: &[User], bench: Address) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let calls = |calls: Vec<Bytes>, gas: u64| {
        let calls = calls.into_iter().zip(senders.iter().cloned());
        calls
            .map(|(call, mut user)| send(&mut user, TxKind::Call(bench), U256::ZERO, call, gas))
            .collect()
    };
    let fills = (0..6).map(|index| bench::fill(index * 1_000, 200));
    let deploys = senders.iter().take(10).cloned().map(|mut user| {
        let code = bench::deploy_big_token(user.address);
        send(&mut user, TxKind::Create, U256::ZERO, code, 2_900_000)
    });
    vec![
        (
            "compute_1",
            calls(vec![bench::compute(100_000, 1)], 16_000_000),
        ),
        ("keccak_1", calls(vec![bench::hashes(10_000, 1)], 9_800_000)),
        ("sstore_6", calls(fills.collect(), 4_800_000)),
        ("deploy_10", deploys.collect()),
    ]
}

/// A signed transaction of type 2 that pays the base fee alone.
fn send(user: &mut User, to: TxKind, value: U256, input: Bytes, gas_limit: u64) -> Vec<u8> {
    let nonce = user.nonce;
    user.nonce += 1;
    let transaction = Transaction::DynamicFee(Eip1559 {
        chain_id: Config::default().chain_id,
        nonce,
        max_priority_fee_per_gas: U256::ZERO,
        max_fee_per_gas: U256::from(MAX_FEE),
        gas_limit,
        to,
        value,
        input,
        access_list: Vec::new(),
    });
    user.sign(transaction).encode()
}
