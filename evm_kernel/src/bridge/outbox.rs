//! The precompile by which the two bridges, and nobody else, send messages to
//! layer 1. A message is a log of this address until the transaction ends.

use super::abi::{self, Arguments};
use super::{COUNTER, FA_BRIDGE, NATIVE_BRIDGE, OUTBOX};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes, Log, U256};
use messages::contract::Contract;
use messages::micheline::{Node, prim, write};
use messages::outbox::{Entrypoint, MAX_MESSAGE, Message, Transaction};
use messages::ticket;
use revm::context_interface::journaled_state::account::JournaledAccountTr;
use revm::context_interface::{Block, ContextTr, JournalTr};
use revm::interpreter::{CallInputs, CallScheme, Gas, InstructionResult, InterpreterResult};
use storage::StorageError;

/// `price()`.
const PRICE: [u8; 4] = [0xa0, 0x35, 0xb1, 0xfe];
/// `pushNative(string)`.
const NATIVE: [u8; 4] = [0x63, 0xeb, 0xe0, 0x70];
/// `pushFastNative(string,string,bytes,address)`.
const FAST_NATIVE: [u8; 4] = [0x57, 0x95, 0xee, 0x1b];
/// `pushTicket(bytes,uint256,bytes22,bytes)`.
const TICKET: [u8; 4] = [0x7f, 0x79, 0xf4, 0x3a];
/// `pushFastTicket(bytes,uint256,bytes22,bytes,string,bytes,address)`.
const FAST_TICKET: [u8; 4] = [0x75, 0x5c, 0x1e, 0x17];

/// The price of a call that may make a message: its way through the queue, and each
/// byte of input like one that is posted. What fails is charged alike.
const GAS: u64 = 25_000;
const GAS_PER_BYTE: u64 = 16;

/// The price of the question for the price.
const PRICE_GAS: u64 = 2_000;

/// The longest input that is looked at, in bytes: the words around the longest
/// message take less than the 1,024 beside it.
const MAX_INPUT: usize = MAX_MESSAGE + 1_024;

/// One mutez is this many wei.
const WEI_PER_MUTEZ: U256 = U256::from_limbs([1_000_000_000_000, 0, 0, 0]);

/// As many messages may wait before the next one costs anything: half of what a
/// level's outbox takes.
const FREE: u64 = 50;

/// The price of the first that costs, in mutez, and after how many more the price
/// has doubled. To take all 100 places of a level costs 1.38 tez, to take those of
/// the next level, too, some 8,000.
const FIRST: u64 = 1_600;
const DOUBLES: u64 = 8;

/// The content of the exchanger's tickets: `Pair 0 None`.
const NATIVE_CONTENT: [u8; 6] = [7, prim::PAIR, 0, 0, 3, prim::NONE];

/// A bridge's request.
#[derive(Debug)]
struct Withdrawal<'b> {
    receiver: Contract,
    ticketer: [u8; 20],
    content: &'b [u8],
    amount: U256,
    /// The receiver of the ticket, and its entrypoint.
    destination: [u8; 20],
    entrypoint: &'static str,
    fast: Option<Fast<'b>>,
}

/// The message for a contract that pays earlier.
#[derive(Debug)]
struct Fast<'b> {
    contract: [u8; 20],
    payload: &'b [u8],
    caller: Address,
}

/// The queue of messages to layer 1, as a block finds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The number of messages that waited when the block began.
    waiting: u64,
    /// The number of the block's first withdrawal.
    first: U256,
}

/// A world that knows the queue.
pub(crate) trait Waiting {
    /// The number of messages that waited for layer 1 when the block began.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    fn waiting(&self) -> Result<u64, StorageError>;
}

/// The price of the next message, in wei, if so many wait.
fn price(waiting: u64) -> U256 {
    let Some(place) = waiting.checked_sub(FREE) else {
        return U256::ZERO;
    };
    let mutez = FIRST / DOUBLES * (DOUBLES + place % DOUBLES);
    // More than there are tez, long before.
    let doubled = (place / DOUBLES).min(64) as usize;
    (U256::from(mutez) * WEI_PER_MUTEZ) << doubled
}

