//! Swaps on a constant-product market, each by another account.

use alloy_primitives::{Address, TxKind, U256};
use e2e_tests::User;
use solidity_fixtures::amm::{self, Swap};
use solidity_fixtures::erc20;
use storage::Config;

/// The number of swaps.
const SWAPS: usize = 50;
/// The gas limit of each transaction.
const GAS: u64 = 2_000_000;

/// The workload: who has ether, the levels that prepare it, and the swaps.
pub(crate) struct Amm {
    pub(crate) balances: Vec<(Address, U256)>,
    pub(crate) setup_levels: Vec<Vec<Vec<u8>>>,
    pub(crate) swaps: Vec<Vec<u8>>,
}

impl Amm {
    /// Signs all of it: the same bytes on every run.
    pub(crate) fn new() -> Self {
        let mut owner = User::new("amm owner");
        let mut users: Vec<User> = (0..SWAPS)
            .map(|index| User::new(&format!("amm {index}")))
            .collect();
        let ether = U256::from(10).pow(U256::from(21));
        let everyone = users.iter().chain([&owner]);
        let balances = everyone.map(|user| (user.address, ether)).collect();

        let mut tokens = [owner.address.create(0), owner.address.create(1)];
        tokens.sort_unstable();
        let (pair, router) = (owner.address.create(2), owner.address.create(3));
        let unit = U256::from(10).pow(U256::from(18));
        let supply = unit * U256::from(10_000_000);
        let mut deploy: Vec<_> = [
            erc20::deploy(supply),
            erc20::deploy(supply),
            amm::deploy_pair(tokens[0], tokens[1]),
            amm::deploy_router(),
        ]
        .map(|code| send(&mut owner, TxKind::Create, code))
        .into();
        for token in tokens {
            let approve = erc20::approve(router, U256::MAX);
            deploy.push(send(&mut owner, TxKind::Call(token), approve));
        }
        let million = unit * U256::from(1_000_000);
        let add = amm::add(pair, million, million * U256::from(3));
        deploy.push(send(&mut owner, TxKind::Call(router), add));

        let mut fund = Vec::new();
        for user in &mut users {
            for token in tokens {
                let give = erc20::transfer(user.address, unit * U256::from(1_000));
                fund.push(send(&mut owner, TxKind::Call(token), give));
                let approve = erc20::approve(router, U256::MAX);
                fund.push(send(user, TxKind::Call(token), approve));
            }
        }
        let orders = users.iter_mut().enumerate().map(|(index, user)| {
            let order = Swap {
                pair,
                zero_for_one: index % 2 == 0,
                amount: unit * U256::from(index + 1),
                least: U256::ONE,
                deadline: u64::MAX,
            };
            send(user, TxKind::Call(router), amm::swap(&order))
        });
        let swaps = orders.collect();
        Self {
            balances,
            setup_levels: vec![deploy, fund],
            swaps,
        }
    }
}

fn send(user: &mut User, to: TxKind, input: alloy_primitives::Bytes) -> Vec<u8> {
    let chain_id = Config::default().chain_id;
    user.send(chain_id, to, U256::ZERO, input, GAS).encode()
}
