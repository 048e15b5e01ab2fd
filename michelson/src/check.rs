//! The typechecker: what each instruction does to the types of the stack.
//!
//! A stack is a vector whose last item is the top.

use crate::encoding;
use crate::error::Error;
use crate::syntax::Node;
use crate::ty::Type;

/// The types of a stack, its top last.
pub type Stack = Vec<Type>;

/// The scope in which code is checked.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// The contract's parameter type, with its entrypoints.
    pub parameter: &'s Node,
}

/// The stack behind `code`; none if it always fails.
///
/// # Errors
/// The instruction that does not fit.
pub fn code(code: &Node, mut stack: Stack, scope: Scope<'_>) -> Result<Option<Stack>, Error> {
    let Node::Sequence(instructions) = code else {
        return instruction(code, stack, scope);
    };
    for (index, one) in instructions.iter().enumerate() {
        match instruction(one, stack, scope)? {
            Some(behind) => stack = behind,
            None if index + 1 == instructions.len() => return Ok(None),
            // What stands behind a failure never runs.
            None => return Err(Error::NoInstruction(one.clone())),
        }
    }
    Ok(Some(stack))
}

/// The stack behind one instruction; none if it always fails.
///
/// # Errors
/// As [`code`].
pub fn instruction(node: &Node, stack: Stack, scope: Scope<'_>) -> Result<Option<Stack>, Error> {
    let Node::Prim { name, args, .. } = node else {
        return match node {
            Node::Sequence(_) => code(node, stack, scope),
            _ => Err(Error::NoInstruction(node.clone())),
        };
    };
    let wrong = |mut stack: Stack| {
        stack.reverse();
        Error::Stack {
            instruction: Box::new(node.clone()),
            stack,
        }
    };
    match (name.as_str(), &args[..]) {
        ("FAILWITH", []) => match stack.last() {
            Some(ty) if ty.is_plain() => Ok(None),
            _ => Err(wrong(stack)),
        },
        ("DIP", [Node::Int(depth), body]) => dip(node, *depth, body, stack, scope),
        ("DIP", [body]) => dip(node, 1, body, stack, scope),
        ("LOOP" | "ITER", [body]) => repeat(node, name, body, stack, scope),
        ("IF" | "IF_NONE" | "IF_LEFT" | "IF_CONS", [one, other]) => {
            let (left, right) = branches(name, &stack).ok_or_else(|| wrong(stack))?;
            let ends = (code(one, left, scope)?, code(other, right, scope)?);
            match ends {
                (Some(left), Some(right)) if left != right => Err(Error::Branches {
                    instruction: Box::new(node.clone()),
                    left,
                    right,
                }),
                (Some(stack), _) | (None, Some(stack)) => Ok(Some(stack)),
                (None, None) => Ok(None),
            }
        }
        _ => {
            let behind = match typed(node, &stack, scope)? {
                Some(behind) => Some(behind),
                None => plain(name, args, stack.clone()),
            };
            behind.map(Some).ok_or_else(|| wrong(stack))
        }
    }
}

fn dip(
    node: &Node,
    depth: i128,
    body: &Node,
    mut stack: Stack,
    scope: Scope<'_>,
) -> Result<Option<Stack>, Error> {
    let kept = usize::try_from(depth)
        .ok()
        .and_then(|depth| stack.len().checked_sub(depth));
    let Some(kept) = kept else {
        stack.reverse();
        return Err(Error::Stack {
            instruction: Box::new(node.clone()),
            stack,
        });
    };
    let top = stack.split_off(kept);
    // Code below others may not end in a failure.
    let Some(mut behind) = code(body, stack, scope)? else {
        return Err(Error::NoInstruction(node.clone()));
    };
    behind.extend(top);
    Ok(Some(behind))
}

