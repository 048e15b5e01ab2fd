//! Every Solidity fixture, deployed and used by inbox messages through the
//! compiled kernel; each transaction is compared with the same one on plain revm.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use e2e_tests::reference::{Outcome, Reference};
use e2e_tests::{Included, Rollup, Setup, User};
use evm_kernel::simulate::{self, Call, Environment};
use solidity_fixtures::{abi, child, counter, erc20, erc721, factory, recursion};
use storage::Config;
use storage::config::Revision;

/// The rollup and plain revm, side by side.
struct Both {
    rollup: Rollup,
    reference: Reference,
    chain_id: u64,
}

const GAS: u64 = 5_000_000;

impl Both {
    fn new(users: &[&User]) -> Self {
        Self::with_config(users, Config::default())
    }

    fn with_config(users: &[&User], config: Config) -> Self {
        let ether = U256::from(10).pow(U256::from(18));
        let balances: Vec<(Address, U256)> = users
            .iter()
            .map(|user| (user.address, U256::from(100_000) * ether))
            .collect();
        let chain_id = config.chain_id;
        let reference = Reference::new(chain_id, &balances);
        let mut rollup = Rollup::new(&Setup {
            config,
            balances,
            ..Setup::default()
        });
        rollup.empty_level();
        Self {
            rollup,
            reference,
            chain_id,
        }
    }

    /// Sends one transaction; what it did is the same on both sides.
    fn send(&mut self, from: &mut User, to: TxKind, input: Bytes) -> Outcome {
        self.send_with(from, to, U256::ZERO, input, GAS)
    }

    fn send_with(
        &mut self,
        from: &mut User,
        to: TxKind,
        value: U256,
        input: Bytes,
        gas: u64,
    ) -> Outcome {
        let signed = from.send(self.chain_id, to, value, input.clone(), gas);
        let before = self.rollup.durable().clone();
        let head = self.rollup.head().number;
        let report = self.rollup.level(&[signed.encode()]);
        let included = self.rollup.since(head);
        let [
            Included {
                transaction,
                receipt,
                block,
            },
        ] = &included[..]
        else {
            panic!(
                "{} transactions included; {:?}",
                included.len(),
                report.debug
            )
        };
        assert_eq!(transaction.raw, signed.encode());
        assert_eq!(transaction.sender, from.address);
        let header = self.rollup.header(*block).1;
        self.reference.enter(&header);
        let expected = self
            .reference
            .transact(&signed, from.address)
            .expect("revm takes it, too");
        assert_eq!(receipt.success, expected.success);
        assert_eq!(receipt.gas_used, expected.gas_used);
        assert_eq!(receipt.logs, expected.logs);
        assert_eq!(header.gas_used, expected.gas_used);
        // A receipt does not hold what was returned: the kernel's call does.
        let environment = Environment::of_header(
            &header,
            &Config {
                chain_id: self.chain_id,
                ..Config::default()
            },
        );
        let call = Call {
            from: from.address,
            to: to.to().copied(),
            gas_limit: gas,
            gas_price: U256::from(header.base_fee_per_gas),
            value,
            input,
            ..Call::default()
        };
        let tried = simulate::call(&before, &environment, &call)
            .expect("readable")
            .expect("accepted");
        assert_eq!(
            (tried.success, tried.gas_used),
            (expected.success, expected.gas_used)
        );
        assert_eq!(tried.output, expected.output);
        assert_eq!(tried.created, expected.created);
        expected
    }

    fn deploy(&mut self, from: &mut User, creation: Bytes) -> Address {
        let outcome = self.send(from, TxKind::Create, creation);
        assert!(outcome.success);
        outcome.created.expect("a creation creates")
    }

    /// All accounts named have the same balance, nonce, code and slots on both sides.
    fn compare(&self, addresses: &[Address]) {
        for address in addresses {
            let account = self.rollup.account(*address);
            assert_eq!(
                (account.balance, account.nonce),
                self.reference.account(*address),
                "{address}"
            );
            if let Some(code_hash) = self.reference.code_hash(*address) {
                assert_eq!(account.code_hash, code_hash, "{address}");
            }
            let slots = self.reference.slots(*address);
            for (slot, value) in &slots {
                assert_eq!(
                    self.rollup.slot(*address, *slot),
                    *value,
                    "{address} slot {slot}"
                );
            }
            let path = storage::layout::ACCOUNTS.path(address).expect("a path");
            let stored = self.rollup.durable().values(path.as_path());
            let below = stored
                .iter()
                .filter(|(path, _)| path.matches('/').count() == 5)
                .count();
            assert_eq!(
                below,
                slots.len(),
                "left-over slots below {address}: {stored:?}"
            );
        }
    }
}

