//! A tracer and what it has seen.

use super::bindings;
use super::engine::{About, Engine, Hook};
use super::measure::{Measure, Measuring};
use super::moment::{Moment, Shared};
use crate::trace::steps::words;
use alloy_primitives::{B256, Bytes, TxKind};
use evm_kernel::native::simulate::Interrupt;
use evm_kernel::native::trace::Traced;
use pvm::Durable;
use revm::context::BlockEnv;
use revm::context::result::ExecutionResult;
use revm::context_interface::Transaction as _;
use revm::interpreter::InstructionResult;
use std::cell::RefCell;
use std::rc::Rc;

/// A tracer's program, and what it works on.
#[derive(Clone, Debug)]
pub struct Source {
    /// An expression that gives an object with functions.
    pub program: String,
    /// The configuration, as JSON.
    pub config: String,
    /// The state at the beginning.
    pub base: Durable,
    /// Ends it.
    pub interrupt: Interrupt,
}

/// The position of a transaction; none for a call.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The block.
    pub block: B256,
    /// The place in it.
    pub index: usize,
    /// The transaction.
    pub hash: B256,
}

/// A frame that is open.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) input: Bytes,
    /// The refunds of the frames around it.
    pub(super) refunds: i64,
}

/// A tracer that looks on. One that is told of steps wants somebody to measure before: it is
/// told what a step costs before the step is done.
#[derive(Debug)]
pub struct Script {
    source: Rc<Source>,
    pub(super) engine: Engine,
    pub(super) moment: Shared,
    pub(super) measure: Rc<RefCell<Measure>>,
    /// The next transaction is another one.
    pub(super) is_done: bool,
    pub(super) frames: Vec<Frame>,
    /// The refunds so far.
    pub(super) refund: i64,
    /// Why the trace ended.
    failure: Rc<RefCell<Option<String>>>,
}

impl Script {
    /// Reads a tracer.
    ///
    /// # Errors
    /// The fault, in words.
    pub fn new(source: Source) -> Result<Self, String> {
        let source = Rc::new(source);
        let (engine, moment) = read(&source)?;
        Ok(Self {
            source,
            engine,
            moment,
            measure: Rc::default(),
            is_done: false,
            frames: Vec::new(),
            refund: 0,
            failure: Rc::default(),
        })
    }

    /// An inspector that has to run before this one, at the same steps.
    #[must_use]
    pub fn measuring(&self) -> Option<Measuring> {
        let measure = &self.measure;
        self.engine
            .has_steps()
            .then(|| Measuring(Rc::clone(measure)))
    }

    /// Why the trace ended, if it failed; there whatever became of this.
    #[must_use]
    pub fn failure(&self) -> Rc<RefCell<Option<String>>> {
        Rc::clone(&self.failure)
    }

    /// The result of a transaction, as JSON of at most `most` bytes; `None`: it is longer.
    ///
    /// # Errors
    /// The failure, in words.
    pub fn result(
        &mut self,
        place: Option<Place>,
        block: &BlockEnv,
        traced: &Traced,
        most: usize,
    ) -> Result<Option<String>, String> {
        if let Some(why) = self.failure.borrow().clone() {
            return Err(why);
        }
        self.is_done = true;
        self.settle(traced);
        self.engine.result(&about(place, block, traced), most)
    }

    /// Begins with the next transaction: as if nothing had been seen.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        let (engine, moment) = read(&self.source)?;
        self.engine = engine;
        self.moment = moment;
        self.refund = 0;
        Ok(())
    }

    /// The state as it is behind the transaction.
    fn settle(&self, traced: &Traced) {
        let mut moment = self.moment.borrow_mut();
        for (address, after) in &traced.result.state {
            let account = moment
                .state
                .entry(*address)
                .or_insert_with(|| after.clone());
            account.info = after.info.clone();
            account.status = after.status;
            account.storage.extend(
                after
                    .storage
                    .iter()
                    .map(|(slot, value)| (*slot, value.clone())),
            );
        }
    }

    pub(super) fn call(&mut self, hook: Hook) {
        if self.has_failed() {
            return;
        }
        if let Err(why) = self.engine.call(hook) {
            self.fail(why);
        }
    }

    pub(super) fn fail(&self, why: String) {
        self.failure.borrow_mut().get_or_insert(why);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }
}

fn read(source: &Source) -> Result<(Engine, Shared), String> {
    let moment = Rc::new(RefCell::new(Moment::new(source.base.clone())));
    let (program, config) = (&source.program, &source.config);
    let engine = Engine::new(program, config, Rc::clone(&moment), &source.interrupt)?;
    Ok((engine, moment))
}

/// The context that the function `result` gets.
fn about(place: Option<Place>, block: &BlockEnv, traced: &Traced) -> About {
    let (sent, result) = (&traced.transaction, &traced.result.result);
    let (kind, to) = match sent.kind {
        TxKind::Call(to) => ("CALL", to),
        TxKind::Create => {
            let created = match result {
                ExecutionResult::Success { output, .. } => output.address().copied(),
                _ => None,
            };
            let planned = || sent.caller.create(sent.nonce);
            ("CREATE", created.unwrap_or_else(planned))
        }
    };
    let output = result.output().cloned().unwrap_or_default();
    let price = sent.effective_gas_price(block.basefee.into());
    let mut about = About {
        texts: vec![("type", kind.into())],
        bytes: vec![
            ("from", sent.caller.to_vec()),
            ("to", to.to_vec()),
            ("input", sent.data.to_vec()),
            ("output", output.to_vec()),
            ("coinbase", block.beneficiary.to_vec()),
        ],
        numbers: vec![
            ("gas", sent.gas_limit),
            ("gasUsed", traced.gas_used),
            ("block", block.number.saturating_to()),
        ],
        words: vec![
            ("value", bindings::digits(sent.value)),
            ("gasPrice", format!("{price:#x}")),
        ],
    };
    let error = match result {
        ExecutionResult::Success { .. } => None,
        ExecutionResult::Revert { .. } => Some(InstructionResult::Revert),
        ExecutionResult::Halt { reason, .. } => Some(InstructionResult::from(reason.clone())),
    };
    about
        .texts
        .extend(error.map(|error| ("error", words(error))));
    if let Some(place) = place {
        about.bytes.push(("blockHash", place.block.to_vec()));
        about.bytes.push(("txHash", place.hash.to_vec()));
        about.numbers.push(("txIndex", place.index as u64));
    }
    about
}
