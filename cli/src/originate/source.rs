//! Sources of durable storage: a rollup node, or a dump.

use crate::files;
use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// The time limit of a request.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes of an answer: a kernel in hex.
const MAX_ANSWER: u64 = 1 << 28;

/// The options for durable storage.
#[derive(Args, Debug)]
pub(crate) struct Source {
    /// The URL of a rollup node
    #[arg(long, value_name = "URL", conflicts_with = "dump")]
    rollup_node: Option<String>,
    /// The output of `evm-rollup run --json --dump /`
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
}

impl Source {
    /// A rollup node.
    pub(super) fn node(url: &str) -> Self {
        Self {
            rollup_node: Some(url.to_owned()),
            dump: None,
        }
    }

    /// True if there is one.
    pub(super) const fn is_given(&self) -> bool {
        self.rollup_node.is_some() || self.dump.is_some()
    }

    /// The rollup's address, if the source knows it.
    pub(super) fn rollup(&self) -> anyhow::Result<Option<String>> {
        let Some(url) = &self.rollup_node else {
            return Ok(None);
        };
        let answer = get(url, "/global/smart_rollup_address")?;
        let address = answer
            .as_str()
            .context("the node tells no rollup address")?;
        Ok(Some(address.to_owned()))
    }

    /// The values at paths; none for one that is not there.
    pub(super) fn values(&self, paths: &[String]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let read = |value: &Value| match value {
            Value::Null => Ok(None),
            Value::String(text) => hex::decode(text).map(Some).context("a value is not hex"),
            _ => bail!("a value is not hex"),
        };
        if let Some(url) = &self.rollup_node {
            let values = paths.iter().map(|path| {
                let key = path.replace('/', "%2F");
                let path = format!("/global/block/head/durable/wasm_2_0_0/value?key={key}");
                read(&get(url, &path)?)
            });
            return values.collect();
        }
        let path = self.dump.as_ref().context("no source")?;
        let dump: Value = serde_json::from_str(&files::text(path)?)
            .with_context(|| format!("{} is not JSON", path.display()))?;
        let values = dump.get("dump").unwrap_or(&dump);
        let values = values
            .as_object()
            .with_context(|| format!("{} is not a dump", path.display()))?;
        let null = Value::Null;
        paths
            .iter()
            .map(|path| read(values.get(path).unwrap_or(&null)))
            .collect()
    }
}

/// Asks a node.
pub(super) fn get(url: &str, path: &str) -> anyhow::Result<Value> {
    let config = ureq::Agent::config_builder()
        .tls_config(node::tls::config())
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build();
    let url = format!("{}{path}", url.trim_end_matches('/'));
    let mut answer = ureq::Agent::new_with_config(config)
        .get(&url)
        .call()
        .with_context(|| format!("no answer of {url}"))?;
    let body = answer.body_mut().with_config().limit(MAX_ANSWER);
    let text = body.read_to_string().context("the answer is incomplete")?;
    serde_json::from_str(&text).with_context(|| format!("the answer of {url} is not JSON"))
}
