//! The node of the other chain, asked over JSON-RPC.

use super::answer::{self, start};
use crate::tls;
use alloy_primitives::B256;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// The most bytes of an answer.
const MAX_ANSWER: u64 = 25_000_000;

/// The most requests at once.
const FLIGHTS: usize = 16;

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The most time limits of one attempt that all attempts together take, if a node does not
/// answer.
const MAX_TIMEOUTS: u32 = 3;

/// Limits of requests to the other chain's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// The attempts after the first.
    pub retries: u32,
    /// The pause before the second attempt; each further one is twice as long.
    pub backoff: Duration,
    /// The time limit of an attempt.
    pub timeout: Duration,
    /// Headers that go with each request, as for a key.
    pub headers: Vec<(String, String)>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            retries: 5,
            backoff: Duration::from_millis(250),
            timeout: Duration::from_secs(20),
            headers: Vec::new(),
        }
    }
}

/// Why the node of the other chain gives no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It cannot be reached, or the connection broke.
    #[error("{url} does not answer {method}: {why}")]
    Unreachable {
        /// Whom was asked.
        url: String,
        /// The requested method.
        method: String,
        /// Why.
        why: String,
    },
    /// Its certificate is not accepted.
    #[error("{url} is not trusted: {why}")]
    Distrusted {
        /// Whom was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// It has no time for us.
    #[error("{url} limits the rate of requests: {why}")]
    Limited {
        /// Whom was asked.
        url: String,
        /// The answer.
        why: String,
    },
    /// So many requests wait for it that this one did not get its turn.
    #[error("too many requests wait for {url}")]
    Crowded {
        /// Whom was asked.
        url: String,
    },
    /// It refuses this request.
    #[error("{url} refuses {method}: {message} ({code})")]
    Refused {
        /// Whom was asked.
        url: String,
        /// The requested method.
        method: String,
        /// The code of JSON-RPC.
        code: i64,
        /// Its words.
        message: String,
        /// Details of the error.
        data: Option<Value>,
    },
    /// Its chain has another block now where the fork begins.
    #[error(
        "the chain of {url} was reorganised: block {number} was {was} and is {}; start again, or reset to the block that it has now",
        .now.map_or_else(|| "gone".to_owned(), |now| now.to_string())
    )]
    Reorganised {
        /// Whom was asked.
        url: String,
        /// The number of the block.
        number: u64,
        /// Its hash.
        was: B256,
        /// That of the block with this number now; `None`: there is none.
        now: Option<B256>,
    },
    /// Its answer has another form.
    #[error("the answer of {url} to {method} is not as expected: {why}")]
    Form {
        /// Whom was asked.
        url: String,
        /// The requested method.
        method: String,
        /// The fault.
        why: String,
    },
}

impl RemoteError {
    /// True if the same request may have an answer later.
    const fn passes(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Limited { .. })
    }
}

/// A request: method and parameters.
pub(super) type Call<'c> = (&'c str, Value);

/// The node of the other chain.
#[derive(Debug)]
pub struct Remote {
    agent: ureq::Agent,
    url: RwLock<String>,
    manner: Manner,
    flights: Mutex<usize>,
    landed: Condvar,
    requests: AtomicU64,
}

/// An answer of JSON-RPC.
#[derive(serde::Deserialize)]
struct Answer {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(serde::Deserialize)]
struct Refusal {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

/// A request that is on its way.
struct Flight<'r>(&'r Remote);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        *lock(&self.0.flights) -= 1;
        self.0.landed.notify_one();
    }
}

