//! Looks whether the calls of a transaction have to do with an address, and keeps nothing else:
//! whatever a transaction does, those of its block can be searched.

use alloy_primitives::{Address, U256};
use revm::Inspector;
use revm::context_interface::{ContextTr, JournalTr};
use revm::interpreter::{CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome};

/// Looks for an address.
#[derive(Clone, Debug)]
pub struct Named {
    address: Address,
    found: bool,
    creator: Option<Address>,
}

impl Named {
    /// Looks for `address`.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self {
            address,
            found: false,
            creator: None,
        }
    }

    /// Takes what the transaction had to do with it: whether it did, and who created it there.
    pub const fn take(&mut self) -> (bool, Option<Address>) {
        let found = (self.found, self.creator);
        (self.found, self.creator) = (false, None);
        found
    }

    fn look(&mut self, addresses: [Address; 2]) {
        self.found |= addresses.contains(&self.address);
    }
}

impl<C: ContextTr> Inspector<C> for Named {
    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let (from, to) = match inputs.scheme {
            CallScheme::DelegateCall | CallScheme::CallCode => {
                (inputs.target_address, inputs.bytecode_address)
            }
            CallScheme::Call | CallScheme::StaticCall => (inputs.caller, inputs.target_address),
        };
        let journal = context.journal_ref();
        // As in traces: calls of precompiles are none.
        let is_precompile = journal.depth() > 0
            && inputs.call_value().is_zero()
            && journal.precompile_addresses().contains(&to);
        if !is_precompile {
            self.look([from, to]);
        }
        None
    }

    fn create(&mut self, _: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.look([inputs.caller(), inputs.caller()]);
        None
    }

    fn create_end(&mut self, _: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        if outcome.result.result.is_ok() && outcome.address == Some(self.address) {
            self.found = true;
            self.creator.get_or_insert(inputs.caller());
        }
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, _: U256) {
        self.look([contract, target]);
    }
}
