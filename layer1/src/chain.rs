//! The whole: operations, levels, executed outbox messages.

mod saved;

pub use saved::Before;

use crate::account::{Account, Address, Mutez};
use crate::call::Call;
use crate::contracts::{Code, Frame};
use crate::failure::Failure;
use crate::inboxes::Inboxes;
use crate::ledger::Ledger;
use crate::outbox::{Outbox, OutboxPosition, Parameters, Status};
use crate::value::{Type, Value};
use messages::contract::Contract;
use messages::inbox::{self, Transfer};
use messages::micheline::Node;
use messages::outbox::{Entrypoint, MAX_MESSAGE, Message, Transaction};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The messages that every level begins with: its start, and what it knows of
/// its predecessor.
const FIRST_MESSAGES: u32 = 2;

/// The chain id for `CHAIN_ID`: `NetX…` of a chain that is no other.
pub const CHAIN_ID: [u8; 4] = *b"dev1";

/// The most internal operations of one operation; gas bounds them on layer 1.
const MAX_INTERNAL: usize = 1000;

/// The result of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The level that it is in.
    pub level: u32,
    /// The numbers of the inbox messages that it brought, in that level.
    pub messages: Vec<u32>,
}

/// Why an outbox message is not executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError {
    /// There is no such message.
    #[error("there is no message {} in the outbox of level {}", .0.index, .0.level)]
    Unknown(OutboxPosition),
    /// Its commitment is not cemented.
    #[error("not cemented yet: it can be executed from level {0} on")]
    NotCemented(u32),
    /// It can no longer be executed.
    #[error("expired: nobody executed it in time")]
    Expired,
    /// It was executed before.
    #[error("it was executed at level {0}")]
    Executed(u32),
    /// One of its calls fails: none has happened, and it can be tried again.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Layer 1 around one rollup.
#[derive(Clone, Debug)]
pub struct Layer1 {
    state: State,
    parameters: Parameters,
    outbox: Outbox,
    inboxes: Inboxes,
}

/// The state that operations change: all of it, or nothing.
#[derive(Clone, Debug)]
struct State {
    ledger: Ledger,
    contracts: BTreeMap<[u8; 20], Code>,
    rollup: [u8; 20],
    level: u32,
    /// `NOW` of operations: the timestamp of the block before, in seconds since 1970.
    now: i64,
    /// Messages to the rollup by this level's operations.
    inbox: Vec<Vec<u8>>,
}

impl Layer1 {
    /// A layer 1 without accounts and contracts, around `rollup` (the 20 bytes
    /// behind `sr1…`), before level 0.
    #[must_use]
    pub fn new(rollup: [u8; 20], parameters: Parameters) -> Self {
        Self {
            state: State {
                ledger: Ledger::default(),
                contracts: BTreeMap::new(),
                rollup,
                level: 0,
                now: 0,
                inbox: Vec::new(),
            },
            parameters,
            outbox: Outbox::default(),
            inboxes: Inboxes::default(),
        }
    }

    /// Puts a contract at the address with this hash.
    pub fn originate(&mut self, hash: [u8; 20], code: Code) {
        self.state.contracts.insert(hash, code);
    }

    /// Gives somebody tez out of nothing.
    ///
    /// # Errors
    /// [`Failure::Overflow`].
    pub fn fund(&mut self, contract: Contract, amount: Mutez) -> Result<(), Failure> {
        self.state.ledger.fund(contract, amount)
    }

