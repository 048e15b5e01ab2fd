//! Decoders: any bytes are a value or an error, and a value's own bytes are what
//! it was read from.

use crate::random::some_bytes;
use alloy_primitives::Bytes;
use arbitrary::Unstructured;
use messages::contract::Contract;
use messages::micheline::Node;
use messages::number::{self, Integer};
use messages::ticket::Ticket;
use messages::{address, external, inbox, outbox};
use std::fmt::Debug;
use storage::block::{Receipts, StoredHeader, Transactions};
use storage::table::Value;
use storage::{Account, Config, Head};
use tx_kernel::deposit;
use tx_kernel::encoding::{Batch, string_ticket};

fn same(what: &str, read: impl Debug, bytes: &[u8], again: &[u8]) -> Result<(), String> {
    if bytes == again {
        return Ok(());
    }
    let (bytes, again) = (hex::encode(bytes), hex::encode(again));
    Err(format!("{what} {read:?}\nfrom {bytes}\n  to {again}"))
}

/// A few bytes that formats begin with, so that random ones get further.
fn seeded(bytes: &[u8], starts: &[&[u8]]) -> Vec<u8> {
    let mut choices = Unstructured::new(bytes);
    let start = choices.choose(starts).copied().unwrap_or_default();
    let rest = some_bytes(&mut choices, 250).unwrap_or_default();
    [start, &rest].concat()
}

/// Changes up to `most` bytes.
fn change(choices: &mut Unstructured<'_>, most: usize, bytes: &mut [u8]) -> arbitrary::Result<()> {
    for _ in 0..choices.int_in_range(0..=most)? {
        if !bytes.is_empty() {
            let at = choices.choose_index(bytes.len())?;
            bytes[at] = choices.arbitrary()?;
        }
    }
    Ok(())
}

/// Tezos formats.
///
/// # Errors
/// If a decoder is wrong.
pub fn messages(bytes: &[u8]) -> Result<(), String> {
    let starts: &[&[u8]] = &[
        &[],
        &[0, 0, 5, 5, 5, 5, 7, 7, 10, 0, 0, 0, 20],
        &[0, 0, 7, 7],
        &[0, 3],
        &[0, 4, 0, 0, 0],
        &[0, 5],
        &[0, 0, 0, 0, 40],
        &[1, 0, 0, 0],
        &[2, 0xff, 0, 0, 0, 21],
        &[7, 7, 10, 0, 0, 0, 22, 1],
        &[9, 157, 0, 0, 0],
        &[2, 0, 0, 0, 9],
    ];
    let bytes = &seeded(bytes, starts);
    if let Ok(message) = inbox::Message::parse(bytes) {
        same("inbox message", message, bytes, &message.encode())?;
    }
    if let Ok(message) = outbox::Message::parse(bytes) {
        same("outbox message", &message, bytes, &message.encode())?;
    }
    if let Ok((node, rest)) = Node::split(bytes) {
        let own = [node.as_bytes(), rest].concat();
        same("node", node, bytes, &own)?;
        if let Ok(ticket) = Ticket::from_node(node) {
            let mut again = Vec::new();
            ticket.put(&mut again);
            let read = Node::parse(&again).map(Ticket::from_node);
            if read != Ok(Ok(ticket)) {
                return Err(format!("{ticket:?} is {read:?} when read again"));
            }
        }
    }
    if let Ok((z, len)) = Integer::parse_z(bytes)
        && let Some(magnitude) = z.magnitude::<256>()
        && magnitude != [0; 256]
    {
        let mut again = Vec::new();
        number::put_z(&mut again, z.is_negative(), &magnitude);
        same("Z", z, &bytes[..len], &again)?;
    }
    if let Ok((n, len)) = Integer::parse_n(bytes)
        && let Some(magnitude) = n.magnitude::<256>()
    {
        let mut again = Vec::new();
        number::put_n(&mut again, &magnitude);
        same("N", n, &bytes[..len], &again)?;
    }
    contract(bytes)?;
    let _ = external::parse(bytes, &[0; 20]);
    let _ = address::decode(&String::from_utf8_lossy(bytes));
    Ok(())
}

