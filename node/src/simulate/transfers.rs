//! Logs in their order, with one for each movement of wei.

use alloy_primitives::{Address, B256, Bytes, Log, LogData, U256, address, b256};
use revm::Inspector;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::{
    CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, InterpreterTypes,
};

/// The apparent source of logs about movements of wei, as in go-ethereum.
const TOKEN: Address = address!("0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");

/// `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Gathers logs, and movements of wei if it is asked to.
#[derive(Clone, Debug, Default)]
pub struct Transfers {
    on: bool,
    logs: Vec<Log>,
    /// The logs before each open frame: one that fails takes back its own.
    open: Vec<usize>,
}

impl Transfers {
    /// None yet.
    #[must_use]
    pub const fn new(on: bool) -> Self {
        Self {
            on,
            logs: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Takes what was gathered.
    pub fn take(&mut self) -> Vec<Log> {
        self.open.clear();
        std::mem::take(&mut self.logs)
    }

    fn moved(&mut self, from: Address, to: Address, value: U256) {
        if self.on && !value.is_zero() {
            let topics = vec![TRANSFER, from.into_word(), to.into_word()];
            let data = Bytes::from(value.to_be_bytes_vec());
            self.logs.push(Log {
                address: TOKEN,
                data: LogData::new_unchecked(topics, data),
            });
        }
    }

    fn end(&mut self, failed: bool) {
        if let Some(before) = self.open.pop()
            && failed
        {
            self.logs.truncate(before);
        }
    }
}

impl<C: revm::context_interface::ContextTr> Inspector<C, EthInterpreter> for Transfers
where
    EthInterpreter: InterpreterTypes,
{
    fn log(&mut self, _: &mut C, log: Log) {
        if self.on {
            self.logs.push(log);
        }
    }

    fn call(&mut self, _: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.open.push(self.logs.len());
        if matches!(inputs.scheme, CallScheme::Call)
            && let Some(value) = inputs.transfer_value()
        {
            self.moved(inputs.transfer_from(), inputs.transfer_to(), value);
        }
        None
    }

    fn call_end(&mut self, _: &mut C, _: &CallInputs, outcome: &mut CallOutcome) {
        self.end(!outcome.result.result.is_ok());
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        use revm::context_interface::JournalTr;
        self.open.push(self.logs.len());
        let caller = context.journal_mut().load_account(inputs.caller()).ok()?;
        let nonce = caller.data.info.nonce;
        let created = inputs.created_address(nonce);
        self.moved(inputs.caller(), created, inputs.value());
        None
    }

    fn create_end(&mut self, _: &mut C, _: &CreateInputs, outcome: &mut CreateOutcome) {
        self.end(!outcome.result.result.is_ok());
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.moved(contract, target, value);
    }
}
