//! The functions that the node gives to a tracer's engine; `prelude.js` makes of them what
//! tracers see.

use super::moment::{Moment, Seen, Shared};
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use evm_kernel::native::simulate::Interrupt;
use revm::interpreter::interpreter_types::MemoryTr;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};
use std::rc::Rc;
use storage::StorageError;

/// Most bytes behind the end of memory that a tracer may ask for, as in go-ethereum.
const MOST_PADDING: i64 = 1 << 20;

/// The object `host` of the prelude.
pub(super) fn host<'js>(
    ctx: &Ctx<'js>,
    moment: &Shared,
    interrupt: &Interrupt,
) -> Result<Object<'js>> {
    let host = Host {
        object: Object::new(ctx.clone())?,
        ctx,
        moment,
    };
    host.steps()?;
    host.memory()?;
    host.frames()?;
    host.state()?;
    host.helpers(interrupt)?;
    Ok(host.object)
}

/// Bytes as an `Uint8Array`.
pub(super) fn bytes<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<TypedArray<'js, u8>> {
    TypedArray::new_copy(ctx.clone(), bytes)
}

fn of(address: Address) -> Bytes {
    Bytes::copy_from_slice(address.as_slice())
}

/// A number of 256 bits for the prelude.
pub(super) fn digits(word: U256) -> String {
    format!("{word:#x}")
}

struct Host<'h, 'js> {
    object: Object<'js>,
    ctx: &'h Ctx<'js>,
    moment: &'h Shared,
}