    /// All balances.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// All balances, to change them.
    pub(crate) const fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.state.ledger
    }

    /// The code at an address.
    #[must_use]
    pub fn contract(&self, hash: &[u8; 20]) -> Option<&Code> {
        self.state.contracts.get(hash)
    }

    /// The contracts by their addresses' hashes.
    pub fn contracts(&self) -> impl Iterator<Item = (&[u8; 20], &Code)> {
        self.state.contracts.iter()
    }

    /// The rollup's address: the 20 bytes behind `sr1…`.
    #[must_use]
    pub const fn rollup(&self) -> [u8; 20] {
        self.state.rollup
    }

    /// The fixed parameters.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The level that operations go into now.
    #[must_use]
    pub const fn level(&self) -> u32 {
        self.state.level
    }

    /// `NOW` of operations, in seconds since 1970: the newest timestamp that the rollup was
    /// told.
    #[must_use]
    pub const fn now(&self) -> i64 {
        self.state.now
    }

    /// The rollup's outbox.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The status of an outbox message.
    #[must_use]
    pub fn status(&self, place: OutboxPosition) -> Status {
        self.outbox.status(place, self.level(), &self.parameters)
    }

    /// The rollup's inbox at a level that is over, all messages of it; of the last 4,096
    /// levels, and of the last 16 MB.
    #[must_use]
    pub fn inbox(&self, level: u32) -> Option<&Arc<[Vec<u8>]>> {
        self.inboxes.get(level)
    }

    /// True if operations of this level brought something to the rollup.
    #[must_use]
    pub const fn has_messages(&self) -> bool {
        !self.state.inbox.is_empty()
    }

    /// The inbox messages that this level's operations brought, in order: they
    /// come right behind those that every level begins with.
    #[must_use]
    pub fn messages(&self) -> &[Vec<u8>] {
        &self.state.inbox
    }

    /// Ends `level`: the rollup has read `inbox`, all messages of the level, and
    /// written `outbox`.
    pub fn end_level(&mut self, level: u32, inbox: Vec<Vec<u8>>, outbox: Vec<Vec<u8>>) {
        let told = inbox
            .iter()
            .find_map(|message| match inbox::Message::parse(message) {
                Ok(inbox::Message::InfoPerLevel(info)) => Some(info.predecessor_timestamp),
                _ => None,
            });
        self.state.now = told.unwrap_or(self.state.now);
        self.inboxes.insert(level, inbox);
        self.outbox.add(level, outbox);
        self.state.inbox.clear();
        self.state.level = level.saturating_add(1);
    }

    /// Goes on at `level`, where the rollup is, as after a return to an earlier
    /// state of both.
    pub const fn resume_at(&mut self, level: u32) {
        self.state.level = level;
    }

    /// Runs an operation of the account `source` (`tz…`).
    ///
    /// # Errors
    /// Why it fails; nothing has happened then.
    pub fn operate(&mut self, source: &[u8; 21], call: Call) -> Result<Receipt, Failure> {
        self.operate_all(source, [call])
    }

    /// Runs operations of one source that happen together or not at all.
    ///
    /// # Errors
    /// Why one fails; nothing has happened then.
    pub fn operate_all(
        &mut self,
        source: &[u8; 21],
        calls: impl IntoIterator<Item = Call>,
    ) -> Result<Receipt, Failure> {
        let sender = Contract::Implicit(*source).into();
        self.atomic(|state| {
            for call in calls {
                state.run(source, sender, [call])?;
            }
            Ok(())
        })
    }

    /// Executes an outbox message, in an operation of `source`.
    ///
    /// # Errors
    /// Why not; nothing has happened then.
    pub fn execute(
        &mut self,
        source: &[u8; 21],
        place: OutboxPosition,
    ) -> Result<Receipt, ExecuteError> {
        let Some(message) = self.outbox.get(&place) else {
            return Err(ExecuteError::Unknown(place));
        };
        match self.status(place) {
            Status::Executable => {}
            Status::InOutbox { .. } | Status::Cementing { .. } => {
                let at = self.parameters.executable_at(place.level);
                return Err(ExecuteError::NotCemented(at));
            }
            Status::Executed { at } => return Err(ExecuteError::Executed(at)),
            Status::Expired => return Err(ExecuteError::Expired),
        }
        let message = message.to_vec();
        let receipt = self.atomic(|state| state.execute(source, &message))?;
        self.outbox.executed(place, self.state.level);
        Ok(receipt)
    }

    /// Lets `act` change the state, unless it fails.
    fn atomic(
        &mut self,
        act: impl FnOnce(&mut State) -> Result<(), Failure>,
    ) -> Result<Receipt, Failure> {
        let mut state = self.state.clone();
        let number = |state: &State| FIRST_MESSAGES + state.inbox.len() as u32;
        let first = number(&state);
        act(&mut state)?;
        let receipt = Receipt {
            level: state.level,
            messages: (first..number(&state)).collect(),
        };
        self.state = state;
        Ok(receipt)
    }
}

impl State {
    /// Runs calls of `sender`, each with all that it emits before the next.
    fn run(
        &mut self,
        source: &[u8; 21],
        sender: Account,
        calls: impl IntoIterator<Item = Call>,
    ) -> Result<(), Failure> {
        let mut open: Vec<(Account, Call)> = calls.into_iter().map(|call| (sender, call)).collect();
        open.reverse();
        let mut count = 0;
        while let Some((sender, call)) = open.pop() {
            count += 1;
            if count > MAX_INTERNAL {
                return Err(Failure::TooManyOperations);
            }
            let callee = call.destination.account;
            let emitted = self.apply(source, sender, call)?;
            open.extend(emitted.into_iter().rev().map(|call| (callee, call)));
        }
        Ok(())
    }

