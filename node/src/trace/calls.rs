//! The calls of a transaction as a list, in the order in which they were made: nothing here goes as
//! deep as they do.

use super::replay::{Before, BeforeError};
use alloy_primitives::KECCAK256_EMPTY;
use alloy_rpc_types_trace::geth::{CallFrame, DiffMode, PreStateConfig, PreStateFrame};
use evm_kernel::native::trace::Traced;
use host::ReadStore;
use revm::bytecode::Bytecode;
use revm::context_interface::{ContextTr, JournalTr, Transaction as _};
use revm::inspector::JournalExt;
use revm::interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome};
use revm::primitives::{Address, B256, U256};
use revm::{DatabaseRef, Inspector};
use revm_inspectors::tracing::types::CallTraceNode;
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig};
use std::ops::Range;

/// The most bytes that calls were given and are kept, beyond those of one call.
const ROOM: usize = 2 << 20;

/// The first bytes of what a call was given, which name a function.
const SELECTOR: usize = 4;

/// Which calls are told with the bytes that they were given, and how many of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Their numbers.
    pub calls: Range<usize>,
    /// The most bytes of what one was given.
    pub bytes: usize,
}

/// Looks at the calls of a transaction.
#[derive(Debug)]
pub struct Calls {
    /// It keeps all but what they were given.
    tracing: TracingInspector,
    /// The input of each.
    given: Vec<Given>,
    wanted: Wanted,
    /// The bytes that may still be kept of that.
    left: usize,
}

/// The input of a call.
#[derive(Clone, Debug, Default)]
struct Given {
    size: usize,
    /// The first bytes, filled up with zeros.
    selector: [u8; SELECTOR],
    /// As many as are wanted; empty: none are.
    bytes: Vec<u8>,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Row<'c> {
    /// Its number, in the order in which calls were made.
    pub number: usize,
    /// The number of calls that it is inside of.
    pub depth: usize,
    /// The number of the call that made it.
    pub by: Option<usize>,
    /// The number of calls that it made itself.
    pub calls: usize,
    /// What there is of it, as go-ethereum's `callTracer` tells it, without input and inner calls.
    pub frame: CallFrame,
    /// The first bytes that it was given.
    pub input: &'c [u8],
    /// The number of bytes that it was given.
    pub input_size: usize,
    /// The account that got what the contract had when it destroyed itself, and how much.
    pub destroyed: Option<(Address, U256)>,
}

/// The way to what made a transaction fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The numbers of the calls from the first to the innermost that failed with what the outer
    /// ones passed on.
    pub path: Vec<usize>,
    /// The number of the last call that the innermost made, if it failed in a way of its own.
    pub before: Option<usize>,
}

impl Calls {
    /// The bytes of the record of what a call was given, beyond those that are wanted.
    pub(super) const GIVEN: usize = size_of::<Given>();