/// `LOOP` and `ITER`: the body gives the stack back that it took.
fn repeat(
    node: &Node,
    name: &str,
    body: &Node,
    mut stack: Stack,
    scope: Scope<'_>,
) -> Result<Option<Stack>, Error> {
    let over = stack.pop();
    let below = stack.clone();
    let mut expected = below.clone();
    let item = match (name, over) {
        ("LOOP", Some(Type::Bool)) => {
            expected.push(Type::Bool);
            None
        }
        ("ITER", Some(Type::List(item) | Type::Set(item))) => Some(*item),
        ("ITER", Some(Type::Map(key, value))) => Some(Type::Pair(key, value)),
        (_, over) => {
            stack.extend(over);
            stack.reverse();
            return Err(Error::Stack {
                instruction: Box::new(node.clone()),
                stack,
            });
        }
    };
    stack.extend(item);
    match code(body, stack, scope)? {
        Some(behind) if behind != expected => Err(Error::Branches {
            instruction: Box::new(node.clone()),
            left: behind,
            right: expected,
        }),
        _ => Ok(Some(below)),
    }
}

/// The stacks that the two branches of a condition start with.
fn branches(name: &str, stack: &[Type]) -> Option<(Stack, Stack)> {
    let (top, below) = stack.split_last()?;
    let with =
        |types: &[&Type]| [below, &types.iter().copied().cloned().collect::<Vec<_>>()].concat();
    Some(match (name, top) {
        ("IF", Type::Bool) => (with(&[]), with(&[])),
        ("IF_NONE", Type::Option(inside)) => (with(&[]), with(&[inside])),
        ("IF_LEFT", Type::Or(left, right)) => (with(&[left]), with(&[right])),
        ("IF_CONS", Type::List(item)) => (with(&[top, item]), with(&[])),
        _ => return None,
    })
}

/// Instructions that name a type or a value; none for others.
fn typed(node: &Node, stack: &[Type], scope: Scope<'_>) -> Result<Option<Stack>, Error> {
    let Node::Prim { name, args, .. } = node else {
        return Ok(None);
    };
    let mut stack = stack.to_vec();
    let boxed = |ty: Type| Box::new(ty);
    match (name.as_str(), &args[..]) {
        ("PUSH", [ty, value]) => {
            let ty = Type::read(ty)?;
            encoding::read(value, &ty)?;
            if !ty.is_plain() {
                return Ok(None);
            }
            stack.push(ty);
        }
        ("NIL", [ty]) => stack.push(Type::List(boxed(Type::read(ty)?))),
        ("NONE", [ty]) => stack.push(Type::Option(boxed(Type::read(ty)?))),
        ("EMPTY_MAP", [key, value]) => {
            stack.push(Type::Map(
                boxed(Type::read(key)?),
                boxed(Type::read(value)?),
            ));
        }
        ("LEFT", [other]) => match stack.pop() {
            Some(top) => stack.push(Type::Or(boxed(top), boxed(Type::read(other)?))),
            None => return Ok(None),
        },
        ("RIGHT", [other]) => match stack.pop() {
            Some(top) => stack.push(Type::Or(boxed(Type::read(other)?), boxed(top))),
            None => return Ok(None),
        },
        ("CONTRACT", [ty]) if stack.pop() == Some(Type::Address) => {
            let contract = Type::Contract(boxed(Type::read(ty)?));
            stack.push(Type::Option(boxed(contract)));
        }
        ("SELF", []) => {
            let name = node.field().unwrap_or("default");
            let (ty, _) = entrypoint(scope.parameter, name)?;
            stack.push(Type::Contract(boxed(ty)));
        }
        _ => return Ok(None),
    }
    Ok(Some(stack))
}

