//! The debugger's commands.

use alloy_primitives::{Address, U256};
use std::path::PathBuf;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Read more levels from a file.
    Load(PathBuf),
    /// Go on to somewhere.
    Step(Step),
    /// Stop there from now on.
    Break(Place),
    /// The breakpoints.
    Breaks,
    /// Take one away; all of them.
    Delete(Option<usize>),
    /// Print something.
    Show(Shown),
    /// The functions whose names contain a text.
    Symbols(String),
    /// The bytes behind a hash.
    Preimage(String),
    /// The rollup's address and origination level.
    Metadata,
    /// Keep the state between two levels.
    Snapshot(Option<String>),
    /// Go back to a kept state, by its number or name; to the last one.
    Back(Option<String>),
    /// The commands.
    Help,
    /// End.
    Stop,
}

/// A command that continues the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The end of the level.
    Level,
    /// The next run of the kernel.
    Run,
    /// The end of the run.
    Result,
    /// The next call of the host.
    Call,
    /// So many instructions.
    Instructions(u64),
    /// The next function that begins.
    Into,
    /// The end of the function.
    Out,
    /// The next breakpoint, through all levels.
    Continue,
}

/// A place to stop at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A call of a function of the host.
    Call(String),
    /// A call that names this path of storage, or one below.
    Path(String),
    /// A function of the module whose name contains this, or with this place.
    Function(String),
    /// So many instructions of a run.
    Instruction(u64),
}

/// A thing to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Status,
    Inbox,
    Outbox(Option<u32>),
    Stack,
    Storage(String),
    Subkeys(String),
    Key(String, As),
    Memory { at: u32, len: u32, kind: As },
    Account(Address),
    Slot(Address, U256),
    Block(Option<u64>),
    Snapshots,
}

/// The form in which bytes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// In hex, with the characters beside.
    Bytes,
    /// As text.
    String,
    /// A little-endian number, as wasm has it.
    I32,
    I64,
    /// A natural number, big-endian, as kernels mostly keep numbers.
    Number,
}

/// Each command, and what it does.
const HELP: [(&str, &str); 31] = [
    ("load inputs FILE", "read more levels from an inputs file"),
    ("step inbox", "run a whole level (also: step level)"),
    (
        "step kernel_run",
        "to the next run of the kernel (step run)",
    ),
    ("step result", "to the end of the run"),
    ("step call", "to the next call of the host"),
    (
        "step tick [N]",
        "N instructions, to where they part next (step N)",
    ),
    ("step into", "to the next function that begins"),
    ("step out", "to the end of the function"),
    ("continue", "to the next breakpoint, through all levels (c)"),
    ("break call NAME", "stop at calls of a host function"),
    (
        "break path PATH",
        "stop at calls that name the path, or one below",
    ),
    (
        "break function NAME",
        "stop where functions begin whose names contain NAME",
    ),
    (
        "break instruction N",
        "stop at the Nth instruction of a run",
    ),
    ("breaks", "list the breakpoints"),
    ("delete [ID]", "take a breakpoint away, or all"),
    ("show status", "where the kernel is"),
    (
        "show inbox",
        "the messages of the level, and which were read",
    ),
    ("show outbox [at level N]", "the messages to layer 1"),
    ("show stack", "the functions of the module that are open"),
    ("show durable storage [PATH]", "storage as a tree"),
    ("show subkeys [PATH]", "the names below a path (ls PATH)"),
    (
        "show key PATH [as KIND]",
        "a value; KIND is bytes, string, number (big-endian), i32 or i64 (little-endian)",
    ),
    (
        "show memory at A for N bytes [as string]",
        "the kernel's memory; or: at A as i32",
    ),
    (
        "show account ADDRESS",
        "nonce, balance, code of the EVM kernel's account",
    ),
    ("show slot ADDRESS SLOT", "a slot of its storage"),
    (
        "show block [N]",
        "a block of the EVM kernel, the newest by default",
    ),
    (
        "dump function symbols [TEXT]",
        "functions whose names contain TEXT",
    ),
    (
        "reveal preimage HEX | reveal metadata",
        "what a kernel would be given",
    ),
    (
        "snapshot [NAME] | show snapshots",
        "keep the state between two levels; list what is kept",
    ),
    (
        "back [NUMBER | NAME]",
        "go back to before the level, or to what was kept",
    ),
    ("help | stop", "this list; end (quit)"),
];

