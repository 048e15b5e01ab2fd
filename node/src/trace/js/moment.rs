//! What a tracer's functions ask about: the step that runs, the frame that is entered or
//! left, the state at that moment.

use alloy_primitives::map::HashSet;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use pvm::Durable;
use revm::interpreter::SharedMemory;
use revm::state::EvmState;
use std::cell::RefCell;
use std::rc::Rc;
use storage::StorageError;
use storage::layout::{ACCOUNTS, CODE, SLOTS};

/// The step that runs.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) op: u8,
    pub(super) pc: usize,
    /// Before it.
    pub(super) gas: u64,
    pub(super) cost: u64,
    /// 1 in the outermost frame.
    pub(super) depth: usize,
    /// The refunds so far, in gas.
    pub(super) refund: i64,
    pub(super) error: Option<String>,
    pub(super) stack: Vec<U256>,
    pub(super) memory: Option<SharedMemory>,
    pub(super) caller: Address,
    pub(super) address: Address,
    pub(super) value: U256,
    pub(super) input: Bytes,
}

/// A frame that is entered.
#[derive(Debug, Default)]
pub(super) struct Entered {
    pub(super) kind: &'static str,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) input: Bytes,
    pub(super) gas: u64,
    pub(super) value: Option<U256>,
}

/// A frame that is left.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) gas_used: u64,
    pub(super) output: Bytes,
    pub(super) error: Option<String>,
}

/// The state that all functions of a tracer share.
pub(super) type Shared = Rc<RefCell<Moment>>;

/// The facts that can be asked about.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) step: Step,
    pub(super) entered: Entered,
    pub(super) left: Left,
    /// The accounts that were read or changed so far.
    pub(super) state: EvmState,
    /// That at the beginning.
    pub(super) base: Durable,
    pub(super) precompiles: HashSet<Address>,
    /// Why the trace must end, whatever the tracer does about it.
    pub(super) failure: Option<String>,
}

/// An account as tracers see it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) balance: U256,
    pub(super) nonce: u64,
    code_hash: B256,
    code: Option<Bytes>,
}

impl Moment {
    pub(super) fn new(base: Durable) -> Self {
        Self {
            step: Step::default(),
            entered: Entered::default(),
            left: Left::default(),
            state: EvmState::default(),
            base,
            precompiles: HashSet::default(),
            failure: None,
        }
    }

    /// The account at an address; `None`: there is none.
    pub(super) fn account(&self, address: Address) -> Result<Option<Seen>, StorageError> {
        if let Some(account) = self.state.get(&address) {
            if account.is_loaded_as_not_existing_not_touched() {
                return Ok(None);
            }
            let info = &account.info;
            let code = info.code.as_ref();
            return Ok(Some(Seen {
                balance: info.balance,
                nonce: info.nonce,
                code_hash: info.code_hash,
                code: code.map(|code| code.original_bytes()),
            }));
        }
        let account = ACCOUNTS.get(&self.base, &address)?;
        Ok(account.map(|account| Seen {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code: None,
        }))
    }

    /// The code of an account.
    pub(super) fn code(&self, address: Address) -> Result<Bytes, StorageError> {
        let account = self.account(address)?.unwrap_or_default();
        if let Some(code) = account.code {
            return Ok(code);
        }
        if [B256::ZERO, KECCAK256_EMPTY].contains(&account.code_hash) {
            return Ok(Bytes::new());
        }
        let code = CODE.get(&self.base, &account.code_hash)?;
        Ok(code.unwrap_or_default())
    }

    /// The value of a slot.
    pub(super) fn slot(&self, address: Address, slot: U256) -> Result<U256, StorageError> {
        if let Some(account) = self.state.get(&address) {
            if let Some(slot) = account.storage.get(&slot) {
                return Ok(slot.present_value);
            }
            if account.is_created() || account.is_loaded_as_not_existing() {
                return Ok(U256::ZERO);
            }
        }
        let value = SLOTS.get(&self.base, &(address, slot))?;
        Ok(value.unwrap_or_default())
    }
}
