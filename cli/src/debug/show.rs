//! Output of the debugger.

use super::command::{As, Command, Shown};
use super::scene::Scene;
use super::stops::Moment;
use alloy_primitives::{Address, U256};
use messages::address::{Kind, print as encode};
use messages::inbox;
use pvm::names::Names;
use pvm::probe::Event;
use pvm::{Durable, Options};
use std::fmt::Write;
use storage::layout::{ACCOUNTS, SLOTS};

/// The most lines of a tree or a list.
const MAX_LINES: usize = 200;

/// The most bytes of a value or of memory.
const MAX_BYTES: usize = 4_096;

/// The prompt.
pub(super) fn prompt(moment: &Moment) -> String {
    match moment.run {
        None => format!("level {}> ", moment.level),
        Some(run) => format!(
            "level {} run {run} @{}> ",
            moment.level, moment.instructions
        ),
    }
}

/// Describes the place at which a run stopped.
pub(super) fn stopped(moment: &Moment, event: &Event<'_>, why: &str, names: &Names) -> String {
    let what = match event {
        Event::Run => format!("run {} begins", moment.run.unwrap_or_default()),
        Event::Enter { function, .. } => format!("{} begins", names.get(*function)),
        Event::Leave { .. } => match moment.stack.last() {
            Some(function) => format!("{} ends", names.get(*function)),
            None => "a function ends".to_owned(),
        },
        Event::Reached { .. } => match moment.stack.last() {
            Some(function) => format!("in {}", names.get(*function)),
            None => "in the kernel".to_owned(),
        },
        Event::Call(called) => {
            let text = called.to_string();
            // Its answer is still to come.
            text.rsplit_once(" = ")
                .map_or(text.clone(), |(call, _)| call.to_owned())
        }
        Event::Answered(called) => called.to_string(),
        Event::Ended { trap: None, .. } => "the run has ended".to_owned(),
        Event::Ended { trap: Some(_), .. } => {
            let mut text = "the run ended, in".to_owned();
            stack(&mut text, moment, names);
            text
        }
    };
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(" ({why})")
    };
    format!("{} instructions: {what}{why}", moment.instructions)
}

/// A command's first words.
pub(super) const fn name(command: &Command) -> &'static str {
    match command {
        Command::Load(_) => "load inputs",
        Command::Snapshot(_) => "snapshot",
        _ => "reveal",
    }
}

/// The rollup's address and the level of its origination.
pub(super) fn metadata(options: &Options) -> String {
    let address = encode(Kind::Sr1, &options.rollup).unwrap_or_default();
    format!(
        "{address}, originated at level {}",
        options.origination_level
    )
}

/// The bytes behind a hash.
pub(super) fn preimage(options: &Options, hash: &str) -> Result<(), String> {
    let hash = hash.strip_prefix("0x").unwrap_or(hash);
    let bytes = hex::decode(hash).map_err(|error| format!("{hash}: {error}"))?;
    let folder = options.preimages.as_deref();
    let page = pvm::reveal::preimage(folder, &bytes).map_err(|error| error.to_string())?;
    if page.is_empty() {
        println!("no bytes: what is not a hash of a page has an empty answer");
    }
    dump(&page, 0);
    Ok(())
}

/// Messages to layer 1.
pub(super) fn outbox(messages: &[Vec<u8>]) {
    if messages.is_empty() {
        println!("the outbox is empty");
    }
    for (number, message) in messages.iter().enumerate() {
        println!("{number}: {}", cut(message));
    }
}

/// Anything else.
pub(super) fn show(
    shown: &Shown,
    scene: &Scene<'_>,
    moment: &Moment,
    names: &Names,
) -> Result<(), String> {
    match shown {
        Shown::Status => status(scene, moment, names),
        Shown::Inbox => show_inbox(scene),
        Shown::Stack => {
            let mut text = String::new();
            stack(&mut text, moment, names);
            match text.trim_start_matches('\n') {
                "" => println!("no function is open"),
                text => println!("{text}"),
            }
        }
        Shown::Storage(path) => return tree(scene.durable, path),
        Shown::Subkeys(path) => return subkeys(scene.durable, path),
        Shown::Key(path, kind) => return key(scene.durable, path, *kind),
        Shown::Memory { at, len, kind } => return memory(scene, *at, *len, *kind),
        Shown::Account(address) => return account(scene.durable, *address),
        Shown::Slot(address, slot) => return show_slot(scene.durable, *address, *slot),
        Shown::Block(number) => println!("{}", node::stored::block(scene.durable, *number)?),
        // Those that need the session.
        Shown::Outbox(_) | Shown::Snapshots => {}
    }
    Ok(())
}

fn status(scene: &Scene<'_>, moment: &Moment, names: &Names) {
    match moment.run {
        None => println!("Waiting for input: level {} comes next", moment.level),
        Some(run) => {
            println!("Evaluating: level {}, run {run}", moment.level);
            println!("{} instructions of the run so far", moment.instructions);
            if let Some(function) = moment.stack.last() {
                println!("in {}", names.get(*function));
            }
            println!("{} of {} messages read", scene.read, scene.inbox.len());
            println!(
                "{} messages in the outbox",
                scene.outbox.map_or(0, <[_]>::len)
            );
        }
    }
    let version = scene.durable.get(host::reserved::VERSION);
    let version = version
        .ok()
        .flatten()
        .map(|value| String::from_utf8_lossy(&value.bytes()).into_owned());
    println!("machine {}", version.unwrap_or_default());
    println!("durable root {}", hex::encode(scene.durable.root_hash()));
}