/// The commands, for people.
pub(super) fn help() -> String {
    let lines = HELP
        .iter()
        .map(|(name, what)| format!("{name:<42} {what}\n"));
    lines.collect()
}

/// All first words of commands, for completion.
pub(super) fn beginnings() -> Vec<String> {
    let words = |text: &str| -> String {
        let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        text.split(' ')
            .take_while(plain)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let names = HELP.iter().flat_map(|(name, _)| name.split(" | "));
    names.map(words).filter(|text| !text.is_empty()).collect()
}

/// The command of a line.
///
/// # Errors
/// The command, or the reason why it is invalid and a hint.
pub(super) fn parse(line: &str) -> Result<Command, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words {
        ["help" | "h" | "?"] => Ok(Command::Help),
        ["stop" | "quit" | "exit" | "q"] => Ok(Command::Stop),
        ["load", "inputs", file] => Ok(Command::Load(file.into())),
        ["continue" | "c"] => Ok(Command::Step(Step::Continue)),
        ["step" | "s", ref what @ ..] => step(what).map(Command::Step),
        ["break" | "b", ref place @ ..] => place_of(place).map(Command::Break),
        ["breaks"] => Ok(Command::Breaks),
        ["delete"] => Ok(Command::Delete(None)),
        ["delete", id] => number(id).map(|id: usize| Command::Delete(Some(id))),
        ["ls"] => Ok(Command::Show(Shown::Subkeys(String::new()))),
        ["ls", path] => Ok(Command::Show(Shown::Subkeys(path_of(path)))),
        ["show", ref what @ ..] => shown(what).map(Command::Show),
        ["dump", "function", "symbols"] => Ok(Command::Symbols(String::new())),
        ["dump", "function", "symbols", text] => Ok(Command::Symbols(text.to_owned())),
        ["reveal", "preimage", hash] => Ok(Command::Preimage(hash.to_owned())),
        ["reveal", "metadata"] => Ok(Command::Metadata),
        ["snapshot"] => Ok(Command::Snapshot(None)),
        ["snapshot", name] => Ok(Command::Snapshot(Some(name.to_owned()))),
        ["back"] => Ok(Command::Back(None)),
        ["back", name] => Ok(Command::Back(Some(name.to_owned()))),
        _ => Err(format!("no such command: {line}: `help` lists them")),
    }
}

fn step(what: &[&str]) -> Result<Step, String> {
    match *what {
        ["inbox" | "level"] => Ok(Step::Level),
        ["kernel_run" | "run"] => Ok(Step::Run),
        ["result"] => Ok(Step::Result),
        ["call"] => Ok(Step::Call),
        ["into"] => Ok(Step::Into),
        ["out"] => Ok(Step::Out),
        [] | ["tick"] => Ok(Step::Instructions(1)),
        ["tick", count] | [count] => Ok(Step::Instructions(number(count)?)),
        _ => Err("step inbox, kernel_run, result, call, into, out, or a number".to_owned()),
    }
}

fn place_of(place: &[&str]) -> Result<Place, String> {
    match *place {
        ["call", name] => {
            let known = pvm::imports::IMPORTS.iter().any(|one| one.name == name);
            known
                .then(|| Place::Call(name.to_owned()))
                .ok_or_else(|| format!("{name} is not a function of the host, as store_read is"))
        }
        ["path", path] if path.starts_with('/') => Ok(Place::Path(path_of(path))),
        ["path", path] => Err(format!("{path} is not a path: a path begins with /")),
        ["function", name] => Ok(Place::Function(name.to_owned())),
        ["instruction", count] => match number(count)? {
            0 => Err("instructions are counted from 1".to_owned()),
            count => Ok(Place::Instruction(count)),
        },
        _ => Err("break call NAME, path PATH, function NAME or instruction N".to_owned()),
    }
}

