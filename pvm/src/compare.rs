//! An engine that runs two engines and compares them.

use crate::context::Context;
use crate::engine::{End, Finished};
use crate::logged::Logged;
use kernel_module::Counted;

/// A run, with who ran it.
pub(crate) struct Ran<'r> {
    engine: &'static str,
    context: &'r Context,
    finished: &'r Finished,
}

impl<'r> Ran<'r> {
    pub(crate) const fn new(
        engine: &'static str,
        context: &'r Context,
        finished: &'r Finished,
    ) -> Self {
        Self {
            engine,
            context,
            finished,
        }
    }

    fn calls(&self) -> &[Logged] {
        self.context.log.as_deref().unwrap_or_default()
    }

    fn end(&self) -> String {
        match &self.finished.end {
            Ok(()) => "it returned".to_owned(),
            Err(end) => end.to_string(),
        }
    }
}

/// The first thing that differs, in words.
pub(crate) fn difference(first: &Ran<'_>, second: &Ran<'_>) -> Option<String> {
    if let Some(place) = first_different(first.calls(), second.calls()) {
        let call = |ran: &Ran<'_>| match ran.calls().get(place) {
            Some(call) => call.to_string(),
            None => "none any more".to_owned(),
        };
        return differs(&format!("host call {place}"), first, second, call);
    }
    if kind(first.finished) != kind(second.finished) {
        return differs("the end of the run", first, second, |ran| ran.end());
    }
    let root = |ran: &Ran<'_>| hex::encode(ran.context.durable.root_hash());
    if root(first) != root(second) {
        return differs("the durable root", first, second, root);
    }
    let outbox = |ran: &Ran<'_>| {
        let messages: Vec<String> = ran.context.outbox.iter().map(hex::encode).collect();
        messages.join(" ")
    };
    if outbox(first) != outbox(second) {
        return differs("the outbox", first, second, outbox);
    }
    let debug = |ran: &Ran<'_>| ran.context.debug_lines.concat();
    if debug(first) != debug(second) {
        return differs("the debug output", first, second, debug);
    }
    let counted = |ran: &Ran<'_>| ran.finished.counted;
    // An engine may repeat a run with a module that counts, where the other did not.
    let both = [first, second]
        .map(counted)
        .iter()
        .all(|of| *of != Counted::default());
    if both && counted(first) != counted(second) {
        let figures = |ran: &Ran<'_>| format!("{:?}", counted(ran));
        return differs("what was counted", first, second, figures);
    }
    None
}

fn differs(
    what: &str,
    first: &Ran<'_>,
    second: &Ran<'_>,
    value: impl Fn(&Ran<'_>) -> String,
) -> Option<String> {
    Some(format!(
        "{what} differs\n  {}: {}\n  {}: {}",
        first.engine,
        value(first),
        second.engine,
        value(second)
    ))
}

fn first_different(first: &[Logged], second: &[Logged]) -> Option<usize> {
    let longest = first.len().max(second.len());
    (0..longest).find(|place| first.get(*place) != second.get(*place))
}

/// The part of an end that must be the same: engines have their own words.
fn kind(finished: &Finished) -> (bool, Result<(), Option<&End>>) {
    let end = match &finished.end {
        Ok(()) => Ok(()),
        Err(End::Other(_)) => Err(None),
        Err(end) => Err(Some(end)),
    };
    (finished.instantiated, end)
}