/// Runs a call of [`OUTBOX`] on a rollup whose native tickets `ticketer` makes.
///
/// The caller is checked first: any other than the bridges loses the
/// gas that it gave, as with any precompile that fails. The input is charged before
/// it is copied. `line` is what the block's earlier calls found out.
///
/// # Errors
/// If durable storage fails.
pub(crate) fn run<C: ContextTr<Db: Waiting>>(
    context: &mut C,
    inputs: &CallInputs,
    ticketer: &[u8; 20],
    line: &mut Option<Line>,
) -> Result<InterpreterResult, String> {
    let mut gas = Gas::new(inputs.gas_limit);
    gas.set_reservoir(inputs.reservoir);
    let bridge = matches!(inputs.caller, NATIVE_BRIDGE | FA_BRIDGE);
    let direct = inputs.target_address == OUTBOX
        && matches!(inputs.scheme, CallScheme::Call | CallScheme::StaticCall);
    let len = inputs.input.len();
    let asks = len == PRICE.len();
    if !bridge || !direct || inputs.is_static && !asks {
        return Ok(halt(gas, InstructionResult::PrecompileError));
    }
    if asks {
        return ask(context, inputs, gas, line);
    }
    if !gas.record_regular_cost(GAS + GAS_PER_BYTE * len.min(MAX_INPUT) as u64) {
        return Ok(halt(gas, InstructionResult::PrecompileOOG));
    }
    if len > MAX_INPUT {
        let reason = format!("outbox: {len} bytes of input, over {MAX_INPUT}");
        return Ok(revert(gas, &reason));
    }
    let data = inputs.input.bytes(context);
    let value = inputs.transfer_value().unwrap_or_default();
    let (id, price) = next(context, line)?;
    let withdrawal = match read(&data, inputs.caller, Paid { value, price }, ticketer) {
        Ok(withdrawal) => withdrawal,
        Err(reason) => return Ok(revert(gas, &reason)),
    };
    count(context, id).map_err(|_| unknown_number())?;
    let timestamp = context.block().timestamp();
    let message = withdrawal.message(id, timestamp);
    if message.len() > MAX_MESSAGE {
        let reason = format!(
            "outbox: a message of {} bytes, over {MAX_MESSAGE}",
            message.len()
        );
        return Ok(revert(gas, &reason));
    }
    // What came along is burned: layer 1 pays out all but the price.
    let journal = context.journal_mut();
    let burned = journal
        .load_account_mut(OUTBOX)
        .map(|mut account| account.data.decr_balance(value));
    if !matches!(burned, Ok(true)) {
        return Err("the withdrawn value cannot be burned".to_string());
    }
    journal.log(Log::new_unchecked(OUTBOX, Vec::new(), message.into()));
    let output = withdrawal.output(id).into();
    Ok(InterpreterResult::new(
        InstructionResult::Return,
        output,
        gas,
    ))
}

/// A call that takes all its gas.
fn halt(mut gas: Gas, why: InstructionResult) -> InterpreterResult {
    gas.spend_all();
    InterpreterResult::new(why, Bytes::new(), gas)
}

/// A call that takes what was charged, and says why it failed.
fn revert(gas: Gas, reason: &str) -> InterpreterResult {
    let data = Bytes::from(abi::error(reason));
    InterpreterResult::new(InstructionResult::Revert, data, gas)
}

/// Answers `price()`.
fn ask<C: ContextTr<Db: Waiting>>(
    context: &mut C,
    inputs: &CallInputs,
    mut gas: Gas,
    line: &mut Option<Line>,
) -> Result<InterpreterResult, String> {
    if !gas.record_regular_cost(PRICE_GAS) {
        return Ok(halt(gas, InstructionResult::PrecompileOOG));
    }
    let known = inputs.input.as_bytes(context)[..] == PRICE;
    if !known
        || inputs
            .transfer_value()
            .is_some_and(|value| !value.is_zero())
    {
        return Ok(revert(gas, "outbox: no such function"));
    }
    let (_, price) = next(context, line)?;
    let output = Bytes::from(price.to_be_bytes::<32>());
    Ok(InterpreterResult::new(
        InstructionResult::Return,
        output,
        gas,
    ))
}

/// The number of the next withdrawal, and what its message costs in wei.
fn next<C: ContextTr<Db: Waiting>>(
    context: &mut C,
    line: &mut Option<Line>,
) -> Result<(U256, U256), String> {
    let journal = context.journal_mut();
    let id = journal
        .load_account(COUNTER)
        .map(|_| ())
        .and_then(|()| Ok(journal.sload(COUNTER, U256::ZERO)?.data))
        .map_err(|_| unknown_number())?;
    // The first who asks in a block does so before any withdrawal of the block.
    let known = match *line {
        Some(known) => known,
        None => {
            let waiting = context.db().waiting();
            let waiting = waiting.map_err(|error| error.to_string())?;
            *line.insert(Line { waiting, first: id })
        }
    };
    let made = u64::try_from(id.saturating_sub(known.first)).unwrap_or(u64::MAX);
    Ok((id, price(known.waiting.saturating_add(made))))
}

