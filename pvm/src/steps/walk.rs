//! A call of the host that looks at more of durable storage than one proof can have: it is made in several
//! steps, each of which looks at a bounded part.
//!
//! The way to a path is gone down in pieces. At its end, where little is left to be looked at, the call is
//! made on the part of storage that lies there ([`crate::durable::Way`]); then it is gone back, and what
//! came of it put in place of what was there. Names are listed in pieces, too. A call whose ways are short is made at
//! once, as most are.

mod form;
mod listing;
#[cfg(test)]
mod tests;

use super::chain::{Chain, Link};
use crate::context::{Context, Stop};
use crate::durable::{Cut, Durable, Unavailable, Way};
use crate::host_functions::keys;
use crate::memory::Memory;
use crate::store::OwnedKey;
use host::HostError;
use kernel_module::imports::{HostCall as Function, IMPORTS};
use listing::Listing;
use std::sync::Arc;
use step_machine::Hash;

pub(super) use form::touched;

/// A call of the host, between two of its steps.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// Number of parts of the call that are done.
    part: u8,
    /// `true` on the way back.
    back: bool,
    /// The storage behind the way.
    focus: Durable,
    /// The way.
    way: Chain<Frame>,
    /// The copied storage.
    held: Durable,
    /// The kernel's answer at the end of the way back.
    answer: i64,
    listing: Option<Listing>,
}

/// A piece of a way.
#[derive(Clone, Debug)]
struct Frame {
    /// Storage from the beginning of this piece on.
    storage: Durable,
    /// Number of parts of the tree.
    parts: u32,
}

/// A call with its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called<'c> {
    /// The function's number.
    pub(super) place: usize,
    pub(super) args: &'c [i64],
    /// Most bytes of records that are read at once.
    pub(super) most: usize,
}

/// The outcome of one step of a call.
#[derive(Debug)]
pub(super) enum Walked {
    /// To another.
    On(Box<Walk>),
    /// To its answer.
    Done(i64),
}

/// The work of one part of a call at the end of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All that the call does.
    Call,
    /// Lists names.
    List,
    /// Holds what is to be copied or moved.
    Take,
    /// Takes away what was moved.
    Cut,
    /// Puts what is held in place of what is there.
    Replace,
}

impl Part {
    const fn all(function: Function) -> &'static [Self] {
        match function {
            Function::StoreCopy => &[Self::Take, Self::Replace],
            Function::StoreMove => &[Self::Take, Self::Cut, Self::Replace],
            Function::StoreListSize | Function::StoreGetNthKey => &[Self::List],
            _ => &[Self::Call],
        }
    }

    /// Which of the call's paths it goes.
    const fn path(self) -> usize {
        match self {
            Self::Replace => 1,
            _ => 0,
        }
    }
}

/// The most parts of storage that a step's proof has.
pub(super) const SHOWN: usize = 2;

/// Makes a call of the host, or a step of it: `walk` is the call that is being made, if one is.
pub(super) fn call(
    called: Called<'_>,
    walk: Option<Walk>,
    memory: &mut dyn Memory,
    context: &mut Context,
) -> Result<Walked, Stop> {
    let Some(function) = IMPORTS.get(called.place).and_then(|import| import.call) else {
        return context
            .call_on(called.place, called.args, memory)
            .map(Walked::Done);
    };
    let paths = keys(function, called.args, memory)?;
    let walk = match walk {
        Some(walk) if !paths.is_empty() => walk,
        None if is_long(function, &paths, called.most, &context.durable)? => {
            Walk::new(&context.durable)
        }
        _ => {
            return context
                .call_on(called.place, called.args, memory)
                .map(Walked::Done);
        }
    };
    walk.step((function, &paths), called, memory, context)
}

/// Returns `true` if a call reads more than can be read at once.
fn is_long(
    function: Function,
    paths: &[OwnedKey],
    most: usize,
    durable: &Durable,
) -> Result<bool, Unavailable> {
    for path in paths {
        if let Way::Long { .. } = durable.way(path.key().as_bytes(), most)? {
            return Ok(true);
        }
    }
    match (Part::all(function), paths) {
        ([Part::List], [path]) => Ok(!durable.lists_at_once(path.key().as_bytes(), most)?),
        _ => Ok(false),
    }
}