impl Remote {
    /// The node at a URL.
    #[must_use]
    pub fn new(url: &str, manner: Manner) -> Self {
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .tls_config(tls::config())
            .timeout_global(Some(manner.timeout))
            .http_status_as_error(false);
        let config = match is_local(url) {
            true => config.proxy(None),
            false => config,
        }
        .build();
        Self {
            agent: ureq::Agent::new_with_config(config),
            url: RwLock::new(url.to_owned()),
            manner,
            flights: Mutex::new(0),
            landed: Condvar::new(),
            requests: AtomicU64::new(0),
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.url
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks another node of the same chain from now on.
    pub fn set_url(&self, url: &str) {
        url.clone_into(&mut self.url.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Limits of its requests.
    #[must_use]
    pub const fn manner(&self) -> &Manner {
        &self.manner
    }

    /// The requests of HTTP that were sent so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// [`RemoteError`], after as many attempts as [`Manner`] says.
    pub(super) fn ask(&self, method: &str, params: &Value) -> Result<Box<RawValue>, RemoteError> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.patiently(|| {
            let bytes = self.send(method, &body)?;
            let answer: Answer = self.parse(method, &bytes)?;
            self.result(method, answer)
        })
    }

    /// Asks for several things in one request, or one after the other of a node that takes
    /// no batches.
    ///
    /// # Errors
    /// As [`Remote::ask`]: all or nothing.
    pub(super) fn ask_all(&self, calls: &[Call<'_>]) -> Result<Vec<Box<RawValue>>, RemoteError> {
        if let [(method, params)] = calls {
            return Ok(vec![self.ask(method, params)?]);
        }
        let batch: Vec<Value> = calls
            .iter()
            .enumerate()
            .map(|(id, (method, params))| {
                json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
            })
            .collect();
        let batch = Value::Array(batch);
        let name = calls.first().map_or("a batch", |(method, _)| method);
        let together = self.patiently(|| {
            let bytes = self.send(name, &batch)?;
            let Ok(answers) = serde_json::from_slice::<Vec<Answer>>(&bytes) else {
                return Ok(None);
            };
            let mut results: Vec<Option<Box<RawValue>>> = Vec::new();
            results.resize_with(calls.len(), || None);
            for answer in answers {
                let place = answer.id.as_u64().and_then(|id| usize::try_from(id).ok());
                if let Some((place, (method, _))) =
                    place.and_then(|place| Some((place, calls.get(place)?)))
                {
                    results[place] = Some(self.result(method, answer)?);
                }
            }
            Ok(results.into_iter().collect::<Option<Vec<_>>>())
        })?;
        match together {
            Some(results) => Ok(results),
            None => {
                let each = calls
                    .iter()
                    .map(|(method, params)| self.ask(method, params));
                each.collect()
            }
        }
    }

    /// Tries again what may work later.
    fn patiently<T>(&self, attempt: impl Fn() -> Result<T, RemoteError>) -> Result<T, RemoteError> {
        waiting(|| {
            let mut pause = self.manner.backoff;
            let mut left = self.manner.retries;
            let start = Instant::now();
            let longest = self.manner.timeout.saturating_mul(MAX_TIMEOUTS);
            loop {
                match attempt() {
                    Err(error @ RemoteError::Unreachable { .. }) if start.elapsed() >= longest => {
                        return Err(error);
                    }
                    Err(error) if error.passes() && left > 0 => {
                        tracing::debug!("{error}; again in {pause:?}");
                        std::thread::sleep(pause.min(MAX_PAUSE));
                        pause = pause.saturating_mul(2);
                        left -= 1;
                    }
                    outcome => return outcome,
                }
            }
        })
    }

    /// Waits for a place among the requests that are on their way.
    fn take_off(&self) -> Result<Flight<'_>, RemoteError> {
        let start = Instant::now();
        let mut flights = lock(&self.flights);
        while *flights >= FLIGHTS {
            let Some(left) = self.manner.timeout.checked_sub(start.elapsed()) else {
                return Err(RemoteError::Crowded { url: self.shown() });
            };
            let waited = self.landed.wait_timeout(flights, left);
            flights = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *flights += 1;
        drop(flights);
        Ok(Flight(self))
    }

    fn send(&self, method: &str, body: &Value) -> Result<Vec<u8>, RemoteError> {
        let _flight = self.take_off()?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let unreachable = |why: &dyn fmt::Display| RemoteError::Unreachable {
            url: self.shown(),
            method: method.to_owned(),
            why: start(&why.to_string()),
        };
        let mut request = self
            .agent
            .post(self.url())
            .header("content-type", "application/json");
        for (name, value) in &self.manner.headers {
            request = request.header(name, value);
        }
        let mut answer =
            request
                .send(body.to_string())
                .map_err(|error| match tls::distrust(&error) {
                    Some(why) => RemoteError::Distrusted {
                        url: self.shown(),
                        why,
                    },
                    None => unreachable(&error),
                })?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER);
        let body = match body.read_to_vec() {
            Ok(body) => body,
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                return Err(self.form(method, &"it is larger than 25 MB"));
            }
            Err(error) => return Err(unreachable(&error)),
        };
        match status {
            200..=299 => Ok(body),
            429 => Err(RemoteError::Limited {
                url: self.shown(),
                why: start(&String::from_utf8_lossy(&body)),
            }),
            // Some nodes send errors of JSON-RPC so.
            400..=499
                if serde_json::from_slice::<Answer>(&body)
                    .is_ok_and(|answer| answer.error.is_some()) =>
            {
                Ok(body)
            }
            _ => Err(unreachable(&format_args!(
                "status {status}: {}",
                start(&String::from_utf8_lossy(&body))
            ))),
        }
    }

    fn parse(&self, method: &str, bytes: &[u8]) -> Result<Answer, RemoteError> {
        serde_json::from_slice(bytes).map_err(|error| self.form(method, &error))
    }

    fn result(&self, method: &str, answer: Answer) -> Result<Box<RawValue>, RemoteError> {
        let Some(refusal) = answer.error else {
            // `null` is an answer, too.
            return Ok(answer.result.unwrap_or_else(null));
        };
        let Refusal {
            code,
            message,
            data,
        } = refusal;
        let words = message.to_lowercase();
        let limited = matches!(code, 429 | -32005 | -32016)
            && ["rate", "limit exceeded", "too many", "capacity", "429"]
                .iter()
                .any(|word| words.contains(word));
        if limited || words.contains("too many requests") || words.contains("rate limit") {
            return Err(RemoteError::Limited {
                url: self.shown(),
                why: start(&message),
            });
        }
        Err(RemoteError::Refused {
            url: self.shown(),
            method: method.to_owned(),
            code,
            message: start(&message),
            data: data.map(answer::besides),
        })
    }

    /// The id of the run of a node that has one, as Hardhat's, anvil's and ours have; `None` also
    /// if it does not answer.
    pub(crate) fn instance(&self) -> Option<B256> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            instance_id: answer::Word,
        }
        let answer = self.ask("hardhat_metadata", &json!([])).ok()?;
        let metadata: Metadata = answer::read(&answer).ok()?;
        Some(metadata.instance_id.0)
    }

