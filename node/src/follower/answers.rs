//! The forms of a rollup node's answers, as far as they are used
//! (`src/lib_smart_rollup/rollup_node_services.ml` and `sc_rollup_block.ml`, Octez 24).

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// The header of a block, as `/global/monitor_blocks` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Head {
    /// The hash of the block of layer 1: `B…`.
    #[serde(rename = "block_hash")]
    pub(super) hash: String,
    /// Its level.
    pub(super) level: u32,
    /// The hash of the block before it.
    pub(super) predecessor: String,
}

/// A block with its messages.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Block {
    #[serde(flatten)]
    pub(super) head: Head,
    /// Its inbox messages, tags and the protocol's own included.
    #[serde(deserialize_with = "hex_list")]
    pub(super) messages: Vec<Vec<u8>>,
    /// Its outbox messages.
    #[serde(default)]
    pub(super) outbox: Option<Vec<IgnoredAny>>,
}

/// A level.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Level(pub(super) u32);

/// A value of durable storage, hex or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(pub(super) Option<Vec<u8>>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let bytes = text.map(hex::decode).transpose();
        bytes.map(Self).map_err(D::Error::custom)
    }
}

/// The health of the rollup node; facts that it does not tell are absent.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Health {
    /// With layer 1.
    #[serde(default)]
    pub(super) l1: Option<Layer1Health>,
}

/// The rollup node's connection to layer 1.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Layer1Health {
    /// `connected`, `reconnecting` or `disconnected`.
    #[serde(default)]
    pub(super) connection: Option<String>,
    /// The blocks that ought to have come since the last one.
    #[serde(default)]
    pub(super) blocks_late: i64,
    /// The newest block of layer 1, which the rollup node may not have processed.
    #[serde(default)]
    pub(super) last_seen_head: Option<Inclusion>,
}

/// The status of a message of the batcher.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum MessageStatus {
    /// The batcher does not know it.
    Unknown,
    /// It waits for others, to go in one operation.
    PendingBatch,
    /// Its operation waits to be injected.
    PendingInjection,
    /// Its operation is with layer 1.
    Injected,
    /// A block has its operation.
    Included {
        /// That block.
        layer1: Inclusion,
    },
    /// A published commitment covers it.
    Committed {
        /// That block.
        layer1: Inclusion,
    },
}

/// A block of layer 1, such as that which has an operation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Inclusion {
    /// Its level.
    pub(super) level: u32,
}

/// The status of the commitment that covers a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the words of the rollup node")]
pub(super) enum Committed {
    /// There is none yet.
    Uncommitted {
        /// The level whose commitment it will be.
        commitment_level: u32,
    },
    /// It is published, and can be refuted.
    Committed {
        /// The level whose commitment it is.
        commitment_level: u32,
    },
    /// It is cemented.
    Cemented {},
}

/// An outbox of which messages wait.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PendingOutbox {
    /// Its level.
    #[serde(rename = "outbox_level")]
    pub(super) level: u32,
    /// The messages.
    pub(super) messages: Vec<PendingMessage>,
    /// The status of their execution.
    #[serde(default)]
    pub(super) status: Option<PendingStatus>,
}

/// A message that waits to be executed.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct PendingMessage {
    /// Its number in the outbox.
    #[serde(rename = "message_index")]
    pub(super) index: u32,
}

/// The status of messages that wait for their execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PendingStatus {
    /// Not yet.
    Pending,
    /// Yes.
    Executable,
    /// No longer.
    Lost,
}

/// The proof of an outbox message.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OutboxProof {
    /// The cemented commitment to name: `src1…`.
    pub(super) commitment: String,
    /// The proof, in hex.
    pub(super) proof: String,
}

fn hex_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let list = Vec::<String>::deserialize(deserializer)?;
    let list: Result<_, _> = list.iter().map(hex::decode).collect();
    list.map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields that are not used are there as well.
    #[test]
    fn a_message_is_read_at_each_stage() {
        let read = |text| serde_json::from_str::<MessageStatus>(text).unwrap();
        assert_eq!(read(r#"{"status":"unknown"}"#), MessageStatus::Unknown);
        assert_eq!(
            read(r#"{"content":"00","status":"pending_batch"}"#),
            MessageStatus::PendingBatch
        );
        assert_eq!(
            read(
                r#"{"content":"00","status":"injected","operation":{"kind":"add_messages"},
                    "layer1":{"operation_hash":"oo","operation_index":0}}"#
            ),
            MessageStatus::Injected
        );
        assert_eq!(
            read(
                r#"{"status":"included","operation":{},"layer1":{"operation_hash":"oo",
                    "operation_index":0,"block_hash":"B","level":7},"finalized":false,
                    "cemented":false}"#
            ),
            MessageStatus::Included {
                layer1: Inclusion { level: 7 }
            }
        );
        assert!(serde_json::from_str::<MessageStatus>(r#"{"status":"lost"}"#).is_err());
    }

    #[test]
    fn a_commitment_is_read_at_each_stage() {
        let read = |text| serde_json::from_str::<Committed>(text).unwrap();
        assert_eq!(
            read(
                r#"{"uncommitted":{"commitment_level":9,
                    "estimated_commitment_time":"2026-01-01T00:00:00Z",
                    "estimated_cementation_time":"2026-01-15T00:00:00Z"}}"#
            ),
            Committed::Uncommitted {
                commitment_level: 9
            }
        );
        assert_eq!(
            read(r#"{"cemented":{"commitment_level":9,"blocks_since_cemented":1}}"#),
            Committed::Cemented {}
        );
    }

    #[test]
    fn an_empty_value_is_none_other_than_no_value() {
        let read = |text| serde_json::from_str::<Value>(text).unwrap().0;
        assert_eq!(read("null"), None);
        assert_eq!(read(r#""""#), Some(Vec::new()));
        assert_eq!(read(r#""0aff""#), Some(vec![10, 255]));
        assert!(serde_json::from_str::<Value>(r#""0""#).is_err());
        assert!(serde_json::from_str::<Value>("1").is_err());
    }
}