fn word(number: u64) -> Bytes {
    U256::from(number).to_be_bytes::<32>().into()
}

#[test]
fn a_counter_counts_and_refuses() {
    let mut alice = User::new("alice");
    let mut both = Both::new(&[&alice]);
    let counter = both.deploy(&mut alice, counter::deploy());
    let to = TxKind::Call(counter);

    let up = both.send(&mut alice, to, counter::increment());
    assert_eq!(up.logs[0].topics()[0], counter::incremented());
    assert_eq!(
        both.rollup.slot(counter, counter::NUMBER_SLOT),
        U256::from(1)
    );
    assert_eq!(both.send(&mut alice, to, counter::number()).output, word(1));

    assert!(both.send(&mut alice, to, counter::decrement()).success);
    // The slot is zero again: no entry stays behind.
    both.compare(&[counter]);
    let revert = both.send(&mut alice, to, counter::decrement());
    assert!(!revert.success);
    assert_eq!(
        abi::revert_text(&revert.output).as_deref(),
        Some(counter::ALREADY_ZERO)
    );

    let refused = both.send(&mut alice, to, counter::set(counter::MOST + 1));
    assert_eq!(refused.output, counter::too_large(counter::MOST + 1));
    let set = both.send(&mut alice, to, counter::set(7));
    assert_eq!(set.logs[0].topics()[0], counter::was_set());
    assert_eq!(
        both.send(&mut alice, to, counter::divide(0)).output,
        abi::panic(0x12)
    );
    both.compare(&[alice.address, counter]);
}

#[test]
fn an_erc20_moves_tokens() {
    let (mut alice, mut bob) = (User::new("alice"), User::new("bob"));
    let (alices, bobs) = (alice.address, bob.address);
    let mut both = Both::new(&[&alice, &bob]);
    let supply = U256::from(1_000);
    let token = both.deploy(&mut alice, erc20::deploy(supply));
    let to = TxKind::Call(token);

    let moved = both.send(&mut alice, to, erc20::transfer(bobs, U256::from(400)));
    assert_eq!(moved.logs[0].topics()[0], erc20::transferred());
    assert_eq!(
        both.rollup.slot(token, erc20::balance_slot(bobs)),
        U256::from(400)
    );

    let poor = both.send(&mut bob, to, erc20::transfer(alices, U256::from(401)));
    assert_eq!(
        poor.output,
        erc20::insufficient_balance(bobs, U256::from(400), U256::from(401))
    );
    let from = erc20::transfer_from(alices, bobs, U256::from(1));
    let unallowed = both.send(&mut bob, to, from.clone());
    assert_eq!(
        unallowed.output,
        erc20::insufficient_allowance(bobs, U256::ZERO, U256::from(1))
    );
    assert_eq!(
        both.send(&mut alice, to, erc20::approve(bobs, U256::from(1)))
            .logs[0]
            .topics()[0],
        erc20::approved()
    );
    assert!(both.send(&mut bob, to, from).success);
    // All of Alice's tokens: her balance's slot goes.
    assert!(
        both.send(&mut alice, to, erc20::transfer(bobs, U256::from(599)))
            .success
    );
    both.compare(&[alices, bobs, token]);
}

