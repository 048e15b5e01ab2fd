//! A kernel's instructions by the functions of the module that are open.

use crate::names::Names;
use crate::probe::{Abandoned, Event, Probe, View};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most paths that are kept; what is called beyond belongs to its caller.
const MAX_PATHS: usize = 100_000;

/// The most calls of a path; what is called beyond belongs to its caller, too. A network's machine
/// allows 299 open calls at its first version.
const MAX_DEPTH: usize = 300;

/// The meaning of a frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frame {
    /// A function of the module, by its place there.
    Function(u32),
    /// A function of the host, by its name.
    Host(&'static str),
}

/// Collects where instructions go, run after run.
#[derive(Debug, Default)]
pub struct CallProfile(Mutex<Calls>);

/// The calls of all runs. What was executed in a function by itself belongs to its node; that of
/// calls of the host, to the function that makes them.
#[derive(Clone, Debug)]
pub struct Calls {
    nodes: Vec<Node>,
    /// The node that is being executed.
    at: usize,
    /// The number of calls that are open beyond it, for which there was no room.
    beyond: u64,
    /// The instructions of the run that belong to nodes already.
    since: u64,
}

#[derive(Clone, Debug, Default)]
struct Node {
    parent: usize,
    depth: usize,
    children: BTreeMap<Frame, usize>,
    count: u64,
    instructions: u64,
}

/// One path of calls: what is open, the outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The frames.
    pub frames: Vec<Frame>,
    /// The number of calls of the innermost one from the others.
    pub count: u64,
    /// The instructions that were executed in it by itself.
    pub instructions: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            at: 0,
            beyond: 0,
            since: 0,
        }
    }
}

impl CallProfile {
    /// Forgets what was collected so far, between two runs.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Calls::default();
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Probe for CallProfile {
    fn event(&self, event: Event<'_>, _view: &View<'_>) -> Result<u64, Abandoned> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Run => (calls.at, calls.beyond, calls.since) = (0, 0, 0),
            Event::Enter {
                function,
                instructions,
            } => {
                calls.charge(instructions);
                match calls.call(Frame::Function(function)) {
                    Some(node) => calls.at = node,
                    None => calls.beyond += 1,
                }
            }
            Event::Leave { instructions } => {
                calls.charge(instructions);
                match calls.beyond {
                    0 => calls.at = calls.nodes[calls.at].parent,
                    _ => calls.beyond -= 1,
                }
            }
            Event::Call(called) => {
                calls.call(Frame::Host(called.name()));
            }
            Event::Ended { instructions, .. } => calls.charge(instructions),
            Event::Reached { .. } | Event::Answered(_) => {}
        }
        Ok(u64::MAX)
    }
}

impl Calls {
    /// All instructions.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.nodes.iter().map(|node| node.instructions).sum()
    }

    /// All paths; what is not in any function, such as the entry point's own call, is an empty one.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::with_capacity(self.nodes.len());
        self.add_paths(0, &mut Vec::new(), &mut paths);
        paths
    }

    /// The call that `frame` is from where the run is, if there is room.
    fn call(&mut self, frame: Frame) -> Option<usize> {
        let parent = self.at;
        let next = self.nodes.len();
        let depth = self.nodes[parent].depth + 1;
        let known = self.nodes[parent].children.contains_key(&frame);
        if self.beyond > 0 || depth > MAX_DEPTH || next >= MAX_PATHS && !known {
            return None;
        }
        let node = *self.nodes[parent].children.entry(frame).or_insert(next);
        if node == next {
            self.nodes.push(Node {
                parent,
                depth,
                ..Node::default()
            });
        }
        self.nodes[node].count += 1;
        Some(node)
    }

    fn charge(&mut self, instructions: u64) {
        let passed = instructions.saturating_sub(self.since);
        self.since = instructions;
        self.nodes[self.at].instructions += passed;
    }

    /// [`MAX_DEPTH`] deep at most.
    fn add_paths(&self, node: usize, open: &mut Vec<Frame>, paths: &mut Vec<Path>) {
        let node = &self.nodes[node];
        paths.push(Path {
            frames: open.clone(),
            count: node.count,
            instructions: node.instructions,
        });
        for (frame, child) in &node.children {
            open.push(frame.clone());
            self.add_paths(*child, open, paths);
            open.pop();
        }
    }
}

/// The paths that took instructions, each as a line that flame graphs are made of: the frames from
/// `kernel` on, with `;` between them, and the instructions.
#[must_use]
pub fn collapsed(paths: &[Path], names: &Names) -> Vec<String> {
    let frame = |frame: &Frame| match frame {
        // What separates frames may not be in one.
        Frame::Function(function) => names.get(*function).replace(';', ":"),
        Frame::Host(name) => format!("host {name}"),
    };
    let line = |path: &Path| {
        let frames: Vec<_> = std::iter::once("kernel".to_owned())
            .chain(path.frames.iter().map(frame))
            .collect();
        format!("{} {}", frames.join(";"), path.instructions)
    };
    let with = paths.iter().filter(|path| path.instructions > 0);
    with.map(line).collect()
}
