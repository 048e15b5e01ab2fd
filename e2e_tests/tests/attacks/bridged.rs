//! A rollup with a bridge, for attacks on it.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use e2e_tests::layer1::{self, GOVERNANCE, TICKETER};
use e2e_tests::{Included, Rollup, Setup, User, events};
use evm_kernel::native::simulate::{self, Call, Environment};
use messages::contract::Contract;
use solidity_fixtures::SolValue;
use solidity_fixtures::bridge::fa::{self, FaBridge};
use solidity_fixtures::bridge::native::NativeBridge;
use storage::Config;

pub(crate) const ROLLUP: [u8; 20] = [7; 20];

/// The issuer of the tickets that are not native.
pub(crate) const MAKER: Contract = Contract::Originated([0x55; 20]);

pub(crate) fn config() -> Config {
    Config {
        ticketer: Some(TICKETER),
        kernel_governance: Some(GOVERNANCE),
        ..Config::default()
    }
}

/// A rollup, the attacker, and somebody else.
pub(crate) struct Scene {
    pub(crate) rollup: Rollup,
    pub(crate) eve: User,
    pub(crate) user: User,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let (eve, user) = (User::new("eve"), User::new("user"));
        let mut rollup = Rollup::new(&Setup {
            config,
            ..Setup::funded(&[&eve, &user])
        });
        rollup.empty_level();
        Self { rollup, eve, user }
    }

    /// Deploys a contract; `eve` pays.
    pub(crate) fn deploy(&mut self, code: Bytes) -> Address {
        let address = self.eve.address.create(self.eve.nonce);
        let raw = self
            .eve
            .send(1337, TxKind::Create, U256::ZERO, code, 5_000_000);
        let included = self.level(vec![self.rollup.simple(&raw.encode())]);
        assert!(included[0].receipt.success);
        address
    }

    /// Runs a level with these inbox messages.
    pub(crate) fn level(&mut self, messages: Vec<Vec<u8>>) -> Vec<Included> {
        let number = self.rollup.head().number;
        self.rollup.level_of(messages);
        self.rollup.since(number)
    }

    /// True if each of these calls of the attacker's succeeds.
    pub(crate) fn eve(&mut self, calls: &[(Address, Bytes)]) -> Vec<bool> {
        outcomes(&mut self.rollup, &mut self.eve, calls, 2_000_000)
    }

    /// True if each of these calls of somebody else's succeeds.
    pub(crate) fn user(&mut self, calls: &[(Address, Bytes)]) -> Vec<bool> {
        outcomes(&mut self.rollup, &mut self.user, calls, 2_000_000)
    }

    /// The number that a call returns.
    pub(crate) fn ask(&self, to: Address, input: Bytes) -> U256 {
        let environment = Environment::of_head(self.rollup.durable()).expect("a head");
        let call = Call {
            to: Some(to),
            gas_limit: 1_000_000,
            input,
            ..Call::default()
        };
        let outcome = simulate::call(self.rollup.durable(), &environment, &call);
        let executed = outcome.expect("readable").executed();
        let output = executed.expect("a legal call").output;
        U256::abi_decode(&output).expect("a number")
    }

    /// Brings a native deposit, which is kept: its level and id.
    pub(crate) fn kept(&mut self, receiver: Address, mutez: u64) -> (u64, u64) {
        let deposit = layer1::native_deposit(ROLLUP, receiver.as_slice(), mutez);
        let included = self.level(vec![deposit]);
        let kept = events::<NativeBridge::DepositKept>(&included);
        assert_eq!(kept.len(), 1, "it is kept");
        (kept[0].inboxLevel.to(), kept[0].inboxMsgId.to())
    }

    /// Brings tickets, and gives their number if they are queued.
    pub(crate) fn tickets(&mut self, routing: &[u8], amount: u64) -> Option<u64> {
        let amount = amount.to_be_bytes();
        let payload = layer1::deposit(routing, MAKER, &layer1::CONTENT, &amount);
        let included = self.level(vec![layer1::transfer(ROLLUP, [0x70; 20], &payload)]);
        let queued = events::<FaBridge::QueuedDeposit>(&included);
        Some(queued.first()?.nonce.to())
    }

    /// An owner's tickets, in all tables.
    pub(crate) fn balance(&self, owner: Address) -> U256 {
        self.ask(fa::ADDRESS, fa::balance_of(ticket(), owner))
    }
}

/// True if each call succeeds, with so much gas.
pub(crate) fn outcomes(
    rollup: &mut Rollup,
    user: &mut User,
    calls: &[(Address, Bytes)],
    gas: u64,
) -> Vec<bool> {
    let raws: Vec<_> = calls
        .iter()
        .map(|(to, input)| {
            let to = TxKind::Call(*to);
            user.send(1337, to, U256::ZERO, input.clone(), gas).encode()
        })
        .collect();
    let number = rollup.head().number;
    rollup.level(&raws);
    let included = rollup.since(number);
    included.iter().map(|one| one.receipt.success).collect()
}

/// The hash of the tickets that are not native.
pub(crate) fn ticket() -> B256 {
    keccak256([&MAKER.encode()[..], &layer1::CONTENT].concat())
}

/// Receiver and proxy on layer 1.
pub(crate) fn routing() -> [u8; 44] {
    let receiver = Contract::Implicit([0; 21]).encode();
    let proxy = Contract::Originated([0x66; 20]).encode();
    let mut routing = [0; 44];
    routing[..22].copy_from_slice(&receiver);
    routing[22..].copy_from_slice(&proxy);
    routing
}

/// The call that withdraws tickets of `owner`.
pub(crate) fn withdrawal(owner: Address, amount: u64) -> Bytes {
    fa::Withdrawal {
        owner,
        routing: &routing(),
        amount: U256::from(amount),
        ticketer: MAKER.encode(),
        content: &layer1::CONTENT,
    }
    .call()
}