#[test]
fn an_erc721_changes_hands() {
    let (mut alice, mut bob) = (User::new("alice"), User::new("bob"));
    let (alices, bobs) = (alice.address, bob.address);
    let mut both = Both::new(&[&alice, &bob]);
    let token = both.deploy(&mut alice, erc721::deploy());
    let to = TxKind::Call(token);
    let id = U256::from(1);

    let minted = both.send(&mut alice, to, erc721::mint(alices, id));
    assert_eq!(minted.logs[0].topics()[0], erc721::transferred());
    let thief = both.send(&mut bob, to, erc721::transfer_from(alices, bobs, id));
    assert_eq!(thief.output, erc721::insufficient_approval(bobs, id));
    assert!(both.send(&mut alice, to, erc721::approve(bobs, id)).success);
    assert!(
        both.send(&mut bob, to, erc721::transfer_from(alices, bobs, id))
            .success
    );
    let safe = both.send(&mut bob, to, erc721::safe_transfer_from(bobs, token, id));
    assert_eq!(safe.output, erc721::invalid_receiver(token));
    let unknown = both.send(&mut bob, to, erc721::owner_of(U256::from(9)));
    assert_eq!(unknown.output, erc721::nonexistent_token(U256::from(9)));
    both.compare(&[alices, bobs, token]);
}

#[test]
fn a_factory_deploys_where_create2_says() {
    let mut alice = User::new("alice");
    let mut both = Both::new(&[&alice]);
    let heir = alice.address;
    let factory = both.deploy(&mut alice, factory::deploy());
    let to = TxKind::Call(factory);
    let (salt, value) = (B256::repeat_byte(3), U256::from(42));
    let expected = factory::child_address(factory, salt, value);

    let made = both.send(&mut alice, to, factory::deploy_child(salt, value));
    assert_eq!(made.logs[0].topics()[0], factory::deployed());
    assert_eq!(abi::address(&made.output), Some(expected));
    assert_eq!(
        both.send(&mut alice, TxKind::Call(expected), child::value())
            .output,
        word(42)
    );
    // The same salt again: the address is taken.
    assert!(
        !both
            .send(&mut alice, to, factory::deploy_child(salt, value))
            .success
    );
    // A child made in an earlier transaction stays (EIP-6780), and its code with it.
    assert!(
        both.send(&mut alice, TxKind::Call(expected), child::close(heir))
            .success
    );
    assert!(both.rollup.account(expected).has_code());
    both.compare(&[alice.address, factory, expected]);
}

#[test]
fn calls_go_as_deep_as_gas_and_1024_frames_allow() {
    let mut alice = User::new("alice");
    // Without the gas cap of Osaka (EIP-7825), and with gas for 63/64 of 63/64 …
    let gas = 1 << 40;
    let config = Config {
        block_gas_limit: gas,
        revisions: vec![(0, Revision::Prague)],
        ..Config::default()
    };
    let mut rollup = Rollup::new(&Setup {
        config,
        balances: vec![(alice.address, U256::MAX >> 1)],
        metering: pvm::Metering::Full,
        ..Setup::default()
    });
    rollup.empty_level();
    let chain_id = Config::default().chain_id;
    let deploy = alice.send(
        chain_id,
        TxKind::Create,
        U256::ZERO,
        recursion::deploy(),
        GAS,
    );
    rollup.level(&[deploy.encode()]);
    let contract = alice.address.create(0);
    let dive = alice.send(
        chain_id,
        TxKind::Call(contract),
        U256::ZERO,
        recursion::dive(5_000),
        gas,
    );
    let report = rollup.level(&[dive.encode()]);

    let included = rollup.block(rollup.head().number);
    assert!(included[0].receipt.success);
    // The transaction's own frame, and 1,024 below it (Yellow Paper, 8: depth).
    let reached = &included[0].receipt.logs[0].data.data[32..];
    assert_eq!(U256::from_be_slice(reached), U256::from(1024));
    let frames = report.runs.iter().map(|run| run.max_call_depth).max();
    assert!(
        frames.is_some_and(|frames| frames < 300),
        "{frames:?} wasm frames"
    );
}

#[test]
fn a_thousand_calls_under_the_gas_cap() {
    let mut alice = User::new("alice");
    let mut both = Both::new(&[&alice]);
    let contract = both.deploy(&mut alice, recursion::deploy());
    let to = TxKind::Call(contract);
    let most = simulate::MAX_TRANSACTION_GAS;
    let tree = both.send_with(&mut alice, to, U256::ZERO, recursion::tree(1_024), most);
    assert_eq!(tree.output, word(1_024));
    let dive = both.send_with(&mut alice, to, U256::ZERO, recursion::dive(1_024), most);
    assert!(dive.success);
    both.compare(&[alice.address, contract]);
}
