//! The evaluator: runs code on values, and checks the types of each instruction as it
//! comes.

use crate::check::{self, Scope};
use crate::encoding;
use crate::error::Error;
use crate::syntax::Node;
use crate::ty::Type;
use crate::value::{Ticket, Transfer, Value};
use messages::hash::blake2b_256;
use std::fmt;

/// The facts that code asks of layer 1.
pub trait World {
    /// True if an address (22 bytes, and an entrypoint unless it is `default`) takes
    /// parameters of a type.
    fn takes(&self, address: &[u8], ty: &Type) -> bool;

    /// True if `signature` is that of `message` by `key`, all in binary.
    fn is_signed(&self, key: &[u8], signature: &[u8], message: &[u8]) -> bool;
}

/// The call that code runs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The contract itself: 22 bytes.
    pub own: Vec<u8>,
    /// The caller.
    pub sender: Vec<u8>,
    /// The amount that came along, in mutez.
    pub amount: u64,
    /// Seconds since 1970.
    pub now: i64,
    /// The chain.
    pub chain_id: [u8; 4],
}

/// Why code fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// `FAILWITH`.
    #[error("fails with {0}")]
    With(Node),
    /// A sum or product beyond what layer 1 holds.
    #[error("a sum overflows")]
    Overflow,
    /// Code or a value of a wrong type: nothing of it would be on layer 1.
    #[error(transparent)]
    Type(#[from] Error),
    /// The evaluator and the typechecker disagree.
    #[error("`{0}` is checked, but not evaluated here")]
    Unknown(String),
}

/// The values and types of a stack, the top last.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    values: Vec<Value>,
    types: check::Stack,
}

/// Runs code.
pub struct Evaluator<'e> {
    /// The call.
    pub context: &'e Context,
    /// The rest of layer 1.
    pub world: &'e dyn World,
    /// The contract's entrypoints.
    pub scope: Scope<'e>,
}

impl fmt::Debug for Evaluator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluator")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl Stack {
    /// A stack of one value.
    #[must_use]
    pub fn of(value: Value, ty: Type) -> Self {
        Self {
            values: vec![value],
            types: vec![ty],
        }
    }

    /// The value at the top, taken off.
    pub fn pop(&mut self) -> Option<Value> {
        self.types.pop();
        self.values.pop()
    }

    fn push(&mut self, value: Value, ty: Type) {
        self.values.push(value);
        self.types.push(ty);
    }

    /// Takes the top off; its type is known.
    fn take(&mut self) -> Result<(Value, Type), Failure> {
        let top = self.values.pop().zip(self.types.pop());
        top.ok_or_else(|| Failure::Unknown("an empty stack".to_owned()))
    }

    /// Keeps all above `depth` apart.
    fn split(&mut self, depth: usize) -> Self {
        let at = self.values.len().saturating_sub(depth);
        Self {
            values: self.values.split_off(at),
            types: self.types.split_off(at),
        }
    }
}