/// Instructions that do with the stack alone.
fn plain(name: &str, args: &[Node], mut stack: Stack) -> Option<Stack> {
    let number = |default: usize| match args {
        [] => Some(default),
        [Node::Int(number)] => usize::try_from(*number).ok(),
        _ => None,
    };
    let place = |stack: &Stack, depth: usize| stack.len().checked_sub(depth + 1);
    match name {
        "DROP" => {
            let left = stack.len().checked_sub(number(1)?)?;
            stack.truncate(left);
        }
        "DUP" => {
            let at = place(&stack, number(1)?.checked_sub(1)?)?;
            let ty = stack[at].clone();
            ty.is_duplicable().then(|| stack.push(ty))?;
        }
        "DIG" => {
            let at = place(&stack, number(0)?)?;
            let ty = stack.remove(at);
            stack.push(ty);
        }
        "DUG" => {
            let at = place(&stack, number(0)?)?;
            let ty = stack.pop()?;
            stack.insert(at, ty);
        }
        "PAIR" => {
            let count = number(2)?;
            let mut parts = stack.split_off(stack.len().checked_sub(count)?).into_iter();
            let last = parts.next().filter(|_| count > 1)?;
            let comb = parts.fold(last, |rest, one| Type::Pair(Box::new(one), Box::new(rest)));
            stack.push(comb);
        }
        "UNPAIR" => {
            let mut parts = Vec::new();
            let mut rest = stack.pop()?;
            for _ in 1..number(2)?.max(2) {
                let Type::Pair(first, second) = rest else {
                    return None;
                };
                parts.push(*first);
                rest = *second;
            }
            stack.push(rest);
            stack.extend(parts.into_iter().rev());
        }
        _ if args.is_empty() => {
            let (taken, given) = match gives_two(name, &stack) {
                Some((taken, given)) => (taken, given.to_vec()),
                None => effect(name, &stack).map(|(taken, given)| (taken, vec![given]))?,
            };
            stack.truncate(stack.len() - taken);
            stack.extend(given);
        }
        _ => return None,
    }
    Some(stack)
}

/// Instructions that give two: how many types they take, and what they give, the top
/// last.
fn gives_two(name: &str, stack: &[Type]) -> Option<(usize, [Type; 2])> {
    Some(match (name, stack) {
        ("SWAP", [.., b, a]) => (2, [a.clone(), b.clone()]),
        (
            "GET_AND_UPDATE",
            [
                ..,
                map @ (Type::Map(key, value) | Type::BigMap(key, value)),
                Type::Option(new),
                a,
            ],
        ) if **key == *a && new == value => (3, [map.clone(), Type::Option(value.clone())]),
        ("READ_TICKET", [.., ticket @ Type::Ticket(content)]) => {
            let rest = Type::Pair(content.clone(), Box::new(Type::Nat));
            let read = Type::Pair(Box::new(Type::Address), Box::new(rest));
            (1, [ticket.clone(), read])
        }
        _ => return None,
    })
}

