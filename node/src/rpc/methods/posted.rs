//! The way a transaction was posted: the inbox messages that have it.

use super::layer1::inside;
use crate::batches;
use crate::chain;
use crate::miner::MinerHandle;
use crate::node::Node;
use crate::rpc::RpcError;
use crate::rpc::load;
use crate::rpc::params::Params;
use alloy_primitives::{B256, keccak256};
use evm_kernel::inputs::format::{ANNOUNCEMENT, CHUNK, EXTERNAL, SIMPLE, TARGETED};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The levels before that of its block in whose inboxes a transaction's message is looked for:
/// messages wait where a level is full.
const BEFORE: u32 = 3;

/// The same of one that came in pieces, which may come one after the other: as long as an
/// announcement is open, and those.
const BEFORE_PIECES: u32 = 20 + BEFORE;

/// The inbox tag of what a contract of layer 1 sent.
const TRANSFER: u8 = 0;

/// `rollup_getMessageOf(hash)`: the inbox message that has a transaction of a block, or all of those
/// that have its pieces; null if they are not found.
pub(super) async fn message_of(miner: &MinerHandle, params: &Params) -> Result<Value, RpcError> {
    let hash: B256 = params.required(0)?;
    let node = miner.node();
    let Some((block, index)) = node.transaction(&hash)? else {
        return Ok(Value::Null);
    };
    let Some(newest) = block.state.as_ref().map(chain::head).transpose()? else {
        return Ok(Value::Null);
    };
    let raw = block.transactions.get(index);
    let raw = raw.map(|included| included.transaction.encode());
    let raw: Arc<[u8]> = raw.unwrap_or_default().into();
    let mut pieces = Pieces::default();
    for level in (0..=newest.level).rev().take(1 + BEFORE_PIECES as usize) {
        if pieces.is_empty() && newest.level - level > BEFORE {
            break;
        }
        let (_, Some(messages)) = miner.inbox(Some(level)).await? else {
            continue;
        };
        let raw = Arc::clone(&raw);
        let looked = load::blocking(node, move |node| {
            let mut pieces = pieces;
            let found = look(node, (level, &messages[..]), (&hash, &raw[..]), &mut pieces)?;
            Ok((pieces, found))
        });
        let (more, found) = looked.await?;
        pieces = more;
        if let Some((id, kind)) = found {
            return Ok(json!({ "level": level, "id": id, "kind": kind, "pieces": [] }));
        }
        if let Some(whole) = pieces.whole() {
            return Ok(whole);
        }
    }
    Ok(Value::Null)
}

/// The message of a level that has a transaction, and how; its pieces are gathered.
fn look(
    node: &Node,
    (level, messages): (u32, &[Vec<u8>]),
    (hash, raw): (&B256, &[u8]),
    pieces: &mut Pieces,
) -> Result<Option<(usize, &'static str)>, RpcError> {
    for (id, message) in messages.iter().enumerate() {
        let kind = match message.as_slice() {
            [EXTERNAL, TARGETED, framed @ ..] => {
                let named = framed.get(21..53) == Some(hash.as_slice());
                let rest = framed.get(53..).unwrap_or_default();
                match framed.get(20) {
                    Some(&SIMPLE) if named => "whole",
                    Some(&ANNOUNCEMENT) if named => {
                        pieces.announced((level, id), rest);
                        continue;
                    }
                    Some(&CHUNK) if named => {
                        pieces.arrived((level, id), rest);
                        continue;
                    }
                    _ if batches::count(message).is_some() => "batch",
                    _ => continue,
                }
            }
            // A contract sends the signed bytes as they are.
            [TRANSFER, rest @ ..] if has(rest, raw) => return Ok(Some((id, "delayed"))),
            _ => continue,
        };
        let inside = inside(node, message)?.unwrap_or_default();
        if inside.iter().any(|inside| inside.hash == *hash) {
            return Ok(Some((id, kind)));
        }
    }
    Ok(None)
}

/// Returns `true` if `wanted` occurs in the bytes.
fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && bytes.windows(wanted.len()).any(|part| part == wanted)
}

/// The level and the number of a message.
type Place = (u32, usize);

