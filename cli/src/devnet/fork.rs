//! The options of forks.

use clap::Args;
use node::ForkOptions;
use node::fork::{CachePlace, Manner};
use std::path::PathBuf;
use std::time::Duration;

/// A chain that goes on from a block of another one.
#[derive(Args, Debug)]
#[command(next_help_heading = "Fork")]
pub(super) struct ForkArgs {
    /// Go on from a block of another chain: what is not here is asked for at this node
    /// (`URL` or `URL@BLOCK`)
    #[arg(short = 'f', long, value_name = "URL", conflicts_with_all = ["setup", "genesis"], env = "EVM_ROLLUP_FORK_URL")]
    fork_url: Option<String>,
    /// The block to go on from [default: the newest]
    #[arg(
        long,
        alias = "fork-block-number",
        value_name = "NUMBER",
        requires = "fork_url",
        env = "EVM_ROLLUP_FORK_BLOCK"
    )]
    fork_block: Option<u64>,
    /// The folder for what the node said [default: evm-rollup/fork in the folder of caches; none for
    /// a node on this machine]
    #[arg(
        long,
        value_name = "DIR",
        requires = "fork_url",
        env = "EVM_ROLLUP_FORK_CACHE"
    )]
    fork_cache: Option<PathBuf>,
    /// Keep what the node said in memory alone
    #[arg(
        long,
        alias = "no-storage-caching",
        requires = "fork_url",
        conflicts_with = "fork_cache",
        env = "EVM_ROLLUP_NO_FORK_CACHE"
    )]
    no_fork_cache: bool,
    /// Retries of a request if the node does not answer, or limits the rate
    #[arg(long, default_value_t = Manner::default().retries, value_name = "COUNT", env = "EVM_ROLLUP_FORK_RETRIES")]
    fork_retries: u32,
    /// The pause before a request is sent again, in milliseconds; it doubles each time, to 10 s
    #[arg(long, default_value_t = 250, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..), env = "EVM_ROLLUP_FORK_RETRY_BACKOFF")]
    fork_retry_backoff: u64,
    /// The time limit of a request, in seconds
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600), env = "EVM_ROLLUP_FORK_TIMEOUT")]
    fork_timeout: u64,
    /// A header of each request, as for a key (`NAME: VALUE`); may be given several times
    #[arg(long, value_name = "HEADER", value_parser = header, env = "EVM_ROLLUP_FORK_HEADER")]
    fork_header: Vec<(String, String)>,
}

impl ForkArgs {
    /// The chain to fork, if one is named.
    pub(super) fn options(&self) -> anyhow::Result<Option<ForkOptions>> {
        let Some(url) = &self.fork_url else {
            return Ok(None);
        };
        let options = ForkOptions::parse(url, self.fork_block);
        let options = options.map_err(|error| anyhow::anyhow!("--fork-url: {error}"))?;
        node::tls::check()?;
        Ok(Some(ForkOptions {
            manner: Manner {
                retries: self.fork_retries,
                backoff: Duration::from_millis(self.fork_retry_backoff),
                timeout: Duration::from_secs(self.fork_timeout),
                headers: self.fork_header.clone(),
            },
            cache: match &self.fork_cache {
                Some(folder) => CachePlace::Folder(folder.clone()),
                None if self.no_fork_cache => CachePlace::Memory,
                None => CachePlace::Default,
            },
            ..options
        }))
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `NAME: VALUE`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