impl<'js> Host<'_, 'js> {
    fn set(&self, name: &str, function: Result<Function<'js>>) -> Result<()> {
        self.object.set(name, function?)
    }

    fn number(&self, name: &str, read: fn(&Moment) -> u64) -> Result<()> {
        let moment = Rc::clone(self.moment);
        let function = move || read(&moment.borrow()) as f64;
        self.set(name, Function::new(self.ctx.clone(), function))
    }

    fn text(&self, name: &str, read: fn(&Moment) -> Option<String>) -> Result<()> {
        let moment = Rc::clone(self.moment);
        // `undefined`, where there is none.
        let function = move || read(&moment.borrow());
        self.set(name, Function::new(self.ctx.clone(), function))
    }

    fn word(&self, name: &str, read: fn(&Moment) -> Option<U256>) -> Result<()> {
        let moment = Rc::clone(self.moment);
        let function = move || read(&moment.borrow()).map(digits);
        self.set(name, Function::new(self.ctx.clone(), function))
    }

    fn bytes(&self, name: &str, read: fn(&Moment) -> Bytes) -> Result<()> {
        let moment = Rc::clone(self.moment);
        let function = move |ctx: Ctx<'js>| {
            let read = read(&moment.borrow());
            bytes(&ctx, &read)
        };
        self.set(name, Function::new(self.ctx.clone(), function))
    }

    fn steps(&self) -> Result<()> {
        self.number("op", |moment| moment.step.op.into())?;
        self.number("pc", |moment| moment.step.pc as u64)?;
        self.number("gas", |moment| moment.step.gas)?;
        self.number("cost", |moment| moment.step.cost)?;
        self.number("depth", |moment| moment.step.depth as u64)?;
        self.number("refund", |moment| {
            moment.step.refund.try_into().unwrap_or(0)
        })?;
        self.number("stackLength", |moment| moment.step.stack.len() as u64)?;
        self.text("opName", |moment| {
            Some(crate::trace::opcode_name(moment.step.op))
        })?;
        self.text("error", |moment| moment.step.error.clone())?;
        self.bytes("caller", |moment| of(moment.step.caller))?;
        self.bytes("address", |moment| of(moment.step.address))?;
        self.bytes("input", |moment| moment.step.input.clone())?;
        self.word("value", |moment| Some(moment.step.value))?;
        let moment = Rc::clone(self.moment);
        let peek = move |ctx: Ctx<'js>, index: f64| {
            let (word, size) = {
                let stack = &moment.borrow().step.stack;
                let place = place(index).and_then(|index| stack.len().checked_sub(index + 1));
                (
                    place.and_then(|place| stack.get(place).copied()),
                    stack.len(),
                )
            };
            word.map(digits).ok_or_else(|| {
                let why = format!("tracer accessed out of bound stack: size {size}, index {index}");
                thrown(&ctx, &moment, why)
            })
        };
        self.set("peek", Function::new(self.ctx.clone(), peek))
    }

    fn memory(&self) -> Result<()> {
        self.number("memoryLength", |moment| length(moment) as u64)?;
        let moment = Rc::clone(self.moment);
        let slice = move |ctx: Ctx<'js>, start: f64, end: f64| {
            let slice = slice(&moment.borrow(), start as i64, end as i64);
            let slice = slice.map_err(|why| thrown(&ctx, &moment, why))?;
            bytes(&ctx, &slice)
        };
        self.set("memory", Function::new(self.ctx.clone(), slice))?;
        let moment = Rc::clone(self.moment);
        let word = move |ctx: Ctx<'js>, offset: f64| {
            let size = length(&moment.borrow());
            let start = place(offset).filter(|start| start.saturating_add(32) <= size);
            let Some(start) = start else {
                let why = format!(
                    "tracer accessed out of bound memory: available {size}, offset {offset}, size 32"
                );
                return Err(thrown(&ctx, &moment, why));
            };
            let moment = moment.borrow();
            let memory = moment.step.memory.as_ref();
            let word = memory.map(|memory| U256::from_be_slice(&memory.slice(start..start + 32)));
            Ok(digits(word.unwrap_or_default()))
        };
        self.set("memoryWord", Function::new(self.ctx.clone(), word))
    }

    fn frames(&self) -> Result<()> {
        self.text("frameType", |moment| Some(moment.entered.kind.into()))?;
        self.bytes("frameFrom", |moment| of(moment.entered.from))?;
        self.bytes("frameTo", |moment| of(moment.entered.to))?;
        self.bytes("frameInput", |moment| moment.entered.input.clone())?;
        self.number("frameGas", |moment| moment.entered.gas)?;
        self.word("frameValue", |moment| moment.entered.value)?;
        self.number("leftGas", |moment| moment.left.gas_used)?;
        self.bytes("leftOutput", |moment| moment.left.output.clone())?;
        self.text("leftError", |moment| moment.left.error.clone())
    }

    fn state(&self) -> Result<()> {
        let read = |moment: &Shared, of: fn(Seen) -> U256| {
            let moment = Rc::clone(moment);
            move |ctx: Ctx<'js>, address: String| {
                let account = moment.borrow().account(address_of(&address));
                let account = account.map_err(|why| unread(&ctx, &moment, &why))?;
                Ok::<_, rquickjs::Error>(digits(of(account.unwrap_or_default())))
            }
        };
        let balance = read(self.moment, |account| account.balance);
        self.set("balance", Function::new(self.ctx.clone(), balance))?;
        let moment = Rc::clone(self.moment);
        let nonce = move |ctx: Ctx<'js>, address: String| {
            let account = moment.borrow().account(address_of(&address));
            let account = account.map_err(|why| unread(&ctx, &moment, &why))?;
            Ok::<_, rquickjs::Error>(account.unwrap_or_default().nonce as f64)
        };
        self.set("nonce", Function::new(self.ctx.clone(), nonce))?;
        let moment = Rc::clone(self.moment);
        let exists = move |ctx: Ctx<'js>, address: String| {
            let account = moment.borrow().account(address_of(&address));
            let account = account.map_err(|why| unread(&ctx, &moment, &why))?;
            Ok::<_, rquickjs::Error>(account.is_some())
        };
        self.set("exists", Function::new(self.ctx.clone(), exists))?;
        let moment = Rc::clone(self.moment);
        let code = move |ctx: Ctx<'js>, address: String| {
            let code = moment.borrow().code(address_of(&address));
            bytes(&ctx, &code.map_err(|why| unread(&ctx, &moment, &why))?)
        };
        self.set("code", Function::new(self.ctx.clone(), code))?;
        let moment = Rc::clone(self.moment);
        let slot = move |ctx: Ctx<'js>, address: String, slot: String| {
            let slot = U256::from_be_bytes(word_of(&slot).0);
            let value = moment.borrow().slot(address_of(&address), slot);
            let value = value.map_err(|why| unread(&ctx, &moment, &why))?;
            bytes(&ctx, &value.to_be_bytes::<32>())
        };
        self.set("slot", Function::new(self.ctx.clone(), slot))
    }

    fn helpers(&self, interrupt: &Interrupt) -> Result<()> {
        let moment = Rc::clone(self.moment);
        let fail = move |ctx: Ctx<'js>, why: String| Err::<(), _>(thrown(&ctx, &moment, why));
        self.set("fail", Function::new(self.ctx.clone(), fail))?;
        let interrupt = interrupt.clone();
        let tick = move |ctx: Ctx<'js>| match interrupt.is_set() {
            true => Err(Exception::throw_internal(&ctx, "interrupted")),
            false => Ok(()),
        };
        self.set("tick", Function::new(self.ctx.clone(), tick))?;
        let contract = |ctx: Ctx<'js>, from: String, nonce: f64| {
            bytes(&ctx, address_of(&from).create(nonce as u64).as_slice())
        };
        self.set("contract", Function::new(self.ctx.clone(), contract))?;
        let contract2 = |ctx: Ctx<'js>, from: String, salt: String, code: String| {
            let code = keccak256(hex::decode(code).unwrap_or_default());
            let address = address_of(&from).create2(word_of(&salt), code);
            bytes(&ctx, address.as_slice())
        };
        self.set("contract2", Function::new(self.ctx.clone(), contract2))?;
        let moment = Rc::clone(self.moment);
        let precompiled =
            move |address: String| moment.borrow().precompiles.contains(&address_of(&address));
        self.set(
            "isPrecompiled",
            Function::new(self.ctx.clone(), precompiled),
        )
    }
}