fn show_inbox(scene: &Scene<'_>) {
    if scene.inbox.is_empty() {
        println!("no messages but those that layer 1 adds");
    }
    for (number, message) in scene.inbox.iter().enumerate() {
        let read = if number < scene.read { "read" } else { "    " };
        let kind = match inbox::Message::parse(message) {
            Ok(inbox::Message::External(_)) => "external",
            Ok(inbox::Message::Transfer(_)) => "transfer",
            Ok(inbox::Message::StartOfLevel) => "start of level",
            Ok(inbox::Message::EndOfLevel) => "end of level",
            Ok(inbox::Message::InfoPerLevel(_)) => "info per level",
            Ok(_) => "of the protocol",
            Err(_) => "of no known form",
        };
        println!(
            "{number:>4} {read} {kind}, {} bytes: {}",
            message.len(),
            cut(message)
        );
    }
}

/// The open functions, the innermost first.
fn stack(text: &mut String, moment: &Moment, names: &Names) {
    for (depth, function) in moment.stack.iter().rev().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{depth:>4} {}", names.get(*function));
    }
}

fn tree(durable: &Durable, path: &str) -> Result<(), String> {
    let mut lines = Vec::new();
    branches(durable, path, 0, &mut lines);
    if lines.is_empty() {
        println!("nothing is at {path}/");
        return Ok(());
    }
    let more = lines.len() > MAX_LINES;
    for line in lines.iter().take(MAX_LINES) {
        println!("{line}");
    }
    if more {
        println!("… more than {MAX_LINES} lines: name a path");
    }
    Ok(())
}

/// The maximum depth at which a tree is printed; a path has no more steps.
const MAX_DEPTH: usize = 128;

fn branches(durable: &Durable, path: &str, depth: usize, lines: &mut Vec<String>) {
    if lines.len() > MAX_LINES || depth > MAX_DEPTH {
        return;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let indent = "  ".repeat(depth);
    let children = match durable.children(path) {
        Ok(children) => children,
        Err(error) => return lines.push(format!("{path}: {error}")),
    };
    match durable.get(path).ok().flatten() {
        Some(value) => lines.push(format!("{indent}/{name} {} bytes", value.len())),
        None if children.is_empty() => return,
        None => lines.push(format!("{indent}/{name}")),
    }
    for child in children {
        branches(durable, &format!("{path}/{child}"), depth + 1, lines);
    }
}

fn subkeys(durable: &Durable, path: &str) -> Result<(), String> {
    let children = durable.children(path).map_err(|error| error.to_string())?;
    if children.is_empty() {
        println!("nothing is below {path}/");
    }
    for child in children.iter().take(MAX_LINES) {
        println!("{child}");
    }
    if children.len() > MAX_LINES {
        println!("… {} in all", children.len());
    }
    Ok(())
}

fn key(durable: &Durable, path: &str, kind: As) -> Result<(), String> {
    let value = durable.get(path).map_err(|error| error.to_string())?;
    match value {
        Some(value) => bytes(&value.bytes(), 0, kind),
        // An answer: scripts ask, too.
        None => {
            println!("no value is at {path}");
            Ok(())
        }
    }
}

fn memory(scene: &Scene<'_>, at: u32, len: u32, kind: As) -> Result<(), String> {
    let memory = scene.memory.filter(|memory| !memory.is_empty());
    let memory = memory.ok_or("there is memory only while a kernel runs")?;
    let start = at as usize;
    let end = start + len as usize;
    let Some(found) = memory.get(start..end) else {
        return Err(format!("the memory ends at {}", memory.len()));
    };
    bytes(found, start, kind)
}

fn bytes(bytes: &[u8], at: usize, kind: As) -> Result<(), String> {
    match kind {
        As::Bytes => dump(bytes, at),
        As::String => println!("{}", String::from_utf8_lossy(bytes).escape_debug()),
        As::I32 => {
            let bytes = bytes.try_into().map_err(|_| wrong(bytes, 4))?;
            println!("{}", i32::from_le_bytes(bytes));
        }
        As::I64 => {
            let bytes = bytes.try_into().map_err(|_| wrong(bytes, 8))?;
            println!("{}", i64::from_le_bytes(bytes));
        }
        As::Number => {
            let number = U256::try_from_be_slice(bytes);
            println!("{}", number.ok_or_else(|| wrong(bytes, 32))?);
        }
    }
    Ok(())
}

fn wrong(bytes: &[u8], wanted: usize) -> String {
    format!("it has {} bytes, not {wanted}", bytes.len())
}

/// Lines of sixteen bytes, with their characters.
fn dump(bytes: &[u8], at: usize) {
    for (number, line) in bytes.chunks(16).take(MAX_BYTES / 16).enumerate() {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let plain = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        let plain: String = line.iter().map(plain).collect();
        println!("{:08x} {:<47} {plain}", at + number * 16, digits.join(" "));
    }
    if bytes.len() > MAX_BYTES {
        println!("… {} bytes in all", bytes.len());
    }
}

/// The hex of bytes, if they are many of their beginning.
fn cut(bytes: &[u8]) -> String {
    match bytes.get(..48) {
        Some(first) if bytes.len() > 48 => format!("{}…", hex::encode(first)),
        _ => hex::encode(bytes),
    }
}

fn account(durable: &Durable, address: Address) -> Result<(), String> {
    let account = ACCOUNTS
        .get(durable, &address)
        .map_err(|error| error.to_string())?;
    let Some(account) = account else {
        println!("{address} has no account");
        return Ok(());
    };
    println!("nonce     {}", account.nonce);
    println!("balance   {} wei", account.balance);
    println!("code hash {}", account.code_hash);
    Ok(())
}

fn show_slot(durable: &Durable, address: Address, slot: U256) -> Result<(), String> {
    let value = SLOTS.get(durable, &(address, slot));
    let value = value
        .map_err(|error| error.to_string())?
        .unwrap_or_default();
    println!("{value:#066x} = {value}");
    Ok(())
}
