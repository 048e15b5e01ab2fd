//! A rollup node of Octez, asked over HTTP (its service
//! `src/lib_smart_rollup/rollup_node_services.ml`, Octez 24).

use super::answers::{
    Block, Committed, Head, Health, Level, MessageStatus, OutboxProof, PendingOutbox, Value,
};
use crate::tls;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

/// The time limit of a request, if nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes of an answer: the inbox of a level in hex, several times over.
const MAX_ANSWER: u64 = 32 << 20;

/// The most bytes of a value of durable storage in hex.
const MAX_VALUE: u64 = 256 << 20;

/// The most bytes of a line of a stream.
const MAX_LINE: u64 = 1 << 20;

/// Why a rollup node's answer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// It cannot be reached, or the connection broke.
    #[error("the rollup node does not answer {path}: {why}")]
    Unreachable {
        /// The requested path.
        path: String,
        /// Why.
        why: String,
    },
    /// It refuses.
    #[error("the rollup node answers {path} with status {status}: {body}")]
    Refused {
        /// The requested path.
        path: String,
        /// The status of HTTP.
        status: u16,
        /// The start of what it says.
        body: String,
    },
    /// Its answer has another form.
    #[error("the rollup node's answer to {path} is not as expected: {why}")]
    Form {
        /// The requested path.
        path: String,
        /// The fault.
        why: String,
    },
}

/// The block that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At<'a> {
    /// The newest that the rollup node has processed.
    Head,
    /// The newest that layer 1 has finalised.
    Finalized,
    /// The newest whose commitment is cemented.
    Cemented,
    /// The one at a level of the branch that the rollup node follows.
    Level(u32),
    /// The one with this hash.
    Hash(&'a str),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Finalized => f.write_str("finalized"),
            Self::Cemented => f.write_str("cemented"),
            Self::Level(level) => write!(f, "{level}"),
            Self::Hash(hash) => f.write_str(hash),
        }
    }
}

/// A rollup node.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    streams: ureq::Agent,
    url: String,
    /// The URL without what may be a secret in it, for errors.
    place: String,
}