/// The number of types that an instruction without arguments takes, and the types that it gives.
fn effect(name: &str, stack: &[Type]) -> Option<(usize, Type)> {
    use Type::{Address, Bool, Bytes, Int, Mutez, Nat, Timestamp, Unit};
    let boxed = |ty: &Type| Box::new(ty.clone());
    let two = |top: Type, below: Type| Type::Pair(Box::new(top), Box::new(below));
    Some(match (name, stack) {
        ("UNIT", _) => (0, Unit),
        ("AMOUNT" | "BALANCE", _) => (0, Mutez),
        ("SENDER" | "SOURCE" | "SELF_ADDRESS", _) => (0, Address),
        ("NOW", _) => (0, Timestamp),
        ("CHAIN_ID", _) => (0, Type::ChainId),
        ("SOME", [.., a]) => (1, Type::Option(boxed(a))),
        ("CAR", [.., Type::Pair(a, _)]) => (1, (**a).clone()),
        ("CDR", [.., Type::Pair(_, b)]) => (1, (**b).clone()),
        ("CONS", [.., list @ Type::List(item), a]) if **item == *a => (2, list.clone()),
        (
            "SIZE",
            [
                ..,
                Bytes | Type::String | Type::List(_) | Type::Set(_) | Type::Map(..),
            ],
        ) => (1, Nat),
        (
            "MEM",
            [
                ..,
                Type::Set(key) | Type::Map(key, _) | Type::BigMap(key, _),
                a,
            ],
        ) if **key == *a => (2, Bool),
        ("GET", [.., Type::Map(key, value) | Type::BigMap(key, value), a]) if **key == *a => {
            (2, Type::Option(value.clone()))
        }
        ("COMPARE", [.., b, a]) if a == b && a.is_comparable() => (2, Int),
        ("EQ" | "NEQ" | "LT" | "GT" | "LE" | "GE", [.., Int]) => (1, Bool),
        ("AND" | "OR", [.., Bool, Bool]) => (2, Bool),
        ("NOT", [.., Bool]) => (1, Bool),
        ("ADD", [.., Nat, Nat]) => (2, Nat),
        ("ADD", [.., Mutez, Mutez]) => (2, Mutez),
        ("ADD", [.., Int | Nat, Int | Nat]) => (2, Int),
        ("SUB", [.., Int | Nat, Int | Nat]) => (2, Int),
        ("MUL", [.., Nat, Nat]) => (2, Nat),
        ("MUL", [.., Nat, Mutez] | [.., Mutez, Nat]) => (2, Mutez),
        ("EDIV", [.., Nat, Nat]) => (2, Type::Option(Box::new(two(Nat, Nat)))),
        ("EDIV", [.., Mutez, Mutez]) => (2, Type::Option(Box::new(two(Nat, Mutez)))),
        ("ABS", [.., Int]) => (1, Nat),
        ("BYTES", [.., Nat | Int]) => (1, Bytes),
        ("CONCAT", [.., Bytes, Bytes]) => (2, Bytes),
        ("SLICE", [.., Bytes, Nat, Nat]) => (3, Type::Option(Box::new(Bytes))),
        ("PACK", [.., a]) if a.is_plain() => (1, Bytes),
        ("BLAKE2B" | "SHA256" | "KECCAK", [.., Bytes]) => (1, Bytes),
        ("CHECK_SIGNATURE", [.., Bytes, Type::Signature, Type::Key]) => (3, Bool),
        ("IMPLICIT_ACCOUNT", [.., Type::KeyHash]) => (1, Type::Contract(Box::new(Unit))),
        ("ADDRESS", [.., Type::Contract(_)]) => (1, Address),
        ("TRANSFER_TOKENS", [.., Type::Contract(ty), Mutez, a]) if **ty == *a => {
            (3, Type::Operation)
        }
        ("TICKET", [.., Nat, a]) if a.is_comparable() => {
            (2, Type::Option(Box::new(Type::Ticket(boxed(a)))))
        }
        _ => return None,
    })
}

/// The type of an entrypoint, and how its values are wrapped into the parameter:
/// `false` for `Left`, outermost first. Without one of that name, `default` is all.
///
/// # Errors
/// [`Error::NoEntrypoint`].
pub fn entrypoint(parameter: &Node, name: &str) -> Result<(Type, Vec<bool>), Error> {
    if let Some((node, way)) = find(parameter, name) {
        return Ok((Type::read_field(node)?, way));
    }
    if name == "default" {
        return Ok((Type::read_field(parameter)?, Vec::new()));
    }
    Err(Error::NoEntrypoint(name.to_owned()))
}

fn find<'n>(node: &'n Node, wanted: &str) -> Option<(&'n Node, Vec<bool>)> {
    if node.field() == Some(wanted) {
        return Some((node, Vec::new()));
    }
    let Node::Prim { name, args, .. } = node else {
        return None;
    };
    let [left, right] = &args[..] else {
        return None;
    };
    if name != "or" {
        return None;
    }
    let go = |inside, is_right: bool| {
        let (node, mut way) = find(inside, wanted)?;
        way.insert(0, is_right);
        Some((node, way))
    };
    go(left, false).or_else(|| go(right, true))
}
