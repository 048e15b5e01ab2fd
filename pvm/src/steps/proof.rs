//! The proof of a step, and its check.
//!
//! | bytes | what |
//! | --- | --- |
//! | 100 | level, next message, root of the inbox, messages sent, chain of the outbox, the rollup's address and origination level (`state.rs`) |
//! | 32 | the root of durable storage |
//! | | the step machine's part (`step_machine::proof`) |
//! | 4, and as many | parts of durable storage that the step looks at (`durable/codec.rs`), or none |
//! | 1 | 0; or 1 and no message; or 2, its length (2) and a message; behind either the 20 hashes beside it |
//! | 1 | 0; or 1, the length (2) and a preimage |
//!
//! Numbers are little-endian.

use super::inbox::{HEIGHT, Shown};
use super::state::{LEN, Outside};
use super::{Stuck, function, host};
use crate::context::Context;
use crate::debug_sink::DebugSink;
use crate::durable::{Durable, Unavailable};
use ::host::MAX_OUTBOX_MESSAGES;
use kernel_module::imports::HostCall as Function;
use step_machine::{Event, Hash, HostCall, MAX_PROOF, Partial, ProofError, step};

/// Why the proof of a step is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepProofError {
    /// The machine's part is malformed, or not enough.
    #[error(transparent)]
    Machine(#[from] ProofError),
    /// It does not decode.
    #[error("the proof is malformed: {0}")]
    Malformed(&'static str),
    /// What it has of durable storage is not of its root.
    #[error(transparent)]
    Storage(#[from] Unavailable),
    /// It leaves out what a call of the host looks at.
    #[error(transparent)]
    Stuck(#[from] Stuck),
    /// The message is not in the inbox.
    #[error("the message is not in the inbox")]
    OtherMessage,
}

use StepProofError::Malformed;

/// What a call of the host needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostPart {
    pub(super) storage: Vec<u8>,
    pub(super) message: Option<Shown>,
    pub(super) preimage: Option<Vec<u8>>,
}

impl HostPart {
    pub(super) fn encode(&self, proof: &mut Vec<u8>) {
        proof.extend((self.storage.len() as u32).to_le_bytes());
        proof.extend(&self.storage);
        match &self.message {
            None => proof.push(0),
            Some(shown) => {
                match &shown.message {
                    None => proof.push(1),
                    Some(message) => {
                        proof.push(2);
                        put(proof, message);
                    }
                }
                proof.extend(shown.beside.as_flattened());
            }
        }
        match &self.preimage {
            None => proof.push(0),
            Some(preimage) => {
                proof.push(1);
                put(proof, preimage);
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, StepProofError> {
        let mut from = Reader(bytes);
        let len = u32::from_le_bytes(from.array()?);
        let storage = from.bytes(len as usize)?.to_vec();
        let message = match from.array()? {
            [0] => None,
            [1] => Some(None),
            [2] => Some(Some(from.short()?)),
            _ => return Err(Malformed("no such message")),
        };
        let message = match message {
            None => None,
            Some(message) => {
                let mut beside = [[0; 32]; HEIGHT];
                for hash in &mut beside {
                    *hash = from.array()?;
                }
                Some(Shown { message, beside })
            }
        };
        let preimage = match from.array()? {
            [0] => None,
            [1] => Some(from.short()?),
            _ => return Err(Malformed("no such preimage")),
        };
        if !from.0.is_empty() {
            return Err(Malformed("something follows it"));
        }
        Ok(Self {
            storage,
            message,
            preimage,
        })
    }
}

fn put(proof: &mut Vec<u8>, bytes: &[u8]) {
    proof.extend((bytes.len() as u16).to_le_bytes());
    proof.extend(bytes);
}

/// Checks that a step leads from one state of a run to another, without either.
///
/// # Errors
/// Where it does not, or the proof does not show it.
pub fn check(proof: &[u8], before: &Hash, after: &Hash) -> Result<(), StepProofError> {
    if proof.len() > MAX_PROOF {
        return Err(ProofError::TooLong.into());
    }
    let mut from = Reader(proof);
    let mut outside = Outside::decode(&from.array::<LEN>()?);
    let mut durable: Hash = from.array()?;
    let (mut machine, rest) = Partial::decode(from.0)?;
    let part = HostPart::decode(rest)?;
    if outside.hash(&machine.root(), &durable) != *before {
        return Err(ProofError::OtherState.into());
    }
    match step(&mut machine)? {
        Event::Call(call) => {
            let mut context = context(&outside, &durable, part, call)?;
            host(&mut machine, call, &mut context)?;
            durable = context.durable.root_hash();
            outside.follow(&context);
        }
        _ if part == HostPart::default() => {}
        _ => return Err(Malformed("the step is no call of the host")),
    }
    if outside.hash(&machine.root(), &durable) != *after {
        return Err(ProofError::OtherResult.into());
    }
    Ok(())
}

/// What the host has, as far as the proof shows it.
fn context(
    outside: &Outside,
    durable: &Hash,
    part: HostPart,
    call: HostCall,
) -> Result<Context, StepProofError> {
    let durable = match part.storage.is_empty() {
        true => Durable::blind(*durable),
        false => Durable::partial(*durable, &part.storage)?,
    };
    let reads = function(call) == Some(Function::ReadInput);
    let inbox = match part.message {
        Some(shown) if reads && shown.root(outside.next) == outside.inbox => {
            shown.message.into_iter().collect::<Vec<_>>()
        }
        None if !reads => Vec::new(),
        _ => return Err(StepProofError::OtherMessage),
    };
    let sent = outside.sent as usize;
    if sent > MAX_OUTBOX_MESSAGES {
        return Err(Malformed("an outbox with too many messages"));
    }
    Ok(Context {
        durable,
        level: outside.level,
        inbox: inbox.into(),
        next: outside.next as usize,
        left_out: outside.next as usize,
        outbox: vec![Vec::new(); sent],
        rollup: outside.rollup,
        origination_level: outside.origination_level,
        revealed: part.preimage,
        debug: DebugSink::Off,
        ..Context::default()
    })
}

struct Reader<'b>(&'b [u8]);

const SHORT: StepProofError = Malformed("it ends too early");

impl<'b> Reader<'b> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], StepProofError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*array)
    }

    fn bytes(&mut self, len: usize) -> Result<&'b [u8], StepProofError> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn short(&mut self) -> Result<Vec<u8>, StepProofError> {
        let len = u16::from_le_bytes(self.array()?);
        Ok(self.bytes(len.into())?.to_vec())
    }
}