impl Client {
    /// The rollup node at `url` (`http://HOST:PORT`).
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self::with_patience(url, PATIENCE)
    }

    /// One that waits so long for an answer.
    #[must_use]
    pub fn with_patience(url: &str, patience: Duration) -> Self {
        let agent = |time| {
            let config = ureq::Agent::config_builder()
                .max_redirects(0)
                .tls_config(tls::config())
                .timeout_global(Some(time))
                .timeout_connect(Some(patience))
                .http_status_as_error(false)
                .proxy(None)
                .build();
            ureq::Agent::new_with_config(config)
        };
        Self {
            agent: agent(patience),
            // A stream is opened anew after a while, so that one whose other end is gone
            // without a word is noticed.
            streams: agent(patience / 2),
            url: url.trim_end_matches('/').to_owned(),
            place: place(url),
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the rollup: `sr1…`.
    ///
    /// # Errors
    /// [`ClientError`], as for all other questions.
    pub fn rollup_address(&self) -> Result<String, ClientError> {
        self.get("/global/smart_rollup_address")
    }

    /// The health of the rollup node.
    pub(super) fn health(&self) -> Result<Health, ClientError> {
        self.get("/health")
    }

    /// A block with its inbox messages and the number of its outbox messages.
    pub(super) fn block(&self, at: At<'_>) -> Result<Block, ClientError> {
        self.get(&format!("/global/block/{at}?outbox=true"))
    }

    /// The hash of a block.
    pub(super) fn hash(&self, at: At<'_>) -> Result<String, ClientError> {
        self.get(&format!("/global/block/{at}/hash"))
    }

    /// The level of a block.
    pub(super) fn level(&self, at: At<'_>) -> Result<u32, ClientError> {
        let Level(level) = self.get(&format!("/global/block/{at}/level"))?;
        Ok(level)
    }

    /// The value at a path of durable storage after a block; `None` if there is none.
    pub(super) fn value(&self, at: At<'_>, path: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let path = durable(at, "value", path);
        let answer = self.agent.get(self.address(&path)).call();
        let Value(value) = read(&self.shown(&path), answer, MAX_VALUE)?;
        Ok(value)
    }

    /// The names of the direct children of a path, `""` for its own value.
    pub(super) fn subkeys(&self, at: At<'_>, path: &str) -> Result<Vec<String>, ClientError> {
        self.get(&durable(at, "subkeys", path))
    }

    /// The status of the commitment that covers a block.
    pub(super) fn committed(&self, at: At<'_>) -> Result<Committed, ClientError> {
        self.get(&format!("/global/block/{at}/committed_status"))
    }

    /// The outboxes whose messages wait to be executed.
    pub(super) fn pending_outboxes(&self) -> Result<Vec<PendingOutbox>, ClientError> {
        self.get("/local/outbox/pending")
    }

    /// The proof of an outbox message, against the cemented commitment.
    pub(super) fn outbox_proof(&self, level: u32, index: u32) -> Result<OutboxProof, ClientError> {
        self.get(&format!(
            "/global/block/head/helpers/proofs/outbox/{level}/messages?index={index}"
        ))
    }

    /// Gives messages, without their inbox tag, to the batcher; gives their ids.
    /// `order`: those with lower numbers go first. What was injected before goes again: an
    /// equal message may have come too early for the kernel.
    pub(super) fn inject(
        &self,
        messages: &[Vec<u8>],
        order: u64,
    ) -> Result<Vec<String>, ClientError> {
        let path = format!("/local/batcher/injection?drop_duplicate=false&order={order}");
        let body: Vec<String> = messages.iter().map(hex::encode).collect();
        let body = serde_json::to_string(&body).map_err(|error| form(&path, &error))?;
        let answer = self
            .agent
            .post(self.address(&path))
            .header("content-type", "application/json")
            .send(body);
        let ids: Vec<String> = read(&self.shown(&path), answer, MAX_ANSWER)?;
        if ids.len() == messages.len() {
            Ok(ids)
        } else {
            let (sent, got) = (messages.len(), ids.len());
            Err(form(&path, &format_args!("{got} ids for {sent} messages")))
        }
    }

    /// The status of a message of the batcher.
    pub(super) fn message_status(&self, id: &str) -> Result<MessageStatus, ClientError> {
        self.get(&format!("/local/batcher/queue/{id}"))
    }

    /// Calls `each` with the blocks that the rollup node processes, as it does; ends where
    /// `each` says `false`, where the stream ends, or after some seconds.
    pub(super) fn monitor(&self, mut each: impl FnMut(Head) -> bool) -> Result<(), ClientError> {
        let path = "/global/monitor_blocks";
        let answer = self.streams.get(self.address(path)).call();
        let path = &*self.shown(path);
        let mut answer = answer.map_err(|error| unreachable(path, &tls::explained(&error)))?;
        if answer.status() != 200 {
            return read::<Head>(path, Ok(answer), MAX_ANSWER).map(|_| ());
        }
        let mut lines = BufReader::new(answer.body_mut().as_reader());
        loop {
            let mut line = Vec::new();
            let read = (&mut lines).take(MAX_LINE).read_until(b'\n', &mut line);
            match read {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => return Ok(()),
                Err(error) => return Err(unreachable(path, &error)),
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let head = serde_json::from_slice(&line).map_err(|error| form(path, &error))?;
            if !each(head) {
                return Ok(());
            }
        }
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.agent.get(self.address(path)).call();
        read(&self.shown(path), answer, MAX_ANSWER)
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A path, and where it is asked for.
    fn shown(&self, path: &str) -> String {
        format!("{path} at {}", self.place)
    }
}

/// Host, port and path of a URL, without user, password and query. A password may have any letter.
fn place(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    rest.trim_end_matches('/').to_owned()
}

/// True if the time for a whole stream is over, as the library tells it while a body is read.
fn is_timeout(error: &std::io::Error) -> bool {
    let source = error.get_ref();
    let source = source.and_then(|source| source.downcast_ref::<ureq::Error>());
    error.kind() == std::io::ErrorKind::TimedOut || matches!(source, Some(ureq::Error::Timeout(_)))
}

/// The question for something about a path of durable storage.
fn durable(at: At<'_>, what: &str, path: &str) -> String {
    // Paths have letters that URLs keep as they are, but for the slash.
    let key = path.replace('/', "%2F");
    format!("/global/block/{at}/durable/wasm_2_0_0/{what}?key={key}")
}

fn read<T: DeserializeOwned>(
    path: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    most: u64,
) -> Result<T, ClientError> {
    let mut answer = answer.map_err(|error| unreachable(path, &tls::explained(&error)))?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(most);
    let body = body
        .read_to_vec()
        .map_err(|error| unreachable(path, &error))?;
    if status != 200 {
        let body = String::from_utf8_lossy(&body);
        return Err(ClientError::Refused {
            path: path.to_owned(),
            status,
            body: body.chars().take(200).collect(),
        });
    }
    serde_json::from_slice(&body).map_err(|error| form(path, &error))
}

fn unreachable(path: &str, why: &dyn fmt::Display) -> ClientError {
    ClientError::Unreachable {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

pub(super) fn form(path: &str, why: &dyn fmt::Display) -> ClientError {
    ClientError::Form {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn an_error_names_the_place_and_no_secret() {
        for (url, expected) in [
            ("http://127.0.0.1:8932", "127.0.0.1:8932"),
            ("http://me:s3cret@host:1/x/", "host:1/x"),
            ("https://u:s3/cre@t?@host/a?key=s3cret", "host/a"),
        ] {
            assert_eq!(place(url), expected);
        }
        let client = Client::with_patience("http://u:s3cret@127.0.0.1:1", Duration::from_secs(5));
        let error = client.rollup_address().unwrap_err().to_string();
        let expected = "does not answer /global/smart_rollup_address at 127.0.0.1:1: ";
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn the_end_of_a_streams_time_is_no_fault() {
        let over = ureq::Error::Timeout(ureq::Timeout::Global);
        assert!(is_timeout(&over.into_io()));
        assert!(is_timeout(&io::ErrorKind::TimedOut.into()));
        assert!(!is_timeout(&io::ErrorKind::UnexpectedEof.into()));
        assert!(!is_timeout(&ureq::Error::HostNotFound.into_io()));
    }
}
