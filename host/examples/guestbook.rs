//! A guestbook: users of the rollup write into it, and contracts of layer 1 ask how many entries it has.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use host::{HostError, MAX_MESSAGE, Path, Runtime};
use messages::external::{self, Frame};
use messages::inbox::{Message, Transfer};
use messages::micheline::{Node, write};
use messages::outbox::{self, Entrypoint, Transaction};

/// The number of entries: 8 bytes, big-endian.
const COUNT: Path<'static> = Path::literal("/count");
/// The newest entry.
const NEWEST: Path<'static> = Path::literal("/newest");

host::kernel_entry!(run);

fn run(host: &mut impl Runtime) {
    if let Err(error) = read_all(host) {
        host.write_debug(&format!("run aborted: {error}\n"));
        // Another run at this level would fail alike.
        let _ = host.clear_reboot();
    }
}

fn read_all(host: &mut impl Runtime) -> Result<(), HostError> {
    host.mark_for_reboot()?;
    let rollup = host.reveal_metadata()?.address;
    let mut buffer = [0; MAX_MESSAGE];
    while let Some(message) = host.read_input(&mut buffer)? {
        match Message::parse(message.payload) {
            // Anybody can post these, for any rollup: those for this one begin with its address.
            Ok(Message::External(bytes)) => {
                if let Frame::Contents(entry) = external::parse(bytes, &rollup) {
                    let count = count(host)? + 1;
                    host.store_write(COUNT, 0, &count.to_be_bytes())?;
                    host.write_all(NEWEST, entry)?;
                }
            }
            // Layer 1 says who sends these.
            Ok(Message::Transfer(asked)) if *asked.destination == rollup => answer(host, &asked)?,
            // The protocol's own, and those of other rollups.
            Ok(_) => {}
            Err(_) => host.write_debug("message dropped: its kind is not known\n"),
        }
    }
    host.clear_reboot()
}

/// Tells a contract the number of entries, at the entrypoint that it names.
fn answer(host: &mut impl Runtime, asked: &Transfer<'_>) -> Result<(), HostError> {
    let named = Node::parse(asked.payload).ok();
    let named = named.as_ref().and_then(Node::string);
    let Some(Ok(entrypoint)) = named.map(Entrypoint::new) else {
        host.write_debug("message dropped: expected the name of an entrypoint\n");
        return Ok(());
    };
    let mut number = Vec::new();
    write::nat(&mut number, count(host)?);
    let Ok(parameters) = Node::parse(&number) else {
        return Ok(());
    };
    let call = Transaction {
        parameters,
        destination: *asked.sender,
        entrypoint,
    };
    let message = outbox::Message::Batch(vec![call]).encode();
    match host.write_output(&message) {
        Err(HostError::FullOutbox) => host.write_debug("not answered: the outbox is full\n"),
        written => written?,
    }
    Ok(())
}

fn count(host: &impl Runtime) -> Result<u64, HostError> {
    let mut bytes = [0; 8];
    host.read_small(COUNT, &mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}
