//! A run's instructions by the arms of the dispatch of a kernel that interprets something
//! ([`kernel_module::profile`]).

use kernel_module::profile::OUTSIDE;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Instructions by arm. All of it together is what was executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// By the number of the arm: the opcode, where the dispatch is over opcodes.
    pub arms: BTreeMap<u8, Cost>,
    /// The instructions outside of the interpreter.
    pub outside: u64,
}

/// The cost of an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The number of times that it was taken.
    pub count: u64,
    /// Executed instructions, up to the next arm: with those of all that it called.
    pub instructions: u64,
}

impl Profile {
    /// All instructions.
    #[must_use]
    pub fn total(&self) -> u64 {
        let arms = self.arms.values().map(|cost| cost.instructions);
        arms.sum::<u64>() + self.outside
    }
}

impl Profile {
    /// The arms, the dearest first.
    #[must_use]
    pub fn dearest(&self) -> Vec<(u8, Cost)> {
        let mut all: Vec<_> = self.arms.iter().map(|(arm, cost)| (*arm, *cost)).collect();
        all.sort_by_key(|(_, cost)| Reverse(cost.instructions));
        all
    }

    /// A table for people, with names for the arms.
    #[must_use]
    pub fn table(&self, name: impl Fn(u8) -> String) -> String {
        let total = self.total().max(1);
        let row = |name: &str, count: &str, each: &str, instructions: u64| {
            let tenths = u128::from(instructions) * 1_000 / u128::from(total);
            let (percent, tenth) = (tenths / 10, tenths % 10);
            format!("{name:<20}{count:>13}{each:>9}{instructions:>16}{percent:>5}.{tenth} %\n")
        };
        let arms = self.dearest().into_iter().map(|(arm, cost)| {
            let each = cost.instructions / cost.count.max(1);
            let (count, each) = (cost.count.to_string(), each.to_string());
            row(&name(arm), &count, &each, cost.instructions)
        });
        let head = format!(
            "{:<20}{:>13}{:>9}{:>16}\n",
            "", "count", "each", "instructions"
        );
        std::iter::once(head)
            .chain(arms)
            .chain([
                row("outside", "", "", self.outside),
                row("all", "", "", self.total()),
            ])
            .collect()
    }
}

impl AddAssign<&Self> for Profile {
    fn add_assign(&mut self, other: &Self) {
        self.outside += other.outside;
        for (arm, cost) in &other.arms {
            let sum = self.arms.entry(*arm).or_default();
            sum.count += cost.count;
            sum.instructions += cost.instructions;
        }
    }
}

/// A profile in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    profile: Profile,
    /// The arm that is being executed.
    at: Option<u8>,
    /// The instructions when it was taken.
    since: u64,
}

impl Marks {
    /// The dispatch goes to `arm`, or its function ends.
    pub(crate) fn mark(&mut self, arm: i64, instructions: u64) {
        self.charge(instructions);
        self.at = if arm == i64::from(OUTSIDE) {
            None
        } else {
            u8::try_from(arm).ok()
        };
        if let Some(arm) = self.at {
            self.profile.arms.entry(arm).or_default().count += 1;
        }
    }

    /// The profile of a run that executed so much.
    pub(crate) fn finish(mut self, instructions: u64) -> Profile {
        self.charge(instructions);
        self.profile
    }

    fn charge(&mut self, instructions: u64) {
        let passed = instructions.saturating_sub(self.since);
        self.since = instructions;
        match self.at {
            Some(arm) => self.profile.arms.entry(arm).or_default().instructions += passed,
            None => self.profile.outside += passed,
        }
    }
}