/// A contract's address, in bytes and as text.
fn contract(bytes: &[u8]) -> Result<(), String> {
    let Some(first) = bytes.first_chunk::<22>() else {
        return Ok(());
    };
    let Ok(contract) = Contract::parse(first) else {
        return Ok(());
    };
    same("contract", contract, first, &contract.encode())?;
    if let Ok(text) = contract.to_base58() {
        let read = Contract::from_base58(&text);
        if read != Ok(contract) {
            return Err(format!("{text} is {read:?} when read again"));
        }
    }
    Ok(())
}

/// Ethereum's formats.
///
/// # Errors
/// If a decoder is wrong.
pub fn ethereum(bytes: &[u8]) -> Result<(), String> {
    use ethereum::transaction::{decode, decode_included};
    // A transaction with a few bytes changed.
    let case = crate::case::Case::new(&bytes[bytes.len() / 2..]);
    let mut raw = case.transactions[0].encode();
    let _ = change(&mut Unstructured::new(bytes), 3, &mut raw);
    for bytes in [bytes, &raw] {
        if let Ok(signed) = decode(bytes) {
            same("transaction", &signed, bytes, &signed.encode())?;
            let _ = ethereum::senders([&signed]);
        }
        let _ = decode_included(&[&[0x7e], bytes].concat());
        if let Ok(header) = ethereum::Header::decode(bytes) {
            same("header", &header, bytes, &header.encode())?;
        }
    }
    Ok(())
}

/// Batches and deposits of the transactions kernel, and its values.
///
/// # Errors
/// If a decoder is wrong.
pub fn batches(bytes: &[u8]) -> Result<(), String> {
    let starts: &[&[u8]] = &[
        &[],
        // Lengths that fit 250 bytes: of one transaction, of one operation.
        &[0, 0, 0, 0, 178, 0, 0, 0, 174, 1],
        &[0, 0, 0, 0, 178, 0, 0, 0, 174, 0],
        &[0, 0, 0, 0, 158],
        &[7, 7, 1, 0, 0, 0, 36],
    ];
    let bytes = &seeded(bytes, starts);
    if let Ok(batch) = Batch::parse(bytes) {
        // An entrypoint without a name is written as `default`.
        let again = batch.encode();
        let read = Batch::parse(&again).map(|one| one.transactions.len());
        if read != Ok(batch.transactions.len()) {
            same("batch", &batch, bytes, &again)?;
        }
    }
    if let Ok(deposit) = deposit::read(bytes) {
        let ticket = &deposit.ticket;
        let text = ticket.content.string().unwrap_or_default();
        let again = string_ticket(&ticket.ticketer, text, deposit.amount);
        same("ticket", deposit, ticket.node.as_bytes(), &again)?;
    }
    if let Some(account) = tx_kernel::memory::Account::decode(bytes) {
        let _ = account.inside();
    }
    Ok(())
}

/// The kernel's own values.
///
/// # Errors
/// If a decoder is wrong.
pub fn storage(bytes: &[u8]) -> Result<(), String> {
    fn value<V: Value + Debug + PartialEq>(bytes: &[u8]) -> Result<(), String> {
        let Some(value) = V::decode(bytes) else {
            return Ok(());
        };
        let again = value.encode();
        let read = V::decode(again.as_ref());
        if read.as_ref() == Some(&value) {
            return Ok(());
        }
        Err(format!("{value:?} is {read:?} when read again"))
    }
    value::<Account>(bytes)?;
    value::<Head>(&bytes[..bytes.len().min(141)])?;
    value::<Config>(bytes)?;
    value::<StoredHeader>(bytes)?;
    value::<Transactions>(bytes)?;
    value::<Receipts>(bytes)?;
    value::<Bytes>(bytes)
}

/// Wasm modules: any bytes give a report.
///
/// # Errors
/// None; a panic is what this looks for.
pub fn module(bytes: &[u8]) -> Result<(), String> {
    let mut choices = Unstructured::new(bytes);
    let mut module = e2e_tests::module("echo_and_count.wasm");
    // A shorter module meets its end more often.
    let len = module.len();
    if choices.ratio(1, 2) == Ok(true) {
        module.truncate(choices.int_in_range(0..=len).unwrap_or(len));
    }
    let _ = change(&mut choices, 7, &mut module);
    let version = pvm::Version::default();
    let _ = pvm::report::report(&module, version);
    Ok(())
}
