//! The call graph of a module.

use crate::outline::Outline;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::FuncType;

/// The functions of a module by their indices, the imported ones first.
///
/// Behind them stands a node for each type that is called through a table: it leads to all functions
/// that such a call may reach. So the graph is no larger than the module, however many functions a
/// table has.
#[derive(Debug)]
pub struct CallGraph {
    /// The nodes that each leads to.
    called: Vec<Vec<u32>>,
    functions: u32,
}

impl CallGraph {
    /// The call graph of a module. A call through a table may reach every function of its type that
    /// a table, a global or code refers to. Calls of functions that an invalid module does not have
    /// are left out.
    #[must_use]
    pub fn of(outline: &Outline<'_>) -> Self {
        let functions = outline.functions.len() as u32;
        let bodies = (0..functions).map(|function| outline.body(function));
        let indirect: BTreeSet<&FuncType> = bodies
            .clone()
            .flatten()
            .flat_map(|body| &body.indirect)
            .filter_map(|ty| outline.type_at(*ty))
            .collect();
        let nodes: BTreeMap<&FuncType, u32> = indirect.into_iter().zip(functions..).collect();
        let mut called: Vec<Vec<u32>> = bodies
            .map(|body| {
                let Some(body) = body else {
                    return Vec::new();
                };
                let there = body.calls.iter().filter(|called| **called < functions);
                let types = body.indirect.iter().filter_map(|ty| outline.type_at(*ty));
                let types = types.filter_map(|ty| nodes.get(ty));
                there.chain(types).copied().collect()
            })
            .collect();
        called.resize(called.len() + nodes.len(), Vec::new());
        for function in outline.referenced.iter().filter(|one| **one < functions) {
            let ty = outline.function_type(*function);
            if let Some(node) = ty.and_then(|ty| nodes.get(ty)) {
                called[*node as usize].push(*function);
            }
        }
        Self { called, functions }
    }

    /// All functions.
    #[must_use]
    pub fn functions(&self) -> std::ops::Range<u32> {
        0..self.functions
    }

    /// The number of calls in the code of a function, through a table or not.
    fn calls(&self, function: u32) -> usize {
        self.called.get(function as usize).map_or(0, Vec::len)
    }

    /// The nodes that `node` leads to.
    fn led_to(&self, node: u32) -> &[u32] {
        let called = self.called.get(node as usize);
        called.map(Vec::as_slice).unwrap_or_default()
    }

    /// The functions that a call of `function` may reach, itself included.
    #[must_use]
    pub fn reached(&self, function: u32) -> BTreeSet<u32> {
        let (mut order, mut unseen) = (Vec::new(), vec![true; self.called.len()]);
        if (function as usize) < self.called.len() {
            finish(function, &self.called, &mut unseen, &mut order);
        }
        order
            .into_iter()
            .filter(|node| *node < self.functions)
            .collect()
    }

    /// The size of a part: its functions and their calls.
    #[must_use]
    pub fn size(&self, part: &BTreeSet<u32>) -> usize {
        part.iter().map(|function| 1 + self.calls(*function)).sum()
    }

    /// The parts of `within` in which every function can call itself again by
    /// way of every other.
    #[must_use]
    pub fn cycles(&self, within: &BTreeSet<u32>) -> Vec<BTreeSet<u32>> {
        // The nodes of types that come in, and all by their places here.
        let mut nodes: BTreeSet<u32> = within.clone();
        for function in within {
            let types = self.led_to(*function).iter();
            nodes.extend(types.filter(|node| **node >= self.functions));
        }
        let nodes: Vec<u32> = nodes.into_iter().collect();
        let place = |node: &u32| nodes.binary_search(node).ok().map(|place| place as u32);
        let edges: Vec<Vec<u32>> = nodes
            .iter()
            .map(|node| self.led_to(*node).iter().filter_map(place).collect())
            .collect();
        let mut back = vec![Vec::new(); nodes.len()];
        for (from, to) in edges.iter().enumerate() {
            for to in to {
                back[*to as usize].push(from as u32);
            }
        }
        // Kosaraju: the order in which searches end, then searches backwards.
        let (mut order, mut unseen) = (Vec::new(), vec![true; nodes.len()]);
        for node in 0..nodes.len() as u32 {
            finish(node, &edges, &mut unseen, &mut order);
        }
        let (mut parts, mut unseen) = (Vec::new(), vec![true; nodes.len()]);
        for node in order.iter().rev() {
            let mut part = Vec::new();
            finish(*node, &back, &mut unseen, &mut part);
            let calls_itself = |one: &u32| edges[*one as usize].contains(one);
            if part.len() > 1 || part.first().is_some_and(calls_itself) {
                let functions = part.iter().map(|node| nodes[*node as usize]);
                parts.push(functions.filter(|node| *node < self.functions).collect());
            }
        }
        parts
    }

    /// The most frames from a call of each function to its end, by the frames that a call of it takes
    /// itself, calls of `cut` left out. What is left must have no cycle.
    #[must_use]
    pub fn depths(&self, cut: &BTreeSet<u32>, frames: impl Fn(u32) -> u32) -> Vec<u32> {
        let kept = |node: &&u32| !cut.contains(node);
        let edges: Vec<Vec<u32>> = self
            .called
            .iter()
            .map(|called| called.iter().filter(kept).copied().collect())
            .collect();
        let (mut order, mut unseen) = (Vec::new(), vec![true; edges.len()]);
        for node in 0..edges.len() as u32 {
            finish(node, &edges, &mut unseen, &mut order);
        }
        let mut depths = vec![0_u32; edges.len()];
        for node in order {
            let below = edges[node as usize].iter().map(|to| depths[*to as usize]);
            let own = if node < self.functions {
                frames(node)
            } else {
                0
            };
            depths[node as usize] = own.saturating_add(below.max().unwrap_or_default());
        }
        depths.truncate(self.functions as usize);
        depths
    }
}

/// Adds what can be reached from `function` and is unseen to `order`, what is
/// reached last first.
fn finish(function: u32, edges: &[Vec<u32>], unseen: &mut [bool], order: &mut Vec<u32>) {
    if !std::mem::take(&mut unseen[function as usize]) {
        return;
    }
    let mut open = vec![(function, edges[function as usize].iter())];
    while let Some((function, rest)) = open.last_mut() {
        match rest.find(|to| std::mem::take(&mut unseen[**to as usize])) {
            Some(to) => open.push((*to, edges[*to as usize].iter())),
            None => {
                order.push(*function);
                open.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_a_function_that_is_not_there_leads_nowhere() {
        let module = wat::parse_str("(module (func call 108 call 0))").unwrap();
        let graph = CallGraph::of(&Outline::read(&module).unwrap());
        assert_eq!(graph.led_to(0), [0]);
        let all = graph.functions().collect();
        assert_eq!(graph.cycles(&all), [BTreeSet::from([0])]);
    }
}