    /// Looks at all of them, and keeps what these were given.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self {
            tracing: TracingInspector::new(TracingInspectorConfig::none()),
            given: Vec::new(),
            left: ROOM.max(wanted.bytes),
            wanted,
        }
    }

    /// Keeps what the next call is given, which is so deep.
    fn gave(&mut self, depth: usize, size: usize, input: &[u8]) {
        if depth == 0 {
            // Another transaction.
            self.tracing.fuse();
            self.given.clear();
            self.left = ROOM.max(self.wanted.bytes);
        }
        let mut given = Given {
            size,
            ..Given::default()
        };
        for (to, from) in given.selector.iter_mut().zip(input) {
            *to = *from;
        }
        if self.wanted.calls.contains(&self.given.len()) {
            let most = input.len().min(self.wanted.bytes).min(self.left);
            self.left -= most;
            given.bytes = input.get(..most).unwrap_or_default().to_vec();
        }
        self.given.push(given);
    }

    /// The number of calls.
    #[must_use]
    pub fn count(&self) -> usize {
        self.given.len()
    }

    /// Tells the first call what the transaction says of it.
    pub fn finish(&mut self, traced: &Traced) {
        self.tracing
            .set_transaction_gas_limit(traced.transaction.gas_limit());
        self.tracing
            .set_transaction_caller(traced.transaction.caller());
        self.tracing
            .set_transaction_gas_used(traced.result.result.tx_gas_used());
    }

    fn node(&self, number: usize) -> Option<&CallTraceNode> {
        self.tracing.traces().nodes().get(number)
    }

    /// A call.
    #[must_use]
    pub fn row(&self, number: usize) -> Option<Row<'_>> {
        let (node, given) = (self.node(number)?, self.given.get(number)?);
        let mut frame = node.geth_empty_call_frame(false);
        if number == 0 {
            // The transaction's, also where the first call failed and all was taken.
            frame.gas_used = U256::from(node.trace.gas_used);
        }
        let selector = given.selector.get(..given.size.min(SELECTOR));
        let trace = &node.trace;
        let heir = trace.selfdestruct_refund_target;
        Some(Row {
            number,
            depth: trace.depth,
            by: node.parent,
            calls: node.children.len(),
            frame,
            input: match given.bytes.is_empty() {
                true => selector.unwrap_or_default(),
                false => &given.bytes,
            },
            input_size: given.size,
            destroyed: heir.map(|heir| {
                let value = trace.selfdestruct_transferred_value;
                (heir, value.unwrap_or_default())
            }),
        })
    }

    /// The way to what made it fail: of no calls if it did not.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let mut failure = Failure::default();
        // Inner calls have higher numbers, so this ends.
        let mut next = self.node(0).filter(|node| !node.trace.success);
        while let Some(node) = next {
            failure.path.push(node.idx);
            let last = node.children.last().and_then(|last| self.node(*last));
            let last = last.filter(|last| !last.trace.success);
            failure.before = last.map(|last| last.idx);
            next = last.filter(|last| passed_on(node, last));
        }
        failure
    }

    /// What the transaction changed, account by account, codes left out.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn changes<S: ReadStore>(
        &self,
        traced: &Traced,
        before: &Before<'_, S>,
    ) -> Result<DiffMode, BeforeError> {
        let config = PreStateConfig {
            diff_mode: Some(true),
            disable_code: Some(true),
            ..PreStateConfig::default()
        };
        let builder = self.tracing.geth_builder();
        let frame = builder.geth_prestate_traces(&traced.result, &config, before)?;
        Ok(match frame {
            PreStateFrame::Diff(changes) => changes,
            PreStateFrame::Default(_) => DiffMode::default(),
        })
    }
}

/// Whether a call failed with what its last call did, or since that had no gas left.
fn passed_on(outer: &CallTraceNode, last: &CallTraceNode) -> bool {
    let (outer, last) = (
        outer.geth_empty_call_frame(false),
        last.geth_empty_call_frame(false),
    );
    let out_of_gas = last.error.is_some_and(|error| error.contains("out of gas"));
    out_of_gas || outer.output.unwrap_or_default() == last.output.unwrap_or_default()
}

/// The accounts with another code after a transaction: the bytes of the code before and after it.
///
/// # Errors
/// If durable storage cannot be read.
pub fn code_sizes<S: ReadStore>(
    traced: &Traced,
    before: &Before<'_, S>,
) -> Result<Vec<(Address, [usize; 2])>, BeforeError> {
    let is_none = |hash: B256| hash == KECCAK256_EMPTY || hash.is_zero();
    let mut sizes = Vec::new();
    for (address, account) in &traced.result.state {
        let old = before.basic_ref(*address)?.unwrap_or_default().code_hash;
        let (new, code) = (account.info.code_hash, account.info.code.as_ref());
        if new == old || is_none(new) && is_none(old) {
            continue;
        }
        let size = |code: &Bytecode| code.original_byte_slice().len();
        let old = match is_none(old) {
            true => 0,
            false => size(&before.code_by_hash_ref(old)?),
        };
        let new = code.filter(|_| !is_none(new)).map_or(0, size);
        sizes.push((*address, [old, new]));
    }
    Ok(sizes)
}

impl<C: ContextTr<Journal: JournalExt>> Inspector<C> for Calls {
    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let depth = context.journal_ref().depth();
        let input = inputs.input.as_bytes(context);
        self.gave(depth, inputs.input.len(), &input);
        drop(input);
        self.tracing.call(context, inputs)
    }

    fn call_end(&mut self, context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.tracing.call_end(context, inputs, outcome);
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let code = inputs.init_code();
        self.gave(context.journal_ref().depth(), code.len(), code);
        self.tracing.create(context, inputs)
    }

    fn create_end(&mut self, context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.tracing.create_end(context, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        Inspector::<C>::selfdestruct(&mut self.tracing, contract, target, value);
    }
}
