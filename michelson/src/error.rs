//! Faults of a text, a type, a value or code.

use crate::syntax::{Node, SyntaxError};
use crate::ty::{Type, TypeError};

/// Why a contract or a value is refused, before anything runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is no Micheline.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A node is no type.
    #[error(transparent)]
    NoType(#[from] TypeError),
    /// A node is no value of a type.
    #[error("`{value}` is no {ty}{}", because(.why))]
    NoValue {
        /// The node.
        value: Box<Node>,
        /// The type.
        ty: Box<Type>,
        /// More, or nothing.
        why: String,
    },
    /// An instruction that is not known, or has other arguments.
    #[error("`{0}` is not an instruction that is known here")]
    NoInstruction(Node),
    /// The stack has other types than an instruction takes.
    #[error("`{instruction}` does not take {}", list(.stack))]
    Stack {
        /// The instruction.
        instruction: Box<Node>,
        /// The types of the stack, its top first.
        stack: Vec<Type>,
    },
    /// Two branches end with other stacks.
    #[error("the branches of `{instruction}` end with {} and {}", list(.left), list(.right))]
    Branches {
        /// The instruction.
        instruction: Box<Node>,
        /// The types after the one branch.
        left: Vec<Type>,
        /// The types after the other.
        right: Vec<Type>,
    },
    /// A script lacks a section, or has more.
    #[error("a script has `parameter`, `storage` and `code`, once each")]
    Sections,
    /// There is no such entrypoint.
    #[error("there is no entrypoint %{0}")]
    NoEntrypoint(String),
}

fn because(why: &str) -> String {
    if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    }
}

fn list(types: &[Type]) -> String {
    let types: Vec<String> = types.iter().map(ToString::to_string).collect();
    format!("[{}]", types.join(" : "))
}