/// Counts the withdrawal with this number.
fn count<C: ContextTr>(context: &mut C, id: U256) -> Result<(), <C::Db as revm::Database>::Error> {
    let journal = context.journal_mut();
    journal.sstore(COUNTER, U256::ZERO, id.wrapping_add(U256::ONE))?;
    journal.touch_account(COUNTER);
    Ok(())
}

fn unknown_number() -> String {
    "the withdrawal's number cannot be read".to_string()
}

/// The wei that came with a call, and the price of the message.
#[derive(Clone, Copy, Debug)]
struct Paid {
    value: U256,
    price: U256,
}

impl Paid {
    /// The mutez that are left of the value: a whole number, and some.
    fn mutez(self) -> Result<U256, String> {
        let left = self.value.checked_sub(self.price);
        let left = left.ok_or_else(|| self.refused())?;
        let (mutez, rest) = left.div_rem(WEI_PER_MUTEZ);
        if mutez.is_zero() || !rest.is_zero() {
            return Err(format!("outbox: {left} wei are no mutez"));
        }
        Ok(mutez)
    }

    /// Nothing must be left.
    fn exactly(self) -> Result<(), String> {
        (self.value == self.price)
            .then_some(())
            .ok_or_else(|| self.refused())
    }

    fn refused(self) -> String {
        let Self { value, price } = self;
        format!("outbox: the price is {price} wei, not {value}")
    }
}

/// A bridge's request, or the reason why it is refused.
fn read<'b>(
    data: &'b [u8],
    caller: Address,
    paid: Paid,
    ticketer: &[u8; 20],
) -> Result<Withdrawal<'b>, String> {
    let unknown = || "outbox: only for the bridges".to_string();
    let unreadable = || "outbox: arguments cannot be read".to_string();
    let (selector, rest) = data.split_first_chunk::<4>().ok_or_else(unknown)?;
    let arguments = Arguments(rest);
    let native = || -> Result<Withdrawal<'b>, String> {
        let target = arguments.text(0).ok_or_else(unreadable)?;
        Ok(Withdrawal {
            receiver: contract(target)?,
            ticketer: *ticketer,
            content: &NATIVE_CONTENT,
            amount: paid.mutez()?,
            destination: *ticketer,
            entrypoint: "burn",
            fast: None,
        })
    };
    let fast = |at: usize| -> Result<Option<Fast<'b>>, String> {
        let text = arguments.text(at).ok_or_else(unreadable)?;
        let contract = contract(text)?;
        let contract = contract
            .originated()
            .ok_or_else(|| format!("{text} is not a contract that pays earlier"))?;
        Ok(Some(Fast {
            contract: *contract,
            payload: arguments.bytes(at + 1).ok_or_else(unreadable)?,
            caller: arguments.address(at + 2).ok_or_else(unreadable)?,
        }))
    };
    match (caller, *selector) {
        (NATIVE_BRIDGE, NATIVE) => native(),
        (NATIVE_BRIDGE, FAST_NATIVE) => Ok(Withdrawal {
            fast: fast(1)?,
            ..native()?
        }),
        (FA_BRIDGE, TICKET) => {
            paid.exactly()?;
            tickets(arguments)
        }
        (FA_BRIDGE, FAST_TICKET) => {
            paid.exactly()?;
            Ok(Withdrawal {
                fast: fast(4)?,
                ..tickets(arguments)?
            })
        }
        _ => Err(unknown()),
    }
}