impl Evaluator<'_> {
    /// Runs code on a stack.
    ///
    /// # Errors
    /// Why it fails.
    pub fn run(&self, code: &Node, stack: &mut Stack) -> Result<(), Failure> {
        let Node::Sequence(instructions) = code else {
            return self.instruction(code, stack);
        };
        instructions
            .iter()
            .try_for_each(|one| self.instruction(one, stack))
    }

    fn instruction(&self, node: &Node, stack: &mut Stack) -> Result<(), Failure> {
        let Node::Prim { name, args, .. } = node else {
            return self.run(node, stack);
        };
        // Both branches of a condition are checked, the one that is not taken, too.
        let behind = check::instruction(node, stack.types.clone(), self.scope)?;
        match (name.as_str(), &args[..]) {
            ("FAILWITH", []) => Err(Failure::With(encoding::write(&stack.take()?.0))),
            ("DIP", [body]) => self.dip(1, body, stack),
            ("DIP", [Node::Int(depth), body]) => self.dip(*depth as usize, body, stack),
            ("LOOP", [body]) => {
                while stack.take()?.0 == Value::Bool(true) {
                    self.run(body, stack)?;
                }
                Ok(())
            }
            ("ITER", [body]) => self.iter(body, stack),
            ("IF" | "IF_NONE" | "IF_LEFT" | "IF_CONS", [one, other]) => {
                let taken = branch(stack)?;
                self.run(if taken { one } else { other }, stack)
            }
            _ => {
                self.plain(name, node, &mut stack.values)?;
                stack.types = behind.unwrap_or_default();
                match (stack.types.last(), stack.values.last()) {
                    (Some(Type::Mutez), Some(Value::Int(sum)))
                        if !(0..=i64::MAX.into()).contains(sum) =>
                    {
                        Err(Failure::Overflow)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn dip(&self, depth: usize, body: &Node, stack: &mut Stack) -> Result<(), Failure> {
        let top = stack.split(depth);
        self.run(body, stack)?;
        stack.values.extend(top.values);
        stack.types.extend(top.types);
        Ok(())
    }

    fn iter(&self, body: &Node, stack: &mut Stack) -> Result<(), Failure> {
        let (items, ty) = match stack.take()? {
            (Value::List(items), Type::List(ty)) => (items, *ty),
            (Value::Set(items), Type::Set(ty)) => (items.into_iter().collect(), *ty),
            (Value::Map(entries), Type::Map(key, value)) => {
                let pairs = entries.into_iter();
                let pairs = pairs.map(|(key, value)| Value::pair(key, value));
                (pairs.collect(), Type::Pair(key, value))
            }
            _ => return Err(Failure::Unknown("ITER".to_owned())),
        };
        for item in items {
            stack.push(item, ty.clone());
            self.run(body, stack)?;
        }
        Ok(())
    }

    /// Instructions without code in them, on values.
    fn plain(&self, name: &str, node: &Node, stack: &mut Vec<Value>) -> Result<(), Failure> {
        let Node::Prim { args, .. } = node else {
            return Ok(());
        };
        let unknown = || Failure::Unknown(name.to_owned());
        if let Some(value) = self.constant(name, node)? {
            stack.push(value);
            return Ok(());
        }
        if moves(name, args, stack) {
            return Ok(());
        }
        if let ("CONTRACT", [ty]) = (name, &args[..]) {
            let Some(Value::Bytes(address)) = stack.pop() else {
                return Err(unknown());
            };
            stack.push(self.contract(address, node.field(), &Type::read(ty).map_err(Error::from)?));
            return Ok(());
        }
        if name == "TRANSFER_TOKENS" {
            return self.transfer(stack).ok_or_else(unknown);
        }
        if name == "CHECK_SIGNATURE" {
            let taken = (stack.pop(), stack.pop(), stack.pop());
            let (Some(Value::Bytes(key)), Some(Value::Bytes(signature)), Some(Value::Bytes(bytes))) =
                taken
            else {
                return Err(unknown());
            };
            stack.push(Value::Bool(self.world.is_signed(&key, &signature, &bytes)));
            return Ok(());
        }
        if name == "TICKET" {
            let (content, amount) = (stack.pop(), stack.pop());
            let (Some(content), Some(Value::Int(amount))) = (content, amount) else {
                return Err(unknown());
            };
            let ticket = Ticket {
                ticketer: self.context.own.clone(),
                content,
                amount,
            };
            let made = (amount > 0).then(|| Value::Ticket(Box::new(ticket)));
            stack.push(Value::option(made));
            return Ok(());
        }
        compute(name, stack)
    }

    /// Values that are on no stack.
    fn constant(&self, name: &str, node: &Node) -> Result<Option<Value>, Failure> {
        let Node::Prim { args, .. } = node else {
            return Ok(None);
        };
        let context = self.context;
        Ok(Some(match (name, &args[..]) {
            ("PUSH", [ty, value]) => encoding::read(value, &Type::read(ty).map_err(Error::from)?)?,
            ("NIL", _) => Value::List(Vec::new()),
            ("NONE", _) => Value::Option(None),
            ("EMPTY_MAP", _) => Value::Map(std::collections::BTreeMap::new()),
            ("UNIT", _) => Value::Unit,
            ("AMOUNT", _) => Value::Int(context.amount.into()),
            ("SENDER", _) => Value::Bytes(context.sender.clone()),
            ("SELF_ADDRESS", _) => Value::Bytes(context.own.clone()),
            ("NOW", _) => Value::Int(context.now.into()),
            ("CHAIN_ID", _) => Value::Bytes(context.chain_id.to_vec()),
            ("SELF", _) => Value::Contract(at(&context.own, node.field().unwrap_or_default())),
            _ => return Ok(None),
        }))
    }

    /// `CONTRACT`: the contract, if its entrypoint takes parameters of the type.
    fn contract(&self, address: Vec<u8>, field: Option<&str>, ty: &Type) -> Value {
        let named = address.len() > 22;
        let address = match field {
            None | Some("default") => address,
            // Two names for one entrypoint: which is meant?
            Some(_) if named => return Value::Option(None),
            Some(name) => at(&address, name),
        };
        let there = self.world.takes(&address, ty);
        Value::option(there.then_some(Value::Contract(address)))
    }

    fn transfer(&self, stack: &mut Vec<Value>) -> Option<()> {
        let parameter = stack.pop()?;
        let (Value::Int(amount), Value::Contract(destination)) = (stack.pop()?, stack.pop()?)
        else {
            return None;
        };
        let transfer = Transfer {
            destination,
            amount: u64::try_from(amount).ok()?,
            parameter,
        };
        stack.push(Value::Operation(Box::new(transfer)));
        Some(())
    }
}

/// An address with the name of an entrypoint.
fn at(address: &[u8], entrypoint: &str) -> Vec<u8> {
    let name = if entrypoint == "default" {
        ""
    } else {
        entrypoint
    };
    [address, name.as_bytes()].concat()
}

/// Takes a condition apart; whether the first branch is taken.
fn branch(stack: &mut Stack) -> Result<bool, Failure> {
    Ok(match stack.take()? {
        (Value::Bool(condition), _) => condition,
        (Value::Option(None), _) => true,
        (Value::Option(Some(inside)), Type::Option(ty)) => {
            stack.push(*inside, *ty);
            false
        }
        (Value::Left(inside), Type::Or(ty, _)) => {
            stack.push(*inside, *ty);
            true
        }
        (Value::Right(inside), Type::Or(_, ty)) => {
            stack.push(*inside, *ty);
            false
        }
        (Value::List(mut items), Type::List(ty)) => {
            if items.is_empty() {
                return Ok(false);
            }
            let first = items.remove(0);
            stack.push(Value::List(items), Type::List(ty.clone()));
            stack.push(first, *ty);
            true
        }
        _ => return Err(Failure::Unknown("a condition".to_owned())),
    })
}

/// Instructions that move values, or take them apart; `false` for others. The types
/// have been checked: there is enough on the stack.
fn moves(name: &str, args: &[Node], stack: &mut Vec<Value>) -> bool {
    let number = match args {
        [Node::Int(number)] => Some(*number as usize),
        _ => None,
    };
    let len = stack.len();
    match name {
        "DROP" => stack.truncate(len - number.unwrap_or(1)),
        "DUP" => stack.push(stack[len - number.unwrap_or(1)].clone()),
        "SWAP" => stack.swap(len - 1, len - 2),
        "DIG" => {
            let value = stack.remove(len - 1 - number.unwrap_or(0));
            stack.push(value);
        }
        "DUG" => {
            let value = stack.pop().unwrap_or(Value::Unit);
            stack.insert(len - 1 - number.unwrap_or(0), value);
        }
        "PAIR" => {
            let parts = stack.split_off(len - number.unwrap_or(2)).into_iter();
            stack.extend(parts.reduce(|rest, one| Value::pair(one, rest)));
        }
        "UNPAIR" => {
            let mut parts = Vec::new();
            let mut rest = stack.pop().unwrap_or(Value::Unit);
            for _ in 1..number.unwrap_or(2) {
                if let Value::Pair(first, second) = rest {
                    parts.push(*first);
                    rest = *second;
                }
            }
            stack.push(rest);
            stack.extend(parts.into_iter().rev());
        }
        _ => return false,
    }
    true
}

/// Instructions that compute with the top of the stack.
#[cfg_attr(
    not(test),
    expect(clippy::too_many_lines, reason = "a table of instructions")
)]
fn compute(name: &str, stack: &mut Vec<Value>) -> Result<(), Failure> {
    use Value::{Bytes, Int};
    let unknown = || Failure::Unknown(name.to_owned());
    let a = stack.pop().ok_or_else(unknown)?;
    let mut next = || stack.pop().ok_or_else(unknown);
    let value = match (name, a) {
        ("SOME", a) => Value::option(Some(a)),
        ("LEFT", a) => Value::left(a),
        ("RIGHT", a) => Value::right(a),
        ("CAR", Value::Pair(first, _)) => *first,
        ("CDR", Value::Pair(_, second)) => *second,
        ("CONS", a) => match next()? {
            Value::List(mut items) => {
                items.insert(0, a);
                Value::List(items)
            }
            _ => return Err(unknown()),
        },
        ("SIZE", Bytes(bytes)) => Int(bytes.len() as i128),
        ("SIZE", Value::List(items)) => Int(items.len() as i128),
        ("SIZE", Value::Set(items)) => Int(items.len() as i128),
        ("SIZE", Value::Map(entries)) => Int(entries.len() as i128),
        ("MEM", a) => Value::Bool(match next()? {
            Value::Set(items) => items.contains(&a),
            Value::Map(entries) => entries.contains_key(&a),
            _ => return Err(unknown()),
        }),
        ("GET", a) => match next()? {
            Value::Map(entries) => Value::option(entries.get(&a).cloned()),
            _ => return Err(unknown()),
        },
        ("GET_AND_UPDATE", a) => match (next()?, next()?) {
            (Value::Option(new), Value::Map(mut entries)) => {
                let old = match new {
                    Some(new) => entries.insert(a, *new),
                    None => entries.remove(&a),
                };
                stack.push(Value::Map(entries));
                Value::option(old)
            }
            _ => return Err(unknown()),
        },
        ("COMPARE", a) => Int(a.cmp(&next()?) as i128),
        ("EQ", Int(a)) => Value::Bool(a == 0),
        ("NEQ", Int(a)) => Value::Bool(a != 0),
        ("LT", Int(a)) => Value::Bool(a < 0),
        ("GT", Int(a)) => Value::Bool(a > 0),
        ("LE", Int(a)) => Value::Bool(a <= 0),
        ("GE", Int(a)) => Value::Bool(a >= 0),
        ("NOT", Value::Bool(a)) => Value::Bool(!a),
        ("AND", Value::Bool(a)) => Value::Bool((next()? == Value::Bool(true)) & a),
        ("OR", Value::Bool(a)) => Value::Bool((next()? == Value::Bool(true)) | a),
        ("ABS", Int(a)) => Int(a.abs()),
        ("ADD" | "SUB" | "MUL" | "EDIV", Int(a)) => match next()? {
            Int(b) => arithmetic(name, a, b)?,
            _ => return Err(unknown()),
        },
        // Two's complement, and nothing for 0.
        ("BYTES", Int(a)) if a >= 0 => {
            let bytes = a.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            Bytes(bytes[zeros..].to_vec())
        }
        ("CONCAT", Bytes(a)) => match next()? {
            Bytes(b) => Bytes([a, b].concat()),
            _ => return Err(unknown()),
        },
        ("SLICE", Int(offset)) => match (next()?, next()?) {
            (Int(len), Bytes(bytes)) => Value::option(slice(&bytes, offset, len).map(Bytes)),
            _ => return Err(unknown()),
        },
        ("PACK", a) => Bytes(encoding::pack(&a)?),
        ("BLAKE2B", Bytes(a)) => Bytes(blake2b_256(&a).to_vec()),
        ("IMPLICIT_ACCOUNT", Bytes(a)) => Value::Contract([vec![0], a].concat()),
        ("ADDRESS", Value::Contract(a)) => Bytes(a),
        ("READ_TICKET", Value::Ticket(ticket)) => {
            let amount = Value::pair(ticket.content.clone(), Int(ticket.amount));
            let read = Value::pair(Bytes(ticket.ticketer.clone()), amount);
            stack.push(Value::Ticket(ticket));
            read
        }
        _ => return Err(unknown()),
    };
    stack.push(value);
    Ok(())
}

fn arithmetic(name: &str, a: i128, b: i128) -> Result<Value, Failure> {
    let done = match name {
        "ADD" => a.checked_add(b),
        "SUB" => a.checked_sub(b),
        "MUL" => a.checked_mul(b),
        // Of natural numbers and mutez only: no signs.
        _ => {
            let halves = a.checked_div(b).zip(a.checked_rem(b));
            let halves =
                halves.map(|(whole, rest)| Value::pair(Value::Int(whole), Value::Int(rest)));
            return Ok(Value::option(halves));
        }
    };
    done.map(Value::Int).ok_or(Failure::Overflow)
}

/// As `SLICE` has it: the start must be within the bytes.
fn slice(bytes: &[u8], offset: i128, len: i128) -> Option<Vec<u8>> {
    let offset = usize::try_from(offset).ok()?;
    let end = offset.checked_add(usize::try_from(len).ok()?)?;
    (offset < bytes.len()).then(|| bytes.get(offset..end).map(<[u8]>::to_vec))?
}
