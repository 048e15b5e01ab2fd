//! A line of the table.

use e2e_tests::lab::Sample;
use serde_json::{Value, json};

/// Kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Opcode,
    Call,
    Precompile,
    Input,
    /// Ordinary code: it has to fit.
    Ordinary,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Opcode => "opcode",
            Self::Call => "call",
            Self::Precompile => "precompile",
            Self::Input => "input",
            Self::Ordinary => "ordinary",
        }
    }
}

/// The cost of one opcode, precompile or path of an input.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// All of it, as it was sent.
    pub(crate) sample: Sample,
    /// Instructions and work of the thing itself, where they can be told from what
    /// stands around it.
    pub(crate) alone: Option<(u64, u64)>,
    /// True if the transaction did what it was meant to.
    pub(crate) succeeded: bool,
}

impl Row {
    /// Instructions of a unit of work, in hundredths, rounded up: of the thing
    /// itself, or of all, whichever is more.
    pub(crate) fn hundredths(&self) -> u64 {
        let alone = self.alone.map_or(0, |(instructions, work)| {
            (100 * instructions).div_ceil(work.max(1))
        });
        alone.max(self.sample.hundredths())
    }

    pub(crate) fn line(&self) -> String {
        let Self { sample, .. } = self;
        let ratio = self.hundredths();
        format!(
            "{:<10} {:<40} {:>5}.{:02} {:>13} {:>10} {:>10} {:>7}{}",
            self.kind.name(),
            self.name,
            ratio / 100,
            ratio % 100,
            sample.instructions,
            sample.work,
            sample.gas,
            sample.host_calls,
            if self.succeeded { "" } else { "  (failed)" }
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "kind": self.kind.name(),
            "name": self.name,
            "hundredths": self.hundredths(),
            "alone": self.alone.map(|(instructions, work)| json!({
                "instructions": instructions,
                "work": work,
            })),
            "whole": self.sample.to_json(),
            "succeeded": self.succeeded,
        })
    }
}
