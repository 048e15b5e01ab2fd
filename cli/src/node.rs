//! `evm-rollup node`: an Ethereum node in front of a rollup that a rollup node of Octez runs.

use crate::address::Sr1;
use crate::devnet::{Lines, STOP_TIME, connections, log_lines, post, signals};
use crate::files;
use anyhow::Context;
use clap::Args;
use node::Post;
use node::follower::{self, FollowError, Origin, StartError};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The options of `node`.
#[derive(Args, Debug)]
pub(crate) struct NodeArgs {
    /// The URL of the rollup node
    #[arg(long, value_name = "URL", env = "ROLLUP_NODE", value_parser = url)]
    rollup_node: String,
    /// The rollup's address: a rollup node of another rollup is refused
    #[arg(long, value_name = "sr1…", value_parser = rollup)]
    rollup: Option<String>,
    /// What was originated, a kernel or its installer (binary or in hex): every level since the
    /// origination is run
    #[arg(
        long,
        value_name = "FILE",
        requires = "origination_level",
        required_unless_present = "from_storage"
    )]
    kernel: Option<PathBuf>,
    /// The level of the rollup's origination
    #[arg(long, value_name = "LEVEL")]
    origination_level: Option<u32>,
    /// Start from a copy of the rollup node's durable storage at the last final level, which is
    /// trusted; blocks from before are there as far as the kernel keeps them
    #[arg(long, conflicts_with = "kernel")]
    from_storage: bool,
    /// The folder of preimage pages that the kernel may reveal (the `wasm_2_0_0` folder of a rollup
    /// node's data)
    #[arg(long, value_name = "DIR", value_parser = files::folder)]
    preimages: Option<PathBuf>,
    /// Compare every so many levels with what the rollup node has
    #[arg(long, default_value_t = 1, value_name = "LEVELS", value_parser = clap::value_parser!(u32).range(1..))]
    verify_every: u32,
    /// The address to listen at
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen at; 0 for any free port
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// How transactions are posted: `batches` (several in one message, in few bytes) or `raw` (each by
    /// itself)
    #[arg(long, default_value = "batches", value_name = "batches|raw", value_parser = post)]
    post: Post,
    /// The CORS origin that may call, such as http://localhost:3000; `*` for any
    #[arg(long, default_value = "*", value_name = "ORIGIN")]
    cors: String,
    /// The number of blocks whose states are kept; older ones are not there to call or trace
    #[arg(long, default_value_t = node::devnet::KEEP_STATES, value_name = "BLOCKS")]
    keep_states: u64,
    /// The folder of its store: blocks, states, what waits and where the node is are there again at
    /// the next start [default: nothing is kept, and the levels are run again]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print each line of the log as a JSON object
    #[arg(long)]
    json: bool,
    /// Print errors only
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Also print the kernel's log
    #[arg(short, long)]
    verbose: bool,
}

/// The exit code if this node and the rollup node differ.
const DISAGREES: u8 = 3;

/// How often the start looks whether it is told to stop.
const TURN: Duration = Duration::from_millis(100);

/// Runs until interrupted, or until the rollup can no longer be followed.
pub(crate) fn run(args: &NodeArgs) -> anyhow::Result<ExitCode> {
    // Written by a thread of its own: the node does not wait for who reads.
    let (writer, _flushed) = tracing_appender::non_blocking(std::io::stdout());
    log_lines(
        Lines { json: args.json },
        (args.quiet, args.verbose),
        writer,
    );
    if !args.host.is_loopback() {
        tracing::warn!(
            "listening at {}: put a proxy in front that bounds what each client may ask",
            args.host
        );
    }
    let options = options(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(serve(options));
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

fn options(args: &NodeArgs) -> anyhow::Result<follower::Options> {
    let origin = match (&args.kernel, args.origination_level) {
        (Some(kernel), Some(level)) => Origin::Genesis {
            kernel: files::module(kernel)?,
            level,
        },
        (_, level) => Origin::Storage { level },
    };
    Ok(follower::Options {
        rollup: args.rollup.clone(),
        host: args.host,
        port: args.port,
        post: args.post,
        cors: args.cors.clone(),
        preimages: args.preimages.clone(),
        verify_every: args.verify_every,
        connections: connections(),
        keep_states: args.keep_states,
        data_dir: args.data_dir.clone(),
        ..follower::Options::new(args.rollup_node.clone(), origin)
    })
}

async fn serve(options: follower::Options) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    let (signal, signalled) = (signals(STOP_TIME)?, Arc::clone(&stop));
    tokio::spawn(async move {
        let _ = signal.await;
        signalled.store(true, Ordering::Relaxed);
    });
    let mut node = match follower::start(options, Arc::clone(&stop)).await {
        Ok(node) => node,
        Err(StartError::Stopped) => return Ok(ExitCode::SUCCESS),
        Err(StartError::Follow(error @ FollowError::Disagrees { .. })) => {
            eprintln!(
                "error: {error}\nkernel, pages or origination level are not those of this rollup"
            );
            return Ok(ExitCode::from(DISAGREES));
        }
        Err(error) => return Err(error.into()),
    };
    tracing::info!("listening at {}", node.url());
    tokio::select! {
        () = node.finished() => {}
        () = told(&stop) => {}
    }
    let ended = tokio::task::spawn_blocking(move || node.stop()).await;
    match ended.context("the machine's thread ended badly")? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // It has been logged.
        Err(FollowError::Disagrees { .. }) => Ok(ExitCode::from(DISAGREES)),
        Err(_) => Ok(ExitCode::from(crate::FOUND_WRONG)),
    }
}

/// Resolves once it is told to stop.
async fn told(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(TURN).await;
    }
}

/// The address of a rollup, as it is written.
fn rollup(text: &str) -> Result<String, String> {
    text.parse::<Sr1>().map(|_| text.to_owned())
}

/// A URL of HTTP.
fn url(text: &str) -> Result<String, String> {
    match text.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(text.into()),
        _ if text.starts_with("https://") => Err(
            "only http:// is spoken: put the rollup node or a tunnel to it on this machine".into(),
        ),
        _ => Err("expected http://HOST:PORT".into()),
    }
}
