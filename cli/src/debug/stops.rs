//! Breakpoints and steps.

use super::command::{Place, Step};
use pvm::imports::HostCall;
use pvm::names::Names;
use pvm::probe::{Called, Event};
use std::fmt;

/// The current place in a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    /// The level.
    pub(super) level: u32,
    /// The run of the level, from 0; `None` between levels.
    pub(super) run: Option<usize>,
    /// The instructions of the run so far.
    pub(super) instructions: u64,
    /// Those at the event before.
    before: u64,
    /// The functions that are open.
    pub(super) stack: Vec<u32>,
}

impl Moment {
    /// Between two levels.
    pub(super) fn before_level(level: u32) -> Self {
        Self {
            level,
            ..Self::default()
        }
    }

    /// Updates the place from an event. A function that ends still counts as open.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        self.before = self.instructions;
        match *event {
            Event::Run => {
                self.run = Some(self.run.map_or(0, |run| run + 1));
                (self.instructions, self.before) = (0, 0);
                self.stack.clear();
            }
            Event::Enter {
                function,
                instructions,
            } => {
                self.stack.push(function);
                self.instructions = instructions;
            }
            Event::Leave { instructions }
            | Event::Reached { instructions }
            | Event::Ended { instructions, .. } => self.instructions = instructions,
            Event::Call(_) | Event::Answered(_) => {}
        }
    }

    /// True if this number of instructions was just reached.
    const fn reaches(&self, count: u64) -> bool {
        self.before < count && count <= self.instructions
    }
}

/// The places to stop at: once, and always.
#[derive(Debug, Default)]
pub(super) struct Stops {
    goal: Option<Goal>,
    breakpoints: Vec<(usize, Place)>,
    next: usize,
}

/// The end of a step.
#[derive(Clone, Copy, Debug)]
struct Goal {
    step: Step,
    /// The instructions of the run, where that many are the goal.
    count: u64,
    /// The open functions at the start.
    depth: usize,
}

impl Stops {
    /// Goes on to where `step` ends, from `moment` on.
    pub(super) fn go(&mut self, step: Step, moment: &Moment) {
        let count = match step {
            Step::Instructions(count) => moment.instructions.saturating_add(count.max(1)),
            _ => u64::MAX,
        };
        self.goal = Some(Goal {
            step,
            count,
            depth: moment.stack.len(),
        });
    }

    /// True if the run continues beyond the end of a level.
    pub(super) fn continues(&self) -> bool {
        self.goal.is_some_and(|goal| goal.step == Step::Continue)
    }

    /// Nothing is waited for any more.
    pub(super) fn arrive(&mut self) {
        self.goal = None;
    }

    /// Adds a breakpoint; gives its number.
    pub(super) fn add(&mut self, place: Place) -> usize {
        self.next += 1;
        self.breakpoints.push((self.next, place));
        self.next
    }

    /// Takes breakpoints away; whether there was one.
    pub(super) fn delete(&mut self, id: Option<usize>) -> bool {
        let before = self.breakpoints.len();
        self.breakpoints
            .retain(|(known, _)| id.is_some_and(|id| id != *known));
        before > self.breakpoints.len()
    }

    /// The breakpoints.
    pub(super) fn list(&self) -> &[(usize, Place)] {
        &self.breakpoints
    }

    /// Why the run stops at this event, if it does.
    pub(super) fn why(&self, event: &Event<'_>, moment: &Moment, names: &Names) -> Option<String> {
        if let Event::Ended {
            trap: Some(trap), ..
        } = event
        {
            return Some(trap.to_string());
        }
        let broken = self
            .breakpoints
            .iter()
            .find(|(_, place)| meets(place, event, moment, names));
        match (broken, self.goal) {
            (Some((id, place)), _) => Some(format!("breakpoint {id}, {place}")),
            (None, Some(goal)) if goal.ends(event, moment) => Some(String::new()),
            _ => None,
        }
    }

    /// The count of instructions at which the run is looked at next.
    pub(super) fn next_count(&self, moment: &Moment) -> u64 {
        let counts = self
            .breakpoints
            .iter()
            .filter_map(|(_, place)| match place {
                Place::Instruction(count) => Some(*count),
                _ => None,
            });
        let goal = self.goal.map(|goal| goal.count);
        let ahead = counts
            .chain(goal)
            .filter(|count| *count > moment.instructions);
        ahead.min().unwrap_or(u64::MAX)
    }
}

impl Goal {
    fn ends(&self, event: &Event<'_>, moment: &Moment) -> bool {
        match (self.step, event) {
            (Step::Run, Event::Run)
            | (Step::Call, Event::Call(_))
            | (Step::Into, Event::Enter { .. })
            | (
                Step::Result | Step::Into | Step::Out | Step::Instructions(_),
                Event::Ended { .. },
            ) => true,
            (Step::Out, Event::Leave { .. }) => moment.stack.len() <= self.depth,
            (Step::Instructions(_), _) => moment.instructions >= self.count,
            _ => false,
        }
    }
}

fn meets(place: &Place, event: &Event<'_>, moment: &Moment, names: &Names) -> bool {
    match (place, event) {
        (Place::Call(name), Event::Call(called)) => called.name() == name,
        (Place::Path(path), Event::Call(called)) => paths(called).any(|one| below(one, path)),
        (Place::Function(name), Event::Enter { function, .. }) => {
            names.find(name).contains(function)
        }
        (
            Place::Instruction(count),
            Event::Enter { .. } | Event::Leave { .. } | Event::Reached { .. },
        ) => moment.reaches(*count),
        _ => false,
    }
}

/// The paths that a call names.
fn paths(called: &Called) -> impl Iterator<Item = &[u8]> {
    let count = match called.function() {
        Some(HostCall::StoreCopy | HostCall::StoreMove) => 2,
        Some(
            HostCall::ReadInput
            | HostCall::WriteOutput
            | HostCall::WriteDebug
            | HostCall::RevealPreimage
            | HostCall::RevealMetadata
            | HostCall::Reveal,
        )
        | None => 0,
        Some(_) => 1,
    };
    called.given().iter().take(count).map(Vec::as_slice)
}

fn below(path: &[u8], above: &str) -> bool {
    let rest = path.strip_prefix(above.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(name) => write!(f, "call {name}"),
            Self::Path(path) if path.is_empty() => f.write_str("path /"),
            Self::Path(path) => write!(f, "path {path}"),
            Self::Function(name) => write!(f, "function {name}"),
            Self::Instruction(count) => write!(f, "instruction {count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_itself_and_its_steps() {
        assert!(below(b"/evm/head", "/evm"));
        assert!(below(b"/evm", "/evm"));
        assert!(!below(b"/evmx", "/evm"));
        assert!(below(b"/a", ""));
    }

    #[test]
    fn counts_are_met_once() {
        let mut moment = Moment::default();
        let mut stops = Stops::default();
        stops.add(Place::Instruction(100));
        moment.note(&Event::Run);
        assert_eq!(stops.next_count(&moment), 100);
        for (instructions, met) in [(99, false), (103, true), (110, false)] {
            let event = Event::Reached { instructions };
            moment.note(&event);
            let why = stops.why(&event, &moment, &Names::default());
            assert_eq!(why.is_some(), met, "{instructions}");
        }
        assert_eq!(stops.next_count(&moment), u64::MAX);
    }
}