/// Ends the trace, whatever the tracer does about the exception.
fn thrown(ctx: &Ctx<'_>, moment: &Shared, why: String) -> rquickjs::Error {
    let error = Exception::throw_message(ctx, &why);
    moment.borrow_mut().failure.get_or_insert(why);
    error
}

fn unread(ctx: &Ctx<'_>, moment: &Shared, why: &StorageError) -> rquickjs::Error {
    thrown(ctx, moment, why.to_string())
}

/// The last 20 bytes.
fn address_of(digits: &str) -> Address {
    Address::from_word(word_of(digits))
}

/// The last 32 bytes, zeros before them.
fn word_of(digits: &str) -> B256 {
    let last = digits.get(digits.len().saturating_sub(64)..);
    let bytes = hex::decode(last.unwrap_or_default()).unwrap_or_default();
    B256::left_padding_from(&bytes)
}

/// A place in a list; `None`: it is negative or far too high.
fn place(number: f64) -> Option<usize> {
    (0.0..=MAX_PLACE)
        .contains(&number)
        .then_some(number as usize)
}

/// The highest place that numbers of the language tell from the next.
const MAX_PLACE: f64 = 9_007_199_254_740_991.0;

fn length(moment: &Moment) -> usize {
    let memory = moment.step.memory.as_ref();
    memory.map_or(0, MemoryTr::size)
}

/// Bytes of memory, zeros behind its end.
fn slice(moment: &Moment, start: i64, end: i64) -> std::result::Result<Vec<u8>, String> {
    if start == end {
        return Ok(Vec::new());
    }
    if end < start || start < 0 {
        return Err(format!(
            "tracer accessed out of bound memory: offset {start}, end {end}"
        ));
    }
    let size = length(moment);
    if end.saturating_sub(size as i64) > MOST_PADDING {
        return Err(format!(
            "tracer reached limit for padding memory slice: end {end}, memorySize {size}"
        ));
    }
    // In bounds: neither is negative, and memory is not much shorter.
    let (start, end) = (start as usize, end as usize);
    let mut slice = vec![0; end - start];
    if let Some(memory) = &moment.step.memory
        && start < size
    {
        let there = memory.slice(start..end.min(size));
        slice[..there.len()].copy_from_slice(&there);
    }
    Ok(slice)
}