    /// Moves what a call carries and runs the code that is called.
    fn apply(
        &mut self,
        source: &[u8; 21],
        sender: Account,
        call: Call,
    ) -> Result<Vec<Call>, Failure> {
        let Call {
            destination,
            amount,
            parameter,
        } = call;
        let ty = self.entrypoint(&destination)?;
        // Code emits values of Rust types; those of operations may be any.
        let fits = Node::parse(&parameter.encode()).is_ok_and(|node| ty.read(node).is_some());
        if !fits {
            return Err(Failure::IllTyped {
                expected: ty.to_string(),
                destination,
            });
        }
        match (sender, destination.account) {
            (_, Account::Rollup(_)) if amount > Mutez::ZERO => return Err(Failure::TezToRollup),
            (Account::Contract(from), Account::Contract(to)) => {
                self.ledger.pay(from, to, amount)?;
            }
            _ => {}
        }
        for ticket in parameter.tickets() {
            self.ledger.give(sender, destination.account, ticket)?;
        }
        match destination.account {
            Account::Rollup(_) => self.post(source, sender, &parameter),
            Account::Contract(Contract::Implicit(_)) => Ok(Vec::new()),
            Account::Contract(Contract::Originated(hash)) => {
                // Away from its place, so that it can change the rest.
                let code = self.contracts.remove(&hash);
                let mut code = code.ok_or(Failure::NoContract(destination.account))?;
                let mut frame = Frame {
                    ledger: &mut self.ledger,
                    own: hash,
                    sender,
                    amount,
                    rollup: self.rollup,
                    now: self.now,
                };
                let emitted = code.call(&mut frame, &destination.entrypoint, parameter)?;
                self.contracts.insert(hash, code);
                Ok(emitted)
            }
        }
    }

    /// The type of an entrypoint.
    fn entrypoint(&self, address: &Address) -> Result<Type, Failure> {
        let default = address.entrypoint == Entrypoint::DEFAULT.as_str();
        let ty = match address.account {
            Account::Rollup(hash) if hash != self.rollup => {
                return Err(Failure::NoContract(address.account));
            }
            Account::Rollup(_) => default.then(Type::rollup),
            Account::Contract(Contract::Implicit(_)) => default.then_some(Type::Unit),
            Account::Contract(Contract::Originated(hash)) => {
                let code = self.contracts.get(&hash);
                code.ok_or(Failure::NoContract(address.account))?
                    .entrypoint(&address.entrypoint)
            }
        };
        ty.ok_or_else(|| Failure::NoEntrypoint(address.clone()))
    }

    /// Puts a call of the rollup into its inbox.
    fn post(
        &mut self,
        source: &[u8; 21],
        sender: Account,
        parameter: &Value,
    ) -> Result<Vec<Call>, Failure> {
        let caller = sender.code_hash();
        let message = inbox::Message::Transfer(Transfer {
            payload: &parameter.encode(),
            sender: &caller.ok_or(Failure::CallerWithoutCode(sender))?,
            source,
            destination: &self.rollup,
        })
        .encode();
        if message.len() > MAX_MESSAGE {
            return Err(Failure::MessageTooLong(message.len()));
        }
        self.inbox.push(message);
        Ok(Vec::new())
    }

    /// Does what an outbox message asks for.
    fn execute(&mut self, source: &[u8; 21], message: &[u8]) -> Result<(), Failure> {
        let calls: Vec<Call> = match Message::parse(message).map_err(Failure::Unreadable)? {
            Message::Batch(transactions) => transactions
                .iter()
                .map(|transaction| self.call(transaction, None))
                .collect::<Result<_, _>>()?,
            Message::TypedBatch(transactions) => transactions
                .iter()
                .map(|typed| self.call(&typed.transaction, Some(typed.parameters_ty)))
                .collect::<Result<_, _>>()?,
            Message::WhitelistUpdate(_) => return Err(Failure::PublicRollup),
            // A word to layer 1 that no contract hears.
            Message::CanonicalRollupSignal(_) => Vec::new(),
        };
        self.run(source, Account::Rollup(self.rollup), calls)
    }

    /// A call that the rollup makes, its parameter typed by the entrypoint.
    fn call(
        &self,
        transaction: &Transaction<'_>,
        named: Option<Node<'_>>,
    ) -> Result<Call, Failure> {
        let contract = Account::originated(transaction.destination);
        let destination = contract.at(transaction.entrypoint.as_str());
        let ty = self.entrypoint(&destination)?;
        let expected = ty.to_string();
        if named.is_some_and(|named| !ty.is(named)) {
            return Err(Failure::OtherType {
                destination,
                expected,
            });
        }
        let Some(parameter) = ty.read(transaction.parameters) else {
            return Err(Failure::IllTyped {
                destination,
                expected,
            });
        };
        Ok(Call {
            destination,
            amount: Mutez::ZERO,
            parameter,
        })
    }
}