    pub(super) fn form(&self, method: &str, why: &dyn fmt::Display) -> RemoteError {
        RemoteError::Form {
            url: self.shown(),
            method: method.to_owned(),
            why: start(&why.to_string()),
        }
    }

    /// The URL without what may be a key: scheme and host.
    #[must_use]
    pub fn shown(&self) -> String {
        origin(&self.url())
    }
}

/// Scheme and host of a URL, which has keys in its path or before its host.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// True if a URL leads to this machine, where chains come and go.
pub(super) fn is_local(url: &str) -> bool {
    let origin = origin(url);
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// Waits without holding up others, wherever it is called.
pub(super) fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_a_url_are_not_shown() {
        for (url, shown) in [
            ("https://eth.example/v2/secret", "https://eth.example"),
            ("http://user:pass@10.0.0.1:8545/", "http://10.0.0.1:8545"),
            ("https://eth.example?key=secret", "https://eth.example"),
            ("eth.example/v2/secret", "http://eth.example"),
        ] {
            assert_eq!(origin(url), shown);
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for local in [
            "http://127.0.0.1:8545",
            "http://localhost:8545/",
            "http://[::1]:8545",
            "http://0.0.0.0:1",
        ] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "https://eth.example",
            "http://10.0.0.1:8545",
            "http://localhost.example",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }
}