impl Walk {
    fn new(durable: &Durable) -> Self {
        Self {
            part: 0,
            back: false,
            focus: durable.clone(),
            way: Chain::default(),
            held: Durable::new(),
            answer: 0,
            listing: None,
        }
    }

    fn step(
        mut self,
        (function, paths): (Function, &[OwnedKey]),
        called: Called<'_>,
        memory: &mut dyn Memory,
        context: &mut Context,
    ) -> Result<Walked, Stop> {
        let part = Part::all(function).get(usize::from(self.part)).copied();
        let path = part.and_then(|part| paths.get(part.path()));
        let (Some(part), Some(path)) = (part, path) else {
            return Err(no_walk("it is over").into());
        };
        let key = path.key().as_bytes();
        if let Some(listing) = self.listing.take() {
            return self.list(listing, called, memory, context);
        }
        if self.back {
            let frame = self.way.pop()?;
            self.focus = frame.storage.plugged(key, frame.parts, &self.focus)?;
            return Ok(self.settle(function, context));
        }
        if let Way::Long { parts, below } = self.focus.way(key, called.most)? {
            let storage = std::mem::replace(&mut self.focus, below);
            self.way.push(Frame { storage, parts });
            return Ok(Walked::On(Box::new(self)));
        }
        match part {
            Part::Call => {
                let before = self.focus.clone();
                let all = std::mem::replace(&mut context.durable, self.focus);
                let answered = context.call_on(called.place, called.args, memory);
                self.focus = std::mem::replace(&mut context.durable, all);
                self.answer = answered?;
                if self.focus == before {
                    return Ok(Walked::Done(self.answer));
                }
            }
            Part::List => {
                let listing = Listing::new(self.focus.list(key)?);
                return self.list(listing, called, memory, context);
            }
            Part::Take => {
                if let Some(answer) = self.take(function, paths)? {
                    return Ok(Walked::Done(answer));
                }
                return Ok(self.next(function, context));
            }
            Part::Cut => self.focus.cut(key, Cut::Subtree)?,
            Part::Replace => self.focus.replace(key, &self.held)?,
        }
        self.back = true;
        Ok(self.settle(function, context))
    }

    /// Holds what is to be copied or moved; gives the answer where nothing follows.
    fn take(&mut self, function: Function, paths: &[OwnedKey]) -> Result<Option<i64>, Unavailable> {
        let [from, to] = paths else {
            return Err(no_walk("it has one path"));
        };
        let moves = function == Function::StoreMove;
        if to.key().writable().is_err() || moves && from.key().writable().is_err() {
            return Ok(Some(HostError::ReadOnly.code().into()));
        }
        let Some(held) = self.focus.taken(from.key().as_bytes())? else {
            return Ok(Some(HostError::NotANode.code().into()));
        };
        self.held = held;
        Ok((from.key() == to.key()).then_some(0))
    }

    /// Once the way was gone back, what came of this part is all of the storage.
    fn settle(mut self, function: Function, context: &mut Context) -> Walked {
        if !self.way.is_empty() {
            return Walked::On(Box::new(self));
        }
        context.durable = std::mem::take(&mut self.focus);
        self.next(function, context)
    }

    /// The next part of the call.
    fn next(mut self, function: Function, context: &Context) -> Walked {
        self.part += 1;
        if Part::all(function).len() <= usize::from(self.part) {
            return Walked::Done(self.answer);
        }
        self.back = false;
        self.way = Chain::default();
        self.focus = context.durable.clone();
        Walked::On(Box::new(self))
    }

    /// Lists more names.
    fn list(
        mut self,
        mut listing: Listing,
        called: Called<'_>,
        memory: &mut dyn Memory,
        context: &mut Context,
    ) -> Result<Walked, Stop> {
        if !listing.go_on(called)? {
            self.listing = Some(listing);
            return Ok(Walked::On(Box::new(self)));
        }
        context.listed = Some(listing.listed());
        let answered = context.call_on(called.place, called.args, memory);
        context.listed = None;
        answered.map(Walked::Done)
    }
}

fn no_walk(why: &str) -> Unavailable {
    Unavailable::Elsewhere(Arc::from(format!("no call of the host is made so: {why}")))
}

impl Link for Frame {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.storage.root_hash().to_vec();
        bytes.extend((self.storage.skipped() as u16).to_le_bytes());
        bytes.extend(self.parts.to_le_bytes());
        bytes
    }
}
