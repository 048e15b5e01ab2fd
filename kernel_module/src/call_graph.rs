//! The call graph of a module.

use crate::outline::Outline;
use std::collections::BTreeSet;

/// The functions of a module by their indices, the imported ones first.
#[derive(Debug)]
pub struct CallGraph {
    /// The functions that each may call.
    called: Vec<Vec<u32>>,
}

impl CallGraph {
    /// The call graph of a module. A call through a table may reach every function of its type that
    /// a table, a global or code refers to. Calls of functions that an invalid module does not have
    /// are left out.
    #[must_use]
    pub fn of(outline: &Outline<'_>) -> Self {
        let functions = 0..outline.functions.len() as u32;
        Self {
            called: functions.map(|one| calls_of(outline, one)).collect(),
        }
    }

    /// All functions.
    #[must_use]
    pub fn functions(&self) -> std::ops::Range<u32> {
        0..self.called.len() as u32
    }

    /// The functions that `function` may call.
    #[must_use]
    pub fn called(&self, function: u32) -> &[u32] {
        let called = self.called.get(function as usize);
        called.map(Vec::as_slice).unwrap_or_default()
    }

    /// The parts of `within` in which every function can call itself again by
    /// way of every other.
    #[must_use]
    pub fn cycles(&self, within: &BTreeSet<u32>) -> Vec<BTreeSet<u32>> {
        let count = self.called.len();
        let mut inside = vec![false; count];
        let mut back = vec![Vec::new(); count];
        for from in within {
            inside[*from as usize] = true;
        }
        for from in within {
            for to in self.called(*from) {
                back[*to as usize].push(*from);
            }
        }
        // Kosaraju: the order in which searches end, then searches backwards.
        let (mut order, mut unseen) = (Vec::new(), inside.clone());
        for function in within {
            finish(*function, &self.called, &mut unseen, &mut order);
        }
        let (mut parts, mut unseen) = (Vec::new(), inside);
        for function in order.iter().rev() {
            let mut part = Vec::new();
            finish(*function, &back, &mut unseen, &mut part);
            let calls_itself = |one: &u32| self.called(*one).contains(one);
            if part.len() > 1 || part.first().is_some_and(calls_itself) {
                parts.push(part.into_iter().collect());
            }
        }
        parts
    }
}

fn calls_of(outline: &Outline<'_>, function: u32) -> Vec<u32> {
    let Some(body) = outline.body(function) else {
        return Vec::new();
    };
    let indirect = body.indirect.iter().flat_map(|ty| behind(outline, *ty));
    let all: BTreeSet<u32> = body.calls.iter().copied().chain(indirect).collect();
    let there = |function: &u32| (*function as usize) < outline.functions.len();
    all.into_iter().filter(there).collect()
}

/// The functions that a call through a table with this type may reach.
fn behind<'o>(outline: &'o Outline<'_>, ty: u32) -> impl Iterator<Item = u32> + 'o {
    let sought = outline.type_at(ty);
    let referenced = outline.referenced.iter().copied();
    referenced.filter(move |function| outline.function_type(*function) == sought)
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
        assert_eq!(graph.called(0), [0]);
        let all = graph.functions().collect();
        assert_eq!(graph.cycles(&all), [BTreeSet::from([0])]);
    }
}