/// Routing, amount, ticketer, content: what both functions for tickets begin with.
fn tickets(arguments: Arguments<'_>) -> Result<Withdrawal<'_>, String> {
    let unreadable = || "outbox: arguments cannot be read".to_string();
    let routing = arguments.bytes(0).ok_or_else(unreadable)?;
    let routing: &[u8; 44] = routing.try_into().map_err(|_| {
        format!(
            "routing info of {} bytes, not receiver (22) and proxy (22)",
            routing.len()
        )
    })?;
    let (receiver, proxy) = routing.split_at(22);
    let parse = |bytes: &[u8]| -> Option<Contract> { Contract::parse(bytes.try_into().ok()?).ok() };
    let receiver = parse(receiver).ok_or("routing info names no receiver")?;
    let proxy = parse(proxy).and_then(|proxy| proxy.originated().copied());
    let ticketer = arguments.fixed::<22>(2).ok_or_else(unreadable)?;
    let ticketer = parse(ticketer).and_then(|ticketer| ticketer.originated().copied());
    let content = arguments.bytes(3).ok_or_else(unreadable)?;
    if Node::parse(content).is_err() {
        return Err("the ticket's content is not Micheline".to_string());
    }
    Ok(Withdrawal {
        receiver,
        ticketer: ticketer.ok_or("the ticketer is not a contract")?,
        content,
        amount: arguments.number(1).ok_or_else(unreadable)?,
        destination: proxy.ok_or("routing info's proxy is not a contract")?,
        entrypoint: "withdraw",
        fast: None,
    })
}

/// The contract or account behind a text.
fn contract(text: &str) -> Result<Contract, String> {
    Contract::from_base58(text).map_err(|error| format!("{text} is no address of layer 1: {error}"))
}

impl Withdrawal<'_> {
    /// The message, one call: `Pair receiver ticket` to the contract that takes
    /// the ticket, or what a contract that pays earlier wants to know.
    fn message(&self, id: U256, timestamp: U256) -> Vec<u8> {
        let receiver = |out: &mut Vec<u8>| write::bytes(out, &self.receiver.encode());
        let ticket = |out: &mut Vec<u8>| {
            let ticketer = Contract::Originated(self.ticketer);
            ticket::put(out, &ticketer, self.content, |out| number(out, self.amount));
        };
        let mut parameters = Vec::new();
        let (destination, entrypoint) = match &self.fast {
            None => {
                write::pair(&mut parameters, receiver, ticket);
                (self.destination, self.entrypoint)
            }
            Some(fast) => {
                let words = |out: &mut Vec<u8>| {
                    write::pair(
                        out,
                        |out| write::bytes(out, fast.payload),
                        |out| write::bytes(out, fast.caller.as_slice()),
                    );
                };
                write::pair(
                    &mut parameters,
                    |out| number(out, id),
                    |out| {
                        write::pair(out, ticket, |out| {
                            write::pair(
                                out,
                                |out| number(out, timestamp),
                                |out| write::pair(out, receiver, words),
                            );
                        });
                    },
                );
                (fast.contract, "default")
            }
        };
        let (Ok(parameters), Ok(entrypoint)) =
            (Node::parse(&parameters), Entrypoint::new(entrypoint))
        else {
            return Vec::new();
        };
        Message::Batch(Vec::from([Transaction {
            parameters,
            destination,
            entrypoint,
        }]))
        .encode()
    }

    /// The output for the bridge: receiver, the proxy for tickets, number.
    fn output(&self, id: U256) -> Vec<u8> {
        let mut output = Vec::with_capacity(96);
        let mut left = |bytes: &[u8]| {
            output.extend_from_slice(bytes);
            output.resize(output.len().next_multiple_of(32), 0);
        };
        left(&self.receiver.encode());
        if self.entrypoint == "withdraw" {
            left(&Contract::Originated(self.destination).encode());
        }
        left(&id.to_be_bytes::<32>());
        output
    }
}

fn number(out: &mut Vec<u8>, number: U256) {
    write::int(out, false, &number.to_be_bytes::<32>());
}

#[cfg(test)]
mod tests {
    use super::*;
    use ethereum::keccak::keccak256;

    #[test]
    fn selectors_are_those_of_the_signatures() {
        for (signature, selector) in [
            ("price()", PRICE),
            ("pushNative(string)", NATIVE),
            ("pushFastNative(string,string,bytes,address)", FAST_NATIVE),
            ("pushTicket(bytes,uint256,bytes22,bytes)", TICKET),
            (
                "pushFastTicket(bytes,uint256,bytes22,bytes,string,bytes,address)",
                FAST_TICKET,
            ),
        ] {
            assert_eq!(keccak256(signature)[..4], selector, "{signature}");
        }
    }

    #[test]
    fn the_price_rises_with_every_place_and_never_ends() {
        let mutez = |waiting: u64| price(waiting) / WEI_PER_MUTEZ;
        assert_eq!((mutez(0), mutez(49)), (U256::ZERO, U256::ZERO));
        for (waiting, expected) in [
            (50, 1_600),
            (51, 1_800),
            (57, 3_000),
            (58, 3_200),
            (100, 128_000),
            (200, 734_003_200),
        ] {
            assert_eq!(mutez(waiting), U256::from(expected), "{waiting}");
        }
        for waiting in FREE..FREE + 64 * DOUBLES {
            assert!(price(waiting) < price(waiting + 1), "{waiting}");
            assert!((price(waiting) % WEI_PER_MUTEZ).is_zero());
        }
        assert!(price(u64::MAX) > price(1_000) / U256::from(2));
        let sum = |places: core::ops::Range<u64>| -> U256 { places.map(mutez).sum() };
        assert_eq!(sum(0..100), U256::from(1_376_800));
        assert_eq!(sum(100..200), U256::from(8_125_068_800_u64));
    }
}