/// The pieces of a transaction that were found, the newest level's first.
#[derive(Debug, Default)]
struct Pieces {
    /// Announcements, each with the hashes of its pieces.
    announced: Vec<(Place, Vec<B256>)>,
    /// The first message of each piece, by its hash.
    arrived: HashMap<B256, Place>,
}

/// The most announcements of a transaction that are looked at, as the kernel keeps them.
const MOST: usize = 128;

impl Pieces {
    fn is_empty(&self) -> bool {
        self.announced.is_empty() && self.arrived.is_empty()
    }

    /// Count (u16, little-endian) and hashes of pieces.
    fn announced(&mut self, place: Place, rest: &[u8]) {
        let Some((count, hashes)) = rest.split_first_chunk::<2>() else {
            return;
        };
        let count = usize::from(u16::from_le_bytes(*count));
        if count > 0 && hashes.len() == count * 32 && self.announced.len() < MOST {
            let hashes = hashes.chunks_exact(32).map(B256::from_slice).collect();
            self.announced.push((place, hashes));
        }
    }

    /// Index (u16, little-endian), hash and bytes of a piece; one that has not its hash is none.
    fn arrived(&mut self, place: Place, rest: &[u8]) {
        let hash = rest.get(2..34).map(B256::from_slice);
        let Some((hash, bytes)) = hash.zip(rest.get(34..)) else {
            return;
        };
        if keccak256(bytes) == hash {
            let first = self.arrived.entry(hash).or_insert(place);
            *first = place.min(*first);
        }
    }

    /// An announcement whose pieces are all there: the transaction is the first's message.
    fn whole(&self) -> Option<Value> {
        let here = |hashes: &[B256]| hashes.iter().all(|hash| self.arrived.contains_key(hash));
        let all = self.announced.iter().filter(|(_, hashes)| here(hashes));
        let ((level, id), hashes) = all.min_by_key(|(place, _)| *place)?;
        let pieces = hashes.iter().filter_map(|hash| self.arrived.get(hash));
        let pieces = pieces.map(|(level, id)| json!({ "level": level, "id": id }));
        Some(json!({
            "level": level,
            "id": id,
            "kind": "pieces",
            "pieces": pieces.collect::<Value>(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evm_kernel::inputs::encode;

    fn gathered(messages: &[Vec<u8>]) -> Pieces {
        let mut pieces = Pieces::default();
        for (id, message) in messages.iter().enumerate() {
            let rest = &message[55..];
            match message[22] {
                ANNOUNCEMENT => pieces.announced((7, id), rest),
                CHUNK => pieces.arrived((7, id), rest),
                other => panic!("{other}"),
            }
        }
        pieces
    }

    #[test]
    fn pieces_are_whole_with_their_announcement_in_any_order_and_not_before() {
        let raw: Vec<u8> = (0..9_000_u32).map(|byte| byte as u8).collect();
        let mut messages = encode::messages(&[9; 20], &raw);
        assert_eq!(messages.len(), 4);
        let whole = gathered(&messages).whole().unwrap();
        assert_eq!((&whole["level"], &whole["id"]), (&json!(7), &json!(0)));
        let ids: Vec<u64> = (0..3)
            .map(|at| whole["pieces"][at]["id"].as_u64().unwrap())
            .collect();
        assert_eq!(ids, [1, 2, 3]);
        // A stranger's piece of the same name, and the first again.
        let mut false_piece = messages[1].clone();
        *false_piece.last_mut().unwrap() ^= 1;
        messages.insert(1, false_piece);
        messages.push(messages[2].clone());
        messages.rotate_left(1);
        let whole = gathered(&messages).whole().unwrap();
        assert_eq!(whole["pieces"].as_array().unwrap().len(), 3);
        assert_eq!(whole["id"], 5);
        for missing in 0..4 {
            let mut some = encode::messages(&[9; 20], &raw);
            some.remove(missing);
            assert!(gathered(&some).whole().is_none(), "{missing}");
        }
    }

    #[test]
    fn broken_pieces_are_none() {
        let mut pieces = Pieces::default();
        for rest in [&[][..], &[1], &[0, 0], &[2, 0, 7], &[7; 33]] {
            pieces.announced((1, 1), rest);
            pieces.arrived((1, 1), rest);
        }
        assert!(pieces.is_empty() && pieces.whole().is_none());
        assert!(has(b"abc", b"bc") && !has(b"abc", b"") && !has(b"a", b"ab"));
    }
}
