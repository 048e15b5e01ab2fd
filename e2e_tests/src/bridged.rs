//! A rollup with the layer 1 around it: deposits go in as operations, what the
//! kernel writes is executed there.

use crate::rollup::{Rollup, Setup};
use ::layer1::contracts::{Bridge, Code};
use ::layer1::devnet::{self, Contracts};
use ::layer1::outbox::{OutboxPosition, Parameters, Status};
use ::layer1::value::TicketId;
use ::layer1::{Account, Layer1, Mutez, Receipt};
use messages::contract::Contract;
use pvm::LevelReport;
use storage::Config;

/// A rollup and its layer 1, level by level.
#[derive(Debug)]
pub struct Bridged {
    /// The rollup.
    pub rollup: Rollup,
    /// Its layer 1.
    pub layer1: Layer1,
    address: [u8; 20],
}

impl Bridged {
    /// A rollup before its first level whose bridge is that of a devnet's layer 1.
    ///
    /// # Panics
    /// If the kernel is missing or invalid.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let contracts = Contracts::default();
        let setup = Setup {
            config: Config {
                ticketer: Some(contracts.exchanger),
                delayed_bridge: Some(contracts.delayed_inbox),
                kernel_governance: Some(contracts.governance),
                ..setup.config.clone()
            },
            ..setup.clone()
        };
        let layer1 = devnet::layer1(setup.address, Parameters::default());
        Self {
            rollup: Rollup::new(&setup),
            layer1: layer1.expect("small sums"),
            address: setup.address,
        }
    }

    /// Runs a level: what layer 1's operations brought, then these transactions.
    ///
    /// # Panics
    /// If the machine fails, or a run traps.
    pub fn level(&mut self, raws: &[impl AsRef<[u8]>]) -> LevelReport {
        let posted = raws
            .iter()
            .flat_map(|raw| evm_kernel::inputs::encode::messages(&self.address, raw.as_ref()));
        let inbox: Vec<_> = self
            .layer1
            .messages()
            .iter()
            .cloned()
            .chain(posted)
            .collect();
        let report = self.rollup.level_of(inbox.clone());
        self.layer1
            .end_level(report.level, inbox, report.outbox.clone());
        report
    }

    /// Runs levels until everything in the outbox can be executed.
    ///
    /// # Panics
    /// If a level fails.
    pub fn cement(&mut self) {
        let none: [&[u8]; 0] = [];
        let at = |layer1: &Layer1| layer1.outbox().all_executable_at(layer1.parameters());
        while at(&self.layer1).is_some_and(|at| self.layer1.level() < at) {
            self.level(&none);
        }
    }

    /// Executes everything that can be; gives how many messages that were.
    ///
    /// # Panics
    /// If layer 1 refuses one.
    pub fn execute_all(&mut self) -> usize {
        let can = |place: &OutboxPosition| self.layer1.status(*place) == Status::Executable;
        let places: Vec<OutboxPosition> = self
            .layer1
            .outbox()
            .iter()
            .map(|(place, _)| place)
            .filter(can)
            .collect();
        for place in &places {
            let done = self.layer1.execute(&signer(0), *place);
            assert!(done.is_ok(), "{place:?}: {done:?}");
        }
        places.len()
    }

    /// Sends tez of the first account through the bridge.
    ///
    /// # Panics
    /// If layer 1 refuses.
    pub fn deposit(&mut self, routing: &[u8], amount: Mutez) -> Receipt {
        let bridge = Contracts::default().bridge;
        let call = Bridge::deposit(bridge, self.address, routing.to_vec(), amount);
        let done = self.layer1.operate(&signer(0), call);
        done.expect("the account is rich")
    }

    /// Sends tokens of the first account through their wrapper.
    ///
    /// # Panics
    /// If layer 1 refuses.
    pub fn deposit_tokens(&mut self, routing: &[u8], amount: u128) -> Receipt {
        let wrapper = Contracts::default().token_wrapper;
        let Some(Code::TokenWrapper(code)) = self.layer1.contract(&wrapper) else {
            panic!("no wrapper");
        };
        let calls = code.deposit(wrapper, self.address, routing.to_vec(), amount);
        let done = self.layer1.operate_all(&signer(0), calls);
        done.expect("the account is rich")
    }

    /// The tez of one of layer 1's accounts.
    #[must_use]
    pub fn tez(&self, account: usize) -> Mutez {
        let account = Contract::Implicit(signer(account));
        self.layer1.ledger().balance(&account)
    }

    /// The tokens of one of layer 1's accounts.
    ///
    /// # Panics
    /// If there is no token.
    #[must_use]
    pub fn tokens(&self, account: usize) -> u128 {
        match self.layer1.contract(&Contracts::default().token) {
            Some(Code::Token(token)) => token.balance(Contract::Implicit(signer(account)).into()),
            other => panic!("{other:?}"),
        }
    }

    /// The tickets of `ticketer` that layer 1 holds for the rollup.
    #[must_use]
    pub fn tickets(&self, ticketer: [u8; 20]) -> u128 {
        let id = TicketId::of(ticketer);
        let owner = Account::Rollup(self.address);
        self.layer1.ledger().tickets(owner, &id)
    }
}

fn signer(index: usize) -> [u8; 21] {
    devnet::accounts()[index]
}