fn shown(what: &[&str]) -> Result<Shown, String> {
    Ok(match *what {
        ["status"] => Shown::Status,
        ["inbox"] => Shown::Inbox,
        ["outbox"] => Shown::Outbox(None),
        ["outbox", "at", "level", level] => Shown::Outbox(Some(number(level)?)),
        ["stack"] => Shown::Stack,
        ["snapshots"] => Shown::Snapshots,
        ["durable", "storage"] => Shown::Storage(String::new()),
        ["durable", "storage", path] => Shown::Storage(path_of(path)),
        ["subkeys"] => Shown::Subkeys(String::new()),
        ["subkeys", path] => Shown::Subkeys(path_of(path)),
        ["key", path] => Shown::Key(path_of(path), As::Bytes),
        ["key", path, "as", kind] => Shown::Key(path_of(path), kind_of(kind)?),
        ["memory", "at", at, "for", len, "bytes"] => Shown::Memory {
            at: number(at)?,
            len: number(len)?,
            kind: As::Bytes,
        },
        ["memory", "at", at, "for", len, "bytes", "as", kind] => Shown::Memory {
            at: number(at)?,
            len: number(len)?,
            kind: kind_of(kind)?,
        },
        ["memory", "at", at, "as", kind] => {
            let kind = kind_of(kind)?;
            Shown::Memory {
                at: number(at)?,
                len: if kind == As::I32 { 4 } else { 8 },
                kind,
            }
        }
        ["account", address] => Shown::Account(address_of(address)?),
        ["slot", address, slot] => Shown::Slot(
            address_of(address)?,
            slot.parse()
                .map_err(|error| format!("{slot} is not a slot: {error}"))?,
        ),
        ["block"] => Shown::Block(None),
        ["block", number_of] => Shown::Block(Some(number(number_of)?)),
        _ => {
            return Err(
                "show status, inbox, outbox, stack, durable storage, subkeys, key, memory, \
                 account, slot, block or snapshots: `help` has the forms"
                    .to_owned(),
            );
        }
    })
}

/// Without the slash at its end.
fn path_of(path: &str) -> String {
    crate::files::storage_path(path)
}

fn address_of(text: &str) -> Result<Address, String> {
    let address = text.parse();
    address.map_err(|_| format!("{text} is not an address: 0x and 40 hex digits"))
}

fn kind_of(text: &str) -> Result<As, String> {
    match text {
        "bytes" | "hex" => Ok(As::Bytes),
        "string" => Ok(As::String),
        "i32" => Ok(As::I32),
        "i64" => Ok(As::I64),
        "number" => Ok(As::Number),
        _ => Err(format!("{text} is none of bytes, string, number, i32, i64")),
    }
}

/// A number: digits, perhaps with `_` between them, or hex digits behind `0x`.
fn number<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let digits = text.replace('_', "");
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    let number = number.ok().and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| format!("{text} is not a number that fits here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_of_the_list_is_one() {
        let example = |word: &str| match word {
            "FILE" | "NAME" | "TEXT" => "store_read".to_owned(),
            "PATH" => "/evm".to_owned(),
            "N" | "A" | "ID" | "SLOT" | "NUMBER" => "7".to_owned(),
            "ADDRESS" => format!("0x{}", "11".repeat(20)),
            "HEX" => "00".to_owned(),
            "KIND" => "string".to_owned(),
            word => word.to_owned(),
        };
        for (names, _) in HELP {
            let whole = names.replace("NUMBER | NAME", "NUMBER");
            for name in whole.split(" | ") {
                let (outside, inside) = (
                    name.split(" [").next().unwrap(),
                    name.replace(['[', ']'], ""),
                );
                for form in [outside, &inside] {
                    let words: Vec<_> = form.split(' ').map(example).collect();
                    let line = words.join(" ");
                    assert!(parse(&line).is_ok(), "{line}: {:?}", parse(&line));
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, words) in [
            ("stpe", "no such command"),
            ("break call store_raed", "not a function of the host"),
            ("break path purse", "begins with /"),
            ("break instruction 0", "counted from 1"),
            ("show memory at -1 for 4 bytes", "-1 is not a number"),
            (
                "show memory at 0 for 5000000000 bytes",
                "5000000000 is not a number",
            ),
            ("show key /a as float", "none of bytes"),
            ("show account 0x12", "40 hex digits"),
            ("step over", "over is not a number"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    #[test]
    fn beginnings_are_words_alone() {
        let all = beginnings();
        assert!(all.contains(&"show durable storage".to_owned()), "{all:?}");
        assert!(all.iter().all(|text| !text.contains(['[', '|'])), "{all:?}");
    }
}
